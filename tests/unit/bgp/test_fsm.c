/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fsm.c: the state machine against RFC 4271 section 8.2.2 and RFC 9687, every state and event.
 *
 * The expected next states, NOTIFICATIONs and actions are read from the RFC's text (RFC 6608 for
 * the subcodes of FSM errors), with the options that fsm.h names.
 *
 * links: bgp/fsm.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bgp/fsm.h"

/* What the RFC says a step does, in one letter each. */
#define LETTERS "NDrRCOLHKEUX"

static const struct {
	enum peer_state state;
	enum fsm_event event;
	enum peer_state next;
	const char *actions; /* see action_letters() */
	uint8_t code, subcode;
} rows[] = {
	/* Idle refuses all but a start */
	{ PEER_IDLE, FSM_START, PEER_CONNECT, "RC", 0, 0 },
	{ PEER_IDLE, FSM_START_PASSIVE, PEER_ACTIVE, "", 0, 0 },
	{ PEER_IDLE, FSM_STOP, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_CONNECT_RETRY_EXPIRES, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_HOLD_EXPIRES, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_KEEPALIVE_EXPIRES, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_TCP_UP, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_TCP_FAILS, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_OPEN, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_MESSAGE_ERROR, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_COLLISION_DUMP, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_NOTIFICATION, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_KEEPALIVE, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_UPDATE, PEER_IDLE, "", 0, 0 },
	{ PEER_IDLE, FSM_SEND_HOLD_EXPIRES, PEER_IDLE, "", 0, 0 },
	/* Connect: "the start events are ignored" */
	{ PEER_CONNECT, FSM_START, PEER_CONNECT, "", 0, 0 },
	{ PEER_CONNECT, FSM_STOP, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_CONNECT_RETRY_EXPIRES, PEER_CONNECT, "DRC", 0, 0 },
	{ PEER_CONNECT, FSM_HOLD_EXPIRES, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_KEEPALIVE_EXPIRES, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_TCP_UP, PEER_OPEN_SENT, "rOL", 0, 0 },
	{ PEER_CONNECT, FSM_TCP_FAILS, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_OPEN, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_MESSAGE_ERROR, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_COLLISION_DUMP, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_NOTIFICATION, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_KEEPALIVE, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_UPDATE, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_CONNECT, FSM_SEND_HOLD_EXPIRES, PEER_IDLE, "DrX", 0, 0 },
	/* Active */
	{ PEER_ACTIVE, FSM_START, PEER_ACTIVE, "", 0, 0 },
	{ PEER_ACTIVE, FSM_START_PASSIVE, PEER_ACTIVE, "", 0, 0 },
	{ PEER_ACTIVE, FSM_STOP, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_CONNECT_RETRY_EXPIRES, PEER_CONNECT, "RC", 0, 0 },
	{ PEER_ACTIVE, FSM_HOLD_EXPIRES, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_KEEPALIVE_EXPIRES, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_TCP_UP, PEER_OPEN_SENT, "rOL", 0, 0 },
	{ PEER_ACTIVE, FSM_TCP_FAILS, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_OPEN, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_MESSAGE_ERROR, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_COLLISION_DUMP, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_NOTIFICATION, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_KEEPALIVE, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_UPDATE, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ACTIVE, FSM_SEND_HOLD_EXPIRES, PEER_IDLE, "DrX", 0, 0 },
	/* OpenSent */
	{ PEER_OPEN_SENT, FSM_START, PEER_OPEN_SENT, "", 0, 0 },
	{ PEER_OPEN_SENT, FSM_STOP, PEER_IDLE, "NDrX", 6, 2 },
	{ PEER_OPEN_SENT, FSM_CONNECT_RETRY_EXPIRES, PEER_IDLE, "NDrX", 5, 1 },
	{ PEER_OPEN_SENT, FSM_HOLD_EXPIRES, PEER_IDLE, "NDrX", 4, 0 },
	{ PEER_OPEN_SENT, FSM_KEEPALIVE_EXPIRES, PEER_IDLE, "NDrX", 5, 1 },
	{ PEER_OPEN_SENT, FSM_TCP_FAILS, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_OPEN_SENT, FSM_OPEN, PEER_OPEN_CONFIRM, "HK", 0, 0 },
	{ PEER_OPEN_SENT, FSM_MESSAGE_ERROR, PEER_IDLE, "NDrX", 0, 0 },
	{ PEER_OPEN_SENT, FSM_COLLISION_DUMP, PEER_IDLE, "NDrX", 6, 7 },
	{ PEER_OPEN_SENT, FSM_NOTIFICATION, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_OPEN_SENT, FSM_KEEPALIVE, PEER_IDLE, "NDrX", 5, 1 },
	{ PEER_OPEN_SENT, FSM_UPDATE, PEER_IDLE, "NDrX", 5, 1 },
	{ PEER_OPEN_SENT, FSM_SEND_HOLD_EXPIRES, PEER_IDLE, "NDrX", 5, 1 },
	/* OpenConfirm */
	{ PEER_OPEN_CONFIRM, FSM_START, PEER_OPEN_CONFIRM, "", 0, 0 },
	{ PEER_OPEN_CONFIRM, FSM_STOP, PEER_IDLE, "NDrX", 6, 2 },
	{ PEER_OPEN_CONFIRM, FSM_CONNECT_RETRY_EXPIRES, PEER_IDLE, "NDrX", 5, 2 },
	{ PEER_OPEN_CONFIRM, FSM_HOLD_EXPIRES, PEER_IDLE, "NDrX", 4, 0 },
	{ PEER_OPEN_CONFIRM, FSM_KEEPALIVE_EXPIRES, PEER_OPEN_CONFIRM, "K", 0, 0 },
	{ PEER_OPEN_CONFIRM, FSM_TCP_FAILS, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_OPEN_CONFIRM, FSM_OPEN, PEER_IDLE, "NDrX", 5, 2 },
	{ PEER_OPEN_CONFIRM, FSM_MESSAGE_ERROR, PEER_IDLE, "NDrX", 0, 0 },
	{ PEER_OPEN_CONFIRM, FSM_COLLISION_DUMP, PEER_IDLE, "NDrX", 6, 7 },
	{ PEER_OPEN_CONFIRM, FSM_NOTIFICATION, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_OPEN_CONFIRM, FSM_KEEPALIVE, PEER_ESTABLISHED, "HE", 0, 0 },
	{ PEER_OPEN_CONFIRM, FSM_UPDATE, PEER_IDLE, "NDrX", 5, 2 },
	{ PEER_OPEN_CONFIRM, FSM_SEND_HOLD_EXPIRES, PEER_IDLE, "NDrX", 5, 2 },
	/* Established */
	{ PEER_ESTABLISHED, FSM_START, PEER_ESTABLISHED, "", 0, 0 },
	{ PEER_ESTABLISHED, FSM_STOP, PEER_IDLE, "NDrX", 6, 2 },
	{ PEER_ESTABLISHED, FSM_CONNECT_RETRY_EXPIRES, PEER_IDLE, "NDrX", 5, 3 },
	{ PEER_ESTABLISHED, FSM_HOLD_EXPIRES, PEER_IDLE, "NDrX", 4, 0 },
	{ PEER_ESTABLISHED, FSM_KEEPALIVE_EXPIRES, PEER_ESTABLISHED, "K", 0, 0 },
	{ PEER_ESTABLISHED, FSM_TCP_UP, PEER_IDLE, "NDrX", 5, 3 },
	{ PEER_ESTABLISHED, FSM_TCP_FAILS, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ESTABLISHED, FSM_OPEN, PEER_IDLE, "NDrX", 5, 3 },
	{ PEER_ESTABLISHED, FSM_MESSAGE_ERROR, PEER_IDLE, "NDrX", 0, 0 },
	{ PEER_ESTABLISHED, FSM_COLLISION_DUMP, PEER_IDLE, "NDrX", 6, 7 },
	{ PEER_ESTABLISHED, FSM_NOTIFICATION, PEER_IDLE, "DrX", 0, 0 },
	{ PEER_ESTABLISHED, FSM_KEEPALIVE, PEER_ESTABLISHED, "H", 0, 0 },
	{ PEER_ESTABLISHED, FSM_UPDATE, PEER_ESTABLISHED, "HU", 0, 0 },
	{ PEER_ESTABLISHED, FSM_SEND_HOLD_EXPIRES, PEER_IDLE, "NDrX", 8, 0 },
};

/*
 * N NOTIFICATION, D drop TCP, r/R stop/start ConnectRetryTimer, C connect, O OPEN, L large hold
 * time, H negotiated hold time, K KEEPALIVE, E established, U process UPDATE, X the run ends
 */
static const char *action_letters(uint32_t actions, char *buf)
{
	size_t len = 0;

	for (unsigned int i = 0; LETTERS[i]; i++)
		if (actions & 1u << i)
			buf[len++] = LETTERS[i];
	buf[len] = '\0';
	return buf;
}

/* "DRC": the letters in the order of the bits, as action_letters() gives them. */
static void order_letters(const char *letters, char *buf)
{
	size_t len = 0;

	for (unsigned int i = 0; LETTERS[i]; i++)
		for (const char *at = letters; *at; at++)
			if (*at == LETTERS[i])
				buf[len++] = *at;
	buf[len] = '\0';
}

static void each_event_in_each_state_does_what_the_rfc_says(void **state)
{
	char got[16], expected[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fsm_step step = fsm_step(rows[i].state, rows[i].event);

		action_letters(step.actions, got);
		order_letters(rows[i].actions, expected);
		if (step.next != rows[i].next || step.code != rows[i].code ||
		    step.subcode != rows[i].subcode)
			print_error("%s, event %d\n", fsm_state_name(rows[i].state), rows[i].event);
		assert_int_equal(step.next, rows[i].next);
		assert_string_equal(got, expected);
		assert_int_equal(step.code, rows[i].code);
		assert_int_equal(step.subcode, rows[i].subcode);
	}
}

static void an_end_always_drops_the_connection_and_goes_to_idle(void **state)
{
	for (enum peer_state from = PEER_IDLE; from <= PEER_ESTABLISHED; from++)
		for (int event = 0; event < FSM_EVENT_COUNT; event++) {
			struct fsm_step step = fsm_step(from, event);

			if (!(step.actions & ACTION_END))
				continue;
			assert_int_equal(step.next, PEER_IDLE);
			assert_true(step.actions & ACTION_DROP_TCP);
		}
}

static void states_have_their_names_of_the_rfc(void **state)
{
	assert_string_equal(fsm_state_name(PEER_OPEN_CONFIRM), "OpenConfirm");
	assert_string_equal(fsm_state_name(99), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_in_each_state_does_what_the_rfc_says),
		cmocka_unit_test(an_end_always_drops_the_connection_and_goes_to_idle),
		cmocka_unit_test(states_have_their_names_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
