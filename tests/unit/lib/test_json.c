/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of json.c: JSON that others wrote, and members of a type that is not what it should be.
 *
 * links: lib/json.c
 * libs: -ljson-c
 */
#include "lib/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <json-c/json.h>

static struct json_object *object;

static int read_object(void **state)
{
	static const char text[] = "{\"text\": \"a\", \"nul\": \"a\\u0000b\", \"number\": 7, "
				   "\"null\": null, \"flag\": true, \"list\": [1, \"b\"], "
				   "\"map\": {}}\n";

	object = json_parse(text, sizeof(text) - 1, NULL);
	return object ? 0 : -1;
}

static int drop_object(void **state)
{
	json_object_put(object);
	return 0;
}

static void a_member_of_another_type_is_not_there(void **state)
{
	static const char *const others[] = { "nul", "number", "null", "flag", "list", "map", "x" };

	assert_string_equal(json_get_text(object, "text"), "a");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_null(json_get_text(object, others[i]));
		assert_string_equal(json_words(json_get(object, others[i])), "");
	}
	assert_null(json_get(object, "null"));
	assert_null(json_get_object(object, "list"));
	assert_null(json_get_array(object, "map"));
	assert_non_null(json_get_object(object, "map"));
	assert_null(json_get(json_get(object, "text"), "text"));
	assert_null(json_get(NULL, "text"));
}

static void numbers_and_flags_are_taken_in_their_range_alone(void **state)
{
	int64_t number = 0;
	bool flag = false;

	assert_true(json_get_number(object, "number", 7, 7, &number));
	assert_int_equal(number, 7);
	assert_false(json_get_number(object, "number", 8, 9, &number));
	assert_false(json_get_number(object, "text", 0, 9, &number));
	assert_true(json_get_bool(object, "flag", &flag) && flag);
	assert_false(json_get_bool(object, "number", &flag));
}

static void a_list_has_its_items_and_nothing_else_has_any(void **state)
{
	struct json_object *list = json_get_array(object, "list");

	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_words(json_get_item(list, 1)), "b");
	assert_null(json_get_item(list, 2));
	assert_int_equal(json_array_size(json_get(object, "map")), 0);
	assert_int_equal(json_array_size(NULL), 0);
}

static void what_is_not_one_json_text_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *text, *problem;
	} bad[] = {
		{ "", "empty" },
		{ "{\"a\":", "ends in the middle" },
		{ "null ", "null" },
		{ "{} {}", "" },
	};
	char deep[2 * JSON_DEPTH + 3];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *problem = NULL;

		if (json_parse(bad[i].text, strlen(bad[i].text), &problem))
			fail_msg("taken: %s", bad[i].text);
		assert_non_null(problem);
		assert_non_null(strstr(problem, bad[i].problem));
	}
	memset(deep, '[', JSON_DEPTH + 1);
	memset(deep + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	assert_null(json_parse(deep, 2 * (JSON_DEPTH + 1), NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_of_another_type_is_not_there),
		cmocka_unit_test(numbers_and_flags_are_taken_in_their_range_alone),
		cmocka_unit_test(a_list_has_its_items_and_nothing_else_has_any),
		cmocka_unit_test(what_is_not_one_json_text_is_refused_with_its_reason),
	};

	return cmocka_run_group_tests(tests, read_object, drop_object);
}
