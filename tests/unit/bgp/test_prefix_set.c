/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_prefix_set.c: what lies inside a set of prefixes, against asking each of them.
 *
 * links: bgp/prefix_set.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bgp/prefix_set.h"
#include "lib/ip_prefix.h"
#include "tests/unit/bgp/hex.h"

static const char *const members[] = {
	"10.244.8.0/24", "10.244.0.0/16", "10.244.0.0/24", "192.0.2.0/25",   "fd00::/8",
	"fd00:1::/32",	 "::/1",	  "10.245.0.0/17", "192.0.2.128/26", "192.0.2.0/25",
};

static const char *const asked[] = {
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

static struct prefix_set make(const char *const *texts, size_t count)
{
	struct prefix_set set;

	assert_int_equal(prefix_set_init(&set, count), 0);
	for (size_t i = 0; i < count; i++) {
		struct ip_prefix prefix = prefix_of(texts[i]);

		prefix_set_put(&set, &prefix);
	}
	prefix_set_settle(&set);
	return set;
}

static void a_prefix_inside_a_member_is_found_as_if_each_were_asked(void **state)
{
	size_t count = sizeof(members) / sizeof(members[0]);
	struct prefix_set set = make(members, count);

	assert_int_equal(set.count, 6); /* three lie inside others, one stands twice */
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct ip_prefix prefix = prefix_of(asked[i]);
		bool inside = false;

		for (size_t k = 0; k < count; k++) {
			struct ip_prefix member = prefix_of(members[k]);

			inside |= ip_prefix_covers(&member, &prefix);
		}
		if (prefix_set_covers(&set, &prefix) != inside)
			print_error("%s\n", asked[i]);
		assert_int_equal(prefix_set_covers(&set, &prefix), inside);
	}
	prefix_set_fini(&set);
}

static void an_empty_set_covers_nothing_and_is_in_every_set(void **state)
{
	struct prefix_set empty = make(members, 0), set = make(members, 1);
	struct ip_prefix all = prefix_of("0.0.0.0/0");

	assert_false(prefix_set_covers(&empty, &all));
	assert_true(prefix_set_includes(&set, &empty));
	assert_false(prefix_set_includes(&empty, &set));
	assert_true(prefix_set_includes(&set, &set));
	prefix_set_fini(&empty);
	prefix_set_fini(&set);
}

/* Eight thousand pools must not make an UPDATE slow: settled and asked within a moment. */
static void many_prefixes_are_found_each(void **state)
{
	struct ip_prefix first = prefix_of("10.0.0.0/24");
	size_t count = 8192;
	struct prefix_set set;

	assert_int_equal(prefix_set_init(&set, count), 0);
	for (size_t i = 0; i < count; i++) {
		/* every other /24, in an order that is not sorted */
		struct ip_prefix prefix = first;

		prefix.addr = ip_addr_add(&first.addr, (i * 4099 % count) * 512);
		prefix_set_put(&set, &prefix);
	}
	prefix_set_settle(&set);
	assert_int_equal(set.count, count);
	for (size_t i = 0; i < 2 * count; i++) {
		struct ip_addr addr = ip_addr_add(&first.addr, i * 256 + 77);
		struct ip_prefix host = ip_prefix_host(&addr);

		assert_int_equal(prefix_set_covers(&set, &host), i % 2 == 0);
	}
	prefix_set_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_inside_a_member_is_found_as_if_each_were_asked),
		cmocka_unit_test(an_empty_set_covers_nothing_and_is_in_every_set),
		cmocka_unit_test(many_prefixes_are_found_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
