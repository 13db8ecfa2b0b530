/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_routes.c: `tortie bgp routes`: what tortie-bgpd knows, is told and tells.
 *
 * There may be millions, so they are printed as they come: JSON item by item, a table and YAML in
 * batches, each sorted by prefix and peer. tortie-bgpd waits for us to read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"

#define BATCH 4096 /* rows of a table */

static const struct output_column columns[] = {
	{ "PREFIX", "prefix", false, false },
	{ "NEXT HOP", "next_hop", false, false },
	{ "PEER", "peer", false, false },
	{ "USED", "used", false, false },
	{ "LOCAL PREF", "local_pref", false, true },
	{ "MED", "med", false, true },
	{ "AS PATH", "as_path", false, false },
	{ "COMMUNITIES", "communities_text", false, false },
	{ "ORIGIN", "origin", true, false },
	{ "STALE", "stale_text", true, false },
};

static const struct output_view view = {
	.kind = "BGPRouteList",
	.empty = "No routes.",
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
};

struct row {
	struct ip_prefix prefix;
	struct ip_addr peer;
	struct json_object *item;
};

struct printing {
	enum output_format format;
	bool is_any;		   /* something was printed */
	struct output_parts parts; /* YAML */
	struct row row[BATCH];
	size_t count;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	int order = ip_addr_compare(&left->prefix.addr, &right->prefix.addr);

	if (order == 0 && left->prefix.bits != right->prefix.bits)
		order = left->prefix.bits < right->prefix.bits ? -1 : 1;
	return order ? order : ip_addr_compare(&left->peer, &right->peer);
}

static int print_batch(struct printing *printing)
{
	struct json_object *list = document_new_list();
	int err;

	qsort(printing->row, printing->count, sizeof(printing->row[0]), compare_rows);
	for (size_t i = 0; i < printing->count; i++)
		document_add(list, printing->row[i].item);
	printing->count = 0;
	printing->is_any = true;
	err = printing->format == OUTPUT_YAML ? output_part(&printing->parts, list)
					      : output_list(stdout, printing->format, &view, list);
	json_object_put(list);
	return err;
}

static int print_json(struct printing *printing, struct json_object *item)
{
	const char *text = json_object_to_json_string_ext(
		item, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	int err = 0;

	if (printf("%s%s", printing->is_any ? ",\n" : "", text) < 0)
		err = -EIO;
	printing->is_any = true;
	json_object_put(item);
	return err;
}

/* --- an item --- */

static void set_communities(struct json_object *item, const char *text, size_t len)
{
	struct json_object *list = document_new_list();
	char one[64];

	while (len > 0) {
		size_t word = 0;

		while (word < len && text[word] != ' ')
			word++;
		snprintf(one, sizeof(one), "%.*s", (int)word, text);
		document_add_words(list, one);
		word += word < len; /* the space */
		text += word;
		len -= word;
	}
	document_set(item, "communities", list);
}

static struct json_object *convert(const struct msg_bgp_route *route, const char *text)
{
	static const char *const origins[] = { "IGP", "EGP", "incomplete" };
	struct json_object *item = document_new_map();

	document_set_prefix(item, "prefix", &route->prefix);
	if (ip_addr_is_zero(&route->next_hop))
		document_set(item, "next_hop", NULL);
	else
		document_set_address(item, "next_hop", &route->next_hop);
	if (route->flags & BGP_ROUTE_OWN)
		document_set(item, "peer", NULL);
	else
		document_set_address(item, "peer", &route->peer);
	document_set_flag(item, "own", route->flags & BGP_ROUTE_OWN);
	document_set_flag(item, "best", route->flags & BGP_ROUTE_BEST);
	document_set_flag(item, "multipath", route->flags & BGP_ROUTE_MULTIPATH);
	document_set_flag(item, "unreachable", route->flags & BGP_ROUTE_UNREACHABLE);
	document_set_flag(item, "stale", route->flags & BGP_ROUTE_STALE);
	document_set_flag(item, "internal", route->flags & BGP_ROUTE_INTERNAL);
	document_set_words(item, "origin", route->origin < 3 ? origins[route->origin] : "unknown");
	if (route->flags & BGP_ROUTE_HAS_LOCAL_PREF)
		document_set_number(item, "local_pref", route->local_pref);
	if (route->flags & BGP_ROUTE_HAS_MED)
		document_set_number(item, "med", route->med);
	document_set_text(item, "as_path", text, route->path_len);
	set_communities(item, text + route->path_len, route->communities_len);
	return item;
}

/* Cells of the table. */
static void add_cells(struct json_object *item, const struct msg_bgp_route *route, const char *text)
{
	if (route->flags & BGP_ROUTE_OWN)
		document_set_words(item, "peer", "(own)");
	document_set_words(item, "used",
			   route->flags & BGP_ROUTE_UNREACHABLE ? "unreachable"
			   : route->flags & BGP_ROUTE_BEST	? "yes"
			   : route->flags & BGP_ROUTE_MULTIPATH ? "multipath"
								: "");
	document_set_words(item, "stale_text", route->flags & BGP_ROUTE_STALE ? "yes" : "");
	document_set_text(item, "communities_text", text + route->path_len, route->communities_len);
}

static int route_record(uint32_t type, const void *body, void *arg)
{
	const struct message_header *header = (const struct message_header *)body - 1;
	const struct msg_bgp_route *route = body;
	const char *text = (const char *)(route + 1);
	size_t room = header->length - sizeof(*header) - sizeof(*route);
	struct printing *printing = arg;
	struct json_object *item;

	if (type != MSG_BGP_ROUTE)
		return 0;
	if (route->path_len > room || route->communities_len > room - route->path_len)
		return -EPROTO;
	item = convert(route, text);
	if (printing->format == OUTPUT_JSON)
		return print_json(printing, item);
	if (printing->format != OUTPUT_YAML)
		add_cells(item, route, text);
	printing->row[printing->count++] = (struct row){ route->prefix, route->peer, item };
	return printing->count == BATCH ? print_batch(printing) : 0;
}

/* --- the question --- */

static void say_no_prefix(const char *text)
{
	char meant[IP_PREFIX_TEXT_MAX];
	struct ip_prefix prefix;
	struct ip_addr addr;
	unsigned int bits;

	if (ip_interface_parse(text, &addr, &bits) < 0) {
		say_error("bgp routes: %s: neither PREFIX/LENGTH nor an address", text);
		return;
	}
	prefix = ip_prefix_make(&addr, bits);
	say_error("bgp routes: %s: bits are set beyond the length (%s, or the address alone)", text,
		  ip_prefix_format(&prefix, meant, sizeof(meant)));
}

static bool read_prefix(const char *text, struct msg_bgp_get_routes *ret)
{
	struct ip_addr addr;

	if (ip_prefix_parse(text, &ret->prefix) == 0) {
		ret->match = BGP_MATCH_INSIDE;
		return true;
	}
	if (ip_addr_parse(text, &addr) < 0) {
		say_no_prefix(text);
		return false;
	}
	ret->prefix = ip_prefix_host(&addr);
	ret->match = BGP_MATCH_COVERING;
	return true;
}

static bool read_question(const struct command_line *line, struct msg_bgp_get_routes *ret)
{
	if (line->told + line->sent + line->best > 1) {
		say_error("bgp routes: one of --in, --out and --best");
		return false;
	}
	ret->which = line->told	  ? BGP_ROUTES_IN
		     : line->sent ? BGP_ROUTES_OUT
		     : line->best ? BGP_ROUTES_BEST
				  : BGP_ROUTES_ALL;
	if (line->peer && ip_addr_parse(line->peer, &ret->peer) < 0) {
		say_error("bgp routes: --peer %s: not an IPv4 or IPv6 address", line->peer);
		return false;
	}
	return line->operand_count == 0 || read_prefix(line->operand[0], ret);
}

struct peer_search {
	const struct ip_addr *peer;
	bool is_found;
};

static int peer_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_bgp_peer *peer = body;
	struct peer_search *search = arg;

	if (type == MSG_BGP_PEER && ip_addr_compare(&peer->peer.addr, search->peer) == 0)
		search->is_found = true;
	return 0;
}

/* "No routes." of an address with a slip in it would be taken for an answer. */
static int check_peer(struct request *request, const char *text, const struct ip_addr *peer)
{
	struct peer_search search = { .peer = peer };
	int err = request_list(request, MSG_BGP_GET_PEERS, peer_record, &search);

	if (err == 0 && !search.is_found) {
		say_error("bgp routes: --peer %s: no such peer (tortie bgp peers lists them)",
			  text);
		err = -ENOENT;
	}
	return err;
}

int bgp_routes_run(const struct command_line *line)
{
	struct msg_bgp_get_routes routes = { 0 };
	const struct request_question question = { MSG_BGP_GET_ROUTES, &routes, sizeof(routes) };
	static struct printing printing; /* large */
	struct request request;
	int err;

	if (!read_question(line, &routes))
		return EXIT_MISUSED;
	err = request_open_bgp(&request, line->run_dir);
	if (err < 0)
		return EXIT_FAILED;
	if (line->peer && check_peer(&request, line->peer, &routes.peer) < 0) {
		request_close(&request);
		return EXIT_FAILED;
	}
	printing.format = line->format;
	output_begin(&printing.parts, stdout, line->format, &view);
	if (line->format == OUTPUT_JSON)
		printf("{\"kind\":\"%s\",\"items\":[\n", view.kind);
	err = request_run(&request, &question, route_record, &printing);
	request_close(&request);
	if (err == 0 && line->format == OUTPUT_JSON)
		printf("\n]}\n");
	else if (err == 0 && (printing.count > 0 || !printing.is_any))
		err = print_batch(&printing);
	if (err == 0 && line->format == OUTPUT_YAML)
		err = output_end(&printing.parts);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}
