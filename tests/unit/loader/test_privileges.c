/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of privileges.c: what a process still may after it gave rights up. Each case runs in a
 * child of its own. Needs root.
 *
 * links: loader/privileges.c
 * libs: -lcap-ng
 */
#include "loader/privileges.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/capability.h>

#define BIT(capability) (1ull << (capability))
#define KEPT_FOR_GOOD	(BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_NET_BIND_SERVICE))

struct sets {
	uint64_t effective, permitted, inheritable;
};

static struct sets read_sets(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	memset(data, 0, sizeof(data));
	syscall(SYS_capget, &header, data);
	return (struct sets){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

/* The child's answer: 0 right, else the line that was wrong. */
#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			_exit(1); \
	} while (0)

static void run_child(void (*fn)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void keep_then_drop(void)
{
	struct sets sets;

	CHECK(privileges_keep_for_loading() == 0);
	sets = read_sets();
	CHECK(sets.effective == (KEPT_FOR_GOOD | BIT(CAP_PERFMON)));
	CHECK(sets.permitted == sets.effective && sets.inheritable == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(privileges_drop_loading() == 0);
	sets = read_sets();
	CHECK(sets.effective == KEPT_FOR_GOOD && sets.permitted == KEPT_FOR_GOOD);
	CHECK(privileges_drop_loading() == 0);
}

static void four_rights_are_kept_and_one_goes_after_loading(void **state)
{
	run_child(keep_then_drop);
}

static void try_forbidden_things(void)
{
	CHECK(privileges_keep_for_loading() == 0);
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
		int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

		CHECK(held == !!(KEPT_FOR_GOOD & BIT(capability)));
	}
	CHECK(setuid(65534) < 0 && errno == EPERM);
	CHECK(unshare(CLONE_NEWNS) < 0 && errno == EPERM);
	CHECK(chroot("/") < 0 && errno == EPERM);
}

static void nothing_else_is_possible_again(void **state)
{
	run_child(try_forbidden_things);
}

static void start_as_a_service(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	uint64_t wanted = KEPT_FOR_GOOD | BIT(CAP_PERFMON);
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)wanted, .permitted = (uint32_t)wanted },
		{ .effective = (uint32_t)(wanted >> 32), .permitted = (uint32_t)(wanted >> 32) },
	};
	char missing[128];

	/* As a unit with CapabilityBoundingSet starts us: no CAP_SETPCAP to cut anything. */
	CHECK(syscall(SYS_capset, &header, data) == 0);
	CHECK(privileges_missing(missing, sizeof(missing)) == 0);
	CHECK(privileges_join_group("root") == 0 || errno == EPERM);
	CHECK(privileges_keep_for_loading() == 0);
	CHECK(read_sets().effective == wanted);
	CHECK(privileges_drop_loading() == 0);
	CHECK(read_sets().effective == KEPT_FOR_GOOD);
}

static void a_service_with_just_these_rights_starts(void **state)
{
	run_child(start_as_a_service);
}

static void start_without_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	char missing[128];

	memset(data, 0, sizeof(data));
	data[0].effective = data[0].permitted = (uint32_t)BIT(CAP_NET_ADMIN);
	CHECK(syscall(SYS_capset, &header, data) == 0);
	CHECK(privileges_missing(missing, sizeof(missing)) == 2);
	CHECK(strcmp(missing, "CAP_BPF CAP_PERFMON") == 0);
}

static void what_is_missing_is_named(void **state)
{
	run_child(start_without_rights);
}

static void a_group_that_does_not_exist_is_told(void **state)
{
	assert_int_equal(privileges_join_group("tortie-no-such-group"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_rights_are_kept_and_one_goes_after_loading),
		cmocka_unit_test(nothing_else_is_possible_again),
		cmocka_unit_test(a_service_with_just_these_rights_starts),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(a_group_that_does_not_exist_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
