/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c: JSON that others wrote: read strictly, its members with their types checked.
 *
 * json-c converts between types and takes its arguments' types for granted; what comes from a
 * runtime, another plugin or the API server is checked instead. null is as good as not there
 * (bookmarks are full of it), and a text with a NUL inside is none, since every C function would
 * read only its beginning.
 */
#include "lib/json.h"

#include <string.h>

#include <json-c/json.h>

struct json_object *json_get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	json_object_object_get_ex(object, key, &value);
	return value;
}

static struct json_object *get_typed(struct json_object *object, const char *key,
				     enum json_type type)
{
	struct json_object *value = json_get(object, key);

	return value && json_object_is_type(value, type) ? value : NULL;
}

struct json_object *json_get_object(struct json_object *object, const char *key)
{
	return get_typed(object, key, json_type_object);
}

struct json_object *json_get_array(struct json_object *object, const char *key)
{
	return get_typed(object, key, json_type_array);
}

const char *json_text(struct json_object *value)
{
	const char *text;

	if (!value || !json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

const char *json_words(struct json_object *value)
{
	const char *text = json_text(value);

	return text ? text : "";
}

const char *json_get_text(struct json_object *object, const char *key)
{
	return json_text(json_get(object, key));
}

bool json_get_number(struct json_object *object, const char *key, int64_t min, int64_t max,
		     int64_t *ret)
{
	struct json_object *value = get_typed(object, key, json_type_int);
	int64_t number = value ? json_object_get_int64(value) : 0;

	if (!value || number < min || number > max)
		return false;
	*ret = number;
	return true;
}

bool json_get_bool(struct json_object *object, const char *key, bool *ret)
{
	struct json_object *value = get_typed(object, key, json_type_boolean);

	if (!value)
		return false;
	*ret = json_object_get_boolean(value);
	return true;
}

size_t json_array_size(struct json_object *array)
{
	return array && json_object_is_type(array, json_type_array)
		       ? json_object_array_length(array)
		       : 0;
}

struct json_object *json_get_item(struct json_object *array, size_t index)
{
	return index < json_array_size(array) ? json_object_array_get_idx(array, index) : NULL;
}

struct json_object *json_parse(const char *data, size_t len, const char **ret_problem)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH);
	struct json_object *object = NULL;
	const char *problem = NULL;
	enum json_tokener_error error;

	if (!tokener) {
		problem = "out of memory";
		goto out;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	if (len > 0)
		object = json_tokener_parse_ex(tokener, data, (int)len);
	error = json_tokener_get_error(tokener);
	if (len == 0)
		problem = "it is empty";
	else if (error == json_tokener_continue)
		problem = "it ends in the middle";
	else if (error != json_tokener_success)
		problem = json_tokener_error_desc(error);
	else if (!object)
		problem = "it is null";
	json_tokener_free(tokener);
out:
	if (!problem)
		return object;
	json_object_put(object);
	if (ret_problem)
		*ret_problem = problem;
	return NULL;
}
