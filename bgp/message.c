/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c: framing of BGP messages, and all of them but UPDATE (RFC 4271 section 4 and 6).
 *
 * session.c cuts the stream by message_parse_header(), which refuses a bad length from the header
 * alone, before a single octet of the body is waited for. OPEN is checked here as far as it can be
 * without knowing the peer; what depends on the peer (its AS, its router id, common families) is
 * peer.c's. OPEN may use the long form of RFC 9072. NOTIFICATION may carry a shutdown text (RFC
 * 9003); it is handed on only when it is whole and well-formed UTF-8.
 *
 * Pure: octets in, struct or the NOTIFICATION that is due out.
 */
#include "bgp/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MARKER_LEN	       16
#define HEADER_LENGTH_AT       16
#define OPEN_LEN_MIN	       29
#define UPDATE_LEN_MIN	       23
#define NOTIFICATION_MIN       21
#define REFRESH_LEN	       23
#define PARAMETER_CAPABILITIES 2
#define PARAMETER_EXTENDED     255 /* RFC 9072 section 2 */
#define HOLD_TIME_MIN	       3

void message_error_set(struct bgp_error *error, uint8_t code, uint8_t subcode, const void *data,
		       size_t len)
{
	error->code = code;
	error->subcode = subcode;
	error->data_len = (uint8_t)(len < BGP_ERROR_DATA_MAX ? len : BGP_ERROR_DATA_MAX);
	if (error->data_len > 0)
		memcpy(error->data, data, error->data_len);
}

static const struct {
	uint8_t code, subcode;
	const char *text;
} error_names[] = {
	{ 1, 1, "Message Header Error/Connection Not Synchronized" },
	{ 1, 2, "Message Header Error/Bad Message Length" },
	{ 1, 3, "Message Header Error/Bad Message Type" },
	{ 2, 0, "OPEN Message Error/Unspecific" },
	{ 2, 1, "OPEN Message Error/Unsupported Version Number" },
	{ 2, 2, "OPEN Message Error/Bad Peer AS" },
	{ 2, 3, "OPEN Message Error/Bad BGP Identifier" },
	{ 2, 4, "OPEN Message Error/Unsupported Optional Parameter" },
	{ 2, 6, "OPEN Message Error/Unacceptable Hold Time" },
	{ 2, 7, "OPEN Message Error/Unsupported Capability" },
	{ 2, 11, "OPEN Message Error/Role Mismatch" },
	{ 3, 1, "UPDATE Message Error/Malformed Attribute List" },
	{ 3, 2, "UPDATE Message Error/Unrecognized Well-known Attribute" },
	{ 3, 3, "UPDATE Message Error/Missing Well-known Attribute" },
	{ 3, 4, "UPDATE Message Error/Attribute Flags Error" },
	{ 3, 5, "UPDATE Message Error/Attribute Length Error" },
	{ 3, 6, "UPDATE Message Error/Invalid ORIGIN Attribute" },
	{ 3, 8, "UPDATE Message Error/Invalid NEXT_HOP Attribute" },
	{ 3, 9, "UPDATE Message Error/Optional Attribute Error" },
	{ 3, 10, "UPDATE Message Error/Invalid Network Field" },
	{ 3, 11, "UPDATE Message Error/Malformed AS_PATH" },
	{ 4, 0, "Hold Timer Expired" },
	{ 5, 0, "Finite State Machine Error" },
	{ 5, 1, "Finite State Machine Error/Unexpected Message in OpenSent" },
	{ 5, 2, "Finite State Machine Error/Unexpected Message in OpenConfirm" },
	{ 5, 3, "Finite State Machine Error/Unexpected Message in Established" },
	{ 6, 1, "Cease/Maximum Number of Prefixes Reached" },
	{ 6, 2, "Cease/Administrative Shutdown" },
	{ 6, 3, "Cease/Peer De-configured" },
	{ 6, 4, "Cease/Administrative Reset" },
	{ 6, 5, "Cease/Connection Rejected" },
	{ 6, 6, "Cease/Other Configuration Change" },
	{ 6, 7, "Cease/Connection Collision Resolution" },
	{ 6, 8, "Cease/Out of Resources" },
	{ 6, 9, "Cease/Hard Reset" },
	{ 6, 10, "Cease/BFD Down" },
	{ 7, 1, "ROUTE-REFRESH Message Error/Invalid Message Length" },
	{ 8, 0, "Send Hold Timer Expired" },
};

const char *message_error_text(uint8_t code, uint8_t subcode)
{
	static const char *const codes[] = {
		"Unknown Error",
		"Message Header Error",
		"OPEN Message Error",
		"UPDATE Message Error",
		"Hold Timer Expired",
		"Finite State Machine Error",
		"Cease",
		"ROUTE-REFRESH Message Error",
		"Send Hold Timer Expired",
	};

	for (size_t i = 0; i < sizeof(error_names) / sizeof(error_names[0]); i++)
		if (error_names[i].code == code && error_names[i].subcode == subcode)
			return error_names[i].text;
	return codes[code < sizeof(codes) / sizeof(codes[0]) ? code : 0];
}

static bool message_length_fits(uint8_t type, size_t len)
{
	switch (type) {
	case BGP_OPEN:
		return len >= OPEN_LEN_MIN;
	case BGP_UPDATE:
		return len >= UPDATE_LEN_MIN;
	case BGP_NOTIFICATION:
		return len >= NOTIFICATION_MIN;
	case BGP_KEEPALIVE:
		return len == BGP_HEADER_LEN;
	case BGP_ROUTE_REFRESH:
		return len >= REFRESH_LEN; /* a longer one: which error it is, the body says */
	default:
		return true; /* the type itself is the error */
	}
}

int message_parse_header(const uint8_t *data, uint8_t *ret_type, size_t *ret_len,
			 struct bgp_error *ret_error)
{
	struct wire_reader reader;
	uint8_t type;
	size_t len;

	for (int i = 0; i < MARKER_LEN; i++) {
		if (data[i] == 0xff)
			continue;
		message_error_set(ret_error, ERROR_HEADER, HEADER_NOT_SYNCHRONIZED, NULL, 0);
		return -EPROTO;
	}
	wire_reader_init(&reader, data + HEADER_LENGTH_AT, BGP_HEADER_LEN - HEADER_LENGTH_AT);
	len = wire_read_u16(&reader);
	type = wire_read_u8(&reader);
	if (len < BGP_HEADER_LEN || len > BGP_MESSAGE_MAX || !message_length_fits(type, len)) {
		message_error_set(ret_error, ERROR_HEADER, HEADER_BAD_LENGTH,
				  data + HEADER_LENGTH_AT, 2);
		return -EPROTO;
	}
	if (type < BGP_OPEN || type > BGP_ROUTE_REFRESH) {
		message_error_set(ret_error, ERROR_HEADER, HEADER_BAD_TYPE, &type, 1);
		return -EPROTO;
	}
	*ret_type = type;
	*ret_len = len;
	return 0;
}

/* One optional parameter; false when it, or a capability in it, runs over its bounds. */
static int parse_parameter(struct wire_reader *reader, bool extended, struct capabilities *caps,
			   struct bgp_error *ret_error)
{
	uint8_t type = wire_read_u8(reader);
	size_t len = extended ? wire_read_u16(reader) : wire_read_u8(reader);
	struct wire_reader value = wire_read_sub(reader, len);

	message_error_set(ret_error, ERROR_OPEN, OPEN_UNSPECIFIC, NULL, 0);
	if (!wire_reader_ok(reader))
		return -EPROTO;
	if (type != PARAMETER_CAPABILITIES) {
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_PARAMETER, NULL, 0);
		return -EPROTO;
	}
	return capability_parse(&value, caps);
}

static int parse_parameters(struct wire_reader *reader, struct capabilities *caps,
			    struct bgp_error *ret_error)
{
	size_t len = wire_read_u8(reader);
	bool extended = len > 0 && wire_reader_left(reader) > 0 &&
			reader->data[reader->at] == PARAMETER_EXTENDED;
	int err = 0;

	if (extended) {
		wire_skip(reader, 1);
		len = wire_read_u16(reader);
	}
	if (!wire_reader_ok(reader) || len != wire_reader_left(reader)) {
		message_error_set(ret_error, ERROR_OPEN, OPEN_UNSPECIFIC, NULL, 0);
		return -EPROTO;
	}
	while (err == 0 && wire_reader_left(reader) > 0)
		err = parse_parameter(reader, extended, caps, ret_error);
	return err;
}

static int check_open(uint8_t version, uint16_t as, const struct open_message *open_message,
		      struct bgp_error *ret_error)
{
	static const uint8_t our_version[2] = { 0, BGP_VERSION };

	message_error_set(ret_error, ERROR_OPEN, OPEN_UNSPECIFIC, NULL, 0);
	if (version != BGP_VERSION)
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_VERSION, our_version, 2);
	else if (as == 0)
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_PEER_AS, NULL, 0);
	else if (open_message->hold_time_s > 0 && open_message->hold_time_s < HOLD_TIME_MIN)
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_HOLD_TIME, NULL, 0);
	else if (open_message->router_id == 0)
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_IDENTIFIER, NULL, 0);
	else
		return 0;
	return -EPROTO;
}

int message_parse_open(const uint8_t *body, size_t len, struct open_message *ret_open,
		       struct bgp_error *ret_error)
{
	struct open_message result = {};
	struct wire_reader reader;
	uint8_t version;
	uint16_t as;
	int err;

	wire_reader_init(&reader, body, len);
	version = wire_read_u8(&reader);
	as = wire_read_u16(&reader);
	result.hold_time_s = wire_read_u16(&reader);
	result.router_id = wire_read_u32(&reader);
	err = check_open(version, as, &result, ret_error);
	if (err < 0)
		return err;
	err = parse_parameters(&reader, &result.capabilities, ret_error);
	if (err < 0)
		return err;
	if (!result.capabilities.has_multiprotocol)
		result.capabilities.family[FAMILY_IPV4] = true;
	result.as = result.capabilities.four_octet_as ? result.capabilities.as : as;
	if (result.as == 0) {
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_PEER_AS, NULL, 0);
		return -EPROTO;
	}
	*ret_open = result;
	return 0;
}

/* Length of the well-formed UTF-8 sequence at @text (RFC 3629), 0 when there is none. */
static size_t utf8_sequence(const uint8_t *text, size_t left)
{
	static const struct {
		uint8_t first, last, second_min, second_max, len;
	} rows[] = {
		{ 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (text[0] < rows[i].first || text[0] > rows[i].last)
			continue;
		if (rows[i].len > left)
			return 0;
		if (rows[i].len > 1 &&
		    (text[1] < rows[i].second_min || text[1] > rows[i].second_max))
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if ((text[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].len;
	}
	return 0;
}

static bool is_utf8(const uint8_t *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t step = utf8_sequence(text + at, len - at);

		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

void message_parse_notification(const uint8_t *body, size_t len, struct bgp_error *ret_error,
				char *text, size_t text_size)
{
	struct wire_reader reader;
	const uint8_t *shutdown;
	uint8_t code, subcode;
	size_t text_len;

	wire_reader_init(&reader, body, len);
	code = wire_read_u8(&reader);
	subcode = wire_read_u8(&reader);
	message_error_set(ret_error, code, subcode, body + (len < 2 ? len : 2),
			  len < 2 ? 0 : len - 2);
	text[0] = '\0';
	/* RFC 9003 section 2: Administrative Shutdown and Administrative Reset carry text. */
	if (code != ERROR_CEASE || (subcode != 2 && subcode != 4))
		return;
	text_len = wire_read_u8(&reader);
	shutdown = wire_read_bytes(&reader, text_len);
	if (!shutdown || text_len >= text_size || !is_utf8(shutdown, text_len))
		return;
	memcpy(text, shutdown, text_len);
	text[text_len] = '\0';
}

/* RFC 7313 section 5 for its own two subtypes, RFC 4271 section 6.1 for the rest. */
static void set_refresh_error(const uint8_t *body, size_t len, bool is_demarcation,
			      struct bgp_error *ret_error)
{
	uint8_t whole[BGP_ERROR_DATA_MAX];
	struct wire_writer writer;
	size_t kept = len;

	if (kept > sizeof(whole) - BGP_HEADER_LEN)
		kept = sizeof(whole) - BGP_HEADER_LEN;
	wire_writer_init(&writer, whole, sizeof(whole));
	for (int i = 0; i < MARKER_LEN; i++)
		wire_write_u8(&writer, 0xff);
	wire_write_u16(&writer, (uint16_t)(BGP_HEADER_LEN + len));
	wire_write_u8(&writer, BGP_ROUTE_REFRESH);
	wire_write_bytes(&writer, body, kept);
	if (is_demarcation)
		message_error_set(ret_error, ERROR_REFRESH, REFRESH_BAD_LENGTH, whole, writer.len);
	else
		message_error_set(ret_error, ERROR_HEADER, HEADER_BAD_LENGTH,
				  whole + HEADER_LENGTH_AT, 2);
}

int message_parse_refresh(const uint8_t *body, size_t len, bool enhanced,
			  struct refresh_message *ret, struct bgp_error *ret_error)
{
	struct wire_reader reader;
	uint8_t subtype, safi;
	uint16_t afi;

	wire_reader_init(&reader, body, len);
	afi = wire_read_u16(&reader);
	subtype = wire_read_u8(&reader);
	safi = wire_read_u8(&reader);
	if (!wire_reader_ok(&reader) || wire_reader_left(&reader) > 0) {
		set_refresh_error(body, len,
				  enhanced && (subtype == REFRESH_BEGIN || subtype == REFRESH_END),
				  ret_error);
		return -EPROTO;
	}
	ret->family = capability_family(afi, safi);
	ret->subtype = enhanced ? subtype : (uint8_t)REFRESH_REQUEST;
	return 0;
}

void message_begin(struct wire_writer *writer, uint8_t *buf, uint8_t type)
{
	wire_writer_init(writer, buf, BGP_MESSAGE_MAX);
	memset(buf, 0xff, MARKER_LEN);
	writer->len = MARKER_LEN;
	wire_write_u16(writer, 0);
	wire_write_u8(writer, type);
}

size_t message_end(struct wire_writer *writer)
{
	if (!wire_writer_ok(writer))
		return 0;
	wire_write_u16_at(writer, HEADER_LENGTH_AT, (uint16_t)writer->len);
	return writer->len;
}

size_t message_write_open(uint8_t *buf, const struct open_message *open_message)
{
	struct wire_writer writer;
	size_t at;

	message_begin(&writer, buf, BGP_OPEN);
	wire_write_u8(&writer, BGP_VERSION);
	wire_write_u16(&writer,
		       open_message->as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)open_message->as);
	wire_write_u16(&writer, open_message->hold_time_s);
	wire_write_u32(&writer, open_message->router_id);
	at = writer.len;
	wire_write_u8(&writer, 0);
	capability_write(&writer, &open_message->capabilities);
	wire_write_u8_at(&writer, at, (uint8_t)(writer.len - at - 1));
	return message_end(&writer);
}

size_t message_write_keepalive(uint8_t *buf)
{
	struct wire_writer writer;

	message_begin(&writer, buf, BGP_KEEPALIVE);
	return message_end(&writer);
}

size_t message_write_notification(uint8_t *buf, const struct bgp_error *error)
{
	struct wire_writer writer;

	message_begin(&writer, buf, BGP_NOTIFICATION);
	wire_write_u8(&writer, error->code);
	wire_write_u8(&writer, error->subcode);
	wire_write_bytes(&writer, error->data, error->data_len);
	return message_end(&writer);
}

size_t message_write_refresh(uint8_t *buf, enum bgp_family family, enum refresh_subtype subtype)
{
	struct wire_writer writer;

	message_begin(&writer, buf, BGP_ROUTE_REFRESH);
	wire_write_u16(&writer, capability_afi(family));
	wire_write_u8(&writer, (uint8_t)subtype);
	wire_write_u8(&writer, SAFI_UNICAST);
	return message_end(&writer);
}
