/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SYSCTL_H
#define LIB_SYSCTL_H

/* Numbers below a /proc/sys, that of the process's own network namespace or a mount of the host's;
 * @path as in "net/ipv4/ip_forward". */

#define SYSCTL_ROOT "/proc/sys"

/** sysctl_read_below() - the number at @root/@path; 0 or -errno (-ENOENT: this kernel has none). */
int sysctl_read_below(const char *root, const char *path, int *ret_value);
/** sysctl_write_below() - 0 or -errno (-EROFS: mounted read-only, as in a container). */
int sysctl_write_below(const char *root, const char *path, int value);

#endif /* LIB_SYSCTL_H */
