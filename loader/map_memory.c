/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map_memory.c: what a BPF map costs in kernel memory, computed.
 *
 * Everything is preallocated, so the cost follows from type, sizes and the number of possible CPUs
 * alone, and a machine with 256 CPUs can be judged on one with two. The rules are the kernel's
 * (kernel/bpf/hashtab.c, arraymap.c, ringbuf.c: htab_map_mem_usage() and its like): a hash element
 * has a 48-octet head (LRU ones too), key and value rounded to 8; a bucket has 16 octets and their
 * number is a power of two; a shared hash keeps one spare element per CPU, a per-CPU one keeps a
 * pointer and a value per CPU instead; a ring buffer has its data pages and the consumer, producer
 * and head pages.
 *
 * On kernels that report it (6.4 and later) the sum equals the "memlock" line of the map's fdinfo.
 */
#include "loader/map_memory.h"

#include <linux/bpf.h>

#define MAP_HEAD      384u /* struct bpf_htab, bpf_array: rounded up */
#define ELEMENT_HEAD  48u  /* struct htab_elem */
#define BUCKET_OCTETS 16u
#define PAGE_OCTETS   4096u
#define RINGBUF_PAGES 3u

static uint64_t round_up_8(uint64_t value)
{
	return (value + 7) & ~7ull;
}

static uint64_t round_up_page(uint64_t value)
{
	return (value + PAGE_OCTETS - 1) / PAGE_OCTETS * PAGE_OCTETS;
}

static uint64_t round_up_power(uint64_t value)
{
	uint64_t power = 1;

	while (power < value)
		power <<= 1;
	return power;
}

static uint64_t hash_octets(const struct map_shape *shape, unsigned int cpus)
{
	uint64_t value = round_up_8(shape->value_size);
	uint64_t key = round_up_8(shape->key_size);
	uint64_t entries = shape->max_entries;
	uint64_t octets = round_up_power(entries) * BUCKET_OCTETS;

	if (shape->type == BPF_MAP_TYPE_PERCPU_HASH)
		return octets + entries * (ELEMENT_HEAD + key + 8 + value * cpus);
	if (shape->type == BPF_MAP_TYPE_HASH)
		entries += cpus;
	return octets + entries * (ELEMENT_HEAD + key + value);
}

uint64_t map_memory_octets(const struct map_shape *shape, unsigned int cpus)
{
	uint64_t value = round_up_8(shape->value_size);

	switch (shape->type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
		return MAP_HEAD + hash_octets(shape, cpus);
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return MAP_HEAD + (uint64_t)shape->max_entries * (8 + value * cpus);
	case BPF_MAP_TYPE_RINGBUF:
		return MAP_HEAD + shape->max_entries + (uint64_t)RINGBUF_PAGES * PAGE_OCTETS;
	default:
		if (shape->flags & BPF_F_MMAPABLE) /* elements in pages of their own */
			return PAGE_OCTETS + round_up_page(shape->max_entries * value);
		return MAP_HEAD + shape->max_entries * value;
	}
}
