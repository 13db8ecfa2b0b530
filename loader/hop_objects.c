/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hop_objects.c: sets of several next hops as the kernel's next hop groups.
 *
 * Each set has one group and a next hop object for each address, all of its own: which of them may
 * be deleted needs no counting then. The kernel takes next hops out of groups by itself when their
 * link goes down or loses its carrier, and a group without any goes with all its routes; nobody is
 * told of that. So nothing is believed across an event of an uplink: all of ours is dumped,
 * compared with what the uplinks allow now, and put right. Once a minute too, as a net.
 *
 * Numbers stay with a set while it lives, also while the kernel has no such object: routes that
 * were lost come back as they were. After a restart objects are taken over by what they hold; a
 * group that lacks a next hop (its link is down) by the set that has it.
 *
 * Left to others: messages (kernel_hops.c), which next hop may be used (hop_groups.c).
 */
#include "loader/hop_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/hop_groups.h"
#include "loader/kernel_hops.h"
#include "loader/netlink.h"

#define ID_TRIES   64 /* numbers that somebody else may have, one behind the other */
#define GROUP	   (-1)
#define MASK_WRONG UINT32_MAX /* of a group: something that is not of its set */

struct hop_object {
	uint32_t id;
	struct hop_set *set;
	int place; /* of the next hop in the set; or GROUP */
	bool is_there;
	bool is_seen;	  /* scratch of a comparison */
	uint32_t ifindex; /* as the kernel has it; 0: something else */
	uint32_t mask;	  /* of a group: the places that the kernel has in it */
	UT_hash_handle hh;
};

struct found_group {
	uint32_t id;
	struct next_hops hops;
};

struct hop_objects {
	struct hop_groups *groups;
	struct hop_object *by_id;
	uint32_t last_id;
	struct found_group *found; /* at start, until the first comparison */
	size_t found_count;
	bool is_settled; /* compared once */
};

static struct netlink *netlink_of(const struct hop_objects *objects)
{
	return objects->groups->agent->netlink;
}

static struct hop_object *find(const struct hop_objects *objects, uint32_t id)
{
	struct hop_object *object;

	HASH_FIND(hh, objects->by_id, &id, sizeof(id), object);
	return object;
}

static uint32_t next_id(struct hop_objects *objects)
{
	do
		objects->last_id =
			objects->last_id < NEXT_HOP_ID_FIRST || objects->last_id == UINT32_MAX
				? NEXT_HOP_ID_FIRST
				: objects->last_id + 1;
	while (find(objects, objects->last_id) != NULL);
	return objects->last_id;
}

/* *@place gets an object; the set's own for a group, a member's else. */
static int add_object(struct hop_objects *objects, struct hop_object **place, uint32_t id)
{
	struct hop_object *object = calloc(1, sizeof(*object));

	if (object == NULL)
		return -ENOMEM;
	object->id = id;
	HASH_ADD(hh, objects->by_id, id, sizeof(object->id), object);
	if (id >= NEXT_HOP_ID_FIRST && id > objects->last_id)
		objects->last_id = id;
	*place = object;
	return 0;
}

static void free_object(struct hop_objects *objects, struct hop_object **place)
{
	if (*place == NULL)
		return;
	HASH_DELETE(hh, objects->by_id, *place);
	free(*place);
	*place = NULL;
}

static void change_id(struct hop_objects *objects, struct hop_object *object)
{
	uint32_t id = next_id(objects);

	HASH_DELETE(hh, objects->by_id, object);
	object->id = id;
	HASH_ADD(hh, objects->by_id, id, sizeof(object->id), object);
}

/* --- making --- */

/* Put @hop under the object's number, or under another when somebody has that one. */
static int put(struct hop_objects *objects, struct hop_object *object, struct kernel_hop *hop)
{
	int err = -EEXIST;

	for (int tries = 0; err == -EEXIST && tries < ID_TRIES; tries++) {
		if (tries > 0)
			change_id(objects, object);
		hop->id = object->id;
		err = netlink_request(netlink_of(objects),
				      kernel_hop_put_message(hop, object->is_there));
	}
	if (err < 0)
		log_debug("next hop %u of the kernel: %s", object->id, strerror(-err));
	else
		object->is_there = true;
	return err;
}

static int put_member(struct hop_objects *objects, struct hop_set *set, uint32_t i)
{
	struct hop_member *member = &set->member[i];
	struct kernel_hop hop = { .gateway = set->hops.addr[i], .ifindex = member->ifindex };
	int err = 0;

	if (member->object == NULL)
		err = add_object(objects, &member->object, next_id(objects));
	if (err < 0)
		return err;
	member->object->set = set;
	member->object->place = (int)i;
	if (member->object->is_there && member->object->ifindex == member->ifindex)
		return 0;
	err = put(objects, member->object, &hop);
	if (err == 0)
		member->object->ifindex = member->ifindex;
	return err;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int put_group(struct hop_objects *objects, struct hop_set *set, uint32_t mask)
{
	struct kernel_hop hop = { 0 };
	int err = 0;

	if (set->object == NULL)
		err = add_object(objects, &set->object, next_id(objects));
	if (err < 0)
		return err;
	set->object->set = set;
	set->object->place = GROUP;
	if (set->object->is_there && set->object->mask == mask)
		return 0;
	for (uint32_t i = 0; i < set->hops.count; i++)
		if (mask >> i & 1)
			hop.member[hop.member_count++] = set->member[i].object->id;
	qsort(hop.member, hop.member_count, sizeof(hop.member[0]), compare_ids);
	err = put(objects, set->object, &hop);
	if (err == 0)
		set->object->mask = mask;
	return err;
}

/* The kernel gets what the set's uplinks allow; without any of them it keeps what it has. */
static int sync_set(struct hop_objects *objects, struct hop_set *set)
{
	uint32_t usable = hop_set_usable(set), mask = 0;
	int failed = usable != 0 ? 0 : -ENETUNREACH, err = 0;

	for (uint32_t i = 0; i < set->hops.count; i++) {
		if (!(usable >> i & 1))
			continue;
		err = put_member(objects, set, i);
		if (err == 0)
			mask |= 1u << i;
		else
			failed = err;
	}
	if (mask != 0)
		err = put_group(objects, set, mask);
	set->kernel_error = failed != 0 ? failed : err;
	return set->kernel_error;
}

uint32_t hop_objects_id(struct hop_objects *objects, struct hop_set *set, int *ret_err)
{
	*ret_err = set->kernel_error; /* once for all routes of it, until something changes */
	if (*ret_err == 0)
		*ret_err = sync_set(objects, set);
	return set->object != NULL && set->object->is_there ? set->object->id : 0;
}

static void delete_id(struct hop_objects *objects, uint32_t id)
{
	int err = netlink_request(netlink_of(objects), kernel_hop_delete_message(id));

	if (err < 0 && err != -ENOENT)
		log_debug("next hop %u of the kernel: delete: %s", id, strerror(-err));
}

void hop_objects_drop(struct hop_objects *objects, struct hop_set *set)
{
	if (set->object != NULL && set->object->is_there)
		delete_id(objects, set->object->id);
	free_object(objects, &set->object);
	for (uint32_t i = 0; i < set->hops.count; i++) {
		if (set->member[i].object != NULL && set->member[i].object->is_there)
			delete_id(objects, set->member[i].object->id);
		free_object(objects, &set->member[i].object);
	}
}

/* --- comparing --- */

struct comparison {
	struct hop_objects *objects;
	uint32_t *stray_groups, *strays;
	size_t stray_group_count, stray_count;
	int err;
};

static uint32_t mask_of(const struct hop_objects *objects, const struct hop_object *group,
			const struct kernel_hop *hop)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < hop->member_count; i++) {
		const struct hop_object *member = find(objects, hop->member[i]);

		if (member == NULL || member->set != group->set || member->place == GROUP)
			return MASK_WRONG;
		mask |= 1u << member->place;
	}
	return mask;
}

/* Make @object what the kernel says it is; true when that is news. */
static bool learn(const struct hop_objects *objects, struct hop_object *object,
		  const struct kernel_hop *hop)
{
	bool is_group = hop->member_count > 0;
	uint32_t ifindex = 0, mask = 0;
	bool is_same;

	if (is_group != (object->place == GROUP))
		mask = MASK_WRONG;
	else if (is_group)
		mask = mask_of(objects, object, hop);
	else if (ip_addr_equal(&object->set->hops.addr[object->place], &hop->gateway))
		ifindex = hop->ifindex;
	is_same = object->is_there && object->mask == mask && object->ifindex == ifindex;
	object->is_there = true;
	object->mask = mask;
	object->ifindex = ifindex;
	return !is_same;
}

static int add_stray(uint32_t **list, size_t *count, uint32_t id)
{
	uint32_t *more = reallocarray(*list, *count + 1, sizeof(**list));

	if (more == NULL)
		return -ENOMEM;
	*list = more;
	more[(*count)++] = id;
	return 0;
}

static int compare_hop(const struct kernel_hop *hop, void *arg)
{
	struct comparison *comparison = arg;
	struct hop_object *object = find(comparison->objects, hop->id);

	if (object == NULL)
		return hop->member_count > 0
			       ? add_stray(&comparison->stray_groups,
					   &comparison->stray_group_count, hop->id)
			       : add_stray(&comparison->strays, &comparison->stray_count, hop->id);
	object->is_seen = true;
	learn(comparison->objects, object, hop);
	return 0;
}

static void delete_strays(const struct comparison *comparison)
{
	size_t count = comparison->stray_group_count + comparison->stray_count;

	for (size_t i = 0; i < comparison->stray_group_count; i++)
		delete_id(comparison->objects, comparison->stray_groups[i]);
	for (size_t i = 0; i < comparison->stray_count; i++)
		delete_id(comparison->objects, comparison->strays[i]);
	if (count > 0)
		log_info("next hops of the kernel: %zu of ours that no route needs are removed",
			 count);
}

/* How many sets the kernel had otherwise than we believed and the uplinks allow. */
static int sync_all(struct hop_objects *objects)
{
	int repaired = 0;

	for (struct hop_set *set = objects->groups->sets->by_hops; set != NULL;
	     set = set->hh.next) {
		bool was_well = set->kernel_error == 0;
		uint32_t usable;

		set->kernel_error = 0;
		if (!hop_set_is_group(set) || set->object == NULL)
			continue;
		usable = hop_set_usable(set);
		if (usable != 0 && (!set->object->is_there || set->object->mask != usable) &&
		    sync_set(objects, set) == 0)
			repaired += was_well;
	}
	return repaired;
}

int hop_objects_compare(struct hop_objects *objects)
{
	struct comparison comparison = { .objects = objects };
	struct hop_object *object;
	int err = 0, repaired = 0;

	/* Without several next hops anywhere there is nothing to ask for, but once. */
	if (objects->by_id == NULL && objects->is_settled)
		return sync_all(objects);
	for (object = objects->by_id; object != NULL; object = object->hh.next)
		object->is_seen = false;
	err = kernel_hops_dump(netlink_of(objects), compare_hop, &comparison);
	for (object = objects->by_id; err == 0 && object != NULL; object = object->hh.next)
		object->is_there = object->is_seen;
	if (err == 0) {
		repaired = sync_all(objects);
		delete_strays(&comparison);
		objects->is_settled = true;
		free(objects->found);
		objects->found = NULL;
		objects->found_count = 0;
	}
	free(comparison.strays);
	free(comparison.stray_groups);
	return err < 0 ? err : repaired;
}

bool hop_objects_is_lost(struct hop_objects *objects, const struct nlmsghdr *header)
{
	struct hop_object *object, before;
	struct kernel_hop hop;
	bool is_news;

	if (!kernel_hop_parse(header, &hop))
		return false;
	object = find(objects, hop.id);
	if (object == NULL)
		return false;
	if (header->nlmsg_type == RTM_DELNEXTHOP)
		return object->is_there;
	before = *object;
	is_news = learn(objects, object, &hop);
	*object = before;
	return is_news;
}

/* --- start and end --- */

struct found_hops {
	struct kernel_hop *hop;
	size_t count;
};

static int note_hop(const struct kernel_hop *hop, void *arg)
{
	struct found_hops *found = arg;
	struct kernel_hop *more = reallocarray(found->hop, found->count + 1, sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	found->hop = more;
	more[found->count++] = *hop;
	return 0;
}

static const struct kernel_hop *found_hop(const struct found_hops *found, uint32_t id)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->hop[i].id == id && found->hop[i].member_count == 0)
			return &found->hop[i];
	return NULL;
}

static bool is_part_of(const struct next_hops *hops, const struct next_hops *of)
{
	struct next_hops all = *of;

	for (uint32_t i = 0; i < hops->count; i++)
		if (!next_hops_add(&all, &hops->addr[i]))
			return false;
	return next_hops_equal(&all, of);
}

/* The set whose group this is: with the very next hops, else one that has more and no group yet. */
static struct hop_set *set_of_hops(struct hop_objects *objects, const struct next_hops *hops)
{
	struct hop_sets *sets = objects->groups->sets;
	struct hop_set *set, *larger = NULL;

	for (set = sets->by_hops; set != NULL; set = set->hh.next) {
		if (!hop_set_is_group(set) || set->object != NULL)
			continue;
		if (next_hops_equal(&set->hops, hops))
			return set;
		if (larger == NULL && is_part_of(hops, &set->hops))
			larger = set;
	}
	if (larger == NULL && hops->count > 1) {
		set = hop_sets_find(sets, hops);
		return set != NULL && set->object == NULL ? set : NULL;
	}
	return larger;
}

static int adopt_member(struct hop_objects *objects, struct hop_set *set,
			const struct kernel_hop *hop)
{
	for (uint32_t i = 0; i < set->hops.count; i++) {
		struct hop_member *member = &set->member[i];
		int err;

		if (!ip_addr_equal(&set->hops.addr[i], &hop->gateway) || member->object != NULL ||
		    find(objects, hop->id) != NULL)
			continue;
		err = add_object(objects, &member->object, hop->id);
		if (err < 0)
			return err;
		member->object->set = set;
		member->object->place = (int)i;
		learn(objects, member->object, hop);
		if (member->ifindex == 0) /* as the map's: the subnets may be gone just now */
			member->ifindex = hop->ifindex;
	}
	return 0;
}

static int remember_group(struct hop_objects *objects, uint32_t id, const struct next_hops *hops)
{
	struct found_group *more =
		reallocarray(objects->found, objects->found_count + 1, sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	objects->found = more;
	more[objects->found_count++] = (struct found_group){ .id = id, .hops = *hops };
	return 0;
}

static int adopt_group(struct hop_objects *objects, const struct found_hops *found,
		       const struct kernel_hop *group)
{
	const struct kernel_hop *member[ROUTE_NEXT_HOPS_MAX];
	struct next_hops hops = { 0 };
	struct hop_set *set;
	uint32_t count = 0;
	int err;

	for (uint32_t i = 0; i < group->member_count; i++) {
		member[count] = found_hop(found, group->member[i]);
		if (member[count] != NULL)
			next_hops_add(&hops, &member[count++]->gateway);
	}
	if (hops.count == 0)
		return 0;
	err = remember_group(objects, group->id, &hops);
	set = err == 0 ? set_of_hops(objects, &hops) : NULL;
	if (set == NULL)
		return err;
	for (uint32_t i = 0; i < count && err == 0; i++)
		err = adopt_member(objects, set, member[i]);
	if (err == 0)
		err = add_object(objects, &set->object, group->id);
	if (err < 0)
		return err;
	set->object->set = set;
	set->object->place = GROUP;
	learn(objects, set->object, group);
	return 0;
}

struct hop_set *hop_objects_set_of_group(struct hop_objects *objects, uint32_t id)
{
	const struct hop_object *object = find(objects, id);

	if (object != NULL)
		return object->place == GROUP ? object->set : NULL;
	for (size_t i = 0; i < objects->found_count; i++)
		if (objects->found[i].id == id)
			return hop_sets_find(objects->groups->sets, &objects->found[i].hops);
	return NULL;
}

int hop_objects_open(struct hop_groups *groups, struct hop_objects **ret_objects)
{
	struct hop_objects *objects = calloc(1, sizeof(*objects));
	struct found_hops found = { 0 };
	int err;

	if (objects == NULL)
		return -ENOMEM;
	objects->groups = groups;
	err = kernel_hops_dump(netlink_of(objects), note_hop, &found);
	for (size_t i = 0; i < found.count && err == 0; i++)
		if (found.hop[i].member_count > 0)
			err = adopt_group(objects, &found, &found.hop[i]);
	free(found.hop);
	if (err < 0) {
		hop_objects_close(objects);
		return err;
	}
	*ret_objects = objects;
	return 0;
}

void hop_objects_close(struct hop_objects *objects)
{
	struct hop_object *object, *next;

	if (objects == NULL)
		return;
	HASH_ITER(hh, objects->by_id, object, next)
	{
		HASH_DELETE(hh, objects->by_id, object);
		free(object);
	}
	free(objects->found);
	free(objects);
}
