/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_handover.c: one peer as one speaker leaves it to the next (handover.h).
 *
 * To the peer there is one speaker: its session goes on in the middle of a message, nothing is told
 * again. So what the state machine of the session and this file's peers have learnt since OPEN goes
 * along: both OPENs, what was read and not whole, what was not written yet, which End-of-RIB has
 * come and gone, which refresh is under way. Timers begin anew; the KEEPALIVE that either side of
 * the hand-over sends sees to that the peer's does, too.
 *
 * Its routes are put into the table before (handover_take.c). What the peer was told follows from
 * the table as it does at any time (advertise.c), provided that both speakers make the same of it;
 * when they do not (advertise_digest()), the peer is told all again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bgp/handover.h"
#include "bgp/peer_internal.h"
#include "bgp/tcp.h"
#include "lib/log.h"

_Static_assert(sizeof(((struct peer *)0)->last_error) == HANDOVER_ERROR_MAX, "the texts fit");
_Static_assert(sizeof(((struct peer *)0)->sent) == HANDOVER_NOTICE_MAX, "the texts fit");
_Static_assert(sizeof(((struct peer *)0)->received) == HANDOVER_NOTICE_MAX, "the texts fit");

/* --- leaving --- */

static void leave_session(const struct session *session, struct handover_peer *ret)
{
	ret->is_incoming = session->is_incoming;
	ret->own = session->params.open_message;
	ret->theirs = session->peer_open;
	ret->partial = session->partial;
	ret->partial_len = session->partial_len;
	ret->begun = session->output.data + session->output.head;
	ret->begun_len = session_output_begun(&session->output);
	ret->output = ret->begun + ret->begun_len;
	ret->output_len = session->output.len - ret->begun_len;
}

static uint32_t left_ms(const struct event_timer *timer)
{
	uint64_t now_ms = event_loop_now_ms();

	return event_timer_is_armed(timer) && timer->due_ms > now_ms
		       ? (uint32_t)(timer->due_ms - now_ms)
		       : 0;
}

bool peer_leave(struct peer *peer, uint32_t session, struct handover_peer *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->session = HANDOVER_NO_SESSION;
	if (peer->established) {
		if (!session_leave(peer->established))
			return false;
		ret->session = session;
		leave_session(peer->established, ret);
	} else if (!peer->is_restarting) {
		return false;
	}
	ret->has_bfd = peer->established && peer_bfd_leave(peer, &ret->bfd);
	ret->addr = peer->addr;
	ret->router_id = peer->router_id;
	ret->is_restarting = peer->is_restarting;
	ret->is_restart_by_us = peer->is_restart_by_us;
	ret->stale_left_ms = left_ms(&peer->stale_timer);
	ret->end_of_rib_out = peer->end_of_rib_out;
	ret->is_rewritten = peer->is_rewritten;
	ret->is_limit_logged = peer->is_limit_logged;
	memcpy(ret->end_of_rib_in, peer->end_of_rib_in, sizeof(ret->end_of_rib_in));
	memcpy(ret->is_refused, peer->is_refused, sizeof(ret->is_refused));
	memcpy(ret->is_refreshing, peer->is_refreshing, sizeof(ret->is_refreshing));
	memcpy(ret->is_asked, peer->is_asked, sizeof(ret->is_asked));
	memcpy(ret->is_beyond, peer->is_beyond, sizeof(ret->is_beyond));
	/* Where we were in the table means nothing to the next one: it begins anew. */
	for (int i = 0; i < FAMILY_COUNT && peer->member.is_feeding; i++)
		ret->is_asked[i] |= peer->family[i] && peer->member.feed_family[i];
	ret->since_s = (uint64_t)peer->since_s;
	ret->updates_in = peer->updates_in;
	ret->updates_out = peer->updates_out;
	ret->times_up = peer->times_up;
	ret->bad_updates = peer->bad_updates;
	memcpy(ret->last_error, peer->last_error, sizeof(ret->last_error));
	memcpy(ret->sent, peer->sent, sizeof(ret->sent));
	memcpy(ret->received, peer->received, sizeof(ret->received));
	return true;
}

/* --- adopting --- */

static int adopt_session(struct peer *peer, const struct handover_peer *state, int fd)
{
	const struct session_remains remains = {
		.is_incoming = state->is_incoming,
		.peer_open = &state->theirs,
		.partial = state->partial,
		.partial_len = state->partial_len,
		.begun = state->begun,
		.begun_len = state->begun_len,
		.output = state->output,
		.output_len = state->output_len,
	};
	struct ip_addr local = tcp_local_address(fd), remote = tcp_remote_address(fd);
	struct session *session;

	if (!ip_addr_equal(&remote, &peer->addr)) {
		close(fd);
		return ip_addr_is_zero(&remote) ? -ENOTCONN : -EPROTO;
	}
	session = peer_new_session(peer, &local);
	if (!session) {
		close(fd);
		return -ENOMEM;
	}
	session->params.open_message = state->own;
	if (session_adopt(session, fd, &remains) < 0) {
		session_free(session);
		return -ENOMEM;
	}
	peer->established = session;
	peer_learn(peer, session);
	return 0;
}

/* What peer_learn() has begun anew goes on. */
static void adopt_progress(struct peer *peer, const struct handover_peer *state)
{
	peer->end_of_rib_out = state->end_of_rib_out;
	peer->is_rewritten = state->is_rewritten;
	memcpy(peer->end_of_rib_in, state->end_of_rib_in, sizeof(peer->end_of_rib_in));
	memcpy(peer->is_refused, state->is_refused, sizeof(peer->is_refused));
	memcpy(peer->is_beyond, state->is_beyond, sizeof(peer->is_beyond));
	if (peer->capabilities.graceful_restart)
		return;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->family[i] && !peer->end_of_rib_in[i])
			event_timer_set(peer->speaker->loop, &peer->quiet_timer, PEER_QUIET_MS);
}

static void adopt_restart(struct peer *peer, const struct handover_peer *state)
{
	uint32_t most_ms = RESTART_TIME_MAX * 1000u;

	peer->is_restarting = state->is_restarting;
	peer->is_restart_by_us = state->is_restart_by_us;
	if (state->is_restarting)
		event_timer_set(peer->speaker->loop, &peer->stale_timer,
				state->stale_left_ms < most_ms ? state->stale_left_ms : most_ms);
}

static void adopt_history(struct peer *peer, const struct handover_peer *state)
{
	peer->since_s = (int64_t)state->since_s;
	peer->updates_in = state->updates_in;
	peer->updates_out = state->updates_out;
	peer->times_up = state->times_up;
	peer->bad_updates = state->bad_updates;
	peer->is_limit_logged = state->is_limit_logged;
	memcpy(peer->last_error, state->last_error, sizeof(peer->last_error));
	memcpy(peer->sent, state->sent, sizeof(peer->sent));
	memcpy(peer->received, state->received, sizeof(peer->received));
}

void peer_not_adopted(struct peer *peer, const struct handover_peer *state)
{
	static const struct session_end end = { .how = END_TCP };

	snprintf(peer->last_error, sizeof(peer->last_error), "not taken over");
	peer->is_restarting = state->is_restarting; /* then some routes are stale already */
	peer->capabilities = state->theirs.capabilities;
	for (int i = 0; i < FAMILY_COUNT; i++)
		peer->family[i] =
			state->own.capabilities.family[i] && state->theirs.capabilities.family[i];
	if (peer_end_is_restart(peer, &end))
		peer_keep_stale(peer);
	else
		peer_forget_routes(peer);
	peer_report(peer, true);
	peer_free_when_done(peer);
}

int peer_adopt(struct peer *peer, const struct handover_peer *state, int fd)
{
	int err = fd >= 0 ? adopt_session(peer, state, fd) : 0;

	adopt_history(peer, state);
	if (err < 0) {
		log_warning("peer %s: its session cannot be taken over: %s", peer->name,
			    err == -EPROTO ? "it is another's" : strerror(-err));
		return err;
	}
	adopt_restart(peer, state);
	if (fd < 0)
		return 0;
	adopt_progress(peer, state);
	peer_bfd_adopt(peer, &peer->established->local, state->has_bfd ? &state->bfd : NULL);
	peer_join(peer, true);
	memcpy(peer->is_asked, state->is_asked, sizeof(peer->is_asked));
	for (int i = 0; i < FAMILY_COUNT; i++) {
		if (state->is_refreshing[i])
			peer_resume_refresh(peer, i);
		if (state->is_asked[i])
			peer_ask_again(peer, i);
	}
	peer->reported_state = PEER_ESTABLISHED; /* it has been since @state->since_s */
	peer_report(peer, true);
	return 0;
}

void peer_mend_told(struct peer *peer)
{
	if (!peer->established)
		return;
	/* Between BoRR and EoRR it also forgets what it should not have been told. */
	if (peer_is_enhanced(peer) &&
	    (peer->end_of_rib_out || !peer->capabilities.graceful_restart)) {
		log_info("peer %s: this version tells routes otherwise; it is told all again",
			 peer->name);
		peer_tell_again(peer);
		return;
	}
	peer_restart(peer, "this version tells routes otherwise");
}
