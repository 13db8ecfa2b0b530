/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_UNIX_SOCKET_H
#define LIB_UNIX_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct iovec;

/*
 * SOCK_SEQPACKET sockets in the file system, one message a datagram, descriptors by SCM_RIGHTS.
 * All sockets are close-on-exec.
 */

#define UNIX_SOCKET_FDS_MAX 8 /* descriptors a message can carry */

/**
 * unix_socket_listen() - bind and listen at @path with @mode; a socket file of a dead process is
 * replaced (connect refused), one that answers is -EADDRINUSE. @gid (gid_t)-1: leave the group.
 * A @mode for others than the owner: who connects may not send descriptors, before somebody allows
 * it. Returns fd or -errno.
 */
int unix_socket_listen(const char *path, mode_t mode, gid_t gid);
/** unix_socket_accept() - non-blocking connection of @listen_fd with its peer's credentials; fd or
 * -errno. */
int unix_socket_accept(int listen_fd, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid);
/** unix_socket_allow_descriptors() - may the other end of @fd send descriptors from now on? Its
 * sendmsg() fails with EPERM when not. Without effect before Linux 6.16. */
void unix_socket_allow_descriptors(int fd, bool may);
/** unix_socket_connect() - blocking connect; fd or -errno (ENOENT, ECONNREFUSED: nobody listens).
 */
int unix_socket_connect(const char *path);
/** unix_socket_connect_timeout() - the same; connect, and each send and receive on the socket, ends
 * after @timeout_ms (0: none): connect with -ETIMEDOUT, send and receive with -EAGAIN. */
int unix_socket_connect_timeout(const char *path, int timeout_ms);
/** unix_socket_set_timeout() - another time for each send and receive from now on. 0 or -errno. */
int unix_socket_set_timeout(int fd, int timeout_ms);
/** unix_socket_send() - one message, with @fd_count descriptors (borrowed). 0 or -errno (-EAGAIN).
 * Never SIGPIPE. */
int unix_socket_send(int fd, const void *data, size_t len, const int *fds, size_t fd_count);
/** unix_socket_send_parts() - the same, the message being the @part_count parts in a row. */
int unix_socket_send_parts(int fd, struct iovec *parts, size_t part_count, const int *fds,
			   size_t fd_count);
/**
 * unix_socket_receive() - one message into @buf. Returns its length, 0 at end of file and for a
 * message without octets (its descriptors are closed), or -errno: -EMSGSIZE when it was longer than
 * @size or carried more than @fd_max descriptors (all closed).
 * Descriptors received are the caller's, close-on-exec; *ret_fd_count says how many. @fds may be
 * NULL when fd_max is 0, @ret_fd_count too.
 */
ssize_t unix_socket_receive(int fd, void *buf, size_t size, int *fds, size_t fd_max,
			    size_t *ret_fd_count);

#endif /* LIB_UNIX_SOCKET_H */
