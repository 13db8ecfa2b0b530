/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_HOOK_WATCH_H
#define LOADER_HOOK_WATCH_H

struct agent;
struct hook_watch;

/** hook_watch_open() - from now on, removed or replaced programs are put back on pods' links and
 * uplinks at once, removed pins within a second, and strangers in front of ours are told. 0 or
 * -errno. */
int hook_watch_open(struct agent *agent, struct hook_watch **ret_watch);
void hook_watch_close(struct hook_watch *watch); /* NULL is fine */

#endif /* LOADER_HOOK_WATCH_H */
