/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readiness.c: when the node may take pods, and who is told.
 *
 * Ready means: every part of the agent is up, known pods are complete, and all uplinks serve (up,
 * hooked, no IPv6 link-local address in duplicate address detection: redirect_neigh loses
 * everything in those two seconds; where uplinks are found by the node's addresses, these have
 * come), and on Kubernetes the node has a podCIDR. Then, once: the conflist, RUN-DIR/ready and
 * READY=1.
 *
 * Ready is not taken back when an uplink fails later: pods of this node still reach each other, the
 * service manager has no word for "no longer ready", and a runtime that lost its conflist would
 * call the node broken and evict pods that work. `tortie status` tells what does not serve.
 *
 * A node whose uplinks do not come stays not ready and says once what it waits for.
 */
#include "loader/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/event_loop.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/cluster.h"
#include "loader/conflist.h"
#include "loader/endpoint_store.h"
#include "loader/notify.h"
#include "loader/remote_routes.h"
#include "loader/status_lines.h"
#include "loader/uplink.h"
#include "node_objects.h"

#define LOOK_MS	    50
#define PATIENCE_MS 4000 /* duplicate address detection takes two seconds */

struct readiness {
	struct agent *agent;
	struct event_timer timer;
	uint64_t since_ms; /* when all parts were up */
	bool has_complained;
};

static void ready_path(const struct agent *agent, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" READY_FILE_NAME, agent->run_dir);
}

static int write_ready_file(const struct agent *agent)
{
	char path[PATH_MAX];
	int fd, err = 0;

	ready_path(agent, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%s\n", TORTIE_VERSION) < 0)
		err = -errno;
	close(fd);
	return err;
}

static void become_ready(struct agent *agent)
{
	int err;

	agent->ready = true;
	conflist_write(agent); /* says so itself when it fails: status keeps the node usable */
	err = write_ready_file(agent);
	if (err < 0)
		log_error("%s/" READY_FILE_NAME
			  ": cannot be written: %s; who waits for this file waits for nothing",
			  agent->run_dir, strerror(-err));
	notify_manager("READY=1");
	log_info("ready: %zu pods, %zu routes to other nodes, %zu uplinks",
		 endpoint_count(agent->endpoints), remote_routes_count(agent->routes),
		 uplinks_count(agent->uplinks));
}

static int say_problem(enum status_level level, const char *text, void *arg)
{
	if (level != STATUS_OK)
		log_warning("not ready: %s", text);
	return 0;
}

static void on_timer(void *arg)
{
	struct readiness *readiness = arg;
	struct agent *agent = readiness->agent;
	char text[TEXT_MAX + 1];
	bool lacks_block = cluster_lacks_block(agent, text, sizeof(text));

	if (!lacks_block && uplinks_serve(agent->uplinks)) {
		become_ready(agent);
		return;
	}
	if (!readiness->has_complained && event_loop_now_ms() - readiness->since_ms > PATIENCE_MS) {
		readiness->has_complained = true;
		if (lacks_block)
			say_problem(STATUS_PROBLEM, text, NULL);
		uplinks_status(agent, say_problem, NULL);
	}
	event_timer_set(agent->loop, &readiness->timer, LOOK_MS);
}

int readiness_open(struct agent *agent, struct readiness **ret_readiness)
{
	struct readiness *readiness = calloc(1, sizeof(*readiness));
	int err;

	if (!readiness)
		return -ENOMEM;
	readiness->agent = agent;
	readiness->since_ms = event_loop_now_ms();
	event_timer_init(&readiness->timer, on_timer, readiness);
	err = event_timer_set(agent->loop, &readiness->timer, 0);
	if (err) {
		free(readiness);
		return err;
	}
	*ret_readiness = readiness;
	return 0;
}

void readiness_restore(const struct readiness *readiness)
{
	const struct agent *agent = readiness->agent;
	char path[PATH_MAX];

	ready_path(agent, path);
	if (access(path, F_OK) < 0 && errno == ENOENT && write_ready_file(agent) == 0)
		log_warning("%s: was removed by somebody; put back", path);
}

void readiness_close(struct readiness *readiness)
{
	struct agent *agent;
	char path[PATH_MAX];

	if (!readiness)
		return;
	agent = readiness->agent;
	event_timer_cancel(agent->loop, &readiness->timer);
	ready_path(agent, path);
	unlink(path);
	if (agent->resetting)
		conflist_remove(agent);
	notify_manager("STOPPING=1");
	free(readiness);
}
