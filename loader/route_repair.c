/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_repair.c: what map and kernel really hold, against what we believe they hold.
 *
 * At start everything found (map route from the pins, kernel routes of our protocol) is adopted: it
 * becomes a stale claim that goes on forwarding until the sources are in sync.
 *
 * Later the kernel's table is dumped and compared whenever something may have taken routes away: a
 * route message about one of ours, any event of an uplink (the kernel drops IPv4 routes in silence
 * when a link goes down or its address goes), lost notifications, and once a minute. Missing routes
 * are queued and put back by route_apply.c. The first comparison follows its event at once, further
 * ones at least COMPARE_GAP_MS apart, so that a flood of events (flush of 10,000 routes) or a
 * program that fights us costs a bounded share of the CPU. The minute's sweep compares the map too.
 *
 * Left to others: routes of other programs and of pods, which are never touched; a route of another
 * program on a prefix of ours is left in force (route_apply.c tells).
 */
#include <errno.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/dataplane.h"
#include "loader/hop_objects.h"
#include "loader/kernel_routes.h"
#include "loader/netlink.h"
#include "loader/remote_routes_internal.h"

#define COMPARE_DELAY_MS 10  /* let the rest of a burst arrive */
#define COMPARE_GAP_MS	 250 /* between two comparisons */

/* --- adopting --- */

/* NULL where there is no such next hop: of a route that is unreachable, or not understood. */
static struct hop_set *set_of_one(struct remote_routes *routes, const struct ip_addr *next_hop)
{
	const struct next_hops hops = { .count = 1, .addr = { *next_hop } };

	return ip_addr_is_zero(next_hop) ? NULL : hop_sets_find(&routes->table.sets, &hops);
}

static int adopt_map_route(const struct ip_prefix *prefix, const struct route_value *value,
			   void *arg)
{
	struct remote_routes *routes = arg;
	struct hop_set *group = NULL;
	struct route_entry *entry;

	if (value->how == ROUTE_GROUP)
		group = hop_groups_set_of_number(&routes->groups, value->ifindex);
	entry = route_table_adopt(&routes->table, prefix,
				  group != NULL ? group : set_of_one(routes, &value->next_hop));
	if (entry == NULL)
		return dataplane_delete_route(routes->agent->dataplane, prefix);
	/* Another way of sending, or padding of another layout, differs and is written anew. */
	entry->map = *value;
	if (entry->map.how == 0)
		entry->map.how = UINT32_MAX;
	route_entry_hold(&routes->table, &entry->map_set, group);
	route_lengths_add(&routes->lengths, prefix);
	route_table_enqueue(&routes->table, entry);
	return 0;
}

static struct hop_set *set_of_group(struct remote_routes *routes, const struct kernel_route *route)
{
	return route->group != 0 ? hop_objects_set_of_group(routes->groups.objects, route->group)
				 : NULL;
}

static void note_kernel_route(struct remote_routes *routes, struct route_entry *entry,
			      const struct kernel_route *route)
{
	entry->is_in_kernel = true;
	entry->is_lost = false;
	entry->kernel_error = 0;
	entry->kernel_next_hop = route->next_hop;
	entry->kernel_ifindex = route->ifindex;
	entry->kernel_group = route->group;
	route_entry_hold(&routes->table, &entry->kernel_set, set_of_group(routes, route));
}

static int adopt_kernel_route(const struct kernel_route *route, void *arg)
{
	struct remote_routes *routes = arg;
	struct hop_set *group = set_of_group(routes, route);
	struct route_entry *entry =
		route_table_adopt(&routes->table, &route->prefix,
				  group != NULL ? group : set_of_one(routes, &route->next_hop));

	if (entry == NULL)
		return 0; /* too many; the next comparison takes it away */
	note_kernel_route(routes, entry, route);
	route_table_enqueue(&routes->table, entry);
	return 0;
}

int routes_adopt(struct remote_routes *routes)
{
	int err = dataplane_for_each_route(routes->agent->dataplane, adopt_map_route, routes);

	if (err < 0)
		return err;
	return kernel_routes_dump(routes->agent->netlink, adopt_kernel_route, routes);
}

/* --- comparing --- */

struct comparison {
	struct remote_routes *routes;
	size_t strays;
};

static int compare_kernel_route(const struct kernel_route *route, void *arg)
{
	struct comparison *comparison = arg;
	struct remote_routes *routes = comparison->routes;
	struct route_entry *entry = route_table_find(&routes->table, &route->prefix);
	struct kernel_route known;

	if (entry == NULL) {
		comparison->strays++;
		netlink_request(routes->agent->netlink, kernel_route_delete_message(route));
		return 0;
	}
	entry->is_seen = true;
	known = routes_kernel_route(entry);
	if (entry->is_in_kernel && kernel_route_equal(&known, route))
		return 0;
	note_kernel_route(routes, entry, route);
	route_table_enqueue(&routes->table, entry);
	return 0;
}

/* Before the routes that name them. */
static int compare_hops(struct remote_routes *routes)
{
	int err = hop_objects_compare(routes->groups.objects);

	if (err > 0) {
		log_warning("next hops: %d groups of the kernel were missing or wrong: put right",
			    err);
		routes->agent->repairs += (uint64_t)err;
	}
	return err < 0 ? err : 0;
}

static int compare_kernel(struct remote_routes *routes)
{
	struct comparison comparison = { .routes = routes };
	struct route_entry *entry;
	int err;

	for (entry = routes->table.by_prefix; entry != NULL; entry = entry->hh.next)
		entry->is_seen = false;
	err = kernel_routes_dump(routes->agent->netlink, compare_kernel_route, &comparison);
	if (comparison.strays > 0)
		log_warning("routes: %zu with our protocol number that nobody wants were in the "
			    "kernel's table and are removed",
			    comparison.strays);
	if (err < 0)
		return err;
	for (entry = routes->table.by_prefix; entry != NULL; entry = entry->hh.next) {
		if (entry->is_seen)
			continue;
		if (entry->is_in_kernel)
			entry->is_lost = true;
		entry->is_in_kernel = false;
		route_entry_hold(&routes->table, &entry->kernel_set, NULL);
		route_table_enqueue(&routes->table, entry);
	}
	return 0;
}

struct map_comparison {
	struct remote_routes *routes;
	size_t differences;
};

static int compare_map_route(const struct ip_prefix *prefix, const struct route_value *value,
			     void *arg)
{
	struct map_comparison *comparison = arg;
	struct remote_routes *routes = comparison->routes;
	struct route_entry *entry = route_table_find(&routes->table, prefix);

	if (entry == NULL || entry->map.how == 0) {
		comparison->differences++;
		return dataplane_delete_route(routes->agent->dataplane, prefix);
	}
	entry->is_seen = true;
	if (memcmp(value, &entry->map, sizeof(*value)) == 0)
		return 0;
	entry->map.how = UINT32_MAX; /* whatever it is, it is not what we wrote */
	comparison->differences++;
	route_table_enqueue(&routes->table, entry);
	return 0;
}

static void tell_differences(struct remote_routes *routes, size_t count)
{
	if (count > 0)
		log_warning("map route: %zu entries were missing, wrong or nobody's: put right",
			    count);
	routes->agent->repairs += count;
	routes->agent->map_differences += count;
}

static int compare_map(struct remote_routes *routes)
{
	struct map_comparison comparison = { .routes = routes };
	struct route_entry *entry;
	bool is_full = false;
	int err;

	for (entry = routes->table.by_prefix; entry != NULL; entry = entry->hh.next)
		entry->is_seen = false;
	err = dataplane_for_each_route(routes->agent->dataplane, compare_map_route, &comparison);
	if (err < 0)
		return err;
	for (entry = routes->table.by_prefix; entry != NULL; entry = entry->hh.next) {
		if (entry->map.how == 0 && entry->state == ROUTE_KERNEL_ONLY) {
			is_full = true; /* there was no room; perhaps there is now */
			route_table_enqueue(&routes->table, entry);
		}
		if (entry->map.how == 0 || entry->is_seen)
			continue;
		route_lengths_remove(&routes->lengths, &entry->prefix);
		entry->map = (struct route_value){ 0 };
		route_entry_hold(&routes->table, &entry->map_set, NULL);
		comparison.differences++;
		route_table_enqueue(&routes->table, entry);
	}
	routes->is_full = is_full;
	comparison.differences += hop_groups_audit_map(&routes->groups);
	tell_differences(routes, comparison.differences);
	return 0;
}

void routes_on_compare(void *arg)
{
	struct remote_routes *routes = arg;
	int err;

	if (routes->agent->resetting)
		return;
	routes->compared_ms = event_loop_now_ms();
	err = compare_hops(routes);
	if (err == 0)
		err = compare_kernel(routes);
	if (err == 0 && routes->must_audit)
		err = compare_map(routes);
	if (err < 0) {
		log_error("routes: compare with the kernel: %s; trying again", strerror(-err));
		routes_compare_soon(routes);
	} else {
		routes->must_audit = false;
	}
	if (routes->table.queue != NULL)
		routes_apply_later(routes);
}

void routes_compare_soon(struct remote_routes *routes)
{
	uint64_t now = event_loop_now_ms();
	uint64_t earliest = routes->compared_ms + COMPARE_GAP_MS;
	uint64_t delay = now + COMPARE_DELAY_MS < earliest ? earliest - now : COMPARE_DELAY_MS;

	if (!event_timer_is_armed(&routes->compare))
		event_timer_set(routes->agent->loop, &routes->compare, delay);
}

/* --- listening --- */

static bool message_matters(const struct remote_routes *routes, const struct nlmsghdr *header)
{
	struct kernel_route route, known;
	enum kernel_route_owner owner = kernel_route_parse(header, &route);
	const struct route_entry *entry;

	if (hop_objects_is_lost(routes->groups.objects, header))
		return true;
	if (owner == KERNEL_ROUTE_NONE)
		return false;
	entry = route_table_find(&routes->table, &route.prefix);
	if (entry == NULL)
		return false;
	if (owner == KERNEL_ROUTE_FOREIGN)
		/* It may have replaced ours, or made room for it. */
		return entry->is_in_kernel == (header->nlmsg_type == RTM_NEWROUTE);
	if (header->nlmsg_type != RTM_DELROUTE || !entry->is_in_kernel)
		return false;
	known = routes_kernel_route(entry);
	return kernel_route_equal(&known, &route);
}

void routes_on_kernel(const struct nlmsghdr *header, void *arg)
{
	struct remote_routes *routes = arg;

	if (header != NULL && routes->groups.objects != NULL && !routes->agent->resetting)
		hop_groups_heard(&routes->groups, header);
	if (header == NULL)
		routes->must_audit = true;
	else if (event_timer_is_armed(&routes->compare) || !message_matters(routes, header))
		return;
	routes_compare_soon(routes);
}
