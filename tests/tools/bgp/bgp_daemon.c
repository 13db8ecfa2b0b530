/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_daemon.c: what a daemon costs: CPU time of its threads to the nanosecond (schedstat; the
 * clock ticks of stat are too coarse for a change of some microseconds) and memory.
 *
 * A daemon may be several processes, whose costs are added up.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/tools/bgp/bgp_link.h"

#define SETTLE_STEP_NS 50000000
#define SETTLE_IDLE_NS 500000 /* of CPU in a step: it is done */
#define SETTLE_STEPS   100

bool bgp_daemon_parse(const char *text, struct bgp_daemon *ret_daemon)
{
	char *end;

	*ret_daemon = (struct bgp_daemon){};
	do {
		long pid = strtol(text, &end, 10);

		if (pid <= 0 || end == text || ret_daemon->count == BGP_PIDS_MAX)
			return false;
		ret_daemon->pid[ret_daemon->count++] = (int)pid;
		text = end + 1;
	} while (*end == ',');
	return *end == '\0';
}

static uint64_t thread_ns(int pid, const char *thread)
{
	unsigned long long ns = 0;
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%.32s/schedstat", pid, thread);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	fclose(file);
	return ns;
}

static uint64_t process_ns(int pid)
{
	struct dirent *entry;
	uint64_t sum = 0;
	char path[64];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			sum += thread_ns(pid, entry->d_name);
	if (folder)
		closedir(folder);
	return sum;
}

uint64_t bgp_daemon_cpu_ns(const struct bgp_daemon *daemon)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < daemon->count; i++)
		sum += process_ns(daemon->pid[i]);
	return sum;
}

uint64_t bgp_daemon_settle(const struct bgp_daemon *daemon)
{
	const struct timespec step = { .tv_nsec = SETTLE_STEP_NS };
	uint64_t before = 0, now = bgp_daemon_cpu_ns(daemon);

	for (int i = 0; i < SETTLE_STEPS && now - before > SETTLE_IDLE_NS; i++) {
		before = now;
		nanosleep(&step, NULL);
		now = bgp_daemon_cpu_ns(daemon);
	}
	return now;
}

uint64_t bgp_daemon_kib(const struct bgp_daemon *daemon, const char *key)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < daemon->count; i++) {
		char path[64], line[256];
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", daemon->pid[i]);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (strncmp(line, key, strlen(key)) == 0)
				sum += strtoull(line + strlen(key), NULL, 10);
		if (file)
			fclose(file);
	}
	return sum;
}
