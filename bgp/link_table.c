/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_table.c: over which link a next hop is reached.
 *
 * Only filters with `interface` ask, and only about routers on a subnet of this node: a next hop
 * that is further away has no link here, and no such rule is for it. The kernel is asked when a
 * configuration has such a rule and when a session comes up, not for each route.
 *
 * It is asked by its files in /proc/net, for the sandbox leaves no netlink socket: `route` has the
 * IPv4 subnets (routes without a gateway), `if_inet6` the IPv6 addresses with their lengths. What
 * a line lacks makes it be passed over. proc(5).
 */
#include "bgp/link_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

#define ROWS_MAX     1024
#define LINE_SIZE    512
#define ROUTE_UP     0x1u /* linux/route.h: RTF_UP, RTF_GATEWAY */
#define ROUTE_BEHIND 0x2u

/* False: the table is full. */
static bool add_row(struct link_table *table, const char *name, const struct ip_addr *addr,
		    unsigned int bits)
{
	struct link_row *row;

	if (strcmp(name, "lo") == 0 || strcmp(name, "*") == 0)
		return true;
	if (table->count == ROWS_MAX)
		return false;
	row = &table->row[table->count++];
	row->subnet = ip_prefix_make(addr, bits);
	snprintf(row->name, sizeof(row->name), "%s", name);
	return true;
}

/* "eth0 0000630A 00000000 0001 0 0 0 00FFFFFF 0 0 0": numbers as they lie in memory. */
static bool read_route(struct link_table *table, const char *line)
{
	uint32_t destination, gateway, flags, mask;
	char name[CONFIG_INTERFACE_MAX_LEN + 1];
	struct ip_addr addr;

	if (sscanf(line, "%15s %" SCNx32 " %" SCNx32 " %" SCNx32 " %*s %*s %*s %" SCNx32, name,
		   &destination, &gateway, &flags, &mask) != 5)
		return true; /* the heading */
	if (!(flags & ROUTE_UP) || flags & ROUTE_BEHIND || mask == 0)
		return true;
	addr = ip_addr_from_v4((struct in_addr){ destination });
	return add_row(table, name, &addr,
		       IP_ADDR_V4_BITS + (unsigned int)__builtin_popcount(mask));
}

/* "fd990000000000000000000000000001 02 40 00 80 eth0" */
static bool read_inet6(struct link_table *table, const char *line)
{
	char hex[33], name[CONFIG_INTERFACE_MAX_LEN + 1];
	struct in6_addr octets;
	unsigned int bits, octet;
	struct ip_addr addr;

	if (sscanf(line, "%32s %*s %x %*s %*s %15s", hex, &bits, name) != 3 || strlen(hex) != 32 ||
	    bits > IP_ADDR_BITS)
		return true;
	for (size_t i = 0; i < sizeof(octets); i++) {
		if (sscanf(hex + 2 * i, "%2x", &octet) != 1)
			return true;
		octets.s6_addr[i] = (uint8_t)octet;
	}
	addr = ip_addr_from_v6(&octets);
	return ip_addr_is_link_local(&addr) || add_row(table, name, &addr, bits);
}

/* A machine without the file has no such family. */
static int read_lines(struct link_table *table, const char *path,
		      bool (*read_line)(struct link_table *table, const char *line))
{
	FILE *file = fopen(path, "re");
	char line[LINE_SIZE];

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (fgets(line, sizeof(line), file) && read_line(table, line))
		continue;
	fclose(file);
	return 0;
}

int link_table_read_from(const char *route_path, const char *inet6_path,
			 struct link_table **ret_table)
{
	struct link_table *table = calloc(1, sizeof(*table));
	int err = -ENOMEM;

	if (!table)
		return err;
	table->references = 1;
	table->row = calloc(ROWS_MAX, sizeof(*table->row));
	if (table->row)
		err = read_lines(table, route_path, read_route);
	if (err == 0)
		err = read_lines(table, inet6_path, read_inet6);
	if (err < 0)
		link_table_unref(table);
	else
		*ret_table = table;
	return err;
}

int link_table_read(struct link_table **ret_table)
{
	return link_table_read_from("/proc/net/route", "/proc/net/if_inet6", ret_table);
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
