/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_timer_slot.c: KEEPALIVEs within the jitter of RFC 4271 section 10, few slots, no herd.
 *
 * Hold times are those a session can have, 3 s to 65535 s; the interval is a third.
 *
 * links: bgp/timer_slot.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>

#include "bgp/timer_slot.h"

#define SESSIONS 500
#define ROUNDS	 20

static const uint32_t hold_s[] = { 3, 4, 5, 6, 7, 9, 10, 30, 90, 180, 240, 65535 };
static const uint64_t begin[] = { 0, 1, 999, 1000, 12345, 86400123, 1ull << 40 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t interval_of(size_t i)
{
	return hold_s[i] * 1000ull / 3;
}

static void a_keepalive_comes_within_the_jitter_at_any_time_and_chance(void **state)
{
	for (size_t i = 0; i < COUNT(hold_s); i++)
		for (size_t j = 0; j < COUNT(begin); j++)
			for (uint32_t chance = 0; chance < 20000; chance += 7) {
				uint64_t interval = interval_of(i);
				uint64_t due = timer_slot_keepalive_ms(begin[j], interval, chance);

				assert_true(due - begin[j] >= interval - interval / 4);
				assert_true(due - begin[j] <= interval);
			}
}

static void the_largest_chance_stays_within_the_jitter(void **state)
{
	uint64_t due = timer_slot_keepalive_ms(5, 3000, UINT32_MAX);

	assert_true(due >= 5 + 2250);
	assert_true(due <= 5 + 3000);
}

static void keepalives_come_at_slots_alone(void **state)
{
	for (size_t i = 0; i < COUNT(hold_s); i++)
		for (uint32_t chance = 0; chance < 20000; chance += 7)
			assert_int_equal(timer_slot_keepalive_ms(12345, interval_of(i), chance) %
						 timer_slot_step_ms(interval_of(i)),
					 0);
}

static void slots_of_long_intervals_are_slots_of_short_ones(void **state)
{
	for (size_t i = 1; i < COUNT(hold_s); i++)
		assert_int_equal(timer_slot_step_ms(interval_of(i)) %
					 timer_slot_step_ms(interval_of(i - 1)),
				 0);
}

/* 0.875 is what jitter alone makes of it: fewer would be more sending than asked for. */
static void no_more_keepalives_are_sent_than_by_jitter_alone(void **state)
{
	for (size_t i = 0; i < COUNT(hold_s); i++) {
		uint64_t interval = interval_of(i), sum = 0, count = 0;

		for (uint32_t chance = 0; chance <= interval / 4; chance += 1 + interval / 50000)
			for (uint64_t at = 1000; at < 3000; at += 125, count++)
				sum += timer_slot_keepalive_ms(at, interval, chance) - at;
		assert_true(sum * 1000 >= count * interval * 874);
	}
}

/* All came up in the same moment. */
static void sessions_do_not_stay_together(void **state)
{
	uint64_t due[SESSIONS], step = timer_slot_step_ms(3000);
	size_t in_slot[12] = { 0 };

	srandom(1);
	for (size_t i = 0; i < SESSIONS; i++)
		due[i] = 500;
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < SESSIONS; i++)
			due[i] = timer_slot_keepalive_ms(due[i], 3000, (uint32_t)random());
	for (size_t i = 0; i < SESSIONS; i++)
		in_slot[due[i] / step % COUNT(in_slot)]++;
	for (size_t i = 0; i < COUNT(in_slot); i++)
		assert_true(in_slot[i] < SESSIONS / 4);
}

static void a_hold_timer_is_looked_at_when_it_has_run_out_and_within_a_step(void **state)
{
	for (size_t i = 0; i < COUNT(hold_s); i++)
		for (uint64_t left = 1; left < 20000; left += 13) {
			uint64_t due = timer_slot_hold_ms(12345, interval_of(i), left);

			assert_true(due >= 12345 + left);
			assert_true(due < 12345 + left + timer_slot_step_ms(interval_of(i)));
		}
}

/* The states before OPEN is in have a hold timer and no interval. */
static void without_an_interval_a_hold_timer_is_exact(void **state)
{
	assert_int_equal(timer_slot_hold_ms(12345, 0, 77), 12345 + 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_keepalive_comes_within_the_jitter_at_any_time_and_chance),
		cmocka_unit_test(the_largest_chance_stays_within_the_jitter),
		cmocka_unit_test(keepalives_come_at_slots_alone),
		cmocka_unit_test(slots_of_long_intervals_are_slots_of_short_ones),
		cmocka_unit_test(no_more_keepalives_are_sent_than_by_jitter_alone),
		cmocka_unit_test(sessions_do_not_stay_together),
		cmocka_unit_test(a_hold_timer_is_looked_at_when_it_has_run_out_and_within_a_step),
		cmocka_unit_test(without_an_interval_a_hold_timer_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
