/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_routes.c: the list routes of the file: pods of other nodes, without BGP.
 *
 * A route has one next hop or several, which are used side by side. An IPv4 prefix may have IPv6
 * next hops (RFC 8950), not the other way round: the kernel knows no such route.
 *
 * What must hold between routes and the rest of the file: config_check.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/config_parts.h"
#include "lib/ip_prefix.h"

/* One address, or a list of them: the pods are reached by each. */
static int read_via(struct config_reader *reader, const struct config_row *row,
		    const struct config_node *node, void *field)
{
	const struct config_row item = { .read = config_read_unicast };
	struct ip_addr addr[ROUTE_NEXT_HOPS_MAX];
	struct next_hops *via = field;
	size_t count = 1, i;
	int err;

	if (node->kind == CONFIG_LIST) {
		count = node->count;
		err = config_check_list(reader, node, ROUTE_NEXT_HOPS_MAX);
		if (err == 0 && count == 0)
			err = config_fail(reader, node, "needs an address");
		if (err == 0)
			err = config_read_list(reader, &item, node, addr, sizeof(addr[0]));
	} else {
		err = config_read_unicast(reader, row, node, &addr[0]);
	}
	for (i = 0; err == 0 && i < count; i++) {
		next_hops_add(via, &addr[i]);
		if (via->count != i + 1)
			err = config_fail(reader, config_item(node, i), "%s: stands here twice",
					  config_item(node, i)->text);
	}
	return err;
}

static const struct config_row route_rows[] = {
	{ "prefix", config_read_prefix, offsetof(struct config_route, prefix) },
	{ "via", read_via, offsetof(struct config_route, via) },
};

static int read_route(struct config_reader *reader, const struct config_row *row,
		      const struct config_node *node, void *field)
{
	struct config_route *route = field;
	int err = config_read_map(reader, node, CONFIG_ROWS(route_rows), field);

	if (err < 0)
		return err;
	if (!config_find(node, "prefix") || !config_find(node, "via"))
		return config_fail(reader, node, "needs prefix and via");
	/* The other way round there is a way (RFC 8950). */
	for (size_t i = 0; i < route->via.count; i++)
		if (!ip_addr_is_v4(&route->prefix.addr) && ip_addr_is_v4(&route->via.addr[i]))
			return config_fail(reader, config_find(node, "via"),
					   "an IPv6 prefix cannot be reached via an IPv4 address");
	return 0;
}

int config_read_routes(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	const struct config_row item = { .read = read_route };
	struct config *config = field;
	int err = config_check_list(reader, node, CONFIG_ROUTES_MAX);

	if (err < 0 || node->count == 0)
		return err;
	config->route = calloc(node->count, sizeof(*config->route));
	if (!config->route)
		return -ENOMEM;
	config->route_count = node->count;
	return config_read_list(reader, &item, node, config->route, sizeof(*config->route));
}
