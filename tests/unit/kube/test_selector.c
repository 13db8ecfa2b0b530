/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_selector.c: Calico's selectors against its reference of them.
 *
 * links: kube/selector.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/selector.h"

static const char labels[] = "rack\0a1\0role\0rr\0k8s.io/zone\0eu-1\0empty\0";

static void selectors_hold_as_calico_says(void **state)
{
	static const struct {
		const char *text;
		bool holds;
	} rows[] = {
		{ "", true },
		{ " \t", true },
		{ "all()", true },
		{ "all( )", true },
		{ "global()", true },
		{ "!all()", false },
		{ "has(rack)", true },
		{ "has( rack )", true },
		{ "has(none)", false },
		{ "!has(none)", true },
		{ "! ! has(rack)", true },
		{ "rack == 'a1'", true },
		{ "rack==\"a1\"", true },
		{ "rack == 'a'", false },
		{ "rack == 'a11'", false },
		{ "none == ''", false },
		{ "empty == ''", true },
		{ "rack != 'a1'", false },
		{ "rack != 'b'", true },
		{ "none != 'a1'", true },
		{ "rack in {'b', 'a1'}", true },
		{ "rack in {}", false },
		{ "rack in {'b',}", false },
		{ "none in {'a1'}", false },
		{ "rack not in {'b'}", true },
		{ "rack not  in {'a1'}", false },
		{ "none not in {'a1'}", true },
		{ "k8s.io/zone contains 'u-'", true },
		{ "k8s.io/zone contains 'x'", false },
		{ "k8s.io/zone starts with 'eu'", true },
		{ "k8s.io/zone starts with 'u'", false },
		{ "k8s.io/zone ends with '-1'", true },
		{ "k8s.io/zone ends with '-2'", false },
		{ "none contains ''", false },
		{ "rack contains 'longer than it is'", false },
		{ "has(rack) && role == 'rr'", true },
		{ "has(rack) && role == 'x'", false },
		{ "has(none) || role == 'rr'", true },
		{ "has(rack) || has(none) && has(none)", true },
		{ "(has(rack) || has(none)) && has(none)", false },
		{ "!(has(none) || has(nix)) && all()", true },
		{ "((((rack == 'a1'))))", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = "";
		bool holds = !rows[i].holds;

		if (selector_match(rows[i].text, labels, 4, &holds, &why) < 0)
			fail_msg("%s: %s", rows[i].text, why);
		if (holds != rows[i].holds)
			fail_msg("%s: %d", rows[i].text, holds);
	}
}

static void what_does_not_parse_is_refused_whatever_the_labels(void **state)
{
	static const char *const rows[] = {
		"rack",
		"rack = 'a1'",
		"rack == a1",
		"rack == 'a1",
		"== 'a1'",
		"has(rack",
		"has()",
		"all(",
		"all() all()",
		"has(rack) &&",
		"&& has(rack)",
		"has(rack) || ",
		"has(rack) & x",
		"(has(rack)",
		"has(rack))",
		"rack in",
		"rack in 'a1'",
		"rack in {'a1'",
		"rack in {'a' 'b'}",
		"rack not 'a'",
		"rack starts 'a'",
		"rack ends",
		"!",
		"{}",
		"rack == 'a1'\n",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = NULL;
		bool holds;

		if (selector_match(rows[i], labels, 4, &holds, &why) != -EINVAL || !why)
			fail_msg("%s: taken", rows[i]);
		if (selector_check(rows[i], &why) != -EINVAL)
			fail_msg("%s: taken", rows[i]);
	}
}

static void depth_and_length_are_bounded(void **state)
{
	char *text = calloc(1, SELECTOR_BYTES_MAX + 2);
	const char *why;

	memset(text, '(', 1000);
	assert_int_equal(selector_check(text, &why), -EINVAL);
	memset(text, ' ', SELECTOR_BYTES_MAX + 1);
	assert_int_equal(selector_check(text, &why), -EINVAL);
	memset(text, '!', SELECTOR_BYTES_MAX);
	text[SELECTOR_BYTES_MAX] = '\0';
	assert_int_equal(selector_check(text, &why), -EINVAL);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selectors_hold_as_calico_says),
		cmocka_unit_test(what_does_not_parse_is_refused_whatever_the_labels),
		cmocka_unit_test(depth_and_length_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
