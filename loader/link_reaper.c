/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_reaper.c: the helper thread that deletes pods' links.
 *
 * Why a thread: RTM_DELLINK returns only after an RCU barrier, about 20 ms in which the agent's one
 * loop could answer nobody. Why by group: the barrier is paid once per request, so a hundred links
 * deleted as a group cost what one costs. While the thread waits for one barrier, further links
 * gather in the group; so a burst of DELs needs a handful of rounds, with no timer.
 *
 * The thread has its own netlink socket and shares nothing with the loop but an event counter and a
 * flag. It keeps no list: which links are dying is read from the kernel, where the state is. A link
 * counts only when its alias is a record of ours that fits its name, because a stranger's link may
 * carry the same group number by accident; if one does, ours are deleted one by one.
 */
#include "loader/link_reaper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/endpoint_alias.h"
#include "loader/netlink.h"
#include "loader/pod_link.h"
#include "loader/pod_link_message.h"

#define STACK_OCTETS (256 * 1024)
#define ROUND_LINKS  1024 /* that one round deletes one by one */

struct link_reaper {
	pthread_t thread;
	int event_fd;
	atomic_bool is_closing;
	struct netlink *netlink; /* the thread's */
	uint32_t group;
};

/* The dying links of one dump. */
struct dying_links {
	uint32_t group;
	uint32_t ifindex[ROUND_LINKS];
	size_t count;
	bool has_stranger;
	bool has_more;
};

static bool link_is_ours(const struct pod_link *link)
{
	struct endpoint endpoint;

	return link->is_veth && endpoint_alias_parse(link->alias, &endpoint) == 0 &&
	       strcmp(endpoint.host_ifname, link->name) == 0;
}

static int note_dying(const struct nlmsghdr *header, void *arg)
{
	struct dying_links *dying = arg;
	struct pod_link link;

	if (!pod_link_read(header, &link) || link.group != dying->group)
		return 0;
	if (!link_is_ours(&link))
		dying->has_stranger = true;
	else if (dying->count == ROUND_LINKS)
		dying->has_more = true;
	else
		dying->ifindex[dying->count++] = link.ifindex;
	return 0;
}

/* One round: 1 when something was deleted, 0 when nothing is dying, or -errno. */
static int reap(struct netlink *netlink, struct dying_links *dying)
{
	int err, first = 0;

	dying->count = 0;
	dying->has_stranger = false;
	dying->has_more = false;
	err = netlink_dump(netlink, pod_message_dump_links(), note_dying, dying);
	if (err < 0)
		return err;
	if (dying->count == 0)
		return 0;
	if (!dying->has_stranger) {
		err = pod_link_delete_group(netlink, dying->group);
		return err < 0 && err != -ENODEV ? err : 1;
	}
	for (size_t i = 0; i < dying->count; i++) {
		err = pod_link_delete(netlink, dying->ifindex[i]);
		if (err < 0 && err != -ENODEV && first == 0)
			first = err;
	}
	return first < 0 ? first : 1;
}

static int reap_all(struct netlink *netlink, uint32_t group)
{
	struct dying_links *dying = calloc(1, sizeof(*dying));
	int err;

	if (dying == NULL)
		return -ENOMEM;
	dying->group = group;
	do
		err = reap(netlink, dying);
	while (err > 0 || err == -EINTR); /* EINTR: links change faster than they can be read */
	free(dying);
	return err;
}

static void *reaper_main(void *arg)
{
	struct link_reaper *reaper = arg;
	int last_error = 0;

	for (;;) {
		bool is_closing = atomic_load(&reaper->is_closing);
		uint64_t count;
		int err = reap_all(reaper->netlink, reaper->group);

		if (err < 0 && err != last_error)
			log_warning("links of group %u: cannot be deleted: %s; tried again at the "
				    "next DEL",
				    reaper->group, strerror(-err));
		last_error = err;
		if (is_closing)
			return NULL;
		while (read(reaper->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
			;
	}
}

static int start_thread(struct link_reaper *reaper)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err;

	err = pthread_attr_init(&attr);
	if (err != 0)
		return -err;
	pthread_attr_setstacksize(&attr, STACK_OCTETS);
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&reaper->thread, &attr, reaper_main, reaper);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

int link_reaper_open(struct agent *agent, struct link_reaper **ret_reaper)
{
	struct link_reaper *reaper = calloc(1, sizeof(*reaper));
	int err;

	if (reaper == NULL)
		return -ENOMEM;
	reaper->group = agent->config->group_dying;
	atomic_init(&reaper->is_closing, false);
	reaper->event_fd = eventfd(0, EFD_CLOEXEC);
	if (reaper->event_fd < 0) {
		err = -errno;
		goto err_free;
	}
	err = netlink_open(&reaper->netlink);
	if (err < 0)
		goto err_close_event;
	err = start_thread(reaper);
	if (err < 0)
		goto err_close_netlink;
	*ret_reaper = reaper;
	return 0;

err_close_netlink:
	netlink_close(reaper->netlink);
err_close_event:
	close(reaper->event_fd);
err_free:
	free(reaper);
	return err;
}

void link_reaper_wake(struct link_reaper *reaper)
{
	uint64_t one = 1;

	/* The counter cannot overflow, and nothing else can fail. */
	while (write(reaper->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void link_reaper_close(struct link_reaper *reaper)
{
	if (reaper == NULL)
		return;
	atomic_store(&reaper->is_closing, true);
	link_reaper_wake(reaper);
	pthread_join(reaper->thread, NULL);
	netlink_close(reaper->netlink);
	close(reaper->event_fd);
	free(reaper);
}

int link_reaper_flush(struct netlink *netlink, const struct config *config)
{
	return reap_all(netlink, config->group_dying);
}
