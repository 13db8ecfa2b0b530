/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefix_set.c: is this prefix inside one of thousands?
 *
 * An array in the order of addresses. Two prefixes are apart or one lies in the other; once what
 * lies in another is dropped, all are apart, and the only one that can hold an address is the last
 * that begins at or before it: one binary search.
 */
#include "lib/prefix_set.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/ip_prefix.h"

#define FIRST_SIZE 16

int prefix_set_add(struct prefix_set *set, const struct ip_prefix *prefix)
{
	size_t size = set->size ? set->size * 2 : FIRST_SIZE;
	struct ip_prefix *item;

	if (set->count == set->size) {
		item = realloc(set->item, size * sizeof(*item));
		if (!item)
			return -ENOMEM;
		set->item = item;
		set->size = size;
	}
	set->item[set->count++] = *prefix;
	return 0;
}

/* IPv4 lies inside ::/0 only by its form, and so stands apart. */
static int compare_addr(const struct ip_prefix *a, const struct ip_prefix *b)
{
	int order = (int)ip_addr_is_v4(&b->addr) - (int)ip_addr_is_v4(&a->addr);

	return order ? order : ip_addr_compare(&a->addr, &b->addr);
}

/* By first address, the larger first. */
static int compare(const void *a, const void *b)
{
	const struct ip_prefix *x = a, *y = b;
	int order = compare_addr(x, y);

	return order ? order : (x->bits > y->bits) - (x->bits < y->bits);
}

void prefix_set_seal(struct prefix_set *set)
{
	size_t kept = 0;

	if (set->count)
		qsort(set->item, set->count, sizeof(*set->item), compare);
	for (size_t i = 0; i < set->count; i++) {
		if (kept && ip_prefix_covers(&set->item[kept - 1], &set->item[i]))
			continue;
		set->item[kept++] = set->item[i];
	}
	set->count = kept;
}

bool prefix_set_covers(const struct prefix_set *set, const struct ip_prefix *prefix)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_addr(&set->item[middle], prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && ip_prefix_covers(&set->item[low - 1], prefix);
}

bool prefix_set_includes(const struct prefix_set *outer, const struct prefix_set *inner)
{
	for (size_t i = 0; i < inner->count; i++)
		if (!prefix_set_covers(outer, &inner->item[i]))
			return false;
	return true;
}

void prefix_set_free(struct prefix_set *set)
{
	free(set->item);
	*set = (struct prefix_set){ 0 };
}
