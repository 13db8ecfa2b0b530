/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_watch.c: keep the files by which others find the agent.
 *
 * The run folder is one that people clean, and a socket whose file is gone looks to everybody as if
 * no agent were there: pods would fail while all is well. Once a second each part that owns such a
 * file looks whether it is still its own: cni.sock and agent.sock (server.c), alive.sock (pulse.c),
 * the ready file (readiness.c), the conflist (conflist.c), what is kept of the cluster (cluster.c).
 * bgp.sock is tortie-bgpd's to miss, which asks for another. Looking costs some microseconds;
 * inotify would hear of it at once, and needs an instance of a number that the kernel limits for
 * each user, and looking as well where it is spent.
 */
#include "loader/file_watch.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/event_loop.h"
#include "loader/agent.h"
#include "loader/cluster.h"
#include "loader/conflist.h"
#include "loader/pulse.h"
#include "loader/readiness.h"
#include "loader/server.h"

#define LOOK_MS 1000

struct file_watch {
	struct agent *agent;
	struct event_timer timer;
};

static void on_look(void *arg)
{
	struct file_watch *watch = arg;
	struct agent *agent = watch->agent;

	event_timer_set_on_grid(agent->loop, &watch->timer, LOOK_MS, LOOK_MS);
	if (agent->resetting)
		return;
	server_restore(agent->server);
	cluster_restore(agent->cluster);
	pulse_restore(agent->pulse);
	if (!agent->ready)
		return;
	readiness_restore(agent->readiness);
	conflist_restore(agent);
}

int file_watch_open(struct agent *agent, struct file_watch **ret_watch)
{
	struct file_watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	watch->agent = agent;
	event_timer_init(&watch->timer, on_look, watch);
	err = event_timer_set(agent->loop, &watch->timer, LOOK_MS);
	if (err < 0) {
		free(watch);
		return err;
	}
	*ret_watch = watch;
	return 0;
}

void file_watch_close(struct file_watch *watch)
{
	if (!watch)
		return;
	event_timer_cancel(watch->agent->loop, &watch->timer);
	free(watch);
}
