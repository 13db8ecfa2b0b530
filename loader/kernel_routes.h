/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_KERNEL_ROUTES_H
#define LOADER_KERNEL_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "ip_address.h"

struct netlink;
struct nl_msg;
struct nlmsghdr;

/*
 * A route of ours to another node's block (via a next hop, or several: kernel_hops.h) or for a
 * block of this node (unreachable), as the kernel's main table has it with protocol ROUTE_PROTOCOL.
 * Routes of pods (same protocol, straight to a link, no next hop) are not meant: pod_link.c owns
 * them.
 */
struct kernel_route {
	struct ip_prefix prefix;
	struct ip_addr next_hop; /* zero when unreachable */
	uint32_t ifindex;	 /* 0 when unreachable */
	uint32_t group;		 /* number of a group of next hops, instead of the two; 0: none */
};

/** Another program's route, or a pod's, or none that we care for. */
enum kernel_route_owner {
	KERNEL_ROUTE_NONE, /* no route message, another table, cached */
	KERNEL_ROUTE_OURS,
	KERNEL_ROUTE_FOREIGN, /* the prefix is filled */
};

/** kernel_route_parse() - read RTM_NEWROUTE or RTM_DELROUTE. */
enum kernel_route_owner kernel_route_parse(const struct nlmsghdr *header,
					   struct kernel_route *ret_route);
bool kernel_route_equal(const struct kernel_route *a, const struct kernel_route *b);

/* Messages for netlink_send_batch(), NULL: no memory. */

/** kernel_route_add_message() - @replaces: our own route for the prefix is there already; else the
 * kernel answers -EEXIST when anybody has one. */
struct nl_msg *kernel_route_add_message(const struct kernel_route *route, bool replaces);
/** kernel_route_delete_message() - this very route of ours, never another program's (-ESRCH). */
struct nl_msg *kernel_route_delete_message(const struct kernel_route *route);

typedef int kernel_route_fn(const struct kernel_route *route, void *arg);
/** kernel_routes_dump() - all of ours in both families; a non-zero answer of @fn ends the walk. */
int kernel_routes_dump(struct netlink *netlink, kernel_route_fn *fn, void *arg);

#endif /* LOADER_KERNEL_ROUTES_H */
