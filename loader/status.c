/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c: the node's condition, for `tortie status`.
 *
 * One record of figures (struct msg_status), then one line per condition. Each part of the agent
 * says its own lines (status_lines.h); the order here is the order a person reads: uplinks, hooks,
 * pods, addresses, routes, BGP, masquerade, the runtime's configuration. No line means nothing to
 * say. What the kernel gives to pods is read back, not assumed: Linux 6.1 accepts IPv4 BIG TCP and
 * ignores it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "lib/event_loop.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/cluster.h"
#include "loader/cluster_nodes.h"
#include "loader/conflist.h"
#include "loader/dataplane.h"
#include "loader/endpoint_store.h"
#include "loader/foreign_pods.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "loader/queries.h"
#include "loader/remote_routes.h"
#include "loader/status_lines.h"
#include "loader/uplink.h"

/* Linux 6.3; Debian 12's headers end before. */
#define LINK_ATTR_GSO_IPV4_MAX_SIZE 63 /* IFLA_GSO_IPV4_MAX_SIZE */

struct answer {
	struct client *client;
	uint32_t id;
};

static int send_line(enum status_level level, const char *text, void *arg)
{
	const struct answer *answer = arg;
	struct msg_status_line line = { .level = level };

	snprintf(line.text, sizeof(line.text), "%s", text);
	return client_send(answer->client, MSG_STATUS_LINE, answer->id, &line, sizeof(line));
}

static int count_peer(const struct msg_peer *peer, void *arg)
{
	struct msg_status *status = arg;

	status->peers_total++;
	if (peer->state == PEER_ESTABLISHED)
		status->peers_established++;
	return 0;
}

static int take_first_link(const struct endpoint *endpoint, void *arg)
{
	uint32_t *ifindex = arg;

	*ifindex = endpoint->ifindex;
	return 1;
}

static int read_gso_ipv4(const struct nlmsghdr *header, void *arg)
{
	const struct nlattr *attr[LINK_ATTR_GSO_IPV4_MAX_SIZE + 1];
	uint32_t *size = arg;

	netlink_attrs(header, sizeof(struct ifinfomsg), attr, LINK_ATTR_GSO_IPV4_MAX_SIZE + 1);
	*size = netlink_attr_u32(attr[LINK_ATTR_GSO_IPV4_MAX_SIZE], 0);
	return 0;
}

/* What the kernel says of a pod's link; without a pod, whether it knows the size at all. */
static uint32_t gso_ipv4_read_back(struct agent *agent)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_index = 1 };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	uint32_t ifindex = 1, size = 0;

	endpoint_for_each(agent->endpoints, take_first_link, &ifindex);
	link.ifi_index = (int)ifindex;
	if (msg && nlmsg_append(msg, &link, sizeof(link), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return 0;
	}
	netlink_get(agent->netlink, msg, read_gso_ipv4, &size);
	if (endpoint_count(agent->endpoints) == 0 && size)
		return uplinks_gso_max_size(agent->uplinks);
	return size;
}

static void fill_running(struct agent *agent, struct msg_status *ret_status)
{
	*ret_status = (struct msg_status){
		.ready = agent->ready,
		.pods = (uint32_t)endpoint_count(agent->endpoints),
		.remote_routes = (uint32_t)remote_routes_count(agent->routes),
		.mtu = uplinks_node_mtu(agent->uplinks),
		.gso_max_size = uplinks_gso_max_size(agent->uplinks),
		.gso_ipv4_max_size = gso_ipv4_read_back(agent),
		.uplink_hook = (uint32_t)uplinks_hook_kind(agent->uplinks),
		.repairs = agent->repairs,
		.map_differences = agent->map_differences,
	};
	ret_status->bgp = bgp_feed_condition(agent->bgp);
	ret_status->has_bgp_counts = bgp_feed_counts(agent->bgp, &ret_status->bgp_counts);
	bgp_feed_for_each_peer(agent->bgp, count_peer, ret_status);
}

static void fill_status(struct agent *agent, struct msg_status *ret_status)
{
	struct utsname name;

	*ret_status = (struct msg_status){ .bgp = BGP_NO_SPEAKER };
	if (agent->is_running)
		fill_running(agent, ret_status);
	ret_status->uptime_s = (event_loop_now_ms() - agent->started_ms) / 1000;
	ret_status->map_octets = dataplane_map_octets(agent->dataplane);
	ret_status->cluster = (uint32_t)cluster_state(agent->cluster);
	ret_status->policies = cluster_policies(agent->cluster);
	memcpy(ret_status->node_name, agent->config->node_name, sizeof(ret_status->node_name));
	snprintf(ret_status->config_file, sizeof(ret_status->config_file), "%s",
		 agent->config->file);
	if (uname(&name) == 0)
		snprintf(ret_status->kernel_release, sizeof(ret_status->kernel_release), "%.63s",
			 name.release);
}

int query_status(struct agent *agent, struct client *client, const struct request *request)
{
	static int (*const part[])(struct agent * agent, status_line_fn * fn, void *arg) = {
		uplinks_status,	       hook_watch_status,    stack_flows_status,
		endpoint_store_status, ipam_status,	     remote_routes_status,
		bgp_feed_status,       masquerade_status,    forward_accept_status,
		conflist_status,       cluster_nodes_status, foreign_pods_status,
	};
	struct answer answer = { .client = client, .id = request->id };
	struct msg_status status;
	int err;

	fill_status(agent, &status);
	err = client_send(client, MSG_STATUS, request->id, &status, sizeof(status));
	if (!err)
		err = cluster_status(agent, send_line, &answer);
	for (size_t i = 0; agent->is_running && i < sizeof(part) / sizeof(part[0]) && !err; i++)
		err = part[i](agent, send_line, &answer);
	return err ? err : client_send_end(client, request->id);
}
