/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_samples.c: a flood of refused packets must not flood whoever follows `tortie drops`: at most
 * DROP_SAMPLES_PER_S samples per reason and CPU, while every drop is counted.
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
#include <time.h>

#include <cmocka.h>

#include "tests/bpf/harness.h"
#include "tests/bpf/rows.h"

#define EXIT_SKIPPED 77
#define FLOOD	     200
#define NS_PER_S     1000000000ull

static struct harness *harness;

static const struct row spoofed = { "source_outside", HOOK_FROM_POD, POD_A,
				    .spec = { "198.51.100.7", POD_B_IPV4 } };
static const struct row wrong_mac = { "wrong_mac", HOOK_FROM_POD, POD_A,
				      .spec = { POD_A_IPV4, POD_B_IPV4,
						.eth_source = pod_mac[POD_B] } };

struct flood {
	unsigned int samples;
	uint64_t drops;
	uint64_t first_ns, last_ns; /* of the samples */
};

static void run_flood(const struct row *row, enum drop_reason reason, struct flood *ret)
{
	struct observation seen;
	struct frame frame;

	*ret = (struct flood){};
	row_frame(row, &frame);
	for (int i = 0; i < FLOOD; i++) {
		assert_int_equal(harness_run(harness,
					     &(const struct injection){ .hook = row->hook,
									.place = row->place,
									.frame = &frame },
					     false, &seen),
				 0);
		ret->samples += seen.events;
		ret->drops += seen.drops[reason];
		if (seen.events && !ret->first_ns)
			ret->first_ns = seen.event.time_ns;
		if (seen.events)
			ret->last_ns = seen.event.time_ns;
	}
}

static void a_flood_is_counted_whole_and_sampled_a_little(void **state)
{
	struct flood flood;

	run_flood(&spoofed, DROP_SOURCE_UNKNOWN, &flood);
	assert_int_equal(flood.drops, FLOOD);
	assert_in_range(flood.samples, 1, FLOOD);
	if (flood.last_ns - flood.first_ns < NS_PER_S)
		assert_int_equal(flood.samples, DROP_SAMPLES_PER_S);
}

static void another_reason_has_samples_of_its_own(void **state)
{
	struct flood flood;

	run_flood(&wrong_mac, DROP_SOURCE_MAC, &flood);
	assert_int_equal(flood.drops, FLOOD);
	assert_in_range(flood.samples, DROP_SAMPLES_PER_S, FLOOD);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void the_next_second_has_samples_again(void **state)
{
	uint64_t deadline = now_ns() + 5 * NS_PER_S;
	struct flood flood = {};

	while (!flood.samples && now_ns() < deadline)
		run_flood(&spoofed, DROP_SOURCE_UNKNOWN, &flood);
	assert_in_range(flood.samples, 1, FLOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_is_counted_whole_and_sampled_a_little),
		cmocka_unit_test(another_reason_has_samples_of_its_own),
		cmocka_unit_test(the_next_second_has_samples_again),
	};
	int failed;

	harness = harness_new_on_one_cpu();
	if (!harness)
		return EXIT_SKIPPED;
	failed = cmocka_run_group_tests_name("samples of drops", tests, NULL, NULL);
	harness_free(harness);
	return failed;
}
