/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_HOP_GROUPS_H
#define LOADER_HOP_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane_abi.h"
#include "lib/event_loop.h"
#include "loader/hop_set.h"

struct agent;
struct hop_objects;
struct nlmsghdr;

/*
 * Sets of several next hops in force: as groups in map hop_group, and in the kernel
 * (hop_objects.c). A next hop whose uplink is down or that does not answer leaves both at once, and
 * comes back when it answers; no route changes for that.
 */
struct hop_groups {
	struct agent *agent;
	struct hop_sets *sets; /* borrowed */
	struct hop_group *map; /* the elements of map hop_group, borrowed */
	struct hop_set *owner[HOP_GROUPS];
	uint32_t last_number; /* given away last */
	bool is_full;	      /* told */
	struct hop_objects *objects;
	struct event_timer ask; /* for next hops that have not answered yet */
};

/** hop_groups_init() - @sets get what map and kernel hold from before, without users. 0 or -errno.
 */
int hop_groups_init(struct hop_groups *groups, struct agent *agent, struct hop_sets *sets);
/** hop_groups_fini() - map and kernel keep what they have. */
void hop_groups_fini(struct hop_groups *groups);
/** hop_groups_set_of_number() - what map hop_group has under a number; NULL: nothing of ours. */
struct hop_set *hop_groups_set_of_number(struct hop_groups *groups, uint32_t number);

/** hop_groups_resolve() - find the uplinks of a set's next hops. */
void hop_groups_resolve(struct hop_groups *groups, struct hop_set *set);
/** hop_groups_number() - the set's number in map hop_group, given now if it has none. 0: there is
 * no room. */
uint32_t hop_groups_number(struct hop_groups *groups, struct hop_set *set);
/** hop_groups_uplinks_changed() - resolve all, and bring it into force. */
void hop_groups_uplinks_changed(struct hop_groups *groups);
/** hop_groups_heard() - a notification of the kernel, perhaps about a next hop. */
void hop_groups_heard(struct hop_groups *groups, const struct nlmsghdr *header);
/** hop_groups_audit_map() - put right what map hop_group has; how many groups were wrong. */
size_t hop_groups_audit_map(struct hop_groups *groups);
/** hop_groups_collect() - let go of sets that nobody uses. */
void hop_groups_collect(struct hop_groups *groups);

/** hop_set_mtu() - the smallest of the usable next hops, 0: none is. */
uint32_t hop_set_mtu(const struct hop_set *set);
/** hop_set_usable() - bits of the usable ones, by their place. */
uint32_t hop_set_usable(const struct hop_set *set);
/** hop_set_is_for_map() - are the uplinks of all of them Ethernet? */
bool hop_set_is_for_map(const struct hop_set *set);
/** hop_set_has_uplink() - is any on an uplink's subnet, up or down? */
bool hop_set_has_uplink(const struct hop_set *set);

#endif /* LOADER_HOP_GROUPS_H */
