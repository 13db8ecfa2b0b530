/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl.c: reading and setting numbers below /proc/sys.
 *
 * /proc/sys/net shows the namespace of the process that looks, so this is always the agent's own
 * one. CAP_NET_ADMIN over the namespace is enough to write there. A value that is right already is
 * not written: /proc/sys may be mounted read-only (containers), and then an administrator who set
 * it beforehand has done all that is needed. A container without privilege gets the node's
 * /proc/sys/net at HOST_SYSCTL_DIR (deploy/kubernetes): what is refused as read-only is written
 * there.
 *
 * Left to others: which values, and what to say when one cannot be set (uplink.c).
 */
#include "loader/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_LEN	128
#define HOST_SYSCTL_DIR "/host/proc/sys"

static int open_below(const char *top, const char *path, int flags)
{
	char full[PATH_LEN];
	int len = snprintf(full, sizeof(full), "%s/%s", top, path);
	int fd;

	if (len < 0 || (size_t)len >= sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_path(const char *path, int flags)
{
	int fd = open_below("/proc/sys", path, flags);
	int host_fd;

	if (fd != -EROFS)
		return fd;
	host_fd = open_below(HOST_SYSCTL_DIR, path, flags);
	return host_fd == -ENOENT ? fd : host_fd;
}

int sysctl_read(const char *path, int *ret_value)
{
	int fd = open_path(path, O_RDONLY);
	char text[32], *end;
	ssize_t len;
	long value;

	if (fd < 0)
		return fd;
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		len = -errno;
	close(fd);
	if (len <= 0)
		return len < 0 ? (int)len : -EINVAL;
	text[len] = '\0';
	value = strtol(text, &end, 10);
	if (end == text)
		return -EINVAL;
	*ret_value = (int)value;
	return 0;
}

int sysctl_write(const char *path, int value)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", value);
	int fd, err, old;

	err = sysctl_read(path, &old);
	if (err < 0)
		return err;
	if (old == value)
		return 0;
	fd = open_path(path, O_WRONLY);
	if (fd < 0)
		return fd;
	err = write(fd, text, (size_t)len) == len ? 1 : -errno;
	close(fd);
	return err;
}

/* Names of links may hold a dot, but neither a slash nor "..": the kernel refuses them. */
static int link_path(const char *ifname, const char *name, char path[PATH_LEN])
{
	int len = snprintf(path, PATH_LEN, "net/ipv6/conf/%s/%s", ifname, name);

	return len < 0 || len >= PATH_LEN ? -ENAMETOOLONG : 0;
}

int sysctl_read_link(const char *ifname, const char *name, int *ret_value)
{
	char path[PATH_LEN];
	int err = link_path(ifname, name, path);

	return err < 0 ? err : sysctl_read(path, ret_value);
}

int sysctl_write_link(const char *ifname, const char *name, int value)
{
	char path[PATH_LEN];
	int err = link_path(ifname, name, path);

	return err < 0 ? err : sysctl_write(path, value);
}
