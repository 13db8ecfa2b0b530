/* SPDX-License-Identifier: Apache-2.0 */
/*
 * communities.c: communities of an attribute set: found, listed, added.
 *
 * A set keeps COMMUNITIES and LARGE_COMMUNITIES as whole attributes among those that are passed on
 * (attributes.c); each type stands there once and was checked for its length. They are read in
 * place, and one that is added goes into the attribute that is there, or into a new one in front of
 * those of higher type (RFC 4271 section 5 wants them in order).
 *
 * RFC 1997, RFC 8092. Pure.
 */
#include "bgp/communities.h"

#include <string.h>

#define FLAG_EXTENDED	  0x10u
#define FLAGS_COMMUNITIES 0xc0u /* optional, transitive */
#define COMMUNITY_LEN	  4u

/* An attribute among the others. */
struct place {
	size_t start, value, end; /* octets */
	uint8_t type;
};

/* The attribute at @at; the set is well-formed. False: the end. */
static bool place_read(const uint8_t *octets, size_t len, size_t at, struct place *ret)
{
	struct wire_reader reader;
	uint8_t flags;
	size_t value_len;

	if (at >= len)
		return false;
	wire_reader_init(&reader, octets + at, len - at);
	flags = wire_read_u8(&reader);
	ret->type = wire_read_u8(&reader);
	value_len = flags & FLAG_EXTENDED ? wire_read_u16(&reader) : wire_read_u8(&reader);
	ret->start = at;
	ret->value = at + reader.at;
	ret->end = ret->value + value_len;
	return wire_reader_ok(&reader) && ret->end <= len;
}

static uint8_t type_of(const struct config_community *community)
{
	return community->is_large ? ATTRIBUTE_LARGE_COMMUNITIES : ATTRIBUTE_COMMUNITIES;
}

static size_t length_of(uint8_t type)
{
	return type == ATTRIBUTE_LARGE_COMMUNITIES ? LARGE_COMMUNITY_LEN : COMMUNITY_LEN;
}

static void write(const struct config_community *community, uint8_t *octets)
{
	struct wire_writer writer;

	wire_writer_init(&writer, octets, LARGE_COMMUNITY_LEN);
	if (!community->is_large) {
		wire_write_u16(&writer, (uint16_t)community->part[0]);
		wire_write_u16(&writer, (uint16_t)community->part[1]);
		return;
	}
	for (int i = 0; i < 3; i++)
		wire_write_u32(&writer, community->part[i]);
}

static struct config_community read_one(const uint8_t *octets, uint8_t type)
{
	struct config_community community = { .is_large = type == ATTRIBUTE_LARGE_COMMUNITIES };
	struct wire_reader reader;

	wire_reader_init(&reader, octets, length_of(type));
	for (int i = 0; i < (community.is_large ? 3 : 2); i++)
		community.part[i] =
			community.is_large ? wire_read_u32(&reader) : wire_read_u16(&reader);
	return community;
}

bool communities_next(const struct attribute_view *view, size_t *at, struct config_community *ret)
{
	const uint8_t *octets = view->other;
	size_t next = 0, len = view->values->other_len;
	struct place place;

	for (; place_read(octets, len, next, &place); next = place.end) {
		size_t value = *at > place.value ? *at : place.value;

		if (place.type != ATTRIBUTE_COMMUNITIES &&
		    place.type != ATTRIBUTE_LARGE_COMMUNITIES)
			continue;
		if (value + length_of(place.type) > place.end)
			continue;
		*ret = read_one(octets + value, place.type);
		*at = value + length_of(place.type);
		return true;
	}
	return false;
}

static bool place_has(const uint8_t *octets, const struct place *place, const uint8_t *wanted,
		      size_t size)
{
	for (size_t at = place->value; at + size <= place->end; at += size)
		if (memcmp(octets + at, wanted, size) == 0)
			return true;
	return false;
}

/* The attribute of @type; false, with ret->start where it belongs. */
static bool place_find(const uint8_t *octets, size_t len, uint8_t type, struct place *ret)
{
	size_t at = 0;

	for (; place_read(octets, len, at, ret); at = ret->end)
		if (ret->type >= type)
			break;
	if (at < len && ret->type == type)
		return true;
	for (size_t next = at; place_read(octets, len, next, ret); next = ret->end)
		if (ret->type == type) /* a peer need not send them in order */
			return true;
	ret->start = at;
	return false;
}

bool communities_has(const struct attribute_view *view, const struct config_community *community)
{
	uint8_t wanted[LARGE_COMMUNITY_LEN], type = type_of(community);
	struct place place;

	write(community, wanted);
	return place_find(view->other, view->values->other_len, type, &place) &&
	       place_has(view->other, &place, wanted, length_of(type));
}

/* Make room for @len octets at @at. */
static bool open_gap(struct attribute_draft *draft, size_t at, size_t len)
{
	if (draft->values.other_len + len > sizeof(draft->other))
		return false;
	memmove(draft->other + at + len, draft->other + at, draft->values.other_len - at);
	draft->values.other_len = (uint16_t)(draft->values.other_len + len);
	return true;
}

/* The value at @place got @size octets longer, or needs a length of two octets for it. */
static bool lengthen(struct attribute_draft *draft, struct place *place, size_t size)
{
	size_t len = place->end - place->value + size;
	uint8_t *head = draft->other + place->start;
	bool is_extended = head[0] & FLAG_EXTENDED;

	if (!is_extended && len > UINT8_MAX) {
		if (!open_gap(draft, place->start + 2, 1))
			return false;
		head[0] |= FLAG_EXTENDED;
		is_extended = true;
		place->value++;
		place->end++;
	}
	if (is_extended)
		head[2] = (uint8_t)(len >> 8);
	head[is_extended ? 3 : 2] = (uint8_t)len;
	return true;
}

bool communities_add(struct attribute_draft *draft, const struct config_community *community)
{
	uint8_t wanted[LARGE_COMMUNITY_LEN], type = type_of(community);
	uint8_t head[3] = { FLAGS_COMMUNITIES, type, (uint8_t)length_of(type) };
	size_t size = length_of(type);
	struct place place;

	write(community, wanted);
	if (place_find(draft->other, draft->values.other_len, type, &place)) {
		if (place_has(draft->other, &place, wanted, size))
			return true;
		if (draft->values.other_len + size + 1 > sizeof(draft->other) ||
		    !lengthen(draft, &place, size) || !open_gap(draft, place.end, size))
			return false;
		memcpy(draft->other + place.end, wanted, size);
	} else {
		if (!open_gap(draft, place.start, sizeof(head) + size))
			return false;
		memcpy(draft->other + place.start, head, sizeof(head));
		memcpy(draft->other + place.start + sizeof(head), wanted, size);
	}
	if (!community->is_large)
		attributes_obey_community(draft, community->part[0] << 16 | community->part[1]);
	return true;
}
