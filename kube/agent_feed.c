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
 * connection breaks (lib/agent_link.c) all queries end with an error.
 *
 * Messages: include/agent_protocol.h.
 */
#include "kube/agent_feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utlist.h>

#include "lib/agent_link.h"
#include "lib/log.h"
#include "lib/sealed_text.h"

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
	const struct agent_feed_ops *ops;
	void *arg;
	struct agent_link *link;
	char version[64];
	int document_fd;	 /* sealed memfd, -1: no state yet, or one without a document */
	struct outgoing *state;	 /* the whole list */
	struct outgoing *cursor; /* what is sent next; NULL: all is */
	uint32_t commit_id;	 /* of the COMMIT that is not answered yet, 0: none */
	uint32_t last_id;
	struct query *queries;
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

static void send_waiting(struct agent_feed *feed);

int agent_feed_set_state(struct agent_feed *feed, const struct agent_feed_state *state)
{
	struct outgoing *list = NULL, **last = &list;
	int fd = state->document ? sealed_text_make(state->document, state->document_len) : -1;
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

static void on_lost(bool was_greeted, void *arg)
{
	struct agent_feed *feed = arg;
	struct query *query;

	feed->commit_id = 0;
	feed->cursor = NULL;
	while ((query = feed->queries)) {
		DL_DELETE(feed->queries, query);
		query->ops->done(-ECONNRESET, query->arg);
		free(query);
	}
	if (was_greeted)
		feed->ops->connected(false, feed->arg);
}

static uint32_t new_id(struct agent_feed *feed)
{
	if (++feed->last_id == 0)
		feed->last_id = 1;
	return feed->last_id;
}

static void send_waiting(struct agent_feed *feed)
{
	while (agent_link_is_greeted(feed->link) && feed->cursor) {
		struct outgoing *message = feed->cursor;
		bool is_commit = message->header.type == MSG_CLUSTER_COMMIT;

		message->header.id = is_commit ? new_id(feed) : 0;
		if (agent_link_send_message(feed->link, &message->header,
					    is_commit ? feed->document_fd : -1) < 0)
			return;
		feed->cursor = message->next;
		if (is_commit)
			feed->commit_id = message->header.id;
	}
}

int agent_feed_query(struct agent_feed *feed, uint32_t type, const struct agent_query_ops *ops,
		     void *arg)
{
	struct query *query;
	int err;

	if (!agent_link_is_greeted(feed->link))
		return -ENOTCONN;
	query = calloc(1, sizeof(*query));
	if (!query)
		return -ENOMEM;
	query->id = new_id(feed);
	query->ops = ops;
	query->arg = arg;
	err = agent_link_send(feed->link, type, query->id, NULL, 0);
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

static void on_greeted(const struct msg_hello_reply *reply, void *arg)
{
	struct agent_feed *feed = arg;

	memcpy(feed->version, reply->program_version, sizeof(feed->version));
	feed->cursor = feed->state;
	send_waiting(feed);
	if (agent_link_is_greeted(feed->link))
		feed->ops->connected(true, feed->arg);
}

static void on_error(struct agent_feed *feed, uint32_t id, const struct msg_error *error)
{
	struct query *query = find_query(feed, id);

	/* Another watcher is there, still or by mistake: come again, and tell all again. */
	if (error->error == EBUSY) {
		agent_link_drop(feed->link, error->text);
	} else if (id != 0 && id == feed->commit_id) {
		feed->commit_id = 0;
		feed->ops->committed(error->text, feed->arg);
	} else if (query) {
		end_query(feed, query, error->error > 0 ? -error->error : -EPROTO);
	} else {
		log_warning("agent %s: %s", agent_link_path(feed->link), error->text);
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

static void on_message(const struct message_header *header, const void *body, int *fd, void *arg)
{
	struct agent_feed *feed = arg;
	struct query *query;

	switch (header->type) {
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

static void on_room(void *arg)
{
	send_waiting(arg);
}

static const struct agent_link_ops link_ops = {
	.greeted = on_greeted,
	.message = on_message,
	.has_room = on_room,
	.lost = on_lost,
};

int agent_feed_new(struct event_loop *loop, const char *run_dir, const struct agent_feed_ops *ops,
		   void *arg, struct agent_feed **ret)
{
	static const struct agent_link_self self = { ROLE_KUBED, "trying again" };
	struct agent_feed *feed = calloc(1, sizeof(*feed));
	int err;

	if (!feed)
		return -ENOMEM;
	err = agent_link_new(loop, run_dir, &self, &feed->link);
	if (err < 0) {
		free(feed);
		return err;
	}
	feed->ops = ops;
	feed->arg = arg;
	feed->document_fd = -1;
	*ret = feed;
	return 0;
}

void agent_feed_start(struct agent_feed *feed)
{
	agent_link_start(feed->link, &link_ops, feed);
}

bool agent_feed_is_connected(const struct agent_feed *feed)
{
	return agent_link_is_greeted(feed->link);
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
	agent_link_free(feed->link);
	while ((query = feed->queries)) {
		DL_DELETE(feed->queries, query);
		free(query);
	}
	free_state(feed);
	free(feed);
}
