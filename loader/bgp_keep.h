/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_BGP_KEEP_H
#define LOADER_BGP_KEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "loader/server.h"

#define BGP_KEEP_MAX_MS 30000 /* whatever the speaker asks for */

/* The sessions of a speaker that has ended in order, for the next one. */
struct bgp_keep;
struct event_loop;

int bgp_keep_open(struct event_loop *loop, struct bgp_keep **ret_keep); /* 0 or -ENOMEM */
void bgp_keep_close(struct bgp_keep *keep); /* closes what is kept; NULL is fine */

/** bgp_keep_add() - one session more; takes @fd when it returns 0. Behind a list that is whole it
 * is the first of another one, for which that is closed. -ENOSPC, -ENOMEM. */
int bgp_keep_add(struct bgp_keep *keep, int fd);
/** bgp_keep_finish() - the list is whole; @fd says what it is a list of and is taken when this
 * returns 0. -EPROTO: it is not what was counted. */
int bgp_keep_finish(struct bgp_keep *keep, const struct msg_bgp_keep *what, int fd);
/** bgp_keep_is_whole() - is there something to be taken? */
bool bgp_keep_is_whole(const struct bgp_keep *keep);
/** bgp_keep_speaker_gone() - who has not finished hands over nothing: close what there is. */
void bgp_keep_speaker_gone(struct bgp_keep *keep);
/** bgp_keep_give() - answer @id with all of it, and keep it no more. 0 or -errno of the client. */
int bgp_keep_give(struct bgp_keep *keep, struct client *client, uint32_t id);

#endif /* LOADER_BGP_KEEP_H */
