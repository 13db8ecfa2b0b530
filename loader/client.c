/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c: one client of the agent's sockets: what is sent to it, and what waits.
 *
 * A message goes out at once while the socket takes it, then into the client's queue. An answer
 * that may be long (all routes: a million are allowed) is not queued whole: it is made record by
 * record by client_answer()'s function, a piece whenever the one before has gone, so that the
 * agent's memory does not grow with it. Meanwhile the client's next question stays in its socket.
 *
 * Bounds: octets queued for one client, and the time in which it takes nothing. Who exceeds one is
 * cut. A client is never freed under a handler's feet: it is marked, and freed by a timer that is
 * due at once.
 */
#include "loader/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utlist.h>

#include "lib/event_loop.h"
#include "lib/log.h"
#include "lib/unix_socket.h"
#include "loader/agent.h"
#include "loader/server_internal.h"

#define QUEUE_OCTETS_MAX    (4u << 20)
#define QUEUE_OCTETS_BEHIND (256u << 10)
#define PIECE_OCTETS	    (64u << 10)
#define PIECE_RECORDS	    512	  /* a round: an ADD that comes meanwhile waits for it */
#define UNREAD_MS	    60000 /* nothing taken of what waits */

struct outgoing {
	struct outgoing *prev, *next;
	size_t len;
	int fds[AGENT_FDS_MAX];
	size_t fd_count;
	uint8_t data[];
};

/* --- the queue --- */

static void outgoing_free(struct outgoing *out)
{
	for (size_t i = 0; i < out->fd_count; i++)
		close(out->fds[i]);
	free(out);
}

/* It is said, or the client is gone. */
static void answer_end(struct client *client)
{
	struct long_answer answer = client->answer;

	client->answer = (struct long_answer){ 0 };
	if (answer.more)
		answer.free(answer.arg);
}

void client_break(struct client *client)
{
	struct server *server = client->server;

	client->is_broken = true;
	event_timer_set(server->agent->loop, &server->sweep_timer, 0);
}

void client_free(struct client *client)
{
	struct server *server = client->server;
	struct outgoing *out, *next;

	for (size_t i = 0; i < FAREWELLS_MAX && client->farewell[i].fn; i++)
		client->farewell[i].fn(client, client->farewell[i].arg);
	answer_end(client);
	DL_FOREACH_SAFE(client->queue, out, next)
	outgoing_free(out);
	event_loop_remove_fd(server->agent->loop, client->fd);
	close(client->fd);
	client->listener->client_count--;
	/* Not when one leaves: who comes and goes at the limit would fill the log. */
	if (client->listener->client_count < client->listener->client_max / 2)
		client->listener->has_complained = false;
	DL_DELETE(server->clients, client);
	free(client);
}

/* A question is read when the one before is answered. */
static void client_watch(struct client *client)
{
	uint32_t events = client->answer.more ? 0 : EPOLLIN;

	if (client->queue || client->answer.more)
		events |= EPOLLOUT;
	if (events == client->events)
		return;
	client->events = events;
	event_loop_modify_fd(client->server->agent->loop, client->fd, events);
}

static void client_flush(struct client *client)
{
	while (client->queue) {
		struct outgoing *out = client->queue;
		int err =
			unix_socket_send(client->fd, out->data, out->len, out->fds, out->fd_count);

		if (err == -EAGAIN)
			break;
		if (err) {
			client_break(client);
			return;
		}
		DL_DELETE(client->queue, out);
		client->queued_octets -= out->len;
		client->taken_ms = event_loop_now_ms();
		outgoing_free(out);
	}
	client_watch(client);
}

static struct outgoing *outgoing_new(const struct message_header *header, const void *body,
				     const int *fds, size_t fd_count)
{
	size_t len = header->length - sizeof(*header);
	struct outgoing *out = calloc(1, sizeof(*out) + header->length);

	if (!out)
		return NULL;
	out->len = header->length;
	memcpy(out->data, header, sizeof(*header));
	if (len)
		memcpy(out->data + sizeof(*header), body, len);
	for (size_t i = 0; i < fd_count; i++) {
		out->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (out->fds[i] < 0) {
			outgoing_free(out);
			return NULL;
		}
		out->fd_count++;
	}
	return out;
}

static int client_queue(struct client *client, const struct message_header *header,
			const void *body, const int *fds, size_t fd_count)
{
	bool was_empty = !client->queue;
	struct outgoing *out;

	if (client->is_broken)
		return -EPIPE;
	if (client->queued_octets + header->length > QUEUE_OCTETS_MAX) {
		log_warning("agent.sock: a client does not read its answers; cut");
		client_break(client);
		return -ENOBUFS;
	}
	out = outgoing_new(header, body, fds, fd_count);
	if (!out) {
		client_break(client);
		return -ENOMEM;
	}
	if (was_empty)
		client->taken_ms = event_loop_now_ms();
	DL_APPEND(client->queue, out);
	client->queued_octets += out->len;
	if (was_empty)
		client_flush(client);
	return client->is_broken ? -EPIPE : 0;
}

int client_send(struct client *client, uint32_t type, uint32_t id, const void *body, size_t len)
{
	const struct message_header header = {
		.type = type,
		.length = (uint32_t)(sizeof(header) + len),
		.id = id,
	};

	if (len > AGENT_MESSAGE_MAX - sizeof(header))
		return -EMSGSIZE;
	return client_queue(client, &header, body, NULL, 0);
}

/* --- long answers --- */

/* So much that the socket is filled again, and no more than others can wait for. */
static void make_piece(struct client *client)
{
	const struct long_answer *answer = &client->answer;
	int err = 1;

	for (int i = 0; i < PIECE_RECORDS && err > 0 && client->queued_octets < PIECE_OCTETS; i++)
		err = answer->more(client, answer->id, answer->arg);
	if (err == 0)
		err = client_send_end(client, answer->id);
	else if (err > 0)
		return;
	answer_end(client);
	if (err < 0)
		client_break(client);
}

void client_go_on(struct client *client)
{
	client_flush(client);
	if (!client->is_broken && client->answer.more)
		make_piece(client);
	if (!client->is_broken)
		client_watch(client);
}

int client_answer(struct client *client, uint32_t id, answer_more_fn *more, answer_free_fn *free,
		  void *arg)
{
	client->answer = (struct long_answer){ .more = more, .free = free, .arg = arg, .id = id };
	client_go_on(client);
	return 0;
}

bool client_does_not_read(const struct client *client, uint64_t now_ms)
{
	return client->queue && !client->is_kept && now_ms - client->taken_ms > UNREAD_MS;
}

/* --- messages with a descriptor --- */

static int send_with_fd(struct client *client, uint32_t type, uint32_t id, int fd)
{
	const struct message_header header = {
		.type = type,
		.length = sizeof(header),
		.id = id,
	};

	return client_queue(client, &header, NULL, &fd, 1);
}

int client_send_fd(struct client *client, uint32_t id, int fd)
{
	return send_with_fd(client, MSG_END, id, fd);
}

int client_send_session(struct client *client, uint32_t id, int fd)
{
	return send_with_fd(client, MSG_BGP_SESSION, id, fd);
}

int client_send_document(struct client *client, int fd)
{
	return send_with_fd(client, MSG_BGP_CONFIG, 0, fd);
}

/* --- the common answers --- */

int client_send_end(struct client *client, uint32_t id)
{
	return client_send(client, MSG_END, id, NULL, 0);
}

int client_send_error(struct client *client, uint32_t id, int error, const char *format, ...)
{
	struct msg_error body = { .error = error < 0 ? -error : error };
	va_list args;

	va_start(args, format);
	vsnprintf(body.text, sizeof(body.text), format, args);
	va_end(args);
	return client_send(client, MSG_ERROR, id, &body, sizeof(body));
}

/* --- who it is --- */

bool client_is_root(const struct client *client)
{
	return client->uid == 0;
}

bool client_is_bgpd(const struct client *client)
{
	const struct server *server = client->server;

	return client->role == ROLE_BGPD &&
	       (client->uid == 0 || (server->has_bgpd_uid && client->uid == server->bgpd_uid));
}

bool client_is_kubed(const struct client *client)
{
	const struct server *server = client->server;

	return client->role == ROLE_KUBED &&
	       (client->uid == 0 || (server->has_kubed_uid && client->uid == server->kubed_uid));
}

bool client_is_behind(const struct client *client)
{
	return client->queued_octets > QUEUE_OCTETS_BEHIND;
}

void client_keep(struct client *client)
{
	client->is_kept = true;
}

int client_on_gone(struct client *client, client_gone_fn *fn, void *arg)
{
	for (size_t i = 0; i < FAREWELLS_MAX; i++) {
		struct farewell *farewell = &client->farewell[i];

		if (farewell->fn == fn && farewell->arg == arg)
			return -EALREADY;
		if (farewell->fn)
			continue;
		*farewell = (struct farewell){ .fn = fn, .arg = arg };
		return 0;
	}
	return -ENOSPC;
}
