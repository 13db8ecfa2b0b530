/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnibench: time CNI ADD and DEL of one plugin as a runtime would call it.
 *
 *   cnibench PLUGIN CNI-PATH CONFIG-FILE COUNT AT-ONCE TAG [hold]
 *
 * Makes COUNT fresh network namespaces (outside the clock), then calls PLUGIN with ADD for each and
 * with DEL for each, AT-ONCE calls at a time (1: one after another). Runs in the namespace it was
 * started in, which is the node. Namespaces are held open by descriptor and named to the plugin as
 * /proc/PID/fd/N, so that nothing is left when this process dies.
 *
 * One JSON document: latencies in microseconds of ADD and DEL in the order of the calls, wall time
 * of all of each, CPU time a call, the largest RSS of a plugin process, and the number of failures
 * with the first failure's output. The ADDs are on the first line; with "hold" the DELs come when a
 * line arrives on stdin, so that the caller can look at a node full of pods. posix_spawn from this
 * small process keeps fork's cost and RSS out of the figures.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 2000

struct call {
	pid_t pid;
	uint64_t start_ns;
	uint64_t took_ns;
	int output_fd;
};

struct bench {
	char *plugin;
	const char *cni_path;
	const char *config;
	size_t count;
	size_t at_once;
	const char *tag;
	int *namespace_fd;
	struct call *calls;
	size_t failures;
	uint64_t cpu_ns;
	long rss_kib;
};

static void die(const char *what)
{
	fprintf(stderr, "cnibench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void make_namespaces(struct bench *bench)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (own < 0)
		die("own namespace");
	for (size_t i = 0; i < bench->count; i++) {
		if (unshare(CLONE_NEWNET))
			die("unshare");
		bench->namespace_fd[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (bench->namespace_fd[i] < 0 || setns(own, CLONE_NEWNET))
			die("namespace");
	}
	close(own);
}

static void spawn_call(struct bench *bench, const char *verb, size_t index)
{
	struct call *call = &bench->calls[index];
	posix_spawn_file_actions_t actions;
	char command[32], id[80], netns[64], path[1024];
	char ifname[] = "CNI_IFNAME=eth0";
	char *argv[] = { bench->plugin, NULL };
	char *envp[] = { command, id, netns, path, ifname, NULL };
	int error;

	snprintf(command, sizeof(command), "CNI_COMMAND=%s", verb);
	snprintf(id, sizeof(id), "CNI_CONTAINERID=bench-%s-%zu", bench->tag, index);
	snprintf(netns, sizeof(netns), "CNI_NETNS=/proc/%d/fd/%d", getpid(),
		 bench->namespace_fd[index]);
	snprintf(path, sizeof(path), "CNI_PATH=%s", bench->cni_path);
	call->output_fd = memfd_create("output", MFD_CLOEXEC);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, bench->config, O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, call->output_fd, 1);
	posix_spawn_file_actions_adddup2(&actions, call->output_fd, 2);
	call->start_ns = now_ns();
	error = posix_spawn(&call->pid, bench->plugin, &actions, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	if (error) {
		errno = error;
		die(bench->plugin);
	}
}

static void say_failure(struct bench *bench, struct call *call)
{
	char text[1024];
	ssize_t n = pread(call->output_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (!bench->failures++)
		fprintf(stderr, "cnibench: %s failed: %s\n", bench->plugin, text);
}

static void reap_call(struct bench *bench)
{
	struct rusage usage;
	int status;
	pid_t pid = wait4(-1, &status, 0, &usage);

	if (pid < 0)
		die("wait");
	for (size_t i = 0; i < bench->count; i++) {
		struct call *call = &bench->calls[i];

		if (call->pid != pid)
			continue;
		call->took_ns = now_ns() - call->start_ns;
		call->pid = 0;
		if (status)
			say_failure(bench, call);
		close(call->output_fd);
	}
	bench->cpu_ns += (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
			 (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
	if (usage.ru_maxrss > bench->rss_kib)
		bench->rss_kib = usage.ru_maxrss;
}

static void run_all(struct bench *bench, const char *verb)
{
	uint64_t start = now_ns();
	size_t running = 0;

	bench->cpu_ns = 0;
	for (size_t i = 0; i < bench->count; i++) {
		spawn_call(bench, verb, i);
		if (++running == bench->at_once) {
			reap_call(bench);
			running--;
		}
	}
	while (running--)
		reap_call(bench);
	start = now_ns() - start;
	printf("\"%s\": {\"all_ms\": %.2f, \"cpu_us\": %.0f, \"us\": [", verb, (double)start / 1e6,
	       (double)bench->cpu_ns / 1e3 / (double)bench->count);
	for (size_t i = 0; i < bench->count; i++)
		printf("%s%.0f", i ? ", " : "", (double)bench->calls[i].took_ns / 1e3);
	printf("]},\n");
	fflush(stdout);
}

/* A burst holds two descriptors a call. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		die("limit of descriptors");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	bool has_hold = argc == 8 && strcmp(argv[7], "hold") == 0;

	if (argc != 7 && !has_hold) {
		fprintf(stderr, "usage: cnibench PLUGIN CNI-PATH CONFIG-FILE COUNT AT-ONCE TAG "
				"[hold]\n");
		return 2;
	}
	bench.plugin = argv[1];
	bench.cni_path = argv[2];
	bench.config = argv[3];
	bench.count = (size_t)atoi(argv[4]);
	bench.at_once = (size_t)atoi(argv[5]);
	bench.tag = argv[6];
	if (!bench.count || bench.count > COUNT_MAX || !bench.at_once) {
		fprintf(stderr, "cnibench: COUNT is 1..%d, AT-ONCE at least 1\n", COUNT_MAX);
		return 2;
	}
	bench.namespace_fd = calloc(bench.count, sizeof(*bench.namespace_fd));
	bench.calls = calloc(bench.count, sizeof(*bench.calls));
	if (!bench.namespace_fd || !bench.calls)
		die("memory");
	alarm(300);
	raise_descriptors();
	make_namespaces(&bench);
	printf("{");
	run_all(&bench, "ADD");
	while (has_hold && getchar() != '\n' && !feof(stdin))
		;
	run_all(&bench, "DEL");
	printf("\"rss_kib\": %ld, \"failures\": %zu}\n", bench.rss_kib, bench.failures);
	free(bench.namespace_fd);
	free(bench.calls);
	return bench.failures ? 1 : 0;
}
