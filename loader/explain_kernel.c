/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_kernel.c: what the host stack's routing would do.
 *
 * What the programs do not claim goes to the kernel, and a person who asks why wants to hear the
 * end of it. One RTM_GETROUTE with source, destination and input link gives the kernel's own
 * answer: its rules, tables, reverse path check and refusals. The firewall's opinion (FORWARD
 * chains) cannot be asked; the words say "would".
 */
#include "loader/explain_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "lib/ip_prefix.h"
#include "loader/agent.h"
#include "loader/explain_words.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"

static struct nl_msg *route_question(const struct ip_addr *source, const struct ip_addr *dest,
				     uint32_t in_ifindex)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	size_t source_octets, dest_octets;
	const void *source_data = ip_addr_octets(source, &source_octets);
	const void *dest_data = ip_addr_octets(dest, &dest_octets);
	struct rtmsg route = {
		.rtm_family = (unsigned char)ip_addr_family(dest),
		.rtm_dst_len = (unsigned char)(dest_octets * 8),
		.rtm_src_len = (unsigned char)(source_octets * 8),
	};

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &route, sizeof(route), NLMSG_ALIGNTO) < 0 ||
	    nla_put(msg, RTA_DST, (int)dest_octets, dest_data) < 0 ||
	    nla_put(msg, RTA_SRC, (int)source_octets, source_data) < 0 ||
	    (in_ifindex && nla_put_u32(msg, RTA_IIF, in_ifindex) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int read_route(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *route = netlink_body(header, sizeof(*route));
	const struct nlattr *attr[RTA_MAX + 1];
	struct kernel_way *way = arg;
	int family;

	if (!route || header->nlmsg_type != RTM_NEWROUTE)
		return 0;
	netlink_attrs(header, sizeof(*route), attr, RTA_MAX + 1);
	way->type = route->rtm_type;
	way->ifindex = netlink_attr_u32(attr[RTA_OIF], 0);
	family = route->rtm_family;
	if (netlink_attr_addr(attr[RTA_GATEWAY], family, &way->gateway) < 0)
		netlink_attr_via(attr[RTA_VIA], &way->gateway);
	return 0;
}

int explain_kernel_way(struct agent *agent, const struct ip_addr *source,
		       const struct ip_addr *dest, uint32_t in_ifindex, struct kernel_way *ret_way)
{
	int err;

	*ret_way = (struct kernel_way){ 0 };
	err = netlink_get(agent->netlink, route_question(source, dest, in_ifindex), read_route,
			  ret_way);
	if (err == -ENOMEM)
		return err;
	ret_way->error = err;
	return 0;
}

static const char *refusal_words(const struct kernel_way *way)
{
	if (way->error == -EXDEV || way->error == -EINVAL)
		return "host stack would drop it: the source address is not expected on this link "
		       "(rp_filter, martian)";
	if (way->error == -EHOSTUNREACH || way->type == RTN_UNREACHABLE)
		return "host stack would refuse it: unreachable (no pod has this address, or no "
		       "route)";
	if (way->error == -ENETUNREACH)
		return "host stack would refuse it: no route";
	if (way->error == -EACCES || way->type == RTN_PROHIBIT)
		return "host stack would refuse it: prohibited by a route or rule";
	if (way->type == RTN_BLACKHOLE)
		return "host stack would drop it: blackhole route";
	if (!way->error && way->type != RTN_UNICAST && way->type != RTN_LOCAL)
		return "host stack would not forward it: broadcast or multicast";
	return NULL;
}

uint32_t explain_kernel_step(const struct kernel_way *way)
{
	if (way->error || (way->type != RTN_UNICAST && way->type != RTN_LOCAL))
		return EXPLAIN_STACK_REFUSES;
	return way->type == RTN_LOCAL ? EXPLAIN_STACK_LOCAL : EXPLAIN_STACK_SENDS;
}

void explain_kernel_words(const struct agent *agent, const struct kernel_way *way, char *buf,
			  size_t size)
{
	const char *refusal = refusal_words(way);
	char link[300], gateway[IP_ADDR_TEXT_MAX];

	if (refusal) {
		snprintf(buf, size, "%s", refusal);
		return;
	}
	if (way->error) {
		snprintf(buf, size, "host stack would refuse it: %s", strerror(-way->error));
		return;
	}
	if (way->type == RTN_LOCAL) {
		snprintf(buf, size, "host stack would take it: an address of this node");
		return;
	}
	explain_link_words(agent, way->ifindex, link, sizeof(link));
	if (ip_addr_is_zero(&way->gateway))
		snprintf(buf, size, "host stack would send it on %s", link);
	else
		snprintf(buf, size, "host stack would send it to %s on %s",
			 ip_addr_format(&way->gateway, gateway, sizeof(gateway)), link);
}
