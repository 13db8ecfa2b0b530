/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routes.c: `tortie get route`.
 *
 * Other nodes' blocks (from the file or by BGP), this node's own blocks and its pods, with what is
 * in force: a route that is kernel-only takes the host stack, one without an uplink goes nowhere.
 */
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

static int route_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_route *route = body;
	struct get_walk *walk = arg;
	struct json_object *item;

	if (type != MSG_ROUTE)
		return 0;
	item = document_new_map();
	document_set_prefix(item, "destination", &route->prefix);
	if (ip_addr_is_zero(&route->next_hop))
		document_set(item, "via", NULL);
	else
		document_set_address(item, "via", &route->next_hop);
	document_set_text(item, "interface", route->ifname, sizeof(route->ifname));
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
	.view = { .kind = "RouteList",
		  .empty = "No routes.",
		  .columns = columns,
		  .column_count = sizeof(columns) / sizeof(columns[0]) },
};
