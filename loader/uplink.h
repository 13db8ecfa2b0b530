/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_UPLINK_H
#define LOADER_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

struct agent;

#define UPLINK_PREFIXES_MAX 16

/* A link to the other nodes: configured in node.uplinks, else one that carries a node address. */
struct uplink {
	uint32_t ifindex;
	char name[IFNAME_MAX + 1];
	uint32_t mtu;
	uint32_t tso_max_size; /* what its driver can cut */
	uint32_t gso_max_size; /* in force, for IPv6 and as the kernel's general limit */
	bool is_veth;	       /* a virtual wire: what is behind it is not known */
	bool is_ethernet;      /* else its packets have no header that from_network could read */
	bool is_up;
	bool is_tentative; /* its link-local IPv6 address is still in duplicate address detection */
	bool has_hook;
	size_t prefix_count; /* on-link prefixes: the subnets of its addresses */
	struct ip_prefix prefix[UPLINK_PREFIXES_MAX];
};

struct uplinks;

/**
 * uplinks_open() - find the uplinks, attach from_network, set forwarding (ip_forward, IPv6
 * forwarding; accept_ra=2 where it was 1), write the node's addresses into map endpoint as
 * ENDPOINT_HOST, listen to the monitor and follow changes from then on (hook again, host addresses
 * again, remote_routes_uplinks_changed()). A missing uplink is a status line, not an error.
 */
int uplinks_open(struct agent *agent, struct uplinks **ret_uplinks);
void uplinks_close(struct uplinks *uplinks);
/** uplinks_config_changed() - the node's addresses or the families in use may be others. */
void uplinks_config_changed(struct uplinks *uplinks);
size_t uplinks_count(const struct uplinks *uplinks);
const struct uplink *uplinks_get(const struct uplinks *uplinks, size_t index);
/** uplinks_by_next_hop() - the uplink whose subnet holds @next_hop (longest prefix), NULL when none
 * does. */
const struct uplink *uplinks_by_next_hop(const struct uplinks *uplinks,
					 const struct ip_addr *next_hop);
uint32_t uplinks_node_mtu(
	const struct uplinks *uplinks); /* config, else smallest uplink MTU, else 1500 */
uint32_t uplinks_gso_max_size(
	const struct uplinks *uplinks); /* for pods: min(196608, tso_max_size), at least 65536 */
bool uplinks_serve(
	const struct uplinks *uplinks); /* all up, hooked, none tentative (none configured: true) */
int uplinks_hook_kind(const struct uplinks *uplinks); /* enum uplink_hook in force, 0: none */

#endif /* LOADER_UPLINK_H */
