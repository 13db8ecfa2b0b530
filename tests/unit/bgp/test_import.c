/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_import.c: what a peer may tell us.
 *
 * links: bgp/import.c lib/prefix_set.c bgp/reflector.c bgp/attribute_set.c bgp/attributes.c
 * links: bgp/as_path.c bgp/message.c bgp/capability.c lib/wire.c lib/ip_prefix.c
 * links: tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bgp/import.h"
#include "bgp/reflector.h"
#include "tests/unit/bgp/hex.h"

static struct ip_prefix blocks[2];
static struct config_pool pools[2];
static struct config config;
static struct import_filter filter;

static int make_config(void **state)
{
	blocks[0] = prefix_of("10.244.1.0/24");
	blocks[1] = prefix_of("fd00:244:0:1::/64");
	pools[0].cidr = prefix_of("10.244.0.0/16");
	pools[1].cidr = prefix_of("fd00:244::/48");
	for (int i = 0; i < 2; i++) {
		pools[i].block = &blocks[i];
		pools[i].block_count = 1;
	}
	config.pool = pools;
	config.pool_count = 2;
	config.node_address[0] = addr_of("10.0.0.1");
	config.node_address[1] = addr_of("fd99::1");
	config.node_address_count = 2;
	config.bgp.as = 64512;
	return import_filter_init(&filter, &config);
}

static int free_filter(void **state)
{
	import_filter_fini(&filter);
	return 0;
}

static const struct {
	const char *prefix;
	bool pools, all;
} prefix_rows[] = {
	{ "10.244.2.0/24", true, true },	{ "10.244.2.128/25", true, true },
	{ "10.244.0.0/16", true, true },	{ "10.244.2.5/32", true, true },
	{ "fd00:244:0:2::/64", true, true },	{ "10.244.1.0/24", false, true },
	{ "10.244.1.7/32", false, true },	{ "fd00:244:0:1::5/128", false, true },
	{ "10.0.0.0/8", false, true },		{ "192.0.2.0/24", false, true },
	{ "0.0.0.0/0", false, true },		{ "::/0", false, true },
	{ "2001:db8::/32", false, true },	{ "0.0.0.0/8", false, false },
	{ "127.0.0.0/8", false, false },	{ "127.1.0.0/16", false, false },
	{ "169.254.1.0/24", false, false },	{ "224.0.0.0/4", false, false },
	{ "239.1.0.0/16", false, false },	{ "240.0.0.0/4", false, false },
	{ "255.255.255.255/32", false, false }, { "::1/128", false, false },
	{ "fe80::/64", false, false },		{ "ff00::/8", false, false },
	{ "0.0.0.0/1", false, true },		{ "128.0.0.0/1", false, true },
	{ "0.1.0.0/16", false, false },		{ "::/128", false, false },
};

static void prefixes_are_let_in_by_policy(void **state)
{
	for (size_t i = 0; i < sizeof(prefix_rows) / sizeof(prefix_rows[0]); i++) {
		struct ip_prefix prefix = prefix_of(prefix_rows[i].prefix);

		if (import_accepts_prefix(&filter, IMPORT_POOLS, &prefix) != prefix_rows[i].pools ||
		    import_accepts_prefix(&filter, IMPORT_ALL, &prefix) != prefix_rows[i].all)
			print_error("%s\n", prefix_rows[i].prefix);
		assert_int_equal(import_accepts_prefix(&filter, IMPORT_POOLS, &prefix),
				 prefix_rows[i].pools);
		assert_int_equal(import_accepts_prefix(&filter, IMPORT_ALL, &prefix),
				 prefix_rows[i].all);
		assert_false(import_accepts_prefix(&filter, IMPORT_NONE, &prefix));
	}
}

static const struct {
	uint32_t local_as, allowed;
	const char *path; /* the last AS first */
	enum import_refusal refusal;
} own_as_rows[] = {
	{ 64512, 1, "64999 64512", IMPORT_OK },
	{ 64512, 1, "64512 64999 64512", IMPORT_AS_LOOP },
	{ 64512, 2, "64512 64999 64512", IMPORT_OK },
	{ 65001, 0, "65001", IMPORT_AS_LOOP },
	{ 65001, 0, "64512", IMPORT_AS_LOOP },
	{ 65001, 1, "64512 65001", IMPORT_AS_LOOP },
	{ 65001, 2, "64512 65001", IMPORT_OK },
	{ 65001, 0, "65002", IMPORT_OK },
};

static void our_as_may_stand_in_a_path_as_often_as_is_allowed(void **state)
{
	for (size_t i = 0; i < sizeof(own_as_rows) / sizeof(own_as_rows[0]); i++) {
		struct import_context context = { .is_ebgp = true,
						  .local_as = own_as_rows[i].local_as,
						  .allow_own_as = own_as_rows[i].allowed };
		struct ip_addr next_hop = addr_of("10.0.0.2");
		static struct attribute_draft draft;
		struct attribute_view view;
		char *end;

		attributes_start(&draft);
		for (const char *at = own_as_rows[i].path; *at; at = *end ? end + 1 : end)
			assert_true(attributes_prepend_as(&draft, (uint32_t)strtoul(at, &end, 10)));
		view = attributes_view_draft(&draft);
		if (import_check_route(&config, &context, &view, &next_hop) !=
		    own_as_rows[i].refusal)
			print_error("row %zu\n", i);
		assert_int_equal(import_check_route(&config, &context, &view, &next_hop),
				 own_as_rows[i].refusal);
	}
}

static const struct {
	const char *name;
	uint32_t as;	     /* in the path, 0: none */
	uint32_t originator; /* 0: none */
	uint32_t cluster;    /* 0: none */
	bool is_ebgp;
	const char *next_hop; /* NULL: none */
	enum import_refusal refusal;
} route_rows[] = {
	{ "another's", 64999, 0, 0, true, "10.0.0.2", IMPORT_OK },
	{ "our AS in the path", 64512, 0, 0, true, "10.0.0.2", IMPORT_AS_LOOP },
	{ "our AS in an internal path", 64512, 0, 0, false, "10.0.0.2", IMPORT_AS_LOOP },
	{ "originated by us", 0, 0x0a000001, 0, false, "10.0.0.2", IMPORT_REFLECTION_LOOP },
	{ "passed our cluster", 0, 9, 0x0a000001, false, "10.0.0.2", IMPORT_REFLECTION_LOOP },
	{ "another's cluster", 0, 9, 8, false, "10.0.0.2", IMPORT_OK },
	{ "no next hop", 64999, 0, 0, true, NULL, IMPORT_NEXT_HOP },
	{ "our node address", 64999, 0, 0, true, "10.0.0.1", IMPORT_NEXT_HOP },
	{ "our other node address", 64999, 0, 0, true, "fd99::1", IMPORT_NEXT_HOP },
	{ "our end of the session", 64999, 0, 0, true, "192.0.2.1", IMPORT_NEXT_HOP },
};

static void routes_that_cannot_be_used_are_refused(void **state)
{
	for (size_t i = 0; i < sizeof(route_rows) / sizeof(route_rows[0]); i++) {
		struct import_context context = { .router_id = 0x0a000001,
						  .cluster_id = 0x0a000001 };
		static struct attribute_draft draft;
		struct attribute_view view;
		struct ip_addr next_hop = {};
		enum import_refusal refusal;

		context.is_ebgp = route_rows[i].is_ebgp;
		context.local_addr = addr_of("192.0.2.1");
		attributes_start(&draft);
		if (route_rows[i].as)
			assert_true(attributes_prepend_as(&draft, route_rows[i].as));
		if (route_rows[i].originator)
			assert_true(
				reflector_stamp(&draft, route_rows[i].originator,
						route_rows[i].cluster ? route_rows[i].cluster : 7));
		if (route_rows[i].next_hop)
			next_hop = addr_of(route_rows[i].next_hop);
		view = attributes_view_draft(&draft);
		refusal = import_check_route(&config, &context, &view, &next_hop);
		if (refusal != route_rows[i].refusal)
			print_error("%s\n", route_rows[i].name);
		assert_int_equal(refusal, route_rows[i].refusal);
		assert_non_null(import_refusal_text(refusal));
	}
}

/* Filters of one pool and, when @block is not NULL, one own block in it. */
static struct import_filter filter_of(const char *cidr, const char *block)
{
	struct ip_prefix own = block ? prefix_of(block) : (struct ip_prefix){};
	struct config_pool pool = { .cidr = prefix_of(cidr), .block = &own };
	struct config one = { .pool = &pool, .pool_count = 1 };
	struct import_filter made;

	pool.block_count = block ? 1 : 0;
	assert_int_equal(import_filter_init(&made, &one), 0);
	return made;
}

static const struct {
	const char *cidr_before, *block_before, *cidr_now, *block_now;
	bool more;
} change_rows[] = {
	{ "10.244.0.0/16", NULL, "10.244.0.0/16", NULL, false },
	{ "10.244.0.0/24", NULL, "10.244.0.0/23", NULL, true },
	{ "10.244.0.0/23", NULL, "10.244.0.0/24", NULL, false },
	{ "10.244.0.0/16", NULL, "10.245.0.0/16", NULL, true },
	{ "10.244.0.0/16", "10.244.1.0/24", "10.244.0.0/16", NULL, true },
	{ "10.244.0.0/16", NULL, "10.244.0.0/16", "10.244.1.0/24", false },
	{ "10.244.0.0/16", "10.244.1.0/24", "10.244.0.0/16", "10.244.2.0/24", true },
	{ "10.244.0.0/16", "10.244.1.0/24", "10.244.0.0/16", "10.244.0.0/20", false },
};

static void a_filter_that_lets_in_more_is_told_from_one_that_does_not(void **state)
{
	for (size_t i = 0; i < sizeof(change_rows) / sizeof(change_rows[0]); i++) {
		struct import_filter before =
			filter_of(change_rows[i].cidr_before, change_rows[i].block_before);
		struct import_filter now =
			filter_of(change_rows[i].cidr_now, change_rows[i].block_now);

		if (import_filter_lets_in_more(&before, &now) != change_rows[i].more)
			print_error("row %zu\n", i);
		assert_int_equal(import_filter_lets_in_more(&before, &now), change_rows[i].more);
		import_filter_fini(&before);
		import_filter_fini(&now);
	}
}

static struct import_filter services_of(const char *range, bool is_reflector)
{
	struct ip_prefix prefix = prefix_of(range);
	struct config_peer peer = { .reflector_client = is_reflector };
	struct config one = { .pool = pools, .pool_count = 2 };
	struct import_filter made;

	one.bgp = (struct config_bgp){ .service_range = &prefix, .service_range_count = 1 };
	one.bgp.peer = &peer;
	one.bgp.peer_count = 1;
	assert_int_equal(import_filter_init(&made, &one), 0);
	return made;
}

static void a_reflector_alone_takes_what_is_announced_of_services(void **state)
{
	const struct ip_prefix range = prefix_of("10.96.0.0/12"), one = prefix_of("10.96.0.7/32"),
			       wider = prefix_of("10.0.0.0/8"), pod = prefix_of("10.244.7.0/24");
	struct import_filter node = services_of("10.96.0.0/12", false);
	struct import_filter reflector = services_of("10.96.0.0/12", true);
	struct import_filter narrow = services_of("10.96.0.0/16", true);

	assert_true(import_is_service(&node, &range) && import_is_service(&node, &one));
	assert_false(import_is_service(&node, &wider) || import_is_service(&node, &pod));
	assert_false(import_accepts_prefix(&node, IMPORT_POOLS, &one));
	assert_true(import_accepts_prefix(&reflector, IMPORT_POOLS, &one));
	assert_true(import_accepts_prefix(&reflector, IMPORT_POOLS, &range));
	assert_false(import_accepts_prefix(&reflector, IMPORT_POOLS, &wider));
	assert_false(import_accepts_prefix(&reflector, IMPORT_NONE, &one));

	assert_true(import_filter_lets_in_more(&node, &reflector));
	assert_true(import_filter_lets_in_more(&narrow, &reflector));
	assert_false(import_filter_lets_in_more(&reflector, &narrow));
	assert_false(import_filter_lets_in_more(&reflector, &node));
	import_filter_fini(&node);
	import_filter_fini(&reflector);
	import_filter_fini(&narrow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_are_let_in_by_policy),
		cmocka_unit_test(routes_that_cannot_be_used_are_refused),
		cmocka_unit_test(our_as_may_stand_in_a_path_as_often_as_is_allowed),
		cmocka_unit_test(a_filter_that_lets_in_more_is_told_from_one_that_does_not),
		cmocka_unit_test(a_reflector_alone_takes_what_is_announced_of_services),
	};

	return cmocka_run_group_tests(tests, make_config, free_filter);
}
