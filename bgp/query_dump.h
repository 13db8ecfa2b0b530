/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_QUERY_DUMP_H
#define BGP_QUERY_DUMP_H

#include "bgp/query.h"
#include "bgp/rib.h"

/* The pieces of the answer to MSG_BGP_GET_DUMP, for query.c. */

/** query_dump_peers() - append this node and its peers, and note it. */
void query_dump_peers(struct query *query, struct speaker *speaker, struct query_buffer *buffer);
/** query_dump_entry() - append every route to @entry's prefix. */
void query_dump_entry(const struct query *query, struct rib_entry *entry,
		      struct query_buffer *buffer);

#endif /* BGP_QUERY_DUMP_H */
