/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routes.c: `tortie get route`.
 *
 * Other nodes' blocks (from the file or by BGP), this node's own blocks and its pods, with what is
 * in force: a route that is kernel-only takes the host stack, one without an uplink goes nowhere.
 */
#include <stdio.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"
#include "tools/tortie/words.h"

static const struct output_column columns[] = {
	{ "DESTINATION", "destination", false, false },
	{ "VIA", "via", false, false },
	{ "INTERFACE", "interface", false, false },
	{ "SOURCE", "source", false, false },
	{ "STATE", "state", false, false },
	{ "MTU", "mtu", true, true },
};

/* The ways side by side, as a cell has them, and as a list for programs. */
static void set_next_hops(struct json_object *item, const struct msg_next_hop *hop, size_t count)
{
	struct json_object *list = document_new_list();
	char via[ROUTE_NEXT_HOPS_MAX * IP_ADDR_TEXT_MAX] = "", addr[IP_ADDR_TEXT_MAX];
	char links[ROUTE_NEXT_HOPS_MAX * (IFNAME_MAX + 1)] = "";
	size_t via_len = 0, links_len = 0;

	for (size_t i = 0; i < count; i++, hop++) {
		struct json_object *way = document_new_map();

		if (!ip_addr_is_zero(&hop->addr)) {
			document_set_address(way, "via", &hop->addr);
			via_len += (size_t)snprintf(via + via_len, sizeof(via) - via_len, "%s%s",
						    via_len ? "," : "",
						    ip_addr_format(&hop->addr, addr, sizeof(addr)));
		}
		document_set_text(way, "interface", hop->ifname, sizeof(hop->ifname));
		links_len += (size_t)snprintf(links + links_len, sizeof(links) - links_len, "%s%s",
					      i ? "," : "",
					      hop->ifname[0] || count == 1 ? hop->ifname : "-");
		document_add(list, way);
	}
	if (via_len > 0)
		document_set_words(item, "via", via);
	else
		document_set(item, "via", NULL);
	document_set_text(item, "interface", links, sizeof(links));
	document_set(item, "next_hops", list);
}

static int route_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_route *route = body;
	struct get_walk *walk = arg;
	struct json_object *item;

	if (type != MSG_ROUTE)
		return 0;
	item = document_new_map();
	document_set_prefix(item, "destination", &route->prefix);
	set_next_hops(item, (const struct msg_next_hop *)(route + 1), route->next_hop_count);
	document_set_words(item, "source", words_route_source(route->source));
	document_set_words(item, "state", words_route_state(route->state));
	if (route->mtu == 0)
		document_set(item, "mtu", NULL);
	else
		document_set_number(item, "mtu", route->mtu);
	document_add(walk->items, item);
	return 0;
}

static const char *const names[] = { "route", "routes", NULL };

const struct get_kind get_routes = {
	.names = names,
	.request = MSG_GET_ROUTES,
	.record = route_record,
	.name_key = "destination",
	.is_long = true,
	.view = { .kind = "RouteList",
		  .empty = "No routes.",
		  .columns = columns,
		  .column_count = sizeof(columns) / sizeof(columns[0]) },
};
