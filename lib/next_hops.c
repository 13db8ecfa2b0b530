/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next_hops.c: the next hops of a route, in memory and between tortie-bgpd and the agent.
 *
 * A route has up to ROUTE_NEXT_HOPS_MAX of them, in ascending order: the order in which peers told
 * them says nothing, and so two sets are equal when their octets are.
 *
 * What the agent reads comes from a program that talks to the whole network and may have been taken
 * over: lengths, counts, the form of a prefix and the order are checked here, what an address may
 * mean is left to loader/remote_routes.c. Pure.
 */
#include "lib/next_hops.h"

#include <errno.h>
#include <string.h>

#include "lib/ip_prefix.h"

bool next_hops_add(struct next_hops *hops, const struct ip_addr *addr)
{
	uint32_t at = hops->count;

	while (at > 0 && ip_addr_compare(&hops->addr[at - 1], addr) > 0)
		at--;
	if (at > 0 && ip_addr_equal(&hops->addr[at - 1], addr))
		return true;
	if (hops->count == ROUTE_NEXT_HOPS_MAX)
		return false;
	memmove(&hops->addr[at + 1], &hops->addr[at], (hops->count - at) * sizeof(*addr));
	hops->addr[at] = *addr;
	hops->count++;
	return true;
}

bool next_hops_has(const struct next_hops *hops, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < hops->count; i++)
		if (ip_addr_equal(&hops->addr[i], addr))
			return true;
	return false;
}

bool next_hops_equal(const struct next_hops *a, const struct next_hops *b)
{
	return a->count == b->count && memcmp(a->addr, b->addr, a->count * sizeof(*a->addr)) == 0;
}

size_t route_set_write(void *buf, const struct ip_prefix *prefix, const struct next_hops *hops)
{
	const struct msg_route_set route = { .prefix = *prefix, .next_hop_count = hops->count };
	size_t octets = hops->count * sizeof(*hops->addr);

	memcpy(buf, &route, sizeof(route));
	memcpy((uint8_t *)buf + sizeof(route), hops->addr, octets);
	return sizeof(route) + octets;
}

static bool is_ascending(const struct next_hops *hops)
{
	for (uint32_t i = 1; i < hops->count; i++)
		if (ip_addr_compare(&hops->addr[i - 1], &hops->addr[i]) >= 0)
			return false;
	return true;
}

int route_set_read(const void *data, size_t len, struct ip_prefix *ret_prefix,
		   struct next_hops *ret_hops)
{
	struct next_hops hops = { 0 };
	struct msg_route_set route;
	size_t octets;

	if (len < sizeof(route))
		return -EPROTO;
	memcpy(&route, data, sizeof(route));
	if (route.next_hop_count == 0 || route.next_hop_count > ROUTE_NEXT_HOPS_MAX)
		return -EPROTO;
	hops.count = route.next_hop_count;
	octets = hops.count * sizeof(*hops.addr);
	if (octets > len - sizeof(route))
		return -EPROTO;
	memcpy(hops.addr, (const uint8_t *)data + sizeof(route), octets);
	if (!ip_prefix_is_valid(&route.prefix) || !is_ascending(&hops))
		return -EPROTO;
	*ret_prefix = route.prefix;
	*ret_hops = hops;
	return (int)(sizeof(route) + octets);
}

int route_delete_read(const void *data, size_t len, struct ip_prefix *ret_prefix)
{
	struct msg_route_delete route;

	if (len < sizeof(route))
		return -EPROTO;
	memcpy(&route, data, sizeof(route));
	if (!ip_prefix_is_valid(&route.prefix))
		return -EPROTO;
	*ret_prefix = route.prefix;
	return (int)sizeof(route);
}
