/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of reset_rules.c: which rules of a listing (as nft 1.0.6 prints it with -a) are ours.
 *
 * links: tools/tortie/reset_rules.c tools/tortie/nft.c
 * libs: -lnftables
 */
#include "tools/tortie/reset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

void reset_removed(struct reset_report *report, const char *format, ...)
{
	report->removed++;
}

void reset_failed(struct reset_report *report, const char *what, int err)
{
	report->failed++;
}

static const char listing[] =
	"table ip filter { # handle 1\n"
	"\tchain FORWARD { # handle 2\n"
	"\t\ttype filter hook forward priority filter; policy drop;\n"
	"\t\tip daddr 10.244.0.0/16 counter packets 0 bytes 0 accept comment "
	"\"tortie: to 10.244.0.0/16\" # handle 12\n"
	"\t\tip saddr 10.244.0.0/16 counter packets 3 bytes 252 accept comment "
	"\"tortie: from 10.244.0.0/16\" # handle 11\n"
	"\t\tiifname \"docker0\" counter packets 0 bytes 0 accept comment \"tortie?\" # handle 6\n"
	"\t}\n"
	"}\n"
	"table inet wall { # handle 7\n"
	"\tset things { # handle 1\n"
	"\t\ttype ipv4_addr\n"
	"\t}\n"
	"\n"
	"\tchain entry { # handle 3\n"
	"\t\tip6 saddr fd00:244::/48 counter packets 0 bytes 0 accept comment "
	"\"tortie: from fd00:244::/48\" # handle 9\n"
	"\t}\n"
	"}\n";

static void rules_of_ours_become_commands_that_delete_them(void **state)
{
	size_t count = 0;
	char *text = reset_rule_commands(listing, &count);

	assert_string_equal(text, "delete rule ip filter FORWARD handle 12\n"
				  "delete rule ip filter FORWARD handle 11\n"
				  "delete rule inet wall entry handle 9\n");
	assert_int_equal(count, 3);
	free(text);
}

static void a_ruleset_without_ours_asks_for_nothing(void **state)
{
	size_t count = 1;
	char *text = reset_rule_commands("table ip nat { # handle 2\n}\n", &count);

	assert_string_equal(text, "");
	assert_int_equal(count, 0);
	free(text);
	text = reset_rule_commands("", &count);
	assert_string_equal(text, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_ours_become_commands_that_delete_them),
		cmocka_unit_test(a_ruleset_without_ours_asks_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
