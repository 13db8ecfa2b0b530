/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_decide.c: which route wins, step by step (RFC 4271 section 9.1.2, RFC 4456 section 9).
 *
 * Every row is two routes that are equal up to the step it is about; it is asked both ways round.
 *
 * links: bgp/decide.c bgp/attribute_set.c bgp/attributes.c bgp/as_path.c bgp/message.c
 * links: bgp/capability.c lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c tests/unit/bgp/routes.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "bgp/decide.h"
#include "tests/unit/bgp/hex.h"
#include "tests/unit/bgp/routes.h"

struct route {
	enum rib_source_kind kind;
	const char *peer;
	uint32_t router_id;
	const char *path;
	int local_pref, med; /* -1: none */
	uint32_t origin;
	uint32_t originator; /* 0: none */
	unsigned int clusters;
};

static const struct {
	enum decide_step step;
	struct route better, worse;
} rows[] = {
	{ DECIDE_OWN,
	  { SOURCE_LOCAL, "0.0.0.0", 9, "", -1, -1, 2, 0, 0 },
	  { SOURCE_EBGP, "10.0.0.2", 1, "", 500, -1, 0, 0, 0 } },
	{ DECIDE_LOCAL_PREF,
	  { SOURCE_IBGP, "10.0.0.3", 9, "1 2 3", 101, -1, 2, 0, 0 },
	  { SOURCE_IBGP, "10.0.0.2", 1, "1", 100, -1, 0, 0, 0 } },
	{ DECIDE_LOCAL_PREF,
	  { SOURCE_IBGP, "10.0.0.3", 9, "1 2", -1, -1, 0, 0, 0 },
	  { SOURCE_IBGP, "10.0.0.2", 1, "1", 99, -1, 0, 0, 0 } },
	{ DECIDE_AS_PATH,
	  { SOURCE_EBGP, "10.0.0.3", 9, "7", -1, -1, 2, 0, 0 },
	  { SOURCE_EBGP, "10.0.0.2", 1, "1 2", -1, -1, 0, 0, 0 } },
	{ DECIDE_ORIGIN,
	  { SOURCE_EBGP, "10.0.0.3", 9, "7", -1, 50, 0, 0, 0 },
	  { SOURCE_EBGP, "10.0.0.2", 1, "7", -1, 10, 1, 0, 0 } },
	{ DECIDE_MED,
	  { SOURCE_IBGP, "10.0.0.3", 9, "7 8", -1, 10, 0, 0, 0 },
	  { SOURCE_EBGP, "10.0.0.2", 1, "7 9", -1, 50, 0, 0, 0 } },
	{ DECIDE_MED,
	  { SOURCE_EBGP, "10.0.0.3", 9, "7", -1, -1, 0, 0, 0 },
	  { SOURCE_EBGP, "10.0.0.2", 1, "7", -1, 1, 0, 0, 0 } },
	{ DECIDE_EBGP,
	  { SOURCE_EBGP, "10.0.0.3", 9, "7", -1, 50, 0, 0, 0 },
	  { SOURCE_IBGP, "10.0.0.2", 1, "8", -1, 10, 0, 0, 0 } },
	{ DECIDE_ROUTER_ID,
	  { SOURCE_EBGP, "10.0.0.3", 1, "7", -1, 50, 0, 0, 0 },
	  { SOURCE_EBGP, "10.0.0.2", 9, "8", -1, 10, 0, 0, 0 } },
	{ DECIDE_ROUTER_ID,
	  { SOURCE_IBGP, "10.0.0.3", 9, "7", -1, -1, 0, 1, 5 },
	  { SOURCE_IBGP, "10.0.0.2", 2, "7", -1, -1, 0, 0, 0 } },
	{ DECIDE_CLUSTER_LIST,
	  { SOURCE_IBGP, "10.0.0.3", 9, "7", -1, -1, 0, 4, 1 },
	  { SOURCE_IBGP, "10.0.0.2", 1, "7", -1, -1, 0, 4, 2 } },
	{ DECIDE_PEER_ADDRESS,
	  { SOURCE_EBGP, "10.0.0.2", 4, "7", -1, -1, 0, 0, 0 },
	  { SOURCE_EBGP, "10.0.0.3", 4, "7", -1, -1, 0, 0, 0 } },
};

static void make_path(struct routes *routes, const struct route *route, struct rib_source *source,
		      struct rib_path *path)
{
	struct attribute_values *values = routes_start(routes, route->path, "10.0.0.9");

	values->origin = route->origin;
	if (route->local_pref >= 0) {
		values->present |= HAS_LOCAL_PREF;
		values->local_pref = (uint32_t)route->local_pref;
	}
	if (route->med >= 0) {
		values->present |= HAS_MED;
		values->med = (uint32_t)route->med;
	}
	if (route->originator) {
		values->present |= HAS_ORIGINATOR_ID;
		values->originator_id = route->originator;
	}
	values->cluster_list_len = (uint16_t)(4 * route->clusters);
	for (unsigned int i = 0; i < 4 * route->clusters; i++)
		routes->draft.cluster_list[i] = 1;
	*source = (struct rib_source){ .kind = route->kind, .router_id = route->router_id };
	source->addr = addr_of(route->peer);
	*path = (struct rib_path){ .attributes = routes_intern(routes), .source = source };
}

static void each_step_decides_between_routes_equal_before(void **state)
{
	static struct routes routes;

	routes_init(&routes);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rib_source source[2];
		struct rib_path path[2];
		struct decision decision;

		make_path(&routes, &rows[i].better, &source[0], &path[0]);
		make_path(&routes, &rows[i].worse, &source[1], &path[1]);
		path[0].next = &path[1];
		assert_ptr_equal(decide_best(&path[0], &decision), &path[0]);
		assert_int_equal(decision.step, rows[i].step);
		path[0].next = NULL;
		path[1].next = &path[0];
		assert_ptr_equal(decide_best(&path[1], &decision), &path[0]);
		assert_int_equal(decision.step, rows[i].step);
		attribute_set_unref(&routes.table, path[0].attributes);
		attribute_set_unref(&routes.table, path[1].attributes);
	}
	routes_fini(&routes);
}

/*
 * MED is no order: b beats a by MED (same AS), a beats c by router id, c beats b by router id.
 * Taken as the RFC's elimination, a is out first and c wins, whatever the order of the list.
 */
static void med_is_compared_within_one_as_only(void **state)
{
	static const struct route routes_of[] = {
		{ SOURCE_EBGP, "10.0.0.1", 1, "7", -1, 20, 0, 0, 0 },
		{ SOURCE_EBGP, "10.0.0.3", 3, "7", -1, 10, 0, 0, 0 },
		{ SOURCE_EBGP, "10.0.0.2", 2, "8", -1, 99, 0, 0, 0 },
	};
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	static struct routes routes;
	struct rib_source source[3];
	struct rib_path path[3];

	routes_init(&routes);
	for (int i = 0; i < 3; i++)
		make_path(&routes, &routes_of[i], &source[i], &path[i]);
	for (int i = 0; i < 6; i++) {
		path[orders[i][0]].next = &path[orders[i][1]];
		path[orders[i][1]].next = &path[orders[i][2]];
		path[orders[i][2]].next = NULL;
		assert_ptr_equal(decide_best(&path[orders[i][0]], NULL), &path[2]);
	}
	for (int i = 0; i < 3; i++)
		attribute_set_unref(&routes.table, path[i].attributes);
	routes_fini(&routes);
}

/* Equal is who differs in steps 7 to 9 alone. */
static void routes_are_as_good_when_only_ties_are_broken(void **state)
{
	static struct routes routes;

	routes_init(&routes);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_equal = rows[i].step > DECIDE_EBGP;
		struct decision decision;
		struct rib_source source[2];
		struct rib_path path[2];

		make_path(&routes, &rows[i].worse, &source[0], &path[0]);
		make_path(&routes, &rows[i].better, &source[1], &path[1]);
		decide_best(&path[0], &decision);
		assert_true(path[0].is_multipath);
		assert_false(decision.is_multipath_changed);
		path[0].next = &path[1];
		decide_best(&path[0], &decision);
		assert_true(path[1].is_multipath);
		assert_int_equal(path[0].is_multipath, is_equal);
		assert_true(decision.is_multipath_changed);
		decide_best(&path[0], &decision);
		assert_false(decision.is_multipath_changed);
		if (is_equal) {
			assert_true(decide_precedes(&path[1], &path[0]));
			assert_false(decide_precedes(&path[0], &path[1]));
		}
		attribute_set_unref(&routes.table, path[0].attributes);
		attribute_set_unref(&routes.table, path[1].attributes);
	}
	routes_fini(&routes);
}

static void one_route_wins_and_none_is_none(void **state)
{
	static struct routes routes;
	struct rib_source source;
	struct rib_path path;
	struct decision decision;

	routes_init(&routes);
	make_path(&routes, &rows[0].worse, &source, &path);
	assert_ptr_equal(decide_best(&path, &decision), &path);
	assert_int_equal(decision.step, DECIDE_ONLY_ONE);
	assert_null(decide_best(NULL, &decision));
	attribute_set_unref(&routes.table, path.attributes);
	routes_fini(&routes);
}

/* RFC 4271 section 9.1.2.1: before all that a peer says of a route. */
static void a_next_hop_out_of_reach_loses_to_any_other(void **state)
{
	static struct routes routes;

	routes_init(&routes);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_own = rows[i].step == DECIDE_OWN;
		struct decision decision;
		struct rib_source source[2];
		struct rib_path path[2];

		make_path(&routes, &rows[i].better, &source[0], &path[0]);
		make_path(&routes, &rows[i].worse, &source[1], &path[1]);
		path[0].next = &path[1];
		path[0].is_unreachable = !is_own;
		assert_ptr_equal(decide_best(&path[0], &decision), &path[!is_own]);
		assert_int_equal(decision.step, is_own ? DECIDE_OWN : DECIDE_REACH);
		assert_int_equal(path[0].is_multipath, is_own);
		/* with nothing better at hand the rest decides */
		path[1].is_unreachable = true;
		assert_ptr_equal(decide_best(&path[0], &decision), &path[0]);
		assert_int_equal(decision.step, rows[i].step);
		attribute_set_unref(&routes.table, path[0].attributes);
		attribute_set_unref(&routes.table, path[1].attributes);
	}
	routes_fini(&routes);
}

#define MANY 4000

/*
 * A reflector hears of a Service's range from each of its clients. CPU time, so that others on the
 * machine do not count; compared each with each they took a second.
 */
static void thousands_of_equal_routes_are_no_work(void **state)
{
	static const struct route like = { SOURCE_IBGP, "10.0.0.2", 4, "", 100, -1, 0, 0, 0 };
	static struct rib_source source[MANY];
	static struct rib_path path[MANY];
	static struct routes routes;
	clock_t start;

	routes_init(&routes);
	for (uint32_t i = 0; i < MANY; i++) {
		make_path(&routes, &like, &source[i], &path[i]);
		source[i].router_id = MANY - i;
		path[i].next = i + 1 < MANY ? &path[i + 1] : NULL;
	}
	start = clock();
	assert_ptr_equal(decide_best(path, NULL), &path[MANY - 1]);
	assert_in_range(clock() - start, 0, CLOCKS_PER_SEC / 10);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_true(path[i].is_multipath);
		attribute_set_unref(&routes.table, path[i].attributes);
	}
	routes_fini(&routes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_decides_between_routes_equal_before),
		cmocka_unit_test(med_is_compared_within_one_as_only),
		cmocka_unit_test(routes_are_as_good_when_only_ties_are_broken),
		cmocka_unit_test(one_route_wins_and_none_is_none),
		cmocka_unit_test(a_next_hop_out_of_reach_loses_to_any_other),
		cmocka_unit_test(thousands_of_equal_routes_are_no_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
