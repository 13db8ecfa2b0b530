/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_OUTPUT_H
#define TOOLS_TORTIE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct json_object;

enum output_format {
	OUTPUT_TEXT,
	OUTPUT_WIDE,
	OUTPUT_JSON,
	OUTPUT_YAML,
};

/* A column of a text table. The cell is the item's value at key; an absent or empty one is "-". */
struct output_column {
	const char *heading;
	const char *key;
	bool is_wide;	/* with -o wide only */
	bool is_number; /* to the right edge */
};

/* How a list of items is shown. */
struct output_view {
	const char *kind;  /* "RouteList", for JSON and YAML */
	const char *empty; /* line when there is no item */
	bool is_boxed;	   /* +---+ lines, as calicoctl prints its status tables */
	const struct output_column *columns;
	size_t column_count;
};

/** output_format_parse() - NULL or "" (text), "wide", "json", "yaml". 0 or -EINVAL. */
int output_format_parse(const char *text, enum output_format *ret_format);

/** output_list() - @items (a list, borrowed) to @stream in @format. 0 or -errno. */
int output_list(FILE *stream, enum output_format format, const struct output_view *view,
		struct json_object *items);
/** output_document() - @document (borrowed) as JSON or YAML. 0 or -errno. */
int output_document(FILE *stream, enum output_format format, struct json_object *document);

/* The printers. */
int output_text_table(FILE *stream, const struct output_view *view, bool wide,
		      struct json_object *items);
int output_json(FILE *stream, struct json_object *document);
int output_yaml(FILE *stream, struct json_object *document);

#endif /* TOOLS_TORTIE_OUTPUT_H */
