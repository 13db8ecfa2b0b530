/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shared_hops.c: sets of next hops, each once.
 *
 * There may be a million routes and eight next hops each, but few different sets: those of the
 * nodes and routers around us. A route of agent_feed.c holds a pointer, and whether it changed is
 * one comparison.
 */
#include "bgp/shared_hops.h"

#include <stdlib.h>

/* The count is part of the key, so a set never equals the beginning of a longer one. */
static size_t key_len(const struct next_hops *hops)
{
	return offsetof(struct next_hops, addr) + hops->count * sizeof(hops->addr[0]);
}

struct shared_hops *shared_hops_take(struct shared_hops **table, const struct next_hops *hops)
{
	struct shared_hops *shared;

	HASH_FIND(hh, *table, hops, key_len(hops), shared);
	if (!shared) {
		shared = calloc(1, sizeof(*shared));
		if (!shared)
			return NULL;
		shared->hops = *hops;
		HASH_ADD_KEYPTR(hh, *table, &shared->hops, key_len(hops), shared);
	}
	shared->users++;
	return shared;
}

void shared_hops_give(struct shared_hops **table, struct shared_hops *shared)
{
	if (!shared || --shared->users > 0)
		return;
	HASH_DELETE(hh, *table, shared);
	free(shared);
}
