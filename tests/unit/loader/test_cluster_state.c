/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cluster_state.c: the cluster's document as a file.
 *
 * links: loader/cluster_state.c
 */
#include "loader/cluster_state.h"

#include <errno.h>
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

#include "lib/config.h"

#define TEXT "node: {name: n1, addresses: [10.77.0.11]}\n"

static void path_in(const char *folder, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", folder, name);
}

static int make_folder(void **state)
{
	char *folder = strdup("/tmp/tortie-state-XXXXXX");

	*state = folder;
	return folder && mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	free(*state);
	return system(command);
}

static void the_file_is_written_with_its_folder_and_read_again(void **state)
{
	char path[128], *data = NULL;
	struct stat file;
	size_t len = 0;

	path_in(*state, "a/b/cluster.yaml", path);
	assert_int_equal(cluster_state_load(path, &data, &len), -ENOENT);
	assert_int_equal(cluster_state_save(path, "old", 3), 0);
	assert_int_equal(cluster_state_save(path, TEXT, strlen(TEXT)), 0);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 07777, 0600);
	assert_int_equal(cluster_state_load(path, &data, &len), 0);
	assert_int_equal(len, strlen(TEXT));
	assert_memory_equal(data, TEXT, len);
	free(data);
	path_in(*state, "a/b/cluster.yaml.new", path);
	assert_int_equal(access(path, F_OK), -1);
}

static void what_an_agent_left_half_written_is_in_nobodys_way(void **state)
{
	char path[128], fresh[128], target[128];

	path_in(*state, "cluster.yaml", path);
	path_in(*state, "cluster.yaml.new", fresh);
	path_in(*state, "elsewhere", target);
	assert_int_equal(symlink(target, fresh), 0);
	assert_int_equal(cluster_state_save(path, TEXT, strlen(TEXT)), 0);
	assert_int_equal(access(target, F_OK), -1);
}

static void a_file_that_others_could_have_written_is_not_read(void **state)
{
	char path[128], link_path[128], *data = NULL;
	size_t len = 0;

	path_in(*state, "cluster.yaml", path);
	path_in(*state, "link", link_path);
	assert_int_equal(cluster_state_save(path, TEXT, strlen(TEXT)), 0);
	assert_int_equal(symlink(path, link_path), 0);
	assert_int_equal(cluster_state_load(link_path, &data, &len), -ELOOP);
	assert_int_equal(chmod(path, 0660), 0);
	assert_int_equal(cluster_state_load(path, &data, &len), -EPERM);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(cluster_state_load(path, &data, &len), -EPERM);
	assert_int_equal(cluster_state_load(*state, &data, &len), -EPERM);
	assert_null(data);
}

static void an_empty_file_is_refused(void **state)
{
	char path[128], *data = NULL;
	size_t len = 0;

	path_in(*state, "cluster.yaml", path);
	assert_int_equal(cluster_state_save(path, "", 0), 0);
	assert_int_equal(cluster_state_load(path, &data, &len), -EFBIG);
}

static void the_largest_document_is_read_and_no_larger_one(void **state)
{
	char path[128], *data = NULL;
	size_t len = 0;

	path_in(*state, "cluster.yaml", path);
	assert_int_equal(cluster_state_save(path, TEXT, strlen(TEXT)), 0);
	assert_int_equal(truncate(path, CONFIG_DOCUMENT_MAX), 0);
	assert_int_equal(cluster_state_load(path, &data, &len), 0);
	assert_int_equal(len, CONFIG_DOCUMENT_MAX);
	free(data);
	assert_int_equal(truncate(path, CONFIG_DOCUMENT_MAX + 1), 0);
	assert_int_equal(cluster_state_load(path, &data, &len), -EFBIG);
}

static void what_cannot_take_its_name_is_removed(void **state)
{
	char path[128], fresh[128];

	path_in(*state, "folder", path);
	path_in(*state, "folder.new", fresh);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(cluster_state_save(path, TEXT, strlen(TEXT)), -EISDIR);
	assert_int_equal(access(fresh, F_OK), -1);
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
	char path[128];

	path_in(*state, "file", path);
	assert_int_equal(cluster_state_save(path, "x", 1), 0);
	path_in(*state, "file/cluster.yaml", path);
	assert_int_equal(cluster_state_save(path, TEXT, strlen(TEXT)), -ENOTDIR);
}

#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(the_file_is_written_with_its_folder_and_read_again),
		FOLDER_TEST(what_an_agent_left_half_written_is_in_nobodys_way),
		FOLDER_TEST(a_file_that_others_could_have_written_is_not_read),
		FOLDER_TEST(an_empty_file_is_refused),
		FOLDER_TEST(the_largest_document_is_read_and_no_larger_one),
		FOLDER_TEST(what_cannot_take_its_name_is_removed),
		FOLDER_TEST(a_folder_that_cannot_be_made_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
