/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_advertise_policy.c: what a peer's filters and policy make of what it is told.
 *
 * Another policy, and other links where a filter asks for them, must send the difference alone.
 *
 * links: bgp/advertise.c bgp/advertise_notes.c bgp/advertise_policy.c bgp/filter.c
 * links: bgp/communities.c bgp/link_table.c bgp/reflector.c bgp/rib.c bgp/decide.c bgp/update.c
 * links: bgp/attribute_set.c bgp/attributes.c bgp/as_path.c bgp/message.c bgp/capability.c
 * links: lib/wire.c lib/ip_prefix.c lib/slab.c tests/unit/bgp/hex.c tests/unit/bgp/routes.c
 * links: tests/unit/bgp/advertise_world.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/ip_prefix.h"
#include "tests/unit/bgp/advertise_world.h"
#include "tests/unit/bgp/hex.h"

/* An export filter for IPv4 with these rules. */
static struct filter *filter_of(const struct config_rule *rules, size_t count)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	struct config_rule_list *list;

	assert_non_null(filter);
	list = &filter->list[FILTER_EXPORT][FAMILY_IPV4];
	filter->references = 1;
	list->rule = malloc(count * sizeof(*rules));
	assert_non_null(list->rule);
	memcpy(list->rule, rules, count * sizeof(*rules));
	list->count = count;
	return filter;
}

static struct config_rule rule_of(const char *cidr, uint32_t action)
{
	return (struct config_rule){ .prefix_operator = RULE_IN,
				     .cidr = prefix_of(cidr),
				     .length_max = IP_ADDR_BITS,
				     .action = action };
}

/* Peer @number, that is a member, goes by @key now. */
static void rejoin(struct world *world, unsigned int number, const struct advertise_key *key)
{
	work_off(world);
	assert_int_equal(advertise_rejoin(world->advertise, key, &world->peer[number].member), 0);
}

static void a_filter_goes_before_what_export_says(void **state)
{
	struct config_rule rules[] = { rule_of("10.244.1.0/24", RULE_REJECT),
				       rule_of("10.244.2.0/24", RULE_ACCEPT) };
	struct advertise_key key = key_of(SOURCE_EBGP, EXPORT_OWN);
	struct world *world = *state;
	struct receiver *peer = &world->peer[0];

	key.filter = filter_of(rules, 2);
	peer->source.kind = SOURCE_EBGP;
	world->peer[1].source.kind = SOURCE_EBGP;
	own(world, "10.244.1.0/24");
	own(world, "10.244.4.0/24");
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 1, "10.244.2.0/24");
	told(world, 1, "10.244.3.0/24");
	work_off(world);
	assert_int_equal(advertise_join(world->advertise, &key, &peer->member, &peer->source), 0);
	filter_unref(key.filter); /* the group has its own reference */
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 2);
	assert_non_null(strstr(peer->words, "+10.244.2.0/24"));
	assert_non_null(strstr(peer->words, "+10.244.4.0/24"));
}

static void what_the_rfcs_forbid_no_filter_allows(void **state)
{
	struct config_rule rules[] = { rule_of("0.0.0.0/0", RULE_ACCEPT) };
	struct advertise_key key = key_of(SOURCE_IBGP, EXPORT_OWN);
	struct world *world = *state;
	struct receiver *peer = &world->peer[0];

	key.filter = filter_of(rules, 1);
	peer->source.kind = world->peer[1].source.kind = SOURCE_IBGP;
	world->peer[2].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "", "10.0.0.3");
	told(world, 1, "10.244.2.0/24"); /* of an internal peer, and we are no reflector */
	routes_start(&world->routes, "65001", "10.0.0.4")->present = HAS_NO_ADVERTISE;
	told(world, 2, "10.244.3.0/24");
	work_off(world);
	assert_int_equal(advertise_join(world->advertise, &key, &peer->member, &peer->source), 0);
	filter_unref(key.filter);
	expect(peer, "");
}

static void routes_of_equal_attributes_may_leave_a_filter_differently(void **state)
{
	struct config_rule rules[] = { rule_of("10.244.1.0/24", RULE_ACCEPT) };
	struct advertise_key key = key_of(SOURCE_EBGP, EXPORT_OWN);
	struct world *world = *state;
	struct receiver *peer = &world->peer[0];

	rules[0].operation_count = 2;
	rules[0].operation[0] = (struct config_operation){ RULE_SET_MED, .value = 7 };
	rules[0].operation[1] =
		(struct config_operation){ RULE_PREPEND, .as_count = 1, .as = { 65009 } };
	key.filter = filter_of(rules, 1);
	peer->source.kind = SOURCE_EBGP;
	work_off(world);
	assert_int_equal(advertise_join(world->advertise, &key, &peer->member, &peer->source), 0);
	filter_unref(key.filter);
	own(world, "10.244.1.0/24");
	own(world, "10.244.2.0/24");
	work_off(world);
	assert_int_equal(peer->messages, 2);
	own(world, "10.244.1.128/25");
	work_off(world);
	/* its own AS comes in front of what the filter put there; the MED reaches the peer */
	assert_true(hex_equal("02 02 0000fc00 0000fdf1", peer->last.draft.as_path,
			      peer->last.draft.values.as_path_len));
	assert_int_equal(peer->last.draft.values.present, HAS_MED);
	assert_int_equal(peer->last.draft.values.med, 7);
}

static void another_policy_sends_the_difference_alone(void **state)
{
	struct config_rule rules[] = { rule_of("10.244.1.0/24", RULE_REJECT),
				       rule_of("10.244.2.0/24", RULE_ACCEPT) };
	struct advertise_key key = key_of(SOURCE_EBGP, EXPORT_OWN);
	struct world *world = *state;
	struct receiver *peer, *stays;

	world->peer[2].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 2, "10.244.2.0/24");
	own(world, "10.244.1.0/24");
	own(world, "10.244.4.0/24");
	peer = join(world, 0, SOURCE_EBGP, EXPORT_OWN);
	stays = join(world, 1, SOURCE_EBGP, EXPORT_OWN);
	peer->words[0] = stays->words[0] = '\0';
	rejoin(world, 0, &key);
	expect(peer, "");
	rules[1].operation_count = 1;
	rules[1].operation[0] = (struct config_operation){ RULE_SET_MED, .value = 7 };
	key.filter = filter_of(rules, 2);
	rejoin(world, 0, &key);
	expect(peer, "-10.244.1.0/24 +10.244.2.0/24");
	assert_int_equal(peer->last.draft.values.med, 7);
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 2);
	filter_unref(key.filter);
	key.filter = NULL;
	rejoin(world, 0, &key);
	expect(peer, "-10.244.2.0/24 +10.244.1.0/24");
	expect(stays, "");
	untold(world, 2, "10.244.2.0/24");
	work_off(world);
}

/* What @key's peer gets as next hop and path of a route of an external peer. */
static void told_by(struct world *world, const struct advertise_key *key, const char *next_hop,
		    const char *path)
{
	struct ip_addr expected = addr_of(next_hop);
	struct receiver *peer = &world->peer[0];

	peer->source.kind = key->kind;
	world->peer[1].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 1, "10.244.2.0/24");
	work_off(world);
	assert_int_equal(advertise_join(world->advertise, key, &peer->member, &peer->source), 0);
	expect(peer, "+10.244.2.0/24");
	assert_true(ip_addr_equal(&peer->last.announced[0].next_hop, &expected));
	assert_true(hex_equal(path, peer->last.draft.as_path, peer->last.draft.values.as_path_len));
	untold(world, 1, "10.244.2.0/24");
	work_off(world);
	expect(peer, "-10.244.2.0/24");
	advertise_leave(world->advertise, &peer->member);
}

static void the_next_hop_and_our_as_are_as_the_peer_says(void **state)
{
	struct advertise_key key = key_of(SOURCE_EBGP, EXPORT_ALL);
	struct world *world = *state;

	told_by(world, &key, "10.0.0.1", "02 02 0000fc00 0000fde9");
	key.next_hop_mode = NEXT_HOP_KEEP;
	told_by(world, &key, "10.0.0.3", "02 02 0000fc00 0000fde9");
	key.local_as = 65009;
	told_by(world, &key, "10.0.0.3", "02 02 0000fdf1 0000fde9");
	key = key_of(SOURCE_IBGP, EXPORT_ALL);
	told_by(world, &key, "10.0.0.3", "02 01 0000fde9");
	key.next_hop_mode = NEXT_HOP_SELF;
	told_by(world, &key, "10.0.0.1", "02 01 0000fde9");
}

/* They share a group only when all of what they are told is the same. */
static void peers_with_another_as_of_ours_are_told_that_one(void **state)
{
	static const char *const path[] = { "02 02 0000fc00 0000fde9", "02 02 0000fdf1 0000fde9" };
	struct advertise_key key = key_of(SOURCE_EBGP, EXPORT_ALL);
	struct world *world = *state;

	for (int i = 0; i < 2; i++) {
		struct receiver *peer = &world->peer[i];

		peer->source.kind = SOURCE_EBGP;
		key.local_as = i == 0 ? OWN_AS : 65009;
		assert_int_equal(
			advertise_join(world->advertise, &key, &peer->member, &peer->source), 0);
	}
	world->peer[2].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 2, "10.244.2.0/24");
	work_off(world);
	for (int i = 0; i < 2; i++) {
		const struct update *last = &world->peer[i].last;

		expect(&world->peer[i], "+10.244.2.0/24");
		assert_true(
			hex_equal(path[i], last->draft.as_path, last->draft.values.as_path_len));
	}
}

/* What cannot be told is not counted as told, nor withdrawn. */
static void a_path_without_room_for_our_as_is_not_told(void **state)
{
	struct world *world = *state;
	struct receiver *peer = join(world, 0, SOURCE_EBGP, EXPORT_ALL);

	world->peer[1].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "", "10.0.0.3");
	while (attributes_prepend_as(&world->routes.draft, 65001))
		continue;
	told(world, 1, "10.244.2.0/24");
	work_off(world);
	expect(peer, "");
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 0);
	untold(world, 1, "10.244.2.0/24");
	work_off(world);
	expect(peer, "");
}

static void who_changes_its_policy_is_not_told_its_own_routes(void **state)
{
	struct advertise_key key = key_of(SOURCE_EBGP, EXPORT_ALL);
	struct world *world = *state;
	struct receiver *peer = join(world, 0, SOURCE_EBGP, EXPORT_OWN);

	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 0, "10.244.2.0/24");
	world->peer[1].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65002", "10.0.0.4");
	told(world, 1, "10.244.3.0/24");
	rejoin(world, 0, &key);
	expect(peer, "+10.244.3.0/24");
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 1);
}

static void other_links_send_the_difference_that_filters_make(void **state)
{
	struct link_row row = { .subnet = prefix_of("10.0.0.0/24"), .name = "lan0" };
	struct link_table none = { .references = 1 };
	struct link_table links = { .references = 1, .row = &row, .count = 1 };
	struct config_rule rules[] = { rule_of("0.0.0.0/0", RULE_ACCEPT) };
	struct advertise_key key = key_of(SOURCE_EBGP, EXPORT_NONE);
	struct world *world = *state;
	struct receiver *peer = &world->peer[0];

	snprintf(rules[0].interface, sizeof(rules[0].interface), "lan*");
	key.filter = filter_of(rules, 1);
	key.filter->has_interface = true;
	key.links = &none;
	world->peer[1].source.kind = peer->source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 1, "10.244.2.0/24");
	assert_int_equal(advertise_join(world->advertise, &key, &peer->member, &peer->source), 0);
	expect(peer, "");
	key.links = &links;
	rejoin(world, 0, &key);
	expect(peer, "+10.244.2.0/24");
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 1);
	key.links = &none;
	rejoin(world, 0, &key);
	expect(peer, "-10.244.2.0/24");
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 0);
	filter_unref(key.filter);
	assert_int_equal(links.references, 1);
}

static bool reaches(const struct ip_addr *next_hop, void *arg)
{
	return *(bool *)arg;
}

/* What would come to us for it we could not send on; with its own next hop it goes past us. */
static void what_is_out_of_reach_is_not_told_with_our_next_hop(void **state)
{
	static const struct {
		enum rib_source_kind kind;
		enum config_next_hop mode;
		bool is_told;
	} cases[] = {
		{ SOURCE_EBGP, NEXT_HOP_AUTO, false }, { SOURCE_IBGP, NEXT_HOP_AUTO, true },
		{ SOURCE_IBGP, NEXT_HOP_SELF, false }, { SOURCE_EBGP, NEXT_HOP_KEEP, true },
		{ SOURCE_EBGP, NEXT_HOP_SELF, false },
	};
	struct world *world = *state;
	bool is_reached = false;

	rib_set_reach(world->rib, reaches, &is_reached);
	world->peer[1].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "10.9.0.3");
	told(world, 1, "10.244.2.0/24");
	own(world, "10.244.1.0/24");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct advertise_key key = key_of(cases[i].kind, EXPORT_ALL);
		struct receiver *peer = &world->peer[0];

		key.next_hop_mode = cases[i].mode;
		peer->source.kind = cases[i].kind;
		work_off(world);
		assert_int_equal(
			advertise_join(world->advertise, &key, &peer->member, &peer->source), 0);
		assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4),
				 cases[i].is_told ? 2 : 1);
		peer->words[0] = '\0';
		is_reached = true;
		rib_set_reach(world->rib, reaches, &is_reached);
		work_off(world);
		expect(peer, cases[i].is_told ? "" : "+10.244.2.0/24");
		is_reached = false;
		rib_set_reach(world->rib, reaches, &is_reached);
		work_off(world);
		expect(peer, cases[i].is_told ? "" : "-10.244.2.0/24");
		advertise_leave(world->advertise, &peer->member);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_filter_goes_before_what_export_says),
		WORLD_TEST(what_the_rfcs_forbid_no_filter_allows),
		WORLD_TEST(routes_of_equal_attributes_may_leave_a_filter_differently),
		WORLD_TEST(another_policy_sends_the_difference_alone),
		WORLD_TEST(peers_with_another_as_of_ours_are_told_that_one),
		WORLD_TEST(a_path_without_room_for_our_as_is_not_told),
		WORLD_TEST(who_changes_its_policy_is_not_told_its_own_routes),
		WORLD_TEST(other_links_send_the_difference_that_filters_make),
		WORLD_TEST(the_next_hop_and_our_as_are_as_the_peer_says),
		WORLD_TEST(what_is_out_of_reach_is_not_told_with_our_next_hop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
