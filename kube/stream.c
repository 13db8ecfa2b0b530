/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c: the octets of a watch or a list, cut into objects.
 *
 * A chunk of HTTP is not an event, so nothing may be concluded from how octets arrive. A scanner
 * follows strings, escapes and brackets, octet by octet, which is enough to see where an object
 * ends; the object's octets are then parsed by json-c. So at most one object is held, a list of
 * any length too: its items are taken out of it one by one, and what is left (kind,
 * resourceVersion, continue) is parsed at the end as the envelope.
 *
 * An object above STREAM_OBJECT_MAX, or nested beyond STREAM_DEPTH_MAX, is followed to its end
 * without being kept whole and told by its name. What is not JSON ends the stream with an error,
 * and the caller asks again.
 *
 * Source: RFC 8259; Kubernetes API concepts, "Efficient detection of changes".
 */
#include "kube/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#define BUFFER_FIRST	  8192
#define DEPTH_COUNTED_MAX 1000000
#define BUFFER_KEPT	  65536 /* a larger buffer is given back after its object */

void stream_init(struct stream *stream, enum stream_kind kind, const struct stream_ops *ops,
		 void *arg)
{
	*stream = (struct stream){ .kind = kind, .ops = ops, .arg = arg };
}

void stream_fini(struct stream *stream)
{
	free(stream->object);
	free(stream->envelope);
	stream->object = stream->envelope = NULL;
}

static int append(char **buffer, size_t *len, size_t *size, char c)
{
	if (*len == *size) {
		size_t larger = *size ? *size * 2 : BUFFER_FIRST;
		char *moved = realloc(*buffer, larger);

		if (!moved)
			return -ENOMEM;
		*buffer = moved;
		*size = larger;
	}
	(*buffer)[(*len)++] = c;
	return 0;
}

static int keep_object(struct stream *stream, char c)
{
	if (stream->len >= STREAM_OBJECT_MAX) {
		stream->len++;
		return 0;
	}
	return append(&stream->object, &stream->len, &stream->size, c);
}

static int keep_envelope(struct stream *stream, char c)
{
	if (stream->envelope_len >= STREAM_ENVELOPE_MAX)
		return -EBADMSG;
	return append(&stream->envelope, &stream->envelope_len, &stream->envelope_size, c);
}

/* The octet behind the string that begins at @at: its quote, or the end of what was kept. */
static size_t end_of_string(const char *text, size_t len, size_t at)
{
	while (at < len && text[at] != '"')
		at += text[at] == '\\' ? 2 : 1;
	return at < len ? at : len;
}

/* Where the value of metadata.name begins in the @len octets of an object that cannot be parsed;
 * NULL: not found. @depth: of the object's members. */
static const char *find_name(const char *text, size_t len, unsigned int depth)
{
	const char *key = NULL;
	unsigned int now = 0;
	bool in_metadata = false;

	for (size_t i = 0; i < len; i++) {
		switch (text[i]) {
		case '"':
			if (in_metadata && now == depth + 1 && key && !strncmp(key, "name\"", 5))
				return text + i + 1;
			key = text + i + 1;
			i = end_of_string(text, len, i + 1);
			break;
		case '{':
		case '[':
			in_metadata = in_metadata ||
				      (now == depth && key && !strncmp(key, "metadata\"", 9));
			now++;
			key = NULL;
			break;
		case '}':
		case ']':
			now--;
			in_metadata = in_metadata && now > depth;
			key = NULL;
			break;
		case ',':
			key = NULL;
			break;
		}
	}
	return NULL;
}

/* Objects of Kubernetes' own kinds have the name in front, those of others all keys by the
 * alphabet.
 */
static void tell_too_large(struct stream *stream)
{
	char name[STREAM_NAME_MAX + 1] = "";
	size_t kept = stream->len < STREAM_OBJECT_MAX ? stream->len : STREAM_OBJECT_MAX, len = 0;
	const char *at = find_name(stream->object, kept, stream->kind == STREAM_WATCH ? 2 : 1);

	if (at) {
		while (at + len < stream->object + kept && at[len] != '"' && len < STREAM_NAME_MAX)
			len++;
		memcpy(name, at, len);
	}
	stream->ops->too_large(name, stream->len, stream->arg);
}

static int parse_object(struct stream *stream)
{
	/* One more: json-c counts what the innermost array or object holds, too. */
	struct json_tokener *tokener = json_tokener_new_ex(STREAM_DEPTH_MAX + 1);
	struct json_object *object;
	int err = -EBADMSG;

	if (!tokener)
		return -ENOMEM;
	object = json_tokener_parse_ex(tokener, stream->object, (int)stream->len);
	if (json_object_is_type(object, json_type_object))
		err = stream->ops->object(object, stream->arg);
	json_object_put(object);
	json_tokener_free(tokener);
	return err;
}

/* The object under way is whole. */
static int end_object(struct stream *stream)
{
	int err = 0;

	if (stream->len > STREAM_OBJECT_MAX || stream->is_deep)
		tell_too_large(stream);
	else
		err = parse_object(stream);
	stream->len = 0;
	stream->is_deep = false;
	if (stream->size > BUFFER_KEPT) {
		free(stream->object);
		stream->object = NULL;
		stream->size = 0;
	}
	return err;
}

/* At which depth objects begin. */
static unsigned int base_depth(const struct stream *stream)
{
	return stream->in_items ? 2 : 0;
}

static int open_bracket(struct stream *stream, char c)
{
	if (stream->depth == DEPTH_COUNTED_MAX)
		return -EBADMSG;
	if (stream->depth == base_depth(stream) && c != '{')
		return -EBADMSG; /* neither an event nor an item */
	stream->depth++;
	stream->is_deep = stream->is_deep || stream->depth > STREAM_DEPTH_MAX;
	if (stream->kind == STREAM_LIST && stream->depth == 2 && c == '[' &&
	    stream->word_len == strlen("items") && memcmp(stream->word, "items", 5) == 0)
		stream->in_items = true;
	return 0;
}

static int close_bracket(struct stream *stream)
{
	if (stream->depth == 0)
		return -EBADMSG;
	stream->depth--;
	if (stream->in_items && stream->depth == 1)
		stream->in_items = false;
	else if (stream->kind == STREAM_LIST && stream->depth == 0)
		stream->is_whole = true;
	return 0;
}

static void follow_string(struct stream *stream, char c)
{
	if (stream->is_escaped) {
		stream->is_escaped = false;
	} else if (c == '\\') {
		stream->is_escaped = true;
	} else if (c == '"') {
		stream->in_string = false;
		return;
	}
	if (stream->depth != 1)
		return;
	if (stream->word_len < sizeof(stream->word))
		stream->word[stream->word_len++] = c;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Outside strings. 0 or -errno; what is not part of any object only passes when it may stand
 * there. */
static int follow(struct stream *stream, char c)
{
	switch (c) {
	case '{':
	case '[':
		return open_bracket(stream, c);
	case '}':
	case ']':
		return close_bracket(stream);
	case '"':
		stream->in_string = true;
		if (stream->depth == 1)
			stream->word_len = 0;
		break;
	default:
		break;
	}
	if (stream->depth > base_depth(stream) || is_space(c))
		return 0;
	return stream->in_items && c == ',' ? 0 : -EBADMSG;
}

static int feed_octet(struct stream *stream, char c)
{
	bool in_items = stream->in_items;
	unsigned int depth = stream->depth, base = base_depth(stream);
	int err = 0;

	if (stream->is_whole)
		return is_space(c) ? 0 : -EBADMSG;
	if (stream->in_string)
		follow_string(stream, c);
	else
		err = follow(stream, c);
	if (err < 0)
		return err;
	if (stream->kind == STREAM_LIST && (!in_items || !stream->in_items))
		return keep_envelope(stream, c);
	if (depth == base && stream->depth == base)
		return 0; /* between objects */
	err = keep_object(stream, c);
	if (err == 0 && stream->depth == base)
		err = end_object(stream);
	return err;
}

int stream_feed(struct stream *stream, const char *data, size_t len)
{
	int err = 0;

	for (size_t i = 0; i < len && err == 0; i++)
		err = feed_octet(stream, data[i]);
	return err;
}

int stream_end(struct stream *stream, struct json_object **ret_envelope)
{
	struct json_tokener *tokener;
	struct json_object *envelope;

	if (stream->kind == STREAM_WATCH)
		return stream->depth == 0 ? 0 : -EBADMSG;
	if (!stream->is_whole)
		return -EBADMSG;
	tokener = json_tokener_new_ex(STREAM_DEPTH_MAX);
	if (!tokener)
		return -ENOMEM;
	envelope = json_tokener_parse_ex(tokener, stream->envelope, (int)stream->envelope_len);
	json_tokener_free(tokener);
	if (!json_object_is_type(envelope, json_type_object)) {
		json_object_put(envelope);
		return -EBADMSG;
	}
	if (ret_envelope)
		*ret_envelope = envelope;
	else
		json_object_put(envelope);
	return 0;
}
