/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of text.c.
 *
 * links: lib/text.c
 */
#include "lib/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void items_are_parted_by_a_semicolon(void **state)
{
	char text[32] = "";

	text_append_item(text, sizeof(text), "one %d", 1);
	assert_string_equal(text, "one 1");
	text_append_item(text, sizeof(text), "two");
	text_append(text, sizeof(text), "!");
	assert_string_equal(text, "one 1; two!");
}

static void what_does_not_fit_is_cut(void **state)
{
	char text[8] = "";

	for (int i = 0; i < 5; i++)
		text_append_item(text, sizeof(text), "abc");
	assert_string_equal(text, "abc; ab");
}

static void control_characters_become_question_marks(void **state)
{
	char text[] = "a\nb\x1b[31m\x7f\xc3\xa9";

	text_make_line(text);
	assert_string_equal(text, "a?b?[31m?\xc3\xa9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_parted_by_a_semicolon),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(control_characters_become_question_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
