/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_FSM_H
#define BGP_FSM_H

#include <stdint.h>

#include "agent_protocol.h"

/* What happens to one connection; the numbers in brackets are RFC 4271 section 8.1's. */
enum fsm_event {
	FSM_START,		   /* ManualStart, AutomaticStart: connect out (1, 3) */
	FSM_START_PASSIVE,	   /* the same, wait for the peer to connect (4, 5) */
	FSM_STOP,		   /* ManualStop, AutomaticStop: Cease (2, 8) */
	FSM_CONNECT_RETRY_EXPIRES, /* (9) */
	FSM_HOLD_EXPIRES,	   /* (10) */
	FSM_KEEPALIVE_EXPIRES,	   /* (11) */
	FSM_TCP_UP,		   /* Tcp_CR_Acked, TcpConnectionConfirmed (16, 17) */
	FSM_TCP_FAILS,		   /* (18) */
	FSM_OPEN,		   /* a valid OPEN (19) */
	FSM_MESSAGE_ERROR,	   /* BGPHeaderErr, BGPOpenMsgErr, UpdateMsgErr (21, 22, 28) */
	FSM_COLLISION_DUMP,	   /* OpenCollisionDump (23) */
	FSM_NOTIFICATION,	   /* NotifMsgVerErr, NotifMsg (24, 25) */
	FSM_KEEPALIVE,		   /* (26) */
	FSM_UPDATE,		   /* (27); ROUTE-REFRESH is treated alike (RFC 2918) */
	FSM_SEND_HOLD_EXPIRES,	   /* (29, RFC 9687) */
	FSM_EVENT_COUNT,
};

/* What session.c does about it, in the order of the bits. */
enum fsm_action {
	ACTION_SEND_NOTIFICATION = 1 << 0, /* the one at hand, else the step's own code */
	ACTION_DROP_TCP = 1 << 1,
	ACTION_STOP_CONNECT_RETRY = 1 << 2,
	ACTION_START_CONNECT_RETRY = 1 << 3,
	ACTION_CONNECT = 1 << 4,
	ACTION_SEND_OPEN = 1 << 5,
	ACTION_HOLD_LARGE = 1 << 6,	 /* 4 minutes, until OPEN is in */
	ACTION_HOLD_NEGOTIATED = 1 << 7, /* (re)start with the negotiated time, 0: none */
	ACTION_SEND_KEEPALIVE = 1 << 8,	 /* and restart the keepalive timer */
	ACTION_ESTABLISHED = 1 << 9,	 /* routes may flow */
	ACTION_PROCESS_UPDATE = 1 << 10,
	ACTION_END = 1 << 11, /* the run is over: tell the owner */
};

struct fsm_step {
	enum peer_state next;
	uint32_t actions;
	uint8_t code, subcode; /* of ACTION_SEND_NOTIFICATION when no other error is at hand */
};

/**
 * fsm_step() - what a connection in @state does on @event (RFC 4271 section 8.2.2). Pure. Options
 * of the RFC that are in force: no DelayOpen, no CollisionDetectEstablishedState here (peer.c
 * decides), NOTIFICATION may be sent before OPEN.
 */
struct fsm_step fsm_step(enum peer_state state, enum fsm_event event);

const char *fsm_state_name(enum peer_state state);

#endif /* BGP_FSM_H */
