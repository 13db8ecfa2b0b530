/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl.c: reading and setting switches of the agent's own network namespace.
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
#include <stdio.h>

#include "lib/sysctl.h"

#define PATH_LEN	128
#define HOST_SYSCTL_DIR "/host/proc/sys"

int sysctl_read(const char *path, int *ret_value)
{
	return sysctl_read_below(SYSCTL_ROOT, path, ret_value);
}

int sysctl_write(const char *path, int value)
{
	int old, host_err, err = sysctl_read(path, &old);

	if (err < 0)
		return err;
	if (old == value)
		return 0;
	err = sysctl_write_below(SYSCTL_ROOT, path, value);
	if (err == -EROFS) {
		host_err = sysctl_write_below(HOST_SYSCTL_DIR, path, value);
		err = host_err == -ENOENT ? err : host_err;
	}
	return err < 0 ? err : 1;
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
