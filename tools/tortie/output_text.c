/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_text.c: a list as a table for people.
 *
 * Two shapes: plain columns two spaces apart (calicoctl get), and boxed ones (calicoctl node
 * status). A first pass measures the columns, a second prints; the cells are made anew each time,
 * which is cheaper than keeping them. Width counts characters, not octets.
 */
#include "tools/tortie/output.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#define CELL_MAX  1024
#define EXACT_MAX 1000000000000000000 /* more is the size of an IPv6 block, no count */

static void cell_append(char *cell, struct json_object *value)
{
	size_t at = strlen(cell);

	/* As calicoctl writes it. */
	if (json_object_is_type(value, json_type_int) && json_object_get_uint64(value) > EXACT_MAX)
		snprintf(cell + at, CELL_MAX - at, "%s%.5g", at ? "," : "",
			 (double)json_object_get_uint64(value));
	else
		snprintf(cell + at, CELL_MAX - at, "%s%s", at ? "," : "",
			 json_object_get_string(value));
}

/* The cell of @item, into @cell of CELL_MAX octets. */
static const char *cell_format(struct json_object *item, const char *key, char *cell)
{
	struct json_object *value = NULL;

	cell[0] = '\0';
	if (json_object_object_get_ex(item, key, &value) && value) {
		if (json_object_is_type(value, json_type_array)) {
			for (size_t i = 0; i < json_object_array_length(value); i++)
				cell_append(cell, json_object_array_get_idx(value, i));
		} else {
			cell_append(cell, value);
		}
	}
	if (cell[0] == '\0')
		strcpy(cell, "-");
	return cell;
}

static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

void output_text_begin(struct output_table *table, const struct output_view *view, bool wide)
{
	*table = (struct output_table){ .is_boxed = view->is_boxed };
	assert(view->column_count <= OUTPUT_COLUMNS_MAX);
	for (size_t i = 0; i < view->column_count; i++) {
		if (view->columns[i].is_wide && !wide)
			continue;
		table->width[table->count] = text_width(view->columns[i].heading);
		table->column[table->count++] = &view->columns[i];
	}
}

void output_text_measure(struct output_table *table, struct json_object *items)
{
	char cell[CELL_MAX];

	for (size_t row = 0; row < json_object_array_length(items); row++) {
		struct json_object *item = json_object_array_get_idx(items, row);

		for (size_t i = 0; i < table->count; i++) {
			size_t width = text_width(cell_format(item, table->column[i]->key, cell));

			if (width > table->width[i])
				table->width[i] = width;
		}
	}
}

static void fill(FILE *stream, char octet, size_t count)
{
	while (count-- > 0)
		fputc(octet, stream);
}

static void rule_print(FILE *stream, const struct output_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		fputc('+', stream);
		fill(stream, '-', table->width[i] + 2);
	}
	fputs("+\n", stream);
}

/* A row of cells; @item NULL: the headings. */
static void row_print(FILE *stream, const struct output_table *table, struct json_object *item)
{
	char cell[CELL_MAX];

	for (size_t i = 0; i < table->count; i++) {
		const struct output_column *column = table->column[i];
		const char *text = item ? cell_format(item, column->key, cell) : column->heading;
		size_t space = table->width[i] - text_width(text);
		bool is_last = i + 1 == table->count;

		fputs(table->is_boxed ? "| " : "", stream);
		fill(stream, ' ', column->is_number ? space : 0);
		fputs(text, stream);
		fill(stream, ' ', column->is_number || (is_last && !table->is_boxed) ? 0 : space);
		fputs(table->is_boxed ? " " : is_last ? "" : "  ", stream);
	}
	fputs(table->is_boxed ? "|\n" : "\n", stream);
}

void output_text_head(FILE *stream, const struct output_table *table)
{
	if (table->is_boxed)
		rule_print(stream, table);
	row_print(stream, table, NULL);
	if (table->is_boxed)
		rule_print(stream, table);
}

void output_text_rows(FILE *stream, const struct output_table *table, struct json_object *items)
{
	for (size_t row = 0; row < json_object_array_length(items); row++)
		row_print(stream, table, json_object_array_get_idx(items, row));
}

void output_text_foot(FILE *stream, const struct output_table *table)
{
	if (table->is_boxed)
		rule_print(stream, table);
}
