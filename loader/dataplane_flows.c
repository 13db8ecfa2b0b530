/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dataplane_flows.c: the maps of the host stack's flows, and their filter.
 *
 * The programs write flows and set their bits; nothing ever takes a bit away, so that the filter
 * would let more and more packets through to a lookup in the end. Hence it is made anew now and
 * then, while packets run: the bitmap that is not active is cleared, the flows that are there are
 * put into it, and it becomes the active one. The programs set every bit in both, after the flow is
 * in its map: so a flow is either found by the walk, or its bit comes after the clearing.
 *
 * The walk takes a batch of whole hash buckets at a time: no flow that stays is missed, whatever
 * comes and goes meanwhile.
 *
 * New maps lack what the stack carried before (stack_flows.c reads it). That this is done stands in
 * the filter's map: the maps are pinned before, and an agent that is killed in between leaves them
 * to one that finds them there and must still do it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/in.h>

#include "loader/dataplane_internal.h"
#include "loader/flow_key.h"

#define BATCH	      1024 /* flows a system call; a bucket holds one or two */
#define PAGE_OCTETS   4096u
#define FILTER_OCTETS ((sizeof(struct stack_filter) + PAGE_OCTETS - 1) / PAGE_OCTETS * PAGE_OCTETS)

/* What one bitmap and the count of a walk are about. */
struct flow_walk {
	__u64 *bits; /* NULL: only count */
	uint64_t count;
};

static struct stack_filter *map_filter(const struct dataplane *dataplane)
{
	void *filter = mmap(NULL, FILTER_OCTETS, PROT_READ | PROT_WRITE, MAP_SHARED,
			    dataplane->known_fd[MAP_STACK_FILTER], 0);

	return filter == MAP_FAILED ? NULL : filter;
}

static void unmap_filter(struct stack_filter *filter)
{
	munmap(filter, FILTER_OCTETS);
}

/* The programs do the same at the same time. */
static void set_bit(__u64 *bits, uint32_t bit)
{
	__atomic_fetch_or(&bits[bit / 64], 1ull << bit % 64, __ATOMIC_SEQ_CST);
}

static bool is_map_new(const struct dataplane *dataplane, enum dataplane_map_id id)
{
	for (size_t i = 0; i < dataplane->map_count; i++)
		if (dataplane->map[i].fd == dataplane->known_fd[id])
			return !dataplane->map[i].adopted;
	return true;
}

static int set_filled(struct dataplane *dataplane, bool is_filled)
{
	struct stack_filter *filter = map_filter(dataplane);

	if (!filter)
		return -errno;
	__atomic_store_n(&filter->is_filled, is_filled, __ATOMIC_SEQ_CST);
	unmap_filter(filter);
	return 0;
}

int dataplane_flows_begin(struct dataplane *dataplane)
{
	if (!dataplane->is_beside ||
	    (!is_map_new(dataplane, MAP_STACK_TCP) && !is_map_new(dataplane, MAP_STACK_OTHER)))
		return 0;
	return set_filled(dataplane, false);
}

int dataplane_flows_settle(struct dataplane *dataplane)
{
	return set_filled(dataplane, true);
}

bool dataplane_flows_are_new(const struct dataplane *dataplane)
{
	struct stack_filter *filter = map_filter(dataplane);
	bool is_new = !filter || !filter->is_filled;

	if (filter)
		unmap_filter(filter);
	return is_new;
}

static int add_flow(struct dataplane *dataplane, struct stack_filter *filter,
		    const struct flow_key *key, uint32_t now_s)
{
	enum dataplane_map_id id = key->protocol == IPPROTO_TCP ? MAP_STACK_TCP : MAP_STACK_OTHER;
	uint32_t bit = flow_key_bit(key);

	if (bpf_map_update_elem(dataplane->known_fd[id], key, &now_s, BPF_NOEXIST) < 0 &&
	    errno != EEXIST)
		return -errno;
	set_bit(filter->bits[0], bit);
	set_bit(filter->bits[1], bit);
	return 0;
}

int dataplane_add_flows(struct dataplane *dataplane, const struct flow_key *keys, size_t count)
{
	struct stack_filter *filter = map_filter(dataplane);
	struct timespec now = { 0 };
	int err = 0;

	if (!filter)
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &now);
	for (size_t i = 0; i < count && !err; i++)
		err = add_flow(dataplane, filter, &keys[i], (uint32_t)now.tv_sec);
	unmap_filter(filter);
	return err;
}

static int walk_map(int fd, struct flow_walk *walk)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	struct flow_key *keys = malloc(BATCH * sizeof(*keys));
	uint32_t *values = malloc(BATCH * sizeof(*values));
	uint32_t at = 0, *from = NULL, count;
	int err = keys && values ? 0 : -ENOMEM;

	while (!err) {
		count = BATCH;
		if (bpf_map_lookup_batch(fd, from, &at, keys, values, &count, &options) < 0)
			err = -errno;
		if (err && err != -ENOENT)
			break;
		for (uint32_t i = 0; i < count && walk->bits; i++)
			set_bit(walk->bits, flow_key_bit(&keys[i]));
		walk->count += count;
		from = &at;
	}
	free(keys);
	free(values);
	return err == -ENOENT ? 0 : err; /* ENOENT: that was the last bucket */
}

int dataplane_renew_filter(struct dataplane *dataplane)
{
	struct stack_filter *filter = map_filter(dataplane);
	struct flow_walk walk = { 0 };
	uint32_t spare;
	int err;

	if (!filter)
		return -errno;
	spare = !(filter->active & 1);
	walk.bits = filter->bits[spare];
	memset(walk.bits, 0, sizeof(filter->bits[spare]));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	err = walk_map(dataplane->known_fd[MAP_STACK_TCP], &walk);
	if (!err)
		err = walk_map(dataplane->known_fd[MAP_STACK_OTHER], &walk);
	if (!err)
		__atomic_store_n(&filter->active, spare, __ATOMIC_SEQ_CST);
	unmap_filter(filter);
	return err;
}

int dataplane_count_flows(struct dataplane *dataplane, uint64_t ret_counts[STACK_MAP_COUNT])
{
	struct flow_walk tcp = { 0 }, other = { 0 };
	int err = walk_map(dataplane->known_fd[MAP_STACK_TCP], &tcp);

	if (!err)
		err = walk_map(dataplane->known_fd[MAP_STACK_OTHER], &other);
	ret_counts[STACK_TCP] = tcp.count;
	ret_counts[STACK_OTHER] = other.count;
	return err;
}

int dataplane_count_recorded(struct dataplane *dataplane, uint64_t ret_counts[STACK_MAP_COUNT])
{
	uint64_t *values = calloc(dataplane->cpus, sizeof(*values));
	int err = values ? 0 : -ENOMEM;

	for (uint32_t index = 0; index < STACK_MAP_COUNT && !err; index++) {
		ret_counts[index] = 0;
		if (bpf_map_lookup_elem(dataplane->known_fd[MAP_STACK_COUNTER], &index, values) < 0)
			err = -errno;
		for (unsigned int cpu = 0; cpu < dataplane->cpus && !err; cpu++)
			ret_counts[index] += values[cpu];
	}
	free(values);
	return err;
}
