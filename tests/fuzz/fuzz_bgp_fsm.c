/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bgp_fsm.c: any row of events at the state machine of a connection.
 *
 * Each octet is an event. Beside the machine goes what session.c would have then: a connection or
 * none. What must hold whatever comes, from RFC 4271 section 8: a state is entered from its
 * neighbours only; OPEN is sent when OpenSent is entered, and only then; a NOTIFICATION needs a
 * connection and a code; routes are taken in Established alone; a run that ends has no connection
 * and is in Idle; and nothing but a start leaves Idle. tests/unit/bgp/test_fsm.c has the table.
 *
 * links: bgp/fsm.c
 * covers: bgp/fsm.c
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/fsm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool has(const struct fsm_step *step, enum fsm_action action)
{
	return step->actions & (uint32_t)action;
}

static void check_transition(enum peer_state from, enum fsm_event event, enum peer_state to)
{
	require(to >= PEER_IDLE && to <= PEER_ESTABLISHED);
	if (from == PEER_IDLE && to != PEER_IDLE)
		require(event == FSM_START || event == FSM_START_PASSIVE);
	if (to == PEER_OPEN_SENT && from != to)
		require(event == FSM_TCP_UP && (from == PEER_CONNECT || from == PEER_ACTIVE));
	if (to == PEER_OPEN_CONFIRM && from != to)
		require(event == FSM_OPEN && from == PEER_OPEN_SENT);
	if (to == PEER_ESTABLISHED && from != to)
		require(event == FSM_KEEPALIVE && from == PEER_OPEN_CONFIRM);
}

static void check_actions(enum peer_state from, enum fsm_event event, const struct fsm_step *step)
{
	bool is_entered = step->next != from;

	require(has(step, ACTION_SEND_OPEN) == (is_entered && step->next == PEER_OPEN_SENT));
	require(has(step, ACTION_ESTABLISHED) == (is_entered && step->next == PEER_ESTABLISHED));
	require(has(step, ACTION_END) == (is_entered && step->next == PEER_IDLE));
	if (has(step, ACTION_PROCESS_UPDATE))
		require(from == PEER_ESTABLISHED && !is_entered && event == FSM_UPDATE);
	if (has(step, ACTION_END))
		require(has(step, ACTION_DROP_TCP) && has(step, ACTION_STOP_CONNECT_RETRY));
	if (has(step, ACTION_SEND_NOTIFICATION))
		require(has(step, ACTION_END) && (step->code != 0) == (event != FSM_MESSAGE_ERROR));
	else
		require(step->code == 0 && step->subcode == 0);
}

/* Is there a connection after the step? Nothing is sent into one that is not there. */
static bool follow_connection(bool is_up, const struct fsm_step *step, enum fsm_event event)
{
	is_up = is_up || (event == FSM_TCP_UP && has(step, ACTION_SEND_OPEN));
	if (has(step, ACTION_SEND_NOTIFICATION) || has(step, ACTION_SEND_KEEPALIVE) ||
	    has(step, ACTION_SEND_OPEN))
		require(is_up);
	if (has(step, ACTION_DROP_TCP) || event == FSM_TCP_FAILS)
		is_up = false;
	require(is_up == (step->next >= PEER_OPEN_SENT));
	return is_up;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum peer_state state = PEER_IDLE;
	bool is_up = false;

	for (size_t i = 0; i < size; i++) {
		enum fsm_event event = data[i] % FSM_EVENT_COUNT;
		struct fsm_step step = fsm_step(state, event), again = fsm_step(state, event);

		require(memcmp(&step, &again, sizeof(step)) == 0);
		check_transition(state, event, step.next);
		check_actions(state, event, &step);
		is_up = follow_connection(is_up, &step, event);
		state = step.next;
		require(fsm_state_name(state)[0] != '\0');
	}
	return 0;
}
