/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_routes.c: an UPDATE's routes, from the parser to the table.
 *
 * update.c has read the lists and said what RFC 7606 makes of the attributes; import.c says whether
 * they can be used at all, and which prefixes the policy lets in; before it the peer's filter has
 * its say, and may change the attributes. What is not let in is removed, in case the peer told it
 * before with other attributes. A peer has a bound of routes of each family: what is
 * beyond it is not taken and said once; the session stays, or ends when the settings say so.
 */
#include <stdio.h>

#include "bgp/peer_internal.h"
#include "lib/log.h"

#define POOL_ROUTES_MAX 100000	/* taken from one peer: more than any map holds */
#define ALL_ROUTES_MAX	2000000 /* with import: all, more than the Internet's table */

static void withdraw_section(struct peer *peer, struct update_section *section)
{
	struct ip_prefix prefix;

	while (update_next_prefix(section, &prefix))
		if (update_family(&prefix) == section->family)
			rib_remove_path(peer->speaker->rib, &prefix, &peer->source);
}

static uint32_t limit_of(const struct peer *peer)
{
	if (peer->config.max_routes)
		return peer->config.max_routes;
	return peer->config.import == IMPORT_ALL ? ALL_ROUTES_MAX : POOL_ROUTES_MAX;
}

/* Is there room for one more route of this peer? Those on notice do not count: they go, unless the
 * peer tells them again after its restart, or in the refresh that is under way. At twice the limit
 * they go at once: who begins refresh after refresh would have ever more of them. */
static bool has_room(struct peer *peer, const struct ip_prefix *prefix)
{
	enum bgp_family family = update_family(prefix);
	uint32_t limit = limit_of(peer);

	if (rib_has_fresh_path(peer->speaker->rib, prefix, &peer->source))
		return true;
	if (peer->source.count[family] - peer->source.stale[family] < limit) {
		if (peer->source.count[family] / 2 >= limit)
			rib_remove_source(peer->speaker->rib, &peer->source, family, true);
		return true;
	}
	peer->is_beyond[family] = true;
	if (!peer->is_limit_logged && !peer->config.max_routes_close)
		log_error("peer %s: more than %u %s routes; the rest is not taken", peer->name,
			  limit, peer_family_name(family));
	peer->is_limit_logged = true;
	return false;
}

/* Remember that there is something to ask for should more be let in (peer_refresh.c). What nodes
 * announce of Services is never asked for: every node of a mesh does, and a pool that grows would
 * have all of them repeat themselves. */
static void note_refused(struct peer *peer, enum bgp_family family, const struct ip_prefix *prefix)
{
	char text[IP_PREFIX_TEXT_MAX];

	if (import_is_service(&peer->speaker->filter, prefix))
		return;
	if (!peer->is_refused[family])
		log_debug("peer %s: %s is not let in, and maybe others", peer->name,
			  ip_prefix_format(prefix, text, sizeof(text)));
	peer->is_refused[family] = true;
}

/* What the filter makes of the section's attributes, for the last mask of rules. */
struct filtered {
	struct attribute_set *from; /* as told, borrowed */
	struct attribute_set *to;   /* a reference; NULL: no prefix came by yet */
	struct filter_mask mask;
	enum filter_verdict verdict;
};

enum filter_verdict peer_filter_route(struct peer *peer, const struct ip_prefix *prefix,
				      const struct filter_mask *mask,
				      const struct attribute_set *attributes)
{
	struct speaker *speaker = peer->speaker;
	struct filter_route route = { .direction = FILTER_IMPORT,
				      .prefix = prefix,
				      .mask = mask,
				      .links = speaker->links,
				      .is_ebgp = peer->import.is_ebgp };

	attribute_set_draft(attributes, &speaker->draft);
	return filter_run(peer->filter, &route, &speaker->draft);
}

bool peer_lets_in(const struct peer *peer, const struct ip_prefix *prefix,
		  enum filter_verdict verdict)
{
	enum config_import policy = verdict == FILTER_ACCEPTED ? IMPORT_ALL : peer->config.import;

	return verdict != FILTER_REJECTED &&
	       import_accepts_prefix(&peer->speaker->filter, policy, prefix);
}

static void filter_section(struct peer *peer, const struct ip_prefix *prefix,
			   struct filtered *filtered)
{
	struct speaker *speaker = peer->speaker;
	struct filter_mask mask;

	filter_match(peer->filter, FILTER_IMPORT, prefix, &mask);
	if (filtered->to && filter_mask_equal(&mask, &filtered->mask))
		return;
	attribute_set_unref(&speaker->attributes, filtered->to);
	filtered->mask = mask;
	filtered->verdict = peer_filter_route(peer, prefix, &mask, filtered->from);
	filtered->to = attribute_set_intern(&speaker->attributes, &speaker->draft);
	if (!filtered->to)
		filtered->verdict = FILTER_REJECTED;
}

static bool is_let_in(struct peer *peer, const struct ip_prefix *prefix, struct filtered *filtered)
{
	if (peer->filter)
		filter_section(peer, prefix, filtered);
	return peer_lets_in(peer, prefix, filtered->verdict) && has_room(peer, prefix);
}

static void announce_section(struct peer *peer, struct update_section *section,
			     struct attribute_set *attributes)
{
	struct filtered filtered = { .from = attributes };
	struct speaker *speaker = peer->speaker;
	struct ip_prefix prefix;

	while (update_next_prefix(section, &prefix)) {
		if (update_family(&prefix) != section->family)
			continue; /* an IPv4-mapped address is no IPv6 destination */
		if (is_let_in(peer, &prefix, &filtered)) {
			rib_set_path(speaker->rib, &prefix, &peer->source,
				     filtered.to ? filtered.to : attributes);
			continue;
		}
		note_refused(peer, section->family, &prefix);
		rib_remove_path(speaker->rib, &prefix, &peer->source);
	}
	attribute_set_unref(&speaker->attributes, filtered.to);
}

static void take_section(struct peer *peer, struct update *update, struct update_section *section)
{
	struct attribute_view view = attributes_view_draft(&update->draft);
	struct attribute_set *attributes = NULL;
	enum import_refusal refusal;

	if (!peer->family[section->family])
		return;
	refusal =
		import_check_route(peer->speaker->config, &peer->import, &view, &section->next_hop);
	if (update->reaction < REACTION_WITHDRAW && refusal == IMPORT_OK) {
		update->draft.values.next_hop = section->next_hop;
		attributes = attribute_set_intern(&peer->speaker->attributes, &update->draft);
	}
	if (!attributes) {
		if (refusal != IMPORT_OK)
			log_debug("peer %s: routes not used: %s", peer->name,
				  import_refusal_text(refusal));
		withdraw_section(peer, section);
		return;
	}
	announce_section(peer, section, attributes);
	attribute_set_unref(&peer->speaker->attributes, attributes);
}

static void note_reaction(struct peer *peer, const struct update *update)
{
	const char *what = update->reaction == REACTION_WITHDRAW ? "its routes are withdrawn"
								 : "the attribute is left out";

	if (update->reaction == REACTION_NONE)
		return;
	if (update->cause)
		snprintf(peer->last_error, sizeof(peer->last_error),
			 "UPDATE whose attribute %u is bad or missing: %s (RFC 7606)",
			 update->cause, what);
	else
		snprintf(peer->last_error, sizeof(peer->last_error),
			 "UPDATE whose attributes do not fit their length: %s (RFC 7606)", what);
	peer->speaker->counts.bad_updates++;
	/* The first of a row says it; a peer that goes on must not fill the log. */
	if (peer->bad_updates++ == 0)
		log_warning("peer %s: %s", peer->name, peer->last_error);
}

void peer_take_update(struct peer *peer, struct update *update)
{
	note_reaction(peer, update);
	for (unsigned int i = 0; i < update->withdrawn_count; i++)
		if (peer->family[update->withdrawn[i].family])
			withdraw_section(peer, &update->withdrawn[i]);
	for (unsigned int i = 0; i < update->announced_count; i++)
		take_section(peer, update, &update->announced[i]);
	if (update->is_end_of_rib && peer->family[update->end_of_rib])
		peer_on_end_of_rib(peer, update->end_of_rib);
	speaker_report_soon(peer->speaker);
	for (int i = 0; i < FAMILY_COUNT && peer->config.max_routes_close; i++) {
		if (!peer->is_beyond[i])
			continue;
		peer_close_over_limit(peer, i, limit_of(peer)); /* the peer may be gone */
		return;
	}
}
