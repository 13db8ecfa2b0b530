/* SPDX-License-Identifier: Apache-2.0 */
/*
 * get_long.c: `tortie get` of a kind whose list may be long: routes, 40,960 with eight next hops.
 *
 * As a tree such a list takes thirty times the octets of the agent's answer. So the answer is kept
 * as it came, and turned into trees some items at a time: once to measure a table's columns, once
 * to print. It is read whole before, since the agent cuts who does not read, and whoever pages
 * through a table does not for minutes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"
#include "tools/tortie/say.h"

#define ITEMS_AT_ONCE 256
#define ALIGNMENT     8 /* of a message's struct */

struct long_list {
	const struct get_source *source;
	const struct get_kind *kind;
	const char *name; /* NULL: all */
	struct get_walk walk;
	struct output_parts parts;
	bool is_measured;
	size_t found;	 /* items, counted with the measuring */
	uint8_t *octets; /* messages, each with its header */
	size_t len, size;
};

static size_t padded_length(const struct message_header *header)
{
	return (header->length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static int record_keep(uint32_t type, const void *body, void *arg)
{
	const struct message_header *header = (const struct message_header *)body - 1;
	size_t padded = padded_length(header);
	struct long_list *list = arg;

	if (list->size - list->len < padded) {
		size_t size = 2 * list->size + AGENT_MESSAGE_MAX + ALIGNMENT;
		uint8_t *octets = realloc(list->octets, size);

		if (!octets) {
			say_error("out of memory");
			return -ENOMEM;
		}
		list->octets = octets;
		list->size = size;
	}
	memcpy(list->octets + list->len, header, header->length);
	list->len += padded;
	return 0;
}

/* The items that there are by now; more may follow. */
static int items_use(struct long_list *list)
{
	struct json_object *items =
		get_choose_items(list->walk.items, list->kind, list->name, NULL);
	int err = 0;

	list->walk.items = document_new_list();
	if (list->is_measured) {
		err = output_part(&list->parts, items);
	} else {
		output_measure(&list->parts, items);
		list->found += json_object_array_length(items);
	}
	json_object_put(items);
	return err;
}

static int list_walk(struct long_list *list)
{
	int err = 0;

	for (size_t at = 0; at < list->len && !err;) {
		const struct message_header *header = (const void *)(list->octets + at);

		err = list->kind->record(header->type, header + 1, &list->walk);
		if (!err && json_object_array_length(list->walk.items) >= ITEMS_AT_ONCE)
			err = items_use(list);
		at += padded_length(header);
	}
	return err ? err : items_use(list);
}

static int list_print(struct long_list *list)
{
	int err = list_walk(list); /* measures */

	if (err < 0)
		return EXIT_FAILED;
	if (list->name && list->found == 0)
		return get_say_nothing_found(list->kind, list->name);
	list->is_measured = true;
	get_print_header(list->source);
	err = list_walk(list);
	if (err == 0)
		err = output_end(&list->parts);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

int get_long_list(const struct get_source *source, const struct get_kind *kind, const char *name)
{
	struct long_list list = { .source = source, .kind = kind, .name = name };
	int status = EXIT_FAILED;

	list.walk.node_name = source->request->hello.node_name;
	list.walk.items = document_new_list();
	output_begin(&list.parts, stdout, source->line->format, &kind->view);
	if (request_list(source->request, kind->request, record_keep, &list) == 0)
		status = list_print(&list);
	json_object_put(list.walk.items);
	free(list.octets);
	return status;
}
