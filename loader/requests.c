/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.c: what may be asked by whom: the table `handlers`, and nothing else.
 *
 * A message has been checked as a whole by lib/agent_client.c before it comes here. On agent.sock
 * the first one is MSG_HELLO. The loop is single-threaded: a handler runs to its end before the
 * next message is read. The hello and a plugin's request are taken here, the others by the part
 * that knows.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "dataplane_abi.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/cluster.h"
#include "loader/cni_request_check.h"
#include "loader/cni_requests.h"
#include "loader/queries.h"
#include "loader/server_internal.h"

enum who_may {
	MAY_ANYONE, /* who gets past the socket's mode */
	MAY_BGPD,
	MAY_KUBED,
	MAY_ROOT,
};

static request_fn handle_hello, handle_cni;

static const struct handler {
	uint32_t type;
	enum who_may may;
	bool on_cni;
	request_fn *fn;
	bool may_wait; /* also while the cluster is waited for */
} handlers[] = {
	{ MSG_CNI_REQUEST, MAY_ROOT, true, handle_cni, true },
	{ MSG_HELLO, MAY_ANYONE, false, handle_hello, true },
	{ MSG_GET_STATUS, MAY_ANYONE, false, query_status, true },
	{ MSG_GET_ENDPOINTS, MAY_ANYONE, false, query_endpoints },
	{ MSG_GET_ROUTES, MAY_ANYONE, false, query_routes },
	{ MSG_GET_NODES, MAY_ANYONE, false, query_nodes },
	{ MSG_GET_POOLS, MAY_ANYONE, false, query_pools },
	{ MSG_GET_ADDRESS, MAY_ANYONE, false, query_address },
	{ MSG_GET_PEERS, MAY_ANYONE, false, query_peers },
	{ MSG_GET_DROPS, MAY_ANYONE, false, query_drops },
	{ MSG_FOLLOW_DROPS, MAY_ANYONE, false, query_follow_drops },
	{ MSG_EXPLAIN, MAY_ANYONE, false, query_explain },
	{ MSG_BGP_LISTEN, MAY_BGPD, false, bgp_feed_handle_listen },
	{ MSG_BGP_SOCKET, MAY_BGPD, false, bgp_feed_handle_socket },
	{ MSG_BGP_KEEP, MAY_BGPD, false, bgp_feed_handle_keep },
	{ MSG_BGP_KEEP_ALL, MAY_BGPD, false, bgp_feed_handle_keep_all },
	{ MSG_BGP_TAKE, MAY_BGPD, false, bgp_feed_handle_take },
	{ MSG_BGP_SUBNETS, MAY_BGPD, false, bgp_feed_handle_subnets },
	{ MSG_ROUTES_BEGIN, MAY_BGPD, false, bgp_feed_handle_routes_begin },
	{ MSG_ROUTE_SET, MAY_BGPD, false, bgp_feed_handle_route_set },
	{ MSG_ROUTE_DELETE, MAY_BGPD, false, bgp_feed_handle_route_delete },
	{ MSG_ROUTES_IN_SYNC, MAY_BGPD, false, bgp_feed_handle_routes_in_sync },
	{ MSG_PEER_SET, MAY_BGPD, false, bgp_feed_handle_peer_set },
	{ MSG_PEER_DELETE, MAY_BGPD, false, bgp_feed_handle_peer_delete },
	{ MSG_BGP_PONG, MAY_BGPD, false, bgp_feed_handle_pong },
	{ MSG_CLUSTER_BEGIN, MAY_KUBED, false, cluster_handle_begin, true },
	{ MSG_CLUSTER_NOTICE, MAY_KUBED, false, cluster_handle_notice, true },
	{ MSG_CLUSTER_OBJECT, MAY_KUBED, false, cluster_handle_object, true },
	{ MSG_CLUSTER_COMMIT, MAY_KUBED, false, cluster_handle_commit, true },
	{ MSG_GET_OBJECTS, MAY_ANYONE, false, query_objects, true },
	{ MSG_SHUTDOWN, MAY_ROOT, false, handle_shutdown, true },
};

static const struct handler *find_handler(uint32_t type, bool on_cni)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == type && handlers[i].on_cni == on_cni)
			return &handlers[i];
	return NULL;
}

static int handle_hello(struct agent *agent, struct client *client, const struct request *request)
{
	const struct msg_hello *hello = request->body;
	struct msg_hello_reply reply = {
		.protocol_version = AGENT_PROTOCOL_VERSION,
		.abi_version = DATAPLANE_ABI_VERSION,
		.program_version = TORTIE_VERSION,
	};
	struct utsname name;
	int err;

	if (hello->protocol_version != AGENT_PROTOCOL_VERSION)
		return client_send_error(
			client, request->id, EPROTO,
			"agent: speaks protocol version %d, not %u; use the programs "
			"of one release (agent " TORTIE_VERSION ")",
			AGENT_PROTOCOL_VERSION, hello->protocol_version);
	if (hello->role < ROLE_TOOL || hello->role > ROLE_KUBED)
		return -EPROTO;
	/* What a speaker tells now nobody could keep: it comes again, and tells all. */
	if (hello->role == ROLE_BGPD && !agent->is_running)
		return client_send_error(client, request->id, EAGAIN,
					 "agent: waits for the cluster: %s",
					 cluster_wait_words(agent));
	client->role = hello->role;
	if (client_is_bgpd(client) || client_is_kubed(client))
		client->is_kept = true;
	if (uname(&name) == 0)
		snprintf(reply.kernel_release, sizeof(reply.kernel_release), "%.63s", name.release);
	snprintf(reply.node_name, sizeof(reply.node_name), "%s", agent->config->node_name);
	err = client_send(client, MSG_HELLO_REPLY, request->id, &reply, sizeof(reply));
	return !err && client_is_bgpd(client) ? cluster_greet(agent, client) : err;
}

/* Has the plugin given up? It leaves after some seconds, and the runtime calls the ADD failed. */
static bool client_has_left(const struct client *client)
{
	struct pollfd hangup = { .fd = client->fd, .events = POLLRDHUP };

	return poll(&hangup, 1, 0) == 1;
}

static int handle_cni(struct agent *agent, struct client *client, const struct request *request)
{
	const struct msg_cni_request *cni = request->body;
	struct msg_cni_reply reply = { 0 };

	if (!cni_request_is_sane(cni, request->len))
		return -EPROTO;
	if (cni->verb == CNI_ADD && client_has_left(client))
		return -ECONNRESET;
	cni_handle_request(agent, cni, request->fds, request->fd_count, &reply);
	return client_send(client, MSG_CNI_REPLY, request->id, &reply, sizeof(reply));
}

static bool is_allowed(const struct client *client, enum who_may may)
{
	switch (may) {
	case MAY_ANYONE:
		return true;
	case MAY_BGPD:
		return client_is_bgpd(client);
	case MAY_KUBED:
		return client_is_kubed(client);
	case MAY_ROOT:
		return client_is_root(client);
	}
	return false;
}

int request_take(struct client *client, const uint8_t *message, int *fds, size_t fd_count)
{
	struct agent *agent = client->server->agent;
	const struct message_header *header = (const struct message_header *)(const void *)message;
	const struct request request = {
		.id = header->id,
		.body = message + sizeof(*header),
		.len = header->length - sizeof(*header),
		.fds = fds,
		.fd_count = fd_count,
	};
	bool on_cni = client->listener->is_cni;
	const struct handler *handler = find_handler(header->type, on_cni);

	if (!handler)
		return -EPROTO;
	if (!on_cni && !client->role && header->type != MSG_HELLO)
		return -EPROTO;
	if (!is_allowed(client, handler->may))
		return client_send_error(client, header->id, EPERM,
					 "agent: uid %u may not ask this; be root", client->uid);
	if (!agent->is_running && !handler->may_wait)
		return client_send_error(client, header->id, EAGAIN,
					 "agent: waits for the cluster: %s",
					 cluster_wait_words(agent));
	return handler->fn(agent, client, &request);
}
