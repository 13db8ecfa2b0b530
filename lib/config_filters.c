/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_filters.c: bgp.filters, and the lists of their names at peers.
 *
 * A filter has up to four lists of rules (config_rules.c), one for each direction and family. Names
 * become indexes when a peer is read: filters are read before peers.
 */
#include "lib/config_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A filter that is read; `total` bounds the rules of a configuration. */
struct filter_reading {
	struct config_filter filter; /* first */
	size_t total;
};

/* row->min: the family; `field` is the list inside struct filter_reading. */
static int read_rules(struct config_reader *reader, const struct config_row *row,
		      const struct config_node *node, void *field)
{
	struct filter_reading *reading = (void *)((char *)field - row->offset);
	struct config_rule_list *list = field;
	int err = config_rules_read(reader, node, row->min, list);

	reading->total += list->count;
	if (err == 0 && reading->total > CONFIG_ALL_RULES_MAX)
		return config_fail(reader, node, "more than %d rules in all filters",
				   CONFIG_ALL_RULES_MAX);
	return err;
}

#define FILTER_FIELD(name) offsetof(struct filter_reading, filter.name)

static const struct config_row filter_rows[] = {
	{ "name", config_read_name, FILTER_FIELD(name), .max = NAME_MAX_LEN },
	{ "import_v4", read_rules, FILTER_FIELD(list[FILTER_IMPORT][0]), .min = 0 },
	{ "import_v6", read_rules, FILTER_FIELD(list[FILTER_IMPORT][1]), .min = 1 },
	{ "export_v4", read_rules, FILTER_FIELD(list[FILTER_EXPORT][0]), .min = 0 },
	{ "export_v6", read_rules, FILTER_FIELD(list[FILTER_EXPORT][1]), .min = 1 },
};

static int find_filter(const struct config_bgp *bgp, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(bgp->filter[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int read_filter(struct config_reader *reader, const struct config_node *node,
		       struct config_bgp *bgp, size_t *total)
{
	struct config_filter *filter = &bgp->filter[bgp->filter_count];
	struct filter_reading reading = { .total = *total };
	int err = config_read_map(reader, node, CONFIG_ROWS(filter_rows), &reading);

	*filter = reading.filter;
	bgp->filter_count++; /* what it has got is freed with the others */
	*total = reading.total;
	if (err < 0)
		return err;
	if (!config_find(node, "name"))
		return config_fail(reader, node, "needs name");
	if (find_filter(bgp, bgp->filter_count - 1, filter->name) >= 0)
		return config_fail(reader, config_find(node, "name"),
				   "name: %.100s: another filter has it", filter->name);
	return 0;
}

int config_filters_read(struct config_reader *reader, const struct config_node *top,
			struct config_bgp *bgp)
{
	const struct config_node *node, *list = config_find(top, "filters");
	size_t i = 0, total = 0, mark, item;
	int err;

	if (!list)
		return 0;
	mark = config_enter_key(reader, "filters");
	err = config_check_list(reader, list, CONFIG_FILTERS_MAX);
	if (err < 0)
		return err;
	bgp->filter = calloc(list->count + 1, sizeof(*bgp->filter));
	if (!bgp->filter)
		return -ENOMEM;
	for (node = list->first; node; node = node->next) {
		item = config_enter_item(reader, i++);
		err = read_filter(reader, node, bgp, &total);
		if (err < 0)
			return err;
		config_leave(reader, item);
	}
	config_leave(reader, mark);
	return 0;
}

void config_filters_free(struct config_bgp *bgp)
{
	for (size_t i = 0; i < bgp->filter_count; i++)
		for (int direction = 0; direction < FILTER_DIRECTIONS; direction++)
			for (int family = 0; family < 2; family++)
				free(bgp->filter[i].list[direction][family].rule);
	free(bgp->filter);
}

/* --- at peers --- */

/* One list of a peer is what its filters have, one after the other. */
static int check_rule_count(struct config_reader *reader, const struct config_node *node,
			    const struct config_bgp *bgp, const struct config_peer *peer)
{
	for (int i = 0; i < FILTER_DIRECTIONS * 2; i++) {
		size_t count = 0;

		for (size_t k = 0; k < peer->filter_count; k++)
			count += bgp->filter[peer->filter[k]].list[i / 2][i % 2].count;
		if (count > CONFIG_RULES_MAX)
			return config_fail(reader, node,
					   "%zu rules of one direction and family; at most %d",
					   count, CONFIG_RULES_MAX);
	}
	return 0;
}

int config_peer_filters_read(struct config_reader *reader, const struct config_node *list,
			     const struct config_bgp *bgp, struct config_peer *peer)
{
	int err = config_check_list(reader, list, CONFIG_PEER_FILTERS_MAX);
	const struct config_node *node;

	if (err < 0 || list->count == 0)
		return err;
	peer->filter = calloc(list->count, sizeof(*peer->filter));
	if (!peer->filter)
		return -ENOMEM;
	for (node = list->first; node; node = node->next) {
		const char *name = config_text(reader, node);
		int index;

		if (!name)
			return -EINVAL;
		if (!config_name_is_valid(name, NAME_MAX_LEN))
			return config_fail(reader, node, "not a filter's name");
		index = find_filter(bgp, bgp->filter_count, name);
		if (index < 0)
			return config_fail(reader, node, "%.100s: bgp.filters has no such filter",
					   name);
		peer->filter[peer->filter_count++] = (uint16_t)index;
	}
	return check_rule_count(reader, list, bgp, peer);
}
