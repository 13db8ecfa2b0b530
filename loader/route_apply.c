/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_apply.c: wanted routes become entries of map route and routes of the kernel.
 *
 * Way of data: entries of the table's queue are taken in steps of STEP, so that a replay of ten
 * thousand costs one pass and yet no one else waits long. For each entry the winning claim is
 * resolved to an uplink by its next hop; map and kernel are written only where they differ from
 * what the entry says was applied, the kernel in batches of NETLINK_BATCH_MAX messages a send.
 *
 * Order: routes are written before map settings gets a new prefix length, and a length goes after
 * its last route, so no packet looks for a length that is not there yet or misses one that is. What
 * programs remember of before is made void once for all, behind.
 *
 * A next hop on no uplink's subnet has no route, except that a route which is in the map already
 * keeps the uplink it had: the subnet is gone for the moment when addresses are flushed, and
 * redirect_neigh goes on without. Routes that BGP brought from outside all pools stay out of the
 * map: what leaves the pools may have to be masqueraded, and that is the host stack's work. Out of
 * it stay also routes over a link that is no Ethernet (WireGuard, tun): from_network cannot read
 * what comes back there, and a conntrack that sees half of a flow calls it INVALID.
 *
 * A route with several next hops names a group, in map and kernel: hop_groups.c sees to it which of
 * them are used, and no route is written for that.
 *
 * Left to others: what is wanted (remote_routes.c), what strangers take away (route_repair.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <netlink/msg.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/dataplane.h"
#include "loader/hop_objects.h"
#include "loader/kernel_routes.h"
#include "loader/netlink.h"
#include "loader/remote_routes_internal.h"
#include "loader/uplink.h"

#define STEP 1024 /* entries before other events have their turn: about 5 ms */

/* What map and kernel shall hold for an entry. */
struct target {
	struct route_value map;	    /* how is 0: nothing */
	struct kernel_route kernel; /* of a group the number comes when it is needed */
	struct hop_set *group;	    /* NULL: one next hop, or none */
	bool in_kernel;
	bool can_change_kernel; /* false: the uplink is down, the kernel would refuse */
};

enum kernel_change {
	CHANGE_ADD,
	CHANGE_DELETE,
};

struct change {
	enum kernel_change kind;
	struct route_entry *entry;
	struct kernel_route route;
	struct hop_set *group;
};

struct batch {
	struct nl_msg *msg[NETLINK_BATCH_MAX];
	struct change change[NETLINK_BATCH_MAX];
	size_t count;
};

/* --- deciding --- */

static const struct uplink *uplink_by_index(const struct uplinks *uplinks, uint32_t ifindex)
{
	for (size_t i = 0; i < uplinks_count(uplinks); i++)
		if (uplinks_get(uplinks, i)->ifindex == ifindex)
			return uplinks_get(uplinks, i);
	return NULL;
}

static const struct uplink *choose_uplink(const struct remote_routes *routes,
					  const struct route_entry *entry,
					  const struct ip_addr *next_hop)
{
	const struct uplinks *uplinks = routes->agent->uplinks;
	const struct uplink *uplink = uplinks_by_next_hop(uplinks, next_hop);

	if (uplink == NULL && entry->map.how == ROUTE_DIRECT &&
	    ip_addr_equal(&entry->map.next_hop, next_hop))
		uplink = uplink_by_index(uplinks, entry->map.ifindex);
	return uplink;
}

static void decide_one(const struct remote_routes *routes, struct route_entry *entry,
		       const struct ip_addr *next_hop, bool is_for_map, struct target *target)
{
	const struct uplink *uplink = choose_uplink(routes, entry, next_hop);

	if (uplink == NULL)
		return;
	entry->state = ROUTE_ACTIVE;
	target->in_kernel = true;
	target->can_change_kernel = uplink->is_up;
	target->kernel.next_hop = *next_hop;
	target->kernel.ifindex = uplink->ifindex;
	if (is_for_map && uplink->is_ethernet)
		target->map = (struct route_value){ .next_hop = *next_hop,
						    .how = ROUTE_DIRECT,
						    .ifindex = uplink->ifindex,
						    .mtu = uplink->mtu };
}

static void decide_several(struct remote_routes *routes, struct route_entry *entry,
			   struct hop_set *set, bool is_for_map, struct target *target)
{
	uint32_t number;

	hop_groups_resolve(&routes->groups, set);
	if (!hop_set_has_uplink(set))
		return;
	entry->state = ROUTE_ACTIVE;
	target->in_kernel = true;
	target->can_change_kernel = hop_set_usable(set) != 0;
	target->group = set;
	number =
		is_for_map && hop_set_is_for_map(set) ? hop_groups_number(&routes->groups, set) : 0;
	if (number != 0)
		target->map = (struct route_value){ .how = ROUTE_GROUP, .ifindex = number };
}

static struct target decide(struct remote_routes *routes, struct route_entry *entry)
{
	struct target target = { .kernel = { .prefix = entry->prefix }, .can_change_kernel = true };
	enum route_claimant claimant;
	const struct route_claim *claim = route_entry_winner(entry, &claimant);
	bool is_for_map;

	entry->state = ROUTE_NO_UPLINK;
	if (claim == NULL)
		return target;
	if (claimant == CLAIM_BLOCK) {
		entry->state = ROUTE_ACTIVE;
		target.in_kernel = true;
		return target;
	}
	if (claim->set == NULL) /* found at start, unreachable, and nobody's */
		return target;
	is_for_map = claimant == CLAIM_CONFIG || prefix_set_covers(&routes->pools, &entry->prefix);
	if (hop_set_is_group(claim->set))
		decide_several(routes, entry, claim->set, is_for_map, &target);
	else
		decide_one(routes, entry, &claim->set->hops.addr[0], is_for_map, &target);
	return target;
}

/* --- the map --- */

static void delete_from_map(struct remote_routes *routes, struct route_entry *entry)
{
	int err;

	if (entry->map.how == 0)
		return;
	err = dataplane_delete_route(routes->agent->dataplane, &entry->prefix);
	if (err < 0)
		log_error("map route: delete: %s", strerror(-err));
	route_lengths_remove(&routes->lengths, &entry->prefix);
	entry->map = (struct route_value){ 0 };
	route_entry_hold(&routes->table, &entry->map_set, NULL);
}

static void write_to_map(struct remote_routes *routes, struct route_entry *entry,
			 const struct target *target)
{
	int err;

	if (memcmp(&entry->map, &target->map, sizeof(entry->map)) == 0)
		return;
	err = dataplane_set_route(routes->agent->dataplane, &entry->prefix, &target->map);
	if (err < 0) {
		entry->state = ROUTE_KERNEL_ONLY;
		if (!routes->is_full)
			log_error("map route: %s; further routes are in the kernel's table only, "
				  "raise maps.routes (now %u)",
				  strerror(-err), routes->agent->config->map_routes);
		routes->is_full = true;
		return;
	}
	if (entry->map.how == 0)
		route_lengths_add(&routes->lengths, &entry->prefix);
	entry->map = target->map;
	route_entry_hold(&routes->table, &entry->map_set, target->group);
}

static void write_settings(struct remote_routes *routes)
{
	struct dataplane_settings settings;
	int err;

	route_lengths_settings(&routes->lengths, &settings);
	if (routes->has_settings && memcmp(&settings, &routes->settings, sizeof(settings)) == 0)
		return;
	err = dataplane_set_settings(routes->agent->dataplane, &settings);
	if (err < 0) {
		log_error("map settings: %s", strerror(-err));
		return;
	}
	routes->settings = settings;
	routes->has_settings = true;
}

/* --- the kernel --- */

static void note_failure(struct remote_routes *routes, const struct change *change, int err)
{
	char prefix[IP_PREFIX_TEXT_MAX], next_hop[IP_ADDR_TEXT_MAX];

	if (routes->failed++ > 0)
		return;
	ip_prefix_format(&change->route.prefix, prefix, sizeof(prefix));
	ip_addr_format(change->group != NULL ? &change->group->hops.addr[0]
					     : &change->route.next_hop,
		       next_hop, sizeof(next_hop));
	if (err == -EEXIST)
		snprintf(routes->failure, sizeof(routes->failure),
			 "route %s: the kernel has a route of another program for it, left alone "
			 "(ip route show %s)",
			 prefix, prefix);
	else if (change->group != NULL)
		snprintf(
			routes->failure, sizeof(routes->failure),
			"route %s via %s and others: %s; tried again with the uplinks' next change",
			prefix, next_hop, strerror(-err));
	else if (change->route.ifindex == 0)
		snprintf(routes->failure, sizeof(routes->failure), "route %s unreachable: %s",
			 prefix, strerror(-err));
	else
		snprintf(routes->failure, sizeof(routes->failure),
			 "route %s via %s: %s; tried again with the uplink's next change", prefix,
			 next_hop, strerror(-err));
}

static void take_result(struct remote_routes *routes, const struct change *change, int err)
{
	struct route_entry *entry = change->entry;

	if (change->kind == CHANGE_DELETE) {
		/* -ESRCH, -ENODEV: the kernel was faster. */
		entry->is_in_kernel = false;
		route_entry_hold(&routes->table, &entry->kernel_set, NULL);
		return;
	}
	if (err < 0) {
		/* The first refusal of this kind: look whether it is an unknown route of ours. */
		if (err == -EEXIST && entry->kernel_error != -EEXIST)
			routes_compare_soon(routes);
		entry->kernel_error = (int16_t)err;
		note_failure(routes, change, err);
		return;
	}
	if (entry->is_lost)
		routes->repaired++;
	entry->is_lost = false;
	entry->kernel_error = 0;
	entry->is_in_kernel = true;
	entry->kernel_next_hop = change->route.next_hop;
	entry->kernel_ifindex = change->route.ifindex;
	entry->kernel_group = change->route.group;
	route_entry_hold(&routes->table, &entry->kernel_set, change->group);
}

static void flush(struct remote_routes *routes, struct batch *batch)
{
	int errors[NETLINK_BATCH_MAX];

	if (batch->count == 0)
		return;
	netlink_send_batch(routes->agent->netlink, batch->msg, batch->count, errors);
	for (size_t i = 0; i < batch->count; i++)
		take_result(routes, &batch->change[i], errors[i]);
	batch->count = 0;
}

static void put_change(struct remote_routes *routes, struct batch *batch,
		       const struct change *change)
{
	struct nl_msg *msg =
		change->kind == CHANGE_ADD
			? kernel_route_add_message(&change->route, change->entry->is_in_kernel)
			: kernel_route_delete_message(&change->route);

	if (msg == NULL) {
		take_result(routes, change, -ENOMEM);
		return;
	}
	batch->msg[batch->count] = msg;
	batch->change[batch->count] = *change;
	if (++batch->count == NETLINK_BATCH_MAX)
		flush(routes, batch);
}

static void delete_from_kernel(struct remote_routes *routes, struct batch *batch,
			       struct route_entry *entry)
{
	const struct change change = { .kind = CHANGE_DELETE,
				       .entry = entry,
				       .route = routes_kernel_route(entry) };

	entry->kernel_error = 0;
	entry->is_lost = false;
	if (entry->is_in_kernel)
		put_change(routes, batch, &change);
}

static void write_to_kernel(struct remote_routes *routes, struct batch *batch,
			    struct route_entry *entry, const struct target *target)
{
	struct change change = {
		.kind = CHANGE_ADD, .entry = entry, .route = target->kernel, .group = target->group
	};
	const struct kernel_route now = routes_kernel_route(entry);
	int err = 0;

	if (!target->can_change_kernel)
		return;
	if (target->group != NULL)
		change.route.group = hop_objects_id(routes->groups.objects, target->group, &err);
	if (target->group != NULL && change.route.group == 0) {
		take_result(routes, &change, err);
		return;
	}
	if (!entry->is_in_kernel || !kernel_route_equal(&now, &change.route))
		put_change(routes, batch, &change);
}

/* --- the queue --- */

static void apply_entry(struct remote_routes *routes, struct batch *batch,
			struct route_entry *entry)
{
	const struct target target = decide(routes, entry);

	if (target.map.how != 0)
		write_to_map(routes, entry, &target);
	else
		delete_from_map(routes, entry);
	if (target.in_kernel)
		write_to_kernel(routes, batch, entry, &target);
	else
		delete_from_kernel(routes, batch, entry);
}

/* The kernel gets the rest, and the programs look at the map again. */
static void finish_half(struct remote_routes *routes, struct batch *batch)
{
	int err;

	flush(routes, batch);
	write_settings(routes);
	err = dataplane_release_generation(routes->agent->dataplane);
	if (err < 0)
		log_error("map generation: %s", strerror(-err));
}

/* One step: first what stays or comes, then what goes. */
static void apply_step(struct remote_routes *routes)
{
	struct route_entry *unclaimed[STEP];
	struct batch batch = { .count = 0 };
	size_t count = 0;

	dataplane_hold_generation(routes->agent->dataplane);
	for (size_t i = 0; i < STEP; i++) {
		struct route_entry *entry = route_table_dequeue(&routes->table);

		if (entry == NULL)
			break;
		if (route_entry_winner(entry, NULL) == NULL)
			unclaimed[count++] = entry;
		else
			apply_entry(routes, &batch, entry);
	}
	finish_half(routes, &batch);
	if (count == 0)
		return;
	dataplane_hold_generation(routes->agent->dataplane);
	for (size_t i = 0; i < count; i++) {
		delete_from_map(routes, unclaimed[i]);
		delete_from_kernel(routes, &batch, unclaimed[i]);
	}
	finish_half(routes, &batch);
	for (size_t i = 0; i < count; i++)
		route_table_drop(&routes->table, unclaimed[i]);
}

/* The queue is empty: one line for all that was put back, one for all that was refused. */
static void tell(struct remote_routes *routes)
{
	if (routes->repaired > 0)
		log_warning("routes: %zu had gone from the kernel's table and are put back",
			    routes->repaired);
	routes->agent->repairs += routes->repaired;
	routes->repaired = 0;
	if (routes->failed > 0 && routes->failed != routes->failed_told) {
		if (routes->failed > 1)
			log_warning("%s (and %zu more)", routes->failure, routes->failed - 1);
		else
			log_warning("%s", routes->failure);
	}
	routes->failed_told = routes->failed;
	routes->failed = 0;
}

void routes_on_apply(void *arg)
{
	struct remote_routes *routes = arg;

	if (routes->agent->resetting)
		return;
	apply_step(routes);
	hop_groups_collect(&routes->groups);
	if (routes->table.queue != NULL)
		routes_apply_later(routes);
	else
		tell(routes);
}

void routes_apply_later(struct remote_routes *routes)
{
	if (!event_timer_is_armed(&routes->apply))
		event_timer_set(routes->agent->loop, &routes->apply, 0);
}

/* What map and kernel had from before has its place now: the rest of it goes. */
void routes_settle(struct remote_routes *routes)
{
	int err;

	hop_groups_collect(&routes->groups);
	hop_groups_audit_map(&routes->groups);
	err = hop_objects_compare(routes->groups.objects);
	if (err < 0)
		log_error("next hops of the kernel: %s; trying again within a minute",
			  strerror(-err));
}

void routes_apply_all(struct remote_routes *routes)
{
	do
		apply_step(routes);
	while (routes->table.queue != NULL);
	tell(routes);
}
