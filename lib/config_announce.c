/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_announce.c: bgp.announce and bgp.service_ranges.
 *
 * What a node announces beside its blocks is its own affair, but for what would hurt it: a block of
 * the node stands there already and would go with the entry, and no host's address lies in the
 * special ranges (the default route overlaps these and is refused with them).
 *
 * A range of Services is one whose addresses kube-proxy or the like translates on each node, so
 * what nobody has translated is refused there and no route to it is used. Pods and nodes are
 * reached by their own addresses, therefore no such range may hold any of these.
 *
 * The lists may be long: doubles are found by sorting, and the announced ones are left sorted.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/config_parts.h"
#include "lib/ip_prefix.h"

typedef int check_fn(struct config_reader *reader, const struct config_node *node,
		     const struct config *config, const struct ip_prefix *prefix);

static int check_announced(struct config_reader *reader, const struct config_node *node,
			   const struct config *config, const struct ip_prefix *prefix)
{
	const char *special = config_special_range(prefix);

	if (special)
		return config_fail(reader, node, "%s: overlaps %s, where no host can be",
				   node->text, special);
	for (size_t i = 0; i < config->pool_count; i++)
		for (size_t k = 0; k < config->pool[i].block_count; k++)
			if (ip_prefix_equal(&config->pool[i].block[k], prefix))
				return config_fail(reader, node,
						   "%s: is a block of this node, which is "
						   "announced anyway",
						   node->text);
	return 0;
}

static int check_addresses(struct config_reader *reader, const struct config_node *node,
			   const struct ip_prefix *prefix, const struct ip_addr *list, size_t count)
{
	char text[IP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < count; i++)
		if (ip_prefix_contains(prefix, &list[i]))
			return config_fail(reader, node, "%s: holds %s, an address of a node",
					   node->text,
					   ip_addr_format(&list[i], text, sizeof(text)));
	return 0;
}

static int check_service_range(struct config_reader *reader, const struct config_node *node,
			       const struct config *config, const struct ip_prefix *prefix)
{
	const char *special = config_special_range(prefix);
	int err;

	if (special)
		return config_fail(reader, node, "%s: overlaps %s, where no host can be",
				   node->text, special);
	for (size_t i = 0; i < config->pool_count; i++)
		if (ip_prefix_overlaps(&config->pool[i].cidr, prefix))
			return config_fail(reader, node, "%s: overlaps pool %s", node->text,
					   config->pool[i].name);
	err = check_addresses(reader, node, prefix, config->node_address,
			      config->node_address_count);
	for (size_t i = 0; i < config->node_count && err == 0; i++)
		err = check_addresses(reader, node, prefix, config->node[i].address,
				      config->node[i].address_count);
	return err;
}

static int compare_entries(const void *a, const void *b)
{
	const struct config_entry *x = a, *y = b;
	int order = ip_prefix_compare(&x->prefix, &y->prefix);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* @list in order; what stands there twice is an error at its second place. */
static int sort_list(struct config_reader *reader, const struct config_node *node,
		     struct ip_prefix *list, size_t count)
{
	struct config_entry *entries = calloc(count, sizeof(*entries));
	int err = entries ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && err == 0; i++)
		entries[i] = (struct config_entry){ .prefix = list[i], .index = i };
	if (err == 0)
		qsort(entries, count, sizeof(*entries), compare_entries);
	for (size_t i = 0; i < count && err == 0; i++) {
		list[i] = entries[i].prefix;
		if (i == 0 || !ip_prefix_equal(&list[i - 1], &list[i]))
			continue;
		config_enter_item(reader, entries[i].index);
		err = config_fail(reader, config_item(node, entries[i].index),
				  "stands there twice");
	}
	free(entries);
	return err;
}

struct list_kind {
	const char *key;
	size_t max;
	check_fn *check;
};

static int read_list(struct config_reader *reader, const struct config_node *node,
		     const struct config *config, check_fn *check, struct ip_prefix *list)
{
	const struct config_row item = { .read = config_read_prefix };
	const struct config_node *one = node->first;
	int err = config_read_list(reader, &item, node, list, sizeof(*list));

	for (size_t i = 0; i < node->count && err == 0; i++, one = one->next) {
		size_t mark = config_enter_item(reader, i);

		err = check(reader, one, config, &list[i]);
		if (err == 0)
			config_leave(reader, mark);
	}
	return err == 0 ? sort_list(reader, node, list, node->count) : err;
}

/* What was made goes with the configuration, also after an error. */
static int read_key(struct config_reader *reader, const struct config_node *bgp,
		    const struct list_kind *kind, const struct config *config,
		    struct ip_prefix **ret_list)
{
	const struct config_node *node = config_find(bgp, kind->key);
	size_t mark = config_enter_key(reader, kind->key);
	int err = node ? config_check_list(reader, node, kind->max) : 0;

	if (err == 0 && node && node->count > 0) {
		*ret_list = calloc(node->count, sizeof(**ret_list));
		err = *ret_list ? read_list(reader, node, config, kind->check, *ret_list) : -ENOMEM;
	}
	if (err == 0)
		config_leave(reader, mark);
	return err;
}

static size_t count_of(const struct config_node *bgp, const char *key)
{
	const struct config_node *node = config_find(bgp, key);

	return node ? node->count : 0;
}

int config_announce_read(struct config_reader *reader, const struct config_node *bgp_node,
			 struct config *config)
{
	static const struct list_kind announce = { "announce", CONFIG_ANNOUNCE_MAX,
						   check_announced };
	static const struct list_kind ranges = { "service_ranges", CONFIG_SERVICE_RANGES_MAX,
						 check_service_range };
	struct config_bgp *bgp = &config->bgp;
	int err = read_key(reader, bgp_node, &announce, config, &bgp->announce);

	if (err == 0)
		err = read_key(reader, bgp_node, &ranges, config, &bgp->service_range);
	if (err < 0)
		return err;
	bgp->announce_count = count_of(bgp_node, announce.key);
	bgp->service_range_count = count_of(bgp_node, ranges.key);
	return 0;
}
