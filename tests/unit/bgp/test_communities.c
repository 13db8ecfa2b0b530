/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_communities.c: communities among the attributes that are passed on (RFC 1997, RFC 8092).
 *
 * links: bgp/communities.c bgp/attributes.c bgp/as_path.c bgp/message.c bgp/capability.c
 * links: lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/communities.h"
#include "tests/unit/bgp/hex.h"

static struct attribute_draft draft;

/* @other: whole attributes, as they stand behind the known ones. */
static void start(const char *other)
{
	attributes_start(&draft);
	draft.values.other_len = (uint16_t)hex_parse(other, draft.other, sizeof(draft.other));
}

static struct config_community small(uint32_t high, uint32_t low)
{
	return (struct config_community){ 0, { high, low, 0 } };
}

static struct config_community large(uint32_t a, uint32_t b, uint32_t c)
{
	return (struct config_community){ 1, { a, b, c } };
}

#define RFC1997	 "c0 08 08 fde80064 fde8002a"	       /* 65000:100 65000:42 */
#define RFC8092	 "c0 20 0c 0000fde8 00000064 000003e7" /* 65000:100:999 */
#define EXTENDED "c0 10 08 0002fde800000064"
#define UNKNOWN	 "e0 63 01 07"

static const struct {
	const char *other;
	bool is_large;
	uint32_t part[3];
	bool has;
} has_rows[] = {
	{ "", false, { 65000, 100 }, false },
	{ RFC1997, false, { 65000, 100 }, true },
	{ RFC1997, false, { 65000, 42 }, true },
	{ RFC1997, false, { 65000, 43 }, false },
	{ RFC1997, true, { 65000, 100, 999 }, false },
	{ RFC8092, true, { 65000, 100, 999 }, true },
	{ RFC8092, true, { 65000, 100, 998 }, false },
	{ RFC8092, false, { 65000, 100 }, false },
	/* in the octets of another type, and across two communities, is not there */
	{ EXTENDED, false, { 2, 65000 }, false },
	{ "c0 08 08 0000fde8 0064ffff", false, { 65000, 100 }, false },
	/* not in the order of their types */
	{ UNKNOWN RFC8092 RFC1997, false, { 65000, 42 }, true },
	{ UNKNOWN RFC8092 RFC1997, true, { 65000, 100, 999 }, true },
	/* a length of two octets */
	{ "d0 08 0004 fde80064", false, { 65000, 100 }, true },
};

static void a_community_is_found_in_its_attribute_alone(void **state)
{
	for (size_t i = 0; i < sizeof(has_rows) / sizeof(has_rows[0]); i++) {
		struct config_community community = { has_rows[i].is_large, { 0 } };
		struct attribute_view view;

		memcpy(community.part, has_rows[i].part, sizeof(community.part));
		start(has_rows[i].other);
		view = attributes_view_draft(&draft);
		if (communities_has(&view, &community) != has_rows[i].has)
			print_error("row %zu\n", i);
		assert_int_equal(communities_has(&view, &community), has_rows[i].has);
	}
}

static const struct {
	const char *before, *small_after, *large_after;
} add_rows[] = {
	{ "", "c0 08 04 fde800c8", "c0 20 0c 0000fde8 0000012c 00000190" },
	{ RFC1997, "c0 08 0c fde80064 fde8002a fde800c8",
	  RFC1997 "c0 20 0c 0000fde8 0000012c 00000190" },
	{ EXTENDED RFC8092, "c0 08 04 fde800c8" EXTENDED RFC8092,
	  EXTENDED "c0 20 18 0000fde8 00000064 000003e7 0000fde8 0000012c 00000190" },
	{ UNKNOWN, "c0 08 04 fde800c8" UNKNOWN, "c0 20 0c 0000fde8 0000012c 00000190" UNKNOWN },
	{ "d0 08 0004 fde80064", "d0 08 0008 fde80064 fde800c8",
	  "d0 08 0004 fde80064 c0 20 0c 0000fde8 0000012c 00000190" },
};

static void a_community_is_added_behind_the_others(void **state)
{
	const struct config_community one = small(65000, 200), three = large(65000, 300, 400);

	for (size_t i = 0; i < sizeof(add_rows) / sizeof(add_rows[0]); i++) {
		start(add_rows[i].before);
		for (int times = 0; times < 2; times++) { /* the second changes nothing */
			assert_true(communities_add(&draft, &one));
			assert_true(hex_equal(add_rows[i].small_after, draft.other,
					      draft.values.other_len));
		}
		start(add_rows[i].before);
		for (int times = 0; times < 2; times++) {
			assert_true(communities_add(&draft, &three));
			assert_true(hex_equal(add_rows[i].large_after, draft.other,
					      draft.values.other_len));
		}
	}
}

static void a_list_of_256_octets_gets_a_length_of_two(void **state)
{
	struct config_community community = small(65000, 200);

	start("c0 08 fc 252*11" UNKNOWN);
	assert_true(communities_add(&draft, &community));
	assert_true(hex_equal("d0 08 0100 252*11 fde800c8" UNKNOWN, draft.other,
			      draft.values.other_len));
}

static void what_has_no_room_is_refused_and_nothing_changes(void **state)
{
	struct config_community community = small(65000, 200);
	uint8_t before[sizeof(draft.other)];
	uint16_t len;

	start("d0 63 0ff8 4088*07");
	len = draft.values.other_len;
	memcpy(before, draft.other, len);
	assert_int_equal(sizeof(draft.other) - len, 4);
	assert_false(communities_add(&draft, &community));
	assert_int_equal(draft.values.other_len, len);
	assert_memory_equal(draft.other, before, len);
}

/* RFC 1997: the speaker that has a route with these obeys them. */
static void well_known_ones_are_obeyed(void **state)
{
	const struct config_community no_export = small(65535, 65281);
	const struct config_community no_advertise = small(65535, 65282);

	start("");
	assert_true(communities_add(&draft, &no_export));
	assert_int_equal(draft.values.present, HAS_NO_EXPORT);
	assert_true(communities_add(&draft, &no_advertise));
	assert_int_equal(draft.values.present, HAS_NO_EXPORT | HAS_NO_ADVERTISE);
}

static void a_walk_sees_each_once(void **state)
{
	struct config_community seen[4];
	struct attribute_view view;
	size_t at = 0, count = 0;

	start(RFC1997 EXTENDED RFC8092 UNKNOWN);
	view = attributes_view_draft(&draft);
	while (count < 4 && communities_next(&view, &at, &seen[count]))
		count++;
	assert_int_equal(count, 3);
	assert_true(!seen[0].is_large && seen[0].part[0] == 65000 && seen[0].part[1] == 100);
	assert_true(!seen[1].is_large && seen[1].part[1] == 42);
	assert_true(seen[2].is_large && seen[2].part[2] == 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_community_is_found_in_its_attribute_alone),
		cmocka_unit_test(a_community_is_added_behind_the_others),
		cmocka_unit_test(a_list_of_256_octets_gets_a_length_of_two),
		cmocka_unit_test(what_has_no_room_is_refused_and_nothing_changes),
		cmocka_unit_test(well_known_ones_are_obeyed),
		cmocka_unit_test(a_walk_sees_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
