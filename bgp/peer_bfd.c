/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_bfd.c: BFD (RFC 5880) as it concerns one peer (RFC 5882).
 *
 * BFD begins with the peer, before there is a BGP session, as with FRR and BIRD: when we have been
 * restarted the neighbour's BFD must see that while it waits for our BGP session, not when it has
 * just got it. With a peer of a range it begins when the session is established, for there is no
 * peer before. It goes on when the BGP session ends, and BGP never waits for it: a peer that does
 * not speak BFD is a peer like others.
 *
 * When BFD falls from Up the established session ends at once with Cease/BFD Down (RFC 9384), and
 * with it go the peer's routes, whatever graceful restart has been negotiated. Not so
 *
 *   when the peer says AdminDown (RFC 5882 section 3.2): it is not broken
 *   when BFD has not been Up in this BGP session: what falls then is what was left of the one
 *     before, after which the peer has restarted
 *   when its routes are kept for a restart already: our BFD never claims to outlive the BGP
 *     speaker, so its end cannot be told from the restart's (section 4.3.2)
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bgp/bfd.h"
#include "bgp/peer_internal.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"

static struct bfd_settings settings_of(const struct config_bfd *config)
{
	return (struct bfd_settings){ .min_interval_us = config->min_interval_ms * 1000u,
				      .multiplier = (uint8_t)config->multiplier };
}

/* Does the neighbour itself want no session? */
static bool is_by_will(const struct bfd_machine *machine)
{
	return machine->diagnostic == BFD_DIAG_NEIGHBOR_DOWN &&
	       machine->remote_state == BFD_ADMIN_DOWN;
}

static void on_fall(struct peer *peer, const struct bfd_session *bfd)
{
	const struct bfd_machine *machine = &bfd->machine;
	struct speaker *speaker = peer->speaker;

	if (is_by_will(machine)) {
		log_info("peer %s: BFD is down: the peer has taken it down; the BGP session stays",
			 peer->name);
		return;
	}
	log_warning("peer %s: BFD is down: %s%s%s", peer->name,
		    bfd_diagnostic_text(machine->diagnostic),
		    machine->remote_diagnostic ? "; the peer says: " : "",
		    machine->remote_diagnostic ? bfd_diagnostic_text(machine->remote_diagnostic)
					       : "");
	if (!peer->established || machine->both_up_us <= peer->bfd_since_us)
		return;
	session_cease(peer->established, CEASE_BFD_DOWN, NULL); /* may free the peer */
	speaker_finish_round(speaker);
}

static void on_changed(struct bfd_session *bfd, enum bfd_state before, void *arg)
{
	struct peer *peer = arg;

	if (bfd->machine.state == BFD_UP)
		log_info("peer %s: BFD is up", peer->name);
	else
		log_debug("peer %s: BFD: %s, was %s", peer->name,
			  bfd_state_name(bfd->machine.state), bfd_state_name(before));
	peer_report(peer, true);
	if (before == BFD_UP)
		on_fall(peer, bfd);
}

static void start_at(struct peer *peer, const struct ip_addr *local,
		     const struct bfd_remains *remains)
{
	const struct config_bfd *config = &peer->config.bfd;
	const struct bfd_params params = { .remote = peer->addr,
					   .local = *local,
					   .is_multihop = config->multihop,
					   .hops = peer->config.ttl_security,
					   .settings = settings_of(config) };

	peer->bfd = bfd_resume(peer->speaker->bfd, &params, remains, on_changed, peer);
	if (!peer->bfd)
		log_error("peer %s: no memory for BFD; it goes without", peer->name);
}

void peer_bfd_start(struct peer *peer)
{
	struct ip_addr local = peer_source_address(peer);

	if (peer->config.bfd.present && !peer->bfd && !peer->is_down && !peer->is_ending)
		start_at(peer, &local, NULL);
}

void peer_bfd_stop(struct peer *peer)
{
	bfd_remove(peer->bfd);
	peer->bfd = NULL;
}

/* The neighbour looks for us at the address that its session is with. */
void peer_bfd_on_established(struct peer *peer, const struct ip_addr *local)
{
	peer->bfd_since_us = event_loop_now_ms() * 1000;
	if (!peer->config.bfd.present)
		return;
	if (peer->bfd && !ip_addr_equal(&peer->bfd->params.local, local))
		peer_bfd_stop(peer);
	if (!peer->bfd)
		start_at(peer, local, NULL);
}

bool peer_bfd_leave(struct peer *peer, struct bfd_remains *ret)
{
	return peer->bfd && bfd_leave(peer->bfd, ret);
}

void peer_bfd_adopt(struct peer *peer, const struct ip_addr *local,
		    const struct bfd_remains *remains)
{
	if (!remains) {
		peer_bfd_on_established(peer, local);
		return;
	}
	peer->bfd_since_us = event_loop_now_ms() * 1000 - 1; /* it has been Up in this session */
	if (peer->config.bfd.present && !peer->bfd)
		start_at(peer, local, remains);
}

void peer_change_bfd(struct peer *peer, size_t config_index)
{
	const struct bfd_params *params = peer->bfd ? &peer->bfd->params : NULL;
	const struct config_bfd *config = &peer->config.bfd;
	struct bfd_settings settings;

	peer->config.bfd = peer->speaker->config->bgp.peer[config_index].bfd;
	settings = settings_of(config);
	if (params && (!config->present || config->multihop != params->is_multihop ||
		       peer->config.ttl_security != params->hops))
		peer_bfd_stop(peer);
	else if (params)
		bfd_reconfigure(peer->bfd, &settings);
	if (!peer->bfd && peer->established && config->present)
		start_at(peer, &peer->established->local, NULL);
	else if (!peer->bfd && !peer->config.is_range)
		peer_bfd_start(peer);
	peer_report(peer, true);
}

void peer_bfd_fill_report(const struct peer *peer, struct msg_peer *ret)
{
	if (!peer->bfd)
		return;
	ret->bfd_state = BGP_BFD_ADMIN_DOWN + (uint32_t)peer->bfd->machine.state;
	ret->bfd_times_down = (uint32_t)peer->bfd->times_down;
}
