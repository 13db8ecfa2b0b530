/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c: tell the service manager how far we are.
 *
 * The protocol of sd_notify(3): one datagram of "NAME=VALUE" lines to the Unix socket that the
 * environment variable NOTIFY_SOCKET names, as a path or, with a leading '@', in the abstract name
 * space. It is small enough to be written here instead of linking libsystemd, which would bring
 * more pages than the agent has.
 *
 * What is sent is main.c's affair: READY=1 when the data plane serves, STOPPING=1 at the end.
 */
#include "loader/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len;
	int fd, err = 0;

	if (!path || !*path)
		return 0;
	len = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(addr.sun_path))
		return -EINVAL;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* An abstract name ends with the address's length, not with a NUL. */
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		err = -errno;
	close(fd);
	return err;
}
