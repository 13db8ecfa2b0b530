/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefix_set.c: "does this prefix lie inside one of those", for the pools and the own blocks.
 *
 * A cluster may have thousands of ranges, and every prefix of every UPDATE is asked about. Two
 * prefixes are apart or one lies inside the other. So with the inner ones left out the set is
 * sorted by address, and only the last one that does not begin behind the prefix in question can
 * hold it: one binary search.
 *
 * Pure but for memory.
 */
#include "bgp/prefix_set.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/ip_prefix.h"

int prefix_set_init(struct prefix_set *set, size_t size)
{
	set->count = 0;
	set->prefix = calloc(size ? size : 1, sizeof(*set->prefix));
	return set->prefix ? 0 : -ENOMEM;
}

void prefix_set_fini(struct prefix_set *set)
{
	free(set->prefix);
	*set = (struct prefix_set){};
}

void prefix_set_put(struct prefix_set *set, const struct ip_prefix *prefix)
{
	set->prefix[set->count++] = *prefix;
}

/* IPv4 lies inside ::/0 only by its form, and so stands apart. */
static int compare_addr(const struct ip_prefix *a, const struct ip_prefix *b)
{
	int order = (int)ip_addr_is_v4(&b->addr) - (int)ip_addr_is_v4(&a->addr);

	return order ? order : ip_addr_compare(&a->addr, &b->addr);
}

/* By address; of equal ones the larger prefix first, so that it stands before what it holds. */
static int compare(const void *a, const void *b)
{
	const struct ip_prefix *left = a, *right = b;
	int order = compare_addr(left, right);

	return order ? order : (int)left->bits - (int)right->bits;
}

void prefix_set_settle(struct prefix_set *set)
{
	size_t kept = 0;

	qsort(set->prefix, set->count, sizeof(*set->prefix), compare);
	for (size_t i = 0; i < set->count; i++)
		if (kept == 0 || !ip_prefix_covers(&set->prefix[kept - 1], &set->prefix[i]))
			set->prefix[kept++] = set->prefix[i];
	set->count = kept;
}

bool prefix_set_covers(const struct prefix_set *set, const struct ip_prefix *prefix)
{
	size_t low = 0, high = set->count;

	while (low < high) { /* how many begin at or before it */
		size_t middle = low + (high - low) / 2;

		if (compare_addr(&set->prefix[middle], prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && ip_prefix_covers(&set->prefix[low - 1], prefix);
}

bool prefix_set_includes(const struct prefix_set *outer, const struct prefix_set *inner)
{
	for (size_t i = 0; i < inner->count; i++)
		if (!prefix_set_covers(outer, &inner->prefix[i]))
			return false;
	return true;
}
