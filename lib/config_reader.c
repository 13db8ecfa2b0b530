/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_reader.c: typed values out of the tree of a configuration file.
 *
 * config_read_map() walks a map's keys and hands each value to the function of its row, which
 * checks type and range and writes the field. The reader carries the path of the value at hand, so
 * that every error names it ("bgp.peers[2].as") beside line and column; the first error ends the
 * reading.
 *
 * Text from the file is shown shortened and without control characters. Numbers are plain decimal,
 * truth is true or false: other forms that YAML 1.1 knows (0x10, 1_000, yes) are refused, since
 * two parsers read them differently.
 *
 * Which keys exist is said by the tables (config_keys.c, config_bgp.c); what must hold between
 * values stands in config_check.c.
 */
#include "lib/config_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

#define SHOWN_MAX     64 /* octets of a value in a message */
#define PATH_TEXT_MAX 4095

struct shown {
	char text[SHOWN_MAX + 4];
};

static struct shown show(const char *text)
{
	struct shown shown;
	size_t i;

	for (i = 0; i < SHOWN_MAX && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		shown.text[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
	}
	strcpy(shown.text + i, text[i] ? "..." : "");
	return shown;
}

static int fail_at(struct config_reader *reader, unsigned int line, unsigned int column,
		   const char *text)
{
	struct config_error *error = reader->error;

	error->line = line;
	error->column = column;
	snprintf(error->text, sizeof(error->text), "%s%s%.*s", reader->path,
		 reader->path_len ? ": " : "",
		 (int)(sizeof(error->text) - sizeof(reader->path) - 3), text);
	return -EINVAL;
}

int config_fail(struct config_reader *reader, const struct config_node *node, const char *format,
		...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fail_at(reader, node->line, node->column, text);
}

/* A path too long for its buffer is cut: it is for people only. */
static size_t enter(struct config_reader *reader, int len)
{
	size_t mark = reader->path_len, room = sizeof(reader->path) - mark;

	reader->path_len += (size_t)len < room ? (size_t)len : room - 1;
	return mark;
}

size_t config_enter_key(struct config_reader *reader, const char *key)
{
	size_t at = reader->path_len;

	return enter(reader, snprintf(reader->path + at, sizeof(reader->path) - at, "%s%s",
				      at ? "." : "", key));
}

size_t config_enter_item(struct config_reader *reader, size_t index)
{
	size_t at = reader->path_len;

	return enter(reader,
		     snprintf(reader->path + at, sizeof(reader->path) - at, "[%zu]", index));
}

void config_leave(struct config_reader *reader, size_t mark)
{
	reader->path_len = mark;
	reader->path[mark] = '\0';
}

const struct config_node *config_find(const struct config_node *map, const char *key)
{
	const struct config_node *node;

	for (node = map->first; node; node = node->next) {
		if (node->key && strcmp(node->key, key) == 0)
			return node;
	}
	return NULL;
}

const struct config_node *config_item(const struct config_node *list, size_t index)
{
	const struct config_node *node = list->first;

	while (index--)
		node = node->next;
	return node;
}

static const struct config_row *find_row(const struct config_row *rows, size_t row_count,
					 const char *key)
{
	size_t i;

	for (i = 0; i < row_count; i++) {
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	}
	return NULL;
}

static int fail_unknown_key(struct config_reader *reader, const struct config_node *node,
			    const struct config_row *rows, size_t row_count)
{
	char text[640];
	size_t i, len;

	len = (size_t)snprintf(text, sizeof(text), "unknown key %s; known are",
			       show(node->key).text);
	for (i = 0; i < row_count && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %s", i ? "," : "",
					rows[i].key);
	return fail_at(reader, node->key_line, node->key_column, text);
}

/* One row's key at most once: the row's place in the table is its bit. */
static int check_key(struct config_reader *reader, const struct config_node *node,
		     const struct config_row *rows, size_t row_count, uint32_t *seen)
{
	const struct config_row *row = find_row(rows, row_count, node->key);
	char text[128];

	if (!row)
		return fail_unknown_key(reader, node, rows, row_count);
	if (*seen & 1u << (row - rows)) {
		snprintf(text, sizeof(text), "key %s stands here a second time", row->key);
		return fail_at(reader, node->key_line, node->key_column, text);
	}
	*seen |= 1u << (row - rows);
	return 0;
}

int config_read_map(struct config_reader *reader, const struct config_node *node,
		    const struct config_row *rows, size_t row_count, void *target)
{
	const struct config_node *value;
	uint32_t seen = 0;

	if (node->kind != CONFIG_MAP)
		return config_fail(reader, node, "must be a map (key: value)");
	for (value = node->first; value; value = value->next) {
		const struct config_row *row = find_row(rows, row_count, value->key);
		int err = check_key(reader, value, rows, row_count, &seen);
		size_t mark;

		if (err < 0)
			return err;
		mark = config_enter_key(reader, row->key);
		if (row->read)
			err = row->read(reader, row, value, (char *)target + row->offset);
		if (err < 0)
			return err;
		config_leave(reader, mark);
	}
	return 0;
}

int config_check_list(struct config_reader *reader, const struct config_node *node, size_t max)
{
	if (node->kind != CONFIG_LIST)
		return config_fail(reader, node, "must be a list");
	if (node->count > max)
		return config_fail(reader, node, "%zu entries; at most %zu", node->count, max);
	return 0;
}

int config_read_list(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *array, size_t item_size)
{
	const struct config_node *item;
	char *at = array;
	size_t i = 0;

	for (item = node->first; item; item = item->next, at += item_size) {
		size_t mark = config_enter_item(reader, i++);
		int err = row->read(reader, row, item, at);

		if (err < 0)
			return err;
		config_leave(reader, mark);
	}
	return 0;
}

const char *config_text(struct config_reader *reader, const struct config_node *node)
{
	if (node->kind != CONFIG_SCALAR) {
		config_fail(reader, node, "must be one value, not a %s",
			    node->kind == CONFIG_LIST ? "list" : "map");
		return NULL;
	}
	if (!node->text[0]) {
		config_fail(reader, node, "has no value");
		return NULL;
	}
	return node->text;
}

static int read_number(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, uint32_t *ret_value)
{
	const char *p, *text = config_text(reader, node);
	uint64_t value = 0;

	if (!text)
		return -EINVAL;
	for (p = text; *p >= '0' && *p <= '9' && p - text < 11; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	if (*p || node->quoted || (text[0] == '0' && text[1]) || value < row->min ||
	    value > row->max)
		return config_fail(reader, node, "%s: not a number from %u to %u", show(text).text,
				   row->min, row->max);
	*ret_value = (uint32_t)value;
	return 0;
}

int config_read_u32(struct config_reader *reader, const struct config_row *row,
		    const struct config_node *node, void *field)
{
	return read_number(reader, row, node, field);
}

int config_read_u16(struct config_reader *reader, const struct config_row *row,
		    const struct config_node *node, void *field)
{
	uint32_t value;
	int err = read_number(reader, row, node, &value);

	if (err == 0)
		*(uint16_t *)field = (uint16_t)value;
	return err;
}

int config_read_bool(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);
	bool is_true;

	if (!text)
		return -EINVAL;
	is_true = strcmp(text, "true") == 0;
	if (node->quoted || (!is_true && strcmp(text, "false") != 0))
		return config_fail(reader, node, "%s: neither true nor false", show(text).text);
	*(bool *)field = is_true;
	return 0;
}

int config_read_choice(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	const char *word = row->choices, *text = config_text(reader, node);
	unsigned int index = 0;
	size_t len;

	if (!text)
		return -EINVAL;
	for (; *word; word += len + (word[len] == ' '), index++) {
		len = strcspn(word, " ");
		if (strlen(text) == len && strncmp(text, word, len) == 0) {
			*(unsigned int *)field = index;
			return 0;
		}
	}
	return config_fail(reader, node, "%s: not one of: %s", show(text).text, row->choices);
}

bool config_name_is_valid(const char *text, size_t max)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._";
	size_t len = strlen(text);

	return len > 0 && len <= max && strspn(text, allowed) == len && !strchr("-._", text[0]);
}

int config_read_name(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);
	size_t len;

	if (!text)
		return -EINVAL;
	len = strlen(text);
	if (len > row->max)
		return config_fail(reader, node, "%s: longer than %u octets", show(text).text,
				   row->max);
	if (!config_name_is_valid(text, len))
		return config_fail(reader, node,
				   "%s: a name is letters, digits, - . _ and starts with a letter "
				   "or digit",
				   show(text).text);
	memcpy(field, text, len + 1);
	return 0;
}

int config_read_path(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);
	char *copy;

	if (!text)
		return -EINVAL;
	if (text[0] != '/' || strlen(text) > PATH_TEXT_MAX)
		return config_fail(reader, node, "%s: not an absolute path", show(text).text);
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

int config_read_addr(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);

	if (!text)
		return -EINVAL;
	if (ip_addr_parse(text, field) < 0)
		return config_fail(reader, node, "%s: not an IPv4 or IPv6 address",
				   show(text).text);
	return 0;
}

int config_read_prefix(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);

	if (!text)
		return -EINVAL;
	if (ip_prefix_parse(text, field) < 0)
		return config_fail(reader, node,
				   "%s: not a prefix (ADDRESS/LENGTH, no bits set beyond the "
				   "length)",
				   show(text).text);
	return 0;
}
