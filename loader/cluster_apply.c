/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_apply.c: from one configuration to the next without losing a packet.
 *
 * Each part is told once, after the configuration in force has changed, and works out its own
 * difference. Nothing that stays the same is touched. The order is that of the parts at start:
 * addresses first (the only step that can fail, so it comes before the change), then uplinks,
 * because routes are resolved by them, then routes: new ones are written before old ones are
 * deleted.
 *
 * A pod keeps its address whatever becomes of the block or pool that it came from: the record is
 * its link.
 */
#include "lib/config.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/cluster.h"
#include "loader/endpoint_store.h"
#include "loader/forward_accept.h"
#include "loader/ipam.h"
#include "loader/masquerade.h"
#include "loader/remote_routes.h"
#include "loader/uplink.h"

int cluster_apply(struct agent *agent, const struct config *next)
{
	const struct config *before = agent->config;
	int err = ipam_update(agent->ipam, next);

	if (err < 0)
		return err;
	agent->config = next;
	endpoint_store_hold_addresses(agent->endpoints);
	uplinks_config_changed(agent->uplinks);
	remote_routes_config_changed(agent->routes, before);
	masquerade_config_changed(agent->masquerade);
	forward_accept_config_changed(agent->forward_accept);
	bgp_feed_config_changed(agent->bgp, before);
	return 0;
}
