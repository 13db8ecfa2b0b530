/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_yaml.c: from the octets of a configuration file to a tree of values with positions.
 *
 * libyaml (YAML 1.1) does the scanning and hands over events; this file keeps of them what a
 * configuration needs: scalars, lists, maps, each with line and column. What it has no use for is
 * refused rather than ignored, since a reader of the file could take it for something: aliases and
 * anchors (which also blow up memory), tags, a second document, keys that are lists or maps.
 *
 * Before libyaml sees anything the text is checked for what it reports badly: NULs and tabs used
 * as indentation. Depth and number of values are bounded by named constants, the size of the file
 * by the caller (config.c), so a hostile file costs little.
 *
 * What keys exist and what their values mean is left to config_reader.c and the tables above it.
 */
#include "lib/config_yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct yaml_build {
	struct config_node *top;
	struct config_node *open[CONFIG_DEPTH_MAX]; /* maps and lists not yet ended */
	size_t depth;
	size_t nodes;
	unsigned int documents;
	char *key; /* of the open map: waiting for its value */
	unsigned int key_line, key_column;
	struct config_error *error;
};

static int fail(struct config_error *error, size_t line, size_t column, const char *text)
{
	error->line = (unsigned int)line;
	error->column = (unsigned int)column;
	snprintf(error->text, sizeof(error->text), "%s", text);
	return -EINVAL;
}

static int fail_at(struct yaml_build *build, const yaml_mark_t *mark, const char *text)
{
	return fail(build->error, mark->line + 1, mark->column + 1, text);
}

void config_node_free(struct config_node *node)
{
	while (node) {
		struct config_node *next = node->next;

		config_node_free(node->first); /* at most CONFIG_DEPTH_MAX deep */
		free(node->text);
		free(node->key);
		free(node);
		node = next;
	}
}

/* NULs end texts early for every C program; tabs libyaml refuses with words nobody understands. */
static int check_octets(const char *data, size_t len, struct config_error *error)
{
	bool indentation = true;
	size_t i, line = 1, start = 0;

	for (i = 0; i < len; i++) {
		if (data[i] == '\0')
			return fail(error, line, i - start + 1,
				    "the file holds a NUL octet; it must be UTF-8 text");
		if (data[i] == '\t' && indentation)
			return fail(error, line, i - start + 1,
				    "a tab as indentation; YAML wants spaces");
		if (data[i] == '\n') {
			line++;
			start = i + 1;
		}
		indentation = data[i] == '\n' || (indentation && data[i] == ' ');
	}
	return 0;
}

/* Hang @node into the open map or list. Takes it over, also on failure. */
static void hang(struct yaml_build *build, struct config_node *node, const yaml_mark_t *mark)
{
	struct config_node *parent = build->depth ? build->open[build->depth - 1] : NULL;

	node->line = (unsigned int)mark->line + 1;
	node->column = (unsigned int)mark->column + 1;
	if (!parent) {
		build->top = node;
		return;
	}
	if (parent->kind == CONFIG_MAP) {
		node->key = build->key;
		node->key_line = build->key_line;
		node->key_column = build->key_column;
		build->key = NULL;
	}
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
}

static bool awaits_key(const struct yaml_build *build)
{
	return build->depth && build->open[build->depth - 1]->kind == CONFIG_MAP && !build->key;
}

static int new_node(struct yaml_build *build, enum config_node_kind kind, const yaml_mark_t *mark,
		    struct config_node **ret_node)
{
	struct config_node *node;

	if (++build->nodes > CONFIG_NODES_MAX)
		return fail_at(build, mark, "too many values in one file");
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->kind = kind;
	*ret_node = node;
	return 0;
}

static int take_scalar(struct yaml_build *build, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;
	const char *value = (const char *)event->data.scalar.value;
	struct config_node *node;
	char *text;
	int err;

	/* "\0" in double quotes makes a NUL out of clean text. */
	if (strlen(value) != event->data.scalar.length)
		return fail_at(build, mark, "a NUL inside a text");
	text = strdup(value);
	if (!text)
		return -ENOMEM;
	if (awaits_key(build)) {
		build->key = text;
		build->key_line = (unsigned int)mark->line + 1;
		build->key_column = (unsigned int)mark->column + 1;
		return 0;
	}
	err = new_node(build, CONFIG_SCALAR, mark, &node);
	if (err < 0) {
		free(text);
		return err;
	}
	node->text = text;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	hang(build, node, mark);
	return 0;
}

static int open_node(struct yaml_build *build, enum config_node_kind kind, const yaml_mark_t *mark)
{
	struct config_node *node;
	int err;

	if (awaits_key(build))
		return fail_at(build, mark, "a key must be one word");
	if (build->depth == CONFIG_DEPTH_MAX)
		return fail_at(build, mark, "nested too deeply");
	err = new_node(build, kind, mark, &node);
	if (err < 0)
		return err;
	hang(build, node, mark);
	build->open[build->depth++] = node;
	return 0;
}

/* Anchors and tags sit on the event of the value that they belong to. */
static bool has_anchor(const yaml_event_t *event)
{
	return (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor) ||
	       (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor) ||
	       (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor);
}

static bool has_tag(const yaml_event_t *event)
{
	return (event->type == YAML_SCALAR_EVENT && event->data.scalar.tag) ||
	       (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.tag) ||
	       (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.tag);
}

static int take_event(struct yaml_build *build, const yaml_event_t *event)
{
	const yaml_mark_t *mark = &event->start_mark;

	if (has_anchor(event) || event->type == YAML_ALIAS_EVENT)
		return fail_at(build, mark, "anchors and aliases (& and *) are not used here");
	if (has_tag(event))
		return fail_at(build, mark, "tags (!) are not used here");
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (build->documents++)
			return fail_at(build, mark, "a second document; the file has one");
		return 0;
	case YAML_SCALAR_EVENT:
		return take_scalar(build, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(build, CONFIG_LIST, mark);
	case YAML_MAPPING_START_EVENT:
		return open_node(build, CONFIG_MAP, mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		build->depth--;
		return 0;
	default: /* start and end of stream, end of document */
		return 0;
	}
}

/* libyaml gives an offset, not a position, for octets that it cannot decode. */
static int fail_in_libyaml(const yaml_parser_t *parser, const char *data, size_t len,
			   struct config_error *error)
{
	size_t i, line = 1, start = 0;
	char text[256];

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	snprintf(text, sizeof(text), "not YAML: %s%s%s",
		 parser->problem ? parser->problem : "cannot be read", parser->context ? " " : "",
		 parser->context ? parser->context : "");
	if (parser->error != YAML_READER_ERROR)
		return fail(error, parser->problem_mark.line + 1, parser->problem_mark.column + 1,
			    text);
	for (i = 0; i < len && i < parser->problem_offset; i++) {
		if (data[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	return fail(error, line, i - start + 1, text);
}

static int parse_events(yaml_parser_t *parser, struct yaml_build *build, const char *data,
			size_t len)
{
	yaml_event_type_t type;
	yaml_event_t event;
	int err;

	do {
		if (!yaml_parser_parse(parser, &event))
			return fail_in_libyaml(parser, data, len, build->error);
		type = event.type;
		err = take_event(build, &event);
		yaml_event_delete(&event);
	} while (err == 0 && type != YAML_STREAM_END_EVENT);
	return err;
}

int config_yaml_parse(const char *data, size_t len, struct config_node **ret_top,
		      struct config_error *ret_error)
{
	struct yaml_build build = { .error = ret_error };
	yaml_parser_t parser;
	int err;

	err = check_octets(data, len, ret_error);
	if (err < 0)
		return err;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, len);
	err = parse_events(&parser, &build, data, len);
	yaml_parser_delete(&parser);
	if (err == 0 && !build.top)
		err = fail(ret_error, 0, 0, "the file is empty; it needs at least node.addresses");
	if (err < 0) {
		free(build.key);
		config_node_free(build.top);
		return err;
	}
	*ret_top = build.top;
	return 0;
}
