/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attributes.c: path attributes, from and to the wire.
 *
 * Everything that distinguishes one attribute from another is a row of attribute_rows: its flags,
 * its possible lengths, from whom it is not taken at all, what a malformed one leads to (RFC 7606
 * section 7), and the function that takes a value whose length is right. attributes_parse() walks
 * the block; it goes on after a bad attribute, so that the block's end, and the routes behind it,
 * are always found. MP_REACH_NLRI and MP_UNREACH_NLRI are only located here: update.c reads them.
 *
 * The result is a struct attribute_draft; attribute_set.c makes a shared, read-only set of it. What
 * we have no use for but must pass on (RFC 4271 section 5) is kept as whole attributes in
 * draft.other and never looked into.
 *
 * RFC 4271 4.3, 5, 6.3; 1997; 4360; 4456; 5701; 6793; 7606; 7607; 8092. Pure.
 */
#include "bgp/attributes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/as_path.h"
#include "lib/ip_prefix.h"

#define FLAG_OPTIONAL	0x80u
#define FLAG_TRANSITIVE 0x40u
#define FLAG_PARTIAL	0x20u
#define FLAG_EXTENDED	0x10u
#define FLAGS_CLASS	(FLAG_OPTIONAL | FLAG_TRANSITIVE)
#define FLAGS_KEPT	(FLAGS_CLASS | FLAG_PARTIAL) /* the lowest four have no meaning */

#define WELL_KNOWN	    FLAG_TRANSITIVE
#define OPTIONAL	    FLAG_OPTIONAL
#define OPTIONAL_TRANSITIVE (FLAG_OPTIONAL | FLAG_TRANSITIVE)

#define COMMUNITY_NO_EXPORT	      0xffffff01u
#define COMMUNITY_NO_ADVERTISE	      0xffffff02u
#define COMMUNITY_NO_EXPORT_SUBCONFED 0xffffff03u

#define LENGTH_ANY	   65535
#define V4_MULTICAST_FIRST 0xe0000000u /* from here on multicast and reserved */

struct parse_state {
	const struct attribute_context *context;
	struct attribute_draft *draft;
	struct attribute_findings *findings;
	struct bgp_error *error;
	/* of a two-octet peer, merged at the end */
	uint8_t as4_path[ATTRIBUTE_OCTETS_MAX];
	size_t as4_path_len;
	uint32_t as4_aggregator_as, as4_aggregator_id;
};

struct attribute {
	uint8_t flags;
	uint8_t type;
	struct wire_reader value;
};

/* Who does not send this attribute; from them it is left out unread. */
enum attribute_refused {
	FROM_NOBODY,
	FROM_EBGP,
	FROM_FOUR_OCTET,
};

struct attribute_row {
	uint8_t type;
	uint8_t flags;		     /* FLAG_OPTIONAL, FLAG_TRANSITIVE */
	uint16_t min, max, multiple; /* octets of the value */
	enum attribute_refused refused;
	enum attribute_reaction malformed;
	/* false: malformed */
	bool (*take)(struct parse_state *state, struct attribute *attribute);
};

bool attributes_is_next_hop(const struct ip_addr *addr)
{
	if (ip_addr_is_v4(addr) && ntohl(ip_addr_to_v4(addr).s_addr) >= V4_MULTICAST_FIRST)
		return false;
	return !ip_addr_is_zero(addr) && !ip_addr_is_loopback(addr) && !ip_addr_is_multicast(addr);
}

static bool take_origin(struct parse_state *state, struct attribute *attribute)
{
	uint8_t origin = wire_read_u8(&attribute->value);

	state->draft->values.origin = origin;
	return origin <= ORIGIN_INCOMPLETE;
}

static bool take_as_path(struct parse_state *state, struct attribute *attribute)
{
	struct attribute_draft *draft = state->draft;
	size_t len;

	if (as_path_parse(&attribute->value, state->context->four_octet_as ? 4 : 2, draft->as_path,
			  sizeof(draft->as_path), &len) < 0)
		return false;
	draft->values.as_path_len = (uint16_t)len;
	return true;
}

static bool take_next_hop(struct parse_state *state, struct attribute *attribute)
{
	struct in_addr octets = { htonl(wire_read_u32(&attribute->value)) };
	struct ip_addr addr = ip_addr_from_v4(octets);

	state->draft->values.next_hop = addr;
	state->findings->is_next_hop_bad = !attributes_is_next_hop(&addr);
	return true;
}

static bool take_med(struct parse_state *state, struct attribute *attribute)
{
	state->draft->values.med = wire_read_u32(&attribute->value);
	state->draft->values.present |= HAS_MED;
	return true;
}

static bool take_local_pref(struct parse_state *state, struct attribute *attribute)
{
	state->draft->values.local_pref = wire_read_u32(&attribute->value);
	state->draft->values.present |= HAS_LOCAL_PREF;
	return true;
}

static bool take_atomic_aggregate(struct parse_state *state, struct attribute *attribute)
{
	state->draft->values.present |= HAS_ATOMIC_AGGREGATE;
	return true;
}

static bool take_aggregator(struct parse_state *state, struct attribute *attribute)
{
	bool wide = state->context->four_octet_as;
	uint32_t as;

	if (wire_reader_left(&attribute->value) != (wide ? 8u : 6u))
		return false;
	as = wide ? wire_read_u32(&attribute->value) : wire_read_u16(&attribute->value);
	if (as == 0)
		return false;
	state->draft->values.aggregator_as = as;
	state->draft->values.aggregator_id = wire_read_u32(&attribute->value);
	state->draft->values.present |= HAS_AGGREGATOR;
	if (attribute->flags & FLAG_PARTIAL)
		state->draft->values.present |= HAS_PARTIAL_AGGREGATOR;
	return true;
}

static bool take_originator_id(struct parse_state *state, struct attribute *attribute)
{
	state->draft->values.originator_id = wire_read_u32(&attribute->value);
	state->draft->values.present |= HAS_ORIGINATOR_ID;
	return true;
}

static bool take_cluster_list(struct parse_state *state, struct attribute *attribute)
{
	size_t len = wire_reader_left(&attribute->value);
	const uint8_t *octets = wire_read_bytes(&attribute->value, len);

	if (len > sizeof(state->draft->cluster_list))
		return false;
	memcpy(state->draft->cluster_list, octets, len);
	state->draft->values.cluster_list_len = (uint16_t)len;
	return true;
}

static bool take_as4_path(struct parse_state *state, struct attribute *attribute)
{
	return as_path_parse_as4(&attribute->value, state->as4_path, sizeof(state->as4_path),
				 &state->as4_path_len) == 0;
}

static bool take_as4_aggregator(struct parse_state *state, struct attribute *attribute)
{
	state->as4_aggregator_as = wire_read_u32(&attribute->value);
	state->as4_aggregator_id = wire_read_u32(&attribute->value);
	return state->as4_aggregator_as != 0;
}

/* Keep the whole attribute, to be passed on as it came. */
static bool take_whole(struct parse_state *state, struct attribute *attribute)
{
	struct attribute_draft *draft = state->draft;
	size_t len = wire_reader_left(&attribute->value);
	struct wire_writer out;

	wire_writer_init(&out, draft->other, sizeof(draft->other));
	out.len = draft->values.other_len;
	wire_write_u8(&out, (uint8_t)((attribute->flags & FLAGS_KEPT) |
				      (len > UINT8_MAX ? FLAG_EXTENDED : 0)));
	wire_write_u8(&out, attribute->type);
	if (len > UINT8_MAX)
		wire_write_u16(&out, (uint16_t)len);
	else
		wire_write_u8(&out, (uint8_t)len);
	wire_write_bytes(&out, wire_read_bytes(&attribute->value, len), len);
	if (!wire_writer_ok(&out))
		return false;
	draft->values.other_len = (uint16_t)out.len;
	return true;
}

void attributes_obey_community(struct attribute_draft *draft, uint32_t community)
{
	switch (community) {
	case COMMUNITY_NO_ADVERTISE:
		draft->values.present |= HAS_NO_ADVERTISE;
		break;
	case COMMUNITY_NO_EXPORT:
	case COMMUNITY_NO_EXPORT_SUBCONFED:
		draft->values.present |= HAS_NO_EXPORT;
		break;
	default:
		break;
	}
}

static bool take_communities(struct parse_state *state, struct attribute *attribute)
{
	struct wire_reader value = attribute->value;

	while (wire_reader_left(&value) > 0)
		attributes_obey_community(state->draft, wire_read_u32(&value));
	return take_whole(state, attribute);
}

static int compare_large(const void *a, const void *b)
{
	return memcmp(a, b, LARGE_COMMUNITY_LEN);
}

/*
 * RFC 8092 section 2: what stands there twice is taken, and passed on, once. Their order means
 * nothing; in that of their values 5,000 of a hostile peer are looked through in one go.
 */
static bool take_large_communities(struct parse_state *state, struct attribute *attribute)
{
	size_t all = wire_reader_left(&attribute->value), len = 0;
	uint8_t octets[ATTRIBUTE_OCTETS_MAX];
	const uint8_t *value = wire_read_bytes(&attribute->value, all);

	if (!value || all > sizeof(octets))
		return false;
	memcpy(octets, value, all);
	qsort(octets, all / LARGE_COMMUNITY_LEN, LARGE_COMMUNITY_LEN, compare_large);
	for (size_t at = 0; at < all; at += LARGE_COMMUNITY_LEN) {
		if (len && compare_large(octets + len - LARGE_COMMUNITY_LEN, octets + at) == 0)
			continue;
		memmove(octets + len, octets + at, LARGE_COMMUNITY_LEN);
		len += LARGE_COMMUNITY_LEN;
	}
	wire_reader_init(&attribute->value, octets, len);
	return take_whole(state, attribute);
}

static bool take_mp_reach(struct parse_state *state, struct attribute *attribute)
{
	size_t len = wire_reader_left(&attribute->value);

	state->findings->mp_reach = wire_read_bytes(&attribute->value, len);
	state->findings->mp_reach_len = len;
	return true;
}

static bool take_mp_unreach(struct parse_state *state, struct attribute *attribute)
{
	size_t len = wire_reader_left(&attribute->value);

	state->findings->mp_unreach = wire_read_bytes(&attribute->value, len);
	state->findings->mp_unreach_len = len;
	return true;
}

static const struct attribute_row attribute_rows[] = {
	{ ATTRIBUTE_ORIGIN, WELL_KNOWN, 1, 1, 1, FROM_NOBODY, REACTION_WITHDRAW, take_origin },
	{ ATTRIBUTE_AS_PATH, WELL_KNOWN, 0, LENGTH_ANY, 1, FROM_NOBODY, REACTION_WITHDRAW,
	  take_as_path },
	{ ATTRIBUTE_NEXT_HOP, WELL_KNOWN, 4, 4, 1, FROM_NOBODY, REACTION_WITHDRAW, take_next_hop },
	{ ATTRIBUTE_MED, OPTIONAL, 4, 4, 1, FROM_NOBODY, REACTION_WITHDRAW, take_med },
	{ ATTRIBUTE_LOCAL_PREF, WELL_KNOWN, 4, 4, 1, FROM_EBGP, REACTION_WITHDRAW,
	  take_local_pref },
	{ ATTRIBUTE_ATOMIC_AGGREGATE, WELL_KNOWN, 0, 0, 1, FROM_NOBODY, REACTION_DISCARD,
	  take_atomic_aggregate },
	{ ATTRIBUTE_AGGREGATOR, OPTIONAL_TRANSITIVE, 6, 8, 2, FROM_NOBODY, REACTION_DISCARD,
	  take_aggregator },
	{ ATTRIBUTE_COMMUNITIES, OPTIONAL_TRANSITIVE, 4, LENGTH_ANY, 4, FROM_NOBODY,
	  REACTION_WITHDRAW, take_communities },
	{ ATTRIBUTE_ORIGINATOR_ID, OPTIONAL, 4, 4, 1, FROM_EBGP, REACTION_WITHDRAW,
	  take_originator_id },
	{ ATTRIBUTE_CLUSTER_LIST, OPTIONAL, 4, LENGTH_ANY, 4, FROM_EBGP, REACTION_WITHDRAW,
	  take_cluster_list },
	{ ATTRIBUTE_MP_REACH, OPTIONAL, 0, LENGTH_ANY, 1, FROM_NOBODY, REACTION_WITHDRAW,
	  take_mp_reach },
	{ ATTRIBUTE_MP_UNREACH, OPTIONAL, 0, LENGTH_ANY, 1, FROM_NOBODY, REACTION_WITHDRAW,
	  take_mp_unreach },
	{ ATTRIBUTE_EXTENDED_COMMUNITIES, OPTIONAL_TRANSITIVE, 8, LENGTH_ANY, 8, FROM_NOBODY,
	  REACTION_WITHDRAW, take_whole },
	{ ATTRIBUTE_AS4_PATH, OPTIONAL_TRANSITIVE, 6, LENGTH_ANY, 2, FROM_FOUR_OCTET,
	  REACTION_DISCARD, take_as4_path },
	{ ATTRIBUTE_AS4_AGGREGATOR, OPTIONAL_TRANSITIVE, 8, 8, 1, FROM_FOUR_OCTET, REACTION_DISCARD,
	  take_as4_aggregator },
	{ ATTRIBUTE_IPV6_EXTENDED_COMMUNITIES, OPTIONAL_TRANSITIVE, 20, LENGTH_ANY, 20, FROM_NOBODY,
	  REACTION_WITHDRAW, take_whole },
	{ ATTRIBUTE_LARGE_COMMUNITIES, OPTIONAL_TRANSITIVE, LARGE_COMMUNITY_LEN, LENGTH_ANY,
	  LARGE_COMMUNITY_LEN, FROM_NOBODY, REACTION_WITHDRAW, take_large_communities },
};

static const struct attribute_row *find_row(uint8_t type)
{
	for (size_t i = 0; i < sizeof(attribute_rows) / sizeof(attribute_rows[0]); i++)
		if (attribute_rows[i].type == type)
			return &attribute_rows[i];
	return NULL;
}

static void react(struct parse_state *state, enum attribute_reaction reaction, uint8_t cause)
{
	if (reaction <= state->findings->reaction)
		return;
	state->findings->reaction = reaction;
	state->findings->cause = cause;
}

static bool is_refused(const struct parse_state *state, const struct attribute_row *row)
{
	if (row->refused == FROM_EBGP)
		return state->context->is_ebgp;
	return row->refused == FROM_FOUR_OCTET && state->context->four_octet_as;
}

static bool is_mp(uint8_t type)
{
	return type == ATTRIBUTE_MP_REACH || type == ATTRIBUTE_MP_UNREACH;
}

static void take_known(struct parse_state *state, const struct attribute_row *row,
		       struct attribute *attribute)
{
	size_t len = wire_reader_left(&attribute->value);

	if (is_refused(state, row)) {
		react(state, REACTION_DISCARD, row->type);
		return;
	}
	/* RFC 7606 section 3 (c), whatever the attribute; the MP ones still tell the routes. */
	if ((attribute->flags & FLAGS_CLASS) != row->flags) {
		react(state, REACTION_WITHDRAW, row->type);
		if (!is_mp(row->type))
			return;
	}
	if (len < row->min || len > row->max || len % row->multiple != 0)
		react(state, row->malformed, row->type);
	else if (!row->take(state, attribute))
		react(state, row->malformed, row->type);
}

/* Attributes that have no row. -EPROTO: well-known, so we should know it, and it goes back whole
 * (RFC 4271 6.3), as far as there is room. */
static int take_unknown(struct parse_state *state, struct attribute *attribute)
{
	size_t head = attribute->flags & FLAG_EXTENDED ? 4 : 3;

	if (!(attribute->flags & FLAG_OPTIONAL)) {
		message_error_set(state->error, ERROR_UPDATE, UPDATE_UNKNOWN_WELL_KNOWN,
				  attribute->value.data - head, head + attribute->value.len);
		return -EPROTO;
	}
	if (!(attribute->flags & FLAG_TRANSITIVE))
		return 0;
	attribute->flags |= FLAG_PARTIAL;
	if (!take_whole(state, attribute))
		react(state, REACTION_DISCARD, attribute->type);
	return 0;
}

bool attributes_saw(const struct attribute_findings *findings, uint8_t type)
{
	return findings->seen[type / 32] & (1u << (type % 32));
}

static int take_one(struct parse_state *state, struct attribute *attribute)
{
	const struct attribute_row *row = find_row(attribute->type);

	if (attributes_saw(state->findings, attribute->type)) {
		if (!is_mp(attribute->type))
			return 0; /* RFC 7606 section 3 (g): the first one counts */
		message_error_set(state->error, ERROR_UPDATE, UPDATE_MALFORMED_LIST, NULL, 0);
		return -EPROTO;
	}
	state->findings->seen[attribute->type / 32] |= 1u << (attribute->type % 32);
	if (!row)
		return take_unknown(state, attribute);
	take_known(state, row, attribute);
	return 0;
}

/* Read flags, type, length, and cut out the value. False: the block ends too early. */
static bool read_head(struct wire_reader *block, struct attribute *ret)
{
	size_t len;

	ret->flags = wire_read_u8(block);
	ret->type = wire_read_u8(block);
	len = ret->flags & FLAG_EXTENDED ? wire_read_u16(block) : wire_read_u8(block);
	ret->value = wire_read_sub(block, len);
	return wire_reader_ok(block);
}

/* RFC 6793 section 4.2.3: what a two-octet speaker carried along for us. */
static void merge_as4(struct parse_state *state)
{
	struct attribute_draft *draft = state->draft;
	struct attribute_values *values = &draft->values;

	if (state->context->four_octet_as)
		return;
	if (values->present & HAS_AGGREGATOR && state->as4_aggregator_as) {
		if (values->aggregator_as != BGP_AS_TRANS)
			return;
		values->aggregator_as = state->as4_aggregator_as;
		values->aggregator_id = state->as4_aggregator_id;
	}
	values->as_path_len =
		(uint16_t)as_path_merge(draft->as_path, values->as_path_len, sizeof(draft->as_path),
					state->as4_path, state->as4_path_len);
}

void attributes_start(struct attribute_draft *draft)
{
	memset(&draft->values, 0, sizeof(draft->values));
}

int attributes_parse(struct wire_reader *block, const struct attribute_context *context,
		     struct attribute_draft *draft, struct attribute_findings *ret_findings,
		     struct bgp_error *ret_error)
{
	struct attribute attribute;
	struct parse_state state; /* large: only what is read is set */
	int err;

	attributes_start(draft);
	memset(ret_findings, 0, sizeof(*ret_findings));
	state.context = context;
	state.draft = draft;
	state.findings = ret_findings;
	state.error = ret_error;
	state.as4_path_len = 0;
	state.as4_aggregator_as = state.as4_aggregator_id = 0;
	while (wire_reader_left(block) > 0) {
		if (!read_head(block, &attribute)) {
			react(&state, REACTION_WITHDRAW, 0);
			break;
		}
		err = take_one(&state, &attribute);
		if (err < 0)
			return err;
	}
	merge_as4(&state);
	draft->values.as_path_hops =
		(uint16_t)as_path_hops(draft->as_path, draft->values.as_path_len);
	return 0;
}

struct attribute_view attributes_view_draft(const struct attribute_draft *draft)
{
	return (struct attribute_view){ &draft->values, draft->as_path, draft->cluster_list,
					draft->other };
}

bool attributes_prepend_as(struct attribute_draft *draft, uint32_t as)
{
	size_t len = as_path_prepend(draft->as_path, draft->values.as_path_len,
				     sizeof(draft->as_path), as);

	if (len == 0)
		return false;
	draft->values.as_path_len = (uint16_t)len;
	draft->values.as_path_hops++;
	return true;
}

uint32_t attributes_first_as(const struct attribute_view *view)
{
	return as_path_first(view->as_path, view->values->as_path_len);
}

static void write_head(struct wire_writer *writer, uint8_t flags, uint8_t type, size_t len)
{
	wire_write_u8(writer, flags | (len > UINT8_MAX ? FLAG_EXTENDED : 0));
	wire_write_u8(writer, type);
	if (len > UINT8_MAX)
		wire_write_u16(writer, (uint16_t)len);
	else
		wire_write_u8(writer, (uint8_t)len);
}

static void write_u32(struct wire_writer *writer, uint8_t flags, uint8_t type, uint32_t value)
{
	write_head(writer, flags, type, 4);
	wire_write_u32(writer, value);
}

static size_t narrow_length(const struct attribute_view *view)
{
	size_t segments = 0, len = view->values->as_path_len;

	for (size_t at = 0; at + 2 <= len; at += 2 + 4u * view->as_path[at + 1])
		segments++;
	return segments * 2 + (len - segments * 2) / 2;
}

static void write_as_path(struct wire_writer *writer, const struct attribute_view *view,
			  bool four_octet_as)
{
	size_t len = view->values->as_path_len;

	write_head(writer, WELL_KNOWN, ATTRIBUTE_AS_PATH,
		   four_octet_as ? len : narrow_length(view));
	as_path_write(writer, view->as_path, len, four_octet_as ? 4 : 2);
	if (four_octet_as || !as_path_has_wide(view->as_path, len))
		return;
	write_head(writer, OPTIONAL_TRANSITIVE, ATTRIBUTE_AS4_PATH, len);
	as_path_write(writer, view->as_path, len, 4);
}

static void write_aggregator(struct wire_writer *writer, const struct attribute_values *values,
			     bool four_octet_as)
{
	uint8_t flags = values->present & HAS_PARTIAL_AGGREGATOR
				? OPTIONAL_TRANSITIVE | FLAG_PARTIAL
				: OPTIONAL_TRANSITIVE;
	bool wide = values->aggregator_as > UINT16_MAX;

	write_head(writer, flags, ATTRIBUTE_AGGREGATOR, four_octet_as ? 8 : 6);
	if (four_octet_as)
		wire_write_u32(writer, values->aggregator_as);
	else
		wire_write_u16(writer, wide ? BGP_AS_TRANS : (uint16_t)values->aggregator_as);
	wire_write_u32(writer, values->aggregator_id);
	if (four_octet_as || !wide)
		return;
	write_head(writer, OPTIONAL_TRANSITIVE, ATTRIBUTE_AS4_AGGREGATOR, 8);
	wire_write_u32(writer, values->aggregator_as);
	wire_write_u32(writer, values->aggregator_id);
}

void attributes_write(struct wire_writer *writer, const struct attribute_view *view,
		      bool with_next_hop, bool four_octet_as)
{
	const struct attribute_values *values = view->values;

	write_head(writer, WELL_KNOWN, ATTRIBUTE_ORIGIN, 1);
	wire_write_u8(writer, (uint8_t)values->origin);
	write_as_path(writer, view, four_octet_as);
	if (with_next_hop)
		write_u32(writer, WELL_KNOWN, ATTRIBUTE_NEXT_HOP,
			  ntohl(ip_addr_to_v4(&values->next_hop).s_addr));
	if (values->present & HAS_MED)
		write_u32(writer, OPTIONAL, ATTRIBUTE_MED, values->med);
	if (values->present & HAS_LOCAL_PREF)
		write_u32(writer, WELL_KNOWN, ATTRIBUTE_LOCAL_PREF, values->local_pref);
	if (values->present & HAS_ATOMIC_AGGREGATE)
		write_head(writer, WELL_KNOWN, ATTRIBUTE_ATOMIC_AGGREGATE, 0);
	if (values->present & HAS_AGGREGATOR)
		write_aggregator(writer, values, four_octet_as);
	if (values->present & HAS_ORIGINATOR_ID)
		write_u32(writer, OPTIONAL, ATTRIBUTE_ORIGINATOR_ID, values->originator_id);
	if (values->cluster_list_len > 0) {
		write_head(writer, OPTIONAL, ATTRIBUTE_CLUSTER_LIST, values->cluster_list_len);
		wire_write_bytes(writer, view->cluster_list, values->cluster_list_len);
	}
	wire_write_bytes(writer, view->other, values->other_len);
}
