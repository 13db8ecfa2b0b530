/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_NETLINK_ENTRY_H
#define LOADER_NETLINK_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "ip_address.h"

/* A neighbour entry as a dump or notification tells it. */
struct neighbour_entry {
	struct ip_addr addr;
	uint32_t ifindex;
	bool is_permanent;
	bool has_mac;
	uint8_t mac[6];
};

/** neighbour_entry_read() - from RTM_NEWNEIGH or RTM_DELNEIGH; false when it tells no address. */
bool neighbour_entry_read(const struct nlmsghdr *header, struct neighbour_entry *ret_entry);
/** neighbour_entry_leads_to() - is it permanent, and to this MAC? */
bool neighbour_entry_leads_to(const struct neighbour_entry *entry, const uint8_t mac[6]);

/* A route with one next hop. */
struct route_entry {
	struct ip_addr addr; /* of the destination; of a default route that of its gateway */
	uint32_t ifindex;
	uint8_t table, protocol, type;
	bool is_default;
	bool is_host; /* the destination is one address */
};

/** route_entry_read() - from RTM_NEWROUTE or RTM_DELROUTE; false when it tells no address. */
bool route_entry_read(const struct nlmsghdr *header, struct route_entry *ret_entry);

#endif /* LOADER_NETLINK_ENTRY_H */
