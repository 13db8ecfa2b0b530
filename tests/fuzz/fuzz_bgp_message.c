/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bgp_message.c: any octets as the stream of a BGP connection.
 *
 * The stream is cut as session.c cuts it; OPEN, NOTIFICATION and ROUTE-REFRESH are read. Refusing
 * must come with a NOTIFICATION, an accepted OPEN must hold what message.h promises, and written
 * again and read again it must be the same.
 *
 * links: bgp/message.c bgp/capability.c lib/wire.c
 * covers: bgp/message.c bgp/capability.c
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_again(const struct open_message *first)
{
	uint8_t buf[BGP_MESSAGE_MAX], type;
	struct open_message second = {};
	struct bgp_error error;
	size_t len = message_write_open(buf, first), header_len;

	require(message_parse_header(buf, &type, &header_len, &error) == 0);
	require(type == BGP_OPEN && header_len == len);
	require(message_parse_open(buf + BGP_HEADER_LEN, len - BGP_HEADER_LEN, &second, &error) ==
		0);
	require(second.as == first->as || !first->capabilities.four_octet_as);
	require(second.hold_time_s == first->hold_time_s);
	require(second.router_id == first->router_id);
	require(second.capabilities.restart_time_s == first->capabilities.restart_time_s);
	require(second.capabilities.graceful_restart == first->capabilities.graceful_restart);
}

static void check_open(const uint8_t *body, size_t len)
{
	struct open_message open_message;
	struct bgp_error error = {};

	if (message_parse_open(body, len, &open_message, &error) < 0) {
		require(error.code == ERROR_OPEN);
		return;
	}
	require(open_message.as != 0 && open_message.router_id != 0);
	require(open_message.hold_time_s == 0 || open_message.hold_time_s >= 3);
	require(open_message.capabilities.restart_time_s <= RESTART_TIME_MAX);
	check_again(&open_message);
}

static void check_notification(const uint8_t *body, size_t len)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct bgp_error error;
	char text[256];

	message_parse_notification(body, len, &error, text, sizeof(text));
	require(strlen(text) < sizeof(text));
	require(message_error_text(error.code, error.subcode)[0] != '\0');
	require(message_write_notification(buf, &error) > BGP_HEADER_LEN);
}

static void check_refresh(const uint8_t *body, size_t len, bool enhanced)
{
	struct refresh_message message;
	struct bgp_error error = {};
	uint8_t buf[BGP_MESSAGE_MAX];

	if (message_parse_refresh(body, len, enhanced, &message, &error) < 0) {
		require(len != 4);
		require(error.code == ERROR_HEADER || (enhanced && error.code == ERROR_REFRESH));
		return;
	}
	require(len == 4 && message.family < (int)FAMILY_COUNT);
	require(enhanced || message.subtype == REFRESH_REQUEST);
	if (message.family < 0 || !enhanced)
		return;
	require(message_write_refresh(buf, message.family, message.subtype) ==
		BGP_HEADER_LEN + len);
	require(memcmp(buf + BGP_HEADER_LEN, body, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bgp_error error = {};
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t len;
	uint8_t type;

	require(message_write_keepalive(buf) == BGP_HEADER_LEN);
	while (size >= BGP_HEADER_LEN) {
		if (message_parse_header(data, &type, &len, &error) < 0) {
			require(error.code == ERROR_HEADER && error.subcode != 0);
			return 0;
		}
		require(len >= BGP_HEADER_LEN && len <= BGP_MESSAGE_MAX);
		if (len > size)
			return 0;
		if (type == BGP_OPEN)
			check_open(data + BGP_HEADER_LEN, len - BGP_HEADER_LEN);
		else if (type == BGP_NOTIFICATION)
			check_notification(data + BGP_HEADER_LEN, len - BGP_HEADER_LEN);
		else if (type == BGP_ROUTE_REFRESH) {
			check_refresh(data + BGP_HEADER_LEN, len - BGP_HEADER_LEN, false);
			check_refresh(data + BGP_HEADER_LEN, len - BGP_HEADER_LEN, true);
		}
		data += len;
		size -= len;
	}
	return 0;
}
