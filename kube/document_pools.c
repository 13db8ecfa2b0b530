/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_pools.c: pools and reserved.
 *
 * Addresses always come from a node's podCIDRs. An IPPool object says how its range is called and
 * whether it is masqueraded; it may hold podCIDRs whole, or none, but not part of one. What no
 * IPPool covers is in the default pools, whose ranges are the podCIDRs with siblings joined, so
 * that a cluster of 256 nodes with a /24 each has one /16.
 *
 * IPPool.disabled stops new addresses and must not touch running pods; so the range stays a pool,
 * and of this node's blocks all of it is reserved.
 */
#include "kube/document_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"

#define DEFAULT_POOL_V4 "default-ipv4-ippool"
#define DEFAULT_POOL_V6 "default-ipv6-ippool"

#define FROM_POD_CIDR "addresses come from the nodes' podCIDRs"
#define NO_TUNNEL     "packets are not encapsulated in this version"

static const struct doc_field pool_rows[] = {
	{ "cidr", true, NULL, NULL },
	{ "natOutgoing", true, NULL, NULL },
	{ "disabled", true, NULL, NULL },
	{ "blockSize", false, NULL, FROM_POD_CIDR },
	{ "ipipMode", false, "Never", NO_TUNNEL },
	{ "vxlanMode", false, "Never", NO_TUNNEL },
	{ "nodeSelector", false, "all()", FROM_POD_CIDR },
	{ "namespaceSelector", false, "all()", FROM_POD_CIDR },
	{ "allowedUses", false, "Workload", FROM_POD_CIDR },
	{ "assignmentMode", false, "Automatic", FROM_POD_CIDR },
	{ "disableBGPExport", false, NULL, "every node announces its podCIDRs" },
};

static const struct doc_fields pool_fields = {
	CLUSTER_POOLS,
	pool_rows,
	sizeof(pool_rows) / sizeof(pool_rows[0]),
};

static const struct doc_field reservation_rows[] = {
	{ "reservedCIDRs", true, NULL, NULL },
};

static const struct doc_fields reservation_fields = {
	CLUSTER_RESERVATIONS,
	reservation_rows,
	sizeof(reservation_rows) / sizeof(reservation_rows[0]),
};

/* --- IPPool objects --- */

static struct json_object *spec_of(const struct cluster_object *object)
{
	return json_get_object(object->json, "spec");
}

/* A podCIDR that @cidr holds a part of, or NULL. */
static const struct ip_prefix *find_cut_block(const struct builder *builder,
					      const struct ip_prefix *cidr)
{
	for (size_t n = 0; n < builder->node_count; n++) {
		const struct doc_node *node = &builder->nodes[n];

		for (size_t i = 0; i < node->block_count; i++)
			if (ip_prefix_covers(&node->block[i], cidr) &&
			    !ip_prefix_equal(&node->block[i], cidr))
				return &node->block[i];
	}
	return NULL;
}

static const struct doc_pool *find_overlapping_pool(const struct builder *builder,
						    const struct ip_prefix *cidr)
{
	for (size_t i = 0; i < builder->pool_count; i++)
		if (ip_prefix_overlaps(&builder->pools[i].cidr, cidr))
			return &builder->pools[i];
	return NULL;
}

static bool is_usable_pool(struct builder *builder, const struct cluster_object *object,
			   const struct ip_prefix *cidr)
{
	const struct ip_prefix *block = find_cut_block(builder, cidr);
	const struct doc_pool *other = find_overlapping_pool(builder, cidr);
	const char *special = config_special_range(cidr);
	char text[IP_PREFIX_TEXT_MAX];

	if (special)
		document_warn(builder, CLUSTER_POOLS, object->name,
			      "spec.cidr overlaps %s, where no pod can live: left out", special);
	else if (other)
		document_warn(builder, CLUSTER_POOLS, object->name,
			      "spec.cidr overlaps ippool %.253s (%s), which is older: left out",
			      other->name, ip_prefix_format(&other->cidr, text, sizeof(text)));
	else if (block)
		document_warn(builder, CLUSTER_POOLS, object->name,
			      "spec.cidr is only a part of podCIDR %s; a pool holds podCIDRs "
			      "whole: left out",
			      ip_prefix_format(block, text, sizeof(text)));
	return !special && !other && !block;
}

static void read_pool(struct builder *builder, const struct cluster_object *object)
{
	struct json_object *spec = spec_of(object);
	const char *text = json_get_text(spec, "cidr");
	struct doc_pool *pool = &builder->pools[builder->pool_count];
	struct ip_prefix cidr;

	document_note_fields(builder, &pool_fields, object);
	if (!document_is_name(object->name)) {
		document_warn(builder, CLUSTER_POOLS, object->name, "no name of a pool: left out");
		return;
	}
	if (!text || ip_prefix_parse(text, &cidr) < 0) {
		document_warn(builder, CLUSTER_POOLS, object->name,
			      "spec.cidr: %.60s: not ADDRESS/LENGTH, or bits beyond the length: "
			      "left out",
			      text ? text : "missing");
		return;
	}
	if (!is_usable_pool(builder, object, &cidr))
		return;
	*pool = (struct doc_pool){ .name = object->name, .cidr = cidr };
	json_get_bool(spec, "natOutgoing", &pool->nat_outgoing);
	json_get_bool(spec, "disabled", &pool->is_disabled);
	builder->pool_count++;
}

/* --- the default pools --- */

static int compare_prefixes(const void *a, const void *b)
{
	const struct ip_prefix *x = a, *y = b;
	int order = ip_addr_compare(&x->addr, &y->addr);

	return order ? order : (x->bits > y->bits) - (x->bits < y->bits);
}

/* Do the two make one prefix, one bit shorter? IPv4 stays IPv4. */
static bool are_siblings(const struct ip_prefix *a, const struct ip_prefix *b,
			 struct ip_prefix *ret)
{
	unsigned int bits = a->bits;

	if (bits != b->bits || bits == 0 || (ip_addr_is_v4(&a->addr) && bits == IP_ADDR_V4_BITS))
		return false;
	*ret = ip_prefix_make(&a->addr, bits - 1);
	return ip_prefix_covers(ret, b) && !ip_prefix_equal(a, b) && !config_special_range(ret);
}

/* Sorted prefixes without overlaps: join siblings, also joined ones. The new count. */
static size_t join_siblings(struct ip_prefix *list, size_t count)
{
	struct ip_prefix joined;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		list[kept++] = list[i];
		while (kept > 1 && are_siblings(&list[kept - 2], &list[kept - 1], &joined)) {
			kept--;
			list[kept - 1] = joined;
		}
	}
	return kept;
}

static bool is_covered(const struct builder *builder, const struct ip_prefix *block)
{
	for (size_t i = 0; i < builder->pool_count; i++)
		if (ip_prefix_covers(&builder->pools[i].cidr, block))
			return true;
	return false;
}

static size_t collect_uncovered(const struct builder *builder, struct ip_prefix *list)
{
	size_t count = 0;

	for (size_t n = 0; n < builder->node_count; n++) {
		const struct doc_node *node = &builder->nodes[n];

		for (size_t i = 0; i < node->block_count; i++)
			if (!is_covered(builder, &node->block[i]))
				list[count++] = node->block[i];
	}
	return count;
}

/* Own ranges go first, so that they are there whatever does not fit. */
static bool is_own(const struct builder *builder, const struct ip_prefix *cidr)
{
	for (size_t i = 0; i < builder->self->block_count; i++)
		if (ip_prefix_covers(cidr, &builder->self->block[i]))
			return true;
	return false;
}

static void add_defaults(struct builder *builder, const struct ip_prefix *list, size_t count,
			 bool own)
{
	for (size_t i = 0; i < count; i++) {
		struct doc_pool pool = { .cidr = list[i], .nat_outgoing = true };

		if (is_own(builder, &list[i]) != own)
			continue;
		pool.name = ip_addr_is_v4(&list[i].addr) ? DEFAULT_POOL_V4 : DEFAULT_POOL_V6;
		if (builder->pool_count == DOCUMENT_POOLS_MAX) {
			document_problem(builder, CLUSTER_POOLS, pool.name,
					 "more than %d ranges; the rest is left out",
					 DOCUMENT_POOLS_MAX);
			return;
		}
		builder->pools[builder->pool_count++] = pool;
	}
}

static int read_defaults(struct builder *builder)
{
	size_t most = builder->node_count * NODE_BLOCKS_MAX, count;
	struct ip_prefix *list = calloc(most ? most : 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	count = collect_uncovered(builder, list);
	qsort(list, count, sizeof(*list), compare_prefixes);
	count = join_siblings(list, count);
	add_defaults(builder, list, count, true);
	add_defaults(builder, list, count, false);
	free(list);
	return 0;
}

int document_read_pools(struct builder *builder)
{
	const struct cluster_object *object;

	builder->pools = calloc(DOCUMENT_POOLS_MAX, sizeof(*builder->pools));
	if (!builder->pools)
		return -ENOMEM;
	for (object = builder->cluster->objects[CLUSTER_POOLS]; object; object = object->hh.next)
		if (builder->pool_count < DOCUMENT_POOLS_MAX)
			read_pool(builder, object);
	return read_defaults(builder);
}

void document_write_pools(struct builder *builder)
{
	FILE *out = builder->out;
	char text[IP_PREFIX_TEXT_MAX];

	if (builder->pool_count == 0)
		return;
	fprintf(out, "pools:\n");
	for (size_t i = 0; i < builder->pool_count; i++) {
		const struct doc_pool *pool = &builder->pools[i];
		struct ip_prefix own[NODE_BLOCKS_MAX];
		size_t count = 0;

		for (size_t k = 0; k < builder->self->block_count; k++)
			if (ip_prefix_covers(&pool->cidr, &builder->self->block[k]))
				own[count++] = builder->self->block[k];
		fprintf(out, "  - {name: \"%s\", cidr: \"%s\", nat_outgoing: %s", pool->name,
			ip_prefix_format(&pool->cidr, text, sizeof(text)),
			pool->nat_outgoing ? "true" : "false");
		if (count > 0) {
			fprintf(out, ", blocks: ");
			document_write_prefixes(out, own, count);
		}
		fprintf(out, "}\n");
	}
}

/* --- reserved --- */

struct reserved {
	struct ip_prefix list[DOCUMENT_RESERVED_MAX];
	size_t count;
};

/* Of what is reserved only this node's part matters. */
static void reserve(struct builder *builder, struct reserved *reserved,
		    const struct cluster_object *object, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < builder->self->block_count; i++) {
		if (!ip_prefix_overlaps(prefix, &builder->self->block[i]))
			continue;
		for (size_t k = 0; k < reserved->count; k++)
			if (ip_prefix_equal(&reserved->list[k], prefix))
				return;
		if (reserved->count == DOCUMENT_RESERVED_MAX)
			document_warn(builder, CLUSTER_RESERVATIONS, object->name,
				      "more than %d reserved ranges on this node: left out",
				      DOCUMENT_RESERVED_MAX);
		else
			reserved->list[reserved->count++] = *prefix;
		return;
	}
}

static void read_reservation(struct builder *builder, struct reserved *reserved,
			     const struct cluster_object *object)
{
	struct json_object *list = json_get_array(spec_of(object), "reservedCIDRs");

	document_note_fields(builder, &reservation_fields, object);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_text(json_get_item(list, i));
		struct ip_prefix prefix;
		struct ip_addr addr;

		if (text && ip_addr_parse(text, &addr) == 0)
			prefix = ip_prefix_host(&addr);
		else if (!text || ip_prefix_parse(text, &prefix) < 0) {
			document_warn(builder, CLUSTER_RESERVATIONS, object->name,
				      "spec.reservedCIDRs[%zu]: %.60s: no prefix: left out", i,
				      text ? text : "no text");
			continue;
		}
		reserve(builder, reserved, object, &prefix);
	}
}

void document_write_reserved(struct builder *builder)
{
	struct cluster_object *object = builder->cluster->objects[CLUSTER_RESERVATIONS];
	struct reserved reserved = { .count = 0 };

	for (size_t i = 0; i < builder->pool_count; i++) {
		const struct doc_pool *pool = &builder->pools[i];

		for (size_t k = 0; pool->is_disabled && k < builder->self->block_count; k++)
			if (ip_prefix_covers(&pool->cidr, &builder->self->block[k]))
				reserved.list[reserved.count++] = builder->self->block[k];
	}
	for (; object; object = object->hh.next)
		read_reservation(builder, &reserved, object);
	if (reserved.count == 0)
		return;
	fprintf(builder->out, "reserved: ");
	document_write_prefixes(builder->out, reserved.list, reserved.count);
	fputc('\n', builder->out);
}
