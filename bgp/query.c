/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.c: answers to people's questions: peers, routes, acts.
 *
 * A table of routes may have millions, and changes while one reads it. So an answer is made in
 * pieces, as the reader takes them (query_socket.c): rib_scan() goes through the table from where
 * it was, and nothing is kept but the place. A route that comes or goes meanwhile may be in the
 * answer or not.
 *
 * AS paths and communities travel as the text that people read.
 */
#include "bgp/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/as_path.h"
#include "bgp/bfd.h"
#include "bgp/communities.h"
#include "bgp/multipath.h"
#include "bgp/peer.h"
#include "bgp/query_dump.h"
#include "lib/agent_client.h"
#include "lib/ip_prefix.h"

#define SCAN_MAX	4096  /* buckets a piece: sessions wait meanwhile */
#define PIECE_LEN	16384 /* octets of an answer that are enough for a piece */
#define PATH_TEXT_MAX	24576 /* 2,047 ASNs of eleven octets */
#define COMMUNITIES_MAX 16384 /* 1,023 communities of twelve octets, or 341 large ones */

/* --- the buffer --- */

void query_buffer_fini(struct query_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct query_buffer){ 0 };
}

static uint8_t *make_room(struct query_buffer *buffer, size_t len)
{
	size_t size = buffer->size ? buffer->size : 4096;
	uint8_t *grown;

	while (size < buffer->len + len)
		size *= 2;
	if (size > buffer->size) {
		grown = realloc(buffer->data, size);
		if (!grown) {
			buffer->is_lost = true;
			return NULL;
		}
		buffer->data = grown;
		buffer->size = size;
	}
	buffer->len += len;
	return buffer->data + buffer->len - len;
}

void query_put(struct query_buffer *buffer, const struct message_header *header, const void *body,
	       const void *text)
{
	int body_len = agent_message_body_size(header->type);
	uint8_t *at = make_room(buffer, header->length);

	if (!at)
		return;
	memcpy(at, header, sizeof(*header));
	if (body_len > 0)
		memcpy(at + sizeof(*header), body, (size_t)body_len);
	at += sizeof(*header) + (size_t)body_len;
	if (text)
		memcpy(at, text, header->length - sizeof(*header) - (size_t)body_len);
}

void query_put_record(struct query_buffer *buffer, uint32_t type, uint32_t id, const void *body)
{
	struct message_header header = { .type = type, .id = id };

	header.length = (uint32_t)sizeof(header) + (uint32_t)agent_message_body_size(type);
	query_put(buffer, &header, body, NULL);
}

void query_error(struct query_buffer *buffer, uint32_t id, int error, const char *text)
{
	struct msg_error body = { .error = error < 0 ? -error : error };

	snprintf(body.text, sizeof(body.text), "%s", text);
	query_put_record(buffer, MSG_ERROR, id, &body);
}

/* --- peers --- */

static uint32_t peer_flags(const struct peer *peer)
{
	const struct capabilities *caps = &peer->capabilities;
	uint32_t flags = 0;

	flags |= peer->source.kind == SOURCE_EBGP ? 0 : BGP_PEER_INTERNAL;
	flags |= peer->config.reflector_client ? BGP_PEER_REFLECTOR_CLIENT : 0;
	flags |= peer->config.passive ? BGP_PEER_PASSIVE : 0;
	flags |= peer->is_down ? BGP_PEER_DOWN : 0;
	flags |= peer->filter ? BGP_PEER_FILTERED : 0;
	if (!peer->established)
		return flags;
	flags |= caps->graceful_restart ? BGP_PEER_GRACEFUL_RESTART : 0;
	flags |= caps->route_refresh ? BGP_PEER_ROUTE_REFRESH : 0;
	flags |= caps->four_octet_as ? BGP_PEER_FOUR_OCTET_AS : 0;
	flags |= caps->extended_next_hop ? BGP_PEER_EXTENDED_NEXT_HOP : 0;
	flags |= peer->family[FAMILY_IPV4] ? BGP_PEER_IPV4 : 0;
	return flags | (peer->family[FAMILY_IPV6] ? BGP_PEER_IPV6 : 0);
}

static void fill_bfd(const struct peer *peer, struct msg_bgp_peer *ret)
{
	const struct bfd_session *bfd = peer->bfd;

	if (!bfd)
		return;
	ret->flags |= bfd->params.is_multihop ? BGP_PEER_BFD_MULTIHOP : 0;
	ret->bfd_remote_state = BGP_BFD_ADMIN_DOWN + (uint32_t)bfd->machine.remote_state;
	ret->bfd_interval_ms = (uint32_t)(bfd_machine_interval_us(&bfd->machine) / 1000);
	ret->bfd_detection_ms = (uint32_t)(bfd_machine_detection_us(&bfd->machine) / 1000);
	ret->bfd_received = bfd->received;
	ret->bfd_sent = bfd->sent;
	ret->bfd_discarded = bfd->discarded;
	snprintf(ret->bfd_diagnostic, sizeof(ret->bfd_diagnostic), "%s",
		 bfd_diagnostic_text(bfd->machine.diagnostic));
	if (bfd->discarded > 0)
		snprintf(ret->bfd_discard, sizeof(ret->bfd_discard), "%s",
			 bfd_discard_text(bfd->last_discard));
}

static void put_peers(const struct query *query, struct speaker *speaker,
		      struct query_buffer *buffer)
{
	struct peer *peer, *next;

	HASH_ITER(hh, speaker->peers, peer, next)
	{
		struct msg_bgp_peer record = {
			.local_as = peer->config.local_as,
			.flags = peer_flags(peer),
			.updates_in = peer->updates_in,
			.updates_out = peer->updates_out,
			.bad_updates = peer->bad_updates,
			.times_up = peer->times_up,
		};

		peer_report(peer, false); /* the counts of now */
		peer_fill_report(peer, &record.peer);
		fill_bfd(peer, &record);
		snprintf(record.sent, sizeof(record.sent), "%s", peer->sent);
		snprintf(record.received, sizeof(record.received), "%s", peer->received);
		query_put_record(buffer, MSG_BGP_PEER, query->id, &record);
	}
}

/* --- routes --- */

struct walk {
	const struct query *query;
	struct speaker *speaker;
	struct query_buffer *buffer;
};

static size_t write_communities(const struct attribute_view *view, char *text, size_t size)
{
	struct config_community community;
	size_t at = 0, used = 0;

	text[0] = '\0';
	while (used < size && communities_next(view, &at, &community)) {
		used += (size_t)snprintf(text + used, size - used, "%s%u:%u", used ? " " : "",
					 community.part[0], community.part[1]);
		if (community.is_large && used < size)
			used += (size_t)snprintf(text + used, size - used, ":%u",
						 community.part[2]);
	}
	return strlen(text);
}

/* @record has the prefix, the peer and the flags; the rest is in @attributes. */
static void put_route(const struct walk *walk, struct msg_bgp_route *record,
		      const struct attribute_set *attributes)
{
	struct attribute_view view = attribute_set_view(attributes);
	const struct attribute_values *values = view.values;
	struct message_header header = { .type = MSG_BGP_ROUTE, .id = walk->query->id };
	char text[PATH_TEXT_MAX + COMMUNITIES_MAX];

	as_path_format(view.as_path, values->as_path_len, text, PATH_TEXT_MAX);
	record->path_len = (uint32_t)strlen(text);
	record->communities_len =
		(uint32_t)write_communities(&view, text + record->path_len, COMMUNITIES_MAX);
	record->next_hop = values->next_hop;
	record->origin = values->origin;
	record->med = values->med;
	record->local_pref = values->local_pref;
	if (values->present & HAS_MED)
		record->flags |= BGP_ROUTE_HAS_MED;
	if (values->present & HAS_LOCAL_PREF)
		record->flags |= BGP_ROUTE_HAS_LOCAL_PREF;
	header.length = (uint32_t)(sizeof(header) + sizeof(*record)) + record->path_len +
			record->communities_len;
	query_put(walk->buffer, &header, record, text);
}

static bool is_asked_peer(const struct walk *walk, const struct ip_addr *addr)
{
	const struct ip_addr *asked = &walk->query->routes.peer;

	return ip_addr_is_zero(asked) || ip_addr_equal(asked, addr);
}

static void put_path(const struct walk *walk, struct rib_entry *entry, const struct rib_path *path)
{
	bool is_own = path->source->kind == SOURCE_LOCAL;
	bool is_multipath = multipath_uses(entry, path, walk->speaker->config->bgp.max_paths);
	struct msg_bgp_route record = { .prefix = entry->prefix, .peer = path->source->addr };

	if ((walk->query->routes.which == BGP_ROUTES_IN && is_own) ||
	    (walk->query->routes.which == BGP_ROUTES_BEST && path != rib_best(entry) &&
	     !is_multipath) ||
	    !is_asked_peer(walk, &path->source->addr))
		return;
	record.flags |= path == rib_best(entry) ? BGP_ROUTE_BEST : 0;
	record.flags |= is_multipath ? BGP_ROUTE_MULTIPATH : 0;
	record.flags |= path->is_stale ? BGP_ROUTE_STALE : 0;
	record.flags |= path->is_unreachable ? BGP_ROUTE_UNREACHABLE : 0;
	record.flags |= is_own ? BGP_ROUTE_OWN : 0;
	record.flags |= path->source->kind >= SOURCE_IBGP ? BGP_ROUTE_INTERNAL : 0;
	put_route(walk, &record, path->attributes);
}

static void put_told(const struct walk *walk, struct rib_entry *entry)
{
	struct peer *peer, *next;

	HASH_ITER(hh, walk->speaker->peers, peer, next)
	{
		struct msg_bgp_route record = { .prefix = entry->prefix, .peer = peer->addr };
		struct attribute_set *told;

		if (!is_asked_peer(walk, &peer->addr))
			continue;
		told = advertise_told(walk->speaker->advertise, &peer->member, entry);
		if (!told)
			continue;
		record.flags = peer->source.kind >= SOURCE_IBGP ? BGP_ROUTE_INTERNAL : 0;
		put_route(walk, &record, told);
		attribute_set_unref(&walk->speaker->attributes, told);
	}
}

static bool is_asked_prefix(const struct msg_bgp_get_routes *asked, const struct ip_prefix *prefix)
{
	switch (asked->match) {
	case BGP_MATCH_INSIDE:
		return ip_prefix_covers(&asked->prefix, prefix);
	case BGP_MATCH_COVERING:
		return ip_prefix_covers(prefix, &asked->prefix);
	default:
		return true;
	}
}

static void put_entry(struct rib_entry *entry, void *arg)
{
	const struct walk *walk = arg;

	if (walk->query->type == MSG_BGP_GET_DUMP) {
		query_dump_entry(walk->query, entry, walk->buffer);
		return;
	}
	if (!is_asked_prefix(&walk->query->routes, &entry->prefix))
		return;
	if (walk->query->routes.which == BGP_ROUTES_OUT) {
		put_told(walk, entry);
	} else {
		for (struct rib_path *path = rib_best(entry); path; path = path->next)
			put_path(walk, entry, path);
	}
}

/* --- all --- */

static void end(struct query *query, struct query_buffer *buffer)
{
	query_put_record(buffer, MSG_END, query->id, NULL);
	query->type = 0;
}

void query_more(struct query *query, struct speaker *speaker, struct query_buffer *buffer)
{
	struct walk walk = { query, speaker, buffer };
	size_t before = buffer->len;

	if (!speaker || query->type == MSG_BGP_GET_PEERS) {
		if (speaker)
			put_peers(query, speaker, buffer);
		end(query, buffer);
		return;
	}
	if (query->type == MSG_BGP_GET_DUMP && !query->is_begun)
		query_dump_peers(query, speaker, buffer);
	if (query->routes.which == BGP_ROUTES_OUT)
		speaker_work_off(speaker); /* what was told follows from what is best now */
	for (int i = 0; i < SCAN_MAX && buffer->len - before < PIECE_LEN; i++) {
		if (!rib_scan(speaker->rib, &query->cursor, put_entry, &walk)) {
			end(query, buffer);
			return;
		}
	}
}

void query_act(uint32_t id, const struct msg_bgp_act *act, struct speaker *speaker,
	       struct query_buffer *buffer)
{
	char addr[IP_ADDR_TEXT_MAX], text[TEXT_MAX + 1];
	struct peer *peer = NULL;
	const char *why = "";
	int err = -ENOENT;

	ip_addr_format(&act->peer, addr, sizeof(addr));
	if (speaker)
		HASH_FIND(hh, speaker->peers, &act->peer, sizeof(act->peer), peer);
	if (!peer)
		why = "no such peer (tortie bgp peers lists them)";
	else
		err = peer_act(peer, act->act, act->text, &why);
	if (speaker)
		speaker_finish_round(speaker);
	if (err < 0) {
		snprintf(text, sizeof(text), "peer %s: %s", addr, why);
		query_error(buffer, id, err, text);
		return;
	}
	query_put_record(buffer, MSG_END, id, NULL);
}
