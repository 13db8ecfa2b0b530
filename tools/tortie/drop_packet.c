/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drop_packet.c: the head of a dropped frame in a few words (pure).
 *
 * The octets are whatever a pod sent, so every field goes through the bounded reader of lib/wire.h;
 * where the head ends early the words end with "truncated". ARP is RFC 826, IPv4 RFC 791, IPv6 RFC
 * 8200; ports are the first four octets of TCP, UDP and SCTP. IPv6 extension headers are named by
 * their number only.
 */

#include "tools/tortie/drop_packet.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "lib/ip_prefix.h"
#include "lib/wire.h"
#include "tools/tortie/words.h"

#define IPV4_FRAGMENT_OFFSET 0x1fff

static struct ip_addr v4_read(struct wire_reader *reader)
{
	struct in_addr addr = { .s_addr = htonl(wire_read_u32(reader)) };

	return ip_addr_from_v4(addr);
}

static struct ip_addr v6_read(struct wire_reader *reader)
{
	struct ip_addr addr;

	for (size_t i = 0; i < 4; i++)
		addr.word[i] = htonl(wire_read_u32(reader));
	return addr;
}

static void arp_describe(struct wire_reader *reader, char *out, size_t size)
{
	char sender[IP_ADDR_TEXT_MAX], target[IP_ADDR_TEXT_MAX];
	struct ip_addr from, to;
	uint16_t operation;

	wire_skip(reader, 6);
	operation = wire_read_u16(reader);
	wire_skip(reader, 6);
	from = v4_read(reader);
	wire_skip(reader, 6);
	to = v4_read(reader);
	if (!wire_reader_ok(reader)) {
		snprintf(out, size, "arp truncated");
		return;
	}
	ip_addr_format(&from, sender, sizeof(sender));
	ip_addr_format(&to, target, sizeof(target));
	if (operation == 1)
		snprintf(out, size, "arp who has %s, tell %s", target, sender);
	else
		snprintf(out, size, "arp operation %u, %s is at its sender", operation, sender);
}

static bool protocol_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

/* "FROM[:PORT] > TO[:PORT] PROTOCOL"; @reader stands behind the IP header. */
static void ends_describe(struct wire_reader *reader, const struct ip_addr end[2], uint8_t protocol,
			  char *out, size_t size)
{
	bool has_ports = protocol_has_ports(protocol) && wire_reader_left(reader) >= 4;
	const char *name = words_protocol(protocol);
	char text[2][IP_ADDR_TEXT_MAX + 10];
	char number[16];

	for (size_t i = 0; i < 2; i++) {
		char addr[IP_ADDR_TEXT_MAX];
		bool is_v6 = !ip_addr_is_v4(&end[i]);

		ip_addr_format(&end[i], addr, sizeof(addr));
		if (has_ports)
			snprintf(text[i], sizeof(text[i]), "%s%s%s:%u", is_v6 ? "[" : "", addr,
				 is_v6 ? "]" : "", wire_read_u16(reader));
		else
			snprintf(text[i], sizeof(text[i]), "%s", addr);
	}
	if (name[0] == 'i' && name[1] == 'p') {
		snprintf(number, sizeof(number), "protocol %u", protocol);
		name = number;
	}
	snprintf(out, size, "%s > %s %s", text[0], text[1], name);
}

static void ipv4_describe(struct wire_reader *reader, char *out, size_t size)
{
	uint8_t first = wire_read_u8(reader), protocol;
	size_t header_len = (size_t)(first & 0xf) * 4;
	struct ip_addr end[2];
	uint16_t fragment;

	wire_skip(reader, 5);
	fragment = wire_read_u16(reader);
	wire_skip(reader, 1);
	protocol = wire_read_u8(reader);
	wire_skip(reader, 2);
	end[0] = v4_read(reader);
	end[1] = v4_read(reader);
	if (!wire_reader_ok(reader)) {
		snprintf(out, size, "IPv4 truncated");
		return;
	}
	if (first >> 4 != 4 || header_len < 20) {
		snprintf(out, size, "IPv4 with version %u, header of %zu octets", first >> 4,
			 header_len);
		return;
	}
	if (fragment & IPV4_FRAGMENT_OFFSET || header_len - 20 > wire_reader_left(reader))
		wire_skip(reader, wire_reader_left(reader));
	else
		wire_skip(reader, header_len - 20);
	ends_describe(reader, end, protocol, out, size);
}

static void ipv6_describe(struct wire_reader *reader, char *out, size_t size)
{
	uint8_t first = wire_read_u8(reader), next_header;
	struct ip_addr end[2];

	wire_skip(reader, 5);
	next_header = wire_read_u8(reader);
	wire_skip(reader, 1);
	end[0] = v6_read(reader);
	end[1] = v6_read(reader);
	if (!wire_reader_ok(reader)) {
		snprintf(out, size, "IPv6 truncated");
		return;
	}
	if (first >> 4 != 6) {
		snprintf(out, size, "IPv6 with version %u", first >> 4);
		return;
	}
	ends_describe(reader, end, next_header, out, size);
}

const char *drop_packet_describe(const void *head, size_t len, char *out, size_t size)
{
	struct wire_reader reader;
	uint16_t type;

	wire_reader_init(&reader, head, len);
	wire_skip(&reader, 2 * ETH_ALEN);
	type = wire_read_u16(&reader);
	if (!wire_reader_ok(&reader))
		snprintf(out, size, "frame truncated");
	else if (type == ETHERTYPE_ARP)
		arp_describe(&reader, out, size);
	else if (type == ETHERTYPE_IP)
		ipv4_describe(&reader, out, size);
	else if (type == ETHERTYPE_IPV6)
		ipv6_describe(&reader, out, size);
	else
		snprintf(out, size, "ethertype 0x%04x", type);
	return out;
}
