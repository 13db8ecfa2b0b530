/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c: `tortie status`.
 *
 * The agent answers with one struct of numbers and one line per condition, good or bad. The exit
 * status is 0 only when the data plane serves and no line is a problem, so that a script can use
 * it. With --ready it is the first alone: a readiness probe must not end an upgrade for a full pool
 * or a wrong object, which the upgrade may be to mend. --wait asks again, ten times a second, until
 * that is so or the time is over, and takes a missing agent for one that is still starting.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"
#include "tools/tortie/words.h"

#define STATUS_POLL_MS 100

struct node_state {
	struct json_object *document;
	struct json_object *lines;
	bool serves, is_well;
};

static void status_convert(struct json_object *document, const struct msg_status *status)
{
	static const char *const hooks[] = { "none", "tcx", "clsact" };
	static const char *const conditions[] = {
		[BGP_NOT_IN_SYNC] = "waiting for peers",
		[BGP_IN_SYNC] = "in sync",
		[BGP_NO_SPEAKER] = "no tortie-bgpd",
		[BGP_SPEAKER_HANGS] = "tortie-bgpd does not answer",
	};

	document_set_text(document, "node", status->node_name, sizeof(status->node_name));
	document_set_flag(document, "ready", status->ready == 1);
	document_set_number(document, "uptime_s", status->uptime_s);
	document_set_number(document, "pods", status->pods);
	document_set_number(document, "remote_routes", status->remote_routes);
	document_set_number(document, "peers", status->peers_total);
	document_set_number(document, "peers_established", status->peers_established);
	document_set_words(document, "bgp", status->bgp < 4 ? conditions[status->bgp] : "unknown");
	document_set_number(document, "mtu", status->mtu);
	document_set_number(document, "gso_max_size", status->gso_max_size);
	document_set_number(document, "gso_ipv4_max_size", status->gso_ipv4_max_size);
	document_set_words(document, "uplink_hook",
			   status->uplink_hook < 3 ? hooks[status->uplink_hook] : "unknown");
	document_set_number(document, "repairs", status->repairs);
	document_set_number(document, "map_differences", status->map_differences);
	document_set_number(document, "map_octets", status->map_octets);
	document_set_text(document, "config_file", status->config_file,
			  sizeof(status->config_file));
	document_set_text(document, "kernel", status->kernel_release,
			  sizeof(status->kernel_release));
}

static void line_convert(struct json_object *lines, const struct msg_status_line *condition)
{
	static const char *const levels[] = { "unknown", "ok", "warning", "problem" };
	struct json_object *item = document_new_map();

	document_set_words(item, "level",
			   condition->level < 4 ? levels[condition->level] : "unknown");
	document_set_text(item, "text", condition->text, sizeof(condition->text));
	document_add(lines, item);
}

static int status_record(uint32_t type, const void *body, void *arg)
{
	struct node_state *state = arg;

	if (type == MSG_STATUS) {
		const struct msg_status *status = body;

		status_convert(state->document, status);
		state->serves = status->ready == 1;
	} else if (type == MSG_STATUS_LINE) {
		const struct msg_status_line *condition = body;

		line_convert(state->lines, condition);
		if (condition->level == STATUS_PROBLEM)
			state->is_well = false;
	}
	return 0;
}

/* 0 with *state filled (the caller frees state->document), or -errno, not said. */
static int status_ask(const char *run_dir, struct node_state *state)
{
	struct request request;
	int err;

	err = request_open(&request, run_dir, REQUEST_TIMEOUT_MS);
	if (err < 0)
		return err;
	state->document = document_new_map();
	state->lines = document_new_list();
	state->serves = false;
	state->is_well = true;
	document_set_text(state->document, "agent", request.hello.program_version,
			  sizeof(request.hello.program_version));
	err = request_list(&request, MSG_GET_STATUS, status_record, state);
	request_close(&request);
	document_set(state->document, "conditions", state->lines);
	if (err < 0)
		json_object_put(state->document);
	return err;
}

static void status_print(struct json_object *document)
{
	struct json_object *lines = json_object_object_get(document, "conditions");
	char text[WORDS_MAX];
	bool is_ready = json_object_get_boolean(json_object_object_get(document, "ready"));

	printf("%s: %s\n", document_get_words(document, "node"), is_ready ? "ready" : "NOT READY");
	printf("  agent          tortied %s, up %s\n", document_get_words(document, "agent"),
	       words_duration(document_get_number(document, "uptime_s"), text, sizeof(text)));
	printf("  configuration  %s\n", document_get_words(document, "config_file"));
	printf("  kernel         %s\n", document_get_words(document, "kernel"));
	printf("  pods           %s\n", document_get_words(document, "pods"));
	printf("  remote routes  %s\n", document_get_words(document, "remote_routes"));
	printf("  BGP            %s of %s peers established, %s\n",
	       document_get_words(document, "peers_established"),
	       document_get_words(document, "peers"), document_get_words(document, "bgp"));
	printf("  MTU            %s\n", document_get_words(document, "mtu"));
	printf("  BIG TCP        IPv6 %s, IPv4 %s\n",
	       document_get_number(document, "gso_max_size") > 65536
		       ? document_get_words(document, "gso_max_size")
		       : "off",
	       document_get_number(document, "gso_ipv4_max_size") > 65536
		       ? document_get_words(document, "gso_ipv4_max_size")
		       : "off");
	printf("  uplink hook    %s\n", document_get_words(document, "uplink_hook"));
	printf("  put back       %s hooks, routes and rules\n",
	       document_get_words(document, "repairs"));
	printf("  maps           %s entries were found to differ and put right\n",
	       document_get_words(document, "map_differences"));
	printf("  map memory     %s\n",
	       words_octets(document_get_number(document, "map_octets"), text, sizeof(text)));
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *item = json_object_array_get_idx(lines, i);

		printf("%s%-8s %s\n", i == 0 ? "\n" : "", document_get_words(item, "level"),
		       document_get_words(item, "text"));
	}
}

static bool is_asked_for(const struct command_line *line, const struct node_state *state)
{
	return state->serves && (state->is_well || line->ready);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool error_may_pass(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED || err == -ECONNRESET || err == -ETIMEDOUT ||
	       err == -EPIPE;
}

int status_run(const struct command_line *line)
{
	const struct timespec pause = { .tv_nsec = STATUS_POLL_MS * 1000000L };
	uint64_t deadline = now_ms() + (uint64_t)line->wait_s * 1000;
	struct node_state state = { 0 };
	int err;

	for (;;) {
		err = status_ask(line->run_dir, &state);
		if ((err == 0 && is_asked_for(line, &state)) || (err < 0 && !error_may_pass(err)) ||
		    now_ms() >= deadline)
			break;
		if (err == 0)
			json_object_put(state.document);
		nanosleep(&pause, NULL);
	}
	if (err < 0) {
		request_say_error(line->run_dir, err);
		return EXIT_FAILED;
	}
	if (line->format == OUTPUT_JSON || line->format == OUTPUT_YAML)
		output_document(stdout, line->format, state.document);
	else
		status_print(state.document);
	json_object_put(state.document);
	return is_asked_for(line, &state) ? EXIT_DONE : EXIT_FAILED;
}
