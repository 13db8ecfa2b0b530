/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsm.c: the finite state machine of one connection (RFC 4271 section 8.2.2), as a table.
 *
 * One row for each (state, event) that the RFC treats by itself; whatever has no row is an error of
 * the state it comes in: the run ends, with the NOTIFICATION of RFC 6608 when a connection is open.
 * session.c turns events of sockets and timers into fsm_event, carries out the actions, and holds
 * everything that is not a state. Which of two connections to one peer survives (section 6.8) is
 * peer.c's to find out; here it is the event FSM_COLLISION_DUMP.
 *
 * A run begins in Idle and ends in Idle. Waiting before the next run (IdleHoldTimer) is peer.c's.
 * Pure.
 */
#include "bgp/fsm.h"

#include <stddef.h>

#include "bgp/message.h"

#define OPENED		(ACTION_STOP_CONNECT_RETRY | ACTION_SEND_OPEN | ACTION_HOLD_LARGE)
#define FAILED		(ACTION_DROP_TCP | ACTION_STOP_CONNECT_RETRY | ACTION_END)
#define NOTIFIED	(ACTION_SEND_NOTIFICATION | FAILED)
#define CEASE		ERROR_CEASE, CEASE_SHUTDOWN
#define COLLISION	ERROR_CEASE, CEASE_COLLISION
#define HOLD_TIMER	ERROR_HOLD_TIMER, 0
#define SEND_HOLD_TIMER ERROR_SEND_HOLD_TIMER, 0
#define NO_CODE		0, 0 /* the error at hand, or no NOTIFICATION */

struct fsm_row {
	enum peer_state state;
	enum fsm_event event;
	enum peer_state next;
	uint32_t actions;
	uint8_t code, subcode;
};

static const struct fsm_row fsm_rows[] = {
	{ PEER_IDLE, FSM_START, PEER_CONNECT, ACTION_START_CONNECT_RETRY | ACTION_CONNECT,
	  NO_CODE },
	{ PEER_IDLE, FSM_START_PASSIVE, PEER_ACTIVE, 0, NO_CODE },

	{ PEER_CONNECT, FSM_START, PEER_CONNECT, 0, NO_CODE },
	{ PEER_CONNECT, FSM_STOP, PEER_IDLE, FAILED, NO_CODE },
	{ PEER_CONNECT, FSM_COLLISION_DUMP, PEER_IDLE, FAILED, NO_CODE },
	{ PEER_CONNECT, FSM_CONNECT_RETRY_EXPIRES, PEER_CONNECT,
	  ACTION_DROP_TCP | ACTION_START_CONNECT_RETRY | ACTION_CONNECT, NO_CODE },
	{ PEER_CONNECT, FSM_TCP_UP, PEER_OPEN_SENT, OPENED, NO_CODE },
	{ PEER_CONNECT, FSM_TCP_FAILS, PEER_IDLE, FAILED, NO_CODE },

	{ PEER_ACTIVE, FSM_START, PEER_ACTIVE, 0, NO_CODE },
	{ PEER_ACTIVE, FSM_START_PASSIVE, PEER_ACTIVE, 0, NO_CODE },
	{ PEER_ACTIVE, FSM_STOP, PEER_IDLE, FAILED, NO_CODE },
	{ PEER_ACTIVE, FSM_COLLISION_DUMP, PEER_IDLE, FAILED, NO_CODE },
	{ PEER_ACTIVE, FSM_CONNECT_RETRY_EXPIRES, PEER_CONNECT,
	  ACTION_START_CONNECT_RETRY | ACTION_CONNECT, NO_CODE },
	{ PEER_ACTIVE, FSM_TCP_UP, PEER_OPEN_SENT, OPENED, NO_CODE },
	{ PEER_ACTIVE, FSM_TCP_FAILS, PEER_IDLE, FAILED, NO_CODE },

	{ PEER_OPEN_SENT, FSM_START, PEER_OPEN_SENT, 0, NO_CODE },
	{ PEER_OPEN_SENT, FSM_STOP, PEER_IDLE, NOTIFIED, CEASE },
	{ PEER_OPEN_SENT, FSM_HOLD_EXPIRES, PEER_IDLE, NOTIFIED, HOLD_TIMER },
	{ PEER_OPEN_SENT, FSM_TCP_FAILS, PEER_IDLE, FAILED, NO_CODE },
	{ PEER_OPEN_SENT, FSM_OPEN, PEER_OPEN_CONFIRM,
	  ACTION_SEND_KEEPALIVE | ACTION_HOLD_NEGOTIATED, NO_CODE },
	{ PEER_OPEN_SENT, FSM_MESSAGE_ERROR, PEER_IDLE, NOTIFIED, NO_CODE },
	{ PEER_OPEN_SENT, FSM_COLLISION_DUMP, PEER_IDLE, NOTIFIED, COLLISION },
	{ PEER_OPEN_SENT, FSM_NOTIFICATION, PEER_IDLE, FAILED, NO_CODE },

	{ PEER_OPEN_CONFIRM, FSM_START, PEER_OPEN_CONFIRM, 0, NO_CODE },
	{ PEER_OPEN_CONFIRM, FSM_STOP, PEER_IDLE, NOTIFIED, CEASE },
	{ PEER_OPEN_CONFIRM, FSM_HOLD_EXPIRES, PEER_IDLE, NOTIFIED, HOLD_TIMER },
	{ PEER_OPEN_CONFIRM, FSM_KEEPALIVE_EXPIRES, PEER_OPEN_CONFIRM, ACTION_SEND_KEEPALIVE,
	  NO_CODE },
	{ PEER_OPEN_CONFIRM, FSM_TCP_FAILS, PEER_IDLE, FAILED, NO_CODE },
	{ PEER_OPEN_CONFIRM, FSM_MESSAGE_ERROR, PEER_IDLE, NOTIFIED, NO_CODE },
	{ PEER_OPEN_CONFIRM, FSM_COLLISION_DUMP, PEER_IDLE, NOTIFIED, COLLISION },
	{ PEER_OPEN_CONFIRM, FSM_NOTIFICATION, PEER_IDLE, FAILED, NO_CODE },
	{ PEER_OPEN_CONFIRM, FSM_KEEPALIVE, PEER_ESTABLISHED,
	  ACTION_HOLD_NEGOTIATED | ACTION_ESTABLISHED, NO_CODE },

	{ PEER_ESTABLISHED, FSM_START, PEER_ESTABLISHED, 0, NO_CODE },
	{ PEER_ESTABLISHED, FSM_STOP, PEER_IDLE, NOTIFIED, CEASE },
	{ PEER_ESTABLISHED, FSM_HOLD_EXPIRES, PEER_IDLE, NOTIFIED, HOLD_TIMER },
	{ PEER_ESTABLISHED, FSM_SEND_HOLD_EXPIRES, PEER_IDLE, NOTIFIED, SEND_HOLD_TIMER },
	{ PEER_ESTABLISHED, FSM_KEEPALIVE_EXPIRES, PEER_ESTABLISHED, ACTION_SEND_KEEPALIVE,
	  NO_CODE },
	{ PEER_ESTABLISHED, FSM_TCP_FAILS, PEER_IDLE, FAILED, NO_CODE },
	{ PEER_ESTABLISHED, FSM_MESSAGE_ERROR, PEER_IDLE, NOTIFIED, NO_CODE },
	{ PEER_ESTABLISHED, FSM_COLLISION_DUMP, PEER_IDLE, NOTIFIED, COLLISION },
	{ PEER_ESTABLISHED, FSM_NOTIFICATION, PEER_IDLE, FAILED, NO_CODE },
	{ PEER_ESTABLISHED, FSM_KEEPALIVE, PEER_ESTABLISHED, ACTION_HOLD_NEGOTIATED, NO_CODE },
	{ PEER_ESTABLISHED, FSM_UPDATE, PEER_ESTABLISHED,
	  ACTION_HOLD_NEGOTIATED | ACTION_PROCESS_UPDATE, NO_CODE },
};

/* "Any other event": ends the run; Idle ignores it. */
static struct fsm_step step_otherwise(enum peer_state state)
{
	switch (state) {
	case PEER_OPEN_SENT:
		return (struct fsm_step){ PEER_IDLE, NOTIFIED, ERROR_FSM, FSM_IN_OPEN_SENT };
	case PEER_OPEN_CONFIRM:
		return (struct fsm_step){ PEER_IDLE, NOTIFIED, ERROR_FSM, FSM_IN_OPEN_CONFIRM };
	case PEER_ESTABLISHED:
		return (struct fsm_step){ PEER_IDLE, NOTIFIED, ERROR_FSM, FSM_IN_ESTABLISHED };
	case PEER_CONNECT:
	case PEER_ACTIVE:
		return (struct fsm_step){ PEER_IDLE, FAILED, NO_CODE };
	default:
		return (struct fsm_step){ PEER_IDLE, 0, NO_CODE };
	}
}

struct fsm_step fsm_step(enum peer_state state, enum fsm_event event)
{
	for (size_t i = 0; i < sizeof(fsm_rows) / sizeof(fsm_rows[0]); i++) {
		const struct fsm_row *row = &fsm_rows[i];

		if (row->state == state && row->event == event)
			return (struct fsm_step){ row->next, row->actions, row->code,
						  row->subcode };
	}
	return step_otherwise(state);
}

const char *fsm_state_name(enum peer_state state)
{
	static const char *const names[] = { "Unknown",	 "Idle",	"Connect",    "Active",
					     "OpenSent", "OpenConfirm", "Established" };

	return names[state >= PEER_IDLE && state <= PEER_ESTABLISHED ? state : 0];
}
