/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_hops.c: our next hop objects as messages to and from the kernel.
 *
 * A route with several next hops names a group ("ip route": nhid N), the group names next hops,
 * each an address on a link. When a link goes down or loses its carrier the kernel takes its next
 * hops out of all groups by itself, and a group's content is replaced by one message, however many
 * routes name it. Linux 5.3 and later.
 *
 * Numbers of next hops are one space for all programs, and nobody hands them out: ours begin at
 * NEXT_HOP_ID_FIRST, and one that somebody has is passed over (-EEXIST). What is ours is told by
 * the protocol, as with routes.
 *
 * Left to others: which ones (hop_groups.c). include/uapi/linux/nexthop.h.
 */
#include "loader/kernel_hops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/ip_prefix.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"

#define MESSAGE_SIZE 192 /* header, nhmsg, number, and address with link, or a group */

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* A group that we would not have made so stays one, but equals none. */
static void read_group(const struct nlattr *attr, struct kernel_hop *hop)
{
	struct nexthop_grp entry;
	size_t len, count;
	const char *data = netlink_attr_data(attr, &len);
	bool is_odd;

	count = len / sizeof(entry);
	is_odd = count > ROUTE_NEXT_HOPS_MAX;
	hop->member_count = count > ROUTE_NEXT_HOPS_MAX ? ROUTE_NEXT_HOPS_MAX : (uint32_t)count;
	for (uint32_t i = 0; i < hop->member_count; i++) {
		memcpy(&entry, data + i * sizeof(entry), sizeof(entry));
		hop->member[i] = entry.id;
		is_odd = is_odd || entry.weight != 0;
	}
	qsort(hop->member, hop->member_count, sizeof(hop->member[0]), compare_ids);
	if (is_odd)
		hop->member[0] = 0;
}

bool kernel_hop_parse(const struct nlmsghdr *header, struct kernel_hop *ret_hop)
{
	const struct nhmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[NHA_MAX + 1];
	struct kernel_hop hop = { 0 };

	if (header->nlmsg_type != RTM_NEWNEXTHOP && header->nlmsg_type != RTM_DELNEXTHOP)
		return false;
	if (body == NULL || body->nh_protocol != ROUTE_PROTOCOL)
		return false;
	netlink_attrs(header, sizeof(*body), attr, NHA_MAX + 1);
	hop.id = netlink_attr_u32(attr[NHA_ID], 0);
	if (hop.id == 0 || attr[NHA_BLACKHOLE] != NULL || attr[NHA_FDB] != NULL)
		return false;
	if (attr[NHA_GROUP] != NULL) {
		read_group(attr[NHA_GROUP], &hop);
	} else {
		hop.ifindex = netlink_attr_u32(attr[NHA_OIF], 0);
		if (netlink_attr_addr(attr[NHA_GATEWAY], body->nh_family, &hop.gateway) < 0)
			return false;
	}
	*ret_hop = hop;
	return true;
}

bool kernel_hop_equal(const struct kernel_hop *a, const struct kernel_hop *b)
{
	if (a->id != b->id || a->member_count != b->member_count)
		return false;
	if (a->member_count > 0)
		return memcmp(a->member, b->member, a->member_count * sizeof(a->member[0])) == 0;
	return a->ifindex == b->ifindex && ip_addr_equal(&a->gateway, &b->gateway);
}

static struct nl_msg *hop_message(int type, int flags, const struct nhmsg *body, uint32_t id)
{
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_SIZE);

	if (msg == NULL || nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags) == NULL ||
	    nlmsg_append(msg, (void *)(uintptr_t)body, sizeof(*body), NLMSG_ALIGNTO) < 0 ||
	    (id != 0 && nla_put_u32(msg, NHA_ID, id) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int put_group(struct nl_msg *msg, const struct kernel_hop *hop)
{
	struct nexthop_grp group[ROUTE_NEXT_HOPS_MAX] = { 0 };

	for (uint32_t i = 0; i < hop->member_count; i++)
		group[i].id = hop->member[i];
	return nla_put(msg, NHA_GROUP, (int)(hop->member_count * sizeof(group[0])), group);
}

static int put_gateway(struct nl_msg *msg, const struct kernel_hop *hop)
{
	size_t len;
	const void *octets = ip_addr_octets(&hop->gateway, &len);
	int err = nla_put_u32(msg, NHA_OIF, hop->ifindex);

	return err < 0 ? err : nla_put(msg, NHA_GATEWAY, (int)len, octets);
}

struct nl_msg *kernel_hop_put_message(const struct kernel_hop *hop, bool replaces)
{
	bool is_group = hop->member_count > 0;
	const struct nhmsg body = {
		.nh_family = is_group ? AF_UNSPEC : (unsigned char)ip_addr_family(&hop->gateway),
		.nh_protocol = ROUTE_PROTOCOL,
	};
	struct nl_msg *msg =
		hop_message(RTM_NEWNEXTHOP, NLM_F_CREATE | (replaces ? NLM_F_REPLACE : NLM_F_EXCL),
			    &body, hop->id);

	if (msg != NULL && (is_group ? put_group(msg, hop) : put_gateway(msg, hop)) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

struct nl_msg *kernel_hop_delete_message(uint32_t id)
{
	const struct nhmsg body = { .nh_family = AF_UNSPEC };

	return hop_message(RTM_DELNEXTHOP, 0, &body, id);
}

struct dump {
	kernel_hop_fn *fn;
	void *arg;
};

static int on_hop(const struct nlmsghdr *header, void *arg)
{
	const struct dump *dump = arg;
	struct kernel_hop hop;

	return kernel_hop_parse(header, &hop) ? dump->fn(&hop, dump->arg) : 0;
}

int kernel_hops_dump(struct netlink *netlink, kernel_hop_fn *fn, void *arg)
{
	const struct nhmsg body = { .nh_family = AF_UNSPEC };
	struct dump dump = { .fn = fn, .arg = arg };

	return netlink_dump(netlink, hop_message(RTM_GETNEXTHOP, 0, &body, 0), on_hop, &dump);
}
