/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_dump.c: the whole table for a program, `tortie bgp dump`, which makes a file of it.
 *
 * Nothing is turned into words here: attributes go as they stand in an UPDATE, written by the same
 * function, with AS numbers of four octets whatever the peer speaks. Peers are told before any
 * route. One that comes meanwhile is unknown to who asked, as are its routes; the format of such
 * files wants all peers at its beginning.
 *
 * query.c goes through the table in pieces. All routes of a prefix are in one piece.
 */
#include "bgp/query_dump.h"

#include "bgp/peer.h"
#include "lib/ip_prefix.h"

void query_dump_peers(struct query *query, struct speaker *speaker, struct query_buffer *buffer)
{
	struct msg_bgp_dump_peer record = { .router_id = speaker->router_id,
					    .as = speaker->config->bgp.as };
	struct peer *peer, *next;

	query->is_begun = true;
	query_put_record(buffer, MSG_BGP_DUMP_PEER, query->id, &record);
	HASH_ITER(hh, speaker->peers, peer, next)
	{
		record = (struct msg_bgp_dump_peer){ .addr = peer->addr,
						     .router_id = peer->router_id,
						     .as = peer->config.as };
		query_put_record(buffer, MSG_BGP_DUMP_PEER, query->id, &record);
	}
}

static void put_path(const struct query *query, const struct ip_prefix *prefix,
		     const struct rib_path *path, struct query_buffer *buffer)
{
	struct attribute_view view = attribute_set_view(path->attributes);
	struct msg_bgp_dump_route record = { .prefix = *prefix,
					     .peer = path->source->addr,
					     .next_hop = view.values->next_hop };
	struct message_header header = { .type = MSG_BGP_DUMP_ROUTE, .id = query->id };
	uint8_t attributes[ATTRIBUTE_AS_PATH_MAX + 3 * ATTRIBUTE_OCTETS_MAX];
	struct wire_writer writer;

	if (path->source->kind != SOURCE_LOCAL)
		record.since_s = (uint64_t)peer_of_source(path->source)->since_s;
	wire_writer_init(&writer, attributes, sizeof(attributes));
	/* Our own routes have no next hop yet: of IPv4 it is 0.0.0.0. */
	attributes_write(
		&writer, &view,
		update_family(prefix) == FAMILY_IPV4 &&
			(ip_addr_is_v4(&record.next_hop) || ip_addr_is_zero(&record.next_hop)),
		true);
	if (!wire_writer_ok(&writer))
		return;
	record.attributes_len = (uint32_t)writer.len;
	header.length = (uint32_t)(sizeof(header) + sizeof(record) + writer.len);
	query_put(buffer, &header, &record, attributes);
}

void query_dump_entry(const struct query *query, struct rib_entry *entry,
		      struct query_buffer *buffer)
{
	for (const struct rib_path *path = rib_best(entry); path; path = path->next)
		put_path(query, &entry->prefix, path, buffer);
}
