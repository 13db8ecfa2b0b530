/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dataplane_maps.c: typed reading and writing of map elements, the only place that does.
 *
 * The agent is the sole writer of endpoint, ep_slot, route, settings and generation; programs count
 * in ep_counter and drop_counter and write drop_event and explain_trace. Keys and values are copied
 * whole, their padding zeroed by whoever made them (the layout has it explicit).
 *
 * A walk first copies the keys: the kernel's "next key" starts again from the beginning when the
 * key in hand was deleted, so a callback that deletes would loop.
 *
 * The programs remember what endpoint, route and settings told them, under the number in map
 * generation (bpf/decision.h): each change here raises it, so that they ask again; many changes at
 * once hold it until they are made.
 *
 * Deleting what is not there is success: after a crash nobody knows which half was done.
 */
#include "loader/dataplane.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "loader/dataplane_internal.h"

static int map_fd(const struct dataplane *dataplane, enum dataplane_map_id id)
{
	return dataplane->known_fd[id];
}

/* Maps whose answers the programs remember. */
static bool is_remembered(enum dataplane_map_id id)
{
	return id == MAP_ENDPOINT || id == MAP_ROUTE || id == MAP_SETTINGS;
}

static int raise_generation(struct dataplane *dataplane)
{
	const uint32_t key = 0;

	dataplane->must_raise = dataplane->holds_generation;
	if (dataplane->holds_generation)
		return 0;
	dataplane->generation++;
	if (!dataplane->generation) /* 0 would switch remembering off */
		dataplane->generation++;
	if (bpf_map_update_elem(map_fd(dataplane, MAP_GENERATION), &key, &dataplane->generation,
				BPF_ANY) < 0)
		return -errno;
	return 0;
}

void dataplane_hold_generation(struct dataplane *dataplane)
{
	dataplane->holds_generation = true;
}

int dataplane_release_generation(struct dataplane *dataplane)
{
	dataplane->holds_generation = false;
	return dataplane->must_raise ? raise_generation(dataplane) : 0;
}

static int set_element(struct dataplane *dataplane, enum dataplane_map_id id, const void *key,
		       const void *value)
{
	if (bpf_map_update_elem(map_fd(dataplane, id), key, value, BPF_ANY) < 0)
		return -errno;
	return is_remembered(id) ? raise_generation(dataplane) : 0;
}

static int delete_element(struct dataplane *dataplane, enum dataplane_map_id id, const void *key)
{
	if (bpf_map_delete_elem(map_fd(dataplane, id), key) < 0)
		return errno == ENOENT ? 0 : -errno;
	return is_remembered(id) ? raise_generation(dataplane) : 0;
}

static int get_element(const struct dataplane *dataplane, enum dataplane_map_id id, const void *key,
		       void *ret_value)
{
	return bpf_map_lookup_elem(map_fd(dataplane, id), key, ret_value) < 0 ? -errno : 0;
}

/* All keys of a map as one array; *ret_keys is the caller's to free. Returns their number. */
static long copy_keys(int fd, size_t key_size, size_t max, void **ret_keys)
{
	char *keys = malloc(max * key_size);
	size_t count = 0;
	void *previous = NULL;

	if (!keys)
		return -ENOMEM;
	while (count < max && bpf_map_get_next_key(fd, previous, keys + count * key_size) == 0) {
		previous = keys + count * key_size;
		count++;
	}
	*ret_keys = keys;
	return (long)count;
}

static size_t map_max(const struct dataplane *dataplane, enum dataplane_map_id id)
{
	for (size_t i = 0; i < dataplane->map_count; i++)
		if (dataplane->map[i].fd == map_fd(dataplane, id))
			return dataplane->map[i].max_entries;
	return 0;
}

int dataplane_set_endpoint(struct dataplane *dataplane, const struct ip_addr *addr,
			   const struct endpoint_value *value)
{
	return set_element(dataplane, MAP_ENDPOINT, addr, value);
}

int dataplane_delete_endpoint(struct dataplane *dataplane, const struct ip_addr *addr)
{
	return delete_element(dataplane, MAP_ENDPOINT, addr);
}

int dataplane_get_endpoint(struct dataplane *dataplane, const struct ip_addr *addr,
			   struct endpoint_value *ret_value)
{
	return get_element(dataplane, MAP_ENDPOINT, addr, ret_value);
}

int dataplane_for_each_endpoint(struct dataplane *dataplane, dataplane_endpoint_fn *fn, void *arg)
{
	void *copy = NULL;
	long count = copy_keys(map_fd(dataplane, MAP_ENDPOINT), sizeof(struct ip_addr),
			       map_max(dataplane, MAP_ENDPOINT), &copy);
	const struct ip_addr *key = copy;
	int result = 0;

	if (count < 0)
		return (int)count;
	for (long i = 0; i < count && !result; i++) {
		struct endpoint_value value;

		if (get_element(dataplane, MAP_ENDPOINT, &key[i], &value) == 0)
			result = fn(&key[i], &value, arg);
	}
	free(copy);
	return result;
}

int dataplane_set_route(struct dataplane *dataplane, const struct ip_prefix *prefix,
			const struct route_value *value)
{
	return set_element(dataplane, MAP_ROUTE, prefix, value);
}

int dataplane_delete_route(struct dataplane *dataplane, const struct ip_prefix *prefix)
{
	return delete_element(dataplane, MAP_ROUTE, prefix);
}

int dataplane_for_each_route(struct dataplane *dataplane, dataplane_route_fn *fn, void *arg)
{
	void *copy = NULL;
	long count = copy_keys(map_fd(dataplane, MAP_ROUTE), sizeof(struct ip_prefix),
			       map_max(dataplane, MAP_ROUTE), &copy);
	const struct ip_prefix *key = copy;
	int result = 0;

	if (count < 0)
		return (int)count;
	for (long i = 0; i < count && !result; i++) {
		struct route_value value;

		if (get_element(dataplane, MAP_ROUTE, &key[i], &value) == 0)
			result = fn(&key[i], &value, arg);
	}
	free(copy);
	return result;
}

int dataplane_set_settings(struct dataplane *dataplane, const struct dataplane_settings *settings)
{
	uint32_t key = 0;

	return set_element(dataplane, MAP_SETTINGS, &key, settings);
}

int dataplane_generation_init(struct dataplane *dataplane)
{
	const uint32_t key = 0;
	int err = get_element(dataplane, MAP_GENERATION, &key, &dataplane->generation);

	if (err)
		return err;
	/* A new map beside what programs remember under older numbers: begin anywhere but there. */
	if (!dataplane->generation &&
	    getrandom(&dataplane->generation, sizeof(dataplane->generation), 0) < 0)
		return -errno;
	return raise_generation(dataplane);
}

int dataplane_counters_init(struct dataplane *dataplane)
{
	uint32_t count = (uint32_t)map_max(dataplane, MAP_EP_COUNTER);
	void *copy = NULL;
	const uint32_t *ifindex;
	long pods;

	dataplane->counter_taken = calloc(count, sizeof(*dataplane->counter_taken));
	if (!dataplane->counter_taken)
		return -ENOMEM;
	dataplane->counter_count = count;
	pods = copy_keys(map_fd(dataplane, MAP_EP_SLOT), sizeof(*ifindex),
			 map_max(dataplane, MAP_EP_SLOT), &copy);
	ifindex = copy;
	for (long i = 0; i < pods; i++) {
		uint32_t number;

		if (get_element(dataplane, MAP_EP_SLOT, &ifindex[i], &number) < 0)
			continue;
		/* The map has become smaller, or somebody wrote into it: a new number then. */
		if (number == 0 || number >= count || dataplane->counter_taken[number])
			delete_element(dataplane, MAP_EP_SLOT, &ifindex[i]);
		else
			dataplane->counter_taken[number] = true;
	}
	free(copy);
	return pods < 0 ? (int)pods : 0;
}

/*
 * The first free number behind the one given away last, 0 when there is none: a program that still
 * counts for the owner before must not do so for the new one.
 */
static uint32_t free_counter(const struct dataplane *dataplane)
{
	uint32_t number = dataplane->counter_last;

	for (uint32_t i = 0; i < dataplane->counter_count; i++) {
		number = (number + 1) % dataplane->counter_count;
		if (number != 0 && !dataplane->counter_taken[number])
			return number;
	}
	return 0;
}

int dataplane_create_counter(struct dataplane *dataplane, uint32_t ifindex, uint32_t *ret_number)
{
	struct endpoint_counter *zero;
	uint32_t number;
	int err;

	err = get_element(dataplane, MAP_EP_SLOT, &ifindex, ret_number);
	if (err != -ENOENT)
		return err;
	number = free_counter(dataplane);
	if (number == 0)
		return -ENOSPC;
	zero = calloc(dataplane->cpus, sizeof(*zero));
	if (!zero)
		return -ENOMEM;
	err = set_element(dataplane, MAP_EP_COUNTER, &number, zero);
	free(zero);
	if (!err)
		err = set_element(dataplane, MAP_EP_SLOT, &ifindex, &number);
	if (err)
		return err;
	dataplane->counter_taken[number] = true;
	dataplane->counter_last = number;
	*ret_number = number;
	return 0;
}

int dataplane_for_each_counter(struct dataplane *dataplane, dataplane_counter_fn *fn, void *arg)
{
	void *copy = NULL;
	long count = copy_keys(map_fd(dataplane, MAP_EP_SLOT), sizeof(uint32_t),
			       map_max(dataplane, MAP_EP_SLOT), &copy);
	const uint32_t *ifindex = copy;
	int result = 0;

	if (count < 0)
		return (int)count;
	for (long i = 0; i < count && !result; i++)
		result = fn(ifindex[i], arg);
	free(copy);
	return result;
}

int dataplane_delete_counter(struct dataplane *dataplane, uint32_t ifindex)
{
	uint32_t number;
	int err = get_element(dataplane, MAP_EP_SLOT, &ifindex, &number);

	if (!err)
		err = delete_element(dataplane, MAP_EP_SLOT, &ifindex);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (number < dataplane->counter_count)
		dataplane->counter_taken[number] = false;
	return 0;
}

int dataplane_read_counter(struct dataplane *dataplane, uint32_t ifindex,
			   struct endpoint_counter *ret_sum)
{
	struct endpoint_counter *value = calloc(dataplane->cpus, sizeof(*value));
	struct endpoint_counter sum = { 0 };
	uint32_t number;
	int err;

	if (!value)
		return -ENOMEM;
	err = get_element(dataplane, MAP_EP_SLOT, &ifindex, &number);
	if (!err)
		err = get_element(dataplane, MAP_EP_COUNTER, &number, value);
	for (unsigned int cpu = 0; !err && cpu < dataplane->cpus; cpu++) {
		sum.tx_packets += value[cpu].tx_packets;
		sum.tx_octets += value[cpu].tx_octets;
		sum.rx_packets += value[cpu].rx_packets;
		sum.rx_octets += value[cpu].rx_octets;
	}
	free(value);
	if (!err)
		*ret_sum = sum;
	return err;
}

int dataplane_read_drops(struct dataplane *dataplane, uint64_t ret_counts[DROP_REASON_COUNT])
{
	uint64_t *value = calloc(dataplane->cpus, sizeof(*value));
	int err = 0;

	if (!value)
		return -ENOMEM;
	memset(ret_counts, 0, DROP_REASON_COUNT * sizeof(ret_counts[0]));
	for (uint32_t reason = 0; reason < DROP_REASON_COUNT && !err; reason++) {
		err = get_element(dataplane, MAP_DROP_COUNTER, &reason, value);
		for (unsigned int cpu = 0; !err && cpu < dataplane->cpus; cpu++)
			ret_counts[reason] += value[cpu];
	}
	free(value);
	return err;
}

int dataplane_take_trace(struct dataplane *dataplane, struct explain_trace *ret_trace)
{
	const struct explain_trace empty = { 0 };
	uint32_t key = 0;
	int err = get_element(dataplane, MAP_EXPLAIN_TRACE, &key, ret_trace);

	return err ? err : set_element(dataplane, MAP_EXPLAIN_TRACE, &key, &empty);
}
