/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_next_hops.c: sets of next hops, and the routes of MSG_ROUTE_SET and MSG_ROUTE_DELETE.
 *
 * links: lib/next_hops.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "lib/next_hops.h"
#include "tests/unit/bgp/hex.h"

static bool add(struct next_hops *hops, const char *text)
{
	struct ip_addr addr = addr_of(text);

	return next_hops_add(hops, &addr);
}

static void the_order_of_adding_makes_no_difference(void **state)
{
	static const char *const orders[][4] = {
		{ "192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.9" },
		{ "2001:db8::1", "192.0.2.9", "192.0.2.2", "192.0.2.1" },
		{ "192.0.2.9", "192.0.2.1", "2001:db8::1", "192.0.2.2" },
	};
	struct next_hops hops[3] = {};

	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 4; j++)
			assert_true(add(&hops[i], orders[i][j]));
	assert_int_equal(hops[0].count, 4);
	assert_true(next_hops_equal(&hops[0], &hops[1]));
	assert_true(next_hops_equal(&hops[0], &hops[2]));
	for (uint32_t i = 1; i < hops[0].count; i++)
		assert_true(ip_addr_compare(&hops[0].addr[i - 1], &hops[0].addr[i]) < 0);
}

static void an_address_is_in_a_set_once(void **state)
{
	struct next_hops hops = {}, one = {};

	assert_true(add(&hops, "192.0.2.2") && add(&hops, "192.0.2.1") && add(&hops, "192.0.2.2"));
	assert_int_equal(hops.count, 2);
	assert_true(add(&one, "192.0.2.1"));
	assert_false(next_hops_equal(&hops, &one));
	one.addr[0] = addr_of("192.0.2.2");
	hops.count = 1;
	assert_false(next_hops_equal(&hops, &one));
}

static void a_full_set_takes_what_it_has_and_nothing_else(void **state)
{
	struct next_hops hops = {};
	struct ip_addr addr = addr_of("192.0.2.0");

	for (uint32_t i = 0; i < ROUTE_NEXT_HOPS_MAX; i++) {
		addr = ip_addr_add(&addr, 1);
		assert_true(next_hops_add(&hops, &addr));
	}
	assert_true(add(&hops, "192.0.2.1"));
	assert_false(add(&hops, "192.0.2.77"));
	assert_false(add(&hops, "192.0.2.0"));
	assert_int_equal(hops.count, ROUTE_NEXT_HOPS_MAX);
}

/* --- messages --- */

/* Room for what a test breaks; at an odd address, as a receiver may have it. */
static uint8_t odd[2 * ROUTE_SET_OCTETS_MAX + 1];
static uint8_t *const message = odd + 1;

static size_t write_three(void)
{
	struct ip_prefix prefix = prefix_of("10.244.7.0/24");
	struct next_hops hops = {};

	assert_true(add(&hops, "192.0.2.2") && add(&hops, "192.0.2.1") &&
		    add(&hops, "2001:db8::1"));
	memset(odd, 0, sizeof(odd));
	return route_set_write(message, &prefix, &hops);
}

static int read_set(size_t len)
{
	struct ip_prefix prefix;
	struct next_hops hops;

	return route_set_read(message, len, &prefix, &hops);
}

static void a_route_is_read_as_it_was_written(void **state)
{
	static const char *const in_order[] = { "192.0.2.1", "192.0.2.2", "2001:db8::1" };
	struct ip_prefix prefix;
	struct next_hops hops;
	char text[IP_PREFIX_TEXT_MAX];
	size_t len = write_three();

	assert_int_equal(len, 20 + 4 + 3 * 16);
	assert_int_equal(route_set_read(message, len + 9, &prefix, &hops), len);
	assert_string_equal(ip_prefix_format(&prefix, text, sizeof(text)), "10.244.7.0/24");
	assert_int_equal(hops.count, 3);
	/* Numbers of 128 bits: ::ffff:192.0.2.1 is a small one. */
	for (uint32_t i = 0; i < 3; i++)
		assert_string_equal(ip_addr_format(&hops.addr[i], text, sizeof(text)), in_order[i]);
}

static void a_route_that_is_cut_off_is_refused(void **state)
{
	size_t len = write_three();

	for (size_t i = 0; i < len; i++)
		assert_int_equal(read_set(i), -EPROTO);
}

static void counts_that_are_none_are_refused(void **state)
{
	static const uint32_t counts[] = { 0, ROUTE_NEXT_HOPS_MAX + 1, 0x10000000, 0xffffffff };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		write_three();
		memcpy(message + sizeof(struct ip_prefix), &counts[i], sizeof(counts[i]));
		assert_int_equal(read_set(2 * ROUTE_SET_OCTETS_MAX), -EPROTO);
	}
}

static void next_hops_out_of_order_or_twice_are_refused(void **state)
{
	uint8_t *hop = message + sizeof(struct msg_route_set);
	uint8_t first[16];
	size_t len = write_three();

	memcpy(first, hop, sizeof(first));
	memcpy(hop, hop + 16, 16);
	assert_int_equal(read_set(len), -EPROTO);
	memcpy(hop + 16, first, sizeof(first));
	assert_int_equal(read_set(len), -EPROTO);
}

/* Of either message: 129 bits; IPv4 with 80; bits beyond the length. */
static void prefixes_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *addr;
		uint32_t bits;
	} bad[] = { { "2001:db8::", 129 }, { "10.0.0.0", 80 }, { "10.0.0.1", 120 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ip_prefix prefix = { addr_of(bad[i].addr), bad[i].bits }, unused;
		size_t len = write_three();

		memcpy(message, &prefix, sizeof(prefix));
		assert_int_equal(read_set(len), -EPROTO);
		assert_int_equal(route_delete_read(message, len, &unused), -EPROTO);
	}
}

static void a_deletion_is_a_prefix(void **state)
{
	struct ip_prefix prefix;

	write_three();
	assert_int_equal(route_delete_read(message, 77, &prefix), 20);
	assert_int_equal(prefix.bits, 120);
	assert_int_equal(route_delete_read(message, 19, &prefix), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_adding_makes_no_difference),
		cmocka_unit_test(an_address_is_in_a_set_once),
		cmocka_unit_test(a_full_set_takes_what_it_has_and_nothing_else),
		cmocka_unit_test(a_route_is_read_as_it_was_written),
		cmocka_unit_test(a_route_that_is_cut_off_is_refused),
		cmocka_unit_test(counts_that_are_none_are_refused),
		cmocka_unit_test(next_hops_out_of_order_or_twice_are_refused),
		cmocka_unit_test(prefixes_that_are_none_are_refused),
		cmocka_unit_test(a_deletion_is_a_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
