/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sealed_text.c: what is taken as a document from another process, and what is not.
 *
 * links: lib/sealed_text.c
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/sealed_text.h"

#define TEXT "node: {name: n1}\n"
#define MAX  4096

static void a_text_arrives_whole_as_often_as_it_is_read(void **state)
{
	int fd = sealed_text_make(TEXT, strlen(TEXT));
	size_t len;
	char *data;

	assert_true(fd >= 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sealed_text_read(fd, strlen(TEXT), &data, &len), 0);
		assert_int_equal(len, strlen(TEXT));
		assert_string_equal(data, TEXT);
		free(data);
	}
	assert_int_equal(sealed_text_read(fd, strlen(TEXT) - 1, &data, &len), -EFBIG);
	close(fd);
}

static void nobody_can_change_it(void **state)
{
	int fd = sealed_text_make(TEXT, strlen(TEXT));

	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(fcntl(fd, F_GET_SEALS),
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	close(fd);
}

static void an_empty_text_is_one(void **state)
{
	int fd = sealed_text_make("", 0);
	size_t len = 1;
	char *data;

	assert_int_equal(sealed_text_read(fd, MAX, &data, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(data, "");
	free(data);
	close(fd);
}

static const struct {
	const char *name;
	unsigned int flags;
	int seals; /* 0: none */
	int err;
} refused_rows[] = {
	{ "no seals allowed", 0, 0, -EPERM },
	{ "not sealed", MFD_ALLOW_SEALING, 0, -EPERM },
	{ "may be written", MFD_ALLOW_SEALING, F_SEAL_GROW | F_SEAL_SHRINK, -EPERM },
	{ "may shrink", MFD_ALLOW_SEALING, F_SEAL_GROW | F_SEAL_WRITE, -EPERM },
	{ "may grow", MFD_ALLOW_SEALING, F_SEAL_SHRINK | F_SEAL_WRITE, -EPERM },
};

static void what_may_still_change_is_refused(void **state)
{
	size_t len;
	char *data;

	for (size_t i = 0; i < sizeof(refused_rows) / sizeof(refused_rows[0]); i++) {
		int fd = memfd_create("text", MFD_CLOEXEC | refused_rows[i].flags);

		assert_true(fd >= 0);
		if (refused_rows[i].seals)
			assert_int_equal(fcntl(fd, F_ADD_SEALS, refused_rows[i].seals), 0);
		if (sealed_text_read(fd, MAX, &data, &len) != refused_rows[i].err)
			print_error("%s\n", refused_rows[i].name);
		assert_int_equal(sealed_text_read(fd, MAX, &data, &len), refused_rows[i].err);
		close(fd);
	}
}

static void what_is_no_memfd_is_refused(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), pipes[2];
	size_t len;
	char *data;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(sealed_text_read(fd, MAX, &data, &len), -EINVAL);
	assert_int_equal(sealed_text_read(pipes[0], MAX, &data, &len), -EINVAL);
	assert_int_equal(sealed_text_read(-1, MAX, &data, &len), -EINVAL);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_arrives_whole_as_often_as_it_is_read),
		cmocka_unit_test(nobody_can_change_it),
		cmocka_unit_test(an_empty_text_is_one),
		cmocka_unit_test(what_may_still_change_is_refused),
		cmocka_unit_test(what_is_no_memfd_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
