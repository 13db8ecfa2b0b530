/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of file_mark.c: is it the file that we put there?
 *
 * links: lib/file_mark.c
 */
#include "lib/file_mark.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/tortie-mark-XXXXXX";
static char path[sizeof(folder) + 8], other[sizeof(folder) + 8];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	return 0;
}

static int drop_folder(void **state)
{
	unlink(path);
	unlink(other);
	return rmdir(folder);
}

static void put(const char *where, const char *text)
{
	FILE *file = fopen(where, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void a_file_is_there_until_it_goes(void **state)
{
	struct file_mark mark;

	put(path, "a");
	mark = file_mark_take(path);
	assert_true(file_mark_is_there(&mark, path));
	assert_true(file_mark_is_untouched(&mark, path));
	assert_int_equal(unlink(path), 0);
	assert_false(file_mark_is_there(&mark, path));
	assert_false(file_mark_is_untouched(&mark, path));
}

static void what_is_written_into_it_touches_it(void **state)
{
	struct file_mark mark;

	put(path, "a");
	mark = file_mark_take(path);
	put(path, "ab");
	assert_true(file_mark_is_there(&mark, path));
	assert_false(file_mark_is_untouched(&mark, path));
}

/* Of the same size and in the same second. */
static void a_moment_later_is_another_time(void **state)
{
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct file_mark mark;

	put(path, "a");
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	mark = file_mark_take(path);
	assert_true(file_mark_is_untouched(&mark, path));
	times[1].tv_nsec = 4000000;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_false(file_mark_is_untouched(&mark, path));
}

static void another_file_in_its_place_is_not_it(void **state)
{
	struct file_mark mark;

	put(path, "a");
	put(other, "a");
	mark = file_mark_take(path);
	assert_int_equal(rename(other, path), 0);
	assert_false(file_mark_is_there(&mark, path));
	put(other, "a");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_false(file_mark_is_there(&mark, path));
}

static void where_none_was_none_is(void **state)
{
	struct file_mark mark;

	unlink(path);
	mark = file_mark_take(path);
	assert_false(file_mark_is_there(&mark, path));
	put(path, "a");
	assert_false(file_mark_is_there(&mark, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_there_until_it_goes),
		cmocka_unit_test(what_is_written_into_it_touches_it),
		cmocka_unit_test(a_moment_later_is_another_time),
		cmocka_unit_test(another_file_in_its_place_is_not_it),
		cmocka_unit_test(where_none_was_none_is),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
