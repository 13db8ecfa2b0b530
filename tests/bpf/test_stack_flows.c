/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stack_flows.c: what to_pod and to_network record, from_pod and from_network find: the same
 * packet, its answer, and errors about it, at once and without anybody's help.
 *
 * links: tests/bpf/harness.c tests/bpf/wire.c tests/bpf/reference.c tests/bpf/frame.c
 * links: tests/bpf/world.c tests/bpf/rows.c lib/ip_prefix.c loader/flow_key.c
 * libs: -lbpf -lelf -lz
 */
#include <setjmp.h>
#include <stdarg.h>
#include <sched.h>
#include <stdio.h>

#include <linux/pkt_cls.h>

#include <cmocka.h>

#include "tests/bpf/harness.h"
#include "tests/bpf/rows.h"

#define EXIT_SKIPPED 77
#define CLIENT_PORT  5000
#define SERVER_PORT  8080

static struct harness *harness;

static const char *const addr_a[] = { POD_A_IPV4, POD_A_IPV6 };
static const char *const addr_b[] = { POD_B_IPV4, POD_B_IPV6 };
static const char *const addr_far[] = { "10.244.2.77", "fd00:244:2::77" };
static const uint8_t protocols[] = { 6, 17, 132 };

static void observe(enum dataplane_hook hook, enum place place, const struct frame_spec *spec,
		    struct observation *ret)
{
	const struct row row = { "", hook, place, .spec = *spec };
	struct frame frame;

	row_frame(&row, &frame);
	assert_int_equal(harness_run(harness,
				     &(const struct injection){
					     .hook = hook, .place = place, .frame = &frame },
				     false, ret),
			 0);
}

static int verdict_of(enum dataplane_hook hook, enum place place, const struct frame_spec *spec)
{
	struct observation seen;

	observe(hook, place, spec, &seen);
	return seen.verdict;
}

static struct frame_spec packet(const char *from, const char *to, uint8_t protocol, bool is_answer)
{
	return (struct frame_spec){
		.from = from,
		.to = to,
		.protocol = protocol,
		.source_port = is_answer ? SERVER_PORT : CLIENT_PORT,
		.dest_port = is_answer ? CLIENT_PORT : SERVER_PORT,
	};
}

/* An error of @from's about the packet @quoted that it got. */
static struct frame_spec error_about(const struct frame_spec *quoted, int family)
{
	return (struct frame_spec){
		.from = quoted->to,
		.to = quoted->from,
		.icmp_type = family ? 1 : 3,
		.quoted = quoted,
	};
}

static void what_to_pod_records_stays_with_the_stack_both_ways(void **state)
{
	for (int family = 0; family < 2; family++) {
		for (size_t i = 0; i < sizeof(protocols); i++) {
			struct frame_spec there =
				packet(addr_a[family], addr_b[family], protocols[i], false);
			struct frame_spec back =
				packet(addr_b[family], addr_a[family], protocols[i], true);
			struct frame_spec error = error_about(&there, family);

			assert_int_equal(verdict_of(HOOK_FROM_POD, POD_B, &back), TC_ACT_REDIRECT);
			assert_int_equal(verdict_of(HOOK_FROM_POD, POD_B, &error), TC_ACT_REDIRECT);
			assert_int_equal(verdict_of(HOOK_TO_POD, POD_B, &there), TC_ACT_UNSPEC);
			assert_int_equal(verdict_of(HOOK_FROM_POD, POD_B, &back), TC_ACT_UNSPEC);
			assert_int_equal(verdict_of(HOOK_FROM_POD, POD_A, &there), TC_ACT_UNSPEC);
			assert_int_equal(verdict_of(HOOK_FROM_POD, POD_B, &error), TC_ACT_UNSPEC);
		}
	}
}

static void what_to_network_records_stays_with_the_stack_both_ways(void **state)
{
	for (int family = 0; family < 2; family++) {
		for (size_t i = 0; i < sizeof(protocols); i++) {
			struct frame_spec there =
				packet(addr_a[family], addr_far[family], protocols[i], false);
			struct frame_spec back =
				packet(addr_far[family], addr_a[family], protocols[i], true);
			struct frame_spec error = error_about(&there, family);

			assert_int_equal(verdict_of(HOOK_FROM_NETWORK, UPLINK, &back),
					 TC_ACT_REDIRECT);
			assert_int_equal(verdict_of(HOOK_TO_NETWORK, UPLINK, &there),
					 TC_ACT_UNSPEC);
			assert_int_equal(verdict_of(HOOK_FROM_NETWORK, UPLINK, &back),
					 TC_ACT_UNSPEC);
			assert_int_equal(verdict_of(HOOK_FROM_POD, POD_A, &there), TC_ACT_UNSPEC);
			assert_int_equal(verdict_of(HOOK_FROM_NETWORK, UPLINK, &error),
					 TC_ACT_UNSPEC);
		}
	}
}

static void a_first_fragment_records_the_flow_of_its_small_answer(void **state)
{
	struct frame_spec there = packet(addr_a[0], addr_b[0], 17, false);
	struct frame_spec back = packet(addr_b[0], addr_a[0], 17, true);

	there.source_port = back.dest_port = CLIENT_PORT + 1;
	there.fragment = 0x2000;
	assert_int_equal(verdict_of(HOOK_FROM_POD, POD_B, &back), TC_ACT_REDIRECT);
	assert_int_equal(verdict_of(HOOK_TO_POD, POD_B, &there), TC_ACT_UNSPEC);
	assert_int_equal(verdict_of(HOOK_FROM_POD, POD_B, &back), TC_ACT_UNSPEC);
}

/* What the programs know of a packet that the stack carries: the way in and the way out, each by
 * itself. The map says otherwise then, but nobody has told them. */
static void the_way_in_and_the_way_out_are_remembered_beside_each_other(void **state)
{
	for (int family = 0; family < 2; family++) {
		struct frame_spec there = packet(addr_a[family], addr_b[family], 17, false);
		struct endpoint_value before, other;
		struct observation seen;

		there.source_port = CLIENT_PORT + 2;
		assert_int_equal(harness_raise_generation(harness), 0);
		assert_int_equal(verdict_of(HOOK_FROM_POD, POD_A, &there), TC_ACT_REDIRECT);
		observe(HOOK_TO_POD, POD_B, &there, &seen);
		assert_int_equal(seen.recorded[STACK_OTHER], 1);
		assert_int_equal(harness_get_endpoint(harness, addr_a[family], &before), 0);
		other = before;
		other.flags = ENDPOINT_HOST;
		assert_int_equal(harness_set_endpoint(harness, addr_a[family], &other), 0);
		assert_int_equal(verdict_of(HOOK_FROM_POD, POD_A, &there), TC_ACT_UNSPEC);
		there.source_port++;
		observe(HOOK_TO_POD, POD_B, &there, &seen);
		assert_int_equal(seen.recorded[STACK_OTHER], 1);
		assert_int_equal(harness_set_endpoint(harness, addr_a[family], &before), 0);
	}
}

/* The agent makes the other bitmap the active one now and then. */
static void a_flow_is_in_both_bitmaps_of_the_filter(void **state)
{
	struct frame_spec there = packet(addr_a[0], addr_b[0], 6, false);
	struct frame_spec back = packet(addr_b[0], addr_a[0], 6, true);

	there.source_port = back.dest_port = CLIENT_PORT + 4;
	assert_int_equal(verdict_of(HOOK_TO_POD, POD_B, &there), TC_ACT_UNSPEC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(harness_swap_filter(harness), 0);
		assert_int_equal(verdict_of(HOOK_FROM_POD, POD_B, &back), TC_ACT_UNSPEC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_to_pod_records_stays_with_the_stack_both_ways),
		cmocka_unit_test(what_to_network_records_stays_with_the_stack_both_ways),
		cmocka_unit_test(a_first_fragment_records_the_flow_of_its_small_answer),
		cmocka_unit_test(the_way_in_and_the_way_out_are_remembered_beside_each_other),
		cmocka_unit_test(a_flow_is_in_both_bitmaps_of_the_filter),
	};
	cpu_set_t one;
	int failed;

	/* Each CPU remembers for itself: stay on one. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	world_is_beside = true;
	harness = harness_new();
	if (!harness)
		return EXIT_SKIPPED;
	failed = cmocka_run_group_tests_name("flows of the host stack", tests, NULL, NULL);
	harness_free(harness);
	return failed;
}
