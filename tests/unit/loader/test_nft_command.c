/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of nft_command.c against the running kernel, in a network namespace of the test's own. A
 * FIFO that is included holds the library as long as a test wants.
 *
 * links: loader/nft_command.c lib/event_loop.c lib/timer_heap.c lib/sha1.c
 * libs: -lnftables
 */
#include "loader/nft_command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/event_loop.h"

#define LIST	     "list table inet t"
#define ELEMENTS     20000
#define GROWTH_KIB   2048 /* the command's own text among it */
#define SHORT_MS     1000
#define FIFO	     "rules"
#define INCLUDE_FIFO "include \"./" FIFO "\""

static struct event_loop *loop;
static char folder[] = "/tmp/test_nft_command.XXXXXX";
static char words[TEXT_MAX + 1];

static int set_up(void **state)
{
	if (unshare(CLONE_NEWNET) < 0 || !mkdtemp(folder) || chdir(folder) < 0 ||
	    mkfifo(FIFO, 0600) < 0)
		return -1;
	return event_loop_new(&loop);
}

static int tear_down(void **state)
{
	event_loop_free(loop);
	return unlink(FIFO) < 0 || rmdir(folder) < 0 ? -1 : 0;
}

static void run(const char *command)
{
	if (nft_command(loop, command, NULL, words) < 0)
		fail_msg("%s: %s", command, words);
}

static void digest_of(const char *command, uint8_t ret_digest[SHA1_OCTETS])
{
	assert_int_equal(nft_command(loop, command, ret_digest, words), 0);
}

static void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void a_command_is_in_force_and_its_output_is_told_by_digest(void **state)
{
	uint8_t first[SHA1_OCTETS], same[SHA1_OCTETS], other[SHA1_OCTETS];

	run("table inet t { set s { type ipv4_addr; }; }");
	digest_of(LIST, first);
	digest_of(LIST, same);
	assert_memory_equal(first, same, SHA1_OCTETS);
	run("add element inet t s { 192.0.2.1 }");
	digest_of(LIST, other);
	assert_memory_not_equal(first, other, SHA1_OCTETS);
	run("delete table inet t");
	assert_no_child();
}

static void a_command_that_is_refused_is_an_error_in_one_line(void **state)
{
	uint8_t digest[SHA1_OCTETS] = { 7 }, before[SHA1_OCTETS] = { 7 };

	assert_int_equal(nft_command(loop, LIST, digest, words), -EIO);
	assert_non_null(strstr(words, "No such file or directory"));
	assert_null(strchr(words, '\n'));
	assert_memory_equal(digest, before, SHA1_OCTETS);
	assert_int_equal(nft_command(loop, "nonsense", NULL, words), -EIO);
	assert_non_null(strstr(words, "syntax error"));
	assert_no_child();
}

static char *large_table(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fprintf(out, "table inet t { set s { type ipv4_addr; flags interval; elements = {");
	for (unsigned int i = 0; i < ELEMENTS; i++)
		fprintf(out, "%s10.%u.%u.0/25", i ? "," : "", i / 256, i % 256);
	fprintf(out, "}; }; }");
	assert_int_equal(fclose(out), 0);
	return text;
}

/* getrusage(2) tells that of the program before exec, too. */
static long own_peak_kib(void)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");
	long kib = -1;

	assert_non_null(status);
	while (kib < 0 && fgets(line, sizeof(line), status))
		sscanf(line, "VmHWM: %ld", &kib);
	fclose(status);
	return kib;
}

/* The library takes more than ten times as much. */
static void a_large_table_costs_the_caller_no_memory(void **state)
{
	long before = own_peak_kib();
	uint8_t digest[SHA1_OCTETS];
	char *table = large_table();
	struct rusage children;

	run(table);
	free(table);
	digest_of(LIST, digest);
	assert_in_range(own_peak_kib() - before, 0, GROWTH_KIB);
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &children), 0);
	assert_true(children.ru_maxrss > 10L * GROWTH_KIB);
	run("delete table inet t");
}

/* With the pipe as 0 and 3 the library has no descriptor left for its netlink socket. */
static _Noreturn void be_caller_without_descriptors(void)
{
	const struct rlimit few = { .rlim_cur = 4, .rlim_max = 4 };

	close(0);
	close_range(3, ~0u, 0);
	if (setrlimit(RLIMIT_NOFILE, &few) < 0)
		_exit(2);
	if (nft_command(loop, LIST, NULL, words) != -EIO)
		_exit(3);
	_exit(strstr(words, "ended its process with status") ? 0 : 4);
}

static void a_library_that_ends_its_process_is_an_error(void **state)
{
	pid_t caller = fork();
	int status;

	if (caller == 0)
		be_caller_without_descriptors();
	assert_int_equal(waitpid(caller, &status, 0), caller);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_no_child();
}

struct held {
	int err;
	uint64_t silence_ms;
};

static void run_held(void *arg)
{
	struct held *held = arg;

	held->err = nft_command_within(loop, SHORT_MS, INCLUDE_FIFO, NULL, words);
	held->silence_ms = event_loop_silence_ms(loop);
	event_loop_stop(loop);
}

static void a_library_that_hangs_is_ended_and_the_loop_goes_on_meanwhile(void **state)
{
	struct held held = { 0 };
	struct event_timer timer;

	event_timer_init(&timer, run_held, &held);
	assert_int_equal(event_timer_set(loop, &timer, 0), 0);
	assert_int_equal(event_loop_run(loop), 0);
	assert_int_equal(held.err, -EIO);
	assert_string_equal(words, "libnftables did not end within 1 s");
	assert_true(held.silence_ms < SHORT_MS);
	assert_no_child();
}

/* The caller's child becomes ours when the caller is gone. */
static void a_killed_caller_leaves_no_process(void **state)
{
	int status, writer;
	pid_t caller, ended;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	caller = fork();
	if (caller == 0)
		_exit(nft_command(loop, INCLUDE_FIFO, NULL, words) < 0);
	do
		writer = open(FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	while (writer < 0 && errno == ENXIO && usleep(1000) == 0); /* until the library reads */
	assert_true(writer >= 0);
	assert_int_equal(kill(caller, SIGKILL), 0);
	assert_int_equal(waitpid(caller, &status, 0), caller);
	close(writer); /* a library that lives ends now, by itself */
	ended = waitpid(-1, &status, 0);
	assert_true(ended > 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_no_child();
}

/* Is one of @child's descriptors the file at @path? */
static bool has_open(pid_t child, const char *path)
{
	char name[64], target[256];
	struct dirent *entry;
	bool found = false;
	ssize_t len;
	DIR *list;

	snprintf(name, sizeof(name), "/proc/%d/fd", child);
	list = opendir(name);
	assert_non_null(list);
	while ((entry = readdir(list))) {
		len = readlinkat(dirfd(list), entry->d_name, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		found = found || strcmp(target, path) == 0;
	}
	closedir(list);
	return found;
}

static pid_t child_of(pid_t parent)
{
	char name[64];
	pid_t child = -1;
	FILE *list;

	snprintf(name, sizeof(name), "/proc/%d/task/%d/children", parent, parent);
	list = fopen(name, "re");
	assert_non_null(list);
	assert_int_equal(fscanf(list, "%d", &child), 1);
	fclose(list);
	return child;
}

/* What a killed caller has locked is free at once, and who connects to it is refused. */
static void the_library_gets_nothing_of_what_the_caller_has_open(void **state)
{
	int status, writer, lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t caller;

	assert_true(lock >= 0);
	caller = fork();
	if (caller == 0)
		_exit(nft_command(loop, INCLUDE_FIFO, NULL, words) < 0);
	do
		writer = open(FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	while (writer < 0 && errno == ENXIO && usleep(1000) == 0); /* until the library reads */
	assert_true(writer >= 0);
	assert_true(has_open(caller, folder));
	assert_false(has_open(child_of(caller), folder));
	close(writer);
	assert_int_equal(waitpid(caller, &status, 0), caller);
	close(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_in_force_and_its_output_is_told_by_digest),
		cmocka_unit_test(a_command_that_is_refused_is_an_error_in_one_line),
		cmocka_unit_test(a_large_table_costs_the_caller_no_memory),
		cmocka_unit_test(a_library_that_ends_its_process_is_an_error),
		cmocka_unit_test(a_library_that_hangs_is_ended_and_the_loop_goes_on_meanwhile),
		cmocka_unit_test(the_library_gets_nothing_of_what_the_caller_has_open),
		cmocka_unit_test(a_killed_caller_leaves_no_process),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
