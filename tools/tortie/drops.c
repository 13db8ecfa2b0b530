/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drops.c: `tortie drops`.
 *
 * Two views of one thing: map drop_counter counts every drop by reason; the ring buffer drop_event
 * holds samples with the packet's head. --follow subscribes to the samples: one line each (one
 * JSON object a line with -o json, one YAML document each with -o yaml), until the count is
 * reached, the reader goes away or the agent ends.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "dataplane_abi.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/drop_packet.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"
#include "tools/tortie/words.h"

static const struct output_column columns[] = {
	{ "REASON", "reason", false, false },
	{ "COUNT", "count", false, true },
	{ "WHAT THE PACKET DID", "text", false, false },
};

static const struct output_view view = {
	.kind = "DropCountList",
	.empty = "No packet was dropped.",
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
};

struct drops_walk {
	const struct command_line *line;
	struct json_object *items;
	unsigned int printed;
};

static int count_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_drop_count *drop = body;
	struct drops_walk *walk = arg;
	bool is_table = walk->line->format == OUTPUT_TEXT;
	struct json_object *item;

	/* For people only what happened; wide, JSON and YAML have every reason. */
	if (type != MSG_DROP_COUNT || (is_table && drop->count == 0))
		return 0;
	item = document_new_map();
	document_set_words(item, "reason", words_drop_name(drop->reason));
	document_set_number(item, "count", drop->count);
	document_set_words(item, "text", words_drop_text(drop->reason));
	document_add(walk->items, item);
	return 0;
}

static int counts_show(const struct command_line *line)
{
	struct drops_walk walk = { .line = line, .items = document_new_list() };
	int err;

	err = request_collect(line->run_dir, MSG_GET_DROPS, count_record, &walk);
	if (err == 0)
		err = output_list(stdout, line->format, &view, walk.items);
	json_object_put(walk.items);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

static struct json_object *drop_convert(const struct msg_drop *drop)
{
	size_t head_len = drop->head_len < sizeof(drop->head) ? drop->head_len : sizeof(drop->head);
	struct json_object *item = document_new_map();
	char seconds[WORDS_MAX], text[256];

	words_time(drop->time_ns / 1000000000, seconds, sizeof(seconds));
	snprintf(text, sizeof(text), "%.19s.%03uZ", seconds,
		 (unsigned int)(drop->time_ns / 1000000 % 1000));
	document_set_words(item, "time", text);
	document_set_text(item, "interface", drop->ifname, sizeof(drop->ifname));
	document_set_number(item, "ifindex", drop->ifindex);
	document_set_words(item, "hook", words_hook(drop->hook));
	document_set_words(item, "reason", words_drop_name(drop->reason));
	document_set_words(item, "text", words_drop_text(drop->reason));
	document_set_number(item, "length", drop->packet_len);
	document_set_words(item, "packet",
			   drop_packet_describe(drop->head, head_len, text, sizeof(text)));
	return item;
}

static int drop_record(uint32_t type, const void *body, void *arg)
{
	struct drops_walk *walk = arg;
	struct json_object *item;

	if (type != MSG_DROP)
		return 0;
	item = drop_convert(body);
	if (walk->line->format == OUTPUT_JSON) {
		printf("%s\n",
		       json_object_to_json_string_ext(
			       item, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	} else if (walk->line->format == OUTPUT_YAML) {
		printf("---\n");
		output_yaml(stdout, item);
	} else {
		printf("%s  %-15s  %-12s  %-20s  %5s octets  %s\n",
		       document_get_words(item, "time"), document_get_words(item, "interface"),
		       document_get_words(item, "hook"), document_get_words(item, "reason"),
		       document_get_words(item, "length"), document_get_words(item, "packet"));
	}
	json_object_put(item);
	if (fflush(stdout) != 0)
		return -EPIPE;
	walk->printed++;
	return walk->line->count != 0 && walk->printed >= walk->line->count;
}

static int drops_follow(const struct command_line *line)
{
	struct drops_walk walk = { .line = line };
	struct request request;
	int err;

	err = request_open(&request, line->run_dir, 0);
	if (err < 0) {
		request_say_error(line->run_dir, err);
		return EXIT_FAILED;
	}
	err = request_list(&request, MSG_FOLLOW_DROPS, drop_record, &walk);
	request_close(&request);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

int drops_run(const struct command_line *line)
{
	if (line->count != 0 && !line->follow) {
		say_error("drops: --count goes with --follow (tortie drops --follow --count N)");
		return EXIT_MISUSED;
	}
	return line->follow ? drops_follow(line) : counts_show(line);
}
