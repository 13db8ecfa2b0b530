/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_STREAM_H
#define KUBE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/*
 * From the octets of an answer to objects, one at a time, however the octets are cut into pieces.
 * A watch is one JSON object after the other; a list is one object whose member "items" holds
 * them.
 */

#define STREAM_OBJECT_MAX   1048576 /* octets of one object; a larger one is passed over */
#define STREAM_ENVELOPE_MAX 65536   /* of a list, all but the items */
#define STREAM_DEPTH_MAX    128	    /* objects and arrays inside each other; likewise */
#define STREAM_NAME_MAX	    253

enum stream_kind {
	STREAM_WATCH,
	STREAM_LIST,
};

struct stream_ops {
	/* An event of a watch, or an item of a list (borrowed). Non-zero ends stream_feed() with
	 * it. */
	int (*object)(struct json_object *object, void *arg);
	/* One that was too large or too deep, by the name in its metadata ("" when that was not
	 * found). */
	void (*too_large)(const char *name, size_t len, void *arg);
};

struct stream {
	enum stream_kind kind;
	const struct stream_ops *ops;
	void *arg;
	char *object;	/* octets of the object under way */
	size_t len;	/* of the object, also what was not kept */
	size_t size;	/* of the buffer */
	char *envelope; /* of a list, with "items":[] */
	size_t envelope_len, envelope_size;
	unsigned int depth;
	bool in_string, is_escaped, in_items, is_whole, is_deep;
	char word[8]; /* the last string at depth 1, as far as it fits */
	size_t word_len;
};

/** stream_init() - @ops and @arg are borrowed. */
void stream_init(struct stream *stream, enum stream_kind kind, const struct stream_ops *ops,
		 void *arg);
void stream_fini(struct stream *stream);
/** stream_feed() - the next octets; 0, -EBADMSG (no JSON), -ENOMEM, or what
 * the object function returned. After an error only stream_fini() may follow. */
int stream_feed(struct stream *stream, const char *data, size_t len);
/**
 * stream_end() - the octets have ended: 0 when that was between objects (and, for a list, after
 * it), -EBADMSG when inside of one. *ret_envelope (may be NULL): of a list, the object without its
 * items; the caller's (json_object_put()).
 */
int stream_end(struct stream *stream, struct json_object **ret_envelope);

#endif /* KUBE_STREAM_H */
