/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_session_output.c: what waits for peers is written in order, cut between messages, bounded.
 *
 * Messages have the header of RFC 4271 section 4.1: marker, length, type.
 *
 * links: bgp/session_output.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <utlist.h>

#include "bgp/message.h"
#include "bgp/session_output.h"

#define POOL_MAX (1u << 20)

static size_t write_message(uint8_t *buf, size_t len, uint8_t filler)
{
	memset(buf, 0xff, 16);
	buf[16] = (uint8_t)(len >> 8);
	buf[17] = (uint8_t)len;
	buf[18] = BGP_UPDATE;
	memset(buf + BGP_HEADER_LEN, filler, len - BGP_HEADER_LEN);
	return len;
}

static int append(struct session_output *output, size_t len, uint8_t filler)
{
	uint8_t buf[BGP_MESSAGE_MAX];

	return session_output_append(output, buf, write_message(buf, len, filler));
}

/* Append messages of @len until no more are taken, for which it returns why. */
static int fill(struct session_output *output, size_t len)
{
	int err;

	while ((err = append(output, len, 1)) == 0)
		continue;
	return err;
}

/* What the peer has read. */
static uint8_t read_octets[8 << 20];
static size_t read_len;

struct wire {
	struct output_pool pool;
	struct session_output output;
	int fd[2]; /* its end, the peer's */
};

static void open_wire(struct wire *wire)
{
	*wire = (struct wire){ .pool = { .octets_max = POOL_MAX } };
	wire->output.pool = &wire->pool;
	read_len = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, wire->fd), 0);
}

static void close_wire(struct wire *wire)
{
	session_output_clear(&wire->output);
	assert_int_equal(wire->pool.octets, 0);
	assert_null(wire->pool.outputs);
	close(wire->fd[0]);
	close(wire->fd[1]);
}

static bool read_some(struct wire *wire, size_t most)
{
	ssize_t got;

	assert_true(most <= sizeof(read_octets) - read_len);
	session_output_write(&wire->output, wire->fd[0]);
	got = recv(wire->fd[1], read_octets + read_len, most, 0);
	read_len += got > 0 ? (size_t)got : 0;
	return got > 0;
}

/* Read the rest. All there ever was must be whole messages: how many; the last one's filler. */
static size_t read_messages(struct wire *wire, uint8_t *ret_filler)
{
	size_t at = 0, count = 0, len;

	while (read_some(wire, 65536))
		continue;
	for (; at < read_len; at += len, count++) {
		const uint8_t *data = read_octets + at;

		len = (size_t)(data[16] << 8 | data[17]);
		assert_true(data[0] == 0xff && data[15] == 0xff && len >= BGP_HEADER_LEN);
		assert_true(len <= read_len - at);
		*ret_filler = data[len - 1];
	}
	return count;
}

static void what_is_cut_ends_with_a_whole_message(void **state)
{
	/* Lengths that put the end of what was written into headers and bodies. */
	for (size_t len = 23; len <= BGP_MESSAGE_MAX; len += 331) {
		struct wire wire;
		uint8_t filler = 0;
		size_t count;

		open_wire(&wire);
		assert_int_equal(fill(&wire.output, len), -ENOSPC);
		count = wire.output.len / len;
		assert_true(session_output_write(&wire.output, wire.fd[0]));
		assert_true(wire.output.len > 0);
		session_output_cut(&wire.output);
		assert_true(wire.output.len < len);
		assert_true(wire.pool.octets <= 2 * BGP_MESSAGE_MAX);
		assert_int_equal(append(&wire.output, 21, 7), 0);
		assert_true(read_messages(&wire, &filler) < count);
		assert_int_equal(filler, 7);
		close_wire(&wire);
	}
}

static void what_is_cut_twice_or_in_rest_is_whole_too(void **state)
{
	struct wire wire;
	uint8_t filler = 0;

	open_wire(&wire);
	assert_int_equal(fill(&wire.output, 1000), -ENOSPC);
	session_output_write(&wire.output, wire.fd[0]);
	session_output_cut(&wire.output);
	session_output_cut(&wire.output);
	for (int i = 0; i < 300; i++)
		assert_int_equal(append(&wire.output, 1001, 2), 0);
	session_output_cut(&wire.output);
	assert_int_equal(append(&wire.output, 21, 7), 0);
	read_messages(&wire, &filler);
	assert_int_equal(filler, 7);
	close_wire(&wire);
}

/* As one process leaves it to the next: the rest of a message that was begun, and whole ones. */
static void an_output_that_is_handed_on_stays_whole(void **state)
{
	for (size_t len = 23; len <= BGP_MESSAGE_MAX; len += 331) {
		struct session_output next = {};
		struct wire wire;
		uint8_t filler = 0;
		size_t begun;

		open_wire(&wire);
		assert_int_equal(fill(&wire.output, len), -ENOSPC);
		assert_true(session_output_write(&wire.output, wire.fd[0]));
		begun = session_output_begun(&wire.output);
		assert_true(begun < len && (wire.output.len - begun) % len == 0);
		wire.pool.octets_max *= 2;
		next.pool = &wire.pool;
		assert_int_equal(
			session_output_resume(&next, wire.output.data + wire.output.head, begun),
			0);
		assert_int_equal(session_output_append(&next,
						       wire.output.data + wire.output.head + begun,
						       wire.output.len - begun),
				 0);
		session_output_clear(&wire.output);
		wire.output = next;
		wire.pool.outputs = NULL;
		DL_APPEND(wire.pool.outputs, &wire.output);
		read_some(&wire, 65536);
		session_output_write(&wire.output, wire.fd[0]);
		session_output_cut(&wire.output);
		assert_int_equal(append(&wire.output, 21, 7), 0);
		read_messages(&wire, &filler);
		assert_int_equal(filler, 7);
		close_wire(&wire);
	}
}

/* Many times over: what was written moves the rest to the front, and messages keep their place. */
static void a_stream_that_is_read_slowly_stays_whole(void **state)
{
	struct wire wire;
	uint8_t filler = 0;

	open_wire(&wire);
	for (size_t round = 0; round < 3000; round++) {
		assert_int_equal(append(&wire.output, 700 + round % 997, 3), 0);
		read_some(&wire, round % 500 < 250 ? 400 : 1800);
	}
	assert_true(wire.output.len > 2000);
	session_output_cut(&wire.output);
	assert_int_equal(append(&wire.output, 21, 7), 0);
	assert_true(read_messages(&wire, &filler) < 3001);
	assert_int_equal(filler, 7);
	close_wire(&wire);
}

static void all_outputs_together_are_bounded(void **state)
{
	struct wire wire;
	struct session_output other[3] = {};

	open_wire(&wire);
	for (int i = 0; i < 3; i++) {
		other[i].pool = &wire.pool;
		for (int n = 0; n < 20 + 100 * i; n++)
			assert_int_equal(append(&other[i], 1000, 1), 0);
	}
	assert_int_equal(fill(&wire.output, 1000), -ENOSPC);
	assert_true(wire.pool.octets <= POOL_MAX);
	assert_ptr_equal(session_output_largest(&wire.pool), &wire.output);
	session_output_cut(&wire.output);
	assert_ptr_equal(session_output_largest(&wire.pool), &other[2]);
	assert_int_equal(append(&wire.output, 1000, 1), 0);
	for (int i = 0; i < 3; i++)
		session_output_clear(&other[i]);
	close_wire(&wire);
}

static void one_output_is_bounded_whatever_the_others_have(void **state)
{
	struct wire wire;

	open_wire(&wire);
	wire.pool.octets_max = 1u << 30;
	assert_int_equal(fill(&wire.output, BGP_MESSAGE_MAX), -ENOBUFS);
	assert_int_equal(wire.output.len, 64u << 20);
	close_wire(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_cut_ends_with_a_whole_message),
		cmocka_unit_test(what_is_cut_twice_or_in_rest_is_whole_too),
		cmocka_unit_test(an_output_that_is_handed_on_stays_whole),
		cmocka_unit_test(a_stream_that_is_read_slowly_stays_whole),
		cmocka_unit_test(all_outputs_together_are_bounded),
		cmocka_unit_test(one_output_is_bounded_whatever_the_others_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
