/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_WATCH_H
#define KUBE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/watch_request.h"
#include "lib/event_loop.h"
#include "lib/kube_client.h"

struct json_object;

/*
 * All objects of one kind, kept up to date: a list once, then a watch for good. What was told last
 * stays whatever the server does; when it is back, the watch goes on where it was.
 */
struct watch;

enum watch_state {
	WATCH_STARTING, /* nothing is known yet */
	WATCH_IN_SYNC,
	WATCH_BROKEN,  /* what was known is kept, trying again */
	WATCH_DENIED,  /* 403: we may not read this kind; trying again, ever more rarely */
	WATCH_MISSING, /* 404: the server has no such kind; trying again rarely */
};

struct watch_ops {
	/* All objects follow; those that are not set again by `synced` are gone. */
	void (*begin)(void *arg);
	void (*set)(struct json_object *object, void *arg); /* new or changed; borrowed */
	void (*gone)(struct json_object *object, void *arg);
	/* An object was too large to be read: what was known of it stays. */
	void (*too_large)(const char *name, size_t len, void *arg);
	void (*synced)(void *arg);
	/* The state, and its words, have changed. WATCH_MISSING: there are no objects. */
	void (*state)(enum watch_state state, void *arg);
};

/* All in milliseconds; a wait is made longer by up to half of it, by chance. */
struct watch_timing {
	uint64_t retry_first, retry_last; /* after a failure, doubling */
	uint64_t busy;			  /* at least, after 429 and 5xx; the first after 403 */
	uint64_t list_apart;		  /* at least, between two lists */
	uint64_t rarely;		  /* after 404, and at most after 403, doubling */
	uint64_t idle;			  /* of a watch: without an octet, it is dropped */
	unsigned int watch_s;		  /* how long the server may keep a watch open */
};

extern const struct watch_timing watch_timing_default;

struct watch_kind {
	const char *name;	    /* for people: "nodes" */
	struct watch_target target; /* "/api/v1/nodes" */
	bool is_metadata_only;
};

struct watch_counts {
	uint64_t lists; /* whole states that were asked for, by list or by watch */
	uint64_t watches;
	uint64_t failures;
	uint64_t events;
	uint64_t too_large;
};

/** watch_new() - everything given is borrowed and outlives the watch. 0 or -errno. */
int watch_new(struct event_loop *loop, struct kube_client *client, const struct watch_kind *kind,
	      const struct watch_timing *timing, struct watch **ret);
void watch_start(struct watch *watch, const struct watch_ops *ops, void *arg);
/** watch_stop() - as if it had never been started; nothing is told any more. */
void watch_stop(struct watch *watch);
void watch_free(struct watch *watch); /* NULL is fine */

enum watch_state watch_get_state(const struct watch *watch);
/** watch_get_text() - why it is not in sync, one line; "" when it is. */
const char *watch_get_text(const struct watch *watch);
bool watch_is_known(const struct watch *watch); /* all objects were told at least once */
const struct watch_counts *watch_get_counts(const struct watch *watch);

#endif /* KUBE_WATCH_H */
