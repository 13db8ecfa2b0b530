/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update.c: UPDATE messages, from and to the wire.
 *
 * update_parse() first cuts the message into its three fields, whose lengths must agree (if they do
 * not, no route in it can be trusted: reset), then lets attributes.c read the block, then checks
 * every prefix of every list once. Prefixes are not copied: a section is a reader that
 * update_next_prefix() walks a second time, when it can no longer fail.
 *
 * What RFC 7606 calls treat-as-withdraw is said in update.reaction: the lists stay as they are,
 * the caller withdraws what is announced. A bad next hop or a missing attribute ends so too. A list
 * that itself cannot be read ends the session, and so does a bad attribute where no route is
 * announced that could be withdrawn for it: then routes may hide in what could not be read.
 *
 * Writing packs as many prefixes with the same attributes into a message as fit. IPv4 goes into
 * the message's own fields, IPv6 into MP_REACH_NLRI, which is first in the block (RFC 7606 5.1),
 * and so does IPv4 with an IPv6 next hop.
 *
 * RFC 4271 4.3, 6.3; 4724 2; 4760; 7606; 8950. Pure.
 */
#include "bgp/update.h"

#include <errno.h>
#include <string.h>

#include "lib/ip_prefix.h"

#define NEXT_HOP_V4	   4
#define NEXT_HOP_V6	   16
#define NEXT_HOP_V6_TWO	   32 /* global and link-local */
#define MP_LENGTH_AT	   2  /* of an attribute with extended length: flags, type, length */
#define FLAGS_MP_EXTENDED  0x90
#define ATTRIBUTE_HEAD_MAX 4 /* flags, type, extended length */

static size_t family_octets(enum bgp_family family)
{
	return family == FAMILY_IPV4 ? 4 : 16;
}

enum bgp_family update_family(const struct ip_prefix *prefix)
{
	return ip_addr_is_v4(&prefix->addr) && prefix->bits >= IP_ADDR_V4_BITS ? FAMILY_IPV4
									       : FAMILY_IPV6;
}

bool update_next_prefix(struct update_section *section, struct ip_prefix *ret)
{
	struct wire_reader *reader = &section->prefixes;
	unsigned int bits, offset = section->family == FAMILY_IPV4 ? IP_ADDR_V4_BITS : 0;
	uint8_t octets[16] = {};
	const uint8_t *data;
	struct ip_addr addr;

	if (wire_reader_left(reader) == 0)
		return false;
	bits = wire_read_u8(reader);
	data = wire_read_bytes(reader, (bits + 7) / 8);
	if (!data || bits > 8 * family_octets(section->family)) {
		reader->failed = true;
		return false;
	}
	if (section->family == FAMILY_IPV4) {
		octets[10] = octets[11] = 0xff;
		memcpy(octets + 12, data, (bits + 7) / 8);
	} else {
		memcpy(octets, data, (bits + 7) / 8);
	}
	memcpy(&addr, octets, sizeof(addr));
	*ret = ip_prefix_make(&addr, bits + offset);
	return true;
}

/* Every prefix of @section is whole and not too long. */
static bool check_prefixes(const struct update_section *section)
{
	struct update_section copy = *section;
	struct ip_prefix prefix;

	while (update_next_prefix(&copy, &prefix))
		continue;
	return wire_reader_ok(&copy.prefixes);
}

static int add_section(struct update_section *sections, unsigned int *count,
		       const struct update_section *section, struct bgp_error *ret_error)
{
	struct update_section *to = &sections[*count];

	if (wire_reader_left(&section->prefixes) == 0)
		return 0;
	if (!check_prefixes(section)) {
		message_error_set(ret_error, ERROR_UPDATE, UPDATE_BAD_NETWORK, NULL, 0);
		return -EPROTO;
	}
	*to = *section;
	(*count)++;
	return 0;
}

/*
 * The next hop of MP_REACH_NLRI (RFC 4760 section 3, RFC 2545, RFC 8950); zero when it cannot be
 * one. Its length says which family it is of. Of two IPv6 addresses the first is the global one:
 * the link-local one behind it is not looked at, for an uplink resolves the global one itself.
 */
static struct ip_addr read_mp_next_hop(struct wire_reader *value, size_t len)
{
	const uint8_t *octets = wire_read_bytes(value, len);
	struct ip_addr none = {}, addr;
	struct in6_addr v6;
	struct in_addr v4;

	if (!octets)
		return none;
	if (len == NEXT_HOP_V4) {
		memcpy(&v4, octets, sizeof(v4));
		addr = ip_addr_from_v4(v4);
	} else {
		memcpy(&v6, octets, sizeof(v6));
		addr = ip_addr_from_v6(&v6);
		if (ip_addr_is_v4(&addr))
			return none;
	}
	if (!attributes_is_next_hop(&addr) || ip_addr_is_link_local(&addr))
		return none;
	return addr;
}

/* Another length is no error of the next hop alone: where the routes begin is not sure (RFC 7606
 * section 7.11). */
static bool mp_next_hop_length_fits(const struct attribute_context *context, enum bgp_family family,
				    size_t len)
{
	if (family == FAMILY_IPV4 && !context->extended_next_hop)
		return len == NEXT_HOP_V4;
	return (family == FAMILY_IPV4 && len == NEXT_HOP_V4) || len == NEXT_HOP_V6 ||
	       len == NEXT_HOP_V6_TWO;
}

static int mp_error(struct bgp_error *ret_error)
{
	message_error_set(ret_error, ERROR_UPDATE, UPDATE_OPTIONAL_ATTRIBUTE, NULL, 0);
	return -EPROTO;
}

static int parse_mp_reach(const struct attribute_findings *findings,
			  const struct attribute_context *context, struct update *ret,
			  struct bgp_error *ret_error)
{
	struct update_section section = { .is_mp = true };
	struct wire_reader value;
	uint16_t afi;
	int family;
	size_t len;

	wire_reader_init(&value, findings->mp_reach, findings->mp_reach_len);
	afi = wire_read_u16(&value);
	family = capability_family(afi, wire_read_u8(&value));
	len = wire_read_u8(&value);
	if (!wire_reader_ok(&value) || len > wire_reader_left(&value))
		return mp_error(ret_error);
	if (family < 0)
		return 0;
	if (!mp_next_hop_length_fits(context, family, len))
		return mp_error(ret_error);
	section.family = family;
	section.next_hop = read_mp_next_hop(&value, len);
	wire_skip(&value, 1); /* reserved */
	if (!wire_reader_ok(&value))
		return mp_error(ret_error);
	section.prefixes = wire_read_sub(&value, wire_reader_left(&value));
	if (add_section(ret->announced, &ret->announced_count, &section, ret_error) < 0)
		return mp_error(ret_error);
	return 0;
}

static int parse_mp_unreach(const struct attribute_findings *findings, struct update *ret,
			    struct bgp_error *ret_error)
{
	struct update_section section = { .is_mp = true };
	struct wire_reader value;
	uint16_t afi;
	int family;

	wire_reader_init(&value, findings->mp_unreach, findings->mp_unreach_len);
	afi = wire_read_u16(&value);
	family = capability_family(afi, wire_read_u8(&value));
	if (!wire_reader_ok(&value))
		return mp_error(ret_error);
	if (family < 0)
		return 0;
	section.family = family;
	section.prefixes = wire_read_sub(&value, wire_reader_left(&value));
	if (add_section(ret->withdrawn, &ret->withdrawn_count, &section, ret_error) < 0)
		return mp_error(ret_error);
	return 0;
}

/* RFC 4724 section 2: no routes at all; for all but IPv4 an empty MP_UNREACH_NLRI alone. */
static void find_end_of_rib(const struct attribute_findings *findings, size_t block_len,
			    struct update *ret)
{
	struct wire_reader value;
	uint16_t afi;
	int family;

	if (ret->withdrawn_count + ret->announced_count > 0)
		return;
	if (block_len == 0) {
		ret->is_end_of_rib = true;
		ret->end_of_rib = FAMILY_IPV4;
		return;
	}
	if (!findings->mp_unreach || findings->mp_unreach_len != 3 || findings->mp_reach ||
	    attributes_saw(findings, ATTRIBUTE_ORIGIN))
		return;
	wire_reader_init(&value, findings->mp_unreach, findings->mp_unreach_len);
	afi = wire_read_u16(&value);
	family = capability_family(afi, wire_read_u8(&value));
	if (family < 0)
		return;
	ret->is_end_of_rib = true;
	ret->end_of_rib = family;
}

/*
 * RFC 7606 section 3 (d): a missing mandatory attribute is treat-as-withdraw. NEXT_HOP is one for
 * routes in the message's own field; beside MP_REACH_NLRI alone it says nothing (RFC 4760 section
 * 3), so one that is no router's matters to those routes only.
 */
static void check_mandatory(const struct attribute_findings *findings, struct update *ret)
{
	bool needs_next_hop = false;
	uint8_t missing = 0; /* or bad */

	for (unsigned int i = 0; i < ret->announced_count; i++)
		needs_next_hop |= !ret->announced[i].is_mp;
	if (!attributes_saw(findings, ATTRIBUTE_ORIGIN))
		missing = ATTRIBUTE_ORIGIN;
	else if (!attributes_saw(findings, ATTRIBUTE_AS_PATH))
		missing = ATTRIBUTE_AS_PATH;
	else if (needs_next_hop &&
		 (!attributes_saw(findings, ATTRIBUTE_NEXT_HOP) || findings->is_next_hop_bad))
		missing = ATTRIBUTE_NEXT_HOP;
	if (ret->announced_count == 0 || !missing || ret->reaction >= REACTION_WITHDRAW)
		return;
	ret->reaction = REACTION_WITHDRAW;
	ret->cause = missing;
}

/* Has @block anything besides MP_UNREACH_NLRI? */
static bool has_other_attributes(const struct attribute_findings *findings,
				 const struct wire_reader *block)
{
	const uint8_t *value = findings->mp_unreach;

	return !value || value > block->data + ATTRIBUTE_HEAD_MAX ||
	       value + findings->mp_unreach_len != block->data + block->len;
}

/*
 * RFC 7606 section 5.2: with an error of treat-as-withdraw and no route to withdraw it is not sure
 * that the routes were found. Routes of a family that we do not speak are routes.
 */
static int check_reachable(const struct attribute_findings *findings,
			   const struct wire_reader *block, const struct update *update,
			   struct bgp_error *ret_error)
{
	struct wire_reader value;
	uint16_t afi;

	if (update->reaction < REACTION_WITHDRAW || update->announced_count > 0 ||
	    !has_other_attributes(findings, block))
		return 0;
	if (findings->mp_reach) {
		wire_reader_init(&value, findings->mp_reach, findings->mp_reach_len);
		afi = wire_read_u16(&value);
		if (capability_family(afi, wire_read_u8(&value)) < 0)
			return 0;
	}
	message_error_set(ret_error, ERROR_UPDATE, UPDATE_MALFORMED_LIST, NULL, 0);
	return -EPROTO;
}

/* Cut the body into its three fields. */
static int cut_fields(const uint8_t *body, size_t len, struct wire_reader ret_field[3],
		      struct bgp_error *ret_error)
{
	struct wire_reader reader;

	wire_reader_init(&reader, body, len);
	ret_field[0] = wire_read_sub(&reader, wire_read_u16(&reader));
	ret_field[1] = wire_read_sub(&reader, wire_read_u16(&reader));
	ret_field[2] = wire_read_sub(&reader, wire_reader_left(&reader));
	if (wire_reader_ok(&reader))
		return 0;
	message_error_set(ret_error, ERROR_UPDATE, UPDATE_MALFORMED_LIST, NULL, 0);
	return -EPROTO;
}

int update_parse(const uint8_t *body, size_t len, const struct attribute_context *context,
		 struct update *ret, struct bgp_error *ret_error)
{
	struct update_section plain = { .family = FAMILY_IPV4 };
	struct attribute_findings findings;
	struct wire_reader field[3];
	size_t block_len;
	int err;

	err = cut_fields(body, len, field, ret_error);
	if (err < 0)
		return err;
	ret->withdrawn_count = ret->announced_count = 0;
	ret->is_end_of_rib = false;
	block_len = wire_reader_left(&field[1]);
	err = attributes_parse(&field[1], context, &ret->draft, &findings, ret_error);
	if (err < 0)
		return err;
	ret->reaction = findings.reaction;
	ret->cause = findings.cause;
	plain.prefixes = field[0];
	err = add_section(ret->withdrawn, &ret->withdrawn_count, &plain, ret_error);
	plain.prefixes = field[2];
	plain.next_hop = ret->draft.values.next_hop;
	if (err == 0)
		err = add_section(ret->announced, &ret->announced_count, &plain, ret_error);
	if (err == 0 && findings.mp_unreach)
		err = parse_mp_unreach(&findings, ret, ret_error);
	if (err == 0 && findings.mp_reach)
		err = parse_mp_reach(&findings, context, ret, ret_error);
	if (err == 0)
		err = check_reachable(&findings, &field[1], ret, ret_error);
	if (err < 0)
		return err;
	check_mandatory(&findings, ret);
	find_end_of_rib(&findings, block_len, ret);
	return 0;
}

/* Append prefixes while they fit; how many did. */
static size_t write_prefixes(struct wire_writer *writer, const struct ip_prefix *prefixes,
			     size_t count)
{
	enum bgp_family family = update_family(&prefixes[0]);
	size_t skip = 16 - family_octets(family);
	size_t i;

	for (i = 0; i < count; i++) {
		unsigned int bits = prefixes[i].bits - (unsigned int)skip * 8;
		size_t octets = (bits + 7) / 8;

		if (wire_writer_left(writer) < 1 + octets)
			break;
		wire_write_u8(writer, (uint8_t)bits);
		wire_write_bytes(writer, (const uint8_t *)&prefixes[i].addr + skip, octets);
	}
	return i;
}

/* Start an MP attribute with a length to be filled in; where it starts. */
static size_t begin_mp(struct wire_writer *writer, uint8_t type, enum bgp_family family)
{
	size_t at = writer->len;

	wire_write_u8(writer, FLAGS_MP_EXTENDED);
	wire_write_u8(writer, type);
	wire_write_u16(writer, 0);
	wire_write_u16(writer, capability_afi(family));
	wire_write_u8(writer, SAFI_UNICAST);
	return at;
}

static void end_mp(struct wire_writer *writer, size_t at)
{
	if (wire_writer_ok(writer))
		wire_write_u16_at(writer, at + MP_LENGTH_AT, (uint16_t)(writer->len - at - 4));
}

/* Do routes of @family with this next hop travel in MP_REACH_NLRI? (IPv4: RFC 8950.) */
static bool goes_into_mp(const struct attribute_view *view, enum bgp_family family)
{
	return family != FAMILY_IPV4 || !ip_addr_is_v4(&view->values->next_hop);
}

/* With an IPv6 next hop: the attributes are written to the side first, for MP_REACH_NLRI goes
 * before them. */
static size_t write_announce_mp(struct wire_writer *writer, const struct attribute_view *view,
				bool four_octet_as, const struct ip_prefix *prefixes, size_t count)
{
	uint8_t block[UPDATE_STORED_MAX];
	struct wire_writer rest;
	size_t at, room;

	wire_writer_init(&rest, block, sizeof(block));
	attributes_write(&rest, view, false, four_octet_as);
	at = begin_mp(writer, ATTRIBUTE_MP_REACH, update_family(&prefixes[0]));
	wire_write_u8(writer, NEXT_HOP_V6);
	wire_write_bytes(writer, &view->values->next_hop, NEXT_HOP_V6);
	wire_write_u8(writer, 0);
	room = wire_writer_left(writer);
	if (!wire_writer_ok(&rest) || rest.len > room)
		return 0;
	writer->size -= rest.len;
	count = write_prefixes(writer, prefixes, count);
	writer->size += rest.len;
	end_mp(writer, at);
	wire_write_bytes(writer, block, rest.len);
	return count;
}

/* @writer has the header. */
static size_t write_announce(struct wire_writer *writer, const struct attribute_view *view,
			     bool four_octet_as, const struct ip_prefix *prefixes, size_t *count)
{
	size_t at;

	wire_write_u16(writer, 0);
	at = writer->len;
	wire_write_u16(writer, 0);
	if (goes_into_mp(view, update_family(&prefixes[0]))) {
		*count = write_announce_mp(writer, view, four_octet_as, prefixes, *count);
		if (wire_writer_ok(writer))
			wire_write_u16_at(writer, at, (uint16_t)(writer->len - at - 2));
	} else {
		attributes_write(writer, view, true, four_octet_as);
		if (wire_writer_ok(writer))
			wire_write_u16_at(writer, at, (uint16_t)(writer->len - at - 2));
		*count = wire_writer_ok(writer) ? write_prefixes(writer, prefixes, *count) : 0;
	}
	return *count > 0 ? message_end(writer) : 0;
}

size_t update_write_announce(uint8_t *buf, const struct attribute_view *view, bool four_octet_as,
			     const struct ip_prefix *prefixes, size_t *count)
{
	struct wire_writer writer;

	message_begin(&writer, buf, BGP_UPDATE);
	return write_announce(&writer, view, four_octet_as, prefixes, count);
}

size_t update_write_stored(uint8_t *buf, const struct attribute_view *view,
			   const struct ip_prefix *prefixes, size_t *count)
{
	struct wire_writer writer;

	message_begin(&writer, buf, BGP_UPDATE);
	writer.size = UPDATE_STORED_MAX;
	return write_announce(&writer, view, true, prefixes, count);
}

size_t update_write_withdraw(uint8_t *buf, const struct ip_prefix *prefixes, size_t *count)
{
	struct wire_writer writer;
	size_t at, mp;

	message_begin(&writer, buf, BGP_UPDATE);
	at = writer.len;
	wire_write_u16(&writer, 0);
	if (update_family(&prefixes[0]) == FAMILY_IPV6) {
		wire_write_u16(&writer, 0);
		mp = begin_mp(&writer, ATTRIBUTE_MP_UNREACH, FAMILY_IPV6);
		*count = write_prefixes(&writer, prefixes, *count);
		end_mp(&writer, mp);
		wire_write_u16_at(&writer, at + 2, (uint16_t)(writer.len - at - 4));
		return message_end(&writer);
	}
	writer.size -= 2; /* the attribute length behind */
	*count = write_prefixes(&writer, prefixes, *count);
	writer.size += 2;
	wire_write_u16_at(&writer, at, (uint16_t)(writer.len - at - 2));
	wire_write_u16(&writer, 0);
	return message_end(&writer);
}

size_t update_write_end_of_rib(uint8_t *buf, enum bgp_family family)
{
	struct wire_writer writer;
	size_t at;

	message_begin(&writer, buf, BGP_UPDATE);
	wire_write_u16(&writer, 0);
	at = writer.len;
	wire_write_u16(&writer, 0);
	if (family != FAMILY_IPV4) {
		size_t mp = begin_mp(&writer, ATTRIBUTE_MP_UNREACH, family);

		end_mp(&writer, mp);
		wire_write_u16_at(&writer, at, (uint16_t)(writer.len - at - 2));
	}
	return message_end(&writer);
}
