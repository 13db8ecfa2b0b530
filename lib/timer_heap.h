/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_TIMER_HEAP_H
#define LIB_TIMER_HEAP_H

#include <stdint.h>

struct event_timer;

/* Armed timers (event_loop.h), the one that is due first on top. The structs live in their owners.
 */
struct timer_heap {
	struct event_timer **at; /* at[1]..at[len] */
	uint32_t len;
	uint32_t size;
};

/** timer_heap_add() - @timer, not in a heap, its due_ms set. 0 or -ENOMEM. O(log n). */
int timer_heap_add(struct timer_heap *heap, struct event_timer *timer);
/** timer_heap_remove() - fine when it is not in the heap. O(log n). */
void timer_heap_remove(struct timer_heap *heap, struct event_timer *timer);
/** timer_heap_first() - the one due first, still in the heap; NULL: none. */
struct event_timer *timer_heap_first(const struct timer_heap *heap);
/** timer_heap_fini() - free the array; touches no timer. */
void timer_heap_fini(struct timer_heap *heap);

#endif /* LIB_TIMER_HEAP_H */
