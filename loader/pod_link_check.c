/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_link_check.c: compare both sides of a pod's link with what pod_link.c made of them.
 *
 * Each side is read by a handful of dumps (link, addresses, neighbours, routes), the things that
 * must be there are ticked off, and what is left over is told in words. Only what ADD made is asked
 * for: more addresses, routes or neighbours are other people's and fine (CNI specification 1.1.0,
 * "CHECK": a plugin must allow for what later plugins added).
 */
#include "loader/pod_link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "lib/ip_prefix.h"
#include "lib/text.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "loader/netlink_entry.h"
#include "loader/pod_link_message.h"

/* Bits of what was found for one wanted address or gateway. */
enum {
	FOUND_ADDRESS = 1,
	FOUND_NEIGHBOUR = 2,
	FOUND_ROUTE = 4,
	FOUND_DEFAULT = 8,
};

struct wanted {
	struct ip_addr addr;
	const uint8_t *mac; /* of the neighbour entry */
	unsigned int found;
};

struct side {
	uint32_t ifindex;
	struct wanted item[POD_ADDRESSES_MAX + 2];
	size_t count;
};

static struct wanted *find_wanted(struct side *side, const struct ip_addr *addr)
{
	for (size_t i = 0; i < side->count; i++)
		if (ip_addr_equal(&side->item[i].addr, addr))
			return &side->item[i];
	return NULL;
}

static void want(struct side *side, const struct ip_addr *addr, const uint8_t *mac)
{
	side->item[side->count++] = (struct wanted){ .addr = *addr, .mac = mac };
}

static int take_address(const struct nlmsghdr *header, void *arg)
{
	const struct ifaddrmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attrs[IFA_LOCAL + 1];
	struct side *side = arg;
	struct wanted *item;
	struct ip_addr addr;

	if (body == NULL || body->ifa_index != side->ifindex)
		return 0;
	netlink_attrs(header, sizeof(*body), attrs, sizeof(attrs) / sizeof(attrs[0]));
	if (netlink_attr_addr(attrs[IFA_LOCAL] != NULL ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS],
			      body->ifa_family, &addr) < 0)
		return 0;
	item = find_wanted(side, &addr);
	if (item != NULL && body->ifa_prefixlen == (ip_addr_is_v4(&addr) ? 32 : 128))
		item->found |= FOUND_ADDRESS;
	return 0;
}

static int take_neighbour(const struct nlmsghdr *header, void *arg)
{
	struct neighbour_entry entry;
	struct side *side = arg;
	struct wanted *item;

	if (!neighbour_entry_read(header, &entry) || entry.ifindex != side->ifindex)
		return 0;
	item = find_wanted(side, &entry.addr);
	if (item != NULL && item->mac != NULL && neighbour_entry_leads_to(&entry, item->mac))
		item->found |= FOUND_NEIGHBOUR;
	return 0;
}

static int take_route(const struct nlmsghdr *header, void *arg)
{
	struct side *side = arg;
	struct route_entry entry;
	struct wanted *item;

	if (!route_entry_read(header, &entry) || entry.type != RTN_UNICAST ||
	    entry.table != RT_TABLE_MAIN || entry.ifindex != side->ifindex)
		return 0;
	item = find_wanted(side, &entry.addr);
	if (item == NULL)
		return 0;
	if (entry.is_default)
		item->found |= FOUND_DEFAULT;
	else if (entry.is_host)
		item->found |= FOUND_ROUTE;
	return 0;
}

static int read_side(struct netlink *netlink, struct side *side)
{
	int err;

	err = netlink_dump(netlink, pod_message_dump(RTM_GETADDR, AF_UNSPEC), take_address, side);
	if (err == 0)
		err = netlink_dump(netlink, pod_message_dump(RTM_GETNEIGH, AF_UNSPEC),
				   take_neighbour, side);
	if (err == 0)
		err = netlink_dump(netlink, pod_message_dump(RTM_GETROUTE, AF_INET), take_route,
				   side);
	if (err < 0)
		return err;
	err = netlink_dump(netlink, pod_message_dump(RTM_GETROUTE, AF_INET6), take_route, side);
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP ? 0 : err; /* a kernel without IPv6 */
}

static void tell_missing(const struct wanted *item, unsigned int must, const char *ifname,
			 char *text)
{
	char addr[IP_ADDR_TEXT_MAX];
	unsigned int missing = must & ~item->found;

	ip_addr_format(&item->addr, addr, sizeof(addr));
	if (missing & FOUND_ADDRESS)
		text_append_item(text, TEXT_MAX + 1, "%s lacks address %s", ifname, addr);
	if (missing & FOUND_NEIGHBOUR)
		text_append_item(text, TEXT_MAX + 1, "%s lacks the permanent neighbour entry of %s",
				 ifname, addr);
	if (missing & FOUND_ROUTE)
		text_append_item(text, TEXT_MAX + 1, "the route to %s by %s is missing", addr,
				 ifname);
	if (missing & FOUND_DEFAULT)
		text_append_item(text, TEXT_MAX + 1, "the default route via %s by %s is missing",
				 addr, ifname);
}

static void want_gateways(struct side *side, const struct endpoint *endpoint)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct ip_addr gateway = pod_gateway(!v6);

		for (size_t i = 0; i < endpoint->address_count; i++)
			if (ip_addr_is_v4(&endpoint->address[i]) == !v6 &&
			    find_wanted(side, &gateway) == NULL)
				want(side, &gateway, pod_gateway_mac());
	}
}

static void compare_pod_link(const struct endpoint *endpoint, const struct pod_link *link,
			     const struct pod_link *host_link, char *text)
{
	if (link->ifindex != host_link->peer_ifindex)
		text_append_item(text, TEXT_MAX + 1, "%s in the pod is not the other end of %s",
				 link->name, endpoint->host_ifname);
	if (!link->is_up)
		text_append_item(text, TEXT_MAX + 1, "%s in the pod is down", link->name);
	if (link->mtu != endpoint->mtu)
		text_append_item(text, TEXT_MAX + 1, "%s in the pod has MTU %u instead of %u",
				 link->name, link->mtu, endpoint->mtu);
	if (memcmp(link->mac, endpoint->pod_mac, sizeof(link->mac)) != 0)
		text_append_item(text, TEXT_MAX + 1, "%s in the pod has another MAC", link->name);
}

int pod_link_check_pod(struct netlink *pod, const struct endpoint *endpoint,
		       const struct pod_link *host_link, char ret_text[TEXT_MAX + 1])
{
	struct side side = { 0 };
	struct pod_link link;
	int err;

	ret_text[0] = '\0';
	err = pod_link_get(pod, endpoint->ifname, &link);
	if (err < 0) {
		text_append_item(ret_text, TEXT_MAX + 1, "%s in the pod: %s", endpoint->ifname,
				 strerror(-err));
		return err;
	}
	compare_pod_link(endpoint, &link, host_link, ret_text);
	side.ifindex = link.ifindex;
	for (size_t i = 0; i < endpoint->address_count; i++)
		want(&side, &endpoint->address[i], NULL);
	want_gateways(&side, endpoint);
	err = read_side(pod, &side);
	if (err < 0) {
		text_append_item(ret_text, TEXT_MAX + 1, "the pod's side cannot be read: %s",
				 strerror(-err));
		return err;
	}
	for (size_t i = 0; i < side.count; i++) {
		bool is_gateway = i >= endpoint->address_count;
		unsigned int must = is_gateway ? FOUND_NEIGHBOUR | FOUND_DEFAULT : FOUND_ADDRESS;

		if (is_gateway && ip_addr_is_v4(&side.item[i].addr))
			must |= FOUND_ROUTE;
		tell_missing(&side.item[i], must, endpoint->ifname, ret_text);
	}
	return ret_text[0] != '\0' ? -EBADE : 0;
}

int pod_link_check_host(struct netlink *netlink, const struct endpoint *endpoint,
			char ret_text[TEXT_MAX + 1])
{
	struct side side = { .ifindex = endpoint->ifindex };
	struct pod_link link;
	int err;

	ret_text[0] = '\0';
	err = pod_link_get(netlink, endpoint->host_ifname, &link);
	if (err == 0) {
		for (size_t i = 0; i < endpoint->address_count; i++)
			want(&side, &endpoint->address[i], endpoint->pod_mac);
		err = read_side(netlink, &side);
	}
	if (err < 0) {
		text_append_item(ret_text, TEXT_MAX + 1, "%s: %s", endpoint->host_ifname,
				 strerror(-err));
		return err;
	}
	if (!link.is_up)
		text_append_item(ret_text, TEXT_MAX + 1, "%s is down", link.name);
	if (link.mtu != endpoint->mtu)
		text_append_item(ret_text, TEXT_MAX + 1, "%s has MTU %u instead of %u", link.name,
				 link.mtu, endpoint->mtu);
	if (memcmp(link.mac, pod_gateway_mac(), sizeof(link.mac)) != 0)
		text_append_item(ret_text, TEXT_MAX + 1,
				 "%s has another MAC than ee:ee:ee:ee:ee:ee", link.name);
	for (size_t i = 0; i < side.count; i++)
		tell_missing(&side.item[i], FOUND_NEIGHBOUR | FOUND_ROUTE, link.name, ret_text);
	return ret_text[0] != '\0' ? -EBADE : 0;
}
