/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_MESSAGE_H
#define BGP_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "bgp/capability.h"

#define BGP_PORT	   179
#define BGP_VERSION	   4
#define BGP_HEADER_LEN	   19
#define BGP_MESSAGE_MAX	   4096	 /* RFC 4271 section 4.1; RFC 8654 is not negotiated */
#define BGP_AS_TRANS	   23456 /* RFC 6793 */
#define BGP_ERROR_DATA_MAX 129	 /* a shutdown text of RFC 8203 with its length */

enum bgp_message_type {
	BGP_OPEN = 1,
	BGP_UPDATE = 2,
	BGP_NOTIFICATION = 3,
	BGP_KEEPALIVE = 4,
	BGP_ROUTE_REFRESH = 5,
};

/* NOTIFICATION codes and subcodes: RFC 4271 section 4.5, RFC 4486, RFC 5492, RFC 6608, RFC 7313,
 * RFC 9384. */
enum bgp_error_code {
	ERROR_HEADER = 1,
	ERROR_OPEN = 2,
	ERROR_UPDATE = 3,
	ERROR_HOLD_TIMER = 4,
	ERROR_FSM = 5,
	ERROR_CEASE = 6,
	ERROR_REFRESH = 7,	   /* RFC 7313 section 5 */
	ERROR_SEND_HOLD_TIMER = 8, /* RFC 9687 section 4 */
};

enum bgp_error_subcode {
	HEADER_NOT_SYNCHRONIZED = 1,
	HEADER_BAD_LENGTH = 2,
	HEADER_BAD_TYPE = 3,
	OPEN_UNSPECIFIC = 0,
	OPEN_BAD_VERSION = 1,
	OPEN_BAD_PEER_AS = 2,
	OPEN_BAD_IDENTIFIER = 3,
	OPEN_BAD_PARAMETER = 4,
	OPEN_BAD_HOLD_TIME = 6,
	OPEN_UNSUPPORTED_CAPABILITY = 7,
	UPDATE_MALFORMED_LIST = 1,
	UPDATE_UNKNOWN_WELL_KNOWN = 2,
	UPDATE_OPTIONAL_ATTRIBUTE = 9,
	UPDATE_BAD_NETWORK = 10,
	FSM_IN_OPEN_SENT = 1,
	FSM_IN_OPEN_CONFIRM = 2,
	FSM_IN_ESTABLISHED = 3,
	CEASE_MAX_PREFIXES = 1,
	CEASE_SHUTDOWN = 2,
	CEASE_DECONFIGURED = 3,
	CEASE_RESET = 4,
	CEASE_REJECTED = 5,
	CEASE_CONFIG_CHANGE = 6,
	CEASE_COLLISION = 7,
	CEASE_OUT_OF_RESOURCES = 8,
	CEASE_BFD_DOWN = 10, /* RFC 9384 */
	REFRESH_BAD_LENGTH = 1,
};

/* What a ROUTE-REFRESH says (RFC 7313 section 3.2). */
enum refresh_subtype {
	REFRESH_REQUEST = 0, /* the only one of RFC 2918 */
	REFRESH_BEGIN = 1,   /* BoRR: all routes of the family follow */
	REFRESH_END = 2,     /* EoRR: what was not told again is gone */
};

/* What a NOTIFICATION says; also how a parser tells its caller which one to send. */
struct bgp_error {
	uint8_t code;
	uint8_t subcode;
	uint8_t data_len;
	uint8_t data[BGP_ERROR_DATA_MAX];
};

struct refresh_message {
	int family;	 /* enum bgp_family, or -1: one that we do not speak */
	uint8_t subtype; /* any number; enum refresh_subtype names those that mean something */
};

struct open_message {
	uint32_t as; /* the four-octet one when told */
	uint16_t hold_time_s;
	uint32_t router_id; /* host order */
	struct capabilities capabilities;
};

/** message_error_set() - fill @error; @data (@len <= BGP_ERROR_DATA_MAX octets) may be NULL. */
void message_error_set(struct bgp_error *error, uint8_t code, uint8_t subcode, const void *data,
		       size_t len);
/** message_error_text() - "Cease/Administrative Shutdown"; static text, never NULL. */
const char *message_error_text(uint8_t code, uint8_t subcode);

/**
 * message_parse_header() - check the BGP_HEADER_LEN octets at @data: marker, length for the type,
 * type. 0 with the type and the length of the whole message, or -EPROTO with the NOTIFICATION due
 * (RFC 4271 section 6.1).
 */
int message_parse_header(const uint8_t *data, uint8_t *ret_type, size_t *ret_len,
			 struct bgp_error *ret_error);

/**
 * message_parse_open() - read an OPEN's body (RFC 4271 4.2, RFC 9072). Checks all that holds for
 * any peer; AS and router id of this peer are the caller's to compare. 0, or -EPROTO with the
 * NOTIFICATION due.
 */
int message_parse_open(const uint8_t *body, size_t len, struct open_message *ret_open,
		       struct bgp_error *ret_error);
/**
 * message_parse_notification() - read a NOTIFICATION's body. A shutdown text (RFC 9003) that is
 * whole and UTF-8 goes to @text, else @text is empty; printing escapes it (lib/log.h).
 */
void message_parse_notification(const uint8_t *body, size_t len, struct bgp_error *ret_error,
				char *text, size_t text_size);
/**
 * message_parse_refresh() - read a ROUTE-REFRESH's body. @enhanced: both sides said that they speak
 * RFC 7313; without, the subtype is a reserved octet and read as REFRESH_REQUEST. 0, or -EPROTO
 * with the NOTIFICATION due.
 */
int message_parse_refresh(const uint8_t *body, size_t len, bool enhanced,
			  struct refresh_message *ret, struct bgp_error *ret_error);

/* Writers: a whole message into @buf of BGP_MESSAGE_MAX octets; they return its length. */
size_t message_write_open(uint8_t *buf, const struct open_message *open_message);
size_t message_write_keepalive(uint8_t *buf);
size_t message_write_notification(uint8_t *buf, const struct bgp_error *error);
size_t message_write_refresh(uint8_t *buf, enum bgp_family family, enum refresh_subtype subtype);
/** message_begin() - start a message of @type; message_end() closes it and returns its length, 0
 * when it did not fit. */
void message_begin(struct wire_writer *writer, uint8_t *buf, uint8_t type);
size_t message_end(struct wire_writer *writer);

#endif /* BGP_MESSAGE_H */
