/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bgp_open.c: any octets as the capabilities of an OPEN, without the header in the way.
 *
 * The first octet is the length of the parameters' field as it stands in the message; the rest are
 * the parameters, so that the long form of RFC 9072 is a few mutations away.
 *
 * links: bgp/message.c bgp/capability.c lib/wire.c
 * covers: bgp/capability.c
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t head[] = { 4, 0xfd, 0xe7, 0, 90, 10, 0, 0, 2 };
	uint8_t body[BGP_MESSAGE_MAX], out[512];
	struct open_message open_message;
	struct wire_writer writer;
	struct bgp_error error = {};

	if (size > sizeof(body) - sizeof(head))
		return 0;
	memcpy(body, head, sizeof(head));
	memcpy(body + sizeof(head), data, size);
	if (message_parse_open(body, sizeof(head) + size, &open_message, &error) < 0) {
		require(error.code == ERROR_OPEN);
		return 0;
	}
	wire_writer_init(&writer, out, sizeof(out));
	capability_write(&writer, &open_message.capabilities);
	require(wire_writer_ok(&writer) && out[1] == writer.len - 2);
	return 0;
}
