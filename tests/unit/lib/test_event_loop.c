/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_event_loop.c: descriptors, timers and signals of one loop, on pipes.
 *
 * Each test arms what it looks at and a handler that stops the loop; a loop that is not stopped is
 * ended by an alarm of the test program. Times are only compared with lower bounds: a busy machine
 * may be late, never early.
 *
 * links: lib/event_loop.c lib/timer_heap.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/event_loop.h"

#define TIMERS 200

static struct event_loop *loop; /* of the test at hand */
static int pipes[2][2];
static unsigned int calls[2];
static struct event_timer timers[TIMERS];
static uint64_t fired[TIMERS];
static unsigned int fired_count;

static int set_up(void **state)
{
	int i;

	alarm(20);
	memset(calls, 0, sizeof(calls));
	memset(timers, 0, sizeof(timers));
	fired_count = 0;
	for (i = 0; i < 2; i++)
		assert_int_equal(pipe(pipes[i]), 0);
	return event_loop_new(&loop);
}

static int tear_down(void **state)
{
	int i;

	event_loop_free(loop);
	for (i = 0; i < 2; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	return 0;
}

static void fill(int index)
{
	assert_int_equal(write(pipes[index][1], "x", 1), 1);
}

static void stop(void *arg)
{
	event_loop_stop(loop);
}

/* Arm timer 0 to stop the loop after @ms. */
static void stop_after(uint64_t ms)
{
	event_timer_init(&timers[0], stop, NULL);
	assert_int_equal(event_timer_set(loop, &timers[0], ms), 0);
}

static void count_and_drain(int fd, uint32_t events, void *arg)
{
	char octet;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(fd, &octet, 1), 1);
	++*(unsigned int *)arg;
	event_loop_stop(loop);
}

static void a_readable_descriptor_is_called_with_its_argument(void **state)
{
	int fd = pipes[0][0];

	assert_int_equal(event_loop_add_fd(loop, fd, EPOLLIN, count_and_drain, &calls[0]), 0);
	assert_int_equal(event_loop_add_fd(loop, fd, EPOLLIN, count_and_drain, NULL), -EEXIST);
	fill(0);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[0], 1);
}

static void what_cannot_be_watched_is_told(void **state)
{
	assert_int_equal(event_loop_add_fd(loop, -1, EPOLLIN, count_and_drain, NULL), -EBADF);
	assert_int_equal(event_loop_add_fd(loop, 999, EPOLLIN, count_and_drain, NULL), -EBADF);
	assert_int_equal(event_loop_modify_fd(loop, pipes[0][0], EPOLLIN), -ENOENT);
	event_loop_remove_fd(loop, -1);
	event_loop_remove_fd(loop, 5000);
	event_loop_remove_fd(loop, pipes[0][0]);
	/* A failed add leaves nothing: the number can be used by the next descriptor. */
	assert_int_equal(dup2(pipes[0][0], 999), 999);
	assert_int_equal(event_loop_add_fd(loop, 999, EPOLLIN, count_and_drain, NULL), 0);
	event_loop_remove_fd(loop, 999);
	close(999);
}

static void changed_events_take_effect(void **state)
{
	int fd = pipes[0][0];

	assert_int_equal(event_loop_add_fd(loop, fd, 0, count_and_drain, &calls[0]), 0);
	fill(0);
	stop_after(30);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[0], 0);
	assert_int_equal(event_loop_modify_fd(loop, fd, EPOLLIN), 0);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[0], 1);
}

/* Both pipes are readable in one round; whoever comes first removes the other. */
static void remove_the_other(int fd, uint32_t events, void *arg)
{
	int other = fd == pipes[0][0] ? pipes[1][0] : pipes[0][0];

	calls[0]++;
	event_loop_remove_fd(loop, other);
	event_loop_remove_fd(loop, fd);
}

static void a_removed_descriptor_is_not_called_for_a_waiting_event(void **state)
{
	assert_int_equal(event_loop_add_fd(loop, pipes[0][0], EPOLLIN, remove_the_other, NULL), 0);
	assert_int_equal(event_loop_add_fd(loop, pipes[1][0], EPOLLIN, remove_the_other, NULL), 0);
	fill(0);
	fill(1);
	stop_after(30);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[0], 1);
}

static void count_only(int fd, uint32_t events, void *arg)
{
	calls[1]++;
}

/* The number of the removed descriptor is at once used by another file, which has no event. */
static void replace_the_other(int fd, uint32_t events, void *arg)
{
	int fresh[2], other = fd == pipes[0][0] ? pipes[1][0] : pipes[0][0];

	calls[0]++;
	event_loop_remove_fd(loop, fd);
	event_loop_remove_fd(loop, other);
	assert_int_equal(pipe(fresh), 0);
	assert_int_equal(dup2(fresh[0], other), other);
	close(fresh[0]);
	assert_int_equal(event_loop_add_fd(loop, other, EPOLLIN, count_only, NULL), 0);
	stop_after(30);
	/* fresh[1] stays open until the process ends: closing it would be an event. */
}

static void an_old_event_does_not_reach_a_reused_number(void **state)
{
	assert_int_equal(event_loop_add_fd(loop, pipes[0][0], EPOLLIN, replace_the_other, NULL), 0);
	assert_int_equal(event_loop_add_fd(loop, pipes[1][0], EPOLLIN, replace_the_other, NULL), 0);
	fill(0);
	fill(1);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[0], 1);
	assert_int_equal(calls[1], 0);
}

static void note(void *arg)
{
	struct event_timer *timer = arg;

	assert_true(event_loop_now_ms() >= timer->due_ms);
	assert_false(event_timer_is_armed(timer));
	fired[fired_count++] = timer->due_ms;
	if (fired_count == TIMERS / 2)
		event_loop_stop(loop);
}

static void timers_fire_in_order_and_never_early(void **state)
{
	unsigned int i;

	srandom(1);
	for (i = 0; i < TIMERS; i++) {
		event_timer_init(&timers[i], note, &timers[i]);
		assert_int_equal(event_timer_set(loop, &timers[i], (uint64_t)random() % 100), 0);
	}
	/* Half are cancelled, some of the others set again. */
	for (i = 0; i < TIMERS; i += 2) {
		event_timer_cancel(loop, &timers[i]);
		assert_false(event_timer_is_armed(&timers[i]));
		assert_int_equal(event_timer_set(loop, &timers[i + 1], (uint64_t)random() % 100),
				 0);
	}
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(fired_count, TIMERS / 2);
	for (i = 1; i < fired_count; i++)
		assert_true(fired[i] >= fired[i - 1]);
}

static void rearm_at_once(void *arg)
{
	calls[1]++;
	assert_int_equal(event_timer_set(loop, arg, 0), 0);
}

static void a_timer_that_rearms_at_once_does_not_starve_descriptors(void **state)
{
	event_timer_init(&timers[1], rearm_at_once, &timers[1]);
	assert_int_equal(event_timer_set(loop, &timers[1], 0), 0);
	assert_int_equal(event_loop_add_fd(loop, pipes[0][0], EPOLLIN, count_and_drain, &calls[0]),
			 0);
	fill(0);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[0], 1);
	assert_true(calls[1] >= 1);
}

static void the_longest_delay_is_never(void **state)
{
	event_timer_init(&timers[1], rearm_at_once, &timers[1]);
	assert_int_equal(event_timer_set(loop, &timers[1], UINT64_MAX), 0);
	stop_after(10);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[1], 0);
	assert_true(event_timer_is_armed(&timers[1]));
}

static void note_signal(int signo, void *arg)
{
	assert_true(signo == SIGUSR1 || signo == SIGUSR2);
	calls[signo == SIGUSR2]++;
	if (calls[0] && calls[1])
		event_loop_stop(loop);
}

static void signals_arrive_in_the_loop(void **state)
{
	assert_int_equal(event_loop_add_signal(loop, SIGUSR1, note_signal, NULL), 0);
	assert_int_equal(event_loop_add_signal(loop, SIGUSR2, note_signal, NULL), 0);
	assert_int_equal(event_loop_add_signal(loop, 0, note_signal, NULL), -EINVAL);
	assert_int_equal(event_loop_add_signal(loop, 65, note_signal, NULL), -EINVAL);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[0], 1);
	assert_int_equal(calls[1], 1);
}

static void a_stop_before_the_run_counts_once(void **state)
{
	event_loop_stop(loop);
	assert_int_equal(event_loop_run(loop), 0);
	stop_after(1);
	assert_int_equal(event_loop_run(loop), 0);
	assert_false(event_timer_is_armed(&timers[0]));
}

static void note_order(void *arg)
{
	fired[fired_count++] = *(unsigned int *)arg;
}

/* Descriptor 0 is readable, descriptor 1 becomes so in its handler, which also arms a timer. */
static void arm_at_once(int fd, uint32_t events, void *arg)
{
	event_loop_remove_fd(loop, fd);
	fill(1);
	assert_int_equal(event_timer_set(loop, &timers[1], 0), 0);
}

static void note_and_stop(int fd, uint32_t events, void *arg)
{
	note_order(arg);
	event_loop_stop(loop);
}

static void what_a_round_arms_for_at_once_runs_before_the_next_one(void **state)
{
	static unsigned int timer = 1, descriptor = 2;

	event_timer_init(&timers[1], note_order, &timer);
	assert_int_equal(event_loop_add_fd(loop, pipes[0][0], EPOLLIN, arm_at_once, NULL), 0);
	assert_int_equal(event_loop_add_fd(loop, pipes[1][0], EPOLLIN, note_and_stop, &descriptor),
			 0);
	fill(0);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(fired_count, 2);
	assert_int_equal(fired[0], timer);
	assert_int_equal(fired[1], descriptor);
}

static void a_timer_set_to_a_time_fires_then_or_at_once_when_that_is_past(void **state)
{
	uint64_t now = event_loop_now_ms();

	event_timer_init(&timers[0], stop, NULL);
	assert_int_equal(event_timer_set_at(loop, &timers[0], now + 20), 0);
	assert_int_equal(event_loop_run(loop), 0);
	assert_true(event_loop_now_ms() >= now + 20);
	assert_int_equal(event_timer_set_at(loop, &timers[0], now), 0);
	assert_int_equal(event_loop_run(loop), 0);
}

static void count(void *arg)
{
	++*(unsigned int *)arg;
}

/* A round with one event, so that what is armed now has its alarm. */
static void go_round(void)
{
	unsigned int before = calls[0];

	fill(0);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[0], before + 1);
}

static void arm_and_go_round(uint64_t ms)
{
	event_timer_init(&timers[1], count, &calls[1]);
	assert_int_equal(event_timer_set(loop, &timers[1], ms), 0);
	assert_int_equal(event_loop_add_fd(loop, pipes[0][0], EPOLLIN, count_and_drain, &calls[0]),
			 0);
	go_round();
}

static void a_timer_before_the_alarm_that_is_set_is_not_late(void **state)
{
	uint64_t begin = event_loop_now_ms();

	arm_and_go_round(10000);
	stop_after(5);
	assert_int_equal(event_loop_run(loop), 0);
	assert_true(event_loop_now_ms() - begin < 10000);
	event_timer_cancel(loop, &timers[1]);
}

static void the_alarm_of_a_cancelled_timer_leaves_the_next_its_own(void **state)
{
	arm_and_go_round(10);
	event_timer_cancel(loop, &timers[1]);
	stop_after(30);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[1], 0);
}

/* It is fetched behind the descriptor whose handler stops the loop. */
static void an_alarm_that_nobody_looked_at_leaves_the_next_its_own(void **state)
{
	arm_and_go_round(2);
	fill(0);
	while (event_loop_now_ms() < timers[1].due_ms + 1)
		continue;
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[0], 2);
	stop_after(5);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(calls[1], 1);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(a_readable_descriptor_is_called_with_its_argument),
		LOOP_TEST(what_cannot_be_watched_is_told),
		LOOP_TEST(changed_events_take_effect),
		LOOP_TEST(a_removed_descriptor_is_not_called_for_a_waiting_event),
		LOOP_TEST(an_old_event_does_not_reach_a_reused_number),
		LOOP_TEST(timers_fire_in_order_and_never_early),
		LOOP_TEST(a_timer_that_rearms_at_once_does_not_starve_descriptors),
		LOOP_TEST(the_longest_delay_is_never),
		LOOP_TEST(signals_arrive_in_the_loop),
		LOOP_TEST(a_stop_before_the_run_counts_once),
		LOOP_TEST(what_a_round_arms_for_at_once_runs_before_the_next_one),
		LOOP_TEST(a_timer_set_to_a_time_fires_then_or_at_once_when_that_is_past),
		LOOP_TEST(a_timer_before_the_alarm_that_is_set_is_not_late),
		LOOP_TEST(the_alarm_of_a_cancelled_timer_leaves_the_next_its_own),
		LOOP_TEST(an_alarm_that_nobody_looked_at_leaves_the_next_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
