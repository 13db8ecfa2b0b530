/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_loop.c: one thread, one epoll, timers in a heap, signals through signalfd.
 *
 * A watched descriptor is a slot in a table indexed by its number. A slot's generation grows each
 * time it is taken, and travels in the epoll event: an event that was already fetched for a
 * descriptor which a handler removed (and perhaps added anew) in the same round is recognised by
 * its old generation and left out.
 *
 * Timers wait in a heap (timer_heap.c). In each round the due timers run first, then the
 * descriptors, then what these armed with delay 0, which so costs no system call. Signals are
 * blocked for the process and arrive as reads of one signalfd.
 *
 * The kernel wakes us for the first timer by a timerfd, the alarm, and not by the time limit of
 * epoll_wait(): that one is set up and taken down at each wait, between an event and its handler.
 * An alarm that turns out to be too early stays, and wakes once for nothing.
 *
 * The loop notes when it last called a handler, so that another thread can tell a loop that works
 * from one that hangs.
 */
#include "lib/event_loop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/timer_heap.h"

#define AT_ONCE	       0 /* ms on the clock: earlier than any, and no need to look at it */
#define EVENTS_A_ROUND 128
#define SIGNALS_MAX    65 /* signal(7): 1..64 */

struct fd_slot {
	event_fd_fn *fn; /* NULL: not watched */
	void *arg;
	uint32_t generation;
};

struct signal_slot {
	event_signal_fn *fn;
	void *arg;
};

struct event_loop {
	int epoll_fd;
	int signal_fd; /* -1 until the first signal is added */
	int alarm_fd;
	uint64_t alarm_ms; /* when it rings; in the past: it has */
	bool stopped;
	atomic_bool waits;	  /* in epoll_wait() */
	_Atomic uint64_t beat_ms; /* of the last sign of progress */
	sigset_t signals;
	struct signal_slot signal[SIGNALS_MAX];
	struct fd_slot *slot;
	size_t slot_count;
	struct timer_heap timers;
};

/* Nothing is left to do here: the timers run in any round. */
static void on_alarm(int fd, uint32_t events, void *arg)
{
}

/* The alarm is edge-triggered, so that it need not be read. */
static int open_descriptors(struct event_loop *loop)
{
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	loop->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->alarm_fd < 0)
		return -errno;
	return event_loop_add_fd(loop, loop->alarm_fd, EPOLLIN | EPOLLET, on_alarm, NULL);
}

int event_loop_new(struct event_loop **ret_loop)
{
	struct event_loop *loop = calloc(1, sizeof(*loop));
	int err;

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = loop->alarm_fd = loop->signal_fd = -1;
	sigemptyset(&loop->signals);
	err = open_descriptors(loop);
	if (err < 0) {
		event_loop_free(loop);
		return err;
	}
	event_loop_beat(loop);
	*ret_loop = loop;
	return 0;
}

void event_loop_free(struct event_loop *loop)
{
	if (!loop)
		return;
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	if (loop->alarm_fd >= 0)
		close(loop->alarm_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop->slot);
	timer_heap_fini(&loop->timers);
	free(loop);
}

static int reserve_slot(struct event_loop *loop, int fd)
{
	size_t count = loop->slot_count ? loop->slot_count : 32;
	struct fd_slot *slot;

	if (fd < 0)
		return -EBADF;
	if ((size_t)fd < loop->slot_count)
		return 0;
	while (count <= (size_t)fd)
		count *= 2;
	slot = reallocarray(loop->slot, count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	memset(slot + loop->slot_count, 0, (count - loop->slot_count) * sizeof(*slot));
	loop->slot = slot;
	loop->slot_count = count;
	return 0;
}

static uint64_t event_key(const struct event_loop *loop, int fd)
{
	return (uint64_t)loop->slot[fd].generation << 32 | (uint32_t)fd;
}

int event_loop_add_fd(struct event_loop *loop, int fd, uint32_t events, event_fd_fn *fn, void *arg)
{
	struct epoll_event event = { .events = events };
	int err = reserve_slot(loop, fd);

	if (err < 0)
		return err;
	if (loop->slot[fd].fn)
		return -EEXIST;
	loop->slot[fd].generation++;
	event.data.u64 = event_key(loop, fd);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	loop->slot[fd].fn = fn;
	loop->slot[fd].arg = arg;
	return 0;
}

static bool is_watched(const struct event_loop *loop, int fd)
{
	return fd >= 0 && (size_t)fd < loop->slot_count && loop->slot[fd].fn;
}

int event_loop_modify_fd(struct event_loop *loop, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	if (!is_watched(loop, fd))
		return -ENOENT;
	event.data.u64 = event_key(loop, fd);
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 ? -errno : 0;
}

void event_loop_remove_fd(struct event_loop *loop, int fd)
{
	if (!is_watched(loop, fd))
		return;
	loop->slot[fd].fn = NULL;
	loop->slot[fd].generation++; /* events already fetched are void */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* --- signals --- */

static void handle_signal_fd(int fd, uint32_t events, void *arg)
{
	struct event_loop *loop = arg;
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		struct signal_slot *slot =
			info.ssi_signo < SIGNALS_MAX ? &loop->signal[info.ssi_signo] : NULL;

		if (slot && slot->fn)
			slot->fn((int)info.ssi_signo, slot->arg);
	}
}

int event_loop_add_signal(struct event_loop *loop, int signo, event_signal_fn *fn, void *arg)
{
	sigset_t signals = loop->signals;
	int fd, err;

	if (signo <= 0 || signo >= SIGNALS_MAX)
		return -EINVAL;
	sigaddset(&signals, signo);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	fd = signalfd(loop->signal_fd, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (loop->signal_fd < 0) {
		err = event_loop_add_fd(loop, fd, EPOLLIN, handle_signal_fd, loop);
		if (err < 0) {
			close(fd);
			return err;
		}
		loop->signal_fd = fd;
	}
	loop->signals = signals;
	loop->signal[signo].fn = fn;
	loop->signal[signo].arg = arg;
	return 0;
}

/* --- timers --- */

static uint64_t to_ms(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_nsec / 1000000;
}

uint64_t event_loop_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return to_ms(&now);
}

/* Nobody reads other data by these two, so no order is wanted between them and anything else. The
 * coarse clock is some ms behind and costs next to nothing: every handler pays for this. */
void event_loop_beat(struct event_loop *loop)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	atomic_store_explicit(&loop->beat_ms, to_ms(&now), memory_order_relaxed);
}

uint64_t event_loop_silence_ms(const struct event_loop *loop)
{
	uint64_t beat_ms = atomic_load(&loop->beat_ms), now_ms = event_loop_now_ms();

	return atomic_load(&loop->waits) || now_ms < beat_ms ? 0 : now_ms - beat_ms;
}

void event_timer_init(struct event_timer *timer, event_timer_fn *fn, void *arg)
{
	*timer = (struct event_timer){ .fn = fn, .arg = arg };
}

bool event_timer_is_armed(const struct event_timer *timer)
{
	return timer->heap_index != 0;
}

static int arm(struct event_loop *loop, struct event_timer *timer, uint64_t due_ms)
{
	timer_heap_remove(&loop->timers, timer);
	timer->due_ms = due_ms;
	return timer_heap_add(&loop->timers, timer);
}

int event_timer_set(struct event_loop *loop, struct event_timer *timer, uint64_t delay_ms)
{
	uint64_t now_ms;

	if (delay_ms == 0)
		return arm(loop, timer, AT_ONCE);
	now_ms = event_loop_now_ms();
	return arm(loop, timer, delay_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + delay_ms);
}

int event_timer_set_at(struct event_loop *loop, struct event_timer *timer, uint64_t due_ms)
{
	return arm(loop, timer, due_ms);
}

int event_timer_set_on_grid(struct event_loop *loop, struct event_timer *timer, uint64_t delay_ms,
			    uint64_t grid_ms)
{
	uint64_t due_ms = event_loop_now_ms() + delay_ms;

	return arm(loop, timer, due_ms - due_ms % grid_ms);
}

void event_timer_cancel(struct event_loop *loop, struct event_timer *timer)
{
	timer_heap_remove(&loop->timers, timer);
}

/* Only what was due when the round began: a timer that re-arms itself with 0 cannot starve fds. */
static void run_due_timers(struct event_loop *loop, uint64_t now_ms)
{
	uint32_t left = loop->timers.len;
	struct event_timer *timer;

	while (!loop->stopped && left-- && (timer = timer_heap_first(&loop->timers)) != NULL &&
	       timer->due_ms <= now_ms) {
		event_timer_cancel(loop, timer);
		event_loop_beat(loop);
		timer->fn(timer->arg);
	}
}

/* --- the loop --- */

static int set_alarm(struct event_loop *loop, uint64_t due_ms)
{
	const struct itimerspec at = {
		.it_value = { .tv_sec = (time_t)(due_ms / 1000),
			      .tv_nsec = (long)(due_ms % 1000) * 1000000 },
	};
	int err = timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &at, NULL);

	loop->alarm_ms = err < 0 ? 0 : due_ms;
	return err;
}

/* How long epoll_wait() may wait; -1: the alarm is set in time. Without one it is 1 ms. */
static int wait_ms(struct event_loop *loop)
{
	const struct event_timer *first = timer_heap_first(&loop->timers);
	uint64_t now_ms;

	if (!first)
		return -1;
	if (first->due_ms == AT_ONCE)
		return 0;
	now_ms = event_loop_now_ms();
	if (first->due_ms <= now_ms)
		return 0;
	if (loop->alarm_ms > now_ms && loop->alarm_ms <= first->due_ms)
		return -1;
	return set_alarm(loop, first->due_ms) < 0 ? 1 : -1;
}

static void dispatch(struct event_loop *loop, const struct epoll_event *event)
{
	int fd = (int)(uint32_t)event->data.u64;

	if (!is_watched(loop, fd) || event_key(loop, fd) != event->data.u64)
		return;
	event_loop_beat(loop);
	loop->slot[fd].fn(fd, event->events, loop->slot[fd].arg);
}

/* Whoever sees that the loop no longer waits sees the beat, too. */
static int wait_for_events(struct event_loop *loop, struct epoll_event *event)
{
	int count;

	atomic_store(&loop->waits, true);
	count = epoll_wait(loop->epoll_fd, event, EVENTS_A_ROUND, wait_ms(loop));
	count = count < 0 ? -errno : count;
	event_loop_beat(loop);
	atomic_store(&loop->waits, false);
	return count;
}

int event_loop_run(struct event_loop *loop)
{
	struct epoll_event event[EVENTS_A_ROUND];

	while (!loop->stopped) {
		int i, count = wait_for_events(loop, event);

		if (count < 0 && count != -EINTR)
			return count;
		run_due_timers(loop, event_loop_now_ms());
		for (i = 0; i < count && !loop->stopped; i++)
			dispatch(loop, &event[i]);
		if (count > 0)
			run_due_timers(loop, AT_ONCE);
	}
	loop->stopped = false; /* it may run again */
	return 0;
}

void event_loop_stop(struct event_loop *loop)
{
	loop->stopped = true;
}
