/* SPDX-License-Identifier: Apache-2.0 */
/*
 * routes.c: attribute sets as a few words, for the tests of the table and what comes behind it.
 */
#include "tests/unit/bgp/routes.h"

#include <stdlib.h>

#include "tests/unit/bgp/hex.h"

#define PATH_MAX_ASNS 16

void routes_init(struct routes *routes)
{
	if (attribute_table_init(&routes->table) < 0)
		abort();
}

void routes_fini(struct routes *routes)
{
	if (routes->table.set_count > 0)
		abort();
	attribute_table_fini(&routes->table);
}

struct attribute_values *routes_start(struct routes *routes, const char *path, const char *next_hop)
{
	uint32_t asn[PATH_MAX_ASNS];
	unsigned int count = 0;
	char *end;

	attributes_start(&routes->draft);
	for (const char *at = path; *at && count < PATH_MAX_ASNS; at = *end ? end + 1 : end)
		asn[count++] = (uint32_t)strtoul(at, &end, 10);
	while (count > 0)
		attributes_prepend_as(&routes->draft, asn[--count]);
	routes->draft.values.next_hop = addr_of(next_hop);
	return &routes->draft.values;
}

struct attribute_set *routes_intern(struct routes *routes)
{
	struct attribute_set *set = attribute_set_intern(&routes->table, &routes->draft);

	if (!set)
		abort();
	return set;
}

struct attribute_set *routes_simple(struct routes *routes, const char *path, const char *next_hop)
{
	routes_start(routes, path, next_hop);
	return routes_intern(routes);
}
