/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queries.c: what this node has: pods with their counters, pools with their blocks, one address;
 * the order to end.
 *
 * Each answer is a walk over the part that knows (endpoint_store.c, ipam.c), one record a message,
 * then MSG_END. No list is built here: the walk over the pods pauses until the client has read,
 * that over pools and blocks, which the configuration bounds, goes into its queue. Counters are
 * read from the map when a pod has its turn.
 *
 * The network's side (routes, nodes, peers) is in queries_network.c, the node's condition in
 * status.c.
 */
#include "loader/queries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/event_loop.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/dataplane.h"
#include "loader/endpoint_store.h"
#include "loader/ipam.h"
#include "loader/walk.h"

struct answer {
	struct client *client;
	uint32_t id;
};

static int finish(const struct answer *answer, int err)
{
	return err ? err : client_send_end(answer->client, answer->id);
}

/* 1 or -errno. */
static int send_endpoint(struct agent *agent, struct client *client, uint32_t id,
			 const struct endpoint *endpoint)
{
	struct endpoint_counter counter = { 0 };
	struct msg_endpoint record = {
		.ifindex = endpoint->ifindex,
		.address_count = (uint32_t)endpoint->address_count,
	};
	int err;

	memcpy(record.address, endpoint->address, sizeof(record.address));
	memcpy(record.mac, endpoint->pod_mac, sizeof(record.mac));
	memcpy(record.host_ifname, endpoint->host_ifname, sizeof(record.host_ifname));
	memcpy(record.ifname, endpoint->ifname, sizeof(record.ifname));
	memcpy(record.container_id, endpoint->container_id, sizeof(record.container_id));
	memcpy(record.pod_name, endpoint->pod_name, sizeof(record.pod_name));
	memcpy(record.pod_namespace, endpoint->pod_namespace, sizeof(record.pod_namespace));
	memcpy(record.network, endpoint->network, sizeof(record.network));
	/* A counter that is missing is a pod that has not sent anything yet: zeros. */
	dataplane_read_counter(agent->dataplane, endpoint->ifindex, &counter);
	record.tx_packets = counter.tx_packets;
	record.tx_octets = counter.tx_octets;
	record.rx_packets = counter.rx_packets;
	record.rx_octets = counter.rx_octets;
	err = client_send(client, MSG_ENDPOINT, id, &record, sizeof(record));
	return err ? err : 1;
}

struct endpoints_answer {
	struct agent *agent;
	struct walk walk;
};

static int more_endpoints(struct client *client, uint32_t id, void *arg)
{
	struct endpoints_answer *answer = arg;
	const struct endpoint *endpoint = endpoint_walk_next(&answer->walk);

	return endpoint ? send_endpoint(answer->agent, client, id, endpoint) : 0;
}

static void free_endpoints(void *arg)
{
	struct endpoints_answer *answer = arg;

	endpoint_walk_end(answer->agent->endpoints, &answer->walk);
	free(answer);
}

int query_endpoints(struct agent *agent, struct client *client, const struct request *request)
{
	struct endpoints_answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		return -ENOMEM;
	answer->agent = agent;
	endpoint_walk(agent->endpoints, &answer->walk);
	return client_answer(client, request->id, more_endpoints, free_endpoints, answer);
}

static int send_pool_or_block(const struct msg_pool *pool, const struct msg_block *block, void *arg)
{
	const struct answer *answer = arg;

	if (block)
		return client_send(answer->client, MSG_BLOCK, answer->id, block, sizeof(*block));
	return client_send(answer->client, MSG_POOL, answer->id, pool, sizeof(*pool));
}

int query_pools(struct agent *agent, struct client *client, const struct request *request)
{
	struct answer answer = { .client = client, .id = request->id };

	return finish(&answer, ipam_for_each_block(agent->ipam, event_loop_now_ms(),
						   send_pool_or_block, &answer));
}

int query_address(struct agent *agent, struct client *client, const struct request *request)
{
	const struct msg_get_address *question = request->body;
	struct answer answer = { .client = client, .id = request->id };
	struct msg_address record;

	ipam_describe(agent->ipam, &question->addr, event_loop_now_ms(), &record);
	return finish(&answer,
		      client_send(client, MSG_ADDRESS, request->id, &record, sizeof(record)));
}

int handle_shutdown(struct agent *agent, struct client *client, const struct request *request)
{
	const struct msg_shutdown *shutdown = request->body;

	if (shutdown->reset > 1)
		return -EPROTO;
	agent->resetting = shutdown->reset == 1;
	log_info("asked to end%s", agent->resetting ? ", for a reset" : "");
	event_loop_stop(agent->loop);
	return client_send_end(client, request->id);
}
