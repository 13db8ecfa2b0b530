/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_PEER_INTERNAL_H
#define BGP_PEER_INTERNAL_H

#include "bgp/peer.h"

struct bfd_remains;

/* Between the files peer*.c. */

#define PEER_QUIET_MS 3000 /* then a peer without End-of-RIB is taken as complete */

/* --- peer_open.c --- */

/** peer_may_log_attempt() - may a line be said of a session that does not come up? */
bool peer_may_log_attempt(const struct peer *peer);
bool peer_is_ebgp(const struct peer *peer);
const char *peer_family_name(enum bgp_family family); /* for messages */
/** peer_own_next_hop() - ours for @family towards this peer, whose session ends at @local (zero:
 * not known yet); zero: none. @extended: IPv4 routes may have an IPv6 one. */
struct ip_addr peer_own_next_hop(const struct peer *peer, const struct ip_addr *local,
				 enum bgp_family family, bool extended);
/** peer_log_left_out() - say which configured families cannot be offered. */
void peer_log_left_out(const struct peer *peer);
void peer_fill_open(const struct peer *peer, const struct ip_addr *local, struct open_message *ret);
/** peer_check_open() - AS, router id and families. 0, or -EPROTO with the NOTIFICATION due. */
int peer_check_open(const struct peer *peer, const struct session *session,
		    const struct open_message *open_message, struct bgp_error *ret_error);

/* --- peer_config.c --- */

/** peer_cease() - end all its sessions with @subcode of Cease; @text as for session_cease(). A peer
 * of a range may be freed. */
void peer_cease(struct peer *peer, uint8_t subcode, const char *text);

/* --- peer_act.c --- */

/** peer_take_up() - after it was taken down, by people or for its routes. */
void peer_take_up(struct peer *peer);
/** peer_close_over_limit() - it told more routes than it may: end the session and stay down. The
 * peer may be freed, when it is of a range. */
void peer_close_over_limit(struct peer *peer, enum bgp_family family, uint32_t limit);

/* --- peer_bfd.c --- */

/** peer_bfd_start() - begin, if it is asked for and not running. */
void peer_bfd_start(struct peer *peer);
/** peer_bfd_on_established() - the peer's session is with our address @local. */
void peer_bfd_on_established(struct peer *peer, const struct ip_addr *local);
/** peer_bfd_leave() - its BFD is Up and another process goes on with it. False: it has nothing to
 * go on with. */
bool peer_bfd_leave(struct peer *peer, struct bfd_remains *ret);
/** peer_bfd_adopt() - as peer_bfd_on_established() for a session that was left to us, with its BFD
 * or without (NULL). */
void peer_bfd_adopt(struct peer *peer, const struct ip_addr *local,
		    const struct bfd_remains *remains);
/** peer_bfd_stop() - the peer hears AdminDown. */
void peer_bfd_stop(struct peer *peer);
/** peer_bfd_fill_report() - as far as the agent is told. */
void peer_bfd_fill_report(const struct peer *peer, struct msg_peer *ret);

/* --- peer_routes.c --- */

void peer_take_update(struct peer *peer, struct update *update);

/* --- peer_restart.c --- */

/** peer_end_is_restart() - did the established session end as one does whose peer restarts? */
bool peer_end_is_restart(const struct peer *peer, const struct session_end *end);
/** peer_keep_stale() - keep its routes, on notice. */
void peer_keep_stale(struct peer *peer);
/** peer_restart_time_s() - for how long it is asked to keep our routes, and its End-of-RIB waited
 * for. */
uint16_t peer_restart_time_s(const struct peer *peer);
/** peer_resume_stale() - it is back: keep only families whose forwarding it says it preserved. */
void peer_resume_stale(struct peer *peer);
/** peer_restart_is_over() - if one was under way; @why is for the log. */
void peer_restart_is_over(struct peer *peer, const char *why);
void peer_on_end_of_rib(struct peer *peer, enum bgp_family family);
void peer_on_stale(void *arg); /* timer: a struct peer; may free it */
void peer_on_quiet(void *arg); /* timer: a struct peer */

/* --- peer_refresh.c --- */

/** peer_on_refresh() - the peer sent a ROUTE-REFRESH. */
void peer_on_refresh(struct peer *peer, const struct refresh_message *message);
void peer_on_tell_timer(void *arg); /* timer: a struct peer; nothing waits to be sent to it */
/** peer_refresh_is_cut() - the session ended: what a refresh has marked is marked no more. */
void peer_refresh_is_cut(struct peer *peer);
void peer_on_refresh_timer(void *arg); /* timer: a struct peer */
/** peer_tell_again() - tell the peer all its routes again. */
void peer_tell_again(struct peer *peer);
/** peer_ask_again() - the peer has asked the speaker before us for its routes of @family, which has
 * not answered yet. */
void peer_ask_again(struct peer *peer, enum bgp_family family);
/** peer_resume_refresh() - the peer is between BoRR and EoRR. */
void peer_resume_refresh(struct peer *peer, enum bgp_family family);
/** peer_is_enhanced() - do both sides speak RFC 7313? */
bool peer_is_enhanced(const struct peer *peer);

/* --- peer.c --- */

/** peer_source_address() - where we connect from; zero: what the route to the peer says. */
struct ip_addr peer_source_address(const struct peer *peer);

/** peer_new_session() - idle, to end at @local (zero: the kernel chooses); NULL: no memory. */
struct session *peer_new_session(struct peer *peer, const struct ip_addr *local);
/** peer_learn() - take from @session what the peer said of itself; what an earlier session left is
 * forgotten. */
void peer_learn(struct peer *peer, const struct session *session);
/** peer_join() - tell it our routes, and from then on what changes; @is_told: the routes it has. */
void peer_join(struct peer *peer, bool is_told);
/** peer_forget_routes() - all that it told, also what was kept through a restart. */
void peer_forget_routes(struct peer *peer);
/** peer_free_when_done() - end a peer of a range that has neither session nor routes. */
void peer_free_when_done(struct peer *peer);

#endif /* BGP_PEER_INTERNAL_H */
