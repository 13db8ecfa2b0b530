/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ROUTE_LENGTHS_H
#define LOADER_ROUTE_LENGTHS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane_abi.h"

/* How many routes of each prefix length map route holds, and what `settings` says of it. Pure. */
struct route_lengths {
	uint32_t v4[IP_ADDR_BITS + 1]; /* by bits of the mapped address */
	uint32_t v6[IP_ADDR_BITS + 1];
};

void route_lengths_add(struct route_lengths *lengths, const struct ip_prefix *prefix);
void route_lengths_remove(struct route_lengths *lengths, const struct ip_prefix *prefix);
/** route_lengths_settings() - the lengths in use, longest first, at most ROUTE_LENGTHS_MAX of each
 * family: the shortest are left out. */
void route_lengths_settings(const struct route_lengths *lengths,
			    struct dataplane_settings *ret_settings);
/** route_lengths_is_probed() - does the data plane look for prefixes of this length? */
bool route_lengths_is_probed(const struct dataplane_settings *settings,
			     const struct ip_prefix *prefix);

#endif /* LOADER_ROUTE_LENGTHS_H */
