/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speaker_listen.c: the listening sockets, and who may connect to them.
 *
 * They come from the agent, or with --standalone are made here; their list may change while the
 * program runs. A connection from an address that belongs to no peer is closed before an octet is
 * read. MD5 keys (RFC 2385) are the sockets': one for each peer that has a password. Between the
 * making of a socket and that of its keys anybody can connect, so such connections are taken first,
 * and closed when they are of peers that must show something.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bgp/peer.h"
#include "bgp/reconfigure.h"
#include "bgp/speaker_internal.h"
#include "bgp/tcp.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"

#define ACCEPT_BATCH	32   /* connections a round */
#define ACCEPT_ALL	4096 /* more than a queue holds */
#define ACCEPT_PAUSE_MS 1000
#define REFUSED_LOG_MS	10000

bool speaker_may_log_stranger(struct speaker *speaker)
{
	uint64_t now_ms = event_loop_now_ms();

	if (speaker->refused_logged_ms && now_ms - speaker->refused_logged_ms < REFUSED_LOG_MS)
		return false;
	speaker->refused_logged_ms = now_ms;
	return true;
}

static void log_refused(struct speaker *speaker, const struct ip_addr *addr)
{
	char text[IP_ADDR_TEXT_MAX];

	if (speaker_may_log_stranger(speaker))
		log_info("connection from %s refused: no peer has this address; set bgp.peers or "
			 "bgp.mesh",
			 ip_addr_format(addr, text, sizeof(text)));
}

static void watch_listening(struct speaker *speaker, uint32_t events)
{
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		if (speaker->listening[i].fd >= 0)
			event_loop_modify_fd(speaker->loop, speaker->listening[i].fd, events);
}

static void on_accept_again(void *arg)
{
	watch_listening(arg, EPOLLIN);
}

/* The connection stays in the queue and would wake us for ever. */
static void pause_accepting(struct speaker *speaker, int err)
{
	log_error("listening sockets: %s; accepting waits for %u ms", strerror(-err),
		  ACCEPT_PAUSE_MS);
	watch_listening(speaker, 0);
	event_timer_set(speaker->loop, &speaker->accept_timer, ACCEPT_PAUSE_MS);
}

/* The next connection of @listening. 0, or -errno: -EAGAIN when there is none. */
static int accept_one(struct speaker *speaker, const struct listening *listening)
{
	struct ip_addr remote;
	struct peer *peer;
	int fd = tcp_accept(listening->fd, &remote);

	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM)
		pause_accepting(speaker, fd);
	if (fd < 0)
		return fd;
	peer = peer_for_connection(speaker, &remote);
	if (peer) {
		peer_accept(peer, fd, !listening->has_unguarded);
		return 0;
	}
	log_refused(speaker, &remote);
	close(fd);
	return 0;
}

/* The queue is known to be empty by -EAGAIN alone: without a descriptor old ones wait on in it. */
static void accept_waiting(struct speaker *speaker, struct listening *listening, int most)
{
	for (int i = 0; i < most; i++) {
		int err = accept_one(speaker, listening);

		if (err == -EAGAIN)
			listening->has_unguarded = false;
		if (err < 0)
			return;
	}
}

static void on_connection(int listen_fd, uint32_t events, void *arg)
{
	struct speaker *speaker = arg;

	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		if (speaker->listening[i].fd == listen_fd)
			accept_waiting(speaker, &speaker->listening[i], ACCEPT_BATCH);
}

/* What waits came before the key that was just set, or before SYNs were kept: it may have no
 * signature, and come from anywhere. */
static void accept_unguarded(struct speaker *speaker, struct listening *listening)
{
	listening->has_unguarded = true;
	accept_waiting(speaker, listening, ACCEPT_ALL);
}

static struct ip_prefix who_connects(const struct config_peer *peer)
{
	return peer->is_range ? peer->range : ip_prefix_host(&peer->addr);
}

/* False: that peer does not come by this socket. */
static bool set_key(const struct listening *listening, const struct config_peer *peer,
		    const char *password)
{
	struct ip_prefix who = who_connects(peer);
	char text[IP_PREFIX_TEXT_MAX];
	int err;

	if (listening->fd < 0 || ip_addr_is_v4(&who.addr) != ip_addr_is_v4(&listening->where.addr))
		return false;
	err = tcp_set_password(listening->fd, &who, password);
	if (err < 0 && password)
		log_error("peer %s: password cannot be set, it cannot connect: %s",
			  ip_prefix_format(&who, text, sizeof(text)), strerror(-err));
	return true;
}

void speaker_set_password(struct speaker *speaker, const struct config_peer *peer,
			  const char *password)
{
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		if (set_key(&speaker->listening[i], peer, password) && password)
			accept_unguarded(speaker, &speaker->listening[i]);
}

static struct listening *find_listening(struct speaker *speaker, const struct config_listen *where)
{
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++) {
		struct listening *listening = &speaker->listening[i];

		if (listening->fd >= 0 && listening->where.port == where->port &&
		    ip_addr_equal(&listening->where.addr, &where->addr))
			return listening;
	}
	return NULL;
}

static struct listening *find_free(struct speaker *speaker)
{
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		if (speaker->listening[i].fd < 0)
			return &speaker->listening[i];
	return NULL;
}

void speaker_take_listen_fd(struct speaker *speaker, const struct config_listen *where, int fd)
{
	const struct config_bgp *bgp = &speaker->config->bgp;
	struct listening *listening = find_free(speaker);

	if (!listening || find_listening(speaker, where) ||
	    reconfigure_find_listen(bgp, where) < 0) { /* asked for before the list changed */
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* whoever made it */
	tcp_set_hops(fd, 0);
	if (tcp_note_first_hops(fd) < 0)
		log_warning("listening socket: ttl_security does not see how far a SYN came");
	*listening = (struct listening){ *where, fd };
	for (size_t i = 0; i < bgp->peer_count; i++)
		if (speaker->password[i])
			set_key(listening, &bgp->peer[i], speaker->password[i]);
	accept_unguarded(speaker, listening);
	if (event_loop_add_fd(speaker->loop, fd, EPOLLIN, on_connection, speaker) < 0)
		log_error("listening socket: no memory; peers cannot connect to it");
}

static const char *listen_mend(int err)
{
	switch (-err) {
	case EACCES:
		return "; start with CAP_NET_BIND_SERVICE, or set bgp.listen to a port above 1023";
	case EADDRINUSE:
		return "; stop the other BGP daemon, or set bgp.listen";
	case EADDRNOTAVAIL:
		return "; no link carries the address: set bgp.listen or node.addresses";
	default:
		return "";
	}
}

int speaker_listen(struct speaker *speaker)
{
	const struct config_bgp *bgp = &speaker->config->bgp;
	char text[IP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < bgp->listen_count; i++) {
		int fd = tcp_listen(&bgp->listen[i].addr, bgp->listen[i].port);

		if (fd < 0) {
			log_error("bgp.listen %s port %u: %s%s",
				  ip_addr_format(&bgp->listen[i].addr, text, sizeof(text)),
				  bgp->listen[i].port, strerror(-fd), listen_mend(fd));
			return fd;
		}
		speaker_take_listen_fd(speaker, &bgp->listen[i], fd);
	}
	return 0;
}

static void close_listening(struct speaker *speaker, struct listening *listening)
{
	if (listening->fd < 0)
		return;
	event_loop_remove_fd(speaker->loop, listening->fd);
	close(listening->fd);
	listening->fd = -1;
}

void speaker_close_unlisted(struct speaker *speaker)
{
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		if (reconfigure_find_listen(&speaker->config->bgp, &speaker->listening[i].where) <
		    0)
			close_listening(speaker, &speaker->listening[i]);
}

void speaker_init_listening(struct speaker *speaker)
{
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		speaker->listening[i].fd = -1;
	event_timer_init(&speaker->accept_timer, on_accept_again, speaker);
}

void speaker_fini_listening(struct speaker *speaker)
{
	event_timer_cancel(speaker->loop, &speaker->accept_timer);
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		close_listening(speaker, &speaker->listening[i]);
}
