/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_FORWARDING_H
#define LOADER_FORWARDING_H

#include <stdbool.h>
#include <stddef.h>

#include "agent_protocol.h"

struct config;
struct netlink;
struct uplink;

/** forwarding_uses_ipv6() - does the configuration speak of IPv6 (pool, route or node address)? */
bool forwarding_uses_ipv6(const struct config *config);
/**
 * forwarding_enable() - let the host stack forward for the configured families; before IPv6
 * forwarding, set accept_ra=2 on links that would lose what router advertisements gave them. Values
 * that are right are not written. Returns how many were written; *ret_problem gets a line when one
 * is wrong and cannot be written, "" otherwise.
 */
int forwarding_enable(const struct config *config, struct netlink *netlink,
		      const struct uplink *uplinks, size_t uplink_count,
		      char ret_problem[TEXT_MAX + 1]);

#endif /* LOADER_FORWARDING_H */
