/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_message.c: framing, OPEN, NOTIFICATION, ROUTE-REFRESH.
 *
 * Octets are from RFC 4271 section 4, RFC 2918, 4724, 5492, 6793, 9003, 9072; bird_open was
 * captured from BIRD 2.0.12.
 *
 * links: bgp/message.c bgp/capability.c lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/message.h"
#include "tests/unit/bgp/hex.h"

#define MARKER "16*ff "

static const struct {
	const char *name;
	const char *octets; /* of the header */
	int code, subcode;  /* 0: accepted */
	const char *data;
} header_rows[] = {
	{ "KEEPALIVE", MARKER "0013 04", 0, 0, "" },
	{ "largest UPDATE", MARKER "1000 02", 0, 0, "" },
	{ "smallest UPDATE", MARKER "0017 02", 0, 0, "" },
	{ "smallest OPEN", MARKER "001d 01", 0, 0, "" },
	{ "ROUTE-REFRESH", MARKER "0017 05", 0, 0, "" },
	{ "first octet of the marker wrong", "00 15*ff 0013 04", 1, 1, "" },
	{ "last octet of the marker wrong", "15*ff fe 0013 04", 1, 1, "" },
	{ "length 0", MARKER "0000 04", 1, 2, "0000" },
	{ "length 18", MARKER "0012 04", 1, 2, "0012" },
	{ "length 4097", MARKER "1001 02", 1, 2, "1001" },
	{ "length 65535", MARKER "ffff 02", 1, 2, "ffff" },
	{ "KEEPALIVE of 20", MARKER "0014 04", 1, 2, "0014" },
	{ "UPDATE of 22", MARKER "0016 02", 1, 2, "0016" },
	{ "OPEN of 28", MARKER "001c 01", 1, 2, "001c" },
	{ "NOTIFICATION of 20", MARKER "0014 03", 1, 2, "0014" },
	{ "ROUTE-REFRESH of 22", MARKER "0016 05", 1, 2, "0016" },
	{ "ROUTE-REFRESH of 24: its body says which error", MARKER "0018 05", 0, 0, "" },
	{ "type 0", MARKER "0013 00", 1, 3, "00" },
	{ "type 6", MARKER "0013 06", 1, 3, "06" },
	{ "type 255", MARKER "0013 ff", 1, 3, "ff" },
};

static void a_header_is_judged_without_the_body(void **state)
{
	for (size_t i = 0; i < sizeof(header_rows) / sizeof(header_rows[0]); i++) {
		struct bgp_error error = {};
		uint8_t octets[64], type;
		size_t len;
		int err;

		assert_int_equal(hex_parse(header_rows[i].octets, octets, sizeof(octets)),
				 BGP_HEADER_LEN);
		err = message_parse_header(octets, &type, &len, &error);
		if ((err < 0) != (header_rows[i].code > 0))
			print_error("%s\n", header_rows[i].name);
		assert_int_equal(err<0, header_rows[i].code> 0);
		assert_int_equal(error.code, header_rows[i].code);
		assert_int_equal(error.subcode, header_rows[i].subcode);
		assert_true(hex_equal(header_rows[i].data, error.data, error.data_len));
	}
}

/* version 4, AS 64999, hold 90, router id 10.0.0.2, then the optional parameters */
#define HEAD "04 fde7 005a 0a000002 "
#define AS4  "41 04 0000fde7 "

static const struct {
	const char *name;
	const char *body;
	int code, subcode; /* 0: accepted */
} open_rows[] = {
	{ "no optional parameter", HEAD "00", 0, 0 },
	{ "hold time 0", "04 fde7 0000 0a000002 00", 0, 0 },
	{ "hold time 3", "04 fde7 0003 0a000002 00", 0, 0 },
	{ "version 3", "03 fde7 005a 0a000002 00", 2, 1 },
	{ "version 5", "05 fde7 005a 0a000002 00", 2, 1 },
	{ "AS 0 in the header", "04 0000 005a 0a000002 00", 2, 2 },
	{ "AS 0 in the capability", HEAD "08 02 06 41 04 00000000", 2, 2 },
	{ "router id 0", "04 fde7 005a 00000000 00", 2, 3 },
	{ "hold time 1", "04 fde7 0001 0a000002 00", 2, 6 },
	{ "hold time 2", "04 fde7 0002 0a000002 00", 2, 6 },
	{ "authentication parameter", HEAD "03 01 01 00", 2, 4 },
	{ "unknown parameter", HEAD "02 63 00", 2, 4 },
	{ "parameters longer than the message", HEAD "20 02 06 " AS4, 2, 0 },
	{ "parameters shorter than the message", HEAD "04 02 06 " AS4, 2, 0 },
	{ "octets behind no parameters", HEAD "00 02 06 " AS4, 2, 0 },
	{ "parameter cut after its type", HEAD "01 02", 2, 0 },
	{ "parameter over the end", HEAD "08 02 07 " AS4, 2, 0 },
	{ "capability over its parameter", HEAD "08 02 06 41 05 0000fde7", 2, 0 },
	{ "capability cut after its code", HEAD "03 02 01 41", 2, 0 },
	{ "four-octet AS of 0 octets", HEAD "04 02 02 41 00", 2, 0 },
	{ "four-octet AS of 2 octets", HEAD "06 02 04 41 02 fde7", 2, 0 },
	{ "four-octet AS of 0 octets before others", HEAD "0a 02 08 41 00 01 04 0001 00 01", 2, 0 },
	{ "no length of parameters", "04 fde7 005a 0a000002", 2, 0 },
	/* RFC 9072 */
	{ "extended, short content", HEAD "ff ff 0009 02 0006 " AS4, 0, 0 },
	{ "extended, another first length", HEAD "01 ff 0009 02 0006 " AS4, 0, 0 },
	{ "extended, first length 0", HEAD "00 ff 0009 02 0006 " AS4, 2, 0 },
	{ "extended, 300 octets", HEAD "ff ff 012f 02 012c " AS4 "80 fe 254*00 80 24 36*00", 0, 0 },
	{ "extended marker and nothing", HEAD "ff ff", 2, 0 },
	{ "extended length 65535", HEAD "ff ff ffff 02 0006 " AS4, 2, 0 },
	{ "extended, inner length too long", HEAD "ff ff 0009 02 0106 " AS4, 2, 0 },
	{ "extended, cut in the inner length", HEAD "ff ff 0002 02 00", 2, 0 },
	{ "length 255 without the mark", HEAD "ff 02 06 " AS4, 2, 0 },
	/* capabilities that make no sense inside are passed over */
	{ "multiprotocol of 3 octets", HEAD "07 02 05 01 03 0001 00", 0, 0 },
	{ "graceful restart of 1 octet", HEAD "05 02 03 40 01 00", 0, 0 },
	{ "graceful restart of 5 octets", HEAD "09 02 07 40 05 0078 0001 01", 0, 0 },
	{ "add-path of 3 octets", HEAD "07 02 05 45 03 000101", 0, 0 },
	{ "hostname whose name overruns", HEAD "06 02 04 49 02 ff41", 0, 0 },
	{ "extended next hop of 0 octets", HEAD "04 02 02 05 00", 0, 0 },
	{ "extended next hop of 5 octets", HEAD "09 02 07 05 05 0001 0001 00", 0, 0 },
	{ "route refresh of 1 octet", HEAD "05 02 03 02 01 00", 0, 0 },
	{ "role of 0 octets", HEAD "04 02 02 09 00", 0, 0 },
	{ "five equal capabilities", HEAD "0c 02 0a 02 00 02 00 02 00 02 00 02 00", 0, 0 },
	{ "forty unknown", HEAD "52 02 50 80*00", 0, 0 },
	{ "several parameters", HEAD "10 02 06 " AS4 "02 06 01 04 0002 00 01", 0, 0 },
};

static void an_open_is_judged_as_the_rfcs_say(void **state)
{
	for (size_t i = 0; i < sizeof(open_rows) / sizeof(open_rows[0]); i++) {
		struct open_message open_message;
		struct bgp_error error = {};
		uint8_t body[BGP_MESSAGE_MAX];
		size_t len = hex_parse(open_rows[i].body, body, sizeof(body));
		int err = message_parse_open(body, len, &open_message, &error);

		if ((err < 0) != (open_rows[i].code > 0) ||
		    (err < 0 && error.subcode != open_rows[i].subcode))
			print_error("%s\n", open_rows[i].name);
		assert_int_equal(err<0, open_rows[i].code> 0);
		if (err == 0)
			continue;
		assert_int_equal(error.code, open_rows[i].code);
		assert_int_equal(error.subcode, open_rows[i].subcode);
	}
}

static void an_unsupported_version_is_answered_with_ours(void **state)
{
	struct open_message open_message;
	struct bgp_error error = {};
	uint8_t body[32];
	size_t len = hex_parse("03 fde7 005a 0a000002 00", body, sizeof(body));

	assert_true(message_parse_open(body, len, &open_message, &error) < 0);
	assert_true(hex_equal("0004", error.data, error.data_len));
}

/* Captured: refresh, both families, graceful restart, AS4, enhanced refresh, LLGR */
static const char bird_open[] = "04 fde7 00f0 0a630002 26 02 24 01 04 0001 00 01 01 04 0002 00 01 "
				"02 00 40 0a 0078 0001 01 00 0002 01 00 41 04 0000fde7 46 00 47 00";

static void an_open_of_bird_is_understood(void **state)
{
	struct open_message open_message;
	struct bgp_error error;
	uint8_t body[128];
	size_t len = hex_parse(bird_open, body, sizeof(body));
	const struct capabilities *caps = &open_message.capabilities;

	assert_int_equal(message_parse_open(body, len, &open_message, &error), 0);
	assert_int_equal(open_message.as, 64999);
	assert_int_equal(open_message.hold_time_s, 240);
	assert_int_equal(open_message.router_id, 0x0a630002);
	assert_true(caps->family[FAMILY_IPV4] && caps->family[FAMILY_IPV6]);
	assert_true(caps->route_refresh && caps->four_octet_as && caps->graceful_restart);
	assert_false(caps->restarting);
	assert_int_equal(caps->restart_time_s, 120);
	assert_true(caps->restart_family[FAMILY_IPV4] && !caps->forwarding[FAMILY_IPV4]);
	assert_true(caps->restart_family[FAMILY_IPV6] && !caps->forwarding[FAMILY_IPV6]);
}

static void without_capabilities_only_ipv4_is_spoken(void **state)
{
	struct open_message open_message;
	struct bgp_error error;
	uint8_t body[32];
	size_t len = hex_parse(HEAD "00", body, sizeof(body));

	assert_int_equal(message_parse_open(body, len, &open_message, &error), 0);
	assert_true(open_message.capabilities.family[FAMILY_IPV4]);
	assert_false(open_message.capabilities.family[FAMILY_IPV6]);
	assert_false(open_message.capabilities.four_octet_as);
}

/* RFC 4724 section 3: four bits of flags, of which R is the first, then twelve of the time. */
static void flags_are_no_part_of_the_restart_time(void **state)
{
	struct open_message open_message;
	struct bgp_error error;
	uint8_t body[64];
	size_t len = hex_parse(HEAD "0a 02 08 40 06 f078 0001 01 80", body, sizeof(body));

	assert_int_equal(message_parse_open(body, len, &open_message, &error), 0);
	assert_true(open_message.capabilities.restarting);
	assert_int_equal(open_message.capabilities.restart_time_s, 120);
	assert_true(open_message.capabilities.forwarding[FAMILY_IPV4]);
	assert_false(open_message.capabilities.restart_family[FAMILY_IPV6]);
}

static void the_last_graceful_restart_capability_counts(void **state)
{
	struct open_message open_message;
	struct bgp_error error;
	uint8_t body[64];
	size_t len =
		hex_parse(HEAD "0e 02 0c 40 06 803c 0001 01 80 40 02 0005", body, sizeof(body));

	assert_int_equal(message_parse_open(body, len, &open_message, &error), 0);
	assert_false(open_message.capabilities.restarting);
	assert_int_equal(open_message.capabilities.restart_time_s, 5);
	assert_false(open_message.capabilities.restart_family[FAMILY_IPV4]);
}

/* RFC 8950 section 4: triples of AFI, SAFI in two octets, and the next hop's AFI. */
static const struct {
	const char *capability;
	bool extended_next_hop;
} next_hop_rows[] = {
	{ "05 06 0001 0001 0002", true },
	{ "05 0c 0001 0080 0002 0001 0001 0002", true },
	{ "05 06 0001 0080 0002 05 06 0001 0001 0002", true },
	{ "05 06 0001 0002 0002", false },
	{ "05 06 0001 0001 0001", false },
	{ "05 06 0002 0001 0002", false },
	{ "05 06 0001 0100 0002", false },
	{ "05 05 0001 0001 00", false },
	{ "05 07 0001 0001 0002 00", false },
	{ "05 00", false },
};

static void ipv6_next_hops_of_ipv4_are_one_triple_of_their_capability(void **state)
{
	for (size_t i = 0; i < sizeof(next_hop_rows) / sizeof(next_hop_rows[0]); i++) {
		struct open_message open_message;
		struct bgp_error error;
		uint8_t capability[64], body[128];
		size_t len = hex_parse(next_hop_rows[i].capability, capability, sizeof(capability));
		size_t at = hex_parse(HEAD, body, sizeof(body));

		body[at++] = (uint8_t)(len + 2);
		body[at++] = 2;
		body[at++] = (uint8_t)len;
		memcpy(body + at, capability, len);
		assert_int_equal(message_parse_open(body, at + len, &open_message, &error), 0);
		assert_int_equal(open_message.capabilities.extended_next_hop,
				 next_hop_rows[i].extended_next_hop);
	}
}

static void our_open_has_every_capability_that_is_served(void **state)
{
	struct open_message own = { .as = 4200000001u, .hold_time_s = 90, .router_id = 0x0a000001 };
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t len;

	own.capabilities = (struct capabilities){
		.family = { true, true },
		.extended_next_hop = true,
		.route_refresh = true,
		.enhanced_refresh = true,
		.four_octet_as = true,
		.as = 4200000001u,
		.graceful_restart = true,
		.restarting = true,
		.restart_time_s = 120,
		.restart_family = { true, true },
		.forwarding = { true, true },
	};
	len = message_write_open(buf, &own);
	assert_true(hex_equal(MARKER
			      "0049 01 04 5ba0 005a 0a000001 2c 02 2a 01 04 0001 00 01 "
			      "01 04 0002 00 01 05 06 0001 0001 0002 02 00 46 00 41 04 fa56ea01 "
			      "40 0a 8078 0001 01 80 0002 01 80",
			      buf, len));
}

static void a_keepalive_is_a_header(void **state)
{
	uint8_t buf[BGP_MESSAGE_MAX];

	assert_true(hex_equal(MARKER "0013 04", buf, message_write_keepalive(buf)));
}

static void a_notification_carries_code_subcode_and_data(void **state)
{
	struct bgp_error error;
	uint8_t buf[BGP_MESSAGE_MAX];

	message_error_set(&error, 1, 2, "\x10\x01", 2);
	assert_true(hex_equal(MARKER "0017 03 01 02 1001", buf,
			      message_write_notification(buf, &error)));
}

static const struct {
	const char *name;
	const char *body;
	int code, subcode;
	const char *text;
} notification_rows[] = {
	{ "shutdown with text", "06 02 05 68656c6c6f", 6, 2, "hello" },
	{ "reset with text", "06 04 02 6f6b", 6, 4, "ok" },
	{ "UTF-8 of two octets", "06 02 02 c3a4", 6, 2, "\xc3\xa4" },
	{ "UTF-8 of three octets", "06 02 03 e282ac", 6, 2, "\xe2\x82\xac" },
	{ "UTF-8 of four octets", "06 02 04 f09f90a2", 6, 2, "\xf0\x9f\x90\xa2" },
	{ "no text", "06 02 00", 6, 2, "" },
	{ "no length", "06 02", 6, 2, "" },
	{ "longer than the message", "06 02 ff 68", 6, 2, "" },
	{ "not UTF-8", "06 02 02 fffe", 6, 2, "" },
	{ "overlong UTF-8", "06 02 02 c080", 6, 2, "" },
	{ "UTF-8 surrogate", "06 02 03 eda080", 6, 2, "" },
	{ "UTF-8 cut", "06 02 02 e282", 6, 2, "" },
	{ "bad third octet", "06 02 03 e28241", 6, 2, "" },
	{ "text of another subcode", "06 06 01 41", 6, 6, "" },
	{ "unknown code", "63 07 0102", 99, 7, "" },
	{ "cut to one octet", "06", 6, 0, "" },
	{ "empty", "", 0, 0, "" },
};

static void a_notification_never_does_harm(void **state)
{
	for (size_t i = 0; i < sizeof(notification_rows) / sizeof(notification_rows[0]); i++) {
		struct bgp_error error;
		uint8_t body[300];
		char text[256];
		size_t len = hex_parse(notification_rows[i].body, body, sizeof(body));

		message_parse_notification(body, len, &error, text, sizeof(text));
		assert_int_equal(error.code, notification_rows[i].code);
		assert_int_equal(error.subcode, notification_rows[i].subcode);
		assert_string_equal(text, notification_rows[i].text);
		assert_non_null(message_error_text(error.code, error.subcode));
	}
}

/* The octet that ends it needs its place, too. */
static void a_text_that_fills_its_buffer_is_left_out(void **state)
{
	struct bgp_error error;
	uint8_t body[16];
	char text[8] = "xxxxxxx";
	size_t len = hex_parse("06 02 05 68656c6c6f", body, sizeof(body));

	message_parse_notification(body, len, &error, text, 5);
	assert_string_equal(text, "");
	assert_string_equal(text + 5, "xx");
	message_parse_notification(body, len, &error, text, 6);
	assert_string_equal(text, "hello");
}

static void errors_are_said_in_words(void **state)
{
	assert_string_equal(message_error_text(6, 7), "Cease/Connection Collision Resolution");
	assert_string_equal(message_error_text(2, 200), "OPEN Message Error");
	assert_string_equal(message_error_text(7, 1),
			    "ROUTE-REFRESH Message Error/Invalid Message Length");
	assert_string_equal(message_error_text(200, 1), "Unknown Error");
}

static const struct {
	const char *name;
	const char *body;
	bool enhanced;
	int code; /* 0: accepted */
	int family, subtype;
	const char *data; /* of the NOTIFICATION */
} refresh_rows[] = {
	{ "IPv4", "0001 00 01", false, 0, FAMILY_IPV4, 0, "" },
	{ "IPv6", "0002 00 01", false, 0, FAMILY_IPV6, 0, "" },
	{ "multicast", "0001 00 02", false, 0, -1, 0, "" },
	{ "L2VPN", "0019 00 01", false, 0, -1, 0, "" },
	/* RFC 2918: the octet is reserved and ignored */
	{ "reserved octet set", "0001 01 01", false, 0, FAMILY_IPV4, 0, "" },
	{ "BoRR", "0001 01 01", true, 0, FAMILY_IPV4, 1, "" },
	{ "EoRR", "0002 02 01", true, 0, FAMILY_IPV6, 2, "" },
	/* RFC 7313 section 5: to be ignored, which the caller does */
	{ "subtype 255", "0001 ff 01", true, 0, FAMILY_IPV4, 255, "" },
	{ "one octet more", "0001 00 01 00", true, 1, 0, 0, "0018" },
	{ "an ORF that nobody asked for", "0001 00 01 01 80 0001 80", true, 1, 0, 0, "001c" },
	{ "BoRR, not negotiated, one octet more", "0001 01 01 00", false, 1, 0, 0, "0018" },
	{ "BoRR with one octet more", "0001 01 01 00", true, 7, 0, 0,
	  MARKER "0018 05 0001 01 01 00" },
	{ "EoRR with two octets more", "0002 02 01 abcd", true, 7, 0, 0,
	  MARKER "0019 05 0002 02 01 abcd" },
};

static void a_refresh_names_its_family_and_what_it_is(void **state)
{
	for (size_t i = 0; i < sizeof(refresh_rows) / sizeof(refresh_rows[0]); i++) {
		struct refresh_message message = {};
		struct bgp_error error = {};
		uint8_t body[64];
		size_t len = hex_parse(refresh_rows[i].body, body, sizeof(body));
		int err = message_parse_refresh(body, len, refresh_rows[i].enhanced, &message,
						&error);

		if (err != (refresh_rows[i].code ? -EPROTO : 0))
			print_error("%s\n", refresh_rows[i].name);
		assert_int_equal(err, refresh_rows[i].code ? -EPROTO : 0);
		assert_int_equal(error.code, refresh_rows[i].code);
		assert_true(hex_equal(refresh_rows[i].data, error.data, error.data_len));
		assert_int_equal(message.family, refresh_rows[i].family);
		assert_int_equal(message.subtype, refresh_rows[i].subtype);
	}
}

static void a_refresh_is_written_as_it_is_read(void **state)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t len = message_write_refresh(buf, FAMILY_IPV6, REFRESH_REQUEST);

	assert_true(hex_equal(MARKER "0017 05 0002 00 01", buf, len));
	len = message_write_refresh(buf, FAMILY_IPV4, REFRESH_END);
	assert_true(hex_equal(MARKER "0017 05 0001 02 01", buf, len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_judged_without_the_body),
		cmocka_unit_test(an_open_is_judged_as_the_rfcs_say),
		cmocka_unit_test(an_unsupported_version_is_answered_with_ours),
		cmocka_unit_test(an_open_of_bird_is_understood),
		cmocka_unit_test(without_capabilities_only_ipv4_is_spoken),
		cmocka_unit_test(flags_are_no_part_of_the_restart_time),
		cmocka_unit_test(the_last_graceful_restart_capability_counts),
		cmocka_unit_test(ipv6_next_hops_of_ipv4_are_one_triple_of_their_capability),
		cmocka_unit_test(our_open_has_every_capability_that_is_served),
		cmocka_unit_test(a_keepalive_is_a_header),
		cmocka_unit_test(a_notification_carries_code_subcode_and_data),
		cmocka_unit_test(a_notification_never_does_harm),
		cmocka_unit_test(a_text_that_fills_its_buffer_is_left_out),
		cmocka_unit_test(errors_are_said_in_words),
		cmocka_unit_test(a_refresh_names_its_family_and_what_it_is),
		cmocka_unit_test(a_refresh_is_written_as_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
