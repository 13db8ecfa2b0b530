/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_KERNEL_HOPS_H
#define LOADER_KERNEL_HOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent_protocol.h"
#include "node_objects.h" /* NEXT_HOP_ID_FIRST */

struct netlink;
struct nl_msg;
struct nlmsghdr;

/*
 * A next hop object of ours in the kernel (protocol ROUTE_PROTOCOL): either an address on a link,
 * or a group of such. Routes name a group by its number, so that one message changes the way of
 * all.
 */
struct kernel_hop {
	uint32_t id;
	uint32_t member_count; /* 0: no group, but the next two */
	struct ip_addr gateway;
	uint32_t ifindex;
	uint32_t member[ROUTE_NEXT_HOPS_MAX]; /* numbers, ascending */
};

/** kernel_hop_parse() - read RTM_NEWNEXTHOP or RTM_DELNEXTHOP; false: not ours, or of a kind that
 * we do not make. */
bool kernel_hop_parse(const struct nlmsghdr *header, struct kernel_hop *ret_hop);
bool kernel_hop_equal(const struct kernel_hop *a, const struct kernel_hop *b);

/* Messages for netlink_request(), NULL: no memory. */

/** kernel_hop_put_message() - @replaces: what is there under the number is ours; else the kernel
 * answers -EEXIST when anybody has it. */
struct nl_msg *kernel_hop_put_message(const struct kernel_hop *hop, bool replaces);
/** kernel_hop_delete_message() - the kernel takes it out of its groups, and drops the routes of a
 * group. */
struct nl_msg *kernel_hop_delete_message(uint32_t id);

typedef int kernel_hop_fn(const struct kernel_hop *hop, void *arg);
/** kernel_hops_dump() - all of ours; a non-zero answer of @fn ends the walk. */
int kernel_hops_dump(struct netlink *netlink, kernel_hop_fn *fn, void *arg);

#endif /* LOADER_KERNEL_HOPS_H */
