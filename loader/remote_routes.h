/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_REMOTE_ROUTES_H
#define LOADER_REMOTE_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "agent_protocol.h"
#include "node_objects.h" /* ROUTE_PROTOCOL */

struct agent;
struct config;
struct next_hops;
struct walk;

/*
 * The other nodes' blocks, from the configuration and from tortie-bgpd: wanted state, written to
 * map route (with settings' prefix lengths) and to the kernel's table (protocol 116). Also this
 * node's own blocks in the kernel's table (unreachable, so that an address without a pod is refused
 * and not sent back to the router).
 */
struct remote_routes;

/** remote_routes_open() - adopt what map and kernel hold as stale, then add the configuration's
 * routes. */
int remote_routes_open(struct agent *agent, struct remote_routes **ret_routes);
void remote_routes_close(struct remote_routes *routes); /* map and kernel keep them */
/** remote_routes_set() - idempotent; a prefix from two sources: configuration wins. Next hops that
 * can be none are left out of @hops. 0 or -errno (-ENOSPC: too many, -EINVAL: refused, told). */
int remote_routes_set(struct remote_routes *routes, enum route_source source,
		      const struct ip_prefix *prefix, const struct next_hops *hops);
int remote_routes_delete(struct remote_routes *routes, enum route_source source,
			 const struct ip_prefix *prefix);
/** remote_routes_begin() - all routes of @source become stale (kept), until repeated or
 * remote_routes_in_sync(). */
void remote_routes_begin(struct remote_routes *routes, enum route_source source);
void remote_routes_in_sync(struct remote_routes *routes,
			   enum route_source source); /* delete the stale */
void remote_routes_uplinks_changed(
	struct remote_routes *routes); /* next hops may be on another link now */
/** remote_routes_config_changed() - this node's blocks, addresses or the pools may be others;
 * @before is borrowed for the call. */
void remote_routes_config_changed(struct remote_routes *routes, const struct config *before);
/** remote_routes_reach() - is there an active route to another node or router that covers
 * @prefix? */
bool remote_routes_reach(const struct remote_routes *routes, const struct ip_prefix *prefix);
/* MSG_ROUTE's body, with room for all next hops. */
struct route_answer {
	struct msg_route route;
	struct msg_next_hop next_hop[ROUTE_NEXT_HOPS_MAX];
};

/** route_answer_len() - octets of it that are used. */
size_t route_answer_len(const struct route_answer *answer);
typedef int remote_route_fn(const struct route_answer *answer, void *arg);
int remote_routes_for_each(const struct remote_routes *routes, remote_route_fn *fn, void *arg);
/** remote_routes_walk() - the same, with pauses: begin, each next one (false: none), end. */
void remote_routes_walk(struct remote_routes *routes, struct walk *walk);
bool remote_routes_walk_next(const struct remote_routes *routes, struct walk *walk,
			     struct route_answer *ret);
void remote_routes_walk_end(struct remote_routes *routes, struct walk *walk);
size_t remote_routes_count(const struct remote_routes *routes);

#endif /* LOADER_REMOTE_ROUTES_H */
