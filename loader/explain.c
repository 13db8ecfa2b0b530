/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c: why does this packet go where it goes? Answered by the programs themselves.
 *
 * A question names two ends, each an address or a pod of this node. Both become addresses of one
 * family, a real packet is built (explain_packet.c) and run through the dry-run copy of the program
 * that would see it first on this node:
 *
 *   FROM is a pod here             from_pod on its link
 *   FROM is elsewhere              from_network on the uplink that leads to FROM
 *   FROM is this node              the host stack at once
 *
 * by BPF_PROG_TEST_RUN with the link in the context. The copy writes its steps into map
 * explain_trace and changes nothing; each step becomes one MSG_EXPLAIN_STEP. When the packet is
 * given to the host stack, the kernel's routing is asked (explain_kernel.c), and the program is run
 * where it leaves the stack: to_pod for a pod of this node, to_network for an uplink with
 * kube-proxy beside us. So the answer follows the packet to where it leaves this node.
 *
 * What the other node does with it, that node's agent can tell.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "loader/agent.h"
#include "loader/cluster_nodes.h"
#include "loader/dataplane.h"
#include "loader/endpoint_store.h"
#include "loader/explain_kernel.h"
#include "loader/explain_packet.h"
#include "loader/explain_words.h"
#include "loader/forward_accept.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "loader/queries.h"
#include "loader/uplink.h"

/* One end of the question. */
struct party {
	const struct endpoint *endpoint; /* NULL: no pod of this node */
	bool is_host;			 /* an address of this node */
	size_t address_count;
	struct ip_addr address[POD_ADDRESSES_MAX];
};

struct explanation {
	struct agent *agent;
	struct client *client;
	uint32_t id;
	struct explain_packet packet;
	uint8_t frame[EXPLAIN_FRAME_MAX];
	int frame_len;
	bool goes_to_stack;  /* what the last program said */
	uint32_t entered_by; /* the link by which the host stack got it, 0: it is the host's own */
};

/* --- who is meant --- */

static int find_party(struct agent *agent, const char *text, struct party *ret_party)
{
	struct endpoint_value value;
	struct ip_addr addr;

	*ret_party = (struct party){ 0 };
	if (ip_addr_parse(text, &addr) == 0) {
		ret_party->address[ret_party->address_count++] = addr;
		ret_party->endpoint = endpoint_find_by_address(agent->endpoints, &addr);
		ret_party->is_host = !ret_party->endpoint &&
				     dataplane_get_endpoint(agent->dataplane, &addr, &value) == 0 &&
				     (value.flags & ENDPOINT_HOST);
		return 0;
	}
	ret_party->endpoint = endpoint_find_by_pod(agent->endpoints, text);
	if (!ret_party->endpoint)
		return -ENOENT;
	ret_party->address_count = ret_party->endpoint->address_count;
	memcpy(ret_party->address, ret_party->endpoint->address, sizeof(ret_party->address));
	return 0;
}

/* The first pair of one family, in FROM's order: a pod's first address is the one it uses. */
static bool choose_family(const struct party *from, const struct party *to,
			  struct explain_packet *packet)
{
	for (size_t i = 0; i < from->address_count; i++)
		for (size_t j = 0; j < to->address_count; j++) {
			if (ip_addr_family(&from->address[i]) != ip_addr_family(&to->address[j]))
				continue;
			packet->source = from->address[i];
			packet->dest = to->address[j];
			return true;
		}
	return false;
}

static int read_link_mac(const struct nlmsghdr *header, void *arg)
{
	const struct nlattr *attr[IFLA_ADDRESS + 1];
	const void *mac;
	size_t len;

	netlink_attrs(header, sizeof(struct ifinfomsg), attr, IFLA_ADDRESS + 1);
	mac = netlink_attr_data(attr[IFLA_ADDRESS], &len);
	if (mac && len == ETH_ALEN)
		memcpy(arg, mac, ETH_ALEN);
	return 0;
}

/* Frames for other MACs than the link's own are none of from_network's business. */
static int link_mac(struct agent *agent, uint32_t ifindex, uint8_t ret_mac[ETH_ALEN])
{
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);

	if (msg && nlmsg_append(msg, (void *)(uintptr_t)&link, sizeof(link), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return netlink_get(agent->netlink, msg, read_link_mac, ret_mac);
}

/* --- running and telling --- */

static int send_step(const struct explanation *explanation, uint32_t hook,
		     const struct explain_step *step, const char *text)
{
	struct msg_explain_step record = {
		.hook = hook,
		.id = step->id,
		.detail = step->detail,
		.bits = step->bits,
		.addr = step->addr,
	};

	if (text)
		snprintf(record.text, sizeof(record.text), "%s", text);
	else
		explain_step_words(explanation->agent, step, record.text, sizeof(record.text));
	return client_send(explanation->client, MSG_EXPLAIN_STEP, explanation->id, &record,
			   sizeof(record));
}

static int send_trace(struct explanation *explanation, uint32_t hook,
		      const struct explain_trace *trace)
{
	uint32_t count = trace->count < EXPLAIN_STEPS_MAX ? trace->count : EXPLAIN_STEPS_MAX;
	int err = 0;

	for (uint32_t i = 0; i < count && !err; i++) {
		explanation->goes_to_stack = trace->step[i].id == EXPLAIN_TO_STACK;
		err = send_step(explanation, hook, &trace->step[i], NULL);
	}
	return err;
}

static int run_program(struct explanation *explanation, enum dataplane_program program,
		       uint32_t ifindex)
{
	static const uint32_t hook[PROGRAM_COUNT] = {
		[PROGRAM_FROM_POD] = HOOK_FROM_POD,
		[PROGRAM_TO_POD] = HOOK_TO_POD,
		[PROGRAM_FROM_NETWORK] = HOOK_FROM_NETWORK,
		[PROGRAM_TO_NETWORK] = HOOK_TO_NETWORK,
	};
	struct agent *agent = explanation->agent;
	struct __sk_buff context = { .ifindex = ifindex,
				     .ingress_ifindex = explanation->entered_by };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = explanation->frame,
		    .data_size_in = (uint32_t)explanation->frame_len, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);
	struct explain_trace trace;
	int err;

	explanation->goes_to_stack = false;
	if (bpf_prog_test_run_opts(dataplane_dry_run_fd(agent->dataplane, program), &options) < 0)
		err = -errno;
	else
		err = dataplane_take_trace(agent->dataplane, &trace);
	if (err) {
		client_send_error(explanation->client, explanation->id, err,
				  "explain: %s could not be run: %s",
				  dataplane_program_name(program), strerror(-err));
		return 1;
	}
	return send_trace(explanation, hook[program], &trace);
}

static bool is_uplink(struct agent *agent, uint32_t ifindex)
{
	for (size_t i = 0; i < uplinks_count(agent->uplinks); i++)
		if (uplinks_get(agent->uplinks, i)->ifindex == ifindex)
			return true;
	return false;
}

/* A pod of a node that no packet of ours reaches: say so, whatever the default route does. */
static int tell_unreachable_node(struct explanation *explanation)
{
	const struct explain_step step = { .id = EXPLAIN_NEEDS_ENCAPSULATION };
	struct agent *agent = explanation->agent;
	const struct config_cluster_node *node = cluster_node_of(agent, &explanation->packet.dest);
	char text[TEXT_MAX + 1];

	if (!node || !cluster_node_needs_encapsulation(agent, node, NULL))
		return 0;
	snprintf(text, sizeof(text), "node %s needs encapsulation, not in this version",
		 node->name);
	return send_step(explanation, HOOK_NONE, &step, text);
}

/* A firewall that may drop what the host forwards, however its other rules are. */
static int tell_firewall(const struct explanation *explanation)
{
	const struct explain_step step = { .id = EXPLAIN_FIREWALL };
	char words[TEXT_MAX + 1];

	if (!forward_accept_find_drop(explanation->agent, words))
		return 0;
	return send_step(explanation, HOOK_NONE, &step, words);
}

/* The rest of the way through the kernel, and the program where it leaves it. */
static int follow_stack(struct explanation *explanation, uint32_t in_ifindex)
{
	struct agent *agent = explanation->agent;
	const struct explain_packet *packet = &explanation->packet;
	char text[TEXT_MAX + 1];
	struct explain_step step;
	struct kernel_way way;
	int err;

	err = explain_kernel_way(agent, &packet->source, &packet->dest, in_ifindex, &way);
	if (err)
		return err;
	step = (struct explain_step){ .id = explain_kernel_step(&way),
				      .detail = way.ifindex,
				      .addr = way.gateway };
	explain_kernel_words(agent, &way, text, sizeof(text));
	/* Forwarding refuses it whatever the route; to the node itself it may go. */
	if (packet->ttl == 1 && in_ifindex && step.id != EXPLAIN_STACK_LOCAL) {
		step.id = EXPLAIN_STACK_REFUSES;
		snprintf(text, sizeof(text), "host stack would answer: time exceeded in transit");
	}
	err = in_ifindex && step.id == EXPLAIN_STACK_SENDS ? tell_firewall(explanation) : 0;
	if (!err)
		err = send_step(explanation, HOOK_NONE, &step, text);
	if (err || step.id == EXPLAIN_STACK_LOCAL)
		return err;
	explanation->entered_by = in_ifindex;
	if (step.id == EXPLAIN_STACK_SENDS &&
	    endpoint_find_by_ifindex(agent->endpoints, way.ifindex))
		return run_program(explanation, PROGRAM_TO_POD, way.ifindex);
	if (step.id == EXPLAIN_STACK_SENDS && dataplane_is_beside(agent->dataplane) &&
	    is_uplink(agent, way.ifindex))
		err = run_program(explanation, PROGRAM_TO_NETWORK, way.ifindex);
	return err ? err : tell_unreachable_node(explanation);
}

static int run_and_follow(struct explanation *explanation, enum dataplane_program program,
			  uint32_t ifindex)
{
	int err = run_program(explanation, program, ifindex);

	if (!err && explanation->goes_to_stack)
		err = follow_stack(explanation, ifindex);
	return err;
}

/* The uplink by which packets of @addr come: where the kernel would send to it. */
static uint32_t uplink_towards(struct agent *agent, const struct explain_packet *packet)
{
	struct kernel_way way;

	if (explain_kernel_way(agent, &packet->dest, &packet->source, 0, &way) == 0 && !way.error &&
	    is_uplink(agent, way.ifindex))
		return way.ifindex;
	return uplinks_count(agent->uplinks) ? uplinks_get(agent->uplinks, 0)->ifindex : 0;
}

static int run_question(struct explanation *explanation, const struct party *from,
			const struct party *to)
{
	struct explain_packet *packet = &explanation->packet;
	struct agent *agent = explanation->agent;
	uint32_t ifindex = 0;

	if (from->endpoint &&
	    (from->endpoint == to->endpoint || ip_addr_is_loopback(&packet->dest)))
		return send_step(explanation, HOOK_NONE,
				 &(struct explain_step){ .id = EXPLAIN_INSIDE_POD }, NULL);
	memset(packet->dest_mac, GATEWAY_MAC_OCTET, ETH_ALEN);
	if (from->endpoint) {
		ifindex = from->endpoint->ifindex;
		memcpy(packet->source_mac, from->endpoint->pod_mac, ETH_ALEN);
	} else if (!from->is_host) {
		ifindex = uplink_towards(agent, packet);
		if (!ifindex || link_mac(agent, ifindex, packet->dest_mac) < 0) {
			client_send_error(explanation->client, explanation->id, ENODEV,
					  "explain: this node has no uplink; set node.uplinks");
			return 1;
		}
	}
	explanation->frame_len =
		explain_packet_build(packet, explanation->frame, sizeof(explanation->frame));
	if (explanation->frame_len < 0) {
		client_send_error(explanation->client, explanation->id, EMSGSIZE,
				  "explain: length %u: at most %u octets", packet->length,
				  EXPLAIN_PACKET_MAX);
		return 1;
	}
	if (from->is_host)
		return follow_stack(explanation, 0);
	return run_and_follow(explanation, from->endpoint ? PROGRAM_FROM_POD : PROGRAM_FROM_NETWORK,
			      ifindex);
}

static int refuse(struct client *client, uint32_t id, const char *end, const char *text)
{
	return client_send_error(
		client, id, ENOENT,
		"%s: neither an address nor a pod of this node (%s); see tortie get "
		"workloadendpoint",
		text, end);
}

int query_explain(struct agent *agent, struct client *client, const struct request *request)
{
	const struct msg_explain *question = request->body;
	struct explanation explanation = {
		.agent = agent,
		.client = client,
		.id = request->id,
	};
	struct party from, to;
	int err;

	if (question->protocol > 255 || question->port > 65535 || question->source_port > 65535 ||
	    question->ttl > 255)
		return client_send_error(client, request->id, EINVAL,
					 "explain: protocol, port or TTL out of range");
	if (find_party(agent, question->from, &from) < 0)
		return refuse(client, request->id, "FROM", question->from);
	if (find_party(agent, question->to, &to) < 0)
		return refuse(client, request->id, "TO", question->to);
	if (!choose_family(&from, &to, &explanation.packet))
		return client_send_error(
			client, request->id, EAFNOSUPPORT,
			"explain: %.200s and %.200s have no address family in common",
			question->from, question->to);
	explanation.packet.protocol = (uint8_t)question->protocol;
	explanation.packet.port = (uint16_t)question->port;
	explanation.packet.source_port = (uint16_t)question->source_port;
	explanation.packet.ttl = (uint8_t)question->ttl;
	explanation.packet.length = question->length;
	err = run_question(&explanation, &from, &to);
	if (err)
		return err > 0 ? 0 : err; /* above 0: the client has been told */
	return client_send_end(client, request->id);
}
