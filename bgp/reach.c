/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach.c: can this node send to a next hop? (RFC 4271 section 9.1.2.1)
 *
 * What is asked is what the agent will do with the route: it sends to a next hop on the subnet of
 * an uplink, and to no other. Which links are uplinks is its knowledge, so it tells their subnets
 * (loader/bgp_subnets.c); kernel routes do not count, since nothing of ours goes by them. A speaker
 * without an agent forwards nothing and needs no next hop: all are within reach.
 */
#include "bgp/reach.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "lib/ip_prefix.h"

int reach_read(struct reach *reach, const void *body, size_t len)
{
	struct prefix_set subnets = { 0 };
	struct ip_prefix subnet;

	if (len % sizeof(subnet) != 0)
		return -EPROTO;
	for (size_t at = 0; at < len; at += sizeof(subnet)) {
		int err;

		memcpy(&subnet, (const uint8_t *)body + at, sizeof(subnet));
		err = ip_prefix_is_valid(&subnet) ? 0 : -EPROTO;
		if (err == 0)
			err = prefix_set_add(&subnets, &subnet);
		if (err < 0) {
			prefix_set_free(&subnets);
			return err;
		}
	}
	prefix_set_seal(&subnets);
	reach_fini(reach);
	reach->is_known = true;
	reach->subnets = subnets;
	return 0;
}

void reach_fini(struct reach *reach)
{
	prefix_set_free(&reach->subnets);
	reach->is_known = false;
}

bool reach_has(const struct ip_addr *next_hop, void *arg)
{
	const struct ip_prefix host = ip_prefix_host(next_hop);
	const struct reach *reach = arg;

	return !reach->is_known || prefix_set_covers(&reach->subnets, &host);
}
