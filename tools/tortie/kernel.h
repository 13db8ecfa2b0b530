/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_KERNEL_H
#define TOOLS_TORTIE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

/* The kernel's own tables, by NETLINK_ROUTE, for what works without the agent. */

struct kernel_link {
	uint32_t ifindex;
	uint32_t group;
	uint32_t mtu;
	uint32_t flags; /* IFF_* */
	char name[IFNAME_MAX + 1];
	char kind[16];	       /* "veth", "vxlan", empty for hardware */
	char alias[256];       /* empty when it has none */
	bool has_gso_ipv4_max; /* the kernel tells IFLA_GSO_IPV4_MAX_SIZE (6.3) */
};

/** kernel_links() - all links of this network namespace, in an array that the caller frees. 0 or
 * -errno. */
int kernel_links(struct kernel_link **ret_links, size_t *ret_count);
/** kernel_link_is_pod() - by name and alias: a pod's link of ours. Pure. */
bool kernel_link_is_pod(const struct kernel_link *link);
/** kernel_link_delete() - 0 (also when it is gone already) or -errno. */
int kernel_link_delete(uint32_t ifindex);
/** kernel_routes_delete() - all routes of rtm_protocol @protocol, both families, all tables. 0 or
 * -errno of the first that would not go; *ret_count went. */
int kernel_routes_delete(uint8_t protocol, size_t *ret_count);
/** kernel_next_hops_delete() - all next hop objects of nh_protocol @protocol, and with them the
 * routes that name them. As kernel_routes_delete(). */
int kernel_next_hops_delete(uint8_t protocol, size_t *ret_count);
/** kernel_advertised_links() - call @fn for the link of each IPv6 route that came from a router
 * advertisement (a link may come more than once). 0 or -errno. */
int kernel_advertised_links(void (*fn)(uint32_t ifindex, void *arg), void *arg);
/** kernel_filter_delete() - our clsact filter (node_objects.h) on one side of @ifindex, and the
 * clsact qdisc when nothing else is on it. 1 removed, 0 there was none, or -errno. */
int kernel_filter_delete(uint32_t ifindex, bool is_egress);
/** kernel_clsact_try() - a veth pair with clsact in the current namespace. 0 or -errno. Leaves both
 * behind: for a namespace that ends with the caller. */
int kernel_clsact_try(void);

#endif /* TOOLS_TORTIE_KERNEL_H */
