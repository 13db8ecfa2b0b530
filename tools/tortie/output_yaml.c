/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_yaml.c: a document as YAML, through libyaml's emitter.
 *
 * YAML 1.1 readers take 12:34:56 for a number in base 60, "no" for false and 1e3 for a float; MAC
 * addresses, names and versions may look like all of these. So text is written plain only when it
 * starts with a letter or a slash and is no word of the core schema, or is an IPv4 address or
 * prefix; all other text is double-quoted. Numbers, booleans and null are plain.
 */
#include "tools/tortie/output.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>
#include <yaml.h>

static int node_emit(yaml_emitter_t *emitter, struct json_object *node);

static int event_emit(yaml_emitter_t *emitter, yaml_event_t *event, int initialised)
{
	if (!initialised)
		return -ENOMEM;
	return yaml_emitter_emit(emitter, event) ? 0 : -EIO; /* the emitter owns the event now */
}

static yaml_char_t *yaml_text(const char *text)
{
	union {
		const char *text;
		yaml_char_t *yaml; /* libyaml's parameters lack the const they mean */
	} cast = { .text = text };

	return cast.yaml;
}

static int scalar_emit(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	return event_emit(emitter, &event,
			  yaml_scalar_event_initialize(&event, NULL, NULL, yaml_text(text),
						       (int)strlen(text), 1, 1, style));
}

static bool text_is_plain(const char *text)
{
	static const char *const words[] = { "true", "false", "yes", "no",  "on",
					     "off",  "y",     "n",   "null" };
	const char *dot = strchr(text, '.');

	if (text[0] >= '0' && text[0] <= '9')
		return dot && strchr(dot + 1, '.') && text[strspn(text, "0123456789./")] == '\0';
	if (text[0] != '/' && !((text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z'))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0)
			return false;
	}
	return true;
}

static int text_emit(yaml_emitter_t *emitter, const char *text)
{
	return scalar_emit(emitter, text,
			   text_is_plain(text) ? YAML_PLAIN_SCALAR_STYLE
					       : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static int list_emit(yaml_emitter_t *emitter, struct json_object *list)
{
	size_t count = json_object_array_length(list);
	yaml_event_t event;
	int err;

	err = event_emit(emitter, &event,
			 yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							      count ? YAML_BLOCK_SEQUENCE_STYLE
								    : YAML_FLOW_SEQUENCE_STYLE));
	for (size_t i = 0; i < count && !err; i++)
		err = node_emit(emitter, json_object_array_get_idx(list, i));
	if (err)
		return err;
	return event_emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static int map_emit(yaml_emitter_t *emitter, struct json_object *map)
{
	yaml_event_t event;
	int err;

	err = event_emit(emitter, &event,
			 yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
							     YAML_BLOCK_MAPPING_STYLE));
	json_object_object_foreach(map, key, value)
	{
		if (!err)
			err = text_emit(emitter, key);
		if (!err)
			err = node_emit(emitter, value);
	}
	if (err)
		return err;
	return event_emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static int node_emit(yaml_emitter_t *emitter, struct json_object *node)
{
	switch (json_object_get_type(node)) {
	case json_type_object:
		return map_emit(emitter, node);
	case json_type_array:
		return list_emit(emitter, node);
	case json_type_null:
		return scalar_emit(emitter, "null", YAML_PLAIN_SCALAR_STYLE);
	case json_type_string:
		return text_emit(emitter, json_object_get_string(node));
	default:
		return scalar_emit(emitter, json_object_get_string(node), YAML_PLAIN_SCALAR_STYLE);
	}
}

static int document_emit(yaml_emitter_t *emitter, struct json_object *document)
{
	yaml_event_t event;
	int err;

	err = event_emit(emitter, &event,
			 yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	if (!err)
		err = event_emit(emitter, &event,
				 yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	if (!err)
		err = node_emit(emitter, document);
	if (!err)
		err = event_emit(emitter, &event, yaml_document_end_event_initialize(&event, 1));
	if (!err)
		err = event_emit(emitter, &event, yaml_stream_end_event_initialize(&event));
	return err;
}

int output_yaml(FILE *stream, struct json_object *document)
{
	yaml_emitter_t emitter;
	int err;

	if (!yaml_emitter_initialize(&emitter))
		return -ENOMEM;
	yaml_emitter_set_output_file(&emitter, stream);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	err = document_emit(&emitter, document);
	yaml_emitter_delete(&emitter);
	return err;
}
