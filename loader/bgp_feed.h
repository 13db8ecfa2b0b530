/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_BGP_FEED_H
#define LOADER_BGP_FEED_H

#include <stdbool.h>
#include <stddef.h>

#include "loader/server.h"

/*
 * tortie-bgpd's side of the agent: listening sockets out, routes and peers in. One speaker at a
 * time: a second one replaces a first that is gone; while none is connected its routes stay (stale
 * until the next is in sync).
 */
struct bgp_feed;
struct config;

int bgp_feed_open(struct agent *agent, struct bgp_feed **ret_feed);
void bgp_feed_close(struct bgp_feed *feed);
/** bgp_feed_config_changed() - bgp: may have come or gone; @before is borrowed for the call. */
void bgp_feed_config_changed(struct bgp_feed *feed, const struct config *before);
/** bgp_feed_uplinks_changed() - the speaker may have to be told of other subnets. */
void bgp_feed_uplinks_changed(struct bgp_feed *feed);
bool bgp_feed_is_in_sync(const struct bgp_feed *feed);
enum bgp_condition bgp_feed_condition(const struct bgp_feed *feed);
/** bgp_feed_counts() - what the speaker has counted, as it told last; false: it has not yet, or
 * there is none. */
bool bgp_feed_counts(const struct bgp_feed *feed, struct msg_bgp_counts *ret_counts);
typedef int bgp_peer_fn(const struct msg_peer *peer, void *arg);
int bgp_feed_for_each_peer(const struct bgp_feed *feed, bgp_peer_fn *fn, void *arg);

/** bgp_feed_handle_socket() - MSG_BGP_SOCKET: the speaker's socket for questions. */
int bgp_feed_handle_socket(struct agent *agent, struct client *client,
			   const struct request *request);
/** bgp_feed_handle_subnets() - MSG_BGP_SUBNETS: which next hops this node can send to. */
request_fn bgp_feed_handle_subnets;
/* MSG_BGP_KEEP, KEEP_ALL, TAKE: from one speaker to the next. */
request_fn bgp_feed_handle_keep, bgp_feed_handle_keep_all, bgp_feed_handle_take;
/* server.c's handlers for MSG_BGP_LISTEN .. MSG_BGP_PONG */
request_fn bgp_feed_handle_listen, bgp_feed_handle_routes_begin, bgp_feed_handle_route_set,
	bgp_feed_handle_route_delete, bgp_feed_handle_routes_in_sync, bgp_feed_handle_peer_set,
	bgp_feed_handle_peer_delete, bgp_feed_handle_pong;

#endif /* LOADER_BGP_FEED_H */
