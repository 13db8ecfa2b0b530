/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_DOCUMENT_PARTS_H
#define KUBE_DOCUMENT_PARTS_H

#include <stdio.h>

#include "kube/document.h"

struct json_object;

/* What the files of the document share. */

struct doc_node {
	const char *name; /* borrowed from the cluster */
	const struct node_object *object;
	struct ip_addr address[NODE_ADDRESSES_MAX]; /* those that are nobody else's */
	size_t address_count;
	struct ip_prefix block[NODE_BLOCKS_MAX]; /* likewise */
	size_t block_count;
};

struct doc_pool {
	const char *name;
	struct ip_prefix cidr;
	bool nat_outgoing, is_disabled;
};

struct builder {
	struct cluster *cluster;
	struct document *document;
	FILE *out;
	struct doc_node *nodes; /* oldest first */
	size_t node_count;
	struct doc_node *self;
	struct doc_pool *pools;
	size_t pool_count;
};

/** document_warn(), document_problem() - a notice about an object: "WORD NAME: TEXT". */
void document_warn(struct builder *builder, enum cluster_kind kind, const char *name,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));
void document_problem(struct builder *builder, enum cluster_kind kind, const char *name,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Of spec: members that are not in the table, or are there and say more than nothing, are told. */
struct doc_field {
	const char *name;
	bool is_served;
	const char *harmless; /* a text that changes nothing; NULL: none */
	const char *why;      /* why it is not served, and what is there instead */
};

struct doc_fields {
	enum cluster_kind kind;
	const struct doc_field *rows;
	size_t count;
};

void document_note_fields(struct builder *builder, const struct doc_fields *fields,
			  const struct cluster_object *object);

/** document_read_nodes() - builder->nodes and self, without what two claim. 0 or -ENOMEM. */
int document_read_nodes(struct builder *builder, const char *own_name);
int document_write_nodes(struct builder *builder);
/** document_read_pools() - builder->pools: IPPools that can be used, then the defaults. */
int document_read_pools(struct builder *builder);
void document_write_pools(struct builder *builder);
void document_write_reserved(struct builder *builder);
int document_write_bgp(struct builder *builder);

/** document_is_name() - may a configuration have @name as name of a node or pool? */
bool document_is_name(const char *name);
/* "LIST: [...]" of prefixes and addresses, quoted. */
void document_write_prefixes(FILE *out, const struct ip_prefix *list, size_t count);
void document_write_addresses(FILE *out, const struct ip_addr *list, size_t count);

#endif /* KUBE_DOCUMENT_PARTS_H */
