/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queries_network.c: what this node knows of the network: routes, nodes, BGP peers.
 *
 * Routes are put together from two places: one per pod of this node (endpoint_store.c), this node's
 * blocks and the other nodes' (remote_routes.c). A node is whoever is a next
 * hop of a route or a peer of the mesh: its row is made by counting, in a small table that lives
 * for one answer. Names of other nodes are not known to this node; the reader sees addresses.
 */
#include "loader/queries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/event_loop.h"
#include "lib/ip_prefix.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/endpoint_store.h"
#include "loader/ipam.h"
#include "loader/remote_routes.h"

#define NODES_FIRST 16
#define NODES_MAX   16384

struct answer {
	struct agent *agent;
	struct client *client;
	uint32_t id;
};

/* --- routes --- */

static int send_route(const struct msg_route *route, void *arg)
{
	const struct answer *answer = arg;

	return client_send(answer->client, MSG_ROUTE, answer->id, route, sizeof(*route));
}

static int send_pod_routes(const struct endpoint *endpoint, void *arg)
{
	int err = 0;

	for (size_t i = 0; i < endpoint->address_count && !err; i++) {
		struct msg_route route = {
			.prefix = ip_prefix_host(&endpoint->address[i]),
			.source = ROUTE_SOURCE_LOCAL,
			.state = ROUTE_ACTIVE,
			.mtu = endpoint->mtu,
		};

		memcpy(route.ifname, endpoint->host_ifname, sizeof(route.ifname));
		err = send_route(&route, arg);
	}
	return err;
}

int query_routes(struct agent *agent, struct client *client, const struct request *request)
{
	struct answer answer = { .agent = agent, .client = client, .id = request->id };
	int err = endpoint_for_each(agent->endpoints, send_pod_routes, &answer);

	if (!err)
		err = remote_routes_for_each(agent->routes, send_route, &answer);
	return err ? err : client_send_end(client, request->id);
}

/* --- nodes --- */

struct node_table {
	struct msg_node *node;
	size_t count, size;
};

static struct msg_node *node_of(struct node_table *table, const struct ip_addr *addr)
{
	struct msg_node *bigger;
	size_t size;

	for (size_t i = 0; i < table->count; i++)
		if (ip_addr_equal(&table->node[i].addr, addr))
			return &table->node[i];
	if (table->count == table->size) {
		size = table->size ? table->size * 2 : NODES_FIRST;
		if (size > NODES_MAX)
			return NULL;
		bigger = realloc(table->node, size * sizeof(*bigger));
		if (!bigger)
			return NULL;
		table->node = bigger;
		table->size = size;
	}
	table->node[table->count] = (struct msg_node){ .addr = *addr };
	return &table->node[table->count++];
}

static int count_route(const struct msg_route *route, void *arg)
{
	struct msg_node *node;

	if (route->source == ROUTE_SOURCE_BLOCK)
		return 0; /* this node's own */
	node = node_of(arg, &route->next_hop);
	if (!node)
		return -ENOMEM;
	node->block_count++;
	return 0;
}

static int note_peer(const struct msg_peer *peer, void *arg)
{
	struct msg_node *node;

	if (peer->kind != PEER_NODE_MESH)
		return 0;
	node = node_of(arg, &peer->addr);
	if (!node)
		return -ENOMEM;
	node->peer_state = peer->state;
	node->as = peer->remote_as;
	return 0;
}

static int count_own_block(const struct msg_pool *pool, const struct msg_block *block, void *arg)
{
	struct msg_node *self = arg;

	if (block)
		self->block_count++;
	return 0;
}

static void fill_self(struct agent *agent, struct msg_node *ret_self)
{
	const struct config *config = agent->config;

	*ret_self = (struct msg_node){ .is_self = 1 };
	memcpy(ret_self->name, config->node_name, sizeof(ret_self->name));
	if (config->node_address_count)
		ret_self->addr = config->node_address[0];
	if (config->bgp.present)
		ret_self->as = config->bgp.as;
	ipam_for_each_block(agent->ipam, event_loop_now_ms(), count_own_block, ret_self);
}

int query_nodes(struct agent *agent, struct client *client, const struct request *request)
{
	struct node_table table = { 0 };
	struct msg_node self;
	int err;

	fill_self(agent, &self);
	err = client_send(client, MSG_NODE, request->id, &self, sizeof(self));
	if (!err)
		err = bgp_feed_for_each_peer(agent->bgp, note_peer, &table);
	if (!err)
		err = remote_routes_for_each(agent->routes, count_route, &table);
	for (size_t i = 0; i < table.count && !err; i++)
		err = client_send(client, MSG_NODE, request->id, &table.node[i],
				  sizeof(table.node[i]));
	free(table.node);
	return err ? err : client_send_end(client, request->id);
}

/* --- peers --- */

static int send_peer(const struct msg_peer *peer, void *arg)
{
	const struct answer *answer = arg;

	return client_send(answer->client, MSG_PEER, answer->id, peer, sizeof(*peer));
}

int query_peers(struct agent *agent, struct client *client, const struct request *request)
{
	struct answer answer = { .agent = agent, .client = client, .id = request->id };
	int err = bgp_feed_for_each_peer(agent->bgp, send_peer, &answer);

	return err ? err : client_send_end(client, request->id);
}
