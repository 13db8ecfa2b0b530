/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of say.c: nothing that is printed can steer a terminal.
 *
 * links: tools/tortie/say.c
 */
#include "tools/tortie/say.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *text, const char *wanted)
{
	char out[128];

	assert_string_equal(say_escape(text, strlen(text), out, sizeof(out)), wanted);
}

static void plain_text_and_utf8_stay_as_they_are(void **state)
{
	check("default/web-0", "default/web-0");
	check("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88",
	      "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88");
}

static void control_characters_are_escaped(void **state)
{
	check("\x1b[2Jx", "\\x1b[2Jx");
	check("a\nb\tc\r", "a\\x0a"
			   "b\\x09"
			   "c\\x0d");
	check("\x7f", "\\x7f");
	check("\xc2\x9b"
	      "31m",
	      "\\xc2\\x9b31m"); /* U+009B: CSI in one character */
}

static void direction_overrides_are_escaped(void **state)
{
	check("a\xe2\x80\xae"
	      "b",
	      "a\\xe2\\x80\\xaeb");		  /* U+202E */
	check("\xe2\x81\xa6", "\\xe2\\x81\\xa6"); /* U+2066 */
}

/* RFC 3629 section 10: overlong forms, surrogates, numbers beyond U+10FFFF, cut sequences. */
static void octets_that_are_not_utf8_are_escaped(void **state)
{
	check("\xff", "\\xff");
	check("\xc0\x80", "\\xc0\\x80");
	check("\xed\xa0\x80", "\\xed\\xa0\\x80");
	check("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	check("x\xe2\x82", "x\\xe2\\x82");
}

static void text_ends_at_its_nul_or_its_length(void **state)
{
	static const char array[4] = { 'a', 'b', 'c', 'd' };
	char out[16];

	assert_string_equal(say_escape(array, sizeof(array), out, sizeof(out)), "abcd");
	assert_string_equal(say_escape("ab\0cd", 5, out, sizeof(out)), "ab");
}

static void a_full_buffer_cuts_before_an_escape(void **state)
{
	char out[6];

	assert_string_equal(say_escape("abc\x1b", 4, out, sizeof(out)), "abc");
	assert_string_equal(say_escape("a\x1bzz", 4, out, sizeof(out)), "a\\x1b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_and_utf8_stay_as_they_are),
		cmocka_unit_test(control_characters_are_escaped),
		cmocka_unit_test(direction_overrides_are_escaped),
		cmocka_unit_test(octets_that_are_not_utf8_are_escaped),
		cmocka_unit_test(text_ends_at_its_nul_or_its_length),
		cmocka_unit_test(a_full_buffer_cuts_before_an_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
