/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_table.c: who wants which route, and which wish counts.
 *
 * One entry a prefix, in a hash; it holds one claim for each possible source. A block of this node
 * beats the configuration, the configuration beats BGP. A claim that a source must repeat
 * (tortie-bgpd after its restart, everything found at start) is stale until then and goes on
 * counting: nothing is given up before its source is in sync.
 *
 * Way of data: a claim that is new, other or gone queues its entry when that changes the winner;
 * remote_routes.c takes entries from the queue, applies them, and drops those without a claim. What
 * was applied is noted in the entry, so that a second look costs no system call.
 *
 * Left to others: everything that has an effect (remote_routes.c).
 */
#include "loader/route_table.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "lib/ip_prefix.h"

enum route_claimant route_claimant_of(enum route_source source)
{
	switch (source) {
	case ROUTE_SOURCE_CONFIG:
		return CLAIM_CONFIG;
	case ROUTE_SOURCE_BGP:
		return CLAIM_BGP;
	default:
		return CLAIM_BLOCK;
	}
}

enum route_source route_claimant_source(enum route_claimant claimant)
{
	switch (claimant) {
	case CLAIM_CONFIG:
		return ROUTE_SOURCE_CONFIG;
	case CLAIM_BGP:
		return ROUTE_SOURCE_BGP;
	default:
		return ROUTE_SOURCE_BLOCK;
	}
}

void route_table_init(struct route_table *table, size_t limit)
{
	*table = (struct route_table){ .limit = limit };
}

void route_table_free(struct route_table *table)
{
	struct route_entry *entry, *next;

	HASH_ITER(hh, table->by_prefix, entry, next)
	{
		HASH_DEL(table->by_prefix, entry);
		free(entry);
	}
	table->queue = NULL;
	hop_sets_free(&table->sets);
}

size_t route_table_count(const struct route_table *table)
{
	return HASH_COUNT(table->by_prefix);
}

struct route_entry *route_table_find(const struct route_table *table,
				     const struct ip_prefix *prefix)
{
	struct route_entry *entry;

	HASH_FIND(hh, table->by_prefix, prefix, sizeof(*prefix), entry);
	return entry;
}

static int find_or_add(struct route_table *table, const struct ip_prefix *prefix,
		       struct route_entry **ret_entry)
{
	struct route_entry *entry = route_table_find(table, prefix);

	if (entry == NULL) {
		if (route_table_count(table) >= table->limit)
			return -ENOSPC;
		entry = calloc(1, sizeof(*entry));
		if (entry == NULL)
			return -ENOMEM;
		entry->prefix = *prefix;
		entry->state = ROUTE_NO_UPLINK;
		HASH_ADD(hh, table->by_prefix, prefix, sizeof(entry->prefix), entry);
	}
	*ret_entry = entry;
	return 0;
}

const struct route_claim *route_entry_winner(const struct route_entry *entry,
					     enum route_claimant *ret_claimant)
{
	for (int i = 0; i < CLAIM_COUNT; i++) {
		if (!entry->claim[i].is_present)
			continue;
		if (ret_claimant != NULL)
			*ret_claimant = (enum route_claimant)i;
		return &entry->claim[i];
	}
	return NULL;
}

int route_table_claim(struct route_table *table, enum route_claimant claimant,
		      const struct ip_prefix *prefix, const struct next_hops *hops)
{
	struct hop_set *set = hops != NULL ? hop_sets_find(&table->sets, hops) : NULL;
	struct route_entry *entry;
	struct route_claim *claim;
	bool is_same;
	int err = hops != NULL && set == NULL ? -ENOMEM : find_or_add(table, prefix, &entry);

	if (err < 0)
		return err;
	claim = &entry->claim[claimant];
	is_same = claim->is_present && claim->set == set;
	hop_set_hold(&table->sets, set);
	hop_set_give(&table->sets, claim->set);
	*claim = (struct route_claim){ .set = set, .is_present = true };
	if (!is_same && route_entry_winner(entry, NULL) == claim)
		route_table_enqueue(table, entry);
	return 0;
}

static void give_up(struct route_table *table, struct route_entry *entry, struct route_claim *claim)
{
	bool counted = route_entry_winner(entry, NULL) == claim;

	hop_set_give(&table->sets, claim->set);
	*claim = (struct route_claim){ 0 };
	if (counted)
		route_table_enqueue(table, entry);
}

void route_table_unclaim(struct route_table *table, enum route_claimant claimant,
			 const struct ip_prefix *prefix)
{
	struct route_entry *entry = route_table_find(table, prefix);

	if (entry != NULL && entry->claim[claimant].is_present)
		give_up(table, entry, &entry->claim[claimant]);
}

void route_table_begin(struct route_table *table, enum route_claimant claimant)
{
	for (struct route_entry *entry = table->by_prefix; entry != NULL; entry = entry->hh.next)
		if (entry->claim[claimant].is_present)
			entry->claim[claimant].is_stale = true;
}

size_t route_table_sweep(struct route_table *table, enum route_claimant claimant)
{
	size_t count = 0;

	for (struct route_entry *entry = table->by_prefix; entry != NULL; entry = entry->hh.next) {
		struct route_claim *claim = &entry->claim[claimant];

		if (!claim->is_present || !claim->is_stale)
			continue;
		give_up(table, entry, claim);
		count++;
	}
	return count;
}

struct route_entry *route_table_adopt(struct route_table *table, const struct ip_prefix *prefix,
				      struct hop_set *set)
{
	struct route_entry *entry;

	if (find_or_add(table, prefix, &entry) < 0)
		return NULL;
	if (route_entry_winner(entry, NULL) == NULL) {
		entry->claim[CLAIM_BGP] = (struct route_claim){
			.set = hop_set_hold(&table->sets, set),
			.is_present = true,
			.is_stale = true,
		};
		route_table_enqueue(table, entry);
	}
	return entry;
}

void route_table_enqueue(struct route_table *table, struct route_entry *entry)
{
	if (entry->is_queued)
		return;
	entry->is_queued = true;
	DL_APPEND(table->queue, entry);
}

void route_table_enqueue_all(struct route_table *table)
{
	for (struct route_entry *entry = table->by_prefix; entry != NULL; entry = entry->hh.next)
		route_table_enqueue(table, entry);
}

struct route_entry *route_table_dequeue(struct route_table *table)
{
	struct route_entry *entry = table->queue;

	if (entry == NULL)
		return NULL;
	DL_DELETE(table->queue, entry);
	entry->is_queued = false;
	return entry;
}

void route_entry_hold(struct route_table *table, struct hop_set **place, struct hop_set *set)
{
	hop_set_hold(&table->sets, set);
	hop_set_give(&table->sets, *place);
	*place = set;
}

void route_table_drop(struct route_table *table, struct route_entry *entry)
{
	hop_set_give(&table->sets, entry->map_set);
	hop_set_give(&table->sets, entry->kernel_set);
	if (entry->is_queued)
		DL_DELETE(table->queue, entry);
	walk_pass(table->walks, entry, entry->hh.next);
	HASH_DEL(table->by_prefix, entry);
	free(entry);
}

void route_table_walk(struct route_table *table, struct walk *walk)
{
	walk_begin(&table->walks, walk, table->by_prefix);
}

void route_table_walk_end(struct route_table *table, struct walk *walk)
{
	walk_end(&table->walks, walk);
}

const struct route_entry *route_table_walk_next(struct walk *walk)
{
	const struct route_entry *entry = walk->next;

	if (entry != NULL)
		walk->next = entry->hh.next;
	return entry;
}
