/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_feed.c: routes and peers to tortied, listening sockets and the cluster's document from it.
 *
 * The agent restarts when it likes, and may be slow. So this side keeps what the agent should know:
 * a hash of the routes in use. A change marks its route and puts it at the end of a list of what is
 * to be sent; a route is in that list once, so a socket that does not take more makes nothing grow
 * and a route that changed three times meanwhile is sent once. When the agent is back everything is
 * marked: MSG_ROUTES_BEGIN, every route, MSG_ROUTES_IN_SYNC once the speaker says that all peers
 * are in. A peer's state is kept only while it waits to be sent; the speaker tells all again.
 *
 * Messages: include/agent_protocol.h. Reconnecting backs off from 100 ms to 2 s and says so once.
 */
#include "bgp/agent_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <uthash.h>
#include <utlist.h>

#include "lib/agent_client.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "lib/sealed_text.h"
#include "lib/unix_socket.h"

#define RETRY_FIRST_MS	 100
#define RETRY_LAST_MS	 2000
#define LISTEN_RETRY_MS	 1000
#define SEND_BATCH	 256  /* routes a round, so that sessions get their turn */
#define MESSAGE_SIZE_MAX 1024 /* of those that we send */

/* A route as the agent should know it. */
struct feed_route {
	struct ip_prefix prefix;
	struct ip_addr next_hop;
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
	char path[PATH_MAX];
	int fd;		      /* -1: not connected */
	bool is_greeted;      /* the agent answered our hello */
	bool is_waiting_said; /* "agent is not there" was logged */
	bool is_in_sync;      /* the speaker is */
	bool is_begin_sent;   /* on this connection */
	bool is_sync_sent;    /* likewise */
	struct feed_listen listen[CONFIG_LISTEN_MAX];
	size_t listen_count;
	uint32_t last_id; /* of requests */
	uint32_t ping_id; /* of the agent's question that waits for its answer, 0: none */
	uint64_t retry_ms;
	struct event_timer retry_timer, listen_timer;
	struct feed_route *routes; /* by prefix (uthash) */
	struct feed_route *pending;
	struct feed_peer *peers; /* by address (uthash), those that wait */
	struct feed_peer *peers_pending;
	uint8_t buf[AGENT_MESSAGE_MAX];
};

static void disconnect(struct agent_feed *feed, const char *why);
static void send_pending(struct agent_feed *feed);

/* 0, -EAGAIN, or another error after which the connection is closed. */
static int send_message(struct agent_feed *feed, uint32_t type, uint32_t id, const void *body,
			size_t len)
{
	uint8_t message[MESSAGE_SIZE_MAX];
	struct message_header header = { .type = type, .id = id };
	int err;

	header.length = (uint32_t)(sizeof(header) + len);
	memcpy(message, &header, sizeof(header));
	if (len > 0)
		memcpy(message + sizeof(header), body, len);
	err = unix_socket_send(feed->fd, message, header.length, NULL, 0);
	if (err == -EAGAIN)
		event_loop_modify_fd(feed->loop, feed->fd, EPOLLIN | EPOLLOUT);
	else if (err < 0)
		disconnect(feed, strerror(-err));
	return err;
}

/* --- peers --- */

static int send_peer(struct agent_feed *feed, const struct msg_peer *message, bool is_gone)
{
	return send_message(feed, is_gone ? MSG_PEER_DELETE : MSG_PEER_SET, 0, message,
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

	if (!feed || !feed->is_greeted)
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
	free(route);
}

static int send_route(struct agent_feed *feed, struct feed_route *route)
{
	struct msg_route message = { .prefix = route->prefix, .source = ROUTE_SOURCE_BGP };
	int err;

	message.next_hop = route->next_hop;
	err = send_message(feed, route->is_gone ? MSG_ROUTE_DELETE : MSG_ROUTE_SET, 0, &message,
			   sizeof(message));
	if (err < 0)
		return err;
	DL_DELETE(feed->pending, route);
	route->is_pending = false;
	if (route->is_gone)
		forget_route(feed, route);
	return 0;
}

/* The loop goes round: that is all the agent wants to know. */
static void send_pong(struct agent_feed *feed)
{
	if (feed->ping_id != 0 && send_message(feed, MSG_BGP_PONG, feed->ping_id, NULL, 0) == 0)
		feed->ping_id = 0;
}

/* Everything that waits, as far as the socket takes it. */
static void send_pending(struct agent_feed *feed)
{
	unsigned int sent = 0;

	if (!feed->is_greeted)
		return;
	if (!feed->is_begin_sent)
		feed->is_begin_sent = send_message(feed, MSG_ROUTES_BEGIN, 0, NULL, 0) == 0;
	if (!feed->is_begin_sent)
		return;
	while (feed->pending && sent++ < SEND_BATCH)
		if (send_route(feed, feed->pending) < 0)
			return;
	if (feed->pending) {
		event_loop_modify_fd(feed->loop, feed->fd, EPOLLIN | EPOLLOUT);
		return;
	}
	if (feed->is_in_sync && !feed->is_sync_sent)
		feed->is_sync_sent = send_message(feed, MSG_ROUTES_IN_SYNC, 0, NULL, 0) == 0;
}

void agent_feed_route(struct agent_feed *feed, const struct ip_prefix *prefix,
		      const struct ip_addr *next_hop)
{
	struct feed_route *route;

	if (!feed)
		return;
	HASH_FIND(hh, feed->routes, prefix, sizeof(*prefix), route);
	if (!route && !next_hop)
		return;
	if (route && next_hop && !route->is_gone && ip_addr_equal(&route->next_hop, next_hop))
		return;
	if (!route) {
		route = calloc(1, sizeof(*route));
		if (!route) {
			log_error("route: no memory to tell the agent; it is missing there");
			return;
		}
		route->prefix = *prefix;
		HASH_ADD(hh, feed->routes, prefix, sizeof(route->prefix), route);
	}
	route->is_gone = !next_hop;
	if (next_hop)
		route->next_hop = *next_hop;
	mark_pending(feed, route);
	if (feed->pending == route)
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

static void schedule_retry(struct agent_feed *feed)
{
	event_timer_set(feed->loop, &feed->retry_timer, feed->retry_ms);
	feed->retry_ms *= 2;
	if (feed->retry_ms > RETRY_LAST_MS)
		feed->retry_ms = RETRY_LAST_MS;
}

static void disconnect(struct agent_feed *feed, const char *why)
{
	if (feed->fd >= 0) {
		event_loop_remove_fd(feed->loop, feed->fd);
		close(feed->fd);
	}
	feed->fd = -1;
	if (!feed->is_waiting_said)
		log_warning("agent %s: %s; sessions go on, trying again", feed->path, why);
	feed->is_waiting_said = true;
	feed->is_greeted = false;
	feed->ping_id = 0;
	forget_peers(feed);
	event_timer_cancel(feed->loop, &feed->listen_timer);
	schedule_retry(feed);
}

static bool is_listening_everywhere(const struct agent_feed *feed)
{
	for (size_t i = 0; i < feed->listen_count; i++)
		if (!feed->listen[i].is_open)
			return false;
	return true;
}

/* Ask for the listening sockets that we do not have yet; the id says which. */
static void ask_listening(struct agent_feed *feed)
{
	for (size_t i = 0; i < feed->listen_count; i++) {
		struct feed_listen *listen = &feed->listen[i];
		struct msg_bgp_listen message = { .addr = listen->where.addr };

		if (listen->is_open)
			continue;
		message.port = listen->where.port;
		listen->id = ++feed->last_id;
		if (send_message(feed, MSG_BGP_LISTEN, listen->id, &message, sizeof(message)) < 0)
			break;
	}
	if (feed->is_greeted && !is_listening_everywhere(feed))
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
	if (feed->is_greeted && !is_listening_everywhere(feed))
		ask_listening(feed);
}

static void on_listen_retry(void *arg)
{
	struct agent_feed *feed = arg;

	if (feed->is_greeted)
		ask_listening(feed);
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

static void on_greeted(struct agent_feed *feed, const struct msg_hello_reply *reply)
{
	log_info("agent %s: connected (tortied %.63s)", feed->path, reply->program_version);
	feed->is_greeted = true;
	feed->is_waiting_said = false;
	feed->retry_ms = RETRY_FIRST_MS;
	ask_listening(feed);
	if (feed->is_greeted)
		replay(feed);
	if (feed->is_greeted)
		feed->ops->connected(feed->arg);
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

static void on_listen_answer(struct agent_feed *feed, uint32_t id, int fd)
{
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

static void on_document(struct agent_feed *feed, int fd)
{
	size_t len = 0;
	char *data = NULL;
	int err;

	if (!feed->ops->document) {
		log_warning("agent %s: it has a cluster's document for us, but our file has no "
			    "kubernetes:; start both programs with the same file",
			    feed->path);
		return;
	}
	err = sealed_text_read(fd, CONFIG_DOCUMENT_MAX, &data, &len);
	if (err < 0) {
		disconnect(feed, document_error(err));
		return;
	}
	feed->ops->document(data, len, feed->arg);
	free(data);
}

static void on_error_message(struct agent_feed *feed, const struct message_header *header,
			     const struct msg_error *message)
{
	if (!feed->is_greeted) {
		disconnect(feed, message->text);
		return;
	}
	if (!feed->is_waiting_said)
		log_warning("agent %s: request %u: %.511s; trying again", feed->path, header->id,
			    message->text);
	feed->is_waiting_said = true;
}

static void on_message(struct agent_feed *feed, int *fd)
{
	const struct message_header *header = (const void *)feed->buf;
	const void *body = feed->buf + sizeof(*header);
	struct msg_error error;

	switch (header->type) {
	case MSG_HELLO_REPLY:
		if (!feed->is_greeted)
			on_greeted(feed, body);
		break;
	case MSG_ERROR:
		memcpy(&error, body, sizeof(error));
		error.text[TEXT_MAX] = '\0';
		on_error_message(feed, header, &error);
		break;
	case MSG_END:
		if (*fd >= 0)
			on_listen_answer(feed, header->id, *fd);
		*fd = -1;
		break;
	case MSG_BGP_PING:
		feed->ping_id = header->id;
		send_pong(feed);
		break;
	case MSG_BGP_CONFIG:
		on_document(feed, *fd);
		break;
	default:
		disconnect(feed, "it sent a message that is not for tortie-bgpd");
		break;
	}
}

static void receive(struct agent_feed *feed)
{
	size_t fd_count = 0;
	ssize_t len;
	int fd = -1;

	len = unix_socket_receive(feed->fd, feed->buf, sizeof(feed->buf), &fd, 1, &fd_count);
	if (len == -EAGAIN || len == -EINTR)
		return;
	if (fd_count == 0)
		fd = -1;
	if (len <= 0)
		disconnect(feed, len == 0 ? "it closed the connection" : strerror((int)-len));
	else if (agent_message_check(feed->buf, (size_t)len) < 0)
		disconnect(feed, "it sent a malformed message");
	else
		on_message(feed, &fd);
	if (fd >= 0)
		close(fd);
}

static void on_socket(int fd, uint32_t events, void *arg)
{
	struct agent_feed *feed = arg;

	if (events & EPOLLOUT) {
		event_loop_modify_fd(feed->loop, fd, EPOLLIN);
		send_pong(feed);
		if (feed->fd == fd)
			send_peers(feed);
		if (feed->fd == fd)
			send_pending(feed);
	}
	if (feed->fd == fd && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(feed);
}

static void on_retry(void *arg)
{
	struct agent_feed *feed = arg;
	struct msg_hello hello = { .protocol_version = AGENT_PROTOCOL_VERSION, .role = ROLE_BGPD };
	int fd = unix_socket_connect(feed->path);

	if (fd < 0) {
		disconnect(feed, strerror(-fd));
		return;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	feed->fd = fd;
	if (event_loop_add_fd(feed->loop, fd, EPOLLIN, on_socket, feed) < 0) {
		disconnect(feed, "no memory");
		return;
	}
	snprintf(hello.program_version, sizeof(hello.program_version), "%s", TORTIE_VERSION);
	send_message(feed, MSG_HELLO, 0, &hello, sizeof(hello));
}

int agent_feed_new(struct event_loop *loop, const char *run_dir, struct agent_feed **ret_feed)
{
	struct agent_feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return -ENOMEM;
	feed->loop = loop;
	feed->fd = -1;
	feed->retry_ms = RETRY_FIRST_MS;
	snprintf(feed->path, sizeof(feed->path), "%s/agent.sock", run_dir);
	event_timer_init(&feed->retry_timer, on_retry, feed);
	event_timer_init(&feed->listen_timer, on_listen_retry, feed);
	*ret_feed = feed;
	return 0;
}

void agent_feed_start(struct agent_feed *feed, const struct agent_feed_ops *ops, void *arg)
{
	feed->ops = ops;
	feed->arg = arg;
	on_retry(feed);
}

void agent_feed_free(struct agent_feed *feed)
{
	struct feed_route *route, *next;

	if (!feed)
		return;
	event_timer_cancel(feed->loop, &feed->retry_timer);
	event_timer_cancel(feed->loop, &feed->listen_timer);
	HASH_ITER(hh, feed->routes, route, next)
	forget_route(feed, route);
	forget_peers(feed);
	if (feed->fd >= 0) {
		event_loop_remove_fd(feed->loop, feed->fd);
		close(feed->fd);
	}
	free(feed);
}
