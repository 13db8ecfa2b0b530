/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pulse.c: the helper thread that says whether the agent works or hangs.
 *
 * Why a thread: all requests of runtimes are carried out one after another by the loop, and the
 * loop itself may sit in one system call for seconds, when the kernel's lock of links is held by
 * others (a node that starts or ends pods by the hundred). A plugin whose request waits behind that
 * must wait, too; one whose agent is frozen or hangs must give up early. From the loop's silence
 * the two cannot be told apart, so somebody else must speak.
 *
 * What is told is the time since the loop last made progress (event_loop_silence_ms()), or 0 when
 * the kernel holds its thread in a call that cannot be interrupted: there it is not the agent that
 * hangs, and the call comes to its end. A frozen process does not answer at all.
 *
 * A visitor gets its one message and is let go; nothing is read, so nobody can hold the thread. It
 * shares nothing with the loop but the loop's own note.
 */
#include "loader/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent_protocol.h"
#include "lib/event_loop.h"
#include "lib/file_mark.h"
#include "lib/log.h"
#include "lib/unix_socket.h"
#include "loader/agent.h"
#include "loader/helper_thread.h"
#include "node_objects.h"

#define STACK_OCTETS	(64 * 1024)
#define SOCKET_PATH_MAX 108 /* unix(7) */
#define STAT_OCTETS	512
#define RETRY_MS	100

struct pulse {
	pthread_t thread;
	const struct event_loop *loop;
	int event_fd; /* readable: the thread is to end */
	int listen_fd;
	bool is_running; /* the thread */
	bool has_complained;
	struct file_mark mark; /* of the socket's file */
	char path[SOCKET_PATH_MAX];
	char stat_path[64]; /* of the loop's thread */
};

uint32_t pulse_silence_ms(uint64_t silence_ms, char task_state)
{
	if (task_state == 'D')
		return 0;
	return silence_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)silence_ms;
}

/* "PID (NAME) STATE ...": the name may hold anything, so its last bracket counts. */
char pulse_task_state(const char *stat)
{
	const char *end = strrchr(stat, ')');

	return end != NULL && end[1] == ' ' ? end[2] : '\0';
}

static char read_task_state(const char *path)
{
	char text[STAT_OCTETS];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return '\0';
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return '\0';
	text[len] = '\0';
	return pulse_task_state(text);
}

static void answer_visitor(const struct pulse *pulse)
{
	struct {
		struct message_header header;
		struct msg_cni_alive alive;
	} message = { .header = { .type = MSG_CNI_ALIVE, .length = sizeof(message) } };
	uint64_t silence_ms = event_loop_silence_ms(pulse->loop);
	uid_t uid;
	gid_t gid;
	pid_t pid;
	int fd = unix_socket_accept(pulse->listen_fd, &uid, &gid, &pid);

	if (fd < 0) {
		if (fd != -EAGAIN && fd != -EINTR)
			poll(NULL, 0, RETRY_MS); /* out of descriptors: the visitor stays */
		return;
	}
	message.alive.silence_ms = pulse_silence_ms(
		silence_ms, silence_ms > 0 ? read_task_state(pulse->stat_path) : '\0');
	unix_socket_send(fd, &message, sizeof(message), NULL, 0);
	close(fd);
}

static void *pulse_main(void *arg)
{
	const struct pulse *pulse = arg;
	struct pollfd ready[] = {
		{ .fd = pulse->event_fd, .events = POLLIN },
		{ .fd = pulse->listen_fd, .events = POLLIN },
	};

	for (;;) {
		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (ready[0].revents)
			return NULL;
		if (ready[1].revents)
			answer_visitor(pulse);
	}
}

static int start_thread(struct pulse *pulse)
{
	int err = helper_thread_start(&pulse->thread, STACK_OCTETS, pulse_main, pulse);

	pulse->is_running = err == 0;
	return err;
}

static void stop_thread(struct pulse *pulse)
{
	uint64_t count = 1;

	if (!pulse->is_running)
		return;
	while (write(pulse->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	pthread_join(pulse->thread, NULL);
	pulse->is_running = false;
	while (read(pulse->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

int pulse_open(struct agent *agent, struct pulse **ret_pulse)
{
	struct pulse *pulse = calloc(1, sizeof(*pulse));
	int err = -ENOMEM;

	if (pulse == NULL)
		goto err_say;
	pulse->loop = agent->loop;
	snprintf(pulse->stat_path, sizeof(pulse->stat_path), "/proc/self/task/%d/stat",
		 (int)gettid());
	snprintf(pulse->path, sizeof(pulse->path), "%s/" ALIVE_SOCKET_NAME ".sock", agent->run_dir);
	pulse->event_fd = eventfd(0, EFD_CLOEXEC);
	if (pulse->event_fd < 0) {
		err = -errno;
		goto err_free;
	}
	pulse->listen_fd = unix_socket_listen(pulse->path, 0600, (gid_t)-1);
	if (pulse->listen_fd < 0) {
		err = pulse->listen_fd;
		goto err_close_event;
	}
	pulse->mark = file_mark_take(pulse->path);
	err = start_thread(pulse);
	if (err < 0)
		goto err_close_listen;
	*ret_pulse = pulse;
	return 0;

err_close_listen:
	close(pulse->listen_fd);
	unlink(pulse->path);
err_close_event:
	close(pulse->event_fd);
err_free:
	free(pulse);
err_say:
	log_error(ALIVE_SOCKET_NAME ".sock: cannot be served: %s", strerror(-err));
	return err;
}

/* The thread may not see its socket change. */
static int exchange_socket(struct pulse *pulse)
{
	int fd = unix_socket_listen(pulse->path, 0600, (gid_t)-1);

	if (fd < 0)
		return fd;
	stop_thread(pulse);
	close(pulse->listen_fd);
	pulse->listen_fd = fd;
	pulse->mark = file_mark_take(pulse->path);
	return start_thread(pulse);
}

void pulse_restore(struct pulse *pulse)
{
	bool is_there = file_mark_is_there(&pulse->mark, pulse->path);
	int err;

	if (pulse->is_running && is_there)
		return;
	/* A socket of ours that only lacks its thread would be taken for another agent's. */
	err = is_there ? start_thread(pulse) : exchange_socket(pulse);
	if (err == 0)
		log_warning("%s: was removed by somebody; made again", pulse->path);
	else if (!pulse->has_complained)
		log_error("%s: was removed by somebody and cannot be made again: %s", pulse->path,
			  strerror(-err));
	pulse->has_complained = err < 0;
}

void pulse_close(struct pulse *pulse)
{
	if (pulse == NULL)
		return;
	stop_thread(pulse);
	close(pulse->listen_fd);
	if (file_mark_is_there(&pulse->mark, pulse->path))
		unlink(pulse->path);
	close(pulse->event_fd);
	free(pulse);
}
