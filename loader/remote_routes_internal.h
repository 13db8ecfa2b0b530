/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_REMOTE_ROUTES_INTERNAL_H
#define LOADER_REMOTE_ROUTES_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "agent_protocol.h"
#include "dataplane_abi.h"
#include "lib/event_loop.h"
#include "lib/prefix_set.h"
#include "loader/hop_groups.h"
#include "loader/kernel_routes.h"
#include "loader/remote_routes.h"
#include "loader/route_lengths.h"
#include "loader/route_table.h"

/* Shared by remote_routes.c (what is wanted), route_apply.c (making it so) and route_repair.c
 * (what the kernel really has). */
struct remote_routes {
	struct agent *agent;
	struct route_table table;
	struct hop_groups groups;	    /* sets of several next hops in force */
	struct prefix_set pools;	    /* of the configuration */
	struct route_lengths lengths;	    /* of the routes in the map */
	struct dataplane_settings settings; /* as written last */
	bool has_settings;
	bool must_audit; /* compare the map too, not only the kernel's table */
	struct event_timer apply;
	struct event_timer compare;
	uint64_t compared_ms; /* when last */
	size_t repaired;      /* put back since the queue was last empty */
	size_t failed;	      /* kernel refusals since the queue was last empty */
	size_t failed_told;
	char failure[TEXT_MAX + 1]; /* the first of them */
	bool is_full;		    /* the map had no room, told */
	size_t refused;		    /* claims that were not taken */
	char refusal[TEXT_MAX + 1]; /* the last of them */
};

/* The kernel's route of an entry, as far as we know. */
static inline struct kernel_route routes_kernel_route(const struct route_entry *entry)
{
	return (struct kernel_route){ .prefix = entry->prefix,
				      .next_hop = entry->kernel_next_hop,
				      .ifindex = entry->kernel_ifindex,
				      .group = entry->kernel_group };
}

/* route_apply.c */

/** routes_apply_later() - take the queue in hand once the current event is over. */
void routes_apply_later(struct remote_routes *routes);
/** routes_apply_all() - now, until the queue is empty. */
void routes_apply_all(struct remote_routes *routes);
void routes_on_apply(void *arg); /* timer */
/** routes_settle() - at start, once all is applied. */
void routes_settle(struct remote_routes *routes);

/* route_repair.c */

/** routes_adopt() - take what map and kernel hold as stale claims. 0 or -errno. */
int routes_adopt(struct remote_routes *routes);
/** routes_compare_soon() - dump, compare, put back: at once, or shortly after the last time. */
void routes_compare_soon(struct remote_routes *routes);
void routes_on_compare(void *arg); /* timer */
void routes_on_kernel(const struct nlmsghdr *header, void *arg);

#endif /* LOADER_REMOTE_ROUTES_INTERNAL_H */
