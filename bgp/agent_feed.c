/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_feed.c: routes and peers to tortied, listening sockets and the cluster's document from it.
 *
 * The agent restarts when it likes, and may be slow. So this side keeps what the agent should know:
 * a hash of the routes in use. A change marks its route and puts it at the end of a list of what is
 * to be sent; a route is in that list once, so a socket that does not take more makes nothing grow
 * and a route that changed three times meanwhile is sent once. While there is no agent a route that
 * goes is forgotten. When the agent is back everything is marked: MSG_ROUTES_BEGIN, every route,
 * MSG_ROUTES_IN_SYNC once the speaker says that all peers are in. A peer's state is kept only while
 * it waits to be sent; the speaker tells all again.
 *
 * Messages: include/agent_protocol.h. The connection itself: lib/agent_link.c.
 */
#include "bgp/agent_feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uthash.h>
#include <utlist.h>

#include "bgp/handover_give.h"
#include "bgp/shared_hops.h"
#include "lib/agent_link.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "lib/sealed_text.h"

#define LISTEN_RETRY_MS 1000
#define SEND_BATCH	1024 /* routes a round, so that sessions get their turn */
#define ROUTES_OCTETS	8192 /* of a message */
#define GIVE_MAX_MS	5000 /* for the agent to take our sessions, while nobody reads them */

/* A route as the agent should know it. */
struct feed_route {
	struct ip_prefix prefix;
	struct shared_hops *hops;
	bool is_gone; /* to be deleted at the agent, then here */
	bool is_pending;
	struct feed_route *prev, *next; /* pending */
	UT_hash_handle hh;
};

/* A peer's state that the socket did not take yet. */
struct feed_peer {
	struct msg_peer message; /* by message.addr */
	bool is_gone;
	struct feed_peer *prev, *next;
	UT_hash_handle hh;
};

struct feed_listen {
	struct config_listen where;
	uint32_t id; /* of the request */
	bool is_open;
};

struct agent_feed {
	struct event_loop *loop;
	const struct agent_feed_ops *ops;
	void *arg;
	struct agent_link *link;
	bool is_refusal_said; /* a request that the agent refused, on this connection */
	bool is_in_sync;      /* the speaker is */
	bool is_begin_sent;   /* on this connection */
	bool is_sync_sent;    /* likewise */
	struct feed_listen listen[CONFIG_LISTEN_MAX];
	size_t listen_count;
	uint32_t last_id;   /* of requests */
	uint32_t socket_id; /* of the request for a query socket, 0: none */
	uint32_t ping_id;   /* of the agent's question that waits for its answer, 0: none */
	uint32_t take_id;   /* of agent_feed_take(), 0: not asked, or answered */
	int *session;	    /* that came with it so far */
	size_t session_count;
	struct event_timer listen_timer;
	struct feed_route *routes; /* by prefix (uthash) */
	struct shared_hops *hops;  /* those of routes */
	struct feed_route *pending;
	struct feed_peer *peers; /* by address (uthash), those that wait */
	struct feed_peer *peers_pending;
};

/* --- peers --- */

static int send_peer(struct agent_feed *feed, const struct msg_peer *message, bool is_gone)
{
	return agent_link_send(feed->link, is_gone ? MSG_PEER_DELETE : MSG_PEER_SET, 0, message,
			       sizeof(*message));
}

static void forget_peer(struct agent_feed *feed, struct feed_peer *peer)
{
	DL_DELETE(feed->peers_pending, peer);
	HASH_DELETE(hh, feed->peers, peer);
	free(peer);
}

static void forget_peers(struct agent_feed *feed)
{
	struct feed_peer *peer, *next;

	HASH_ITER(hh, feed->peers, peer, next)
	forget_peer(feed, peer);
}

/* Now, or when the socket takes it: only the last state of a peer waits. */
static void tell_peer(struct agent_feed *feed, const struct msg_peer *message, bool is_gone)
{
	struct feed_peer *peer;

	if (!feed || !agent_link_is_greeted(feed->link))
		return; /* all are told when the agent is there */
	if (!feed->peers_pending && send_peer(feed, message, is_gone) != -EAGAIN)
		return;
	HASH_FIND(hh, feed->peers, &message->addr, sizeof(message->addr), peer);
	if (!peer) {
		peer = calloc(1, sizeof(*peer));
		if (!peer) {
			log_error("peer: no memory to tell the agent its state");
			return;
		}
		peer->message.addr = message->addr;
		HASH_ADD(hh, feed->peers, message.addr, sizeof(message->addr), peer);
		DL_APPEND(feed->peers_pending, peer);
	}
	peer->message = *message;
	peer->is_gone = is_gone;
}

void agent_feed_peer(struct agent_feed *feed, const struct msg_peer *peer)
{
	tell_peer(feed, peer, false);
}

void agent_feed_peer_delete(struct agent_feed *feed, const struct ip_addr *addr)
{
	struct msg_peer message = { .addr = *addr };

	tell_peer(feed, &message, true);
}

static void send_peers(struct agent_feed *feed)
{
	struct feed_peer *peer;

	while ((peer = feed->peers_pending)) {
		if (send_peer(feed, &peer->message, peer->is_gone) < 0)
			return;
		forget_peer(feed, peer);
	}
}

/* --- routes --- */

static void mark_pending(struct agent_feed *feed, struct feed_route *route)
{
	if (route->is_pending)
		return;
	route->is_pending = true;
	DL_APPEND(feed->pending, route);
}

static void forget_route(struct agent_feed *feed, struct feed_route *route)
{
	if (route->is_pending)
		DL_DELETE(feed->pending, route);
	HASH_DELETE(hh, feed->routes, route);
	shared_hops_give(&feed->hops, route->hops);
	free(route);
}

/* @route as a message has it; how many octets. */
static size_t write_route(void *buf, const struct feed_route *route)
{
	const struct msg_route_delete gone = { .prefix = route->prefix };

	if (!route->is_gone)
		return route_set_write(buf, &route->prefix, &route->hops->hops);
	memcpy(buf, &gone, sizeof(gone));
	return sizeof(gone);
}

/* The first ones that wait, as many as are alike and a message holds. How many, or -errno. */
static int send_routes(struct agent_feed *feed)
{
	struct {
		struct message_header header;
		uint8_t body[ROUTES_OCTETS];
	} message = { .header = { .type = MSG_ROUTE_SET } };
	const struct feed_route *first = feed->pending, *route;
	size_t len = 0, count = 0;
	int err;

	if (first->is_gone)
		message.header.type = MSG_ROUTE_DELETE;
	for (route = first; route && route->is_gone == first->is_gone &&
			    len + ROUTE_SET_OCTETS_MAX <= sizeof(message.body);
	     route = route->next, count++)
		len += write_route(message.body + len, route);
	message.header.length = (uint32_t)(sizeof(message.header) + len);
	err = agent_link_send_message(feed->link, &message.header, -1);
	if (err < 0)
		return err;
	for (size_t i = 0; i < count; i++) {
		struct feed_route *sent = feed->pending;

		DL_DELETE(feed->pending, sent);
		sent->is_pending = false;
		if (sent->is_gone)
			forget_route(feed, sent);
	}
	return (int)count;
}

/* The loop goes round, and that much has passed through it. */
static void send_pong(struct agent_feed *feed)
{
	struct msg_bgp_counts counts;

	if (feed->ping_id == 0)
		return;
	feed->ops->counted(&counts, feed->arg);
	if (agent_link_send(feed->link, MSG_BGP_PONG, feed->ping_id, &counts, sizeof(counts)) == 0)
		feed->ping_id = 0;
}

/* Everything that waits, as far as the socket takes it. */
static void send_pending(struct agent_feed *feed)
{
	int sent = 0, count;

	if (!agent_link_is_greeted(feed->link))
		return;
	if (!feed->is_begin_sent)
		feed->is_begin_sent =
			agent_link_send(feed->link, MSG_ROUTES_BEGIN, 0, NULL, 0) == 0;
	if (!feed->is_begin_sent)
		return;
	for (; feed->pending && sent < SEND_BATCH; sent += count) {
		count = send_routes(feed);
		if (count < 0)
			return;
	}
	if (feed->pending) {
		agent_link_await_room(feed->link);
		return;
	}
	if (feed->is_in_sync && !feed->is_sync_sent)
		feed->is_sync_sent =
			agent_link_send(feed->link, MSG_ROUTES_IN_SYNC, 0, NULL, 0) == 0;
}

/* The route to @prefix, made when it is not there; NULL: no memory. */
static struct feed_route *find_or_add_route(struct agent_feed *feed, const struct ip_prefix *prefix)
{
	struct feed_route *route;

	HASH_FIND(hh, feed->routes, prefix, sizeof(*prefix), route);
	if (route)
		return route;
	route = calloc(1, sizeof(*route));
	if (!route)
		return NULL;
	route->prefix = *prefix;
	HASH_ADD(hh, feed->routes, prefix, sizeof(route->prefix), route);
	return route;
}

static void set_route(struct agent_feed *feed, const struct ip_prefix *prefix,
		      struct shared_hops *hops)
{
	struct feed_route *route = find_or_add_route(feed, prefix);

	if (!route) {
		log_error("route: no memory to tell the agent; it is missing there");
		shared_hops_give(&feed->hops, hops);
		return;
	}
	if (route->hops != hops || route->is_gone) {
		route->is_gone = false;
		mark_pending(feed, route);
	}
	shared_hops_give(&feed->hops, route->hops);
	route->hops = hops;
}

void agent_feed_route(struct agent_feed *feed, const struct ip_prefix *prefix,
		      const struct next_hops *hops)
{
	struct shared_hops *shared;

	if (!feed)
		return;
	shared = shared_hops_take(&feed->hops, hops);
	if (shared)
		set_route(feed, prefix, shared);
	else
		log_error("route: no memory to tell the agent; it is missing there");
}

void agent_feed_route_delete(struct agent_feed *feed, const struct ip_prefix *prefix)
{
	struct feed_route *route;

	if (!feed)
		return;
	HASH_FIND(hh, feed->routes, prefix, sizeof(*prefix), route);
	if (!route || route->is_gone)
		return;
	if (!agent_link_is_greeted(feed->link)) { /* it is told what there is when it comes */
		forget_route(feed, route);
		return;
	}
	route->is_gone = true;
	mark_pending(feed, route);
}

void agent_feed_flush(struct agent_feed *feed)
{
	if (feed && feed->pending)
		send_pending(feed);
}

void agent_feed_in_sync(struct agent_feed *feed)
{
	if (!feed)
		return;
	feed->is_in_sync = true;
	send_pending(feed);
}

/* --- connection --- */

static bool is_listening_everywhere(const struct agent_feed *feed)
{
	for (size_t i = 0; i < feed->listen_count; i++)
		if (!feed->listen[i].is_open)
			return false;
	return true;
}

/* Ask for the listening sockets that we do not have yet, also those that were asked for when
 * @is_again; the id says which. */
static void ask_listening(struct agent_feed *feed, bool is_again)
{
	for (size_t i = 0; i < feed->listen_count; i++) {
		struct feed_listen *listen = &feed->listen[i];
		struct msg_bgp_listen message = { .addr = listen->where.addr };

		if (listen->is_open || (listen->id != 0 && !is_again))
			continue;
		message.port = listen->where.port;
		listen->id = ++feed->last_id;
		if (agent_link_send(feed->link, MSG_BGP_LISTEN, listen->id, &message,
				    sizeof(message)) < 0)
			break;
	}
	if (agent_link_is_greeted(feed->link) && !is_listening_everywhere(feed))
		event_timer_set(feed->loop, &feed->listen_timer, LISTEN_RETRY_MS);
}

void agent_feed_listen(struct agent_feed *feed, const struct config_bgp *bgp)
{
	struct feed_listen next[CONFIG_LISTEN_MAX] = {};
	size_t count = 0;

	if (!feed)
		return;
	for (; count < bgp->listen_count && count < CONFIG_LISTEN_MAX; count++) {
		const struct config_listen *where = &bgp->listen[count];

		next[count].where = *where;
		for (size_t i = 0; i < feed->listen_count; i++)
			if (feed->listen[i].where.port == where->port &&
			    ip_addr_equal(&feed->listen[i].where.addr, &where->addr))
				next[count] = feed->listen[i];
	}
	memcpy(feed->listen, next, sizeof(next));
	feed->listen_count = count;
	if (agent_link_is_greeted(feed->link) && !is_listening_everywhere(feed))
		ask_listening(feed, false);
}

void agent_feed_ask_socket(struct agent_feed *feed)
{
	if (!agent_link_is_greeted(feed->link))
		return;
	feed->socket_id = ++feed->last_id;
	agent_link_send(feed->link, MSG_BGP_SOCKET, feed->socket_id, NULL, 0);
}

static void on_listen_retry(void *arg)
{
	struct agent_feed *feed = arg;

	if (agent_link_is_greeted(feed->link))
		ask_listening(feed, true);
}

/* The agent knows nothing of us, or forgot: say all. */
static void replay(struct agent_feed *feed)
{
	struct feed_route *route, *next;

	feed->is_begin_sent = feed->is_sync_sent = false;
	HASH_ITER(hh, feed->routes, route, next)
	{
		if (route->is_gone)
			forget_route(feed, route);
		else
			mark_pending(feed, route);
	}
	send_pending(feed);
}

static void on_greeted(const struct msg_hello_reply *reply, void *arg)
{
	struct agent_feed *feed = arg;

	feed->is_refusal_said = false;
	agent_link_send(feed->link, MSG_BGP_SUBNETS, 0, NULL, 0);
	ask_listening(feed, true);
	if (agent_link_is_greeted(feed->link))
		replay(feed);
	if (agent_link_is_greeted(feed->link))
		feed->ops->connected(feed->arg);
}

/* --- from one speaker to the next --- */

void agent_feed_take_nothing(struct agent_feed *feed)
{
	if (!feed)
		return;
	for (size_t i = 0; i < feed->session_count; i++)
		close(feed->session[i]);
	free(feed->session);
	feed->session = NULL;
	feed->session_count = 0;
	feed->take_id = 0;
}

void agent_feed_take(struct agent_feed *feed)
{
	agent_feed_take_nothing(feed);
	feed->take_id = ++feed->last_id;
	agent_link_send(feed->link, MSG_BGP_TAKE, feed->take_id, NULL, 0);
}

/* One session; takes @fd. */
static void on_session(struct agent_feed *feed, uint32_t id, int fd)
{
	int *grown;

	if (feed->take_id == 0 || id != feed->take_id) {
		close(fd);
		return;
	}
	grown = reallocarray(feed->session, feed->session_count + 1, sizeof(*grown));
	if (!grown) { /* the state says that one is missing */
		close(fd);
		return;
	}
	feed->session = grown;
	feed->session[feed->session_count++] = fd;
}

/* The end of the answer; takes @state_fd. */
static void on_taken(struct agent_feed *feed, int state_fd)
{
	int *session = feed->session;
	size_t count = feed->session_count;

	feed->session = NULL;
	feed->session_count = 0;
	feed->take_id = 0;
	feed->ops->taken(state_fd, session, count, feed->arg);
	free(session);
}

int agent_feed_give(struct agent_feed *feed, const struct handover_gift *gift)
{
	uint64_t until_ms = event_loop_now_ms() + GIVE_MAX_MS;
	struct message_header one = { .type = MSG_BGP_KEEP, .length = sizeof(one) };
	struct {
		struct message_header header;
		struct msg_bgp_keep body;
	} all = { .header = { .type = MSG_BGP_KEEP_ALL,
			      .length = sizeof(all),
			      .id = ++feed->last_id },
		  .body = { (uint32_t)gift->session_count, gift->keep_ms } };
	int err = 0;

	for (size_t i = 0; i < gift->session_count && err == 0; i++)
		err = agent_link_send_waiting(feed->link, &one, gift->session[i], until_ms);
	if (err == 0)
		err = agent_link_send_waiting(feed->link, &all.header, gift->state_fd, until_ms);
	if (err == 0)
		err = agent_link_await_answer(feed->link, all.header.id, until_ms);
	return err;
}

static void on_lost(bool was_greeted, void *arg)
{
	struct agent_feed *feed = arg;

	feed->ping_id = 0;
	agent_feed_take_nothing(feed);
	forget_peers(feed);
	event_timer_cancel(feed->loop, &feed->listen_timer);
	feed->ops->away(feed->arg);
}

void agent_feed_restart(struct agent_feed *feed)
{
	struct feed_route *route, *next;

	feed->is_in_sync = feed->is_begin_sent = feed->is_sync_sent = false;
	feed->listen_count = 0;
	HASH_ITER(hh, feed->routes, route, next)
	forget_route(feed, route);
	send_pending(feed);
}

static void on_socket_answer(struct agent_feed *feed, uint32_t id, int fd)
{
	if (id == feed->socket_id) {
		feed->socket_id = 0;
		feed->ops->query_socket(fd, feed->arg);
		return;
	}
	if (feed->take_id != 0 && id == feed->take_id) {
		on_taken(feed, fd);
		return;
	}
	for (size_t i = 0; i < feed->listen_count; i++) {
		struct feed_listen *listen = &feed->listen[i];

		if (listen->id != id || listen->is_open)
			continue;
		listen->is_open = true;
		feed->ops->listening(&listen->where, fd, feed->arg);
		return;
	}
	close(fd); /* asked for before the list changed */
}

static const char *document_error(int err)
{
	switch (-err) {
	case EPERM:
		return "the document that it sent can still be changed";
	case EFBIG:
		return "the document that it sent is too large";
	case ENOMEM:
		return "no memory for its document";
	default:
		return "its message for a document has none";
	}
}

/* Takes *fd when it is good. */
static void on_document(struct agent_feed *feed, int *fd)
{
	int err;

	if (!feed->ops->document) {
		log_warning("agent %s: it has a cluster's document for us, but our file has no "
			    "kubernetes:; start both programs with the same file",
			    agent_link_path(feed->link));
		return;
	}
	err = sealed_text_check(*fd, CONFIG_DOCUMENT_MAX);
	if (err < 0) {
		agent_link_drop(feed->link, document_error(err));
		return;
	}
	feed->ops->document(*fd, feed->arg);
	*fd = -1;
}

static void on_refusal(struct agent_feed *feed, uint32_t id, const struct msg_error *error)
{
	if (id == feed->socket_id) {
		log_info("agent %s: no socket for questions: %s", agent_link_path(feed->link),
			 error->text);
		feed->socket_id = 0;
		return;
	}
	if (feed->take_id != 0 && id == feed->take_id) {
		on_taken(feed, -1);
		return;
	}
	if (!feed->is_refusal_said)
		log_warning("agent %s: request %u: %s; trying again", agent_link_path(feed->link),
			    id, error->text);
	feed->is_refusal_said = true;
}

static void on_message(const struct message_header *header, const void *body, int *fd, void *arg)
{
	struct agent_feed *feed = arg;

	switch (header->type) {
	case MSG_ERROR:
		on_refusal(feed, header->id, body);
		break;
	case MSG_END:
		if (*fd >= 0)
			on_socket_answer(feed, header->id, *fd);
		*fd = -1;
		break;
	case MSG_BGP_SESSION:
		if (*fd >= 0)
			on_session(feed, header->id, *fd);
		*fd = -1;
		break;
	case MSG_BGP_PING:
		feed->ping_id = header->id;
		send_pong(feed);
		break;
	case MSG_BGP_CONFIG:
		on_document(feed, fd);
		break;
	case MSG_BGP_SUBNETS:
		if (!feed->ops->subnets(body, header->length - sizeof(*header), feed->arg))
			agent_link_drop(feed->link, "it sent subnets that are none");
		break;
	default:
		agent_link_drop(feed->link, "it sent a message that is not for tortie-bgpd");
		break;
	}
}

static void on_room(void *arg)
{
	struct agent_feed *feed = arg;

	send_pong(feed);
	if (agent_link_is_greeted(feed->link))
		send_peers(feed);
	send_pending(feed);
}

static const struct agent_link_ops link_ops = {
	.greeted = on_greeted,
	.message = on_message,
	.has_room = on_room,
	.lost = on_lost,
};

int agent_feed_new(struct event_loop *loop, const char *run_dir, struct agent_feed **ret_feed)
{
	static const struct agent_link_self self = { ROLE_BGPD, "sessions go on, trying again" };
	struct agent_feed *feed = calloc(1, sizeof(*feed));
	int err;

	if (!feed)
		return -ENOMEM;
	feed->loop = loop;
	err = agent_link_new(loop, run_dir, &self, &feed->link);
	if (err < 0) {
		free(feed);
		return err;
	}
	event_timer_init(&feed->listen_timer, on_listen_retry, feed);
	*ret_feed = feed;
	return 0;
}

void agent_feed_start(struct agent_feed *feed, const struct agent_feed_ops *ops, void *arg)
{
	feed->ops = ops;
	feed->arg = arg;
	agent_link_start(feed->link, &link_ops, feed);
}

void agent_feed_free(struct agent_feed *feed)
{
	struct feed_route *route, *next;

	if (!feed)
		return;
	event_timer_cancel(feed->loop, &feed->listen_timer);
	HASH_ITER(hh, feed->routes, route, next)
	forget_route(feed, route);
	forget_peers(feed);
	agent_feed_take_nothing(feed);
	agent_link_free(feed->link);
	free(feed);
}
