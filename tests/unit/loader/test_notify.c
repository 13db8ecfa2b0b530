/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of notify.c against sd_notify(3): what a service manager's socket hears.
 *
 * links: loader/notify.c
 */
#include "loader/notify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int manager_socket(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, name, len);
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
			 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void assert_hears(int fd, const char *expected)
{
	char heard[64] = "";

	assert_int_equal(recv(fd, heard, sizeof(heard) - 1, 0), strlen(expected));
	assert_string_equal(heard, expected);
	close(fd);
}

static void a_socket_in_the_file_system_hears_it(void **state)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/tortie-notify-%d", getpid());
	fd = manager_socket(path);
	assert_int_equal(notify_manager("READY=1"), 0);
	assert_hears(fd, "READY=1");
	unlink(path);
}

static void a_socket_with_an_abstract_name_hears_it(void **state)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@tortie-notify-%d", getpid());
	fd = manager_socket(name);
	assert_int_equal(notify_manager("STOPPING=1"), 0);
	assert_hears(fd, "STOPPING=1");
}

static void without_a_manager_nothing_is_done(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_manager("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_manager("READY=1"), 0);
}

static void a_name_that_is_no_socket_is_an_error(void **state)
{
	char longest[256];

	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(notify_manager("READY=1"), -EINVAL);
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	assert_int_equal(notify_manager("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	assert_int_equal(notify_manager("READY=1"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_in_the_file_system_hears_it),
		cmocka_unit_test(a_socket_with_an_abstract_name_hears_it),
		cmocka_unit_test(without_a_manager_nothing_is_done),
		cmocka_unit_test(a_name_that_is_no_socket_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
