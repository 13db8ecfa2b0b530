/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote_routes.c: which routes are wanted, and what is told of them.
 *
 * Sources: routes: of the configuration, tortie-bgpd (bgp_feed.c), and this node's own blocks,
 * which get an unreachable route in the kernel's table: a packet for an address of our block that
 * no pod has would else follow the default route to the router, which sends it back, until its TTL
 * ends. Unreachable and not blackhole, because the sender then hears at once that nobody is there.
 *
 * Start: blocks and configuration are claimed, what map and kernel still hold from before is
 * adopted as stale, and all is applied before anybody waits for us. Stale routes forward until
 * tortie-bgpd says that it is in sync; without `bgp:` in the configuration nobody would ever say
 * so, so they go at once.
 *
 * A claim is refused when it lies inside a block of this node (nobody else can have our pods, and
 * the kernel's route of a pod must not be replaced), or when its next hop can be none.
 *
 * Left to others: applying (route_apply.c), repairing (route_repair.c), the rules of precedence
 * (route_table.c), import policy (tortie-bgpd).
 */
#include "loader/remote_routes.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/monitor.h"
#include "loader/remote_routes_internal.h"
#include "loader/status_lines.h"
#include "loader/uplink.h"

#define TABLE_FACTOR 4 /* wanted routes a place of the map: the rest lives in the kernel alone */

/* --- claims --- */

/* Why a next hop cannot be taken, NULL when it can. */
static const char *hop_fault(const struct config *config, const struct ip_prefix *prefix,
			     const struct ip_addr *next_hop)
{
	if (!ip_addr_is_v4(&prefix->addr) && ip_addr_is_v4(next_hop))
		return "an IPv6 route cannot have an IPv4 next hop";
	if (ip_addr_is_zero(next_hop) || ip_addr_is_multicast(next_hop) ||
	    ip_addr_is_loopback(next_hop))
		return "the next hop is no host's address";
	for (size_t i = 0; i < config->node_address_count; i++)
		if (ip_addr_equal(&config->node_address[i], next_hop))
			return "the next hop is this node itself";
	return NULL;
}

/* Why a route cannot be taken, NULL when it can. */
static const char *prefix_fault(const struct config *config, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < config->pool_count; i++)
		for (size_t j = 0; j < config->pool[i].block_count; j++)
			if (ip_prefix_covers(&config->pool[i].block[j], prefix))
				return "it lies in a block of this node";
	return NULL;
}

static void refuse(struct remote_routes *routes, const struct ip_prefix *prefix,
		   const struct ip_addr *next_hop, const char *why)
{
	char text[IP_PREFIX_TEXT_MAX], via[IP_ADDR_TEXT_MAX];

	ip_prefix_format(prefix, text, sizeof(text));
	ip_addr_format(next_hop, via, sizeof(via));
	snprintf(routes->refusal, sizeof(routes->refusal), "route %s via %s: refused, %s", text,
		 via, why);
	if (routes->refused++ == 0)
		log_warning("%s (further ones are counted in `tortie status`)", routes->refusal);
}

/* Those of @hops that can be next hops; the others are told. */
static struct next_hops possible_hops(struct remote_routes *routes, const struct ip_prefix *prefix,
				      const struct next_hops *hops)
{
	struct next_hops possible = { 0 };

	for (uint32_t i = 0; i < hops->count; i++) {
		const char *fault = hop_fault(routes->agent->config, prefix, &hops->addr[i]);

		if (fault != NULL)
			refuse(routes, prefix, &hops->addr[i], fault);
		else
			next_hops_add(&possible, &hops->addr[i]);
	}
	return possible;
}

int remote_routes_set(struct remote_routes *routes, enum route_source source,
		      const struct ip_prefix *prefix, const struct next_hops *hops)
{
	const char *fault = prefix_fault(routes->agent->config, prefix);
	struct next_hops possible = { 0 };
	int err = 0;

	if (fault != NULL)
		refuse(routes, prefix, &hops->addr[0], fault);
	else
		possible = possible_hops(routes, prefix, hops);
	routes_apply_later(routes);
	if (possible.count == 0) {
		route_table_unclaim(&routes->table, route_claimant_of(source), prefix);
		return -EINVAL;
	}
	err = route_table_claim(&routes->table, route_claimant_of(source), prefix, &possible);
	if (err < 0)
		refuse(routes, prefix, &hops->addr[0], "there are too many (raise maps.routes)");
	return err;
}

int remote_routes_delete(struct remote_routes *routes, enum route_source source,
			 const struct ip_prefix *prefix)
{
	route_table_unclaim(&routes->table, route_claimant_of(source), prefix);
	routes_apply_later(routes);
	return 0;
}

void remote_routes_begin(struct remote_routes *routes, enum route_source source)
{
	route_table_begin(&routes->table, route_claimant_of(source));
}

void remote_routes_in_sync(struct remote_routes *routes, enum route_source source)
{
	size_t count = route_table_sweep(&routes->table, route_claimant_of(source));

	if (count > 0)
		log_info("routes: %zu stale ones are removed, their source did not repeat them",
			 count);
	routes_apply_later(routes);
}

void remote_routes_uplinks_changed(struct remote_routes *routes)
{
	hop_groups_uplinks_changed(&routes->groups);
	route_table_enqueue_all(&routes->table);
	routes_apply_later(routes);
	routes_compare_soon(routes);
}

/* --- start and end --- */

/* The set of all pools; the one before stays when there is no memory. */
static int set_pools(struct remote_routes *routes)
{
	const struct config *config = routes->agent->config;
	struct prefix_set pools = { 0 };

	for (size_t i = 0; i < config->pool_count; i++) {
		if (prefix_set_add(&pools, &config->pool[i].cidr) == 0)
			continue;
		prefix_set_free(&pools);
		return -ENOMEM;
	}
	prefix_set_seal(&pools);
	prefix_set_free(&routes->pools);
	routes->pools = pools;
	return 0;
}

/* A block of one address is the prefix of its pod's own route, which needs the place. */
static int claim_blocks(struct remote_routes *routes)
{
	const struct config *config = routes->agent->config;
	int err = 0;

	for (size_t i = 0; i < config->pool_count && err == 0; i++)
		for (size_t j = 0; j < config->pool[i].block_count && err == 0; j++)
			if (config->pool[i].block[j].bits < IP_ADDR_BITS)
				err = route_table_claim(&routes->table, CLAIM_BLOCK,
							&config->pool[i].block[j], NULL);
	return err;
}

static int claim_configuration(struct remote_routes *routes)
{
	const struct config *config = routes->agent->config;
	int err = set_pools(routes);

	if (err == 0)
		err = claim_blocks(routes);
	for (size_t i = 0; i < config->route_count && err == 0; i++) {
		err = remote_routes_set(routes, ROUTE_SOURCE_CONFIG, &config->route[i].prefix,
					&config->route[i].via);
		if (err == -EINVAL)
			err = 0; /* refused and told; the others count */
	}
	return err;
}

static bool has_block(const struct config *config, const struct ip_prefix *block)
{
	for (size_t i = 0; i < config->pool_count; i++)
		for (size_t j = 0; j < config->pool[i].block_count; j++)
			if (ip_prefix_equal(&config->pool[i].block[j], block))
				return true;
	return false;
}

void remote_routes_config_changed(struct remote_routes *routes, const struct config *before)
{
	int err = set_pools(routes);

	if (err == 0)
		err = claim_blocks(routes);
	if (err < 0)
		log_error("routes: this node's blocks: %s; an address without a pod may be sent "
			  "back to the router",
			  strerror(-err));
	for (size_t i = 0; i < before->pool_count; i++)
		for (size_t j = 0; j < before->pool[i].block_count; j++)
			if (!has_block(routes->agent->config, &before->pool[i].block[j]))
				route_table_unclaim(&routes->table, CLAIM_BLOCK,
						    &before->pool[i].block[j]);
	/* Which routes belong into the map depends on the pools. */
	route_table_enqueue_all(&routes->table);
	routes_apply_later(routes);
}

int remote_routes_open(struct agent *agent, struct remote_routes **ret_routes)
{
	const struct config *config = agent->config;
	struct remote_routes *routes = calloc(1, sizeof(*routes));
	int err;

	if (routes == NULL)
		return -ENOMEM;
	routes->agent = agent;
	route_table_init(&routes->table, (size_t)config->map_routes * TABLE_FACTOR +
						 config->route_count + CONFIG_BLOCKS_MAX);
	event_timer_init(&routes->apply, routes_on_apply, routes);
	event_timer_init(&routes->compare, routes_on_compare, routes);
	err = monitor_listen(agent->monitor, routes_on_kernel, routes);
	if (err < 0)
		goto err_free;
	err = claim_configuration(routes);
	if (err == 0)
		err = hop_groups_init(&routes->groups, agent, &routes->table.sets);
	if (err == 0)
		err = routes_adopt(routes);
	if (err < 0) {
		log_error("routes: take over what map and kernel hold: %s", strerror(-err));
		goto err_unlisten;
	}
	if (!config->bgp.present)
		remote_routes_in_sync(routes, ROUTE_SOURCE_BGP);
	routes_apply_all(routes);
	routes_settle(routes);
	*ret_routes = routes;
	return 0;

err_unlisten:
	monitor_unlisten(agent->monitor, routes_on_kernel, routes);
	event_timer_cancel(agent->loop, &routes->apply);
	event_timer_cancel(agent->loop, &routes->compare);
err_free:
	hop_groups_fini(&routes->groups);
	route_table_free(&routes->table);
	prefix_set_free(&routes->pools);
	free(routes);
	return err;
}

void remote_routes_close(struct remote_routes *routes)
{
	if (routes == NULL)
		return;
	monitor_unlisten(routes->agent->monitor, routes_on_kernel, routes);
	event_timer_cancel(routes->agent->loop, &routes->apply);
	event_timer_cancel(routes->agent->loop, &routes->compare);
	hop_groups_fini(&routes->groups);
	route_table_free(&routes->table);
	prefix_set_free(&routes->pools);
	free(routes);
}

/* --- answers --- */

bool remote_routes_reach(const struct remote_routes *routes, const struct ip_prefix *prefix)
{
	unsigned int shortest = ip_addr_is_v4(&prefix->addr) ? IP_ADDR_V4_BITS : 0;

	/* A default route announces no block. */
	for (unsigned int bits = prefix->bits; bits > shortest; bits--) {
		const struct ip_prefix wider = ip_prefix_make(&prefix->addr, bits);
		const struct route_entry *entry = route_table_find(&routes->table, &wider);
		enum route_claimant claimant;

		if (entry != NULL && route_entry_winner(entry, &claimant) != NULL &&
		    claimant != CLAIM_BLOCK && entry->state != ROUTE_NO_UPLINK)
			return true;
	}
	return false;
}

static enum route_state state_of(const struct remote_routes *routes,
				 const struct route_entry *entry, enum route_claimant claimant)
{
	if (entry->claim[claimant].is_stale)
		return ROUTE_STALE;
	if (claimant == CLAIM_BLOCK || entry->state == ROUTE_NO_UPLINK)
		return entry->state;
	if (entry->map.how == 0 || !route_lengths_is_probed(&routes->settings, &entry->prefix))
		return ROUTE_KERNEL_ONLY;
	return entry->state;
}

/* Nearly always an uplink, whose name is known: an answer has hundreds of thousands. */
static void name_link(const struct agent *agent, uint32_t ifindex, char name[IFNAME_MAX + 1])
{
	for (size_t i = 0; i < uplinks_count(agent->uplinks); i++) {
		const struct uplink *uplink = uplinks_get(agent->uplinks, i);

		if (uplink->ifindex == ifindex) {
			memcpy(name, uplink->name, IFNAME_MAX + 1);
			return;
		}
	}
	if_indextoname(ifindex, name);
}

/* Each next hop with its link, while it is in use; and the MTU. */
static void answer_next_hops(const struct agent *agent, const struct route_entry *entry,
			     const struct hop_set *set, struct route_answer *answer)
{
	uint32_t ifindex = entry->map.how == ROUTE_DIRECT ? entry->map.ifindex : 0;

	if (ifindex == 0 && entry->is_in_kernel)
		ifindex = entry->kernel_ifindex;
	answer->route.mtu = entry->map.how == ROUTE_GROUP ? hop_set_mtu(set) : entry->map.mtu;
	answer->route.next_hop_count = set->hops.count;
	for (uint32_t i = 0; i < set->hops.count; i++) {
		const struct hop_member *member = &set->member[i];

		answer->next_hop[i].addr = set->hops.addr[i];
		if (hop_set_is_group(set))
			ifindex = hop_member_is_usable(member) ? member->ifindex : 0;
		if (ifindex != 0)
			name_link(agent, ifindex, answer->next_hop[i].ifname);
	}
}

size_t route_answer_len(const struct route_answer *answer)
{
	return sizeof(answer->route) + answer->route.next_hop_count * sizeof(answer->next_hop[0]);
}

/* false: nobody wants it, it waits for its removal. */
static bool fill_answer(const struct remote_routes *routes, const struct route_entry *entry,
			struct route_answer *ret)
{
	enum route_claimant claimant;
	const struct route_claim *claim = route_entry_winner(entry, &claimant);

	if (claim == NULL)
		return false;
	*ret = (struct route_answer){ .route = { .prefix = entry->prefix } };
	ret->route.source = route_claimant_source(claimant);
	ret->route.state = state_of(routes, entry, claimant);
	if (claim->set != NULL)
		answer_next_hops(routes->agent, entry, claim->set, ret);
	return true;
}

int remote_routes_for_each(const struct remote_routes *routes, remote_route_fn *fn, void *arg)
{
	const struct route_entry *entry;
	struct route_answer answer;
	int err = 0;

	for (entry = routes->table.by_prefix; entry != NULL && err == 0; entry = entry->hh.next)
		if (fill_answer(routes, entry, &answer))
			err = fn(&answer, arg);
	return err;
}

void remote_routes_walk(struct remote_routes *routes, struct walk *walk)
{
	route_table_walk(&routes->table, walk);
}

void remote_routes_walk_end(struct remote_routes *routes, struct walk *walk)
{
	route_table_walk_end(&routes->table, walk);
}

bool remote_routes_walk_next(const struct remote_routes *routes, struct walk *walk,
			     struct route_answer *ret)
{
	const struct route_entry *entry;

	while ((entry = route_table_walk_next(walk)) != NULL)
		if (fill_answer(routes, entry, ret))
			return true;
	return false;
}

size_t remote_routes_count(const struct remote_routes *routes)
{
	size_t count = 0;

	for (const struct route_entry *entry = routes->table.by_prefix; entry != NULL;
	     entry = entry->hh.next) {
		enum route_claimant claimant;

		if (route_entry_winner(entry, &claimant) != NULL && claimant != CLAIM_BLOCK)
			count++;
	}
	return count;
}

/* --- status --- */

struct summary {
	size_t count[ROUTE_NO_UPLINK + 1]; /* by enum route_state */
	size_t refused;			   /* by the kernel */
	size_t occupied;		   /* another program's route is in the way */
	struct route_answer no_uplink;	   /* one of them */
	struct ip_prefix occupied_prefix;
	size_t unused_hops; /* routes that have a next hop out of use beside others */
	struct ip_addr unused_hop;
};

static int summarise(const struct route_answer *answer, void *arg)
{
	struct summary *summary = arg;

	if (answer->route.source == ROUTE_SOURCE_BLOCK)
		return 0;
	if (answer->route.state == ROUTE_NO_UPLINK)
		summary->no_uplink = *answer;
	summary->count[answer->route.state]++;
	for (uint32_t i = 0;
	     answer->route.state == ROUTE_ACTIVE && i < answer->route.next_hop_count; i++) {
		if (answer->route.next_hop_count == 1 || answer->next_hop[i].ifname[0] != '\0')
			continue;
		summary->unused_hops++;
		summary->unused_hop = answer->next_hop[i].addr;
		break;
	}
	return 0;
}

static void summarise_kernel(const struct remote_routes *routes, struct summary *summary)
{
	for (const struct route_entry *entry = routes->table.by_prefix; entry != NULL;
	     entry = entry->hh.next) {
		if (entry->kernel_error == -EEXIST) {
			summary->occupied++;
			summary->occupied_prefix = entry->prefix;
		} else if (entry->kernel_error < 0) {
			summary->refused++;
		}
	}
}

static int tell_missing(const struct summary *summary, status_line_fn *fn, void *arg)
{
	char text[TEXT_MAX + 1], prefix[IP_PREFIX_TEXT_MAX], via[IP_ADDR_TEXT_MAX];
	int err = 0;

	if (summary->count[ROUTE_NO_UPLINK] > 0) {
		ip_prefix_format(&summary->no_uplink.route.prefix, prefix, sizeof(prefix));
		ip_addr_format(&summary->no_uplink.next_hop[0].addr, via, sizeof(via));
		snprintf(text, sizeof(text),
			 "routes: %zu have a next hop on no uplink's subnet, such as %s via %s "
			 "(needs encapsulation or a router, not in this version)",
			 summary->count[ROUTE_NO_UPLINK], prefix, via);
		err = fn(STATUS_PROBLEM, text, arg);
	}
	if (err == 0 && summary->count[ROUTE_KERNEL_ONLY] > 0) {
		snprintf(text, sizeof(text),
			 "routes: %zu are in the kernel's table only and take the host stack "
			 "(outside all pools, over a link that is no Ethernet, map full, or more "
			 "than %d prefix lengths)",
			 summary->count[ROUTE_KERNEL_ONLY], ROUTE_LENGTHS_MAX);
		err = fn(STATUS_WARNING, text, arg);
	}
	if (err == 0 && summary->occupied > 0) {
		ip_prefix_format(&summary->occupied_prefix, prefix, sizeof(prefix));
		snprintf(text, sizeof(text),
			 "routes: the kernel has another program's route for %zu of ours, such as "
			 "%s (ip route show %s)",
			 summary->occupied, prefix, prefix);
		err = fn(STATUS_WARNING, text, arg);
	}
	return err;
}

int remote_routes_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct remote_routes *routes = agent->routes;
	struct summary summary = { .refused = 0 };
	char text[TEXT_MAX + 1];
	int err;

	remote_routes_for_each(routes, summarise, &summary);
	summarise_kernel(routes, &summary);
	snprintf(text, sizeof(text), "routes: %zu to other nodes in force",
		 summary.count[ROUTE_ACTIVE]);
	err = fn(STATUS_OK, text, arg);
	if (err == 0)
		err = tell_missing(&summary, fn, arg);
	if (err == 0 && summary.unused_hops > 0) {
		char via[IP_ADDR_TEXT_MAX];

		snprintf(
			text, sizeof(text),
			"routes: %zu go by fewer next hops than they have, such as without %s (its "
			"uplink is down, or it does not answer)",
			summary.unused_hops, ip_addr_format(&summary.unused_hop, via, sizeof(via)));
		err = fn(STATUS_WARNING, text, arg);
	}
	if (err == 0 && summary.count[ROUTE_STALE] > 0) {
		snprintf(text, sizeof(text),
			 "routes: %zu are stale and kept until tortie-bgpd is in sync",
			 summary.count[ROUTE_STALE]);
		err = fn(STATUS_WARNING, text, arg);
	}
	if (err == 0 && summary.refused > 0) {
		snprintf(text, sizeof(text), "routes: the kernel refused %zu, such as: %.400s",
			 summary.refused, routes->failure);
		err = fn(STATUS_PROBLEM, text, arg);
	}
	if (err == 0 && routes->refused > 0) {
		snprintf(text, sizeof(text), "routes: %zu were refused, last: %.400s",
			 routes->refused, routes->refusal);
		err = fn(STATUS_WARNING, text, arg);
	}
	return err;
}
