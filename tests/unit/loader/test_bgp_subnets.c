/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bgp_subnets.c: which subnets tortie-bgpd is told, as uplinks and their addresses change.
 *
 * links: loader/bgp_subnets.c lib/ip_prefix.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "loader/bgp_subnets.h"

static struct uplink uplink[2];
static size_t uplink_count;

size_t uplinks_count(const struct uplinks *uplinks)
{
	return uplink_count;
}

const struct uplink *uplinks_get(const struct uplinks *uplinks, size_t index)
{
	return &uplink[index];
}

/* The uplink of number @index has these subnets, with spaces between. */
static void have(size_t index, uint32_t ifindex, const char *subnets)
{
	char text[256], *rest = text, *one;

	memset(&uplink[index], 0, sizeof(uplink[index]));
	uplink[index].ifindex = ifindex;
	strcpy(text, subnets);
	while ((one = strsep(&rest, " ")) && *one)
		assert_int_equal(
			ip_prefix_parse(one, &uplink[index].prefix[uplink[index].prefix_count++]),
			0);
}

static void expect(const struct bgp_subnets *subnets, const char *wanted)
{
	struct ip_prefix prefix[BGP_SUBNETS_MAX];
	size_t count = bgp_subnets_list(subnets, prefix);
	char text[256] = "", one[IP_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		strcat(text, i ? " " : "");
		strcat(text, ip_prefix_format(&prefix[i], one, sizeof(one)));
	}
	assert_string_equal(text, wanted);
}

static void subnets_of_all_uplinks_are_told_without_link_local_ones(void **state)
{
	struct bgp_subnets subnets = { 0 };

	uplink_count = 2;
	have(0, 5, "192.0.2.0/24 fe80::/64 198.51.100.0/24 2001:db8::/64");
	have(1, 6, "203.0.113.4/31");
	assert_true(bgp_subnets_look(&subnets, NULL));
	expect(&subnets, "2001:db8::/64 192.0.2.0/24 198.51.100.0/24 203.0.113.4/31");
	assert_false(bgp_subnets_look(&subnets, NULL));
	have(0, 5, "192.0.2.0/24 fe80::/64 2001:db8::/64");
	assert_true(bgp_subnets_look(&subnets, NULL));
	expect(&subnets, "2001:db8::/64 192.0.2.0/24 203.0.113.4/31");
}

static void an_uplink_without_addresses_keeps_its_subnets(void **state)
{
	struct bgp_subnets subnets = { 0 };

	uplink_count = 1;
	have(0, 5, "192.0.2.0/24 2001:db8::/64");
	assert_true(bgp_subnets_look(&subnets, NULL));
	have(0, 5, "fe80::/64 2001:db8::/64"); /* of one family */
	assert_false(bgp_subnets_look(&subnets, NULL));
	have(0, 5, "");
	assert_false(bgp_subnets_look(&subnets, NULL));
	expect(&subnets, "2001:db8::/64 192.0.2.0/24");
	have(0, 5, "198.51.100.0/24"); /* another one: they have not come back */
	assert_true(bgp_subnets_look(&subnets, NULL));
	expect(&subnets, "2001:db8::/64 198.51.100.0/24");
	have(0, 7, ""); /* another link */
	assert_true(bgp_subnets_look(&subnets, NULL));
	expect(&subnets, "");
	uplink_count = 0;
	assert_true(bgp_subnets_look(&subnets, NULL));
	expect(&subnets, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subnets_of_all_uplinks_are_told_without_link_local_ones),
		cmocka_unit_test(an_uplink_without_addresses_keeps_its_subnets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
