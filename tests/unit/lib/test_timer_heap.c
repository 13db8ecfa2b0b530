/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_timer_heap.c: whatever comes and goes, in whatever order, the one due first is on top.
 *
 * links: lib/timer_heap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/event_loop.h"
#include "lib/timer_heap.h"

#define TIMERS 60
#define STEPS  20000

static struct event_timer timer[TIMERS];

static uint64_t earliest(void)
{
	uint64_t due_ms = UINT64_MAX;

	for (size_t i = 0; i < TIMERS; i++)
		if (timer[i].heap_index != 0 && timer[i].due_ms < due_ms)
			due_ms = timer[i].due_ms;
	return due_ms;
}

static void assert_right(const struct timer_heap *heap, uint32_t count)
{
	assert_int_equal(heap->len, count);
	if (count == 0)
		assert_null(timer_heap_first(heap));
	else
		assert_int_equal(timer_heap_first(heap)->due_ms, earliest());
	for (uint32_t i = 1; i <= heap->len; i++)
		assert_int_equal(heap->at[i]->heap_index, i);
}

static void the_first_is_on_top_after_any_step(void **state)
{
	struct timer_heap heap = { 0 };
	uint32_t count = 0;

	srandom(1);
	for (int step = 0; step < STEPS; step++) {
		struct event_timer *one = &timer[random() % TIMERS];

		if (one->heap_index != 0) {
			timer_heap_remove(&heap, one);
			assert_int_equal(one->heap_index, 0);
			count--;
		} else {
			one->due_ms = (uint64_t)random() % 100; /* some are equal */
			assert_int_equal(timer_heap_add(&heap, one), 0);
			count++;
		}
		assert_right(&heap, count);
	}
	for (uint64_t last = 0; count > 0; count--) {
		struct event_timer *first = timer_heap_first(&heap);

		assert_true(first->due_ms >= last);
		last = first->due_ms;
		timer_heap_remove(&heap, first);
	}
	timer_heap_fini(&heap);
}

static void who_is_not_armed_may_be_removed(void **state)
{
	struct event_timer one = { .due_ms = 5 }, other = { .due_ms = 7 };
	struct timer_heap heap = { 0 };

	timer_heap_remove(&heap, &one);
	assert_int_equal(timer_heap_add(&heap, &other), 0);
	timer_heap_remove(&heap, &one);
	assert_ptr_equal(timer_heap_first(&heap), &other);
	timer_heap_fini(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_on_top_after_any_step),
		cmocka_unit_test(who_is_not_armed_may_be_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
