/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queries.c: what this node has: pods with their counters, pools with their blocks, one address;
 * the order to end.
 *
 * Each answer is a walk over the part that knows (endpoint_store.c, ipam.c), one record a message,
 * then MSG_END. Records go straight into the client's queue, so no list is built here. Counters are
 * read from the map at the moment of the question.
 *
 * The network's side (routes, nodes, peers) is in queries_network.c, the node's condition in
 * status.c.
 */
#include "loader/queries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/event_loop.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/dataplane.h"
#include "loader/endpoint_store.h"
#include "loader/ipam.h"

struct answer {
	struct agent *agent;
	struct client *client;
	uint32_t id;
};

static int finish(const struct answer *answer, int err)
{
	return err ? err : client_send_end(answer->client, answer->id);
}

static int send_endpoint(const struct endpoint *endpoint, void *arg)
{
	const struct answer *answer = arg;
	struct endpoint_counter counter = { 0 };
	struct msg_endpoint record = {
		.ifindex = endpoint->ifindex,
		.address_count = (uint32_t)endpoint->address_count,
	};

	memcpy(record.address, endpoint->address, sizeof(record.address));
	memcpy(record.mac, endpoint->pod_mac, sizeof(record.mac));
	memcpy(record.host_ifname, endpoint->host_ifname, sizeof(record.host_ifname));
	memcpy(record.ifname, endpoint->ifname, sizeof(record.ifname));
	memcpy(record.container_id, endpoint->container_id, sizeof(record.container_id));
	memcpy(record.pod_name, endpoint->pod_name, sizeof(record.pod_name));
	memcpy(record.pod_namespace, endpoint->pod_namespace, sizeof(record.pod_namespace));
	memcpy(record.network, endpoint->network, sizeof(record.network));
	/* A counter that is missing is a pod that has not sent anything yet: zeros. */
	dataplane_read_counter(answer->agent->dataplane, endpoint->ifindex, &counter);
	record.tx_packets = counter.tx_packets;
	record.tx_octets = counter.tx_octets;
	record.rx_packets = counter.rx_packets;
	record.rx_octets = counter.rx_octets;
	return client_send(answer->client, MSG_ENDPOINT, answer->id, &record, sizeof(record));
}

int query_endpoints(struct agent *agent, struct client *client, const struct request *request)
{
	struct answer answer = { .agent = agent, .client = client, .id = request->id };

	return finish(&answer, endpoint_for_each(agent->endpoints, send_endpoint, &answer));
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
	struct answer answer = { .agent = agent, .client = client, .id = request->id };

	return finish(&answer, ipam_for_each_block(agent->ipam, event_loop_now_ms(),
						   send_pool_or_block, &answer));
}

int query_address(struct agent *agent, struct client *client, const struct request *request)
{
	const struct msg_get_address *question = request->body;
	struct answer answer = { .agent = agent, .client = client, .id = request->id };
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
