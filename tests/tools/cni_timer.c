/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cni_timer.c: stands in for a CNI plugin, runs the real one (the same path with ".timed" behind)
 * and notes how long that took, so that two networks can be compared under the same runtime.
 *
 * A line for each call goes to /var/log/cni-times: "CONTAINER COMMAND PLUGIN MICROSECONDS STATUS".
 * Standard input, output, environment and exit status are the real plugin's.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOG "/var/log/cni-times"

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : "-";
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	int64_t begin = now_us();
	char real[4096];
	int status, fd;
	pid_t child;

	snprintf(real, sizeof(real), "%s.timed", argv[0]);
	child = fork();
	if (child == 0) {
		argv[0] = real;
		execv(real, argv);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return 127;
	fd = open(LOG, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (fd >= 0)
		dprintf(fd, "%s %s %s %lld %d\n", environment("CNI_CONTAINERID"),
			environment("CNI_COMMAND"), slash ? slash + 1 : argv[0],
			(long long)(now_us() - begin), status);
	return status;
}
