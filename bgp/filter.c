/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c: what the rules of a peer make of a route (bgp.filters).
 *
 * The rules are looked at in order. A rule whose conditions all hold does its operations, and its
 * action ends the matter, or with `next` leaves it to the rules behind, which see what was changed.
 * When no rule has decided, the peer's `import` or `export` does, as without a filter.
 *
 * The condition on the prefix is asked for all rules at first and gives a mask (filter_match());
 * everything else depends on the attributes alone, which many routes share. So a caller that goes
 * through routes of one set of attributes runs the rules once for each mask, not for each route.
 *
 * Priority is Calico's way to write LOCAL_PREF: 2147483647 less the priority; a route of this node
 * without LOCAL_PREF has its normal priority, 1024. Pure but for memory.
 */
#include "bgp/filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/as_path.h"
#include "bgp/communities.h"
#include "lib/ip_prefix.h"

#define PRIORITY_BASE	2147483647u
#define PRIORITY_NORMAL 1024u

static enum bgp_family family_of(const struct ip_prefix *prefix)
{
	return ip_addr_is_v4(&prefix->addr) ? FAMILY_IPV4 : FAMILY_IPV6;
}

/* --- life --- */

static size_t count_rules(const struct config_bgp *bgp, const struct config_peer *peer,
			  int direction, int family)
{
	size_t count = 0;

	for (size_t i = 0; i < peer->filter_count; i++)
		count += bgp->filter[peer->filter[i]].list[direction][family].count;
	return count;
}

static void note_properties(struct filter *filter, enum filter_direction direction,
			    const struct config_rule_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->rule[i].interface[0])
			filter->has_interface = true;
		if (list->rule[i].operation_count > 0)
			filter->has_operations[direction] = true;
	}
}

/* One list out of the lists of all filters of @peer. */
static int fill_list(struct filter *filter, const struct config_bgp *bgp,
		     const struct config_peer *peer, int place)
{
	int direction = place / FAMILY_COUNT, family = place % FAMILY_COUNT;
	struct config_rule_list *list = &filter->list[direction][family];
	size_t count = count_rules(bgp, peer, direction, family);

	if (count == 0)
		return 0;
	list->rule = malloc(count * sizeof(*list->rule));
	if (!list->rule)
		return -ENOMEM;
	for (size_t i = 0; i < peer->filter_count; i++) {
		const struct config_rule_list *from =
			&bgp->filter[peer->filter[i]].list[direction][family];

		if (from->count == 0)
			continue;
		memcpy(list->rule + list->count, from->rule, from->count * sizeof(*from->rule));
		list->count += from->count;
	}
	note_properties(filter, direction, list);
	return 0;
}

int filter_new(const struct config_bgp *bgp, const struct config_peer *peer,
	       struct filter **ret_filter)
{
	struct filter *filter;
	size_t total = 0;

	for (int place = 0; place < FILTER_DIRECTIONS * FAMILY_COUNT; place++)
		total += count_rules(bgp, peer, place / FAMILY_COUNT, place % FAMILY_COUNT);
	*ret_filter = NULL;
	if (total == 0)
		return 0;
	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	filter->references = 1;
	for (int place = 0; place < FILTER_DIRECTIONS * FAMILY_COUNT; place++) {
		if (fill_list(filter, bgp, peer, place) < 0) {
			filter_unref(filter);
			return -ENOMEM;
		}
	}
	*ret_filter = filter;
	return 0;
}

struct filter *filter_ref(struct filter *filter)
{
	if (filter)
		filter->references++;
	return filter;
}

void filter_unref(struct filter *filter)
{
	if (!filter || --filter->references > 0)
		return;
	for (int i = 0; i < FILTER_DIRECTIONS * FAMILY_COUNT; i++)
		free(filter->list[i / FAMILY_COUNT][i % FAMILY_COUNT].rule);
	free(filter);
}

bool filter_has_rules(const struct filter *filter, enum filter_direction direction)
{
	return filter && (filter->list[direction][FAMILY_IPV4].count > 0 ||
			  filter->list[direction][FAMILY_IPV6].count > 0);
}

bool filter_is_same(const struct filter *a, const struct filter *b, enum filter_direction direction)
{
	if (a == b)
		return true;
	if (!filter_has_rules(a, direction) || !filter_has_rules(b, direction))
		return filter_has_rules(a, direction) == filter_has_rules(b, direction);
	for (int family = 0; family < FAMILY_COUNT; family++) {
		const struct config_rule_list *left = &a->list[direction][family];
		const struct config_rule_list *right = &b->list[direction][family];

		if (left->count != right->count ||
		    (left->count > 0 &&
		     memcmp(left->rule, right->rule, left->count * sizeof(*left->rule)) != 0))
			return false;
	}
	return true;
}

/* --- the condition on the prefix --- */

static bool prefix_holds(const struct config_rule *rule, const struct ip_prefix *prefix)
{
	bool holds = prefix->bits >= rule->length_min && prefix->bits <= rule->length_max;

	switch (rule->prefix_operator) {
	case RULE_IN:
		return holds && ip_prefix_covers(&rule->cidr, prefix);
	case RULE_NOT_IN:
		return !(holds && ip_prefix_covers(&rule->cidr, prefix));
	case RULE_EQUAL:
		return holds && ip_prefix_equal(&rule->cidr, prefix);
	case RULE_NOT_EQUAL:
		return !(holds && ip_prefix_equal(&rule->cidr, prefix));
	default:
		return true;
	}
}

void filter_match(const struct filter *filter, enum filter_direction direction,
		  const struct ip_prefix *prefix, struct filter_mask *ret)
{
	const struct config_rule_list *list;

	memset(ret, 0, sizeof(*ret));
	if (!filter)
		return;
	list = &filter->list[direction][family_of(prefix)];
	for (size_t i = 0; i < list->count; i++)
		if (prefix_holds(&list->rule[i], prefix))
			ret->word[i / 64] |= (uint64_t)1 << i % 64;
}

bool filter_mask_equal(const struct filter_mask *a, const struct filter_mask *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* --- the others --- */

static bool priority_holds(const struct config_rule *rule, const struct filter_route *route,
			   const struct attribute_values *values)
{
	if (!rule->priority)
		return true;
	if (!(values->present & HAS_LOCAL_PREF))
		return route->is_own && rule->priority == PRIORITY_NORMAL;
	return values->local_pref == PRIORITY_BASE - rule->priority;
}

static bool interface_holds(const struct config_rule *rule, const struct filter_route *route,
			    const struct attribute_values *values)
{
	const char *name;

	if (!rule->interface[0])
		return true;
	if (route->is_own)
		return false;
	name = link_table_find(route->links, &values->next_hop);
	return name && fnmatch(rule->interface, name, 0) == 0;
}

static bool rule_holds(const struct config_rule *rule, const struct filter_route *route,
		       const struct attribute_draft *draft)
{
	struct attribute_view view = attributes_view_draft(draft);

	if (rule->source && (rule->source == RULE_OWN) != route->is_own)
		return false;
	if (rule->peer_type && (rule->peer_type == RULE_EBGP) != route->is_ebgp)
		return false;
	if (rule->as_count > 0 &&
	    !as_path_begins(view.as_path, view.values->as_path_len, rule->as, rule->as_count))
		return false;
	if (rule->has_community && !communities_has(&view, &rule->community))
		return false;
	return priority_holds(rule, route, view.values) &&
	       interface_holds(rule, route, view.values);
}

/* --- operations --- */

static void set_local_pref(struct attribute_draft *draft, uint32_t value)
{
	draft->values.local_pref = value;
	draft->values.present |= HAS_LOCAL_PREF;
}

static bool prepend(struct attribute_draft *draft, const struct config_operation *operation)
{
	for (uint32_t i = operation->as_count; i > 0; i--)
		if (!attributes_prepend_as(draft, operation->as[i - 1]))
			return false;
	return true;
}

static bool operate(const struct config_operation *operation, struct filter_route *route,
		    struct attribute_draft *draft)
{
	switch (operation->kind) {
	case RULE_ADD_COMMUNITY:
		return communities_add(draft, &operation->community);
	case RULE_PREPEND:
		return prepend(draft, operation);
	case RULE_SET_PRIORITY:
		set_local_pref(draft, PRIORITY_BASE - operation->value);
		return true;
	case RULE_SET_LOCAL_PREF:
		set_local_pref(draft, operation->value);
		return true;
	default:
		draft->values.med = operation->value;
		draft->values.present |= HAS_MED;
		route->sets_med = true;
		return true;
	}
}

enum filter_verdict filter_run(const struct filter *filter, struct filter_route *route,
			       struct attribute_draft *draft)
{
	const struct config_rule_list *list;

	route->sets_med = false;
	if (!filter)
		return FILTER_UNDECIDED;
	list = &filter->list[route->direction][family_of(route->prefix)];
	for (size_t i = 0; i < list->count; i++) {
		const struct config_rule *rule = &list->rule[i];

		if (!(route->mask->word[i / 64] & (uint64_t)1 << i % 64) ||
		    !rule_holds(rule, route, draft))
			continue;
		for (uint32_t k = 0; k < rule->operation_count; k++)
			if (!operate(&rule->operation[k], route, draft))
				return FILTER_REJECTED;
		if (rule->action != RULE_NEXT)
			return rule->action == RULE_ACCEPT ? FILTER_ACCEPTED : FILTER_REJECTED;
	}
	return FILTER_UNDECIDED;
}
