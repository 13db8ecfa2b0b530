/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ROUTE_TABLE_H
#define LOADER_ROUTE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "agent_protocol.h"
#include "dataplane_abi.h"
#include "loader/hop_set.h"
#include "loader/walk.h"

/*
 * The wanted routes: who claims which prefix, which claim counts, and what was applied of it. Pure:
 * no I/O. An entry lives while someone claims its prefix or something of it is still applied.
 */

/* Who claims, the stronger first. */
enum route_claimant {
	CLAIM_BLOCK,  /* a block of this node: unreachable in the kernel, not in the map */
	CLAIM_CONFIG, /* routes: of the YAML file */
	CLAIM_BGP,    /* tortie-bgpd, or found at start */
	CLAIM_COUNT,
};

struct route_claim {
	struct hop_set *set; /* held; NULL: a block of this node */
	bool is_present;
	bool is_stale; /* not repeated yet since its source began anew */
};

struct route_entry {
	struct ip_prefix prefix;
	struct route_claim claim[CLAIM_COUNT];
	struct route_value map; /* what map route holds for it; how is 0: nothing */
	/* what the kernel's table holds for it, as struct kernel_route */
	struct ip_addr kernel_next_hop;
	uint32_t kernel_ifindex;
	uint32_t kernel_group;
	struct hop_set *map_set, *kernel_set; /* held: of the group that either has; NULL: none */
	int16_t kernel_error;		      /* of the last attempt, 0 or -errno */
	uint8_t state;			      /* enum route_state */
	bool is_in_kernel;
	bool is_lost; /* was in the kernel, and somebody took it away */
	bool is_seen; /* scratch of a comparison */
	bool is_queued;
	struct route_entry *prev, *next; /* in the table's queue */
	UT_hash_handle hh;
};

struct route_table {
	struct route_entry *by_prefix;
	struct route_entry *queue; /* entries to apply, in order of arrival */
	struct hop_sets sets;	   /* of the claims */
	struct walk *walks;
	size_t limit;
};

enum route_claimant route_claimant_of(enum route_source source);
enum route_source route_claimant_source(enum route_claimant claimant);

void route_table_init(struct route_table *table, size_t limit);
void route_table_free(struct route_table *table);
size_t route_table_count(const struct route_table *table);
struct route_entry *route_table_find(const struct route_table *table,
				     const struct ip_prefix *prefix);
/** route_table_claim() - add or repeat a claim (@hops NULL: a block of this node); the entry is
 * queued when that changes what counts. 0, -ENOSPC (limit) or -ENOMEM. */
int route_table_claim(struct route_table *table, enum route_claimant claimant,
		      const struct ip_prefix *prefix, const struct next_hops *hops);
void route_table_unclaim(struct route_table *table, enum route_claimant claimant,
			 const struct ip_prefix *prefix);
/** route_table_begin() - all claims of @claimant become stale. */
void route_table_begin(struct route_table *table, enum route_claimant claimant);
/** route_table_sweep() - give up the claims of @claimant that are still stale; how many. */
size_t route_table_sweep(struct route_table *table, enum route_claimant claimant);
/** route_table_adopt() - the entry for a route found at start, made with a stale claim of CLAIM_BGP
 * when nobody claims it. NULL: -ENOSPC or -ENOMEM. */
struct route_entry *route_table_adopt(struct route_table *table, const struct ip_prefix *prefix,
				      struct hop_set *set);

/** route_table_walk() - begin a walk over all entries, route_table_walk_end() ends it. */
void route_table_walk(struct route_table *table, struct walk *walk);
void route_table_walk_end(struct route_table *table, struct walk *walk);
/** route_table_walk_next() - the next entry, NULL: there is none. */
const struct route_entry *route_table_walk_next(struct walk *walk);

/** route_entry_winner() - the claim that counts, NULL when there is none. */
const struct route_claim *route_entry_winner(const struct route_entry *entry,
					     enum route_claimant *ret_claimant);
void route_table_enqueue(struct route_table *table, struct route_entry *entry);
void route_table_enqueue_all(struct route_table *table);
/** route_table_dequeue() - the entry that waits longest, NULL when none does. */
struct route_entry *route_table_dequeue(struct route_table *table);
/** route_entry_hold() - @set is what *@place, of map or kernel, has now; NULL: none. */
void route_entry_hold(struct route_table *table, struct hop_set **place, struct hop_set *set);
/** route_table_drop() - free an entry that nobody claims. */
void route_table_drop(struct route_table *table, struct route_entry *entry);

#endif /* LOADER_ROUTE_TABLE_H */
