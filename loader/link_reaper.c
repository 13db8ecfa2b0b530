/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_reaper.c: the helper thread that deletes pods' links.
 *
 * Why a thread: RTM_DELLINK returns only after an RCU barrier, about 20 ms in which the agent's one
 * loop could answer nobody. Why by group: the barrier is paid once per request, so a hundred links
 * deleted as a group cost what one costs. While the thread waits for one barrier, further links
 * gather in the group; so a burst of DELs needs a handful of rounds, with no timer.
 *
 * The thread has its own netlink socket and shares nothing with the loop but counters and a flag.
 * It keeps no list: which links are dying the kernel knows. A stranger's link may carry the same
 * group number by accident, so a link counts only when its alias is a record of ours that fits its
 * name; with a stranger in the group ours are deleted one by one. To look costs a dump of all
 * links, in which the kernel compares each with each, under its network lock: 3 ms with a thousand
 * pods. So the thread looks at start and after the loop heard of a link in the group that is not
 * ours, or may have missed it; else it deletes the group unseen.
 */
#include "loader/link_reaper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "lib/config.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/endpoint_alias.h"
#include "loader/helper_thread.h"
#include "loader/monitor.h"
#include "loader/netlink.h"
#include "loader/pod_link.h"
#include "loader/pod_link_message.h"

#define STACK_OCTETS (256 * 1024)
#define ROUND_LINKS  1024 /* that one round deletes one by one */

/* The dying links of one dump. */
struct dying_links {
	uint32_t group;
	uint32_t ifindex[ROUND_LINKS];
	size_t count;
	bool has_stranger;
	bool has_more;
};

struct link_reaper {
	pthread_t thread;
	int event_fd;
	atomic_bool is_closing;
	atomic_uint news; /* of strangers in the group; written by the loop */
	uint32_t group;
	struct monitor *monitor;
	/* the thread's */
	struct netlink *netlink;
	unsigned int news_looked_at;
	struct dying_links *dying;
};

static bool link_is_ours(const struct pod_link *link)
{
	struct endpoint endpoint;

	return link->is_veth && endpoint_alias_parse(link->alias, &endpoint) == 0 &&
	       strcmp(endpoint.host_ifname, link->name) == 0;
}

static struct dying_links *new_dying(uint32_t group)
{
	struct dying_links *dying = calloc(1, sizeof(*dying));

	if (dying != NULL)
		dying->group = group;
	return dying;
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
	err = netlink_dump(netlink, pod_message_dump_all_links(), note_dying, dying);
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

/* EINTR: links change faster than they can be read. */
static bool goes_on(int err)
{
	return err > 0 || err == -EINTR;
}

/* As reap(), and looks only when there may be something to see. */
static int reap_unseen(struct link_reaper *reaper)
{
	unsigned int news = atomic_load(&reaper->news);
	int err;

	if (news == reaper->news_looked_at) {
		err = pod_link_delete_group(reaper->netlink, reaper->group);
		return err == -ENODEV ? 0 : err < 0 ? err : 1;
	}
	err = reap(reaper->netlink, reaper->dying);
	if (err >= 0 && !reaper->dying->has_stranger)
		reaper->news_looked_at = news;
	return err;
}

static void *reaper_main(void *arg)
{
	struct link_reaper *reaper = arg;
	int last_error = 0;

	for (;;) {
		bool is_closing = atomic_load(&reaper->is_closing);
		uint64_t count;
		int err;

		do
			err = reap_unseen(reaper);
		while (goes_on(err));
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

static void on_kernel_news(const struct nlmsghdr *header, void *arg)
{
	struct link_reaper *reaper = arg;
	struct pod_link link;

	if (header == NULL || (header->nlmsg_type == RTM_NEWLINK && pod_link_read(header, &link) &&
			       link.group == reaper->group && !link_is_ours(&link)))
		atomic_fetch_add(&reaper->news, 1);
}

int link_reaper_open(struct agent *agent, struct link_reaper **ret_reaper)
{
	struct link_reaper *reaper = calloc(1, sizeof(*reaper));
	int err;

	if (reaper == NULL)
		return -ENOMEM;
	reaper->group = agent->config->group_dying;
	reaper->monitor = agent->monitor;
	atomic_init(&reaper->is_closing, false);
	atomic_init(&reaper->news, 1);
	reaper->dying = new_dying(reaper->group);
	if (reaper->dying == NULL) {
		err = -ENOMEM;
		goto err_free;
	}
	reaper->event_fd = eventfd(0, EFD_CLOEXEC);
	if (reaper->event_fd < 0) {
		err = -errno;
		goto err_free_dying;
	}
	err = netlink_open(&reaper->netlink);
	if (err < 0)
		goto err_close_event;
	err = monitor_listen(reaper->monitor, on_kernel_news, reaper);
	if (err < 0)
		goto err_close_netlink;
	err = helper_thread_start(&reaper->thread, STACK_OCTETS, reaper_main, reaper);
	if (err < 0)
		goto err_unlisten;
	*ret_reaper = reaper;
	return 0;

err_unlisten:
	monitor_unlisten(reaper->monitor, on_kernel_news, reaper);
err_close_netlink:
	netlink_close(reaper->netlink);
err_close_event:
	close(reaper->event_fd);
err_free_dying:
	free(reaper->dying);
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
	monitor_unlisten(reaper->monitor, on_kernel_news, reaper);
	netlink_close(reaper->netlink);
	close(reaper->event_fd);
	free(reaper->dying);
	free(reaper);
}

int link_reaper_flush(struct netlink *netlink, const struct config *config)
{
	struct dying_links *dying = new_dying(config->group_dying);
	int err;

	if (dying == NULL)
		return -ENOMEM;
	do
		err = reap(netlink, dying);
	while (goes_on(err));
	free(dying);
	return err;
}
