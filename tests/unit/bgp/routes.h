/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BGP_ROUTES_H
#define TESTS_UNIT_BGP_ROUTES_H

#include "bgp/rib.h"

/* Attribute sets for tests, in a table of their own; routes_fini() checks that none is left. */
struct routes {
	struct attribute_table table;
	struct attribute_draft draft;
};

void routes_init(struct routes *routes);
void routes_fini(struct routes *routes);

/**
 * routes_start() - begin a set: ORIGIN IGP, AS path of @path ("64999 65001", "" for none), next hop
 * @next_hop. Change routes->draft, then routes_intern().
 */
struct attribute_values *routes_start(struct routes *routes, const char *path,
				      const char *next_hop);
struct attribute_set *routes_intern(struct routes *routes); /* a reference for the caller */
/** routes_simple() - both in one. */
struct attribute_set *routes_simple(struct routes *routes, const char *path, const char *next_hop);

#endif /* TESTS_UNIT_BGP_ROUTES_H */
