/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfd_packet.c: control packets against RFC 5880 sections 4.1 and 6.8.6, octet by octet.
 *
 * links: bgp/bfd_packet.c lib/wire.c tests/unit/bgp/hex.c lib/ip_prefix.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/bfd_packet.h"
#include "tests/unit/bgp/hex.h"

#define TAIL "00000007 00000009 000f4240 000493e0 00000000"

/* The checks that need no session, in the RFC's order: each row but the last fails one of them. */
static const struct {
	const char *name, *octets;
	int err;
	enum bfd_discard why;
} rows[] = {
	{ "version 0", "00 40 03 18" TAIL, -EBADMSG, BFD_DISCARD_VERSION },
	{ "version 2", "40 40 03 18" TAIL, -EBADMSG, BFD_DISCARD_VERSION },
	{ "version 2, all else wrong too", "40 41 00 00", -EBADMSG, BFD_DISCARD_VERSION },
	{ "no octet", "", -EBADMSG, BFD_DISCARD_LENGTH },
	{ "one octet", "20", -EBADMSG, BFD_DISCARD_LENGTH },
	{ "Length 23", "20 40 03 17" TAIL, -EBADMSG, BFD_DISCARD_LENGTH },
	{ "Length 24 with A", "20 44 03 18" TAIL "0000", -EBADMSG, BFD_DISCARD_LENGTH },
	{ "Length 25 with A", "20 44 03 19" TAIL "0000", -EBADMSG, BFD_DISCARD_LENGTH },
	{ "Length beyond the payload", "20 40 03 19" TAIL, -EBADMSG, BFD_DISCARD_LENGTH },
	{ "an octet is missing", "20 40 03 18 00000007 00000009 000f4240 000493e0 000000", -EBADMSG,
	  BFD_DISCARD_LENGTH },
	{ "Detect Mult 0", "20 40 00 18" TAIL, -EBADMSG, BFD_DISCARD_MULTIPLIER },
	{ "Multipoint", "20 41 03 18" TAIL, -EBADMSG, BFD_DISCARD_MULTIPOINT },
	{ "Multipoint and Detect Mult 0", "20 41 00 18" TAIL, -EBADMSG, BFD_DISCARD_MULTIPLIER },
	{ "My Discriminator 0", "20 40 03 18 00000000 00000009 000f4240 000493e0 00000000",
	  -EBADMSG, BFD_DISCARD_DISCRIMINATOR },
	{ "good", "20 40 03 18" TAIL, 0, 0 },
	{ "good, octets behind it", "20 40 03 18" TAIL "ffff", 0, 0 },
	{ "good, authenticated", "20 44 03 1a" TAIL "0102", 0, 0 },
};

static void a_packet_is_checked_in_the_order_of_the_rfc(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum bfd_discard why = BFD_DISCARD_COUNT;
		struct bfd_packet packet;
		uint8_t octets[64];
		size_t len = hex_parse(rows[i].octets, octets, sizeof(octets));

		if (bfd_packet_parse(octets, len, &packet, &why) != rows[i].err ||
		    (rows[i].err < 0 && why != rows[i].why))
			fail_msg("%s: discarded for %d", rows[i].name, why);
	}
}

static void every_field_is_read(void **state)
{
	enum bfd_discard why;
	struct bfd_packet packet;
	uint8_t octets[32];
	size_t len = hex_parse("21 fe 05 1a 01020304 05060708 000f4240 000493e0 0000c350 0102",
			       octets, sizeof(octets));

	assert_int_equal(bfd_packet_parse(octets, len, &packet, &why), 0);
	assert_int_equal(packet.diagnostic, BFD_DIAG_DETECTION_EXPIRED);
	assert_int_equal(packet.state, BFD_UP);
	assert_true(packet.poll && packet.final && packet.control_plane_independent &&
		    packet.authenticated && packet.demand);
	assert_int_equal(packet.multiplier, 5);
	assert_int_equal(packet.my_discriminator, 0x01020304);
	assert_int_equal(packet.your_discriminator, 0x05060708);
	assert_int_equal(packet.desired_min_tx_us, 1000000);
	assert_int_equal(packet.required_min_rx_us, 300000);
	assert_int_equal(packet.required_min_echo_rx_us, 50000);
}

static void each_bit_stands_for_its_flag_alone(void **state)
{
	static const struct {
		const char *octets;
		bool poll, final, independent, demand;
		enum bfd_state state;
	} bits[] = {
		{ "20 20 03 18" TAIL, true, false, false, false, BFD_ADMIN_DOWN },
		{ "20 50 03 18" TAIL, false, true, false, false, BFD_DOWN },
		{ "20 88 03 18" TAIL, false, false, true, false, BFD_INIT },
		{ "20 c2 03 18" TAIL, false, false, false, true, BFD_UP },
	};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		enum bfd_discard why;
		struct bfd_packet packet;
		uint8_t octets[32], written[BFD_PACKET_LEN];
		size_t len = hex_parse(bits[i].octets, octets, sizeof(octets));

		assert_int_equal(bfd_packet_parse(octets, len, &packet, &why), 0);
		assert_int_equal(packet.poll, bits[i].poll);
		assert_int_equal(packet.final, bits[i].final);
		assert_int_equal(packet.control_plane_independent, bits[i].independent);
		assert_int_equal(packet.demand, bits[i].demand);
		assert_int_equal(packet.state, bits[i].state);
		bfd_packet_write(written, &packet);
		assert_true(hex_equal(bits[i].octets, written, sizeof(written)));
	}
}

static void states_and_diagnostics_have_words(void **state)
{
	assert_string_equal(bfd_state_name(BFD_UP), "Up");
	assert_string_equal(bfd_state_name(BFD_ADMIN_DOWN), "AdminDown");
	assert_string_equal(bfd_diagnostic_text(1), "control detection time expired");
	assert_string_equal(bfd_diagnostic_text(3), "neighbor signaled session down");
	assert_string_equal(bfd_diagnostic_text(7), "administratively down");
	assert_string_equal(bfd_diagnostic_text(8), "reverse concatenated path down");
	assert_string_equal(bfd_diagnostic_text(31), "reserved diagnostic");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_checked_in_the_order_of_the_rfc),
		cmocka_unit_test(every_field_is_read),
		cmocka_unit_test(each_bit_stands_for_its_flag_alone),
		cmocka_unit_test(states_and_diagnostics_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
