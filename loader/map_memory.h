/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_MAP_MEMORY_H
#define LOADER_MAP_MEMORY_H

#include <stdint.h>

struct map_shape {
	uint32_t type; /* enum bpf_map_type */
	uint32_t key_size, value_size, max_entries;
	uint32_t flags; /* BPF_F_*: one that can be mapped has whole pages */
};

/** map_memory_octets() - kernel memory of a preallocated map of @shape on a machine with @cpus
 * possible CPUs. Pure. */
uint64_t map_memory_octets(const struct map_shape *shape, unsigned int cpus);

#endif /* LOADER_MAP_MEMORY_H */
