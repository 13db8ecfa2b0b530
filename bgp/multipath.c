/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multipath.c: equal-cost multipath: which next hops a route has.
 *
 * decide.c marks the routes that are as good as the best one: equal in everything that is a
 * preference (steps 1 to 6), so that only router ids, cluster lists and addresses, which say
 * nothing of the way, would tell them apart. Each of their next hops is one of the route's, once,
 * however many peers told it. When there are more than the configuration allows, those count that
 * win the later steps: the choice depends on the routes alone, not on the order of their arrival.
 *
 * AS paths must be equally long, not equal (BIRD's `merge paths`, FRR's `bestpath as-path
 * multipath-relax`; RFC 7938 section 6.3): in a fabric where each switch has an AS of its own,
 * equal ways have different paths. What peers are told is the best route alone.
 *
 * Pure.
 */
#include "bgp/multipath.h"

#include "bgp/decide.h"

/* Of the routes that are as good as the best: the first by the later steps whose next hop is not
 * in @hops yet; NULL: there is none. */
static const struct rib_path *find_next(struct rib_entry *entry, const struct next_hops *hops)
{
	const struct rib_path *found = NULL;

	for (const struct rib_path *path = rib_best(entry); path; path = path->next)
		if (path->is_multipath && (!found || decide_precedes(path, found)) &&
		    !next_hops_has(hops, &path->attributes->values.next_hop))
			found = path;
	return found;
}

void multipath_next_hops(struct rib_entry *entry, unsigned int max, struct next_hops *ret)
{
	const struct rib_path *path = rib_best(entry);

	ret->count = 0;
	while (path && next_hops_add(ret, &path->attributes->values.next_hop) && ret->count < max)
		path = rib_best(entry)->next ? find_next(entry, ret) : NULL;
}

bool multipath_uses(struct rib_entry *entry, const struct rib_path *path, unsigned int max)
{
	struct next_hops hops;

	if (path == rib_best(entry) || !path->is_multipath || path->source->kind == SOURCE_LOCAL)
		return false;
	multipath_next_hops(entry, max, &hops);
	return next_hops_has(&hops, &path->attributes->values.next_hop);
}
