/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_kube_stream.c: any octets as what the API server sends.
 *
 * The first octet says whether it is a list or a watch and how it is cut; the objects that come
 * out must not depend on the cut, and never be more than there are braces. Events and envelopes
 * are read as the watch reads them.
 *
 * links: kube/stream.c kube/watch_request.c lib/json.c lib/kube_status.c
 * covers: kube/stream.c kube/watch_request.c:watch_event_read
 * covers: kube/watch_request.c:watch_error_read kube/watch_request.c:watch_version_read
 * covers: kube/watch_request.c:watch_list_read
 * libs: -ljson-c
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/stream.h"
#include "kube/watch_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t objects, octets;
	int err;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static int on_object(struct json_object *json, void *arg)
{
	struct json_object *object = NULL;
	char version[WATCH_VERSION_MAX] = "";
	struct watch_error error;
	struct seen *seen = arg;
	bool is_end = false;

	require(json_object_is_type(json, json_type_object));
	seen->objects++;
	seen->octets += strlen(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN));
	if (watch_event_read(json, &object, &is_end) == WATCH_EVENT_BAD)
		return 0;
	require(object != NULL);
	watch_version_read(object, version);
	watch_error_read(object, &error);
	require(error.code >= 0 && error.code <= 999 && error.text[0]);
	require(strlen(version) < WATCH_VERSION_MAX);
	return 0;
}

static void on_too_large(const char *name, size_t len, void *arg)
{
	((struct seen *)arg)->objects += 1000;
	require(strlen(name) <= STREAM_NAME_MAX && len > 0);
}

static const struct stream_ops ops = { .object = on_object, .too_large = on_too_large };

static struct seen read_all(enum stream_kind kind, const char *data, size_t size, size_t piece)
{
	char version[WATCH_VERSION_MAX], *page = NULL;
	struct json_object *envelope = NULL;
	struct seen seen = { 0 };
	struct stream stream;

	stream_init(&stream, kind, &ops, &seen);
	for (size_t at = 0; at < size && seen.err == 0; at += piece)
		seen.err = stream_feed(&stream, data + at, size - at < piece ? size - at : piece);
	if (seen.err == 0)
		seen.err = stream_end(&stream, &envelope);
	if (seen.err == 0 && envelope && watch_list_read(envelope, version, &page) == 0)
		require(version[0] != '\0');
	free(page);
	json_object_put(envelope);
	stream_fini(&stream);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum stream_kind kind;
	struct seen whole, pieces;

	if (size < 1)
		return 0;
	kind = data[0] & 1 ? STREAM_LIST : STREAM_WATCH;
	whole = read_all(kind, (const char *)data + 1, size - 1, size);
	pieces = read_all(kind, (const char *)data + 1, size - 1, (size_t)(data[0] >> 1) + 1);
	require(whole.objects == pieces.objects && whole.octets == pieces.octets);
	require(whole.err == pieces.err);
	return 0;
}
