/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_KUBED_H
#define KUBE_KUBED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/agent_feed.h"
#include "kube/cluster.h"
#include "kube/document.h"
#include "kube/node_status.h"
#include "kube/policies.h"
#include "kube/watch.h"
#include "lib/config.h"
#include "lib/kube_client.h"

/* The whole of tortie-kubed but its HTTP server, which reads it. */

#define KUBED_LINES_MAX 32 /* of the agent's conditions that are kept */

struct kubed;

/* A kind that makes the document. */
struct kubed_kind {
	struct kubed *kubed;
	struct watch_kind row;
	char path[512];
	struct watch *watch;
	bool is_started;
};

struct kubed {
	struct event_loop *loop;
	const struct config *config;
	struct agent_feed *feed;

	/* NULL without `kubernetes:` */
	struct kube_config *kube_config;
	struct kube_client *client;
	struct policies *policies;
	struct node_status *node_status;
	struct kubed_kind kind[CLUSTER_KINDS];
	struct cluster cluster;

	struct document document; /* as last built */
	uint64_t told_hash;	  /* of what was told the agent last */
	bool has_told, is_accepted;
	char refusal[TEXT_MAX + 1]; /* why the agent refused it, "" */
	uint32_t told_policies;
	uint64_t commits, refusals;
	struct event_timer build_timer;

	/* the agent, as last heard */
	struct event_timer status_timer;
	bool has_status;
	bool is_asking; /* an answer is waited for */
	struct msg_status status, next_status;
	struct msg_status_line line[KUBED_LINES_MAX], next_line[KUBED_LINES_MAX];
	size_t line_count, next_line_count;
};

/** kubed_new() - everything given is borrowed. 0, or -errno after saying why. */
int kubed_new(struct event_loop *loop, const struct config *config, const char *run_dir,
	      struct kubed **ret);
void kubed_start(struct kubed *kubed);
void kubed_free(struct kubed *kubed); /* NULL is fine */

/**
 * kubed_why_not_ready() - what is missing, one item a line, into @text; "" when pods get their
 * network and the cluster's state is the newest.
 */
void kubed_why_not_ready(const struct kubed *kubed, char *text, size_t size);

#endif /* KUBE_KUBED_H */
