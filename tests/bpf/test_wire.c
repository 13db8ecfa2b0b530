/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wire.c: the delivered rows of the table once more, over real devices with the programs
 * attached: what redirect_peer, redirect_neigh and redirect do behind the program's return value.
 *
 * A frame sent from one end must arrive at the other pod's (or the router's) end, octet for octet
 * as the reference says, as a frame for that host (packet type HOST: before Linux 6.15
 * redirect_peer left the type of the sender's link). Without and with kube-proxy beside us. Rows
 * that need an skb of several segments are left out.
 *
 * links: tests/bpf/harness.c tests/bpf/wire.c tests/bpf/reference.c tests/bpf/frame.c
 * links: tests/bpf/world.c tests/bpf/rows.c tests/bpf/rows_from_pod.c
 * links: tests/bpf/rows_from_network.c lib/ip_prefix.c
 * links: loader/flow_key.c
 * libs: -lbpf -lelf -lz
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/harness.h"
#include "tests/bpf/rows.h"
#include "tests/bpf/wire.h"

#define EXIT_SKIPPED 77

static struct harness *harness;

static int attach_all(void **state)
{
	struct wire *wire = harness_wire(harness);
	int from_pod = harness_program_fd(harness, HOOK_FROM_POD);
	int to_pod = harness_program_fd(harness, HOOK_TO_POD);

	return wire_attach(wire, POD_A, false, from_pod) ||
	       wire_attach(wire, POD_B, false, from_pod) ||
	       wire_attach(wire, POD_A, true, to_pod) || wire_attach(wire, POD_B, true, to_pod) ||
	       wire_attach(wire, UPLINK, false, harness_program_fd(harness, HOOK_FROM_NETWORK)) ||
	       wire_attach(wire, UPLINK, true, harness_program_fd(harness, HOOK_TO_NETWORK));
}

/* The kernel writes the Ethernet header towards a next hop: from the uplink, to the neighbour. */
static void want_neighbour_macs(struct judgement *want)
{
	if (want->verdict != TO_NEXT_HOP)
		return;
	memcpy(want->out.data, router_mac, 6);
	memcpy(want->out.data + 6, uplink_mac, 6);
}

static bool is_same_frame(const struct frame *a, const struct frame *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

/* 0 when the frame arrives where it should; frames the kernel sends by itself may come before. */
static int run_row(const struct row *row)
{
	struct wire *wire = harness_wire(harness);
	struct frame frame, arrived;
	struct judgement want;
	int err;

	row_frame(row, &frame);
	reference_judge(row->hook, row->place, &frame, 0, &want);
	want_neighbour_macs(&want);
	err = wire_send(wire, row->place, &frame);
	while (!err) {
		err = wire_receive(wire, want.place, &arrived);
		if (!err && is_same_frame(&arrived, &want.out))
			return 0;
	}
	print_error("%s (%s): %s\n", row->name, row->spec.from ? row->spec.from : "no IP",
		    strerror(-err));
	return err;
}

static void run_rows(const struct row *rows, size_t count)
{
	int failed = 0;

	for (size_t i = 0; i < count; i++) {
		if (rows[i].verdict == TO_STACK || rows[i].verdict == DROP || rows[i].gso_size ||
		    !row_is_for_mode(&rows[i]))
			continue;
		failed += !!run_row(&rows[i]);
	}
	assert_int_equal(failed, 0);
}

static void what_a_pod_sends_arrives(void **state)
{
	run_rows(rows_from_pod, rows_from_pod_count);
}

static void what_the_network_sends_arrives(void **state)
{
	run_rows(rows_from_network, rows_from_network_count);
}

/*
 * Of a frame larger than a page, a packet socket puts the Ethernet header alone into the linear
 * part: the programs have to pull or to load what they read.
 */
static void a_packet_that_lies_in_pieces_arrives(void **state)
{
	static const struct row rows[] = {
		{ "large_udp", HOOK_FROM_POD, POD_A,
		  .spec = { POD_A_IPV4, POD_B_IPV4, .payload = 6000 } },
		{ "large_udp", HOOK_FROM_POD, POD_A,
		  .spec = { POD_A_IPV6, POD_B_IPV6, .payload = 6000 } },
		{ "large_tcp", HOOK_FROM_POD, POD_A,
		  .spec = { POD_A_IPV4, POD_B_IPV4, .protocol = 6, .payload = 6000 } },
		{ "large_tcp", HOOK_FROM_POD, POD_A,
		  .spec = { POD_A_IPV6, POD_B_IPV6, .protocol = 6, .payload = 6000 } },
		{ "large_ping", HOOK_FROM_NETWORK, UPLINK,
		  .spec = { "10.244.2.20", POD_B_IPV4, .protocol = 1, .payload = 6000 } },
		{ "large_ping", HOOK_FROM_NETWORK, UPLINK,
		  .spec = { "fd00:244:2::20", POD_B_IPV6, .protocol = 58, .payload = 6000 } },
	};
	int failed = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		failed += !!run_row(&rows[i]);
	assert_int_equal(failed, 0);
}

/* What was redirected to the next hop has met to_network. */
static void nothing_redirected_is_taken_for_the_stacks(void **state)
{
	assert_int_equal(harness_count_flows(harness), world_flow_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_pod_sends_arrives),
		cmocka_unit_test(what_the_network_sends_arrives),
		cmocka_unit_test(a_packet_that_lies_in_pieces_arrives),
		cmocka_unit_test(nothing_redirected_is_taken_for_the_stacks),
	};
	int failed = 0;

	for (int mode = 0; mode < 2; mode++) {
		world_is_beside = mode;
		harness = harness_new();
		if (!harness)
			return EXIT_SKIPPED;
		failed += cmocka_run_group_tests_name(mode ? "wire beside kube-proxy" : "wire",
						      tests, attach_all, NULL);
		harness_free(harness);
	}
	return failed;
}
