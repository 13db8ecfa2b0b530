/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_HOP_SET_H
#define LOADER_HOP_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "lib/next_hops.h"

struct hop_object;

/* One next hop of a set, as the uplinks are now. */
struct hop_member {
	uint32_t ifindex; /* 0: on no uplink's subnet */
	uint32_t mtu;
	bool is_link_up;
	bool is_ethernet;
	bool is_silent; /* its link was down, or it did not answer; see hop_neighbours.c */
	struct hop_object *object; /* of the kernel, NULL: none yet */
};

static inline bool hop_member_is_usable(const struct hop_member *member)
{
	return member->is_link_up && !member->is_silent;
}

/*
 * The next hops of a route. Equal sets exist once: ten thousand routes have the few sets that the
 * nodes and routers around us make, and two routes go the same ways when their pointers are equal.
 * Those with several next hops are a group in map hop_group and in the kernel (hop_groups.c).
 */
struct hop_set {
	struct next_hops hops;
	size_t users; /* claims, and entries that map or kernel have */
	struct hop_member member[ROUTE_NEXT_HOPS_MAX];
	uint32_t map_number;	   /* in map hop_group, 0: none */
	struct hop_object *object; /* the kernel's group, NULL: none yet */
	int kernel_error;	   /* of the last attempt, until something changes */
	UT_hash_handle hh;	   /* by hops.count and the addresses behind it */
};

struct hop_sets {
	struct hop_set *by_hops;
	size_t unused; /* without users, to be freed by who knows what hangs on them */
};

/** hop_sets_find() - the set of @hops, made without users when there is none; NULL: no memory. */
struct hop_set *hop_sets_find(struct hop_sets *sets, const struct next_hops *hops);
/** hop_set_hold() - one more user; NULL is fine, and returned. */
struct hop_set *hop_set_hold(struct hop_sets *sets, struct hop_set *set);
/** hop_set_give() - one less; NULL is fine. */
void hop_set_give(struct hop_sets *sets, struct hop_set *set);
/** hop_sets_free_one() - a set without users. */
void hop_sets_free_one(struct hop_sets *sets, struct hop_set *set);
void hop_sets_free(struct hop_sets *sets);

static inline bool hop_set_is_group(const struct hop_set *set)
{
	return set != NULL && set->hops.count > 1;
}

#endif /* LOADER_HOP_SET_H */
