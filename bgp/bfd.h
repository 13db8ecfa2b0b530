/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_BFD_H
#define BGP_BFD_H

#include <uthash.h>

#include "bgp/bfd_machine.h"
#include "bgp/bfd_socket.h"
#include "lib/event_loop.h"

/* BFD for the sessions of one speaker (RFC 5880, 5881, 5883): bfd_*.c has the parts. */

struct bfd;
struct bfd_session;

/** The state of @session is another than @before. The session may be removed inside. */
typedef void bfd_changed_fn(struct bfd_session *session, enum bfd_state before, void *arg);

struct bfd_params {
	struct ip_addr remote;
	struct ip_addr local; /* zero: what the route to the remote one gives */
	bool is_multihop;
	unsigned int hops; /* multihop: how far away it may be (RFC 5082); 0: any distance */
	struct bfd_settings settings;
};

/* Read by its owner; changed by bfd.c alone. */
struct bfd_session {
	struct bfd *bfd;
	struct bfd_params params;
	struct bfd_machine machine;
	bfd_changed_fn *changed; /* NULL: it was removed, and only says AdminDown for a while */
	void *arg;
	int fd; /* to send from, -1: none yet */
	uint16_t port;
	struct event_timer send_timer, look_timer, linger_timer;
	uint64_t received, sent, discarded;
	enum bfd_discard last_discard; /* when some were discarded */
	uint64_t times_down;	       /* from Up */
	bool is_left;		       /* another process goes on with it */
	UT_hash_handle by_discriminator, by_remote;
};

/** bfd_new() - no session, no socket. NULL: no memory. @loop is borrowed. */
struct bfd *bfd_new(struct event_loop *loop);
/** bfd_free() - with all sessions (NULL is fine). Those that were removed and still say AdminDown
 * say it once more. */
void bfd_free(struct bfd *bfd);

/**
 * bfd_add() - a session, Down, which begins to send at once. One for a remote address: the caller
 * sees to it. NULL: no memory. Sockets that cannot be had are logged and tried again.
 */
struct bfd_session *bfd_add(struct bfd *bfd, const struct bfd_params *params,
			    bfd_changed_fn *changed, void *arg);
/** bfd_resume() - as bfd_add(), going on with the session that another process has left. */
struct bfd_session *bfd_resume(struct bfd *bfd, const struct bfd_params *params,
			       const struct bfd_remains *remains, bfd_changed_fn *changed,
			       void *arg);
/** bfd_leave() - for bfd_resume() in another process: @session is Up and bfd_remove() frees it
 * without a word. False: it is not Up. */
bool bfd_leave(struct bfd_session *session, struct bfd_remains *ret);
/** bfd_stay() - no other process goes on with what was left. */
void bfd_stay(struct bfd *bfd);
/** bfd_reconfigure() - other intervals, within the session. */
void bfd_reconfigure(struct bfd_session *session, const struct bfd_settings *settings);
/** bfd_remove() - the neighbour hears AdminDown, so that it takes it for no failure; the owner
 * hears nothing more (NULL is fine). */
void bfd_remove(struct bfd_session *session);

/** bfd_keep_up() - in the middle of long work: send what is due. Nothing is received and nobody is
 * called. Cheap when called often. */
void bfd_keep_up(struct bfd *bfd);

#endif /* BGP_BFD_H */
