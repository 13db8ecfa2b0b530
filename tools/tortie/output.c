/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c: which printer prints a document.
 *
 * A list becomes a table for people, or {"kind": "...List", "items": [...]} for programs, the frame
 * that calicoctl and kubectl users know.
 */

#include "tools/tortie/output.h"

#include <errno.h>
#include <string.h>

#include "tools/tortie/document.h"

int output_format_parse(const char *text, enum output_format *ret_format)
{
	static const struct {
		const char *name;
		enum output_format format;
	} names[] = {
		{ "", OUTPUT_TEXT },
		{ "wide", OUTPUT_WIDE },
		{ "json", OUTPUT_JSON },
		{ "yaml", OUTPUT_YAML },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text ? text : "", names[i].name) == 0) {
			*ret_format = names[i].format;
			return 0;
		}
	}
	return -EINVAL;
}

int output_document(FILE *stream, enum output_format format, struct json_object *document)
{
	return format == OUTPUT_YAML ? output_yaml(stream, document)
				     : output_json(stream, document);
}

int output_list(FILE *stream, enum output_format format, const struct output_view *view,
		struct json_object *items)
{
	struct json_object *document;
	int err;

	if (format == OUTPUT_TEXT || format == OUTPUT_WIDE)
		return output_text_table(stream, view, format == OUTPUT_WIDE, items);
	document = document_new_map();
	document_set_words(document, "kind", view->kind);
	document_set(document, "items", json_object_get(items));
	err = output_document(stream, format, document);
	json_object_put(document);
	return err;
}
