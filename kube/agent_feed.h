/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_AGENT_FEED_H
#define KUBE_AGENT_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"
#include "lib/event_loop.h"

/*
 * The connection to tortied: the cluster's document to it, questions and answers. It is made again
 * whenever it breaks, and everything is told again then.
 */
struct agent_feed;

struct agent_feed_ops {
	/* Connected, or no longer. */
	void (*connected)(bool is_connected, void *arg);
	/* The document was taken (text NULL), or refused and why. */
	void (*committed)(const char *refusal, void *arg);
};

/* An object for `tortie get`. */
struct agent_feed_object {
	const char *kind, *name, *json;
};

struct agent_feed_notice {
	enum status_level level;
	const char *text;
};

/* One transaction; borrowed for the call. */
struct agent_feed_state {
	const char *document; /* NULL: there is none, see why_none */
	size_t document_len;
	const char *why_none;
	const struct agent_feed_notice *notices;
	size_t notice_count;
	const struct agent_feed_object *objects;
	size_t object_count;
	uint32_t policies;
};

struct agent_query_ops {
	/* A record of the answer. */
	void (*record)(const struct message_header *header, const void *body, void *arg);
	void (*done)(int err, void *arg); /* 0, or -errno: it was not answered whole */
};

/** agent_feed_new() - for RUN_DIR/agent.sock; everything given is borrowed. 0 or -errno. */
int agent_feed_new(struct event_loop *loop, const char *run_dir, const struct agent_feed_ops *ops,
		   void *arg, struct agent_feed **ret);
void agent_feed_start(struct agent_feed *feed);
void agent_feed_free(struct agent_feed *feed); /* queries are not told; NULL is fine */
bool agent_feed_is_connected(const struct agent_feed *feed);
const char *agent_feed_version(const struct agent_feed *feed); /* of tortied, "" before */

/** agent_feed_set_state() - tell this from now on; it replaces what was told. 0 or -ENOMEM. */
int agent_feed_set_state(struct agent_feed *feed, const struct agent_feed_state *state);
/** agent_feed_query() - ask @type, a request without a body. 0, or -ENOTCONN, -EAGAIN (the agent
 * does not read), -ENOMEM: done is not called then. */
int agent_feed_query(struct agent_feed *feed, uint32_t type, const struct agent_query_ops *ops,
		     void *arg);

#endif /* KUBE_AGENT_FEED_H */
