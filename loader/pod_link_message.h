/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_POD_LINK_MESSAGE_H
#define LOADER_POD_LINK_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/pod_link.h"

struct nl_msg;

/* Requests about pods' links. Each is the caller's (netlink_request() and others take it); NULL
 * when there was no memory. */

/** pod_gateway() - what every pod has as next hop: GATEWAY_IPV4 or GATEWAY_IPV6_WORDS. */
struct ip_addr pod_gateway(bool is_v4);
/** pod_gateway_mac() - six times GATEWAY_MAC_OCTET; borrowed for good. */
const uint8_t *pod_gateway_mac(void);

struct nl_msg *pod_message_create(const struct pod_link_spec *spec);
/** pod_message_record() - alias and IPv4 settings of the link that has just been created. */
struct nl_msg *pod_message_record(const char *host_ifname, const char *alias);
/** pod_message_no_addr_gen() - no link-local IPv6 address; by @ifname, or @ifindex when NULL. */
struct nl_msg *pod_message_no_addr_gen(const char *ifname, uint32_t ifindex);
struct nl_msg *pod_message_up(uint32_t ifindex);
/** pod_message_rename() - give a link its name and MTU back. */
struct nl_msg *pod_message_rename(uint32_t ifindex, const char *name, uint32_t mtu);
struct nl_msg *pod_message_mac(uint32_t ifindex, const uint8_t mac[6]);
struct nl_msg *pod_message_group(uint32_t ifindex, uint32_t group);
struct nl_msg *pod_message_delete(uint32_t ifindex);
struct nl_msg *pod_message_delete_group(uint32_t group);
struct nl_msg *pod_message_get(const char *name);
struct nl_msg *pod_message_get_index(uint32_t ifindex);
/** pod_message_get_elsewhere() - a link of the namespace that is called @netnsid here. */
struct nl_msg *pod_message_get_elsewhere(uint32_t ifindex, int netnsid);
/** pod_message_dump_links() - for netlink_dump(): all veth links, without their statistics. */
struct nl_msg *pod_message_dump_links(void);
/** pod_message_dump_all_links() - the same of every kind. */
struct nl_msg *pod_message_dump_all_links(void);
struct nl_msg *pod_message_netnsid(int netns_fd);

struct nl_msg *pod_message_address(uint32_t ifindex, const struct ip_addr *addr);
/** pod_message_neighbour() - a permanent entry, replacing what is there. */
struct nl_msg *pod_message_neighbour(uint32_t ifindex, const struct ip_addr *addr,
				     const uint8_t mac[6]);

struct pod_route {
	struct ip_prefix prefix;
	struct ip_addr via; /* zero: on the link itself */
	uint32_t ifindex;   /* 0: any (deletion) */
	uint32_t metric;    /* 0: the kernel's choice */
	uint32_t table;	    /* 0: the main one */
	uint8_t type;	    /* 0: RTN_UNICAST */
	uint8_t protocol;
};
/** pod_message_route() - @type RTM_NEWROUTE (only when there is none) or RTM_DELROUTE. */
struct nl_msg *pod_message_route(int type, const struct pod_route *route);
/** pod_message_rule() - what comes from @addr looks into @table first; -EEXIST when it does. */
struct nl_msg *pod_message_rule(const struct ip_addr *addr, uint32_t table);
/** pod_message_match() - ask which entry of the table a packet to @addr meets. */
struct nl_msg *pod_message_match(const struct ip_addr *addr);
/** pod_message_dump() - RTM_GETADDR, RTM_GETNEIGH or RTM_GETROUTE of @family, 0: both. */
struct nl_msg *pod_message_dump(int type, int family);

#endif /* LOADER_POD_LINK_MESSAGE_H */
