/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_link.c: a daemon's connection to the agent, made again whenever it breaks.
 *
 * connect -> MSG_HELLO -> MSG_HELLO_REPLY -> messages both ways -> lost -> wait -> connect. The
 * wait doubles from 100 ms to 2 s and begins anew after a connection that lasted for 2 s, so that
 * an agent that greets and then refuses is not flooded; the log says once that the agent is away
 * and once that it is back. Every message is checked as a whole before the owner sees it; what is
 * malformed ends the connection.
 *
 * Sending never waits and keeps nothing: the socket takes a message or not, and the owner hears
 * when it takes more. What is to be said again after a break is the owner's, too.
 *
 * Messages: include/agent_protocol.h. Programs that ask and wait use lib/agent_client.c.
 */
#include "lib/agent_link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/agent_client.h"
#include "lib/log.h"
#include "lib/unix_socket.h"

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS  2000

struct agent_link {
	struct event_loop *loop;
	struct agent_link_self self;
	const struct agent_link_ops *ops;
	void *arg;
	char path[PATH_MAX];
	int fd; /* -1: not connected */
	bool is_greeted;
	bool is_away_said;
	uint64_t greeted_ms; /* when */
	uint64_t retry_ms;
	struct event_timer retry_timer;
	uint8_t buf[AGENT_MESSAGE_MAX] __attribute__((aligned(8)));
};

static void close_socket(struct agent_link *link)
{
	if (link->fd < 0)
		return;
	event_loop_remove_fd(link->loop, link->fd);
	close(link->fd);
	link->fd = -1;
}

void agent_link_drop(struct agent_link *link, const char *why)
{
	bool was_greeted = link->is_greeted;

	if (was_greeted && event_loop_now_ms() - link->greeted_ms >= RETRY_LAST_MS)
		link->retry_ms = RETRY_FIRST_MS;
	if (!link->is_away_said)
		log_warning("agent %s: %s; %s", link->path, why, link->self.meanwhile);
	link->is_away_said = true;
	close_socket(link);
	link->is_greeted = false;
	event_timer_set(link->loop, &link->retry_timer, link->retry_ms);
	link->retry_ms *= 2;
	if (link->retry_ms > RETRY_LAST_MS)
		link->retry_ms = RETRY_LAST_MS;
	link->ops->lost(was_greeted, link->arg);
}

/* --- sending --- */

void agent_link_await_room(struct agent_link *link)
{
	event_loop_modify_fd(link->loop, link->fd, EPOLLIN | EPOLLOUT);
}

int agent_link_send_message(struct agent_link *link, const struct message_header *header, int fd)
{
	int err;

	if (link->fd < 0)
		return -ENOTCONN;
	err = unix_socket_send(link->fd, header, header->length, &fd, fd >= 0 ? 1 : 0);
	if (err == -EAGAIN)
		agent_link_await_room(link);
	else if (err < 0)
		agent_link_drop(link, strerror(-err));
	return err;
}

int agent_link_send(struct agent_link *link, uint32_t type, uint32_t id, const void *body,
		    size_t len)
{
	struct {
		struct message_header header;
		uint8_t body[AGENT_LINK_BODY_MAX];
	} message = { .header = { .type = type, .id = id } };

	if (len > sizeof(message.body))
		return -EMSGSIZE;
	message.header.length = (uint32_t)(sizeof(message.header) + len);
	if (len > 0)
		memcpy(message.body, body, len);
	return agent_link_send_message(link, &message.header, -1);
}

/* --- waiting --- */

/* Until @events of the socket, or the time is over. */
static int wait_for(const struct agent_link *link, short events, uint64_t until_ms)
{
	struct pollfd socket = { .fd = link->fd, .events = events };
	uint64_t now_ms = event_loop_now_ms();
	int count;

	if (now_ms >= until_ms)
		return -ETIMEDOUT;
	count = poll(&socket, 1, (int)(until_ms - now_ms));
	if (count < 0 && errno != EINTR)
		return -errno;
	return 0;
}

int agent_link_send_waiting(struct agent_link *link, const struct message_header *header, int fd,
			    uint64_t until_ms)
{
	int err = link->fd < 0 ? -ENOTCONN : -EAGAIN;

	while (err == -EAGAIN) {
		err = unix_socket_send(link->fd, header, header->length, &fd, fd >= 0 ? 1 : 0);
		if (err == -EAGAIN && wait_for(link, POLLOUT, until_ms) < 0)
			return -ETIMEDOUT;
	}
	return err;
}

/* One message: 1 when it ends the request @id, 0 when it does not, or -errno. */
static int take_answer(struct agent_link *link, uint32_t id)
{
	const struct message_header *header = (const void *)link->buf;
	const void *body = link->buf + sizeof(*header);
	size_t fd_count = 0;
	int fd = -1;
	ssize_t len =
		unix_socket_receive(link->fd, link->buf, sizeof(link->buf), &fd, 1, &fd_count);

	if (fd_count > 0)
		close(fd);
	if (len == -EAGAIN || len == -EINTR)
		return 0;
	if (len <= 0)
		return len == 0 ? -ECONNRESET : (int)len;
	if (agent_message_check(link->buf, (size_t)len) < 0)
		return -EPROTO;
	if (header->id != id)
		return 0;
	if (header->type == MSG_ERROR)
		return ((const struct msg_error *)body)->error > 0
			       ? -((const struct msg_error *)body)->error
			       : -EPROTO;
	return header->type == MSG_END;
}

int agent_link_await_answer(struct agent_link *link, uint32_t id, uint64_t until_ms)
{
	int err = link->fd < 0 ? -ENOTCONN : 0, taken = 0;

	while (err == 0 && taken == 0) {
		err = wait_for(link, POLLIN, until_ms);
		if (err == 0)
			taken = take_answer(link, id);
	}
	return err < 0 ? err : taken < 0 ? taken : 0;
}

/* --- receiving --- */

static void on_greeting(struct agent_link *link, const struct msg_hello_reply *reply)
{
	log_info("agent %s: connected (tortied %.63s)", link->path, reply->program_version);
	link->is_greeted = true;
	link->is_away_said = false;
	link->greeted_ms = event_loop_now_ms();
	link->ops->greeted(reply, link->arg);
}

static void on_message(struct agent_link *link, int *fd)
{
	const struct message_header *header = (const void *)link->buf;
	const void *body = link->buf + sizeof(*header);

	if (link->is_greeted)
		link->ops->message(header, body, fd, link->arg);
	else if (header->type == MSG_HELLO_REPLY)
		on_greeting(link, body);
	else if (header->type == MSG_ERROR)
		agent_link_drop(link, ((const struct msg_error *)body)->text);
	else
		agent_link_drop(link, "its first message is no greeting");
}

static void receive(struct agent_link *link)
{
	size_t fd_count = 0;
	int fd = -1;
	ssize_t len =
		unix_socket_receive(link->fd, link->buf, sizeof(link->buf), &fd, 1, &fd_count);

	if (len == -EAGAIN || len == -EINTR)
		return;
	if (fd_count == 0)
		fd = -1;
	if (len <= 0)
		agent_link_drop(link, len == 0 ? "it closed the connection" : strerror((int)-len));
	else if (agent_message_check(link->buf, (size_t)len) < 0)
		agent_link_drop(link, "it sent a malformed message");
	else
		on_message(link, &fd);
	if (fd >= 0)
		close(fd);
}

static void on_socket(int fd, uint32_t events, void *arg)
{
	struct agent_link *link = arg;

	if (events & EPOLLOUT) {
		event_loop_modify_fd(link->loop, fd, EPOLLIN);
		if (link->is_greeted)
			link->ops->has_room(link->arg);
	}
	if (link->fd == fd && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(link);
}

/* --- connecting --- */

static void on_retry(void *arg)
{
	struct agent_link *link = arg;
	struct msg_hello hello = { .protocol_version = AGENT_PROTOCOL_VERSION,
				   .role = link->self.role };
	int fd = unix_socket_connect(link->path);

	if (fd < 0) {
		agent_link_drop(link, strerror(-fd));
		return;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (event_loop_add_fd(link->loop, fd, EPOLLIN, on_socket, link) < 0) {
		close(fd);
		agent_link_drop(link, "no memory");
		return;
	}
	link->fd = fd;
	snprintf(hello.program_version, sizeof(hello.program_version), "%s", TORTIE_VERSION);
	agent_link_send(link, MSG_HELLO, 0, &hello, sizeof(hello));
}

int agent_link_new(struct event_loop *loop, const char *run_dir, const struct agent_link_self *self,
		   struct agent_link **ret)
{
	struct agent_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	link->loop = loop;
	link->self = *self;
	link->fd = -1;
	link->retry_ms = RETRY_FIRST_MS;
	snprintf(link->path, sizeof(link->path), "%s/agent.sock", run_dir);
	event_timer_init(&link->retry_timer, on_retry, link);
	*ret = link;
	return 0;
}

void agent_link_start(struct agent_link *link, const struct agent_link_ops *ops, void *arg)
{
	link->ops = ops;
	link->arg = arg;
	on_retry(link);
}

void agent_link_free(struct agent_link *link)
{
	if (!link)
		return;
	event_timer_cancel(link->loop, &link->retry_timer);
	close_socket(link);
	free(link);
}

bool agent_link_is_greeted(const struct agent_link *link)
{
	return link->is_greeted;
}

const char *agent_link_path(const struct agent_link *link)
{
	return link->path;
}
