/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_SYSCTL_H
#define LOADER_SYSCTL_H

/* Switches of the current network namespace, by path below /proc/sys, e.g. "net/ipv4/ip_forward".
 */

/** sysctl_read() - the number at @path; 0 or -errno (-ENOENT: this kernel has none). */
int sysctl_read(const char *path, int *ret_value);
/** sysctl_write() - write @value when another one is there. 1 written, 0 was right already,
 * -errno. */
int sysctl_write(const char *path, int value);
/** sysctl_read_link() - "net/ipv6/conf/LINK/NAME" of link @ifname; 0 or -errno. */
int sysctl_read_link(const char *ifname, const char *name, int *ret_value);
int sysctl_write_link(const char *ifname, const char *name, int value);

#endif /* LOADER_SYSCTL_H */
