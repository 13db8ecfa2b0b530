/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_MRT_H
#define TOOLS_TORTIE_MRT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "agent_protocol.h"

#define MRT_PEERS_MAX 65535 /* RFC 6396 section 4.3.1: the count has two octets */

/* A table as TABLE_DUMP_V2 (RFC 6396 section 4.3). Zeroed but for file and time_s to begin with. */
struct mrt_dump {
	FILE *file;	 /* borrowed */
	uint32_t time_s; /* of every record */
	struct msg_bgp_dump_peer *peer;
	size_t peer_count, peer_size;
	uint32_t *order; /* numbers of peers, sorted by address, once the peers are complete */
	uint32_t sequence;
	struct ip_prefix prefix; /* of the record under way */
	size_t entry_count;
	uint8_t *entries;
	size_t entries_len, entries_size;
	size_t left_out; /* routes of peers that are not in the table */
	size_t written;	 /* routes */
};

/* All return 0 or -errno: -ENOMEM, that of writing, -ERANGE for what the format cannot hold. */

/** mrt_add_peer() - the next peer; the first one is the collector itself. */
int mrt_add_peer(struct mrt_dump *dump, const struct msg_bgp_dump_peer *peer);
/** mrt_add_route() - the next route; all of a prefix in a row. @attributes: route->attributes_len
 * octets. Peers are complete. */
int mrt_add_route(struct mrt_dump *dump, const struct msg_bgp_dump_route *route,
		  const uint8_t *attributes);
/** mrt_finish() - write what is under way; without a route, the peers alone. */
int mrt_finish(struct mrt_dump *dump);
void mrt_free(struct mrt_dump *dump);

#endif /* TOOLS_TORTIE_MRT_H */
