/* SPDX-License-Identifier: Apache-2.0 */
/*
 * get_print.c: objects of the Kubernetes API as a table, JSON or YAML.
 *
 * JSON and YAML are the objects themselves, as calicoctl and kubectl print them: one alone when it
 * was asked for by its name, else a list. A table has a row that its kind makes of each object.
 * What is not in the objects (where they come from, that there is none) is a line above: in YAML a
 * comment; JSON has no place for it.
 */
#include "tools/tortie/get.h"

#include <stdio.h>

#include <json-c/json.h>

#include "tools/tortie/command.h"
#include "tools/tortie/document.h"

void get_print_header(const struct get_source *source)
{
	if (source->line->format == OUTPUT_JSON)
		return;
	printf("%sfrom %s%s%s\n", source->line->format == OUTPUT_YAML ? "# " : "", source->title,
	       source->note[0] ? "; " : "", source->note);
}

static int objects_print_table(const struct get_source *source, const struct get_objects *kind,
			       struct json_object *objects)
{
	struct json_object *rows = document_new_list();
	int err;

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *row = document_new_map();

		kind->row(source, json_object_array_get_idx(objects, i), row);
		document_add(rows, row);
	}
	err = output_list(stdout, source->line->format, &kind->view, rows);
	json_object_put(rows);
	return err;
}

int get_print_objects(const struct get_source *source, const struct get_objects *kind,
		      struct json_object *objects, const char *name)
{
	struct json_object *document;
	char list[128];
	int err;

	get_print_header(source);
	if (source->line->format == OUTPUT_TEXT || source->line->format == OUTPUT_WIDE)
		return objects_print_table(source, kind, objects);
	if (name && json_object_array_length(objects) == 1)
		return output_document(stdout, source->line->format,
				       json_object_array_get_idx(objects, 0));
	document = document_new_map();
	snprintf(list, sizeof(list), "%sList", kind->kind);
	document_set_words(document, "apiVersion", kind->api_version);
	document_set_words(document, "kind", list);
	document_set(document, "items", json_object_get(objects));
	err = output_document(stdout, source->line->format, document);
	json_object_put(document);
	return err;
}
