/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CONFIG_READER_H
#define LIB_CONFIG_READER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/config_yaml.h"

/*
 * Reading values through tables: one row a key says how its value is read and checked and where it
 * goes. For the files config*.c only.
 */
struct config_reader {
	struct config_error *error;
	char path[320]; /* of the value being read: bgp.peers[2].as */
	size_t path_len;
};

struct config_row;
/** Reads @node into @field as @row says; 0, -ENOMEM, or -EINVAL by config_fail(). */
typedef int config_read_fn(struct config_reader *reader, const struct config_row *row,
			   const struct config_node *node, void *field);

struct config_row {
	const char *key;
	config_read_fn *read; /* NULL: known key, which the caller reads later */
	size_t offset;	      /* of the field in the target */
	uint32_t min, max;    /* numbers; texts: max octets */
	const char *choices;  /* "pools all none": words, the field gets the index */
};

#define CONFIG_ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])

/** config_fail() - fill the error: "PATH: TEXT" at @node's place. Always -EINVAL. */
int config_fail(struct config_reader *reader, const struct config_node *node, const char *format,
		...) __attribute__((format(printf, 3, 4)));

/** config_read_map() - each key of @node by its row into @target; refuses unknown and repeated
 * keys. */
int config_read_map(struct config_reader *reader, const struct config_node *node,
		    const struct config_row *rows, size_t row_count, void *target);
/** config_find() - the value of @key in a map, or NULL. */
const struct config_node *config_find(const struct config_node *map, const char *key);
/** config_item() - child @index of a list that has it. */
const struct config_node *config_item(const struct config_node *list, size_t index);

/** config_check_list() - is @node a list of at most @max? 0 or -EINVAL. */
int config_check_list(struct config_reader *reader, const struct config_node *node, size_t max);
/** config_read_list() - each item of the list @node with @row->read into @array, @item_size
 * octets apart; the array has room for all. */
int config_read_list(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *array, size_t item_size);

/* Steps into a key or an item for messages: give the result back to config_leave(). */
size_t config_enter_key(struct config_reader *reader, const char *key);
size_t config_enter_item(struct config_reader *reader, size_t index);
void config_leave(struct config_reader *reader, size_t mark);

config_read_fn config_read_u16;	   /* uint16_t, min..max */
config_read_fn config_read_u32;	   /* uint32_t, min..max */
config_read_fn config_read_bool;   /* bool */
config_read_fn config_read_choice; /* an enum, index in choices */
config_read_fn config_read_name;   /* char[max + 1]: letters, digits, "-", ".", "_" */
config_read_fn config_read_path;   /* char *, new: an absolute path */
/** config_name_is_valid() - can @text be read by config_read_name(), @max octets at most? */
bool config_name_is_valid(const char *text, size_t max);
config_read_fn config_read_addr;   /* struct ip_addr */
config_read_fn config_read_prefix; /* struct ip_prefix */

/** config_text() - the text of a scalar; NULL after config_fail() for anything else or nothing. */
const char *config_text(struct config_reader *reader, const struct config_node *node);

#endif /* LIB_CONFIG_READER_H */
