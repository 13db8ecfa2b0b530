/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover_take.c: a new speaker goes on where the one before it has left off (handover.h).
 *
 * It is made from the configuration that was in force, not from the one that is to be: so the same
 * table leads to the same routes in use and the same routes told, and what another configuration
 * makes different is then a change of the configuration like any other (reconfigure.c).
 *
 * Three rounds over the file, which is in memory: all routes into the table, because what a peer
 * has been told depends on what others have told; then the sessions, each of which joins without a
 * word; at last what did not go well, for that changes routes. After the first round the agent gets
 * what is in use, as at any start.
 */
#include "bgp/handover_take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgp/agent_feed.h"
#include "bgp/handover.h"
#include "bgp/peer.h"
#include "lib/log.h"

/* --- the file --- */

/* The first records: whose texts are the configuration's. */
static void find_source(struct handover_file *file)
{
	struct handover_record record;
	struct wire_reader reader;
	const char *text;
	size_t len;

	handover_open(&reader, file->data, file->len);
	handover_next(&reader, &record);
	while (handover_next(&reader, &record) == 0 &&
	       (record.type == HANDOVER_BASE || record.type == HANDOVER_DOCUMENT)) {
		len = wire_reader_left(&record.body);
		text = (const char *)wire_read_bytes(&record.body, len);
		if (record.type == HANDOVER_BASE) {
			file->source.base = text;
			file->source.base_len = len;
		} else {
			file->source.document = text;
			file->source.document_len = len;
		}
	}
}

int handover_file_open(const uint8_t *data, size_t len, size_t session_count,
		       struct handover_file *ret)
{
	struct update *scratch = malloc(sizeof(*scratch));
	uint32_t sessions = 0;
	int err = scratch ? handover_check(data, len, scratch, &sessions) : -ENOMEM;

	free(scratch);
	if (err < 0)
		return err;
	if (sessions != session_count)
		return -EPROTO;
	*ret = (struct handover_file){ .data = data, .len = len };
	find_source(ret);
	return 0;
}

/* The next record of @type, or NULL behind the last. */
static struct handover_record *find_next(struct wire_reader *reader, enum handover_type type,
					 struct handover_record *record)
{
	while (handover_next(reader, record) == 0)
		if (record->type == type)
			return record;
	return NULL;
}

char **handover_file_passwords(const struct handover_file *file, const struct config_bgp *bgp)
{
	char **password = calloc(bgp->peer_count + 1, sizeof(char *));
	struct handover_record record;
	struct wire_reader reader;
	const char *text;
	uint32_t index;
	size_t len;

	handover_open(&reader, file->data, file->len);
	while (password && find_next(&reader, HANDOVER_PASSWORD, &record)) {
		if (handover_read_password(record.body, &index, &text, &len) == 0 &&
		    index < bgp->peer_count && !password[index])
			password[index] = strndup(text, len);
	}
	return password;
}

/* --- routes --- */

struct take {
	struct speaker *speaker;
	struct update *update; /* scratch: it is large */
	struct peer *peer;     /* whose routes come, NULL: nobody's */
	bool is_marking[FAMILY_COUNT];
};

static struct peer *find_peer(struct speaker *speaker, const struct handover_record *record,
			      struct handover_peer *ret_state)
{
	if (handover_read_peer(record->body, ret_state) < 0)
		return NULL;
	return peer_for_connection(speaker, &ret_state->addr);
}

static void begin_peer(struct take *take, const struct handover_record *record)
{
	struct handover_peer state;

	take->peer = find_peer(take->speaker, record, &state);
	if (take->peer) /* the decision between routes asks for it */
		take->peer->source.router_id = state.router_id;
}

/* Those on notice came first: they are all that there are. */
static void end_marking(struct take *take)
{
	for (int i = 0; i < FAMILY_COUNT; i++) {
		if (take->is_marking[i])
			rib_mark_stale(take->speaker->rib, &take->peer->source, i);
		take->is_marking[i] = false;
	}
}

static int take_section(struct take *take, struct update_section *section)
{
	struct update *update = take->update;
	struct attribute_table *table = &take->speaker->attributes;
	struct attribute_set *attributes;
	struct ip_prefix prefix;
	int err = 0;

	update->draft.values.next_hop = section->next_hop;
	attributes = attribute_set_intern(table, &update->draft);
	if (!attributes)
		return -ENOMEM;
	while (err == 0 && update_next_prefix(section, &prefix))
		if (update_family(&prefix) == section->family)
			err = rib_set_path(take->speaker->rib, &prefix, &take->peer->source,
					   attributes);
	attribute_set_unref(table, attributes);
	return err;
}

static int take_routes(struct take *take, const struct handover_record *record)
{
	struct update *update = take->update;
	bool is_stale;
	int err = 0;

	if (!take->peer || handover_read_routes(record->body, &is_stale, update) < 0)
		return 0;
	if (!is_stale)
		end_marking(take);
	for (unsigned int i = 0; i < update->announced_count && err == 0; i++) {
		take->is_marking[update->announced[i].family] |= is_stale;
		err = take_section(take, &update->announced[i]);
	}
	return err;
}

static int take_table(struct speaker *speaker, const struct handover_file *file)
{
	struct take take = { .speaker = speaker, .update = &speaker->session_shared.update };
	struct handover_record record;
	struct wire_reader reader;
	int err = handover_open(&reader, file->data, file->len);

	while (err == 0 && handover_next(&reader, &record) == 0) {
		if (record.type == HANDOVER_PEER)
			begin_peer(&take, &record);
		else if (record.type == HANDOVER_ROUTES)
			err = take_routes(&take, &record);
		else if (record.type == HANDOVER_PEER_END)
			end_marking(&take);
	}
	speaker_work_off(speaker); /* the agent's; no peer has joined yet */
	return err;
}

/* --- sessions --- */

/* What became of a peer, in the order of the file. */
struct outcome {
	struct peer *peer; /* NULL: the configuration has none at this address */
	bool is_lost, is_told_otherwise;
};

struct outcomes {
	struct outcome *list;
	size_t count;
};

static int count_peers(const struct handover_file *file, struct outcomes *ret)
{
	struct handover_record record;
	struct wire_reader reader;
	size_t count = 0;

	handover_open(&reader, file->data, file->len);
	while (find_next(&reader, HANDOVER_PEER, &record))
		count++;
	ret->list = calloc(count + 1, sizeof(*ret->list));
	ret->count = 0;
	return ret->list ? 0 : -ENOMEM;
}

static int take_fd(const struct handover_peer *state, int *session)
{
	int fd = -1;

	if (state->session == HANDOVER_NO_SESSION)
		return -1;
	fd = session[state->session];
	session[state->session] = -1;
	return fd;
}

static bool adopt(struct speaker *speaker, const struct handover_record *record, int *session,
		  struct outcome *outcome)
{
	struct handover_peer state;
	bool is_session;
	int fd;

	outcome->peer = find_peer(speaker, record, &state);
	fd = take_fd(&state, session);
	is_session = fd >= 0;
	if (!outcome->peer) {
		if (is_session)
			close(fd);
		return false;
	}
	if (outcome->peer->is_adopted) { /* a file that names a peer twice */
		if (is_session)
			close(fd);
		outcome->peer = NULL;
		return false;
	}
	outcome->peer->is_adopted = true;
	outcome->is_lost = peer_adopt(outcome->peer, &state, fd) < 0;
	return is_session && !outcome->is_lost;
}

static void compare_told(struct speaker *speaker, const struct handover_record *record,
			 struct outcome *outcome)
{
	struct handover_peer_end end;

	if (!outcome->peer || outcome->is_lost || !outcome->peer->established ||
	    handover_read_peer_end(record->body, &end) < 0)
		return;
	outcome->is_told_otherwise =
		end.told != advertise_digest(speaker->advertise, &outcome->peer->member);
}

/* How many sessions go on. */
static int take_sessions(struct speaker *speaker, const struct handover_file *file, int *session,
			 struct outcomes *outcomes)
{
	struct handover_record record;
	struct wire_reader reader;
	int taken = 0;

	handover_open(&reader, file->data, file->len);
	while (handover_next(&reader, &record) == 0) {
		if (record.type == HANDOVER_PEER)
			taken += adopt(speaker, &record, session, &outcomes->list[outcomes->count]);
		else if (record.type == HANDOVER_PEER_END)
			compare_told(speaker, &record, &outcomes->list[outcomes->count++]);
	}
	return taken;
}

/* What a peer must be told again, now that all have joined. Dynamic peers may be freed. */
static void mend(const struct handover_file *file, const struct outcomes *outcomes)
{
	struct handover_record record;
	struct wire_reader reader;
	struct handover_peer state;

	handover_open(&reader, file->data, file->len);
	for (size_t i = 0; i < outcomes->count; i++) {
		struct outcome *outcome = &outcomes->list[i];

		if (!find_next(&reader, HANDOVER_PEER, &record) || !outcome->peer)
			continue;
		if (outcome->is_lost && handover_read_peer(record.body, &state) == 0) {
			peer_not_adopted(outcome->peer, &state);
			continue;
		}
		if (outcome->is_told_otherwise)
			peer_mend_told(outcome->peer);
	}
}

static void take_head(struct speaker *speaker, const struct handover_file *file)
{
	struct handover_speaker head = { true, false };
	struct handover_record record;
	struct wire_reader reader;

	handover_open(&reader, file->data, file->len);
	if (find_next(&reader, HANDOVER_SPEAKER, &record))
		handover_read_speaker(record.body, &head);
	speaker->is_restarting = head.is_restarting;
	speaker->is_in_sync = head.is_in_sync;
}

int handover_take(struct speaker *speaker, const struct handover_file *file, int *session,
		  size_t session_count)
{
	struct outcomes outcomes;
	int err = count_peers(file, &outcomes), taken = 0;

	if (err == 0)
		err = take_table(speaker, file);
	if (err == 0) {
		take_head(speaker, file);
		taken = take_sessions(speaker, file, session, &outcomes);
		mend(file, &outcomes);
	}
	for (size_t i = 0; i < session_count; i++)
		if (session[i] >= 0)
			close(session[i]);
	memset(session, -1, session_count * sizeof(*session));
	free(outcomes.list);
	if (err < 0)
		return err;
	if (speaker->is_in_sync)
		agent_feed_in_sync(speaker->feed);
	speaker_finish_round(speaker);
	return taken;
}
