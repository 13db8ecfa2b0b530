/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of explain_packet.c: the packets that explain asks about. Expected frames were written by
 * Scapy (checksums and lengths are its own).
 *
 * links: loader/explain_packet.c lib/ip_prefix.c
 */
#include "loader/explain_packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "lib/ip_prefix.h"

static const uint8_t tcp_syn_ipv4[] = {
	0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0x0a, 0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x00,
	0x45, 0x00, 0x00, 0x28, 0x00, 0x00, 0x00, 0x00, 0x40, 0x06, 0x61, 0xd3, 0x0a, 0xf4,
	0x01, 0x02, 0x0a, 0xf4, 0x02, 0x14, 0x9c, 0x40, 0x00, 0x50, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x50, 0x02, 0xff, 0xff, 0xfa, 0x54, 0x00, 0x00,
};

/* Hop limit 1, five octets of payload: an odd length for the checksum. */
static const uint8_t udp_ipv6[] = {
	0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0x0a, 0x01, 0x02, 0x03, 0x04, 0x05, 0x86, 0xdd,
	0x60, 0x00, 0x00, 0x00, 0x00, 0x0d, 0x11, 0x01, 0xfd, 0x00, 0x00, 0x10, 0x02, 0x44,
	0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xfd, 0x00, 0x00, 0x10,
	0x02, 0x44, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x9c, 0x40,
	0x00, 0x35, 0x00, 0x0d, 0x64, 0x9c, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static const uint8_t echo_ipv4[] = {
	0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0x0a, 0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x00,
	0x45, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x00, 0x40, 0x01, 0x61, 0xe4, 0x0a, 0xf4,
	0x01, 0x02, 0x0a, 0xf4, 0x02, 0x14, 0x08, 0x00, 0xf7, 0xff, 0x00, 0x00, 0x00, 0x00,
};

static const uint8_t echo_ipv6[] = {
	0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0x0a, 0x01, 0x02, 0x03, 0x04, 0x05, 0x86,
	0xdd, 0x60, 0x00, 0x00, 0x00, 0x00, 0x08, 0x3a, 0x40, 0xfd, 0x00, 0x00, 0x10,
	0x02, 0x44, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xfd,
	0x00, 0x00, 0x10, 0x02, 0x44, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x14, 0x80, 0x00, 0x80, 0xfa, 0x00, 0x00, 0x00, 0x00,
};

static struct explain_packet packet_of(const char *source, const char *dest, uint8_t protocol)
{
	struct explain_packet packet = {
		.protocol = protocol,
		.source_mac = { 0x0a, 1, 2, 3, 4, 5 },
		.dest_mac = { 0xee, 0xee, 0xee, 0xee, 0xee, 0xee },
	};

	assert_int_equal(ip_addr_parse(source, &packet.source), 0);
	assert_int_equal(ip_addr_parse(dest, &packet.dest), 0);
	return packet;
}

static void assert_frame(const struct explain_packet *packet, const uint8_t *expected, size_t len)
{
	uint8_t frame[EXPLAIN_FRAME_MAX];

	assert_int_equal(explain_packet_build(packet, frame, sizeof(frame)), len);
	assert_memory_equal(frame, expected, len);
}

static void a_tcp_question_is_a_syn(void **state)
{
	struct explain_packet packet = packet_of("10.244.1.2", "10.244.2.20", IPPROTO_TCP);

	packet.port = 80;
	assert_frame(&packet, tcp_syn_ipv4, sizeof(tcp_syn_ipv4));
}

static void a_length_and_a_hop_limit_are_obeyed(void **state)
{
	struct explain_packet packet =
		packet_of("fd00:10:244:1::2", "fd00:10:244:2::14", IPPROTO_UDP);

	packet.port = 53;
	packet.ttl = 1;
	packet.length = 53;
	assert_frame(&packet, udp_ipv6, sizeof(udp_ipv6));
}

static void icmp_means_the_familys_own_echo(void **state)
{
	struct explain_packet four = packet_of("10.244.1.2", "10.244.2.20", IPPROTO_ICMP);
	struct explain_packet six =
		packet_of("fd00:10:244:1::2", "fd00:10:244:2::14", IPPROTO_ICMP);

	assert_frame(&four, echo_ipv4, sizeof(echo_ipv4));
	assert_frame(&six, echo_ipv6, sizeof(echo_ipv6));
}

static void sctp_and_unknown_protocols_have_their_number(void **state)
{
	struct explain_packet sctp = packet_of("10.244.1.2", "10.244.2.20", IPPROTO_SCTP);
	struct explain_packet gre = packet_of("10.244.1.2", "10.244.2.20", IPPROTO_GRE);
	uint8_t frame[EXPLAIN_FRAME_MAX];

	sctp.port = 0x1234;
	sctp.source_port = 0x5678;
	assert_int_equal(explain_packet_build(&sctp, frame, sizeof(frame)), 14 + 20 + 32);
	assert_int_equal(frame[14 + 9], IPPROTO_SCTP);
	assert_int_equal(frame[14 + 20], 0x56);
	assert_int_equal(frame[14 + 20 + 1], 0x78);
	assert_int_equal(frame[14 + 20 + 2], 0x12);
	assert_int_equal(frame[14 + 20 + 3], 0x34);
	assert_int_equal(explain_packet_build(&gre, frame, sizeof(frame)), 14 + 20);
	assert_int_equal(frame[14 + 9], IPPROTO_GRE);
}

static void what_cannot_be_built_is_refused(void **state)
{
	struct explain_packet mixed = packet_of("10.244.1.2", "fd00::1", IPPROTO_UDP);
	struct explain_packet large = packet_of("10.244.1.2", "10.244.2.20", IPPROTO_UDP);
	uint8_t frame[EXPLAIN_FRAME_MAX];

	assert_int_equal(explain_packet_build(&mixed, frame, sizeof(frame)), -EINVAL);
	large.length = EXPLAIN_PACKET_MAX;
	assert_int_equal(explain_packet_build(&large, frame, sizeof(frame)), EXPLAIN_FRAME_MAX);
	assert_int_equal(explain_packet_build(&large, frame, sizeof(frame) - 1), -EMSGSIZE);
	large.length = EXPLAIN_PACKET_MAX + 1;
	assert_int_equal(explain_packet_build(&large, frame, sizeof(frame)), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tcp_question_is_a_syn),
		cmocka_unit_test(a_length_and_a_hop_limit_are_obeyed),
		cmocka_unit_test(icmp_means_the_familys_own_echo),
		cmocka_unit_test(sctp_and_unknown_protocols_have_their_number),
		cmocka_unit_test(what_cannot_be_built_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
