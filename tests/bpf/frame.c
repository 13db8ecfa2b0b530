/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.c: write test frames octet by octet, from the RFCs' drawings (791, 8200, 768, 9293, 792).
 *
 * Transport checksums are left 0: no program of ours looks at them, and forwarding must not either.
 */
#include "tests/bpf/frame.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#define PROTOCOL_ICMP	1
#define PROTOCOL_TCP	6
#define PROTOCOL_UDP	17
#define PROTOCOL_ICMPV6 58
#define PROTOCOL_SCTP	132
#define PAYLOAD_USUAL	32

static void put(struct frame *frame, const void *data, size_t len)
{
	assert(frame->len + len <= sizeof(frame->data));
	memcpy(frame->data + frame->len, data, len);
	frame->len += len;
}

static void put_zero(struct frame *frame, size_t len)
{
	assert(frame->len + len <= sizeof(frame->data));
	memset(frame->data + frame->len, 0, len);
	frame->len += len;
}

static void put_8(struct frame *frame, uint8_t value)
{
	put(frame, &value, 1);
}

static void put_16(struct frame *frame, uint16_t value)
{
	put_8(frame, value >> 8);
	put_8(frame, value & 0xff);
}

static void set_16(struct frame *frame, size_t offset, uint16_t value)
{
	frame->data[offset] = value >> 8;
	frame->data[offset + 1] = value & 0xff;
}

uint16_t frame_sum(const uint8_t *data, size_t len, uint32_t start)
{
	uint32_t sum = start;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? data[i] : data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static bool spec_is_ipv4(const struct frame_spec *spec)
{
	return !strchr(spec->from, ':');
}

static uint8_t spec_protocol(const struct frame_spec *spec)
{
	if (spec->quoted || (spec->icmp_type && !spec->protocol))
		return spec_is_ipv4(spec) ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
	return spec->protocol ? spec->protocol : PROTOCOL_UDP;
}

static void put_packet(struct frame *frame, const struct frame_spec *spec);

static void put_icmp(struct frame *frame, const struct frame_spec *spec)
{
	uint8_t type = spec->icmp_type;

	if (!type)
		type = spec_is_ipv4(spec) ? 8 : 128;
	put_8(frame, type);
	put_zero(frame, 7);
	if (spec->quoted)
		put_packet(frame, spec->quoted);
}

static void put_transport(struct frame *frame, const struct frame_spec *spec)
{
	size_t payload = spec->payload ? spec->payload : PAYLOAD_USUAL;

	switch (spec_protocol(spec)) {
	case PROTOCOL_TCP:
		put_16(frame, spec->source_port);
		put_16(frame, spec->dest_port);
		put_zero(frame, 8);
		put_16(frame, 0x5010); /* data offset 5, ACK */
		put_zero(frame, 6);
		break;
	case PROTOCOL_UDP:
		put_16(frame, spec->source_port);
		put_16(frame, spec->dest_port);
		put_16(frame, 8 + payload);
		put_16(frame, 0);
		break;
	case PROTOCOL_SCTP:
		put_16(frame, spec->source_port);
		put_16(frame, spec->dest_port);
		put_zero(frame, 8);
		break;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		put_icmp(frame, spec);
		break;
	}
	put_zero(frame, payload);
}

static void put_body(struct frame *frame, const struct frame_spec *spec)
{
	if (spec->body.text)
		put(frame, spec->body.text, spec->body.len);
	else
		put_transport(frame, spec);
}

static uint8_t spec_ttl(const struct frame_spec *spec)
{
	return spec->ttl == TTL_ZERO ? 0 : spec->ttl ? spec->ttl : 64;
}

static void put_ipv4(struct frame *frame, const struct frame_spec *spec)
{
	size_t header_len = IPV4_LEN + spec->options.len;
	size_t start = frame->len;
	struct in_addr from, to;

	assert(inet_pton(AF_INET, spec->from, &from) == 1);
	assert(inet_pton(AF_INET, spec->to, &to) == 1);
	put_8(frame, 0x40 | header_len / 4);
	put_8(frame, 0);
	put_16(frame, 0); /* total length, below */
	put_16(frame, 0x1234);
	put_16(frame, spec->fragment);
	put_8(frame, spec_ttl(spec));
	put_8(frame, spec_protocol(spec));
	put_16(frame, 0); /* checksum, below */
	put(frame, &from, sizeof(from));
	put(frame, &to, sizeof(to));
	put(frame, spec->options.text ? spec->options.text : "", spec->options.len);
	put_body(frame, spec);
	set_16(frame, start + 2, frame->len - start);
	set_16(frame, start + 10, ~frame_sum(frame->data + start, header_len, 0));
}

static void put_ipv6(struct frame *frame, const struct frame_spec *spec)
{
	size_t start = frame->len;
	struct in6_addr from, to;

	assert(inet_pton(AF_INET6, spec->from, &from) == 1);
	assert(inet_pton(AF_INET6, spec->to, &to) == 1);
	put_8(frame, 0x60);
	put_zero(frame, 3);
	put_16(frame, 0); /* payload length, below */
	put_8(frame, spec->extensions.len ? spec->next : spec_protocol(spec));
	put_8(frame, spec_ttl(spec));
	put(frame, &from, sizeof(from));
	put(frame, &to, sizeof(to));
	put(frame, spec->extensions.text ? spec->extensions.text : "", spec->extensions.len);
	put_body(frame, spec);
	set_16(frame, start + 4, frame->len - start - IPV6_LEN);
}

static void put_packet(struct frame *frame, const struct frame_spec *spec)
{
	if (spec_is_ipv4(spec))
		put_ipv4(frame, spec);
	else
		put_ipv6(frame, spec);
}

void frame_build(const struct frame_spec *spec, const uint8_t *eth_source, const uint8_t *eth_dest,
		 struct frame *ret)
{
	ret->len = 0;
	put(ret, spec->eth_dest ? spec->eth_dest : eth_dest, 6);
	put(ret, spec->eth_source ? spec->eth_source : eth_source, 6);
	if (spec->from) {
		put_16(ret, spec_is_ipv4(spec) ? 0x0800 : 0x86dd);
		put_packet(ret, spec);
	} else {
		put(ret, spec->raw.text, spec->raw.len);
	}
	put_zero(ret, spec->pad);
	for (size_t i = 0; i < FRAME_PATCHES && spec->patch[i].offset; i++)
		ret->data[spec->patch[i].offset] = spec->patch[i].value;
	if (spec->cut)
		ret->len = spec->cut;
}
