/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.c: a neighbour, above its connections.
 *
 * A neighbour may be connected to and connect itself at the same time: outgoing and incoming are
 * one run of the state machine each, and the first that is established becomes `established`. When
 * an OPEN comes in on one while the other has had its own, one is dropped by the router ids (RFC
 * 4271 section 6.8). A peer that restarts comes with a new connection while we still hold the old
 * one for good: with graceful restart negotiated the new one replaces the old as soon as it is
 * established itself, so neither a late collision nor half a connection can do harm; without, it is
 * refused. Incoming connections are taken at any time, whatever the back-off of our own attempts.
 *
 * peer_open.c has what OPEN says and must say, peer_routes.c the way of routes into the table,
 * peer_restart.c graceful restart. This file connects them, and tells the agent.
 */
#include "bgp/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bgp/agent_feed.h"
#include "bgp/peer_internal.h"
#include "bgp/tcp.h"
#include "lib/log.h"

#define BACKOFF_FIRST_MS  500
#define BACKOFF_LAST_MS	  15000
#define START_SPREAD_MS	  100 /* all nodes start at once */
#define DYNAMIC_PEERS_MAX 4096

static enum peer_state current_state(const struct peer *peer)
{
	enum peer_state state = PEER_IDLE;

	if (peer->established)
		return PEER_ESTABLISHED;
	if (peer->is_down)
		return PEER_IDLE;
	if (peer->config.passive || peer->config.is_range)
		state = PEER_ACTIVE;
	if (peer->outgoing && peer->outgoing->state > state)
		state = peer->outgoing->state;
	if (peer->incoming && peer->incoming->state > state)
		state = peer->incoming->state;
	return state;
}

/* --- sessions --- */

static const struct session_ops peer_session_ops;

struct session *peer_new_session(struct peer *peer, const struct ip_addr *local)
{
	struct session_params params = { .target = { .remote = peer->addr,
						     .port = peer->config.port,
						     .local = *local,
						     .password = peer->password,
						     .hops = peer->config.ttl_security },
					 .send_hold_s =
						 peer->speaker->config->bgp.send_hold_time_s };

	peer_fill_open(peer, local, &params.open_message);
	return session_new(&peer->speaker->session_shared, &params, &peer_session_ops, peer);
}

/* Nodes know each other by their node addresses. */
struct ip_addr peer_source_address(const struct peer *peer)
{
	const struct config *config = peer->speaker->config;
	struct ip_addr none = {};

	if (peer->config.source != CONNECT_FROM_NODE)
		return none;
	for (size_t i = 0; i < config->node_address_count; i++)
		if (ip_addr_is_v4(&config->node_address[i]) == ip_addr_is_v4(&peer->addr))
			return config->node_address[i];
	return none;
}

static uint64_t jittered(uint64_t ms)
{
	return ms - (uint64_t)random() % (ms / 4 + 1);
}

static void schedule_start(struct peer *peer)
{
	if (peer->config.passive || peer->config.is_range || peer->established || peer->is_ending ||
	    peer->is_down)
		return;
	event_timer_set(peer->speaker->loop, &peer->start_timer, jittered(peer->backoff_ms));
	peer->backoff_ms *= 2;
	if (peer->backoff_ms > BACKOFF_LAST_MS)
		peer->backoff_ms = BACKOFF_LAST_MS;
}

static void on_start(void *arg)
{
	struct peer *peer = arg;
	struct ip_addr local = peer_source_address(peer);

	if (peer->outgoing || peer->established || peer->config.passive || peer->is_down)
		return;
	peer->outgoing = peer_new_session(peer, &local);
	if (peer->outgoing)
		session_start_connect(peer->outgoing);
	else
		schedule_start(peer);
}

void peer_start(struct peer *peer)
{
	if (!peer->config.is_range)
		peer_bfd_start(peer);
	if (peer->config.passive || peer->config.is_range || peer->is_down)
		return;
	event_timer_set(peer->speaker->loop, &peer->start_timer,
			(uint64_t)random() % START_SPREAD_MS);
}

void peer_accept(struct peer *peer, int fd, bool is_guarded)
{
	bool is_sure = is_guarded || (!peer->password && !peer->config.ttl_security);
	struct ip_addr local = tcp_local_address(fd);
	struct session *session = NULL, *old = peer->incoming;

	if (!peer->is_down && is_sure && tcp_set_hops(fd, peer->config.ttl_security) == 0 &&
	    tcp_check_first_hops(fd, peer->config.ttl_security) == 0)
		session = peer_new_session(peer, &local);
	if (!session) {
		close(fd);
		peer_free_when_done(peer); /* of a range it may have been made for this */
		return;
	}
	/* One at a time: the newest, for the older may be all that is left of a dead peer. */
	peer->incoming = session;
	if (old)
		session_stop(old, FSM_COLLISION_DUMP);
	session_start_accepted(session, fd);
}

static void on_changed(struct session *session)
{
	struct peer *peer = session->owner;

	log_debug("peer %s: %s connection is now %s", peer->name,
		  session->is_incoming ? "incoming" : "outgoing", fsm_state_name(session->state));
	peer_report(peer, false);
}

/* --- OPEN --- */

/* RFC 4271 section 6.8: the connection of the speaker with the higher router id stays. */
static int resolve_collision(struct peer *peer, struct session *session,
			     const struct open_message *open_message, struct bgp_error *ret_error)
{
	struct session *other = session == peer->outgoing ? peer->incoming : peer->outgoing;
	uint32_t own_id = peer->speaker->router_id;
	bool ours_stays = own_id > open_message->router_id;

	if (own_id == open_message->router_id) /* RFC 6286 section 2.3: then the higher AS */
		ours_stays = peer->config.local_as > open_message->as;
	message_error_set(ret_error, ERROR_CEASE, CEASE_COLLISION, NULL, 0);
	if (peer->established)
		return peer->capabilities.graceful_restart ? 0 : -EPROTO;
	if (!other || other->state != PEER_OPEN_CONFIRM)
		return 0;
	if (ours_stays == (session == peer->incoming))
		return -EPROTO;
	session_stop(other, FSM_COLLISION_DUMP);
	return 0;
}

static int on_opened(struct session *session, const struct open_message *open_message,
		     struct bgp_error *ret_error)
{
	struct peer *peer = session->owner;
	int err = peer_check_open(peer, session, open_message, ret_error);

	if (err == 0)
		err = resolve_collision(peer, session, open_message, ret_error);
	return err;
}

/* --- established --- */

static void member_send(struct advertise_member *member, const uint8_t *data, size_t len)
{
	struct peer *peer = (struct peer *)((char *)member - offsetof(struct peer, member));

	if (peer->established)
		session_send(peer->established, data, len);
	peer->updates_out++;
	peer->speaker->counts.updates_out++;
}

/* What the peer is told, as far as it is a matter of settings. */
static struct advertise_key make_key(const struct peer *peer)
{
	struct session *session = peer->established;
	struct advertise_key key = { .kind = peer->source.kind,
				     .export = peer->config.export,
				     .local_as = peer->config.local_as,
				     .next_hop_mode = peer->config.next_hop,
				     .filter = peer->filter };

	if (peer->filter && peer->filter->has_interface)
		key.links = peer->speaker->links;
	key.four_octet_as = session->context.four_octet_as;
	key.extended_next_hop = session->context.extended_next_hop;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		key.family[i] = peer->family[i];
		key.next_hop[i] =
			peer_own_next_hop(peer, &session->local, i, key.extended_next_hop);
	}
	return key;
}

void peer_apply_policy(struct peer *peer)
{
	struct advertise_key key;

	if (!peer->established)
		return;
	key = make_key(peer);
	if (advertise_rejoin(peer->speaker->advertise, &key, &peer->member) < 0)
		log_error("peer %s: no memory to advertise routes by another policy; it has those "
			  "of before",
			  peer->name);
}

void peer_join(struct peer *peer, bool is_told)
{
	struct advertise *advertise = peer->speaker->advertise;
	struct advertise_key key = make_key(peer);
	int err;

	peer->member.send = member_send;
	if (is_told)
		err = advertise_adopt(advertise, &key, &peer->member, &peer->source);
	else
		err = advertise_join(advertise, &key, &peer->member, &peer->source);
	if (err < 0)
		log_error("peer %s: no memory to advertise routes; it gets none", peer->name);
	if (err == 0 && peer->member.is_feeding)
		session_ask_drained(peer->established);
}

void peer_learn(struct peer *peer, const struct session *session)
{
	const struct capabilities *own = &session->params.open_message.capabilities;

	peer->capabilities = session->peer_open.capabilities;
	peer->router_id = session->peer_open.router_id;
	peer->source.router_id = peer->router_id;
	peer->import.local_addr = session->local;
	peer->end_of_rib_out = false;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		peer->family[i] = own->family[i] && peer->capabilities.family[i];
		peer->end_of_rib_in[i] = false;
		peer->is_refused[i] = peer->is_beyond[i] = false;
	}
	peer->is_rewritten = false;
}

static void peer_down(struct peer *peer, const struct session_end *end);

/* Only the new session stays: the old one, if any, is what a restarted peer left behind. */
static void replace_sessions(struct peer *peer, struct session *session)
{
	static const struct session_end gone = { .how = END_TCP, .text = "it restarted" };
	struct session *old = peer->established;
	struct session *other = session == peer->outgoing ? peer->incoming : peer->outgoing;

	if (old) {
		peer->established = NULL;
		snprintf(peer->last_error, sizeof(peer->last_error), "%s", gone.text);
		peer_down(peer, &gone);
		session_free(old);
	}
	peer->established = session;
	peer->incoming = peer->outgoing = NULL;
	if (other) /* out of its place already: on_ended() will only free it */
		session_stop(other, FSM_COLLISION_DUMP);
}

/* Both sides carry IPv4, yet the peer cannot be told of a next hop that we have. */
static void log_untold(const struct peer *peer, const struct session *session)
{
	const struct ip_addr hop = peer_own_next_hop(peer, &session->local, FAMILY_IPV4,
						     session->context.extended_next_hop);

	if (peer->family[FAMILY_IPV4] && ip_addr_is_zero(&hop))
		log_warning("peer %s: it gets no IPv4 routes of this node, which has no IPv4 "
			    "address: the peer takes no IPv6 next hops for them (RFC 8950)",
			    peer->name);
}

static void on_established(struct session *session)
{
	struct peer *peer = session->owner;

	event_timer_cancel(peer->speaker->loop, &peer->start_timer);
	replace_sessions(peer, session);
	peer->backoff_ms = BACKOFF_FIRST_MS;
	peer->last_error[0] = '\0';
	peer->times_up++;
	peer->speaker->counts.times_up++;
	peer_learn(peer, session);
	peer_bfd_on_established(peer, &session->local);
	peer_resume_stale(peer);
	speaker_work_off(peer->speaker); /* the group's state is current before we join it */
	if (peer->filter && peer->filter->has_interface)
		speaker_read_links(peer->speaker);
	peer_join(peer, false);
	peer_send_end_of_rib(peer);
	if (!peer->capabilities.graceful_restart)
		event_timer_set(peer->speaker->loop, &peer->quiet_timer, PEER_QUIET_MS);
	log_info("peer %s: established: AS %u, router id %u.%u.%u.%u, hold time %u s%s%s%s%s",
		 peer->name, session->peer_open.as, peer->router_id >> 24,
		 peer->router_id >> 16 & 255, peer->router_id >> 8 & 255, peer->router_id & 255,
		 session->hold_time_s, peer->family[FAMILY_IPV4] ? ", IPv4" : "",
		 peer->family[FAMILY_IPV6] ? ", IPv6" : "",
		 session->context.extended_next_hop ? ", IPv6 next hops of IPv4" : "",
		 peer->capabilities.graceful_restart ? ", graceful restart" : "");
	log_untold(peer, session);
	if (peer->kind == PEER_DYNAMIC)
		peer_log_left_out(peer);
	peer_report(peer, true);
	speaker_check_sync(peer->speaker);
}

static void describe_end(const struct session_end *end, char *buf, size_t size)
{
	const char *notification = message_error_text(end->error.code, end->error.subcode);
	const char *text = end->text[0] ? end->text : "";

	if (end->how == END_BY_PEER)
		snprintf(buf, size, "received %s%s%.60s", notification, *text ? ": " : "", text);
	else if (end->how == END_BY_US && end->error.code)
		snprintf(buf, size, "sent %s%s%.60s", notification, *text ? ": " : "", text);
	else if (*text)
		snprintf(buf, size, "%.100s", text);
	else if (end->tcp_error)
		snprintf(buf, size, "connection: %s", strerror(end->tcp_error));
	else
		snprintf(buf, size, "connection closed by the peer");
}

/* The established session is no more. */
static void peer_down(struct peer *peer, const struct session_end *end)
{
	event_timer_cancel(peer->speaker->loop, &peer->quiet_timer);
	peer_refresh_is_cut(peer);
	advertise_leave(peer->speaker->advertise, &peer->member);
	peer->member.is_feeding = false;
	log_warning("peer %s: session lost: %s", peer->name, peer->last_error);
	if (peer_end_is_restart(peer, end)) {
		peer_keep_stale(peer);
		return;
	}
	peer_forget_routes(peer);
}

void peer_forget_routes(struct peer *peer)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		rib_remove_source(peer->speaker->rib, &peer->source, i, false);
	peer_restart_is_over(peer, "the session was closed by a NOTIFICATION");
}

/* Of each side the last NOTIFICATION, for those who ask. */
static void keep_notification(struct peer *peer, const struct session_end *end)
{
	char *kept = end->how == END_BY_PEER ? peer->received : peer->sent;

	if (end->how == END_TCP || !end->error.code)
		return;
	snprintf(kept, sizeof(peer->sent), "%s%s%.128s",
		 message_error_text(end->error.code, end->error.subcode), end->text[0] ? ": " : "",
		 end->text);
}

/* Remember why; say it once when there was no session yet. peer_down() says it else. */
static void note_end(struct peer *peer, bool was_established, const struct session_end *end)
{
	bool is_collision = end->error.code == ERROR_CEASE && end->error.subcode == CEASE_COLLISION;
	bool is_silent = end->how == END_BY_US && !end->error.code; /* an attempt, given up */
	char text[sizeof(peer->last_error)];

	if (!is_collision)
		keep_notification(peer, end);
	if (!was_established && (peer->established || is_collision || is_silent))
		return;
	describe_end(end, text, sizeof(text));
	if (!was_established && strcmp(text, peer->last_error) != 0 && peer_may_log_attempt(peer))
		log_info("peer %s: no session: %s", peer->name, text);
	snprintf(peer->last_error, sizeof(peer->last_error), "%s", text);
}

static void on_ended(struct session *session, const struct session_end *end)
{
	struct peer *peer = session->owner;
	bool was_established = session == peer->established;
	bool was_outgoing = session == peer->outgoing;

	note_end(peer, was_established, end);
	if (was_established)
		peer->established = NULL;
	else if (was_outgoing)
		peer->outgoing = NULL;
	else if (session == peer->incoming)
		peer->incoming = NULL;
	session_free(session);
	if (was_established)
		peer_down(peer, end);
	if (was_established || was_outgoing)
		schedule_start(peer);
	peer_report(peer, was_established);
	peer_free_when_done(peer);
}

/* --- routes --- */

static void on_update(struct session *session, struct update *update)
{
	struct peer *peer = session->owner;

	peer->updates_in++;
	peer->speaker->counts.updates_in++;
	peer_take_update(peer, update);
}

static void on_refresh(struct session *session, const struct refresh_message *message)
{
	peer_on_refresh(session->owner, message);
}

static void on_drained(struct session *session)
{
	struct peer *peer = session->owner;

	/* Not here: others shall have their turn before a fast reader gets the whole table. */
	if (session == peer->established)
		event_timer_set(peer->speaker->loop, &peer->tell_timer, 0);
}

static const struct session_ops peer_session_ops = {
	.opened = on_opened,
	.changed = on_changed,
	.established = on_established,
	.update = on_update,
	.refresh = on_refresh,
	.drained = on_drained,
	.ended = on_ended,
};

/* --- reporting --- */

void peer_fill_report(const struct peer *peer, struct msg_peer *ret)
{
	const struct session *session = peer->established;

	memset(ret, 0, sizeof(*ret));
	ret->addr = peer->addr;
	if (peer->router_id)
		ret->router_id = ip_addr_from_v4((struct in_addr){ htonl(peer->router_id) });
	ret->remote_as = peer->config.as;
	ret->kind = peer->kind;
	ret->state = peer->reported_state;
	ret->port = peer->config.port;
	ret->since_s = peer->since_s;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		ret->received[i] = peer->reported[i];
		ret->advertised[i] = peer->reported[2 + i];
	}
	ret->hold_time_s = session ? session->hold_time_s : 0;
	ret->restarting = peer->is_restarting;
	peer_bfd_fill_report(peer, ret);
	snprintf(ret->last_error, sizeof(ret->last_error), "%s", peer->last_error);
}

void peer_report(struct peer *peer, bool always)
{
	enum peer_state state = current_state(peer);
	uint32_t counts[4];
	struct msg_peer message;

	for (int i = 0; i < FAMILY_COUNT; i++) {
		counts[i] = peer->source.count[i];
		counts[2 + i] = advertise_count(&peer->member, i);
	}
	if (state != peer->reported_state) {
		peer->since_s = time(NULL);
		speaker_report_soon(peer->speaker);
		always = true;
	}
	if (!always && memcmp(counts, peer->reported, sizeof(counts)) == 0)
		return;
	peer->reported_state = state;
	memcpy(peer->reported, counts, sizeof(counts));
	peer_fill_report(peer, &message);
	agent_feed_peer(peer->speaker->feed, &message);
}

/* --- life --- */

void peer_free_when_done(struct peer *peer)
{
	if (peer->kind != PEER_DYNAMIC || peer->established || peer->incoming ||
	    peer->is_restarting || peer->is_ending)
		return;
	agent_feed_peer_delete(peer->speaker->feed, &peer->addr);
	speaker_work_off(peer->speaker);
	peer_free(peer);
}

struct peer *peer_new(struct speaker *speaker, size_t config_index, const struct ip_addr *addr)
{
	const struct config_peer *config = &speaker->config->bgp.peer[config_index];
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->speaker = speaker;
	if (peer_configure(peer, config_index) < 0) {
		free(peer);
		return NULL;
	}
	peer->addr = *addr;
	ip_addr_format(addr, peer->name, sizeof(peer->name));
	peer->backoff_ms = BACKOFF_FIRST_MS;
	peer->source.addr = *addr;
	peer->source.kind = peer_is_ebgp(peer)	       ? SOURCE_EBGP
			    : config->reflector_client ? SOURCE_IBGP_CLIENT
						       : SOURCE_IBGP;
	peer->since_s = time(NULL);
	peer->import.router_id = speaker->router_id;
	peer->import.cluster_id = ntohl(speaker->config->bgp.cluster_id_be);
	peer->import.is_ebgp = peer_is_ebgp(peer);
	peer->import.local_as = peer->config.local_as;
	event_timer_init(&peer->start_timer, on_start, peer);
	event_timer_init(&peer->stale_timer, peer_on_stale, peer);
	event_timer_init(&peer->quiet_timer, peer_on_quiet, peer);
	event_timer_init(&peer->refresh_timer, peer_on_refresh_timer, peer);
	event_timer_init(&peer->tell_timer, peer_on_tell_timer, peer);
	HASH_ADD(hh, speaker->peers, addr, sizeof(peer->addr), peer);
	if (peer->kind != PEER_DYNAMIC) /* it is not known yet whether it is one */
		peer_log_left_out(peer);
	return peer;
}

void peer_free(struct peer *peer)
{
	struct event_loop *loop = peer->speaker->loop;

	peer_bfd_stop(peer);

	event_timer_cancel(loop, &peer->start_timer);
	event_timer_cancel(loop, &peer->stale_timer);
	event_timer_cancel(loop, &peer->quiet_timer);
	event_timer_cancel(loop, &peer->refresh_timer);
	event_timer_cancel(loop, &peer->tell_timer);
	advertise_leave(peer->speaker->advertise, &peer->member);
	session_free(peer->outgoing);
	session_free(peer->incoming);
	session_free(peer->established);
	HASH_DELETE(hh, peer->speaker->peers, peer);
	free(peer->password);
	filter_unref(peer->filter);
	free(peer);
}

struct peer *peer_of_source(struct rib_source *source)
{
	return (struct peer *)((char *)source - offsetof(struct peer, source));
}

struct peer *peer_for_connection(struct speaker *speaker, const struct ip_addr *addr)
{
	const struct config_bgp *bgp = &speaker->config->bgp;
	struct peer *peer;

	HASH_FIND(hh, speaker->peers, addr, sizeof(*addr), peer);
	if (peer || HASH_COUNT(speaker->peers) >= bgp->peer_count + DYNAMIC_PEERS_MAX)
		return peer;
	/* One that is left out, for its password cannot be read, does not come by a range. */
	for (size_t i = 0; i < bgp->peer_count; i++)
		if (!bgp->peer[i].is_range && ip_addr_equal(&bgp->peer[i].addr, addr))
			return NULL;
	for (size_t i = 0; i < bgp->peer_count; i++)
		if (bgp->peer[i].is_range && ip_prefix_contains(&bgp->peer[i].range, addr) &&
		    speaker_has_peer(speaker, i))
			return peer_new(speaker, i, addr);
	return NULL;
}
