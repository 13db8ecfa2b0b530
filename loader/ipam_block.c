/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam_block.c: one block of addresses: what is taken, what is free, and for how long.
 *
 * There is one entry for each address that is taken or was given back: found by a hash of the
 * offset in the block, and chained in a queue, oldest first, once given back. An address without an
 * entry was never used in this run. The order of handing out is the order of being free for
 * longest: first the never used, by a cursor that goes round the block once, then the queue from
 * its head. After a start the cursor begins behind the highest address that is in use.
 *
 * Reserved addresses are passed over, as spans of offsets, so that a large one costs one step. One
 * that a pod has when it becomes reserved stays the pod's.
 *
 * An IPv6 block may have 2^64 addresses, so entries are forgotten, oldest first, once the queue has
 * more than QUEUE_MAX and they are past their quarantine; the cursor finds them on its next round.
 */
#include "loader/ipam_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"

#define QUEUE_MAX 4096 /* entries of one block that are kept although nobody has them */

struct ipam_entry {
	uint64_t offset; /* in the block */
	bool is_taken;
	uint64_t freed_ms;
	struct ipam_entry *prev, *next; /* in the queue, while not taken */
	UT_hash_handle hh;
};

bool ipam_block_is_v4(const struct ipam_block *block)
{
	return ip_addr_is_v4(&block->cidr.addr);
}

static uint64_t saturated_size(uint64_t last)
{
	return last == UINT64_MAX ? last : last + 1;
}

static const struct ipam_span *find_span(const struct ipam_block *block, uint64_t offset)
{
	for (size_t i = 0; i < block->reserved_count; i++)
		if (offset >= block->reserved[i].first && offset <= block->reserved[i].last)
			return &block->reserved[i];
	return NULL;
}

uint64_t ipam_block_capacity(const struct ipam_block *block)
{
	bool passes_zero = block->skips_zero && find_span(block, 0) == NULL;
	uint64_t size = passes_zero ? block->last : saturated_size(block->last);

	return size > block->reserved_size ? size - block->reserved_size : 0;
}

uint64_t ipam_block_offset(const struct ipam_block *block, const struct ip_addr *addr)
{
	const uint8_t *a = (const uint8_t *)addr, *b = (const uint8_t *)&block->cidr.addr;
	uint64_t offset = 0;

	for (size_t i = 8; i < 16; i++)
		offset = offset << 8 | (uint64_t)(uint8_t)(a[i] ^ b[i]);
	return offset; /* the block's own bits are zero there, so XOR is the difference */
}

static int compare_spans(const void *a, const void *b)
{
	const struct ipam_span *x = a, *y = b;

	return x->first > y->first ? 1 : x->first < y->first ? -1 : 0;
}

/* The part of @range that lies in the block; false when none does. */
static bool span_of(const struct ipam_block *block, const struct config_range *range,
		    struct ipam_span *ret)
{
	const struct ip_addr *begin = &block->served.addr;
	struct ip_addr end = ip_addr_add(begin, block->last);

	if (ip_addr_is_v4(&range->first) != ipam_block_is_v4(block) ||
	    ip_addr_compare(&range->first, &end) > 0 || ip_addr_compare(&range->last, begin) < 0)
		return false;
	ret->first = ip_addr_compare(&range->first, begin) <= 0
			     ? 0
			     : ipam_block_offset(block, &range->first);
	ret->last = ip_addr_compare(&range->last, &end) >= 0
			    ? block->last
			    : ipam_block_offset(block, &range->last);
	return true;
}

static int reserve(struct ipam_block *block, const struct config_range *ranges, size_t count)
{
	size_t found = 0, kept = 0;

	block->reserved = calloc(count + 1, sizeof(*block->reserved));
	if (block->reserved == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (span_of(block, &ranges[i], &block->reserved[found]))
			found++;
	qsort(block->reserved, found, sizeof(*block->reserved), compare_spans);
	for (size_t i = 0; i < found; i++) {
		const struct ipam_span span = block->reserved[i];
		struct ipam_span *before = kept > 0 ? &block->reserved[kept - 1] : NULL;

		if (before == NULL || span.first > before->last)
			block->reserved[kept++] = span;
		else if (span.last > before->last)
			before->last = span.last;
	}
	block->reserved_count = kept;
	block->reserved_size = 0;
	for (size_t i = 0; i < kept; i++)
		block->reserved_size +=
			saturated_size(block->reserved[i].last - block->reserved[i].first);
	return 0;
}

int ipam_block_init(struct ipam_block *block, const struct ip_prefix *cidr,
		    const struct config_range *reserved, size_t count)
{
	unsigned int host_bits = IP_ADDR_BITS - cidr->bits;

	memset(block, 0, sizeof(*block));
	block->cidr = *cidr;
	block->served = ip_prefix_make(&cidr->addr, cidr->bits < 64 ? 64 : cidr->bits);
	block->last = host_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << host_bits) - 1;
	/* RFC 4291 section 2.6.1: a subnet's all-zeros address is every router's. /127 and /128
	 * have none (RFC 6164). */
	block->skips_zero = !ipam_block_is_v4(block) && block->last > 1;
	/* .0 works with /32 routes, but people are less surprised when it comes last. */
	block->cursor = block->last > 0 ? 1 : 0;
	block->unvisited = saturated_size(block->last);
	return reserve(block, reserved, count);
}

void ipam_block_fini(struct ipam_block *block)
{
	struct ipam_entry *entry, *next;

	HASH_ITER(hh, block->entries, entry, next)
	{
		HASH_DEL(block->entries, entry);
		free(entry);
	}
	free(block->reserved);
}

void ipam_block_inherit(struct ipam_block *block, struct ipam_block *old)
{
	struct ipam_block fresh = *block;

	*block = *old;
	block->pool = fresh.pool;
	block->reserved = fresh.reserved;
	block->reserved_count = fresh.reserved_count;
	block->reserved_size = fresh.reserved_size;
	fresh.reserved = old->reserved;
	/* The cursor has passed over what was reserved, and may not be any more. */
	block->has_forgotten = block->has_forgotten || old->reserved_count > 0;
	*old = fresh;
}

static struct ipam_entry *find_entry(const struct ipam_block *block, uint64_t offset)
{
	struct ipam_entry *entry = NULL;

	HASH_FIND(hh, block->entries, &offset, sizeof(offset), entry);
	return entry;
}

static void forget_entry(struct ipam_block *block, struct ipam_entry *entry)
{
	DL_DELETE(block->queue, entry);
	block->queue_len--;
	HASH_DEL(block->entries, entry);
	free(entry);
}

static int take_offset(struct ipam_block *block, uint64_t offset)
{
	struct ipam_entry *entry = find_entry(block, offset);

	if (entry == NULL) {
		entry = calloc(1, sizeof(*entry));
		if (entry == NULL)
			return -ENOMEM;
		entry->offset = offset;
		HASH_ADD(hh, block->entries, offset, sizeof(entry->offset), entry);
	} else {
		DL_DELETE(block->queue, entry);
		block->queue_len--;
	}
	entry->is_taken = true;
	block->used++;
	return 0;
}

bool ipam_block_knows(const struct ipam_block *block, uint64_t offset)
{
	return find_entry(block, offset) != NULL;
}

bool ipam_block_freed(const struct ipam_block *block, uint64_t offset, uint64_t *ret_freed_ms)
{
	const struct ipam_entry *entry = find_entry(block, offset);

	if (entry == NULL || entry->is_taken)
		return false;
	*ret_freed_ms = entry->freed_ms;
	return true;
}

enum ipam_condition ipam_block_condition(const struct ipam_block *block, uint64_t offset)
{
	const struct ipam_entry *entry = find_entry(block, offset);

	if (entry != NULL && entry->is_taken)
		return IPAM_TAKEN;
	if (find_span(block, offset) != NULL)
		return IPAM_RESERVED;
	return offset == 0 && block->skips_zero ? IPAM_ANYCAST : IPAM_FREE;
}

/* How many offsets from @offset on cannot be handed out for one reason; 0: @offset can. */
static uint64_t passed_over(const struct ipam_block *block, uint64_t offset)
{
	const struct ipam_span *span = find_span(block, offset);

	if (span != NULL)
		return saturated_size(span->last - offset);
	if (offset == 0 && block->skips_zero)
		return 1;
	return find_entry(block, offset) != NULL ? 1 : 0;
}

/* The next offset without an entry among the @left ones from the cursor on. */
static bool walk_on(const struct ipam_block *block, uint64_t left, uint64_t *ret_offset,
		    uint64_t *ret_unvisited)
{
	uint64_t offset = block->cursor;

	while (left > 0) {
		uint64_t passed = passed_over(block, offset);

		if (passed == 0) {
			*ret_offset = offset;
			*ret_unvisited = left - 1;
			return true;
		}
		if (passed >= left)
			return false;
		left -= passed;
		offset = passed > block->last - offset ? 0 : offset + passed;
	}
	return false;
}

/*
 * The next never used offset. When this round has none any more and there may be some behind the
 * cursor, another one begins.
 */
static bool peek_unused(const struct ipam_block *block, uint64_t *ret_offset,
			uint64_t *ret_unvisited, bool *ret_is_new_round)
{
	*ret_is_new_round = false;
	if (walk_on(block, block->unvisited, ret_offset, ret_unvisited))
		return true;
	*ret_is_new_round = block->has_forgotten;
	return block->has_forgotten &&
	       walk_on(block, saturated_size(block->last), ret_offset, ret_unvisited);
}

bool ipam_block_next_unused(struct ipam_block *block, struct ipam_pick *ret_pick)
{
	uint64_t offset, unvisited;
	bool is_new_round;

	if (!peek_unused(block, &offset, &unvisited, &is_new_round))
		return false;
	*ret_pick = (struct ipam_pick){ .block = block, .offset = offset, .is_next = true };
	return true;
}

bool ipam_block_next_given(struct ipam_block *block, struct ipam_pick *ret_pick)
{
	const struct ipam_entry *head = block->queue;

	while (head != NULL && find_span(block, head->offset) != NULL)
		head = head->next;
	if (head == NULL)
		return false;
	*ret_pick = (struct ipam_pick){ .block = block,
					.offset = head->offset,
					.was_given = true,
					.freed_ms = head->freed_ms };
	return true;
}

static void move_cursor(struct ipam_block *block)
{
	uint64_t offset, unvisited;
	bool is_new_round;

	if (!peek_unused(block, &offset, &unvisited, &is_new_round))
		return;
	if (is_new_round)
		block->has_forgotten = false;
	block->cursor = offset == block->last ? 0 : offset + 1;
	block->unvisited = unvisited;
}

int ipam_block_take_pick(const struct ipam_pick *pick)
{
	pick->block->was_used = true;
	if (pick->is_next)
		move_cursor(pick->block);
	return take_offset(pick->block, pick->offset);
}

int ipam_block_adopt(struct ipam_block *block, uint64_t offset)
{
	const struct ipam_entry *entry = find_entry(block, offset);
	int err;

	if (entry != NULL && entry->is_taken)
		return -EEXIST;
	err = take_offset(block, offset);
	if (err < 0)
		return err;
	if (!block->was_used && (block->cursor == 0 ? offset == 0 : offset >= block->cursor))
		block->cursor = offset == block->last ? 0 : offset + 1;
	return 0;
}

void ipam_block_release(struct ipam_block *block, uint64_t offset, uint64_t quarantine_ms,
			uint64_t now_ms)
{
	struct ipam_entry *entry = find_entry(block, offset);

	if (entry == NULL || !entry->is_taken)
		return;
	entry->is_taken = false;
	entry->freed_ms = now_ms;
	block->used--;
	DL_APPEND(block->queue, entry);
	block->queue_len++;
	while (block->queue_len > QUEUE_MAX && now_ms - block->queue->freed_ms >= quarantine_ms) {
		forget_entry(block, block->queue);
		block->has_forgotten = true;
	}
}

uint64_t ipam_block_quarantined(const struct ipam_block *block, uint64_t quarantine_ms,
				uint64_t now_ms)
{
	const struct ipam_entry *entry;
	uint64_t count = 0;

	DL_FOREACH(block->queue, entry)
	{
		count += now_ms - entry->freed_ms < quarantine_ms;
	}
	return count;
}
