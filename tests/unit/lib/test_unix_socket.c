/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unix_socket.c: listening, messages and descriptors on real sockets (unix(7)).
 *
 * Each test works in a folder of its own under /tmp, which is the current folder while it runs, so
 * that paths are short.
 *
 * links: lib/unix_socket.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/unix_socket.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16; Debian 12's headers end before */
#endif

static char folder[32];

static int set_up(void **state)
{
	strcpy(folder, "/tmp/tortie-unix-XXXXXX");
	return mkdtemp(folder) ? chdir(folder) : -1;
}

static int tear_down(void **state)
{
	unlink("s");
	return chdir("/") < 0 ? -1 : rmdir(folder);
}

static unsigned int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void a_listening_socket_has_the_mode_that_was_asked_for(void **state)
{
	mode_t old = umask(077);
	int fd = unix_socket_listen("s", 0660, (gid_t)-1);

	umask(old);
	assert_true(fd >= 0);
	assert_int_equal(mode_of("s"), 0660);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void an_accepted_connection_tells_who_is_there(void **state)
{
	int fd = unix_socket_listen("s", 0600, getgid()), client, server;
	uid_t uid = 12345;
	gid_t gid = 12345;
	pid_t pid = 12345;

	assert_int_equal(unix_socket_accept(fd, &uid, &gid, &pid), -EAGAIN);
	client = unix_socket_connect("s");
	assert_true(client >= 0);
	server = unix_socket_accept(fd, &uid, &gid, &pid);
	assert_true(server >= 0);
	assert_int_equal(uid, getuid());
	assert_int_equal(gid, getgid());
	assert_int_equal(pid, getpid());
	assert_true(fcntl(server, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(server, F_GETFL) & O_NONBLOCK);
	close(server);
	close(client);
	close(fd);
}

static void a_dead_process_socket_is_replaced_and_a_living_one_is_not(void **state)
{
	int fd = unix_socket_listen("s", 0600, (gid_t)-1), second;

	assert_true(fd >= 0);
	assert_int_equal(unix_socket_listen("s", 0600, (gid_t)-1), -EADDRINUSE);
	close(fd); /* the file stays */
	assert_int_equal(unix_socket_connect("s"), -ECONNREFUSED);
	second = unix_socket_listen("s", 0600, (gid_t)-1);
	assert_true(second >= 0);
	close(second);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	int fd = open("s", O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(unix_socket_listen("s", 0600, (gid_t)-1), -EEXIST);
	assert_int_equal(access("s", F_OK), 0);
}

static int listen_for_root(void)
{
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	return unix_socket_listen("s", 0660, 0) == -EPERM && access("s", F_OK) < 0 ? 0 : 2;
}

static void a_socket_that_cannot_be_given_to_its_group_leaves_no_file(void **state)
{
	int status = -1;
	pid_t pid;

	assert_int_equal(chmod(folder, 0777), 0);
	pid = fork();
	if (pid == 0)
		_exit(listen_for_root());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void paths_that_cannot_be_are_told(void **state)
{
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(unix_socket_connect(path), -ENAMETOOLONG);
	assert_int_equal(unix_socket_listen(path, 0600, (gid_t)-1), -ENAMETOOLONG);
	assert_int_equal(unix_socket_connect("none"), -ENOENT);
	assert_int_equal(unix_socket_listen("none/s", 0600, (gid_t)-1), -ENOENT);
}

static void connect_to_a_full_queue_ends_in_time(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "s" };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), first;

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 0), 0);
	first = unix_socket_connect_timeout("s", 50);
	assert_true(first >= 0);
	assert_int_equal(unix_socket_connect_timeout("s", 50), -ETIMEDOUT);
	close(first);
	close(fd);
}

static void a_message_is_one_receive_and_an_end_is_0(void **state)
{
	int pair[2];
	char buf[16];
	struct iovec parts[2] = { { (char *)(uintptr_t) "ab", 2 },
				  { (char *)(uintptr_t) "cde", 3 } };
	size_t fd_count = 9;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(unix_socket_send(pair[0], "one", 3, NULL, 0), 0);
	assert_int_equal(unix_socket_send_parts(pair[0], parts, 2, NULL, 0), 0);
	assert_int_equal(unix_socket_receive(pair[1], buf, sizeof(buf), NULL, 0, &fd_count), 3);
	assert_memory_equal(buf, "one", 3);
	assert_int_equal(fd_count, 0);
	assert_int_equal(unix_socket_receive(pair[1], buf, sizeof(buf), NULL, 0, NULL), 5);
	assert_memory_equal(buf, "abcde", 5);
	close(pair[0]);
	assert_int_equal(unix_socket_receive(pair[1], buf, sizeof(buf), NULL, 0, NULL), 0);
	assert_int_equal(unix_socket_send(pair[1], "x", 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
	close(pair[1]);
}

static void a_message_too_long_is_refused(void **state)
{
	int pair[2];
	char buf[4];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(unix_socket_send(pair[0], "12345", 5, NULL, 0), 0);
	assert_int_equal(unix_socket_receive(pair[1], buf, sizeof(buf), NULL, 0, NULL), -EMSGSIZE);
	assert_int_equal(unix_socket_send(pair[0], "1234", 4, NULL, 0), 0);
	assert_int_equal(unix_socket_receive(pair[1], buf, sizeof(buf), NULL, 0, NULL), 4);
	close(pair[0]);
	close(pair[1]);
}

static void descriptors_arrive_open_and_close_on_exec(void **state)
{
	int pair[2], pipe_fd[2], got[2] = { -1, -1 };
	size_t fd_count = 0;
	char buf[4];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(unix_socket_send(pair[0], "x", 1, pipe_fd, 2), 0);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	assert_int_equal(unix_socket_receive(pair[1], buf, sizeof(buf), got, 2, &fd_count), 1);
	assert_int_equal(fd_count, 2);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(got[1], "y", 1), 1);
	assert_int_equal(read(got[0], buf, 1), 1);
	assert_int_equal(buf[0], 'y');
	close(got[0]);
	close(got[1]);
	close(pair[0]);
	close(pair[1]);
}

static void descriptors_nobody_asked_for_are_closed(void **state)
{
	int pair[2], fds[16], got[2];
	unsigned int before;
	size_t i, fd_count = 0;
	char buf[4];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	before = open_descriptors();
	for (i = 0; i < 16; i++)
		fds[i] = pair[0];
	assert_int_equal(unix_socket_send(pair[0], "x", 1, fds, 1), 0);
	assert_int_equal(unix_socket_receive(pair[1], buf, sizeof(buf), NULL, 0, NULL), -EMSGSIZE);
	assert_int_equal(unix_socket_send(pair[0], "x", 1, fds, 3), 0);
	assert_int_equal(unix_socket_receive(pair[1], buf, sizeof(buf), got, 2, &fd_count),
			 -EMSGSIZE);
	assert_int_equal(unix_socket_send(pair[0], "x", 1, fds, 16), -EINVAL);
	assert_int_equal(open_descriptors(), before);
	close(pair[0]);
	close(pair[1]);
}

/* unix(7): a datagram may be empty and carry descriptors all the same. */
static void a_message_without_octets_leaves_no_descriptor(void **state)
{
	unsigned int before;
	int pair[2], got[2];
	size_t fd_count = 9;
	char buf[4];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	before = open_descriptors();
	assert_int_equal(unix_socket_send(pair[0], "", 0, pair, 2), 0);
	assert_int_equal(unix_socket_receive(pair[1], buf, sizeof(buf), got, 2, &fd_count), 0);
	assert_int_equal(fd_count, 0);
	assert_int_equal(open_descriptors(), before);
	close(pair[0]);
	close(pair[1]);
}

/* More than a message of ours can carry: a hostile sender uses sendmsg(2) itself. */
static void a_flood_of_descriptors_is_refused_and_closed(void **state)
{
	union {
		struct cmsghdr align;
		char octets[CMSG_SPACE(sizeof(int) * 100)];
	} control = { .octets = { 0 } };
	struct iovec iov = { (char *)(uintptr_t) "x", 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.octets,
			      .msg_controllen = sizeof(control.octets) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int pair[2], fds[100], got[UNIX_SOCKET_FDS_MAX], i;
	unsigned int before;
	size_t fd_count = 0;
	char buf[4];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	for (i = 0; i < 100; i++)
		fds[i] = pair[0];
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
	before = open_descriptors();
	assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
	assert_int_equal(
		unix_socket_receive(pair[1], buf, sizeof(buf), got, UNIX_SOCKET_FDS_MAX, &fd_count),
		-EMSGSIZE);
	assert_int_equal(open_descriptors(), before);
	close(pair[0]);
	close(pair[1]);
}

/*
 * What a descriptor costs whoever closes it its sender decides (SO_LINGER); Linux 6.16 lets the
 * receiver refuse them: sendmsg() "returns -EPERM".
 */
static void who_connects_to_a_socket_for_others_sends_no_descriptors(void **state)
{
	int fd = unix_socket_listen("s", 0660, (gid_t)-1), client, server;
	socklen_t len = sizeof(int);
	int value, got[1];
	size_t count;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	char buf[4];

	if (getsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &value, &len) < 0) {
		close(fd);
		skip(); /* before Linux 6.16 */
	}
	client = unix_socket_connect("s");
	assert_true(client >= 0);
	assert_int_equal(unix_socket_send(client, "x", 1, &fd, 1), -EPERM);
	assert_int_equal(unix_socket_send(client, "x", 1, NULL, 0), 0);
	server = unix_socket_accept(fd, &uid, &gid, &pid);
	assert_true(server >= 0);
	assert_int_equal(unix_socket_receive(server, buf, sizeof(buf), got, 1, &count), 1);
	unix_socket_allow_descriptors(server, true);
	assert_int_equal(unix_socket_send(client, "x", 1, &fd, 1), 0);
	assert_int_equal(unix_socket_receive(server, buf, sizeof(buf), got, 1, &count), 1);
	assert_int_equal(count, 1);
	close(got[0]);
	close(server);
	close(client);
	close(fd);
}

#define SOCKET_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SOCKET_TEST(a_listening_socket_has_the_mode_that_was_asked_for),
		SOCKET_TEST(an_accepted_connection_tells_who_is_there),
		SOCKET_TEST(a_dead_process_socket_is_replaced_and_a_living_one_is_not),
		SOCKET_TEST(a_file_that_is_no_socket_is_left_alone),
		SOCKET_TEST(a_socket_that_cannot_be_given_to_its_group_leaves_no_file),
		SOCKET_TEST(paths_that_cannot_be_are_told),
		SOCKET_TEST(connect_to_a_full_queue_ends_in_time),
		SOCKET_TEST(a_message_is_one_receive_and_an_end_is_0),
		SOCKET_TEST(a_message_too_long_is_refused),
		SOCKET_TEST(descriptors_arrive_open_and_close_on_exec),
		SOCKET_TEST(descriptors_nobody_asked_for_are_closed),
		SOCKET_TEST(a_message_without_octets_leaves_no_descriptor),
		SOCKET_TEST(who_connects_to_a_socket_for_others_sends_no_descriptors),
		SOCKET_TEST(a_flood_of_descriptors_is_refused_and_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
