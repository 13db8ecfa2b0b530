/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reach.c: what the agent says of its subnets, and which next hops are on one.
 *
 * links: bgp/reach.c lib/prefix_set.c lib/ip_prefix.c tests/unit/bgp/hex.c lib/wire.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/reach.h"
#include "lib/ip_prefix.h"
#include "tests/unit/bgp/hex.h"

static bool has(struct reach *reach, const char *text)
{
	struct ip_addr addr = addr_of(text);

	return reach_has(&addr, reach);
}

static void before_the_agent_says_all_are_within_reach(void **state)
{
	struct reach reach = { 0 };

	assert_true(has(&reach, "192.0.2.1") && has(&reach, "2001:db8::1"));
	assert_int_equal(reach_read(&reach, "", 0), 0); /* it has no uplink */
	assert_false(has(&reach, "192.0.2.1") || has(&reach, "2001:db8::1"));
	reach_fini(&reach);
	assert_true(has(&reach, "192.0.2.1"));
}

static void next_hops_on_its_subnets_are_and_no_others(void **state)
{
	const struct ip_prefix subnets[] = { prefix_of("192.0.2.0/25"), prefix_of("192.0.2.0/26"),
					     prefix_of("2001:db8::/64"),
					     prefix_of("198.51.100.4/32") };
	struct reach reach = { 0 };

	assert_int_equal(reach_read(&reach, subnets, sizeof(subnets)), 0);
	assert_true(has(&reach, "192.0.2.1") && has(&reach, "192.0.2.127"));
	assert_true(has(&reach, "2001:db8::ffff") && has(&reach, "198.51.100.4"));
	assert_false(has(&reach, "192.0.2.128") || has(&reach, "198.51.100.5"));
	assert_false(has(&reach, "2001:db8:0:1::1"));
	/* the next message replaces it */
	assert_int_equal(reach_read(&reach, &subnets[3], sizeof(subnets[3])), 0);
	assert_false(has(&reach, "192.0.2.1"));
	reach_fini(&reach);
}

static void what_is_malformed_changes_nothing(void **state)
{
	struct ip_prefix subnets[] = { prefix_of("192.0.2.0/24"), prefix_of("::/0") };
	struct reach reach = { 0 };

	assert_int_equal(reach_read(&reach, subnets, sizeof(subnets[0])), 0);
	assert_int_equal(reach_read(&reach, subnets, sizeof(subnets) - 1), -EPROTO);
	subnets[1].bits = IP_ADDR_BITS + 1;
	assert_int_equal(reach_read(&reach, subnets, sizeof(subnets)), -EPROTO);
	subnets[1] = prefix_of("2001:db8::/64");
	subnets[1].bits = 16; /* bits beyond it */
	assert_int_equal(reach_read(&reach, subnets, sizeof(subnets)), -EPROTO);
	assert_true(has(&reach, "192.0.2.1"));
	assert_false(has(&reach, "2001:db8::1"));
	reach_fini(&reach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_agent_says_all_are_within_reach),
		cmocka_unit_test(next_hops_on_its_subnets_are_and_no_others),
		cmocka_unit_test(what_is_malformed_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
