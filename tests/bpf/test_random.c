/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_random.c: thousands of nearly right packets: the programs, their dry-run copy and the
 * reference must agree on verdict, drop reason, frame out, counters and flows recorded; without and
 * with kube-proxy beside us.
 *
 * TORTIE_SEED and TORTIE_PACKETS in the environment choose another sequence or length.
 *
 * links: tests/bpf/random_frame.c tests/bpf/harness.c tests/bpf/wire.c tests/bpf/reference.c
 * links: tests/bpf/frame.c tests/bpf/world.c lib/ip_prefix.c
 * links: loader/flow_key.c
 * libs: -lbpf -lelf -lz
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bpf/harness.h"
#include "tests/bpf/random_frame.h"

#define EXIT_SKIPPED   77
#define PACKETS_USUAL  20000
#define FAILURES_SHOWN 10
#define LEAST_VERDICT  50
#define LEAST_REASON   5
#define LEAST_RECORDED 200
#define RAISED_EVERY   500 /* packets that may find what was decided for others before */

static struct harness *harness;

static uint64_t from_environment(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : usual;
}

static void show(const struct random_packet *packet, const struct judgement *want,
		 const char *wrong)
{
	print_error("hook %d place %d gso %u, reference: verdict %d reason %d: %s\n  ",
		    packet->hook, packet->place, packet->gso_size, want->verdict, want->reason,
		    wrong);
	for (size_t i = 0; i < packet->frame.len && i < 128; i++)
		print_error("%02x", packet->frame.data[i]);
	print_error(" (%zu octets)\n", packet->frame.len);
}

static void random_packets_meet_what_the_reference_says(void **state)
{
	uint64_t seed = from_environment("TORTIE_SEED", 20240607);
	uint64_t count = from_environment("TORTIE_PACKETS", PACKETS_USUAL);
	unsigned int verdicts[ANSWER + 1] = {};
	unsigned int reasons[DROP_REASON_COUNT] = {};
	unsigned int recorded = 0;
	struct random_packet packet;
	struct judgement want;
	const char *wrong;
	int failed = 0;

	for (uint64_t i = 0; i < count && failed < FAILURES_SHOWN; i++) {
		if (i % RAISED_EVERY == 0)
			assert_int_equal(harness_raise_generation(harness), 0);
		random_packet(&seed, &packet);
		reference_judge(packet.hook, packet.place, &packet.frame, packet.gso_size, &want);
		verdicts[want.verdict]++;
		reasons[want.reason]++;
		recorded += want.records;
		wrong = harness_check(harness,
				      &(const struct injection){ .hook = packet.hook,
								 .place = packet.place,
								 .frame = &packet.frame,
								 .gso_size = packet.gso_size },
				      &want);
		if (!wrong)
			continue;
		show(&packet, &want, wrong);
		failed++;
	}
	assert_int_equal(failed, 0);
	for (int verdict = 0; verdict <= ANSWER && count >= PACKETS_USUAL; verdict++)
		assert_in_range(verdicts[verdict], LEAST_VERDICT, count);
	for (int reason = 1; reason < DROP_REASON_COUNT && count >= PACKETS_USUAL; reason++)
		assert_in_range(reasons[reason], LEAST_REASON, count);
	if (world_is_beside && count >= PACKETS_USUAL)
		assert_in_range(recorded, LEAST_RECORDED, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_packets_meet_what_the_reference_says),
	};
	int failed = 0;

	for (int mode = 0; mode < 2; mode++) {
		world_is_beside = mode;
		harness = harness_new();
		if (!harness)
			return EXIT_SKIPPED;
		failed += cmocka_run_group_tests_name(mode ? "random packets beside kube-proxy"
							   : "random packets",
						      tests, NULL, NULL);
		harness_free(harness);
	}
	return failed;
}
