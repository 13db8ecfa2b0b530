/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_as_path.c: AS paths: length, prepending, putting AS_PATH and AS4_PATH together.
 *
 * RFC 4271 sections 5.1.2 and 9.1.2.2; RFC 6793 section 4.2.3.
 *
 * links: bgp/as_path.c lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>

#include <cmocka.h>

#include "bgp/as_path.h"
#include "tests/unit/bgp/hex.h"

#define SIZE 4096

static void a_set_counts_as_one_hop(void **state)
{
	uint8_t path[SIZE];
	size_t len =
		hex_parse("02 02 00000001 00000002 01 03 00000003 00000004 00000005", path, SIZE);

	assert_int_equal(as_path_hops(path, len), 3);
	assert_int_equal(as_path_first(path, len), 1);
	assert_int_equal(as_path_hops(path, 0), 0);
	assert_int_equal(as_path_first(path, 0), 0);
	len = hex_parse("01 01 00000003", path, SIZE);
	assert_int_equal(as_path_first(path, len), 0);
}

static void prepending_joins_the_first_sequence(void **state)
{
	uint8_t path[SIZE];
	size_t len = as_path_prepend(path, 0, SIZE, 7);

	assert_true(hex_equal("02 01 00000007", path, len));
	len = as_path_prepend(path, len, SIZE, 8);
	assert_true(hex_equal("02 02 00000008 00000007", path, len));
	len = hex_parse("01 01 00000003", path, SIZE);
	len = as_path_prepend(path, len, SIZE, 8);
	assert_true(hex_equal("02 01 00000008 01 01 00000003", path, len));
	len = hex_parse("02 ff 1020*01", path, SIZE);
	len = as_path_prepend(path, len, SIZE, 8);
	assert_true(hex_equal("02 01 00000008 02 ff 1020*01", path, len));
	assert_int_equal(as_path_prepend(path, 10, 12, 8), 0);
}

static const struct {
	const char *as_path, *as4_path, *merged;
} merge_rows[] = {
	{ "02 02 00000001 00005ba0", "02 01 fa56ea01", "02 01 00000001 02 01 fa56ea01" },
	{ "02 02 00005ba0 00005ba0", "02 02 fa56ea01 fa56ea02", "02 02 fa56ea01 fa56ea02" },
	{ "02 01 00000001", "02 02 fa56ea01 fa56ea02", "02 01 00000001" }, /* longer: ignored */
	{ "02 01 00000001", "", "02 01 00000001" },
	{ "01 02 00000001 00000002 02 01 00005ba0", "02 01 fa56ea01",
	  "01 02 00000001 00000002 02 01 fa56ea01" },
	{ "02 03 00000001 00000002 00005ba0 01 01 00000009", "02 01 00000009",
	  "02 03 00000001 00000002 00005ba0 02 01 00000009" },
};

static void the_tail_comes_from_as4_path(void **state)
{
	for (size_t i = 0; i < sizeof(merge_rows) / sizeof(merge_rows[0]); i++) {
		uint8_t path[SIZE], as4_path[64];
		size_t len = hex_parse(merge_rows[i].as_path, path, SIZE);
		size_t as4_len = hex_parse(merge_rows[i].as4_path, as4_path, sizeof(as4_path));

		len = as_path_merge(path, len, SIZE, as4_path, as4_len);
		assert_true(hex_equal(merge_rows[i].merged, path, len));
	}
}

/* RFC 6793 section 6: an AS4_PATH must not have segments of a confederation; they are discarded and
 * the rest counts. What is malformed besides is so with them, too. */
static void confederations_are_left_out_of_as4_path(void **state)
{
	static const struct {
		const char *as4_path, *taken; /* NULL: malformed */
	} rows[] = {
		{ "02 01 fa56ea01", "02 01 fa56ea01" },
		{ "03 02 0000fc01 0000fc02 02 01 fa56ea01", "02 01 fa56ea01" },
		{ "02 01 fa56ea01 04 01 0000fc01 01 01 00010000", "02 01 fa56ea01 01 01 00010000" },
		{ "03 01 0000fc01", "" },
		{ "03 00 02 01 fa56ea01", NULL },
		{ "02 01 fa56ea01 03 02 0000fc01", NULL },
		{ "02 01 fa56ea01 03", NULL },
		{ "05 01 fa56ea01", NULL },
		{ "02 01 00000000", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t octets[64], path[64];
		struct wire_reader value;
		size_t len;
		int err;

		wire_reader_init(&value, octets,
				 hex_parse(rows[i].as4_path, octets, sizeof(octets)));
		err = as_path_parse_as4(&value, path, sizeof(path), &len);
		assert_int_equal(err < 0, !rows[i].taken);
		if (rows[i].taken)
			assert_true(hex_equal(rows[i].taken, path, len));
	}
}

static void wide_asns_are_narrowed_to_as_trans(void **state)
{
	uint8_t path[SIZE], buf[64];
	size_t len = hex_parse("02 02 0000fc00 00010000", path, SIZE);
	struct wire_writer writer;

	assert_true(as_path_has_wide(path, len));
	wire_writer_init(&writer, buf, sizeof(buf));
	as_path_write(&writer, path, len, 2);
	assert_true(hex_equal("02 02 fc00 5ba0", buf, writer.len));
	len = hex_parse("02 01 0000fc00", path, SIZE);
	assert_false(as_path_has_wide(path, len));
}

static void a_path_longer_than_its_room_is_refused(void **state)
{
	uint8_t path[8], octets[64];
	struct wire_reader reader;
	size_t len = hex_parse("02 03 0001 0002 0003", octets, sizeof(octets));

	wire_reader_init(&reader, octets, len);
	assert_true(as_path_parse(&reader, 2, path, sizeof(path), &len) < 0);
}

static const struct {
	const char *path, *text;
} format_rows[] = {
	{ "", "" },
	{ "02 02 0000fc00 fa56ea01", "64512 4200000001" },
	{ "02 01 00000001 01 02 00000002 00000003 02 01 00000004", "1 {2 3} 4" },
	{ "01 01 00000009", "{9}" },
};

static void a_path_is_written_as_people_read_it(void **state)
{
	for (size_t i = 0; i < sizeof(format_rows) / sizeof(format_rows[0]); i++) {
		uint8_t path[SIZE];
		char text[64], small[8];
		size_t len = hex_parse(format_rows[i].path, path, SIZE);

		as_path_format(path, len, text, sizeof(text));
		assert_string_equal(text, format_rows[i].text);
		as_path_format(path, len, small, sizeof(small));
		assert_memory_equal(small, text, strnlen(small, sizeof(small)));
	}
}

static void a_path_begins_with_its_sequences_alone(void **state)
{
	const uint32_t wanted[] = { 1, 2, 3 };
	uint8_t path[SIZE];
	size_t len = hex_parse("02 02 00000001 00000002 02 01 00000003 01 01 00000004", path, SIZE);

	assert_true(as_path_begins(path, len, wanted, 3));
	assert_true(as_path_begins(path, len, wanted, 1));
	assert_false(as_path_begins(path, len, wanted + 1, 2));
	assert_false(as_path_begins(path, len, (const uint32_t[]){ 1, 2, 3, 4 }, 4));
	assert_false(as_path_begins(path, 0, wanted, 1));
	assert_int_equal(as_path_count(path, len, 4), 1);
	assert_int_equal(as_path_count(path, len, 9), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_counts_as_one_hop),
		cmocka_unit_test(prepending_joins_the_first_sequence),
		cmocka_unit_test(the_tail_comes_from_as4_path),
		cmocka_unit_test(confederations_are_left_out_of_as4_path),
		cmocka_unit_test(wide_asns_are_narrowed_to_as_trans),
		cmocka_unit_test(a_path_longer_than_its_room_is_refused),
		cmocka_unit_test(a_path_is_written_as_people_read_it),
		cmocka_unit_test(a_path_begins_with_its_sequences_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
