/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconfigure.c: from one configuration to the next: what is to be done, and nothing more.
 *
 * In a cluster a new configuration comes with every node that joins, and a session that it does not
 * concern must not notice. So the difference is worked out first, as a list of changes, from two
 * configurations alone; speaker_config.c carries it out. Peers are the same when address or range
 * are, wherever they stand in their list; they are found by a hash, so that the price is that of
 * reading both lists.
 *
 * A change of AS, router id or node addresses is no difference but another speaker: control.c
 * starts anew then. Pools are no list of changes either: see import.c.
 *
 * Pure but for memory.
 */
#include "bgp/reconfigure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "lib/ip_prefix.h"

struct peer_key {
	struct ip_prefix who;
	uint32_t is_range;
};

/* A peer of one side, to be found by the other. */
struct peer_entry {
	struct peer_key key;
	size_t index;
	UT_hash_handle hh;
};

struct peer_index {
	struct peer_entry *entry; /* all, one block of memory */
	struct peer_entry *hash;
};

static struct peer_key key_of(const struct config_peer *peer)
{
	struct peer_key key;

	memset(&key, 0, sizeof(key));
	key.who = peer->is_range ? peer->range : ip_prefix_host(&peer->addr);
	key.is_range = peer->is_range;
	return key;
}

bool reconfigure_is_peer_usable(const struct setup *setup, size_t index)
{
	return !setup->config->bgp.peer[index].password_file || setup->password[index];
}

static int index_peers(const struct setup *setup, struct peer_index *ret)
{
	const struct config_bgp *bgp = &setup->config->bgp;

	ret->hash = NULL;
	ret->entry = calloc(bgp->peer_count + 1, sizeof(*ret->entry));
	if (!ret->entry)
		return -ENOMEM;
	for (size_t i = 0; i < bgp->peer_count; i++) {
		struct peer_entry *entry = &ret->entry[i];

		if (!reconfigure_is_peer_usable(setup, i))
			continue;
		entry->key = key_of(&bgp->peer[i]);
		entry->index = i;
		HASH_ADD(hh, ret->hash, key, sizeof(entry->key), entry);
	}
	return 0;
}

static void index_free(struct peer_index *index)
{
	HASH_CLEAR(hh, index->hash);
	free(index->entry);
}

static const struct peer_entry *index_find(const struct peer_index *index,
					   const struct config_peer *peer)
{
	struct peer_key key = key_of(peer);
	struct peer_entry *entry;

	HASH_FIND(hh, index->hash, &key, sizeof(key), entry);
	return entry;
}

static int add(struct change_list *list, struct change change)
{
	if (list->count == list->size) {
		size_t size = list->size ? list->size * 2 : 16;
		struct change *grown = realloc(list->change, size * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->change = grown;
		list->size = size;
	}
	list->change[list->count++] = change;
	return 0;
}

void change_list_free(struct change_list *list)
{
	free(list->change);
	*list = (struct change_list){};
}

/* --- peers --- */

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Nothing but the policy may differ. */
static bool is_same_session(const struct config_peer *a, const struct config_peer *b)
{
	return a->is_mesh == b->is_mesh && a->port == b->port && a->passive == b->passive &&
	       a->ipv4 == b->ipv4 && a->ipv6 == b->ipv6 && a->hold_time_s == b->hold_time_s &&
	       a->source == b->source && a->restart_time_s == b->restart_time_s &&
	       a->extended_next_hop == b->extended_next_hop && a->ttl_security == b->ttl_security;
}

/* ttl_security: how far away a multihop neighbour may be. */
static bool is_same_bfd(const struct config_peer *a, const struct config_peer *b)
{
	return a->bfd.present == b->bfd.present && a->bfd.multihop == b->bfd.multihop &&
	       a->bfd.min_interval_ms == b->bfd.min_interval_ms &&
	       a->bfd.multiplier == b->bfd.multiplier &&
	       (!a->bfd.present || a->ttl_security == b->ttl_security);
}

static bool is_same_policy(const struct setup *before, size_t old_index, const struct setup *now,
			   size_t new_index)
{
	const struct config_peer *a = &before->config->bgp.peer[old_index];
	const struct config_peer *b = &now->config->bgp.peer[new_index];
	const struct filter *old_filter = before->filter[old_index];
	const struct filter *new_filter = now->filter[new_index];
	bool is_same = true;

#define COMPARE(name) is_same = is_same && a->name == b->name;
	CONFIG_PEER_POLICY(COMPARE)
#undef COMPARE
	return is_same && filter_is_same(old_filter, new_filter, FILTER_IMPORT) &&
	       filter_is_same(old_filter, new_filter, FILTER_EXPORT);
}

/* Does the peer change at all, and how? */
static bool compare_peers(const struct setup *before, size_t old_index, const struct setup *now,
			  size_t new_index, enum change_kind *ret_kind)
{
	const struct config_peer *a = &before->config->bgp.peer[old_index];
	const struct config_peer *b = &now->config->bgp.peer[new_index];

	if (a->as != b->as || a->local_as != b->local_as ||
	    a->reflector_client != b->reflector_client)
		*ret_kind = CHANGE_PEER_REPLACE;
	else if (!is_same_session(a, b) ||
		 !is_same_text(before->password[old_index], now->password[new_index]))
		*ret_kind = CHANGE_PEER_RESTART;
	else if (!is_same_policy(before, old_index, now, new_index))
		*ret_kind = CHANGE_PEER_POLICY;
	else
		return false;
	return true;
}

static int plan_removed(const struct setup *before, const struct peer_index *now,
			struct change_list *list)
{
	const struct config_bgp *bgp = &before->config->bgp;
	int err = 0;

	for (size_t i = 0; i < bgp->peer_count && err == 0; i++)
		if (reconfigure_is_peer_usable(before, i) && !index_find(now, &bgp->peer[i]))
			err = add(list, (struct change){ CHANGE_PEER_REMOVE, .old_index = i });
	return err;
}

static int plan_kept(const struct setup *before, const struct peer_index *old,
		     const struct setup *now, struct change_list *list)
{
	const struct config_bgp *bgp = &now->config->bgp;
	int err = 0;

	for (size_t i = 0; i < bgp->peer_count && err == 0; i++) {
		const struct peer_entry *entry = index_find(old, &bgp->peer[i]);
		struct change change = { .kind = CHANGE_PEER_BFD, .new_index = i };

		if (!entry || !reconfigure_is_peer_usable(now, i))
			continue;
		change.old_index = entry->index;
		if (!is_same_bfd(&before->config->bgp.peer[entry->index], &bgp->peer[i]))
			err = add(list, change);
		if (err == 0 && compare_peers(before, entry->index, now, i, &change.kind))
			err = add(list, change);
	}
	return err;
}

static int plan_added(const struct peer_index *old, const struct setup *now,
		      struct change_list *list)
{
	const struct config_bgp *bgp = &now->config->bgp;
	int err = 0;

	for (size_t i = 0; i < bgp->peer_count && err == 0; i++)
		if (reconfigure_is_peer_usable(now, i) && !index_find(old, &bgp->peer[i]))
			err = add(list, (struct change){ CHANGE_PEER_ADD, .new_index = i });
	return err;
}

/* --- own routes --- */

static bool has_block(const struct config *config, const struct ip_prefix *block)
{
	for (size_t i = 0; i < config->pool_count; i++)
		for (size_t k = 0; k < config->pool[i].block_count; k++)
			if (ip_prefix_equal(&config->pool[i].block[k], block))
				return true;
	return false;
}

/* Blocks of @from that are not in @other. */
static int plan_blocks(const struct config *from, const struct config *other, enum change_kind kind,
		       struct change_list *list)
{
	int err = 0;

	for (size_t i = 0; i < from->pool_count; i++)
		for (size_t k = 0; k < from->pool[i].block_count && err == 0; k++)
			if (!has_block(other, &from->pool[i].block[k]))
				err = add(list, (struct change){
							kind, .prefix = from->pool[i].block[k] });
	return err;
}

/* Of two lists in order, what only one has. */
static int plan_announced(const struct config_bgp *before, const struct config_bgp *now,
			  struct change_list *list)
{
	size_t i = 0, k = 0;
	int err = 0;

	while (err == 0 && (i < before->announce_count || k < now->announce_count)) {
		int order = i == before->announce_count ? 1
			    : k == now->announce_count
				    ? -1
				    : ip_prefix_compare(&before->announce[i], &now->announce[k]);

		if (order < 0)
			err = add(list, (struct change){ CHANGE_OWN_REMOVE,
							 .prefix = before->announce[i] });
		else if (order > 0)
			err = add(list,
				  (struct change){ CHANGE_OWN_ADD, .prefix = now->announce[k] });
		i += order <= 0;
		k += order >= 0;
	}
	return err;
}

/* --- all --- */

static int compare_kinds(const void *a, const void *b)
{
	const struct change *left = a, *right = b;

	return (int)left->kind - (int)right->kind;
}

int reconfigure_plan(const struct setup *before, const struct setup *now, struct change_list *ret)
{
	struct peer_index old_index = {}, new_index = {};
	struct change_list list = {};
	int err = index_peers(before, &old_index);

	if (err == 0)
		err = index_peers(now, &new_index);
	if (err == 0)
		err = plan_removed(before, &new_index, &list);
	if (err == 0)
		err = plan_kept(before, &old_index, now, &list);
	if (err == 0)
		err = plan_added(&old_index, now, &list);
	if (err == 0)
		err = plan_blocks(before->config, now->config, CHANGE_OWN_REMOVE, &list);
	if (err == 0)
		err = plan_blocks(now->config, before->config, CHANGE_OWN_ADD, &list);
	if (err == 0)
		err = plan_announced(&before->config->bgp, &now->config->bgp, &list);
	index_free(&old_index);
	index_free(&new_index);
	if (err < 0) {
		change_list_free(&list);
		return err;
	}
	if (list.count > 1)
		qsort(list.change, list.count, sizeof(*list.change), compare_kinds);
	*ret = list;
	return 0;
}

bool reconfigure_needs_new_speaker(const struct config *before, const struct config *now)
{
	if (before->bgp.as != now->bgp.as || before->bgp.router_id_be != now->bgp.router_id_be ||
	    before->bgp.cluster_id_be != now->bgp.cluster_id_be ||
	    before->node_address_count != now->node_address_count)
		return true;
	for (size_t i = 0; i < now->node_address_count; i++)
		if (!ip_addr_equal(&before->node_address[i], &now->node_address[i]))
			return true;
	return false;
}

int reconfigure_find_listen(const struct config_bgp *bgp, const struct config_listen *listen)
{
	for (size_t i = 0; i < bgp->listen_count; i++)
		if (bgp->listen[i].port == listen->port &&
		    ip_addr_equal(&bgp->listen[i].addr, &listen->addr))
			return (int)i;
	return -1;
}
