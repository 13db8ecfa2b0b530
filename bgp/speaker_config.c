/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speaker_config.c: what the speaker takes from its configuration, at the start and each time that
 * the configuration changes.
 *
 * speaker_reconfigure() asks reconfigure.c what has changed and carries it out, change by change;
 * whatever can fail comes before anything is touched. Then the routes: those that the new filter
 * does not let in go, and where it lets in more the peers that were refused something are asked
 * again (peer_refresh.c). Nobody but struct speaker points to the configuration.
 *
 * Password files are read anew with each configuration. In a cluster a file that cannot be read
 * must not keep other peers from coming or going: a running peer keeps the password of before, a
 * new one is left out and looked at again with the next configuration.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/agent_feed.h"
#include "bgp/peer.h"
#include "bgp/reconfigure.h"
#include "bgp/speaker_internal.h"
#include "bgp/tcp.h"
#include "lib/log.h"

#define LINKS_READ_MS 1000

/* --- passwords --- */

void speaker_free_passwords(const struct config *config, char **password)
{
	for (size_t i = 0; password && i < config->bgp.peer_count; i++)
		free(password[i]);
	free(password);
}

static int read_password(const struct config_peer *peer, char **ret)
{
	char text[TCP_PASSWORD_MAX + 1];
	int err = tcp_read_password(peer->password_file, text);

	if (err < 0) {
		log_error("bgp.peers password_file %s: %s", peer->password_file,
			  err == -EINVAL ? "the first line must have 1 to 80 octets"
					 : strerror(-err));
		return err;
	}
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* Those that cannot be read stay NULL; with @is_strict they are an error. */
static int read_passwords(const struct config *config, bool is_strict, char ***ret)
{
	const struct config_bgp *bgp = &config->bgp;
	char **password = calloc(bgp->peer_count + 1, sizeof(char *));
	int err = password ? 0 : -ENOMEM;

	for (size_t i = 0; err == 0 && i < bgp->peer_count; i++) {
		if (bgp->peer[i].password) {
			password[i] = strdup(bgp->peer[i].password);
			err = password[i] ? 0 : -ENOMEM;
		}
		if (!bgp->peer[i].password_file)
			continue;
		err = read_password(&bgp->peer[i], &password[i]);
		if (!is_strict && err != -ENOMEM)
			err = 0;
	}
	if (err < 0)
		speaker_free_passwords(config, password);
	else
		*ret = password;
	return err;
}

/* A peer that runs goes on with the password that it has when there is none to be read. */
static int keep_passwords(const struct speaker *speaker, const struct config *config,
			  char **password)
{
	for (size_t i = 0; i < config->bgp.peer_count; i++) {
		const struct config_peer *peer = &config->bgp.peer[i];
		const struct config_bgp *bgp = &speaker->config->bgp;

		if (!peer->password_file || password[i])
			continue;
		for (size_t k = 0; k < bgp->peer_count && !password[i]; k++) {
			if (!speaker->password[k] || bgp->peer[k].is_range != peer->is_range ||
			    !ip_addr_equal(&bgp->peer[k].addr, &peer->addr) ||
			    !ip_prefix_equal(&bgp->peer[k].range, &peer->range))
				continue;
			password[i] = strdup(speaker->password[k]);
			if (!password[i])
				return -ENOMEM;
		}
		if (!password[i])
			log_error("bgp.peers: the peer of %s is left out until its password can be "
				  "read",
				  peer->password_file);
	}
	return 0;
}

/* --- filters --- */

void speaker_free_filters(const struct config *config, struct filter **filter)
{
	for (size_t i = 0; filter && i < config->bgp.peer_count; i++)
		filter_unref(filter[i]);
	free(filter);
}

static bool has_same_filters(const struct config_peer *a, const struct config_peer *b)
{
	return a->filter_count == b->filter_count &&
	       (a->filter_count == 0 ||
		memcmp(a->filter, b->filter, a->filter_count * sizeof(*a->filter)) == 0);
}

/* Peers that stand one after the other and name the same share them: a mesh does. */
static int make_filters(const struct config *config, struct filter ***ret)
{
	const struct config_bgp *bgp = &config->bgp;
	struct filter **filter = calloc(bgp->peer_count + 1, sizeof(*filter));
	int err = filter ? 0 : -ENOMEM;

	for (size_t i = 0; err == 0 && i < bgp->peer_count; i++) {
		if (i > 0 && has_same_filters(&bgp->peer[i - 1], &bgp->peer[i]))
			filter[i] = filter_ref(filter[i - 1]);
		else
			err = filter_new(bgp, &bgp->peer[i], &filter[i]);
	}
	if (err < 0)
		speaker_free_filters(config, filter);
	else
		*ret = filter;
	return err;
}

static bool is_link_asked(const struct speaker *speaker)
{
	for (size_t i = 0; i < speaker->config->bgp.peer_count; i++)
		if (speaker->peer_filter[i] && speaker->peer_filter[i]->has_interface)
			return true;
	return false;
}

/* Are they others than before? */
static bool take_links(struct speaker *speaker)
{
	struct link_table *table;
	bool is_same;
	int err;

	if (!is_link_asked(speaker))
		return false;
	speaker->links_read_ms = event_loop_now_ms();
	err = link_table_read(&table);
	if (err < 0) {
		log_error("links: cannot be read, so filters that ask for one go by those of "
			  "before: %s",
			  strerror(-err));
		return false;
	}
	is_same = link_table_equal(table, speaker->links);
	link_table_unref(is_same ? table : speaker->links);
	if (!is_same)
		speaker->links = table;
	return !is_same;
}

void speaker_read_links(struct speaker *speaker)
{
	struct peer *peer, *next;

	/* A thousand sessions that come up together ask once. */
	if (speaker->links && event_loop_now_ms() - speaker->links_read_ms < LINKS_READ_MS)
		return;
	if (!take_links(speaker))
		return;
	HASH_ITER(hh, speaker->peers, peer, next)
	if (peer->filter && peer->filter->has_interface)
		peer_apply_policy(peer);
}

bool speaker_has_peer(const struct speaker *speaker, size_t index)
{
	const struct setup setup = { speaker->config, speaker->password, speaker->peer_filter };

	return reconfigure_is_peer_usable(&setup, index);
}

/* --- own routes --- */

/* This node's blocks, and what else it announces, are routes whose next hop is written for each
 * peer. NULL: no memory. */
static struct attribute_set *own_attributes(struct speaker *speaker)
{
	struct attribute_draft *draft = &speaker->session_shared.update.draft;

	attributes_start(draft);
	draft->values.present = HAS_EMPTY_NEXT_HOP;
	draft->values.origin = ORIGIN_IGP;
	return attribute_set_intern(&speaker->attributes, draft);
}

static int add_own_route(struct speaker *speaker, const struct ip_prefix *block)
{
	struct attribute_set *attributes = own_attributes(speaker);
	int err = -ENOMEM;

	if (attributes)
		err = rib_set_path(speaker->rib, block, &speaker->own, attributes);
	attribute_set_unref(&speaker->attributes, attributes);
	return err;
}

/* --- at the start --- */

static int add_peers(struct speaker *speaker)
{
	const struct config_bgp *bgp = &speaker->config->bgp;

	for (size_t i = 0; i < bgp->peer_count; i++)
		if (!bgp->peer[i].is_range && speaker_has_peer(speaker, i) &&
		    !peer_new(speaker, i, &bgp->peer[i].addr))
			return -ENOMEM;
	return 0;
}

int speaker_set_up(struct speaker *speaker)
{
	const struct config *config = speaker->config;
	int err = import_filter_init(&speaker->filter, config);

	if (err == 0 && !speaker->password)
		err = read_passwords(config, !config->kubernetes, &speaker->password);
	if (err == 0)
		err = keep_passwords(speaker, config, speaker->password);
	if (err == 0)
		err = make_filters(config, &speaker->peer_filter);
	speaker->is_reflector = speaker->filter.is_reflector;
	if (err == 0)
		take_links(speaker);
	if (err == 0)
		err = add_peers(speaker);
	for (size_t i = 0; i < config->pool_count; i++)
		for (size_t k = 0; k < config->pool[i].block_count && err == 0; k++)
			err = add_own_route(speaker, &config->pool[i].block[k]);
	for (size_t i = 0; i < config->bgp.announce_count && err == 0; i++)
		err = add_own_route(speaker, &config->bgp.announce[i]);
	return err;
}

/* --- changes --- */

static struct peer *find_peer(struct speaker *speaker, const struct ip_addr *addr)
{
	struct peer *peer;

	HASH_FIND(hh, speaker->peers, addr, sizeof(*addr), peer);
	return peer;
}

static void add_peer(struct speaker *speaker, size_t index)
{
	const struct config_peer *config = &speaker->config->bgp.peer[index];
	struct peer *peer;

	if (config->is_range)
		return;
	peer = find_peer(speaker, &config->addr);
	if (peer) /* it came by a range until now */
		peer_remove(peer, CEASE_CONFIG_CHANGE);
	peer = peer_new(speaker, index, &config->addr);
	if (!peer) {
		log_error("tortie-bgpd: no memory for another peer; it is missing");
		return;
	}
	peer_report(peer, true);
	peer_start(peer);
}

static bool is_of_range(const struct peer *peer, const struct config_peer *config)
{
	return peer->kind == PEER_DYNAMIC && ip_prefix_equal(&peer->config.range, &config->range);
}

/* End the peer, or the peers of the range, with @subcode of Cease. */
static void remove_peers(struct speaker *speaker, const struct config_peer *config, uint8_t subcode)
{
	struct peer *peer, *next;

	if (!config->is_range) {
		peer = find_peer(speaker, &config->addr);
		if (peer)
			peer_remove(peer, subcode);
		return;
	}
	HASH_ITER(hh, speaker->peers, peer, next)
	if (is_of_range(peer, config))
		peer_remove(peer, subcode);
}

static void restart_peer(struct speaker *speaker, size_t index)
{
	const struct config_peer *config = &speaker->config->bgp.peer[index];
	struct peer *peer;

	if (config->is_range) { /* they come back by themselves */
		remove_peers(speaker, config, CEASE_CONFIG_CHANGE);
		return;
	}
	peer = find_peer(speaker, &config->addr);
	if (!peer)
		return;
	if (peer_configure(peer, index) < 0)
		log_error("peer %s: no memory for its new settings", peer->name);
	peer_restart(peer, "its settings changed");
}

/* Do @change with the peer of number @index, or with those of its range. */
static void change_peers(struct speaker *speaker, size_t index,
			 void (*change)(struct peer *peer, size_t index))
{
	const struct config_peer *config = &speaker->config->bgp.peer[index];
	struct peer *peer, *next;

	if (!config->is_range) {
		peer = find_peer(speaker, &config->addr);
		if (peer)
			change(peer, index);
		return;
	}
	HASH_ITER(hh, speaker->peers, peer, next)
	if (is_of_range(peer, config))
		change(peer, index);
}

static void apply_policy(struct peer *peer, size_t index)
{
	peer_apply_policy(peer);
}

/* A key of the old settings goes, or one of the new takes its place: without any in between. */
static void change_key(struct speaker *speaker, const struct change *change,
		       const struct setup *before)
{
	const struct config_bgp *bgp = &speaker->config->bgp;
	bool has_old = change->kind != CHANGE_PEER_ADD && before->password[change->old_index];
	bool has_new = change->kind != CHANGE_PEER_REMOVE && speaker->password[change->new_index];

	if (has_old && !has_new)
		speaker_set_password(speaker, &before->config->bgp.peer[change->old_index], NULL);
	if (has_new)
		speaker_set_password(speaker, &bgp->peer[change->new_index],
				     speaker->password[change->new_index]);
}

static void apply_to_peer(struct speaker *speaker, const struct change *change,
			  const struct setup *before)
{
	const struct config_bgp *bgp = &speaker->config->bgp;

	if (change->kind != CHANGE_PEER_BFD)
		change_key(speaker, change, before);
	switch (change->kind) {
	case CHANGE_PEER_REMOVE:
		remove_peers(speaker, &before->config->bgp.peer[change->old_index],
			     CEASE_DECONFIGURED);
		break;
	case CHANGE_PEER_REPLACE:
		remove_peers(speaker, &bgp->peer[change->new_index], CEASE_CONFIG_CHANGE);
		add_peer(speaker, change->new_index);
		break;
	case CHANGE_PEER_RESTART:
		restart_peer(speaker, change->new_index);
		break;
	case CHANGE_PEER_POLICY:
		change_peers(speaker, change->new_index, peer_change_policy);
		break;
	case CHANGE_PEER_BFD:
		change_peers(speaker, change->new_index, peer_change_bfd);
		break;
	default:
		add_peer(speaker, change->new_index);
		break;
	}
}

static void apply(struct speaker *speaker, const struct change *change, const struct setup *before)
{
	int err = 0;

	if (change->kind == CHANGE_OWN_REMOVE)
		rib_remove_path(speaker->rib, &change->prefix, &speaker->own);
	else if (change->kind == CHANGE_OWN_ADD)
		err = add_own_route(speaker, &change->prefix);
	else
		apply_to_peer(speaker, change, before);
	if (err < 0)
		log_error("routes: no memory for one of this node; peers miss it");
}

/* --- routes under another filter --- */

/* The filter's word on a route that lies as the peer told it. */
static enum filter_verdict filter_path(struct peer *peer, const struct ip_prefix *prefix,
				       const struct rib_path *path)
{
	struct filter_mask mask;

	if (!peer->filter)
		return FILTER_UNDECIDED;
	filter_match(peer->filter, FILTER_IMPORT, prefix, &mask);
	return peer_filter_route(peer, prefix, &mask, path->attributes);
}

static bool is_still_let_in(const struct ip_prefix *prefix, struct rib_path *path, void *arg)
{
	struct peer *peer;

	if (path->source->kind == SOURCE_LOCAL)
		return true;
	peer = peer_of_source(path->source);
	if (peer->is_rewritten)
		return true; /* decided when it is told again */
	if (peer_lets_in(peer, prefix, filter_path(peer, prefix, path)))
		return true;
	if (!import_is_service(&peer->speaker->filter, prefix))
		peer->is_refused[update_family(prefix)] = true;
	return false;
}

/* Routes that a filter has changed cannot be looked at again: what was told is gone. */
static bool mark_rewritten(struct speaker *speaker)
{
	struct peer *peer, *next;
	bool is_any = false;

	HASH_ITER(hh, speaker->peers, peer, next)
	{
		if (peer->filter && peer->filter->has_operations[FILTER_IMPORT])
			peer->is_rewritten = true;
		for (int i = 0; i < FAMILY_COUNT && peer->is_rewritten; i++)
			is_any = peer->is_refused[i] = true;
	}
	return is_any;
}

static void filter_again(struct speaker *speaker, const struct import_filter *before,
			 const struct change_list *list)
{
	bool lets_in_more = import_filter_lets_in_more(before, &speaker->filter);
	bool lets_in_less = import_filter_lets_in_more(&speaker->filter, before);
	struct peer *peer, *next;

	for (size_t i = 0; i < list->count; i++)
		if (list->change[i].kind == CHANGE_PEER_POLICY ||
		    list->change[i].kind == CHANGE_PEER_RESTART)
			lets_in_more = lets_in_less = true;
	if (lets_in_less && mark_rewritten(speaker))
		lets_in_more = true;
	if (lets_in_less)
		rib_filter(speaker->rib, is_still_let_in, NULL);
	if (!lets_in_more)
		return;
	HASH_ITER(hh, speaker->peers, peer, next)
	peer_hear_again(peer);
}

static bool has_other_services(const struct import_filter *before, const struct import_filter *now)
{
	return !prefix_set_includes(&before->services, &now->services) ||
	       !prefix_set_includes(&now->services, &before->services);
}

static void tell_by_policy(struct speaker *speaker, const struct change_list *list)
{
	struct peer *peer, *next;

	speaker_work_off(speaker);
	HASH_ITER(hh, speaker->peers, peer, next) /* links may be others, too */
	if (peer->filter && peer->filter->has_interface)
		peer_apply_policy(peer);
	for (size_t i = 0; i < list->count; i++)
		if (list->change[i].kind == CHANGE_PEER_POLICY)
			change_peers(speaker, list->change[i].new_index, apply_policy);
}

/* --- all --- */

int speaker_reconfigure(struct speaker *speaker, const struct config *config)
{
	const struct setup before = { speaker->config, speaker->password, speaker->peer_filter };
	struct import_filter filter = {}, filter_before = speaker->filter;
	struct setup now = { config, NULL, NULL };
	struct change_list list = {};
	int err = import_filter_init(&filter, config);

	if (err == 0)
		err = read_passwords(config, false, &now.password);
	if (err == 0)
		err = keep_passwords(speaker, config, now.password);
	if (err == 0)
		err = make_filters(config, &now.filter);
	if (err == 0)
		err = reconfigure_plan(&before, &now, &list);
	if (err < 0) {
		log_error("tortie-bgpd: no memory for the new configuration; the old one stays");
		speaker_free_passwords(config, now.password);
		speaker_free_filters(config, now.filter);
		import_filter_fini(&filter);
		return err;
	}
	speaker->config = config;
	speaker->password = now.password;
	speaker->peer_filter = now.filter;
	speaker->filter = filter;
	take_links(speaker);
	speaker->is_reflector = filter.is_reflector;
	for (size_t i = 0; i < list.count; i++)
		apply(speaker, &list.change[i], &before);
	filter_again(speaker, &filter_before, &list);
	if (has_other_services(&filter_before, &speaker->filter))
		speaker_feed_again(speaker);
	tell_by_policy(speaker, &list);
	if (before.config->bgp.max_paths != config->bgp.max_paths)
		speaker_feed_again(speaker);
	speaker_close_unlisted(speaker);
	agent_feed_listen(speaker->feed, &config->bgp);
	if (list.count > 0)
		log_info("configuration: changes of peers and own routes in force: %zu",
			 list.count);
	change_list_free(&list);
	speaker_free_passwords(before.config, before.password);
	speaker_free_filters(before.config, before.filter);
	import_filter_fini(&filter_before);
	speaker_finish_round(speaker);
	speaker_check_sync(speaker); /* whom we waited for may be gone */
	return 0;
}

void speaker_shut_down(struct speaker *speaker)
{
	struct peer *peer, *next;

	HASH_ITER(hh, speaker->peers, peer, next)
	peer_remove(peer, CEASE_DECONFIGURED);
	speaker_finish_round(speaker);
}

void speaker_forget_peers(struct speaker *speaker)
{
	struct peer *peer, *next;

	HASH_ITER(hh, speaker->peers, peer, next)
	agent_feed_peer_delete(speaker->feed, &peer->addr);
}
