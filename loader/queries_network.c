/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queries_network.c: what this node knows of the network: routes, nodes, BGP peers.
 *
 * Routes are put together from two places: one per pod of this node (endpoint_store.c), this node's
 * blocks and the other nodes' (remote_routes.c). There may be many, so that they are told as the
 * client reads; one that comes or goes meanwhile may be in the answer or not. A node is whom
 * `nodes:` of the configuration names, and whoever else is a next hop of a route or a peer of the
 * mesh, with an address alone: its row is made by counting, in a table that lives for one answer.
 */
#include "loader/queries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "lib/config.h"
#include "lib/event_loop.h"
#include "lib/ip_prefix.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/endpoint_store.h"
#include "loader/ipam.h"
#include "loader/remote_routes.h"
#include "loader/walk.h"

#define NODES_MAX 16384

/* --- routes --- */

/* This node's pods', then the blocks. */
struct routes_answer {
	struct agent *agent;
	struct walk pods, routes;
};

static int send_route(struct client *client, uint32_t id, const struct route_answer *route)
{
	return client_send(client, MSG_ROUTE, id, route, route_answer_len(route));
}

static int send_pod_routes(struct client *client, uint32_t id, const struct endpoint *endpoint)
{
	int err = 0;

	for (size_t i = 0; i < endpoint->address_count && !err; i++) {
		struct route_answer route = {
			.route = { .prefix = ip_prefix_host(&endpoint->address[i]),
				   .source = ROUTE_SOURCE_LOCAL,
				   .state = ROUTE_ACTIVE,
				   .mtu = endpoint->mtu,
				   .next_hop_count = 1 },
		};

		memcpy(route.next_hop[0].ifname, endpoint->host_ifname,
		       sizeof(route.next_hop[0].ifname));
		err = send_route(client, id, &route);
	}
	return err;
}

static int more_routes(struct client *client, uint32_t id, void *arg)
{
	struct routes_answer *answer = arg;
	const struct endpoint *endpoint = endpoint_walk_next(&answer->pods);
	struct route_answer route;
	int err;

	if (endpoint)
		err = send_pod_routes(client, id, endpoint);
	else if (remote_routes_walk_next(answer->agent->routes, &answer->routes, &route))
		err = send_route(client, id, &route);
	else
		return 0;
	return err ? err : 1;
}

static void free_routes(void *arg)
{
	struct routes_answer *answer = arg;

	endpoint_walk_end(answer->agent->endpoints, &answer->pods);
	remote_routes_walk_end(answer->agent->routes, &answer->routes);
	free(answer);
}

int query_routes(struct agent *agent, struct client *client, const struct request *request)
{
	struct routes_answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		return -ENOMEM;
	answer->agent = agent;
	endpoint_walk(agent->endpoints, &answer->pods);
	remote_routes_walk(agent->routes, &answer->routes);
	return client_answer(client, request->id, more_routes, free_routes, answer);
}

/* --- nodes --- */

/* A node of the answer, and the addresses by which routes and peers mean it. */
struct node_row {
	struct msg_node msg;
	struct node_row *next; /* in the order of the answer */
};

struct node_key {
	struct ip_addr addr;
	struct node_row *row;
	UT_hash_handle hh;
};

struct node_table {
	struct node_row *rows, **last;
	struct node_key *keys;
	size_t count;
};

static struct node_row *take_row(struct node_table *table)
{
	struct node_row *row = table->rows;

	if (row)
		table->rows = row->next;
	return row;
}

static void free_keys(struct node_table *table)
{
	struct node_key *key, *next;

	HASH_ITER(hh, table->keys, key, next)
	{
		HASH_DEL(table->keys, key);
		free(key);
	}
}

static void free_nodes(void *arg)
{
	struct node_table *table = arg;

	while (table->rows)
		free(take_row(table));
	free_keys(table);
	free(table);
}

static struct node_row *add_row(struct node_table *table)
{
	struct node_row *row = table->count < NODES_MAX ? calloc(1, sizeof(*row)) : NULL;

	if (!row)
		return NULL;
	*table->last = row;
	table->last = &row->next;
	table->count++;
	return row;
}

static int add_key(struct node_table *table, const struct ip_addr *addr, struct node_row *row)
{
	struct node_key *key = calloc(1, sizeof(*key));

	if (!key)
		return -ENOMEM;
	key->addr = *addr;
	key->row = row;
	HASH_ADD(hh, table->keys, addr, sizeof(key->addr), key);
	return 0;
}

/* The row of whoever has @addr; made when nobody is known to. */
static struct msg_node *node_of(struct node_table *table, const struct ip_addr *addr)
{
	struct node_key *key;
	struct node_row *row;

	HASH_FIND(hh, table->keys, addr, sizeof(*addr), key);
	if (key)
		return &key->row->msg;
	row = add_row(table);
	if (!row || add_key(table, addr, row) < 0)
		return NULL;
	row->msg.addr = *addr;
	return &row->msg;
}

static int count_route(const struct route_answer *answer, void *arg)
{
	struct msg_node *node;

	if (answer->route.source == ROUTE_SOURCE_BLOCK)
		return 0; /* this node's own */
	for (size_t i = 0; i < answer->route.next_hop_count; i++) {
		node = node_of(arg, &answer->next_hop[i].addr);
		if (!node)
			return -ENOMEM;
		node->block_count++;
	}
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

	ret_self->is_self = 1;
	memcpy(ret_self->name, config->node_name, sizeof(ret_self->name));
	if (config->node_address_count)
		ret_self->addr = config->node_address[0];
	if (config->bgp.present)
		ret_self->as = config->bgp.as;
	ipam_for_each_block(agent->ipam, event_loop_now_ms(), count_own_block, ret_self);
}

/* The nodes that the configuration names, but this one. */
static int add_named_nodes(const struct config *config, struct node_table *table)
{
	for (size_t i = 0; i < config->node_count; i++) {
		const struct config_cluster_node *node = &config->node[i];
		struct node_row *row;

		if (strcmp(node->name, config->node_name) == 0)
			continue;
		row = add_row(table);
		if (!row)
			return -ENOMEM;
		snprintf(row->msg.name, sizeof(row->msg.name), "%s", node->name);
		if (node->address_count)
			row->msg.addr = node->address[0];
		for (size_t k = 0; k < node->address_count; k++)
			if (add_key(table, &node->address[k], row) < 0)
				return -ENOMEM;
	}
	return 0;
}

/* All rows, this node's first. */
static int fill_table(struct agent *agent, struct node_table *table)
{
	struct node_row *self = add_row(table);
	int err;

	if (!self)
		return -ENOMEM;
	fill_self(agent, &self->msg);
	err = add_named_nodes(agent->config, table);
	if (!err)
		err = bgp_feed_for_each_peer(agent->bgp, note_peer, table);
	if (!err)
		err = remote_routes_for_each(agent->routes, count_route, table);
	free_keys(table);
	return err;
}

static int more_nodes(struct client *client, uint32_t id, void *arg)
{
	struct node_row *row = take_row(arg);
	int err;

	if (!row)
		return 0;
	err = client_send(client, MSG_NODE, id, &row->msg, sizeof(row->msg));
	free(row);
	return err ? err : 1;
}

int query_nodes(struct agent *agent, struct client *client, const struct request *request)
{
	struct node_table *table = calloc(1, sizeof(*table));
	int err;

	if (!table)
		return -ENOMEM;
	table->last = &table->rows;
	err = fill_table(agent, table);
	if (!err)
		return client_answer(client, request->id, more_nodes, free_nodes, table);
	free_nodes(table);
	return err;
}

/* --- peers --- */

struct peers_answer {
	struct client *client;
	uint32_t id;
};

static int send_peer(const struct msg_peer *peer, void *arg)
{
	const struct peers_answer *answer = arg;

	return client_send(answer->client, MSG_PEER, answer->id, peer, sizeof(*peer));
}

int query_peers(struct agent *agent, struct client *client, const struct request *request)
{
	struct peers_answer answer = { .client = client, .id = request->id };
	int err = bgp_feed_for_each_peer(agent->bgp, send_peer, &answer);

	return err ? err : client_send_end(client, request->id);
}
