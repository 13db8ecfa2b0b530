/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wire.c: bounded octets. Octets in network order are written out by hand (RFC 791 appendix
 * B).
 *
 * What is checked at each getter: the value, and that one octet too few fails for good without
 * reading; the writer likewise, with a guard octet behind the buffer.
 *
 * links: lib/wire.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/wire.h"

static const uint8_t sample[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07 };

static void numbers_are_read_in_network_order(void **state)
{
	struct wire_reader reader;

	wire_reader_init(&reader, sample, sizeof(sample));
	assert_int_equal(wire_read_u8(&reader), 0x01);
	assert_int_equal(wire_read_u16(&reader), 0x0203);
	assert_int_equal(wire_read_u32(&reader), 0x04050607);
	assert_true(wire_reader_ok(&reader));
	assert_int_equal(wire_reader_left(&reader), 0);
}

static void the_largest_number_keeps_its_sign_bit(void **state)
{
	static const uint8_t ones[] = { 0xff, 0xff, 0xff, 0xff };
	struct wire_reader reader;

	wire_reader_init(&reader, ones, sizeof(ones));
	assert_true(wire_read_u32(&reader) == UINT32_MAX);
}

static void reading_past_the_end_fails_for_good(void **state)
{
	struct wire_reader reader;

	wire_reader_init(&reader, sample, 3);
	assert_int_equal(wire_read_u32(&reader), 0);
	assert_false(wire_reader_ok(&reader));
	assert_int_equal(wire_reader_left(&reader), 0);
	assert_int_equal(wire_read_u8(&reader), 0); /* though an octet is there */
	assert_null(wire_read_bytes(&reader, 0));
}

static void a_length_near_the_largest_does_not_wrap(void **state)
{
	struct wire_reader reader;

	wire_reader_init(&reader, sample, sizeof(sample));
	wire_read_u8(&reader);
	assert_null(wire_read_bytes(&reader, SIZE_MAX));
	assert_false(wire_reader_ok(&reader));
}

static void an_empty_reader_gives_no_octets_and_does_not_fail(void **state)
{
	struct wire_reader reader;

	wire_reader_init(&reader, NULL, 0);
	assert_non_null(wire_read_bytes(&reader, 0));
	assert_true(wire_reader_ok(&reader));
	wire_skip(&reader, 1);
	assert_false(wire_reader_ok(&reader));
}

static void a_sub_reader_ends_where_it_was_told(void **state)
{
	struct wire_reader reader, sub;

	wire_reader_init(&reader, sample, sizeof(sample));
	sub = wire_read_sub(&reader, 2);
	assert_int_equal(wire_read_u16(&sub), 0x0102);
	assert_int_equal(wire_read_u8(&sub), 0);
	assert_false(wire_reader_ok(&sub));
	assert_int_equal(wire_read_u8(&reader), 0x03);
	assert_true(wire_reader_ok(&reader));
	sub = wire_read_sub(&reader, 5);
	assert_false(wire_reader_ok(&sub));
	assert_false(wire_reader_ok(&reader));
}

static void numbers_are_written_in_network_order(void **state)
{
	uint8_t buffer[8] = { 0 };
	struct wire_writer writer;

	buffer[7] = 0xee; /* guard */
	wire_writer_init(&writer, buffer, 7);
	wire_write_u8(&writer, 0x01);
	wire_write_u16(&writer, 0x0203);
	wire_write_u32(&writer, 0x04050607);
	assert_true(wire_writer_ok(&writer));
	assert_int_equal(wire_writer_left(&writer), 0);
	assert_memory_equal(buffer, sample, 7);
	wire_write_u8(&writer, 0xff);
	assert_false(wire_writer_ok(&writer));
	assert_int_equal(buffer[7], 0xee);
}

static void what_does_not_fit_is_not_written_in_part(void **state)
{
	uint8_t buffer[2] = { 0xee, 0xee };
	struct wire_writer writer;

	wire_writer_init(&writer, buffer, 1);
	wire_write_u16(&writer, 0);
	assert_false(wire_writer_ok(&writer));
	assert_int_equal(buffer[0], 0xee);
	wire_write_u8(&writer, 0); /* would fit, but the writer has failed */
	assert_int_equal(buffer[0], 0xee);
	assert_int_equal(writer.len, 0);
}

static void only_written_octets_can_be_overwritten(void **state)
{
	uint8_t buffer[4] = { 0 };
	static const uint8_t expected[] = { 0x12, 0x34, 0x56 };
	struct wire_writer writer;

	wire_writer_init(&writer, buffer, sizeof(buffer));
	wire_write_bytes(&writer, "\0\0\0", 3);
	wire_write_u16_at(&writer, 0, 0x1234);
	wire_write_u8_at(&writer, 2, 0x56);
	assert_true(wire_writer_ok(&writer));
	assert_memory_equal(buffer, expected, 3);
	wire_write_u16_at(&writer, 2, 0xffff);
	assert_false(wire_writer_ok(&writer));
	assert_memory_equal(buffer, expected, 3);
	wire_writer_init(&writer, buffer, sizeof(buffer));
	wire_write_u8_at(&writer, 0, 1);
	assert_false(wire_writer_ok(&writer));
	wire_writer_init(&writer, buffer, sizeof(buffer));
	wire_write_u8(&writer, 1);
	wire_write_u16_at(&writer, 0, 1);
	assert_false(wire_writer_ok(&writer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_network_order),
		cmocka_unit_test(the_largest_number_keeps_its_sign_bit),
		cmocka_unit_test(reading_past_the_end_fails_for_good),
		cmocka_unit_test(a_length_near_the_largest_does_not_wrap),
		cmocka_unit_test(an_empty_reader_gives_no_octets_and_does_not_fail),
		cmocka_unit_test(a_sub_reader_ends_where_it_was_told),
		cmocka_unit_test(numbers_are_written_in_network_order),
		cmocka_unit_test(what_does_not_fit_is_not_written_in_part),
		cmocka_unit_test(only_written_octets_can_be_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
