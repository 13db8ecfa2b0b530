/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of explain_target.c: what people may write behind tortie explain.
 *
 * links: tools/tortie/explain_target.c lib/ip_prefix.c
 */
#include "tools/tortie/explain_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>

static void ends_are_read_as_written(void **state)
{
	static const struct {
		const char *text, *name;
		uint32_t port, protocol;
		bool is_address;
	} rows[] = {
		{ "10.244.2.20", "10.244.2.20", 0, 0, true },
		{ "10.244.2.20:80", "10.244.2.20", 80, 0, true },
		{ "10.244.2.20:53/udp", "10.244.2.20", 53, IPPROTO_UDP, true },
		{ "10.244.2.20/icmp", "10.244.2.20", 0, IPPROTO_ICMP, true },
		{ "10.244.2.20:36412/SCTP", "10.244.2.20", 36412, IPPROTO_SCTP, true },
		{ "fd00:244::5", "fd00:244::5", 0, 0, true },
		{ "fd00:244::5/tcp", "fd00:244::5", 0, IPPROTO_TCP, true },
		{ "[fd00:244::5]", "fd00:244::5", 0, 0, true },
		{ "[fd00:244::5]:443", "fd00:244::5", 443, 0, true },
		{ "[fd00:244::5]:53/udp", "fd00:244::5", 53, IPPROTO_UDP, true },
		{ "web", "web", 0, 0, false },
		{ "web:8080", "web", 8080, 0, false },
		{ "shop/web", "shop/web", 0, 0, false },
		{ "shop/web:8080/tcp", "shop/web", 8080, IPPROTO_TCP, false },
		{ "shop/web/icmp", "shop/web", 0, IPPROTO_ICMP, false },
		{ "x:65535", "x", 65535, 0, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct explain_target target;
		const char *error = rows[i].text;

		if (explain_target_parse(rows[i].text, &target, &error) != 0)
			fail_msg("%s: %s", rows[i].text, error);
		assert_string_equal(target.name, rows[i].name);
		assert_int_equal(target.port, rows[i].port);
		assert_int_equal(target.protocol, rows[i].protocol);
		assert_int_equal(target.is_address, rows[i].is_address);
	}
}

static void absurd_ends_are_refused(void **state)
{
	static const char *const rows[] = {
		"",
		":80",
		"web:",
		"web:0",
		"web:65536",
		"web:8x",
		"web:-1",
		"web:999999999999",
		"[fd00::1",
		"[fd00::1]80",
		"[10.0.0.1]:80",
		"[web]:80",
		"[]:80",
		"fd00::1:2:3:4:5:6:7:8:9",
		"10.0.0.0/24",
		"10.0.0.1:80/gre",
		"/tcp",
		"a:b:c",
		"[fd00::1]:",
	};
	char longest[NAME_MAX_LEN + 2];
	struct explain_target target;
	const char *error;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		error = NULL;
		if (explain_target_parse(rows[i], &target, &error) != -EINVAL)
			fail_msg("%s was taken", rows[i]);
		assert_non_null(error);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(explain_target_parse(longest, &target, &error), -EINVAL);
	assert_int_equal(explain_target_parse(longest + 1, &target, &error), 0);
}

static int settle(const char *from_text, const char *to_text, struct explain_target *to)
{
	struct explain_target from;
	const char *error;

	assert_int_equal(explain_target_parse(from_text, &from, &error), 0);
	assert_int_equal(explain_target_parse(to_text, to, &error), 0);
	return explain_target_settle(&from, to, &error);
}

static void the_protocol_follows_from_port_and_family(void **state)
{
	struct explain_target to;

	assert_int_equal(settle("web", "10.0.0.1:80", &to), 0);
	assert_int_equal(to.protocol, IPPROTO_TCP);
	assert_int_equal(settle("web:40000", "10.0.0.1:80", &to), 0);
	assert_int_equal(to.protocol, IPPROTO_TCP);
	assert_int_equal(settle("[fd00::2]:40000", "[fd00::1]:53/udp", &to), 0);
	assert_int_equal(to.protocol, IPPROTO_UDP);
	assert_int_equal(settle("web", "10.0.0.1", &to), 0);
	assert_int_equal(to.protocol, IPPROTO_ICMP);
	assert_int_equal(settle("web", "fd00::1", &to), 0);
	assert_int_equal(to.protocol, IPPROTO_ICMPV6);
	assert_int_equal(settle("fd00::2", "web/icmp", &to), 0);
	assert_int_equal(to.protocol, IPPROTO_ICMPV6);
	assert_int_equal(settle("web", "db", &to), 0);
	assert_int_equal(to.protocol, IPPROTO_ICMP);
}

static void ends_that_no_packet_has_are_refused(void **state)
{
	struct explain_target to;

	assert_int_equal(settle("10.0.0.1", "fd00::1", &to), -EINVAL);
	assert_int_equal(settle("web:80", "10.0.0.1", &to), -EINVAL);
	assert_int_equal(settle("web:80", "10.0.0.1/icmp", &to), -EINVAL);
	assert_int_equal(settle("web:80", "10.0.0.1:80/icmp", &to), -EINVAL);
	assert_int_equal(settle("web/tcp", "10.0.0.1", &to), -EINVAL);
	assert_int_equal(settle("web", "10.0.0.1:80/icmp", &to), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_are_read_as_written),
		cmocka_unit_test(absurd_ends_are_refused),
		cmocka_unit_test(the_protocol_follows_from_port_and_family),
		cmocka_unit_test(ends_that_no_packet_has_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
