/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hop_neighbours.c: does a next hop answer on its link?
 *
 * A link that comes up is no way yet: its other end may still be silent (a switch port that learns,
 * an IPv6 address in duplicate address detection), and what is sent meanwhile is lost. So a next
 * hop whose link was down is used again once the kernel has its MAC address. Nobody sends to it
 * until then, so the kernel is made to ask, every second.
 *
 * The same for one that the kernel has asked in vain (NUD_FAILED): packets to it are lost anyway,
 * and another next hop of its group can have them. That is how the death of a router behind a
 * switch is noticed where no BGP or BFD tells it: within a minute, as the kernel looks again every
 * half.
 *
 * At start nothing is held against a next hop but a link that is down. Left to others: what follows
 * from it (hop_groups.c). RFC 4861 section 7.3, arp(7).
 */
#include "loader/hop_neighbours.h"

#include <errno.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/ip_prefix.h"
#include "loader/agent.h"
#include "loader/hop_groups.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"

#define NUD_KNOWN (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

struct neighbour {
	struct ip_addr addr;
	uint32_t ifindex;
	uint16_t state; /* NUD_* */
};

static bool parse(const struct nlmsghdr *header, struct neighbour *ret)
{
	const struct ndmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[NDA_DST + 1];

	if (header->nlmsg_type != RTM_NEWNEIGH || body == NULL ||
	    (body->ndm_family != AF_INET && body->ndm_family != AF_INET6))
		return false;
	netlink_attrs(header, sizeof(*body), attr, NDA_DST + 1);
	ret->ifindex = (uint32_t)body->ndm_ifindex;
	ret->state = body->ndm_state;
	return netlink_attr_addr(attr[NDA_DST], body->ndm_family, &ret->addr) == 0;
}

/* What @found says of a next hop; true when that changes whether it may be used. */
static bool take(struct hop_member *member, const struct neighbour *found)
{
	bool was_silent = member->is_silent;

	if (found->state & NUD_KNOWN)
		member->is_silent = false;
	else if (found->state & NUD_FAILED)
		member->is_silent = true;
	return member->is_silent != was_silent;
}

bool hop_neighbours_heard(struct hop_groups *groups, const struct nlmsghdr *header)
{
	struct neighbour found;
	bool is_changed = false;

	if (header->nlmsg_type != RTM_NEWNEIGH || !parse(header, &found))
		return false;
	for (struct hop_set *set = groups->sets->by_hops; set != NULL; set = set->hh.next) {
		for (uint32_t i = 0; hop_set_is_group(set) && i < set->hops.count; i++)
			if (set->member[i].ifindex == found.ifindex &&
			    ip_addr_equal(&set->hops.addr[i], &found.addr))
				is_changed = take(&set->member[i], &found) || is_changed;
	}
	return is_changed;
}

static struct nl_msg *message(int type, int flags, uint8_t ndm_flags, const struct hop_set *set,
			      uint32_t i)
{
	size_t len;
	const void *octets = ip_addr_octets(&set->hops.addr[i], &len);
	struct ndmsg body = {
		.ndm_family = (unsigned char)ip_addr_family(&set->hops.addr[i]),
		.ndm_ifindex = (int)set->member[i].ifindex,
		.ndm_flags = ndm_flags,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg == NULL || nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) < 0 ||
	    nla_put(msg, NDA_DST, (int)len, octets) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int read_neighbour(const struct nlmsghdr *header, void *arg)
{
	struct neighbour *found = arg;

	if (!parse(header, found))
		found->state = 0;
	return 0;
}

static bool ask(struct hop_groups *groups, struct hop_set *set, uint32_t i)
{
	struct netlink *netlink = groups->agent->netlink;
	struct neighbour found = { .state = 0 };

	if (netlink_get(netlink, message(RTM_GETNEIGH, 0, 0, set, i), read_neighbour, &found) ==
		    0 &&
	    (found.state & NUD_KNOWN))
		return take(&set->member[i], &found);
	/* The kernel asks the link, and tells by a notification what came of it. */
	netlink_request(netlink, message(RTM_NEWNEIGH, NLM_F_CREATE, NTF_USE, set, i));
	return false;
}

static bool is_awaited(const struct hop_set *set, uint32_t i)
{
	return set->member[i].is_silent && set->member[i].is_link_up;
}

bool hop_neighbours_ask(struct hop_groups *groups)
{
	bool is_changed = false;

	for (struct hop_set *set = groups->sets->by_hops; set != NULL; set = set->hh.next)
		for (uint32_t i = 0; hop_set_is_group(set) && i < set->hops.count; i++)
			if (is_awaited(set, i))
				is_changed = ask(groups, set, i) || is_changed;
	return is_changed;
}

bool hop_neighbours_are_awaited(const struct hop_groups *groups)
{
	for (const struct hop_set *set = groups->sets->by_hops; set != NULL; set = set->hh.next)
		for (uint32_t i = 0; hop_set_is_group(set) && i < set->hops.count; i++)
			if (is_awaited(set, i))
				return true;
	return false;
}
