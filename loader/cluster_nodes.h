/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CLUSTER_NODES_H
#define LOADER_CLUSTER_NODES_H

#include <stdbool.h>
#include <stddef.h>

#include "ip_address.h"
#include "loader/status_lines.h"

struct config_cluster_node;

/*
 * The other nodes, as nodes: of the configuration names them, and how this node gets at their pods.
 */

/** cluster_node_needs_encapsulation() - does @node share no subnet with an uplink of ours, and does
 * no route lead to a block of it? *ret_block (may be NULL) is that block then. */
bool cluster_node_needs_encapsulation(const struct agent *agent,
				      const struct config_cluster_node *node,
				      const struct ip_prefix **ret_block);
/** cluster_node_of() - the other node whose block holds the pod address @addr, or NULL. */
const struct config_cluster_node *cluster_node_of(const struct agent *agent,
						  const struct ip_addr *addr);
int cluster_nodes_status(struct agent *agent, status_line_fn *fn, void *arg);

#endif /* LOADER_CLUSTER_NODES_H */
