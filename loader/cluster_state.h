/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CLUSTER_STATE_H
#define LOADER_CLUSTER_STATE_H

#include <stddef.h>

/* The cluster's document as a file, between boots. */

/** cluster_state_load() - the file at @path. 0 and *ret_data (the caller's); -ENOENT none; else
 * -errno. Only a regular file of root's that nobody else may write is read (-EPERM). */
int cluster_state_load(const char *path, char **ret_data, size_t *ret_len);
/** cluster_state_save() - write it: whole or not at all, mode 0600, on the disk when it returns;
 * the folder is made. May block on the disk. 0 or -errno. */
int cluster_state_save(const char *path, const char *data, size_t len);

#endif /* LOADER_CLUSTER_STATE_H */
