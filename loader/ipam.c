/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam.c: which address of this node's blocks is taken, and which one is handed out next.
 *
 * Pure: no I/O, time is an argument. The record is the kernel's links; this is their mirror, told
 * of each by endpoint_store.c, so nothing here needs saving.
 *
 * Per block there is one entry for each address that is taken or was given back: found by a hash of
 * the offset in the block, and chained in a queue, oldest first, once given back. An address
 * without an entry was never used in this run. The order of handing out is the order of being free
 * for longest: first the never used, by a cursor that goes round the block once, then the queue
 * from its head. After a start the cursor begins behind the highest address that is in use: what
 * was given back shortly before the restart has left no trace, and lies below it most likely.
 *
 * Reserved addresses are passed over, as spans of offsets, so that a large one costs one step. One
 * that a pod has when it becomes reserved stays the pod's.
 *
 * When the configuration changes, blocks that stay keep all that is known of them; what links carry
 * in new ones is told again by endpoint_store.c.
 *
 * An IPv6 block may have 2^64 addresses, so entries are forgotten, oldest first, once the queue has
 * more than QUEUE_MAX and they are past their quarantine; the cursor finds them on its next round.
 *
 * Left to others: making and deleting links, asking for a certain address.
 */
#include "loader/ipam.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <uthash.h>
#include <utlist.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/text.h"

#define QUEUE_MAX 4096 /* entries of one block that are kept although nobody has them */

struct entry {
	uint64_t offset; /* in the block */
	bool is_taken;
	uint64_t freed_ms;
	struct entry *prev, *next; /* in the queue, while not taken */
	UT_hash_handle hh;
};

/* Offsets that are never handed out. */
struct span {
	uint64_t first, last;
};

struct block {
	struct ip_prefix cidr;
	struct ip_prefix served; /* its first 2^64 addresses */
	size_t pool;		 /* index in struct ipam */
	uint64_t last;		 /* highest offset */
	uint64_t cursor;
	uint64_t unvisited; /* offsets that the cursor has before it in this round */
	bool skips_zero;
	bool was_used; /* an address was handed out in this run */
	bool has_forgotten;
	uint64_t used;
	struct span *reserved; /* in order, apart from each other */
	size_t reserved_count;
	uint64_t reserved_size;
	size_t queue_len;
	struct entry *entries;
	struct entry *queue;
};

struct pool {
	char name[NAME_MAX_LEN + 1];
	struct ip_prefix cidr;
	bool nat_outgoing;
};

struct ipam {
	uint64_t quarantine_ms;
	struct pool *pool;
	size_t pool_count;
	struct block *block;
	size_t block_count;
};

/* The pools that a request allows, in its order, as far as they have a block here. */
struct selection {
	size_t pool[CONFIG_BLOCKS_MAX];
	size_t count;
};

/* An address chosen, nothing changed yet. */
struct pick {
	struct block *block;
	uint64_t offset;
	struct entry *entry; /* head of the queue; NULL: never used */
};

static bool block_is_v4(const struct block *block)
{
	return ip_addr_is_v4(&block->cidr.addr);
}

static uint64_t saturated_size(uint64_t last)
{
	return last == UINT64_MAX ? last : last + 1;
}

static const struct span *find_span(const struct block *block, uint64_t offset)
{
	for (size_t i = 0; i < block->reserved_count; i++)
		if (offset >= block->reserved[i].first && offset <= block->reserved[i].last)
			return &block->reserved[i];
	return NULL;
}

static uint64_t block_capacity(const struct block *block)
{
	bool passes_zero = block->skips_zero && find_span(block, 0) == NULL;
	uint64_t size = passes_zero ? block->last : saturated_size(block->last);

	return size > block->reserved_size ? size - block->reserved_size : 0;
}

static void block_init(struct block *block, const struct ip_prefix *cidr, size_t pool)
{
	unsigned int host_bits = IP_ADDR_BITS - cidr->bits;

	block->cidr = *cidr;
	block->served = ip_prefix_make(&cidr->addr, cidr->bits < 64 ? 64 : cidr->bits);
	block->pool = pool;
	block->last = host_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << host_bits) - 1;
	/* RFC 4291 section 2.6.1: a subnet's all-zeros address is every router's. /127 and /128
	 * have none (RFC 6164). */
	block->skips_zero = !block_is_v4(block) && block->last > 1;
	/* .0 works with /32 routes, but people are less surprised when it comes last. */
	block->cursor = block->last > 0 ? 1 : 0;
	block->unvisited = saturated_size(block->last);
}

static uint64_t offset_of(const struct block *block, const struct ip_addr *addr)
{
	const uint8_t *a = (const uint8_t *)addr, *b = (const uint8_t *)&block->cidr.addr;
	uint64_t offset = 0;

	for (size_t i = 8; i < 16; i++)
		offset = offset << 8 | (uint64_t)(uint8_t)(a[i] ^ b[i]);
	return offset; /* the block's own bits are zero there, so XOR is the difference */
}

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->first != y->first)
		return x->first > y->first ? 1 : -1;
	return x->last < y->last ? 1 : x->last > y->last ? -1 : 0;
}

static bool span_of(const struct block *block, const struct ip_prefix *prefix, struct span *ret)
{
	unsigned int host_bits = IP_ADDR_BITS - prefix->bits;

	if (ip_prefix_covers(prefix, &block->served)) {
		*ret = (struct span){ 0, block->last };
		return true;
	}
	if (!ip_prefix_covers(&block->served, prefix))
		return false;
	ret->first = offset_of(block, &prefix->addr);
	ret->last = ret->first + ((UINT64_C(1) << host_bits) - 1);
	return true;
}

/* Prefixes are apart or one in the other: after sorting a span lies in the one before, or not. */
static int reserve(struct block *block, const struct config *config)
{
	size_t count = 0, kept = 0;

	block->reserved = calloc(config->reserved_count + 1, sizeof(*block->reserved));
	if (block->reserved == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->reserved_count; i++)
		if (span_of(block, &config->reserved[i], &block->reserved[count]))
			count++;
	qsort(block->reserved, count, sizeof(*block->reserved), compare_spans);
	block->reserved_size = 0;
	for (size_t i = 0; i < count; i++) {
		const struct span span = block->reserved[i];

		if (kept > 0 && span.first <= block->reserved[kept - 1].last)
			continue;
		block->reserved[kept++] = span;
		block->reserved_size += saturated_size(span.last - span.first);
	}
	block->reserved_count = kept;
	return 0;
}

static struct block *find_block(const struct ipam *ipam, const struct ip_addr *addr)
{
	for (size_t i = 0; i < ipam->block_count; i++)
		if (ip_prefix_contains(&ipam->block[i].served, addr))
			return &ipam->block[i];
	return NULL;
}

static struct entry *find_entry(const struct block *block, uint64_t offset)
{
	struct entry *entry = NULL;

	HASH_FIND(hh, block->entries, &offset, sizeof(offset), entry);
	return entry;
}

static void forget_entry(struct block *block, struct entry *entry)
{
	DL_DELETE(block->queue, entry);
	block->queue_len--;
	HASH_DEL(block->entries, entry);
	free(entry);
}

static int take_offset(struct block *block, uint64_t offset)
{
	struct entry *entry = find_entry(block, offset);

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

static void block_fini(struct block *block)
{
	struct entry *entry, *next;

	HASH_ITER(hh, block->entries, entry, next)
	{
		HASH_DEL(block->entries, entry);
		free(entry);
	}
	free(block->reserved);
}

void ipam_free(struct ipam *ipam)
{
	if (ipam == NULL)
		return;
	for (size_t i = 0; i < ipam->block_count; i++)
		block_fini(&ipam->block[i]);
	free(ipam->block);
	free(ipam->pool);
	free(ipam);
}

static int add_pool(struct ipam *ipam, const struct config *config, size_t index)
{
	const struct config_pool *from = &config->pool[index];
	struct pool *pool = &ipam->pool[ipam->pool_count];
	int err = 0;

	snprintf(pool->name, sizeof(pool->name), "%s", from->name);
	pool->cidr = from->cidr;
	pool->nat_outgoing = from->nat_outgoing;
	for (size_t i = 0; i < from->block_count && err == 0; i++) {
		struct block *block = &ipam->block[ipam->block_count++];

		block_init(block, &from->block[i], ipam->pool_count);
		err = reserve(block, config);
	}
	ipam->pool_count++;
	return err;
}

int ipam_new(const struct config *config, struct ipam **ret_ipam)
{
	struct ipam *ipam = calloc(1, sizeof(*ipam));
	size_t blocks = 0;
	int err;

	if (ipam == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->pool_count; i++)
		blocks += config->pool[i].block_count;
	ipam->quarantine_ms = (uint64_t)config->quarantine_s * 1000;
	ipam->pool = calloc(config->pool_count + 1, sizeof(*ipam->pool));
	ipam->block = calloc(blocks + 1, sizeof(*ipam->block));
	err = -ENOMEM;
	if (ipam->pool == NULL || ipam->block == NULL)
		goto err_free;
	for (size_t i = 0; i < config->pool_count; i++) {
		err = add_pool(ipam, config, i);
		if (err < 0)
			goto err_free;
	}
	/* A node address inside one of its blocks is no pod's. */
	for (size_t i = 0; i < config->node_address_count; i++) {
		err = ipam_adopt(ipam, &config->node_address[i]);
		if (err == -ENOMEM)
			goto err_free;
	}
	*ret_ipam = ipam;
	return 0;

err_free:
	ipam_free(ipam);
	return err;
}

/* What @old knows of its addresses becomes @block's. */
static void take_over(struct block *block, struct block *old)
{
	struct block fresh = *block;

	*block = *old;
	block->pool = fresh.pool;
	block->reserved = fresh.reserved;
	block->reserved_count = fresh.reserved_count;
	block->reserved_size = fresh.reserved_size;
	fresh.reserved = old->reserved;
	*old = fresh; /* its few entries are the node's own addresses: known to the other as well */
}

int ipam_update(struct ipam *ipam, const struct config *config)
{
	struct ipam *fresh, swap;
	int err = ipam_new(config, &fresh);

	if (err < 0)
		return err;
	for (size_t i = 0; i < fresh->block_count; i++)
		for (size_t k = 0; k < ipam->block_count; k++)
			if (ip_prefix_equal(&fresh->block[i].cidr, &ipam->block[k].cidr))
				take_over(&fresh->block[i], &ipam->block[k]);
	swap = *ipam;
	*ipam = *fresh;
	*fresh = swap;
	ipam_free(fresh);
	return 0;
}

size_t ipam_block_count(const struct ipam *ipam)
{
	return ipam->block_count;
}

bool ipam_holds(const struct ipam *ipam, const struct ip_addr *addr)
{
	return find_block(ipam, addr) != NULL;
}

static bool pool_is_meant(const struct pool *pool, const char *text)
{
	struct ip_prefix cidr;

	return strcmp(pool->name, text) == 0 ||
	       (ip_prefix_parse(text, &cidr) == 0 && ip_prefix_equal(&cidr, &pool->cidr));
}

static bool selection_has(const struct selection *selection, size_t pool)
{
	for (size_t i = 0; i < selection->count; i++)
		if (selection->pool[i] == pool)
			return true;
	return false;
}

static bool pool_has_block(const struct ipam *ipam, size_t pool)
{
	for (size_t i = 0; i < ipam->block_count; i++)
		if (ipam->block[i].pool == pool)
			return true;
	return false;
}

/* Names of all pools, a pool of several ranges that follow each other once. */
static void say_names(const struct ipam *ipam, char *error)
{
	const char *last = "";

	for (size_t k = 0; k < ipam->pool_count; k++) {
		if (strcmp(last, ipam->pool[k].name) == 0)
			continue;
		text_append(error, TEXT_MAX + 1, "%s \"%s\"", k > 0 ? "," : "", ipam->pool[k].name);
		last = ipam->pool[k].name;
	}
}

static void say_no_such_pool(const struct ipam *ipam, const char *name, char *error)
{
	text_append(error, TEXT_MAX + 1, "pool \"%s\": no such pool; this node's file has", name);
	say_names(ipam, error);
	text_append(error, TEXT_MAX + 1, "%s", ipam->pool_count == 0 ? " none" : "");
}

/* The pools with blocks that @name means (NULL: all) into @ret; is there any such pool at all? */
static bool select_named(const struct ipam *ipam, const char *name, struct selection *ret)
{
	bool found = false;

	for (size_t i = 0; i < ipam->pool_count; i++) {
		if (name != NULL && !pool_is_meant(&ipam->pool[i], name))
			continue;
		found = true;
		if (pool_has_block(ipam, i) && !selection_has(ret, i))
			ret->pool[ret->count++] = i;
	}
	return found;
}

static int select_pools(const struct ipam *ipam, const struct ipam_request *request,
			struct selection *ret, char *error)
{
	ret->count = 0;
	if (request->pool_count == 0)
		select_named(ipam, NULL, ret);
	for (size_t i = 0; i < request->pool_count; i++) {
		if (select_named(ipam, request->pools[i], ret))
			continue;
		say_no_such_pool(ipam, request->pools[i], error);
		return -ENOENT;
	}
	return 0;
}

/* How many offsets from @offset on cannot be handed out for one reason; 0: @offset can. */
static uint64_t passed_over(const struct block *block, uint64_t offset)
{
	const struct span *span = find_span(block, offset);

	if (span != NULL)
		return saturated_size(span->last - offset);
	if (offset == 0 && block->skips_zero)
		return 1;
	return find_entry(block, offset) != NULL ? 1 : 0;
}

/*
 * The next never used offset, walking on from the cursor over what has an entry. When the round is
 * over and entries were forgotten, another one begins.
 */
static bool peek_unused(const struct block *block, uint64_t *ret_offset, uint64_t *ret_unvisited)
{
	uint64_t offset = block->cursor, left = block->unvisited;

	if (left == 0 && block->has_forgotten)
		left = saturated_size(block->last);
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

static void consider_queue(struct block *block, struct pick *pick)
{
	struct entry *head = block->queue;

	while (head != NULL && find_span(block, head->offset) != NULL)
		head = head->next;
	if (head == NULL)
		return;
	if (pick->entry == NULL || head->freed_ms < pick->entry->freed_ms)
		*pick = (struct pick){ .block = block, .offset = head->offset, .entry = head };
}

/* The address of @pool that is free longest; with its entry, or without when it was never used. */
static bool pick_from_pool(const struct ipam *ipam, size_t pool, bool v4, struct pick *ret)
{
	struct pick oldest = { 0 };

	for (size_t i = 0; i < ipam->block_count; i++) {
		struct block *block = &ipam->block[i];
		uint64_t offset, unvisited;

		if (block->pool != pool || block_is_v4(block) != v4)
			continue;
		if (peek_unused(block, &offset, &unvisited)) {
			*ret = (struct pick){ .block = block, .offset = offset };
			return true;
		}
		consider_queue(block, &oldest);
	}
	*ret = oldest;
	return oldest.block != NULL;
}

static int pick_address(const struct ipam *ipam, const struct selection *selection, bool v4,
			uint64_t now_ms, struct pick *ret)
{
	struct pick oldest = { 0 };

	for (size_t i = 0; i < selection->count; i++) {
		struct pick pick;

		if (!pick_from_pool(ipam, selection->pool[i], v4, &pick))
			continue;
		if (pick.entry == NULL || now_ms - pick.entry->freed_ms >= ipam->quarantine_ms) {
			*ret = pick;
			return 0;
		}
		if (oldest.block == NULL || pick.entry->freed_ms < oldest.entry->freed_ms)
			oldest = pick;
	}
	*ret = oldest;
	return oldest.block != NULL ? 0 : -ENOSPC;
}

static void commit_pick(struct pick *pick)
{
	struct block *block = pick->block;
	uint64_t offset, unvisited;

	block->was_used = true;
	if (pick->entry != NULL || !peek_unused(block, &offset, &unvisited))
		return;
	if (block->unvisited == 0)
		block->has_forgotten = false;
	block->cursor = offset == block->last ? 0 : offset + 1;
	block->unvisited = unvisited;
}

static bool family_is_offered(const struct ipam *ipam, const struct selection *selection, bool v4)
{
	for (size_t i = 0; i < ipam->block_count; i++)
		if (block_is_v4(&ipam->block[i]) == v4 &&
		    selection_has(selection, ipam->block[i].pool))
			return true;
	return false;
}

static void say_exhausted(const struct ipam *ipam, const struct selection *selection, bool v4,
			  char *error)
{
	char text[IP_PREFIX_TEXT_MAX];

	text_append(error, TEXT_MAX + 1, "no free IPv%c address:", v4 ? '4' : '6');
	for (size_t i = 0; i < selection->count; i++) {
		const struct pool *pool = &ipam->pool[selection->pool[i]];
		uint64_t used = 0, capacity = 0;

		for (size_t k = 0; k < ipam->block_count; k++) {
			if (ipam->block[k].pool != selection->pool[i] ||
			    block_is_v4(&ipam->block[k]) != v4)
				continue;
			used += ipam->block[k].used;
			capacity += block_capacity(&ipam->block[k]);
		}
		if (capacity > 0)
			text_append(error, TEXT_MAX + 1, " pool \"%s\" (%s): %llu of %llu in use;",
				    pool->name, ip_prefix_format(&pool->cidr, text, sizeof(text)),
				    (unsigned long long)used, (unsigned long long)capacity);
	}
	text_append(error, TEXT_MAX + 1,
		    " delete pods or give this node another block in pools[].blocks");
}

/* Choose one address per family. How many, or -ENOSPC. */
static int pick_all(const struct ipam *ipam, const struct selection *selection,
		    const struct ipam_request *request, struct pick ret_pick[2], char *error)
{
	int count = 0;

	for (int v6 = 0; v6 < 2; v6++) {
		if (!family_is_offered(ipam, selection, !v6))
			continue;
		if (pick_address(ipam, selection, !v6, request->now_ms, &ret_pick[count]) < 0) {
			say_exhausted(ipam, selection, !v6, error);
			return -ENOSPC;
		}
		count++;
	}
	if (count == 0) {
		text_append(error, TEXT_MAX + 1, "no pool");
		for (size_t i = 0; i < request->pool_count; i++)
			text_append(error, TEXT_MAX + 1, "%s \"%s\"", i > 0 ? "," : "",
				    request->pools[i]);
		if (request->pool_count == 0)
			say_names(ipam, error);
		text_append(error, TEXT_MAX + 1,
			    " with a block of this node; give it one in pools[].blocks");
		return -ENOSPC;
	}
	return count;
}

/* What both ask: the pools that are meant, and an address of each family from them. */
static int choose(const struct ipam *ipam, const struct ipam_request *request, struct pick pick[2],
		  struct ipam_answer *answer)
{
	struct selection selection;
	int err;

	memset(answer, 0, sizeof(*answer));
	err = select_pools(ipam, request, &selection, answer->error);
	if (err < 0)
		return err;
	return pick_all(ipam, &selection, request, pick, answer->error);
}

int ipam_probe(const struct ipam *ipam, const struct ipam_request *request,
	       struct ipam_answer *ret_answer)
{
	struct pick pick[2];
	int count = choose(ipam, request, pick, ret_answer);

	return count < 0 ? count : 0;
}

int ipam_take(struct ipam *ipam, const struct ipam_request *request, struct ipam_answer *ret_answer)
{
	struct pick pick[2];
	int count = choose(ipam, request, pick, ret_answer);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		const struct ip_addr *base = &pick[i].block->cidr.addr;
		int err;

		commit_pick(&pick[i]);
		err = take_offset(pick[i].block, pick[i].offset);
		ret_answer->addr[i] = ip_addr_add(base, pick[i].offset);
		if (err < 0) {
			text_append(ret_answer->error, TEXT_MAX + 1, "out of memory");
			while (--i >= 0)
				ipam_release(ipam, &ret_answer->addr[i], request->now_ms);
			return err;
		}
	}
	ret_answer->count = (size_t)count;
	return 0;
}

int ipam_adopt(struct ipam *ipam, const struct ip_addr *addr)
{
	struct block *block = find_block(ipam, addr);
	struct entry *entry;
	uint64_t offset;
	int err;

	if (block == NULL)
		return -ENOENT;
	offset = offset_of(block, addr);
	entry = find_entry(block, offset);
	if (entry != NULL && entry->is_taken)
		return -EEXIST;
	err = take_offset(block, offset);
	if (err < 0)
		return err;
	if (!block->was_used && (block->cursor == 0 ? offset == 0 : offset >= block->cursor))
		block->cursor = offset == block->last ? 0 : offset + 1;
	return 0;
}

void ipam_release(struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms)
{
	struct block *block = find_block(ipam, addr);
	struct entry *entry;

	entry = block != NULL ? find_entry(block, offset_of(block, addr)) : NULL;
	if (entry == NULL || !entry->is_taken)
		return;
	entry->is_taken = false;
	entry->freed_ms = now_ms;
	block->used--;
	DL_APPEND(block->queue, entry);
	block->queue_len++;
	while (block->queue_len > QUEUE_MAX &&
	       now_ms - block->queue->freed_ms >= ipam->quarantine_ms) {
		forget_entry(block, block->queue);
		block->has_forgotten = true;
	}
}

static void describe_block(const struct ipam *ipam, const struct block *block, uint64_t now_ms,
			   struct msg_block *ret)
{
	const struct entry *entry;

	*ret = (struct msg_block){ .cidr = block->cidr,
				   .capacity = block_capacity(block),
				   .used = block->used };
	DL_FOREACH(block->queue, entry)
	{
		if (now_ms - entry->freed_ms < ipam->quarantine_ms)
			ret->quarantined++;
	}
}

static void describe_pool(const struct ipam *ipam, size_t index, struct msg_pool *ret)
{
	const struct pool *pool = &ipam->pool[index];

	*ret = (struct msg_pool){ .cidr = pool->cidr, .nat_outgoing = pool->nat_outgoing };
	snprintf(ret->name, sizeof(ret->name), "%s", pool->name);
	for (size_t i = 0; i < ipam->block_count; i++) {
		uint64_t capacity = block_capacity(&ipam->block[i]);

		if (ipam->block[i].pool != index)
			continue;
		ret->block_count++;
		ret->used += ipam->block[i].used;
		ret->capacity = ret->capacity > UINT64_MAX - capacity ? UINT64_MAX
								      : ret->capacity + capacity;
	}
}

int ipam_for_each_block(const struct ipam *ipam, uint64_t now_ms, ipam_block_fn *fn, void *arg)
{
	for (size_t i = 0; i < ipam->pool_count; i++) {
		struct msg_pool pool;
		int err;

		describe_pool(ipam, i, &pool);
		err = fn(&pool, NULL, arg);
		for (size_t k = 0; err == 0 && k < ipam->block_count; k++) {
			struct msg_block block;

			if (ipam->block[k].pool != i)
				continue;
			describe_block(ipam, &ipam->block[k], now_ms, &block);
			err = fn(&pool, &block, arg);
		}
		if (err != 0)
			return err;
	}
	return 0;
}
