/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_nodes.c: which of the other nodes this node's pods cannot reach, and why.
 *
 * Packets between nodes are sent as they are: a node is reached through a neighbour on an uplink's
 * subnet, which is the node itself or a router that announces its block. A node that is neither
 * needs its packets wrapped in others, which this version does not do, so it is named wherever
 * somebody may look for the reason.
 *
 * Before BGP is in sync a router may still be about to announce the block; nothing is said then.
 */
#include "loader/cluster_nodes.h"

#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/remote_routes.h"
#include "loader/uplink.h"

#define NODES_TOLD 8

static bool is_self(const struct agent *agent, const struct config_cluster_node *node)
{
	return strcmp(node->name, agent->config->node_name) == 0;
}

static bool shares_subnet(const struct agent *agent, const struct config_cluster_node *node,
			  bool v4)
{
	for (size_t i = 0; i < node->address_count; i++)
		if (ip_addr_is_v4(&node->address[i]) == v4 &&
		    uplinks_by_next_hop(agent->uplinks, &node->address[i]) != NULL)
			return true;
	return false;
}

bool cluster_node_needs_encapsulation(const struct agent *agent,
				      const struct config_cluster_node *node,
				      const struct ip_prefix **ret_block)
{
	for (size_t i = 0; i < node->block_count; i++) {
		const struct ip_prefix *block = &node->block[i];

		if (shares_subnet(agent, node, ip_addr_is_v4(&block->addr)) ||
		    remote_routes_reach(agent->routes, block))
			continue;
		if (ret_block != NULL)
			*ret_block = block;
		return true;
	}
	return false;
}

const struct config_cluster_node *cluster_node_of(const struct agent *agent,
						  const struct ip_addr *addr)
{
	const struct config *config = agent->config;

	for (size_t i = 0; i < config->node_count; i++)
		for (size_t k = 0; k < config->node[i].block_count; k++)
			if (ip_prefix_contains(&config->node[i].block[k], addr))
				return is_self(agent, &config->node[i]) ? NULL : &config->node[i];
	return NULL;
}

int cluster_nodes_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct config *config = agent->config;
	char text[TEXT_MAX + 1], prefix[IP_PREFIX_TEXT_MAX];
	size_t count = 0;
	int err = 0;

	if (config->bgp.present && !bgp_feed_is_in_sync(agent->bgp))
		return 0;
	for (size_t i = 0; i < config->node_count && err == 0; i++) {
		const struct config_cluster_node *node = &config->node[i];
		const struct ip_prefix *block;

		if (is_self(agent, node) || !cluster_node_needs_encapsulation(agent, node, &block))
			continue;
		if (++count > NODES_TOLD)
			continue;
		snprintf(text, sizeof(text),
			 "node %s: needs encapsulation, not in this version (it shares no subnet "
			 "with this node, and no router announces %s)",
			 node->name, ip_prefix_format(block, prefix, sizeof(prefix)));
		err = fn(STATUS_PROBLEM, text, arg);
	}
	if (err == 0 && count > NODES_TOLD) {
		snprintf(text, sizeof(text), "nodes: %zu more need encapsulation",
			 count - NODES_TOLD);
		err = fn(STATUS_PROBLEM, text, arg);
	}
	return err;
}
