/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_MONITOR_H
#define LOADER_MONITOR_H

struct agent;
struct nlmsghdr;

/*
 * What the kernel tells, to those who asked: RTNLGRP_LINK, TC, IPV4_IFADDR, IPV6_IFADDR,
 * IPV4_ROUTE, IPV6_ROUTE, NEIGH, IPV4_NETCONF, IPV6_NETCONF.
 * @header NULL: messages were lost (ENOBUFS), or the minute's sweep is due: compare everything.
 */
struct monitor;
typedef void monitor_fn(const struct nlmsghdr *header, void *arg);

#define MONITOR_LISTENERS_MAX 16

int monitor_open(struct agent *agent, struct monitor **ret_monitor);
void monitor_close(struct monitor *monitor);
int monitor_listen(struct monitor *monitor, monitor_fn *fn, void *arg); /* 0 or -ENOSPC */
void monitor_unlisten(struct monitor *monitor, monitor_fn *fn, void *arg);

#endif /* LOADER_MONITOR_H */
