/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_STATUS_LINES_H
#define LOADER_STATUS_LINES_H

#include "agent_protocol.h"

struct agent;

/* Each part says its conditions for `tortie status`: what is wrong or worth knowing, one line each.
 */
typedef int status_line_fn(enum status_level level, const char *text, void *arg);

int uplinks_status(struct agent *agent, status_line_fn *fn, void *arg);	      /* uplink.c */
int remote_routes_status(struct agent *agent, status_line_fn *fn, void *arg); /* remote_routes.c */
int masquerade_status(struct agent *agent, status_line_fn *fn, void *arg);    /* masquerade.c */
int bgp_feed_status(struct agent *agent, status_line_fn *fn, void *arg);      /* bgp_feed.c */
int endpoint_store_status(struct agent *agent, status_line_fn *fn,
			  void *arg); /* endpoint_store.c */
int ipam_status(struct agent *agent, status_line_fn *fn,
		void *arg); /* ipam's usage, cni_requests.c */
int forward_accept_status(struct agent *agent, status_line_fn *fn,
			  void *arg);					    /* forward_accept.c */
int stack_flows_status(struct agent *agent, status_line_fn *fn, void *arg); /* stack_flows.c */
int hook_watch_status(struct agent *agent, status_line_fn *fn, void *arg);  /* hook_watch.c */

#endif /* LOADER_STATUS_LINES_H */
