/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_FOLDER_LOCK_H
#define LOADER_FOLDER_LOCK_H

#define FOLDER_LOCK_WAIT_MS 1000

/**
 * folder_lock() - have the folder open as @fd for this process alone, as long as @fd stays open. 0,
 * -EWOULDBLOCK when another process has had it for FOLDER_LOCK_WAIT_MS, or -errno.
 */
int folder_lock(int fd);

#endif /* LOADER_FOLDER_LOCK_H */
