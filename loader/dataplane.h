/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_DATAPLANE_H
#define LOADER_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane_abi.h"

struct config;

/*
 * The loaded BPF object: opens the skeleton, sets .rodata and map sizes, takes over pinned maps of
 * the same layout or copies those of another, loads, pins under NAME_vVERSION, and loads the
 * dry-run copy. dataplane_maps.c is the only caller that writes map elements.
 */
struct dataplane;

enum dataplane_program {
	PROGRAM_FROM_POD,
	PROGRAM_TO_POD,
	PROGRAM_FROM_NETWORK,
	PROGRAM_TO_NETWORK, /* attached only with kube-proxy beside us */
	PROGRAM_COUNT,
};

/** dataplane_open() - needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON. 0 or -errno (said in the log). Old
 * pins of other layouts stay until dataplane_drop_old_pins(). */
int dataplane_open(const struct config *config, const char *bpf_dir,
		   struct dataplane **ret_dataplane);
/** dataplane_drop_old_pins() - after all hooks run the new programs: last copy of maps that
 * programs write, remove old pins. */
int dataplane_drop_old_pins(struct dataplane *dataplane);
/** dataplane_restore_pins() - pin again what somebody removed from @bpf_dir. Returns how many, or
 * -errno. */
int dataplane_restore_pins(struct dataplane *dataplane);
/** dataplane_close() - close descriptors; pins, maps and attached programs stay and go on
 * forwarding. */
void dataplane_close(struct dataplane *dataplane);

int dataplane_dry_run_fd(const struct dataplane *dataplane, enum dataplane_program program);
uint32_t dataplane_program_id(const struct dataplane *dataplane, enum dataplane_program program);
const char *dataplane_program_name(enum dataplane_program program); /* "from_pod" */
int dataplane_drop_event_fd(const struct dataplane *dataplane);	    /* map fd of the ring buffer */
uint64_t dataplane_map_octets(const struct dataplane *dataplane);   /* computed kernel memory */

/** dataplane_is_beside() - were the programs loaded for kube-proxy beside us? */
bool dataplane_is_beside(const struct dataplane *dataplane);

/* All: 0 or -errno; deleting what is not there is 0. Values are copied. */
int dataplane_set_endpoint(struct dataplane *dataplane, const struct ip_addr *addr,
			   const struct endpoint_value *value);
int dataplane_delete_endpoint(struct dataplane *dataplane, const struct ip_addr *addr);
int dataplane_get_endpoint(struct dataplane *dataplane, const struct ip_addr *addr,
			   struct endpoint_value *ret_value);
typedef int dataplane_endpoint_fn(const struct ip_addr *addr, const struct endpoint_value *value,
				  void *arg);
/** Walk a copy of the keys, so that @fn may delete; a non-zero answer of @fn ends the walk and is
 * returned. */
int dataplane_for_each_endpoint(struct dataplane *dataplane, dataplane_endpoint_fn *fn, void *arg);

int dataplane_set_route(struct dataplane *dataplane, const struct ip_prefix *prefix,
			const struct route_value *value);
int dataplane_delete_route(struct dataplane *dataplane, const struct ip_prefix *prefix);
typedef int dataplane_route_fn(const struct ip_prefix *prefix, const struct route_value *value,
			       void *arg);
int dataplane_for_each_route(struct dataplane *dataplane, dataplane_route_fn *fn, void *arg);
int dataplane_set_settings(struct dataplane *dataplane, const struct dataplane_settings *settings);

/** dataplane_hop_groups() - the HOP_GROUPS elements of map hop_group, mapped for as long as
 * @dataplane is open: the programs read while the agent writes. Borrowed. */
struct hop_group *dataplane_hop_groups(struct dataplane *dataplane);
/** dataplane_write_hop_group() - make *@to what *@from says, a word at a time. How many words
 * differed. */
unsigned int dataplane_write_hop_group(struct hop_group *to, const struct hop_group *from);

/** dataplane_hold_generation() - many changes follow: what programs remember is not made void by
 * each, but by dataplane_release_generation() for all of them. 0 or -errno. */
void dataplane_hold_generation(struct dataplane *dataplane);
int dataplane_release_generation(struct dataplane *dataplane);

/** dataplane_create_counter() - a number in ep_counter for the pod at @ifindex, its counts zero;
 * the one it has already is kept with its counts. -ENOSPC when all are taken. */
int dataplane_create_counter(struct dataplane *dataplane, uint32_t ifindex, uint32_t *ret_number);
/** dataplane_delete_counter() - after the last endpoint entry with its number is gone. */
typedef int dataplane_counter_fn(uint32_t ifindex, void *arg);
/** As dataplane_for_each_endpoint(), for the links that have a counter. */
int dataplane_for_each_counter(struct dataplane *dataplane, dataplane_counter_fn *fn, void *arg);
int dataplane_delete_counter(struct dataplane *dataplane, uint32_t ifindex);
int dataplane_read_counter(struct dataplane *dataplane, uint32_t ifindex,
			   struct endpoint_counter *ret_sum);
int dataplane_read_drops(struct dataplane *dataplane, uint64_t ret_counts[DROP_REASON_COUNT]);
int dataplane_take_trace(struct dataplane *dataplane,
			 struct explain_trace *ret_trace); /* read and clear */

/* --- the host stack's flows (dataplane_flows.c); only where dataplane_is_beside() --- */

/** dataplane_flows_are_new() - has no agent filled the maps of flows since they exist? */
bool dataplane_flows_are_new(const struct dataplane *dataplane);
/** dataplane_flows_settle() - all that the stack carried before is in them. 0 or -errno. */
int dataplane_flows_settle(struct dataplane *dataplane);
/** dataplane_add_flows() - write @count flows. 0 or -errno. */
int dataplane_add_flows(struct dataplane *dataplane, const struct flow_key *keys, size_t count);
/** dataplane_renew_filter() - make the filter of flows anew, without the bits of those that are
 * gone. 0 or -errno. */
int dataplane_renew_filter(struct dataplane *dataplane);
/** dataplane_count_recorded() - flows that the programs recorded since the maps exist. */
int dataplane_count_recorded(struct dataplane *dataplane, uint64_t ret_counts[STACK_MAP_COUNT]);
/** dataplane_count_flows() - flows that are in the maps now. */
int dataplane_count_flows(struct dataplane *dataplane, uint64_t ret_counts[STACK_MAP_COUNT]);

#endif /* LOADER_DATAPLANE_H */
