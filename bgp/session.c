/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c: one connection to a peer: its socket, its timers, its stream of messages.
 *
 * A struct session is one run of the state machine from Idle to Idle. Sockets and timers become
 * events; fsm.c says what an event means; carry_out() does it. What comes is read by
 * session_read.c.
 *
 * Sending appends to the session's output (session_output.c), which is written at the end of the
 * round, many messages to a system call. The output is bounded: who does not read is dropped when
 * it is full, or when nothing of it could be written for the send hold time (RFC 9687). Then the
 * connection is reset, for the kernel would go on trying to deliver what it has taken. Any other
 * session that ends with a NOTIFICATION leaves its connection to linger.c, so that it arrives.
 *
 * Callbacks may free the session: every handler holds it (busy) and frees it on the way out. The
 * hold timer is not set anew for each message: it looks at heard_ms when it fires. A KEEPALIVE
 * alone does not wake us either: it is read when our own is due, at a slot of the clock that all
 * sessions share (timer_slot.c), so hundreds of idle sessions cost the rounds of one timer.
 *
 * RFC 4271 sections 4.2, 4.4, 8, 10; 9687.
 */
#include "bgp/session.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utlist.h>

#include "bgp/linger.h"
#include "bgp/session_internal.h"
#include "bgp/timer_slot.h"

#define CONNECT_RETRY_MS 10000
#define HOLD_LARGE_MS	 240000 /* RFC 4271 section 8.2.2: 4 minutes suggested */
#define HOLD_GRACE_MS	 1000	/* when octets of the peer wait unread at expiry */
#define SEND_HOLD_LOOKS	 4	/* while it runs */

static void enter(struct session *session)
{
	session->busy++;
	session->shared->depth++;
}

static void leave(struct session *session)
{
	struct session_shared *shared = session->shared;

	if (--session->busy == 0 && session->is_doomed)
		free(session);
	if (--shared->depth == 0)
		shared->round_done(shared->round_arg);
}

static void unlink_unsent(struct session *session)
{
	if (session->is_unsent)
		LL_DELETE2(session->shared->unsent, session, next_unsent);
	session->is_unsent = false;
}

static void unlink_unacked(struct session *session)
{
	if (session->is_unacked)
		LL_DELETE2(session->shared->unacked, session, next_unacked);
	session->is_unacked = false;
}

/* The connection is somebody else's, or nobody's. */
static void let_go(struct session *session)
{
	session->fd = -1;
	session->is_connecting = false;
	unlink_unsent(session);
	unlink_unacked(session);
	session_output_clear(&session->output);
	free(session->partial);
	session->partial = NULL;
	session->partial_len = 0;
}

static void close_connection(struct session *session)
{
	if (session->fd >= 0) {
		event_loop_remove_fd(session->shared->loop, session->fd);
		close(session->fd);
	}
	let_go(session);
}

/* What could not be written yet is the rest of one message and the NOTIFICATION. */
static void close_lingering(struct session *session)
{
	const struct session_output *output = &session->output;
	int fd = session->fd;

	event_loop_remove_fd(session->shared->loop, fd);
	linger_begin(session->shared->lingering, fd,
		     output->len ? output->data + output->head : NULL, output->len);
	let_go(session);
}

static void cancel_timers(struct session *session)
{
	event_timer_cancel(session->shared->loop, &session->connect_retry_timer);
	event_timer_cancel(session->shared->loop, &session->hold_timer);
	event_timer_cancel(session->shared->loop, &session->keepalive_timer);
	event_timer_cancel(session->shared->loop, &session->send_hold_timer);
}

void session_free(struct session *session)
{
	if (!session)
		return;
	cancel_timers(session);
	close_connection(session);
	session->is_doomed = true;
	if (session->busy == 0)
		free(session);
}

/* --- output --- */

/* Not here: the caller walks lists that ending the session would change. */
static void end_overflowed_soon(struct session *session)
{
	session->is_overflowed = true;
	event_timer_set(session->shared->loop, &session->hold_timer, 0);
}

static struct session *of_output(struct session_output *output)
{
	return (struct session *)((char *)output - offsetof(struct session, output));
}

/* All peers together may have no more waiting: the one that reads least pays. 0 or -errno. */
static int append_in_bounds(struct session *session, const uint8_t *data, size_t len)
{
	struct output_pool *pool = &session->shared->output;
	int err;

	while ((err = session_output_append(&session->output, data, len)) == -ENOSPC) {
		struct session *largest = of_output(session_output_largest(pool));

		if (largest == session || largest->is_overflowed)
			break;
		session_output_cut(&largest->output);
		end_overflowed_soon(largest);
	}
	return err;
}

void session_send(struct session *session, const uint8_t *data, size_t len)
{
	if (session->fd < 0 || session->is_overflowed)
		return;
	if (append_in_bounds(session, data, len) < 0) {
		session_output_cut(&session->output);
		end_overflowed_soon(session);
		return;
	}
	if (session->is_unsent)
		return;
	session->is_unsent = true;
	LL_PREPEND2(session->shared->unsent, session, next_unsent);
}

/* RFC 9687 section 3.2: the timer runs while a session is established and has a hold time. */
static uint64_t send_hold_ms(const struct session *session)
{
	unsigned int least_s = 2u * session->hold_time_s;

	if (session->state != PEER_ESTABLISHED || session->hold_time_s == 0)
		return 0;
	return 1000ull *
	       (session->params.send_hold_s > least_s ? session->params.send_hold_s : least_s);
}

/* The kernel says that there is room only when much of it is free: look what the peer took. */
static void note_progress(struct session *session)
{
	int untaken = 0;

	if (ioctl(session->fd, SIOCOUTQ, &untaken) == 0 && untaken < session->untaken)
		session->sent_ms = event_loop_now_ms();
	session->untaken = untaken;
}

/* The socket takes no more for now. */
static void wait_for_room(struct session *session)
{
	uint64_t hold_ms = send_hold_ms(session);

	event_loop_modify_fd(session->shared->loop, session->fd, EPOLLIN | EPOLLOUT);
	if (hold_ms == 0 || event_timer_is_armed(&session->send_hold_timer))
		return;
	note_progress(session);
	event_timer_set(session->shared->loop, &session->send_hold_timer,
			hold_ms / SEND_HOLD_LOOKS);
}

/* Write what the socket takes. A failure shows as an event of the socket. */
static void write_output(struct session *session)
{
	if (session_output_write(&session->output, session->fd))
		session->sent_ms = event_loop_now_ms();
	if (session->output.len > 0)
		wait_for_room(session);
	else
		session_output_clear(&session->output); /* of hundreds it would be megabytes */
}

bool session_has_output(const struct session *session)
{
	return session->output.len > 0;
}

void session_ask_drained(struct session *session)
{
	session->asks_drained = true;
}

static void write_and_tell(struct session *session)
{
	write_output(session);
	if (session->output.len > 0 || !session->asks_drained)
		return;
	session->asks_drained = false;
	session->ops->drained(session);
}

void session_flush_all(struct session_shared *shared)
{
	struct session *session;

	while ((session = shared->unsent)) {
		unlink_unsent(session);
		write_and_tell(session);
	}
	while ((session = shared->unacked)) {
		unlink_unacked(session);
		tcp_send_ack(session->fd);
	}
}

/* --- actions --- */

static uint64_t jittered(uint64_t ms)
{
	return ms - (uint64_t)random() % (ms / 4 + 1); /* RFC 4271 section 10: 0.75 to 1.0 */
}

static void send_notification(struct session *session, const struct fsm_step *step,
			      const struct bgp_error *error)
{
	uint8_t buf[BGP_MESSAGE_MAX];

	session->end.how = END_BY_US;
	if (error)
		session->end.error = *error;
	else
		message_error_set(&session->end.error, step->code, step->subcode, NULL, 0);
	/* What the peer has not begun to receive would mean nothing to it any more. */
	session_output_cut(&session->output);
	session->is_overflowed = false;
	session_send(session, buf, message_write_notification(buf, &session->end.error));
	if (session->fd >= 0)
		write_output(session);
}

static void send_open(struct session *session)
{
	uint8_t buf[BGP_MESSAGE_MAX];

	session_send(session, buf, message_write_open(buf, &session->params.open_message));
}

static uint64_t keepalive_interval_ms(const struct session *session)
{
	return session->hold_time_s * 1000ull / 3;
}

/* In a session that idles: without an output that would be made for these octets and freed again at
 * the end of the round. */
static void send_at_once(struct session *session, const uint8_t *data, size_t len)
{
	ssize_t sent = -1;

	if (session->state == PEER_ESTABLISHED && session->fd >= 0 && session->output.len == 0 &&
	    !session->is_overflowed)
		sent = send(session->fd, data, len, MSG_NOSIGNAL);
	if (sent <= 0)
		session_send(session, data, len);
	else if ((size_t)sent == len)
		session->sent_ms = event_loop_now_ms();
	else if (session_output_resume(&session->output, data + sent, len - (size_t)sent) == 0)
		wait_for_room(session);
	else
		end_overflowed_soon(session);
}

static void send_keepalive(struct session *session)
{
	uint8_t buf[BGP_MESSAGE_MAX];

	send_at_once(session, buf, message_write_keepalive(buf));
	if (session->hold_time_s > 0)
		event_timer_set_at(session->shared->loop, &session->keepalive_timer,
				   timer_slot_keepalive_ms(event_loop_now_ms(),
							   keepalive_interval_ms(session),
							   (uint32_t)random()));
}

static void start_hold(struct session *session, uint64_t hold_ms)
{
	session->heard_ms = event_loop_now_ms();
	if (session->hold_ms == hold_ms)
		return;
	session->hold_ms = hold_ms;
	if (hold_ms > 0)
		event_timer_set(session->shared->loop, &session->hold_timer, hold_ms);
	else
		event_timer_cancel(session->shared->loop, &session->hold_timer);
}

static void on_socket(int fd, uint32_t events, void *arg);

static void watch(struct session *session, int fd, uint32_t events)
{
	session->fd = fd;
	if (event_loop_add_fd(session->shared->loop, fd, events, on_socket, session) < 0) {
		close(fd);
		session->fd = -1;
	}
}

/* Failing at once is told by the connect retry timer: an event inside an event is none. */
static void begin_connect(struct session *session)
{
	int fd = tcp_connect(&session->params.target);

	if (fd >= 0) {
		session->is_connecting = true;
		watch(session, fd, EPOLLOUT);
	}
	if (session->fd >= 0)
		return;
	session->end.tcp_error = fd < 0 ? -fd : ENOMEM;
	event_timer_set(session->shared->loop, &session->connect_retry_timer, 0);
}

static void start_timers(struct session *session, uint32_t actions)
{
	if (actions & ACTION_STOP_CONNECT_RETRY)
		event_timer_cancel(session->shared->loop, &session->connect_retry_timer);
	if (actions & ACTION_START_CONNECT_RETRY)
		event_timer_set(session->shared->loop, &session->connect_retry_timer,
				jittered(CONNECT_RETRY_MS));
	if (actions & ACTION_HOLD_LARGE)
		start_hold(session, HOLD_LARGE_MS);
	if (actions & ACTION_HOLD_NEGOTIATED)
		start_hold(session, session->hold_time_s * 1000ull);
}

static void carry_out(struct session *session, const struct fsm_step *step,
		      const struct bgp_error *error)
{
	uint32_t actions = step->actions;

	if (actions & ACTION_SEND_NOTIFICATION)
		send_notification(session, step, error);
	if (actions & ACTION_SEND_NOTIFICATION && session->fd >= 0 && !session->is_aborted)
		close_lingering(session);
	else if (actions & ACTION_DROP_TCP)
		close_connection(session);
	start_timers(session, actions);
	if (actions & ACTION_CONNECT)
		begin_connect(session);
	if (actions & ACTION_SEND_OPEN)
		send_open(session);
	if (actions & ACTION_SEND_KEEPALIVE)
		send_keepalive(session);
	if (actions & ACTION_END)
		cancel_timers(session);
}

/* One event: the table's answer, then the owner is told. Returns through session->is_doomed. */
void session_run(struct session *session, enum fsm_event event, const struct bgp_error *error)
{
	struct fsm_step step = fsm_step(session->state, event);
	bool is_change = step.next != session->state;
	struct session_end end;

	session->state = step.next;
	carry_out(session, &step, error);
	if (is_change && !session->is_doomed)
		session->ops->changed(session);
	if (step.actions & ACTION_ESTABLISHED && !session->is_doomed)
		session->ops->established(session);
	if (!(step.actions & ACTION_END) || session->is_doomed)
		return;
	end = session->end;
	session->ops->ended(session, &end);
}

void session_tcp_failed(struct session *session, int error)
{
	session->end.how = END_TCP;
	session->end.tcp_error = error;
	session_run(session, FSM_TCP_FAILS, NULL);
}

/* --- events --- */

static void connection_is_up(struct session *session)
{
	session->is_connecting = false;
	session->local = tcp_local_address(session->fd);
	tcp_setup(session->fd);
	event_loop_modify_fd(session->shared->loop, session->fd, EPOLLIN);
	session_run(session, FSM_TCP_UP, NULL);
}

/* First what the peer said goes on its way, then the peer hears that we have it: recv() would send
 * that packet before any other. */
static void acknowledge_later(struct session *session)
{
	if (session->state != PEER_ESTABLISHED || session->is_unacked)
		return;
	tcp_hold_ack(session->fd);
	session->is_unacked = true;
	LL_PREPEND2(session->shared->unacked, session, next_unacked);
}

static void on_socket(int fd, uint32_t events, void *arg)
{
	struct session *session = arg;
	int err;

	enter(session);
	if (session->is_connecting) {
		err = tcp_connect_result(fd);
		if (err < 0)
			session_tcp_failed(session, -err);
		else
			connection_is_up(session);
		leave(session);
		return;
	}
	if (events & EPOLLOUT) {
		event_loop_modify_fd(session->shared->loop, fd, EPOLLIN);
		write_and_tell(session);
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
		acknowledge_later(session);
		session_read(session);
	}
	leave(session);
}

static void on_connect_retry(void *arg)
{
	struct session *session = arg;

	enter(session);
	if (session->fd < 0)
		session_tcp_failed(session, session->end.tcp_error);
	else
		session_run(session, FSM_CONNECT_RETRY_EXPIRES, NULL);
	leave(session);
}

/* The peer reads nothing: the end is a reset, and takes what the kernel has for it along. */
static void abort_connection(struct session *session)
{
	session->is_aborted = true;
	tcp_set_abort(session->fd);
}

static void end_overflowed(struct session *session)
{
	struct bgp_error error;

	message_error_set(&error, ERROR_CEASE, CEASE_OUT_OF_RESOURCES, NULL, 0);
	abort_connection(session);
	session->end.how = END_BY_US;
	session_run(session, FSM_STOP, &error);
}

/* How long the peer has been silent: its last message may have come long before it was read. */
static uint64_t silence_ms(const struct session *session)
{
	uint64_t read_ms = event_loop_now_ms() - session->heard_ms;
	uint64_t came_ms = session->partial_len == 0 ? tcp_silent_ms(session->fd) : 0;

	return came_ms > read_ms && came_ms < UINT64_MAX ? came_ms : read_ms;
}

static void look_again(struct session *session, uint64_t silent_ms)
{
	event_timer_set_at(session->shared->loop, &session->hold_timer,
			   timer_slot_hold_ms(event_loop_now_ms(), keepalive_interval_ms(session),
					      session->hold_ms - silent_ms));
}

/* The peer may have been heard, or not, for hold_ms. */
static void check_hold(struct session *session)
{
	uint64_t silent_ms = silence_ms(session);
	int waiting = 0;

	if (silent_ms < session->hold_ms)
		look_again(session, silent_ms);
	else if (silent_ms < session->hold_ms + 10 * HOLD_GRACE_MS &&
		 ioctl(session->fd, FIONREAD, &waiting) == 0 && waiting > 0)
		/* It spoke and we were too busy to listen. */
		event_timer_set(session->shared->loop, &session->hold_timer, HOLD_GRACE_MS);
	else
		session_run(session, FSM_HOLD_EXPIRES, NULL);
}

/* A peer that speaks costs no look into its socket: what was read last came after the look before,
 * which was for our KEEPALIVE before. */
static bool is_surely_heard(struct session *session)
{
	uint64_t silent_ms =
		event_loop_now_ms() - session->heard_ms + keepalive_interval_ms(session);

	if (silent_ms >= session->hold_ms)
		return false;
	look_again(session, silent_ms);
	return true;
}

static void on_hold(void *arg)
{
	struct session *session = arg;

	enter(session);
	if (session->is_overflowed)
		end_overflowed(session);
	else if (!is_surely_heard(session) && session_read_unwoken(session))
		check_hold(session);
	leave(session);
}

static void on_send_hold(void *arg)
{
	struct session *session = arg;
	uint64_t hold_ms = send_hold_ms(session);

	if (session->output.len == 0 || hold_ms == 0)
		return;
	note_progress(session);
	if (event_loop_now_ms() - session->sent_ms < hold_ms) {
		event_timer_set(session->shared->loop, &session->send_hold_timer,
				hold_ms / SEND_HOLD_LOOKS);
		return;
	}
	enter(session);
	abort_connection(session);
	session_run(session, FSM_SEND_HOLD_EXPIRES, NULL);
	leave(session);
}

static void on_keepalive(void *arg)
{
	struct session *session = arg;

	enter(session);
	session_run(session, FSM_KEEPALIVE_EXPIRES, NULL);
	if (!session->is_doomed && session->fd >= 0)
		session_read_unwoken(session);
	leave(session);
}

/* --- life --- */

struct session *session_new(struct session_shared *shared, const struct session_params *params,
			    const struct session_ops *ops, void *owner)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->shared = shared;
	session->ops = ops;
	session->owner = owner;
	session->params = *params;
	session->state = PEER_IDLE;
	session->fd = -1;
	session->output.pool = &shared->output;
	event_timer_init(&session->connect_retry_timer, on_connect_retry, session);
	event_timer_init(&session->hold_timer, on_hold, session);
	event_timer_init(&session->keepalive_timer, on_keepalive, session);
	event_timer_init(&session->send_hold_timer, on_send_hold, session);
	return session;
}

void session_start_connect(struct session *session)
{
	enter(session);
	session_run(session, FSM_START, NULL);
	leave(session);
}

int session_adopt(struct session *session, int fd, const struct session_remains *remains)
{
	watch(session, fd, EPOLLIN);
	if (session->fd < 0)
		return -ENOMEM;
	if (!session_keep_partial(session, remains->partial, remains->partial_len)) {
		close_connection(session);
		return -ENOMEM;
	}
	session->is_incoming = remains->is_incoming;
	session->local = tcp_local_address(fd);
	session->peer_open = *remains->peer_open;
	session->state = PEER_ESTABLISHED;
	session->sent_ms = event_loop_now_ms();
	session_negotiate(session);
	session_set_low_water(session);
	start_hold(session, session->hold_time_s * 1000ull);
	if (session_output_resume(&session->output, remains->begun, remains->begun_len) < 0) {
		close_connection(session);
		return -ENOMEM;
	}
	session_send(session, remains->output, remains->output_len);
	if (session->hold_time_s > 0)
		send_keepalive(session);
	return 0;
}

bool session_end_overflowed(struct session *session)
{
	if (!session->is_overflowed)
		return false;
	enter(session);
	end_overflowed(session);
	leave(session);
	return true;
}

bool session_leave(struct session *session)
{
	if (session->state != PEER_ESTABLISHED || session->fd < 0 || session->is_overflowed)
		return false;
	if (session->hold_time_s > 0)
		send_keepalive(session);
	unlink_unsent(session);
	write_output(session);
	return !session->is_overflowed;
}

void session_start_accepted(struct session *session, int fd)
{
	enter(session);
	session->is_incoming = true;
	session_run(session, FSM_START_PASSIVE, NULL);
	watch(session, fd, EPOLLIN);
	if (session->fd >= 0)
		connection_is_up(session);
	else
		session_tcp_failed(session, ENOMEM);
	leave(session);
}

void session_stop(struct session *session, enum fsm_event event)
{
	enter(session);
	session->end.how = END_BY_US;
	session_run(session, event, NULL);
	leave(session);
}

void session_cease(struct session *session, uint8_t subcode, const char *text)
{
	uint8_t data[BGP_ERROR_DATA_MAX];
	size_t len = text ? strlen(text) : 0;
	struct bgp_error error;

	if (len > sizeof(data) - 1)
		for (len = sizeof(data) - 1; (text[len] & 0xc0) == 0x80; len--)
			continue; /* not inside a character of UTF-8 */
	data[0] = (uint8_t)len;
	memcpy(data + 1, text ? text : "", len);
	message_error_set(&error, ERROR_CEASE, subcode, data, len > 0 ? len + 1 : 0);
	snprintf(session->end.text, sizeof(session->end.text), "%.*s", (int)len, text ? text : "");
	session_close(session, &error);
}

void session_close(struct session *session, const struct bgp_error *error)
{
	enter(session);
	session->end.how = END_BY_US;
	session_run(session, FSM_STOP, error);
	leave(session);
}

void session_drop(struct session *session, const char *why)
{
	enter(session);
	snprintf(session->end.text, sizeof(session->end.text), "%s", why);
	session_tcp_failed(session, 0);
	leave(session);
}
