/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_IPAM_BLOCK_H
#define LOADER_IPAM_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"

struct config_range;
struct ipam_entry;

/* Offsets that are never handed out. */
struct ipam_span {
	uint64_t first, last;
};

/* One block of this node: which of its addresses are taken, and which is free for longest. */
struct ipam_block {
	struct ip_prefix cidr;
	struct ip_prefix served; /* its first 2^64 addresses */
	size_t pool;		 /* index in the table of pools */
	uint64_t last;		 /* highest offset */
	uint64_t cursor;
	uint64_t unvisited; /* offsets that the cursor has before it in this round */
	bool skips_zero;
	bool was_used;	    /* an address was handed out in this run */
	bool has_forgotten; /* some that were never used may be behind the cursor */
	uint64_t used;
	struct ipam_span *reserved; /* in order, apart from each other */
	size_t reserved_count;
	uint64_t reserved_size;
	size_t queue_len;
	struct ipam_entry *entries;
	struct ipam_entry *queue; /* given back, oldest first */
};

/* What becomes of an address that is asked for. */
enum ipam_condition {
	IPAM_FREE = 0,
	IPAM_TAKEN,
	IPAM_RESERVED,
	IPAM_ANYCAST, /* the subnet-router anycast address */
};

/* An address chosen, nothing changed yet. */
struct ipam_pick {
	struct ipam_block *block; /* NULL: none */
	uint64_t offset;
	bool is_next;	/* the cursor's next one: taking it moves the cursor */
	bool was_given; /* given back at freed_ms; else never used in this run */
	uint64_t freed_ms;
};

/** ipam_block_init() - 0 or -ENOMEM; @reserved may be NULL when @count is 0. */
int ipam_block_init(struct ipam_block *block, const struct ip_prefix *cidr,
		    const struct config_range *reserved, size_t count);
void ipam_block_fini(struct ipam_block *block);
/** ipam_block_inherit() - all that @old knows of its addresses becomes @block's, which has the same
 * cidr; pool and reserved spans stay. What @block knew goes to @old. */
void ipam_block_inherit(struct ipam_block *block, struct ipam_block *old);

bool ipam_block_is_v4(const struct ipam_block *block);
/** ipam_block_capacity() - addresses that can be handed out, at most 2^64-1. */
uint64_t ipam_block_capacity(const struct ipam_block *block);
/** ipam_block_quarantined() - addresses given back less than @quarantine_ms ago. */
uint64_t ipam_block_quarantined(const struct ipam_block *block, uint64_t quarantine_ms,
				uint64_t now_ms);
/** ipam_block_offset() - of @addr, which lies in block->served. */
uint64_t ipam_block_offset(const struct ipam_block *block, const struct ip_addr *addr);
/** ipam_block_knows() - is the address taken, or was it given back in this run? */
bool ipam_block_knows(const struct ipam_block *block, uint64_t offset);
/** ipam_block_freed() - when the address was given back; false: it is taken, or nobody knows. */
bool ipam_block_freed(const struct ipam_block *block, uint64_t offset, uint64_t *ret_freed_ms);
enum ipam_condition ipam_block_condition(const struct ipam_block *block, uint64_t offset);

/** ipam_block_next_unused() - the next address that was never used in this run. False: none. */
bool ipam_block_next_unused(struct ipam_block *block, struct ipam_pick *ret_pick);
/** ipam_block_next_given() - the one that was given back longest ago. False: none. */
bool ipam_block_next_given(struct ipam_block *block, struct ipam_pick *ret_pick);

/** ipam_block_take_pick() - what was picked is taken from now on. 0 or -ENOMEM. */
int ipam_block_take_pick(const struct ipam_pick *pick);
/** ipam_block_adopt() - a link carries the address. 0, -EEXIST already taken, -ENOMEM. */
int ipam_block_adopt(struct ipam_block *block, uint64_t offset);
/** ipam_block_release() - given back; what is not taken stays as it is. */
void ipam_block_release(struct ipam_block *block, uint64_t offset, uint64_t quarantine_ms,
			uint64_t now_ms);

#endif /* LOADER_IPAM_BLOCK_H */
