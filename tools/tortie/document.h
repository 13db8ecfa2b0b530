/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_DOCUMENT_H
#define TOOLS_TORTIE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "ip_address.h"

/*
 * What a command shows, as a tree of json-c objects: built once from the agent's records, then
 * printed as text, JSON or YAML (output.h). Keys are literals and stay borrowed. Running out of
 * memory ends the program with status 1 and a word: nothing half-filled is ever printed.
 */
struct json_object *document_new_map(void);
struct json_object *document_new_list(void);

/** document_set_text() - @text of at most @size octets (a char array of a message), escaped for
 * terminals. */
void document_set_text(struct json_object *map, const char *key, const char *text, size_t size);
void document_set_words(struct json_object *map, const char *key, const char *text);
void document_set_number(struct json_object *map, const char *key, uint64_t number);
void document_set_flag(struct json_object *map, const char *key, bool flag);
void document_set_address(struct json_object *map, const char *key, const struct ip_addr *addr);
void document_set_prefix(struct json_object *map, const char *key, const struct ip_prefix *prefix);
/** document_set_mac() - six octets as 02:00:..., null when all are zero. */
void document_set_mac(struct json_object *map, const char *key, const uint8_t mac[6]);
/** document_set() - takes @value. */
void document_set(struct json_object *map, const char *key, struct json_object *value);
/** document_add() - append to a list; takes @value. */
void document_add(struct json_object *list, struct json_object *value);
void document_add_words(struct json_object *list, const char *text);

/** document_import() - a copy of @foreign, an object of others, that can be printed: its texts and
 * keys are escaped, but for newlines and tabs, which JSON and YAML have a form for. */
struct json_object *document_import(struct json_object *foreign);

/** document_at() - the value at "a.b.c" below @map, NULL when there is none (borrowed). */
struct json_object *document_at(struct json_object *map, const char *path);
/** document_words_at() - its text, "" when there is none (borrowed). */
const char *document_words_at(struct json_object *map, const char *path);
/** document_get_words() - text at @key, "" when there is none (borrowed from the map). */
const char *document_get_words(struct json_object *map, const char *key);
uint64_t document_get_number(struct json_object *map, const char *key);

#endif /* TOOLS_TORTIE_DOCUMENT_H */
