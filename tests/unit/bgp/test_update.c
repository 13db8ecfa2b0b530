/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_update.c: whole UPDATE messages: what bad input leads to, what goes out.
 *
 * The rows of bad_rows follow the list of what peers get wrong most: RFC 4271 section 6.3, RFC 7606
 * sections 3 to 7, RFC 4760, 7607. Messages of BIRD were captured from 2.0.12.
 *
 * links: bgp/update.c bgp/attributes.c bgp/as_path.c bgp/message.c bgp/capability.c
 * links: lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/as_path.h"
#include "bgp/update.h"
#include "lib/ip_prefix.h"
#include "tests/unit/bgp/hex.h"

/* Well-formed attributes; AS 64999 in four octets */
#define ORIGIN	 "40 01 01 00 "
#define PATH	 "40 02 06 02 01 0000fde7 "
#define HOP	 "40 03 04 0a630002 "
#define GOOD	 ORIGIN PATH HOP
#define NLRI	 "18 0af402 " /* 10.244.2.0/24 */
#define MP_NEXT	 "10 fd99 13*00 02 00 "
#define MP_NLRI	 "40 fd00024400000002 " /* fd00:244:0:2::/64 */
#define MP_REACH "80 0e 1e 0002 01 " MP_NEXT MP_NLRI

enum peer_type {
	EBGP,
	IBGP,
	EBGP_2,	       /* two-octet AS */
	EBGP_EXTENDED, /* IPv6 next hops of IPv4 */
};

#define OK	 REACTION_NONE
#define DISCARD	 REACTION_DISCARD
#define WITHDRAW REACTION_WITHDRAW
#define RESET	 REACTION_RESET

static const struct {
	const char *name;
	enum peer_type peer;
	const char *attributes;
	const char *nlri;
	enum attribute_reaction reaction;
	int code, subcode; /* of a reset */
} bad_rows[] = {
	{ "all is well", EBGP, GOOD, NLRI, OK, 0, 0 },
	{ "no NLRI and nothing else", EBGP, "", "", OK, 0, 0 },
	/* prefixes */
	{ "prefix length 33", EBGP, GOOD, "21 0af40200 00", RESET, 3, 10 },
	{ "prefix length 255", EBGP, GOOD, "ff 32*00", RESET, 3, 10 },
	{ "prefix cut", EBGP, GOOD, "18 0af4", RESET, 3, 10 },
	{ "prefix length alone", EBGP, GOOD, "18", RESET, 3, 10 },
	/* the form of the block */
	{ "attribute header of 1 octet", EBGP, GOOD "40", NLRI, WITHDRAW, 0, 0 },
	{ "attribute header of 2 octets", EBGP, GOOD "40 04", NLRI, WITHDRAW, 0, 0 },
	{ "last attribute over the block", EBGP, GOOD "80 04 05 00000000", NLRI, WITHDRAW, 0, 0 },
	{ "extended length over the block", EBGP, GOOD "90 04 0104 00000000", NLRI, WITHDRAW, 0,
	  0 },
	{ "extended length cut", EBGP, GOOD "90 04 00", NLRI, WITHDRAW, 0, 0 },
	/* twice, unknown */
	{ "MP_REACH twice", EBGP, GOOD MP_REACH MP_REACH, "", RESET, 3, 1 },
	{ "MP_UNREACH twice", EBGP, "80 0f 03 0002 01 80 0f 03 0002 01", "", RESET, 3, 1 },
	{ "ORIGIN twice", EBGP, ORIGIN "40 01 01 09" PATH HOP, NLRI, OK, 0, 0 },
	{ "unknown well-known", EBGP, GOOD "40 63 01 00", NLRI, RESET, 3, 2 },
	{ "unknown transitive", EBGP, GOOD "c0 63 01 00", NLRI, OK, 0, 0 },
	{ "unknown non-transitive", EBGP, GOOD "80 63 01 00", NLRI, OK, 0, 0 },
	/* missing */
	{ "NLRI without attributes", EBGP, "", NLRI, WITHDRAW, 0, 0 },
	{ "only an unknown attribute", EBGP, "c0 63 01 00", NLRI, WITHDRAW, 0, 0 },
	{ "no ORIGIN", EBGP, PATH HOP, NLRI, WITHDRAW, 0, 0 },
	{ "no AS_PATH", EBGP, ORIGIN HOP, NLRI, WITHDRAW, 0, 0 },
	{ "no NEXT_HOP", EBGP, ORIGIN PATH, NLRI, WITHDRAW, 0, 0 },
	{ "no NEXT_HOP is needed for MP_REACH", EBGP, MP_REACH ORIGIN PATH, "", OK, 0, 0 },
	{ "MP_REACH without ORIGIN", EBGP, MP_REACH PATH, "", WITHDRAW, 0, 0 },
	/* ORIGIN */
	{ "ORIGIN of 0 octets", EBGP, "40 01 00" PATH HOP, NLRI, WITHDRAW, 0, 0 },
	{ "ORIGIN of 2 octets first of many", EBGP, "40 01 02 0000" PATH HOP "80 04 04 00000005",
	  NLRI, WITHDRAW, 0, 0 },
	{ "ORIGIN 3", EBGP, "40 01 01 03" PATH HOP, NLRI, WITHDRAW, 0, 0 },
	{ "ORIGIN optional", EBGP, "c0 01 01 00" PATH HOP, NLRI, WITHDRAW, 0, 0 },
	{ "ORIGIN not transitive", EBGP, "00 01 01 00" PATH HOP, NLRI, WITHDRAW, 0, 0 },
	/* AS_PATH */
	{ "segment type 0", EBGP, ORIGIN "40 02 06 00 01 0000fde7" HOP, NLRI, WITHDRAW, 0, 0 },
	{ "segment type 5", EBGP, ORIGIN "40 02 06 05 01 0000fde7" HOP, NLRI, WITHDRAW, 0, 0 },
	{ "confederation sequence", EBGP, ORIGIN "40 02 06 03 01 0000fde7" HOP, NLRI, WITHDRAW, 0,
	  0 },
	{ "confederation set", EBGP, ORIGIN "40 02 06 04 01 0000fde7" HOP, NLRI, WITHDRAW, 0, 0 },
	{ "empty segment", EBGP, ORIGIN "40 02 02 02 00" HOP, NLRI, WITHDRAW, 0, 0 },
	{ "segment overrun", EBGP, ORIGIN "40 02 06 02 02 0000fde7" HOP, NLRI, WITHDRAW, 0, 0 },
	{ "one octet left", EBGP, ORIGIN "40 02 07 02 01 0000fde7 02" HOP, NLRI, WITHDRAW, 0, 0 },
	{ "AS 0", EBGP, ORIGIN "40 02 0a 02 02 0000fde7 00000000" HOP, NLRI, WITHDRAW, 0, 0 },
	{ "AS_PATH optional", EBGP, ORIGIN "c0 02 06 02 01 0000fde7" HOP, NLRI, WITHDRAW, 0, 0 },
	{ "two-octet ASNs from a four-octet peer", EBGP, ORIGIN "40 02 04 02 01 fde7" HOP, NLRI,
	  WITHDRAW, 0, 0 },
	{ "two-octet peer", EBGP_2, ORIGIN "40 02 04 02 01 fde7" HOP, NLRI, OK, 0, 0 },
	{ "empty AS_PATH", IBGP, ORIGIN "40 02 00" HOP, NLRI, OK, 0, 0 },
	{ "900 ASNs", EBGP,
	  ORIGIN "50 02 0e18 02 ff 1020*01 02 ff 1020*01 02 ff 1020*01 02 87 540*01" HOP, NLRI, OK,
	  0, 0 },
	/* NEXT_HOP */
	{ "NEXT_HOP of 0 octets", EBGP, ORIGIN PATH "40 03 00", NLRI, WITHDRAW, 0, 0 },
	{ "NEXT_HOP of 3 octets", EBGP, ORIGIN PATH "40 03 03 0a6300", NLRI, WITHDRAW, 0, 0 },
	{ "NEXT_HOP of 16 octets", EBGP, ORIGIN PATH "40 03 10 16*20", NLRI, WITHDRAW, 0, 0 },
	{ "NEXT_HOP 0.0.0.0", EBGP, ORIGIN PATH "40 03 04 00000000", NLRI, WITHDRAW, 0, 0 },
	{ "NEXT_HOP 127.0.0.1", EBGP, ORIGIN PATH "40 03 04 7f000001", NLRI, WITHDRAW, 0, 0 },
	{ "NEXT_HOP 224.0.0.1", EBGP, ORIGIN PATH "40 03 04 e0000001", NLRI, WITHDRAW, 0, 0 },
	{ "NEXT_HOP 255.255.255.255", EBGP, ORIGIN PATH "40 03 04 ffffffff", NLRI, WITHDRAW, 0, 0 },
	/* RFC 4760 section 3: without routes of the message's own field it is ignored */
	{ "NEXT_HOP 0.0.0.0 beside MP_REACH", EBGP, MP_REACH ORIGIN PATH "40 03 04 00000000", "",
	  OK, 0, 0 },
	{ "NEXT_HOP 0.0.0.0 beside MP_REACH and NLRI", EBGP,
	  MP_REACH ORIGIN PATH "40 03 04 00000000", NLRI, WITHDRAW, 0, 0 },
	/* MED */
	{ "MED of 3 octets", EBGP, GOOD "80 04 03 000001", NLRI, WITHDRAW, 0, 0 },
	{ "MED transitive", EBGP, GOOD "c0 04 04 00000001", NLRI, WITHDRAW, 0, 0 },
	/* LOCAL_PREF */
	{ "LOCAL_PREF from outside", EBGP, GOOD "40 05 04 00000064", NLRI, DISCARD, 0, 0 },
	{ "LOCAL_PREF from outside, malformed", EBGP, GOOD "40 05 03 000064", NLRI, DISCARD, 0, 0 },
	{ "LOCAL_PREF from outside, wrong flags", EBGP, GOOD "c0 05 04 00000064", NLRI, DISCARD, 0,
	  0 },
	{ "LOCAL_PREF of 3 octets", IBGP, GOOD "40 05 03 000064", NLRI, WITHDRAW, 0, 0 },
	/* aggregates */
	{ "ATOMIC_AGGREGATE of 1 octet", EBGP, GOOD "40 06 01 00", NLRI, DISCARD, 0, 0 },
	{ "AGGREGATOR of 6 octets", EBGP, GOOD "c0 07 06 fde7 0a630002", NLRI, DISCARD, 0, 0 },
	{ "AGGREGATOR of 7 octets", EBGP, GOOD "c0 07 07 0000fde7 0a6300", NLRI, DISCARD, 0, 0 },
	{ "AGGREGATOR of 8 octets, two-octet peer", EBGP_2,
	  ORIGIN "40 02 04 02 01 fde7" HOP "c0 07 08 0000fde7 0a630002", NLRI, DISCARD, 0, 0 },
	{ "AGGREGATOR AS 0", EBGP, GOOD "c0 07 08 00000000 0a630002", NLRI, DISCARD, 0, 0 },
	{ "AGGREGATOR not transitive", EBGP, GOOD "80 07 08 0000fde7 0a630002", NLRI, WITHDRAW, 0,
	  0 },
	{ "AS4_PATH from a four-octet peer", EBGP, GOOD "c0 11 06 02 01 0000fde7", NLRI, DISCARD, 0,
	  0 },
	{ "AS4_AGGREGATOR from a four-octet peer", EBGP, GOOD "c0 12 08 0000fde7 0a630002", NLRI,
	  DISCARD, 0, 0 },
	{ "AS4_PATH malformed", EBGP_2, ORIGIN "40 02 04 02 01 fde7" HOP "c0 11 06 05 01 0000fde7",
	  NLRI, DISCARD, 0, 0 },
	{ "AS4_PATH with a segment of a confederation", EBGP_2,
	  ORIGIN "40 02 04 02 01 fde7" HOP "c0 11 0c 03 01 0000fc01 02 01 0000fde7", NLRI, OK, 0,
	  0 },
	{ "AS4_AGGREGATOR of 7 octets", EBGP_2,
	  ORIGIN "40 02 04 02 01 fde7" HOP "c0 12 07 0000fde7 0a6300", NLRI, DISCARD, 0, 0 },
	{ "AS4_AGGREGATOR AS 0", EBGP_2,
	  ORIGIN "40 02 04 02 01 fde7" HOP "c0 12 08 00000000 0a630002", NLRI, DISCARD, 0, 0 },
	/* communities */
	{ "communities of 0 octets", EBGP, GOOD "c0 08 00", NLRI, WITHDRAW, 0, 0 },
	{ "communities of 3 octets", EBGP, GOOD "c0 08 03 fde700", NLRI, WITHDRAW, 0, 0 },
	{ "900 communities", EBGP, GOOD "d0 08 0e10 3600*01", NLRI, OK, 0, 0 },
	{ "extended communities of 7 octets", EBGP, GOOD "c0 10 07 7*00", NLRI, WITHDRAW, 0, 0 },
	{ "IPv6 extended communities of 19 octets", EBGP, GOOD "c0 19 13 19*00", NLRI, WITHDRAW, 0,
	  0 },
	{ "large communities of 0 octets", EBGP, GOOD "c0 20 00", NLRI, WITHDRAW, 0, 0 },
	{ "large communities of 11 octets", EBGP, GOOD "c0 20 0b 11*00", NLRI, WITHDRAW, 0, 0 },
	/* reflection */
	{ "ORIGINATOR_ID from outside", EBGP, GOOD "80 09 04 0a630003", NLRI, DISCARD, 0, 0 },
	{ "CLUSTER_LIST from outside", EBGP, GOOD "80 0a 03 0a6300", NLRI, DISCARD, 0, 0 },
	{ "ORIGINATOR_ID of 3 octets", IBGP, GOOD "80 09 03 0a6300", NLRI, WITHDRAW, 0, 0 },
	{ "CLUSTER_LIST of 0 octets", IBGP, GOOD "80 0a 00", NLRI, WITHDRAW, 0, 0 },
	{ "CLUSTER_LIST of 6 octets", IBGP, GOOD "80 0a 06 0a630003 0a63", NLRI, WITHDRAW, 0, 0 },
	/* what we have no use for is not looked into */
	{ "PMSI tunnel overrunning inside", EBGP, GOOD "c0 16 04 00 ff ffff", NLRI, OK, 0, 0 },
	{ "tunnel encapsulation overrunning inside", EBGP, GOOD "c0 17 04 0008 ffff", NLRI, OK, 0,
	  0 },
	{ "AIGP overrunning inside", EBGP, GOOD "80 1a 03 01 ffff", NLRI, OK, 0, 0 },
	{ "entropy label", EBGP, GOOD "c0 1c 01 ff", NLRI, OK, 0, 0 },
	{ "BGP-LS overrunning inside", EBGP, GOOD "80 1d 04 0400 ffff", NLRI, OK, 0, 0 },
	{ "only to customer of 3 octets", EBGP, GOOD "c0 23 03 000000", NLRI, OK, 0, 0 },
	{ "BGPsec path", EBGP, GOOD "80 21 02 ffff", NLRI, OK, 0, 0 },
	{ "SFP attribute", EBGP, GOOD "c0 25 04 0001 ffff", NLRI, OK, 0, 0 },
	{ "BFD discriminator", EBGP, GOOD "c0 26 02 0100", NLRI, OK, 0, 0 },
	{ "prefix SID whose SRv6 TLV stops early", EBGP, GOOD "c0 28 07 05 0004 00 01 ffff", NLRI,
	  OK, 0, 0 },
	{ "ATTR_SET overrunning inside", EBGP, GOOD "c0 80 04 0000fde7", NLRI, OK, 0, 0 },
	{ "3,900 octets unknown", EBGP, GOOD "d0 63 0f3c 3900*41", NLRI, OK, 0, 0 },
	/* MP_REACH_NLRI, MP_UNREACH_NLRI */
	{ "MP_REACH next hop of 15 octets", EBGP,
	  ORIGIN PATH "80 0e 1d 0002 01 0f 15*20 00" MP_NLRI, "", RESET, 3, 9 },
	{ "MP_REACH next hop of 255 octets", EBGP,
	  ORIGIN PATH "80 0e 1e 0002 01 ff fd99 13*00 02 00" MP_NLRI, "", RESET, 3, 9 },
	{ "MP_REACH prefix length 129", EBGP, ORIGIN PATH "80 0e 27 0002 01" MP_NEXT "81 17*00", "",
	  RESET, 3, 9 },
	{ "MP_REACH prefix cut", EBGP, ORIGIN PATH "80 0e 1a 0002 01" MP_NEXT "40 fd0002 44", "",
	  RESET, 3, 9 },
	{ "MP_REACH cut in the family", EBGP, ORIGIN PATH "80 0e 02 0002", "", RESET, 3, 9 },
	{ "MP_REACH without the reserved octet", EBGP, ORIGIN PATH "80 0e 14 0002 01 10 16*20", "",
	  RESET, 3, 9 },
	{ "MP_REACH of an unknown family", EBGP, GOOD "80 0e 0a 0019 41 04 0a630002 00 ff", NLRI,
	  OK, 0, 0 },
	{ "MP_REACH transitive", EBGP, ORIGIN PATH "c0 0e 1e 0002 01" MP_NEXT MP_NLRI, "", WITHDRAW,
	  0, 0 },
	{ "MP_REACH of IPv4", EBGP, ORIGIN PATH "80 0e 0d 0001 01 04 0a630002 00" NLRI, "", OK, 0,
	  0 },
	{ "MP_UNREACH prefix length 129", EBGP, "80 0f 15 0002 01 81 17*00", "", RESET, 3, 9 },
	{ "MP_UNREACH cut in the family", EBGP, "80 0f 01 00", "", RESET, 3, 9 },
	{ "MP_UNREACH of an unknown family", EBGP, "80 0f 04 0019 41 ff", "", OK, 0, 0 },
	{ "End-of-RIB of an unknown family", EBGP, "80 0f 03 0019 41", "", OK, 0, 0 },
	/* RFC 7606 section 5.2: nothing that could be treated as withdrawn */
	{ "End-of-RIB with a broken attribute", EBGP, "80 0f 03 0002 01 40 01", "", RESET, 3, 1 },
	{ "attribute that is cut, and no routes", EBGP, GOOD "40 04", "", RESET, 3, 1 },
	{ "bad ORIGIN and no routes", EBGP, "40 01 01 03" PATH HOP, "", RESET, 3, 1 },
	{ "bad MED beside withdrawn routes", EBGP,
	  "80 0f 0c 0002 01 40 fd000244 00000001 80 04 01 00", "", RESET, 3, 1 },
	{ "bad MED beside an empty MP_REACH", EBGP,
	  ORIGIN PATH "80 0e 15 0002 01" MP_NEXT "80 04 01 00", "", RESET, 3, 1 },
	{ "MP_UNREACH transitive, alone", EBGP, "c0 0f 03 0002 01", "", WITHDRAW, 0, 0 },
	{ "MP_UNREACH transitive, and an attribute that is cut", EBGP, "c0 0f 03 0002 01 40 01", "",
	  RESET, 3, 1 },
	{ "MP_UNREACH transitive beside others", EBGP, "c0 0f 03 0002 01" GOOD, "", RESET, 3, 1 },
	{ "bad MED beside routes of an unknown family", EBGP,
	  GOOD "80 0e 0a 0019 41 04 0a630002 00 ff 80 04 01 00", "", WITHDRAW, 0, 0 },
	{ "LOCAL_PREF from outside and no routes", EBGP, GOOD "40 05 04 00000064", "", DISCARD, 0,
	  0 },
};

static size_t build(uint8_t *body, const char *attributes, const char *nlri)
{
	size_t len = hex_parse(attributes, body + 4, BGP_MESSAGE_MAX);

	body[0] = body[1] = 0;
	body[2] = (uint8_t)(len >> 8);
	body[3] = (uint8_t)len;
	return 4 + len + hex_parse(nlri, body + 4 + len, BGP_MESSAGE_MAX);
}

static int parse(enum peer_type peer, const uint8_t *body, size_t len, struct update *update,
		 struct bgp_error *error)
{
	struct attribute_context context = { .is_ebgp = peer != IBGP,
					     .four_octet_as = peer != EBGP_2,
					     .extended_next_hop = peer == EBGP_EXTENDED };

	return update_parse(body, len, &context, update, error);
}

static void bad_input_has_the_reaction_of_rfc_7606(void **state)
{
	static struct update update;
	static uint8_t body[3 * BGP_MESSAGE_MAX];

	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		struct bgp_error error = {};
		size_t len = build(body, bad_rows[i].attributes, bad_rows[i].nlri);
		int err = parse(bad_rows[i].peer, body, len, &update, &error);
		enum attribute_reaction got = err < 0 ? RESET : update.reaction;

		if (got != bad_rows[i].reaction || error.subcode != bad_rows[i].subcode)
			print_error("%s: %u/%u\n", bad_rows[i].name, error.code, error.subcode);
		assert_int_equal(got, bad_rows[i].reaction);
		if (err == 0)
			continue;
		assert_int_equal(error.code, bad_rows[i].code);
		assert_int_equal(error.subcode, bad_rows[i].subcode);
	}
}

static const struct {
	const char *name;
	const char *body;
} field_rows[] = {
	{ "withdrawn length past the end", "0005 18 0af402 0000" },
	{ "withdrawn length leaving one octet", "0005 18 0af402 00 00" },
	{ "attribute length past the end", "0000 0010 40 01 01 00" },
	{ "attribute length 65535", "0000 ffff" },
};

static void fields_that_do_not_add_up_end_the_session(void **state)
{
	static struct update update;

	for (size_t i = 0; i < sizeof(field_rows) / sizeof(field_rows[0]); i++) {
		struct bgp_error error = {};
		uint8_t body[64];
		size_t len = hex_parse(field_rows[i].body, body, sizeof(body));

		assert_true(parse(EBGP, body, len, &update, &error) < 0);
		assert_int_equal(error.code, 3);
		assert_int_equal(error.subcode, 1);
	}
}

static void expect_prefixes(struct update_section *section, const char *const *texts)
{
	struct ip_prefix prefix;
	char text[IP_PREFIX_TEXT_MAX];

	while (update_next_prefix(section, &prefix)) {
		assert_non_null(*texts);
		assert_string_equal(ip_prefix_format(&prefix, text, sizeof(text)), *texts++);
	}
	assert_null(*texts);
}

static void an_update_of_bird_is_understood(void **state)
{
	const char *const prefixes[] = { "10.244.3.0/26", "10.244.2.0/24", NULL };
	struct ip_addr next_hop = addr_of("10.99.0.2");
	static struct update update;
	struct bgp_error error;
	uint8_t body[128];
	size_t len =
		hex_parse("0000 0031 40010100 40020602010000fde7 400304 0a630002 80040400000005 "
			  "c00804fde70001 c0200c0000fde70000000200000003 1a0af40300 180af402",
			  body, sizeof(body));

	assert_int_equal(parse(EBGP, body, len, &update, &error), 0);
	assert_int_equal(update.reaction, REACTION_NONE);
	assert_int_equal(update.announced_count, 1);
	assert_int_equal(update.withdrawn_count, 0);
	expect_prefixes(&update.announced[0], prefixes);
	assert_true(ip_addr_equal(&update.announced[0].next_hop, &next_hop));
	assert_int_equal(update.draft.values.med, 5);
	assert_int_equal(update.draft.values.as_path_hops, 1);
	assert_true(
		hex_equal("02 01 0000fde7", update.draft.as_path, update.draft.values.as_path_len));
	assert_true(hex_equal("c00804fde70001 c0200c0000fde70000000200000003", update.draft.other,
			      update.draft.values.other_len));
}

static void an_ipv6_update_of_bird_is_understood(void **state)
{
	const char *const prefixes[] = { "fd00:244:0:2::/64", NULL };
	struct ip_addr next_hop = addr_of("fd99::2");
	static struct update update;
	struct bgp_error error;
	uint8_t body[128];
	size_t len =
		hex_parse("0000 004c 900e001e000201 10fd9900000000000000000000000000020040fd0002"
			  "4400000002 40010100 40020602010000fde7 80040400000005 "
			  "c00804fde70001 c0200c0000fde70000000200000003",
			  body, sizeof(body));

	assert_int_equal(parse(EBGP, body, len, &update, &error), 0);
	assert_int_equal(update.announced_count, 1);
	assert_int_equal(update.announced[0].family, FAMILY_IPV6);
	expect_prefixes(&update.announced[0], prefixes);
	assert_true(ip_addr_equal(&update.announced[0].next_hop, &next_hop));
}

static void end_of_rib_is_known_in_both_families(void **state)
{
	static struct update update;
	struct bgp_error error;
	uint8_t body[32];

	assert_int_equal(parse(EBGP, body, hex_parse("0000 0000", body, 32), &update, &error), 0);
	assert_true(update.is_end_of_rib);
	assert_int_equal(update.end_of_rib, FAMILY_IPV4);
	assert_int_equal(
		parse(EBGP, body, hex_parse("0000 0006 800f03 000201", body, 32), &update, &error),
		0);
	assert_true(update.is_end_of_rib);
	assert_int_equal(update.end_of_rib, FAMILY_IPV6);
	/* a withdrawal is none, nor is one of a family that we do not speak */
	assert_int_equal(parse(EBGP, body, hex_parse("0001 00 0000", body, 32), &update, &error),
			 0);
	assert_false(update.is_end_of_rib);
	assert_int_equal(
		parse(EBGP, body, hex_parse("0000 0006 800f03 001941", body, 32), &update, &error),
		0);
	assert_false(update.is_end_of_rib);
	assert_int_equal(
		parse(EBGP, body, hex_parse("0000 0004 40010100", body, 32), &update, &error), 0);
	assert_false(update.is_end_of_rib);
}

static void bits_beyond_the_prefix_are_cleared(void **state)
{
	const char *const prefixes[] = { "10.240.0.0/12", "0.0.0.0/0", "1.2.3.4/32", NULL };
	static struct update update;
	struct bgp_error error;
	uint8_t body[64];
	size_t len = hex_parse("000a 0c 0aff 00 20 01020304 00 0000", body, sizeof(body));

	body[1] = 9;
	assert_int_equal(hex_parse("0009 0c 0aff 00 20 01020304 0000", body, sizeof(body)), 13);
	len = 13;
	assert_int_equal(parse(EBGP, body, len, &update, &error), 0);
	assert_int_equal(update.withdrawn_count, 1);
	expect_prefixes(&update.withdrawn[0], prefixes);
}

static const struct {
	const char *name;
	const char *next_hop;
	bool is_usable;
} next_hop_rows[] = {
	{ "global", "fd99 13*00 02", true },
	{ "unspecified", "16*00", false },
	{ "loopback", "15*00 01", false },
	{ "multicast", "ff02 13*00 01", false },
	{ "link-local alone", "fe80 13*00 01", false },
	{ "IPv4-mapped", "10*00 ffff 0a630002", false },
};

static void an_ipv6_next_hop_must_be_a_routers_address(void **state)
{
	static struct update update;
	struct bgp_error error;
	uint8_t body[128];
	char attributes[256];

	for (size_t i = 0; i < sizeof(next_hop_rows) / sizeof(next_hop_rows[0]); i++) {
		snprintf(attributes, sizeof(attributes),
			 ORIGIN PATH "80 0e 1e 0002 01 10 %s 00 " MP_NLRI,
			 next_hop_rows[i].next_hop);
		assert_int_equal(parse(EBGP, body, build(body, attributes, ""), &update, &error),
				 0);
		assert_int_equal(!ip_addr_is_zero(&update.announced[0].next_hop),
				 next_hop_rows[i].is_usable);
	}
}

static void an_ipv4_next_hop_in_mp_reach_must_be_one_too(void **state)
{
	static struct update update;
	struct bgp_error error;
	uint8_t body[128];
	size_t len = build(body, ORIGIN PATH "80 0e 0d 0001 01 04 f69d0003 00" NLRI, "");

	assert_int_equal(parse(EBGP, body, len, &update, &error), 0);
	assert_true(ip_addr_is_zero(&update.announced[0].next_hop));
}

/* RFC 8950 section 3: AFI 1, SAFI 1, and an IPv6 next hop of 16 or 32 octets. */
static const struct {
	const char *name;
	enum peer_type peer;
	const char *next_hop; /* with its length */
	const char *taken;    /* NULL: the session ends, "": not usable */
} ipv4_rows[] = {
	{ "one IPv6 address", EBGP_EXTENDED, "10 2001 0db8 11*00 01", "2001:db8::1" },
	{ "global and link-local", EBGP_EXTENDED, "20 2001 0db8 11*00 01 fe80 13*00 01",
	  "2001:db8::1" },
	{ "an IPv4 address", EBGP_EXTENDED, "04 0a630002", "10.99.0.2" },
	{ "link-local alone", EBGP_EXTENDED, "10 fe80 13*00 01", "" },
	{ "link-local first", EBGP_EXTENDED, "20 fe80 13*00 01 fe80 13*00 01", "" },
	{ "nothing, and link-local", EBGP_EXTENDED, "20 16*00 fe80 13*00 01", "" },
	{ "IPv4-mapped", EBGP_EXTENDED, "10 10*00 ffff 0a630002", "" },
	{ "multicast", EBGP_EXTENDED, "10 ff02 13*00 01", "" },
	{ "a length of 0", EBGP_EXTENDED, "00", NULL },
	{ "15 octets", EBGP_EXTENDED, "0f 2001 0db8 11*00", NULL },
	{ "24 octets, as VPNs have", EBGP_EXTENDED, "18 8*00 2001 0db8 11*00 01", NULL },
	{ "33 octets", EBGP_EXTENDED, "21 2001 0db8 11*00 01 fe80 13*00 01 00", NULL },
	{ "one IPv6 address, not negotiated", EBGP, "10 2001 0db8 11*00 01", NULL },
	{ "two, not negotiated", EBGP, "20 2001 0db8 11*00 01 fe80 13*00 01", NULL },
};

static void ipv4_has_ipv6_next_hops_where_that_is_negotiated(void **state)
{
	static const char *const prefixes[] = { "10.244.2.0/24", NULL };
	static struct update update;
	struct bgp_error error;
	uint8_t body[256], mp[128];
	char attributes[256], text[IP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(ipv4_rows) / sizeof(ipv4_rows[0]); i++) {
		const char *taken = ipv4_rows[i].taken;
		size_t len;
		int err;

		print_message("%s\n", ipv4_rows[i].name);
		snprintf(attributes, sizeof(attributes), "0001 01 %s 00" NLRI,
			 ipv4_rows[i].next_hop);
		len = hex_parse(attributes, mp, sizeof(mp));
		snprintf(attributes, sizeof(attributes),
			 ORIGIN PATH "80 0e %02zx 0001 01 %s 00" NLRI, len, ipv4_rows[i].next_hop);
		len = build(body, attributes, "");
		err = parse(ipv4_rows[i].peer, body, len, &update, &error);
		assert_int_equal(err < 0, !taken);
		if (!taken) { /* RFC 7606 section 7.11 */
			assert_int_equal(error.code, 3);
			assert_int_equal(error.subcode, 9);
			continue;
		}
		assert_int_equal(update.announced_count, 1);
		assert_int_equal(update.announced[0].family, FAMILY_IPV4);
		assert_string_equal(
			ip_addr_is_zero(&update.announced[0].next_hop)
				? ""
				: ip_addr_format(&update.announced[0].next_hop, text, sizeof(text)),
			taken);
		expect_prefixes(&update.announced[0], prefixes);
	}
}

static void of_global_and_link_local_next_hop_the_global_one_is_taken(void **state)
{
	struct ip_addr next_hop = addr_of("fd99::2");
	static struct update update;
	struct bgp_error error;
	uint8_t body[128];
	size_t len = build(
		body, ORIGIN PATH "80 0e 2e 0002 01 20 fd99 13*00 02 fe80 13*00 02 00" MP_NLRI, "");

	assert_int_equal(parse(EBGP, body, len, &update, &error), 0);
	assert_true(ip_addr_equal(&update.announced[0].next_hop, &next_hop));
}

static void an_unknown_transitive_attribute_gets_the_partial_bit(void **state)
{
	static struct update update;
	struct bgp_error error;
	uint8_t body[128];
	size_t len = build(body, GOOD "c0 63 02 4142 80 64 01 00 d0 65 0001 43", NLRI);

	assert_int_equal(parse(EBGP, body, len, &update, &error), 0);
	assert_true(hex_equal("e0 63 02 4142 e0 65 01 43", update.draft.other,
			      update.draft.values.other_len));
}

/* RFC 4271 section 5: the partial bit of an optional transitive attribute is not taken back; of
 * others it is 0 when sent, and so are the four unused bits of all (4.3). */
static void flags_are_passed_on_as_the_rfc_says(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "e0 07 08 0000fde7 0a630002", "e0 07 08 0000fde7 0a630002" },
		{ "cf 07 08 0000fde7 0a630002", "c0 07 08 0000fde7 0a630002" },
		{ "ef 08 04 00010002", "e0 08 04 00010002" },
		{ "cf 08 04 00010002", "c0 08 04 00010002" },
		{ "cf 63 01 41", "e0 63 01 41" },
		{ "af 04 04 00000005", "80 04 04 00000005" },
	};
	struct update update;
	struct ip_prefix prefix = prefix_of("10.244.2.0/24");
	uint8_t body[BGP_MESSAGE_MAX], buf[BGP_MESSAGE_MAX], expected[64];
	struct bgp_error error;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct attribute_view view = attributes_view_draft(&update.draft);
		size_t count = 1, len, expected_len;
		char attributes[128];

		snprintf(attributes, sizeof(attributes), "60 01 01 00" PATH "6f 03 04 0a630009 %s",
			 rows[i].in);
		len = build(body, attributes, NLRI);
		assert_int_equal(parse(EBGP, body, len, &update, &error), 0);
		assert_int_equal(update.reaction, REACTION_NONE);
		len = update_write_announce(buf, &view, true, &prefix, &count);
		snprintf(attributes, sizeof(attributes), "40 01 01 00" PATH "40 03 04 0a630009 %s",
			 rows[i].out);
		expected_len = hex_parse(attributes, expected, sizeof(expected));
		assert_memory_equal(buf + BGP_HEADER_LEN + 4, expected, expected_len);
		assert_int_equal(len, BGP_HEADER_LEN + 4 + expected_len + 4);
	}
}

static void a_two_octet_peers_path_is_put_together(void **state)
{
	static struct update update;
	struct bgp_error error;
	uint8_t body[128];
	/* RFC 6793 section 4.2.3: AS_PATH 64999 23456 23456, AS4_PATH 4200000001 65536 */
	size_t len = build(body,
			   ORIGIN "40 02 08 02 03 fde7 5ba0 5ba0" HOP
				  "c0 11 0a 02 02 fa56ea01 00010000 c0 07 06 5ba0 0a630002 "
				  "c0 12 08 fa56ea01 0a630003",
			   NLRI);

	assert_int_equal(parse(EBGP_2, body, len, &update, &error), 0);
	assert_true(hex_equal("02 01 0000fde7 02 02 fa56ea01 00010000", update.draft.as_path,
			      update.draft.values.as_path_len));
	assert_int_equal(update.draft.values.as_path_hops, 3);
	assert_int_equal(update.draft.values.aggregator_as, 4200000001u);
	assert_int_equal(update.draft.values.aggregator_id, 0x0a630003);
	/* an AGGREGATOR that is not AS_TRANS: both AS4 attributes are old news */
	len = build(body,
		    ORIGIN "40 02 08 02 03 fde7 5ba0 5ba0" HOP "c0 11 0a 02 02 fa56ea01 00010000 "
			   "c0 07 06 fde7 0a630002 c0 12 08 fa56ea01 0a630003",
		    NLRI);
	assert_int_equal(parse(EBGP_2, body, len, &update, &error), 0);
	assert_int_equal(update.draft.values.as_path_len, 14);
	assert_int_equal(update.draft.values.aggregator_as, 64999);
}

static void well_known_communities_are_noticed(void **state)
{
	static struct update update;
	struct bgp_error error;
	uint8_t body[128];

	assert_int_equal(parse(EBGP, body, build(body, GOOD "c0 08 08 fde70001 ffffff01", NLRI),
			       &update, &error),
			 0);
	assert_int_equal(update.draft.values.present, HAS_NO_EXPORT);
	assert_int_equal(
		parse(EBGP, body, build(body, GOOD "c0 08 04 ffffff02", NLRI), &update, &error), 0);
	assert_int_equal(update.draft.values.present, HAS_NO_ADVERTISE);
	assert_int_equal(
		parse(EBGP, body, build(body, GOOD "c0 08 04 ffffff03", NLRI), &update, &error), 0);
	assert_int_equal(update.draft.values.present, HAS_NO_EXPORT);
}

/* --- writing --- */

/* What a peer is told of @prefixes with @draft and AS 64512 in front; its length. */
static size_t announce(struct attribute_draft *draft, const struct ip_prefix *prefixes,
		       size_t *count, uint8_t buf[BGP_MESSAGE_MAX])
{
	struct attribute_view view;

	assert_true(attributes_prepend_as(draft, 64512));
	view = attributes_view_draft(draft);
	return update_write_announce(buf, &view, true, prefixes, count);
}

static void an_announcement_packs_prefixes_with_their_attributes(void **state)
{
	const struct ip_prefix prefixes[] = { prefix_of("10.244.2.0/24"),
					      prefix_of("10.244.3.0/26") };
	static struct attribute_draft draft;
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t count = 2, len;

	attributes_start(&draft);
	draft.values.next_hop = addr_of("10.99.0.1");
	draft.values.present = HAS_LOCAL_PREF | HAS_MED | HAS_ORIGINATOR_ID | HAS_ATOMIC_AGGREGATE;
	draft.values.local_pref = 100;
	draft.values.med = 7;
	draft.values.originator_id = 0x0a630003;
	draft.values.cluster_list_len = (uint16_t)hex_parse("0a630001", draft.cluster_list, 4);
	len = announce(&draft, prefixes, &count, buf);
	assert_int_equal(count, 2);
	assert_true(hex_equal("16*ff 0053 02 0000 0033 40 01 01 00 40 02 06 02 01 0000fc00 "
			      "40 03 04 0a630001 80 04 04 00000007 40 05 04 00000064 40 06 00 "
			      "80 09 04 0a630003 80 0a 04 0a630001 18 0af402 1a 0af40300",
			      buf, len));
}

/* The same by @next_hop, with nothing else to say. */
static size_t announce_by(const char *next_hop, const struct ip_prefix *prefixes, size_t *count,
			  uint8_t buf[BGP_MESSAGE_MAX])
{
	static struct attribute_draft draft;

	attributes_start(&draft);
	draft.values.next_hop = addr_of(next_hop);
	return announce(&draft, prefixes, count, buf);
}

static void an_ipv6_announcement_has_mp_reach_first(void **state)
{
	struct ip_prefix prefix = prefix_of("fd00:244:0:2::/64");
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t count = 1, len = announce_by("fd99::1", &prefix, &count, buf);

	assert_int_equal(count, 1);
	assert_true(hex_equal("16*ff 0046 02 0000 002f 90 0e 001e 0002 01 10 fd99 13*00 01 00 "
			      "40 fd00024400000002 40 01 01 00 40 02 06 02 01 0000fc00",
			      buf, len));
}

/* RFC 8950 section 3: all of it in MP_REACH_NLRI, and no NEXT_HOP. */
static void an_ipv4_announcement_with_an_ipv6_next_hop_is_in_mp_reach(void **state)
{
	struct ip_prefix prefixes[] = { prefix_of("10.244.2.0/24"), prefix_of("10.244.3.0/26") };
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t count = 2, len = announce_by("2001:db8::1", prefixes, &count, buf);

	assert_int_equal(count, 2);
	assert_true(hex_equal("16*ff 0046 02 0000 002f 90 0e 001e 0001 01 10 20010db8 11*00 01 00 "
			      "18 0af402 1a 0af40300 40 01 01 00 40 02 06 02 01 0000fc00",
			      buf, len));
}

static void a_two_octet_peer_gets_as_trans_and_as4_path(void **state)
{
	struct ip_prefix prefix = prefix_of("10.244.2.0/24");
	static struct attribute_draft draft;
	struct attribute_view view;
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t count = 1, len;

	attributes_start(&draft);
	draft.values.next_hop = addr_of("10.99.0.1");
	draft.values.present = HAS_AGGREGATOR;
	draft.values.aggregator_as = 4200000001u;
	draft.values.aggregator_id = 0x0a630003;
	assert_true(attributes_prepend_as(&draft, 4200000001u));
	assert_true(attributes_prepend_as(&draft, 64512));
	view = attributes_view_draft(&draft);
	len = update_write_announce(buf, &view, false, &prefix, &count);
	assert_true(hex_equal("16*ff 0050 02 0000 0035 40 01 01 00 40 02 06 02 02 fc00 5ba0 "
			      "c0 11 0a 02 02 0000fc00 fa56ea01 40 03 04 0a630001 "
			      "c0 07 06 5ba0 0a630003 c0 12 08 fa56ea01 0a630003 18 0af402",
			      buf, len));
}

static void what_does_not_fit_is_left_for_the_next_message(void **state)
{
	static struct ip_prefix prefixes[2000];
	static struct attribute_draft draft;
	struct attribute_view view;
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t count = 2000, len;

	for (unsigned int i = 0; i < 2000; i++)
		prefixes[i] = prefix_of("10.244.2.0/24");
	attributes_start(&draft);
	draft.values.next_hop = addr_of("10.99.0.1");
	view = attributes_view_draft(&draft);
	len = update_write_announce(buf, &view, true, prefixes, &count);
	/* 19 + 2 + 2 + attributes 4 + 3 + 7; 4 octets a prefix */
	assert_int_equal(count, (4096 - 37) / 4);
	assert_int_equal(len, 37 + 4 * count);
	count = 2000;
	len = update_write_withdraw(buf, prefixes, &count);
	assert_int_equal(count, (4096 - 23) / 4);
	assert_int_equal(len, 23 + 4 * count);
	/* attributes that leave no room for one prefix */
	draft.values.other_len = 4090;
	memset(draft.other, 0, sizeof(draft.other));
	view = attributes_view_draft(&draft);
	count = 1;
	assert_int_equal(update_write_announce(buf, &view, true, prefixes, &count), 0);
	assert_int_equal(count, 0);
	prefixes[0] = prefix_of("fd00::/64");
	count = 1;
	assert_int_equal(update_write_announce(buf, &view, true, prefixes, &count), 0);
}

static void a_withdrawal_names_prefixes_only(void **state)
{
	struct ip_prefix four = prefix_of("10.244.2.0/24"), six = prefix_of("fd00:244:0:2::/64");
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t count = 1, len;

	len = update_write_withdraw(buf, &four, &count);
	assert_true(hex_equal("16*ff 001b 02 0004 18 0af402 0000", buf, len));
	len = update_write_withdraw(buf, &six, &count);
	assert_true(hex_equal("16*ff 0027 02 0000 0010 90 0f 000c 0002 01 40 fd00024400000002", buf,
			      len));
}

static void end_of_rib_is_written_as_rfc_4724_says(void **state)
{
	uint8_t buf[BGP_MESSAGE_MAX];

	assert_true(hex_equal("16*ff 0017 02 0000 0000", buf,
			      update_write_end_of_rib(buf, FAMILY_IPV4)));
	assert_true(hex_equal("16*ff 001e 02 0000 0007 90 0f 0003 0002 01", buf,
			      update_write_end_of_rib(buf, FAMILY_IPV6)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_input_has_the_reaction_of_rfc_7606),
		cmocka_unit_test(fields_that_do_not_add_up_end_the_session),
		cmocka_unit_test(an_update_of_bird_is_understood),
		cmocka_unit_test(an_ipv6_update_of_bird_is_understood),
		cmocka_unit_test(end_of_rib_is_known_in_both_families),
		cmocka_unit_test(bits_beyond_the_prefix_are_cleared),
		cmocka_unit_test(an_ipv6_next_hop_must_be_a_routers_address),
		cmocka_unit_test(an_ipv4_next_hop_in_mp_reach_must_be_one_too),
		cmocka_unit_test(ipv4_has_ipv6_next_hops_where_that_is_negotiated),
		cmocka_unit_test(of_global_and_link_local_next_hop_the_global_one_is_taken),
		cmocka_unit_test(an_unknown_transitive_attribute_gets_the_partial_bit),
		cmocka_unit_test(flags_are_passed_on_as_the_rfc_says),
		cmocka_unit_test(a_two_octet_peers_path_is_put_together),
		cmocka_unit_test(well_known_communities_are_noticed),
		cmocka_unit_test(an_announcement_packs_prefixes_with_their_attributes),
		cmocka_unit_test(an_ipv6_announcement_has_mp_reach_first),
		cmocka_unit_test(an_ipv4_announcement_with_an_ipv6_next_hop_is_in_mp_reach),
		cmocka_unit_test(a_two_octet_peer_gets_as_trans_and_as4_path),
		cmocka_unit_test(what_does_not_fit_is_left_for_the_next_message),
		cmocka_unit_test(a_withdrawal_names_prefixes_only),
		cmocka_unit_test(end_of_rib_is_written_as_rfc_4724_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
