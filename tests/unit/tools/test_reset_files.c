/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of reset_files.c: reset removes files with names of ours and no others.
 *
 * links: tools/tortie/reset_files.c tools/tortie/say.c
 */
#include "tools/tortie/reset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* reset.c's lines, counted only: the rest of reset.c needs the whole tool. */
void reset_removed(struct reset_report *report, const char *format, ...)
{
	report->removed++;
}

void reset_failed(struct reset_report *report, const char *what, int err)
{
	report->failed++;
}

static void pins_of_ours_are_known_by_their_names(void **state)
{
	static const char *const ours[] = { "endpoint_v1",  "route_v12",       "drop_event_v2",
					    "route_v1_new", "from_network_12", "to_network_12",
					    "stack_vip_v3" };
	static const char *const others[] = {
		"endpoint",	  "endpoint_v",	   "endpoint_vx",	"route_v1x",
		"cali_v4_nat",	  "from_network_", "from_network_eth0", "to_network_v",
		"cilium_ipcache", "_v1",	   ".hidden_v1",	"Route_v1"
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		assert_true(reset_pin_is_ours(ours[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(reset_pin_is_ours(others[i]));
}

static void touch(const char *folder, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static bool is_there(const char *folder, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void run_files_of_others_stay_and_their_folder_too(void **state)
{
	char folder[] = "/tmp/tortie-reset-XXXXXX";
	struct reset_scope scope = { .run_dir = folder, .cni_dir = folder };
	struct reset_report report = { 0 };
	char path[256];

	assert_non_null(mkdtemp(folder));
	touch(folder, "ready");
	touch(folder, "agent.sock");
	touch(folder, "sshd.pid");
	reset_run_dir(&scope, &report);
	assert_int_equal(report.removed, 2);
	assert_false(is_there(folder, "ready"));
	assert_true(is_there(folder, "sshd.pid"));

	snprintf(path, sizeof(path), "%s/sshd.pid", folder);
	unlink(path);
	reset_run_dir(&scope, &report);
	assert_int_equal(report.removed, 3); /* the folder */
	assert_int_equal(access(folder, F_OK), -1);
	reset_run_dir(&scope, &report);
	assert_int_equal(report.removed, 3);
	assert_int_equal(report.failed, 0);
}

static void only_our_conflist_goes(void **state)
{
	char folder[] = "/tmp/tortie-reset-XXXXXX";
	struct reset_scope scope = { .cni_dir = folder };
	struct reset_report report = { 0 };
	char path[256];

	assert_non_null(mkdtemp(folder));
	touch(folder, "10-tortie.conflist");
	touch(folder, ".10-tortie.conflist.tmp");
	touch(folder, "10-calico.conflist");
	reset_conflist(&scope, &report);
	assert_int_equal(report.removed, 2);
	assert_true(is_there(folder, "10-calico.conflist"));
	snprintf(path, sizeof(path), "%s/10-calico.conflist", folder);
	unlink(path);
	rmdir(folder);
}

static void a_pin_folder_on_no_bpffs_is_refused(void **state)
{
	char folder[] = "/tmp/tortie-reset-XXXXXX";
	struct reset_scope scope = { .bpf_dir = folder };
	struct reset_report report = { 0 };
	char path[256];

	assert_non_null(mkdtemp(folder));
	touch(folder, "endpoint_v1");
	reset_pins(&scope, &report);
	assert_int_equal(report.failed, 1);
	assert_true(is_there(folder, "endpoint_v1"));
	snprintf(path, sizeof(path), "%s/endpoint_v1", folder);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pins_of_ours_are_known_by_their_names),
		cmocka_unit_test(run_files_of_others_stay_and_their_folder_too),
		cmocka_unit_test(only_our_conflist_goes),
		cmocka_unit_test(a_pin_folder_on_no_bpffs_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
