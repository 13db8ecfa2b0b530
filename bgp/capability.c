/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capability.c: the capabilities that two speakers tell each other in OPEN (RFC 5492).
 *
 * struct capabilities is what we understand of them: families (RFC 4760), route refresh (RFC 2918,
 * 7313), IPv6 next hops of IPv4 (RFC 8950), four-octet AS (RFC 6793), graceful restart (RFC 4724).
 * Parsing goes through one table of
 * handlers; a capability that is not in it is none of our business. message.c calls this for every
 * parameter of type 2 and has the last word about errors.
 *
 * Pure: octets in, struct out.
 */
#include "bgp/capability.h"

#include <errno.h>
#include <stddef.h>

enum {
	CAPABILITY_MULTIPROTOCOL = 1,
	CAPABILITY_ROUTE_REFRESH = 2,
	CAPABILITY_EXTENDED_NEXT_HOP = 5,
	CAPABILITY_GRACEFUL_RESTART = 64,
	CAPABILITY_FOUR_OCTET_AS = 65,
	CAPABILITY_ENHANCED_REFRESH = 70,
};

#define PARAMETER_CAPABILITIES 2
#define EXTENDED_NEXT_HOP_LEN  6 /* octets of a triple: AFI, SAFI, AFI of the next hop */

#define RESTART_FLAG_RESTARTING 0x8000u
#define RESTART_FLAG_FORWARDING 0x80u

int capability_family(uint16_t afi, uint8_t safi)
{
	if (safi != SAFI_UNICAST)
		return -1;
	if (afi == AFI_IPV4)
		return FAMILY_IPV4;
	return afi == AFI_IPV6 ? (int)FAMILY_IPV6 : -1;
}

uint16_t capability_afi(enum bgp_family family)
{
	return family == FAMILY_IPV4 ? AFI_IPV4 : AFI_IPV6;
}

static int parse_multiprotocol(struct wire_reader *value, struct capabilities *caps)
{
	uint16_t afi;
	int family;

	if (wire_reader_left(value) != 4)
		return 0;
	afi = wire_read_u16(value);
	wire_skip(value, 1);
	family = capability_family(afi, wire_read_u8(value));
	caps->has_multiprotocol = true;
	if (family >= 0)
		caps->family[family] = true;
	return 0;
}

static int parse_route_refresh(struct wire_reader *value, struct capabilities *caps)
{
	if (wire_reader_left(value) == 0)
		caps->route_refresh = true;
	return 0;
}

/* RFC 8950 section 4; SAFI has two octets here. Triples of other families are not ours. */
static int parse_extended_next_hop(struct wire_reader *value, struct capabilities *caps)
{
	uint16_t afi, safi, next_hop_afi;

	if (wire_reader_left(value) % EXTENDED_NEXT_HOP_LEN != 0)
		return 0;
	while (wire_reader_left(value) > 0) {
		afi = wire_read_u16(value);
		safi = wire_read_u16(value);
		next_hop_afi = wire_read_u16(value);
		if (afi == AFI_IPV4 && safi == SAFI_UNICAST && next_hop_afi == AFI_IPV6)
			caps->extended_next_hop = true;
	}
	return 0;
}

static int parse_enhanced_refresh(struct wire_reader *value, struct capabilities *caps)
{
	if (wire_reader_left(value) == 0)
		caps->enhanced_refresh = true;
	return 0;
}

/* RFC 4724 section 3: the last instance counts when there are several. */
static int parse_graceful_restart(struct wire_reader *value, struct capabilities *caps)
{
	uint16_t head, afi;
	uint8_t flags;
	int family;

	if (wire_reader_left(value) < 2 || (wire_reader_left(value) - 2) % 4 != 0)
		return 0;
	head = wire_read_u16(value);
	caps->graceful_restart = true;
	caps->restarting = head & RESTART_FLAG_RESTARTING;
	caps->restart_time_s = head & RESTART_TIME_MAX;
	for (int i = 0; i < FAMILY_COUNT; i++)
		caps->restart_family[i] = caps->forwarding[i] = false;
	while (wire_reader_left(value) > 0) {
		afi = wire_read_u16(value);
		family = capability_family(afi, wire_read_u8(value));
		flags = wire_read_u8(value);
		if (family < 0)
			continue;
		caps->restart_family[family] = true;
		caps->forwarding[family] = flags & RESTART_FLAG_FORWARDING;
	}
	return 0;
}

static int parse_four_octet_as(struct wire_reader *value, struct capabilities *caps)
{
	if (wire_reader_left(value) != 4)
		return -EPROTO;
	caps->four_octet_as = true;
	caps->as = wire_read_u32(value);
	return 0;
}

static const struct {
	uint8_t code;
	int (*parse)(struct wire_reader *value, struct capabilities *caps);
} capability_rows[] = {
	{ CAPABILITY_MULTIPROTOCOL, parse_multiprotocol },
	{ CAPABILITY_ROUTE_REFRESH, parse_route_refresh },
	{ CAPABILITY_EXTENDED_NEXT_HOP, parse_extended_next_hop },
	{ CAPABILITY_GRACEFUL_RESTART, parse_graceful_restart },
	{ CAPABILITY_FOUR_OCTET_AS, parse_four_octet_as },
	{ CAPABILITY_ENHANCED_REFRESH, parse_enhanced_refresh },
};

static int parse_one(uint8_t code, struct wire_reader *value, struct capabilities *caps)
{
	for (size_t i = 0; i < sizeof(capability_rows) / sizeof(capability_rows[0]); i++)
		if (capability_rows[i].code == code)
			return capability_rows[i].parse(value, caps);
	return 0;
}

int capability_parse(struct wire_reader *reader, struct capabilities *caps)
{
	while (wire_reader_left(reader) > 0) {
		uint8_t code = wire_read_u8(reader);
		struct wire_reader value = wire_read_sub(reader, wire_read_u8(reader));

		if (!wire_reader_ok(reader))
			return -EPROTO;
		if (parse_one(code, &value, caps) < 0)
			return -EPROTO;
	}
	return 0;
}

static void write_graceful_restart(struct wire_writer *writer, const struct capabilities *caps)
{
	size_t at;

	wire_write_u8(writer, CAPABILITY_GRACEFUL_RESTART);
	at = writer->len;
	wire_write_u8(writer, 0);
	wire_write_u16(writer, (caps->restarting ? RESTART_FLAG_RESTARTING : 0) |
				       (caps->restart_time_s & RESTART_TIME_MAX));
	for (int i = 0; i < FAMILY_COUNT; i++) {
		if (!caps->restart_family[i])
			continue;
		wire_write_u16(writer, capability_afi(i));
		wire_write_u8(writer, SAFI_UNICAST);
		wire_write_u8(writer, caps->forwarding[i] ? RESTART_FLAG_FORWARDING : 0);
	}
	if (wire_writer_ok(writer))
		wire_write_u8_at(writer, at, (uint8_t)(writer->len - at - 1));
}

void capability_write_family(struct wire_writer *writer, enum bgp_family family)
{
	wire_write_u8(writer, CAPABILITY_MULTIPROTOCOL);
	wire_write_u8(writer, 4);
	wire_write_u16(writer, capability_afi(family));
	wire_write_u8(writer, 0);
	wire_write_u8(writer, SAFI_UNICAST);
}

void capability_write(struct wire_writer *writer, const struct capabilities *caps)
{
	size_t at;

	wire_write_u8(writer, PARAMETER_CAPABILITIES);
	at = writer->len;
	wire_write_u8(writer, 0);
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (caps->family[i])
			capability_write_family(writer, i);
	if (caps->extended_next_hop) {
		wire_write_u8(writer, CAPABILITY_EXTENDED_NEXT_HOP);
		wire_write_u8(writer, EXTENDED_NEXT_HOP_LEN);
		wire_write_u16(writer, AFI_IPV4);
		wire_write_u16(writer, SAFI_UNICAST);
		wire_write_u16(writer, AFI_IPV6);
	}
	if (caps->route_refresh) {
		wire_write_u8(writer, CAPABILITY_ROUTE_REFRESH);
		wire_write_u8(writer, 0);
	}
	if (caps->enhanced_refresh) {
		wire_write_u8(writer, CAPABILITY_ENHANCED_REFRESH);
		wire_write_u8(writer, 0);
	}
	if (caps->four_octet_as) {
		wire_write_u8(writer, CAPABILITY_FOUR_OCTET_AS);
		wire_write_u8(writer, 4);
		wire_write_u32(writer, caps->as);
	}
	if (caps->graceful_restart)
		write_graceful_restart(writer, caps);
	if (wire_writer_ok(writer))
		wire_write_u8_at(writer, at, (uint8_t)(writer->len - at - 1));
}
