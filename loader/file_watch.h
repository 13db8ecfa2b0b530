/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_FILE_WATCH_H
#define LOADER_FILE_WATCH_H

struct agent;
struct file_watch;

/** file_watch_open() - from now on, sockets, ready file and conflist that somebody removes or
 * overwrites are put back within a second. 0 or -errno. */
int file_watch_open(struct agent *agent, struct file_watch **ret_watch);
void file_watch_close(struct file_watch *watch); /* NULL is fine */

#endif /* LOADER_FILE_WATCH_H */
