/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CLUSTER_H
#define LOADER_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "loader/server.h"
#include "loader/status_lines.h"

struct agent;
struct config;

/*
 * What the cluster says, by way of tortie-kubed: the document that completes the configuration, and
 * facts beside it. One watcher at a time. Without `kubernetes:` in the file there is nothing here.
 */
struct cluster;

/** cluster_open() - read the document of before, if there is one; agent->config is completed by it
 * then. 0 or -errno. */
int cluster_open(struct agent *agent, struct cluster **ret_cluster);
/** cluster_restore() - write kubernetes.state again when somebody removed or changed it; said in
 * the log. */
void cluster_restore(struct cluster *cluster);
void cluster_close(struct cluster *cluster); /* NULL is fine; agent->config goes with it */
enum cluster_state cluster_state(const struct cluster *cluster);
uint32_t cluster_policies(const struct cluster *cluster);
/** cluster_waits() - is there no document yet? Then only the sockets are open. */
bool cluster_waits(const struct cluster *cluster);
/** cluster_wait_words() - what is waited for, and who can tell why; lasts as long as the wait. */
const char *cluster_wait_words(const struct agent *agent);
/** cluster_lacks_block() - does the cluster give this node no addresses for pods? With words in
 * @buf then. */
bool cluster_lacks_block(const struct agent *agent, char *buf, size_t size);
/** cluster_greet() - a speaker has said hello: it gets the document in force. */
int cluster_greet(struct agent *agent, struct client *client);
int cluster_status(struct agent *agent, status_line_fn *fn, void *arg);

/* server.c's handlers for MSG_CLUSTER_* and MSG_GET_OBJECTS */
request_fn cluster_handle_begin, cluster_handle_notice, cluster_handle_object,
	cluster_handle_commit, query_objects;

/** cluster_apply() - cluster_apply.c: make @next the configuration in force and give all parts the
 * difference. 0, or -ENOMEM and nothing is changed. The one before is still the caller's. */
int cluster_apply(struct agent *agent, const struct config *next);

#endif /* LOADER_CLUSTER_H */
