/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_STACK_FLOWS_H
#define LOADER_STACK_FLOWS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/config.h"
#include "loader/conntrack.h"

struct agent;
struct stack_flows;

/* The host stack's flows, with kube-proxy beside us; without, everything here does nothing. */

/** stack_flows_open() - after the programs are loaded and before any is attached: what conntrack
 * has translated so far is the host stack's. 0 or -errno. */
int stack_flows_open(struct agent *agent, struct stack_flows **ret_flows);
/** stack_flows_settle() - once all hooks run the new programs: the same for what came meanwhile. */
void stack_flows_settle(struct stack_flows *flows);
void stack_flows_close(struct stack_flows *flows); /* NULL is fine */

/** stack_flows_wants() - does @entry of conntrack belong into the maps: translated, and from pod to
 * pod behind that? Its key to *ret_key. Pure. */
bool stack_flows_wants(const struct config_pool *pools, size_t pool_count,
		       const struct conntrack_entry *entry, struct flow_key *ret_key);

#endif /* LOADER_STACK_FLOWS_H */
