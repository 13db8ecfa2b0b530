/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_handover.c: the file between two speakers: what one writes the other reads, and nothing
 * else.
 *
 * A whole file with every kind of record is written once; tests read it back, cut it, and put it
 * together anew in other orders.
 *
 * links: bgp/handover_write.c bgp/handover_read.c bgp/message.c bgp/capability.c bgp/update.c
 * links: bgp/attributes.c bgp/as_path.c lib/wire.c lib/ip_prefix.c lib/sealed_text.c
 * links: tests/unit/bgp/hex.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bgp/handover.h"
#include "lib/ip_prefix.h"
#include "lib/sealed_text.h"
#include "tests/unit/bgp/hex.h"

#define FILE_MAX (1u << 20)

static struct update scratch;
static const uint8_t half[] = { 0xff, 0xff, 0xff };
static const uint8_t tail[] = { 0x11, 0x22 }; /* of a message */
static uint8_t large[50 * BGP_MESSAGE_MAX];   /* more than the writer's buffer */

static struct handover_peer peer_with(uint32_t session)
{
	struct handover_peer peer = {
		.addr = addr_of("192.0.2.7"),
		.session = session,
		.router_id = 0xc0000207,
		.is_incoming = true,
		.is_restarting = true,
		.end_of_rib_out = true,
		.end_of_rib_in = { true, false },
		.is_refused = { false, true },
		.is_refreshing = { false, true },
		.is_asked = { true, false },
		.is_beyond = { true, true },
		.stale_left_ms = 77000,
		.since_s = 0x123456789a,
		.updates_in = 5,
		.updates_out = UINT64_MAX,
		.times_up = 3,
		.bad_updates = 1,
		.last_error = "once",
		.has_bfd = true,
		.bfd = { .port = 50000,
			 .discriminator = 1,
			 .remote_discriminator = 0xfffffffe,
			 .desired_min_tx_us = 300000,
			 .required_min_rx_us = 300001,
			 .used_min_tx_us = 300002,
			 .used_min_rx_us = 300003,
			 .remote_desired_min_tx_us = 300004,
			 .remote_min_rx_us = 300005,
			 .remote_multiplier = 3,
			 .is_polling = true },
		.sent = "Cease",
		.partial = half,
		.partial_len = sizeof(half),
		.begun = tail,
		.begun_len = sizeof(tail),
		.output = large,
		.output_len = sizeof(large),
	};
	struct open_message own = { .as = 4200000001u, .hold_time_s = 90, .router_id = 1 };

	own.capabilities.four_octet_as = own.capabilities.route_refresh = true;
	own.capabilities.as = own.as;
	own.capabilities.family[FAMILY_IPV6] = true;
	own.capabilities.graceful_restart = true;
	own.capabilities.restart_time_s = 120;
	own.capabilities.restart_family[FAMILY_IPV6] = own.capabilities.forwarding[FAMILY_IPV6] =
		true;
	peer.own = own;
	peer.theirs = (struct open_message){ .as = 64999, .hold_time_s = 0, .router_id = 2 };
	peer.theirs.capabilities.family[FAMILY_IPV4] = true;
	return peer;
}

static void fill_large(void)
{
	for (size_t at = 0; at < sizeof(large); at += BGP_MESSAGE_MAX) {
		message_write_keepalive(large + at);
		large[at + 16] = BGP_MESSAGE_MAX >> 8;
		large[at + 17] = BGP_MESSAGE_MAX & 0xff;
		large[at + 18] = BGP_UPDATE;
	}
}

static void write_routes(struct handover_writer *writer)
{
	struct attribute_draft *draft = &scratch.draft;
	struct attribute_view view = attributes_view_draft(draft);
	const struct ip_prefix prefix[] = { prefix_of("10.244.1.0/24"),
					    prefix_of("10.244.2.0/23") };
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t count = 2, len;

	attributes_start(draft);
	draft->values.next_hop = addr_of("192.0.2.7");
	draft->values.present = HAS_LOCAL_PREF | HAS_MED;
	draft->values.local_pref = 300;
	draft->values.med = 5;
	assert_true(attributes_prepend_as(draft, 4200000001u));
	len = update_write_announce(buf, &view, true, prefix, &count);
	assert_int_equal(count, 2);
	handover_write_routes(writer, true, buf, len);
	draft->values.next_hop = addr_of("2001:db8::7"); /* RFC 8950 */
	count = 1;
	len = update_write_announce(buf, &view, true, prefix, &count);
	handover_write_routes(writer, true, buf, len);
}

/* What @write makes, read back; the caller's. */
static char *file_of(void (*write)(struct handover_writer *writer), uint32_t sessions,
		     size_t *ret_len)
{
	struct handover_writer *writer = malloc(sizeof(*writer));
	int fd = sealed_text_begin();
	char *data;

	assert_true(writer && fd >= 0);
	handover_begin(writer, fd);
	write(writer);
	assert_int_equal(handover_finish(writer, sessions), 0);
	assert_int_equal(sealed_text_seal(fd), 0);
	assert_int_equal(sealed_text_read(fd, FILE_MAX, &data, ret_len), 0);
	close(fd);
	free(writer);
	return data;
}

static void write_head(struct handover_writer *writer)
{
	const struct handover_speaker speaker = { .is_restarting = false, .is_in_sync = true };

	handover_write_speaker(writer, &speaker);
	handover_write_text(writer, HANDOVER_BASE, "base: 1\n", 8);
}

static void write_whole(struct handover_writer *writer)
{
	const struct handover_peer_end end = { .told = 0x0123456789abcdef };
	struct handover_peer peer = peer_with(0), without = peer_with(HANDOVER_NO_SESSION);

	write_head(writer);
	handover_write_text(writer, HANDOVER_DOCUMENT, "bgp: 1\n", 7);
	handover_write_password(writer, 3, "secret");
	handover_write_peer(writer, &peer);
	write_routes(writer);
	handover_write_peer_end(writer, &end);
	handover_write_peer(writer, &without);
	handover_write_peer_end(writer, &end);
}

static int check(const char *data, size_t len)
{
	uint32_t sessions;

	return handover_check((const uint8_t *)data, len, &scratch, &sessions);
}

/* --- what was written is read --- */

static struct handover_record next_of(struct wire_reader *reader, enum handover_type type)
{
	struct handover_record record;

	assert_int_equal(handover_next(reader, &record), 0);
	assert_int_equal(record.type, type);
	return record;
}

static void expect_peer(const struct handover_peer *peer, const struct handover_peer *wanted)
{
	assert_true(ip_addr_equal(&peer->addr, &wanted->addr));
	assert_int_equal(peer->session, wanted->session);
	assert_int_equal(peer->router_id, wanted->router_id);
	assert_memory_equal(&peer->is_incoming, &wanted->is_incoming,
			    offsetof(struct handover_peer, stale_left_ms) -
				    offsetof(struct handover_peer, is_incoming));
	assert_memory_equal(&peer->stale_left_ms, &wanted->stale_left_ms, 4);
	assert_memory_equal(&peer->since_s, &wanted->since_s,
			    offsetof(struct handover_peer, has_bfd) -
				    offsetof(struct handover_peer, since_s));
	assert_true(peer->has_bfd && peer->bfd.is_polling && !peer->bfd.remote_demand);
	assert_int_equal(peer->bfd.remote_multiplier, 3);
	assert_memory_equal(&peer->bfd.discriminator, &wanted->bfd.discriminator,
			    8 * sizeof(uint32_t));
	assert_int_equal(peer->bfd.port, 50000);
}

static void expect_session(const struct handover_peer *peer, const struct handover_peer *wanted)
{
	assert_int_equal(peer->own.as, wanted->own.as);
	assert_int_equal(peer->own.capabilities.restart_time_s, 120);
	assert_true(peer->own.capabilities.forwarding[FAMILY_IPV6]);
	assert_false(peer->own.capabilities.family[FAMILY_IPV4]);
	assert_int_equal(peer->theirs.as, 64999);
	assert_int_equal(peer->theirs.hold_time_s, 0);
	assert_false(peer->theirs.capabilities.four_octet_as);
	assert_int_equal(peer->partial_len, sizeof(half));
	assert_memory_equal(peer->partial, half, sizeof(half));
	assert_int_equal(peer->begun_len, sizeof(tail));
	assert_memory_equal(peer->begun, tail, sizeof(tail));
	assert_int_equal(peer->output_len, sizeof(large));
	assert_memory_equal(peer->output, large, sizeof(large));
}

static void expect_routes(const struct handover_record *record)
{
	struct ip_prefix prefix, first = prefix_of("10.244.1.0/24"),
				 second = prefix_of("10.244.2.0/23");
	bool is_stale = false;

	assert_int_equal(handover_read_routes(record->body, &is_stale, &scratch), 0);
	assert_true(is_stale);
	assert_int_equal(scratch.draft.values.present, HAS_LOCAL_PREF | HAS_MED);
	assert_int_equal(scratch.draft.values.local_pref, 300);
	assert_int_equal(scratch.draft.values.as_path_hops, 1);
	assert_int_equal(scratch.announced_count, 1);
	assert_true(update_next_prefix(&scratch.announced[0], &prefix));
	assert_true(ip_prefix_equal(&prefix, &first));
	assert_true(update_next_prefix(&scratch.announced[0], &prefix));
	assert_true(ip_prefix_equal(&prefix, &second));
	assert_false(update_next_prefix(&scratch.announced[0], &prefix));
}

static void expect_extended_route(const struct handover_record *record)
{
	struct ip_addr hop = addr_of("2001:db8::7");
	bool is_stale = false;

	assert_int_equal(handover_read_routes(record->body, &is_stale, &scratch), 0);
	assert_int_equal(scratch.announced[0].family, FAMILY_IPV4);
	assert_true(ip_addr_equal(&scratch.announced[0].next_hop, &hop));
}

static void what_was_written_is_read(void **state)
{
	struct handover_peer wanted = peer_with(0), peer;
	struct handover_peer_end end;
	struct handover_record record;
	struct handover_speaker speaker;
	struct wire_reader reader;
	const char *text;
	uint32_t index;
	size_t len;
	char *data = file_of(write_whole, 1, &len);

	assert_int_equal(check(data, len), 0);
	assert_int_equal(handover_open(&reader, (uint8_t *)data, len), 0);
	record = next_of(&reader, HANDOVER_SPEAKER);
	assert_int_equal(handover_read_speaker(record.body, &speaker), 0);
	assert_true(!speaker.is_restarting && speaker.is_in_sync);
	record = next_of(&reader, HANDOVER_BASE);
	assert_memory_equal(wire_read_bytes(&record.body, 8), "base: 1\n", 8);
	next_of(&reader, HANDOVER_DOCUMENT);
	record = next_of(&reader, HANDOVER_PASSWORD);
	assert_int_equal(handover_read_password(record.body, &index, &text, &len), 0);
	assert_true(index == 3 && len == 6 && memcmp(text, "secret", 6) == 0);
	record = next_of(&reader, HANDOVER_PEER);
	assert_int_equal(handover_read_peer(record.body, &peer), 0);
	expect_peer(&peer, &wanted);
	expect_session(&peer, &wanted);
	record = next_of(&reader, HANDOVER_ROUTES);
	expect_routes(&record);
	record = next_of(&reader, HANDOVER_ROUTES);
	expect_extended_route(&record);
	record = next_of(&reader, HANDOVER_PEER_END);
	assert_int_equal(handover_read_peer_end(record.body, &end), 0);
	assert_true(end.told == 0x0123456789abcdef);
	record = next_of(&reader, HANDOVER_PEER);
	wanted.session = HANDOVER_NO_SESSION;
	assert_int_equal(handover_read_peer(record.body, &peer), 0);
	expect_peer(&peer, &wanted);
	next_of(&reader, HANDOVER_PEER_END);
	next_of(&reader, HANDOVER_END);
	assert_int_equal(handover_next(&reader, &record), -EPROTO);
	free(data);
}

/* --- what is not whole is refused --- */

static void a_file_that_is_cut_anywhere_is_refused(void **state)
{
	size_t len;
	char *data = file_of(write_whole, 1, &len), *cut;

	for (size_t at = 0; at < len; at += at < 1000 || at > len - 1000 ? 1 : 997) {
		cut = malloc(at); /* of its own, so that a sanitizer sees who reads beyond */
		assert_true(cut || at == 0);
		if (at > 0)
			memcpy(cut, data, at);
		assert_int_equal(check(cut, at), -EPROTO);
		free(cut);
	}
	free(data);
}

static struct handover_peer odd_peer;

static void write_odd_peer(struct handover_writer *writer)
{
	const struct handover_peer_end end = { .told = 1 };

	write_head(writer);
	handover_write_peer(writer, &odd_peer);
	handover_write_peer_end(writer, &end);
}

static int check_odd_peer(void)
{
	size_t len;
	char *data = file_of(write_odd_peer, 0, &len);
	int err = check(data, len);

	free(data);
	return err;
}

/* bfd_machine.c divides by the multiplier; the others are addresses of sessions. */
static void bfd_that_cannot_have_been_up_is_refused(void **state)
{
	odd_peer = peer_with(HANDOVER_NO_SESSION);
	assert_int_equal(check_odd_peer(), 0);
	odd_peer.bfd.remote_multiplier = 0;
	assert_int_equal(check_odd_peer(), -EPROTO);
	odd_peer = peer_with(HANDOVER_NO_SESSION);
	odd_peer.bfd.discriminator = 0;
	assert_int_equal(check_odd_peer(), -EPROTO);
	odd_peer = peer_with(HANDOVER_NO_SESSION);
	odd_peer.bfd.remote_discriminator = 0;
	assert_int_equal(check_odd_peer(), -EPROTO);
	odd_peer.has_bfd = false; /* then there is none of it */
	assert_int_equal(check_odd_peer(), 0);
}

static void a_file_with_something_behind_is_refused(void **state)
{
	size_t len;
	char *data = file_of(write_whole, 1, &len), *more = calloc(1, len + 1);

	memcpy(more, data, len);
	assert_int_equal(check(more, len), 0);
	assert_int_equal(check(more, len + 1), -EPROTO);
	free(more);
	free(data);
}

static void another_version_is_told_apart(void **state)
{
	size_t len;
	char *data = file_of(write_whole, 1, &len);
	char *version = strchr(data, '\n') + 1;

	version[1]++;
	assert_int_equal(check(data, len), -EPROTONOSUPPORT);
	version[1]--;
	data[0]++;
	assert_int_equal(check(data, len), -EPROTO);
	free(data);
}

static void write_nothing(struct handover_writer *writer)
{
}

static void write_peer_end_alone(struct handover_writer *writer)
{
	const struct handover_peer_end end = {};

	write_head(writer);
	handover_write_peer_end(writer, &end);
}

static void write_routes_of_nobody(struct handover_writer *writer)
{
	write_head(writer);
	write_routes(writer);
}

static void write_peer_without_end(struct handover_writer *writer)
{
	struct handover_peer peer = peer_with(0);

	write_head(writer);
	handover_write_peer(writer, &peer);
}

static void write_session_out_of_order(struct handover_writer *writer)
{
	const struct handover_peer_end end = {};
	struct handover_peer peer = peer_with(1);

	write_head(writer);
	handover_write_peer(writer, &peer);
	handover_write_peer_end(writer, &end);
}

static void write_password_late(struct handover_writer *writer)
{
	const struct handover_peer_end end = {};
	struct handover_peer peer = peer_with(0);

	write_head(writer);
	handover_write_peer(writer, &peer);
	handover_write_peer_end(writer, &end);
	handover_write_password(writer, 0, "late");
}

static void write_empty_password(struct handover_writer *writer)
{
	write_head(writer);
	handover_write_password(writer, 0, "");
}

static void write_two_heads(struct handover_writer *writer)
{
	write_head(writer);
	write_head(writer);
}

static void write_end_of_rib(struct handover_writer *writer)
{
	struct handover_peer peer = peer_with(0);
	uint8_t buf[BGP_MESSAGE_MAX];

	write_head(writer);
	handover_write_peer(writer, &peer);
	handover_write_routes(writer, false, buf, update_write_end_of_rib(buf, FAMILY_IPV4));
}

static void write_withdrawal(struct handover_writer *writer)
{
	const struct handover_peer_end end = {};
	struct ip_prefix prefix = prefix_of("10.244.1.0/24");
	struct handover_peer peer = peer_with(0);
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t count = 1;

	write_head(writer);
	handover_write_peer(writer, &peer);
	handover_write_routes(writer, false, buf, update_write_withdraw(buf, &prefix, &count));
	handover_write_peer_end(writer, &end);
}

static void write_output(struct handover_writer *writer, const uint8_t *output, size_t len)
{
	const struct handover_peer_end end = {};
	struct handover_peer peer = peer_with(0);

	peer.output = output;
	peer.output_len = len;
	write_head(writer);
	handover_write_peer(writer, &peer);
	handover_write_peer_end(writer, &end);
}

static void write_cut_output(struct handover_writer *writer)
{
	write_output(writer, large, sizeof(large) - 1);
}

static void write_output_from_within(struct handover_writer *writer)
{
	write_output(writer, large + 1, BGP_MESSAGE_MAX);
}

static void write_output_of_no_length(struct handover_writer *writer)
{
	uint8_t message[BGP_HEADER_LEN];

	message_write_keepalive(message);
	message[16] = message[17] = 0;
	write_output(writer, message, sizeof(message));
}

static void a_record_out_of_its_place_is_refused(void **state)
{
	static const struct {
		void (*write)(struct handover_writer *writer);
		uint32_t sessions;
	} rows[] = {
		{ write_nothing, 0 },
		{ write_peer_end_alone, 0 },
		{ write_routes_of_nobody, 0 },
		{ write_peer_without_end, 1 },
		{ write_two_heads, 0 },
		{ write_session_out_of_order, 1 },
		{ write_password_late, 1 },
		{ write_empty_password, 0 },
		{ write_end_of_rib, 1 },
		{ write_withdrawal, 1 },
		{ write_cut_output, 1 },
		{ write_output_from_within, 1 },
		{ write_output_of_no_length, 1 },
		{ write_whole, 0 },
		{ write_whole, 2 },
	};
	size_t len;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *data = file_of(rows[i].write, rows[i].sessions, &len);

		assert_int_equal(check(data, len), -EPROTO);
		free(data);
	}
}

static void a_file_of_no_peers_is_one(void **state)
{
	size_t len;
	char *data = file_of(write_head, 0, &len);

	assert_int_equal(check(data, len), 0);
	free(data);
}

static void too_much_is_not_written(void **state)
{
	struct handover_writer *writer = malloc(sizeof(*writer));
	int fd = sealed_text_begin();

	handover_begin(writer, fd);
	write_head(writer);
	writer->total = HANDOVER_OCTETS_MAX;
	handover_write_text(writer, HANDOVER_DOCUMENT, "bgp: 1\n", 7);
	assert_int_equal(handover_finish(writer, 0), -EFBIG);
	close(fd);
	free(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(a_file_with_something_behind_is_refused),
		cmocka_unit_test(bfd_that_cannot_have_been_up_is_refused),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(a_record_out_of_its_place_is_refused),
		cmocka_unit_test(a_file_of_no_peers_is_one),
		cmocka_unit_test(too_much_is_not_written),
	};

	fill_large();
	fill_large();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
