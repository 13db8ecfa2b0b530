/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_act.c: what people do with a neighbour while the program runs (`tortie bgp peer`), and the
 * end of one that tells too much.
 *
 * A reset is a hard one: a NOTIFICATION, so that both sides drop the routes, and a new session. A
 * refresh is the soft one: within the session both sides tell all their routes again (RFC 2918). A
 * peer that was taken down stays so until it is taken up again, its settings mean another peer, or
 * the program ends; why it is down is told the peer (RFC 9003).
 */
#include <errno.h>
#include <stdio.h>

#include "bgp/peer_internal.h"
#include "lib/log.h"

/* A peer of a range may be gone afterwards. */
static void reset(struct peer *peer, const char *text)
{
	bool is_dynamic = peer->kind == PEER_DYNAMIC;

	peer_cease(peer, CEASE_RESET, text);
	if (is_dynamic)
		return;
	event_timer_cancel(peer->speaker->loop, &peer->start_timer);
	peer_start(peer);
}

static int refresh(struct peer *peer, const char **ret_why)
{
	if (!peer->established) {
		*ret_why = "no session is established";
		return -ENOTCONN;
	}
	if (!peer->capabilities.route_refresh) {
		*ret_why = "it does not speak route refresh (reset it)";
		return -EOPNOTSUPP;
	}
	for (int i = 0; i < FAMILY_COUNT; i++)
		peer->is_refused[i] = true;
	peer_hear_again(peer);
	peer_tell_again(peer);
	return 0;
}

static int take_down(struct peer *peer, const char *text, const char **ret_why)
{
	if (peer->kind == PEER_DYNAMIC) {
		*ret_why = "it came by a range, where nothing is kept of it (reset it)";
		return -EOPNOTSUPP;
	}
	peer->is_down = true;
	event_timer_cancel(peer->speaker->loop, &peer->start_timer);
	peer_bfd_stop(peer);
	peer_cease(peer, CEASE_SHUTDOWN, text);
	peer_forget_routes(peer);
	snprintf(peer->last_error, sizeof(peer->last_error), "taken down%s%.80s",
		 text[0] ? ": " : "", text);
	peer_report(peer, true);
	speaker_check_sync(peer->speaker); /* nobody waits for it any more */
	return 0;
}

void peer_take_up(struct peer *peer)
{
	if (!peer->is_down)
		return;
	peer->is_down = peer->is_over_limit = false;
	peer->last_error[0] = '\0';
	peer_report(peer, true);
	peer_start(peer);
}

/* RFC 4486 section 4: with the family and its bound. */
void peer_close_over_limit(struct peer *peer, enum bgp_family family, uint32_t limit)
{
	uint8_t data[7];
	struct wire_writer writer;
	struct bgp_error error;

	wire_writer_init(&writer, data, sizeof(data));
	wire_write_u16(&writer, capability_afi(family));
	wire_write_u8(&writer, SAFI_UNICAST);
	wire_write_u32(&writer, limit);
	message_error_set(&error, ERROR_CEASE, CEASE_MAX_PREFIXES, data, writer.len);
	log_error("peer %s: more than %u %s routes; its session is closed%s", peer->name, limit,
		  peer_family_name(family),
		  peer->kind == PEER_DYNAMIC ? "" : " until tortie bgp peer ADDRESS up");
	peer->is_down = peer->is_over_limit = peer->kind != PEER_DYNAMIC;
	session_close(peer->established, &error);
}

int peer_act(struct peer *peer, enum bgp_act act, const char *text, const char **ret_why)
{
	static const char *const words[] = {
		[BGP_ACT_RESET] = "reset",
		[BGP_ACT_REFRESH] = "refreshed",
		[BGP_ACT_DOWN] = "taken down",
		[BGP_ACT_UP] = "taken up",
	};
	int err = 0;

	log_info("peer %s: %s by tortie bgp%s%s", peer->name, words[act], text[0] ? ": " : "",
		 text);
	if (act == BGP_ACT_RESET && peer->is_down) {
		*ret_why = "it is down (tortie bgp peer ADDRESS up)";
		return -ENOTCONN;
	}
	if (act == BGP_ACT_RESET)
		reset(peer, text);
	else if (act == BGP_ACT_REFRESH)
		err = refresh(peer, ret_why);
	else if (act == BGP_ACT_DOWN)
		err = take_down(peer, text, ret_why);
	else
		peer_take_up(peer);
	return err;
}
