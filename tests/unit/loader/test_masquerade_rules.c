/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of masquerade_rules.c: the table as text. That the kernel takes it and translates is tested
 * by tests/net/test_routes_masquerade.py.
 *
 * links: tests/unit/addresses.c
 * links: loader/masquerade_rules.c lib/ip_prefix.c lib/prefix_set.c
 */
#include "loader/masquerade_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "tests/unit/addresses.h"

/* The body of a set in the text, up to its closing brace. */
static char *set_body(const char *rules, const char *name)
{
	const char *start = strstr(rules, name), *end;

	assert_non_null(start);
	end = strstr(start, "\t}\n");
	assert_non_null(end);
	return strndup(start, (size_t)(end - start));
}

static void assert_set(const char *rules, const char *name, const char *elements)
{
	char *body = set_body(rules, name);

	if (elements != NULL)
		assert_non_null(strstr(body, elements));
	else
		assert_null(strstr(body, "elements"));
	free(body);
}

static void no_pool_that_asks_wants_no_table(void **state)
{
	struct config_pool pools[] = { { .cidr = prefix("10.244.0.0/16") } };
	const struct config config = { .pool = pools, .pool_count = 1 };

	assert_false(masquerade_is_wanted(&config));
	pools[0].nat_outgoing = true;
	assert_true(masquerade_is_wanted(&config));
}

static void pools_and_routes_are_inside_only_asking_pools_go_out_translated(void **state)
{
	struct config_pool pools[] = {
		{ .cidr = prefix("10.244.0.0/16"), .nat_outgoing = true },
		{ .cidr = prefix("10.245.0.0/16") },
		{ .cidr = prefix("fd00:244::/48"), .nat_outgoing = true },
	};
	struct config_route routes[] = {
		{ .prefix = prefix("10.244.7.0/24") }, /* in a pool: nothing to add */
		{ .prefix = prefix("172.20.0.0/16") },
	};
	const struct config config = {
		.pool = pools, .pool_count = 3, .route = routes, .route_count = 2
	};
	char *rules = masquerade_rules(&config);

	assert_non_null(rules);
	assert_set(rules, "set outgoing4", "elements = { 10.244.0.0/16 }");
	assert_set(rules, "set inside4",
		   "elements = { 10.244.0.0/16, 10.245.0.0/16, 172.20.0.0/16 }");
	assert_set(rules, "set outgoing6", "elements = { fd00:244::/48 }");
	assert_set(rules, "set inside6", "elements = { fd00:244::/48 }");
	free(rules);
}

static void nodes_are_never_masqueraded_to(void **state)
{
	struct config_pool pools[] = { { .cidr = prefix("10.244.0.0/16"), .nat_outgoing = true } };
	struct ip_addr n1[] = { addr("10.77.0.11"), addr("fd77::11") };
	struct ip_addr n2[] = { addr("10.77.0.12"), addr("10.244.9.9") }; /* one in the pool */
	struct config_cluster_node nodes[] = { { .address = n1, .address_count = 2 },
					       { .address = n2, .address_count = 2 },
					       { .address_count = 0 } };
	const struct config config = { .pool = pools,
				       .pool_count = 1,
				       .node = nodes,
				       .node_count = 3,
				       .node_address = { addr("10.77.0.11"), addr("192.0.2.1") },
				       .node_address_count = 2 };
	char *rules = masquerade_rules(&config);

	assert_non_null(rules);
	assert_set(rules, "set outgoing4", "elements = { 10.244.0.0/16 }");
	assert_set(rules, "set inside4",
		   "elements = { 10.77.0.11/32, 10.77.0.12/32, 10.244.0.0/16, 192.0.2.1/32 }");
	assert_set(rules, "set inside6", "elements = { fd77::11/128 }");
	free(rules);
}

static void a_family_without_pools_has_empty_sets(void **state)
{
	struct config_pool pools[] = { { .cidr = prefix("10.244.0.0/16"), .nat_outgoing = true } };
	const struct config config = { .pool = pools, .pool_count = 1 };
	char *rules = masquerade_rules(&config);

	assert_non_null(rules);
	assert_set(rules, "set outgoing6", NULL);
	assert_set(rules, "set inside6", NULL);
	free(rules);
}

static void what_nobody_translated_of_a_range_of_services_is_refused(void **state)
{
	struct config_pool pools[] = { { .cidr = prefix("10.244.0.0/16") } };
	struct ip_prefix ranges[] = { prefix("192.0.2.0/24"), prefix("10.96.0.0/12"),
				      prefix("fd96::/112") };
	struct config config = { .pool = pools, .pool_count = 1 };
	char *rules;

	config.bgp.service_range = ranges;
	config.bgp.service_range_count = 3;
	assert_true(masquerade_is_wanted(&config));
	rules = masquerade_rules(&config);
	assert_non_null(rules);
	assert_set(rules, "set services4", "elements = { 10.96.0.0/12, 192.0.2.0/24 }");
	assert_set(rules, "set services6", "elements = { fd96::/112 }");
	assert_non_null(strstr(rules, "hook forward"));
	assert_non_null(strstr(rules, "ip daddr @services4 reject"));
	assert_non_null(strstr(rules, "ip6 daddr @services6 reject"));
	assert_null(strstr(rules, "postrouting"));
	free(rules);

	pools[0].nat_outgoing = true;
	rules = masquerade_rules(&config);
	assert_non_null(strstr(rules, "hook forward"));
	assert_non_null(strstr(rules, "hook postrouting"));
	free(rules);

	config.bgp.service_range_count = 0;
	rules = masquerade_rules(&config);
	assert_null(strstr(rules, "hook forward"));
	free(rules);
}

static void the_old_table_goes_in_the_same_transaction(void **state)
{
	const struct config config = { .pool_count = 0 };
	char *rules = masquerade_rules(&config);

	assert_non_null(rules);
	assert_ptr_equal(strstr(rules, "add table inet tortie\ndelete table inet tortie\n"), rules);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_pool_that_asks_wants_no_table),
		cmocka_unit_test(pools_and_routes_are_inside_only_asking_pools_go_out_translated),
		cmocka_unit_test(nodes_are_never_masqueraded_to),
		cmocka_unit_test(a_family_without_pools_has_empty_sets),
		cmocka_unit_test(what_nobody_translated_of_a_range_of_services_is_refused),
		cmocka_unit_test(the_old_table_goes_in_the_same_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
