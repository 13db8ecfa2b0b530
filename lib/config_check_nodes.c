/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_check_nodes.c: what must hold between the nodes of a cluster.
 *
 * Names differ, no address is of two nodes, no block overlaps another, also of the same node. The
 * list may have 5,000 nodes: everything is sorted, neighbours are compared. Errors point at the
 * later of the two, in the order of the list.
 *
 * Whether this node's own entry agrees with node: and pools: is left alone: a pool may serve only
 * a part of a node's blocks.
 */
#include "lib/config_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

struct named {
	const char *name;
	size_t index;
};

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int check_names(struct config_reader *reader, const struct config_node *list,
		       const struct config *config)
{
	struct named *named = calloc(config->node_count, sizeof(*named));
	size_t i;
	int err = 0;

	if (!named)
		return -ENOMEM;
	for (i = 0; i < config->node_count; i++)
		named[i] = (struct named){ config->node[i].name, i };
	qsort(named, config->node_count, sizeof(*named), compare_named);
	for (i = 1; i < config->node_count && err == 0; i++) {
		if (strcmp(named[i].name, named[i - 1].name) != 0)
			continue;
		config_enter_item(reader, named[i].index);
		err = config_fail(reader, config_item(list, named[i].index),
				  "name: %s stands in the list twice", named[i].name);
	}
	free(named);
	return err;
}

static int fail_overlap(struct config_reader *reader, const struct config_node *list,
			const struct config *config, const struct config_entry *pair[2],
			bool blocks)
{
	const char *key = blocks ? "blocks" : "addresses";
	const struct config_node *node = config_item(list, pair[1]->index);
	char text[2][IP_PREFIX_TEXT_MAX];

	for (int i = 0; i < 2; i++) {
		if (blocks)
			ip_prefix_format(&pair[i]->prefix, text[i], sizeof(text[i]));
		else
			ip_addr_format(&pair[i]->prefix.addr, text[i], sizeof(text[i]));
	}
	config_enter_item(reader, pair[1]->index);
	node = config_item(config_find(node, key), pair[1]->sub_index);
	if (!blocks)
		return config_fail(reader, node, "addresses: %s is an address of node %.100s too",
				   text[1], config->node[pair[0]->index].name);
	return config_fail(reader, node, "blocks: %s overlaps %s of node %.100s", text[1], text[0],
			   config->node[pair[0]->index].name);
}

static size_t count_all(const struct config *config, bool blocks)
{
	size_t i, count = 0;

	for (i = 0; i < config->node_count; i++)
		count += blocks ? config->node[i].block_count : config->node[i].address_count;
	return count;
}

/* Addresses are prefixes of full length here: the same address overlaps itself. */
static int check_apart(struct config_reader *reader, const struct config_node *list,
		       const struct config *config, bool blocks)
{
	size_t i, k, at = 0, count = count_all(config, blocks);
	struct config_entry *entries = calloc(count ? count : 1, sizeof(*entries));
	const struct config_entry *pair[2];
	int err = 0;

	if (!entries)
		return -ENOMEM;
	for (i = 0; i < config->node_count; i++) {
		const struct config_cluster_node *node = &config->node[i];
		size_t of_node = blocks ? node->block_count : node->address_count;

		for (k = 0; k < of_node; k++)
			entries[at++] = (struct config_entry){
				.prefix =
					blocks ? node->block[k] : ip_prefix_host(&node->address[k]),
				.index = i,
				.sub_index = k,
			};
	}
	if (config_entries_find_overlap(entries, count, &pair[0], &pair[1]))
		err = fail_overlap(reader, list, config, pair, blocks);
	free(entries);
	return err;
}

int config_check_nodes(struct config_reader *reader, const struct config_node *list,
		       const struct config *config)
{
	int err = check_names(reader, list, config);

	if (err == 0)
		err = check_apart(reader, list, config, false);
	if (err == 0)
		err = check_apart(reader, list, config, true);
	return err;
}
