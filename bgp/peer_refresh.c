/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_refresh.c: routes told again, in both directions (RFC 2918, enhanced: RFC 7313).
 *
 * We keep no copy of what a peer told and we did not let in. When the filter lets in more (another
 * node's block came before the pool that it lies in) the peer is asked to tell everything again:
 * but only if something of it was refused in this session, so a pool that grows with every node
 * that joins does not make all nodes repeat themselves. A peer without the capability gets a new
 * session, which says the same.
 *
 * A peer that asks gets all that it was told, between BoRR and EoRR when both sides know these.
 * What it asks for while something still waits to be sent to it is told when that is out, once
 * however often it has asked: a peer that asks and asks costs what it reads. For the same reason a
 * large table comes in pieces, at first too (advertise_feed()). The other way round a
 * BoRR marks the peer's routes, and EoRR removes what was not told again; it must come in time.
 * Marks are those of graceful restart: the two never overlap, because a BoRR before End-of-RIB is
 * ignored (RFC 7313 section 4) and a lost session ends a refresh.
 */
#include "bgp/peer_internal.h"
#include "lib/log.h"

#define REFRESH_MAX_MS 120000 /* from BoRR to EoRR */

void peer_hear_again(struct peer *peer)
{
	uint8_t buf[BGP_MESSAGE_MAX];

	if (!peer->established)
		return;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		if (!peer->is_refused[i] || !peer->family[i])
			continue;
		if (!peer->capabilities.route_refresh) {
			peer_restart(peer, "to hear its routes again, it has no route refresh");
			return;
		}
		log_debug("peer %s: asked to tell its %s routes again", peer->name,
			  peer_family_name(i));
		peer->is_refused[i] = false;
		session_send(peer->established, buf,
			     message_write_refresh(buf, i, REFRESH_REQUEST));
	}
	peer->is_rewritten = false;
}

bool peer_is_enhanced(const struct peer *peer)
{
	return peer->established->params.open_message.capabilities.enhanced_refresh &&
	       peer->capabilities.enhanced_refresh;
}

static void demarcate(struct peer *peer, enum bgp_family family, enum refresh_subtype subtype)
{
	uint8_t buf[BGP_MESSAGE_MAX];

	session_send(peer->established, buf, message_write_refresh(buf, family, subtype));
}

/* Without EoRR: what it was not told again stays with it. */
static void note_failure(struct peer *peer)
{
	log_error("peer %s: no memory to tell it all routes", peer->name);
	for (int i = 0; i < FAMILY_COUNT; i++)
		peer->is_answering[i] = false;
}

static void begin_answer(struct peer *peer, enum bgp_family family)
{
	peer->is_asked[family] = false;
	/* RFC 7313 section 4: not before our own End-of-RIB. */
	peer->is_answering[family] = peer_is_enhanced(peer) &&
				     (peer->end_of_rib_out || !peer->capabilities.graceful_restart);
	if (peer->is_answering[family])
		demarcate(peer, family, REFRESH_BEGIN);
	if (advertise_refresh(peer->speaker->advertise, &peer->member, family) < 0)
		note_failure(peer);
}

/* It has been told all; what it has asked for meanwhile is still part of it. */
static void end_answer(struct peer *peer)
{
	bool is_asked = false;

	for (int i = 0; i < FAMILY_COUNT; i++) {
		if (peer->is_answering[i])
			demarcate(peer, i, REFRESH_END);
		peer->is_answering[i] = false;
		is_asked |= peer->is_asked[i];
	}
	if (!is_asked)
		peer_send_end_of_rib(peer);
}

/* The next piece. */
static void feed(struct peer *peer)
{
	if (advertise_feed(peer->speaker->advertise, &peer->member) < 0)
		note_failure(peer);
	if (!peer->member.is_feeding)
		end_answer(peer);
}

/* Nothing waits to be sent to it: the next piece of the table, or what it has asked for. */
static void go_on_telling(struct peer *peer)
{
	speaker_work_off(peer->speaker);
	if (peer->member.is_feeding)
		feed(peer);
	for (int i = 0; i < FAMILY_COUNT && !peer->member.is_feeding; i++) {
		if (!peer->is_asked[i])
			continue;
		begin_answer(peer, i);
		if (!peer->member.is_feeding)
			end_answer(peer);
	}
	if (peer->member.is_feeding)
		session_ask_drained(peer->established);
}

void peer_on_tell_timer(void *arg)
{
	struct peer *peer = arg;

	go_on_telling(peer);
	speaker_finish_round(peer->speaker);
}

static void be_asked(struct peer *peer, enum bgp_family family)
{
	peer->is_asked[family] = true;
	if (peer->member.is_feeding)
		return; /* behind what it is being told */
	if (session_has_output(peer->established))
		session_ask_drained(peer->established);
	else
		go_on_telling(peer);
}

void peer_ask_again(struct peer *peer, enum bgp_family family)
{
	be_asked(peer, family);
}

void peer_tell_again(struct peer *peer)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->family[i])
			be_asked(peer, i);
}

static void begin(struct peer *peer, enum bgp_family family)
{
	if (peer->capabilities.graceful_restart && !peer->end_of_rib_in[family]) {
		log_warning("peer %s: a refresh began before its End-of-RIB; ignored", peer->name);
		return;
	}
	peer->is_refreshing[family] = true;
	rib_mark_stale(peer->speaker->rib, &peer->source, family);
	event_timer_set(peer->speaker->loop, &peer->refresh_timer, REFRESH_MAX_MS);
}

void peer_resume_refresh(struct peer *peer, enum bgp_family family)
{
	peer->is_refreshing[family] = true;
	event_timer_set(peer->speaker->loop, &peer->refresh_timer, REFRESH_MAX_MS);
}

static void end(struct peer *peer, enum bgp_family family)
{
	if (!peer->is_refreshing[family])
		return;
	peer->is_refreshing[family] = false;
	rib_remove_source(peer->speaker->rib, &peer->source, family, true);
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->is_refreshing[i])
			return;
	event_timer_cancel(peer->speaker->loop, &peer->refresh_timer);
}

void peer_on_refresh(struct peer *peer, const struct refresh_message *message)
{
	if (message->family < 0 || !peer->family[message->family])
		return;
	switch (message->subtype) {
	case REFRESH_REQUEST:
		be_asked(peer, message->family);
		break;
	case REFRESH_BEGIN:
		begin(peer, message->family);
		break;
	case REFRESH_END:
		end(peer, message->family);
		break;
	default:
		log_debug("peer %s: ROUTE-REFRESH of unknown subtype %u ignored", peer->name,
			  message->subtype);
		break;
	}
}

void peer_on_refresh_timer(void *arg)
{
	struct peer *peer = arg;

	log_warning("peer %s: its refresh has no end; routes not told again are removed",
		    peer->name);
	for (int i = 0; i < FAMILY_COUNT; i++)
		end(peer, i);
	speaker_finish_round(peer->speaker);
}

void peer_refresh_is_cut(struct peer *peer)
{
	event_timer_cancel(peer->speaker->loop, &peer->refresh_timer);
	event_timer_cancel(peer->speaker->loop, &peer->tell_timer);
	for (int i = 0; i < FAMILY_COUNT; i++)
		peer->is_refreshing[i] = peer->is_asked[i] = peer->is_answering[i] = false;
}
