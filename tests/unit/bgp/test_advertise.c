/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_advertise.c: what peers are told: which routes, rewritten how, in how many messages.
 *
 * RFC 4271 sections 5.1 and 9.2, RFC 4456 section 8, RFC 1997, RFC 2918, RFC 8950.
 *
 * links: bgp/advertise.c bgp/advertise_notes.c bgp/advertise_policy.c bgp/filter.c
 * links: bgp/communities.c bgp/link_table.c bgp/reflector.c bgp/rib.c bgp/decide.c bgp/update.c
 * links: bgp/attribute_set.c bgp/attributes.c bgp/as_path.c bgp/message.c bgp/capability.c
 * links: lib/wire.c lib/ip_prefix.c lib/slab.c tests/unit/bgp/hex.c tests/unit/bgp/routes.c
 * links: tests/unit/bgp/advertise_world.c
 */
#include <arpa/inet.h>
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

static void own_blocks_go_to_whoever_joins(void **state)
{
	struct world *world = *state;
	struct receiver *peer;

	own(world, "10.244.1.0/24");
	peer = join(world, 0, SOURCE_IBGP, EXPORT_OWN);
	expect(peer, "+10.244.1.0/24");
	own(world, "fd00:244:1::/64");
	work_off(world);
	expect(peer, "+fd00:244:1::/64");
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 1);
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV6), 1);
}

static void an_internal_peer_gets_our_next_hop_and_local_pref(void **state)
{
	struct world *world = *state;
	struct ip_addr four = addr_of("10.0.0.1"), six = addr_of("fd00::1");
	struct receiver *peer;

	own(world, "10.244.1.0/24");
	peer = join(world, 0, SOURCE_IBGP, EXPORT_OWN);
	assert_true(ip_addr_equal(&peer->last.announced[0].next_hop, &four));
	assert_int_equal(peer->last.draft.values.local_pref, 100);
	assert_int_equal(peer->last.draft.values.as_path_len, 0);
	own(world, "fd00:244:1::/64");
	work_off(world);
	assert_true(ip_addr_equal(&peer->last.announced[0].next_hop, &six));
}

static void an_external_peer_gets_our_as_and_nothing_internal(void **state)
{
	struct world *world = *state;
	struct ip_addr own_hop = addr_of("10.0.0.1");
	struct attribute_values *values;
	struct receiver *peer;

	world->peer[1].source.kind = SOURCE_IBGP;
	values = routes_start(&world->routes, "65001", "10.0.0.3");
	values->present = HAS_MED | HAS_LOCAL_PREF | HAS_ORIGINATOR_ID;
	values->med = values->local_pref = values->originator_id = 5;
	values->cluster_list_len = 4;
	told(world, 1, "10.244.2.0/24");
	peer = join(world, 0, SOURCE_EBGP, EXPORT_ALL);
	expect(peer, "+10.244.2.0/24");
	assert_true(ip_addr_equal(&peer->last.announced[0].next_hop, &own_hop));
	assert_int_equal(peer->last.draft.values.present, 0);
	assert_int_equal(peer->last.draft.values.cluster_list_len, 0);
	assert_true(hex_equal("02 02 0000fc00 0000fde9", peer->last.draft.as_path,
			      peer->last.draft.values.as_path_len));
	untold(world, 1, "10.244.2.0/24");
	work_off(world);
}

static void an_external_route_keeps_its_next_hop_inside(void **state)
{
	struct world *world = *state;
	struct ip_addr far = addr_of("10.0.0.3");
	struct receiver *peer;

	world->peer[1].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 1, "10.244.2.0/24");
	peer = join(world, 0, SOURCE_IBGP, EXPORT_ALL);
	expect(peer, "+10.244.2.0/24");
	assert_true(ip_addr_equal(&peer->last.announced[0].next_hop, &far));
	assert_int_equal(peer->last.draft.values.as_path_hops, 1);
	untold(world, 1, "10.244.2.0/24");
	work_off(world);
}

static void export_own_and_none_hold_back_what_others_told(void **state)
{
	struct world *world = *state;
	struct receiver *all, *some, *none;

	own(world, "10.244.1.0/24");
	world->peer[3].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 3, "10.244.2.0/24");
	some = join(world, 0, SOURCE_EBGP, EXPORT_OWN);
	none = join(world, 1, SOURCE_EBGP, EXPORT_NONE);
	all = join(world, 2, SOURCE_EBGP, EXPORT_ALL);
	expect(some, "+10.244.1.0/24");
	expect(none, "");
	assert_int_equal(advertise_count(&none->member, FAMILY_IPV4), 0);
	assert_int_equal(advertise_count(&all->member, FAMILY_IPV4), 2);
	untold(world, 3, "10.244.2.0/24");
	work_off(world);
	expect(some, "");
}

static void communities_that_forbid_it_are_obeyed(void **state)
{
	struct world *world = *state;
	struct receiver *inside, *outside;

	world->peer[3].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "10.0.0.3")->present = HAS_NO_EXPORT;
	told(world, 3, "10.244.2.0/24");
	routes_start(&world->routes, "65001", "10.0.0.3")->present = HAS_NO_ADVERTISE;
	told(world, 3, "10.244.3.0/24");
	inside = join(world, 0, SOURCE_IBGP, EXPORT_ALL);
	outside = join(world, 1, SOURCE_EBGP, EXPORT_ALL);
	expect(inside, "+10.244.2.0/24");
	expect(outside, "");
	untold(world, 3, "10.244.2.0/24");
	untold(world, 3, "10.244.3.0/24");
	work_off(world);
}

static void a_route_is_not_sent_back_to_its_peer(void **state)
{
	struct world *world = *state;
	struct receiver *a = join(world, 0, SOURCE_IBGP_CLIENT, EXPORT_OWN);
	struct receiver *b = join(world, 1, SOURCE_IBGP_CLIENT, EXPORT_OWN);

	routes_start(&world->routes, "", "10.0.0.2");
	told(world, 0, "10.244.2.0/24");
	work_off(world);
	expect(a, "");
	expect(b, "+10.244.2.0/24");
	assert_int_equal(advertise_count(&a->member, FAMILY_IPV4), 0);
	assert_int_equal(advertise_count(&b->member, FAMILY_IPV4), 1);
	/* reflected: stamped with whose it is and with our cluster */
	assert_int_equal(b->last.draft.values.originator_id, 0x0a000002);
	assert_true(hex_equal("0a000001", b->last.draft.cluster_list,
			      b->last.draft.values.cluster_list_len));
	untold(world, 0, "10.244.2.0/24");
	work_off(world);
	expect(a, "");
	expect(b, "-10.244.2.0/24");
}

static void a_peer_whose_own_route_wins_forgets_the_other(void **state)
{
	struct world *world = *state;
	struct receiver *a = join(world, 0, SOURCE_IBGP_CLIENT, EXPORT_OWN);
	struct receiver *b = join(world, 1, SOURCE_IBGP_CLIENT, EXPORT_OWN);

	routes_start(&world->routes, "", "10.0.0.3");
	told(world, 1, "10.244.2.0/24");
	work_off(world);
	expect(a, "+10.244.2.0/24");
	expect(b, "");
	/* a's lower router id wins */
	routes_start(&world->routes, "", "10.0.0.2");
	told(world, 0, "10.244.2.0/24");
	work_off(world);
	expect(a, "-10.244.2.0/24");
	expect(b, "+10.244.2.0/24");
	untold(world, 0, "10.244.2.0/24");
	work_off(world);
	expect(a, "+10.244.2.0/24");
	expect(b, "-10.244.2.0/24");
	untold(world, 1, "10.244.2.0/24");
	work_off(world);
	expect(a, "-10.244.2.0/24");
	expect(b, "");
}

static void equal_attributes_share_a_message(void **state)
{
	struct world *world = *state;
	struct receiver *peer = join(world, 0, SOURCE_EBGP, EXPORT_OWN);
	char text[32];

	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "10.244.%d.0/24", i);
		own(world, text);
	}
	work_off(world);
	assert_int_equal(peer->messages, 1);
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 40);
}

static void withdrawals_come_first(void **state)
{
	struct world *world = *state;
	struct receiver *peer = join(world, 0, SOURCE_EBGP, EXPORT_OWN);
	struct ip_prefix gone = prefix_of("10.244.9.0/24");

	own(world, "10.244.9.0/24");
	work_off(world);
	expect(peer, "+10.244.9.0/24");
	own(world, "10.244.1.0/24");
	rib_remove_path(world->rib, &gone, &world->own);
	work_off(world);
	expect(peer, "-10.244.9.0/24 +10.244.1.0/24");
}

static void a_refresh_repeats_one_family(void **state)
{
	struct world *world = *state;
	struct receiver *peer, *other;

	own(world, "10.244.1.0/24");
	own(world, "fd00:244:1::/64");
	peer = join(world, 0, SOURCE_EBGP, EXPORT_OWN);
	other = join(world, 1, SOURCE_EBGP, EXPORT_OWN);
	peer->words[0] = other->words[0] = '\0';
	assert_int_equal(advertise_refresh(world->advertise, &peer->member, FAMILY_IPV6), 0);
	expect(peer, "+fd00:244:1::/64");
	expect(other, "");
	advertise_leave(world->advertise, &peer->member);
	assert_int_equal(advertise_refresh(world->advertise, &peer->member, FAMILY_IPV6), 0);
	expect(peer, "");
}

static void a_family_without_a_next_hop_of_ours_is_not_told(void **state)
{
	struct world *world = *state;
	struct advertise_key key = { .kind = SOURCE_IBGP, .four_octet_as = true };
	struct receiver *peer = &world->peer[0];

	key.family[FAMILY_IPV4] = key.family[FAMILY_IPV6] = true;
	key.next_hop[FAMILY_IPV4] = addr_of("10.0.0.1");
	own(world, "10.244.1.0/24");
	own(world, "fd00:244:1::/64");
	work_off(world);
	peer->source.kind = SOURCE_IBGP;
	assert_int_equal(advertise_join(world->advertise, &key, &peer->member, &peer->source), 0);
	expect(peer, "+10.244.1.0/24");
}

/* RFC 8950 section 4: only who says that it takes them gets IPv6 next hops of IPv4. */
static void ipv6_next_hops_of_ipv4_go_to_those_who_take_them(void **state)
{
	struct ip_addr hop = addr_of("2001:db8::1"), told_hop = addr_of("2001:db8::7");
	struct advertise_key key = key_of(SOURCE_IBGP, EXPORT_ALL);
	struct receiver *takes, *peer;
	struct world *world = *state;

	world->peer[3].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "2001:db8::7");
	told(world, 3, "10.244.2.0/24");
	own(world, "10.244.1.0/24");
	work_off(world);
	peer = join(world, 0, SOURCE_IBGP, EXPORT_ALL); /* has an IPv4 next hop of ours */
	expect(peer, "+10.244.1.0/24");
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 1);
	peer = join(world, 1, SOURCE_EBGP, EXPORT_ALL); /* we are the next hop of both */
	assert_non_null(strstr(peer->words, "+10.244.1.0/24"));
	assert_non_null(strstr(peer->words, "+10.244.2.0/24"));
	key.extended_next_hop = true;
	key.next_hop[FAMILY_IPV4] = hop; /* this node has no IPv4 address */
	takes = &world->peer[2];
	takes->source.kind = SOURCE_IBGP;
	assert_int_equal(advertise_join(world->advertise, &key, &takes->member, &takes->source), 0);
	assert_int_equal(advertise_count(&takes->member, FAMILY_IPV4), 2);
	takes->words[0] = '\0';

	routes_start(&world->routes, "65002", "2001:db8::7");
	told(world, 3, "10.244.2.0/24");
	work_off(world);
	expect(takes, "+10.244.2.0/24");
	assert_true(ip_addr_equal(&takes->last.announced[0].next_hop, &told_hop));
	own(world, "10.244.3.0/24");
	work_off(world);
	expect(takes, "+10.244.3.0/24");
	assert_true(ip_addr_equal(&takes->last.announced[0].next_hop, &hop));
	expect(&world->peer[0], "+10.244.3.0/24");
	/* The same route with a next hop that everybody knows, and back. */
	routes_start(&world->routes, "65002", "10.0.0.7");
	told(world, 3, "10.244.2.0/24");
	work_off(world);
	expect(&world->peer[0], "+10.244.2.0/24");
	routes_start(&world->routes, "65002", "2001:db8::7");
	told(world, 3, "10.244.2.0/24");
	work_off(world);
	expect(&world->peer[0], "-10.244.2.0/24");
}

static void who_left_is_told_nothing_and_starts_anew(void **state)
{
	struct world *world = *state;
	struct receiver *peer = join(world, 0, SOURCE_EBGP, EXPORT_OWN);

	advertise_leave(world->advertise, &peer->member);
	own(world, "10.244.1.0/24");
	work_off(world);
	expect(peer, "");
	assert_int_equal(advertise_count(&peer->member, FAMILY_IPV4), 0);
	join(world, 0, SOURCE_EBGP, EXPORT_OWN);
	expect(peer, "+10.244.1.0/24");
}

struct question {
	struct world *world;
	uint32_t originator_id;
};

static void ask(struct rib_entry *entry, void *arg)
{
	struct question *question = arg;
	struct world *world = question->world;
	struct attribute_set *set = advertise_told(world->advertise, &world->peer[0].member, entry);

	assert_non_null(set);
	question->originator_id = set->values.originator_id;
	attribute_set_unref(&world->routes.table, set);
}

/* RFC 4456 section 8: the originator is the router that told us, as it calls itself now. */
static void what_was_told_is_asked_anew_each_time(void **state)
{
	struct world *world = *state;
	struct question question = { .world = world };

	join(world, 0, SOURCE_IBGP_CLIENT, EXPORT_OWN);
	world->peer[1].source.kind = SOURCE_IBGP;
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 1, "10.244.2.0/24");
	work_off(world);
	rib_walk(world->rib, ask, &question);
	assert_int_equal(question.originator_id, 0x0a000003);
	world->peer[1].source.router_id = 0x0a000009;
	rib_walk(world->rib, ask, &question);
	assert_int_equal(question.originator_id, 0x0a000009);
}

/* --- from one speaker to the next --- */

static void adopt(struct world *world, unsigned int number)
{
	struct advertise_key key = key_of(SOURCE_IBGP, EXPORT_ALL);
	struct receiver *receiver = &world->peer[number];

	receiver->source.kind = SOURCE_IBGP;
	work_off(world);
	assert_int_equal(
		advertise_adopt(world->advertise, &key, &receiver->member, &receiver->source), 0);
}

static void who_is_adopted_hears_changes_alone(void **state)
{
	struct world *world = *state;

	world->peer[1].source.kind = SOURCE_EBGP;
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 1, "10.244.2.0/24");
	adopt(world, 0);
	work_off(world);
	assert_string_equal(world->peer[0].words, "");
	assert_int_equal(advertise_count(&world->peer[0].member, FAMILY_IPV4), 1);
	told(world, 1, "10.244.3.0/24");
	work_off(world);
	assert_string_equal(world->peer[0].words, "+10.244.3.0/24");
}

/* Of a world in which an external peer has told @first and @second, with a path of @path. */
static uint64_t digest_of(const char *first, const char *second, const char *path)
{
	struct world *world;
	uint64_t digest;

	make_world((void **)&world);
	world->peer[1].source.kind = SOURCE_EBGP;
	world->peer[1].source.addr = addr_of("10.0.0.3");
	routes_start(&world->routes, path, "10.0.0.3");
	told(world, 1, first);
	routes_start(&world->routes, path, "10.0.0.3");
	told(world, 1, second);
	adopt(world, 0);
	digest = advertise_digest(world->advertise, &world->peer[0].member);
	assert_int_equal(advertise_digest(world->advertise, &world->peer[0].member), digest);
	end_world((void **)&world);
	return digest;
}

static void the_digest_is_of_what_was_told(void **state)
{
	uint64_t digest = digest_of("10.244.2.0/24", "10.244.3.0/24", "65001");

	assert_int_not_equal(digest, 0);
	/* in whatever order it came, and in another table */
	assert_int_equal(digest_of("10.244.3.0/24", "10.244.2.0/24", "65001"), digest);
	assert_int_not_equal(digest_of("10.244.2.0/24", "10.244.3.0/25", "65001"), digest);
	assert_int_not_equal(digest_of("10.244.2.0/24", "10.244.2.0/24", "65001"), digest);
	assert_int_not_equal(digest_of("10.244.2.0/24", "10.244.3.0/24", "65002"), digest);
}

static void the_digest_follows_changes(void **state)
{
	struct world *world = *state;
	uint64_t before;

	join(world, 0, SOURCE_IBGP, EXPORT_ALL);
	world->peer[1].source.kind = SOURCE_EBGP;
	assert_int_equal(advertise_digest(world->advertise, &world->peer[1].member), 0);
	before = advertise_digest(world->advertise, &world->peer[0].member);
	routes_start(&world->routes, "65001", "10.0.0.3");
	told(world, 1, "10.244.2.0/24");
	work_off(world);
	assert_int_not_equal(advertise_digest(world->advertise, &world->peer[0].member), before);
}

#define LARGE 40000 /* routes: more than a piece */

/* What a peer that is fed has heard of 10.N.N.N/32, N up to LARGE. */
static uint8_t heard[LARGE];
static size_t heard_count;

static void hear(struct advertise_member *member, const uint8_t *data, size_t len)
{
	struct attribute_context context = { .four_octet_as = true };
	uint8_t octets[BGP_MESSAGE_MAX];
	static struct update update;
	struct bgp_error error;
	struct ip_prefix prefix;

	memcpy(octets, data, len);
	assert_int_equal(update_parse(octets + BGP_HEADER_LEN, len - BGP_HEADER_LEN, &context,
				      &update, &error),
			 0);
	while (update.withdrawn_count && update_next_prefix(&update.withdrawn[0], &prefix))
		heard[ntohl(prefix.addr.word[3]) & 0xffff] = 0;
	while (update.announced_count && update_next_prefix(&update.announced[0], &prefix)) {
		heard[ntohl(prefix.addr.word[3]) & 0xffff]++;
		heard_count++;
	}
}

static struct ip_prefix large_prefix(unsigned int number)
{
	struct in_addr addr = { htonl(10u << 24 | number) };
	struct ip_addr host = ip_addr_from_v4(addr);

	return ip_prefix_host(&host);
}

static void a_large_table_is_told_in_pieces_while_it_changes(void **state)
{
	struct advertise_key key = key_of(SOURCE_EBGP, EXPORT_ALL);
	struct world *world = *state;
	struct receiver *peer = &world->peer[0];
	struct attribute_set *set;
	struct ip_prefix prefix;
	unsigned int pieces = 1;

	memset(heard, 0, sizeof(heard));
	heard_count = 0;
	peer->source.kind = world->peer[1].source.kind = SOURCE_EBGP;
	peer->member.send = hear;
	set = routes_simple(&world->routes, "65001", "10.0.0.3");
	for (unsigned int i = 0; i < LARGE - 1; i++) {
		prefix = large_prefix(i);
		rib_set_path(world->rib, &prefix, &world->peer[1].source, set);
	}
	work_off(world);
	assert_int_equal(advertise_join(world->advertise, &key, &peer->member, &peer->source), 0);
	assert_true(heard_count > 0 && heard_count < LARGE / 2);
	while (peer->member.is_feeding) {
		prefix = large_prefix(pieces * 1000); /* told already, or not yet */
		rib_remove_path(world->rib, &prefix, &world->peer[1].source);
		prefix = large_prefix(LARGE - pieces * 1000);
		rib_remove_path(world->rib, &prefix, &world->peer[1].source);
		prefix = large_prefix(LARGE - 1); /* comes, and is told a second time maybe */
		rib_set_path(world->rib, &prefix, &world->peer[1].source, set);
		work_off(world);
		assert_int_equal(advertise_feed(world->advertise, &peer->member), 0);
		pieces++;
	}
	assert_true(pieces >= 3);
	for (unsigned int i = 0; i < LARGE; i++) {
		bool is_gone = i % 1000 == 0 && i > 0 &&
			       (i / 1000 < pieces || (LARGE - i) / 1000 < pieces);

		assert_int_equal(heard[i] > 0, !is_gone);
	}
	assert_true(heard_count <= LARGE);
	heard_count = 0;
	assert_int_equal(advertise_refresh(world->advertise, &peer->member, FAMILY_IPV6), 0);
	assert_false(peer->member.is_feeding);
	assert_int_equal(heard_count, 0);
	assert_int_equal(advertise_refresh(world->advertise, &peer->member, FAMILY_IPV4), 0);
	assert_true(peer->member.is_feeding);
	attribute_set_unref(&world->routes.table, set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(own_blocks_go_to_whoever_joins),
		WORLD_TEST(an_internal_peer_gets_our_next_hop_and_local_pref),
		WORLD_TEST(an_external_peer_gets_our_as_and_nothing_internal),
		WORLD_TEST(an_external_route_keeps_its_next_hop_inside),
		WORLD_TEST(export_own_and_none_hold_back_what_others_told),
		WORLD_TEST(communities_that_forbid_it_are_obeyed),
		WORLD_TEST(a_route_is_not_sent_back_to_its_peer),
		WORLD_TEST(a_peer_whose_own_route_wins_forgets_the_other),
		WORLD_TEST(equal_attributes_share_a_message),
		WORLD_TEST(withdrawals_come_first),
		WORLD_TEST(a_refresh_repeats_one_family),
		WORLD_TEST(a_family_without_a_next_hop_of_ours_is_not_told),
		WORLD_TEST(ipv6_next_hops_of_ipv4_go_to_those_who_take_them),
		WORLD_TEST(who_left_is_told_nothing_and_starts_anew),
		WORLD_TEST(what_was_told_is_asked_anew_each_time),
		WORLD_TEST(who_is_adopted_hears_changes_alone),
		cmocka_unit_test(the_digest_is_of_what_was_told),
		WORLD_TEST(the_digest_follows_changes),
		WORLD_TEST(a_large_table_is_told_in_pieces_while_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
