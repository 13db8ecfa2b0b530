/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_MULTIPATH_H
#define BGP_MULTIPATH_H

#include "bgp/rib.h"
#include "lib/next_hops.h"

/** multipath_next_hops() - the next hops that the route to @entry's prefix has, at most @max of
 * them (1..ROUTE_NEXT_HOPS_MAX): the best route's and those of the routes that are as good. */
void multipath_next_hops(struct rib_entry *entry, unsigned int max, struct next_hops *ret);

/** multipath_uses() - does @path, one of @entry's, lead to one of them, though it is not the best?
 */
bool multipath_uses(struct rib_entry *entry, const struct rib_path *path, unsigned int max);

#endif /* BGP_MULTIPATH_H */
