/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c: which printer prints a document.
 *
 * A list becomes a table for people, or {"kind": "...List", "items": [...]} for programs, the frame
 * that calicoctl and kubectl users know. The frame is written here, so that a long list can follow
 * in parts; YAML's parts are lists of their own, which read as one behind "items:".
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

static bool is_table(const struct output_parts *parts)
{
	return parts->format == OUTPUT_TEXT || parts->format == OUTPUT_WIDE;
}

void output_begin(struct output_parts *parts, FILE *stream, enum output_format format,
		  const struct output_view *view)
{
	*parts = (struct output_parts){ .stream = stream, .format = format, .view = view };
	output_text_begin(&parts->table, view, format == OUTPUT_WIDE);
}

void output_measure(struct output_parts *parts, struct json_object *items)
{
	if (is_table(parts))
		output_text_measure(&parts->table, items);
}

/* What is between two parts, or before the first. */
static void part_begin(struct output_parts *parts)
{
	if (parts->is_any)
		fputs(parts->format == OUTPUT_JSON ? ",\n" : "", parts->stream);
	else if (is_table(parts))
		output_text_head(parts->stream, &parts->table);
	else if (parts->format == OUTPUT_JSON)
		fprintf(parts->stream, "{\n  \"kind\": \"%s\",\n  \"items\": [\n",
			parts->view->kind);
	else
		fprintf(parts->stream, "kind: %s\nitems:\n", parts->view->kind);
	parts->is_any = true;
}

int output_part(struct output_parts *parts, struct json_object *items)
{
	if (json_object_array_length(items) == 0)
		return 0;
	part_begin(parts);
	if (parts->format == OUTPUT_JSON)
		return output_json_items(parts->stream, items);
	if (parts->format == OUTPUT_YAML)
		return output_yaml(parts->stream, items);
	output_text_rows(parts->stream, &parts->table, items);
	return ferror(parts->stream) ? -EIO : 0;
}

int output_end(struct output_parts *parts)
{
	const char *kind = parts->view->kind;

	if (is_table(parts) && parts->is_any)
		output_text_foot(parts->stream, &parts->table);
	else if (is_table(parts))
		fprintf(parts->stream, "%s\n", parts->view->empty);
	else if (parts->format == OUTPUT_JSON && parts->is_any)
		fputs("\n  ]\n}\n", parts->stream);
	else if (parts->format == OUTPUT_JSON)
		fprintf(parts->stream, "{\n  \"kind\": \"%s\",\n  \"items\": []\n}\n", kind);
	else if (!parts->is_any)
		fprintf(parts->stream, "kind: %s\nitems: []\n", kind);
	return ferror(parts->stream) ? -EIO : 0;
}

int output_list(FILE *stream, enum output_format format, const struct output_view *view,
		struct json_object *items)
{
	struct output_parts parts;
	int err;

	output_begin(&parts, stream, format, view);
	output_measure(&parts, items);
	err = output_part(&parts, items);
	return err < 0 ? err : output_end(&parts);
}
