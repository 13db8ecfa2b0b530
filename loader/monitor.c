/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor.c: one subscription to what the kernel tells about links, filters, addresses, routes,
 * next hops, neighbours and forwarding switches, handed to every part that asked.
 *
 * Way of data: the socket becomes readable, every waiting message goes to every listener in the
 * order in which they came. When the kernel had to drop some (ENOBUFS) the listeners are told once,
 * by a NULL message, that anything may have changed; the same is told every minute, as a net under
 * what no message tells (kernel routes vanish without a word when a link goes down, a tcx program
 * in front of ours is never announced).
 *
 * A listener may add and remove listeners, itself too: a slot that is given up is only emptied, so
 * the walk over the slots stays whole.
 *
 * Left to others: all meaning; each listener picks its messages.
 */
#include "loader/monitor.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <linux/rtnetlink.h>

#include "lib/event_loop.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/netlink.h"

/* Another program's 10,000 routes are 10,000 notifications of about 1 KiB of kernel memory each;
 * our own are left out. Only a limit: nothing is reserved. */
#define RECEIVE_BUFFER (32 << 20)
#define SWEEP_MS       60000

struct listener {
	monitor_fn *fn;
	void *arg;
};

struct monitor {
	struct event_loop *loop;
	struct netlink *netlink;
	struct event_timer sweep;
	struct listener listener[MONITOR_LISTENERS_MAX];
};

static void tell_all(struct monitor *monitor, const struct nlmsghdr *header)
{
	for (size_t i = 0; i < MONITOR_LISTENERS_MAX; i++) {
		const struct listener *listener = &monitor->listener[i];

		if (listener->fn != NULL)
			listener->fn(header, listener->arg);
	}
}

static int on_message(const struct nlmsghdr *header, void *arg)
{
	tell_all(arg, header);
	return 0;
}

static void on_readable(int fd, uint32_t events, void *arg)
{
	struct monitor *monitor = arg;
	int err = netlink_read(monitor->netlink, on_message, monitor);

	if (err == 0)
		return;
	if (err == -ENOBUFS)
		log_debug("monitor: the kernel dropped notifications; comparing everything");
	else
		log_warning("monitor: %s; comparing everything", strerror(-err));
	tell_all(monitor, NULL);
}

static void on_sweep(void *arg)
{
	struct monitor *monitor = arg;

	event_timer_set(monitor->loop, &monitor->sweep, SWEEP_MS);
	tell_all(monitor, NULL);
}

int monitor_open(struct agent *agent, struct monitor **ret_monitor)
{
	static const unsigned int groups[] = { RTNLGRP_LINK,	     RTNLGRP_TC,
					       RTNLGRP_NEIGH,	     RTNLGRP_IPV4_IFADDR,
					       RTNLGRP_IPV6_IFADDR,  RTNLGRP_IPV4_ROUTE,
					       RTNLGRP_IPV6_ROUTE,   RTNLGRP_IPV4_NETCONF,
					       RTNLGRP_IPV6_NETCONF, RTNLGRP_NEXTHOP };
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	int err;

	if (monitor == NULL)
		return -ENOMEM;
	monitor->loop = agent->loop;
	event_timer_init(&monitor->sweep, on_sweep, monitor);
	err = netlink_subscribe(groups, sizeof(groups) / sizeof(groups[0]), RECEIVE_BUFFER,
				&monitor->netlink);
	if (err < 0)
		goto err_free;
	err = netlink_ignore_routes(monitor->netlink, agent->netlink);
	if (err < 0)
		log_warning("monitor: own routes cannot be left out: %s", strerror(-err));
	err = event_loop_add_fd(agent->loop, netlink_fd(monitor->netlink), EPOLLIN, on_readable,
				monitor);
	if (err < 0)
		goto err_close;
	err = event_timer_set(agent->loop, &monitor->sweep, SWEEP_MS);
	if (err < 0)
		goto err_remove;
	*ret_monitor = monitor;
	return 0;

err_remove:
	event_loop_remove_fd(agent->loop, netlink_fd(monitor->netlink));
err_close:
	netlink_close(monitor->netlink);
err_free:
	free(monitor);
	return err;
}

void monitor_close(struct monitor *monitor)
{
	if (monitor == NULL)
		return;
	event_timer_cancel(monitor->loop, &monitor->sweep);
	event_loop_remove_fd(monitor->loop, netlink_fd(monitor->netlink));
	netlink_close(monitor->netlink);
	free(monitor);
}

int monitor_listen(struct monitor *monitor, monitor_fn *fn, void *arg)
{
	for (size_t i = 0; i < MONITOR_LISTENERS_MAX; i++) {
		if (monitor->listener[i].fn != NULL)
			continue;
		monitor->listener[i] = (struct listener){ .fn = fn, .arg = arg };
		return 0;
	}
	return -ENOSPC;
}

void monitor_unlisten(struct monitor *monitor, monitor_fn *fn, void *arg)
{
	for (size_t i = 0; i < MONITOR_LISTENERS_MAX; i++)
		if (monitor->listener[i].fn == fn && monitor->listener[i].arg == arg)
			monitor->listener[i] = (struct listener){ 0 };
}
