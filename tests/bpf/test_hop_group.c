/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hop_group.c: several next hops: shares, and who moves when one of them goes.
 *
 * The next hop is read from the steps of the dry-run copy, and for the live copy, which tells none,
 * from the MTU by which it measured.
 *
 * links: tests/bpf/harness.c tests/bpf/wire.c tests/bpf/reference.c tests/bpf/frame.c
 * links: tests/bpf/world.c tests/bpf/rows.c lib/ip_prefix.c
 * links: loader/flow_key.c
 * libs: -lbpf -lelf -lz
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/pkt_cls.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "tests/bpf/harness.h"
#include "tests/bpf/rows.h"
#include "tests/bpf/wire.h"

#define EXIT_SKIPPED 77
#define FLOWS	     3000
#define HOPS	     3
#define GONE	     1 /* index of the hop that goes */

static struct harness *harness;

static const char *const from[] = { POD_A_IPV4, POD_A_IPV6 };
static const char *const to[] = { "10.244.7.7", "fd00:244:7::7" };

/* Groups 1 and 2 with three hops of one MTU. */
static struct world_group group_of(int family)
{
	struct world_group group = world_group[family];

	for (int i = 0; i < HOPS; i++) {
		group.hop[i].is_usable = true;
		group.hop[i].mtu = 1500;
	}
	return group;
}

static void run(const struct frame_spec *spec, bool is_dry_run, struct observation *ret)
{
	const struct row row = { "flow", HOOK_FROM_POD, POD_A, .spec = *spec };
	struct frame frame;

	row_frame(&row, &frame);
	assert_int_equal(harness_run(harness,
				     &(const struct injection){ .hook = HOOK_FROM_POD,
								.place = POD_A,
								.frame = &frame },
				     is_dry_run, ret),
			 0);
}

static struct frame_spec flow_spec(int family, int number)
{
	return (struct frame_spec){ from[family], to[family], .protocol = 6,
				    .source_port = 20000 + number, .dest_port = 443 };
}

/* The index of the hop in @group that a flow takes. */
static int hop_of(const struct world_group *group, int family, int number)
{
	struct frame_spec spec = flow_spec(family, number);
	const struct explain_step *last;
	struct observation seen;
	struct ip_addr addr;

	run(&spec, true, &seen);
	last = &seen.trace.step[seen.trace.count - 1];
	assert_int_equal(last->id, EXPLAIN_TO_NEIGHBOUR);
	for (int i = 0; group->hop[i].addr; i++) {
		assert_int_equal(ip_addr_parse(group->hop[i].addr, &addr), 0);
		if (ip_addr_equal(&addr, &last->addr))
			return i;
	}
	fail_msg("a next hop that is not in the group");
	return -1;
}

static void each_next_hop_gets_its_share(void **state)
{
	for (int family = 0; family < 2; family++) {
		struct world_group group = group_of(family);
		int count[HOPS] = {};

		assert_int_equal(harness_set_group(harness, &group), 0);
		for (int i = 0; i < FLOWS; i++)
			count[hop_of(&group, family, i)]++;
		/* A third, give or take five times the deviation of a fair draw, 26. */
		for (int i = 0; i < HOPS; i++)
			assert_in_range(count[i], FLOWS / HOPS - 130, FLOWS / HOPS + 130);
	}
}

static void only_the_flows_of_the_one_that_goes_are_moved(void **state)
{
	static int before[FLOWS];

	for (int family = 0; family < 2; family++) {
		struct world_group group = group_of(family);
		int moved_to[HOPS] = {};

		assert_int_equal(harness_set_group(harness, &group), 0);
		for (int i = 0; i < FLOWS; i++)
			before[i] = hop_of(&group, family, i);
		group.hop[GONE].is_usable = false;
		assert_int_equal(harness_set_group(harness, &group), 0);
		for (int i = 0; i < FLOWS; i++) {
			int now = hop_of(&group, family, i);

			if (before[i] != GONE)
				assert_int_equal(now, before[i]);
			else
				moved_to[now]++;
		}
		/* Both of the others take of them, about a sixth of all each. */
		assert_int_equal(moved_to[GONE], 0);
		assert_in_range(moved_to[0], FLOWS / 6 - 130, FLOWS / 6 + 130);
		assert_in_range(moved_to[2], FLOWS / 6 - 130, FLOWS / 6 + 130);
		group.hop[GONE].is_usable = true;
		assert_int_equal(harness_set_group(harness, &group), 0);
		for (int i = 0; i < FLOWS; i++)
			assert_int_equal(hop_of(&group, family, i), before[i]);
	}
}

/* BGP withdraws one of three: another group, of the other two. */
static void another_group_with_the_same_next_hop_sends_the_same_flows_there(void **state)
{
	for (int family = 0; family < 2; family++) {
		struct world_group three = group_of(family), two = group_of(family);
		static int before[FLOWS];

		two.hop[GONE] = two.hop[2];
		two.hop[2] = (struct world_hop){ NULL };
		assert_int_equal(harness_set_group(harness, &three), 0);
		for (int i = 0; i < FLOWS / 3; i++)
			before[i] = hop_of(&three, family, i);
		assert_int_equal(harness_set_group(harness, &two), 0);
		for (int i = 0; i < FLOWS / 3; i++) {
			int now = hop_of(&two, family, i);

			if (before[i] != GONE)
				assert_int_equal(now, before[i] ? GONE : 0);
		}
	}
}

static int live_verdict(int family, int number)
{
	struct frame_spec spec = flow_spec(family, number);
	struct observation seen;

	spec.payload = 1400;
	run(&spec, false, &seen);
	return seen.verdict;
}

/*
 * What is remembered is the group: a change inside it counts from the next packet on, though nobody
 * has raised the generation; and flows between the same two addresses do not share a next hop.
 */
static void the_live_copy_asks_the_group_for_each_packet(void **state)
{
	for (int family = 0; family < 2; family++) {
		struct world_group group = group_of(family);
		int redirected = 0;

		group.hop[GONE].mtu = 1280;
		assert_int_equal(harness_set_group(harness, &group), 0);
		assert_int_equal(harness_raise_generation(harness), 0);
		for (int i = 0; i < 100; i++) {
			bool is_there = hop_of(&group, family, i) == GONE;

			assert_int_equal(live_verdict(family, i),
					 is_there ? TC_ACT_UNSPEC : TC_ACT_REDIRECT);
			redirected += !is_there;
		}
		assert_in_range(redirected, 40, 90);
		group.hop[GONE].is_usable = false;
		assert_int_equal(harness_set_group(harness, &group), 0);
		for (int i = 0; i < 100; i++)
			assert_int_equal(live_verdict(family, i), TC_ACT_REDIRECT);
	}
}

static void every_place_of_a_group_can_be_taken(void **state)
{
	const uint32_t number = world_group[0].number;
	struct hop_group full = { .count = HOP_GROUP_HOPS, .usable = (1u << HOP_GROUP_HOPS) - 1 };
	uint32_t seen_places = 0;

	for (uint32_t i = 0; i < HOP_GROUP_HOPS; i++) {
		full.hop[i].addr.word[3] = i;
		full.hop[i].seed = (i + 1) * 0xd1342543de82ef95ull;
		full.hop[i].ifindex = harness_wire(harness)->ifindex[UPLINK];
		full.hop[i].mtu = 1500;
	}
	assert_int_equal(harness_put_group(harness, number, &full), 0);
	for (int i = 0; i < 300; i++) {
		struct frame_spec spec = flow_spec(0, i);
		struct observation seen;

		run(&spec, true, &seen);
		seen_places |= 1u << seen.trace.step[seen.trace.count - 1].addr.word[3];
	}
	assert_int_equal(seen_places, full.usable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_next_hop_gets_its_share),
		cmocka_unit_test(only_the_flows_of_the_one_that_goes_are_moved),
		cmocka_unit_test(another_group_with_the_same_next_hop_sends_the_same_flows_there),
		cmocka_unit_test(the_live_copy_asks_the_group_for_each_packet),
		cmocka_unit_test(every_place_of_a_group_can_be_taken),
	};
	int failed;

	harness = harness_new();
	if (!harness)
		return EXIT_SKIPPED;
	failed = cmocka_run_group_tests_name("several next hops", tests, NULL, NULL);
	harness_free(harness);
	return failed;
}
