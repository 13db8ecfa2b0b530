/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_AGENT_FEED_H
#define BGP_AGENT_FEED_H

#include <stdbool.h>

#include "agent_protocol.h"
#include "lib/config.h"
#include "lib/event_loop.h"

struct next_hops;

/*
 * The way to tortied: listening sockets from it, routes and peers to it. Outlives the agent's
 * restarts. Every function takes NULL (no agent: standalone) and then does nothing.
 */
struct agent_feed;

struct agent_feed_ops {
	/* The agent answered for the first time, or again: tell all peers. */
	void (*connected)(void *arg);
	/* A listening socket that agent_feed_listen() asked for; takes @fd. */
	void (*listening)(const struct config_listen *where, int fd, void *arg);
	/* The socket that agent_feed_ask_socket() asked for; takes @fd. NULL: never asked. */
	void (*query_socket)(int fd, void *arg);
	/* The cluster's document, a memfd for sealed_text_read(), taken: after each connect and
	 * when it changed. NULL: the configuration is the file alone. */
	void (*document)(int fd, void *arg);
	/* After agent_feed_take(), once: the @count sessions of the speaker before us and
	 * @state_fd, which says what they are; all descriptors are taken. @state_fd -1: there are
	 * none. */
	void (*taken)(int state_fd, const int *session, size_t count, void *arg);
	/* Which next hops the node can send to, for reach_read(): before taken(), and when others
	 * are. False: it is malformed. */
	bool (*subnets)(const void *body, size_t len, void *arg);
	/* What the agent is told of all peers when it asks whether we live. */
	void (*counted)(struct msg_bgp_counts *ret_counts, void *arg);
	/* There is no agent, or not any more. */
	void (*away)(void *arg);
};

/** agent_feed_new() - for RUN_DIR/agent.sock; all is borrowed. 0 or -ENOMEM. */
int agent_feed_new(struct event_loop *loop, const char *run_dir, struct agent_feed **ret_feed);
/** agent_feed_start() - connect; @ops is called from the loop. */
void agent_feed_start(struct agent_feed *feed, const struct agent_feed_ops *ops, void *arg);
void agent_feed_free(struct agent_feed *feed);

/** agent_feed_listen() - ask for the sockets of @bgp's list (copied) that were not there before;
 * the others are the caller's to close. */
void agent_feed_listen(struct agent_feed *feed, const struct config_bgp *bgp);
/** agent_feed_ask_socket() - for people's questions; from connected() when there is none, or later.
 * Without an agent nothing is asked. */
void agent_feed_ask_socket(struct agent_feed *feed);
/** agent_feed_take() - ask what the speaker before us has left; from connected(). What comes later
 * than agent_feed_take_nothing() is closed. */
void agent_feed_take(struct agent_feed *feed);
void agent_feed_take_nothing(struct agent_feed *feed);
struct handover_gift;
/** agent_feed_give() - leave @gift, borrowed, with the agent for the next speaker; waits for it. 0
 * or -errno; then the feed is only to be freed. */
int agent_feed_give(struct agent_feed *feed, const struct handover_gift *gift);
/** agent_feed_restart() - another speaker begins: as if this program had started anew, so the agent
 * keeps the routes of before until agent_feed_in_sync(). */
void agent_feed_restart(struct agent_feed *feed);

/** agent_feed_route() - the route to @prefix goes over @hops (one or more, copied) now. Told by
 * agent_feed_flush(), many in a message. */
void agent_feed_route(struct agent_feed *feed, const struct ip_prefix *prefix,
		      const struct next_hops *hops);
/** agent_feed_route_delete() - there is none to @prefix any more. */
void agent_feed_route_delete(struct agent_feed *feed, const struct ip_prefix *prefix);
void agent_feed_flush(struct agent_feed *feed);
/** agent_feed_in_sync() - all sources are in: the agent may remove what was not told again. */
void agent_feed_in_sync(struct agent_feed *feed);
void agent_feed_peer(struct agent_feed *feed, const struct msg_peer *peer);
void agent_feed_peer_delete(struct agent_feed *feed, const struct ip_addr *addr);

#endif /* BGP_AGENT_FEED_H */
