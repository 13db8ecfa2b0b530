/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_attributes.c: what of an attribute's value is taken, and what goes back of a bad one.
 *
 * Which reaction a malformed attribute has: test_update.c.
 *
 * links: bgp/attributes.c bgp/as_path.c bgp/message.c bgp/capability.c
 * links: lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bgp/attributes.h"
#include "tests/unit/bgp/hex.h"

static struct attribute_draft draft;
static struct attribute_findings findings;
static struct bgp_error error;

/* The block @text, of an external peer with four-octet AS numbers. */
static int parse(const char *text)
{
	static const struct attribute_context context = { .is_ebgp = true, .four_octet_as = true };
	static uint8_t octets[BGP_MESSAGE_MAX];
	struct wire_reader block;

	wire_reader_init(&block, octets, hex_parse(text, octets, sizeof(octets)));
	return attributes_parse(&block, &context, &draft, &findings, &error);
}

/* RFC 8092 section 2: redundant values are removed. Other communities know no such rule. */
static void a_large_community_is_taken_once(void **state)
{
#define ONE "0000fde7 00000001 00000002 "
#define TWO "0000fde7 00000001 00000003 "
	assert_int_equal(
		parse("c0 08 08 fde70001 fde70001 e0 20 3c " ONE TWO ONE ONE TWO "c0 63 01 41"), 0);
	assert_int_equal(findings.reaction, REACTION_NONE);
	assert_true(hex_equal("c0 08 08 fde70001 fde70001 e0 20 18 " ONE TWO "e0 63 01 41",
			      draft.other, draft.values.other_len));
}

/* RFC 4271 section 6.3: its type, length and value; a NOTIFICATION of ours has room for 129. */
static void an_unknown_well_known_attribute_goes_back(void **state)
{
	static const struct {
		const char *attribute, *data;
	} rows[] = {
		{ "40 01 01 00 40 63 02 4142 40 02 00", "40 63 02 4142" },
		{ "50 63 0000", "50 63 0000" },
		{ "50 63 0080 128*41", "50 63 0080 125*41" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(parse(rows[i].attribute) < 0);
		assert_int_equal(error.code, 3);
		assert_int_equal(error.subcode, 2);
		assert_true(hex_equal(rows[i].data, error.data, error.data_len));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_community_is_taken_once),
		cmocka_unit_test(an_unknown_well_known_attribute_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
