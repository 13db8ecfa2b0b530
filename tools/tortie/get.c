/* SPDX-License-Identifier: Apache-2.0 */
/*
 * get.c: `tortie get KIND [NAME]`.
 *
 * A table of kinds; each lives in the file of its noun (endpoints.c, routes.c, nodes.c, pools.c)
 * with its records' walk and its columns. Here: which kind a word means, the question to the agent,
 * the choice by name, the printing.
 */

#include "tools/tortie/get.h"

#include <string.h>

#include <json-c/json.h>

#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/say.h"

static const struct get_kind *const kinds[] = { &get_endpoints, &get_routes, &get_nodes,
						&get_pools };

static const struct get_kind *kind_find(const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (size_t n = 0; kinds[i]->names[n]; n++) {
			if (strcasecmp(word, kinds[i]->names[n]) == 0)
				return kinds[i];
		}
	}
	return NULL;
}

int get_collect(const char *run_dir, const struct get_kind *kind, struct json_object **ret_items)
{
	struct get_walk walk = { 0 };
	struct request request;
	int err;

	err = request_open_said(&request, run_dir);
	if (err < 0)
		return err;
	walk.items = document_new_list();
	walk.node_name = request.hello.node_name;
	err = request_list(&request, kind->request, kind->record, &walk);
	request_close(&request);
	if (err < 0) {
		json_object_put(walk.items);
		return err;
	}
	*ret_items = walk.items;
	return 0;
}

/* The items called @name, in a list of its own; @items is given up. */
static struct json_object *items_choose(struct json_object *items, const struct get_kind *kind,
					const char *name)
{
	struct json_object *chosen = document_new_list();

	for (size_t i = 0; i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);

		if (strcmp(document_get_words(item, kind->name_key), name) == 0)
			document_add(chosen, json_object_get(item));
	}
	json_object_put(items);
	return chosen;
}

int get_run(const struct command_line *line)
{
	const char *name = line->operand_count > 1 ? line->operand[1] : NULL;
	const struct get_kind *kind = kind_find(line->operand[0]);
	struct json_object *items;
	int err;

	if (!kind) {
		say_error("get %s: unknown kind (workloadendpoint, route, node, ippool)",
			  line->operand[0]);
		return EXIT_MISUSED;
	}
	if (get_collect(line->run_dir, kind, &items) < 0)
		return EXIT_FAILED;
	if (name)
		items = items_choose(items, kind, name);
	if (name && json_object_array_length(items) == 0) {
		say_error("%s %s: no such item (tortie get %s lists them)", kind->names[0], name,
			  kind->names[0]);
		json_object_put(items);
		return EXIT_FAILED;
	}
	err = output_list(stdout, line->format, &kind->view, items);
	json_object_put(items);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}
