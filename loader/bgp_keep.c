/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_keep.c: the sessions of a speaker that has ended in order, held until the next one asks.
 *
 * A speaker that is restarted or exchanged for a newer one ends before its successor begins, so
 * somebody must hold its TCP connections meanwhile: a connection whose last descriptor is closed is
 * a session lost for the neighbour. The agent does, without reading a word of it: neither from the
 * connections nor of the memfd in which the old speaker says to the new one what they are.
 *
 * Only what was handed over whole is held: descriptors of a speaker that died while it handed them
 * over are closed at once, for octets may be lost between what it read and what it told. And only
 * for a time, which is shorter than the hold time of any of the sessions: a neighbour whose hold
 * timer ran out would forget our routes, where one whose connection breaks keeps them for the
 * restart time (RFC 4724 section 4.2). So when no speaker comes, it is as if there had been no
 * handing over, this time later.
 *
 * A speaker that hands over while a list is held has begun without it (its question was answered
 * too late): its sessions are the ones that live, so they take the place of the others.
 */
#include "loader/bgp_keep.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/event_loop.h"
#include "lib/log.h"

#define SESSIONS_MAX (CONFIG_MESH_MAX + CONFIG_PEERS_MAX)

struct bgp_keep {
	struct event_loop *loop;
	int *session;
	size_t count, size;
	int state_fd; /* -1: the list is not whole */
	struct event_timer timer;
};

static void close_all(struct bgp_keep *keep)
{
	for (size_t i = 0; i < keep->count; i++)
		close(keep->session[i]);
	free(keep->session);
	keep->session = NULL;
	keep->count = keep->size = 0;
	if (keep->state_fd >= 0)
		close(keep->state_fd);
	keep->state_fd = -1;
	event_timer_cancel(keep->loop, &keep->timer);
}

static void on_not_taken(void *arg)
{
	struct bgp_keep *keep = arg;

	log_warning("tortie-bgpd: nobody has taken its %zu sessions: they are closed, its peers "
		    "keep our routes for the restart time (systemctl status tortie-bgpd)",
		    keep->count);
	close_all(keep);
}

int bgp_keep_open(struct event_loop *loop, struct bgp_keep **ret_keep)
{
	struct bgp_keep *keep = calloc(1, sizeof(*keep));

	if (!keep)
		return -ENOMEM;
	keep->loop = loop;
	keep->state_fd = -1;
	event_timer_init(&keep->timer, on_not_taken, keep);
	*ret_keep = keep;
	return 0;
}

void bgp_keep_close(struct bgp_keep *keep)
{
	if (!keep)
		return;
	close_all(keep);
	free(keep);
}

static int make_room(struct bgp_keep *keep)
{
	size_t size = keep->size ? keep->size * 2 : 16;
	int *grown;

	if (keep->count < keep->size)
		return 0;
	grown = reallocarray(keep->session, size, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	keep->session = grown;
	keep->size = size;
	return 0;
}

int bgp_keep_add(struct bgp_keep *keep, int fd)
{
	int err;

	if (keep->state_fd >= 0) {
		log_info("tortie-bgpd: leaves sessions before the %zu that were left were taken; "
			 "these are closed",
			 keep->count);
		close_all(keep);
	}
	if (keep->count >= SESSIONS_MAX)
		return -ENOSPC;
	err = make_room(keep);
	if (err == 0)
		keep->session[keep->count++] = fd;
	return err;
}

int bgp_keep_finish(struct bgp_keep *keep, const struct msg_bgp_keep *what, int fd)
{
	uint32_t keep_ms = what->keep_ms < BGP_KEEP_MAX_MS ? what->keep_ms : BGP_KEEP_MAX_MS;

	if (keep->state_fd >= 0 || what->session_count != keep->count)
		return -EPROTO;
	if (event_timer_set(keep->loop, &keep->timer, keep_ms) < 0)
		return -ENOMEM;
	keep->state_fd = fd;
	log_info("tortie-bgpd: ends and leaves %zu sessions to the next one, for %u ms",
		 keep->count, keep_ms);
	return 0;
}

bool bgp_keep_is_whole(const struct bgp_keep *keep)
{
	return keep->state_fd >= 0;
}

void bgp_keep_speaker_gone(struct bgp_keep *keep)
{
	if (keep->state_fd < 0)
		close_all(keep);
}

int bgp_keep_give(struct bgp_keep *keep, struct client *client, uint32_t id)
{
	int err = 0;

	for (size_t i = 0; i < keep->count && err == 0; i++)
		err = client_send_session(client, id, keep->session[i]);
	if (err == 0)
		err = client_send_fd(client, id, keep->state_fd);
	close_all(keep);
	return err;
}
