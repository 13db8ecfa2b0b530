/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl.c: reading and writing one number below a /proc/sys.
 *
 * A sysctl is a file with a decimal number and a newline, which the kernel takes in one write. What
 * is set, when, and what to say about it is the callers'.
 */
#include "lib/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int open_below(const char *root, const char *path, int flags)
{
	char full[PATH_MAX];
	int len = snprintf(full, sizeof(full), "%s/%s", root, path);
	int fd;

	if (len < 0 || (size_t)len >= sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysctl_read_below(const char *root, const char *path, int *ret_value)
{
	int fd = open_below(root, path, O_RDONLY);
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
	if (end == text || value < INT_MIN || value > INT_MAX)
		return -EINVAL;
	*ret_value = (int)value;
	return 0;
}

int sysctl_write_below(const char *root, const char *path, int value)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", value);
	int fd = open_below(root, path, O_WRONLY), err = 0;

	if (fd < 0)
		return fd;
	if (write(fd, text, (size_t)len) != len)
		err = -errno;
	close(fd);
	return err;
}
