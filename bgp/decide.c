/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.c: which of several routes to a prefix is used (RFC 4271 section 9.1, RFC 4456 section 9).
 *
 * The RFC's procedure taken literally: all routes are candidates, each step strikes out those that
 * another candidate beats, until one is left. This is not the same as comparing pairs, because MED
 * compares only routes of the same neighbouring AS (step 6) and is therefore no order. Steps are
 * rows of a table, one question each: does this route lose against that one?
 *
 * Step e of the RFC, interior cost, is left out: there is no interior protocol here, every next hop
 * that was accepted costs the same. A route that must not be used at all (loop, bad next hop) never
 * gets into the table (import.c). Stale routes rank as they did before (RFC 4724 section 4.2).
 *
 * A route whose next hop this node cannot send to is out as soon as there is another (section
 * 9.1.2.1). When there is none it is still the best, as in BIRD: it is of no use here, but who gets
 * it from us with its own next hop may be nearer, as a reflector's clients are. Nobody is told it
 * with our next hop (advertise_policy.c).
 *
 * The steps up to (d) are preferences, those behind only break ties. Routes that are left when the
 * preferences are through are marked: multipath.c uses them all.
 *
 * Pure.
 */
#include "bgp/decide.h"

#include <stddef.h>

#include "lib/ip_prefix.h"

static uint32_t local_pref(const struct rib_path *path)
{
	const struct attribute_values *values = &path->attributes->values;

	return values->present & HAS_LOCAL_PREF ? values->local_pref : LOCAL_PREF_DEFAULT;
}

static uint32_t med(const struct rib_path *path)
{
	const struct attribute_values *values = &path->attributes->values;

	return values->present & HAS_MED ? values->med : 0;
}

static uint32_t originator(const struct rib_path *path)
{
	const struct attribute_values *values = &path->attributes->values;

	return values->present & HAS_ORIGINATOR_ID ? values->originator_id
						   : path->source->router_id;
}

static uint32_t neighbour_as(const struct rib_path *path)
{
	struct attribute_view view = attribute_set_view(path->attributes);

	return attributes_first_as(&view);
}

static bool loses_own(const struct rib_path *path, const struct rib_path *other)
{
	return path->source->kind != SOURCE_LOCAL && other->source->kind == SOURCE_LOCAL;
}

static bool loses_reach(const struct rib_path *path, const struct rib_path *other)
{
	return path->is_unreachable && !other->is_unreachable;
}

static bool loses_local_pref(const struct rib_path *path, const struct rib_path *other)
{
	return local_pref(path) < local_pref(other);
}

static bool loses_as_path(const struct rib_path *path, const struct rib_path *other)
{
	return path->attributes->values.as_path_hops > other->attributes->values.as_path_hops;
}

static bool loses_origin(const struct rib_path *path, const struct rib_path *other)
{
	return path->attributes->values.origin > other->attributes->values.origin;
}

static bool loses_med(const struct rib_path *path, const struct rib_path *other)
{
	return med(path) > med(other) && neighbour_as(path) == neighbour_as(other);
}

static bool loses_ebgp(const struct rib_path *path, const struct rib_path *other)
{
	return path->source->kind != SOURCE_EBGP && other->source->kind == SOURCE_EBGP;
}

static bool loses_router_id(const struct rib_path *path, const struct rib_path *other)
{
	return originator(path) > originator(other);
}

static bool loses_cluster_list(const struct rib_path *path, const struct rib_path *other)
{
	return path->attributes->values.cluster_list_len >
	       other->attributes->values.cluster_list_len;
}

static bool loses_peer_address(const struct rib_path *path, const struct rib_path *other)
{
	return ip_addr_compare(&path->source->addr, &other->source->addr) > 0;
}

static bool (*const decide_rows[DECIDE_STEPS])(const struct rib_path *, const struct rib_path *) = {
	[DECIDE_OWN] = loses_own,
	[DECIDE_REACH] = loses_reach,
	[DECIDE_LOCAL_PREF] = loses_local_pref,
	[DECIDE_AS_PATH] = loses_as_path,
	[DECIDE_ORIGIN] = loses_origin,
	[DECIDE_MED] = loses_med,
	[DECIDE_EBGP] = loses_ebgp,
	[DECIDE_ROUTER_ID] = loses_router_id,
	[DECIDE_CLUSTER_LIST] = loses_cluster_list,
	[DECIDE_PEER_ADDRESS] = loses_peer_address,
};

/* Is @path beaten by any candidate of @paths? */
static bool is_beaten(const struct rib_path *path, const struct rib_path *paths,
		      enum decide_step step)
{
	for (const struct rib_path *other = paths; other; other = other->next)
		if (other != path && other->is_candidate && decide_rows[step](path, other))
			return true;
	return false;
}

/* A candidate that no other one beats by @step, which is an order: it beats all that are beaten. */
static const struct rib_path *find_unbeaten(const struct rib_path *paths, enum decide_step step)
{
	const struct rib_path *best = NULL;

	for (const struct rib_path *path = paths; path; path = path->next)
		if (path->is_candidate && (!best || decide_rows[step](best, path)))
			best = path;
	return best;
}

/* With one MED for all, as without any, MED beats nobody. */
static bool is_med_same(const struct rib_path *paths)
{
	const struct rib_path *first = NULL;

	for (const struct rib_path *path = paths; path; path = path->next) {
		if (!path->is_candidate)
			continue;
		if (first && med(path) != med(first))
			return false;
		first = first ? first : path;
	}
	return true;
}

/*
 * One step over all candidates; how many are left. A reflector has a thousand routes to what all of
 * its clients announce, so each is compared with the best one alone; but for MED, which is no order
 * and has each compared with each.
 */
static unsigned int strike_out(struct rib_path *paths, enum decide_step step)
{
	const struct rib_path *best = step == DECIDE_MED ? NULL : find_unbeaten(paths, step);
	bool is_each_same = step == DECIDE_MED && is_med_same(paths);
	unsigned int left = 0;

	/* Striking at once is safe: what beat the struck one beats all that it would have beaten.
	 */
	for (struct rib_path *path = paths; path; path = path->next) {
		if (!path->is_candidate)
			continue;
		if (!is_each_same &&
		    (best ? decide_rows[step](path, best) : is_beaten(path, paths, step)))
			path->is_candidate = false;
		else
			left++;
	}
	return left;
}

/* Those that are left are as good as the best one will be. Is that another set than before? */
static bool mark_multipath(struct rib_path *paths)
{
	bool is_changed = false;

	for (struct rib_path *path = paths; path; path = path->next) {
		is_changed |= path->is_multipath != path->is_candidate;
		path->is_multipath = path->is_candidate;
	}
	return is_changed;
}

static struct rib_path *decide(struct rib_path *paths, struct decision *ret)
{
	enum decide_step step = DECIDE_ONLY_ONE;
	unsigned int left = 0;
	struct rib_path *path;

	for (path = paths; path; path = path->next, left++)
		path->is_candidate = true;
	while (left > 1 && step < DECIDE_EBGP)
		left = strike_out(paths, ++step);
	ret->is_multipath_changed = mark_multipath(paths);
	while (left > 1 && step + 1 < DECIDE_STEPS)
		left = strike_out(paths, ++step);
	for (path = paths; path && !path->is_candidate; path = path->next)
		continue;
	ret->step = step;
	return path;
}

struct rib_path *decide_best(struct rib_path *paths, struct decision *ret)
{
	struct decision decision = { DECIDE_ONLY_ONE, false };

	if (paths && paths->next)
		paths = decide(paths, &decision);
	else if (paths)
		paths->is_multipath = true; /* what another one that comes is compared with */
	if (ret)
		*ret = decision;
	return paths;
}

bool decide_precedes(const struct rib_path *a, const struct rib_path *b)
{
	for (enum decide_step step = DECIDE_EBGP + 1; step < DECIDE_STEPS; step++) {
		if (decide_rows[step](b, a))
			return true;
		if (decide_rows[step](a, b))
			return false;
	}
	return false;
}
