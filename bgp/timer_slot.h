/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_TIMER_SLOT_H
#define BGP_TIMER_SLOT_H

#include <stdint.h>

/*
 * When the timers of sessions fire: at slots of the clock that all sessions share, so that hundreds
 * of them cost the wake-ups of a few. @interval_ms is the time between KEEPALIVEs, a third of the
 * hold time. All times are in ms of one clock; pure functions.
 */

/** timer_slot_step_ms() - between two slots; each slot of a long interval is one of short ones. */
uint64_t timer_slot_step_ms(uint64_t interval_ms);
/** timer_slot_keepalive_ms() - when the next KEEPALIVE is due: 0.75 to 1.0 of @interval_ms behind
 * @now_ms, by @chance, any number. */
uint64_t timer_slot_keepalive_ms(uint64_t now_ms, uint64_t interval_ms, uint32_t chance);
/** timer_slot_hold_ms() - when to look at a hold timer that runs out @left_ms behind @now_ms: the
 * first slot that is not before. */
uint64_t timer_slot_hold_ms(uint64_t now_ms, uint64_t interval_ms, uint64_t left_ms);

#endif /* BGP_TIMER_SLOT_H */
