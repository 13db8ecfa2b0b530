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
 * Routes: an UPDATE's lists go to import.c and from there into the table. A lost session either
 * takes its routes along, or, when the TCP connection broke and graceful restart was negotiated,
 * leaves them stale until the peer says End-of-RIB or its time is over (RFC 4724 section 4.2).
 */
#include "bgp/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bgp/agent_feed.h"
#include "bgp/tcp.h"
#include "lib/log.h"

#define BACKOFF_FIRST_MS  500
#define BACKOFF_LAST_MS	  15000
#define START_SPREAD_MS	  100 /* all nodes start at once */
#define QUIET_MS	  3000
#define POOL_ROUTES_MAX	  100000  /* taken from one peer: more than any map holds */
#define ALL_ROUTES_MAX	  2000000 /* with import: all, more than the Internet's table */
#define DYNAMIC_PEERS_MAX 4096

static const char *family_name(int family)
{
	return family == FAMILY_IPV4 ? "IPv4" : "IPv6";
}

static bool is_ebgp(const struct peer *peer)
{
	return peer->config->as != peer->speaker->config->bgp.as;
}

static enum peer_state current_state(const struct peer *peer)
{
	enum peer_state state = PEER_IDLE;

	if (peer->established)
		return PEER_ESTABLISHED;
	if (peer->config->passive || peer->config->is_range)
		state = PEER_ACTIVE;
	if (peer->outgoing && peer->outgoing->state > state)
		state = peer->outgoing->state;
	if (peer->incoming && peer->incoming->state > state)
		state = peer->incoming->state;
	return state;
}

/* Our own next hop for @family towards this peer; zero: none. */
static struct ip_addr own_next_hop(const struct peer *peer, const struct ip_addr *local,
				   enum bgp_family family)
{
	const struct config *config = peer->speaker->config;
	struct ip_addr none = {};

	if (!ip_addr_is_zero(local) && ip_addr_is_v4(local) == (family == FAMILY_IPV4) &&
	    !ip_addr_is_link_local(local))
		return *local;
	for (size_t i = 0; i < config->node_address_count; i++)
		if (ip_addr_is_v4(&config->node_address[i]) == (family == FAMILY_IPV4))
			return config->node_address[i];
	return none;
}

/* Do we offer @family: wanted, and we can be a next hop in it (a reflector need not be one). */
static bool offers_family(const struct peer *peer, const struct ip_addr *local,
			  enum bgp_family family)
{
	bool wanted = family == FAMILY_IPV4 ? peer->config->ipv4 : peer->config->ipv6;
	struct ip_addr next_hop = own_next_hop(peer, local, family);

	return wanted && (!ip_addr_is_zero(&next_hop) || peer->speaker->is_reflector);
}

static void warn_left_out(const struct peer *peer, const struct ip_addr *local)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		if ((i == FAMILY_IPV4 ? peer->config->ipv4 : peer->config->ipv6) &&
		    !offers_family(peer, local, i))
			log_debug("peer %s: %s is left out: this node has no %s address; set "
				  "node.addresses",
				  peer->name, family_name(i), family_name(i));
}

/* --- sessions --- */

static const struct session_ops peer_session_ops;

static void fill_open(const struct peer *peer, const struct ip_addr *local,
		      struct open_message *ret)
{
	const struct config_bgp *bgp = &peer->speaker->config->bgp;
	struct capabilities *caps = &ret->capabilities;

	memset(ret, 0, sizeof(*ret));
	ret->as = bgp->as;
	ret->hold_time_s = peer->config->hold_time_s;
	ret->router_id = peer->speaker->router_id;
	caps->route_refresh = true;
	caps->four_octet_as = true;
	caps->as = bgp->as;
	caps->graceful_restart = true;
	caps->restarting = peer->speaker->is_restarting;
	caps->restart_time_s = bgp->restart_time_s;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		caps->family[i] = offers_family(peer, local, i);
		caps->restart_family[i] = caps->family[i];
		/* The maps and the kernel's routes stay whatever happens to us. */
		caps->forwarding[i] = true;
	}
}

static struct session *new_session(struct peer *peer, const struct ip_addr *local)
{
	struct session_params params = { .remote = peer->addr, .port = peer->config->port };

	params.local = *local;
	params.password = peer->password;
	fill_open(peer, local, &params.open_message);
	warn_left_out(peer, local);
	return session_new(&peer->speaker->session_shared, &params, &peer_session_ops, peer);
}

/* Nodes know each other by their node addresses; another peer by what the route to it says. */
static struct ip_addr source_address(const struct peer *peer)
{
	const struct config *config = peer->speaker->config;
	struct ip_addr none = {};

	if (peer->kind != PEER_NODE_MESH)
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
	if (peer->config->passive || peer->config->is_range || peer->established)
		return;
	event_timer_set(peer->speaker->loop, &peer->start_timer, jittered(peer->backoff_ms));
	peer->backoff_ms *= 2;
	if (peer->backoff_ms > BACKOFF_LAST_MS)
		peer->backoff_ms = BACKOFF_LAST_MS;
}

static void on_start(void *arg)
{
	struct peer *peer = arg;
	struct ip_addr local = source_address(peer);

	if (peer->outgoing || peer->established)
		return;
	peer->outgoing = new_session(peer, &local);
	if (peer->outgoing)
		session_start_connect(peer->outgoing);
	else
		schedule_start(peer);
}

void peer_start(struct peer *peer)
{
	if (peer->config->passive || peer->config->is_range)
		return;
	event_timer_set(peer->speaker->loop, &peer->start_timer,
			(uint64_t)random() % START_SPREAD_MS);
}

void peer_accept(struct peer *peer, int fd)
{
	struct ip_addr local = tcp_local_address(fd);
	struct session *session = new_session(peer, &local), *old = peer->incoming;

	if (!session) {
		close(fd);
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

static int check_identity(const struct peer *peer, const struct open_message *open_message,
			  struct bgp_error *ret_error)
{
	if (open_message->as != peer->config->as) {
		log_warning("peer %s: it says AS %u, configured is %u; set bgp.peers.as",
			    peer->name, open_message->as, peer->config->as);
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_PEER_AS, NULL, 0);
		return -EPROTO;
	}
	if (!is_ebgp(peer) && open_message->router_id == peer->speaker->router_id) {
		log_warning("peer %s: it has our router id; set bgp.router_id", peer->name);
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_IDENTIFIER, NULL, 0);
		return -EPROTO;
	}
	return 0;
}

static int check_families(const struct session *session, const struct open_message *open_message,
			  struct bgp_error *ret_error)
{
	static const uint8_t wanted[] = { 1, 4, 0, AFI_IPV4, 0, SAFI_UNICAST,
					  1, 4, 0, AFI_IPV6, 0, SAFI_UNICAST };

	for (int i = 0; i < FAMILY_COUNT; i++)
		if (session->params.open_message.capabilities.family[i] &&
		    open_message->capabilities.family[i])
			return 0;
	message_error_set(ret_error, ERROR_OPEN, OPEN_UNSUPPORTED_CAPABILITY, wanted,
			  sizeof(wanted));
	return -EPROTO;
}

/* RFC 4271 section 6.8: the connection of the speaker with the higher router id stays. */
static int resolve_collision(struct peer *peer, struct session *session,
			     const struct open_message *open_message, struct bgp_error *ret_error)
{
	struct session *other = session == peer->outgoing ? peer->incoming : peer->outgoing;
	uint32_t own_id = peer->speaker->router_id;
	bool ours_stays = own_id > open_message->router_id;

	if (own_id == open_message->router_id) /* RFC 6286 section 2.3: then the higher AS */
		ours_stays = peer->speaker->config->bgp.as > open_message->as;
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
	int err = check_identity(peer, open_message, ret_error);

	if (err == 0)
		err = check_families(session, open_message, ret_error);
	if (err == 0)
		err = resolve_collision(peer, session, open_message, ret_error);
	return err;
}

/* --- graceful restart: helping --- */

static void sweep_stale(struct peer *peer, enum bgp_family family)
{
	rib_remove_source(peer->speaker->rib, &peer->source, family, true);
}

static void restart_is_over(struct peer *peer, const char *why)
{
	if (!peer->is_restarting)
		return;
	peer->is_restarting = false;
	event_timer_cancel(peer->speaker->loop, &peer->stale_timer);
	log_info("peer %s: graceful restart is over: %s", peer->name, why);
	peer_report(peer, true);
}

static void dynamic_peer_is_done(struct peer *peer)
{
	if (peer->kind != PEER_DYNAMIC || peer->established || peer->incoming ||
	    peer->is_restarting)
		return;
	agent_feed_peer_delete(peer->speaker->feed, &peer->addr);
	speaker_work_off(peer->speaker);
	peer_free(peer);
}

static void on_stale(void *arg)
{
	struct peer *peer = arg;
	struct speaker *speaker = peer->speaker;

	for (int i = 0; i < FAMILY_COUNT; i++)
		sweep_stale(peer, i);
	restart_is_over(peer, "its time ran out; routes not told again are removed");
	speaker_work_off(speaker);
	dynamic_peer_is_done(peer);
}

/* The session broke in a way that a restart does: keep the routes, on notice. */
static void keep_stale(struct peer *peer)
{
	const struct capabilities *caps = &peer->capabilities;

	for (int i = 0; i < FAMILY_COUNT; i++) {
		/* A second restart before End-of-RIB: what is still stale goes. */
		sweep_stale(peer, i);
		if (peer->family[i] && caps->restart_family[i] && caps->restart_time_s > 0)
			rib_mark_stale(peer->speaker->rib, &peer->source, i);
		else
			rib_remove_source(peer->speaker->rib, &peer->source, i, false);
	}
	peer->is_restarting = true;
	event_timer_set(peer->speaker->loop, &peer->stale_timer, caps->restart_time_s * 1000ull);
	log_info("peer %s: its %u routes are kept for %u s: it may be restarting", peer->name,
		 peer->source.count[FAMILY_IPV4] + peer->source.count[FAMILY_IPV6],
		 caps->restart_time_s);
}

/* The peer is back: keep only families whose forwarding it says it preserved. */
static void resume_stale(struct peer *peer)
{
	const struct capabilities *caps = &peer->capabilities;

	if (!peer->is_restarting)
		return;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (!peer->family[i] || !caps->graceful_restart || !caps->restart_family[i] ||
		    !caps->forwarding[i])
			sweep_stale(peer, i);
	event_timer_set(peer->speaker->loop, &peer->stale_timer,
			peer->speaker->config->bgp.restart_time_s * 1000ull);
}

static void on_end_of_rib(struct peer *peer, enum bgp_family family)
{
	sweep_stale(peer, family);
	peer->end_of_rib_in[family] = true;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->family[i] && !peer->end_of_rib_in[i])
			return;
	restart_is_over(peer, "End-of-RIB received");
	speaker_check_sync(peer->speaker);
}

static void on_quiet(void *arg)
{
	struct peer *peer = arg;

	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->family[i])
			on_end_of_rib(peer, i);
	speaker_work_off(peer->speaker);
}

bool peer_holds_up(const struct peer *peer, bool for_agent)
{
	if (peer->kind == PEER_DYNAMIC || peer->config->import == IMPORT_NONE)
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
	bool passes_on = peer->config->export == EXPORT_ALL || peer->speaker->is_reflector;
	uint8_t buf[BGP_MESSAGE_MAX];

	/* Own blocks are whole from the start; what others told may still be coming. */
	if (!peer->established || peer->end_of_rib_out ||
	    (passes_on && peer->speaker->is_restarting))
		return;
	peer->end_of_rib_out = true;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (peer->family[i])
			session_send(peer->established, buf, update_write_end_of_rib(buf, i));
}

/* --- established --- */

static void member_send(struct advertise_member *member, const uint8_t *data, size_t len)
{
	struct peer *peer = (struct peer *)((char *)member - offsetof(struct peer, member));

	if (peer->established)
		session_send(peer->established, data, len);
}

static void join(struct peer *peer)
{
	struct session *session = peer->established;
	struct advertise_key key = { .kind = peer->source.kind, .export = peer->config->export };

	key.four_octet_as = session->context.four_octet_as;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		key.family[i] = peer->family[i];
		key.next_hop[i] = own_next_hop(peer, &session->local, i);
	}
	peer->member.send = member_send;
	if (advertise_join(peer->speaker->advertise, &key, &peer->member, &peer->source) < 0)
		log_error("peer %s: no memory to advertise routes; it gets none", peer->name);
}

static void learn_peer(struct peer *peer, const struct session *session)
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
	}
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

static void on_established(struct session *session)
{
	struct peer *peer = session->owner;

	event_timer_cancel(peer->speaker->loop, &peer->start_timer);
	replace_sessions(peer, session);
	peer->backoff_ms = BACKOFF_FIRST_MS;
	peer->last_error[0] = '\0';
	learn_peer(peer, session);
	resume_stale(peer);
	speaker_work_off(peer->speaker); /* the group's state is current before we join it */
	join(peer);
	peer_send_end_of_rib(peer);
	if (!peer->capabilities.graceful_restart)
		event_timer_set(peer->speaker->loop, &peer->quiet_timer, QUIET_MS);
	log_info("peer %s: established: AS %u, router id %u.%u.%u.%u, hold time %u s%s%s%s",
		 peer->name, session->peer_open.as, peer->router_id >> 24,
		 peer->router_id >> 16 & 255, peer->router_id >> 8 & 255, peer->router_id & 255,
		 session->hold_time_s, peer->family[FAMILY_IPV4] ? ", IPv4" : "",
		 peer->family[FAMILY_IPV6] ? ", IPv6" : "",
		 peer->capabilities.graceful_restart ? ", graceful restart" : "");
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
		snprintf(buf, size, "sent %s", notification);
	else if (*text)
		snprintf(buf, size, "%.100s", text);
	else if (end->tcp_error)
		snprintf(buf, size, "connection: %s", strerror(end->tcp_error));
	else
		snprintf(buf, size, "connection closed by the peer");
}

/* RFC 4724 section 4.2: only the loss of the TCP connection; never after a NOTIFICATION. */
static bool is_restart(const struct peer *peer, const struct session_end *end)
{
	return end->how == END_TCP && peer->capabilities.graceful_restart;
}

/* The established session is no more. */
static void peer_down(struct peer *peer, const struct session_end *end)
{
	event_timer_cancel(peer->speaker->loop, &peer->quiet_timer);
	advertise_leave(peer->speaker->advertise, &peer->member);
	log_warning("peer %s: session lost: %s", peer->name, peer->last_error);
	if (is_restart(peer, end)) {
		keep_stale(peer);
		return;
	}
	for (int i = 0; i < FAMILY_COUNT; i++)
		rib_remove_source(peer->speaker->rib, &peer->source, i, false);
	restart_is_over(peer, "the session was closed by a NOTIFICATION");
}

/* Remember why; say it once when there was no session yet. peer_down() says it else. */
static void note_end(struct peer *peer, bool was_established, const struct session_end *end)
{
	bool is_collision = end->error.code == ERROR_CEASE && end->error.subcode == CEASE_COLLISION;
	char text[sizeof(peer->last_error)];

	if (!was_established && (peer->established || is_collision))
		return;
	describe_end(end, text, sizeof(text));
	if (!was_established && strcmp(text, peer->last_error) != 0)
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
	dynamic_peer_is_done(peer);
}

/* --- routes --- */

static void withdraw_section(struct peer *peer, struct update_section *section)
{
	struct ip_prefix prefix;

	while (update_next_prefix(section, &prefix))
		if (update_family(&prefix) == section->family)
			rib_remove_path(peer->speaker->rib, &prefix, &peer->source);
}

/* Is there room for one more route of this peer? */
static bool has_room(struct peer *peer, const struct ip_prefix *prefix)
{
	uint32_t limit = peer->config->import == IMPORT_ALL ? ALL_ROUTES_MAX : POOL_ROUTES_MAX;
	uint32_t count = peer->source.count[FAMILY_IPV4] + peer->source.count[FAMILY_IPV6];

	if (count < limit || rib_has_path(peer->speaker->rib, prefix, &peer->source))
		return true;
	if (!peer->is_limit_logged)
		log_error("peer %s: more than %u routes; the rest is not taken", peer->name, limit);
	peer->is_limit_logged = true;
	return false;
}

static void announce_section(struct peer *peer, struct update_section *section,
			     struct attribute_set *attributes)
{
	struct speaker *speaker = peer->speaker;
	struct ip_prefix prefix;

	while (update_next_prefix(section, &prefix)) {
		if (update_family(&prefix) != section->family)
			continue; /* an IPv4-mapped address is no IPv6 destination */
		if (import_accepts_prefix(speaker->config, peer->config->import, &prefix) &&
		    has_room(peer, &prefix))
			rib_set_path(speaker->rib, &prefix, &peer->source, attributes);
		else
			rib_remove_path(speaker->rib, &prefix, &peer->source);
	}
}

static void take_section(struct peer *peer, struct update *update, struct update_section *section)
{
	struct attribute_view view = attributes_view_draft(&update->draft);
	struct attribute_set *attributes = NULL;
	enum import_refusal refusal;

	if (!peer->family[section->family])
		return;
	refusal = import_check_route(&peer->import, &view, &section->next_hop);
	if (update->reaction < REACTION_WITHDRAW && refusal == IMPORT_OK) {
		update->draft.values.next_hop = section->next_hop;
		attributes = attribute_set_intern(&peer->speaker->attributes, &update->draft);
	}
	if (!attributes) {
		if (refusal != IMPORT_OK)
			log_debug("peer %s: routes not used: %s", peer->name,
				  import_refusal_text(refusal));
		withdraw_section(peer, section);
		return;
	}
	announce_section(peer, section, attributes);
	attribute_set_unref(&peer->speaker->attributes, attributes);
}

static void note_reaction(struct peer *peer, const struct update *update)
{
	if (update->reaction == REACTION_NONE)
		return;
	snprintf(peer->last_error, sizeof(peer->last_error),
		 "UPDATE with a bad attribute %u: %s (RFC 7606)", update->cause,
		 update->reaction == REACTION_WITHDRAW ? "its routes are withdrawn"
						       : "the attribute is left out");
	/* The first of a row says it; a peer that goes on must not fill the log. */
	if (peer->refused_routes++ == 0)
		log_warning("peer %s: %s", peer->name, peer->last_error);
}

static void on_update(struct session *session, struct update *update)
{
	struct peer *peer = session->owner;

	note_reaction(peer, update);
	for (unsigned int i = 0; i < update->withdrawn_count; i++)
		if (peer->family[update->withdrawn[i].family])
			withdraw_section(peer, &update->withdrawn[i]);
	for (unsigned int i = 0; i < update->announced_count; i++)
		take_section(peer, update, &update->announced[i]);
	if (update->is_end_of_rib && peer->family[update->end_of_rib])
		on_end_of_rib(peer, update->end_of_rib);
	speaker_report_soon(peer->speaker);
}

static void on_refresh(struct session *session, int family)
{
	struct peer *peer = session->owner;

	if (family < 0 || !peer->family[family])
		return;
	speaker_work_off(peer->speaker);
	if (advertise_refresh(peer->speaker->advertise, &peer->member, family) < 0)
		log_error("peer %s: no memory for its route refresh", peer->name);
}

static const struct session_ops peer_session_ops = {
	.opened = on_opened,
	.changed = on_changed,
	.established = on_established,
	.update = on_update,
	.refresh = on_refresh,
	.ended = on_ended,
};

/* --- reporting --- */

static void fill_report(const struct peer *peer, struct msg_peer *ret)
{
	const struct session *session = peer->established;

	memset(ret, 0, sizeof(*ret));
	ret->addr = peer->addr;
	if (peer->router_id)
		ret->router_id = ip_addr_from_v4((struct in_addr){ htonl(peer->router_id) });
	ret->remote_as = peer->config->as;
	ret->kind = peer->kind;
	ret->state = peer->reported_state;
	ret->port = peer->config->port;
	ret->since_s = peer->since_s;
	for (int i = 0; i < FAMILY_COUNT; i++) {
		ret->received[i] = peer->reported[i];
		ret->advertised[i] = peer->reported[2 + i];
	}
	ret->hold_time_s = session ? session->hold_time_s : 0;
	ret->restarting = peer->is_restarting;
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
	fill_report(peer, &message);
	agent_feed_peer(peer->speaker->feed, &message);
}

/* --- life --- */

struct peer *peer_new(struct speaker *speaker, size_t config_index, const struct ip_addr *addr)
{
	const struct config_peer *config = &speaker->config->bgp.peer[config_index];
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->speaker = speaker;
	peer->config = config;
	peer->password = speaker->password[config_index];
	peer->kind = config->is_range  ? PEER_DYNAMIC
		     : config->is_mesh ? PEER_NODE_MESH
				       : PEER_CONFIGURED;
	peer->addr = *addr;
	ip_addr_format(addr, peer->name, sizeof(peer->name));
	peer->backoff_ms = BACKOFF_FIRST_MS;
	peer->source.addr = *addr;
	peer->source.kind = is_ebgp(peer)	       ? SOURCE_EBGP
			    : config->reflector_client ? SOURCE_IBGP_CLIENT
						       : SOURCE_IBGP;
	peer->since_s = time(NULL);
	peer->import.config = speaker->config;
	peer->import.router_id = speaker->router_id;
	peer->import.is_ebgp = is_ebgp(peer);
	event_timer_init(&peer->start_timer, on_start, peer);
	event_timer_init(&peer->stale_timer, on_stale, peer);
	event_timer_init(&peer->quiet_timer, on_quiet, peer);
	HASH_ADD(hh, speaker->peers, addr, sizeof(peer->addr), peer);
	return peer;
}

void peer_free(struct peer *peer)
{
	struct event_loop *loop = peer->speaker->loop;

	event_timer_cancel(loop, &peer->start_timer);
	event_timer_cancel(loop, &peer->stale_timer);
	event_timer_cancel(loop, &peer->quiet_timer);
	advertise_leave(peer->speaker->advertise, &peer->member);
	session_free(peer->outgoing);
	session_free(peer->incoming);
	session_free(peer->established);
	HASH_DELETE(hh, peer->speaker->peers, peer);
	free(peer);
}

struct peer *peer_for_connection(struct speaker *speaker, const struct ip_addr *addr)
{
	const struct config_bgp *bgp = &speaker->config->bgp;
	struct peer *peer;

	HASH_FIND(hh, speaker->peers, addr, sizeof(*addr), peer);
	if (peer || HASH_COUNT(speaker->peers) >= bgp->peer_count + DYNAMIC_PEERS_MAX)
		return peer;
	for (size_t i = 0; i < bgp->peer_count; i++)
		if (bgp->peer[i].is_range && ip_prefix_contains(&bgp->peer[i].range, addr))
			return peer_new(speaker, i, addr);
	return NULL;
}
