/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ip_prefix.c: addresses and prefixes.
 *
 * Texts and their forms are from RFC 4291 sections 2.2 to 2.5 and RFC 5952 section 4; sums are
 * worked out by hand. IPv4 is always the mapped form: ten zero octets, two of 0xff, the address.
 *
 * links: tests/unit/addresses.c
 * links: lib/ip_prefix.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/ip_prefix.h"
#include "tests/unit/addresses.h"

static void an_ipv4_address_is_kept_as_a_mapped_address(void **state)
{
	static const uint8_t octets[16] = { [10] = 0xff, 0xff, 192, 0, 2, 33 };
	struct ip_addr a = addr("192.0.2.33");

	assert_memory_equal(&a, octets, 16);
	assert_true(ip_addr_is_v4(&a));
	assert_int_equal(ip_addr_family(&a), AF_INET);
	assert_int_equal(ip_addr_to_v4(&a).s_addr, htonl(0xc0000221));
	a = ip_addr_from_v4((struct in_addr){ htonl(0xc0000221) });
	assert_memory_equal(&a, octets, 16);
}

static void the_octets_of_a_family_are_its_own_form(void **state)
{
	struct ip_addr v4 = addr("192.0.2.1"), v6 = addr("2001:db8::1");
	size_t len;

	assert_memory_equal(ip_addr_octets(&v4, &len), "\xc0\0\2\1", 4);
	assert_int_equal(len, 4);
	assert_ptr_equal(ip_addr_octets(&v6, &len), &v6);
	assert_int_equal(len, 16);
}

static void addresses_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"",	    "1",	"1.2.3",    "1.2.3.4.5", "256.0.0.1",
		"01.2.3.4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4/8", "::1%lo",
		"[::1]",    ":::",	"1::2::3",  "g::1",	 "::ffff:1.2.3.4",
	};
	struct ip_addr ret, before;
	size_t i;

	memset(&ret, 0x5a, sizeof(ret));
	before = ret;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ip_addr_parse(bad[i], &ret) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
		assert_memory_equal(&ret, &before, sizeof(ret));
	}
}

static void prefixes_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"10.0.0.0",    "10.0.0.0/",
		"10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/08", "10.0.0.1/8",
		"10.0.0.0/8 ", "10.0.0.0/8/8",
		"::/129",      "2001:db8::1/64",
		"/8",	       "::/",
		"::/1000",     "::ffff:0:0/96",
		"10.0.0.0/+8", "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8",
	};
	struct ip_prefix ret;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (ip_prefix_parse(bad[i], &ret) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	}
}

static void text_that_was_read_is_written_in_its_canonical_form(void **state)
{
	static const char *const pair[][2] = {
		{ "10.244.0.0/16", "10.244.0.0/16" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1/32", "192.0.2.1/32" },
		{ "::/0", "::/0" },
		{ "2001:DB8:0:0::/64", "2001:db8::/64" },
		{ "2001:db8:0:0:1:0:0:0/80", "2001:db8:0:0:1::/80" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" },
	};
	char buf[IP_PREFIX_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		struct ip_prefix p = prefix(pair[i][0]);

		assert_string_equal(ip_prefix_format(&p, buf, sizeof(buf)), pair[i][1]);
	}
}

static void lengths_count_bits_of_the_mapped_form(void **state)
{
	struct ip_prefix v4 = prefix("10.0.0.0/24"), v6 = prefix("2001:db8::/48");

	assert_int_equal(v4.bits, 120);
	assert_int_equal(ip_prefix_family_bits(&v4), 24);
	assert_int_equal(v6.bits, 48);
	assert_int_equal(ip_prefix_family_bits(&v6), 48);
}

static void an_interfaces_address_has_any_bits_behind_its_length(void **state)
{
	static const char *const bad[] = { "10.0.0.1", "10.0.0.1/33", "10.0.0.1/08", "/8",
					   "::1/129" };
	struct ip_addr want = addr("10.9.0.2"), want6 = addr("2001:db8::1"), ret;
	unsigned int bits;

	assert_int_equal(ip_interface_parse("10.9.0.2/24", &ret, &bits), 0);
	assert_true(ip_addr_equal(&ret, &want));
	assert_int_equal(bits, 120);
	assert_int_equal(ip_interface_parse("2001:db8::1/64", &ret, &bits), 0);
	assert_true(ip_addr_equal(&ret, &want6));
	assert_int_equal(bits, 64);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ip_interface_parse(bad[i], &ret, &bits) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
}

static void a_prefix_holds_its_addresses_and_no_others(void **state)
{
	struct ip_prefix p = prefix("10.1.2.64/26");
	struct ip_addr first = addr("10.1.2.64"), last = addr("10.1.2.127");
	struct ip_addr below = addr("10.1.2.63"), above = addr("10.1.2.128");

	assert_true(ip_prefix_contains(&p, &first));
	assert_true(ip_prefix_contains(&p, &last));
	assert_false(ip_prefix_contains(&p, &below));
	assert_false(ip_prefix_contains(&p, &above));
}

static void all_of_ipv6_holds_no_ipv4(void **state)
{
	struct ip_prefix all6 = prefix("::/0"), all4 = prefix("0.0.0.0/0"),
			 v4 = prefix("10.0.0.0/8");
	struct ip_addr a4 = addr("10.1.2.3"), a6 = addr("2001:db8::1");

	assert_false(ip_prefix_contains(&all6, &a4));
	assert_true(ip_prefix_contains(&all6, &a6));
	assert_false(ip_prefix_contains(&all4, &a6));
	assert_false(ip_prefix_covers(&all6, &v4));
	assert_true(ip_prefix_covers(&all4, &v4));
	assert_false(ip_prefix_overlaps(&all6, &all4));
}

static void covering_goes_one_way_and_overlap_both(void **state)
{
	struct ip_prefix wide = prefix("10.0.0.0/8"), narrow = prefix("10.1.0.0/16");
	struct ip_prefix other = prefix("11.0.0.0/8");

	assert_true(ip_prefix_covers(&wide, &narrow));
	assert_false(ip_prefix_covers(&narrow, &wide));
	assert_true(ip_prefix_covers(&wide, &wide));
	assert_true(ip_prefix_overlaps(&narrow, &wide));
	assert_true(ip_prefix_overlaps(&wide, &narrow));
	assert_false(ip_prefix_overlaps(&wide, &other));
	assert_true(ip_prefix_equal(&wide, &wide));
	assert_false(ip_prefix_equal(&wide, &narrow));
}

static void masks_cut_at_every_bit(void **state)
{
	struct ip_addr ones = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	unsigned int bits, i;

	for (bits = 0; bits <= 128; bits++) {
		struct ip_addr masked = ip_addr_mask(&ones, bits);
		const uint8_t *octet = (const uint8_t *)&masked;

		for (i = 0; i < 128; i++)
			assert_int_equal(octet[i / 8] >> (7 - i % 8) & 1, i < bits);
	}
}

static void kinds_of_addresses_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		bool zero, link_local, multicast, loopback;
	} rows[] = {
		{ "0.0.0.0", true, false, false, false },
		{ "::", true, false, false, false },
		{ "::1", false, false, false, true },
		{ "127.255.0.1", false, false, false, true },
		{ "169.254.1.1", false, true, false, false },
		{ "169.255.0.1", false, false, false, false },
		{ "fe80::1", false, true, false, false },
		{ "febf::1", false, true, false, false },
		{ "fec0::1", false, false, false, false },
		{ "224.0.0.1", false, false, true, false },
		{ "239.255.255.255", false, false, true, false },
		{ "240.0.0.1", false, false, false, false },
		{ "ff02::1", false, false, true, false },
		{ "10.0.0.0", false, false, false, false },
		{ "2001:db8::", false, false, false, false },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip_addr a = addr(rows[i].text);

		if (ip_addr_is_zero(&a) != rows[i].zero ||
		    ip_addr_is_link_local(&a) != rows[i].link_local ||
		    ip_addr_is_multicast(&a) != rows[i].multicast ||
		    ip_addr_is_loopback(&a) != rows[i].loopback)
			fail_msg("%s", rows[i].text);
	}
}

static void addresses_are_compared_as_numbers(void **state)
{
	struct ip_addr low = addr("10.0.0.9"), high = addr("10.0.1.0"), v6 = addr("2001:db8::");

	assert_true(ip_addr_compare(&low, &high) < 0);
	assert_true(ip_addr_compare(&high, &low) > 0);
	assert_int_equal(ip_addr_compare(&low, &low), 0);
	assert_true(ip_addr_compare(&high, &v6) < 0);
	assert_true(ip_addr_equal(&low, &low));
	assert_false(ip_addr_equal(&low, &high));
}

static void adding_carries_through_all_octets(void **state)
{
	static const struct {
		const char *text;
		uint64_t offset;
		const char *sum;
	} rows[] = {
		{ "10.0.0.255", 1, "10.0.1.0" },
		{ "10.255.255.255", 1, "11.0.0.0" },
		{ "2001:db8::", 0, "2001:db8::" },
		{ "2001:db8::ffff:ffff:ffff:ffff", 1, "2001:db8:0:1::" },
		{ "2001:db8::1", UINT64_MAX, "2001:db8:0:1::" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, "::" },
	};
	char buf[IP_ADDR_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip_addr a = addr(rows[i].text);
		struct ip_addr sum = ip_addr_add(&a, rows[i].offset);

		assert_string_equal(ip_addr_format(&sum, buf, sizeof(buf)), rows[i].sum);
	}
}

static void prefixes_made_from_addresses_are_masked(void **state)
{
	struct ip_addr v4 = addr("10.1.2.3"), v6 = addr("2001:db8::1:1");
	struct in6_addr in6 = ip_addr_to_v6(&v6);
	struct ip_addr back = ip_addr_from_v6(&in6);
	struct ip_prefix p = ip_prefix_make(&v4, 120);
	char buf[IP_PREFIX_TEXT_MAX];

	assert_string_equal(ip_prefix_format(&p, buf, sizeof(buf)), "10.1.2.0/24");
	p = ip_prefix_host(&v4);
	assert_string_equal(ip_prefix_format(&p, buf, sizeof(buf)), "10.1.2.3/32");
	p = ip_prefix_host(&v6);
	assert_string_equal(ip_prefix_format(&p, buf, sizeof(buf)), "2001:db8::1:1/128");
	assert_true(ip_addr_equal(&back, &v6));
}

static void the_last_address_of_a_prefix_has_all_its_own_bits_set(void **state)
{
	static const char *const rows[][2] = {
		{ "10.0.0.0/24", "10.0.0.255" },
		{ "10.0.0.7/32", "10.0.0.7" },
		{ "0.0.0.0/0", "255.255.255.255" },
		{ "fd00::/63", "fd00::1:ffff:ffff:ffff:ffff" },
		{ "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip_prefix prefix;
		struct ip_addr last;
		char text[IP_ADDR_TEXT_MAX];

		assert_int_equal(ip_prefix_parse(rows[i][0], &prefix), 0);
		last = ip_prefix_last(&prefix);
		assert_string_equal(ip_addr_format(&last, text, sizeof(text)), rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_address_is_kept_as_a_mapped_address),
		cmocka_unit_test(the_octets_of_a_family_are_its_own_form),
		cmocka_unit_test(addresses_that_are_none_are_refused),
		cmocka_unit_test(prefixes_that_are_none_are_refused),
		cmocka_unit_test(text_that_was_read_is_written_in_its_canonical_form),
		cmocka_unit_test(lengths_count_bits_of_the_mapped_form),
		cmocka_unit_test(an_interfaces_address_has_any_bits_behind_its_length),
		cmocka_unit_test(a_prefix_holds_its_addresses_and_no_others),
		cmocka_unit_test(all_of_ipv6_holds_no_ipv4),
		cmocka_unit_test(covering_goes_one_way_and_overlap_both),
		cmocka_unit_test(masks_cut_at_every_bit),
		cmocka_unit_test(kinds_of_addresses_are_told_apart),
		cmocka_unit_test(addresses_are_compared_as_numbers),
		cmocka_unit_test(adding_carries_through_all_octets),
		cmocka_unit_test(prefixes_made_from_addresses_are_masked),
		cmocka_unit_test(the_last_address_of_a_prefix_has_all_its_own_bits_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
