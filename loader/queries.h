/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_QUERIES_H
#define LOADER_QUERIES_H

#include "loader/server.h"

/* Handlers of the questions people ask: records, then MSG_END. By noun, in queries*.c, status.c,
 * drops.c, explain.c. */
request_fn query_status;       /* status.c */
request_fn query_endpoints;    /* queries.c */
request_fn query_pools;	       /* queries.c */
request_fn query_address;      /* queries.c */
request_fn query_routes;       /* queries_network.c */
request_fn query_nodes;	       /* queries_network.c */
request_fn query_peers;	       /* queries_network.c */
request_fn query_drops;	       /* drops.c */
request_fn query_follow_drops; /* drops.c */
request_fn query_explain;      /* explain.c */
request_fn handle_shutdown;    /* queries.c: ends the agent */

#endif /* LOADER_QUERIES_H */
