/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_attribute_set.c: equal attribute sets exist once.
 *
 * links: bgp/attribute_set.c bgp/attributes.c bgp/as_path.c bgp/message.c bgp/capability.c
 * links: lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c tests/unit/bgp/routes.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/bgp/hex.h"
#include "tests/unit/bgp/routes.h"

static void equal_sets_are_one(void **state)
{
	static struct routes routes;
	struct attribute_set *first, *second, *other;

	routes_init(&routes);
	first = routes_simple(&routes, "7 8", "10.0.0.1");
	second = routes_simple(&routes, "7 8", "10.0.0.1");
	other = routes_simple(&routes, "7 9", "10.0.0.1");
	assert_ptr_equal(first, second);
	assert_ptr_not_equal(first, other);
	assert_int_equal(first->references, 2);
	assert_int_equal(routes.table.set_count, 2);
	attribute_set_unref(&routes.table, first);
	attribute_set_unref(&routes.table, second);
	attribute_set_unref(&routes.table, other);
	attribute_set_unref(&routes.table, NULL);
	assert_int_equal(routes.table.set_count, 0);
	routes_fini(&routes);
}

static void every_part_tells_sets_apart(void **state)
{
	static struct routes routes;
	struct attribute_set *sets[4];

	routes_init(&routes);
	sets[0] = routes_simple(&routes, "7", "10.0.0.1");
	sets[1] = routes_simple(&routes, "7", "10.0.0.2");
	routes_start(&routes, "7", "10.0.0.1")->cluster_list_len =
		(uint16_t)hex_parse("01020304", routes.draft.cluster_list, 4);
	sets[2] = routes_intern(&routes);
	routes_start(&routes, "7", "10.0.0.1")->other_len =
		(uint16_t)hex_parse("c0 63 01 00", routes.draft.other, 4);
	sets[3] = routes_intern(&routes);
	assert_int_equal(routes.table.set_count, 4);
	for (int i = 0; i < 4; i++)
		attribute_set_unref(&routes.table, sets[i]);
	routes_fini(&routes);
}

static void a_set_becomes_the_same_draft_again(void **state)
{
	static struct attribute_draft copy;
	static struct routes routes;
	struct attribute_values *values;
	struct attribute_set *set;

	routes_init(&routes);
	values = routes_start(&routes, "64999 7", "10.0.0.1");
	values->cluster_list_len = (uint16_t)hex_parse("01020304", routes.draft.cluster_list, 4);
	values->other_len = (uint16_t)hex_parse("c0 63 01 00", routes.draft.other, 4);
	set = routes_intern(&routes);
	attribute_set_draft(set, &copy);
	assert_memory_equal(&copy.values, values, sizeof(*values));
	assert_true(hex_equal("02 02 0000fde7 00000007", copy.as_path, values->as_path_len));
	assert_true(hex_equal("01020304", copy.cluster_list, values->cluster_list_len));
	assert_true(hex_equal("c0 63 01 00", copy.other, values->other_len));
	attribute_set_unref(&routes.table, set);
	routes_fini(&routes);
}

static void the_table_grows_and_finds_all(void **state)
{
	static struct attribute_set *sets[1000];
	static struct routes routes;

	routes_init(&routes);
	for (uint32_t i = 0; i < 1000; i++) {
		routes_start(&routes, "7", "10.0.0.1")->med = i;
		sets[i] = routes_intern(&routes);
	}
	assert_true(routes.table.bucket_count >= 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		routes_start(&routes, "7", "10.0.0.1")->med = i;
		assert_ptr_equal(routes_intern(&routes), sets[i]);
		attribute_set_unref(&routes.table, sets[i]);
		attribute_set_unref(&routes.table, sets[i]);
	}
	routes_fini(&routes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_sets_are_one),
		cmocka_unit_test(every_part_tells_sets_apart),
		cmocka_unit_test(a_set_becomes_the_same_draft_again),
		cmocka_unit_test(the_table_grows_and_finds_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
