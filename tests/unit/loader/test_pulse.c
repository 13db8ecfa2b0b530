/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pulse.c: what visitors of alive.sock are told, against proc_pid_stat(5) and a real loop.
 *
 * links: loader/pulse.c
 * links: lib/event_loop.c lib/timer_heap.c lib/unix_socket.c lib/log.c lib/file_mark.c
 * libs: -lpthread
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent_protocol.h"
#include "lib/event_loop.h"
#include "lib/unix_socket.h"
#include "loader/agent.h"
#include "loader/helper_thread.h"
#include "loader/pulse.h"

#define HELD_MS 30

struct bed {
	struct agent agent;
	struct pulse *pulse;
	char run_dir[64];
	uint32_t told_ms, told_after_beat_ms;
};

/* pthread_create(3): EAGAIN, "Insufficient resources to create another thread". */
static bool lacks_threads;

int helper_thread_start(pthread_t *ret_thread, size_t stack_octets, void *(*fn)(void *), void *arg)
{
	return lacks_threads ? -EAGAIN : -pthread_create(ret_thread, NULL, fn, arg);
}

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	snprintf(bed->run_dir, sizeof(bed->run_dir), "/tmp/test-pulse-XXXXXX");
	assert_non_null(mkdtemp(bed->run_dir));
	bed->agent.run_dir = bed->run_dir;
	assert_int_equal(event_loop_new(&bed->agent.loop), 0);
	assert_int_equal(pulse_open(&bed->agent, &bed->pulse), 0);
	*state = bed;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *bed = *state;

	pulse_close(bed->pulse);
	event_loop_free(bed->agent.loop);
	assert_int_equal(rmdir(bed->run_dir), 0);
	free(bed);
	return 0;
}

static uint32_t ask(const struct bed *bed)
{
	struct {
		struct message_header header;
		struct msg_cni_alive alive;
	} message;
	char path[108];
	int fd;

	snprintf(path, sizeof(path), "%s/alive.sock", bed->run_dir);
	fd = unix_socket_connect_timeout(path, 5000);
	assert_true(fd >= 0);
	assert_int_equal(unix_socket_receive(fd, &message, sizeof(message), NULL, 0, NULL),
			 sizeof(message));
	assert_int_equal(message.header.type, MSG_CNI_ALIVE);
	assert_int_equal(message.header.length, sizeof(message));
	close(fd);
	return message.alive.silence_ms;
}

static void visit_while_held(void *arg)
{
	struct bed *bed = arg;

	poll(NULL, 0, HELD_MS);
	bed->told_ms = ask(bed);
	event_loop_beat(bed->agent.loop);
	bed->told_after_beat_ms = ask(bed);
	event_loop_stop(bed->agent.loop);
}

static void a_handler_that_takes_long_is_told_with_its_time(void **state)
{
	struct bed *bed = *state;
	struct event_timer timer;

	event_timer_init(&timer, visit_while_held, bed);
	assert_int_equal(event_timer_set(bed->agent.loop, &timer, 0), 0);
	assert_int_equal(event_loop_run(bed->agent.loop), 0);
	assert_true(bed->told_ms >= HELD_MS);
	assert_true(bed->told_after_beat_ms < bed->told_ms);
}

static void visitors_who_do_not_listen_hold_up_nobody(void **state)
{
	struct bed *bed = *state;
	char path[108];
	int fd[200];

	snprintf(path, sizeof(path), "%s/alive.sock", bed->run_dir);
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		fd[i] = unix_socket_connect_timeout(path, 5000);
		assert_true(fd[i] >= 0);
	}
	ask(bed);
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		close(fd[i]);
	ask(bed);
}

static void a_socket_that_was_removed_is_made_again_as_soon_as_there_is_a_thread(void **state)
{
	struct bed *bed = *state;
	char path[108];

	snprintf(path, sizeof(path), "%s/alive.sock", bed->run_dir);
	assert_int_equal(unlink(path), 0);
	lacks_threads = true;
	pulse_restore(bed->pulse);
	pulse_restore(bed->pulse);
	lacks_threads = false;
	pulse_restore(bed->pulse);
	ask(bed);
}

/* proc_pid_stat(5): "(3) state %c ... D Waiting in uninterruptible disk sleep". */
static void a_call_that_the_kernel_holds_is_no_silence(void **state)
{
	assert_int_equal(pulse_silence_ms(60000, 'D'), 0);
	assert_int_equal(pulse_silence_ms(60000, 'S'), 60000);
	assert_int_equal(pulse_silence_ms(60000, 'R'), 60000);
	assert_int_equal(pulse_silence_ms(60000, '\0'), 60000);
	assert_int_equal(pulse_silence_ms(1ull << 40, 'R'), UINT32_MAX);
}

static void the_state_stands_behind_the_last_bracket(void **state)
{
	assert_int_equal(pulse_task_state("4711 (tortied) D 1 4711 4711 0 -1"), 'D');
	assert_int_equal(pulse_task_state("4711 (a) R) S 1 4711"), 'S');
	assert_int_equal(pulse_task_state("4711 (tortied)"), '\0');
	assert_int_equal(pulse_task_state("4711 (tortied) "), '\0');
	assert_int_equal(pulse_task_state(""), '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_handler_that_takes_long_is_told_with_its_time,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(visitors_who_do_not_listen_hold_up_nobody, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_socket_that_was_removed_is_made_again_as_soon_as_there_is_a_thread,
			set_up, tear_down),
		cmocka_unit_test(a_call_that_the_kernel_holds_is_no_silence),
		cmocka_unit_test(the_state_stands_behind_the_last_bracket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
