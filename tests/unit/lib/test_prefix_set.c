/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_prefix_set.c: what lies inside one of many prefixes.
 *
 * links: lib/prefix_set.c lib/ip_prefix.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "lib/prefix_set.h"

static void add(struct prefix_set *set, const char *text)
{
	struct ip_prefix prefix;

	assert_int_equal(ip_prefix_parse(text, &prefix), 0);
	assert_int_equal(prefix_set_add(set, &prefix), 0);
}

static bool covers(const struct prefix_set *set, const char *text)
{
	struct ip_prefix prefix;

	assert_int_equal(ip_prefix_parse(text, &prefix), 0);
	return prefix_set_covers(set, &prefix);
}

static const char *const members[] = {
	"10.244.8.0/24", "10.244.0.0/16", "10.244.0.0/24", "192.0.2.0/25",   "fd00::/8",
	"fd00:1::/32",	 "::/1",	  "10.245.0.0/17", "192.0.2.128/26", "192.0.2.0/25",
};

static const char *const inside_or_not[] = {
	"10.244.0.0/16",
	"10.244.255.255/32",
	"10.0.0.0/8",
	"10.245.0.0/16",
	"10.245.127.0/24",
	"10.245.128.0/24",
	"192.0.2.0/24",
	"192.0.2.128/25",
	"192.0.2.129/32",
	"192.0.2.192/26",
	"9.0.0.0/8",
	"255.255.255.255/32",
	"0.0.0.0/0",
	"::/0",
	"::/1",
	"7fff::/16",
	"8000::/16",
	"fd00::/8",
	"fdff::/16",
	"fe00::/16",
};

/* IPv4 stands between the addresses of ::/1, and is not inside it. */
static void families_stand_apart(void **state)
{
	size_t count = sizeof(members) / sizeof(members[0]);
	struct prefix_set set = { 0 };

	for (size_t i = 0; i < count; i++)
		add(&set, members[i]);
	prefix_set_seal(&set);
	assert_int_equal(set.count, 6); /* three lie inside others, one stands twice */
	for (size_t i = 0; i < sizeof(inside_or_not) / sizeof(inside_or_not[0]); i++) {
		struct ip_prefix prefix, member;
		bool inside = false;

		assert_int_equal(ip_prefix_parse(inside_or_not[i], &prefix), 0);
		for (size_t k = 0; k < count; k++) {
			assert_int_equal(ip_prefix_parse(members[k], &member), 0);
			inside |= ip_prefix_covers(&member, &prefix);
		}
		if (prefix_set_covers(&set, &prefix) != inside)
			print_error("%s\n", inside_or_not[i]);
		assert_int_equal(prefix_set_covers(&set, &prefix), inside);
	}
	prefix_set_free(&set);
}

static void an_empty_set_is_in_every_set(void **state)
{
	struct prefix_set empty = { 0 }, set = { 0 };

	add(&set, "10.244.8.0/24");
	prefix_set_seal(&empty);
	prefix_set_seal(&set);
	assert_true(prefix_set_includes(&set, &empty));
	assert_false(prefix_set_includes(&empty, &set));
	assert_true(prefix_set_includes(&set, &set));
	prefix_set_free(&set);
}

/* Eight thousand pools must not make an UPDATE slow: sealed and asked within a moment. */
static void many_prefixes_are_found_each(void **state)
{
	struct prefix_set set = { 0 };
	struct ip_prefix first;
	size_t count = 8192;

	assert_int_equal(ip_prefix_parse("10.0.0.0/24", &first), 0);
	for (size_t i = 0; i < count; i++) {
		/* every other /24, in an order that is not sorted */
		struct ip_prefix prefix = first;

		prefix.addr = ip_addr_add(&first.addr, (i * 4099 % count) * 512);
		assert_int_equal(prefix_set_add(&set, &prefix), 0);
	}
	prefix_set_seal(&set);
	assert_int_equal(set.count, count);
	for (size_t i = 0; i < 2 * count; i++) {
		struct ip_addr addr = ip_addr_add(&first.addr, i * 256 + 77);
		struct ip_prefix host = ip_prefix_host(&addr);

		assert_int_equal(prefix_set_covers(&set, &host), i % 2 == 0);
	}
	prefix_set_free(&set);
}

static void an_empty_set_covers_nothing(void **state)
{
	struct prefix_set set = { 0 };

	prefix_set_seal(&set);
	assert_false(covers(&set, "10.0.0.0/8"));
	prefix_set_free(&set);
}

static void what_lies_in_one_is_covered(void **state)
{
	struct prefix_set set = { 0 };

	add(&set, "10.244.8.0/24");
	add(&set, "fd00::/16");
	add(&set, "10.244.0.0/23");
	add(&set, "10.244.1.0/24"); /* in the one before */
	add(&set, "10.244.0.0/23"); /* twice */
	prefix_set_seal(&set);
	assert_int_equal(set.count, 3);
	assert_true(covers(&set, "10.244.0.0/23"));
	assert_true(covers(&set, "10.244.1.255/32"));
	assert_true(covers(&set, "10.244.8.0/26"));
	assert_true(covers(&set, "fd00:1::/64"));
	assert_false(covers(&set, "10.244.0.0/22"));
	assert_false(covers(&set, "10.244.2.0/24"));
	assert_false(covers(&set, "10.244.7.255/32"));
	assert_false(covers(&set, "10.244.9.0/32"));
	assert_false(covers(&set, "fd01::/64"));
	assert_false(covers(&set, "::/0"));
	prefix_set_free(&set);
	assert_int_equal(set.count, 0);
}

/* Against the plain way, over all prefixes of a small range. */
static void it_agrees_with_asking_each(void **state)
{
	struct ip_prefix member[40];
	struct prefix_set set = { 0 };
	unsigned int seed = 1;

	for (size_t i = 0; i < 40; i++) {
		struct ip_addr addr;
		char text[32];

		seed = seed * 1103515245 + 12345;
		snprintf(text, sizeof(text), "10.0.%u.%u", seed >> 16 & 3, seed >> 20 & 255);
		assert_int_equal(ip_addr_parse(text, &addr), 0);
		member[i] = ip_prefix_make(&addr, 96 + 24 + (seed >> 8) % 9);
		assert_int_equal(prefix_set_add(&set, &member[i]), 0);
	}
	prefix_set_seal(&set);
	for (unsigned int i = 0; i < 1024 * 9; i++) {
		struct ip_addr base;
		struct ip_prefix asked;
		bool expected = false;

		assert_int_equal(ip_addr_parse("10.0.0.0", &base), 0);
		base = ip_addr_add(&base, i / 9);
		asked = ip_prefix_make(&base, 96 + 24 + i % 9);
		for (size_t k = 0; k < 40; k++)
			expected = expected || ip_prefix_covers(&member[k], &asked);
		assert_int_equal(prefix_set_covers(&set, &asked), expected);
	}
	prefix_set_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_set_covers_nothing),
		cmocka_unit_test(what_lies_in_one_is_covered),
		cmocka_unit_test(it_agrees_with_asking_each),
		cmocka_unit_test(families_stand_apart),
		cmocka_unit_test(an_empty_set_is_in_every_set),
		cmocka_unit_test(many_prefixes_are_found_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
