/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_PEER_H
#define BGP_PEER_H

#include <stddef.h>

#include <uthash.h>

#include "bgp/import.h"
#include "bgp/speaker.h"
#include "lib/ip_prefix.h"

struct bfd_session;

/* One neighbour: its configuration, its sessions, its routes. */
struct peer {
	struct speaker *speaker;
	struct config_peer config; /* a copy, without password_file */
	char *password;		   /* NULL: none */
	struct filter *filter;	   /* a reference; NULL: none */
	enum peer_kind kind;
	struct ip_addr addr;
	char name[IP_ADDR_TEXT_MAX]; /* the address, for messages */

	/* Runs of the state machine: until one is established there may be one each way. */
	struct session *outgoing, *incoming, *established;
	struct event_timer start_timer; /* next attempt to connect */
	struct bfd_session *bfd;	/* NULL: none */
	uint64_t bfd_since_us;		/* what BFD saw before is another BGP session's */
	uint64_t backoff_ms;

	struct rib_source source;
	struct advertise_member member;
	struct import_context import;
	bool family[FAMILY_COUNT];	  /* negotiated */
	struct capabilities capabilities; /* of its last OPEN */
	uint32_t router_id;		  /* of its last OPEN, host order */

	/* Graceful restart, as the one that helps (RFC 4724 section 4.2). */
	bool is_restarting;    /* some of its routes are stale */
	bool is_restart_by_us; /* because we closed the session: peer_restart() */
	struct event_timer stale_timer;
	bool end_of_rib_in[FAMILY_COUNT];
	bool end_of_rib_out; /* ours is sent */

	/* Prefixes of it were not let in since the session began: with another filter they may be.
	 */
	bool is_refused[FAMILY_COUNT];
	bool is_rewritten; /* its routes were changed by a filter: only the peer can tell them */
	bool is_refreshing[FAMILY_COUNT]; /* between its BoRR and EoRR (RFC 7313) */
	bool is_asked[FAMILY_COUNT];	  /* by it, to tell our routes again */
	bool is_answering[FAMILY_COUNT];  /* that: it has BoRR and not EoRR yet (RFC 7313) */
	struct event_timer refresh_timer;
	struct event_timer tell_timer; /* at once: it has taken what it was sent, and gets more */

	bool is_adopted;    /* of the speaker before us: peer_adopt() */
	bool is_ending;	    /* peer_remove() is at work */
	bool is_down;	    /* by peer_act(), or for its many routes */
	bool is_over_limit; /* and so the session is closed */
	struct event_timer
		quiet_timer; /* a peer without End-of-RIB is taken as complete after it */

	enum peer_state reported_state;
	uint32_t reported[4];
	int64_t since_s;
	uint64_t bad_updates; /* that RFC 7606 let pass with less than they said */
	uint64_t updates_in, updates_out, times_up;
	bool is_limit_logged;
	bool is_beyond[FAMILY_COUNT]; /* it told more than it may, in this session */
	char last_error[128];
	char sent[192], received[192]; /* last NOTIFICATIONs in words */
	UT_hash_handle hh;
};

/** peer_new() - a neighbour at @addr with the settings of config.bgp.peer[@config_index], idle, in
 * the speaker's table; NULL: no memory. */
struct peer *peer_new(struct speaker *speaker, size_t config_index, const struct ip_addr *addr);
void peer_free(struct peer *peer); /* its routes are gone from the table */
/** peer_for_connection() - the neighbour that may connect from @addr, made when it is of a range;
 * NULL: nobody. */
struct peer *peer_for_connection(struct speaker *speaker, const struct ip_addr *addr);

/** peer_of_source() - the peer whose routes @source are; it is not the speaker's own. */
struct peer *peer_of_source(struct rib_source *source);

/* --- peer_config.c --- */

/** peer_configure() - settings for the next sessions, copied; those of number @config_index in the
 * speaker's configuration. 0 or -ENOMEM (as before then). */
int peer_configure(struct peer *peer, size_t config_index);
/** peer_change_policy() - which routes come in and go out, from number @config_index; the session
 * stays. peer_apply_policy() follows, when nothing waits in the queue of changes. */
void peer_change_policy(struct peer *peer, size_t config_index);
/** peer_change_bfd() - intervals, or whether at all, from number @config_index; the session stays.
 */
void peer_change_bfd(struct peer *peer, size_t config_index);
/** peer_remove() - close its sessions with @subcode of Cease, forget its routes, free it. */
void peer_remove(struct peer *peer, uint8_t subcode);
/** peer_restart() - a new session, with nothing lost where the peer speaks graceful restart. A peer
 * of a range may be freed. */
void peer_restart(struct peer *peer, const char *why);

/* --- peer_refresh.c --- */

/** peer_hear_again() - what was refused may be let in now: have the peer tell its routes again, if
 * any was refused. */
void peer_hear_again(struct peer *peer);

/* --- peer_routes.c --- */

/** peer_filter_route() - the word of the peer's filter, which is there, on a route that it tells;
 * speaker->draft has the route as the filter leaves it. @mask: of filter_match(). */
enum filter_verdict peer_filter_route(struct peer *peer, const struct ip_prefix *prefix,
				      const struct filter_mask *mask,
				      const struct attribute_set *attributes);
/** peer_lets_in() - may @prefix come in, as the filter said @verdict? */
bool peer_lets_in(const struct peer *peer, const struct ip_prefix *prefix,
		  enum filter_verdict verdict);

/* --- peer_act.c --- */

/** peer_act() - do what people ask for; @text ("": none) is told the peer where it hears why. The
 * peer may be freed, when it is of a range. 0, or -errno with *ret_why. */
int peer_act(struct peer *peer, enum bgp_act act, const char *text, const char **ret_why);

/* --- peer_handover.c --- */

struct handover_peer;
/** peer_leave() - what the next speaker must know of it, with @session as the number of its
 * session; the session writes what its socket takes. Texts and octets are borrowed until @peer is
 * used again. False: it has nothing to hand over. */
bool peer_leave(struct peer *peer, uint32_t session, struct handover_peer *ret);
/** peer_adopt() - its routes are in the table: go on with what the speaker before us has left of
 * it. Takes @fd, -1: no session, it is restarting. 0; or -errno, logged: its session is lost, and
 * peer_not_adopted() must follow. */
int peer_adopt(struct peer *peer, const struct handover_peer *state, int fd);
/** peer_not_adopted() - its routes are those of a session that broke. A peer of a range may be
 * freed. */
void peer_not_adopted(struct peer *peer, const struct handover_peer *state);
/** peer_mend_told() - it has been told something else than we would have told it. The same. */
void peer_mend_told(struct peer *peer);

/* --- peer.c --- */

/** peer_start() - connect, unless it is for the peer to do. */
void peer_start(struct peer *peer);
/** peer_accept() - a connection of this peer; takes @fd. @is_guarded: the listening socket saw to
 * its signatures, and kept its SYN. A peer of a range may be freed. */
void peer_accept(struct peer *peer, int fd, bool is_guarded);
/** peer_send_end_of_rib() - unless it is sent already, or not yet due. Who is still being fed gets
 * it behind the last route. */
void peer_send_end_of_rib(struct peer *peer);
/** peer_holds_up() - must we wait for its routes: before our End-of-RIB (@for_agent false), before
 * the agent sweeps (true)? */
bool peer_holds_up(const struct peer *peer, bool for_agent);
/** peer_apply_policy() - tell the peer what is different for it under another policy. */
void peer_apply_policy(struct peer *peer);
/** peer_fill_report() - as it was reported last. */
void peer_fill_report(const struct peer *peer, struct msg_peer *ret);
/** peer_report() - tell the agent the state and the counts when they changed, or @always. */
void peer_report(struct peer *peer, bool always);

#endif /* BGP_PEER_H */
