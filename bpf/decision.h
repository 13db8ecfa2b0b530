/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decision.h: remember what the maps said for the last packets of a CPU (struct decision).
 *
 * Only the answers of endpoint, route and settings are remembered; what depends on the packet
 * itself (lengths, options, TTL, size) is asked for each. A packet that is dropped leaves nothing
 * behind.
 *
 * Fresh or not is told by the generation: the agent raises it after each change, we read it before
 * the lookups and store it behind them. So an answer from before a change can only be stored under
 * the generation from before the change, where nobody takes it for good.
 *
 * The dry-run copy runs in a process, where packets can come between: it has an element of its own
 * and never takes an old decision, so that it tells all steps.
 */
#ifndef BPF_DECISION_H
#define BPF_DECISION_H

#include "maps.h"
#include "packet.h"

#define HASH_MULTIPLIER 0x9e3779b1u /* 2^32 by the golden ratio */
#define HASH_SHIFT	24	    /* leaves DECISIONS values */

_Static_assert(1u << (32 - HASH_SHIFT) == DECISIONS, "the hash gives an index of decision");

static __always_inline __u32 decision_index(const struct packet *packet)
{
	__u32 hash = packet->source.word[3] ^ packet->source.word[2];

	if (dry_run)
		return DECISION_DRY_RUN;
	hash = hash * HASH_MULTIPLIER + (packet->dest.word[3] ^ packet->dest.word[2]);
	return hash * HASH_MULTIPLIER >> HASH_SHIFT;
}

/* The agent's generation of now; 0 where nothing may be remembered. */
static __always_inline __u32 decision_generation(void)
{
	__u32 zero = 0;
	__u32 *now;

	now = bpf_map_lookup_elem(&generation, &zero);
	return now && !dry_run ? *(volatile __u32 *)now : 0;
}

/*
 * This CPU's element for such packets, whatever is in it; NULL never happens. Egress has another
 * one: what the host stack carries comes by twice, and would find the other's answer each time.
 */
static __always_inline struct decision *decision_find(const struct packet *packet, bool is_egress)
{
	__u32 index = decision_index(packet);

	if (is_egress && !dry_run)
		index ^= DECISIONS / 2;
	return bpf_map_lookup_elem(&decision, &index);
}

/** decision_holds() - was the same asked before, at @place, in generation @now? */
static __always_inline bool decision_holds(const struct decision *decision,
					   const struct packet *packet, __u32 place, __u32 now)
{
	return now && decision->generation == now && decision->ifindex_in == place &&
	       ip_addr_same(&decision->dest, &packet->dest) &&
	       ip_addr_same(&decision->source, &packet->source);
}

/*
 * decision_begin() - before the lookups: forget what is there. An exchange is a full barrier, so
 * that no lookup is done before the generation was read.
 */
static __always_inline void decision_begin(struct decision *decision)
{
	__sync_lock_test_and_set(&decision->generation, 0);
}

/**
 * decision_keep() - after the lookups: good for all packets like this one while @now lasts.
 * @place: the link's ifindex, as struct decision has it.
 */
static __always_inline void decision_keep(struct decision *decision, const struct packet *packet,
					  __u32 place, __u32 now)
{
	decision->source = packet->source;
	decision->dest = packet->dest;
	decision->ifindex_in = place;
	decision->generation = now;
}

#endif /* BPF_DECISION_H */
