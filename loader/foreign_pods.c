/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign_pods.c: pods that another network plugin attached before, and that live on.
 *
 * When a node changes its plugin, pods that run keep what they have until they are started anew;
 * they are not ours, and nothing is done to them. What can be seen of them is the kernel's: a route
 * to one address (/32, /128) by a veth link, of another protocol number than ours. That finds the
 * pods of plugins that route (Calico, ptp); behind a bridge (Flannel) pods have no routes of their
 * own and cannot be told from a container runtime's.
 */
#include "loader/foreign_pods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/event_loop.h"
#include "lib/ip_prefix.h"
#include "lib/text.h"
#include "loader/agent.h"
#include "loader/endpoint_store.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "node_objects.h"

#define ROUTES_KEPT 64 /* of those that may be pods' */
#define PODS_TOLD   3

struct candidate {
	struct ip_addr addr;
	uint32_t ifindex;
};

struct search {
	const struct agent *agent;
	struct candidate candidate[ROUTES_KEPT];
	size_t count;
	bool is_cut;
};

static bool is_host_route(const struct nlmsghdr *header, const struct rtmsg *body,
			  const struct nlattr *const *attr, struct candidate *ret_candidate)
{
	uint8_t bits = body->rtm_family == AF_INET ? 32 : 128;

	if (header->nlmsg_type != RTM_NEWROUTE || body->rtm_dst_len != bits ||
	    body->rtm_type != RTN_UNICAST || body->rtm_protocol == ROUTE_PROTOCOL ||
	    body->rtm_protocol == RTPROT_KERNEL || attr[RTA_GATEWAY] != NULL ||
	    netlink_attr_u32(attr[RTA_TABLE], body->rtm_table) != RT_TABLE_MAIN)
		return false;
	ret_candidate->ifindex = netlink_attr_u32(attr[RTA_OIF], 0);
	return netlink_attr_addr(attr[RTA_DST], body->rtm_family, &ret_candidate->addr) == 0;
}

static int on_route(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[RTA_TABLE + 1];
	struct search *search = arg;
	struct candidate candidate;

	if (body == NULL)
		return 0;
	netlink_attrs(header, sizeof(*body), attr, RTA_TABLE + 1);
	if (!is_host_route(header, body, attr, &candidate) ||
	    endpoint_find_by_ifindex(search->agent->endpoints, candidate.ifindex) != NULL)
		return 0;
	if (search->count == ROUTES_KEPT)
		search->is_cut = true;
	else
		search->candidate[search->count++] = candidate;
	return 0;
}

struct link_facts {
	bool is_veth;
	char name[IFNAME_MAX + 1];
};

static int on_link(const struct nlmsghdr *header, void *arg)
{
	const struct nlattr *attr[IFLA_LINKINFO + 1];
	struct link_facts *facts = arg;

	netlink_attrs(header, sizeof(struct ifinfomsg), attr, IFLA_LINKINFO + 1);
	facts->is_veth = netlink_attr_is_veth(attr[IFLA_LINKINFO]);
	return netlink_attr_text(attr[IFLA_IFNAME], facts->name, sizeof(facts->name));
}

static bool look_up_link(const struct agent *agent, uint32_t ifindex, struct link_facts *ret_facts)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);

	*ret_facts = (struct link_facts){ 0 };
	if (msg != NULL && nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg != NULL && netlink_get(agent->netlink, msg, on_link, ret_facts) == 0 &&
	       ret_facts->is_veth;
}

static int search_routes(struct search *search)
{
	struct rtmsg body = { .rtm_family = AF_UNSPEC };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);

	if (msg == NULL || nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_dump(search->agent->netlink, msg, on_route, search);
}

int foreign_pods_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	struct search *search = calloc(1, sizeof(*search));
	char text[TEXT_MAX + 1], list[TEXT_MAX / 2] = "", addr[IP_ADDR_TEXT_MAX];
	struct link_facts link;
	size_t count = 0;
	int err = 0;

	if (search == NULL)
		return 0;
	search->agent = agent;
	if (search_routes(search) < 0)
		goto out; /* a change under the dump; the next answer has them */
	for (size_t i = 0; i < search->count; i++) {
		if (!look_up_link(agent, search->candidate[i].ifindex, &link))
			continue;
		if (count++ < PODS_TOLD)
			text_append(list, sizeof(list), "%s%s on %s", count > 1 ? ", " : "",
				    ip_addr_format(&search->candidate[i].addr, addr, sizeof(addr)),
				    link.name);
	}
	if (count > 0) {
		snprintf(
			text, sizeof(text),
			"pods of another network: %zu%s addresses, such as %s (they keep what that "
			"network gave them until they are started anew: kubectl delete pod)",
			count, search->is_cut ? " or more" : "", list);
		err = fn(STATUS_WARNING, text, arg);
	}
out:
	free(search);
	return err;
}
