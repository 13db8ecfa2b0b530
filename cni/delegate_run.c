/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegate_run.c: run one other CNI plugin: standard input in, standard output out, with a limit of
 * time and of octets.
 *
 * The child is its own process group, so that what it started is ended with it when time runs out.
 * Its end is a descriptor (pidfd) beside the two pipes in one poll(): a plugin that leaves a
 * daemon behind which holds the pipe open has answered all the same when it ends itself.
 *
 * CNI specification 1.1.0, section 4, "Plugin Delegation".
 */
#include "cni/delegate_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXEC_FAILED 127

/* A child and its ends. */
struct child {
	pid_t pid;
	int pid_fd;
	int in, out; /* -1: closed */
	size_t written;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int refuse(struct cni_error *error, unsigned int code, const struct delegate_run *run,
		  const char *what, const char *details)
{
	error->code = code;
	snprintf(error->msg, sizeof(error->msg), "ipam %s: %s", run->type, what);
	snprintf(error->details, sizeof(error->details), "%s", details);
	return -EINVAL;
}

static int find_program(const struct delegate_run *run, char path[DELEGATE_PATH_MAX + 1],
			struct cni_error *error)
{
	const char *dirs = getenv("CNI_PATH"), *at = dirs;
	struct stat st;

	if (dirs == NULL || dirs[0] == '\0')
		return refuse(error, CNI_ERROR_ENVIRONMENT, run,
			      "required environment variables missing: CNI_PATH",
			      "it lists the folders in which the program is looked for");
	while (*at != '\0') {
		size_t len = strcspn(at, ":");

		/* An empty entry would mean the current folder, whatever that is. */
		if (len > 0 && len + 1 + strlen(run->type) <= DELEGATE_PATH_MAX) {
			snprintf(path, DELEGATE_PATH_MAX + 1, "%.*s/%s", (int)len, at, run->type);
			if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0)
				return 0;
		}
		at += len;
		at += *at == ':';
	}
	refuse(error, CNI_ERROR_ENVIRONMENT, run, "no such program in CNI_PATH", "");
	snprintf(error->details, sizeof(error->details),
		 "looked in %.300s; install it there, or take ipam out of the configuration", dirs);
	return -ENOENT;
}

/* In the child: nothing returns from here. */
static void become(const struct delegate_run *run, const char *path, int in, int out)
{
	char *const argv[] = { (char *)(uintptr_t)path, NULL };

	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    (run->netns_fd < 0 || setns(run->netns_fd, CLONE_NEWNET) == 0) &&
	    setenv("CNI_COMMAND", run->command, 1) == 0)
		execv(path, argv);
	fprintf(stderr, "tortie-cni: %s: cannot be started: %s\n", path, strerror(errno));
	_exit(EXEC_FAILED);
}

static int start(const struct delegate_run *run, const char *path, struct child *ret)
{
	int in[2], out[2], err = 0;

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		err = -errno;
		goto close_in;
	}
	ret->pid = fork();
	if (ret->pid == 0)
		become(run, path, in[0], out[1]);
	if (ret->pid < 0) {
		err = -errno;
		close(out[0]);
		goto close_out;
	}
	setpgid(ret->pid, ret->pid); /* both do it: whoever is first */
	ret->pid_fd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	ret->in = in[1];
	ret->out = out[0];
	fcntl(ret->in, F_SETFL, O_NONBLOCK);
	fcntl(ret->out, F_SETFL, O_NONBLOCK);
close_out:
	close(out[1]);
close_in:
	close(in[0]);
	if (err < 0)
		close(in[1]);
	return err;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void feed(const struct delegate_run *run, struct child *child)
{
	ssize_t done =
		write(child->in, run->input + child->written, run->input_len - child->written);

	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (done > 0)
		child->written += (size_t)done;
	/* A plugin that does not read to the end (EPIPE) may know enough. */
	if (done < 0 || child->written == run->input_len)
		close_end(&child->in);
}

/* What the child has printed up to now; -E2BIG: too much. */
static int drain(struct child *child, struct delegate_output *output)
{
	for (;;) {
		ssize_t got = read(child->out, output->data + output->len,
				   DELEGATE_OUTPUT_MAX + 1 - output->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return 0;
		if (got <= 0) {
			close_end(&child->out);
			return 0;
		}
		output->len += (size_t)got;
		if (output->len > DELEGATE_OUTPUT_MAX)
			return -E2BIG;
	}
}

/* Talk to the child until it has ended. 0, -ETIMEDOUT, -E2BIG. */
static int talk(const struct delegate_run *run, struct child *child, struct delegate_output *output)
{
	int64_t end = now_ms() + DELEGATE_TIME_MS;

	for (;;) {
		struct pollfd fds[] = { { .fd = child->pid_fd, .events = POLLIN },
					{ .fd = child->out, .events = POLLIN },
					{ .fd = child->in, .events = POLLOUT } };
		int64_t left = end - now_ms();
		int err = 0;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 3, (int)left) < 0)
			continue;
		if (fds[2].revents != 0)
			feed(run, child);
		if (child->out >= 0 && (fds[1].revents != 0 || fds[0].revents != 0))
			err = drain(child, output);
		if (err < 0 || fds[0].revents != 0)
			return err;
	}
}

static int finish(struct child *child, int err)
{
	int status = 0;

	if (err < 0)
		kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	close_end(&child->in);
	close_end(&child->out);
	close_end(&child->pid_fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int delegate_run(const struct delegate_run *run, struct delegate_output *ret_output,
		 struct cni_error *ret_error)
{
	struct delegate_output output = { .data = malloc(DELEGATE_OUTPUT_MAX + 1) };
	char path[DELEGATE_PATH_MAX + 1];
	struct child child = { 0 };
	int err;

	if (output.data == NULL)
		return refuse(ret_error, CNI_ERROR_IO, run, "out of memory", "");
	err = find_program(run, path, ret_error);
	if (err < 0)
		goto err_free;
	err = start(run, path, &child);
	if (err == 0 && child.pid_fd < 0) {
		err = -ENOSYS;
		finish(&child, err);
	}
	if (err < 0) {
		refuse(ret_error, CNI_ERROR_IO, run, "cannot be started", strerror(-err));
		goto err_free;
	}
	err = talk(run, &child, &output);
	output.status = finish(&child, err);
	if (err == -ETIMEDOUT)
		refuse(ret_error, CNI_ERROR_TRY_LATER, run, "did not end within 10 seconds",
		       "it was ended; see what it waits for");
	else if (err < 0)
		refuse(ret_error, CNI_ERROR_IO, run, "printed more than 256 KiB", "it was ended");
	if (err < 0)
		goto err_free;
	*ret_output = output;
	return 0;

err_free:
	free(output.data);
	return err;
}
