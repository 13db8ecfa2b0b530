/* SPDX-License-Identifier: Apache-2.0 */
/*
 * as_path.c: reading, changing and writing AS paths.
 *
 * Inside the speaker a path has the wire form with four-octet ASNs (RFC 6793), whatever the peer
 * sends; a path that was parsed here is well formed, so the functions on stored paths walk it
 * without asking again. Widening, and putting AS_PATH and AS4_PATH of a two-octet speaker together,
 * happen on the way in; narrowing with AS_TRANS on the way out.
 *
 * RFC 4271 section 4.3 (b), 5.1.2; RFC 6793 section 4.2; RFC 7607 (AS 0). Confederations (RFC 5065)
 * are not spoken: their segments are malformed from a peer outside any (section 5 there). Pure.
 */
#include "bgp/as_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bgp/message.h"

#define SEGMENT_HEAD  2
#define SEGMENT_COUNT 255

struct segment {
	uint8_t type;
	uint8_t count;
	const uint8_t *asn;
};

static uint32_t asn_at(const uint8_t *asn)
{
	return (uint32_t)asn[0] << 24 | (uint32_t)asn[1] << 16 | (uint32_t)asn[2] << 8 | asn[3];
}

/* The segment at *at of a stored path; moves *at behind it. */
static bool next_segment(const uint8_t *path, size_t len, size_t *at, struct segment *ret)
{
	if (len - *at < SEGMENT_HEAD)
		return false;
	ret->type = path[*at];
	ret->count = path[*at + 1];
	ret->asn = path + *at + SEGMENT_HEAD;
	*at += SEGMENT_HEAD + 4u * ret->count;
	return true;
}

static int parse_segment(struct wire_reader *value, size_t asn_size, struct wire_writer *out)
{
	uint8_t type = wire_read_u8(value);
	uint8_t count = wire_read_u8(value);

	if ((type != AS_SET && type != AS_SEQUENCE) || count == 0)
		return -EPROTO;
	wire_write_u8(out, type);
	wire_write_u8(out, count);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t as = asn_size == 4 ? wire_read_u32(value) : wire_read_u16(value);

		if (as == 0) /* also what a failed reader answers */
			return -EPROTO;
		wire_write_u32(out, as);
	}
	return 0;
}

int as_path_parse(struct wire_reader *value, size_t asn_size, uint8_t *path, size_t size,
		  size_t *ret_len)
{
	struct wire_writer out;
	int err;

	wire_writer_init(&out, path, size);
	while (wire_reader_left(value) > 0) {
		err = parse_segment(value, asn_size, &out);
		if (err < 0)
			return err;
	}
	if (!wire_reader_ok(value) || !wire_writer_ok(&out))
		return -EPROTO;
	*ret_len = out.len;
	return 0;
}

int as_path_parse_as4(struct wire_reader *value, uint8_t *path, size_t size, size_t *ret_len)
{
	struct wire_writer out;
	int err = 0;

	wire_writer_init(&out, path, size);
	while (err == 0 && wire_reader_left(value) > 0) {
		uint8_t type = value->data[value->at];
		size_t count;

		if (type != AS_CONFED_SEQUENCE && type != AS_CONFED_SET) {
			err = parse_segment(value, 4, &out);
			continue;
		}
		wire_skip(value, 1);
		count = wire_read_u8(value);
		wire_skip(value, 4 * count);
		err = count > 0 ? 0 : -EPROTO;
	}
	if (err < 0 || !wire_reader_ok(value) || !wire_writer_ok(&out))
		return -EPROTO;
	*ret_len = out.len;
	return 0;
}

unsigned int as_path_hops(const uint8_t *path, size_t len)
{
	struct segment segment;
	unsigned int hops = 0;
	size_t at = 0;

	while (next_segment(path, len, &at, &segment))
		hops += segment.type == AS_SET ? 1 : segment.count;
	return hops;
}

unsigned int as_path_count(const uint8_t *path, size_t len, uint32_t as)
{
	struct segment segment;
	unsigned int count = 0;
	size_t at = 0;

	while (next_segment(path, len, &at, &segment))
		for (unsigned int i = 0; i < segment.count; i++)
			count += asn_at(segment.asn + 4 * i) == as;
	return count;
}

bool as_path_begins(const uint8_t *path, size_t len, const uint32_t *as, size_t count)
{
	struct segment segment;
	size_t at = 0, seen = 0;

	while (seen < count && next_segment(path, len, &at, &segment)) {
		if (segment.type != AS_SEQUENCE)
			return false;
		for (unsigned int i = 0; i < segment.count && seen < count; i++)
			if (asn_at(segment.asn + 4 * i) != as[seen++])
				return false;
	}
	return seen == count;
}

uint32_t as_path_first(const uint8_t *path, size_t len)
{
	struct segment segment;
	size_t at = 0;

	if (!next_segment(path, len, &at, &segment) || segment.type != AS_SEQUENCE)
		return 0;
	return asn_at(segment.asn);
}

bool as_path_has_wide(const uint8_t *path, size_t len)
{
	struct segment segment;
	size_t at = 0;

	while (next_segment(path, len, &at, &segment))
		for (unsigned int i = 0; i < segment.count; i++)
			if (asn_at(segment.asn + 4 * i) > UINT16_MAX)
				return true;
	return false;
}

size_t as_path_prepend(uint8_t *path, size_t len, size_t size, uint32_t as)
{
	uint8_t asn[4] = { as >> 24, as >> 16, as >> 8, as };
	bool joins = len > 0 && path[0] == AS_SEQUENCE && path[1] < SEGMENT_COUNT;
	size_t head = joins ? 4 : SEGMENT_HEAD + 4;
	uint8_t count = joins ? path[1] + 1 : 1;

	if (len + head > size)
		return 0;
	memmove(path + head, path, len);
	path[0] = AS_SEQUENCE;
	path[1] = count;
	memcpy(path + SEGMENT_HEAD, asn, sizeof(asn));
	return len + head;
}

/* Shorten @path to its first @hops hops, inside a sequence if need be; the new length. */
static size_t keep_front(uint8_t *path, size_t len, unsigned int hops)
{
	struct segment segment;
	size_t at = 0, start = 0;

	while (hops > 0 && next_segment(path, len, &at, &segment)) {
		unsigned int in_segment = segment.type == AS_SET ? 1 : segment.count;

		if (in_segment > hops) {
			path[start + 1] = (uint8_t)hops;
			return start + SEGMENT_HEAD + 4u * hops;
		}
		hops -= in_segment;
		start = at;
	}
	return start;
}

size_t as_path_merge(uint8_t *path, size_t len, size_t size, const uint8_t *as4_path,
		     size_t as4_len)
{
	unsigned int hops = as_path_hops(path, len), as4_hops = as_path_hops(as4_path, as4_len);
	size_t front;

	if (as4_len == 0 || as4_hops > hops || len + as4_len > size)
		return len;
	front = keep_front(path, len, hops - as4_hops);
	memcpy(path + front, as4_path, as4_len);
	return front + as4_len;
}

void as_path_format(const uint8_t *path, size_t len, char *text, size_t size)
{
	struct segment segment;
	size_t at = 0, used = 0;

	text[0] = '\0';
	while (next_segment(path, len, &at, &segment)) {
		for (unsigned int i = 0; i < segment.count && used < size; i++)
			used += (size_t)snprintf(
				text + used, size - used, "%s%s%u%s", used ? " " : "",
				segment.type == AS_SET && i == 0 ? "{" : "",
				asn_at(segment.asn + 4 * i),
				segment.type == AS_SET && i + 1u == segment.count ? "}" : "");
	}
}

void as_path_write(struct wire_writer *writer, const uint8_t *path, size_t len, size_t asn_size)
{
	struct segment segment;
	size_t at = 0;

	if (asn_size == 4) {
		wire_write_bytes(writer, path, len);
		return;
	}
	while (next_segment(path, len, &at, &segment)) {
		wire_write_u8(writer, segment.type);
		wire_write_u8(writer, segment.count);
		for (unsigned int i = 0; i < segment.count; i++) {
			uint32_t as = asn_at(segment.asn + 4 * i);

			wire_write_u16(writer, as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)as);
		}
	}
}
