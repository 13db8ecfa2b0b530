/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer_heap.c: a binary heap of timers by due time.
 *
 * 1-based, so that index 0 of a timer means "not armed", and a fresh struct is right. Each timer
 * knows its place, so that taking one out from the middle needs no search.
 */
#include "lib/timer_heap.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/event_loop.h"

static void place(struct timer_heap *heap, uint32_t index, struct event_timer *timer)
{
	heap->at[index] = timer;
	timer->heap_index = index;
}

static void move_up(struct timer_heap *heap, uint32_t index)
{
	struct event_timer *timer = heap->at[index];

	while (index > 1 && heap->at[index / 2]->due_ms > timer->due_ms) {
		place(heap, index, heap->at[index / 2]);
		index /= 2;
	}
	place(heap, index, timer);
}

static void move_down(struct timer_heap *heap, uint32_t index)
{
	struct event_timer *timer = heap->at[index];
	uint32_t child;

	while ((child = index * 2) <= heap->len) {
		if (child < heap->len && heap->at[child + 1]->due_ms < heap->at[child]->due_ms)
			child++;
		if (heap->at[child]->due_ms >= timer->due_ms)
			break;
		place(heap, index, heap->at[child]);
		index = child;
	}
	place(heap, index, timer);
}

static int reserve(struct timer_heap *heap)
{
	uint32_t size = heap->size ? heap->size * 2 : 16;
	struct event_timer **grown;

	if (heap->len + 1 < heap->size)
		return 0;
	grown = reallocarray(heap->at, size, sizeof(struct event_timer *));
	if (!grown)
		return -ENOMEM;
	heap->at = grown;
	heap->size = size;
	return 0;
}

int timer_heap_add(struct timer_heap *heap, struct event_timer *timer)
{
	int err = reserve(heap);

	if (err < 0)
		return err;
	heap->len++;
	place(heap, heap->len, timer);
	move_up(heap, heap->len);
	return 0;
}

void timer_heap_remove(struct timer_heap *heap, struct event_timer *timer)
{
	uint32_t index = timer->heap_index;
	struct event_timer *last;

	if (index == 0)
		return;
	timer->heap_index = 0;
	last = heap->at[heap->len--];
	if (last == timer)
		return;
	place(heap, index, last);
	move_up(heap, index);
	move_down(heap, last->heap_index);
}

struct event_timer *timer_heap_first(const struct timer_heap *heap)
{
	return heap->len ? heap->at[1] : NULL;
}

void timer_heap_fini(struct timer_heap *heap)
{
	free(heap->at);
	*heap = (struct timer_heap){ 0 };
}
