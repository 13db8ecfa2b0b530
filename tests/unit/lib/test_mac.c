/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of mac.c.
 *
 * links: lib/mac.c
 */
#include "lib/mac.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t example[6] = { 0x02, 0x00, 0x9f, 0x0a, 0xbc, 0xde };

static void a_mac_is_written_in_small_letters_with_colons(void **state)
{
	char text[MAC_TEXT_MAX];

	assert_string_equal(mac_format(example, text), "02:00:9f:0a:bc:de");
}

static void small_and_capital_letters_are_read(void **state)
{
	static const char *const same[] = { "02:00:9f:0a:bc:de", "02:00:9F:0A:BC:DE" };
	uint8_t mac[6];

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(mac_parse(same[i], mac), 0);
		assert_memory_equal(mac, example, sizeof(mac));
	}
}

static void everything_else_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"02:00:9f:0a:bc:d",
		"02:00:9f:0a:bc:de:",
		"02-00-9f-0a-bc-de",
		"02:00:9f:0a:bc:dg",
		"2:00:9f:0a:bc:dee",
		" 2:00:9f:0a:bc:de",
		"+2:00:9f:0a:bc:de",
		"0x:00:9f:0a:bc:de",
		"02:00:9f:0a:bc:de ",
		"02:00:9f:0a:bc\n:de",
	};
	uint8_t mac[6] = { 1, 2, 3, 4, 5, 6 }, before[6] = { 1, 2, 3, 4, 5, 6 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(mac_parse(bad[i], mac), -EINVAL);
	assert_memory_equal(mac, before, sizeof(mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mac_is_written_in_small_letters_with_colons),
		cmocka_unit_test(small_and_capital_letters_are_read),
		cmocka_unit_test(everything_else_is_refused_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
