/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_nodes.c: the nodes of the cluster, and which addresses and ranges are whose.
 *
 * Two nodes with one address, or with ranges that overlap, are an error of the cluster that would
 * send packets to the wrong place; the older Node object keeps what both claim. Claims are sorted
 * by address, wider ranges first, so that what holds a range stands in front of it and all overlaps
 * are found in one pass, with a stack of the ranges that are still open.
 */
#include "kube/document_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"

#define OPEN_RANGES_MAX 130 /* ranges inside each other: one per prefix length, and equal ones */

/* A range that a node claims; addresses are ranges of one. */
struct claim {
	struct ip_prefix prefix;
	size_t node; /* index */
	size_t rank; /* who wins: smaller */
	size_t index;
	bool is_lost;
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = ip_addr_compare(&x->prefix.addr, &y->prefix.addr);

	if (order == 0)
		order = (x->prefix.bits > y->prefix.bits) - (x->prefix.bits < y->prefix.bits);
	if (order == 0)
		order = (x->node > y->node) - (x->node < y->node);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Who of two loses what both claim is the younger, and within a node the later. */
static struct claim *loser_of(struct claim *a, struct claim *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank ? a : b;
	return a->index > b->index ? a : b;
}

static void lose(struct builder *builder, struct claim *loser, const struct claim *winner,
		 const char *what)
{
	const struct doc_node *node = &builder->nodes[loser->node];
	char text[IP_PREFIX_TEXT_MAX], other[IP_PREFIX_TEXT_MAX];

	loser->is_lost = true;
	document_problem(builder, CLUSTER_NODES, node->name,
			 "%s %s overlaps %s of node %.253s, which %s: left out", what,
			 ip_prefix_format(&loser->prefix, text, sizeof(text)),
			 ip_prefix_format(&winner->prefix, other, sizeof(other)),
			 builder->nodes[winner->node].name,
			 &builder->nodes[winner->node] == builder->self ? "is this one"
									: "is older");
}

static void find_overlaps(struct builder *builder, struct claim *claims, size_t count,
			  const char *what)
{
	struct claim *open[OPEN_RANGES_MAX];
	size_t depth = 0;

	qsort(claims, count, sizeof(*claims), compare_claims);
	for (size_t i = 0; i < count; i++) {
		struct claim *claim = &claims[i];

		while (depth > 0 && !ip_prefix_covers(&open[depth - 1]->prefix, &claim->prefix))
			depth--;
		for (size_t k = 0; k < depth && !claim->is_lost; k++) {
			struct claim *loser = loser_of(open[k], claim);

			if (!open[k]->is_lost)
				lose(builder, loser, loser == claim ? open[k] : claim, what);
		}
		if (!claim->is_lost && depth < OPEN_RANGES_MAX)
			open[depth++] = claim;
	}
}

/* --- blocks --- */

static bool is_usable_block(struct builder *builder, const struct doc_node *node,
			    const struct ip_prefix *block)
{
	char text[IP_PREFIX_TEXT_MAX], address[IP_ADDR_TEXT_MAX];
	const char *special = config_special_range(block);

	ip_prefix_format(block, text, sizeof(text));
	if (special) {
		document_problem(builder, CLUSTER_NODES, node->name,
				 "podCIDR %s overlaps %s, where no pod can live: left out", text,
				 special);
		return false;
	}
	for (size_t i = 0; i < node->object->address_count; i++) {
		if (!ip_prefix_contains(block, &node->object->address[i]))
			continue;
		document_problem(
			builder, CLUSTER_NODES, node->name,
			"podCIDR %s holds %s, an address of the node: left out", text,
			ip_addr_format(&node->object->address[i], address, sizeof(address)));
		return false;
	}
	return true;
}

static size_t claim_blocks(struct builder *builder, struct claim *claims)
{
	size_t count = 0;

	for (size_t n = 0; n < builder->node_count; n++) {
		const struct doc_node *node = &builder->nodes[n];

		for (size_t i = 0; i < node->object->block_count; i++) {
			struct claim claim = { .node = n, .rank = n, .index = i };

			claim.prefix = node->object->block[i];
			if (is_usable_block(builder, node, &claim.prefix))
				claims[count++] = claim;
		}
	}
	return count;
}

/* An address of this node is its own whoever else has it: without one nothing would run here. */
static size_t claim_addresses(const struct builder *builder, struct claim *claims)
{
	size_t count = 0;

	for (size_t n = 0; n < builder->node_count; n++) {
		const struct node_object *object = builder->nodes[n].object;

		for (size_t i = 0; i < object->address_count; i++) {
			claims[count] = (struct claim){ .node = n, .index = i };
			claims[count].rank = &builder->nodes[n] == builder->self ? 0 : n + 1;
			claims[count++].prefix = ip_prefix_host(&object->address[i]);
		}
	}
	return count;
}

static int compare_places(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = (x->node > y->node) - (x->node < y->node);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* What was won goes to the nodes, in the order in which the Node object has it. */
static void give_blocks(struct builder *builder, struct claim *claims, size_t count)
{
	qsort(claims, count, sizeof(*claims), compare_places);
	for (size_t i = 0; i < count; i++) {
		struct doc_node *node = &builder->nodes[claims[i].node];

		if (!claims[i].is_lost)
			node->block[node->block_count++] = claims[i].prefix;
	}
}

static void give_addresses(struct builder *builder, struct claim *claims, size_t count)
{
	qsort(claims, count, sizeof(*claims), compare_places);
	for (size_t i = 0; i < count; i++) {
		struct doc_node *node = &builder->nodes[claims[i].node];

		if (!claims[i].is_lost)
			node->address[node->address_count++] = claims[i].prefix.addr;
	}
}

static int settle_claims(struct builder *builder)
{
	size_t most = builder->node_count * NODE_ADDRESSES_MAX, count;
	struct claim *claims = calloc(most ? most : 1, sizeof(*claims));

	if (!claims)
		return -ENOMEM;
	count = claim_addresses(builder, claims);
	find_overlaps(builder, claims, count, "InternalIP");
	give_addresses(builder, claims, count);
	count = claim_blocks(builder, claims);
	find_overlaps(builder, claims, count, "podCIDR");
	give_blocks(builder, claims, count);
	free(claims);
	return 0;
}

/* --- the nodes --- */

int document_read_nodes(struct builder *builder, const char *own_name)
{
	const struct cluster_object *object;
	size_t count = HASH_COUNT(builder->cluster->objects[CLUSTER_NODES]);

	builder->nodes = calloc(count ? count : 1, sizeof(*builder->nodes));
	if (!builder->nodes)
		return -ENOMEM;
	for (object = builder->cluster->objects[CLUSTER_NODES]; object; object = object->hh.next) {
		struct doc_node *node = &builder->nodes[builder->node_count];

		if (object->node->fault[0])
			document_warn(builder, CLUSTER_NODES, object->name, "%s",
				      object->node->fault);
		if (!document_is_name(object->name)) {
			document_warn(builder, CLUSTER_NODES, object->name,
				      "no name of a node: left out");
			continue;
		}
		node->name = object->name;
		node->object = object->node;
		if (strcmp(node->name, own_name) == 0)
			builder->self = node;
		builder->node_count++;
	}
	return settle_claims(builder);
}

static void note_self(struct builder *builder)
{
	const struct doc_node *self = builder->self;

	if (self->object->block_count == 0)
		document_problem(builder, CLUSTER_NODES, self->name,
				 "has no podCIDR yet, so no pod gets an address; "
				 "kube-controller-manager gives them with "
				 "--allocate-node-cidrs=true and --cluster-cidr");
	if (self->object->has_own_as)
		document_warn(builder, CLUSTER_NODES, self->name,
			      "annotation projectcalico.org/ASNumber: not served: all nodes have "
			      "the AS of bgpconfiguration default");
	if (self->object->has_bad_cluster_id)
		document_warn(builder, CLUSTER_NODES, self->name,
			      "annotation projectcalico.org/RouteReflectorClusterID: not four "
			      "numbers like an IPv4 address: the node reflects no routes");
}

int document_write_nodes(struct builder *builder)
{
	const struct doc_node *self = builder->self;
	FILE *out = builder->out;
	size_t written = 0;

	note_self(builder);
	fprintf(out, "node:\n  name: \"%s\"\n  addresses: ", self->name);
	document_write_addresses(out, self->address, self->address_count);
	fprintf(out, "\nnodes:\n");
	for (size_t i = 0; i < builder->node_count; i++) {
		const struct doc_node *node = &builder->nodes[i];

		if (node->address_count == 0)
			continue;
		if (written >= DOCUMENT_NODES_MAX - 1 && node != self) {
			document_problem(builder, CLUSTER_NODES, node->name,
					 "more than %d nodes: left out", DOCUMENT_NODES_MAX);
			continue;
		}
		written++;
		fprintf(out, "  - {name: \"%s\", addresses: ", node->name);
		document_write_addresses(out, node->address, node->address_count);
		if (node->block_count > 0) {
			fprintf(out, ", blocks: ");
			document_write_prefixes(out, node->block, node->block_count);
		}
		fprintf(out, "}\n");
	}
	return 0;
}
