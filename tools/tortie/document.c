/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.c: the one walk over the agent's records.
 *
 * Every command turns records into a tree of maps, lists and scalars. The three printers
 * (output_text.c, output_json.c, output_yaml.c) walk that tree and know nothing of records, so that
 * what is in one form is in all of them. Text is escaped here, on its way in, once.
 */

#include "tools/tortie/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"
#include "lib/mac.h"
#include "tools/tortie/say.h"

static struct json_object *document_check(struct json_object *object)
{
	if (object)
		return object;
	say_error("out of memory");
	exit(EXIT_FAILED);
}

struct json_object *document_new_map(void)
{
	return document_check(json_object_new_object());
}

struct json_object *document_new_list(void)
{
	return document_check(json_object_new_array());
}

void document_set(struct json_object *map, const char *key, struct json_object *value)
{
	if (json_object_object_add(map, key, value) < 0)
		document_check(NULL);
}

void document_add(struct json_object *list, struct json_object *value)
{
	if (json_object_array_add(list, value) < 0)
		document_check(NULL);
}

void document_set_text(struct json_object *map, const char *key, const char *text, size_t size)
{
	char line[4 * 1024 +
		  1]; /* the longest text of a message is 512 octets, each \xNN at worst */

	say_escape(text, size, line, sizeof(line));
	document_set(map, key, document_check(json_object_new_string(line)));
}

void document_set_words(struct json_object *map, const char *key, const char *text)
{
	document_set_text(map, key, text, strlen(text));
}

void document_set_number(struct json_object *map, const char *key, uint64_t number)
{
	document_set(map, key, document_check(json_object_new_uint64(number)));
}

void document_set_flag(struct json_object *map, const char *key, bool flag)
{
	document_set(map, key, document_check(json_object_new_boolean(flag)));
}

void document_set_address(struct json_object *map, const char *key, const struct ip_addr *addr)
{
	char text[IP_ADDR_TEXT_MAX];

	document_set_words(map, key, ip_addr_format(addr, text, sizeof(text)));
}

void document_set_prefix(struct json_object *map, const char *key, const struct ip_prefix *prefix)
{
	char text[IP_PREFIX_TEXT_MAX];

	document_set_words(map, key, ip_prefix_format(prefix, text, sizeof(text)));
}

void document_set_mac(struct json_object *map, const char *key, const uint8_t mac[6])
{
	static const uint8_t none[6];
	char text[MAC_TEXT_MAX];

	if (memcmp(mac, none, sizeof(none)) == 0) {
		document_set(map, key, NULL);
		return;
	}
	document_set_words(map, key, mac_format(mac, text));
}

void document_add_words(struct json_object *list, const char *text)
{
	char line[1024];

	say_escape(text, strlen(text), line, sizeof(line));
	document_add(list, document_check(json_object_new_string(line)));
}

/* @text escaped line by line, in a new buffer. */
static char *text_import(const char *text)
{
	size_t size = 4 * strlen(text) + 1, at = 0;
	char *copy = malloc(size);

	if (!copy)
		document_check(NULL);
	while (*text) {
		size_t len = strcspn(text, "\n\t");

		say_escape(text, len, copy + at, size - at);
		at += strlen(copy + at);
		text += len;
		if (*text)
			copy[at++] = *text++;
	}
	copy[at] = '\0';
	return copy;
}

static struct json_object *map_import(struct json_object *foreign)
{
	struct json_object *copy = document_new_map();

	json_object_object_foreach(foreign, key, value)
	{
		char *name = text_import(key);

		if (json_object_object_add(copy, name, document_import(value)) < 0)
			document_check(NULL);
		free(name);
	}
	return copy;
}

struct json_object *document_import(struct json_object *foreign)
{
	struct json_object *copy;
	char *text;

	switch (json_object_get_type(foreign)) {
	case json_type_object:
		return map_import(foreign);
	case json_type_array:
		copy = document_new_list();
		for (size_t i = 0; i < json_object_array_length(foreign); i++)
			document_add(copy, document_import(json_object_array_get_idx(foreign, i)));
		return copy;
	case json_type_string:
		text = text_import(json_object_get_string(foreign));
		copy = document_check(json_object_new_string(text));
		free(text);
		return copy;
	default:
		return json_object_get(foreign);
	}
}

struct json_object *document_at(struct json_object *map, const char *path)
{
	char key[128];

	while (map && *path) {
		size_t len = strcspn(path, ".");
		struct json_object *value = NULL;

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		if (!json_object_is_type(map, json_type_object) ||
		    !json_object_object_get_ex(map, key, &value))
			return NULL;
		map = value;
		path += len + (path[len] == '.');
	}
	return map;
}

const char *document_words_at(struct json_object *map, const char *path)
{
	struct json_object *value = document_at(map, path);

	return value ? json_object_get_string(value) : "";
}

const char *document_get_words(struct json_object *map, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(map, key, &value) || !value)
		return "";
	return json_object_get_string(value);
}

uint64_t document_get_number(struct json_object *map, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(map, key, &value) || !value)
		return 0;
	return json_object_get_uint64(value);
}
