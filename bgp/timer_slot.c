/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer_slot.c: at which slots of the clock keepalive and hold timers fire.
 *
 * A KEEPALIVE is due at a random time between 0.75 and 1.0 of the interval (RFC 4271 section 10).
 * That time is put off to the next slot, or put forward where the next one would be beyond 1.0:
 * rounded the other way, the same jitter would send more of them. A step is at most an eighth of
 * the interval, half of what jitter may take, so that sessions which came up together have two
 * slots at least to part in. Hold times are whole seconds, so with steps that divide a second the
 * latest slot is the interval itself. Longer than a second no step is: by one a hold timer is late.
 */
#include "bgp/timer_slot.h"

#define STEPS_AN_INTERVAL 8
#define STEP_MAX_MS	  1000 /* by halves: 500, 250, 125 */

uint64_t timer_slot_step_ms(uint64_t interval_ms)
{
	uint64_t step_ms = STEP_MAX_MS;

	while (step_ms > 1 && step_ms > interval_ms / STEPS_AN_INTERVAL)
		step_ms /= 2;
	return step_ms;
}

static uint64_t slot_before(uint64_t ms, uint64_t step_ms)
{
	return ms - ms % step_ms;
}

uint64_t timer_slot_keepalive_ms(uint64_t now_ms, uint64_t interval_ms, uint32_t chance)
{
	uint64_t step_ms = timer_slot_step_ms(interval_ms), quarter_ms = interval_ms / 4;
	uint64_t due_ms = now_ms + interval_ms - chance % (quarter_ms + 1);
	uint64_t slot_ms = slot_before(due_ms + step_ms - 1, step_ms);

	return slot_ms > now_ms + interval_ms ? slot_ms - step_ms : slot_ms;
}

uint64_t timer_slot_hold_ms(uint64_t now_ms, uint64_t interval_ms, uint64_t left_ms)
{
	uint64_t step_ms = timer_slot_step_ms(interval_ms);

	return slot_before(now_ms + left_ms + step_ms - 1, step_ms);
}
