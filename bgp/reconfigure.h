/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_RECONFIGURE_H
#define BGP_RECONFIGURE_H

#include "bgp/filter.h"
#include "lib/config.h"

/* A configuration and what was read for it. */
struct setup {
	const struct config *config;
	/* Per config->bgp.peer. NULL where the peer has a password_file: it could not be read, and
	 * the peer is left out as if it were not there. */
	char **password;
	struct filter **filter; /* per config->bgp.peer, NULL: it has no rules */
};

/* What is to be done, in the order in which it is done. */
enum change_kind {
	CHANGE_PEER_REMOVE,  /* @old_index */
	CHANGE_OWN_REMOVE,   /* @prefix */
	CHANGE_PEER_REPLACE, /* both: its routes mean something else now; nothing is kept */
	CHANGE_PEER_RESTART, /* both: a new session, routes are kept where the peer can do that */
	CHANGE_PEER_POLICY,  /* both: what comes in and goes out; the session stays */
	CHANGE_PEER_BFD,     /* both, besides another change or alone; the session stays */
	CHANGE_PEER_ADD,     /* @new_index */
	CHANGE_OWN_ADD,	     /* @prefix */
};

struct change {
	enum change_kind kind;
	size_t old_index, new_index; /* of config.bgp.peer */
	struct ip_prefix prefix;     /* a block of this node, or announced beside them */
};

struct change_list {
	struct change *change;
	size_t count, size;
};

/** reconfigure_is_peer_usable() - is peer number @index there at all? */
bool reconfigure_is_peer_usable(const struct setup *setup, size_t index);

/** reconfigure_needs_new_speaker() - AS, router id or the node's addresses are others: every
 * session and every route of before is another speaker's. */
bool reconfigure_needs_new_speaker(const struct config *before, const struct config *now);

/** reconfigure_plan() - what leads from @before to @now, by kind; nothing else is touched. 0 with
 * @ret for change_list_free(), or -ENOMEM. */
int reconfigure_plan(const struct setup *before, const struct setup *now, struct change_list *ret);
void change_list_free(struct change_list *list);

/** reconfigure_find_listen() - where @listen stands in @bgp's list; -1: nowhere. */
int reconfigure_find_listen(const struct config_bgp *bgp, const struct config_listen *listen);

#endif /* BGP_RECONFIGURE_H */
