/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_read.c: what a peer sends, from octets to events of the state machine.
 *
 * Octets are read for all sessions into one shared buffer and cut into messages there: only the
 * start of a message that has not come whole is kept per session, so an idle session costs no
 * buffer. A message goes through message.c or update.c before the owner (peer.c) sees it.
 *
 * Any message may end the session, and the owner may free it: after each call the question is
 * whether it is doomed or its connection is gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bgp/session.h"
#include "bgp/session_internal.h"

void session_negotiate(struct session *session)
{
	const struct open_message *own = &session->params.open_message;
	const struct open_message *peer = &session->peer_open;

	session->hold_time_s =
		own->hold_time_s < peer->hold_time_s ? own->hold_time_s : peer->hold_time_s;
	session->context.is_ebgp = peer->as != own->as;
	session->context.four_octet_as = peer->capabilities.four_octet_as;
	session->context.extended_next_hop =
		own->capabilities.extended_next_hop && peer->capabilities.extended_next_hop;
}

static void on_open(struct session *session, const uint8_t *body, size_t len)
{
	struct open_message *peer = &session->peer_open;
	struct bgp_error error;
	int err;

	if (session->state != PEER_OPEN_SENT) {
		session_run(session, FSM_OPEN, NULL);
		return;
	}
	err = message_parse_open(body, len, peer, &error);
	if (err == 0)
		err = session->ops->opened(session, peer, &error);
	if (session->is_doomed)
		return;
	if (err < 0) {
		session_run(session, FSM_MESSAGE_ERROR, &error);
		return;
	}
	session_negotiate(session);
	session_run(session, FSM_OPEN, NULL);
}

static void on_notification(struct session *session, const uint8_t *body, size_t len)
{
	session->end.how = END_BY_PEER;
	message_parse_notification(body, len, &session->end.error, session->end.text,
				   sizeof(session->end.text));
	session_run(session, FSM_NOTIFICATION, NULL);
}

static void on_update(struct session *session, const uint8_t *body, size_t len)
{
	struct update *update = &session->shared->update;
	struct bgp_error error;

	session_run(session, FSM_UPDATE, NULL);
	if (session->is_doomed || session->state != PEER_ESTABLISHED)
		return;
	if (update_parse(body, len, &session->context, update, &error) < 0)
		session_run(session, FSM_MESSAGE_ERROR, &error);
	else
		session->ops->update(session, update);
}

static void on_refresh(struct session *session, const uint8_t *body, size_t len)
{
	bool enhanced = session->params.open_message.capabilities.enhanced_refresh &&
			session->peer_open.capabilities.enhanced_refresh;
	struct refresh_message message;
	struct bgp_error error;

	session_run(session, FSM_UPDATE, NULL);
	if (session->is_doomed || session->state != PEER_ESTABLISHED)
		return;
	if (message_parse_refresh(body, len, enhanced, &message, &error) < 0)
		session_run(session, FSM_MESSAGE_ERROR, &error);
	else
		session->ops->refresh(session, &message);
}

static void on_message(struct session *session, uint8_t type, const uint8_t *body, size_t len)
{
	switch (type) {
	case BGP_OPEN:
		on_open(session, body, len);
		break;
	case BGP_UPDATE:
		on_update(session, body, len);
		break;
	case BGP_NOTIFICATION:
		on_notification(session, body, len);
		break;
	case BGP_KEEPALIVE:
		session_run(session, FSM_KEEPALIVE, NULL);
		break;
	default:
		on_refresh(session, body, len);
		break;
	}
}

/* Cut @len octets into messages; how many octets they were. */
static size_t cut_messages(struct session *session, const uint8_t *data, size_t len)
{
	struct bgp_error error;
	size_t at = 0, message_len;
	uint8_t type;

	while (len - at >= BGP_HEADER_LEN) {
		if (message_parse_header(data + at, &type, &message_len, &error) < 0) {
			session_run(session, FSM_MESSAGE_ERROR, &error);
			return at;
		}
		if (message_len > len - at)
			break;
		on_message(session, type, data + at + BGP_HEADER_LEN, message_len - BGP_HEADER_LEN);
		if (session->is_doomed || session->fd < 0)
			return at;
		at += message_len;
	}
	return at;
}

bool session_keep_partial(struct session *session, const uint8_t *data, size_t len)
{
	session->partial_len = len;
	if (len == 0) {
		free(session->partial);
		session->partial = NULL;
		return true;
	}
	if (!session->partial)
		session->partial = malloc(BGP_MESSAGE_MAX);
	if (!session->partial)
		return false;
	memcpy(session->partial, data, len);
	return true;
}

/* A KEEPALIVE, the shortest message, need not wake us: on_keepalive() finds it, and on_hold() knows
 * when it came. Anything longer does, and so does the end of the connection. */
void session_set_low_water(struct session *session)
{
	bool is_quiet = session->state == PEER_ESTABLISHED && session->hold_time_s > 0;
	size_t low_water = is_quiet && session->partial_len == 0 ? BGP_HEADER_LEN + 1 : 1;

	if (session->low_water == low_water)
		return;
	session->low_water = low_water;
	tcp_wait_for(session->fd, low_water);
}

void session_read(struct session *session)
{
	uint8_t *buf = session->shared->buf;
	size_t have = session->partial_len, used;
	ssize_t len;

	if (have > 0)
		memcpy(buf, session->partial, have);
	len = recv(session->fd, buf + have, SESSION_READ_SIZE, 0);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		session_tcp_failed(session, len < 0 ? errno : 0);
		return;
	}
	have += (size_t)len;
	used = cut_messages(session, buf, have);
	if (session->is_doomed || session->fd < 0)
		return;
	if (session_keep_partial(session, buf + used, have - used))
		session_set_low_water(session);
	else
		session_tcp_failed(session, ENOMEM);
}

bool session_read_unwoken(struct session *session)
{
	if (session->state == PEER_ESTABLISHED)
		session_read(session);
	return !session->is_doomed && session->fd >= 0;
}
