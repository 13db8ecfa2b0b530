/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_packets.c: the hand-written table through BPF_PROG_TEST_RUN.
 *
 * Each row runs through the live copy (verdict, frame out, counters, sample of the drop) and the
 * dry-run copy (same verdict told as its last step, nothing changed, nothing counted), and through
 * the reference, which must say the same as the row. Frames that go to the stack or are dropped
 * must come out as they went in. All of it without and with kube-proxy beside us. Run as root; exit
 * 77 where a right or a tool is missing.
 *
 * links: tests/bpf/harness.c tests/bpf/reference.c tests/bpf/frame.c tests/bpf/world.c
 * links: tests/bpf/wire.c tests/bpf/rows.c tests/bpf/rows_from_pod.c tests/bpf/rows_refused.c
 * links: tests/bpf/rows_from_network.c tests/bpf/rows_stack_flows.c tests/bpf/rows_hop_group.c
 * links: lib/ip_prefix.c loader/flow_key.c
 * libs: -lbpf -lelf -lz
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "tests/bpf/harness.h"
#include "tests/bpf/rows.h"

#define EXIT_SKIPPED 77

#define OF_NONE 0x1 /* frames that are neither */
#define OF_IPV4 0x2
#define OF_IPV6 0x4
#define OF_BOTH (OF_IPV4 | OF_IPV6)

static struct harness *harness; /* one for all tests: loading takes a while */

static void want_of_row(const struct row *row, const struct frame *in, struct judgement *ret)
{
	reference_judge(row->hook, row->place, in, row->gso_size, ret);
	if (row->is_host_made || row->is_redirected)
		ret->records = false;
	if (ret->records != (row->records && world_is_beside))
		fail_msg("%s: the reference says recorded %d", row->name, ret->records);
	if (ret->verdict != row->verdict || ret->reason != row->reason)
		fail_msg("%s: the reference says verdict %d reason %d", row->name, ret->verdict,
			 ret->reason);
	if (row->to && ret->place != row->to)
		fail_msg("%s: the reference says place %d", row->name, ret->place);
	if (row->next_hop) {
		struct ip_addr next_hop;

		assert_int_equal(ip_addr_parse(row->next_hop, &next_hop), 0);
		assert_true(ip_addr_equal(&next_hop, &ret->next_hop));
	}
	if (row->out.text) {
		if (ret->out.len != row->out.len ||
		    memcmp(ret->out.data, row->out.text, row->out.len))
			fail_msg("%s: the reference writes another frame", row->name);
	}
}

/* Twice: the second time the programs remember what they decided, if they do. */
static const char *check_row(const struct row *row, const struct frame *frame,
			     const struct judgement *want)
{
	const struct injection in = {
		.hook = row->hook,
		.place = row->place,
		.frame = frame,
		.gso_size = row->gso_size,
		.is_host_made = row->is_host_made,
		.is_redirected = row->is_redirected,
	};
	const char *wrong;

	if (harness_raise_generation(harness))
		return "the generation cannot be raised";
	wrong = harness_check(harness, &in, want);
	return wrong ? wrong : harness_check(harness, &in, want);
}

static void run_rows(const struct row *rows, size_t count)
{
	struct judgement want;
	struct frame frame;
	const char *wrong;
	int failed = 0;

	for (size_t i = 0; i < count; i++) {
		if (!row_is_for_mode(&rows[i]))
			continue;
		row_frame(&rows[i], &frame);
		want_of_row(&rows[i], &frame, &want);
		wrong = check_row(&rows[i], &frame, &want);
		if (!wrong)
			continue;
		print_error("row %zu %s (%s): %s\n", i, rows[i].name,
			    rows[i].spec.from ? rows[i].spec.from : "no IP", wrong);
		failed++;
	}
	assert_int_equal(failed, 0);
}

static void what_a_pod_may_send_goes_where_it_should(void **state)
{
	run_rows(rows_from_pod, rows_from_pod_count);
}

static void what_a_pod_may_not_send_is_dropped_with_its_reason(void **state)
{
	run_rows(rows_refused, rows_refused_count);
}

static void a_flow_goes_by_one_of_several_next_hops(void **state)
{
	run_rows(rows_hop_group, rows_hop_group_count);
}

static void what_the_network_sends_goes_where_it_should(void **state)
{
	run_rows(rows_from_network, rows_from_network_count);
}

static void what_the_stack_has_carried_stays_there(void **state)
{
	run_rows(rows_stack_flows, rows_stack_flows_count);
}

static unsigned int family_of(const struct frame *frame)
{
	switch (frame->data[12] << 8 | frame->data[13]) {
	case 0x0800:
	case 0x0806:
		return OF_IPV4;
	case 0x86dd:
		return OF_IPV6;
	default:
		return OF_NONE;
	}
}

static void collect(const struct row *rows, size_t count, unsigned int *seen)
{
	struct frame frame;

	for (size_t i = 0; i < count; i++) {
		if (rows[i].verdict != DROP)
			continue;
		row_frame(&rows[i], &frame);
		seen[rows[i].reason] |= family_of(&frame);
	}
}

static void every_drop_reason_has_a_row_for_each_family(void **state)
{
	/* Those that are possible for one family only; a new reason is expected for both. */
	static const unsigned int possible[DROP_REASON_COUNT] = {
		[DROP_ETHERTYPE] = OF_NONE,   [DROP_IPV4_HEADER] = OF_IPV4,
		[DROP_IPV6_HEADER] = OF_IPV6, [DROP_ARP] = OF_IPV4,
		[DROP_ND] = OF_IPV6,	      [DROP_IPV6_EXTENSION] = OF_IPV6,
	};
	static const char *const name[] = { "NONE",
#define REASON_NAME(name_, text_) #name_,
					    DROP_REASON_LIST(REASON_NAME)
#undef REASON_NAME
	};
	unsigned int seen[DROP_REASON_COUNT] = {};
	int missing = 0;

	collect(rows_refused, rows_refused_count, seen);
	collect(rows_from_network, rows_from_network_count, seen);
	for (int reason = DROP_NONE + 1; reason < DROP_REASON_COUNT; reason++) {
		unsigned int want = possible[reason] ? possible[reason] : OF_BOTH;

		if ((seen[reason] & want) == want)
			continue;
		print_error("drop reason %s lacks a row (families seen: %#x, wanted %#x)\n",
			    name[reason], seen[reason], want);
		missing++;
	}
	assert_int_equal(missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_pod_may_send_goes_where_it_should),
		cmocka_unit_test(what_a_pod_may_not_send_is_dropped_with_its_reason),
		cmocka_unit_test(a_flow_goes_by_one_of_several_next_hops),
		cmocka_unit_test(what_the_network_sends_goes_where_it_should),
		cmocka_unit_test(what_the_stack_has_carried_stays_there),
		cmocka_unit_test(every_drop_reason_has_a_row_for_each_family),
	};
	int failed = 0;

	for (int mode = 0; mode < 2; mode++) {
		world_is_beside = mode;
		harness = harness_new();
		if (!harness)
			return EXIT_SKIPPED;
		failed += cmocka_run_group_tests_name(
			mode ? "packets beside kube-proxy" : "packets", tests, NULL, NULL);
		harness_free(harness);
	}
	return failed;
}
