/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfd_machine.c: one BFD session against the text of RFC 5880, under a clock of the test's.
 *
 * links: bgp/bfd_machine.c bgp/bfd_packet.c lib/wire.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/bfd_machine.h"

#define OURS   0x11
#define THEIRS 0x22
#define MS     1000u

static const struct bfd_settings usual = { .min_interval_us = 300 * MS, .multiplier = 3 };

/* What a neighbour with the usual settings says in @state. */
static struct bfd_packet says(enum bfd_state state)
{
	return (struct bfd_packet){ .state = state,
				    .multiplier = 3,
				    .my_discriminator = THEIRS,
				    .your_discriminator = OURS,
				    .desired_min_tx_us = state == BFD_UP ? 300 * MS : 1000 * MS,
				    .required_min_rx_us = 300 * MS };
}

static unsigned int hear(struct bfd_machine *machine, enum bfd_state state, uint64_t now_us)
{
	struct bfd_packet packet = says(state);

	return bfd_machine_receive(machine, &packet, now_us);
}

/* A session in @state, its last packet heard at one second. */
static struct bfd_machine machine_in(enum bfd_state state)
{
	struct bfd_machine machine;

	bfd_machine_init(&machine, &usual, OURS);
	if (state == BFD_INIT || state == BFD_UP)
		hear(&machine, BFD_DOWN, 1000 * MS);
	if (state == BFD_UP)
		hear(&machine, BFD_UP, 1000 * MS);
	if (state == BFD_ADMIN_DOWN)
		bfd_machine_set_down(&machine);
	assert_int_equal(machine.state, state);
	return machine;
}

static struct bfd_packet sent(struct bfd_machine *machine)
{
	struct bfd_packet packet;

	bfd_machine_fill(machine, false, &packet);
	return packet;
}

/* Answer the Poll that is under way. */
static void finish_poll(struct bfd_machine *machine)
{
	struct bfd_packet packet = says(machine->state);

	assert_true(sent(machine).poll);
	packet.final = true;
	bfd_machine_receive(machine, &packet, machine->heard_us);
}

/* --- section 6.2, with the rules of 6.8.6 --- */

#define KEPT 99

static const struct {
	enum bfd_state state, heard, next;
	int diagnostic; /* KEPT: as before */
} steps[] = {
	{ BFD_DOWN, BFD_ADMIN_DOWN, BFD_DOWN, KEPT },
	{ BFD_DOWN, BFD_DOWN, BFD_INIT, KEPT },
	{ BFD_DOWN, BFD_INIT, BFD_UP, BFD_DIAG_NONE },
	{ BFD_DOWN, BFD_UP, BFD_DOWN, KEPT },
	{ BFD_INIT, BFD_ADMIN_DOWN, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN },
	{ BFD_INIT, BFD_DOWN, BFD_INIT, KEPT },
	{ BFD_INIT, BFD_INIT, BFD_UP, BFD_DIAG_NONE },
	{ BFD_INIT, BFD_UP, BFD_UP, BFD_DIAG_NONE },
	{ BFD_UP, BFD_ADMIN_DOWN, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN },
	{ BFD_UP, BFD_DOWN, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN },
	{ BFD_UP, BFD_INIT, BFD_UP, KEPT },
	{ BFD_UP, BFD_UP, BFD_UP, KEPT },
	{ BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, KEPT },
	{ BFD_ADMIN_DOWN, BFD_DOWN, BFD_ADMIN_DOWN, KEPT },
	{ BFD_ADMIN_DOWN, BFD_INIT, BFD_ADMIN_DOWN, KEPT },
	{ BFD_ADMIN_DOWN, BFD_UP, BFD_ADMIN_DOWN, KEPT },
};

static void each_state_takes_each_packet_as_the_rfc_says(void **state)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct bfd_machine machine = machine_in(steps[i].state);
		enum bfd_diagnostic before = machine.diagnostic;
		unsigned int effects = hear(&machine, steps[i].heard, 1100 * MS);
		bool is_change = steps[i].state != steps[i].next;

		if (machine.state != steps[i].next ||
		    machine.diagnostic != (steps[i].diagnostic == KEPT
						   ? before
						   : (enum bfd_diagnostic)steps[i].diagnostic) ||
		    !(effects & BFD_CHANGED) == is_change || !(effects & BFD_SEND) == is_change)
			fail_msg("%s hears %s: %s, diagnostic %d, effects %x",
				 bfd_state_name(steps[i].state), bfd_state_name(steps[i].heard),
				 bfd_state_name(machine.state), machine.diagnostic, effects);
	}
}

static void two_that_start_together_come_up(void **state)
{
	struct bfd_machine a, b;
	struct bfd_packet packet;

	bfd_machine_init(&a, &usual, 1);
	bfd_machine_init(&b, &usual, 2);
	for (uint64_t now_us = 1; now_us < 4; now_us++) {
		bfd_machine_fill(&a, false, &packet);
		bfd_machine_receive(&b, &packet, now_us);
		bfd_machine_fill(&b, false, &packet);
		bfd_machine_receive(&a, &packet, now_us);
	}
	assert_int_equal(a.state, BFD_UP);
	assert_int_equal(b.state, BFD_UP);
	assert_int_equal(a.kept.remote_discriminator, 2);
	assert_int_equal(b.kept.remote_discriminator, 1);
}

static void variables_begin_as_in_section_6_8_1(void **state)
{
	struct bfd_machine machine;
	struct bfd_packet packet;

	bfd_machine_init(&machine, &usual, OURS);
	packet = sent(&machine);
	assert_int_equal(packet.state, BFD_DOWN);
	assert_int_equal(packet.diagnostic, 0);
	assert_int_equal(packet.my_discriminator, OURS);
	assert_int_equal(packet.your_discriminator, 0);
	assert_int_equal(packet.desired_min_tx_us, 1000000); /* 6.8.3 */
	assert_int_equal(packet.required_min_rx_us, 300000);
	assert_int_equal(packet.required_min_echo_rx_us, 0);
	assert_int_equal(packet.multiplier, 3);
	assert_false(packet.demand || packet.poll || packet.final ||
		     packet.control_plane_independent || packet.authenticated);
	assert_int_equal(machine.remote_state, BFD_DOWN);
	assert_int_equal(machine.kept.remote_min_rx_us, 1);
	assert_true(bfd_machine_deadline_us(&machine) == UINT64_MAX);
}

/* --- Poll Sequences (6.5) and timers (6.8.2, 6.8.3, 6.8.4) --- */

static void up_tells_the_faster_interval_by_a_poll(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	struct bfd_packet packet = sent(&machine), final = says(BFD_UP);

	assert_true(packet.poll);
	assert_int_equal(packet.desired_min_tx_us, 300 * MS);
	assert_true(sent(&machine).poll); /* until it is answered */
	final.final = true;
	bfd_machine_receive(&machine, &final, 1200 * MS);
	assert_false(sent(&machine).poll);
}

static void a_final_before_the_poll_ends_nothing(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	struct bfd_packet final = says(BFD_UP);

	final.final = true;
	bfd_machine_receive(&machine, &final, 1200 * MS);
	assert_true(sent(&machine).poll);
}

static void a_poll_is_answered_at_once_by_a_final_without_poll(void **state)
{
	static const enum bfd_state states[] = { BFD_DOWN, BFD_INIT, BFD_UP };

	for (size_t i = 0; i < 3; i++) {
		struct bfd_machine machine = machine_in(states[i]);
		struct bfd_packet packet = says(BFD_UP), answer;

		packet.poll = true;
		assert_true(bfd_machine_receive(&machine, &packet, 1100 * MS) & BFD_SEND_FINAL);
		bfd_machine_fill(&machine, true, &answer);
		assert_true(answer.final && !answer.poll);
	}
}

static void the_interval_is_the_larger_of_ours_and_what_the_neighbour_bears(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	struct bfd_packet packet = says(BFD_UP);

	assert_int_equal(bfd_machine_interval_us(&machine), 300 * MS);
	packet.required_min_rx_us = 700 * MS;
	assert_true(bfd_machine_receive(&machine, &packet, 1100 * MS) & BFD_TIMES);
	assert_int_equal(bfd_machine_interval_us(&machine), 700 * MS);
	packet.required_min_rx_us = 10 * MS; /* reduced: honoured at once */
	assert_true(bfd_machine_receive(&machine, &packet, 1200 * MS) & BFD_TIMES);
	assert_int_equal(bfd_machine_interval_us(&machine), 300 * MS);
	packet.required_min_rx_us = 0; /* it wants none */
	bfd_machine_receive(&machine, &packet, 1300 * MS);
	assert_int_equal(bfd_machine_interval_us(&machine), 0);
}

static void below_up_at_most_one_packet_a_second_goes_out(void **state)
{
	struct bfd_machine machine = machine_in(BFD_DOWN);

	assert_int_equal(bfd_machine_interval_us(&machine), 1000 * MS);
	machine = machine_in(BFD_INIT);
	assert_int_equal(bfd_machine_interval_us(&machine), 1000 * MS);
	machine = machine_in(BFD_UP);
	hear(&machine, BFD_DOWN, 1100 * MS);
	assert_int_equal(bfd_machine_interval_us(&machine), 1000 * MS);
	assert_int_equal(sent(&machine).desired_min_tx_us, 1000 * MS);
}

static void the_detection_time_is_the_neighbours_multiplier_of_the_larger_interval(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	struct bfd_packet packet = says(BFD_UP);

	finish_poll(&machine);
	packet.multiplier = 5;
	packet.desired_min_tx_us = 200 * MS;
	bfd_machine_receive(&machine, &packet, 1100 * MS);
	assert_int_equal(bfd_machine_detection_us(&machine), 5 * 300 * MS);
	packet.desired_min_tx_us = 400 * MS;
	bfd_machine_receive(&machine, &packet, 1100 * MS);
	assert_int_equal(bfd_machine_detection_us(&machine), 5 * 400 * MS);
	assert_int_equal(bfd_machine_deadline_us(&machine), (1100 + 2000) * MS);
}

static void the_largest_values_do_not_wrap(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	struct bfd_packet packet = says(BFD_UP);

	packet.multiplier = 255;
	packet.desired_min_tx_us = packet.required_min_rx_us = UINT32_MAX;
	bfd_machine_receive(&machine, &packet, 1100 * MS);
	assert_true(bfd_machine_detection_us(&machine) == 255ull * UINT32_MAX);
	assert_true(bfd_machine_interval_us(&machine) == UINT32_MAX);
}

static void slower_counts_for_sending_only_when_the_neighbour_knows(void **state)
{
	const struct bfd_settings slower = { 900 * MS, 3 };
	struct bfd_machine machine = machine_in(BFD_UP);

	finish_poll(&machine);
	bfd_machine_configure(&machine, &slower);
	assert_int_equal(sent(&machine).desired_min_tx_us, 900 * MS);
	assert_true(sent(&machine).poll);
	assert_int_equal(bfd_machine_interval_us(&machine), 300 * MS);
	assert_int_equal(bfd_machine_detection_us(&machine), 3 * 900 * MS); /* patience: at once */
	finish_poll(&machine);
	assert_int_equal(bfd_machine_interval_us(&machine), 900 * MS);
}

static void less_patience_counts_only_when_the_neighbour_knows(void **state)
{
	const struct bfd_settings faster = { 100 * MS, 3 };
	struct bfd_machine machine = machine_in(BFD_UP);
	struct bfd_packet packet = says(BFD_UP);

	finish_poll(&machine);
	packet.desired_min_tx_us = 50 * MS;
	packet.required_min_rx_us = 50 * MS;
	bfd_machine_receive(&machine, &packet, 1100 * MS);
	bfd_machine_configure(&machine, &faster);
	assert_int_equal(bfd_machine_interval_us(&machine), 100 * MS); /* sending: at once */
	assert_int_equal(bfd_machine_detection_us(&machine), 3 * 300 * MS);
	assert_true(sent(&machine).poll);
	packet.final = true;
	bfd_machine_receive(&machine, &packet, 1200 * MS);
	assert_int_equal(bfd_machine_detection_us(&machine), 3 * 100 * MS);
}

static void a_change_during_a_poll_makes_another_one(void **state)
{
	const struct bfd_settings slower = { 900 * MS, 3 };
	struct bfd_machine machine = machine_in(BFD_UP);

	assert_true(sent(&machine).poll);
	bfd_machine_configure(&machine, &slower);
	finish_poll(&machine); /* may answer the packet of before */
	assert_int_equal(bfd_machine_interval_us(&machine), 300 * MS);
	finish_poll(&machine);
	assert_int_equal(bfd_machine_interval_us(&machine), 900 * MS);
	assert_false(sent(&machine).poll);
}

static void jitter_takes_off_up_to_a_quarter(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	uint64_t least = UINT64_MAX, most = 0;

	for (uint32_t random = 0; random < 200000; random++) {
		uint64_t interval = bfd_machine_jitter(&machine, 100 * MS, random);

		least = interval < least ? interval : least;
		most = interval > most ? interval : most;
	}
	assert_int_equal(least, 75 * MS);
	assert_int_equal(most, 100 * MS);
	machine.settings.multiplier = 1; /* 6.8.7: no more than 90 % */
	for (uint32_t random = most = 0; random < 200000; random++) {
		uint64_t interval = bfd_machine_jitter(&machine, 100 * MS, random);

		least = interval < least ? interval : least;
		most = interval > most ? interval : most;
	}
	assert_int_equal(least, 75 * MS);
	assert_int_equal(most, 90 * MS);
}

/* --- silence --- */

static void silence_for_the_detection_time_ends_the_session(void **state)
{
	static const enum bfd_state states[] = { BFD_INIT, BFD_UP };

	for (size_t i = 0; i < 2; i++) {
		struct bfd_machine machine = machine_in(states[i]);
		uint64_t deadline_us = bfd_machine_deadline_us(&machine);

		assert_int_equal(bfd_machine_look(&machine, deadline_us - 1), 0);
		assert_int_equal(machine.state, states[i]);
		assert_true(bfd_machine_look(&machine, deadline_us) & BFD_CHANGED);
		assert_int_equal(machine.state, BFD_DOWN);
		assert_int_equal(machine.diagnostic, BFD_DIAG_DETECTION_EXPIRED);
		assert_int_equal(sent(&machine).your_discriminator, 0); /* 6.8.1 */
		assert_int_equal(bfd_machine_interval_us(&machine), 1000 * MS);
		assert_true(bfd_machine_deadline_us(&machine) == UINT64_MAX);
	}
}

static void a_neighbour_that_was_down_is_forgotten_in_silence(void **state)
{
	struct bfd_machine machine = machine_in(BFD_DOWN);

	hear(&machine, BFD_ADMIN_DOWN, 1000 * MS);
	assert_int_equal(sent(&machine).your_discriminator, THEIRS);
	assert_false(bfd_machine_look(&machine, bfd_machine_deadline_us(&machine)) & BFD_CHANGED);
	assert_int_equal(machine.state, BFD_DOWN);
	assert_int_equal(machine.diagnostic, BFD_DIAG_NONE);
	assert_int_equal(sent(&machine).your_discriminator, 0);
}

static void each_packet_puts_the_end_off(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);

	for (uint64_t now_ms = 1200; now_ms < 20000; now_ms += 200) {
		hear(&machine, BFD_UP, now_ms * MS);
		assert_int_equal(bfd_machine_look(&machine, now_ms * MS), 0);
	}
	assert_int_equal(machine.state, BFD_UP);
	assert_int_equal(machine.both_up_us, 19800 * MS);
}

static void who_stood_still_itself_waits_for_one_more_packet(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	uint64_t late_us = bfd_machine_deadline_us(&machine) + 5000 * MS;

	assert_false(bfd_machine_look(&machine, late_us) & BFD_CHANGED);
	assert_int_equal(machine.state, BFD_UP);
	assert_int_equal(bfd_machine_deadline_us(&machine), late_us + 300 * MS);
	hear(&machine, BFD_UP, late_us + 200 * MS);
	assert_int_equal(bfd_machine_look(&machine, late_us + 300 * MS), 0);
	assert_int_equal(machine.state, BFD_UP);
	/* and no longer than that */
	late_us = bfd_machine_deadline_us(&machine) + 5000 * MS;
	bfd_machine_look(&machine, late_us);
	assert_true(bfd_machine_look(&machine, late_us + 5000 * MS) & BFD_CHANGED);
	assert_int_equal(machine.state, BFD_DOWN);
}

/* --- the rest --- */

static void admin_down_says_so_and_hears_nothing(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	struct bfd_packet packet = says(BFD_DOWN);

	assert_true(bfd_machine_set_down(&machine) & BFD_SEND);
	assert_int_equal(sent(&machine).state, BFD_ADMIN_DOWN);
	assert_int_equal(sent(&machine).diagnostic, BFD_DIAG_ADMIN_DOWN);
	packet.poll = true;
	assert_int_equal(bfd_machine_receive(&machine, &packet, 1100 * MS), 0);
	assert_int_equal(machine.state, BFD_ADMIN_DOWN);
	assert_true(bfd_machine_deadline_us(&machine) == UINT64_MAX);
	assert_int_equal(bfd_machine_interval_us(&machine), 1000 * MS);
	assert_int_equal(bfd_machine_set_down(&machine), 0);
}

static void a_neighbour_in_demand_mode_is_sent_nothing_by_the_clock(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	struct bfd_packet packet = says(BFD_UP);

	packet.demand = true;
	bfd_machine_receive(&machine, &packet, 1100 * MS);
	assert_int_equal(bfd_machine_interval_us(&machine), 300 * MS); /* our Poll goes on */
	finish_poll(&machine);
	bfd_machine_receive(&machine, &packet, 1200 * MS);
	assert_int_equal(bfd_machine_interval_us(&machine), 0);
	packet.state = BFD_DOWN;
	bfd_machine_receive(&machine, &packet, 1300 * MS);
	assert_int_equal(bfd_machine_interval_us(&machine), 1000 * MS);
}

static void a_new_discriminator_of_the_neighbour_is_taken(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP);
	struct bfd_packet packet = says(BFD_DOWN); /* it has restarted */

	packet.my_discriminator = 0x33;
	packet.your_discriminator = 0;
	assert_true(bfd_machine_receive(&machine, &packet, 1100 * MS) & BFD_CHANGED);
	assert_int_equal(machine.state, BFD_DOWN);
	assert_int_equal(sent(&machine).your_discriminator, 0x33);
}

/* --- from one process to the next --- */

static void who_goes_on_sends_what_the_one_before_would(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP), next;
	struct bfd_remains remains;
	struct bfd_packet packet;

	finish_poll(&machine);
	assert_true(bfd_machine_leave(&machine, &remains));
	bfd_machine_init(&next, &usual, 1);
	bfd_machine_resume(&next, &remains, 5000 * MS);
	packet = sent(&next);
	assert_int_equal(packet.state, BFD_UP);
	assert_int_equal(packet.my_discriminator, OURS);
	assert_int_equal(packet.your_discriminator, THEIRS);
	assert_false(packet.poll);
	assert_int_equal(bfd_machine_interval_us(&next), bfd_machine_interval_us(&machine));
	assert_int_equal(bfd_machine_detection_us(&next), bfd_machine_detection_us(&machine));
	assert_int_equal(bfd_machine_deadline_us(&next),
			 5000 * MS + bfd_machine_detection_us(&machine));
	hear(&next, BFD_UP, 5100 * MS);
	assert_int_equal(next.state, BFD_UP);
}

static void a_poll_that_was_under_way_begins_anew(void **state)
{
	struct bfd_machine machine = machine_in(BFD_UP), next;
	struct bfd_remains remains;

	assert_true(sent(&machine).poll);
	assert_true(bfd_machine_leave(&machine, &remains));
	bfd_machine_init(&next, &usual, 1);
	bfd_machine_resume(&next, &remains, 1100 * MS);
	assert_true(next.kept.is_polling && !next.is_sent_in_poll);
	finish_poll(&next);
	assert_false(next.kept.is_polling);
	assert_int_equal(next.kept.used_min_tx_us, 300 * MS);
}

static void what_is_not_up_is_not_left(void **state)
{
	static const enum bfd_state states[] = { BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT };
	struct bfd_remains remains;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct bfd_machine machine = machine_in(states[i]);

		assert_false(bfd_machine_leave(&machine, &remains));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_takes_each_packet_as_the_rfc_says),
		cmocka_unit_test(two_that_start_together_come_up),
		cmocka_unit_test(variables_begin_as_in_section_6_8_1),
		cmocka_unit_test(up_tells_the_faster_interval_by_a_poll),
		cmocka_unit_test(a_final_before_the_poll_ends_nothing),
		cmocka_unit_test(a_poll_is_answered_at_once_by_a_final_without_poll),
		cmocka_unit_test(the_interval_is_the_larger_of_ours_and_what_the_neighbour_bears),
		cmocka_unit_test(below_up_at_most_one_packet_a_second_goes_out),
		cmocka_unit_test(
			the_detection_time_is_the_neighbours_multiplier_of_the_larger_interval),
		cmocka_unit_test(the_largest_values_do_not_wrap),
		cmocka_unit_test(slower_counts_for_sending_only_when_the_neighbour_knows),
		cmocka_unit_test(less_patience_counts_only_when_the_neighbour_knows),
		cmocka_unit_test(a_change_during_a_poll_makes_another_one),
		cmocka_unit_test(jitter_takes_off_up_to_a_quarter),
		cmocka_unit_test(silence_for_the_detection_time_ends_the_session),
		cmocka_unit_test(a_neighbour_that_was_down_is_forgotten_in_silence),
		cmocka_unit_test(each_packet_puts_the_end_off),
		cmocka_unit_test(who_stood_still_itself_waits_for_one_more_packet),
		cmocka_unit_test(admin_down_says_so_and_hears_nothing),
		cmocka_unit_test(a_neighbour_in_demand_mode_is_sent_nothing_by_the_clock),
		cmocka_unit_test(a_new_discriminator_of_the_neighbour_is_taken),
		cmocka_unit_test(who_goes_on_sends_what_the_one_before_would),
		cmocka_unit_test(a_poll_that_was_under_way_begins_anew),
		cmocka_unit_test(what_is_not_up_is_not_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
