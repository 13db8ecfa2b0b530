/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover_give.c: a speaker as it leaves itself to the next one.
 *
 * Sessions are written at the boundary that they are at: what was read is in the table or in the
 * record as the start of a message, what was to be said is with the socket or in the record. From
 * here on this speaker must neither read nor write any of them.
 *
 * The table is written as it lies, after the import filters, each peer's routes as UPDATEs that
 * share their attributes. One walk makes a list of all routes, sorted by peer and attributes: the
 * table has no such order, and a walk for each peer would be too many.
 */
#include "bgp/handover_give.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgp/handover.h"
#include "bgp/peer.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lib/sealed_text.h"

#define KEEP_MAX_MS  30000 /* that our successor may take to come */
#define PREFIXES_MAX 1024  /* handed to the writer at once: more never fit */

struct listed {
	const struct rib_source *source;
	struct attribute_set *attributes;
	const struct ip_prefix *prefix;
	bool is_stale;
};

struct list {
	struct listed *route;
	size_t count, size;
	bool is_too_large; /* no memory */
};

/* --- the list of routes --- */

static void list_entry(struct rib_entry *entry, void *arg)
{
	struct list *list = arg;

	for (struct rib_path *path = rib_best(entry); path; path = path->next) {
		if (path->source->kind == SOURCE_LOCAL)
			continue; /* known from the configuration */
		if (list->count == list->size) {
			size_t size = list->size ? list->size * 2 : 1024;
			struct listed *grown = reallocarray(list->route, size, sizeof(*grown));

			list->is_too_large |= !grown;
			if (!grown)
				return;
			list->route = grown;
			list->size = size;
		}
		list->route[list->count++] = (struct listed){ path->source, path->attributes,
							      &entry->prefix, path->is_stale };
	}
}

static int compare_pointers(const void *a, const void *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

/* Of a peer those on notice first, so that whoever reads them can mark them all. */
static int compare_listed(const void *left, const void *right)
{
	const struct listed *a = left, *b = right;
	int order = compare_pointers(a->source, b->source);

	if (order == 0)
		order = (int)b->is_stale - (int)a->is_stale;
	if (order == 0)
		order = (int)update_family(a->prefix) - (int)update_family(b->prefix);
	return order ? order : compare_pointers(a->attributes, b->attributes);
}

static bool is_alike(const struct listed *a, const struct listed *b)
{
	return compare_listed(a, b) == 0;
}

/* Where the routes of @source begin. */
static size_t find_source(const struct list *list, const struct rib_source *source)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_pointers(list->route[middle].source, source) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* --- writing --- */

/* @count routes that are alike. */
static void write_alike(struct handover_writer *writer, const struct listed *route, size_t count)
{
	struct attribute_view view = attribute_set_view(route->attributes);
	struct ip_prefix prefix[PREFIXES_MAX];
	uint8_t buf[UPDATE_STORED_MAX];

	while (count > 0) {
		size_t taken = count < PREFIXES_MAX ? count : PREFIXES_MAX, len;

		for (size_t i = 0; i < taken; i++)
			prefix[i] = *route[i].prefix;
		len = update_write_stored(buf, &view, prefix, &taken);
		if (len == 0) { /* there is room for every set */
			writer->err = -EMSGSIZE;
			return;
		}
		handover_write_routes(writer, route->is_stale, buf, len);
		route += taken;
		count -= taken;
	}
}

static void write_peer(struct handover_writer *writer, struct peer *peer,
		       const struct handover_peer *state, const struct list *list)
{
	struct handover_peer_end end = { .told = advertise_digest(peer->speaker->advertise,
								  &peer->member) };
	size_t at = find_source(list, &peer->source), next;

	handover_write_peer(writer, state);
	for (; at < list->count && list->route[at].source == &peer->source; at = next) {
		const struct listed *first = &list->route[at];

		for (next = at + 1; next < list->count && is_alike(first, &list->route[next]);)
			next++;
		write_alike(writer, first, next - at);
	}
	handover_write_peer_end(writer, &end);
}

static void write_passwords(struct handover_writer *writer, const struct speaker *speaker)
{
	for (size_t i = 0; i < speaker->config->bgp.peer_count; i++)
		if (speaker->password[i])
			handover_write_password(writer, (uint32_t)i, speaker->password[i]);
}

/* Shorter than any peer waits for a word of us. */
static uint32_t keep_ms(uint32_t so_far_ms, const struct peer *peer)
{
	uint32_t half_ms = peer->established->hold_time_s * 500u;

	return half_ms > 0 && half_ms < so_far_ms ? half_ms : so_far_ms;
}

static void note_session(struct handover_gift *gift, const struct peer *peer)
{
	if (!peer->established)
		return;
	gift->session[gift->session_count++] = peer->established->fd;
	gift->keep_ms = keep_ms(gift->keep_ms, peer);
}

/* Everybody who has a session, or may be restarting. */
static void write_peers(struct handover_writer *writer, struct speaker *speaker,
			const struct list *list, struct handover_gift *gift)
{
	struct peer *peer, *next;
	struct handover_peer state;

	HASH_ITER(hh, speaker->peers, peer, next)
	{
		if (!peer_leave(peer, (uint32_t)gift->session_count, &state))
			continue;
		note_session(gift, peer);
		write_peer(writer, peer, &state, list);
	}
}

static uint32_t count_sessions(const struct speaker *speaker)
{
	struct peer *peer, *next;
	uint32_t count = 0;

	HASH_ITER(hh, speaker->peers, peer, next)
	count += peer->established != NULL;
	return count;
}

static int write_all(struct handover_writer *writer, struct speaker *speaker,
		     const struct config_source *source, struct handover_gift *gift)
{
	struct handover_speaker head = { speaker->is_restarting, speaker->is_in_sync };
	struct list list = {};

	rib_walk(speaker->rib, list_entry, &list);
	if (list.is_too_large) {
		free(list.route);
		return -ENOMEM;
	}
	if (list.count > 0)
		qsort(list.route, list.count, sizeof(*list.route), compare_listed);
	handover_write_speaker(writer, &head);
	handover_write_text(writer, HANDOVER_BASE, source->base, source->base_len);
	if (source->document)
		handover_write_text(writer, HANDOVER_DOCUMENT, source->document,
				    source->document_len);
	write_passwords(writer, speaker);
	write_peers(writer, speaker, &list, gift);
	free(list.route);
	return handover_finish(writer, (uint32_t)gift->session_count);
}

/*
 * A session whose peer has stopped reading in this very round ends here, and all that follows is
 * told: left out of the file alone, its routes would be missing at the next speaker, who could not
 * know what the other peers have been told of them and would have to tell them all again.
 */
static void settle(struct speaker *speaker)
{
	struct peer *peer, *next;
	bool is_any = true;

	while (is_any) {
		is_any = false;
		speaker_finish_round(speaker);
		HASH_ITER(hh, speaker->peers, peer, next)
		if (peer->established && session_end_overflowed(peer->established))
			is_any = true;
	}
}

int handover_give(struct speaker *speaker, const struct config_source *source,
		  struct handover_gift *gift)
{
	struct handover_writer *writer = malloc(sizeof(*writer));
	int err = -ENOMEM;

	settle(speaker);
	gift->session = calloc(count_sessions(speaker) + 1, sizeof(*gift->session));
	gift->session_count = 0;
	gift->keep_ms = KEEP_MAX_MS;
	if (writer && gift->session) {
		handover_begin(writer, gift->state_fd);
		err = write_all(writer, speaker, source, gift);
	}
	if (err == 0)
		err = sealed_text_seal(gift->state_fd);
	free(writer);
	return err;
}

void handover_gift_free(struct handover_gift *gift)
{
	free(gift->session);
	close(gift->state_fd);
	gift->session = NULL;
	gift->state_fd = -1;
}
