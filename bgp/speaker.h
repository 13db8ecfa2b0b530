/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_SPEAKER_H
#define BGP_SPEAKER_H

#include "bgp/advertise.h"
#include "bgp/import.h"
#include "bgp/rib.h"
#include "bgp/session.h"
#include "lib/config.h"
#include "lib/event_loop.h"

struct bfd;
struct peer;
struct agent_feed;
struct linger_list;
struct reach;

struct listening {
	struct config_listen where;
	int fd;		    /* -1: the place is free */
	bool has_unguarded; /* what waits may be older than a key: accept_unguarded() */
};

/* One speaker: what runs from one AS, router id and set of node addresses to the next. */
struct speaker {
	struct event_loop *loop;
	const struct config *config; /* in force; others look here each time */
	struct agent_feed *feed;     /* NULL: standalone */
	struct reach *reach;	     /* of the node, for next hops */
	uint32_t router_id;	     /* host order */
	bool is_reflector;	     /* some peer is its client */
	struct attribute_table attributes;
	struct rib *rib;
	struct advertise *advertise;
	struct rib_source own; /* this node's blocks */
	struct session_shared session_shared;
	struct peer *peers; /* by address (uthash) */
	struct msg_bgp_counts counts;
	struct bfd *bfd;
	char **password;	     /* per config.bgp.peer, as in struct setup */
	struct import_filter filter; /* of config */
	struct filter **peer_filter; /* per config.bgp.peer, NULL where it has no rules */
	uint64_t links_read_ms;
	struct link_table *links;     /* read when a filter asks for them; NULL: not yet */
	struct attribute_draft draft; /* scratch for import filters: it is large */
	struct listening listening[CONFIG_LISTEN_MAX];
	/* We restarted: what peers kept of us is swept when we say End-of-RIB (RFC 4724 4.1). */
	bool is_restarting;
	bool is_in_sync;		/* every peer's routes are in: the agent may sweep */
	struct event_timer flush_timer; /* at once, when the round of events is through */
	struct event_timer deferral_timer;
	struct event_timer report_timer;
	struct event_timer sync_timer;
	struct event_timer accept_timer; /* out of descriptors: accepting waits */
	uint64_t refused_logged_ms;
};

struct speaker_params {
	struct event_loop *loop; /* borrowed, as all of these */
	const struct config *config;
	struct agent_feed *feed;
	struct reach *reach;
	struct linger_list *lingering; /* takes what is left of sessions that end */
	char **password;	       /* as struct speaker's, taken; NULL: read the files */
};

/**
 * speaker_new() - read passwords, fill in the own blocks, create the peers; nothing is connected
 * yet. 0 or -errno, logged.
 */
int speaker_new(const struct speaker_params *params, struct speaker **ret_speaker);
/** speaker_free() - close everything without a word to anyone (RFC 4724: they keep our routes). */
void speaker_free(struct speaker *speaker);

/** speaker_listen() - open the configured listening sockets ourselves. 0 or -errno, logged. */
int speaker_listen(struct speaker *speaker);
/** speaker_take_listen_fd() - the agent made a listening socket at @where; takes @fd. */
void speaker_take_listen_fd(struct speaker *speaker, const struct config_listen *where, int fd);
/** speaker_start() - begin with the sessions. */
void speaker_start(struct speaker *speaker);
/**
 * speaker_reconfigure() - go over to @config, whose AS, router id and node addresses are the same
 * (reconfigure_needs_new_speaker()); only what differs is touched. @config is borrowed in the place
 * of the old one, which may be freed. 0; or -ENOMEM, logged, and nothing has changed.
 */
int speaker_reconfigure(struct speaker *speaker, const struct config *config);
/** speaker_shut_down() - say to every peer that it is taken out of the configuration, and withdraw
 * all routes from the agent. speaker_free() follows. */
void speaker_shut_down(struct speaker *speaker);
/** speaker_forget_peers() - the agent is told that there are no peers; they are told nothing. */
void speaker_forget_peers(struct speaker *speaker);
/** speaker_look_at_reach() - its reach is another: choose routes anew. */
void speaker_look_at_reach(struct speaker *speaker);
/** speaker_replay() - tell the agent everything again. */
void speaker_replay(struct speaker *speaker);

/* --- for peer.c --- */

/** speaker_has_peer() - is config.bgp.peer[@index] served? Not when its password cannot be read. */
bool speaker_has_peer(const struct speaker *speaker, size_t index);
/** speaker_may_log_stranger() - may a line be said of a connection that became nothing, by whoever
 * is no peer, or would be one of a range? One in 10 s: they must not fill the log. */
bool speaker_may_log_stranger(struct speaker *speaker);
/** speaker_read_links() - when some filter asks for them; peers whose filter does are told what
 * other links make different. The queue of changes is empty. */
void speaker_read_links(struct speaker *speaker);
/** speaker_work_off() - hand on what changed in the table; the sessions' output is only queued. */
void speaker_work_off(struct speaker *speaker);
/** speaker_finish_round() - the same, and write it: the end of a handler that is no session's. */
void speaker_finish_round(struct speaker *speaker);
/** speaker_check_sync() - a peer's routes may be complete now. */
void speaker_check_sync(struct speaker *speaker);
/** speaker_report_soon() - route counts changed: tell the agent within a second. */
void speaker_report_soon(struct speaker *speaker);

#endif /* BGP_SPEAKER_H */
