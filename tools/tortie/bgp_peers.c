/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_peers.c: `tortie bgp peers` and `tortie bgp peer`: sessions, asked of tortie-bgpd itself.
 *
 * `tortie node status` shows what the agent was told of the same peers; here is more of each, and
 * it works without an agent (--standalone).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/node.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"
#include "tools/tortie/words.h"

static const struct output_column columns[] = {
	{ "PEER", "peer_address", false, false },
	{ "AS", "as", false, true },
	{ "TYPE", "type", false, false },
	{ "STATE", "session", false, false },
	{ "SINCE", "since_text", false, false },
	{ "ROUTES IN", "routes_in", false, true },
	{ "OUT", "routes_out", false, true },
	{ "BFD", "bfd_text", false, false },
	{ "INFO", "info_text", false, false },
	{ "LOCAL AS", "local_as", true, true },
	{ "ROUTER ID", "router_id", true, false },
	{ "UPDATES IN", "updates_in", true, true },
	{ "OUT", "updates_out", true, true },
	{ "TIMES UP", "times_up", true, true },
	{ "HOLD", "hold_time_s", true, true },
	{ "SENT", "last_sent", true, false },
	{ "RECEIVED", "last_received", true, false },
};

static const struct {
	uint32_t flag;
	const char *key;
} flags[] = {
	{ BGP_PEER_REFLECTOR_CLIENT, "reflector_client" },
	{ BGP_PEER_PASSIVE, "passive" },
	{ BGP_PEER_DOWN, "down" },
	{ BGP_PEER_FILTERED, "filtered" },
	{ BGP_PEER_GRACEFUL_RESTART, "graceful_restart" },
	{ BGP_PEER_ROUTE_REFRESH, "route_refresh" },
	{ BGP_PEER_FOUR_OCTET_AS, "four_octet_as" },
	{ BGP_PEER_EXTENDED_NEXT_HOP, "extended_next_hop" },
	{ BGP_PEER_IPV4, "ipv4" },
	{ BGP_PEER_IPV6, "ipv6" },
};

/* Null without BFD. */
static struct json_object *convert_bfd(const struct msg_bgp_peer *peer)
{
	struct json_object *item;

	if (peer->peer.bfd_state == BGP_BFD_NONE)
		return NULL;
	item = document_new_map();
	document_set_words(item, "state", words_bfd_state(peer->peer.bfd_state));
	document_set_words(item, "remote_state", words_bfd_state(peer->bfd_remote_state));
	document_set_text(item, "diagnostic", peer->bfd_diagnostic, sizeof(peer->bfd_diagnostic));
	document_set_flag(item, "multihop", peer->flags & BGP_PEER_BFD_MULTIHOP);
	document_set_number(item, "interval_ms", peer->bfd_interval_ms);
	document_set_number(item, "detection_ms", peer->bfd_detection_ms);
	document_set_number(item, "received", peer->bfd_received);
	document_set_number(item, "sent", peer->bfd_sent);
	document_set_number(item, "discarded", peer->bfd_discarded);
	document_set_text(item, "last_discard", peer->bfd_discard, sizeof(peer->bfd_discard));
	document_set_number(item, "times_down", peer->peer.bfd_times_down);
	return item;
}

static int peer_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_bgp_peer *peer = body;
	struct json_object *item;

	if (type != MSG_BGP_PEER)
		return 0;
	item = peer_convert(&peer->peer, (int64_t)time(NULL));
	document_set_words(item, "type", peer->flags & BGP_PEER_INTERNAL ? "internal" : "external");
	document_set_number(item, "local_as", peer->local_as);
	document_set_number(item, "updates_in", peer->updates_in);
	document_set_number(item, "updates_out", peer->updates_out);
	document_set_number(item, "bad_updates", peer->bad_updates);
	document_set_number(item, "times_up", peer->times_up);
	document_set_text(item, "last_sent", peer->sent, sizeof(peer->sent));
	document_set_text(item, "last_received", peer->received, sizeof(peer->received));
	document_set(item, "bfd", convert_bfd(peer));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		document_set_flag(item, flags[i].key, peer->flags & flags[i].flag);
	document_add(arg, item);
	return 0;
}

/* Cells that say again what other keys say. */
static void add_cells(struct json_object *item)
{
	struct json_object *bfd = NULL;
	char text[WORDS_MAX];

	if (json_object_object_get_ex(item, "bfd", &bfd) && bfd)
		document_set_words(item, "bfd_text", document_get_words(bfd, "state"));
	document_set_words(
		item, "since_text",
		words_duration(document_get_number(item, "since_s"), text, sizeof(text)));
	document_set_number(item, "routes_in",
			    document_get_number(item, "routes_in_ipv4") +
				    document_get_number(item, "routes_in_ipv6"));
	document_set_number(item, "routes_out",
			    document_get_number(item, "routes_out_ipv4") +
				    document_get_number(item, "routes_out_ipv6"));
	document_set_words(item, "info_text", document_get_words(item, "last_error"));
}

int bgp_peers_run(const struct command_line *line)
{
	static const struct output_view view = {
		.kind = "BGPSessionList",
		.empty = "No BGP peers.",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
	};
	struct json_object *peers = document_new_list();
	struct request request;
	int err = request_open_bgp(&request, line->run_dir);

	if (err == 0) {
		err = request_list(&request, MSG_BGP_GET_PEERS, peer_record, peers);
		request_close(&request);
	}
	for (size_t i = 0; i < json_object_array_length(peers); i++)
		if (line->format == OUTPUT_TEXT || line->format == OUTPUT_WIDE)
			add_cells(json_object_array_get_idx(peers, i));
	if (err == 0)
		err = output_list(stdout, line->format, &view, peers);
	json_object_put(peers);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* --- acts --- */

static bool read_act(const struct command_line *line, struct msg_bgp_act *ret)
{
	static const char *const words[] = {
		[BGP_ACT_RESET] = "reset",
		[BGP_ACT_REFRESH] = "refresh",
		[BGP_ACT_DOWN] = "down",
		[BGP_ACT_UP] = "up",
	};
	const char *text = line->operand_count > 2 ? line->operand[2] : "";

	if (ip_addr_parse(line->operand[0], &ret->peer) < 0) {
		say_error("bgp peer: %s: not an IPv4 or IPv6 address", line->operand[0]);
		return false;
	}
	for (uint32_t act = BGP_ACT_RESET; act <= BGP_ACT_UP; act++)
		if (strcmp(words[act], line->operand[1]) == 0)
			ret->act = act;
	if (!ret->act) {
		say_error("bgp peer: %s: neither reset, refresh, down nor up", line->operand[1]);
		return false;
	}
	if (text[0] && ret->act != BGP_ACT_RESET && ret->act != BGP_ACT_DOWN) {
		say_error("bgp peer: the peer hears a text with reset and down alone");
		return false;
	}
	if (strlen(text) > BGP_SHUTDOWN_TEXT_MAX) {
		say_error("bgp peer: the text has %zu octets; at most %d", strlen(text),
			  BGP_SHUTDOWN_TEXT_MAX);
		return false;
	}
	strcpy(ret->text, text);
	return true;
}

int bgp_peer_run(const struct command_line *line)
{
	struct msg_bgp_act act = { 0 };
	const struct request_question question = { MSG_BGP_ACT, &act, sizeof(act) };
	struct request request;
	int err;

	if (!read_act(line, &act))
		return EXIT_MISUSED;
	err = request_open_bgp(&request, line->run_dir);
	if (err < 0)
		return EXIT_FAILED;
	err = request_run(&request, &question, NULL, NULL);
	request_close(&request);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}
