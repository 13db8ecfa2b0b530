/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c: `tortie explain FROM[:PORT] TO[:PORT][/PROTOCOL]`.
 *
 * The agent runs the data plane's own program, a copy that writes and sends nothing, on a packet
 * from FROM to TO, and answers with the steps that it took. Here they are printed, judged and given
 * a next step: explain_verdict.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/explain_target.h"
#include "tools/tortie/explain_verdict.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"
#include "tools/tortie/words.h"

struct explain_walk {
	struct msg_explain_step step[EXPLAIN_STEPS_MAX + 1];
	size_t count;
};

static int step_record(uint32_t type, const void *body, void *arg)
{
	struct explain_walk *walk = arg;

	if (type == MSG_EXPLAIN_STEP && walk->count < sizeof(walk->step) / sizeof(walk->step[0]))
		walk->step[walk->count++] = *(const struct msg_explain_step *)body;
	return 0;
}

static void step_convert(struct json_object *steps, const struct msg_explain_step *step)
{
	struct json_object *item = document_new_map();

	document_set_words(item, "hook", words_hook(step->hook));
	document_set_words(item, "step", words_step_name(step->id));
	if (step->text[0])
		document_set_text(item, "text", step->text, sizeof(step->text));
	else
		document_set_words(item, "text", words_step_text(step->id));
	document_set_number(item, "detail", step->detail);
	document_add(steps, item);
}

static struct json_object *answer_convert(const struct msg_explain *explain,
					  const struct explain_walk *walk,
					  const struct explain_verdict *verdict)
{
	struct json_object *document = document_new_map();
	struct json_object *steps = document_new_list();

	document_set_text(document, "from", explain->from, sizeof(explain->from));
	document_set_text(document, "to", explain->to, sizeof(explain->to));
	document_set_words(document, "protocol", words_protocol(explain->protocol));
	document_set_number(document, "port", explain->port);
	document_set_number(document, "source_port", explain->source_port);
	for (size_t i = 0; i < walk->count; i++)
		step_convert(steps, &walk->step[i]);
	document_set(document, "steps", steps);
	document_set_flag(document, "delivered", verdict->is_delivered);
	document_set_words(document, "verdict", verdict->text);
	document_set_words(document, "next", verdict->next);
	return document;
}

static void answer_print(struct json_object *document)
{
	struct json_object *steps = json_object_object_get(document, "steps");
	const char *next = document_get_words(document, "next");

	printf("%s -> %s, %s", document_get_words(document, "from"),
	       document_get_words(document, "to"), document_get_words(document, "protocol"));
	if (document_get_number(document, "port") != 0)
		printf(" port %s", document_get_words(document, "port"));
	if (document_get_number(document, "source_port") != 0)
		printf(" from port %s", document_get_words(document, "source_port"));
	printf("\n");
	for (size_t i = 0; i < json_object_array_length(steps); i++) {
		struct json_object *step = json_object_array_get_idx(steps, i);

		printf("%3zu  %-12s  %s\n", i + 1, document_get_words(step, "hook"),
		       document_get_words(step, "text"));
	}
	printf("=> %s\n", document_get_words(document, "verdict"));
	if (next[0])
		printf("   next: %s\n", next);
}

/* A packet with a source in this node's block comes from the network only where no pod has it:
 * nobody sends it, and what would become of it misleads whoever looks for that pod. */
static int check_from(struct request *request, const struct explain_target *from,
		      const struct explain_walk *walk)
{
	struct explain_ground ground = { 0 };
	char text[IP_ADDR_TEXT_MAX];
	int err;

	if (!from->is_address || walk->count == 0 || walk->step[0].hook != HOOK_FROM_NETWORK)
		return 0;
	err = explain_ground_ask(request, &from->addr, &ground);
	if (err < 0 || !ground.in_own_block)
		return err;
	say_error("%s: in this node's block, but no pod has it (FROM); see tortie get "
		  "workloadendpoint",
		  ip_addr_format(&from->addr, text, sizeof(text)));
	return -ENOENT;
}

/* @end: FROM and TO. */
static int explain_show(const struct command_line *line, struct request *request,
			const struct msg_explain *explain, const struct explain_target *end)
{
	const struct request_question question = { MSG_EXPLAIN, explain, sizeof(*explain) };
	struct explain_walk walk = { 0 };
	struct explain_verdict verdict;
	struct json_object *document;

	if (request_run(request, &question, step_record, &walk) < 0 ||
	    check_from(request, &end[0], &walk) < 0)
		return EXIT_FAILED;
	explain_verdict_judge(walk.step, walk.count, &verdict);
	if (verdict.asks_ground && end[1].is_address) {
		struct explain_ground ground = { 0 };

		if (explain_ground_ask(request, &end[1].addr, &ground) < 0)
			return EXIT_FAILED;
		explain_verdict_judge_ground(&ground, &verdict);
	}
	document = answer_convert(explain, &walk, &verdict);
	if (line->format == OUTPUT_JSON || line->format == OUTPUT_YAML)
		output_document(stdout, line->format, document);
	else
		answer_print(document);
	json_object_put(document);
	return verdict.is_delivered ? EXIT_DONE : EXIT_FAILED;
}

int explain_run(const struct command_line *line)
{
	struct msg_explain explain = { .length = line->length, .ttl = line->ttl };
	const char *words[2] = { line->operand[0], line->operand[1] };
	struct explain_target end[2];
	const char *error = "";
	struct request request;
	int status;

	for (size_t i = 0; i < 2; i++) {
		if (explain_target_parse(words[i], &end[i], &error) < 0) {
			say_error("explain %s: %s", words[i], error);
			return EXIT_MISUSED;
		}
	}
	if (explain_target_settle(&end[0], &end[1], &error) < 0) {
		say_error("explain %s %s: %s", words[0], words[1], error);
		return EXIT_MISUSED;
	}
	memcpy(explain.from, end[0].name, sizeof(explain.from));
	memcpy(explain.to, end[1].name, sizeof(explain.to));
	explain.protocol = end[1].protocol;
	explain.port = end[1].port;
	explain.source_port = end[0].port;
	if (request_open_said(&request, line->run_dir) < 0)
		return EXIT_FAILED;
	status = explain_show(line, &request, &explain, end);
	request_close(&request);
	return status;
}
