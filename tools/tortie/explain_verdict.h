/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_EXPLAIN_VERDICT_H
#define TOOLS_TORTIE_EXPLAIN_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "agent_protocol.h"
#include "dataplane_abi.h"
#include "tools/tortie/request.h"

struct explain_verdict {
	bool is_delivered; /* to the pod, to the next node, or to the node itself */
	bool asks_ground;  /* the host stack has it: judge again with its ground */
	char text[TEXT_MAX + 1];
	char next[TEXT_MAX + 1]; /* what to look at next, empty: nothing */
};

/* What decides about a packet in the host stack. */
struct explain_ground {
	struct ip_addr to;
	bool in_own_block; /* of this node, without a pod */
	bool in_pool;
	bool has_no_uplink; /* a route is known, its next hop is on no uplink */
	bool is_announced;  /* a route to another node is in force, maybe in the kernel alone */
};

/** explain_verdict_judge() - from the steps alone (pure). */
void explain_verdict_judge(const struct msg_explain_step *steps, size_t count,
			   struct explain_verdict *ret);
/** explain_verdict_judge_ground() - settle a verdict with asks_ground (pure). */
void explain_verdict_judge_ground(const struct explain_ground *ground,
				  struct explain_verdict *verdict);
/** explain_ground_ask() - the agent's routes and pools. 0 or -errno, said. */
int explain_ground_ask(struct request *request, const struct ip_addr *to,
		       struct explain_ground *ret);

#endif /* TOOLS_TORTIE_EXPLAIN_VERDICT_H */
