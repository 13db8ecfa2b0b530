/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_feed.c: the cluster's document to tortied, and questions to it.
 *
 * The state to be told is kept as a list of ready messages (BEGIN, NOTICE..., OBJECT..., COMMIT
 * with a sealed memfd) and a cursor into it. A connection starts with the cursor at the front; a
 * new state replaces the list, and BEGIN makes the agent forget what was half told. The socket
 * takes what it takes: the rest waits for EPOLLOUT, so nothing grows.
 *
 * Every request carries an id; COMMIT's is known here, the others are queries in a list. When the
 * connection breaks all queries end with an error. Reconnecting backs off from 100 ms to 2 s and
 * says so once.
 *
 * Messages: include/agent_protocol.h.
 */
#include "kube/agent_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utlist.h>

#include "lib/agent_client.h"
#include "lib/log.h"
#include "lib/unix_socket.h"

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS  2000

/* A message of the state, ready to be sent. */
struct outgoing {
	struct outgoing *next;
	struct message_header header; /* followed by its body */
	uint8_t body[];
};

struct query {
	uint32_t id;
	const struct agent_query_ops *ops;
	void *arg;
	struct query *prev, *next;
};

struct agent_feed {
	struct event_loop *loop;
	const struct agent_feed_ops *ops;
	void *arg;
	char path[PATH_MAX];
	char version[64];
	int fd;		 /* -1: not connected */
	int document_fd; /* sealed memfd, -1: no state yet, or one without a document */
	bool is_greeted;
	bool is_waiting_said;
	struct outgoing *state;	 /* the whole list */
	struct outgoing *cursor; /* what is sent next; NULL: all is */
	uint32_t commit_id;	 /* of the COMMIT that is not answered yet, 0: none */
	uint32_t last_id;
	struct query *queries;
	uint64_t retry_ms;
	struct event_timer retry_timer;
	uint8_t buf[AGENT_MESSAGE_MAX] __attribute__((aligned(8)));
};

/* --- the state --- */

static void free_state(struct agent_feed *feed)
{
	while (feed->state) {
		struct outgoing *next = feed->state->next;

		free(feed->state);
		feed->state = next;
	}
	feed->cursor = NULL;
	if (feed->document_fd >= 0)
		close(feed->document_fd);
	feed->document_fd = -1;
}

/* A message of @len octets in two parts; @ret_last moves on. */
static int append(struct outgoing ***last, uint32_t type, const void *body, size_t len,
		  const char *text)
{
	size_t text_len = text ? strlen(text) : 0;
	struct outgoing *message = calloc(1, sizeof(*message) + len + text_len);

	if (!message)
		return -ENOMEM;
	message->header.type = type;
	message->header.length = (uint32_t)(sizeof(message->header) + len + text_len);
	if (len > 0)
		memcpy(message->body, body, len);
	if (text_len > 0)
		memcpy(message->body + len, text, text_len);
	**last = message;
	*last = &message->next;
	return 0;
}

static int append_notice(struct outgoing ***last, const struct agent_feed_notice *notice)
{
	struct msg_status_line line = { .level = notice->level };

	snprintf(line.text, sizeof(line.text), "%s", notice->text);
	return append(last, MSG_CLUSTER_NOTICE, &line, sizeof(line), NULL);
}

static int append_object(struct outgoing ***last, const struct agent_feed_object *object)
{
	struct msg_cluster_object message = { .json_len = (uint32_t)strlen(object->json) };

	snprintf(message.kind, sizeof(message.kind), "%s", object->kind);
	snprintf(message.name, sizeof(message.name), "%s", object->name);
	return append(last, MSG_CLUSTER_OBJECT, &message, sizeof(message), object->json);
}

static int append_all(struct outgoing ***last, const struct agent_feed_state *state)
{
	struct msg_cluster_commit commit = { .policies = state->policies };
	int err = append(last, MSG_CLUSTER_BEGIN, NULL, 0, NULL);

	if (!state->document)
		snprintf(commit.why_none, sizeof(commit.why_none), "%s", state->why_none);

	for (size_t i = 0; i < state->notice_count && err == 0; i++)
		err = append_notice(last, &state->notices[i]);
	for (size_t i = 0; i < state->object_count && err == 0; i++)
		err = append_object(last, &state->objects[i]);
	if (err == 0)
		err = append(last, MSG_CLUSTER_COMMIT, &commit, sizeof(commit), NULL);
	return err;
}

/* The document in memory that nobody can change any more; fd or -errno. */
static int seal(const char *document, size_t len)
{
	int fd = memfd_create("tortie-cluster", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < len) {
		ssize_t written = write(fd, document + done, len - done);

		if (written < 0)
			goto err_close;
		done += (size_t)written;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		goto err_close;
	return fd;

err_close:
	done = (size_t)errno;
	close(fd);
	return -(int)done;
}

static void send_waiting(struct agent_feed *feed);

int agent_feed_set_state(struct agent_feed *feed, const struct agent_feed_state *state)
{
	struct outgoing *list = NULL, **last = &list;
	int fd = state->document ? seal(state->document, state->document_len) : -1;
	int err = state->document && fd < 0 ? fd : append_all(&last, state);

	if (err < 0) {
		if (fd >= 0)
			close(fd);
		while (list) {
			struct outgoing *next = list->next;

			free(list);
			list = next;
		}
		return err;
	}
	free_state(feed);
	feed->state = feed->cursor = list;
	feed->document_fd = fd;
	feed->commit_id = 0;
	send_waiting(feed);
	return 0;
}

/* --- the connection --- */

static void disconnect(struct agent_feed *feed, const char *why)
{
	struct query *query;
	bool was_greeted = feed->is_greeted;

	if (feed->fd >= 0) {
		event_loop_remove_fd(feed->loop, feed->fd);
		close(feed->fd);
	}
	feed->fd = -1;
	feed->is_greeted = false;
	feed->commit_id = 0;
	feed->cursor = NULL;
	if (!feed->is_waiting_said)
		log_warning("agent %s: %s; trying again", feed->path, why);
	feed->is_waiting_said = true;
	while ((query = feed->queries)) {
		DL_DELETE(feed->queries, query);
		query->ops->done(-ECONNRESET, query->arg);
		free(query);
	}
	if (was_greeted)
		feed->ops->connected(false, feed->arg);
	event_timer_set(feed->loop, &feed->retry_timer, feed->retry_ms);
	feed->retry_ms *= 2;
	if (feed->retry_ms > RETRY_LAST_MS)
		feed->retry_ms = RETRY_LAST_MS;
}

static uint32_t new_id(struct agent_feed *feed)
{
	if (++feed->last_id == 0)
		feed->last_id = 1;
	return feed->last_id;
}

/* 0 or -EAGAIN; after another error the connection is closed. */
static int send_octets(struct agent_feed *feed, const void *data, size_t len, const int *fd)
{
	int err = unix_socket_send(feed->fd, data, len, fd, fd ? 1 : 0);

	if (err == -EAGAIN)
		event_loop_modify_fd(feed->loop, feed->fd, EPOLLIN | EPOLLOUT);
	else if (err < 0)
		disconnect(feed, strerror(-err));
	return err;
}

static void send_waiting(struct agent_feed *feed)
{
	while (feed->is_greeted && feed->cursor) {
		struct outgoing *message = feed->cursor;
		bool is_commit = message->header.type == MSG_CLUSTER_COMMIT;

		message->header.id = is_commit ? new_id(feed) : 0;
		if (send_octets(feed, &message->header, message->header.length,
				is_commit && feed->document_fd >= 0 ? &feed->document_fd : NULL) <
		    0)
			return;
		feed->cursor = message->next;
		if (is_commit)
			feed->commit_id = message->header.id;
	}
}

int agent_feed_query(struct agent_feed *feed, uint32_t type, const struct agent_query_ops *ops,
		     void *arg)
{
	struct message_header header = { .type = type, .length = sizeof(header) };
	struct query *query;
	int err;

	if (!feed->is_greeted)
		return -ENOTCONN;
	query = calloc(1, sizeof(*query));
	if (!query)
		return -ENOMEM;
	header.id = query->id = new_id(feed);
	query->ops = ops;
	query->arg = arg;
	err = send_octets(feed, &header, sizeof(header), NULL);
	if (err < 0) {
		free(query);
		return err;
	}
	DL_APPEND(feed->queries, query);
	return 0;
}

/* --- what comes --- */

static struct query *find_query(struct agent_feed *feed, uint32_t id)
{
	struct query *query;

	DL_SEARCH_SCALAR(feed->queries, query, id, id);
	return query;
}

static void end_query(struct agent_feed *feed, struct query *query, int err)
{
	const struct agent_query_ops *ops = query->ops;
	void *arg = query->arg;

	DL_DELETE(feed->queries, query);
	free(query);
	ops->done(err, arg);
}

static void on_greeted(struct agent_feed *feed, const struct msg_hello_reply *reply)
{
	memcpy(feed->version, reply->program_version, sizeof(feed->version));
	feed->version[sizeof(feed->version) - 1] = '\0';
	log_info("agent %s: connected (tortied %s)", feed->path, feed->version);
	feed->is_greeted = true;
	feed->is_waiting_said = false;
	feed->retry_ms = RETRY_FIRST_MS;
	feed->cursor = feed->state;
	send_waiting(feed);
	if (feed->is_greeted)
		feed->ops->connected(true, feed->arg);
}

static void on_error(struct agent_feed *feed, uint32_t id, const struct msg_error *body)
{
	struct msg_error error;
	struct query *query = find_query(feed, id);

	memcpy(&error, body, sizeof(error));
	error.text[TEXT_MAX] = '\0';
	if (!feed->is_greeted) {
		disconnect(feed, error.text);
	} else if (id != 0 && id == feed->commit_id) {
		feed->commit_id = 0;
		feed->ops->committed(error.text, feed->arg);
	} else if (query) {
		end_query(feed, query, error.error > 0 ? -error.error : -EPROTO);
	} else {
		log_warning("agent %s: %s", feed->path, error.text);
	}
}

static void on_end(struct agent_feed *feed, uint32_t id)
{
	struct query *query = find_query(feed, id);

	if (id != 0 && id == feed->commit_id) {
		feed->commit_id = 0;
		feed->ops->committed(NULL, feed->arg);
	} else if (query) {
		end_query(feed, query, 0);
	}
}

static void on_message(struct agent_feed *feed)
{
	const struct message_header *header = (const void *)feed->buf;
	const void *body = feed->buf + sizeof(*header);
	struct query *query;

	switch (header->type) {
	case MSG_HELLO_REPLY:
		if (!feed->is_greeted)
			on_greeted(feed, body);
		break;
	case MSG_ERROR:
		on_error(feed, header->id, body);
		break;
	case MSG_END:
		on_end(feed, header->id);
		break;
	default:
		query = find_query(feed, header->id);
		if (query)
			query->ops->record(header, body, query->arg);
		break;
	}
}

static void receive(struct agent_feed *feed)
{
	ssize_t len = unix_socket_receive(feed->fd, feed->buf, sizeof(feed->buf), NULL, 0, NULL);

	if (len == -EAGAIN || len == -EINTR)
		return;
	if (len <= 0)
		disconnect(feed, len == 0 ? "it closed the connection" : strerror((int)-len));
	else if (agent_message_check(feed->buf, (size_t)len) < 0)
		disconnect(feed, "it sent a malformed message");
	else
		on_message(feed);
}

static void on_socket(int fd, uint32_t events, void *arg)
{
	struct agent_feed *feed = arg;

	if (events & EPOLLOUT) {
		event_loop_modify_fd(feed->loop, fd, EPOLLIN);
		send_waiting(feed);
	}
	if (feed->fd == fd && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(feed);
}

static void on_retry(void *arg)
{
	struct agent_feed *feed = arg;
	struct {
		struct message_header header;
		struct msg_hello hello;
	} message = { .header = { .type = MSG_HELLO, .length = sizeof(message) } };
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
	message.hello.protocol_version = AGENT_PROTOCOL_VERSION;
	message.hello.role = ROLE_KUBED;
	snprintf(message.hello.program_version, sizeof(message.hello.program_version), "%s",
		 TORTIE_VERSION);
	send_octets(feed, &message, sizeof(message), NULL);
}

int agent_feed_new(struct event_loop *loop, const char *run_dir, const struct agent_feed_ops *ops,
		   void *arg, struct agent_feed **ret)
{
	struct agent_feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return -ENOMEM;
	feed->loop = loop;
	feed->ops = ops;
	feed->arg = arg;
	feed->fd = feed->document_fd = -1;
	feed->retry_ms = RETRY_FIRST_MS;
	snprintf(feed->path, sizeof(feed->path), "%s/agent.sock", run_dir);
	event_timer_init(&feed->retry_timer, on_retry, feed);
	*ret = feed;
	return 0;
}

void agent_feed_start(struct agent_feed *feed)
{
	on_retry(feed);
}

bool agent_feed_is_connected(const struct agent_feed *feed)
{
	return feed->is_greeted;
}

const char *agent_feed_version(const struct agent_feed *feed)
{
	return feed->version;
}

void agent_feed_free(struct agent_feed *feed)
{
	struct query *query;

	if (!feed)
		return;
	event_timer_cancel(feed->loop, &feed->retry_timer);
	if (feed->fd >= 0) {
		event_loop_remove_fd(feed->loop, feed->fd);
		close(feed->fd);
	}
	while ((query = feed->queries)) {
		DL_DELETE(feed->queries, query);
		free(query);
	}
	free_state(feed);
	free(feed);
}
