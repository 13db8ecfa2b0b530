/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_peer_open.c: an OPEN that does not suit.
 *
 * links: bgp/peer_open.c bgp/message.c bgp/capability.c lib/wire.c lib/ip_prefix.c
 * links: tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bgp/peer_internal.h"
#include "lib/log.h"
#include "tests/unit/bgp/hex.h"

uint16_t peer_restart_time_s(const struct peer *peer)
{
	return 120;
}

static bool may_log;
static int logged;

bool speaker_may_log_stranger(struct speaker *speaker)
{
	return may_log;
}

void log_warning(const char *format, ...)
{
	logged++;
}

void log_info(const char *format, ...)
{
}

/* RFC 5492 section 5: the data name the capabilities that make us refuse, not others. */
static void without_a_common_family_the_missed_ones_are_named(void **state)
{
#define IPV4 "01 04 0001 00 01"
#define IPV6 "01 04 0002 00 01"
	static const struct {
		bool own[FAMILY_COUNT], theirs[FAMILY_COUNT];
		const char *missed; /* NULL: it suits */
	} rows[] = {
		{ { true, false }, { false, true }, IPV4 },
		{ { false, true }, { true, false }, IPV6 },
		{ { true, true }, { false, false }, IPV4 IPV6 },
		{ { true, true }, { false, true }, NULL },
		{ { true, false }, { true, true }, NULL },
	};
	static struct speaker speaker = { .router_id = 1 };
	static struct peer peer = { .speaker = &speaker, .config = { .as = 2, .local_as = 1 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct session session;
		struct open_message theirs = { .as = 2, .router_id = 2 };
		struct bgp_error error = {};
		int err;

		for (int k = 0; k < FAMILY_COUNT; k++) {
			session.params.open_message.capabilities.family[k] = rows[i].own[k];
			theirs.capabilities.family[k] = rows[i].theirs[k];
		}
		err = peer_check_open(&peer, &session, &theirs, &error);
		assert_int_equal(err < 0, rows[i].missed != NULL);
		if (!rows[i].missed)
			continue;
		assert_int_equal(error.code, 2);
		assert_int_equal(error.subcode, 7);
		assert_true(hex_equal(rows[i].missed, error.data, error.data_len));
	}
}

/* Anybody within a range can try as often as it likes; a configured peer is worth each line. */
static void wrong_as_numbers_do_not_fill_the_log(void **state)
{
	static const struct {
		enum peer_kind kind;
		bool may_log;
		int logged;
	} rows[] = {
		{ PEER_DYNAMIC, true, 1 },
		{ PEER_DYNAMIC, false, 0 },
		{ PEER_CONFIGURED, false, 1 },
	};
	static struct speaker speaker = { .router_id = 1 };
	static struct session session;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer peer = { .speaker = &speaker,
				     .kind = rows[i].kind,
				     .config = { .as = 2, .local_as = 1 } };
		struct open_message theirs = { .as = 3, .router_id = 2 };
		struct bgp_error error = {};

		logged = 0;
		may_log = rows[i].may_log;
		assert_true(peer_check_open(&peer, &session, &theirs, &error) < 0);
		assert_int_equal(error.subcode, 2);
		assert_int_equal(logged, rows[i].logged);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_common_family_the_missed_ones_are_named),
		cmocka_unit_test(wrong_as_numbers_do_not_fill_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
