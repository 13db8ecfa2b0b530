/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linger.c: connections of sessions that have ended, until the peer knows why.
 *
 * A connection that is closed while octets of the peer are unread, or to which it sends more, is
 * reset by the kernel, and a reset makes the peer's kernel refuse its next write: a peer that was
 * just sending, as one is that told too many routes, notices that first and never reads the
 * NOTIFICATION. So our side alone is closed (shutdown(2)), what comes is thrown away, and the
 * descriptor is closed when the peer has closed its side in answer.
 *
 * The session is over meanwhile: a new one may begin, and nothing that comes here is looked at.
 * All is bounded: the time, the octets thrown away, and the number, of one address and of all,
 * where the oldest goes first.
 */
#include "bgp/linger.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utlist.h>

#include "bgp/tcp.h"
#include "lib/ip_prefix.h"

#define LINGER_MS	3000
#define LINGER_MAX	512	    /* connections */
#define LINGER_EACH_MAX 2	    /* of one address */
#define READ_MAX	(1u << 20)  /* octets a round */
#define DISCARD_MAX	(64u << 20) /* octets of one: as much as buffers on the way may hold */

struct closing {
	struct closing *prev, *next;
	struct linger_list *list;
	int fd;
	struct ip_addr remote;
	struct event_timer timer;
	size_t discarded;
	size_t at, len; /* of data: written, all */
	uint8_t data[];
};

struct linger_list {
	struct event_loop *loop;
	struct closing *first; /* the oldest */
	unsigned int count;
};

struct linger_list *linger_list_new(struct event_loop *loop)
{
	struct linger_list *list = calloc(1, sizeof(*list));

	if (list)
		list->loop = loop;
	return list;
}

static void closing_end(struct closing *closing)
{
	struct linger_list *list = closing->list;

	DL_DELETE(list->first, closing);
	list->count--;
	event_timer_cancel(list->loop, &closing->timer);
	event_loop_remove_fd(list->loop, closing->fd);
	close(closing->fd);
	free(closing);
}

static void on_late(void *arg)
{
	closing_end(arg);
}

void linger_list_free(struct linger_list *list)
{
	if (!list)
		return;
	while (list->first)
		closing_end(list->first);
	free(list);
}

/* The last octets, then the end of our side. False: it is over. */
static bool write_rest(struct closing *closing)
{
	while (closing->at < closing->len) {
		ssize_t sent = send(closing->fd, closing->data + closing->at,
				    closing->len - closing->at, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		closing->at += (size_t)sent;
	}
	event_loop_modify_fd(closing->list->loop, closing->fd, EPOLLIN);
	return shutdown(closing->fd, SHUT_WR) == 0;
}

/* MSG_TRUNC: TCP throws the octets away without a copy (tcp(7)). False: it is over. */
static bool discard(struct closing *closing)
{
	ssize_t len = recv(closing->fd, NULL, READ_MAX, MSG_TRUNC | MSG_DONTWAIT);

	if (len < 0)
		return errno == EAGAIN || errno == EINTR;
	closing->discarded += (size_t)len;
	return len > 0 && closing->discarded < DISCARD_MAX;
}

static void on_event(int fd, uint32_t events, void *arg)
{
	struct closing *closing = arg;
	bool goes_on = true;

	if (events & EPOLLOUT)
		goes_on = write_rest(closing);
	if (goes_on && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		goes_on = discard(closing);
	if (!goes_on)
		closing_end(closing);
}

/* One more comes from @remote. */
static void make_place(struct linger_list *list, const struct ip_addr *remote)
{
	struct closing *closing, *oldest = NULL;
	unsigned int count = 0;

	DL_FOREACH(list->first, closing)
	if (ip_addr_equal(&closing->remote, remote)) {
		oldest = oldest ? oldest : closing;
		count++;
	}
	if (count >= LINGER_EACH_MAX)
		closing_end(oldest);
	else if (list->count >= LINGER_MAX)
		closing_end(list->first);
}

void linger_begin(struct linger_list *list, int fd, const uint8_t *data, size_t len)
{
	struct closing *closing = calloc(1, sizeof(*closing) + len);

	if (!closing ||
	    event_loop_add_fd(list->loop, fd, EPOLLIN | EPOLLOUT, on_event, closing) < 0) {
		free(closing);
		close(fd);
		return;
	}
	closing->remote = tcp_remote_address(fd);
	make_place(list, &closing->remote);
	closing->list = list;
	closing->fd = fd;
	closing->len = len;
	if (len > 0)
		memcpy(closing->data, data, len);
	event_timer_init(&closing->timer, on_late, closing);
	DL_APPEND(list->first, closing);
	list->count++;
	if (event_timer_set(list->loop, &closing->timer, LINGER_MS) < 0 || !write_rest(closing))
		closing_end(closing);
}
