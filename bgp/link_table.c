/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_table.c: over which link a next hop is reached.
 *
 * Only filters with `interface` ask, and only about routers on a subnet of this node: a next hop
 * that is further away has no link here, and no such rule is for it. The kernel is asked when a
 * configuration has such a rule and whenever a session comes up, not for each route.
 */
#include "bgp/link_table.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

static struct ip_addr addr_of(const struct sockaddr *socket_addr)
{
	if (socket_addr->sa_family == AF_INET)
		return ip_addr_from_v4(
			((const struct sockaddr_in *)(const void *)socket_addr)->sin_addr);
	return ip_addr_from_v6(
		&((const struct sockaddr_in6 *)(const void *)socket_addr)->sin6_addr);
}

static unsigned int mask_bits(const struct sockaddr *mask)
{
	struct ip_addr addr = addr_of(mask);
	unsigned int bits = mask->sa_family == AF_INET ? IP_ADDR_V4_BITS : 0;
	const uint8_t *octet = (const uint8_t *)&addr;

	while (bits < IP_ADDR_BITS && octet[bits / 8] & (0x80 >> bits % 8))
		bits++;
	return bits;
}

static bool is_of_use(const struct ifaddrs *at)
{
	return at->ifa_addr && at->ifa_netmask && !(at->ifa_flags & IFF_LOOPBACK) &&
	       (at->ifa_addr->sa_family == AF_INET || at->ifa_addr->sa_family == AF_INET6);
}

static void fill(struct link_table *table, const struct ifaddrs *list)
{
	for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
		struct link_row *row = &table->row[table->count];
		struct ip_addr addr;

		if (!is_of_use(at))
			continue;
		addr = addr_of(at->ifa_addr);
		row->subnet = ip_prefix_make(&addr, mask_bits(at->ifa_netmask));
		snprintf(row->name, sizeof(row->name), "%s", at->ifa_name);
		table->count++;
	}
}

int link_table_read(struct link_table **ret_table)
{
	struct link_table *table = calloc(1, sizeof(*table));
	struct ifaddrs *list;
	size_t count = 1;

	if (!table)
		return -ENOMEM;
	table->references = 1;
	if (getifaddrs(&list) < 0) {
		int err = -errno;

		free(table);
		return err;
	}
	for (const struct ifaddrs *at = list; at; at = at->ifa_next)
		count += is_of_use(at);
	table->row = calloc(count, sizeof(*table->row));
	if (table->row)
		fill(table, list);
	freeifaddrs(list);
	if (!table->row) {
		free(table);
		return -ENOMEM;
	}
	*ret_table = table;
	return 0;
}

struct link_table *link_table_ref(struct link_table *table)
{
	if (table)
		table->references++;
	return table;
}

void link_table_unref(struct link_table *table)
{
	if (!table || --table->references > 0)
		return;
	free(table->row);
	free(table);
}

bool link_table_equal(const struct link_table *a, const struct link_table *b)
{
	if (!a || !b)
		return a == b;
	return a->count == b->count && memcmp(a->row, b->row, a->count * sizeof(*a->row)) == 0;
}

const char *link_table_find(const struct link_table *table, const struct ip_addr *addr)
{
	const struct link_row *found = NULL;

	for (size_t i = 0; table && i < table->count; i++) {
		const struct link_row *row = &table->row[i];

		if (ip_prefix_contains(&row->subnet, addr) &&
		    (!found || row->subnet.bits > found->subnet.bits))
			found = row;
	}
	return found ? found->name : NULL;
}
