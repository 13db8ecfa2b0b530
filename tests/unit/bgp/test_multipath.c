/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_multipath.c: which next hops a route has.
 *
 * links: bgp/multipath.c bgp/rib.c bgp/decide.c bgp/update.c bgp/attribute_set.c bgp/attributes.c
 * links: bgp/as_path.c bgp/message.c bgp/capability.c lib/wire.c lib/ip_prefix.c lib/slab.c
 * links: lib/next_hops.c tests/unit/bgp/hex.c tests/unit/bgp/routes.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/multipath.h"
#include "lib/ip_prefix.h"
#include "tests/unit/bgp/hex.h"
#include "tests/unit/bgp/routes.h"

#define SOURCES 12

/* One prefix, and peers 10.0.0.1, 10.0.0.2 ... whose router ids go up with their addresses. */
struct world {
	struct routes routes;
	struct rib *rib;
	struct rib_source source[SOURCES];
	struct ip_prefix prefix;
};

static int make_world(void **state)
{
	static struct world world;

	routes_init(&world.routes);
	world.rib = rib_new(&world.routes.table);
	world.prefix = prefix_of("10.244.2.0/24");
	for (uint32_t i = 0; i < SOURCES; i++) {
		struct ip_addr base = addr_of("10.0.0.1");

		world.source[i] = (struct rib_source){ .kind = SOURCE_EBGP, .router_id = i + 1 };
		world.source[i].addr = ip_addr_add(&base, i);
	}
	*state = &world;
	return 0;
}

static int end_world(void **state)
{
	struct world *world = *state;

	rib_free(world->rib);
	routes_fini(&world->routes);
	return 0;
}

static void tell(struct world *world, unsigned int source, const char *path, const char *next_hop)
{
	struct attribute_set *set = routes_simple(&world->routes, path, next_hop);

	assert_int_equal(rib_set_path(world->rib, &world->prefix, &world->source[source], set), 0);
	attribute_set_unref(&world->routes.table, set);
}

static struct rib_entry *found;

static void find_entry(struct rib_entry *entry, void *arg)
{
	found = entry;
}

static struct rib_entry *entry_of(struct world *world)
{
	found = NULL;
	rib_walk(world->rib, find_entry, NULL);
	assert_non_null(found);
	return found;
}

/* With at most @max of them, the next hops are @text. */
static void expect_hops(struct world *world, unsigned int max, const char *text)
{
	char all[ROUTE_NEXT_HOPS_MAX * IP_ADDR_TEXT_MAX] = "", one[IP_ADDR_TEXT_MAX];
	struct next_hops hops;

	multipath_next_hops(entry_of(world), max, &hops);
	for (uint32_t i = 0; i < hops.count; i++) {
		strcat(all, i ? " " : "");
		strcat(all, ip_addr_format(&hops.addr[i], one, sizeof(one)));
	}
	assert_string_equal(all, text);
}

static bool is_used(struct world *world, unsigned int source, unsigned int max)
{
	struct rib_entry *entry = entry_of(world);

	for (struct rib_path *path = rib_best(entry); path; path = path->next)
		if (path->source == &world->source[source])
			return multipath_uses(entry, path, max);
	fail();
	return false;
}

static void one_route_has_its_next_hop(void **state)
{
	struct world *world = *state;

	tell(world, 3, "7", "192.0.2.4");
	expect_hops(world, 8, "192.0.2.4");
	assert_false(is_used(world, 3, 8)); /* it is the best one */
}

static void equal_ways_are_used_with_different_paths_of_one_length(void **state)
{
	struct world *world = *state;

	tell(world, 1, "7 9", "192.0.2.2");
	tell(world, 0, "8 9", "192.0.2.7");
	tell(world, 2, "7 8 9", "192.0.2.1");
	expect_hops(world, 8, "192.0.2.2 192.0.2.7");
	assert_true(is_used(world, 1, 8));
	assert_false(is_used(world, 2, 8));
	expect_hops(world, 1, "192.0.2.7"); /* that of the best route, as without multipath */
	assert_false(is_used(world, 1, 1));
}

static void a_next_hop_that_several_tell_is_one(void **state)
{
	struct world *world = *state;

	tell(world, 0, "7", "192.0.2.2");
	tell(world, 1, "7", "192.0.2.2");
	tell(world, 2, "7", "192.0.2.1");
	expect_hops(world, 2, "192.0.2.1 192.0.2.2");
	assert_true(is_used(world, 1, 2));
}

static void next_hops_of_either_family_stand_side_by_side(void **state)
{
	struct world *world = *state;

	tell(world, 0, "7", "2001:db8::1");
	tell(world, 1, "7", "192.0.2.1");
	expect_hops(world, 8, "192.0.2.1 2001:db8::1");
}

static void too_many_are_chosen_by_the_later_steps_whatever_their_order(void **state)
{
	struct world *world = *state;

	for (unsigned int i = 0; i < SOURCES; i++) {
		unsigned int source = (i * 5 + 3) % SOURCES; /* all, in disorder */
		char next_hop[] = "192.0.2.100";

		next_hop[9] = (char)('0' + (SOURCES - source) / 10);
		next_hop[10] = (char)('0' + (SOURCES - source) % 10);
		tell(world, source, "7", next_hop);
	}
	expect_hops(world, 3, "192.0.2.110 192.0.2.111 192.0.2.112");
	assert_true(is_used(world, 2, 3));
	assert_false(is_used(world, 3, 3));
	expect_hops(world, 8,
		    "192.0.2.105 192.0.2.106 192.0.2.107 192.0.2.108 192.0.2.109 192.0.2.110 "
		    "192.0.2.111 192.0.2.112");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_route_has_its_next_hop, make_world, end_world),
		cmocka_unit_test_setup_teardown(
			equal_ways_are_used_with_different_paths_of_one_length, make_world,
			end_world),
		cmocka_unit_test_setup_teardown(a_next_hop_that_several_tell_is_one, make_world,
						end_world),
		cmocka_unit_test_setup_teardown(next_hops_of_either_family_stand_side_by_side,
						make_world, end_world),
		cmocka_unit_test_setup_teardown(
			too_many_are_chosen_by_the_later_steps_whatever_their_order, make_world,
			end_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
