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

#define OUTPUT_COLUMNS_MAX 20 /* `bgp peers -o wide` has 17 */

struct output_table {
	const struct output_column *column[OUTPUT_COLUMNS_MAX];
	size_t width[OUTPUT_COLUMNS_MAX]; /* characters */
	size_t count;
	bool is_boxed;
};

/*
 * The same of a list that is too long to be one tree: output_begin(), output_measure() with each
 * part, output_part() with each part again, output_end(). Only tables look at what is measured;
 * what was not measured may not be wider.
 */
struct output_parts {
	FILE *stream;
	enum output_format format;
	const struct output_view *view;
	struct output_table table;
	bool is_any; /* an item was printed */
};

void output_begin(struct output_parts *parts, FILE *stream, enum output_format format,
		  const struct output_view *view);
void output_measure(struct output_parts *parts, struct json_object *items);
/** output_part() - @items (borrowed, may be empty) behind those before. 0 or -errno. */
int output_part(struct output_parts *parts, struct json_object *items);
int output_end(struct output_parts *parts);

/** output_document() - @document (borrowed) as JSON or YAML. 0 or -errno. */
int output_document(FILE *stream, enum output_format format, struct json_object *document);

/* The printers. */
void output_text_begin(struct output_table *table, const struct output_view *view, bool wide);
void output_text_measure(struct output_table *table, struct json_object *items);
void output_text_head(FILE *stream, const struct output_table *table);
void output_text_rows(FILE *stream, const struct output_table *table, struct json_object *items);
void output_text_foot(FILE *stream, const struct output_table *table);
int output_json(FILE *stream, struct json_object *document);
/** output_json_items() - the elements of @items as they stand in a list at depth 2. */
int output_json_items(FILE *stream, struct json_object *items);
int output_yaml(FILE *stream, struct json_object *document);

#endif /* TOOLS_TORTIE_OUTPUT_H */
