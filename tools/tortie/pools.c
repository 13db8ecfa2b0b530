/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools.c: `tortie get ippool`.
 *
 * A pool's record is followed by those of this node's blocks in it; the item gathers them. CAPACITY
 * and USED count addresses of these blocks only: other nodes' are theirs.
 */
#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"

static const struct output_column columns[] = {
	{ "NAME", "name", false, false },	  { "CIDR", "cidr", false, false },
	{ "NAT", "nat_outgoing", false, false },  { "ENCAPSULATION", "encapsulation", true, false },
	{ "BLOCKS", "block_cidrs", true, false }, { "CAPACITY", "capacity", true, true },
	{ "USED", "used", true, true },
};

static void block_add(struct json_object *pool, const struct msg_block *block)
{
	struct json_object *cidrs = json_object_object_get(pool, "block_cidrs");
	struct json_object *blocks = json_object_object_get(pool, "blocks");
	struct json_object *item = document_new_map();
	char text[IP_PREFIX_TEXT_MAX];

	document_add_words(cidrs, ip_prefix_format(&block->cidr, text, sizeof(text)));
	document_set_prefix(item, "cidr", &block->cidr);
	document_set_number(item, "capacity", block->capacity);
	document_set_number(item, "used", block->used);
	document_set_number(item, "quarantined", block->quarantined);
	document_add(blocks, item);
}

static int pool_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_pool *pool = body;
	struct get_walk *walk = arg;

	if (type == MSG_BLOCK && walk->last)
		block_add(walk->last, body);
	if (type != MSG_POOL)
		return 0;
	walk->last = document_new_map();
	document_set_text(walk->last, "name", pool->name, sizeof(pool->name));
	document_set_prefix(walk->last, "cidr", &pool->cidr);
	document_set_flag(walk->last, "nat_outgoing", pool->nat_outgoing == 1);
	document_set_words(walk->last, "encapsulation", "never");
	document_set_number(walk->last, "capacity", pool->capacity);
	document_set_number(walk->last, "used", pool->used);
	document_set(walk->last, "block_cidrs", document_new_list());
	document_set(walk->last, "blocks", document_new_list());
	document_add(walk->items, walk->last);
	return 0;
}

static const char *const names[] = { "ippool", "ippools", "pool", "pools", NULL };

const struct get_kind get_pools = {
	.names = names,
	.request = MSG_GET_POOLS,
	.record = pool_record,
	.name_key = "name",
	.view = { .kind = "IPPoolList",
		  .empty = "No pools.",
		  .columns = columns,
		  .column_count = sizeof(columns) / sizeof(columns[0]) },
};
