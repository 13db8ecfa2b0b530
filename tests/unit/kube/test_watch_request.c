/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_watch_request.c: what is asked of the API server, and what its events say.
 *
 * links: kube/watch_request.c lib/json.c lib/kube_status.c
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
#include "kube/watch_request.h"
#include "lib/kube_client.h"
#include "tests/unit/kube/recordings.h"

static void paths_are_those_of_the_api(void **state)
{
	static const struct watch_target nodes = { "/api/v1/nodes", NULL };
	char *path;

	assert_int_equal(watch_path_list(&nodes, false, NULL, &path), 0);
	assert_string_equal(path, "/api/v1/nodes?limit=500");
	free(path);
	assert_int_equal(watch_path_list(&nodes, false, "a+/=b", &path), 0);
	assert_string_equal(path, "/api/v1/nodes?limit=500&continue=a%2B%2F%3Db");
	free(path);
	assert_int_equal(watch_path_list(&nodes, true, NULL, &path), 0);
	assert_string_equal(path, "/api/v1/nodes");
	free(path);
	assert_int_equal(watch_path_watch(&nodes, "841", 300, &path), 0);
	assert_string_equal(path, "/api/v1/nodes?watch=true&allowWatchBookmarks=true"
				  "&timeoutSeconds=300&resourceVersion=841");
	free(path);
	assert_int_equal(watch_path_watch(&nodes, "", 300, &path), 0);
	assert_string_equal(path, "/api/v1/nodes?watch=true&allowWatchBookmarks=true"
				  "&timeoutSeconds=300&sendInitialEvents=true"
				  "&resourceVersionMatch=NotOlderThan");
	free(path);
}

static void a_selector_is_part_of_each_path(void **state)
{
	static const struct watch_target slices = { "/x/slices", "a.io/b,!c" };
	char *path;

	assert_int_equal(watch_path_list(&slices, false, "t", &path), 0);
	assert_string_equal(path, "/x/slices?limit=500&labelSelector=a.io%2Fb%2C%21c&continue=t");
	free(path);
	assert_int_equal(watch_path_list(&slices, true, NULL, &path), 0);
	assert_string_equal(path, "/x/slices?labelSelector=a.io%2Fb%2C%21c");
	free(path);
	assert_int_equal(watch_path_watch(&slices, "841", 300, &path), 0);
	assert_string_equal(path, "/x/slices?watch=true&allowWatchBookmarks=true"
				  "&timeoutSeconds=300&labelSelector=a.io%2Fb%2C%21c"
				  "&resourceVersion=841");
	free(path);
}

/* Line @number (from 0) of a recording as JSON. */
static struct json_object *read_line(const char *name, int number)
{
	struct json_object *json;
	size_t len;
	char *text = read_recording(name, &len), *line = text;

	for (; number > 0; number--)
		line = strchr(line, '\n') + 1;
	*strchr(line, '\n') = '\0';
	json = json_tokener_parse(line);
	free(text);
	return json;
}

static void recorded_events_are_understood(void **state)
{
	static const struct {
		const char *name;
		int line;
		enum watch_event event;
		bool is_end;
		const char *version;
	} rows[] = {
		{ "watch-nodes.jsonl", 0, WATCH_EVENT_SET, false, "839" },
		{ "watch-nodes.jsonl", 2, WATCH_EVENT_BOOKMARK, false, "913" },
		{ "watch-networkpolicies-initial-events.jsonl", 0, WATCH_EVENT_SET, false, "772" },
		{ "watch-networkpolicies-initial-events.jsonl", 3, WATCH_EVENT_BOOKMARK, true,
		  "843" },
		{ "expired-410-watch-rv1.jsonl", 0, WATCH_EVENT_ERROR, false, "old" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *event = read_line(rows[i].name, rows[i].line), *object;
		char version[WATCH_VERSION_MAX] = "old";
		bool is_end;

		assert_int_equal(watch_event_read(event, &object, &is_end), rows[i].event);
		assert_int_equal(is_end, rows[i].is_end);
		watch_version_read(object, version);
		assert_string_equal(version, rows[i].version);
		json_object_put(event);
	}
}

static void an_error_event_says_what_a_status_would(void **state)
{
	struct json_object *event = read_line("expired-410-watch-rv1.jsonl", 0), *object;
	struct watch_error error = { 0 };
	bool is_end;

	watch_event_read(event, &object, &is_end);
	watch_error_read(object, &error);
	assert_true(error.is_set);
	assert_int_equal(error.code, 410);
	assert_non_null(strstr(error.text, "too old resource version: 1 (1041)"));
	json_object_put(event);
	event = parse_json("{'code':429,'details':{'retryAfterSeconds':7}}");
	watch_error_read(event, &error);
	assert_int_equal(error.code, 429);
	assert_int_equal(error.retry_after_s, 7);
	json_object_put(event);
}

static void what_is_no_event_is_refused(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{'type':'ADDED'}",
		"{'type':1,'object':{}}",
		"{'type':'NEW','object':{}}",
		"{'type':'ADDED','object':[]}",
		"[]",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *event = parse_json(rows[i]), *object;
		bool is_end;

		assert_int_equal(watch_event_read(event, &object, &is_end), WATCH_EVENT_BAD);
		json_object_put(event);
	}
}

static void a_list_says_its_version_and_its_next_page(void **state)
{
	struct json_object *list =
		parse_json("{'metadata':{'resourceVersion':'841','continue':'abc'},'items':[]}");
	char version[WATCH_VERSION_MAX], *page = NULL;

	assert_int_equal(watch_list_read(list, version, &page), 0);
	assert_string_equal(version, "841");
	assert_string_equal(page, "abc");
	json_object_put(list);
	list = parse_json("{'metadata':{'resourceVersion':'842'}}");
	assert_int_equal(watch_list_read(list, version, &page), 0);
	assert_string_equal(version, "842");
	assert_null(page);
	json_object_put(list);
	list = parse_json("{'metadata':{'resourceVersion':842}}");
	assert_int_equal(watch_list_read(list, version, &page), -EBADMSG);
	json_object_put(list);
}

static void a_refusal_is_one_line_for_people(void **state)
{
	char text[256];
	size_t len;
	char *body = read_recording("forbidden-403.json", &len);

	kube_status_text(body, len, text, sizeof(text));
	assert_memory_equal(text, "pods is forbidden: User \"", 25);
	free(body);
	kube_status_text("404 page not found\n", 19, text, sizeof(text));
	assert_string_equal(text, "404 page not found");
	kube_status_text("<html>\n\x1b[31m", 11, text, sizeof(text));
	assert_string_equal(text, "<html>  [31");
	kube_status_text(NULL, 0, text, sizeof(text));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_those_of_the_api),
		cmocka_unit_test(a_selector_is_part_of_each_path),
		cmocka_unit_test(recorded_events_are_understood),
		cmocka_unit_test(an_error_event_says_what_a_status_would),
		cmocka_unit_test(what_is_no_event_is_refused),
		cmocka_unit_test(a_list_says_its_version_and_its_next_page),
		cmocka_unit_test(a_refusal_is_one_line_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
