/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of route_lengths.c: which prefix lengths the data plane probes.
 *
 * links: tests/unit/addresses.c
 * links: loader/route_lengths.c lib/ip_prefix.c
 */
#include "loader/route_lengths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "tests/unit/addresses.h"

static void add(struct route_lengths *lengths, const char *text)
{
	struct ip_prefix added = prefix(text);

	route_lengths_add(lengths, &added);
}

static void drop(struct route_lengths *lengths, const char *text)
{
	struct ip_prefix removed = prefix(text);

	route_lengths_remove(lengths, &removed);
}

static void no_route_needs_no_probe(void **state)
{
	struct route_lengths lengths = { 0 };
	struct dataplane_settings settings;

	route_lengths_settings(&lengths, &settings);
	assert_int_equal(settings.v4_count, 0);
	assert_int_equal(settings.v6_count, 0);
}

static void lengths_are_listed_longest_first_and_by_family(void **state)
{
	struct route_lengths lengths = { 0 };
	struct dataplane_settings settings;

	add(&lengths, "10.0.0.0/8");
	add(&lengths, "10.1.2.0/26");
	add(&lengths, "10.1.0.0/16");
	add(&lengths, "fd00::/48");
	add(&lengths, "fd00:1::/64");
	route_lengths_settings(&lengths, &settings);
	/* bits of the mapped address: 96 more than a person writes for IPv4 */
	assert_int_equal(settings.v4_count, 3);
	assert_int_equal(settings.v4_bits[0], 122);
	assert_int_equal(settings.v4_bits[1], 112);
	assert_int_equal(settings.v4_bits[2], 104);
	assert_int_equal(settings.v6_count, 2);
	assert_int_equal(settings.v6_bits[0], 64);
	assert_int_equal(settings.v6_bits[1], 48);
}

static void an_ipv6_length_is_no_ipv4_length_of_the_same_bits(void **state)
{
	struct route_lengths lengths = { 0 };
	struct dataplane_settings settings;
	struct ip_prefix v4 = prefix("10.1.2.0/24"), v6 = prefix("fd00::1:0:0/120");

	route_lengths_add(&lengths, &v6);
	route_lengths_settings(&lengths, &settings);
	assert_int_equal(settings.v4_count, 0);
	assert_int_equal(settings.v6_count, 1);
	assert_true(route_lengths_is_probed(&settings, &v6));
	assert_false(route_lengths_is_probed(&settings, &v4));
}

static void a_length_goes_with_its_last_route(void **state)
{
	struct route_lengths lengths = { 0 };
	struct dataplane_settings settings;

	add(&lengths, "10.1.1.0/24");
	add(&lengths, "10.1.2.0/24");
	drop(&lengths, "10.1.1.0/24");
	route_lengths_settings(&lengths, &settings);
	assert_int_equal(settings.v4_count, 1);
	drop(&lengths, "10.1.2.0/24");
	route_lengths_settings(&lengths, &settings);
	assert_int_equal(settings.v4_count, 0);
}

static void removing_more_than_was_added_leaves_none(void **state)
{
	struct route_lengths lengths = { 0 };
	struct dataplane_settings settings;

	drop(&lengths, "10.1.2.0/24");
	add(&lengths, "10.1.2.0/24");
	route_lengths_settings(&lengths, &settings);
	assert_int_equal(settings.v4_count, 1);
}

static void when_too_many_are_in_use_the_shortest_are_left_out(void **state)
{
	struct route_lengths lengths = { 0 };
	struct dataplane_settings settings;
	struct ip_prefix shortest = prefix("10.0.0.0/9"), kept = prefix("10.0.0.0/13");
	char text[32];

	for (int bits = 9; bits <= 28; bits++) { /* 20 lengths for 16 places */
		snprintf(text, sizeof(text), "10.0.0.0/%d", bits);
		add(&lengths, text);
	}
	route_lengths_settings(&lengths, &settings);
	assert_int_equal(settings.v4_count, ROUTE_LENGTHS_MAX);
	assert_int_equal(settings.v4_bits[0], 96 + 28);
	assert_int_equal(settings.v4_bits[ROUTE_LENGTHS_MAX - 1], 96 + 13);
	assert_false(route_lengths_is_probed(&settings, &shortest));
	assert_true(route_lengths_is_probed(&settings, &kept));
}

static void default_routes_have_a_length_too(void **state)
{
	struct route_lengths lengths = { 0 };
	struct dataplane_settings settings;

	add(&lengths, "0.0.0.0/0");
	add(&lengths, "::/0");
	route_lengths_settings(&lengths, &settings);
	assert_int_equal(settings.v4_count, 1);
	assert_int_equal(settings.v4_bits[0], 96);
	assert_int_equal(settings.v6_count, 1);
	assert_int_equal(settings.v6_bits[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_route_needs_no_probe),
		cmocka_unit_test(lengths_are_listed_longest_first_and_by_family),
		cmocka_unit_test(an_ipv6_length_is_no_ipv4_length_of_the_same_bits),
		cmocka_unit_test(a_length_goes_with_its_last_route),
		cmocka_unit_test(removing_more_than_was_added_leaves_none),
		cmocka_unit_test(when_too_many_are_in_use_the_shortest_are_left_out),
		cmocka_unit_test(default_routes_have_a_length_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
