/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools.c: `tortie get ippool`.
 *
 * A pool's record is followed by those of this node's blocks in it; the item gathers them. CAPACITY
 * and USED count addresses of these blocks only: other nodes' are theirs. What the agent keeps of
 * the cluster's IPPool objects is added.
 */
#include "tools/tortie/pools.h"

#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"

static const struct output_column columns[] = { POOL_COLUMNS };

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
	document_set_words(walk->last, "ipip_mode", "Never");
	document_set_words(walk->last, "vxlan_mode", "Never");
	document_set_flag(walk->last, "disabled", false);
	document_set_flag(walk->last, "disable_bgp_export", false);
	document_set_words(walk->last, "selector", "all()");
	document_set_words(walk->last, "assignment_mode", "Automatic");
	document_set_number(walk->last, "capacity", pool->capacity);
	document_set_number(walk->last, "used", pool->used);
	document_set(walk->last, "block_cidrs", document_new_list());
	document_set(walk->last, "blocks", document_new_list());
	document_add(walk->items, walk->last);
	return 0;
}

/* What the object says goes into the item of its name; an object in whose range this node has no
 * pool gets an item of its own. */
static void object_merge(struct json_object *items, struct json_object *object)
{
	const char *name = document_words_at(object, "metadata.name");
	bool is_known = false;
	struct json_object *item;

	for (size_t i = 0; i < json_object_array_length(items); i++) {
		item = json_object_array_get_idx(items, i);
		if (strcmp(document_get_words(item, "name"), name) != 0)
			continue;
		is_known = true;
		document_set_flag(item, "disabled",
				  strcmp(document_words_at(object, "spec.disabled"), "true") == 0);
	}
	if (is_known)
		return;
	item = document_new_map();
	pools_row(object, item);
	document_add(items, item);
}

static int pools_enrich(struct request *request, struct json_object *items)
{
	struct json_object *objects = document_new_list();
	int err = get_node_objects(request, pool_objects.kind, objects);

	for (size_t i = 0; i < json_object_array_length(objects); i++)
		object_merge(items, json_object_array_get_idx(objects, i));
	json_object_put(objects);
	return err;
}

static const char *const names[] = { "ippool", "ippools", "ipp", "ipps", "pool", "pools", NULL };

const struct get_kind get_pools = {
	.names = names,
	.request = MSG_GET_POOLS,
	.record = pool_record,
	.name_key = "name",
	.view = { .kind = "IPPoolList",
		  .empty = "No pools.",
		  .columns = columns,
		  .column_count = sizeof(columns) / sizeof(columns[0]) },
	.objects = &pool_objects,
	.enrich = pools_enrich,
};
