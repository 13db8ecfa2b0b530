/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_POD_NAMES_H
#define LOADER_POD_NAMES_H

#include <stdint.h>

struct endpoint;
struct pod_names;

/*
 * Names of pods, for people: they are on no link, so a pinned map keeps them over a restart of the
 * agent. They may be lost; nothing depends on them.
 */

/** pod_names_open() - take over or make the pinned map in @bpf_dir, for about @max pods. Never
 * fails: without a map names are forgotten at the next start (said in the log). NULL: no memory. */
struct pod_names *pod_names_open(const char *bpf_dir, uint32_t max);
void pod_names_close(struct pod_names *names); /* the map stays; NULL is fine */
/** pod_names_restore_pin() - as kept_map_restore_pin(). */
int pod_names_restore_pin(const struct pod_names *names, const char *bpf_dir);
void pod_names_set(struct pod_names *names, const struct endpoint *endpoint);
/** pod_names_get() - fill pod_name, pod_namespace and network of @endpoint, by its host_ifname. */
void pod_names_get(struct pod_names *names, struct endpoint *endpoint);
void pod_names_delete(struct pod_names *names, const char *host_ifname);
typedef int pod_names_fn(const char *host_ifname, void *arg);
/** pod_names_prune() - delete the names for which @is_wanted answers 0. */
void pod_names_prune(struct pod_names *names, pod_names_fn *is_wanted, void *arg);

#endif /* LOADER_POD_NAMES_H */
