/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_BGP_SUBNETS_H
#define LOADER_BGP_SUBNETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config.h"
#include "loader/uplink.h"

#define BGP_SUBNETS_MAX (CONFIG_UPLINKS_MAX * UPLINK_PREFIXES_MAX)

/* The subnets of the uplinks, as tortie-bgpd is told them. {0}: none yet. */
struct bgp_subnets {
	struct bgp_uplink {
		uint32_t ifindex;
		uint32_t count;
		struct ip_prefix prefix[UPLINK_PREFIXES_MAX];
	} link[CONFIG_UPLINKS_MAX];
	size_t count;
}; /* without gaps: compared as octets */

/** bgp_subnets_look() - take what @uplinks have now. True: that is other than before. */
bool bgp_subnets_look(struct bgp_subnets *subnets, const struct uplinks *uplinks);
/** bgp_subnets_list() - all of them into @prefix, which has room for BGP_SUBNETS_MAX; how many. */
size_t bgp_subnets_list(const struct bgp_subnets *subnets, struct ip_prefix *prefix);

#endif /* LOADER_BGP_SUBNETS_H */
