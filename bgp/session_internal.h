/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_SESSION_INTERNAL_H
#define BGP_SESSION_INTERNAL_H

#include "bgp/session.h"

/* Between session.c and session_read.c. */

/* --- session.c --- */

/** session_run() - give @event to the state machine and do what it says; @error is the NOTIFICATION
 * where the event has one. */
void session_run(struct session *session, enum fsm_event event, const struct bgp_error *error);
/** session_tcp_failed() - the connection has; @error is a positive errno, 0: closed by the peer. */
void session_tcp_failed(struct session *session, int error);

/* --- session_read.c --- */

/** session_read() - once what is there, into messages. */
void session_read(struct session *session);
/** session_read_unwoken() - what came and did not wake us. False: the run has ended. */
bool session_read_unwoken(struct session *session);
/** session_set_low_water() - how much wakes us from now on; after a change of state too. */
void session_set_low_water(struct session *session);
/** session_keep_partial() - the start of a message, for the next round. False: no memory. */
bool session_keep_partial(struct session *session, const uint8_t *data, size_t len);
/** session_negotiate() - what both OPENs lead to. */
void session_negotiate(struct session *session);

#endif /* BGP_SESSION_INTERNAL_H */
