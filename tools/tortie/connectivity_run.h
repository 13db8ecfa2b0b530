/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_CONNECTIVITY_RUN_H
#define TOOLS_TORTIE_CONNECTIVITY_RUN_H

#include "tools/tortie/cluster.h"
#include "tools/tortie/connectivity.h"

/* A run of `tortie connectivity test`. */
struct connectivity_run {
	const struct command_line *line;
	struct cluster cluster;
	struct connectivity_plan plan;
	struct json_object *results;
	bool owns_namespace;
	long until_s;	      /* CLOCK_MONOTONIC: the end of waiting */
	long servers_until_s; /* of waiting for servers: probers want some of the time too */
	char image[512];
};

/** connectivity_run_pause() - half a second; false: interrupted, or it is @until_s. */
bool connectivity_run_pause(struct connectivity_run *run, long until_s);
/** connectivity_run_create() - POST @object (given up) into the namespace. 0 or -errno, said. */
int connectivity_run_create(struct connectivity_run *run, const char *resource,
			    struct json_object *object);

/* connectivity_wait.c. Each: 0 or -errno. */

/** connectivity_run_plan() - image and outside, from the line or the cluster. Said. */
int connectivity_run_plan(struct connectivity_run *run);
/** connectivity_run_nodes() - the nodes that take part. -ENODATA: said, else not. */
int connectivity_run_nodes(struct connectivity_run *run);
/** connectivity_run_wait_servers() - until all are ready or the time is over; their addresses go
 * into the plan, that they are ready or not into the results. Said. */
int connectivity_run_wait_servers(struct connectivity_run *run);
/** connectivity_run_wait_probers() - until all have ended or the time is over. Said. */
int connectivity_run_wait_probers(struct connectivity_run *run);

#endif /* TOOLS_TORTIE_CONNECTIVITY_RUN_H */
