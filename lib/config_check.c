/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_check.c: what must hold between the values of a configuration that are each right alone.
 *
 * - Pools: no range overlaps another, none lies where no pod can live (multicast, loopback,
 *   link-local). Ranges of one name are one pool.
 * - Blocks: inside their pool, apart from each other, at most CONFIG_BLOCKS_MAX in all; none holds
 *   an address of the node itself.
 * - Routes: each prefix once, none inside a block of this node, none through the node itself.
 * - Peers: each address and each range once.
 * - Nodes of the cluster: config_check_nodes.c.
 *
 * Lists that may be long are sorted by value first, so that doubles lie side by side. Errors point
 * at the value in the file: the tree has an item for each entry of the lists, in the same order.
 */
#include "lib/config_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

static int compare_entries(const void *a, const void *b)
{
	const struct config_entry *x = a, *y = b;
	int order = ip_prefix_compare(&x->prefix, &y->prefix);

	if (order == 0)
		order = (x->index > y->index) - (x->index < y->index);
	return order ? order : (x->sub_index > y->sub_index) - (x->sub_index < y->sub_index);
}

static bool is_later(const struct config_entry *a, const struct config_entry *b)
{
	return a->index != b->index ? a->index > b->index : a->sub_index > b->sub_index;
}

/*
 * Sorted by address, then length, a prefix is followed at once by one that lies in it, if any does:
 * whatever stands between the two begins in the first as well.
 */
bool config_entries_find_overlap(struct config_entry *entries, size_t count,
				 const struct config_entry **ret_first,
				 const struct config_entry **ret_second)
{
	size_t i;

	qsort(entries, count, sizeof(*entries), compare_entries);
	for (i = 1; i < count; i++) {
		const struct config_entry *a = &entries[i - 1], *b = &entries[i];

		if (!ip_prefix_overlaps(&a->prefix, &b->prefix))
			continue;
		*ret_first = is_later(a, b) ? b : a;
		*ret_second = is_later(a, b) ? a : b;
		return true;
	}
	return false;
}

/* The later index of the first pair of equal prefixes in the sorted @entries, or @count. */
static size_t find_double(struct config_entry *entries, size_t count)
{
	size_t i;

	qsort(entries, count, sizeof(*entries), compare_entries);
	for (i = 1; i < count; i++) {
		if (ip_prefix_equal(&entries[i].prefix, &entries[i - 1].prefix))
			return entries[i].index;
	}
	return count;
}

const char *config_special_range(const struct ip_prefix *prefix)
{
	static const char *const special[] = {
		"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3",
		"::/127",    "fe80::/10",   "ff00::/8",
	};
	struct ip_prefix one;

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (ip_prefix_parse(special[i], &one) == 0 && ip_prefix_overlaps(&one, prefix))
			return special[i];
	return NULL;
}

static int check_special(struct config_reader *reader, const struct config_node *node,
			 const struct ip_prefix *prefix)
{
	const char *special = config_special_range(prefix);

	return special ? config_fail(reader, node, "%s: overlaps %s, where no pod can live",
				     node->text, special)
		       : 0;
}

static int check_block(struct config_reader *reader, const struct config_node *node,
		       const struct config *config, const struct config_pool *pool, size_t index)
{
	const struct ip_prefix *block = &pool->block[index];
	char text[IP_PREFIX_TEXT_MAX];
	size_t i;

	if (!ip_prefix_covers(&pool->cidr, block))
		return config_fail(reader, node, "blocks: %s is not inside the pool's cidr %s",
				   node->text, ip_prefix_format(&pool->cidr, text, sizeof(text)));
	for (i = 0; i < index; i++) {
		if (ip_prefix_overlaps(block, &pool->block[i]))
			return config_fail(reader, node, "blocks: %s overlaps block %s", node->text,
					   ip_prefix_format(&pool->block[i], text, sizeof(text)));
	}
	for (i = 0; i < config->node_address_count; i++) {
		if (ip_prefix_contains(block, &config->node_address[i]))
			return config_fail(
				reader, node, "blocks: %s holds %s, an address of this node",
				node->text,
				ip_addr_format(&config->node_address[i], text, sizeof(text)));
	}
	return 0;
}

static int check_pool(struct config_reader *reader, const struct config_node *node,
		      const struct config *config, const struct config_pool *pool)
{
	const struct config_node *block, *blocks = config_find(node, "blocks");
	size_t i;
	int err = 0;

	block = blocks ? blocks->first : NULL;
	for (i = 0; err == 0 && i < pool->block_count; i++, block = block->next)
		err = check_block(reader, block, config, pool, i);
	return err;
}

static int check_each_pool(struct config_reader *reader, const struct config_node *list,
			   const struct config *config, struct config_entry *entries)
{
	const struct config_node *node = list->first;
	size_t i, blocks = 0;

	for (i = 0; i < config->pool_count; i++, node = node->next) {
		size_t mark = config_enter_item(reader, i);
		const struct config_pool *pool = &config->pool[i];
		int err = check_special(reader, config_find(node, "cidr"), &pool->cidr);

		if (err == 0)
			err = check_pool(reader, node, config, pool);
		if (err < 0)
			return err;
		config_leave(reader, mark);
		entries[i] = (struct config_entry){ .prefix = pool->cidr, .index = i };
		blocks += pool->block_count;
	}
	if (blocks > CONFIG_BLOCKS_MAX)
		return config_fail(reader, list, "%zu blocks in all pools; at most %d", blocks,
				   CONFIG_BLOCKS_MAX);
	return 0;
}

static int check_pools(struct config_reader *reader, const struct config_node *list,
		       const struct config *config)
{
	struct config_entry *entries = calloc(config->pool_count, sizeof(*entries));
	const struct config_entry *first, *second;
	char text[IP_PREFIX_TEXT_MAX];
	int err = -ENOMEM;

	if (entries)
		err = check_each_pool(reader, list, config, entries);
	if (err == 0 && config_entries_find_overlap(entries, config->pool_count, &first, &second)) {
		config_enter_item(reader, second->index);
		err = config_fail(reader, config_find(config_item(list, second->index), "cidr"),
				  "cidr: overlaps pool %s (%s)", config->pool[first->index].name,
				  ip_prefix_format(&first->prefix, text, sizeof(text)));
	}
	free(entries);
	return err;
}

/* The block of this node that covers @prefix, or NULL. */
static const struct ip_prefix *find_own_block(const struct config *config,
					      const struct ip_prefix *prefix)
{
	size_t i, k;

	for (i = 0; i < config->pool_count; i++) {
		for (k = 0; k < config->pool[i].block_count; k++) {
			if (ip_prefix_covers(&config->pool[i].block[k], prefix))
				return &config->pool[i].block[k];
		}
	}
	return NULL;
}

static int check_route(struct config_reader *reader, const struct config_node *node,
		       const struct config *config, const struct config_route *route)
{
	const struct ip_prefix *block = find_own_block(config, &route->prefix);
	char text[IP_PREFIX_TEXT_MAX];
	size_t i, k;

	if (ip_prefix_family_bits(&route->prefix) == 0)
		return config_fail(reader, config_find(node, "prefix"),
				   "prefix: a default route is not a route to pods");
	if (block)
		return config_fail(reader, config_find(node, "prefix"),
				   "prefix: lies inside this node's own block %s",
				   ip_prefix_format(block, text, sizeof(text)));
	for (i = 0; i < config->node_address_count; i++) {
		for (k = 0; k < route->via.count; k++) {
			if (ip_addr_equal(&config->node_address[i], &route->via.addr[k]))
				return config_fail(reader, config_find(node, "via"),
						   "via: is this node itself");
		}
	}
	return 0;
}

static int check_routes(struct config_reader *reader, const struct config_node *list,
			const struct config *config)
{
	struct config_entry *entries = calloc(config->route_count, sizeof(*entries));
	const struct config_node *node = list->first;
	size_t i;
	int err = 0;

	if (!entries)
		return -ENOMEM;
	for (i = 0; err == 0 && i < config->route_count; i++, node = node->next) {
		size_t mark = config_enter_item(reader, i);

		entries[i] = (struct config_entry){ .prefix = config->route[i].prefix, .index = i };
		err = check_route(reader, node, config, &config->route[i]);
		if (err == 0)
			config_leave(reader, mark);
	}
	if (err == 0) {
		i = find_double(entries, config->route_count);
		if (i < config->route_count)
			err = config_fail(reader, config_item(list, i),
					  "[%zu].prefix: stands here twice", i);
	}
	free(entries);
	return err;
}

static int check_peers(struct config_reader *reader, const struct config_node *bgp,
		       const struct config *config)
{
	const struct config_peer *peer = config->bgp.peer;
	struct config_entry *entries = calloc(config->bgp.peer_count, sizeof(*entries));
	char text[IP_PREFIX_TEXT_MAX];
	size_t i;
	int err = 0;

	if (!entries)
		return -ENOMEM;
	for (i = 0; i < config->bgp.peer_count; i++)
		entries[i] = (struct config_entry){
			.prefix = peer[i].is_range ? peer[i].range : ip_prefix_host(&peer[i].addr),
			.index = i
		};
	i = find_double(entries, config->bgp.peer_count);
	if (i < config->bgp.peer_count)
		err = config_fail(reader, bgp, "mesh, peers: %s stands there twice",
				  peer[i].is_range
					  ? ip_prefix_format(&peer[i].range, text, sizeof(text))
					  : ip_addr_format(&peer[i].addr, text, sizeof(text)));
	free(entries);
	return err;
}

int config_check(struct config_reader *reader, const struct config_node *top,
		 const struct config *config)
{
	size_t mark;
	int err = 0;

	if (config->pool_count) {
		mark = config_enter_key(reader, "pools");
		err = check_pools(reader, config_find(top, "pools"), config);
		if (err < 0)
			return err;
		config_leave(reader, mark);
	}
	if (config->node_count) {
		mark = config_enter_key(reader, "nodes");
		err = config_check_nodes(reader, config_find(top, "nodes"), config);
		if (err < 0)
			return err;
		config_leave(reader, mark);
	}
	if (config->route_count) {
		mark = config_enter_key(reader, "routes");
		err = check_routes(reader, config_find(top, "routes"), config);
		if (err < 0)
			return err;
		config_leave(reader, mark);
	}
	if (config->bgp.peer_count) {
		mark = config_enter_key(reader, "bgp");
		err = check_peers(reader, config_find(top, "bgp"), config);
		if (err == 0)
			config_leave(reader, mark);
	}
	return err;
}
