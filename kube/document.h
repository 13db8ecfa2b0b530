/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_DOCUMENT_H
#define KUBE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "agent_protocol.h"
#include "kube/cluster.h"

/*
 * The cluster's document: what a person would have written into tortie.yaml for this node, had he
 * known the cluster (docs/configuration.md), and what of the cluster is wrong or not served.
 */

#define DOCUMENT_NODES_MAX    5000
#define DOCUMENT_POOLS_MAX    8192
#define DOCUMENT_RESERVED_MAX 256
#define DOCUMENT_PEERS_MAX    1024
#define DOCUMENT_NOTICES_MAX  256

struct document_notice {
	enum status_level level;
	char *text; /* at most TEXT_MAX octets: object: field: what is wrong (mend) */
};

struct document {
	char *text; /* NULL: there can be none, see why */
	size_t len;
	char why[TEXT_MAX + 1];
	struct document_notice notice[DOCUMENT_NOTICES_MAX];
	size_t notice_count;
	size_t notices_left_out; /* beyond the maximum */
};

/** document_build() - for the node @node_name; pure. 0 and @ret filled (document_fini()), or
 * -ENOMEM. @cluster is sorted by it. */
int document_build(struct cluster *cluster, const char *node_name, struct document *ret);
/** document_wants() - does the document depend on objects of @kind, as the cluster is? */
bool document_wants(const struct cluster *cluster, enum cluster_kind kind);
void document_fini(struct document *document);

#endif /* KUBE_DOCUMENT_H */
