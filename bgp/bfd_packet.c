/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bfd_packet.c: BFD control packets (RFC 5880 section 4.1) from and to octets.
 *
 * What a packet alone can tell is checked here, in the order of section 6.8.6; the checks that need
 * a session are bfd.c's. An authentication section is measured and left unread: no key is ever
 * configured, so such a packet is discarded once its session is found, as the RFC orders it. Octets
 * behind the packet are ignored: the Length field counts, not the datagram's. Pure.
 */
#include "bgp/bfd_packet.h"

#include <errno.h>

#include "lib/wire.h"

#define AUTHENTICATED_LEN_MIN 26

/* The second octet, below the state. */
enum bfd_flag {
	FLAG_POLL = 1 << 5,
	FLAG_FINAL = 1 << 4,
	FLAG_INDEPENDENT = 1 << 3,
	FLAG_AUTHENTICATED = 1 << 2,
	FLAG_DEMAND = 1 << 1,
	FLAG_MULTIPOINT = 1 << 0,
};

static int discard(enum bfd_discard why, enum bfd_discard *ret_why)
{
	*ret_why = why;
	return -EBADMSG;
}

int bfd_packet_parse(const uint8_t *data, size_t len, struct bfd_packet *ret,
		     enum bfd_discard *ret_why)
{
	struct wire_reader reader;
	uint8_t first, flags, length;
	struct bfd_packet packet;

	wire_reader_init(&reader, data, len);
	first = wire_read_u8(&reader);
	flags = wire_read_u8(&reader);
	packet.multiplier = wire_read_u8(&reader);
	length = wire_read_u8(&reader);
	packet.my_discriminator = wire_read_u32(&reader);
	packet.your_discriminator = wire_read_u32(&reader);
	packet.desired_min_tx_us = wire_read_u32(&reader);
	packet.required_min_rx_us = wire_read_u32(&reader);
	packet.required_min_echo_rx_us = wire_read_u32(&reader);
	if (len > 0 && first >> 5 != BFD_VERSION)
		return discard(BFD_DISCARD_VERSION, ret_why);
	if (!wire_reader_ok(&reader) || length > len ||
	    length < (flags & FLAG_AUTHENTICATED ? AUTHENTICATED_LEN_MIN : BFD_PACKET_LEN))
		return discard(BFD_DISCARD_LENGTH, ret_why);
	if (packet.multiplier == 0)
		return discard(BFD_DISCARD_MULTIPLIER, ret_why);
	if (flags & FLAG_MULTIPOINT)
		return discard(BFD_DISCARD_MULTIPOINT, ret_why);
	if (packet.my_discriminator == 0)
		return discard(BFD_DISCARD_DISCRIMINATOR, ret_why);
	packet.diagnostic = first & 0x1f;
	packet.state = flags >> 6;
	packet.poll = flags & FLAG_POLL;
	packet.final = flags & FLAG_FINAL;
	packet.control_plane_independent = flags & FLAG_INDEPENDENT;
	packet.authenticated = flags & FLAG_AUTHENTICATED;
	packet.demand = flags & FLAG_DEMAND;
	*ret = packet;
	return 0;
}

void bfd_packet_write(uint8_t buf[BFD_PACKET_LEN], const struct bfd_packet *packet)
{
	struct wire_writer writer;
	unsigned int flags = (unsigned int)packet->state << 6;

	flags |= packet->poll ? FLAG_POLL : 0;
	flags |= packet->final ? FLAG_FINAL : 0;
	flags |= packet->control_plane_independent ? FLAG_INDEPENDENT : 0;
	flags |= packet->demand ? FLAG_DEMAND : 0;
	wire_writer_init(&writer, buf, BFD_PACKET_LEN);
	wire_write_u8(&writer, (uint8_t)(BFD_VERSION << 5 | packet->diagnostic));
	wire_write_u8(&writer, (uint8_t)flags);
	wire_write_u8(&writer, packet->multiplier);
	wire_write_u8(&writer, BFD_PACKET_LEN);
	wire_write_u32(&writer, packet->my_discriminator);
	wire_write_u32(&writer, packet->your_discriminator);
	wire_write_u32(&writer, packet->desired_min_tx_us);
	wire_write_u32(&writer, packet->required_min_rx_us);
	wire_write_u32(&writer, packet->required_min_echo_rx_us);
}

const char *bfd_state_name(enum bfd_state state)
{
	static const char *const names[] = {
		[BFD_ADMIN_DOWN] = "AdminDown",
		[BFD_DOWN] = "Down",
		[BFD_INIT] = "Init",
		[BFD_UP] = "Up",
	};

	return names[state & 3];
}

const char *bfd_discard_text(enum bfd_discard why)
{
	static const char *const texts[BFD_DISCARD_COUNT] = {
		[BFD_DISCARD_VERSION] = "not version 1",
		[BFD_DISCARD_LENGTH] = "bad length",
		[BFD_DISCARD_MULTIPLIER] = "detection multiplier 0",
		[BFD_DISCARD_MULTIPOINT] = "multipoint",
		[BFD_DISCARD_DISCRIMINATOR] = "my discriminator 0",
		[BFD_DISCARD_STATE] = "your discriminator 0 in a state that needs it",
		[BFD_DISCARD_HOPS] =
			"it came from further away than it may (bfd: {multihop: true}, "
			"or ttl_security of the peer)",
		[BFD_DISCARD_NO_SESSION] = "no session has this discriminator, port or address",
		[BFD_DISCARD_AUTHENTICATED] = "authenticated, which is not served",
	};

	return texts[why];
}

const char *bfd_diagnostic_text(enum bfd_diagnostic diagnostic)
{
	static const char *const texts[] = {
		[BFD_DIAG_NONE] = "no diagnostic",
		[BFD_DIAG_DETECTION_EXPIRED] = "control detection time expired",
		[BFD_DIAG_ECHO_FAILED] = "echo function failed",
		[BFD_DIAG_NEIGHBOR_DOWN] = "neighbor signaled session down",
		[BFD_DIAG_FORWARDING_RESET] = "forwarding plane reset",
		[BFD_DIAG_PATH_DOWN] = "path down",
		[BFD_DIAG_CONCATENATED_PATH_DOWN] = "concatenated path down",
		[BFD_DIAG_ADMIN_DOWN] = "administratively down",
		[BFD_DIAG_REVERSE_PATH_DOWN] = "reverse concatenated path down",
	};

	return (size_t)diagnostic < sizeof(texts) / sizeof(texts[0]) ? texts[diagnostic]
								     : "reserved diagnostic";
}
