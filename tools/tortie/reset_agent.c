/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset_agent.c: end a running agent, and be sure that it has ended.
 *
 * Where systemd runs it, the service is stopped first: the unit would start an agent that ended by
 * our order again. An agent that then still answers (started by hand, in a container, in a test) is
 * asked itself:
 *
 * MSG_SHUTDOWN with reset set tells it to put nothing back and to go. Its socket closing is not yet
 * its end, so the process is watched: SO_PEERCRED of the connection names it, a pidfd becomes
 * readable when it is gone. Afterwards any tortied that still lives in this network namespace (with
 * another run folder, or stopped and not answering) is an error: it would undo the reset. A
 * tortie-bgpd that lives on is only told about: it holds nothing of the kernel's, but goes on
 * announcing this node's blocks.
 */
#include "tools/tortie/reset.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/config.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"

#define AGENT_END_MS 10000

/* A pidfd of the process at the other end; -1 when the kernel does not tell. */
static int agent_pidfd(int fd)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.pid <= 0)
		return -1;
	return (int)syscall(SYS_pidfd_open, peer.pid, 0);
}

static int agent_wait(struct request *request, int pidfd)
{
	struct pollfd wait = { .fd = pidfd >= 0 ? pidfd : request->client.fd, .events = POLLIN };
	int ready;

	do {
		ready = poll(&wait, 1, AGENT_END_MS);
	} while (ready < 0 && errno == EINTR);
	if (ready > 0)
		return 0;
	say_error("tortied: does not end (systemctl stop tortied, or kill it, then reset again)");
	return -ETIMEDOUT;
}

/* 1: one was ended, 0: none answers, -errno: said. */
static int agent_end(const struct reset_scope *scope)
{
	const struct msg_shutdown shutdown = { .reset = 1 };
	const struct request_question question = { MSG_SHUTDOWN, &shutdown, sizeof(shutdown) };
	struct request request;
	int err, pidfd;

	err = request_open(&request, scope->run_dir, REQUEST_TIMEOUT_MS);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return 0;
	if (err < 0) {
		request_say_error(scope->run_dir, err);
		return err;
	}
	pidfd = agent_pidfd(request.client.fd);
	err = request_run(&request, &question, NULL, NULL);
	if (err == 0)
		err = agent_wait(&request, pidfd);
	if (pidfd >= 0)
		close(pidfd);
	request_close(&request);
	return err < 0 ? err : 1;
}

/* Text of /proc/PID/NAME, its newline cut; "" when the process is gone. */
static void proc_read(const char *pid, const char *name, char *text, size_t size)
{
	char path[300];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, size - 1);
		close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* Is @pid in our network namespace? A zombie has none any more. */
static bool proc_is_near(const char *pid)
{
	char path[300], theirs[64], ours[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	len = readlink(path, theirs, sizeof(theirs));
	return len > 0 && readlink("/proc/self/ns/net", ours, sizeof(ours)) == len &&
	       memcmp(theirs, ours, (size_t)len) == 0;
}

/* The first process called @name in this network namespace, as text; "" when there is none. */
static void proc_find(const char *name, char *ret_pid, size_t size)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	char comm[32];

	ret_pid[0] = '\0';
	while (dir && (entry = readdir(dir)) && !ret_pid[0]) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		proc_read(entry->d_name, "comm", comm, sizeof(comm));
		if (strcmp(comm, name) == 0 && proc_is_near(entry->d_name))
			snprintf(ret_pid, size, "%.20s", entry->d_name);
	}
	if (dir)
		closedir(dir);
}

/* Exit status of `systemctl VERB UNIT`, -1 when it cannot be run. */
static int systemctl(const char *verb, const char *unit)
{
	char name[] = "systemctl", quiet[] = "--quiet", verb_word[16], unit_word[32];
	char *argv[] = { name, quiet, verb_word, unit_word, NULL };
	posix_spawn_file_actions_t silence;
	int err, status = -1;
	pid_t pid;

	snprintf(verb_word, sizeof(verb_word), "%s", verb);
	snprintf(unit_word, sizeof(unit_word), "%s", unit);
	fflush(stdout);
	if (posix_spawn_file_actions_init(&silence) != 0)
		return -1;
	/* A unit that is not installed is no news. */
	err = posix_spawn_file_actions_addopen(&silence, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (err == 0)
		err = posix_spawnp(&pid, name, &silence, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&silence);
	if (err != 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The services work in the default run folder; an agent of another folder is none of them. */
static void services_stop(const struct reset_scope *scope, struct reset_report *report)
{
	static const char *const units[] = { "tortie-bgpd.service", "tortied.service" };

	if (access("/run/systemd/system", F_OK) != 0 ||
	    strcmp(scope->run_dir, CONFIG_RUN_DIR_DEFAULT) != 0)
		return;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		/* 0 active, 3 inactive, failed, or on its way up or down: stopped is stopped. */
		bool was_active = systemctl("is-active", units[i]) == 0;
		int status = systemctl("stop", units[i]);

		if (was_active && status == 0) {
			printf("stopped %s (systemctl disable keeps it away)\n", units[i]);
			report->removed++;
		} else if (was_active) {
			say_error("%s: systemctl cannot stop it", units[i]);
		}
	}
}

int reset_agent_end(const struct reset_scope *scope, struct reset_report *report)
{
	char pid[32];
	int err;

	services_stop(scope, report);
	err = agent_end(scope);
	if (err < 0)
		return err;
	if (err > 0) {
		printf("ended tortied\n");
		report->removed++;
	}
	proc_find("tortied", pid, sizeof(pid));
	if (pid[0]) {
		say_error("tortied: process %s still runs in this network namespace and would put "
			  "things back (stop it, or give its --run-dir)",
			  pid);
		return -EBUSY;
	}
	proc_find("tortie-bgpd", pid, sizeof(pid));
	if (pid[0])
		say_error("tortie-bgpd: process %s still runs and announces this node's blocks "
			  "(systemctl stop tortie-bgpd)",
			  pid);
	return 0;
}
