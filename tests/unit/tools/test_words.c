/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of words.c: numbers of the agent's messages as words.
 *
 * links: tools/tortie/words.c
 */
#include "tools/tortie/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent_protocol.h"
#include "dataplane_abi.h"

static void durations_have_two_units_at_most(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "0s" },	     { 59, "59s" },	 { 60, "1m00s" },
		{ 133, "2m13s" },    { 3599, "59m59s" }, { 3600, "1h00m" },
		{ 86399, "23h59m" }, { 86400, "1d00h" }, { 356400, "4d03h" },
	};
	char buf[WORDS_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(words_duration(rows[i].seconds, buf, sizeof(buf)),
				    rows[i].text);
}

static void octets_have_binary_units(void **state)
{
	char buf[WORDS_MAX];

	assert_string_equal(words_octets(512, buf, sizeof(buf)), "512 B");
	assert_string_equal(words_octets(1536, buf, sizeof(buf)), "1.5 KiB");
	assert_string_equal(words_octets(2 * 1024 * 1024, buf, sizeof(buf)), "2.0 MiB");
	assert_string_equal(words_octets(UINT64_MAX, buf, sizeof(buf)), "16777216.0 TiB");
}

/* RFC 3339 section 5.8, second example (in UTC), and the epoch. */
static void times_are_rfc3339_in_utc(void **state)
{
	char buf[WORDS_MAX];

	assert_string_equal(words_time(851042397, buf, sizeof(buf)), "1996-12-20T00:39:57Z");
	assert_string_equal(words_time(0, buf, sizeof(buf)), "1970-01-01T00:00:00Z");
}

static void unknown_numbers_have_a_word_too(void **state)
{
	assert_string_equal(words_peer_state(0), "unknown");
	assert_string_equal(words_peer_state(7), "unknown");
	assert_string_equal(words_peer_kind(UINT32_MAX), "unknown");
	assert_string_equal(words_route_source(5), "unknown");
	assert_string_equal(words_route_state(0), "unknown");
	assert_string_equal(words_hook(HOOK_TO_NETWORK + 1), "unknown");
	assert_string_equal(words_drop_name(DROP_NONE), "unknown");
	assert_string_equal(words_drop_text(DROP_REASON_COUNT), "unknown");
	assert_string_equal(words_step_name(EXPLAIN_STEP_COUNT), "unknown");
}

static void each_drop_reason_and_step_has_a_name_and_a_text(void **state)
{
	for (uint32_t i = 1; i < DROP_REASON_COUNT; i++) {
		assert_string_not_equal(words_drop_name(i), "unknown");
		assert_string_not_equal(words_drop_text(i), "unknown");
	}
	for (uint32_t i = 1; i < EXPLAIN_STEP_COUNT; i++) {
		assert_string_not_equal(words_step_name(i), "unknown");
		assert_string_not_equal(words_step_text(i), "unknown");
	}
	assert_string_equal(words_drop_name(DROP_SOURCE_MAC), "SOURCE_MAC");
	assert_string_equal(words_step_name(EXPLAIN_TO_PEER), "TO_PEER");
}

/* RFC 4271 section 8.2.2 names the states; calicoctl the peer types. */
static void sessions_are_called_as_people_know_them(void **state)
{
	assert_string_equal(words_peer_state(PEER_OPEN_CONFIRM), "OpenConfirm");
	assert_string_equal(words_peer_state(PEER_ESTABLISHED), "Established");
	assert_string_equal(words_peer_kind(PEER_NODE_MESH), "node-to-node mesh");
	assert_string_equal(words_peer_kind(PEER_CONFIGURED), "global");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_two_units_at_most),
		cmocka_unit_test(octets_have_binary_units),
		cmocka_unit_test(times_are_rfc3339_in_utc),
		cmocka_unit_test(unknown_numbers_have_a_word_too),
		cmocka_unit_test(each_drop_reason_and_step_has_a_name_and_a_text),
		cmocka_unit_test(sessions_are_called_as_people_know_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
