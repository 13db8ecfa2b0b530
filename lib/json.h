/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* Members of JSON objects by their type. @object may be NULL or of any type; what is not there or
 * is of another type counts as not there. Everything returned is borrowed. */

struct json_object *json_get(struct json_object *object, const char *key);	  /* not null */
struct json_object *json_get_object(struct json_object *object, const char *key); /* {} */
struct json_object *json_get_array(struct json_object *object, const char *key);  /* [] */
/** json_get_text() - a string without NULs inside. */
const char *json_get_text(struct json_object *object, const char *key);
const char *json_text(struct json_object *value);  /* the same of a value; NULL: it is none */
const char *json_words(struct json_object *value); /* the same, "" in the place of NULL */
/** json_get_number() - an integer within min..max; false: it is none. */
bool json_get_number(struct json_object *object, const char *key, int64_t min, int64_t max,
		     int64_t *ret);
bool json_get_bool(struct json_object *object, const char *key, bool *ret);
/** json_get_item() - of an array; json_array_size() is 0 for what is none. */
struct json_object *json_get_item(struct json_object *array, size_t index);
size_t json_array_size(struct json_object *array);

#define JSON_DEPTH 32 /* levels of what others wrote */

/** json_parse() - one JSON text of @len octets and nothing behind it, UTF-8, JSON_DEPTH levels at
 * most. NULL with the reason in *ret_problem (may be NULL), a constant text; else to be given back
 * by json_object_put(). */
struct json_object *json_parse(const char *data, size_t len, const char **ret_problem);

#endif /* LIB_JSON_H */
