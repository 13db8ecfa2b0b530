/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_SHARED_HOPS_H
#define BGP_SHARED_HOPS_H

#include <uthash.h>

#include "lib/next_hops.h"

/* A set of next hops that many routes have: equal sets exist once, so that two routes go the same
 * ways when their pointers are equal. */
struct shared_hops {
	struct next_hops hops;
	size_t users;
	UT_hash_handle hh; /* by hops.count and the addresses behind it */
};

/** shared_hops_take() - the one of @table (NULL: empty) that equals @hops; NULL: no memory. */
struct shared_hops *shared_hops_take(struct shared_hops **table, const struct next_hops *hops);
void shared_hops_give(struct shared_hops **table, struct shared_hops *shared); /* NULL is fine */

#endif /* BGP_SHARED_HOPS_H */
