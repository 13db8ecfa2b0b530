/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_subnets.c: which next hops this node can send to, for tortie-bgpd's choice between routes.
 *
 * It can to what is on the subnet of an uplink (route_apply.c), so these subnets are told. Not
 * those of link-local addresses: no route has such a next hop.
 *
 * Routes in the map go on while the addresses of their uplink are gone, as they are for a moment
 * when a network manager is restarted (route_apply.c). Were the speaker told, it would take back
 * all these routes. So an uplink that has lost all its subnets of a family goes on with those that
 * it had, as long as it is an uplink; one that still has another subnet was changed by intent. Nor
 * does it matter whether the link is up: which of several next hops is used then is hop_groups.c's
 * business.
 */
#include "loader/bgp_subnets.h"

#include <string.h>

#include "lib/ip_prefix.h"

static const struct bgp_uplink *find(const struct bgp_subnets *subnets, uint32_t ifindex)
{
	for (size_t i = 0; i < subnets->count; i++)
		if (subnets->link[i].ifindex == ifindex)
			return &subnets->link[i];
	return NULL;
}

/* Those of one family; how many. */
static size_t take(struct bgp_uplink *to, const struct ip_prefix *prefix, size_t count, bool is_v4)
{
	size_t before = to->count;

	for (size_t i = 0; i < count && to->count < UPLINK_PREFIXES_MAX; i++)
		if (ip_addr_is_v4(&prefix[i].addr) == is_v4 &&
		    !ip_addr_is_link_local(&prefix[i].addr))
			to->prefix[to->count++] = prefix[i];
	return to->count - before;
}

bool bgp_subnets_look(struct bgp_subnets *subnets, const struct uplinks *uplinks)
{
	struct bgp_subnets now = { .count = uplinks_count(uplinks) };
	bool is_other;

	_Static_assert(sizeof(now) == CONFIG_UPLINKS_MAX * (8 + sizeof(now.link[0].prefix)) + 8,
		       "no gaps");
	for (size_t i = 0; i < now.count; i++) {
		const struct uplink *uplink = uplinks_get(uplinks, i);
		const struct bgp_uplink *old = find(subnets, uplink->ifindex);

		now.link[i].ifindex = uplink->ifindex;
		for (int is_v4 = 0; is_v4 <= 1; is_v4++)
			if (take(&now.link[i], uplink->prefix, uplink->prefix_count, is_v4) == 0 &&
			    old != NULL)
				take(&now.link[i], old->prefix, old->count, is_v4);
	}
	is_other = memcmp(subnets, &now, sizeof(now)) != 0;
	*subnets = now;
	return is_other;
}

size_t bgp_subnets_list(const struct bgp_subnets *subnets, struct ip_prefix *prefix)
{
	size_t count = 0;

	for (size_t i = 0; i < subnets->count; i++)
		for (size_t j = 0; j < subnets->link[i].count; j++)
			prefix[count++] = subnets->link[i].prefix[j];
	return count;
}
