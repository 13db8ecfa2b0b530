/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_restart.c: graceful restart (RFC 4724) as far as it concerns one peer.
 *
 * Helping (section 4.2): when the TCP connection of a peer that speaks graceful restart breaks, its
 * routes stay in use, marked stale, for the restart time that it told. When it is back, each route
 * that it tells again is fresh, and End-of-RIB removes those that it did not. After a NOTIFICATION,
 * sent or received, and so also when the hold timer ran out, nothing is kept: that is no restart.
 *
 * Restarting (section 4.1): when our End-of-RIB may be sent, and whether a peer still holds up the
 * end of our own restart (speaker.c).
 */
#include "bgp/peer_internal.h"
#include "lib/log.h"

/* RFC 4724 section 4.2: only the loss of the TCP connection; never after a NOTIFICATION. */
bool peer_end_is_restart(const struct peer *peer, const struct session_end *end)
{
	const struct capabilities *caps = &peer->capabilities;

	/* Without families or time it only says that it could help us. */
	return end->how == END_TCP && caps->graceful_restart && caps->restart_time_s > 0 &&
	       (caps->restart_family[FAMILY_IPV4] || caps->restart_family[FAMILY_IPV6]);
}

static void sweep_stale(struct peer *peer, enum bgp_family family)
{
	rib_remove_source(peer->speaker->rib, &peer->source, family, true);
}

void peer_restart_is_over(struct peer *peer, const char *why)
{
	if (!peer->is_restarting)
		return;
	peer->is_restarting = peer->is_restart_by_us = false;
	event_timer_cancel(peer->speaker->loop, &peer->stale_timer);
	log_info("peer %s: graceful restart is over: %s", peer->name, why);
	peer_report(peer, true);
}

void peer_on_stale(void *arg)
{
	struct peer *peer = arg;
	struct speaker *speaker = peer->speaker;

	for (int i = 0; i < FAMILY_COUNT; i++)
		sweep_stale(peer, i);
	peer_restart_is_over(peer, "its time ran out; routes not told again are removed");
	speaker_finish_round(speaker);
	peer_free_when_done(peer);
}

/* The session broke in a way that a restart does: keep the routes, on notice. */
void peer_keep_stale(struct peer *peer)
{
	const struct capabilities *caps = &peer->capabilities;

	for (int i = 0; i < FAMILY_COUNT; i++) {
		/* A second restart before End-of-RIB: what is still stale goes. */
		if (peer->is_restarting)
			sweep_stale(peer, i);
		if (peer->family[i] && caps->restart_family[i])
			rib_mark_stale(peer->speaker->rib, &peer->source, i);
		else
			rib_remove_source(peer->speaker->rib, &peer->source, i, false);
	}
	peer->is_restarting = true;
	peer->is_restart_by_us = false;
	event_timer_set(peer->speaker->loop, &peer->stale_timer, caps->restart_time_s * 1000ull);
	log_info("peer %s: its %u routes are kept for %u s: it may be restarting", peer->name,
		 peer->source.count[FAMILY_IPV4] + peer->source.count[FAMILY_IPV6],
		 caps->restart_time_s);
}

/*
 * RFC 4724 section 4.2 goes by the F bit alone. But when it was we who closed the session the peer
 * has nothing to preserve, and some (BIRD 2) set the bit only when they have restarted themselves.
 */
static bool is_forwarding_kept(const struct peer *peer, enum bgp_family family)
{
	const struct capabilities *caps = &peer->capabilities;

	return caps->forwarding[family] || (peer->is_restart_by_us && !caps->restarting);
}

uint16_t peer_restart_time_s(const struct peer *peer)
{
	return peer->config.restart_time_s ? peer->config.restart_time_s
					   : peer->speaker->config->bgp.restart_time_s;
}

/* The peer is back: keep only families whose forwarding is preserved. */
void peer_resume_stale(struct peer *peer)
{
	const struct capabilities *caps = &peer->capabilities;

	if (!peer->is_restarting)
		return;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (!peer->family[i] || !caps->graceful_restart || !caps->restart_family[i] ||
		    !is_forwarding_kept(peer, i))
			sweep_stale(peer, i);
	event_timer_set(peer->speaker->loop, &peer->stale_timer,
			peer_restart_time_s(peer) * 1000ull);
}

void peer_on_end_of_rib(struct peer *peer, enum bgp_family family)
{
	if (peer->is_restarting) /* else nothing is, and hundreds of peers would walk the table */
		sweep_stale(peer, family);
	peer->end_of_rib_in[family] = true;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->family[i] && !peer->end_of_rib_in[i])
			return;
	peer_restart_is_over(peer, "End-of-RIB received");
	speaker_check_sync(peer->speaker);
}

void peer_on_quiet(void *arg)
{
	struct peer *peer = arg;

	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->family[i])
			peer_on_end_of_rib(peer, i);
	speaker_finish_round(peer->speaker);
}

bool peer_holds_up(const struct peer *peer, bool for_agent)
{
	if (peer->kind == PEER_DYNAMIC || peer->is_down ||
	    (peer->config.import == IMPORT_NONE && !filter_has_rules(peer->filter, FILTER_IMPORT)))
		return false;
	if (!peer->established)
		return true;
	/* RFC 4724 section 4.1: not for one that restarts too, nor for one that cannot say it. */
	if (!for_agent && (peer->capabilities.restarting || !peer->capabilities.graceful_restart))
		return false;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->family[i] && !peer->end_of_rib_in[i])
			return true;
	return false;
}

void peer_send_end_of_rib(struct peer *peer)
{
	bool passes_on = peer->config.export == EXPORT_ALL || peer->speaker->is_reflector ||
			 filter_has_rules(peer->filter, FILTER_EXPORT);
	uint8_t buf[BGP_MESSAGE_MAX];

	/* Own blocks are whole from the start; what others told may still be coming. */
	if (!peer->established || peer->end_of_rib_out || peer->member.is_feeding ||
	    (passes_on && peer->speaker->is_restarting))
		return;
	peer->end_of_rib_out = true;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->family[i])
			session_send(peer->established, buf, update_write_end_of_rib(buf, i));
}
