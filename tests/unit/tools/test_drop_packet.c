/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of drop_packet.c: the head of a dropped frame in words. Frames are written out by the RFCs
 * named.
 *
 * links: tools/tortie/drop_packet.c tools/tortie/words.c lib/wire.c lib/ip_prefix.c
 */
#include "tools/tortie/drop_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ETHERNET_V4 "\xee\xee\xee\xee\xee\xee\x02\x00\x00\x00\x00\x01\x08\x00"
#define ETHERNET_V6 "\xee\xee\xee\xee\xee\xee\x02\x00\x00\x00\x00\x01\x86\xdd"
/* RFC 791 figure 4: version 4, header of 5 words; 10.244.1.2 to 10.244.2.3. */
#define IPV4(fragment, protocol)                                                       \
	"\x45\x00\x00\x28\x00\x01" fragment "\x40" protocol "\x00\x00\x0a\xf4\x01\x02" \
	"\x0a\xf4\x02\x03"
/* RFC 8200 section 3; fd00:244::2 to fd00:244::3. */
#define IPV6(next)                                                                     \
	"\x60\x00\x00\x00\x00\x08" next "\x40\xfd\x00\x02\x44\0\0\0\0\0\0\0\0\0\0\0\2" \
	"\xfd\x00\x02\x44\0\0\0\0\0\0\0\0\0\0\0\3"
#define PORTS "\x12\x67\x00\x50" /* 4711, 80 */

#define DESCRIBE(octets) describe(octets, sizeof(octets) - 1)

static const char *describe(const char *octets, size_t len)
{
	static char out[256];

	return drop_packet_describe(octets, len, out, sizeof(out));
}

static void ipv4_packets_have_ends_and_protocol(void **state)
{
	assert_string_equal(DESCRIBE(ETHERNET_V4 IPV4("\0\0", "\x06") PORTS),
			    "10.244.1.2:4711 > 10.244.2.3:80 tcp");
	assert_string_equal(DESCRIBE(ETHERNET_V4 IPV4("\0\0", "\x11") PORTS),
			    "10.244.1.2:4711 > 10.244.2.3:80 udp");
	assert_string_equal(DESCRIBE(ETHERNET_V4 IPV4("\0\0", "\x01") "\x08\x00"),
			    "10.244.1.2 > 10.244.2.3 icmp");
	assert_string_equal(DESCRIBE(ETHERNET_V4 IPV4("\0\0", "\x2f")),
			    "10.244.1.2 > 10.244.2.3 protocol 47");
}

static void ipv6_addresses_with_ports_stand_in_brackets(void **state)
{
	assert_string_equal(DESCRIBE(ETHERNET_V6 IPV6("\x06") PORTS),
			    "[fd00:244::2]:4711 > [fd00:244::3]:80 tcp");
	assert_string_equal(DESCRIBE(ETHERNET_V6 IPV6("\x3a") "\x86"),
			    "fd00:244::2 > fd00:244::3 icmpv6");
}

static void later_fragments_have_no_ports(void **state)
{
	assert_string_equal(DESCRIBE(ETHERNET_V4 IPV4("\x00\xb9", "\x11") PORTS),
			    "10.244.1.2 > 10.244.2.3 udp");
}

/* RFC 826; who has 10.244.2.3, tell 10.244.1.2. */
static void arp_requests_are_told_as_tcpdump_does(void **state)
{
	static const char head[] =
		"\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x06"
		"\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x00\x00\x00\x01\x0a\xf4\x01\x02"
		"\x00\x00\x00\x00\x00\x00\x0a\xf4\x02\x03";

	assert_string_equal(DESCRIBE(head), "arp who has 10.244.2.3, tell 10.244.1.2");
}

static void cut_and_absurd_frames_are_told_as_such(void **state)
{
	assert_string_equal(describe("", 0), "frame truncated");
	assert_string_equal(describe(ETHERNET_V4, 13), "frame truncated");
	assert_string_equal(DESCRIBE(ETHERNET_V4), "IPv4 truncated");
	assert_string_equal(DESCRIBE(ETHERNET_V6 "\x60"), "IPv6 truncated");
	assert_string_equal(DESCRIBE("\1\2\3\4\5\6\1\2\3\4\5\6\x88\xcc"), "ethertype 0x88cc");
	assert_string_equal(DESCRIBE("\1\2\3\4\5\6\1\2\3\4\5\6\x08\x06\x00\x01"), "arp truncated");
}

static void no_length_of_a_frame_is_read_beyond(void **state)
{
	static const char frame[] = ETHERNET_V4 IPV4("\0\0", "\x06") PORTS;

	for (size_t len = 0; len < sizeof(frame) - 1; len++) {
		char *copy = malloc(len + 1); /* ASan watches its end */

		memcpy(copy, frame, len);
		assert_non_null(describe(copy, len));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_packets_have_ends_and_protocol),
		cmocka_unit_test(ipv6_addresses_with_ports_stand_in_brackets),
		cmocka_unit_test(later_fragments_have_no_ports),
		cmocka_unit_test(arp_requests_are_told_as_tcpdump_does),
		cmocka_unit_test(cut_and_absurd_frames_are_told_as_such),
		cmocka_unit_test(no_length_of_a_frame_is_read_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
