/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of delete_note.c.
 *
 * links: lib/delete_note.c lib/pod_ifname.c lib/sha1.c
 */
#include "lib/delete_note.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/pod_ifname.h"

static char run_dir[] = "/tmp/tortie-note-XXXXXX";
static char folder[sizeof(run_dir) + 16];

static int make_run_dir(void **state)
{
	if (mkdtemp(run_dir) == NULL)
		return -1;
	snprintf(folder, sizeof(folder), "%s/deletes", run_dir);
	return 0;
}

static int remove_run_dir(void **state)
{
	return rmdir(run_dir);
}

/* The names in the folder, of which there must be one or none. */
static size_t count_files(char *ret_name, size_t size)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(ret_name, size, "%s", entry->d_name);
		count++;
	}
	closedir(dir);
	return count;
}

static void a_note_is_two_lines_under_the_host_ends_name(void **state)
{
	char name[256], expected[IFNAME_MAX + 1], text[64] = "";
	int dir_fd = delete_note_folder(run_dir, true), fd;

	assert_true(dir_fd >= 0);
	pod_ifname("abc", "eth0", expected);
	for (int i = 0; i < 2; i++) { /* the second time over the first one's */
		assert_int_equal(delete_note_write(dir_fd, "abc", "eth0"), 0);
		assert_int_equal(count_files(name, sizeof(name)), 1);
		assert_string_equal(name, expected);
	}
	fd = openat(dir_fd, expected, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 9);
	assert_string_equal(text, "abc\neth0\n");
	close(fd);
	assert_int_equal(unlinkat(dir_fd, expected, 0), 0);
	close(dir_fd);
	assert_int_equal(rmdir(folder), 0);
}

static void a_note_that_cannot_be_placed_leaves_nothing(void **state)
{
	char name[256], expected[IFNAME_MAX + 1];
	int dir_fd = delete_note_folder(run_dir, true);

	assert_true(dir_fd >= 0);
	pod_ifname("abc", "eth0", expected);
	assert_int_equal(mkdirat(dir_fd, expected, 0700), 0);
	assert_int_equal(delete_note_write(dir_fd, "abc", "eth0"), -EISDIR);
	assert_int_equal(count_files(name, sizeof(name)), 1);
	assert_int_equal(unlinkat(dir_fd, expected, AT_REMOVEDIR), 0);
	close(dir_fd);
	assert_int_equal(rmdir(folder), 0);
}

static void a_folder_is_made_where_it_may_be_and_no_link_is_followed(void **state)
{
	assert_int_equal(delete_note_folder(run_dir, false), -ENOENT);
	assert_int_equal(delete_note_folder("/nonexistent", true), -ENOENT);
	assert_int_equal(symlink("/tmp", folder), 0);
	assert_int_equal(delete_note_folder(run_dir, true), -ENOTDIR);
	assert_int_equal(unlink(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_is_two_lines_under_the_host_ends_name),
		cmocka_unit_test(a_note_that_cannot_be_placed_leaves_nothing),
		cmocka_unit_test(a_folder_is_made_where_it_may_be_and_no_link_is_followed),
	};

	return cmocka_run_group_tests(tests, make_run_dir, remove_run_dir);
}
