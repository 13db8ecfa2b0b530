/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_POOLS_H
#define TOOLS_TORTIE_POOLS_H

#include <stddef.h>

struct ip_prefix;
struct json_object;

/* The columns of `tortie get ippool`: calicoctl's, then ours. */
#define POOL_COLUMNS                                                                               \
	{ "NAME", "name", false, false }, { "CIDR", "cidr", false, false },                        \
		{ "NAT", "nat_outgoing", false, false }, { "IPIPMODE", "ipip_mode", true, false }, \
		{ "VXLANMODE", "vxlan_mode", true, false },                                        \
		{ "DISABLED", "disabled", true, false },                                           \
		{ "DISABLEBGPEXPORT", "disable_bgp_export", true, false },                         \
		{ "SELECTOR", "selector", false, false },                                          \
		{ "ASSIGNMENTMODE", "assignment_mode", true, false },                              \
		{ "BLOCKS", "block_cidrs", true, false }, { "CAPACITY", "capacity", true, true },  \
	{                                                                                          \
		"USED", "used", true, true                                                         \
	}

/** pools_row() - what the table shows of an IPPool object, defaults included. */
void pools_row(struct json_object *object, struct json_object *row);
/** pools_merge() - sort @range, drop what another covers, put halves of one range together. The
 * number that is left. Pure. */
size_t pools_merge(struct ip_prefix *range, size_t count);

#endif /* TOOLS_TORTIE_POOLS_H */
