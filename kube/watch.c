/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c: one kind of objects of the API server, listed once and watched for good.
 *
 * Phases: INITIAL is a watch that sends all objects first (sendInitialEvents, "WatchList"); where
 * the server has no such thing, LIST, page by page. Then WATCH from the resourceVersion of that,
 * again and again: the server ends a watch after watch_s, and each goes on from the last version
 * seen, which bookmarks keep fresh. A list is asked for again only when the server has forgotten
 * that version (410, as a status or as an ERROR event inside a 200), or when watches have been
 * silent for so long that the version may be one of another life of the cluster (a store that was
 * restored from a backup answers a version of its future with silence).
 *
 * When something fails the last state stays, and the next request waits: doubling, by chance up to
 * half longer, as long as Retry-After says, and so that two lists are list_apart. Time is the
 * monotonic clock's. A silent connection is dropped after `idle` and a new one made; the API
 * server sends a bookmark about every minute.
 *
 * Source: Kubernetes API concepts ("Efficient detection of changes", "Streaming lists", "410 Gone
 * responses", "Retrieving large results sets in chunks"); what a server really sends is recorded
 * in tests/unit/kube/fixtures.
 */
#include "kube/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/stream.h"
#include "lib/log.h"

#define LIST_TIMEOUT_S 120u
#define LIST_IDLE_MS   30000u
#define INITIAL_MS     60000u /* for all initial events together */
#define WATCH_GRACE_S  30u    /* a watch that the server does not end is ended by us */
#define SHORT_WATCH_MS 5000u
#define SILENT_WATCHES 3
#define STATUS_UNKNOWN 401
#define STATUS_GONE    410
#define STATUS_MANY    429
#define FRESH_EVERY    4 /* of requests that were answered with 401 in a row */

const struct watch_timing watch_timing_default = {
	.retry_first = 1000,
	.retry_last = 15000,
	.busy = 5000,
	.list_apart = 5000,
	.rarely = 120000,
	.idle = 180000,
	.watch_s = 300,
};

enum watch_phase {
	PHASE_INITIAL,
	PHASE_LIST,
	PHASE_WATCH,
};

struct watch {
	struct event_loop *loop;
	struct kube_client *client;
	const struct watch_kind *kind;
	const struct watch_timing *timing;
	const struct watch_ops *ops;
	void *arg;

	enum watch_phase phase; /* under way, or next */
	enum watch_state state;
	char text[512];
	bool is_known;
	bool has_no_initial; /* the server does not send initial events */
	bool has_no_pages;   /* a page expired: ask for all in one */
	bool is_fresh;	     /* not over the connection that there is */
	char version[WATCH_VERSION_MAX];
	char *next_page; /* token; NULL: first page */
	unsigned int failures, silent_watches;
	unsigned int denials;	  /* 403 in a row */
	bool has_events;	  /* this transfer */
	struct watch_error error; /* an ERROR event */
	uint64_t list_ms, start_ms;
	bool has_listed;

	struct kube_transfer *transfer;
	struct stream stream;
	struct event_timer retry_timer, idle_timer;
	struct watch_counts counts;
};

/* --- state --- */

static void set_state(struct watch *watch, enum watch_state state, const char *text)
{
	bool is_news = watch->state != state;

	snprintf(watch->text, sizeof(watch->text), "%s", text);
	watch->state = state;
	if (state == WATCH_IN_SYNC)
		watch->denials = 0;
	if (!is_news)
		return;
	if (state == WATCH_IN_SYNC)
		log_info("%s: in sync", watch->kind->name);
	else if (state == WATCH_MISSING)
		log_info("%s: the cluster has no such kind, so there are none", watch->kind->name);
	else
		log_warning("%s: %s", watch->kind->name, text);
	watch->ops->state(state, watch->arg);
}

static uint64_t lengthen(uint64_t ms)
{
	return ms + (ms ? (uint64_t)random() % (ms / 2 + 1) : 0);
}

/* The next request, not before @ms; a whole state not before its time either. */
static void schedule(struct watch *watch, uint64_t ms)
{
	uint64_t now = event_loop_now_ms(), apart = lengthen(watch->timing->list_apart);

	ms = lengthen(ms);
	if (watch->phase != PHASE_WATCH && !watch->next_page && watch->has_listed &&
	    watch->list_ms + apart > now + ms)
		ms = watch->list_ms + apart - now;
	event_timer_set(watch->loop, &watch->retry_timer, ms);
}

static void ask_for_all(struct watch *watch)
{
	watch->phase = watch->has_no_initial ? PHASE_LIST : PHASE_INITIAL;
	watch->version[0] = '\0';
	free(watch->next_page);
	watch->next_page = NULL;
}

static uint64_t failure_delay(struct watch *watch)
{
	uint64_t ms = watch->timing->retry_first;

	for (unsigned int i = 1; i < watch->failures && ms < watch->timing->retry_last; i++)
		ms *= 2;
	return ms < watch->timing->retry_last ? ms : watch->timing->retry_last;
}

/* An API server that has just started denies what it will allow in a moment: it has not read all
 * roles yet. So the first waits are short. */
static uint64_t denied_delay(struct watch *watch)
{
	uint64_t ms = watch->timing->busy;

	for (unsigned int i = 0; i < watch->denials && ms < watch->timing->rarely; i++)
		ms *= 2;
	if (watch->denials < UINT32_MAX)
		watch->denials++;
	return ms < watch->timing->rarely ? ms : watch->timing->rarely;
}

static uint64_t idle_ms(const struct watch *watch)
{
	return watch->phase == PHASE_LIST ? LIST_IDLE_MS : watch->timing->idle;
}

/* --- what comes --- */

static void tell_synced(struct watch *watch)
{
	watch->is_known = true;
	watch->failures = 0;
	watch->phase = PHASE_WATCH;
	watch->ops->synced(watch->arg);
	set_state(watch, WATCH_IN_SYNC, "");
}

static int on_event(struct watch *watch, struct json_object *event)
{
	struct json_object *object = NULL;
	bool is_end = false;

	watch->counts.events++;
	watch->has_events = true;
	switch (watch_event_read(event, &object, &is_end)) {
	case WATCH_EVENT_SET:
		watch->ops->set(object, watch->arg);
		break;
	case WATCH_EVENT_GONE:
		watch->ops->gone(object, watch->arg);
		break;
	case WATCH_EVENT_BOOKMARK:
		break;
	case WATCH_EVENT_ERROR:
		watch_error_read(object, &watch->error);
		return -ECANCELED;
	default:
		return -EBADMSG;
	}
	watch_version_read(object, watch->version);
	if (watch->phase == PHASE_INITIAL && is_end) {
		tell_synced(watch);
		event_timer_set(watch->loop, &watch->idle_timer, idle_ms(watch));
	}
	if (watch->phase == PHASE_WATCH)
		watch->failures = 0;
	return 0;
}

static int on_object(struct json_object *object, void *arg)
{
	struct watch *watch = arg;

	if (watch->phase != PHASE_LIST)
		return on_event(watch, object);
	watch->ops->set(object, watch->arg);
	return 0;
}

/* The server writes the type in front. */
static bool is_deletion(const struct stream *stream)
{
	static const char mark[] = "{\"type\":\"DELETED\",";

	return stream->kind == STREAM_WATCH && stream->len >= strlen(mark) &&
	       memcmp(stream->object, mark, strlen(mark)) == 0;
}

/* That it has gone is all that matters of an object, however large it was. */
static void tell_gone(struct watch *watch, const char *name)
{
	struct json_object *object = json_object_new_object();
	struct json_object *metadata = json_object_new_object();

	json_object_object_add(metadata, "name", json_object_new_string(name));
	json_object_object_add(object, "metadata", metadata);
	watch->ops->gone(object, watch->arg);
	json_object_put(object);
}

static void on_too_large(const char *name, size_t len, void *arg)
{
	struct watch *watch = arg;

	watch->counts.too_large++;
	if (is_deletion(&watch->stream)) {
		tell_gone(watch, name);
		return;
	}
	watch->ops->too_large(name, len, watch->arg);
}

static const struct stream_ops stream_ops = { .object = on_object, .too_large = on_too_large };

/* The server is there again: its watch goes on where the last one was. */
static void on_begun(void *arg)
{
	struct watch *watch = arg;

	if (watch->phase == PHASE_WATCH)
		set_state(watch, WATCH_IN_SYNC, "");
}

static int on_data(const char *data, size_t len, void *arg)
{
	struct watch *watch = arg;

	if (watch->phase != PHASE_INITIAL)
		event_timer_set(watch->loop, &watch->idle_timer, idle_ms(watch));
	return stream_feed(&watch->stream, data, len);
}

/* --- how it ends --- */

static void fail(struct watch *watch, enum watch_state state, uint64_t ms, const char *text)
{
	watch->counts.failures++;
	if (watch->phase != PHASE_WATCH)
		ask_for_all(watch);
	if (watch->failures < UINT32_MAX)
		watch->failures++;
	/* A watch that breaks and goes on at the next attempt is nothing to speak of. */
	if (state != WATCH_BROKEN || watch->failures > 1 || watch->phase != PHASE_WATCH)
		set_state(watch, state, text);
	else
		log_debug("%s: %s", watch->kind->name, text);
	schedule(watch, ms);
}

static void fail_status(struct watch *watch, long status, unsigned int retry_after_s,
			const char *text)
{
	uint64_t ms = failure_delay(watch);

	if (status == STATUS_MANY || status >= 500)
		ms = ms > watch->timing->busy ? ms : watch->timing->busy;
	if ((uint64_t)retry_after_s * 1000 > ms)
		ms = (uint64_t)retry_after_s * 1000;
	if (status == STATUS_GONE) {
		watch->has_no_pages = watch->has_no_pages || watch->next_page;
		ask_for_all(watch);
		fail(watch, WATCH_BROKEN, 0, text);
	} else if (status == 403) {
		fail(watch, WATCH_DENIED, denied_delay(watch), text);
	} else if (status == 404) {
		ask_for_all(watch);
		fail(watch, WATCH_MISSING, watch->timing->rarely, text);
	} else if (watch->phase == PHASE_INITIAL && (status == 400 || status == 422)) {
		log_debug("%s: the server sends no initial events: listing", watch->kind->name);
		watch->has_no_initial = true;
		ask_for_all(watch);
		watch->has_listed = false; /* this was none */
		watch->counts.lists--;
		schedule(watch, 0);
	} else {
		fail(watch, WATCH_BROKEN, ms, text);
	}
}

static void end_list(struct watch *watch)
{
	struct json_object *envelope = NULL;
	int err = stream_end(&watch->stream, &envelope);

	if (err == 0)
		err = watch_list_read(envelope, watch->version, &watch->next_page);
	json_object_put(envelope);
	if (err < 0) {
		fail(watch, WATCH_BROKEN, failure_delay(watch), "the list is no whole JSON");
		return;
	}
	if (!watch->next_page)
		tell_synced(watch);
	event_timer_set(watch->loop, &watch->retry_timer, 0);
}

/* The server ended a watch, as it should after a while. */
static void end_watch(struct watch *watch)
{
	bool is_short = event_loop_now_ms() - watch->start_ms < SHORT_WATCH_MS;

	if (watch->phase == PHASE_INITIAL) {
		watch->has_no_initial = true;
		fail(watch, WATCH_BROKEN, failure_delay(watch),
		     "the server ended the watch before all objects were told");
		return;
	}
	watch->silent_watches = watch->has_events ? 0 : watch->silent_watches + 1;
	if (watch->silent_watches >= SILENT_WATCHES) {
		log_info("%s: %u watches without an event or bookmark: asking for all",
			 watch->kind->name, watch->silent_watches);
		watch->silent_watches = 0;
		ask_for_all(watch);
	}
	/* Watches that end at once, without a word: as a failure, or we would ask without pause. */
	if (is_short && !watch->has_events) {
		watch->failures++;
		schedule(watch, failure_delay(watch));
		return;
	}
	watch->failures = 0;
	schedule(watch, is_short ? watch->timing->retry_first : 1);
}

/*
 * What broke is gone, and all watches share the next connection. But a connection shows the
 * certificate that we had when it was made, so where that was renewed 401 lasts for as long as it.
 * Not each time: a server that has just started answers 401 to everybody for some seconds.
 */
static bool needs_fresh_connection(const struct watch *watch, const struct kube_result *result)
{
	return result->err == 0 && result->status == STATUS_UNKNOWN &&
	       watch->failures % FRESH_EVERY == FRESH_EVERY - 1;
}

static void on_done(const struct kube_result *result, void *arg)
{
	struct watch *watch = arg;
	enum watch_phase phase = watch->phase;

	watch->transfer = NULL;
	event_timer_cancel(watch->loop, &watch->idle_timer);
	watch->is_fresh = needs_fresh_connection(watch, result);
	if (watch->error.is_set)
		fail_status(watch, watch->error.code, watch->error.retry_after_s,
			    watch->error.text);
	else if (result->err < 0)
		fail(watch, WATCH_BROKEN, failure_delay(watch),
		     result->err == -EBADMSG ? "what the server sent is no JSON" : result->text);
	else if (result->status < 200 || result->status >= 300)
		fail_status(watch, result->status, result->retry_after_s, result->text);
	else if (phase == PHASE_LIST)
		end_list(watch);
	else
		end_watch(watch);
	stream_fini(&watch->stream);
}

static void on_idle(void *arg)
{
	struct watch *watch = arg;

	kube_transfer_cancel(watch->transfer);
	watch->transfer = NULL;
	stream_fini(&watch->stream);
	watch->is_fresh = true;
	if (watch->phase == PHASE_WATCH) {
		log_debug("%s: the watch is silent: another one", watch->kind->name);
		end_watch(watch);
	} else {
		watch->has_no_initial = watch->has_no_initial || watch->phase == PHASE_INITIAL;
		fail(watch, WATCH_BROKEN, failure_delay(watch), "the server sends nothing more");
	}
}

/* --- how it begins --- */

static void begin_all(struct watch *watch)
{
	if (watch->next_page)
		return;
	watch->list_ms = event_loop_now_ms();
	watch->has_listed = true;
	watch->counts.lists++;
	watch->ops->begin(watch->arg);
}

static void start(void *arg)
{
	static const struct kube_transfer_ops ops = { .begun = on_begun,
						      .data = on_data,
						      .done = on_done };
	struct watch *watch = arg;
	char *path = NULL;
	struct kube_request request = { .method = "GET", .is_fresh = watch->is_fresh };
	bool is_list = watch->phase == PHASE_LIST;
	unsigned int watch_s = (unsigned int)lengthen(watch->timing->watch_s);
	int err;

	request.timeout_s = is_list ? LIST_TIMEOUT_S : watch_s + WATCH_GRACE_S;
	if (watch->kind->is_metadata_only)
		request.accept = is_list ? WATCH_ACCEPT_METADATA_LIST : WATCH_ACCEPT_METADATA;
	if (is_list)
		err = watch_path_list(&watch->kind->target, watch->has_no_pages, watch->next_page,
				      &path);
	else
		err = watch_path_watch(&watch->kind->target, watch->version, watch_s, &path);
	watch->has_events = false;
	watch->error.is_set = false;
	watch->start_ms = event_loop_now_ms();
	stream_init(&watch->stream, is_list ? STREAM_LIST : STREAM_WATCH, &stream_ops, watch);
	if (err == 0) {
		request.path = path;
		err = kube_transfer_start(watch->client, &request, &ops, watch, &watch->transfer);
	}
	free(path);
	if (err < 0) {
		fail(watch, WATCH_BROKEN, failure_delay(watch), strerror(-err));
		return;
	}
	if (watch->phase != PHASE_WATCH)
		begin_all(watch);
	else
		watch->counts.watches++;
	event_timer_set(watch->loop, &watch->idle_timer,
			watch->phase == PHASE_INITIAL ? INITIAL_MS : idle_ms(watch));
}

int watch_new(struct event_loop *loop, struct kube_client *client, const struct watch_kind *kind,
	      const struct watch_timing *timing, struct watch **ret)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->loop = loop;
	watch->client = client;
	watch->kind = kind;
	watch->timing = timing;
	event_timer_init(&watch->retry_timer, start, watch);
	event_timer_init(&watch->idle_timer, on_idle, watch);
	*ret = watch;
	return 0;
}

void watch_start(struct watch *watch, const struct watch_ops *ops, void *arg)
{
	watch->ops = ops;
	watch->arg = arg;
	event_timer_set(watch->loop, &watch->retry_timer, 0);
}

void watch_stop(struct watch *watch)
{
	kube_transfer_cancel(watch->transfer);
	watch->transfer = NULL;
	event_timer_cancel(watch->loop, &watch->retry_timer);
	event_timer_cancel(watch->loop, &watch->idle_timer);
	stream_fini(&watch->stream);
	ask_for_all(watch);
	watch->state = WATCH_STARTING;
	watch->text[0] = '\0';
	watch->is_known = watch->has_no_pages = watch->is_fresh = false;
	watch->failures = watch->silent_watches = 0;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	watch_stop(watch);
	free(watch->next_page);
	free(watch);
}

enum watch_state watch_get_state(const struct watch *watch)
{
	return watch->state;
}

const char *watch_get_text(const struct watch *watch)
{
	return watch->text;
}

bool watch_is_known(const struct watch *watch)
{
	return watch->is_known;
}

const struct watch_counts *watch_get_counts(const struct watch *watch)
{
	return &watch->counts;
}
