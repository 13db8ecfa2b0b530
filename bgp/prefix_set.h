/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_PREFIX_SET_H
#define BGP_PREFIX_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "ip_address.h"

/* Prefixes of which none lies inside another, sorted: a question costs log(count). */
struct prefix_set {
	struct ip_prefix *prefix;
	size_t count;
};

/** prefix_set_init() - an empty set with room for @size prefixes. 0 or -ENOMEM. */
int prefix_set_init(struct prefix_set *set, size_t size);
void prefix_set_fini(struct prefix_set *set);
/** prefix_set_put() - one more, in any order, no more than the room; prefix_set_settle() follows.
 */
void prefix_set_put(struct prefix_set *set, const struct ip_prefix *prefix);
/** prefix_set_settle() - sort, and leave out what lies inside another; from now on it may be asked.
 */
void prefix_set_settle(struct prefix_set *set);

/** prefix_set_covers() - does @prefix lie inside one of the set's? */
bool prefix_set_covers(const struct prefix_set *set, const struct ip_prefix *prefix);
/** prefix_set_includes() - does every prefix of @inner lie inside one of @outer's? */
bool prefix_set_includes(const struct prefix_set *outer, const struct prefix_set *inner);

#endif /* BGP_PREFIX_SET_H */
