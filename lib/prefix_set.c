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

/* By first address, the larger first. */
static int compare(const void *a, const void *b)
{
	const struct ip_prefix *x = a, *y = b;
	int order = ip_addr_compare(&x->addr, &y->addr);

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

		if (ip_addr_compare(&set->item[middle].addr, &prefix->addr) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && ip_prefix_covers(&set->item[low - 1], prefix);
}

void prefix_set_free(struct prefix_set *set)
{
	free(set->item);
	*set = (struct prefix_set){ 0 };
}
