/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the connectivity test's texts: targets as arguments, results as lines of a log.
 *
 * links: tools/tortie/connectivity_report.c tools/tortie/connectivity_target.c
 * links: tools/tortie/document.c tools/tortie/output.c tools/tortie/output_text.c
 * links: tools/tortie/output_json.c tools/tortie/output_yaml.c tools/tortie/say.c lib/ip_prefix.c
 * links: lib/mac.c
 * libs: -ljson-c -lyaml
 */
#include "tools/tortie/connectivity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/tortie/document.h"

static void a_target_has_five_parts(void **state)
{
	struct connectivity_target target;

	assert_int_equal(connectivity_target_parse("pod-tcp,n1,fd00::1,8080,server-1", &target), 0);
	assert_string_equal(target.check, "pod-tcp");
	assert_string_equal(target.to, "n1");
	assert_string_equal(target.host, "fd00::1");
	assert_int_equal(target.port, 8080);
	assert_string_equal(target.expect, "server-1");
}

static void what_is_no_target_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"pod-tcp",
		"pod-tcp,n1,10.0.0.1,8080",
		"pod-tcp,n1,10.0.0.1,x,s",
		"pod-tcp,n1,10.0.0.1,65536,s",
		"pod-tcp,n1,10.0.0.1,99999999999999,s",
		"pod-tcp,n1,10.0.0.1,8080,s,more",
		"pod-tcp,,10.0.0.1,8080,s",
		"pod tcp,n1,10.0.0.1,8080,s",
		"a-check-whose-name-is-much-longer-than-any-of-ours,n1,10.0.0.1,8080,s",
	};
	struct connectivity_target target;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_not_equal(connectivity_target_parse(rows[i], &target), 0);
}

static void a_log_is_results_among_other_lines(void **state)
{
	static const char log[] =
		"starting\n"
		"tortie-result pod-tcp n2 10.244.1.2 ok 3 \n"
		"tortie-result large-udp n2 fd00::2 failed 15002 too large\n"
		"tortie-result pod-udp n2 10.244.1.2 maybe 3\n"
		"tortie-result pod-udp n2\n"
		"tortie-result headless all headless.x.svc ok 12 2 addresses, 2 pods'";
	struct json_object *results = document_new_list(), *item;

	assert_int_equal(connectivity_report_log(results, "n1", log), 3);
	assert_int_equal(connectivity_report_failed(results), 1);
	item = json_object_array_get_idx(results, 1);
	assert_string_equal(document_get_words(item, "from"), "n1");
	assert_string_equal(document_get_words(item, "to"), "n2");
	assert_string_equal(document_get_words(item, "family"), "IPv6");
	assert_string_equal(document_get_words(item, "state"), "failed");
	assert_string_equal(document_get_words(item, "text"), "too large");
	assert_int_equal(document_get_number(item, "ms"), 15002);
	item = json_object_array_get_idx(results, 2);
	assert_string_equal(document_get_words(item, "text"), "2 addresses, 2 pods'");
	json_object_put(results);
}

static void a_log_cannot_steer_the_terminal(void **state)
{
	struct json_object *results = document_new_list(), *item;

	assert_int_equal(connectivity_report_log(
				 results, "n1",
				 "tortie-result pod-tcp \x1b[31m 10.0.0.1 ok 1 \x1b]0;x\x07\n"),
			 1);
	item = json_object_array_get_idx(results, 0);
	assert_null(strchr(document_get_words(item, "to"), '\x1b'));
	assert_null(strchr(document_get_words(item, "text"), '\x1b'));
	json_object_put(results);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_has_five_parts),
		cmocka_unit_test(what_is_no_target_is_refused),
		cmocka_unit_test(a_log_is_results_among_other_lines),
		cmocka_unit_test(a_log_cannot_steer_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
