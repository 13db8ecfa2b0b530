/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam_local.c: the blocks that are this node's alone, in pools.
 *
 * Two tables, in the order of the configuration: pools, and their blocks (ipam_block.c), each with
 * the number of its pool. Several entries of one name are one pool of several ranges; they stay
 * entries of their own here, and choosing by name finds them all (ipam_choice.c).
 *
 * When the configuration changes, blocks that stay keep all that is known of them; what links carry
 * in new ones is told again by endpoint_store.c.
 */
#include "loader/ipam_local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/text.h"

static const struct ipam_ops local_ops;

static struct ipam_local *local_of(struct ipam *ipam)
{
	return (struct ipam_local *)ipam;
}

static const struct ipam_local *const_local_of(const struct ipam *ipam)
{
	return (const struct ipam_local *)ipam;
}

struct ipam_block *ipam_local_find(const struct ipam_local *local, const struct ip_addr *addr)
{
	for (size_t i = 0; i < local->block_count; i++)
		if (ip_prefix_contains(&local->block[i].served, addr))
			return &local->block[i];
	return NULL;
}

static void local_free(struct ipam *ipam)
{
	struct ipam_local *local = local_of(ipam);

	for (size_t i = 0; i < local->block_count; i++)
		ipam_block_fini(&local->block[i]);
	free(local->block);
	free(local->pool);
	free(local);
}

static int local_adopt(struct ipam *ipam, const struct ip_addr *addr)
{
	struct ipam_block *block = ipam_local_find(local_of(ipam), addr);

	return block != NULL ? ipam_block_adopt(block, ipam_block_offset(block, addr)) : -ENOENT;
}

static int add_pool(struct ipam_local *local, const struct config *config, size_t index)
{
	const struct config_pool *from = &config->pool[index];
	struct ipam_pool *pool = &local->pool[local->pool_count];
	int err = 0;

	snprintf(pool->name, sizeof(pool->name), "%s", from->name);
	pool->cidr = from->cidr;
	pool->nat_outgoing = from->nat_outgoing;
	for (size_t i = 0; i < from->block_count && err == 0; i++) {
		struct ipam_block *block = &local->block[local->block_count++];

		err = ipam_block_init(block, &from->block[i], config->reserved,
				      config->reserved_count);
		block->pool = local->pool_count;
	}
	local->pool_count++;
	return err;
}

static int fill(struct ipam_local *local, const struct config *config)
{
	size_t blocks = 0;
	int err = 0;

	for (size_t i = 0; i < config->pool_count; i++)
		blocks += config->pool[i].block_count;
	local->quarantine_ms = (uint64_t)config->quarantine_s * 1000;
	local->is_cluster = config->kubernetes;
	local->pool = calloc(config->pool_count + 1, sizeof(*local->pool));
	local->block = calloc(blocks + 1, sizeof(*local->block));
	if (local->pool == NULL || local->block == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->pool_count && err == 0; i++)
		err = add_pool(local, config, i);
	/* A node address inside one of its blocks is no pod's. */
	for (size_t i = 0; i < config->node_address_count && err == 0; i++)
		if (local_adopt(&local->ipam, &config->node_address[i]) == -ENOMEM)
			err = -ENOMEM;
	return err;
}

int ipam_local_new(const struct config *config, struct ipam **ret_ipam)
{
	struct ipam_local *local = calloc(1, sizeof(*local));
	int err;

	if (local == NULL)
		return -ENOMEM;
	local->ipam.ops = &local_ops;
	err = fill(local, config);
	if (err < 0) {
		local_free(&local->ipam);
		return err;
	}
	*ret_ipam = &local->ipam;
	return 0;
}

static int local_update(struct ipam *ipam, const struct config *config)
{
	struct ipam_local *local = local_of(ipam), *fresh, swap;
	struct ipam *made;
	int err = ipam_local_new(config, &made);

	if (err < 0)
		return err;
	fresh = local_of(made);
	for (size_t i = 0; i < fresh->block_count; i++)
		for (size_t k = 0; k < local->block_count; k++)
			/* What the fresh one knows, the node's own addresses, the old one knows
			 * as well. */
			if (ip_prefix_equal(&fresh->block[i].cidr, &local->block[k].cidr))
				ipam_block_inherit(&fresh->block[i], &local->block[k]);
	swap = *local;
	*local = *fresh;
	*fresh = swap;
	local_free(made);
	return 0;
}

static bool local_holds(const struct ipam *ipam, const struct ip_addr *addr)
{
	return ipam_local_find(const_local_of(ipam), addr) != NULL;
}

static bool local_allows(const struct ipam *ipam, const struct ipam_request *request,
			 const struct ip_addr *addr)
{
	const struct ipam_local *local = const_local_of(ipam);
	const struct ipam_block *block = ipam_local_find(local, addr);

	return block != NULL && ipam_pool_is_meant(local, request, block->pool);
}

static int local_probe(struct ipam *ipam, const struct ipam_request *request,
		       struct ipam_answer *ret_answer)
{
	struct ipam_choice choice;

	return ipam_choose(local_of(ipam), request, &choice, ret_answer);
}

static void local_rest(struct ipam *ipam, const struct ip_addr *addr, uint64_t freed_ms)
{
	struct ipam_local *local = local_of(ipam);
	struct ipam_block *block = ipam_local_find(local, addr);
	uint64_t offset;

	if (block == NULL)
		return;
	offset = ipam_block_offset(block, addr);
	if (!ipam_block_knows(block, offset) && ipam_block_adopt(block, offset) == 0)
		ipam_block_release(block, offset, local->quarantine_ms, freed_ms);
}

static void local_release(struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms)
{
	struct ipam_local *local = local_of(ipam);
	struct ipam_block *block = ipam_local_find(local, addr);

	if (block != NULL)
		ipam_block_release(block, ipam_block_offset(block, addr), local->quarantine_ms,
				   now_ms);
}

static int local_take(struct ipam *ipam, const struct ipam_request *request,
		      struct ipam_answer *ret_answer)
{
	struct ipam_choice choice;
	int err = ipam_choose(local_of(ipam), request, &choice, ret_answer);

	if (err < 0)
		return err;
	for (int i = 0; i < choice.count; i++) {
		const struct ipam_pick *pick = &choice.pick[i];

		err = ipam_block_take_pick(pick);
		ret_answer->addr[i] = ip_addr_add(&pick->block->cidr.addr, pick->offset);
		if (err < 0) {
			text_append(ret_answer->error, TEXT_MAX + 1, "out of memory");
			while (--i >= 0)
				local_release(ipam, &ret_answer->addr[i], request->now_ms);
			return err;
		}
	}
	ret_answer->count = (size_t)choice.count;
	return 0;
}

static void describe_pool(const struct ipam_local *local, size_t index, struct msg_pool *ret)
{
	const struct ipam_pool *pool = &local->pool[index];

	*ret = (struct msg_pool){ .cidr = pool->cidr, .nat_outgoing = pool->nat_outgoing };
	snprintf(ret->name, sizeof(ret->name), "%s", pool->name);
	for (size_t i = 0; i < local->block_count; i++) {
		uint64_t capacity = ipam_block_capacity(&local->block[i]);

		if (local->block[i].pool != index)
			continue;
		ret->block_count++;
		ret->used += local->block[i].used;
		ret->capacity = ret->capacity > UINT64_MAX - capacity ? UINT64_MAX
								      : ret->capacity + capacity;
	}
}

static int local_for_each_block(const struct ipam *ipam, uint64_t now_ms, ipam_block_fn *fn,
				void *arg)
{
	const struct ipam_local *local = const_local_of(ipam);

	for (size_t i = 0; i < local->pool_count; i++) {
		struct msg_pool pool;
		int err;

		describe_pool(local, i, &pool);
		err = fn(&pool, NULL, arg);
		for (size_t k = 0; err == 0 && k < local->block_count; k++) {
			const struct ipam_block *block = &local->block[k];
			struct msg_block told = { .cidr = block->cidr, .used = block->used };

			if (block->pool != i)
				continue;
			told.capacity = ipam_block_capacity(block);
			told.quarantined =
				ipam_block_quarantined(block, local->quarantine_ms, now_ms);
			err = fn(&pool, &told, arg);
		}
		if (err != 0)
			return err;
	}
	return 0;
}

static void local_describe(const struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms,
			   struct msg_address *ret)
{
	static const uint32_t states[] = { [IPAM_FREE] = ADDRESS_FREE,
					   [IPAM_TAKEN] = ADDRESS_IN_USE,
					   [IPAM_RESERVED] = ADDRESS_RESERVED,
					   [IPAM_ANYCAST] = ADDRESS_ANYCAST };
	const struct ipam_local *local = const_local_of(ipam);
	const struct ipam_block *block = ipam_local_find(local, addr);
	uint64_t offset, freed_ms;

	*ret = (struct msg_address){ .addr = *addr };
	if (block == NULL)
		return;
	offset = ipam_block_offset(block, addr);
	ret->block = block->cidr;
	snprintf(ret->pool, sizeof(ret->pool), "%s", local->pool[block->pool].name);
	ret->state = states[ipam_block_condition(block, offset)];
	if (ret->state == ADDRESS_FREE && ipam_block_freed(block, offset, &freed_ms)) {
		ret->freed_s = (now_ms - freed_ms) / 1000;
		if (now_ms - freed_ms < local->quarantine_ms)
			ret->state = ADDRESS_RESTING;
	}
}

static const struct ipam_ops local_ops = {
	.take = local_take,
	.probe = local_probe,
	.adopt = local_adopt,
	.rest = local_rest,
	.release = local_release,
	.holds = local_holds,
	.allows = local_allows,
	.for_each_block = local_for_each_block,
	.describe = local_describe,
	.update = local_update,
	.free = local_free,
};
