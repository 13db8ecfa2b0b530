/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PREFIX_SET_H
#define LIB_PREFIX_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "ip_address.h"

/* Many prefixes, asked for what lies inside one of them. {0} is an empty set. */
struct prefix_set {
	struct ip_prefix *item; /* after prefix_set_seal(): in order, none inside another */
	size_t count, size;
};

/** prefix_set_add() - 0 or -ENOMEM. Ask only after prefix_set_seal(). */
int prefix_set_add(struct prefix_set *set, const struct ip_prefix *prefix);
void prefix_set_seal(struct prefix_set *set);
/** prefix_set_covers() - does all of @prefix lie inside one of the set's? */
bool prefix_set_covers(const struct prefix_set *set, const struct ip_prefix *prefix);
/** prefix_set_includes() - does every prefix of @inner lie inside one of @outer's? */
bool prefix_set_includes(const struct prefix_set *outer, const struct prefix_set *inner);
void prefix_set_free(struct prefix_set *set); /* empty again */

#endif /* LIB_PREFIX_SET_H */
