/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_KEPT_MAP_H
#define LOADER_KEPT_MAP_H

#include <stdint.h>

/* A table of the agent's in the kernel's memory: a pinned hash that no BPF program reads. */
struct kept_map {
	const char *name;
	uint32_t key_size, value_size, max_entries;
	const char *loss; /* what is lost without it, for the log: "names of pods are forgotten" */
};

/** kept_map_open() - take over the pin in @bpf_dir, whatever version of the data plane's layout it
 * is named after, or make the map. Its descriptor; -1 when there is none, said in the log. */
int kept_map_open(const char *bpf_dir, const struct kept_map *map);

/** kept_map_restore_pin() - pin map @fd (-1: none) as @name again when somebody removed the pin
 * from @bpf_dir. 1 when it did so, 0 when there was nothing to do, or -errno. */
int kept_map_restore_pin(const char *bpf_dir, const char *name, int fd);

#endif /* LOADER_KEPT_MAP_H */
