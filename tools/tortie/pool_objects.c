/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_objects.c: IPPool objects, and the pools that exist without one.
 *
 * A node's addresses come from its podCIDRs. What no IPPool object covers belongs to a pool of its
 * family all the same, default-ipv4-ippool or default-ipv6-ippool, with natOutgoing; tortie-kubed
 * tells the nodes so, and the same is worked out here: the podCIDRs of all nodes, those that an
 * IPPool covers taken out, neighbours put together. Several ranges are several rows of one name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/cluster.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"
#include "tools/tortie/pools.h"

#define NODES_PATH   "/api/v1/nodes"
#define BLOCKS_SHOWN 8

static const struct output_column columns[] = { POOL_COLUMNS };

static int range_compare(const void *a, const void *b)
{
	const struct ip_prefix *left = a, *right = b;
	int order = ip_addr_compare(&left->addr, &right->addr);

	return order ? order : (int)left->bits - (int)right->bits;
}

/* The two halves of one range? @left is the lower. */
static bool are_siblings(const struct ip_prefix *left, const struct ip_prefix *right)
{
	struct ip_prefix whole;

	if (left->bits != right->bits || ip_prefix_family_bits(left) == 0 ||
	    ip_addr_equal(&left->addr, &right->addr))
		return false;
	whole = ip_prefix_make(&left->addr, left->bits - 1);
	return ip_prefix_covers(&whole, right);
}

size_t pools_merge(struct ip_prefix *range, size_t count)
{
	size_t top = 0;

	qsort(range, count, sizeof(*range), range_compare);
	for (size_t i = 0; i < count; i++) {
		if (top > 0 && ip_prefix_covers(&range[top - 1], &range[i]))
			continue;
		range[top++] = range[i];
		while (top > 1 && are_siblings(&range[top - 2], &range[top - 1])) {
			range[top - 2] =
				ip_prefix_make(&range[top - 2].addr, range[top - 2].bits - 1);
			top--;
		}
	}
	return top;
}

struct ranges {
	struct ip_prefix *range;
	size_t count, room;
};

static void range_add(struct ranges *ranges, const char *text)
{
	struct ip_prefix *grown;

	if (ranges->count == ranges->room) {
		size_t room = ranges->room ? 2 * ranges->room : 64;

		grown = reallocarray(ranges->range, room, sizeof(*grown));
		if (!grown)
			return;
		ranges->range = grown;
		ranges->room = room;
	}
	if (text && ip_prefix_parse(text, &ranges->range[ranges->count]) == 0)
		ranges->count++;
}

/* The podCIDRs of @nodes; the caller frees. */
static struct ranges blocks_gather(struct json_object *nodes)
{
	struct ranges ranges = { 0 };

	for (size_t i = 0; i < json_object_array_length(nodes); i++) {
		struct json_object *list =
			document_at(json_object_array_get_idx(nodes, i), "spec.podCIDRs");

		if (!json_object_is_type(list, json_type_array))
			continue;
		for (size_t n = 0; n < json_object_array_length(list); n++)
			range_add(&ranges,
				  json_object_get_string(json_object_array_get_idx(list, n)));
	}
	return ranges;
}

static bool is_covered(struct json_object *objects, const struct ip_prefix *range)
{
	struct ip_prefix pool;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *object = json_object_array_get_idx(objects, i);

		if (ip_prefix_parse(document_words_at(object, "spec.cidr"), &pool) == 0 &&
		    ip_prefix_covers(&pool, range))
			return true;
	}
	return false;
}

static struct json_object *default_pool(const struct ip_prefix *range)
{
	struct json_object *spec = document_new_map(), *object;

	object = get_object(&pool_objects, ip_addr_is_v4(&range->addr) ? "default-ipv4-ippool"
								       : "default-ipv6-ippool");
	document_set_prefix(spec, "cidr", range);
	document_set_words(spec, "ipipMode", "Never");
	document_set_words(spec, "vxlanMode", "Never");
	document_set_flag(spec, "natOutgoing", true);
	document_set_words(spec, "nodeSelector", "all()");
	document_set(object, "spec", spec);
	return object;
}

static int pools_collect(struct get_source *source, struct json_object *objects)
{
	struct json_object *nodes = document_new_list();
	struct ip_prefix *range = NULL;
	struct ranges blocks;
	size_t count = 0;
	int err;

	err = cluster_list(source->cluster, NODES_PATH, "", nodes);
	if (err == 0) {
		blocks = blocks_gather(nodes);
		source->block = blocks.range;
		source->block_count = blocks.count;
		range = calloc(source->block_count + 1, sizeof(*range));
	}
	json_object_put(nodes);
	for (size_t i = 0; range && i < source->block_count; i++) {
		if (!is_covered(objects, &source->block[i]))
			range[count++] = source->block[i];
	}
	count = range ? pools_merge(range, count) : 0;
	for (size_t i = 0; i < count; i++)
		document_add(objects, default_pool(&range[i]));
	if (count > 0 && source->note[0] == '\0')
		snprintf(source->note, sizeof(source->note),
			 "default-*-ippool are no objects: they are made of the nodes' podCIDRs");
	free(range);
	return err;
}

/* The nodes' blocks inside @cidr, the first few of them. */
static void blocks_add(const struct get_source *source, const char *cidr, struct json_object *row)
{
	struct json_object *list = document_new_list();
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix pool;
	size_t count = 0;

	for (size_t i = 0; ip_prefix_parse(cidr, &pool) == 0 && i < source->block_count; i++) {
		if (!ip_prefix_covers(&pool, &source->block[i]))
			continue;
		if (count++ < BLOCKS_SHOWN)
			document_add_words(list,
					   ip_prefix_format(&source->block[i], text, sizeof(text)));
	}
	if (count > BLOCKS_SHOWN) {
		snprintf(text, sizeof(text), "and %zu more", count - BLOCKS_SHOWN);
		document_add_words(list, text);
	}
	document_set(row, "block_cidrs", list);
}

void pools_row(struct json_object *object, struct json_object *row)
{
	static const struct {
		const char *key, *path, *absent;
	} cells[] = {
		{ "name", "metadata.name", "" },
		{ "cidr", "spec.cidr", "" },
		{ "nat_outgoing", "spec.natOutgoing", "false" },
		{ "ipip_mode", "spec.ipipMode", "Never" },
		{ "vxlan_mode", "spec.vxlanMode", "Never" },
		{ "disabled", "spec.disabled", "false" },
		{ "disable_bgp_export", "spec.disableBGPExport", "false" },
		{ "selector", "spec.nodeSelector", "all()" },
		{ "assignment_mode", "spec.assignmentMode", "Automatic" },
	};

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		const char *text = document_words_at(object, cells[i].path);

		document_set_words(row, cells[i].key, text[0] ? text : cells[i].absent);
	}
}

static void pool_row(const struct get_source *source, struct json_object *object,
		     struct json_object *row)
{
	pools_row(object, row);
	blocks_add(source, document_words_at(object, "spec.cidr"), row);
}

const struct get_objects pool_objects = {
	.kind = "IPPool",
	.api_version = "projectcalico.org/v3",
	.path = "/apis/projectcalico.org/v3/ippools",
	.view = { .kind = "IPPoolList",
		  .empty = "No pools: no IPPool, and no node has a podCIDR.",
		  .columns = columns,
		  .column_count = sizeof(columns) / sizeof(columns[0]) },
	.row = pool_row,
	.collect = pools_collect,
};
