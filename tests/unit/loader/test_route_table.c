/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of route_table.c: which claim counts, and what is to be applied.
 *
 * links: tests/unit/addresses.c
 * links: loader/route_table.c loader/walk.c loader/hop_set.c lib/next_hops.c lib/ip_prefix.c
 */
#include "loader/route_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "tests/unit/addresses.h"

#define LIMIT 4

/* "A" or "A B": */
static struct next_hops hops(const char *text)
{
	struct next_hops result = { 0 };
	char copy[256], *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		struct ip_addr one = addr(word);

		assert_true(next_hops_add(&result, &one));
	}
	return result;
}

static int claim(struct route_table *table, enum route_claimant claimant, const char *text,
		 const char *via)
{
	struct ip_prefix claimed = prefix(text);
	struct next_hops next_hops = hops(via);

	return route_table_claim(table, claimant, &claimed,
				 claimant == CLAIM_BLOCK ? NULL : &next_hops);
}

static void unclaim(struct route_table *table, enum route_claimant claimant, const char *text)
{
	struct ip_prefix claimed = prefix(text);

	route_table_unclaim(table, claimant, &claimed);
}

static struct route_entry *find(struct route_table *table, const char *text)
{
	struct ip_prefix wanted = prefix(text);

	return route_table_find(table, &wanted);
}

static void assert_winner(struct route_table *table, const char *text, enum route_claimant claimant,
			  const char *via)
{
	enum route_claimant winner = CLAIM_COUNT;
	const struct route_claim *wins = route_entry_winner(find(table, text), &winner);
	struct next_hops next_hops = hops(via);

	assert_non_null(wins);
	assert_int_equal(winner, claimant);
	if (claimant == CLAIM_BLOCK)
		assert_null(wins->set);
	else
		assert_true(next_hops_equal(&wins->set->hops, &next_hops));
}

/* Take what is queued, as applying does; how many. */
static size_t drain(struct route_table *table)
{
	struct route_entry *entry;
	size_t count = 0;

	for (entry = route_table_dequeue(table); entry != NULL;
	     entry = route_table_dequeue(table)) {
		count++;
		if (route_entry_winner(entry, NULL) == NULL)
			route_table_drop(table, entry);
	}
	return count;
}

static int make_table(void **state)
{
	static struct route_table table;

	route_table_init(&table, LIMIT);
	*state = &table;
	return 0;
}

static int free_table(void **state)
{
	route_table_free(*state);
	return 0;
}

static void a_claim_is_queued_once(void **state)
{
	struct route_table *table = *state;

	assert_int_equal(claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1"), 0);
	assert_int_equal(claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.2"), 0);
	assert_winner(table, "10.1.0.0/16", CLAIM_BGP, "192.0.2.2");
	assert_int_equal(drain(table), 1);
}

static void a_repeated_claim_changes_nothing(void **state)
{
	struct route_table *table = *state;

	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1");
	drain(table);
	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1");
	assert_int_equal(drain(table), 0);
}

static void several_next_hops_are_one_claim_in_any_order(void **state)
{
	struct route_table *table = *state;

	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1 192.0.2.2");
	claim(table, CLAIM_BGP, "10.2.0.0/16", "192.0.2.2 192.0.2.1");
	drain(table);
	assert_ptr_equal(find(table, "10.1.0.0/16")->claim[CLAIM_BGP].set,
			 find(table, "10.2.0.0/16")->claim[CLAIM_BGP].set);
	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.2 192.0.2.1");
	assert_int_equal(drain(table), 0);
	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.2");
	assert_int_equal(drain(table), 1);
	assert_winner(table, "10.1.0.0/16", CLAIM_BGP, "192.0.2.2");
}

static void assert_walk_is_at(struct walk *walk, const char *text)
{
	const struct route_entry *entry = route_table_walk_next(walk);
	const struct ip_prefix wanted = prefix(text);

	assert_non_null(entry);
	assert_true(ip_prefix_equal(&entry->prefix, &wanted));
}

static void a_walk_that_pauses_passes_what_goes_meanwhile(void **state)
{
	struct route_table *table = *state;
	const struct ip_prefix second = prefix("10.2.0.0/16");
	struct walk walk;

	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1");
	claim(table, CLAIM_BGP, "10.2.0.0/16", "192.0.2.1");
	claim(table, CLAIM_BGP, "10.3.0.0/16", "192.0.2.1");
	drain(table);
	route_table_walk(table, &walk);
	assert_walk_is_at(&walk, "10.1.0.0/16");
	route_table_unclaim(table, CLAIM_BGP, &second);
	drain(table);
	claim(table, CLAIM_BGP, "10.4.0.0/16", "192.0.2.1");
	assert_walk_is_at(&walk, "10.3.0.0/16");
	assert_walk_is_at(&walk, "10.4.0.0/16");
	assert_null(route_table_walk_next(&walk));
	route_table_walk_end(table, &walk);
	drain(table);
}

/* Nothing may free a set while map or kernel have it, and nothing may keep it behind the last. */
static void a_set_is_used_by_claims_map_and_kernel(void **state)
{
	struct route_table *table = *state;
	struct route_entry *entry;
	struct hop_set *set;

	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1 192.0.2.2");
	drain(table);
	entry = find(table, "10.1.0.0/16");
	set = entry->claim[CLAIM_BGP].set;
	assert_int_equal(set->users, 1);
	route_entry_hold(table, &entry->map_set, set);
	route_entry_hold(table, &entry->map_set, set);
	route_entry_hold(table, &entry->kernel_set, set);
	assert_int_equal(set->users, 3);
	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.3");
	assert_int_equal(set->users, 2);
	assert_int_equal(table->sets.unused, 0);
	route_entry_hold(table, &entry->map_set, NULL);
	unclaim(table, CLAIM_BGP, "10.1.0.0/16");
	drain(table); /* drops the entry, and what it holds for the kernel */
	assert_int_equal(set->users, 0);
	assert_int_equal(table->sets.unused, 2);
	hop_sets_free_one(&table->sets, set);
	assert_int_equal(table->sets.unused, 1);
}

static void configuration_beats_bgp_and_bgp_comes_back(void **state)
{
	struct route_table *table = *state;

	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1");
	claim(table, CLAIM_CONFIG, "10.1.0.0/16", "192.0.2.9");
	drain(table);
	assert_winner(table, "10.1.0.0/16", CLAIM_CONFIG, "192.0.2.9");
	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.3");
	assert_int_equal(drain(table), 0);
	unclaim(table, CLAIM_CONFIG, "10.1.0.0/16");
	assert_int_equal(drain(table), 1);
	assert_winner(table, "10.1.0.0/16", CLAIM_BGP, "192.0.2.3");
}

static void a_block_of_this_node_beats_all(void **state)
{
	struct route_table *table = *state;

	claim(table, CLAIM_CONFIG, "10.1.0.0/16", "192.0.2.9");
	claim(table, CLAIM_BLOCK, "10.1.0.0/16", "::");
	assert_winner(table, "10.1.0.0/16", CLAIM_BLOCK, "::");
}

static void an_entry_goes_with_its_last_claim(void **state)
{
	struct route_table *table = *state;

	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1");
	drain(table);
	unclaim(table, CLAIM_BGP, "10.1.0.0/16");
	assert_non_null(find(table, "10.1.0.0/16")); /* map and kernel must be cleaned first */
	assert_int_equal(drain(table), 1);
	assert_null(find(table, "10.1.0.0/16"));
	unclaim(table, CLAIM_BGP, "10.1.0.0/16");
	assert_int_equal(drain(table), 0);
}

static void a_claim_withdrawn_and_made_again_before_it_was_applied_stays(void **state)
{
	struct route_table *table = *state;

	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1");
	drain(table);
	unclaim(table, CLAIM_BGP, "10.1.0.0/16");
	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1");
	drain(table);
	assert_winner(table, "10.1.0.0/16", CLAIM_BGP, "192.0.2.1");
}

static void stale_claims_go_on_until_the_sweep_and_only_those(void **state)
{
	struct route_table *table = *state;

	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1");
	claim(table, CLAIM_BGP, "10.2.0.0/16", "192.0.2.2");
	claim(table, CLAIM_CONFIG, "10.3.0.0/16", "192.0.2.3");
	drain(table);
	route_table_begin(table, CLAIM_BGP);
	assert_winner(table, "10.1.0.0/16", CLAIM_BGP, "192.0.2.1");
	claim(table, CLAIM_BGP, "10.2.0.0/16", "192.0.2.2");
	assert_int_equal(drain(table), 0);
	assert_int_equal(route_table_sweep(table, CLAIM_BGP), 1);
	assert_int_equal(drain(table), 1);
	assert_null(find(table, "10.1.0.0/16"));
	assert_winner(table, "10.2.0.0/16", CLAIM_BGP, "192.0.2.2");
	assert_winner(table, "10.3.0.0/16", CLAIM_CONFIG, "192.0.2.3");
}

static void what_is_found_at_start_is_a_stale_claim(void **state)
{
	struct route_table *table = *state;
	struct ip_prefix found = prefix("10.1.0.0/16");
	struct next_hops next_hops = hops("192.0.2.1");

	assert_non_null(route_table_adopt(table, &found, hop_sets_find(&table->sets, &next_hops)));
	assert_winner(table, "10.1.0.0/16", CLAIM_BGP, "192.0.2.1");
	assert_int_equal(route_table_sweep(table, CLAIM_BGP), 1);
	drain(table);
	assert_null(find(table, "10.1.0.0/16"));
}

static void what_is_found_and_configured_is_the_configurations(void **state)
{
	struct route_table *table = *state;
	struct ip_prefix found = prefix("10.1.0.0/16");
	struct next_hops next_hops = hops("192.0.2.1");

	claim(table, CLAIM_CONFIG, "10.1.0.0/16", "192.0.2.9");
	assert_non_null(route_table_adopt(table, &found, hop_sets_find(&table->sets, &next_hops)));
	assert_winner(table, "10.1.0.0/16", CLAIM_CONFIG, "192.0.2.9");
	assert_int_equal(route_table_sweep(table, CLAIM_BGP), 0);
}

static void more_than_the_limit_are_refused(void **state)
{
	struct route_table *table = *state;

	for (int i = 0; i < LIMIT; i++) {
		struct next_hops next_hops = hops("192.0.2.1");
		struct ip_addr base = addr("10.0.0.0");
		struct ip_addr at = ip_addr_add(&base, (uint64_t)i << 8);
		struct ip_prefix claimed = ip_prefix_make(&at, 120);

		assert_int_equal(route_table_claim(table, CLAIM_BGP, &claimed, &next_hops), 0);
	}
	assert_int_equal(claim(table, CLAIM_BGP, "10.9.0.0/24", "192.0.2.1"), -ENOSPC);
	assert_int_equal(claim(table, CLAIM_BGP, "10.0.0.0/24", "192.0.2.2"), 0);
	assert_int_equal(route_table_count(table), LIMIT);
}

static void a_queued_entry_can_be_dropped(void **state)
{
	struct route_table *table = *state;

	claim(table, CLAIM_BGP, "10.1.0.0/16", "192.0.2.1");
	claim(table, CLAIM_BGP, "10.2.0.0/16", "192.0.2.1");
	route_table_drop(table, find(table, "10.1.0.0/16"));
	assert_int_equal(drain(table), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_table, free_table)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_claim_is_queued_once),
		TEST(a_repeated_claim_changes_nothing),
		TEST(several_next_hops_are_one_claim_in_any_order),
		TEST(a_walk_that_pauses_passes_what_goes_meanwhile),
		TEST(a_set_is_used_by_claims_map_and_kernel),
		TEST(configuration_beats_bgp_and_bgp_comes_back),
		TEST(a_block_of_this_node_beats_all),
		TEST(an_entry_goes_with_its_last_claim),
		TEST(a_claim_withdrawn_and_made_again_before_it_was_applied_stays),
		TEST(stale_claims_go_on_until_the_sweep_and_only_those),
		TEST(what_is_found_at_start_is_a_stale_claim),
		TEST(what_is_found_and_configured_is_the_configurations),
		TEST(more_than_the_limit_are_refused),
		TEST(a_queued_entry_can_be_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
