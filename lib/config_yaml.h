/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CONFIG_YAML_H
#define LIB_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/config.h"

#define CONFIG_DEPTH_MAX 10	/* maps and lists inside each other */
#define CONFIG_NODES_MAX 262144 /* values in a file */

enum config_node_kind {
	CONFIG_SCALAR,
	CONFIG_LIST,
	CONFIG_MAP,
};

/* One value of the file. A value of a map knows its key. Positions are 1-based. */
struct config_node {
	enum config_node_kind kind;
	unsigned int line, column;
	char *text;  /* CONFIG_SCALAR: the value, never with a NUL inside */
	bool quoted; /* CONFIG_SCALAR: written in quotes or as a block */
	char *key;   /* NULL in a list and at the top */
	unsigned int key_line, key_column;
	struct config_node *first, *last; /* children, in the order written */
	struct config_node *next;	  /* sibling */
	size_t count;			  /* of children */
};

/**
 * config_yaml_parse() - the one YAML document in @len octets at @data as a tree (free with
 * config_node_free()). 0; -ENOMEM; or -EINVAL with *ret_error filled, for text that is not UTF-8
 * YAML and for what a configuration has no use for: more than one document, aliases, anchors, tags,
 * keys that are not plain words, tabs as indentation, NULs, depth or size beyond the limits.
 */
int config_yaml_parse(const char *data, size_t len, struct config_node **ret_top,
		      struct config_error *ret_error);
void config_node_free(struct config_node *node); /* with all below it; NULL is fine */

#endif /* LIB_CONFIG_YAML_H */
