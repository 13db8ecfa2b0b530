/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_LINK_REAPER_H
#define LOADER_LINK_REAPER_H

#include <stdbool.h>

struct agent;
struct link_reaper;
struct netlink;
struct config;

/*
 * Deletes the links of the dying group. Deleting waits for an RCU barrier of the kernel (20 ms,
 * however many links), so a helper thread does it and nobody waits. That a link is gone is told by
 * the kernel's RTM_DELLINK, not from here.
 */

/** link_reaper_open() - start the thread, with the capabilities that the caller has at that moment.
 * 0 or -errno. */
int link_reaper_open(struct agent *agent, struct link_reaper **ret_reaper);
/** link_reaper_close() - delete what is still dying, end the thread; waits for it (milliseconds).
 */
void link_reaper_close(struct link_reaper *reaper);
/** link_reaper_wake() - links were put into the dying group. Never blocks. */
void link_reaper_wake(struct link_reaper *reaper);
/**
 * link_reaper_flush() - delete them now, through @netlink of the caller, and wait until they are
 * gone: for an ADD that needs the name or the address. 0 or -errno.
 */
int link_reaper_flush(struct netlink *netlink, const struct config *config);

#endif /* LOADER_LINK_REAPER_H */
