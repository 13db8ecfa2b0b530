/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of endpoint_alias.c: the record that a link carries.
 *
 * links: loader/endpoint_alias.c lib/pod_ifname.c lib/sha1.c lib/ip_prefix.c lib/mac.c
 */
#include "loader/endpoint_alias.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"

static struct endpoint example(void)
{
	struct endpoint endpoint = {
		.container_id = "abc",
		.ifname = "eth0",
		.pod_mac = { 0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f },
		.address_count = 2,
	};

	ip_addr_parse("10.244.1.7", &endpoint.address[0]);
	ip_addr_parse("fd00:10:244:1::7", &endpoint.address[1]);
	return endpoint;
}

#define EXAMPLE "tortie:1 abc eth0 0a:1b:2c:3d:4e:5f 10.244.1.7 fd00:10:244:1::7"

static void the_record_reads_as_the_docs_show_it(void **state)
{
	struct endpoint endpoint = example();
	char alias[ENDPOINT_ALIAS_MAX + 1];

	assert_int_equal(endpoint_alias_format(&endpoint, alias), 0);
	assert_string_equal(alias, EXAMPLE);
}

static void what_was_written_is_read_again(void **state)
{
	struct endpoint want = example(), got;

	assert_int_equal(endpoint_alias_parse(EXAMPLE, &got), 0);
	/* printf 'abc/eth0' | sha1sum */
	assert_string_equal(got.host_ifname, "cali48b70361303");
	snprintf(want.host_ifname, sizeof(want.host_ifname), "%s", got.host_ifname);
	assert_memory_equal(&got, &want, sizeof(got));
}

static void the_longest_id_and_name_with_both_families_fit(void **state)
{
	struct endpoint endpoint = example(), got;
	char alias[ENDPOINT_ALIAS_MAX + 1];

	memset(endpoint.container_id, 'f', CONTAINER_ID_MAX);
	memset(endpoint.ifname, 'n', IFNAME_MAX);
	ip_addr_parse("255.255.255.255", &endpoint.address[0]);
	ip_addr_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &endpoint.address[1]);
	assert_int_equal(endpoint_alias_format(&endpoint, alias), 0);
	assert_int_equal(endpoint_alias_parse(alias, &got), 0);
	for (size_t i = 0; i < POD_ADDRESSES_MAX; i++)
		endpoint.address[i] = endpoint.address[1];
	endpoint.address_count = POD_ADDRESSES_MAX;
	assert_int_equal(endpoint_alias_format(&endpoint, alias), -E2BIG);
}

static void anything_else_is_refused(void **state)
{
	static const char *const refused[] = {
		"",
		"tortie:1",
		"tortie:2 abc eth0 0a:1b:2c:3d:4e:5f 10.244.1.7",
		" " EXAMPLE,
		EXAMPLE " ",
		EXAMPLE "\n",
		"tortie:1  abc eth0 0a:1b:2c:3d:4e:5f",
		"tortie:1 -bc eth0 0a:1b:2c:3d:4e:5f",
		"tortie:1 abc e:h0 0a:1b:2c:3d:4e:5f",
		"tortie:1 abc eth0 0A:1b:2c:3d:4e:5f",
		"tortie:1 abc eth0 0a:1b:2c:3d:4e",
		"tortie:1 abc eth0 0a:1b:2c:3d:4e:5",
		"tortie:1 abc eth0 0a:1b:2c:3d:4e:5f:60",
		"tortie:1 abc eth0 +a:1b:2c:3d:4e:5f",
		"tortie:1 abc eth0 0a:1b:2c:3d:4e:5f 10.244.1.07",
		"tortie:1 abc eth0 0a:1b:2c:3d:4e:5f 10.244.1",
		"tortie:1 abc eth0 0a:1b:2c:3d:4e:5f ::0001",
		"tortie:1 abc eth0 0a:1b:2c:3d:4e:5f ::1 ::2 ::3 ::4 ::5 ::6 ::7 ::8 ::9",
		"my uplink",
	};
	struct endpoint got;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (endpoint_alias_parse(refused[i], &got) != -EINVAL)
			fail_msg("taken: %s", refused[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_record_reads_as_the_docs_show_it),
		cmocka_unit_test(what_was_written_is_read_again),
		cmocka_unit_test(the_longest_id_and_name_with_both_families_fit),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
