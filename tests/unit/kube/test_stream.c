/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stream.c: recorded answers of an API server, cut into pieces in every way.
 *
 * links: kube/stream.c lib/json.c
 * libs: -ljson-c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/json.h"
#include "kube/stream.h"
#include "tests/unit/kube/recordings.h"

struct seen {
	char names[4096]; /* "TYPE/NAME " of events, "NAME " of items */
	unsigned int count;
	char large[512];
	int result; /* what the object function returns */
};

static int on_object(struct json_object *object, void *arg)
{
	struct seen *seen = arg;
	const char *type = json_get_text(object, "type");
	struct json_object *body = type ? json_get_object(object, "object") : object;
	const char *name = json_get_text(json_get_object(body, "metadata"), "name");
	size_t len = strlen(seen->names);

	seen->count++;
	snprintf(seen->names + len, sizeof(seen->names) - len, "%s%s%s ", type ? type : "",
		 type ? "/" : "", name ? name : "-");
	return seen->result;
}

static void on_too_large(const char *name, size_t len, void *arg)
{
	struct seen *seen = arg;

	snprintf(seen->large, sizeof(seen->large), "%s", name);
}

static const struct stream_ops ops = { .object = on_object, .too_large = on_too_large };

/* All of @text in pieces of @piece octets; the stream stays open. */
static int feed(struct stream *stream, const char *text, size_t len, size_t piece)
{
	int err = 0;

	for (size_t at = 0; at < len && err == 0; at += piece)
		err = stream_feed(stream, text + at, len - at < piece ? len - at : piece);
	return err;
}

static int read_all(enum stream_kind kind, const char *text, struct seen *seen)
{
	struct stream stream;
	int err;

	*seen = (struct seen){ 0 };
	stream_init(&stream, kind, &ops, seen);
	err = feed(&stream, text, strlen(text), 3);
	if (err == 0)
		err = stream_end(&stream, NULL);
	stream_fini(&stream);
	return err;
}

static void events_do_not_depend_on_where_the_octets_are_cut(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 100, 2048, 100000 };
	size_t len;
	char *text = read_recording("watch-networkpolicies-initial-events.jsonl", &len);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct seen seen = { 0 };
		struct stream stream;

		stream_init(&stream, STREAM_WATCH, &ops, &seen);
		assert_int_equal(feed(&stream, text, len, pieces[i]), 0);
		assert_int_equal(stream_end(&stream, NULL), 0);
		assert_string_equal(seen.names, "ADDED/db-from-front ADDED/default-deny "
						"ADDED/front-egress BOOKMARK/- ");
		stream_fini(&stream);
	}
	free(text);
}

static void an_error_event_is_an_event(void **state)
{
	struct seen seen;
	size_t len;
	char *text = read_recording("expired-410-watch-rv1.jsonl", &len);

	assert_int_equal(read_all(STREAM_WATCH, text, &seen), 0);
	assert_string_equal(seen.names, "ERROR/- ");
	free(text);
}

static void items_of_a_list_come_one_by_one_and_its_rest_at_the_end(void **state)
{
	static const size_t pieces[] = { 1, 5, 4096 };
	size_t len;
	char *text = read_recording("page-pods-1.json", &len);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct json_object *envelope = NULL, *metadata;
		struct seen seen = { 0 };
		struct stream stream;

		stream_init(&stream, STREAM_LIST, &ops, &seen);
		assert_int_equal(feed(&stream, text, len, pieces[i]), 0);
		assert_int_equal(stream_end(&stream, &envelope), 0);
		assert_int_equal(seen.count, 3);
		assert_memory_equal(seen.names, "db-0 ", 5);
		metadata = json_get_object(envelope, "metadata");
		assert_string_equal(json_get_text(envelope, "kind"), "PodList");
		assert_string_equal(json_get_text(metadata, "resourceVersion"), "841");
		assert_string_equal(json_get_text(metadata, "continue"),
				    "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6ODQxLCJzdGFydCI6"
				    "Ii9kYi9qb2ItZmFpbGVkXHUwMDAwIn0");
		assert_int_equal(json_array_size(json_get_array(envelope, "items")), 0);
		json_object_put(envelope);
		stream_fini(&stream);
	}
	free(text);
}

static void empty_lists_are_lists(void **state)
{
	struct seen seen;

	assert_int_equal(read_all(STREAM_LIST, "{\"kind\":\"L\",\"items\":[]}\n", &seen), 0);
	assert_int_equal(read_all(STREAM_LIST, "{\"items\":null,\"metadata\":{}}", &seen), 0);
	assert_int_equal(read_all(STREAM_LIST, "{}", &seen), 0);
	assert_int_equal(read_all(STREAM_WATCH, "", &seen), 0);
	assert_int_equal(seen.count, 0);
}

static void brackets_and_quotes_inside_texts_end_nothing(void **state)
{
	struct seen seen;

	assert_int_equal(read_all(STREAM_WATCH,
				  "{\"type\":\"A\",\"object\":{\"metadata\":{\"name\":\"}]{\"},"
				  "\"x\":\"a\\\"}\\\\\"}}{\"type\":\"B\",\"object\":{}}",
				  &seen),
			 0);
	assert_string_equal(seen.names, "A/}]{ B/- ");
	assert_int_equal(read_all(STREAM_LIST,
				  "{\"x\":\"items\",\"y\":[1],\"metadata\":{\"items\":[2]},"
				  "\"items\":[{\"metadata\":{\"name\":\"items\"},\"items\":[3]}]}",
				  &seen),
			 0);
	assert_string_equal(seen.names, "items ");
}

static void what_is_cut_off_is_told(void **state)
{
	struct seen seen;

	assert_int_equal(read_all(STREAM_WATCH, "{\"type\":\"ADDED\",\"obj", &seen), -EBADMSG);
	assert_int_equal(read_all(STREAM_LIST, "{\"items\":[{}", &seen), -EBADMSG);
	assert_int_equal(read_all(STREAM_LIST, "", &seen), -EBADMSG);
}

static void what_is_no_json_ends_the_stream(void **state)
{
	static const struct {
		enum stream_kind kind;
		const char *text;
	} rows[] = {
		{ STREAM_WATCH, "404 page not found\n" },
		{ STREAM_WATCH, "[]" },
		{ STREAM_WATCH, "\"text\"" },
		{ STREAM_WATCH, "}" },
		{ STREAM_WATCH, "{]" },
		{ STREAM_LIST, "{} {}" },
		{ STREAM_LIST, "{\"items\":[1]}" },
		{ STREAM_LIST, "{\"items\":[[]]}" },
		{ STREAM_LIST, "{\"items\":[{} ; {}]}" },
		{ STREAM_LIST, "{\"items\":[\"a\"]}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen seen;

		if (read_all(rows[i].kind, rows[i].text, &seen) != -EBADMSG)
			fail_msg("row %zu: %s", i, rows[i].text);
	}
}

static void an_object_that_is_too_large_is_named_and_passed_over(void **state)
{
	static const char *const events[] = {
		"{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Node\",\"metadata\":{\"name\":"
		"\"n2\",\"annotations\":{\"a\":\"",
		"\"}}}}\n{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"n3\"}}}\n",
	};
	struct seen seen = { 0 };
	struct stream stream;
	char chunk[1024];

	memset(chunk, 'x', sizeof(chunk));
	stream_init(&stream, STREAM_WATCH, &ops, &seen);
	assert_int_equal(feed(&stream, events[0], strlen(events[0]), 100), 0);
	for (size_t i = 0; i < 2 * STREAM_OBJECT_MAX / sizeof(chunk); i++)
		assert_int_equal(stream_feed(&stream, chunk, sizeof(chunk)), 0);
	assert_true(stream.size <= STREAM_OBJECT_MAX);
	assert_int_equal(feed(&stream, events[1], strlen(events[1]), 100), 0);
	assert_int_equal(stream_end(&stream, NULL), 0);
	assert_string_equal(seen.large, "n2");
	assert_string_equal(seen.names, "ADDED/n3 ");
	stream_fini(&stream);
}

/* The server writes keys of custom resources by the alphabet, and much may stand before the name.
 */
static void the_name_of_an_object_that_is_too_large_is_found_wherever_it_stands(void **state)
{
	static const struct {
		enum stream_kind kind;
		const char *head, *tail, *name;
	} rows[] = {
		{ STREAM_WATCH,
		  "{\"type\":\"ADDED\",\"object\":{\"kind\":\"IPPool\",\"metadata\":{"
		  "\"annotations\":{\"name\":\"no\",\"q\":\"\\\"metadata\\\":{\\\"name\\\":\"},"
		  "\"creationTimestamp\":\"x\",\"labels\":{\"metadata\":\"name\"},"
		  "\"managedFields\":[{\"name\":\"no\"}],\"name\":\"pool\"},\"spec\":{\"name\":\"",
		  "\"}}}", "pool" },
		{ STREAM_LIST,
		  "{\"items\":[{\"metadata\":{\"generation\":1,\"name\":\"one\"},\"name\":\"",
		  "\"}]}", "one" },
		{ STREAM_WATCH,
		  "{\"type\":\"name\",\"object\":{\"metadata\":{\"a\":\"name\",\"b\":\"",
		  "\"},\"name\":\"no\"}}", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen seen = { .large = "none" };
		struct stream stream;

		stream_init(&stream, rows[i].kind, &ops, &seen);
		assert_int_equal(feed(&stream, rows[i].head, strlen(rows[i].head), 100), 0);
		for (size_t k = 0; k <= STREAM_OBJECT_MAX / 16; k++)
			assert_int_equal(stream_feed(&stream, "xxxxxxxxxxxxxxxx", 16), 0);
		assert_int_equal(feed(&stream, rows[i].tail, strlen(rows[i].tail), 100), 0);
		assert_string_equal(seen.large, rows[i].name);
		stream_fini(&stream);
	}
}

static void an_object_that_is_too_deep_is_named_and_passed_over(void **state)
{
	struct seen seen = { 0 };
	struct stream stream;

	stream_init(&stream, STREAM_LIST, &ops, &seen);
	assert_int_equal(stream_feed(&stream, "{\"items\":[", 10), 0);
	assert_int_equal(feed(&stream, "{\"metadata\":{\"name\":\"deep\"},\"x\":", 33, 9), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(stream_feed(&stream, "[", 1), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(stream_feed(&stream, "]", 1), 0);
	assert_int_equal(feed(&stream, "},{\"metadata\":{\"name\":\"b\"}}]}", 29, 5), 0);
	assert_int_equal(stream_end(&stream, NULL), 0);
	assert_string_equal(seen.large, "deep");
	assert_string_equal(seen.names, "b ");
	stream_fini(&stream);
}

static void a_watch_outlives_an_object_of_any_depth(void **state)
{
	static const char open[] = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{"
				   "\"name\":\"deep\"},\"x\":";
	char text[2 * STREAM_DEPTH_MAX + 128];

	for (int depth = STREAM_DEPTH_MAX - 3; depth < STREAM_DEPTH_MAX + 3; depth++) {
		bool is_told;
		struct seen seen;
		size_t len;

		/* event and object are two */
		len = (size_t)sprintf(text, "%s", open);
		memset(text + len, '[', (size_t)depth - 2);
		len += (size_t)depth - 2;
		text[len++] = '1';
		memset(text + len, ']', (size_t)depth - 2);
		len += (size_t)depth - 2;
		sprintf(text + len, "}}{\"metadata\":{\"name\":\"b\"}}");
		assert_int_equal(read_all(STREAM_WATCH, text, &seen), 0);
		is_told = strcmp(seen.large, "deep") == 0;
		assert_int_equal(is_told, depth > STREAM_DEPTH_MAX);
		assert_string_equal(seen.names, is_told ? "b " : "ADDED/deep b ");
	}
}

static void the_envelope_of_a_list_is_bounded(void **state)
{
	struct seen seen = { 0 };
	struct stream stream;
	char chunk[1024];
	int err;

	memset(chunk, 'x', sizeof(chunk));
	stream_init(&stream, STREAM_LIST, &ops, &seen);
	err = stream_feed(&stream, "{\"a\":\"", 6);
	for (int i = 0; i < 100 && err == 0; i++)
		err = stream_feed(&stream, chunk, sizeof(chunk));
	assert_int_equal(err, -EBADMSG);
	stream_fini(&stream);
}

static void who_takes_the_objects_can_end_the_stream(void **state)
{
	struct seen seen = { .result = -ECANCELED };
	struct stream stream;

	stream_init(&stream, STREAM_WATCH, &ops, &seen);
	assert_int_equal(stream_feed(&stream, "{}{}", 4), -ECANCELED);
	assert_int_equal(seen.count, 1);
	stream_fini(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_do_not_depend_on_where_the_octets_are_cut),
		cmocka_unit_test(an_error_event_is_an_event),
		cmocka_unit_test(items_of_a_list_come_one_by_one_and_its_rest_at_the_end),
		cmocka_unit_test(empty_lists_are_lists),
		cmocka_unit_test(brackets_and_quotes_inside_texts_end_nothing),
		cmocka_unit_test(what_is_cut_off_is_told),
		cmocka_unit_test(what_is_no_json_ends_the_stream),
		cmocka_unit_test(an_object_that_is_too_large_is_named_and_passed_over),
		cmocka_unit_test(
			the_name_of_an_object_that_is_too_large_is_found_wherever_it_stands),
		cmocka_unit_test(an_object_that_is_too_deep_is_named_and_passed_over),
		cmocka_unit_test(a_watch_outlives_an_object_of_any_depth),
		cmocka_unit_test(the_envelope_of_a_list_is_bounded),
		cmocka_unit_test(who_takes_the_objects_can_end_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
