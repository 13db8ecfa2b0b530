/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rib.c: the table of routes and its queue of changes.
 *
 * links: bgp/rib.c bgp/decide.c bgp/update.c bgp/attribute_set.c bgp/attributes.c bgp/as_path.c
 * links: bgp/message.c bgp/capability.c lib/wire.c lib/ip_prefix.c lib/slab.c
 * links: tests/unit/bgp/hex.c tests/unit/bgp/routes.c
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>

#include <cmocka.h>

#include "bgp/rib.h"
#include "lib/ip_prefix.h"
#include "tests/unit/bgp/hex.h"
#include "tests/unit/bgp/routes.h"

struct world {
	struct routes routes;
	struct rib *rib;
	struct rib_source a, b;
	struct attribute_set *near, *far;
};

static int make_world(void **state)
{
	static struct world world;

	routes_init(&world.routes);
	world.rib = rib_new(&world.routes.table);
	world.a = (struct rib_source){ .kind = SOURCE_EBGP, .router_id = 1 };
	world.b = (struct rib_source){ .kind = SOURCE_EBGP, .router_id = 2 };
	world.a.addr = addr_of("10.0.0.1");
	world.b.addr = addr_of("10.0.0.2");
	world.near = routes_simple(&world.routes, "7", "10.0.0.1");
	world.far = routes_simple(&world.routes, "7 8", "10.0.0.2");
	*state = &world;
	return 0;
}

static int end_world(void **state)
{
	struct world *world = *state;

	rib_free(world->rib);
	attribute_set_unref(&world->routes.table, world->near);
	attribute_set_unref(&world->routes.table, world->far);
	routes_fini(&world->routes);
	return 0;
}

static void set(struct world *world, const char *prefix, struct rib_source *source,
		struct attribute_set *attributes)
{
	struct ip_prefix where = prefix_of(prefix);

	assert_int_equal(rib_set_path(world->rib, &where, source, attributes), 0);
}

/* The next change is @prefix, its best route now from @source (NULL: none). */
static void expect_change(struct world *world, const char *prefix, const struct rib_source *source)
{
	struct ip_prefix where = prefix_of(prefix);
	struct rib_change change;

	assert_true(rib_next_changed(world->rib, &change));
	assert_true(ip_prefix_equal(&change.entry->prefix, &where));
	assert_ptr_equal(change.entry->best.source, source);
	rib_put_changed(world->rib, &change);
}

static void expect_no_change(struct world *world)
{
	struct rib_change change;

	assert_false(rib_next_changed(world->rib, &change));
}

/* Take all changes out of the queue; how many. */
static size_t drain(struct world *world)
{
	struct rib_change change;
	size_t count;

	for (count = 0; rib_next_changed(world->rib, &change); count++)
		rib_put_changed(world->rib, &change);
	return count;
}

static void the_better_route_is_used_and_the_other_takes_over(void **state)
{
	struct world *world = *state;
	struct ip_prefix prefix = prefix_of("10.244.2.0/24");

	set(world, "10.244.2.0/24", &world->b, world->far);
	expect_change(world, "10.244.2.0/24", &world->b);
	set(world, "10.244.2.0/24", &world->a, world->near);
	expect_change(world, "10.244.2.0/24", &world->a);
	assert_int_equal(world->a.count[FAMILY_IPV4], 1);
	rib_remove_path(world->rib, &prefix, &world->a);
	expect_change(world, "10.244.2.0/24", &world->b);
	assert_int_equal(world->a.count[FAMILY_IPV4], 0);
	rib_remove_path(world->rib, &prefix, &world->b);
	expect_change(world, "10.244.2.0/24", NULL);
	assert_int_equal(rib_size(world->rib), 0);
}

static void a_worse_route_changes_nothing(void **state)
{
	struct world *world = *state;
	struct ip_prefix prefix = prefix_of("10.244.2.0/24");

	set(world, "10.244.2.0/24", &world->a, world->near);
	expect_change(world, "10.244.2.0/24", &world->a);
	set(world, "10.244.2.0/24", &world->b, world->far);
	expect_no_change(world);
	rib_remove_path(world->rib, &prefix, &world->b);
	expect_no_change(world);
	set(world, "10.244.2.0/24", &world->a, world->near);
	expect_no_change(world);
	assert_true(rib_has_fresh_path(world->rib, &prefix, &world->a));
	assert_false(rib_has_fresh_path(world->rib, &prefix, &world->b));
}

static void other_attributes_of_the_best_route_are_a_change(void **state)
{
	struct world *world = *state;

	set(world, "10.244.2.0/24", &world->a, world->near);
	expect_change(world, "10.244.2.0/24", &world->a);
	set(world, "10.244.2.0/24", &world->a, world->far);
	expect_change(world, "10.244.2.0/24", &world->a);
	expect_no_change(world);
}

/* The next change is @prefix; is its best route another? */
static void expect_change_of(struct world *world, const char *prefix, bool is_best_changed)
{
	struct ip_prefix where = prefix_of(prefix);
	struct rib_change change;

	assert_true(rib_next_changed(world->rib, &change));
	assert_true(ip_prefix_equal(&change.entry->prefix, &where));
	assert_int_equal(change.is_best_changed, is_best_changed);
	rib_put_changed(world->rib, &change);
}

static void routes_as_good_are_followed_when_asked_for(void **state)
{
	struct world *world = *state;
	struct ip_prefix prefix = prefix_of("10.244.2.0/24");
	struct attribute_set *other = routes_simple(&world->routes, "9", "10.0.0.3");

	set(world, "10.244.2.0/24", &world->a, world->near);
	expect_change_of(world, "10.244.2.0/24", true);
	set(world, "10.244.2.0/24", &world->b, other); /* as good, by the higher router id */
	expect_no_change(world);
	rib_remove_path(world->rib, &prefix, &world->b);
	expect_no_change(world);

	rib_follow_multipath(world->rib, true);
	set(world, "10.244.2.0/24", &world->b, other);
	expect_change_of(world, "10.244.2.0/24", false);
	set(world, "10.244.2.0/24", &world->b, world->far); /* longer: it is out */
	expect_change_of(world, "10.244.2.0/24", false);
	set(world, "10.244.2.0/24", &world->b, other);
	set(world, "10.244.2.0/24", &world->b, world->near); /* both in one */
	expect_change_of(world, "10.244.2.0/24", false);
	expect_no_change(world);
	rib_mark_stale(world->rib, &world->b, FAMILY_IPV4); /* it forwards on */
	expect_no_change(world);
	rib_remove_source(world->rib, &world->b, FAMILY_IPV4, true);
	expect_change_of(world, "10.244.2.0/24", false);
	set(world, "10.244.2.0/24", &world->b, world->far); /* never was in */
	rib_remove_path(world->rib, &prefix, &world->b);
	expect_no_change(world);
	attribute_set_unref(&world->routes.table, other);
}

static void the_best_of_several_goes_and_the_other_stays_in_use(void **state)
{
	struct world *world = *state;
	struct ip_prefix prefix = prefix_of("10.244.2.0/24");

	rib_follow_multipath(world->rib, true);
	set(world, "10.244.2.0/24", &world->a, world->near);
	set(world, "10.244.2.0/24", &world->b, world->near);
	expect_change_of(world, "10.244.2.0/24", true);
	rib_remove_path(world->rib, &prefix, &world->a);
	expect_change(world, "10.244.2.0/24", &world->b);
	rib_remove_path(world->rib, &prefix, &world->b);
	expect_change(world, "10.244.2.0/24", NULL);
	assert_int_equal(rib_size(world->rib), 0);
}

static void a_prefix_waits_in_the_queue_once(void **state)
{
	struct world *world = *state;
	struct ip_prefix prefix = prefix_of("10.244.2.0/24");

	set(world, "10.244.2.0/24", &world->a, world->near);
	rib_remove_path(world->rib, &prefix, &world->a);
	set(world, "10.244.2.0/24", &world->b, world->far);
	set(world, "10.244.3.0/24", &world->b, world->far);
	expect_change(world, "10.244.2.0/24", &world->b);
	expect_change(world, "10.244.3.0/24", &world->b);
	expect_no_change(world);
}

static void removing_a_source_leaves_the_others_and_the_other_family(void **state)
{
	struct world *world = *state;

	set(world, "10.244.2.0/24", &world->a, world->near);
	set(world, "fd00:2::/64", &world->a, world->near);
	set(world, "10.244.3.0/24", &world->b, world->near);
	drain(world);
	rib_remove_source(world->rib, &world->a, FAMILY_IPV4, false);
	expect_change(world, "10.244.2.0/24", NULL);
	expect_no_change(world);
	assert_int_equal(world->a.count[FAMILY_IPV6], 1);
	assert_int_equal(world->b.count[FAMILY_IPV4], 1);
}

static void stale_routes_are_used_until_they_are_swept(void **state)
{
	struct world *world = *state;

	set(world, "10.244.2.0/24", &world->a, world->near);
	set(world, "10.244.3.0/24", &world->a, world->near);
	drain(world);
	rib_mark_stale(world->rib, &world->a, FAMILY_IPV4);
	expect_no_change(world);
	assert_int_equal(world->a.count[FAMILY_IPV4], 2);
	set(world, "10.244.2.0/24", &world->a, world->near); /* told again: fresh */
	expect_no_change(world);
	rib_remove_source(world->rib, &world->a, FAMILY_IPV4, true);
	expect_change(world, "10.244.3.0/24", NULL);
	expect_no_change(world);
	rib_remove_source(world->rib, &world->a, FAMILY_IPV4, true);
	expect_no_change(world);
	assert_int_equal(world->a.count[FAMILY_IPV4], 1);
}

/* Keeps what is not in 10.244.2.0/23, and everything of source b. */
static bool keep_some(const struct ip_prefix *prefix, struct rib_path *path, void *arg)
{
	struct ip_prefix unwanted = prefix_of("10.244.2.0/23");
	struct world *world = arg;

	return path->source == &world->b || !ip_prefix_covers(&unwanted, prefix);
}

static void a_filter_removes_what_it_says_and_the_rest_is_decided_again(void **state)
{
	struct world *world = *state;

	set(world, "10.244.2.0/24", &world->a, world->near);
	set(world, "10.244.2.0/24", &world->b, world->far);
	set(world, "10.244.3.0/24", &world->a, world->near);
	set(world, "10.244.4.0/24", &world->a, world->near);
	drain(world);
	rib_filter(world->rib, keep_some, world);
	assert_int_equal(world->a.count[FAMILY_IPV4], 1);
	assert_int_equal(world->b.count[FAMILY_IPV4], 1);
	for (int i = 0; i < 2; i++) { /* in the table's order */
		struct ip_prefix second = prefix_of("10.244.2.0/24");
		struct rib_change change;

		assert_true(rib_next_changed(world->rib, &change));
		assert_ptr_equal(change.entry->best.source,
				 ip_prefix_equal(&change.entry->prefix, &second) ? &world->b
										 : NULL);
		assert_ptr_equal(change.source, &world->a);
		rib_put_changed(world->rib, &change);
	}
	expect_no_change(world);
	assert_int_equal(rib_size(world->rib), 2);
}

static void default_routes_of_both_families_are_two(void **state)
{
	struct world *world = *state;

	set(world, "0.0.0.0/0", &world->a, world->near);
	set(world, "::/0", &world->a, world->near);
	assert_int_equal(rib_size(world->rib), 2);
	assert_int_equal(world->a.count[FAMILY_IPV4], 1);
	assert_int_equal(world->a.count[FAMILY_IPV6], 1);
}

static void count_entry(struct rib_entry *entry, void *arg)
{
	(*(size_t *)arg)++;
}

static void the_table_grows(void **state)
{
	struct world *world = *state;
	size_t count = 0;

	for (unsigned int i = 0; i < 5000; i++) {
		struct ip_prefix prefix = prefix_of("10.0.0.0/32");

		prefix.addr = ip_addr_add(&prefix.addr, i);
		assert_int_equal(rib_set_path(world->rib, &prefix, &world->a, world->near), 0);
	}
	rib_walk(world->rib, count_entry, &count);
	assert_int_equal(count, 5000);
	assert_int_equal(world->a.count[FAMILY_IPV4], 5000);
	assert_int_equal(world->near->references, 5001);
	assert_int_equal(drain(world), 5000);
	rib_remove_source(world->rib, &world->a, FAMILY_IPV4, false);
	assert_int_equal(world->near->references, 5001); /* what was best before waits */
	assert_int_equal(drain(world), 5000);
	assert_int_equal(world->near->references, 1);
	assert_int_equal(rib_size(world->rib), 0);
}

static void what_changed_back_in_time_is_no_change(void **state)
{
	struct world *world = *state;
	struct ip_prefix prefix = prefix_of("10.244.2.0/24"), other = prefix_of("10.244.3.0/24");

	set(world, "10.244.2.0/24", &world->a, world->near);
	drain(world);
	rib_remove_path(world->rib, &prefix, &world->a);
	set(world, "10.244.2.0/24", &world->a, world->near);
	set(world, "10.244.3.0/24", &world->a, world->near);
	rib_remove_path(world->rib, &other, &world->a);
	expect_no_change(world);
	assert_int_equal(rib_size(world->rib), 1);
}

static void a_change_says_what_was_best_before(void **state)
{
	struct world *world = *state;
	struct rib_change change;

	set(world, "10.244.2.0/24", &world->b, world->far);
	assert_true(rib_next_changed(world->rib, &change));
	assert_null(change.source);
	assert_null(change.attributes);
	rib_put_changed(world->rib, &change);
	set(world, "10.244.2.0/24", &world->a, world->near);
	set(world, "10.244.2.0/24", &world->b, world->near);
	assert_true(rib_next_changed(world->rib, &change));
	assert_ptr_equal(change.source, &world->b);
	assert_ptr_equal(change.attributes, world->far);
	assert_ptr_equal(change.entry->best.source, &world->a);
	rib_put_changed(world->rib, &change);
}

static void of_several_paths_any_may_go(void **state)
{
	struct world *world = *state;
	struct ip_prefix prefix = prefix_of("10.244.2.0/24");
	struct rib_source c = { .kind = SOURCE_EBGP, .router_id = 3, .addr = addr_of("10.0.0.3") };
	struct rib_source *gone[] = { &world->b, &world->a, &c };

	for (size_t i = 0; i < 3; i++) {
		set(world, "10.244.2.0/24", &c, world->far);
		set(world, "10.244.2.0/24", &world->a, world->near);
		set(world, "10.244.2.0/24", &world->b, world->far);
		drain(world);
		rib_remove_path(world->rib, &prefix, gone[i]);
		assert_false(rib_has_fresh_path(world->rib, &prefix, gone[i]));
		assert_int_equal(world->a.count[0] + world->b.count[0] + c.count[0], 2);
		drain(world);
	}
	rib_remove_source(world->rib, &c, FAMILY_IPV4, false);
	drain(world);
}

struct scan {
	unsigned char met[12000]; /* by the prefix' last octets */
	size_t count;
};

static void note_entry(struct rib_entry *entry, void *arg)
{
	struct scan *scan = arg;
	size_t number = ntohl(entry->prefix.addr.word[3]) & 0xffff;

	assert_in_range(number, 0, sizeof(scan->met) - 1);
	scan->met[number]++;
	scan->count++;
}

/* "10.0.0.0/32" and what follows, @count of them from @first on. */
static void add_many(struct world *world, unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++) {
		struct ip_prefix prefix = prefix_of("10.0.0.0/32");

		prefix.addr = ip_addr_add(&prefix.addr, i);
		assert_int_equal(rib_set_path(world->rib, &prefix, &world->a, world->near), 0);
	}
}

static void a_scan_in_pieces_misses_nothing_that_stays(void **state)
{
	static struct scan scan;
	struct world *world = *state;
	size_t cursor = 0;
	unsigned int pieces = 0;

	memset(&scan, 0, sizeof(scan));
	add_many(world, 0, 3000);
	/* the table grows twice while it is looked at */
	while (rib_scan(world->rib, &cursor, note_entry, &scan))
		if (++pieces % 512 == 0 && pieces <= 1536)
			add_many(world, 3000 * (pieces / 512), 3000);
	for (unsigned int i = 0; i < 3000; i++)
		assert_int_equal(scan.met[i], 1);
	assert_true(scan.count >= 3000);
	cursor = 0;
	memset(&scan, 0, sizeof(scan));
	while (rib_scan(world->rib, &cursor, note_entry, &scan))
		continue;
	assert_int_equal(scan.count, rib_size(world->rib));
	drain(world);
}

/* @arg: the one address that is within reach. */
static bool reaches_one(const struct ip_addr *next_hop, void *arg)
{
	return ip_addr_equal(next_hop, arg);
}

static void a_next_hop_that_comes_within_reach_decides_again(void **state)
{
	struct world *world = *state;
	struct ip_addr far = addr_of("10.0.0.2"), near = addr_of("10.0.0.1");
	struct ip_prefix prefix = prefix_of("10.244.3.0/24");
	struct rib_change change;

	rib_set_reach(world->rib, reaches_one, &far);
	set(world, "10.244.2.0/24", &world->a, world->near);
	expect_change(world, "10.244.2.0/24", &world->a); /* there is no other */
	set(world, "10.244.2.0/24", &world->b, world->far);
	expect_change(world, "10.244.2.0/24", &world->b);
	set(world, "10.244.3.0/24", &world->b, world->near);
	expect_change(world, "10.244.3.0/24", &world->b);
	rib_set_reach(world->rib, reaches_one, &far);
	expect_no_change(world);
	rib_set_reach(world->rib, reaches_one, &near);
	for (int i = 0; i < 2; i++) { /* in the table's order */
		bool is_second;

		assert_true(rib_next_changed(world->rib, &change));
		is_second = ip_prefix_equal(&change.entry->prefix, &prefix);
		assert_true(change.is_best_changed);
		assert_int_equal(change.is_unreachable, is_second);
		assert_false(change.entry->best.is_unreachable);
		assert_ptr_equal(change.entry->best.source, is_second ? &world->b : &world->a);
		assert_ptr_equal(change.source, &world->b);
		rib_put_changed(world->rib, &change);
	}
	expect_no_change(world);
	set(world, "10.244.3.0/24", &world->b, world->far); /* told anew, by another way */
	expect_change(world, "10.244.3.0/24", &world->b);
	rib_set_reach(world->rib, NULL, NULL);
	expect_change(world, "10.244.3.0/24", &world->b);
	expect_no_change(world);
}

static void a_route_of_ours_is_within_reach(void **state)
{
	struct world *world = *state;
	struct ip_addr none = addr_of("10.0.0.9");
	struct rib_change change;

	world->a.kind = SOURCE_LOCAL;
	rib_set_reach(world->rib, reaches_one, &none);
	set(world, "10.244.2.0/24", &world->a, world->near);
	assert_true(rib_next_changed(world->rib, &change));
	assert_false(change.entry->best.is_unreachable);
	rib_put_changed(world->rib, &change);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(the_better_route_is_used_and_the_other_takes_over),
		WORLD_TEST(a_worse_route_changes_nothing),
		WORLD_TEST(other_attributes_of_the_best_route_are_a_change),
		WORLD_TEST(routes_as_good_are_followed_when_asked_for),
		WORLD_TEST(the_best_of_several_goes_and_the_other_stays_in_use),
		WORLD_TEST(a_prefix_waits_in_the_queue_once),
		WORLD_TEST(removing_a_source_leaves_the_others_and_the_other_family),
		WORLD_TEST(stale_routes_are_used_until_they_are_swept),
		WORLD_TEST(a_filter_removes_what_it_says_and_the_rest_is_decided_again),
		WORLD_TEST(default_routes_of_both_families_are_two),
		WORLD_TEST(the_table_grows),
		WORLD_TEST(what_changed_back_in_time_is_no_change),
		WORLD_TEST(a_change_says_what_was_best_before),
		WORLD_TEST(of_several_paths_any_may_go),
		WORLD_TEST(a_scan_in_pieces_misses_nothing_that_stays),
		WORLD_TEST(a_next_hop_that_comes_within_reach_decides_again),
		WORLD_TEST(a_route_of_ours_is_within_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
