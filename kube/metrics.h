/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_METRICS_H
#define KUBE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

struct kubed;

/*
 * The text of /metrics (Prometheus' text format 0.0.4). What the agent knows is asked for when
 * somebody asks us; a text is made when the answers are in, or when they do not come in time.
 */

#define METRICS_POOLS_MAX   256 /* names; the rest is summed up as one */
#define METRICS_REASONS_MAX 64
#define METRICS_BFD_STATES  5 /* of enum bgp_bfd_state */
#define METRICS_STATES	    8 /* of enum peer_state, and one for others */

struct metrics_pool {
	char name[NAME_MAX_LEN + 1];
	uint64_t capacity, used, quarantined;
};

/* What the agent answered. */
struct metrics_agent {
	bool is_known;
	uint64_t peers[METRICS_STATES];
	uint64_t routes_received, routes_advertised;
	uint64_t bfd[METRICS_BFD_STATES]; /* peers with BFD */
	uint64_t bfd_times_down;
	uint64_t restarting; /* peers whose routes are kept through a restart */
	struct metrics_pool pool[METRICS_POOLS_MAX];
	size_t pool_count;
	uint64_t drops[METRICS_REASONS_MAX];
	bool has_drops[METRICS_REASONS_MAX];
};

/** metrics_add() - a record of the agent's answers; types that say nothing are passed over. */
void metrics_add(struct metrics_agent *agent, const struct message_header *header,
		 const void *body);
/** metrics_text() - the whole, the caller's (free()); NULL: out of memory. */
char *metrics_text(const struct kubed *kubed, const struct metrics_agent *agent);

#endif /* KUBE_METRICS_H */
