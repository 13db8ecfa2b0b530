/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink_entry.c: neighbours and routes as the kernel tells them.
 *
 * A pod's neighbour entries and routes are read in three places, when CHECK asks for them, when
 * everything is compared, and when a notification comes. What is looked at is the same each time
 * and taken out of the message here; what it should be is the caller's affair. Numbers stay the
 * kernel's (table, protocol and type of linux/rtnetlink.h).
 */
#include "loader/netlink_entry.h"

#include <string.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "loader/netlink_attr.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool neighbour_entry_read(const struct nlmsghdr *header, struct neighbour_entry *ret_entry)
{
	const struct ndmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attrs[NDA_LLADDR + 1];
	struct neighbour_entry entry = { 0 };
	const void *mac;
	size_t len;

	if (body == NULL)
		return false;
	netlink_attrs(header, sizeof(*body), attrs, COUNT(attrs));
	if (netlink_attr_addr(attrs[NDA_DST], body->ndm_family, &entry.addr) < 0)
		return false;
	entry.ifindex = (uint32_t)body->ndm_ifindex;
	entry.is_permanent = (body->ndm_state & NUD_PERMANENT) != 0;
	mac = netlink_attr_data(attrs[NDA_LLADDR], &len);
	entry.has_mac = mac != NULL && len == sizeof(entry.mac);
	if (entry.has_mac)
		memcpy(entry.mac, mac, sizeof(entry.mac));
	*ret_entry = entry;
	return true;
}

bool neighbour_entry_leads_to(const struct neighbour_entry *entry, const uint8_t mac[6])
{
	return entry->is_permanent && entry->has_mac &&
	       memcmp(entry->mac, mac, sizeof(entry->mac)) == 0;
}

bool route_entry_read(const struct nlmsghdr *header, struct route_entry *ret_entry)
{
	const struct rtmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attrs[RTA_GATEWAY + 1];
	struct route_entry entry = { 0 };

	if (body == NULL)
		return false;
	netlink_attrs(header, sizeof(*body), attrs, COUNT(attrs));
	entry.is_default = body->rtm_dst_len == 0;
	if (netlink_attr_addr(attrs[entry.is_default ? RTA_GATEWAY : RTA_DST], body->rtm_family,
			      &entry.addr) < 0)
		return false;
	entry.is_host = body->rtm_dst_len == (body->rtm_family == AF_INET ? 32 : 128);
	entry.ifindex = netlink_attr_u32(attrs[RTA_OIF], 0);
	entry.table = body->rtm_table;
	entry.protocol = body->rtm_protocol;
	entry.type = body->rtm_type;
	*ret_entry = entry;
	return true;
}
