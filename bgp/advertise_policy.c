/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advertise_policy.c: which routes peers are told of, and with which attributes.
 *
 * RFC 4271 5.1, 9.2 (and 5.1.3 for next hops), 4456 section 8, 1997, 8950 section 4, and the peers'
 * filters (filter.c). Pure.
 */
#include "bgp/advertise_internal.h"
#include "bgp/reflector.h"
#include "lib/ip_prefix.h"

#define PREPEND_MAX 6 /* octets that our AS may add to a path: a segment of its own */
#define CLUSTER_LEN 4

/* RFC 4271 section 5.1.3: our own routes, and by default all that external peers get. */
static bool has_our_next_hop(const struct advertise_key *key, const struct attribute_values *values)
{
	if (values->present & HAS_EMPTY_NEXT_HOP || key->next_hop_mode == NEXT_HOP_SELF)
		return true;
	return key->kind == SOURCE_EBGP && key->next_hop_mode == NEXT_HOP_AUTO;
}

/* May @key's peers be told of @route at all, whatever the policy? What they would send to us must
 * be what we can send on. */
static bool is_exportable(const struct advertise_key *key, const struct route *route)
{
	uint32_t present = route->attributes->values.present;

	if (route->is_unreachable && has_our_next_hop(key, &route->attributes->values))
		return false;
	return key->family[route->family] && !(present & HAS_NO_ADVERTISE) &&
	       !(present & HAS_NO_EXPORT && key->kind == SOURCE_EBGP) &&
	       reflector_may_pass(route->source->kind, key->kind);
}

/* Are they, when no filter says? */
static bool is_exported(const struct advertise_key *key, const struct route *route)
{
	enum rib_source_kind from = route->source->kind;

	if (key->export == EXPORT_NONE)
		return false;
	/* reflector_client says what is reflected, whatever else is exported */
	return key->export == EXPORT_ALL || from == SOURCE_LOCAL ||
	       reflector_is_reflection(from, key->kind);
}

/* Can @hop be told to @key's peers? An IPv6 one of an IPv4 route only to those who know of that. */
static bool can_tell_next_hop(const struct advertise_key *key, const struct route *route,
			      const struct ip_addr *hop)
{
	if (ip_addr_is_zero(hop))
		return false;
	return route->family != FAMILY_IPV4 || ip_addr_is_v4(hop) || key->extended_next_hop;
}

/* Does rewrite() succeed: is there a next hop, and room in the draft for what is added? */
static bool can_rewrite(const struct advertise_key *key, const struct route *route)
{
	const struct attribute_values *values = &route->attributes->values;
	bool ours = has_our_next_hop(key, values);

	if (!can_tell_next_hop(key, route,
			       ours ? &key->next_hop[route->family] : &values->next_hop))
		return false;
	if (key->kind == SOURCE_EBGP)
		return values->as_path_len + PREPEND_MAX <= ATTRIBUTE_AS_PATH_MAX;
	return values->cluster_list_len + CLUSTER_LEN <= ATTRIBUTE_OCTETS_MAX;
}

/* For an external peer: our AS in front, nothing internal. */
static bool rewrite_external(const struct advertise_key *key, bool keeps_med,
			     struct attribute_draft *draft)
{
	draft->values.present &= ~(uint32_t)(HAS_LOCAL_PREF | HAS_ORIGINATOR_ID);
	draft->values.local_pref = draft->values.originator_id = 0;
	draft->values.cluster_list_len = 0;
	if (!keeps_med) {
		draft->values.present &= ~(uint32_t)HAS_MED;
		draft->values.med = 0;
	}
	return attributes_prepend_as(draft, key->local_as);
}

static bool rewrite_internal(uint32_t cluster_id, const struct advertise_key *key,
			     const struct route *route, struct attribute_draft *draft)
{
	if (!(draft->values.present & HAS_LOCAL_PREF)) {
		draft->values.local_pref = LOCAL_PREF_DEFAULT;
		draft->values.present |= HAS_LOCAL_PREF;
	}
	if (!reflector_is_reflection(route->source->kind, key->kind))
		return true;
	return reflector_stamp(draft, route->source->router_id, cluster_id);
}

static bool rewrite(uint32_t cluster_id, const struct advertise_key *key, const struct route *route,
		    bool keeps_med, struct attribute_draft *draft)
{
	bool ok;

	if (has_our_next_hop(key, &draft->values)) {
		draft->values.next_hop = key->next_hop[route->family];
		draft->values.present &= ~(uint32_t)HAS_EMPTY_NEXT_HOP;
	}
	if (key->kind == SOURCE_EBGP)
		ok = rewrite_external(key, keeps_med, draft);
	else
		ok = rewrite_internal(cluster_id, key, route, draft);
	return ok && can_tell_next_hop(key, route, &draft->values.next_hop);
}

/* What the filter makes of it. False: it is not for these peers. */
static bool filter_draft(const struct advertise_key *key, const struct route *route,
			 struct filter_route *filter_route, struct attribute_draft *draft)
{
	enum filter_verdict verdict;

	filter_route->direction = FILTER_EXPORT;
	filter_route->links = key->links;
	filter_route->is_ebgp = key->kind == SOURCE_EBGP;
	filter_route->is_own = route->source->kind == SOURCE_LOCAL;
	verdict = filter_run(key->filter, filter_route, draft);
	return verdict == FILTER_ACCEPTED ||
	       (verdict == FILTER_UNDECIDED && is_exported(key, route));
}

bool export_is_told(const struct advertise_key *key, const struct route *route)
{
	return is_exportable(key, route) && is_exported(key, route) && can_rewrite(key, route);
}

bool export_rewrite(uint32_t cluster_id, const struct advertise_key *key, const struct route *route,
		    const struct filter_mask *mask, struct attribute_draft *draft)
{
	struct filter_route filter_route = { .prefix = route->prefix, .mask = mask };

	if (!is_exportable(key, route))
		return false;
	attribute_set_draft(route->attributes, draft);
	return filter_draft(key, route, &filter_route, draft) &&
	       rewrite(cluster_id, key, route, filter_route.sets_med, draft);
}
