/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of pool_objects.c: which ranges the default pools have.
 *
 * links: tools/tortie/pool_objects.c tools/tortie/document.c tools/tortie/say.c lib/ip_prefix.c
 * links: lib/mac.c
 * libs: -ljson-c
 */
#include "tools/tortie/pools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/cluster.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"

#define RANGES_MAX 16

/* What asks the API server is not called here. */
int cluster_list(struct cluster *cluster, const char *path, const char *query,
		 struct json_object *items)
{
	return -1;
}

struct json_object *get_object(const struct get_objects *kind, const char *name)
{
	return document_new_map();
}

/* "A B C" merged must be @wanted, in the order of addresses. */
static void assert_merged(const char *ranges, const char *wanted)
{
	struct ip_prefix range[RANGES_MAX];
	char text[512], got[512] = "", cidr[IP_PREFIX_TEXT_MAX], *rest = text, *word;
	size_t count = 0;

	strcpy(text, ranges);
	while ((word = strsep(&rest, " ")))
		assert_int_equal(ip_prefix_parse(word, &range[count++]), 0);
	count = pools_merge(range, count);
	for (size_t i = 0; i < count; i++) {
		strcat(got, i ? " " : "");
		strcat(got, ip_prefix_format(&range[i], cidr, sizeof(cidr)));
	}
	assert_string_equal(got, wanted);
}

static void halves_of_one_range_become_it(void **state)
{
	assert_merged("10.244.0.0/24 10.244.1.0/24", "10.244.0.0/23");
	assert_merged("10.244.3.0/24 10.244.1.0/24 10.244.2.0/24 10.244.0.0/24", "10.244.0.0/22");
	assert_merged("fd00:244:0:1::/64 fd00:244::/64", "fd00:244::/63");
}

static void neighbours_that_are_no_halves_stay(void **state)
{
	assert_merged("10.244.1.0/24 10.244.2.0/24", "10.244.1.0/24 10.244.2.0/24");
	assert_merged("10.244.0.0/24 10.244.1.0/25", "10.244.0.0/24 10.244.1.0/25");
}

static void a_range_inside_another_is_not_told_twice(void **state)
{
	assert_merged("10.244.0.0/24 10.244.0.0/24", "10.244.0.0/24");
	assert_merged("10.244.0.128/25 10.244.0.0/24 10.244.0.0/26", "10.244.0.0/24");
}

static void the_halves_of_everything_end_at_the_whole(void **state)
{
	assert_merged("0.0.0.0/1 128.0.0.0/1", "0.0.0.0/0");
	assert_merged("0.0.0.0/1 128.0.0.0/1 ::/1", "::/1 0.0.0.0/0");
}

static void families_do_not_mix(void **state)
{
	assert_merged("fd00:244::/64 10.244.0.0/24", "10.244.0.0/24 fd00:244::/64");
}

static void fields_that_are_left_out_have_calicos_defaults(void **state)
{
	struct json_object *object = json_tokener_parse(
		"{\"metadata\": {\"name\": \"p\"}, \"spec\": {\"cidr\": \"10.0.0.0/16\"}}");
	struct json_object *row = document_new_map();

	pools_row(object, row);
	assert_string_equal(document_get_words(row, "nat_outgoing"), "false");
	assert_string_equal(document_get_words(row, "ipip_mode"), "Never");
	assert_string_equal(document_get_words(row, "vxlan_mode"), "Never");
	assert_string_equal(document_get_words(row, "disabled"), "false");
	assert_string_equal(document_get_words(row, "selector"), "all()");
	assert_string_equal(document_get_words(row, "assignment_mode"), "Automatic");
	json_object_put(object);
	json_object_put(row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halves_of_one_range_become_it),
		cmocka_unit_test(neighbours_that_are_no_halves_stay),
		cmocka_unit_test(a_range_inside_another_is_not_told_twice),
		cmocka_unit_test(the_halves_of_everything_end_at_the_whole),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(fields_that_are_left_out_have_calicos_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
