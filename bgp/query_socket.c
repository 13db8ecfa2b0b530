/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_socket.c: who asks the speaker, and as fast as they read.
 *
 * The socket is made by tortied, which owns the folder, or by this program itself with
 * --standalone, before the sandbox is entered; its file stays, and the next start replaces it. Its
 * file's mode says who may ask; who may act is seen by the caller's user. A client has one question
 * at a time: the next one is read when the answer is sent. A piece of the answer is made when the
 * one before has gone, so nothing grows with the table, and sessions get their turn between two
 * pieces. Who does not read for a minute, or says nothing, is cut.
 */
#include "bgp/query_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utlist.h>

#include "bgp/query.h"
#include "lib/agent_client.h"
#include "lib/file_mark.h"
#include "lib/log.h"
#include "lib/unix_socket.h"
#include "node_objects.h"

#define CLIENTS_MAX  16 /* that are answered; the others hear why not */
#define OPEN_MAX     (2 * CLIENTS_MAX)
#define SILENT_MS    60000
#define MESSAGES_MAX 256 /* a round, for one client */
#define PATH_SIZE    108 /* unix(7): sun_path */
#define LOOK_MS	     5000

struct query_client {
	struct query_client *prev, *next;
	struct query_socket *socket;
	int fd;
	uid_t uid;
	bool is_greeted;
	bool is_refused; /* to be cut when it has read why */
	struct query query;
	struct query_buffer buffer;
	struct event_timer timer;
};

struct query_socket {
	struct event_loop *loop;
	struct speaker *speaker;
	int fd; /* -1: none */
	char path[PATH_SIZE];
	struct file_mark mark; /* of the socket's file */
	struct event_timer look;
	query_lost_fn *lost; /* NULL: nobody wants to know */
	void *lost_arg;
	struct query_client *clients;
	unsigned int count, greeted;
	union {
		struct message_header header; /* for its alignment */
		uint8_t octets[AGENT_MESSAGE_MAX];
	} message;
};

/* --- clients --- */

static void client_free(struct query_client *client)
{
	struct query_socket *socket = client->socket;

	DL_DELETE(socket->clients, client);
	socket->count--;
	socket->greeted -= client->is_greeted;
	event_timer_cancel(socket->loop, &client->timer);
	event_loop_remove_fd(socket->loop, client->fd);
	close(client->fd);
	query_buffer_fini(&client->buffer);
	free(client);
}

static void on_silent(void *arg)
{
	client_free(arg);
}

static void watch(struct query_client *client)
{
	bool is_busy = client->query.type || client->buffer.len > client->buffer.at;

	event_loop_modify_fd(client->socket->loop, client->fd, is_busy ? EPOLLOUT : EPOLLIN);
	event_timer_set(client->socket->loop, &client->timer, SILENT_MS);
}

/* What is in the buffer, as far as the socket takes it. False: the client is gone. */
static bool send_buffer(struct query_client *client)
{
	struct query_buffer *buffer = &client->buffer;

	for (int i = 0; i < MESSAGES_MAX && buffer->at < buffer->len; i++) {
		struct message_header header;
		int err;

		memcpy(&header, buffer->data + buffer->at, sizeof(header));
		err = unix_socket_send(client->fd, buffer->data + buffer->at, header.length, NULL,
				       0);
		if (err == -EAGAIN)
			return true;
		if (err < 0) {
			client_free(client);
			return false;
		}
		buffer->at += header.length;
	}
	if (buffer->at == buffer->len)
		query_buffer_fini(buffer);
	return true;
}

static void go_on(struct query_client *client)
{
	if (client->buffer.len == client->buffer.at && client->query.type)
		query_more(&client->query, client->socket->speaker, &client->buffer);
	if (client->buffer.is_lost) {
		log_error("bgp.sock: no memory for an answer; the client is cut");
		client_free(client);
		return;
	}
	if (!send_buffer(client))
		return;
	if (client->is_refused && client->buffer.len == client->buffer.at)
		client_free(client);
	else
		watch(client);
}

/* --- questions --- */

static void greet(struct query_client *client, const struct message_header *header,
		  const struct msg_hello *hello)
{
	struct query_socket *socket = client->socket;
	struct message_header answer = { .type = MSG_HELLO_REPLY, .id = header->id };
	struct msg_hello_reply reply = { .protocol_version = AGENT_PROTOCOL_VERSION,
					 .program_version = TORTIE_VERSION };

	if (hello->protocol_version != AGENT_PROTOCOL_VERSION) {
		query_error(&client->buffer, header->id, EPROTO,
			    "tortie-bgpd: is of another release; use the programs of one");
		return;
	}
	if (socket->greeted - client->is_greeted >= CLIENTS_MAX) {
		client->is_refused = true;
		query_error(&client->buffer, header->id, EBUSY,
			    "tortie-bgpd: answers 16 callers already; try again when one of them "
			    "has ended");
		return;
	}
	socket->greeted += !client->is_greeted;
	client->is_greeted = true;
	answer.length = sizeof(answer) + sizeof(reply);
	query_put(&client->buffer, &answer, &reply, NULL);
}

static void act(struct query_client *client, const struct message_header *header,
		const struct msg_bgp_act *body)
{
	if (client->uid != 0 && client->uid != geteuid())
		query_error(&client->buffer, header->id, EPERM,
			    "bgp.sock: only root may do this (use sudo)");
	else if (body->act < BGP_ACT_RESET || body->act > BGP_ACT_UP)
		query_error(&client->buffer, header->id, EPROTO, "bgp.sock: no such act");
	else
		query_act(header->id, body, client->socket->speaker, &client->buffer);
}

/* False: it is none that may come here. */
static bool take_question(struct query_client *client)
{
	const struct message_header *header = &client->socket->message.header;
	const void *body = header + 1;

	if (header->type != MSG_HELLO && !client->is_greeted)
		return false;
	client->query = (struct query){ .id = header->id };
	switch (header->type) {
	case MSG_HELLO:
		greet(client, header, body);
		return true;
	case MSG_BGP_ACT:
		act(client, header, body);
		return true;
	case MSG_BGP_GET_ROUTES:
		memcpy(&client->query.routes, body, sizeof(client->query.routes));
		client->query.type = header->type;
		return client->query.routes.which <= BGP_ROUTES_OUT &&
		       client->query.routes.match <= BGP_MATCH_COVERING &&
		       client->query.routes.prefix.bits <= IP_ADDR_BITS;
	case MSG_BGP_GET_PEERS:
	case MSG_BGP_GET_DUMP:
		client->query.type = header->type;
		return true;
	default:
		return false;
	}
}

static void on_client(int fd, uint32_t events, void *arg)
{
	struct query_client *client = arg;
	struct query_socket *socket = client->socket;
	ssize_t len;

	if (events & EPOLLOUT) {
		go_on(client);
		return;
	}
	len = unix_socket_receive(fd, &socket->message, sizeof(socket->message), NULL, 0, NULL);
	if (len == -EAGAIN || len == -EINTR)
		return;
	if (len <= 0 || agent_message_check(&socket->message, (size_t)len) < 0 ||
	    !take_question(client)) {
		client_free(client);
		return;
	}
	go_on(client);
}

/* --- the socket --- */

static void on_connection(int listen_fd, uint32_t events, void *arg)
{
	struct query_socket *socket = arg;
	struct query_client *client;
	gid_t gid;
	uid_t uid;
	pid_t pid;
	int fd = unix_socket_accept(listen_fd, &uid, &gid, &pid);

	if (fd < 0)
		return;
	client = socket->count < OPEN_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client || event_loop_add_fd(socket->loop, fd, EPOLLIN, on_client, client) < 0) {
		free(client);
		close(fd);
		return;
	}
	client->socket = socket;
	client->fd = fd;
	client->uid = uid;
	event_timer_init(&client->timer, on_silent, client);
	event_timer_set(socket->loop, &client->timer, SILENT_MS);
	DL_APPEND(socket->clients, client);
	socket->count++;
}

/* A socket whose file was removed is one that nobody finds. */
static void on_look(void *arg)
{
	struct query_socket *socket = arg;

	event_timer_set_on_grid(socket->loop, &socket->look, LOOK_MS, LOOK_MS);
	if (socket->fd >= 0 && !file_mark_is_there(&socket->mark, socket->path))
		socket->lost(socket->lost_arg);
}

int query_socket_new(struct event_loop *loop, struct query_socket **ret_socket)
{
	struct query_socket *socket = calloc(1, sizeof(*socket));

	if (!socket)
		return -ENOMEM;
	socket->loop = loop;
	socket->fd = -1;
	event_timer_init(&socket->look, on_look, socket);
	*ret_socket = socket;
	return 0;
}

static void stop_listening(struct query_socket *socket)
{
	if (socket->fd < 0)
		return;
	event_loop_remove_fd(socket->loop, socket->fd);
	close(socket->fd);
	socket->fd = -1;
}

void query_socket_free(struct query_socket *socket)
{
	struct query_client *client, *next;

	if (!socket)
		return;
	DL_FOREACH_SAFE(socket->clients, client, next)
	client_free(client);
	event_timer_cancel(socket->loop, &socket->look);
	stop_listening(socket);
	free(socket);
}

bool query_socket_is_open(const struct query_socket *socket)
{
	return socket->fd >= 0;
}

void query_socket_take(struct query_socket *socket, int fd)
{
	stop_listening(socket);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (event_loop_add_fd(socket->loop, fd, EPOLLIN, on_connection, socket) < 0) {
		close(fd);
		return;
	}
	socket->fd = fd;
	socket->mark = file_mark_take(socket->path);
}

static int set_path(struct query_socket *socket, const char *run_dir)
{
	int len = snprintf(socket->path, sizeof(socket->path), "%s/%s.sock", run_dir,
			   BGP_SOCKET_NAME);

	return len < (int)sizeof(socket->path) ? 0 : -ENAMETOOLONG;
}

int query_socket_watch(struct query_socket *socket, const char *run_dir, query_lost_fn *lost,
		       void *arg)
{
	int err = set_path(socket, run_dir);

	if (err < 0)
		return err;
	socket->lost = lost;
	socket->lost_arg = arg;
	return event_timer_set_on_grid(socket->loop, &socket->look, LOOK_MS, LOOK_MS);
}

int query_socket_open(struct query_socket *socket, const char *run_dir)
{
	int fd, err = set_path(socket, run_dir);

	if (err < 0)
		return err;
	fd = unix_socket_listen(socket->path, 0600, (gid_t)-1);
	if (fd < 0)
		return fd;
	query_socket_take(socket, fd);
	return 0;
}

void query_socket_use(struct query_socket *socket, struct speaker *speaker)
{
	struct query_client *client, *next;

	if (!socket)
		return;
	socket->speaker = speaker;
	DL_FOREACH_SAFE(socket->clients, client, next)
	if (client->query.type) {
		client->query.type = 0;
		query_error(&client->buffer, client->query.id, ESTALE,
			    "tortie-bgpd: its configuration changed meanwhile; ask again");
	}
}
