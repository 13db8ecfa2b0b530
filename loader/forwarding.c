/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarding.c: the host stack's forwarding switches.
 *
 * Pod to pod needs none of them, but what goes through the host stack does (to the outside, packets
 * with options, too large ones): net.ipv4.ip_forward and net.ipv6.conf.all.forwarding, each only
 * when the configuration uses the family. rp_filter is left alone: a pod's address has its route by
 * the pod's own link and another node's block by the uplink, so strict checking passes too.
 *
 * A Linux host that forwards IPv6 stops listening to router advertisements unless accept_ra is 2
 * (Documentation/networking/ip-sysctl.rst), and so would lose an address and default route that it
 * has from them some minutes after the agent's start. Hence, before forwarding is switched on:
 * accept_ra 1 becomes 2 on uplinks, and on any other link that now has a route from an
 * advertisement. Links where an administrator set 0 keep it.
 *
 * Left to others: when (uplink.c: at start, with a new uplink, when the kernel tells of a change,
 * because `sysctl --system` may undo it, and in the minute's sweep).
 */
#include "loader/forwarding.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "loader/sysctl.h"
#include "loader/uplink.h"

#define IPV4_FORWARDING "net/ipv4/ip_forward"
#define IPV6_FORWARDING "net/ipv6/conf/all/forwarding"

struct switching {
	char *problem;
	int written;
};

static bool uses_family(const struct config *config, bool v4)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if (ip_addr_is_v4(&config->pool[i].cidr.addr) == v4)
			return true;
	for (size_t i = 0; i < config->route_count; i++)
		if (ip_addr_is_v4(&config->route[i].prefix.addr) == v4)
			return true;
	return false;
}

bool forwarding_uses_ipv6(const struct config *config)
{
	for (size_t i = 0; i < config->node_address_count; i++)
		if (!ip_addr_is_v4(&config->node_address[i]))
			return true;
	return uses_family(config, false);
}

/* Write and tell: a line in the log for a change, the problem line when it is refused. */
static void set(struct switching *switching, const char *path, int value)
{
	int err = sysctl_write(path, value);

	if (err > 0) {
		log_info("sysctl %s: set to %d", path, value);
		switching->written++;
	} else if (err < 0 && err != -ENOENT && switching->problem[0] == '\0') {
		snprintf(switching->problem, TEXT_MAX + 1,
			 "sysctl %s: is not %d and cannot be written (%s); set it in the host's "
			 "sysctl.d",
			 path, value, strerror(-err));
	}
}

static void keep_advertisements(struct switching *switching, const char *ifname)
{
	char path[64 + IFNAME_MAX];
	int value;

	if (sysctl_read_link(ifname, "accept_ra", &value) < 0 || value != 1)
		return;
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/accept_ra", ifname);
	set(switching, path, 2);
}

/* A link with a route from an advertisement lives on them; once forwarding is on it would not. */
static int on_route(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[RTA_OIF + 1];
	char ifname[IF_NAMESIZE];

	if (header->nlmsg_type != RTM_NEWROUTE || body == NULL || body->rtm_protocol != RTPROT_RA)
		return 0;
	netlink_attrs(header, sizeof(*body), attr, RTA_OIF + 1);
	if (if_indextoname(netlink_attr_u32(attr[RTA_OIF], 0), ifname) != NULL)
		keep_advertisements(arg, ifname);
	return 0;
}

static void keep_other_links(struct switching *switching, struct netlink *netlink)
{
	struct rtmsg body = { .rtm_family = AF_INET6, .rtm_protocol = RTPROT_RA };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	int err = -ENOMEM;

	if (msg != NULL && nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) == 0)
		err = netlink_dump(netlink, msg, on_route, switching);
	else
		nlmsg_free(msg);
	if (err < 0)
		log_warning("IPv6 routes: %s; links that live on router advertisements besides the "
			    "uplinks may need accept_ra=2",
			    strerror(-err));
}

int forwarding_enable(const struct config *config, struct netlink *netlink,
		      const struct uplink *uplinks, size_t uplink_count,
		      char ret_problem[TEXT_MAX + 1])
{
	struct switching switching = { .problem = ret_problem };
	int forwarding = 0;

	ret_problem[0] = '\0';
	if (uses_family(config, true))
		set(&switching, IPV4_FORWARDING, 1);
	if (!uses_family(config, false))
		return switching.written;
	for (size_t i = 0; i < uplink_count; i++)
		keep_advertisements(&switching, uplinks[i].name);
	if (sysctl_read(IPV6_FORWARDING, &forwarding) == 0 && forwarding == 0)
		keep_other_links(&switching, netlink);
	set(&switching, IPV6_FORWARDING, 1);
	return switching.written;
}
