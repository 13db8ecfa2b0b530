/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.c: `tortie node status`, the table that calicoctl users know.
 *
 * One row per BGP peer, IPv4 peers first, then IPv6 ones. Unlike there, SINCE is the time since the
 * last change of state, and both families' routes of a session are counted, since one session
 * carries both.
 */
#include "tools/tortie/node.h"

#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"
#include "tools/tortie/words.h"

#define SPEAKER_TEXT_MAX (4 * TEXT_MAX + 1)

static const struct output_column columns[] = {
	{ "PEER ADDRESS", "peer_address", false, false },
	{ "PEER TYPE", "peer_type", false, false },
	{ "AS", "as", false, true },
	{ "STATE", "state", false, false },
	{ "SINCE", "since_text", false, false },
	{ "INFO", "info", false, false },
	{ "ROUTES IN", "routes_in_text", false, false },
	{ "ROUTES OUT", "routes_out_text", false, false },
	{ "ROUTER ID", "router_id", true, false },
	{ "PORT", "port", true, true },
	{ "HOLD TIME", "hold_time_s", true, true },
};

struct json_object *peer_convert(const struct msg_peer *peer, int64_t now_s)
{
	struct json_object *item = document_new_map();
	uint64_t age_s =
		peer->since_s > 0 && now_s > peer->since_s ? (uint64_t)(now_s - peer->since_s) : 0;
	bool is_up = peer->state == PEER_ESTABLISHED;
	char text[64], info[sizeof(peer->last_error) + 64];

	document_set_address(item, "peer_address", &peer->addr);
	document_set_words(item, "peer_type", words_peer_kind(peer->kind));
	document_set_number(item, "as", peer->remote_as);
	document_set_words(item, "state", is_up ? "up" : peer->restarting ? "restarting" : "start");
	document_set_words(item, "session", words_peer_state(peer->state));
	document_set_words(item, "since", words_time(peer->since_s, text, sizeof(text)));
	document_set_number(item, "since_s", age_s);
	snprintf(info, sizeof(info), "%s%s%.*s", words_peer_state(peer->state),
		 !is_up && peer->last_error[0] ? ": " : "", (int)sizeof(peer->last_error),
		 is_up ? "" : peer->last_error);
	document_set_words(item, "info", info);
	document_set_text(item, "last_error", peer->last_error, sizeof(peer->last_error));
	document_set_flag(item, "restarting", peer->restarting != 0);
	document_set_number(item, "routes_in_ipv4", peer->received[0]);
	document_set_number(item, "routes_in_ipv6", peer->received[1]);
	document_set_number(item, "routes_out_ipv4", peer->advertised[0]);
	document_set_number(item, "routes_out_ipv6", peer->advertised[1]);
	if (ip_addr_is_zero(&peer->router_id))
		document_set(item, "router_id", NULL);
	else
		document_set_address(item, "router_id", &peer->router_id);
	document_set_number(item, "port", peer->port);
	document_set_number(item, "hold_time_s", peer->hold_time_s);
	return item;
}

/* Cells that only the table has: they say again what other keys say. */
static void peer_add_cells(struct json_object *item)
{
	char text[64];

	document_set_words(
		item, "since_text",
		words_duration(document_get_number(item, "since_s"), text, sizeof(text)));
	snprintf(text, sizeof(text), "%s v4, %s v6", document_get_words(item, "routes_in_ipv4"),
		 document_get_words(item, "routes_in_ipv6"));
	document_set_words(item, "routes_in_text", text);
	snprintf(text, sizeof(text), "%s v4, %s v6", document_get_words(item, "routes_out_ipv4"),
		 document_get_words(item, "routes_out_ipv6"));
	document_set_words(item, "routes_out_text", text);
}

static int peer_record(uint32_t type, const void *body, void *arg)
{
	if (type == MSG_PEER)
		document_add(arg, peer_convert(body, (int64_t)time(NULL)));
	return 0;
}

/* The agent's own line about its speaker, when it is not well. */
static int speaker_record(uint32_t type, const void *body, void *arg)
{
	static const char name[] = "tortie-bgpd: ";
	const struct msg_status_line *condition = body;
	char *text = arg;

	if (type == MSG_STATUS_LINE && condition->level != STATUS_OK &&
	    strncmp(condition->text, name, strlen(name)) == 0)
		say_escape(condition->text, sizeof(condition->text), text, SPEAKER_TEXT_MAX);
	return 0;
}

static void family_print(struct json_object *peers, bool is_ipv6, enum output_format format)
{
	struct output_view view = {
		.is_boxed = true,
		.empty = is_ipv6 ? "No IPv6 peers found." : "No IPv4 peers found.",
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
	};
	struct json_object *family = document_new_list();

	for (size_t i = 0; i < json_object_array_length(peers); i++) {
		struct json_object *item = json_object_array_get_idx(peers, i);

		if (!strchr(document_get_words(item, "peer_address"), ':') == is_ipv6)
			continue;
		peer_add_cells(item);
		document_add(family, json_object_get(item));
	}
	printf("\n%s BGP status\n", is_ipv6 ? "IPv6" : "IPv4");
	output_list(stdout, format, &view, family);
	json_object_put(family);
}

int node_status_run(const struct command_line *line)
{
	static const struct output_view view = { .kind = "BGPPeerStatusList" };
	struct json_object *peers = document_new_list();
	char node_name[4 * NAME_MAX_LEN + 1], speaker[SPEAKER_TEXT_MAX] = "";
	struct request request;
	int err;

	err = request_open_said(&request, line->run_dir);
	if (err < 0)
		goto out;
	err = request_list(&request, MSG_GET_PEERS, peer_record, peers);
	if (err == 0)
		err = request_list(&request, MSG_GET_STATUS, speaker_record, speaker);
	request_close(&request);
	if (err < 0)
		goto out;
	if (line->format == OUTPUT_JSON || line->format == OUTPUT_YAML) {
		err = output_list(stdout, line->format, &view, peers);
		goto out;
	}
	printf("tortied is running on %s.\n",
	       say_escape(request.hello.node_name, sizeof(request.hello.node_name), node_name,
			  sizeof(node_name)));
	if (speaker[0])
		printf("%s\n", speaker);
	family_print(peers, false, line->format);
	family_print(peers, true, line->format);
out:
	json_object_put(peers);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}
