/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hop_groups.c: sets of several next hops as groups in map hop_group.
 *
 * A set gets a number when the first route of it goes into map route, and keeps it until the last
 * one is gone. In between only three things change, each in one word that the programs read for
 * every packet: the link of a next hop, its MTU, and whether it may be used. So a link that fails
 * costs one store for all routes over it, and no route is written.
 *
 * Usable is a next hop on an up uplink that answers (hop_neighbours.c). With none the last ones
 * stay: their packets are lost either way, and nothing has to happen when the link is back. A next
 * hop whose subnet is gone for the moment (addresses are flushed) keeps the uplink that it had, as
 * routes of one next hop do.
 *
 * After a restart the numbers are found in the map: its content says which set each one is. One
 * that no set has at the end of the start is given back. A number rests as long as possible before
 * another set gets it.
 *
 * Left to others: the kernel's groups (hop_objects.c), which routes (route_apply.c).
 */
#include "loader/hop_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/dataplane.h"
#include "loader/hop_neighbours.h"
#include "loader/hop_objects.h"
#include "loader/uplink.h"

_Static_assert(ROUTE_NEXT_HOPS_MAX <= HOP_GROUP_HOPS, "a set fits a group");

#define ASK_MS 1000 /* between two questions to who is silent */

/* --- resolving --- */

static const struct uplink *uplink_by_index(const struct uplinks *uplinks, uint32_t ifindex)
{
	for (size_t i = 0; ifindex != 0 && i < uplinks_count(uplinks); i++)
		if (uplinks_get(uplinks, i)->ifindex == ifindex)
			return uplinks_get(uplinks, i);
	return NULL;
}

void hop_groups_resolve(struct hop_groups *groups, struct hop_set *set)
{
	const struct uplinks *uplinks = groups->agent->uplinks;

	for (uint32_t i = 0; i < set->hops.count; i++) {
		struct hop_member *member = &set->member[i];
		const struct uplink *uplink = uplinks_by_next_hop(uplinks, &set->hops.addr[i]);

		if (uplink == NULL)
			uplink = uplink_by_index(uplinks, member->ifindex);
		member->ifindex = uplink != NULL ? uplink->ifindex : 0;
		member->mtu = uplink != NULL ? uplink->mtu : 0;
		member->is_link_up = uplink != NULL && uplink->is_up;
		member->is_ethernet = uplink != NULL && uplink->is_ethernet;
		if (!member->is_link_up)
			member->is_silent = true; /* until it answers again */
	}
}

uint32_t hop_set_usable(const struct hop_set *set)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < set->hops.count; i++)
		mask |= (uint32_t)hop_member_is_usable(&set->member[i]) << i;
	return mask;
}

bool hop_set_has_uplink(const struct hop_set *set)
{
	for (uint32_t i = 0; i < set->hops.count; i++)
		if (set->member[i].ifindex != 0)
			return true;
	return false;
}

bool hop_set_is_for_map(const struct hop_set *set)
{
	for (uint32_t i = 0; i < set->hops.count; i++)
		if (set->member[i].ifindex != 0 && !set->member[i].is_ethernet)
			return false;
	return true;
}

uint32_t hop_set_mtu(const struct hop_set *set)
{
	uint32_t mtu = 0;

	for (uint32_t i = 0; i < set->hops.count; i++)
		if (hop_member_is_usable(&set->member[i]) && (mtu == 0 || set->member[i].mtu < mtu))
			mtu = set->member[i].mtu;
	return mtu;
}

/* --- the map --- */

/* Every bit of the address in every bit of the number: splitmix64 (Steele, Lea, Flood). */
static uint64_t scramble(uint64_t value)
{
	value += HOP_MULTIPLIER;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	return value ^ value >> 31;
}

static uint64_t seed_of(const struct ip_addr *addr)
{
	uint64_t halves[2];

	memcpy(halves, addr, sizeof(halves));
	return scramble(halves[0] ^ scramble(halves[1]));
}

static struct hop_group group_of(const struct hop_groups *groups, const struct hop_set *set)
{
	const struct hop_group *before = &groups->map[set->map_number];
	struct hop_group group = { .count = set->hops.count, .usable = hop_set_usable(set) };

	if (group.usable == 0 && before->count == group.count)
		group.usable = before->usable;
	for (uint32_t i = 0; i < set->hops.count; i++) {
		group.hop[i] = (struct hop_group_hop){ .addr = set->hops.addr[i],
						       .seed = seed_of(&set->hops.addr[i]),
						       .ifindex = set->member[i].ifindex,
						       .mtu = set->member[i].mtu };
		if (set->member[i].ifindex == 0)
			group.usable &= ~(1u << i);
	}
	return group;
}

static unsigned int write_group(struct hop_groups *groups, const struct hop_set *set)
{
	const struct hop_group group = group_of(groups, set);

	return dataplane_write_hop_group(&groups->map[set->map_number], &group);
}

static void clear_number(struct hop_groups *groups, uint32_t number)
{
	struct hop_group group = groups->map[number];

	group.usable = 0;
	dataplane_write_hop_group(&groups->map[number], &group);
	group = (struct hop_group){ 0 };
	dataplane_write_hop_group(&groups->map[number], &group);
	groups->owner[number] = NULL;
}

uint32_t hop_groups_number(struct hop_groups *groups, struct hop_set *set)
{
	for (uint32_t i = 1; set->map_number == 0 && i < HOP_GROUPS; i++) {
		uint32_t number = 1 + (groups->last_number + i - 1) % (HOP_GROUPS - 1);

		/* What nobody owns and is not empty may be in use by routes from before. */
		if (groups->owner[number] != NULL || groups->map[number].count != 0)
			continue;
		set->map_number = groups->last_number = number;
		groups->owner[number] = set;
		write_group(groups, set);
	}
	if (set->map_number == 0 && !groups->is_full)
		log_error("map hop_group: %d sets of next hops are its limit; routes with further "
			  "ones are in the kernel's table only",
			  HOP_GROUPS - 1);
	groups->is_full = set->map_number == 0;
	return set->map_number;
}

struct hop_set *hop_groups_set_of_number(struct hop_groups *groups, uint32_t number)
{
	return number < HOP_GROUPS ? groups->owner[number] : NULL;
}

/* --- following --- */

/* What the sets are now, into the map and then the kernel: packets wait for the map alone. */
static void bring_into_force(struct hop_groups *groups)
{
	for (struct hop_set *set = groups->sets->by_hops; set != NULL; set = set->hh.next)
		if (set->map_number != 0)
			write_group(groups, set);
	hop_objects_compare(groups->objects);
}

static void ask_later(struct hop_groups *groups, uint64_t delay_ms)
{
	if (hop_neighbours_are_awaited(groups))
		event_timer_set(groups->agent->loop, &groups->ask, delay_ms);
}

static void on_ask(void *arg)
{
	struct hop_groups *groups = arg;

	if (hop_neighbours_ask(groups))
		bring_into_force(groups);
	ask_later(groups, ASK_MS);
}

void hop_groups_heard(struct hop_groups *groups, const struct nlmsghdr *header)
{
	if (!hop_neighbours_heard(groups, header))
		return;
	bring_into_force(groups);
	if (!event_timer_is_armed(&groups->ask))
		ask_later(groups, ASK_MS);
}

void hop_groups_uplinks_changed(struct hop_groups *groups)
{
	for (struct hop_set *set = groups->sets->by_hops; set != NULL; set = set->hh.next)
		if (hop_set_is_group(set))
			hop_groups_resolve(groups, set);
	bring_into_force(groups);
	ask_later(groups, 0);
}

size_t hop_groups_audit_map(struct hop_groups *groups)
{
	size_t wrong = 0;

	for (uint32_t number = 1; number < HOP_GROUPS; number++) {
		if (groups->owner[number] != NULL) {
			wrong += write_group(groups, groups->owner[number]) > 0;
		} else if (groups->map[number].count != 0 || groups->map[number].usable != 0) {
			clear_number(groups, number);
			wrong++;
		}
	}
	return wrong;
}

void hop_groups_collect(struct hop_groups *groups)
{
	struct hop_set *set, *next;

	if (groups->sets->unused == 0)
		return;
	HASH_ITER(hh, groups->sets->by_hops, set, next)
	{
		if (set->users > 0)
			continue;
		if (set->map_number != 0)
			clear_number(groups, set->map_number);
		hop_objects_drop(groups->objects, set);
		hop_sets_free_one(groups->sets, set);
	}
	groups->is_full = false;
}

/* --- start and end --- */

/* The next hops of an element as an agent of ours wrote it; false: of something else. */
static bool read_group(const struct hop_group *group, struct next_hops *ret_hops)
{
	*ret_hops = (struct next_hops){ 0 };
	if (group->count < 2 || group->count > ROUTE_NEXT_HOPS_MAX)
		return false;
	for (uint32_t i = 0; i < group->count; i++) {
		next_hops_add(ret_hops, &group->hop[i].addr);
		if (ret_hops->count != i + 1 ||
		    !ip_addr_equal(&ret_hops->addr[i], &group->hop[i].addr))
			return false;
	}
	return true;
}

static int adopt_number(struct hop_groups *groups, uint32_t number)
{
	struct next_hops hops;
	struct hop_set *set;

	if (!read_group(&groups->map[number], &hops))
		return 0;
	set = hop_sets_find(groups->sets, &hops);
	if (set == NULL)
		return -ENOMEM;
	if (set->map_number != 0)
		return 0;
	set->map_number = number;
	groups->owner[number] = set;
	/* Kept in case that the subnets are gone just now. */
	for (uint32_t i = 0; i < set->hops.count; i++)
		set->member[i].ifindex = groups->map[number].hop[i].ifindex;
	return 0;
}

int hop_groups_init(struct hop_groups *groups, struct agent *agent, struct hop_sets *sets)
{
	int err = 0;

	*groups = (struct hop_groups){ .agent = agent,
				       .sets = sets,
				       .map = dataplane_hop_groups(agent->dataplane) };
	event_timer_init(&groups->ask, on_ask, groups);
	for (uint32_t number = 1; number < HOP_GROUPS && err == 0; number++) {
		err = adopt_number(groups, number);
		if (groups->owner[number] != NULL)
			groups->last_number = number;
	}
	return err < 0 ? err : hop_objects_open(groups, &groups->objects);
}

void hop_groups_fini(struct hop_groups *groups)
{
	if (groups->agent != NULL)
		event_timer_cancel(groups->agent->loop, &groups->ask);
	hop_objects_close(groups->objects);
	groups->objects = NULL;
}
