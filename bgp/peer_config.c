/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_config.c: a neighbour whose settings change while the program runs.
 *
 * A peer has its own copy of its settings: the configuration that they came from may be gone
 * tomorrow. What a session has said of itself in OPEN, or is bound to, changes with a new session.
 * It is made softly where it can be: the connection is closed without a word, as if it had broken,
 * so that with graceful restart (RFC 4724) both sides keep the routes until the new session has
 * told them again. Without it, and for a peer that is taken out of the configuration, a
 * NOTIFICATION says why (RFC 4486).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/agent_feed.h"
#include "bgp/peer_internal.h"
#include "lib/log.h"

static void take_filter(struct peer *peer, size_t config_index)
{
	struct filter *filter = filter_ref(peer->speaker->peer_filter[config_index]);

	filter_unref(peer->filter);
	peer->filter = filter;
}

int peer_configure(struct peer *peer, size_t config_index)
{
	const struct config_peer *config = &peer->speaker->config->bgp.peer[config_index];
	const char *password = peer->speaker->password[config_index];
	char *copy = password ? strdup(password) : NULL;

	if (password && !copy)
		return -ENOMEM;
	free(peer->password);
	peer->password = copy;
	peer->config = *config;
	peer->config.password_file = peer->config.password = NULL;
	peer->config.filter = NULL;
	peer->config.filter_count = 0;
	peer->import.allow_own_as = config->allow_own_as;
	if (peer->is_over_limit)
		peer->is_down = peer->is_over_limit = false; /* another try */
	take_filter(peer, config_index);
	peer->kind = config->is_range  ? PEER_DYNAMIC
		     : config->is_mesh ? PEER_NODE_MESH
				       : PEER_CONFIGURED;
	return 0;
}

void peer_change_policy(struct peer *peer, size_t config_index)
{
	const struct config_peer *config = &peer->speaker->config->bgp.peer[config_index];
	bool is_other = !filter_is_same(peer->filter, peer->speaker->peer_filter[config_index],
					FILTER_IMPORT) ||
			peer->config.allow_own_as != config->allow_own_as ||
			peer->config.max_routes != config->max_routes;
	bool is_other_limit = peer->config.max_routes != config->max_routes ||
			      peer->config.import != config->import;

#define TAKE(name) peer->config.name = config->name;
	CONFIG_PEER_POLICY(TAKE)
#undef TAKE
	peer->import.allow_own_as = config->allow_own_as;
	peer->is_limit_logged = false;
	if (peer->is_over_limit)
		peer_take_up(peer); /* there may be room now */
	if (is_other && peer->filter && peer->filter->has_operations[FILTER_IMPORT])
		peer->is_rewritten = true;
	take_filter(peer, config_index);
	/* Routes are kept as the filter left them: the peer tells them as they were. */
	for (int i = 0; i < FAMILY_COUNT && is_other; i++)
		peer->is_refused[i] = true;
	for (int i = 0; i < FAMILY_COUNT && is_other_limit; i++)
		peer->is_beyond[i] = false; /* it is seen when they are told again */
}

/* Sessions that are not established yet. */
static void cease_attempts(struct peer *peer, uint8_t subcode, const char *text)
{
	struct session *outgoing = peer->outgoing, *incoming = peer->incoming;

	if (outgoing)
		session_cease(outgoing, subcode, text);
	if (incoming)
		session_cease(incoming, subcode, text);
}

void peer_cease(struct peer *peer, uint8_t subcode, const char *text)
{
	struct session *established = peer->established; /* without it @peer may be freed first */

	cease_attempts(peer, subcode, text);
	if (established)
		session_cease(established, subcode, text);
}

void peer_remove(struct peer *peer, uint8_t subcode)
{
	struct speaker *speaker = peer->speaker;

	peer->is_ending = true;
	peer_cease(peer, subcode, NULL);
	/* Those that were kept through a restart of the peer. */
	for (int i = 0; i < FAMILY_COUNT; i++)
		rib_remove_source(speaker->rib, &peer->source, i, false);
	speaker_work_off(speaker); /* nobody else points to its routes then */
	agent_feed_peer_delete(speaker->feed, &peer->addr);
	peer_free(peer);
}

void peer_restart(struct peer *peer, const char *why)
{
	struct session *established = peer->established; /* without it @peer may be freed first */
	bool is_dynamic = peer->kind == PEER_DYNAMIC;

	cease_attempts(peer, CEASE_CONFIG_CHANGE, NULL);
	if (established && peer->capabilities.graceful_restart)
		session_drop(established, why);
	else if (established)
		session_cease(established, CEASE_CONFIG_CHANGE, NULL);
	if (is_dynamic) /* it connects, and may be freed by now */
		return;
	peer->is_restart_by_us = peer->is_restarting;
	event_timer_cancel(peer->speaker->loop, &peer->start_timer);
	peer_start(peer);
}
