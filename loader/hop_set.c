/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hop_set.c: sets of next hops, each once, with the number of those who use it.
 *
 * A set that nobody uses any more may still have a place in map hop_group and objects in the
 * kernel: it is only counted here, and freed by hop_groups.c once these are gone. Pure.
 */
#include "loader/hop_set.h"

#include <stdlib.h>

/* The count is part of the key, so a set never equals the beginning of a longer one. */
static size_t key_len(const struct next_hops *hops)
{
	return offsetof(struct next_hops, addr) + hops->count * sizeof(hops->addr[0]);
}

struct hop_set *hop_sets_find(struct hop_sets *sets, const struct next_hops *hops)
{
	struct hop_set *set;

	HASH_FIND(hh, sets->by_hops, hops, key_len(hops), set);
	if (set != NULL)
		return set;
	set = calloc(1, sizeof(*set));
	if (set == NULL)
		return NULL;
	set->hops = *hops;
	HASH_ADD_KEYPTR(hh, sets->by_hops, &set->hops, key_len(hops), set);
	sets->unused++;
	return set;
}

struct hop_set *hop_set_hold(struct hop_sets *sets, struct hop_set *set)
{
	if (set != NULL && set->users++ == 0)
		sets->unused--;
	return set;
}

void hop_set_give(struct hop_sets *sets, struct hop_set *set)
{
	if (set != NULL && --set->users == 0)
		sets->unused++;
}

void hop_sets_free_one(struct hop_sets *sets, struct hop_set *set)
{
	HASH_DELETE(hh, sets->by_hops, set);
	sets->unused--;
	free(set);
}

void hop_sets_free(struct hop_sets *sets)
{
	struct hop_set *set, *next;

	HASH_ITER(hh, sets->by_hops, set, next)
	{
		HASH_DELETE(hh, sets->by_hops, set);
		free(set);
	}
	sets->unused = 0;
}
