/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_EVENT_LOOP_H
#define LIB_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One single-threaded event loop: epoll, timers (a heap, CLOCK_MONOTONIC), signals (signalfd).
 * Handlers may add and remove any source, themselves too; a removed source is never called again,
 * also when its event was already waiting in the same round.
 */
struct event_loop;

/** @events: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as epoll_wait(2) gave them. */
typedef void event_fd_fn(int fd, uint32_t events, void *arg);
typedef void event_timer_fn(void *arg);
typedef void event_signal_fn(int signo, void *arg);

/** A timer lives in its owner's struct; cancel it before the owner is freed. */
struct event_timer {
	uint64_t due_ms;
	uint32_t heap_index; /* 0: not armed */
	event_timer_fn *fn;
	void *arg;
};

int event_loop_new(struct event_loop **ret_loop); /* 0 or -errno */
void event_loop_free(struct event_loop *loop);	  /* NULL is fine; closes no fd of others */

/** event_loop_add_fd() - watch @fd (borrowed, level-triggered); 0 or -errno (-EEXIST: already
 * watched). */
int event_loop_add_fd(struct event_loop *loop, int fd, uint32_t events, event_fd_fn *fn, void *arg);
int event_loop_modify_fd(struct event_loop *loop, int fd, uint32_t events); /* 0 or -errno */
void event_loop_remove_fd(struct event_loop *loop,
			  int fd); /* call before close(fd); unknown fd is fine */

/** event_loop_add_signal() - block @signo for the process and call @fn in the loop instead. */
int event_loop_add_signal(struct event_loop *loop, int signo, event_signal_fn *fn, void *arg);

void event_timer_init(struct event_timer *timer, event_timer_fn *fn, void *arg);
bool event_timer_is_armed(const struct event_timer *timer);
/** event_timer_set() - (re)arm: call once, @delay_ms from now. 0 or -ENOMEM. */
int event_timer_set(struct event_loop *loop, struct event_timer *timer, uint64_t delay_ms);
/** event_timer_set_at() - the same, when event_loop_now_ms() is @due_ms, or at once: those who
 * choose the same time for many timers pay for one wake-up. */
int event_timer_set_at(struct event_loop *loop, struct event_timer *timer, uint64_t due_ms);
/** event_timer_set_on_grid() - the same, at the last multiple of @grid_ms on the clock that is not
 * later than @delay_ms from now, or at once. */
int event_timer_set_on_grid(struct event_loop *loop, struct event_timer *timer, uint64_t delay_ms,
			    uint64_t grid_ms);
void event_timer_cancel(struct event_loop *loop, struct event_timer *timer);

uint64_t event_loop_now_ms(void); /* CLOCK_MONOTONIC */

/** event_loop_beat() - a handler that takes long says that it goes on. */
void event_loop_beat(struct event_loop *loop);
/** event_loop_silence_ms() - since the last call of a handler or event_loop_beat(); 0 while the
 * loop has nothing to do. For any thread. */
uint64_t event_loop_silence_ms(const struct event_loop *loop);

/** event_loop_run() - until event_loop_stop(); 0, or -errno when epoll fails. */
int event_loop_run(struct event_loop *loop);
void event_loop_stop(struct event_loop *loop);

#endif /* LIB_EVENT_LOOP_H */
