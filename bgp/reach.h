/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_REACH_H
#define BGP_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "ip_address.h"
#include "lib/prefix_set.h"

/* Which next hops this node can send to, as the agent says (MSG_BGP_SUBNETS). {0}: it has not said
 * yet, or there is none; then all are within reach. */
struct reach {
	bool is_known;
	struct prefix_set subnets; /* of the links to other nodes */
};

/** reach_read() - replace @reach by the body of a message, @len octets, borrowed. 0; -EPROTO or
 * -ENOMEM, and it is as before. */
int reach_read(struct reach *reach, const void *body, size_t len);
void reach_fini(struct reach *reach);
/** reach_has() - a rib_reach_fn: @arg is a struct reach. */
bool reach_has(const struct ip_addr *next_hop, void *arg);

#endif /* BGP_REACH_H */
