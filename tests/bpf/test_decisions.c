/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_decisions.c: what the programs remember of earlier packets must never outlive a change of
 * the maps, serve another sender, or hide a check.
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

#include "tests/bpf/harness.h"
#include "tests/bpf/rows.h"
#include "tests/bpf/wire.h"

#define EXIT_SKIPPED 77

static struct harness *harness;

static const struct row a_to_b[] = {
	{ "a_to_b", HOOK_FROM_POD, POD_A, .spec = { POD_A_IPV4, POD_B_IPV4 } },
	{ "a_to_b", HOOK_FROM_POD, POD_A, .spec = { POD_A_IPV6, POD_B_IPV6 } },
};
static const struct row network_to_b[] = {
	{ "network_to_b", HOOK_FROM_NETWORK, UPLINK, .spec = { "10.244.2.20", POD_B_IPV4 } },
	{ "network_to_b", HOOK_FROM_NETWORK, UPLINK, .spec = { "fd00:244:2::20", POD_B_IPV6 } },
};
static const char *const addr_of_a[] = { POD_A_IPV4, POD_A_IPV6 };
static const char *const addr_of_b[] = { POD_B_IPV4, POD_B_IPV6 };

static void run(const struct row *row, struct observation *ret)
{
	struct frame frame;

	row_frame(row, &frame);
	assert_int_equal(harness_run(harness,
				     &(const struct injection){ .hook = row->hook,
								.place = row->place,
								.frame = &frame },
				     false, ret),
			 0);
}

static void assert_delivered_to(const struct row *row, const uint8_t *mac)
{
	struct observation seen;

	run(row, &seen);
	assert_int_equal(seen.verdict, TC_ACT_REDIRECT);
	assert_memory_equal(seen.out.data, mac, 6);
}

static void assert_dropped(const struct row *row, enum drop_reason reason)
{
	struct observation seen;

	run(row, &seen);
	assert_int_equal(seen.verdict, TC_ACT_SHOT);
	assert_int_equal(seen.drops[reason], 1);
}

/* Another MAC for pod B while the programs remember the one before. */
static void check_change_of_b(const struct row *row, const char *addr)
{
	static const uint8_t other_mac[6] = { 0x02, 0, 0x5e, 0x10, 0, 0xbb };
	struct endpoint_value before, after;

	assert_int_equal(harness_raise_generation(harness), 0);
	assert_delivered_to(row, pod_mac[POD_B]);
	assert_int_equal(harness_get_endpoint(harness, addr, &before), 0);
	after = before;
	memcpy(after.mac, other_mac, sizeof(other_mac));
	assert_int_equal(harness_set_endpoint(harness, addr, &after), 0);
	/* Proof that it is remembered at all: nobody has said yet that the map changed. */
	assert_delivered_to(row, pod_mac[POD_B]);
	assert_int_equal(harness_raise_generation(harness), 0);
	assert_delivered_to(row, other_mac);
	assert_int_equal(harness_set_endpoint(harness, addr, &before), 0);
	assert_int_equal(harness_raise_generation(harness), 0);
	assert_delivered_to(row, pod_mac[POD_B]);
}

static void a_change_counts_from_the_raised_generation_on(void **state)
{
	for (int family = 0; family < 2; family++) {
		check_change_of_b(&a_to_b[family], addr_of_b[family]);
		check_change_of_b(&network_to_b[family], addr_of_b[family]);
	}
}

static void the_sender_is_checked_again_after_a_change(void **state)
{
	struct endpoint_value before, after;

	for (int family = 0; family < 2; family++) {
		assert_delivered_to(&a_to_b[family], pod_mac[POD_B]);
		assert_int_equal(harness_get_endpoint(harness, addr_of_a[family], &before), 0);
		after = before;
		after.ifindex = harness_wire(harness)->ifindex[POD_B];
		assert_int_equal(harness_set_endpoint(harness, addr_of_a[family], &after), 0);
		assert_int_equal(harness_raise_generation(harness), 0);
		assert_dropped(&a_to_b[family], DROP_SOURCE_LINK);
		assert_int_equal(harness_set_endpoint(harness, addr_of_a[family], &before), 0);
		assert_int_equal(harness_raise_generation(harness), 0);
		assert_delivered_to(&a_to_b[family], pod_mac[POD_B]);
	}
}

static void an_address_that_was_nobodys_becomes_a_pods(void **state)
{
	static const char *const free_addr[] = { "10.244.1.99", "fd00:244:1::99" };
	struct endpoint_value pod, nobody = {};
	struct observation seen;

	for (int family = 0; family < 2; family++) {
		struct row row = a_to_b[family];
		struct row from_network = network_to_b[family];

		row.spec.to = from_network.spec.to = free_addr[family];
		for (int i = 0; i < 2; i++) {
			run(&row, &seen);
			assert_int_equal(seen.verdict, TC_ACT_UNSPEC);
			assert_int_equal(seen.counted[POD_A].tx_packets, 1);
			run(&from_network, &seen);
			assert_int_equal(seen.verdict, TC_ACT_UNSPEC);
		}
		assert_int_equal(harness_get_endpoint(harness, addr_of_b[family], &pod), 0);
		assert_int_equal(harness_set_endpoint(harness, free_addr[family], &pod), 0);
		assert_int_equal(harness_raise_generation(harness), 0);
		assert_delivered_to(&row, pod_mac[POD_B]);
		assert_delivered_to(&from_network, pod_mac[POD_B]);
		/* And back: an entry of a link that is gone delivers nothing. */
		assert_int_equal(harness_set_endpoint(harness, free_addr[family], &nobody), 0);
		assert_int_equal(harness_raise_generation(harness), 0);
		assert_dropped(&row, DROP_INTERNAL);
	}
}

static void another_sender_does_not_profit(void **state)
{
	for (int family = 0; family < 2; family++) {
		struct row forged = a_to_b[family];

		assert_delivered_to(&a_to_b[family], pod_mac[POD_B]);
		forged.spec.eth_source = pod_mac[POD_B];
		assert_dropped(&forged, DROP_SOURCE_MAC);
		forged.place = POD_B;
		assert_dropped(&forged, DROP_SOURCE_LINK);
		forged.spec.eth_source = pod_mac[POD_A];
		assert_dropped(&forged, DROP_SOURCE_LINK);
		/* Nor does a refused one spoil what the right one gets. */
		assert_delivered_to(&a_to_b[family], pod_mac[POD_B]);
	}
}

static void a_packet_of_its_own_kind_is_still_looked_at(void **state)
{
	struct row row = a_to_b[0];
	struct observation seen;

	assert_delivered_to(&row, pod_mac[POD_B]);
	row.spec.ttl = 1;
	run(&row, &seen);
	assert_int_equal(seen.verdict, TC_ACT_UNSPEC);
	row.spec.ttl = 0;
	row.spec.source_port = 67;
	row.spec.dest_port = 68;
	assert_dropped(&row, DROP_DHCP_SERVER);
	row = network_to_b[0];
	assert_delivered_to(&row, pod_mac[POD_B]);
	/* An ICMP error of the same two: about a packet that B never sent. */
	row.spec.icmp_type = 3;
	row.spec.quoted = &(const struct frame_spec){ POD_A_IPV4, "10.244.2.20" };
	run(&row, &seen);
	assert_int_equal(seen.verdict, TC_ACT_UNSPEC);
}

/* The copy that explains looks everything up anew, or people would miss steps. */
static void explaining_a_packet_again_tells_the_same_steps(void **state)
{
	static const struct row *const rows[] = { &a_to_b[0], &a_to_b[1], &network_to_b[0],
						  &network_to_b[1] };
	struct observation first, again;
	struct frame frame;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct injection in = { .hook = rows[i]->hook,
					      .place = rows[i]->place,
					      .frame = &frame };

		row_frame(rows[i], &frame);
		assert_int_equal(harness_run(harness, &in, true, &first), 0);
		assert_int_equal(harness_run(harness, &in, true, &again), 0);
		assert_true(first.trace.count > 2);
		assert_memory_equal(&first.trace, &again.trace, sizeof(first.trace));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_counts_from_the_raised_generation_on),
		cmocka_unit_test(the_sender_is_checked_again_after_a_change),
		cmocka_unit_test(an_address_that_was_nobodys_becomes_a_pods),
		cmocka_unit_test(another_sender_does_not_profit),
		cmocka_unit_test(a_packet_of_its_own_kind_is_still_looked_at),
		cmocka_unit_test(explaining_a_packet_again_tells_the_same_steps),
	};
	int failed;

	harness = harness_new_on_one_cpu();
	if (!harness)
		return EXIT_SKIPPED;
	failed = cmocka_run_group_tests_name("decisions", tests, NULL, NULL);
	harness_free(harness);
	return failed;
}
