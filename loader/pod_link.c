/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_link.c: make, configure and remove the link between a pod and its node.
 *
 * A pod has a veth pair: `cali...` on the node, usually `eth0` in the pod. The host end is the
 * record of the attachment (endpoint_alias.c), so pod_link_create() sends the creating request and
 * the one that writes the record as one datagram: the kernel handles both inside one system call,
 * and no kill leaves a link without record.
 *
 * The pod's side is configured through a netlink socket that the plugin opened in the pod's
 * namespace, so the agent enters no namespace. Both sides get permanent neighbour entries: a pod's
 * first packet never waits for ARP or neighbour discovery. The gateway 169.254.1.1
 * (fe80::ecee:eeff:feee:eeee) exists nowhere; what reaches its MAC is taken by the BPF programs.
 *
 * The kernel's routes beside the BPF maps serve the host's own packets to its pods, and people who
 * ask `ip route`.
 *
 * Left to others: which address (ipam.c), maps and hooks, the order of the whole (endpoint.c),
 * comparing (pod_link_check.c). Requests are built in pod_link_message.c.
 */
#include "loader/pod_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include "lib/ip_prefix.h"
#include "loader/endpoint_alias.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "loader/pod_link_attr.h"
#include "loader/pod_link_message.h"
#include "node_objects.h"

#define LOOPBACK_IFINDEX 1    /* of every network namespace */
#define SECOND_METRIC	 4096 /* of the routes of a namespace's further interfaces, plus ifindex */
#define SECOND_TABLE	 4096 /* for what comes from their addresses, plus ifindex */
#define BATCH_MAX	 (4 + 2 * POD_ADDRESSES_MAX + 6)
#define ACTIVE_PAUSE_NS	 200000
#define ACTIVE_TRIES	 5000 /* a second or more: work queues wait for the lock of links, too */

static const char asking_step[] = "asking about the pod's end";
static const char own_route_step[] = "adding the address's own route";

bool pod_link_read(const struct nlmsghdr *header, struct pod_link *ret_link)
{
	const struct nlattr *attrs[POD_LINK_GRO_IPV4_MAX_SIZE + 1];
	const struct ifinfomsg *body;
	struct pod_link link = { 0 };
	const void *mac;
	size_t len;

	if (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK)
		return false;
	body = netlink_body(header, sizeof(*body));
	if (body == NULL || body->ifi_index <= 0)
		return false;
	netlink_attrs(header, sizeof(*body), attrs, sizeof(attrs) / sizeof(attrs[0]));
	link.ifindex = (uint32_t)body->ifi_index;
	link.is_up = (body->ifi_flags & IFF_UP) != 0;
	link.is_active = netlink_attr_u8(attrs[IFLA_OPERSTATE], IF_OPER_UNKNOWN) == IF_OPER_UP;
	link.is_veth = netlink_attr_is_veth(attrs[IFLA_LINKINFO]);
	link.peer_ifindex = netlink_attr_u32(attrs[IFLA_LINK], 0);
	link.netnsid = (int)netlink_attr_u32(attrs[IFLA_LINK_NETNSID], (uint32_t)-1);
	link.group = netlink_attr_u32(attrs[IFLA_GROUP], 0);
	link.mtu = netlink_attr_u32(attrs[IFLA_MTU], 0);
	link.gso_max_size = netlink_attr_u32(attrs[IFLA_GSO_MAX_SIZE], 0);
	link.gso_ipv4_max_size = netlink_attr_u32(attrs[POD_LINK_GSO_IPV4_MAX_SIZE], 0);
	mac = netlink_attr_data(attrs[IFLA_ADDRESS], &len);
	if (mac != NULL && len == sizeof(link.mac))
		memcpy(link.mac, mac, sizeof(link.mac));
	if (netlink_attr_text(attrs[IFLA_IFNAME], link.name, sizeof(link.name)) < 0)
		return false;
	netlink_attr_text(attrs[IFLA_IFALIAS], link.alias, sizeof(link.alias));
	*ret_link = link;
	return true;
}

static int take_link(const struct nlmsghdr *header, void *arg)
{
	return pod_link_read(header, arg) ? 0 : -EBADMSG;
}

/* As take_link(), for an answer without which one can do. */
static int note_link(const struct nlmsghdr *header, void *arg)
{
	pod_link_read(header, arg);
	return 0;
}

int pod_link_get(struct netlink *netlink, const char *name, struct pod_link *ret_link)
{
	return netlink_get(netlink, pod_message_get(name), take_link, ret_link);
}

bool pod_link_is_gone(struct netlink *netlink, uint32_t ifindex)
{
	struct pod_link link;

	return netlink_get(netlink, pod_message_get_index(ifindex), take_link, &link) == -ENODEV;
}

/*
 * Create the pair, write its record and ask for the whole: *ret_link, whose ifindex stays 0 before.
 * *ret_created: the first of the three was done. The question is more than a question. A new veth
 * is "unknown" to the kernel until its link watch has run, which a question makes happen since 6.8;
 * an unknown link counts as ready, so that "up" itself would walk all IPv6 routes of the node, and
 * the link watch once more.
 */
static int send_create(struct netlink *netlink, const struct pod_link_spec *spec, const char *alias,
		       struct pod_link *ret_link, bool *ret_created)
{
	const char *name = spec->endpoint->host_ifname;
	struct nl_msg *msgs[] = {
		pod_message_create(spec),
		pod_message_record(name, alias),
		pod_message_no_addr_gen(name, 0),
		pod_message_get(name),
	};
	int errors[4];
	const struct netlink_batch batch = {
		.msgs = msgs, .count = 4, .errors = errors, .fn = note_link, .arg = ret_link
	};

	*ret_created = false;
	ret_link->ifindex = 0;
	netlink_ask_batch(netlink, &batch);
	if (errors[0] < 0)
		return errors[0];
	*ret_created = true;
	if (errors[1] < 0)
		return errors[1];
	if (errors[2] < 0 && errors[2] != -EAFNOSUPPORT) /* a kernel without IPv6 */
		return errors[2];
	return errors[3];
}

/* A creation may have happened although its answer was lost: then the record is ours. */
static void remove_made(struct netlink *netlink, const struct pod_link_spec *spec,
			const char *alias, bool created)
{
	struct pod_link link;

	if (pod_link_get(netlink, spec->endpoint->host_ifname, &link) == 0 &&
	    (created || (link.group == spec->group && strcmp(link.alias, alias) == 0)))
		pod_link_delete(netlink, link.ifindex);
}

int pod_link_create(struct netlink *netlink, const struct pod_link_spec *spec,
		    struct pod_link *ret_link)
{
	char alias[ENDPOINT_ALIAS_MAX + 1];
	bool created;
	int err;

	err = endpoint_alias_format(spec->endpoint, alias);
	if (err < 0)
		return err;
	err = send_create(netlink, spec, alias, ret_link, &created);
	if (err == -EINVAL && !created && spec->gso_max_size > 0) {
		/* Kernels before 5.19 take no GSO limit above 65,536. */
		struct pod_link_spec plain = *spec;

		plain.gso_max_size = 0;
		err = send_create(netlink, &plain, alias, ret_link, &created);
	}
	if (err == 0 && ret_link->ifindex == 0)
		err = pod_link_get(netlink, spec->endpoint->host_ifname, ret_link);
	if (err < 0)
		remove_made(netlink, spec, alias, created);
	return err;
}

/* A batch under construction, and what each of its messages is for. */
struct batch {
	struct nl_msg *msgs[BATCH_MAX];
	const char *step[BATCH_MAX];
	struct pod_route route[BATCH_MAX]; /* ifindex 0: the message is no route */
	size_t count;
};

static void add(struct batch *batch, const char *step, struct nl_msg *msg)
{
	batch->step[batch->count] = step;
	batch->msgs[batch->count++] = msg;
}

static void add_route(struct batch *batch, const char *step, const struct pod_route *route)
{
	batch->route[batch->count] = *route;
	add(batch, step, pod_message_route(RTM_NEWROUTE, route));
}

static bool has_family(const struct endpoint *endpoint, bool is_v4)
{
	for (size_t i = 0; i < endpoint->address_count; i++)
		if (ip_addr_is_v4(&endpoint->address[i]) == is_v4)
			return true;
	return false;
}

/*
 * The address, and for IPv6 the route by which the pod takes its packets: the kernel makes its own
 * in a worker that waits for its network lock (addrconf_dad_work(), also without detection), and
 * until then drops what comes, answers to the pod's first packets.
 */
static void add_pod_address(struct batch *batch, uint32_t ifindex, const struct ip_addr *addr)
{
	struct pod_route local = { .prefix = ip_prefix_host(addr),
				   .ifindex = ifindex,
				   .table = RT_TABLE_LOCAL,
				   .type = RTN_LOCAL,
				   .protocol = RTPROT_BOOT };

	add(batch, "adding an address", pod_message_address(ifindex, addr));
	if (!ip_addr_is_v4(addr))
		add(batch, own_route_step, pod_message_route(RTM_NEWROUTE, &local));
}

static void add_pod_family(struct batch *batch, uint32_t ifindex, bool is_v4)
{
	struct ip_addr gateway = pod_gateway(is_v4), any_v4 = { 0 }, any_v6 = { 0 };
	struct pod_route link_route = { .prefix = ip_prefix_host(&gateway),
					.ifindex = ifindex,
					.protocol = RTPROT_BOOT };
	struct pod_route route = { .via = gateway, .ifindex = ifindex, .protocol = RTPROT_BOOT };

	any_v4 = ip_addr_from_v4((struct in_addr){ 0 });
	route.prefix =
		is_v4 ? ip_prefix_make(&any_v4, IP_ADDR_V4_BITS) : ip_prefix_make(&any_v6, 0);
	add(batch, "adding the gateway's neighbour entry",
	    pod_message_neighbour(ifindex, &gateway, pod_gateway_mac()));
	if (is_v4) /* a link-local IPv6 gateway needs none */
		add_route(batch, "adding the route to the gateway", &link_route);
	add_route(batch, "adding the default route", &route);
}

/*
 * A route of the same preference exists, so this is not the namespace's first interface: the other
 * one keeps its routes, ours come behind them.
 */
static int add_second_route(struct netlink *pod, struct pod_route *route)
{
	route->metric = SECOND_METRIC + route->ifindex;
	return netlink_request(pod, pod_message_route(RTM_NEWROUTE, route));
}

/*
 * Answers from a further interface's address must leave by it: the first one's host end would drop
 * them as forged. The rule outlives the interface when that goes alone, and then leads nowhere.
 */
static int route_by_source(struct netlink *pod, const struct endpoint *endpoint, uint32_t ifindex,
			   const char **ret_step)
{
	struct batch batch = { .count = 0 };
	int errors[BATCH_MAX];

	for (size_t i = 0; i < endpoint->address_count; i++) {
		bool is_v4 = ip_addr_is_v4(&endpoint->address[i]);
		struct ip_addr any =
			is_v4 ? ip_addr_from_v4((struct in_addr){ 0 }) : (struct ip_addr){ 0 };
		struct pod_route route = { .prefix = ip_prefix_make(&any,
								    is_v4 ? IP_ADDR_V4_BITS : 0),
					   .via = pod_gateway(is_v4),
					   .ifindex = ifindex,
					   .table = SECOND_TABLE + ifindex,
					   .protocol = RTPROT_BOOT };

		add_route(&batch, "adding the default route for the interface's address", &route);
		add(&batch, "adding the rule for the interface's address",
		    pod_message_rule(&endpoint->address[i], route.table));
	}
	netlink_send_batch(pod, batch.msgs, batch.count, errors);
	for (size_t i = 0; i < batch.count; i++) {
		if (errors[i] < 0 && errors[i] != -EEXIST) {
			*ret_step = batch.step[i];
			return errors[i];
		}
	}
	return 0;
}

int pod_link_configure_pod(struct netlink *pod, const struct endpoint *endpoint,
			   uint32_t peer_ifindex, const char **ret_step)
{
	struct batch batch = { .count = 0 };
	int errors[BATCH_MAX];
	bool has_v6 = has_family(endpoint, false), is_second = false;

	add(&batch, "setting lo up", pod_message_up(LOOPBACK_IFINDEX));
	add(&batch, "switching link-local addresses off",
	    pod_message_no_addr_gen(NULL, peer_ifindex));
	add(&batch, "setting the interface up", pod_message_up(peer_ifindex));
	for (size_t i = 0; i < endpoint->address_count; i++)
		add_pod_address(&batch, peer_ifindex, &endpoint->address[i]);
	if (has_family(endpoint, true))
		add_pod_family(&batch, peer_ifindex, true);
	if (has_v6)
		add_pod_family(&batch, peer_ifindex, false);
	netlink_send_batch(pod, batch.msgs, batch.count, errors);
	if (errors[1] == -EAFNOSUPPORT && !has_v6)
		errors[1] = 0;
	for (size_t i = 0; i < batch.count; i++) {
		bool is_route = batch.route[i].ifindex != 0;

		/* A link that is being deleted may have the address still. */
		if (batch.step[i] == own_route_step && errors[i] == -EEXIST)
			errors[i] = 0;
		is_second = is_second || (is_route && errors[i] == -EEXIST);
		/* Without the route to the gateway the default route behind it failed, too. */
		if (is_second && is_route && errors[i] < 0)
			errors[i] = add_second_route(pod, &batch.route[i]);
		if (errors[i] < 0) {
			*ret_step = batch.step[i];
			return errors[i];
		}
	}
	return is_second ? route_by_source(pod, endpoint, peer_ifindex, ret_step) : 0;
}

/* The entry of the node's table that a packet to an address meets. */
struct match {
	uint32_t ifindex;
	uint8_t bits;
	uint8_t protocol;
};

static int take_match(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attrs[RTA_OIF + 1];
	struct match *match = arg;

	if (body == NULL || header->nlmsg_type != RTM_NEWROUTE)
		return -EBADMSG;
	netlink_attrs(header, sizeof(*body), attrs, sizeof(attrs) / sizeof(attrs[0]));
	match->ifindex = netlink_attr_u32(attrs[RTA_OIF], 0);
	match->bits = body->rtm_dst_len;
	match->protocol = body->rtm_protocol;
	return 0;
}

/* The same destination has a route: keep ours, replace an older one of ours, respect a stranger's.
 */
static int settle_route(struct netlink *netlink, const struct pod_route *route)
{
	struct pod_route old = *route;
	struct nl_msg *msgs[2];
	struct match match;
	int errors[2], err;

	err = netlink_get(netlink, pod_message_match(&route->prefix.addr), take_match, &match);
	if (err == 0 && match.bits == ip_prefix_family_bits(&route->prefix)) {
		if (match.ifindex == route->ifindex)
			return 0;
		if (match.protocol != ROUTE_PROTOCOL)
			return -EEXIST;
	}
	old.ifindex = 0;
	msgs[0] = pod_message_route(RTM_DELROUTE, &old);
	msgs[1] = pod_message_route(RTM_NEWROUTE, route);
	netlink_send_batch(netlink, msgs, 2, errors);
	return errors[1];
}

/*
 * Send what @batch has, then the host end's configuration, as one datagram. Once both ends are up
 * the kernel's link watch takes its lock for a walk over all IPv6 routes of the node, and every
 * request behind "up" may have to wait for that: so there are as few as can be, and the question
 * that spares the pod's end the wait (see pod_link_await_active()) is the first.
 */
static int configure_host(struct netlink *netlink, const struct endpoint *endpoint,
			  struct batch *batch, struct pod_link *pod, const char **ret_step)
{
	int errors[BATCH_MAX];
	struct netlink_batch sent = {
		.msgs = batch->msgs, .errors = errors, .fn = note_link, .arg = pod
	};

	for (size_t i = 0; i < endpoint->address_count; i++)
		add(batch, "adding the pod's neighbour entry",
		    pod_message_neighbour(endpoint->ifindex, &endpoint->address[i],
					  endpoint->pod_mac));
	add(batch, "setting the host end up", pod_message_up(endpoint->ifindex));
	if (pod != NULL && pod->netnsid >= 0)
		add(batch, asking_step, pod_message_get_elsewhere(pod->ifindex, pod->netnsid));
	for (size_t i = 0; i < endpoint->address_count; i++) {
		struct pod_route route = { .prefix = ip_prefix_host(&endpoint->address[i]),
					   .ifindex = endpoint->ifindex,
					   .protocol = ROUTE_PROTOCOL };

		add_route(batch, "adding the route to the pod", &route);
	}
	sent.count = batch->count;
	netlink_ask_batch(netlink, &sent);
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->step[i] == asking_step)
			continue; /* without an answer pod->is_active stays false */
		if (errors[i] == -EEXIST && batch->route[i].ifindex != 0)
			errors[i] = settle_route(netlink, &batch->route[i]);
		if (errors[i] < 0) {
			*ret_step = batch->step[i];
			return errors[i];
		}
	}
	return 0;
}

int pod_link_configure_host(struct netlink *netlink, const struct endpoint *endpoint,
			    const char **ret_step)
{
	struct batch batch = { .count = 0 };

	return configure_host(netlink, endpoint, &batch, NULL, ret_step);
}

/*
 * The group goes first, while the link is down: to a change of group on a link that is up the
 * kernel walks all IPv6 routes of the node (NETDEV_CHANGE, rt6_sync_up), more for each pod.
 */
int pod_link_go_live(struct netlink *netlink, const struct endpoint *endpoint, uint32_t group,
		     struct pod_link *pod, const char **ret_step)
{
	struct batch batch = { .count = 0 };

	add(&batch, "making the link live", pod_message_group(endpoint->ifindex, group));
	return configure_host(netlink, endpoint, &batch, pod, ret_step);
}

/*
 * Of two ends the one that is set up first has no carrier yet, and its queue is made when the other
 * comes up: not at once but by the kernel's link watch, from a work queue. Until then what is sent
 * is dropped in silence: a pod's first packet. Asking for the link makes the kernel do it there and
 * then since 6.8 (commit facd15dfd691); before, it has to be waited for.
 */
static bool can_send(struct netlink *pod, uint32_t peer_ifindex)
{
	struct pod_link link;

	return netlink_get(pod, pod_message_get_index(peer_ifindex), take_link, &link) == 0 &&
	       link.is_active;
}

int pod_link_await_active(struct netlink *pod, uint32_t peer_ifindex)
{
	const struct timespec pause = { .tv_nsec = ACTIVE_PAUSE_NS };

	for (int i = 0; i < ACTIVE_TRIES; i++) {
		if (can_send(pod, peer_ifindex))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

void pod_link_remove_routes(struct netlink *netlink, const struct endpoint *endpoint)
{
	struct nl_msg *msgs[POD_ADDRESSES_MAX];

	for (size_t i = 0; i < endpoint->address_count; i++) {
		struct pod_route route = { .prefix = ip_prefix_host(&endpoint->address[i]),
					   .ifindex = endpoint->ifindex,
					   .protocol = ROUTE_PROTOCOL };

		msgs[i] = pod_message_route(RTM_DELROUTE, &route);
	}
	netlink_send_batch(netlink, msgs, endpoint->address_count, NULL);
}

int pod_link_set_group(struct netlink *netlink, uint32_t ifindex, uint32_t group)
{
	return netlink_request(netlink, pod_message_group(ifindex, group));
}

int pod_link_delete(struct netlink *netlink, uint32_t ifindex)
{
	return netlink_request(netlink, pod_message_delete(ifindex));
}

int pod_link_delete_group(struct netlink *netlink, uint32_t group)
{
	return netlink_request(netlink, pod_message_delete_group(group));
}

static int take_netnsid(const struct nlmsghdr *header, void *arg)
{
	const struct nlattr *attrs[NETNSA_NSID + 1];
	int *id = arg;

	netlink_attrs(header, sizeof(struct rtgenmsg), attrs, sizeof(attrs) / sizeof(attrs[0]));
	*id = (int)netlink_attr_u32(attrs[NETNSA_NSID], (uint32_t)-1);
	return 0;
}

int pod_link_netnsid(struct netlink *netlink, int netns_fd, int *ret_id)
{
	return netlink_get(netlink, pod_message_netnsid(netns_fd), take_netnsid, ret_id);
}
