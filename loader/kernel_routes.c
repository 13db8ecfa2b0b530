/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_routes.c: our routes as messages to and from the kernel's routing tables.
 *
 * A route to another node's block is "PREFIX via NEXTHOP dev UPLINK proto 116" in the main table
 * with the family's default metric, an IPv4 one also via an IPv6 next hop (RTA_VIA, RFC 8950 from
 * BGP). With several next hops it is "PREFIX nhid GROUP proto 116": kernel_hops.c makes the group.
 * A block of this node is "unreachable PREFIX proto 116". Both are told from a pod's route,
 * which has the same protocol number, by their shape: a pod's has no next hop and a link.
 *
 * Nobody else's route may be touched. The kernel replaces by prefix and metric whatever the
 * protocol, so a route that is new to us is added with NLM_F_EXCL, and NLM_F_REPLACE is for those
 * that a dump showed as ours. A deletion names protocol, type, next hop and link, all of which the
 * kernel compares.
 *
 * Left to others: which routes (remote_routes.c). rtnetlink(7), include/uapi/linux/rtnetlink.h.
 */
#include "loader/kernel_routes.h"

#include <errno.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/ip_prefix.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "loader/remote_routes.h"

#define MESSAGE_SIZE 160 /* header, rtmsg, prefix, next hop, link: at most 84 octets */

static bool is_unreachable(const struct kernel_route *route)
{
	return route->ifindex == 0 && route->group == 0;
}

/* The next hop of a route with exactly one, else -ENODATA. */
static int read_next_hop(const struct rtmsg *body, const struct nlattr *const *attr,
			 struct ip_addr *ret_addr)
{
	if (attr[RTA_GATEWAY] != NULL)
		return netlink_attr_addr(attr[RTA_GATEWAY], body->rtm_family, ret_addr);
	return netlink_attr_via(attr[RTA_VIA], ret_addr);
}

static int read_prefix(const struct rtmsg *body, const struct nlattr *dst,
		       struct ip_prefix *ret_prefix)
{
	bool is_v4 = body->rtm_family == AF_INET;
	struct ip_addr addr = ip_addr_from_v6(&in6addr_any);
	unsigned int bits = body->rtm_dst_len + (is_v4 ? IP_ADDR_V4_BITS : 0);

	if (is_v4)
		addr = ip_addr_from_v4((struct in_addr){ 0 });
	if (bits > IP_ADDR_BITS)
		return -EINVAL;
	if (dst != NULL && netlink_attr_addr(dst, body->rtm_family, &addr) < 0)
		return -EINVAL;
	*ret_prefix = ip_prefix_make(&addr, bits);
	return 0;
}

/* What the kernel gives a route that names none: nothing, and IP6_RT_PRIO_USER. */
static uint32_t default_metric(int family)
{
	return family == AF_INET ? 0 : 1024;
}

enum kernel_route_owner kernel_route_parse(const struct nlmsghdr *header,
					   struct kernel_route *ret_route)
{
	const struct rtmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[RTA_NH_ID + 1];
	struct kernel_route route = { 0 };

	if (header->nlmsg_type != RTM_NEWROUTE && header->nlmsg_type != RTM_DELROUTE)
		return KERNEL_ROUTE_NONE;
	if (body == NULL || (body->rtm_family != AF_INET && body->rtm_family != AF_INET6))
		return KERNEL_ROUTE_NONE;
	netlink_attrs(header, sizeof(*body), attr, RTA_NH_ID + 1);
	if (netlink_attr_u32(attr[RTA_TABLE], body->rtm_table) != RT_TABLE_MAIN ||
	    (body->rtm_flags & RTM_F_CLONED))
		return KERNEL_ROUTE_NONE;
	if (read_prefix(body, attr[RTA_DST], &route.prefix) < 0)
		return KERNEL_ROUTE_NONE;
	*ret_route = route;
	if (body->rtm_protocol != ROUTE_PROTOCOL ||
	    netlink_attr_u32(attr[RTA_PRIORITY], 0) != default_metric(body->rtm_family))
		return KERNEL_ROUTE_FOREIGN;
	if (body->rtm_type == RTN_UNREACHABLE)
		return KERNEL_ROUTE_OURS;
	route.group = netlink_attr_u32(attr[RTA_NH_ID], 0);
	if (body->rtm_type == RTN_UNICAST && route.group != 0) {
		*ret_route = route;
		return KERNEL_ROUTE_OURS;
	}
	if (body->rtm_type != RTN_UNICAST || read_next_hop(body, attr, &route.next_hop) < 0)
		return KERNEL_ROUTE_FOREIGN;
	route.ifindex = netlink_attr_u32(attr[RTA_OIF], 0);
	*ret_route = route;
	return route.ifindex != 0 ? KERNEL_ROUTE_OURS : KERNEL_ROUTE_FOREIGN;
}

bool kernel_route_equal(const struct kernel_route *a, const struct kernel_route *b)
{
	if (!ip_prefix_equal(&a->prefix, &b->prefix) || a->group != b->group)
		return false;
	if (a->group != 0)
		return true;
	return a->ifindex == b->ifindex &&
	       (is_unreachable(a) || ip_addr_equal(&a->next_hop, &b->next_hop));
}

static int put_next_hop(struct nl_msg *msg, int family, const struct ip_addr *next_hop)
{
	uint8_t via[sizeof(struct rtvia) + sizeof(struct in6_addr)] = { 0 };
	uint16_t via_family = AF_INET6;
	size_t len;
	const void *octets = ip_addr_octets(next_hop, &len);

	if (ip_addr_family(next_hop) == family)
		return nla_put(msg, RTA_GATEWAY, (int)len, octets);
	if (family != AF_INET)
		return -EINVAL; /* the kernel knows no IPv6 route via IPv4 */
	memcpy(via, &via_family, sizeof(via_family));
	memcpy(via + sizeof(struct rtvia), octets, len);
	return nla_put(msg, RTA_VIA, sizeof(via), via);
}

static struct nl_msg *route_message(int type, int flags, const struct kernel_route *route,
				    unsigned char scope)
{
	int family = ip_addr_family(&route->prefix.addr);
	struct rtmsg body = {
		.rtm_family = (unsigned char)family,
		.rtm_dst_len = (unsigned char)ip_prefix_family_bits(&route->prefix),
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = ROUTE_PROTOCOL,
		.rtm_scope = scope,
		.rtm_type = is_unreachable(route) ? RTN_UNREACHABLE : RTN_UNICAST,
	};
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_SIZE);
	size_t len;
	const void *octets = ip_addr_octets(&route->prefix.addr, &len);
	int err;

	if (msg == NULL || nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags) == NULL)
		goto err_free;
	if (nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) < 0)
		goto err_free;
	if (nla_put(msg, RTA_DST, (int)len, octets) < 0)
		goto err_free;
	if (is_unreachable(route))
		return msg;
	if (route->group != 0)
		err = nla_put_u32(msg, RTA_NH_ID, route->group);
	else if (put_next_hop(msg, family, &route->next_hop) < 0)
		goto err_free;
	else
		err = nla_put_u32(msg, RTA_OIF, route->ifindex);
	if (err < 0)
		goto err_free;
	return msg;

err_free:
	nlmsg_free(msg);
	return NULL;
}

struct nl_msg *kernel_route_add_message(const struct kernel_route *route, bool replaces)
{
	return route_message(RTM_NEWROUTE, NLM_F_CREATE | (replaces ? NLM_F_REPLACE : NLM_F_EXCL),
			     route, RT_SCOPE_UNIVERSE);
}

struct nl_msg *kernel_route_delete_message(const struct kernel_route *route)
{
	return route_message(RTM_DELROUTE, 0, route, RT_SCOPE_NOWHERE);
}

struct dump {
	kernel_route_fn *fn;
	void *arg;
};

static int on_route(const struct nlmsghdr *header, void *arg)
{
	const struct dump *dump = arg;
	struct kernel_route route;

	if (kernel_route_parse(header, &route) != KERNEL_ROUTE_OURS)
		return 0;
	return dump->fn(&route, dump->arg);
}

static int dump_family(struct netlink *netlink, unsigned char family, struct dump *dump)
{
	struct rtmsg body = { .rtm_family = family, .rtm_protocol = ROUTE_PROTOCOL };
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_SIZE);

	if (msg == NULL || nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, RTM_GETROUTE, 0, 0) == NULL ||
	    nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_dump(netlink, msg, on_route, dump);
}

int kernel_routes_dump(struct netlink *netlink, kernel_route_fn *fn, void *arg)
{
	struct dump dump = { .fn = fn, .arg = arg };
	int err = dump_family(netlink, AF_INET, &dump);

	/* A host without IPv6 has no IPv6 table to ask. */
	if (err == 0)
		err = dump_family(netlink, AF_INET6, &dump);
	return err == -EOPNOTSUPP || err == -EAFNOSUPPORT ? 0 : err;
}
