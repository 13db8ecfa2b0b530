/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_socket.c: SOCK_SEQPACKET sockets in the file system (unix(7)).
 *
 * A message is one datagram of a connection, so its end needs no framing, and descriptors travel
 * with it (SCM_RIGHTS). Who is at the other end the kernel says (SO_PEERCRED: the process that
 * called connect).
 *
 * A socket file that is there before us is tried first: where somebody answers the address is in
 * use; where nobody does the file is a leftover of a dead process and is replaced. Anything that
 * is not a socket is left alone. The file is created with mode 0600 and widened only after its
 * group is set.
 *
 * Whoever may send descriptors may hang the receiver: closing one can wait for as long as its maker
 * likes (a TCP connection with SO_LINGER whose peer is silent, a file of a FUSE server that does
 * not answer), and the kernel closes what was not received at all in the receiver's time, too. So
 * the kernel is told to refuse them, where it can; before 6.16 it cannot.
 */
#include "lib/unix_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16; Debian 12's headers end before */
#endif

#define LISTEN_BACKLOG 512 /* a node that starts pods by the hundred; somaxconn is above */

static int fill_address(const char *path, struct sockaddr_un *ret_addr)
{
	size_t len = strlen(path);

	if (len >= sizeof(ret_addr->sun_path))
		return -ENAMETOOLONG;
	*ret_addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret_addr->sun_path, path, len);
	return 0;
}

int unix_socket_set_timeout(int fd, int timeout_ms)
{
	struct timeval timeout = { .tv_sec = timeout_ms / 1000,
				   .tv_usec = (timeout_ms % 1000) * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	return 0;
}

int unix_socket_connect_timeout(const char *path, int timeout_ms)
{
	struct sockaddr_un addr;
	int fd, err;

	err = fill_address(path, &addr);
	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (timeout_ms > 0) {
		err = unix_socket_set_timeout(fd, timeout_ms);
		if (err < 0)
			goto err_close;
	}
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = errno == EAGAIN ? -ETIMEDOUT : -errno;
		goto err_close;
	}
	return fd;

err_close:
	close(fd);
	return err;
}

int unix_socket_connect(const char *path)
{
	return unix_socket_connect_timeout(path, 0);
}

/* Take away the socket file of a dead process. 0, or why the path stays as it is. */
static int remove_stale(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = unix_socket_connect_timeout(path, 1000);
	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	if (fd != -ECONNREFUSED)
		return fd == -ETIMEDOUT ? -EADDRINUSE : fd;
	return unlink(path) < 0 ? -errno : 0;
}

static int bind_replacing(int fd, const char *path, const struct sockaddr_un *addr)
{
	int err;

	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	err = remove_stale(path);
	if (err < 0)
		return err;
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;
}

void unix_socket_allow_descriptors(int fd, bool may)
{
	int value = may;

	setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &value, sizeof(value));
}

int unix_socket_listen(const char *path, mode_t mode, gid_t gid)
{
	struct sockaddr_un addr;
	int fd, err;

	err = fill_address(path, &addr);
	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0600) < 0) { /* bind(2) gives the file this mode */
		err = -errno;
		goto err_close;
	}
	if (mode & (S_IRWXG | S_IRWXO))
		unix_socket_allow_descriptors(fd, false);
	err = bind_replacing(fd, path, &addr);
	if (err < 0)
		goto err_close;
	if ((gid != (gid_t)-1 && chown(path, (uid_t)-1, gid) < 0) || chmod(path, mode) < 0 ||
	    listen(fd, LISTEN_BACKLOG) < 0) {
		err = -errno;
		goto err_unlink;
	}
	return fd;

err_unlink:
	unlink(path);
err_close:
	close(fd);
	return err;
}

int unix_socket_accept(int listen_fd, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int err, fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_uid = cred.uid;
	*ret_gid = cred.gid;
	*ret_pid = cred.pid;
	return fd;
}

/* Room for the descriptors of one message, aligned as cmsg(3) wants it. */
union control_buffer {
	struct cmsghdr align;
	char octets[CMSG_SPACE(sizeof(int) * UNIX_SOCKET_FDS_MAX)];
};

int unix_socket_send_parts(int fd, struct iovec *parts, size_t part_count, const int *fds,
			   size_t fd_count)
{
	union control_buffer control = { .octets = { 0 } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = part_count };
	struct cmsghdr *cmsg;
	ssize_t sent;

	if (fd_count > UNIX_SOCKET_FDS_MAX)
		return -EINVAL;
	if (fd_count) {
		msg.msg_control = control.octets;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * fd_count);
	}
	do {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int unix_socket_send(int fd, const void *data, size_t len, const int *fds, size_t fd_count)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };

	return unix_socket_send_parts(fd, &part, 1, fds, fd_count);
}

static void close_all(const int *fds, size_t fd_count)
{
	size_t i;

	for (i = 0; i < fd_count; i++)
		close(fds[i]);
}

/* All descriptors of @msg into @fds (room for UNIX_SOCKET_FDS_MAX); how many. */
static size_t take_fds(struct msghdr *msg, int *fds)
{
	struct cmsghdr *cmsg;
	size_t fd_count = 0;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t len = cmsg->cmsg_len - CMSG_LEN(0);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + fd_count, CMSG_DATA(cmsg), len);
		fd_count += len / sizeof(int);
	}
	return fd_count;
}

ssize_t unix_socket_receive(int fd, void *buf, size_t size, int *fds, size_t fd_max,
			    size_t *ret_fd_count)
{
	union control_buffer control;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int received[UNIX_SOCKET_FDS_MAX];
	size_t fd_count;
	ssize_t len;

	do {
		msg.msg_control = control.octets;
		msg.msg_controllen = sizeof(control.octets);
		len = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	fd_count = take_fds(&msg, received);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || fd_count > fd_max) {
		close_all(received, fd_count);
		return -EMSGSIZE;
	}
	if (len == 0) { /* no end of file when descriptors come with it, but none of our messages */
		close_all(received, fd_count);
		fd_count = 0;
	}
	if (fd_count)
		memcpy(fds, received, fd_count * sizeof(int));
	if (ret_fd_count)
		*ret_fd_count = fd_count;
	return len;
}
