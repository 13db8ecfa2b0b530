/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_SESSION_H
#define BGP_SESSION_H

#include "bgp/fsm.h"
#include "bgp/session_output.h"
#include "bgp/tcp.h"
#include "bgp/update.h"
#include "lib/event_loop.h"

#define SESSION_READ_SIZE 65536
#define SESSION_TEXT_MAX  256

struct linger_list;
struct session;

/* How a run ended. Only END_TCP lets the peer's routes live on (RFC 4724 section 4.2). */
enum session_end_how {
	END_TCP,     /* the connection failed, or never came up */
	END_BY_PEER, /* NOTIFICATION received */
	END_BY_US,   /* NOTIFICATION sent, or given up before there was a connection */
};

struct session_end {
	enum session_end_how how;
	int tcp_error;		     /* positive errno, 0: closed by the peer */
	struct bgp_error error;	     /* the NOTIFICATION */
	char text[SESSION_TEXT_MAX]; /* the peer's shutdown text, or why we gave up; may be empty */
};

/* What the owner does; a session may be freed inside any of these. */
struct session_ops {
	/* A well-formed OPEN is in. 0, or -EPROTO with the NOTIFICATION due. */
	int (*opened)(struct session *session, const struct open_message *open_message,
		      struct bgp_error *ret_error);
	void (*changed)(struct session *session); /* the state is another */
	void (*established)(struct session *session);
	void (*update)(struct session *session, struct update *update); /* valid for the call */
	void (*refresh)(struct session *session, const struct refresh_message *message);
	/* After session_ask_drained(): nothing waits to be written any more. */
	void (*drained)(struct session *session);
	void (*ended)(struct session *session, const struct session_end *end);
};

/* What all sessions share. */
struct session_shared {
	struct event_loop *loop;
	/* Called when a handler of any session is through: time to work off what it changed. */
	void (*round_done)(void *arg);
	void *round_arg;
	unsigned int depth;	       /* handlers that run */
	struct linger_list *lingering; /* connections whose NOTIFICATION is under way; borrowed */
	struct output_pool output;     /* of all sessions */
	struct session *unsent;	       /* sessions with octets to send, see session_flush_all() */
	struct session *unacked;       /* and those whose peer waits for an acknowledgement */
	struct update update;	       /* scratch: it is large */
	uint8_t buf[BGP_MESSAGE_MAX + SESSION_READ_SIZE];
};

/* Borrowed from the owner, who outlives the session. */
struct session_params {
	struct tcp_target target;
	struct open_message open_message; /* ours */
	uint16_t send_hold_s;		  /* RFC 9687; at least twice the hold time in force */
};

/* One run of the state machine, over at most one connection at a time. */
struct session {
	struct session_shared *shared;
	const struct session_ops *ops;
	void *owner;
	struct session_params params;
	enum peer_state state;
	int fd; /* -1: none */
	bool is_connecting;
	bool is_incoming;
	struct ip_addr local;	       /* our address on the connection */
	struct open_message peer_open; /* valid once ops->opened() was called */
	struct attribute_context context;
	uint16_t hold_time_s; /* negotiated; 0: none, or not yet */
	uint64_t hold_ms;     /* in force; 0: none */
	uint64_t heard_ms;    /* when the peer was last heard */
	size_t low_water;     /* octets that wake us, see session_set_low_water(); 0: not set yet */
	uint64_t sent_ms;     /* when the socket last took octets, or the peer did */
	int untaken;	      /* octets in the socket that the peer had not taken then */
	struct event_timer connect_retry_timer, hold_timer, keepalive_timer, send_hold_timer;
	struct session_end end;
	uint8_t *partial; /* start of a message, NULL: none */
	size_t partial_len;
	struct session_output output;
	struct session *next_unsent;
	bool is_unsent;
	struct session *next_unacked;
	bool is_unacked;
	bool is_overflowed; /* the peer does not read */
	bool is_aborted;    /* its connection is to be reset */
	bool asks_drained;
	unsigned int busy; /* handlers that run on it */
	bool is_doomed;	   /* to be freed when they are done */
};

/** session_new() - in Idle; @params is copied. NULL: no memory. */
struct session *session_new(struct session_shared *shared, const struct session_params *params,
			    const struct session_ops *ops, void *owner);
/** session_free() - close the connection without a word (NULL is fine); calls nothing back. */
void session_free(struct session *session);

/* An established session of the speaker before us; all is borrowed for the call. */
struct session_remains {
	bool is_incoming;
	const struct open_message *peer_open;
	const uint8_t *partial; /* read and not whole: at most BGP_MESSAGE_MAX octets */
	size_t partial_len;
	const uint8_t *begun;  /* rest of a message of which the peer has the start */
	size_t begun_len;      /* at most BGP_MESSAGE_MAX */
	const uint8_t *output; /* not written yet: whole messages */
	size_t output_len;
};

/** session_adopt() - go on with the established session on @fd, which is taken; params.open_message
 * is what was said on it. ops is not called. 0 or -ENOMEM (@fd is closed). */
int session_adopt(struct session *session, int fd, const struct session_remains *remains);
/** session_leave() - before another process adopts it: write what the socket takes, with a
 * KEEPALIVE at last. False: it cannot be adopted. */
bool session_leave(struct session *session);
/** session_end_overflowed() - end it now instead of in the next round, if its peer does not read
 * what it is sent. True: it was so. */
bool session_end_overflowed(struct session *session);
void session_start_connect(struct session *session);
void session_start_accepted(struct session *session, int fd); /* takes @fd */
/** session_stop() - end the run with @event FSM_STOP or FSM_COLLISION_DUMP; ops->ended() follows.
 */
void session_stop(struct session *session, enum fsm_event event);
/** session_cease() - the same with FSM_STOP and @subcode of Cease (RFC 4486). @text for the peer's
 * people goes along with a shutdown or reset (RFC 9003), cut to 128 octets; NULL or "": none. */
void session_cease(struct session *session, uint8_t subcode, const char *text);
/** session_close() - the same with FSM_STOP and @error. */
void session_close(struct session *session, const struct bgp_error *error);
/** session_drop() - close the connection without a NOTIFICATION, as if it had broken, so that a
 * peer with graceful restart keeps our routes; ops->ended() follows and says @why. */
void session_drop(struct session *session, const char *why);

/** session_send() - queue one whole message, borrowed; sent by session_flush_all(). */
void session_send(struct session *session, const uint8_t *data, size_t len);
/** session_has_output() - does anything wait to be written? */
bool session_has_output(const struct session *session);
/** session_ask_drained() - have ops->drained() called once when nothing does. */
void session_ask_drained(struct session *session);
void session_flush_all(struct session_shared *shared);

#endif /* BGP_SESSION_H */
