/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_PLUGIN_VERSION_H
#define LOADER_PLUGIN_VERSION_H

#include <stdbool.h>
#include <stddef.h>

struct event_loop;

/*
 * Which versions of CNI another plugin's program knows, asked of the program itself (SPEC 1.1.0,
 * VERSION). It runs without any capability, at most PLUGIN_ANSWER_MS, and nobody waits for it.
 */
struct plugin_version;

#define PLUGIN_ANSWER_MS     5000
#define PLUGIN_ANSWER_OCTETS 4096

typedef void plugin_version_fn(void *arg);

/** plugin_version_new() - nothing is known yet; @answered is called when that changes. 0 or
 * -ENOMEM.
 */
int plugin_version_new(struct event_loop *loop, plugin_version_fn *answered, void *arg,
		       struct plugin_version **ret);
void plugin_version_free(struct plugin_version *plugin); /* NULL is fine */
/** plugin_version_ask() - the program at @path, unless this file has answered already. */
void plugin_version_ask(struct plugin_version *plugin, const char *path);
/** plugin_version_knows_1_1() - has it said that it knows 1.0.0 and 1.1.0? NULL: no. */
bool plugin_version_knows_1_1(const struct plugin_version *plugin);

/** plugin_version_read() - does the answer @text of @len octets name both versions? Pure. */
bool plugin_version_read(const char *text, size_t len);

#endif /* LOADER_PLUGIN_VERSION_H */
