/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sysctl.c: the kernel's own files, and plain ones for what the kernel does not do.
 *
 * links: lib/sysctl.c
 */
#include "lib/sysctl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/tortie-sysctl-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/n", folder);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static void put(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void the_kernels_numbers_are_read(void **state)
{
	int value = -1;

	assert_int_equal(sysctl_read_below(SYSCTL_ROOT, "kernel/pid_max", &value), 0);
	assert_true(value > 300);
	assert_int_equal(sysctl_read_below(SYSCTL_ROOT, "net/ipv4/no_such_thing", &value), -ENOENT);
	assert_int_equal(sysctl_read_below(SYSCTL_ROOT, "net/ipv4", &value), -EISDIR);
}

static void what_is_no_number_is_an_error_and_leaves_the_value(void **state)
{
	static const char *const bad[] = { "", "\n", "cubic\n", "99999999999\n" };
	int value = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i]);
		assert_int_equal(sysctl_read_below(folder, "n", &value), -EINVAL);
	}
	assert_int_equal(value, 7);
	put("32768\t60999\n"); /* as ip_local_port_range has it: the first */
	assert_int_equal(sysctl_read_below(folder, "n", &value), 0);
	assert_int_equal(value, 32768);
}

static void what_is_written_is_read_again(void **state)
{
	int value = 0;

	put("0\n");
	assert_int_equal(sysctl_write_below(folder, "n", 2), 0);
	assert_int_equal(sysctl_read_below(folder, "n", &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(sysctl_write_below(folder, "none", 2), -ENOENT);
}

static void a_path_that_is_too_long_is_an_error(void **state)
{
	char name[8192];
	int value;

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(sysctl_read_below(SYSCTL_ROOT, name, &value), -ENAMETOOLONG);
	assert_int_equal(sysctl_write_below(SYSCTL_ROOT, name, 1), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_numbers_are_read),
		cmocka_unit_test(what_is_no_number_is_an_error_and_leaves_the_value),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(a_path_that_is_too_long_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
