/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advertise.c: what our peers are told.
 *
 * Peers that must get the same octets form a group (struct advertise_key): a route is rewritten and
 * a message formatted once per group and written to every member. The one exception is the peer
 * that a route came from: it is skipped, or told to forget what it had heard from us before.
 *
 * What a group was told hangs on the table's entries (struct rib_advertised): the rewritten
 * attribute set and whose route it is. advertise_change() compares that with the new best route and
 * notes the difference; advertise_flush() sorts the notes so that equal attributes lie together,
 * packs them, and sends withdrawals first. No timer is in the path: a batch is what one round of
 * the event loop brought.
 *
 * export_path() is the policy: RFC 4271 5.1, 9.2 (and 5.1.3 for next hops), 4456 section 8, 1997,
 * and the peers' filters (filter.c).
 * Pure but for memory and the members' send function.
 */
#include "bgp/advertise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/reflector.h"
#include "bgp/update.h"
#include "lib/ip_prefix.h"

#define PACK_MAX 1024 /* prefixes handed to the writer at once */

struct rib_advertised {
	struct rib_advertised *next; /* of the same entry */
	struct advertise_group *group;
	struct attribute_set *attributes; /* as sent */
	struct rib_source *source;
};

/* One prefix to be sent: attributes NULL to withdraw; @except is skipped. */
struct note {
	struct ip_prefix prefix;
	struct attribute_set *attributes; /* borrowed from the rib_advertised */
	struct rib_source *except;
};

struct note_list {
	struct note *note;
	size_t count, size;
};

struct advertise_group {
	struct advertise_group *next;
	struct advertise_key key;
	struct advertise_member *members;
	struct note_list notes;
	uint32_t count[FAMILY_COUNT];
	/* the last rewriting, as runs of routes share their attributes; references are held */
	struct attribute_set *memo_from, *memo_to;
	struct rib_source *memo_source;
	enum bgp_family memo_family;
	struct filter_mask memo_mask;
};

struct advertise {
	struct rib *rib;
	struct attribute_table *attributes;
	uint32_t local_as, router_id;
	struct advertise_group *groups;
	struct attribute_draft draft; /* scratch: it is large */
};

struct advertise *advertise_new(struct rib *rib, struct attribute_table *attributes,
				uint32_t local_as, uint32_t router_id)
{
	struct advertise *advertise = calloc(1, sizeof(*advertise));

	if (!advertise)
		return NULL;
	advertise->rib = rib;
	advertise->attributes = attributes;
	advertise->local_as = local_as;
	advertise->router_id = router_id;
	return advertise;
}

void advertise_free(struct advertise *advertise)
{
	free(advertise);
}

static bool key_equals(const struct advertise_key *a, const struct advertise_key *b)
{
	if (a->kind != b->kind || a->export != b->export || a->four_octet_as != b->four_octet_as ||
	    a->links != b->links || !filter_is_same(a->filter, b->filter, FILTER_EXPORT))
		return false;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (a->family[i] != b->family[i] ||
		    !ip_addr_equal(&a->next_hop[i], &b->next_hop[i]))
			return false;
	return true;
}

/* May @key's peers be told of @path at all, whatever the policy? */
static bool is_exportable(const struct advertise_key *key, const struct rib_path *path)
{
	uint32_t present = path->attributes->values.present;

	return !(present & HAS_NO_ADVERTISE) &&
	       !(present & HAS_NO_EXPORT && key->kind == SOURCE_EBGP) &&
	       reflector_may_pass(path->source->kind, key->kind);
}

/* Are they, when no filter says? */
static bool is_exported(const struct advertise_key *key, const struct rib_path *path)
{
	enum rib_source_kind from = path->source->kind;

	if (key->export == EXPORT_NONE)
		return false;
	/* reflector_client says what is reflected, whatever else is exported */
	return key->export == EXPORT_ALL || from == SOURCE_LOCAL ||
	       reflector_is_reflection(from, key->kind);
}

/* Rewrite @draft for an external peer: our AS in front, our next hop, nothing internal. */
static bool rewrite_external(const struct advertise *advertise, const struct ip_addr *next_hop,
			     bool keeps_med, struct attribute_draft *draft)
{
	draft->values.next_hop = *next_hop;
	draft->values.present &= ~(uint32_t)(HAS_LOCAL_PREF | HAS_ORIGINATOR_ID);
	draft->values.local_pref = draft->values.originator_id = 0;
	draft->values.cluster_list_len = 0;
	if (!keeps_med) {
		draft->values.present &= ~(uint32_t)HAS_MED;
		draft->values.med = 0;
	}
	return attributes_prepend_as(draft, advertise->local_as);
}

static bool rewrite_internal(const struct advertise *advertise, const struct advertise_key *key,
			     const struct rib_path *path, struct attribute_draft *draft)
{
	if (!(draft->values.present & HAS_LOCAL_PREF)) {
		draft->values.local_pref = LOCAL_PREF_DEFAULT;
		draft->values.present |= HAS_LOCAL_PREF;
	}
	if (!reflector_is_reflection(path->source->kind, key->kind))
		return true;
	return reflector_stamp(draft, path->source->router_id, advertise->router_id);
}

/* What the filter makes of it. False: it is not for these peers. */
static bool filter_path(const struct advertise_key *key, const struct rib_path *path,
			struct filter_route *route, struct attribute_draft *draft)
{
	enum filter_verdict verdict;

	route->direction = FILTER_EXPORT;
	route->links = key->links;
	route->is_ebgp = key->kind == SOURCE_EBGP;
	route->is_own = path->source->kind == SOURCE_LOCAL;
	verdict = filter_run(key->filter, route, draft);
	return verdict == FILTER_ACCEPTED ||
	       (verdict == FILTER_UNDECIDED && is_exported(key, path));
}

/* The attribute set that @group is told for @path, a reference for the caller; NULL: nothing. */
static struct attribute_set *export_path(struct advertise *advertise, struct advertise_group *group,
					 struct rib_path *path, struct filter_route *route)
{
	enum bgp_family family = update_family(route->prefix);
	const struct ip_addr *next_hop = &group->key.next_hop[family];
	struct attribute_draft *draft = &advertise->draft;
	bool ok;

	if (!group->key.family[family] || !is_exportable(&group->key, path))
		return NULL;
	attribute_set_draft(path->attributes, draft);
	if (!filter_path(&group->key, path, route, draft))
		return NULL;
	if (draft->values.present & HAS_EMPTY_NEXT_HOP) {
		draft->values.next_hop = *next_hop;
		draft->values.present &= ~(uint32_t)HAS_EMPTY_NEXT_HOP;
	}
	if (group->key.kind == SOURCE_EBGP)
		ok = rewrite_external(advertise, next_hop, route->sets_med, draft);
	else
		ok = rewrite_internal(advertise, &group->key, path, draft);
	if (!ok || ip_addr_is_zero(&draft->values.next_hop))
		return NULL;
	return attribute_set_intern(advertise->attributes, draft);
}

static void memo_clear(struct advertise *advertise, struct advertise_group *group)
{
	attribute_set_unref(advertise->attributes, group->memo_from);
	attribute_set_unref(advertise->attributes, group->memo_to);
	group->memo_from = group->memo_to = NULL;
}

static struct attribute_set *export_memoized(struct advertise *advertise,
					     struct advertise_group *group, struct rib_path *path,
					     const struct ip_prefix *prefix)
{
	enum bgp_family family = update_family(prefix);
	struct filter_mask mask;
	struct filter_route route = { .prefix = prefix, .mask = &mask };

	filter_match(group->key.filter, FILTER_EXPORT, prefix, &mask);
	if (group->memo_from != path->attributes || group->memo_source != path->source ||
	    group->memo_family != family || !filter_mask_equal(&group->memo_mask, &mask)) {
		memo_clear(advertise, group);
		group->memo_from = attribute_set_ref(path->attributes);
		group->memo_to = export_path(advertise, group, path, &route);
		group->memo_source = path->source;
		group->memo_family = family;
		group->memo_mask = mask;
	}
	return group->memo_to ? attribute_set_ref(group->memo_to) : NULL;
}

static int note_add(struct note_list *list, const struct ip_prefix *prefix,
		    struct attribute_set *attributes, struct rib_source *except)
{
	if (list->count == list->size) {
		size_t size = list->size ? list->size * 2 : 16;
		struct note *grown = realloc(list->note, size * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->note = grown;
		list->size = size;
	}
	list->note[list->count++] = (struct note){ *prefix, attributes, except };
	return 0;
}

/* Count an advertised route in or out. */
static void count_route(struct advertise_group *group, const struct rib_source *source,
			enum bgp_family family, uint32_t step)
{
	group->count[family] += step;
	if (source->member && source->member->group == group)
		source->member->own[family] += step;
}

/* Tell @source's own peer to forget a route that now comes from itself. */
static void withdraw_from_source(struct advertise_group *group, const struct rib_source *source,
				 const struct ip_prefix *prefix)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t count = 1, len;

	if (!source->member || source->member->group != group)
		return;
	len = update_write_withdraw(buf, prefix, &count);
	source->member->send(source->member, buf, len);
}

static struct rib_advertised **find_advertised(struct rib_entry *entry,
					       const struct advertise_group *group)
{
	struct rib_advertised **at = &entry->advertised;

	while (*at && (*at)->group != group)
		at = &(*at)->next;
	return at;
}

static void forget(struct advertise *advertise, struct rib_entry *entry, struct rib_advertised **at)
{
	struct rib_advertised *old = *at;

	*at = old->next;
	count_route(old->group, old->source, update_family(&entry->prefix), (uint32_t)-1);
	attribute_set_unref(advertise->attributes, old->attributes);
	free(old);
}

/* @told gets @attributes (a reference is taken over) of @source. */
static int remember(struct advertise *advertise, struct rib_entry *entry,
		    struct rib_advertised *told, struct attribute_set *attributes,
		    struct rib_source *source)
{
	enum bgp_family family = update_family(&entry->prefix);
	struct advertise_group *group = told->group;

	if (told->source && told->source != source)
		withdraw_from_source(group, source, &entry->prefix);
	if (told->source)
		count_route(group, told->source, family, (uint32_t)-1);
	attribute_set_unref(advertise->attributes, told->attributes);
	told->attributes = attributes;
	told->source = source;
	count_route(group, source, family, 1);
	return note_add(&group->notes, &entry->prefix, attributes, source);
}

static int change_for_group(struct advertise *advertise, struct advertise_group *group,
			    struct rib_entry *entry)
{
	struct rib_advertised **at = find_advertised(entry, group), *told = *at;
	struct attribute_set *attributes = NULL;
	int err;

	if (entry->best)
		attributes = export_memoized(advertise, group, entry->best, &entry->prefix);
	if (!attributes) {
		if (!told)
			return 0;
		err = note_add(&group->notes, &entry->prefix, NULL, told->source);
		forget(advertise, entry, at);
		return err;
	}
	if (told && told->attributes == attributes && told->source == entry->best->source) {
		attribute_set_unref(advertise->attributes, attributes);
		return 0;
	}
	if (!told) {
		told = calloc(1, sizeof(*told));
		if (!told) {
			attribute_set_unref(advertise->attributes, attributes);
			return -ENOMEM;
		}
		told->group = group;
		told->next = entry->advertised;
		entry->advertised = told;
	}
	return remember(advertise, entry, told, attributes, entry->best->source);
}

int advertise_change(struct advertise *advertise, struct rib_entry *entry)
{
	int err = 0;

	for (struct advertise_group *group = advertise->groups; group; group = group->next) {
		int result = change_for_group(advertise, group, entry);

		err = result < 0 ? result : err;
	}
	return err;
}

/* Withdrawals first, then runs of one family, attribute set and exception. */
static int note_compare(const void *a, const void *b)
{
	const struct note *left = a, *right = b;
	uintptr_t keys[2][3] = {
		{ (uintptr_t)left->attributes, update_family(&left->prefix),
		  (uintptr_t)left->except },
		{ (uintptr_t)right->attributes, update_family(&right->prefix),
		  (uintptr_t)right->except },
	};

	for (int i = 0; i < 3; i++)
		if (keys[0][i] != keys[1][i])
			return keys[0][i] < keys[1][i] ? -1 : 1;
	return 0;
}

static bool same_run(const struct note *a, const struct note *b)
{
	return a->attributes == b->attributes && a->except == b->except &&
	       update_family(&a->prefix) == update_family(&b->prefix);
}

/* Notes that can share a message. */
struct note_run {
	const struct note *first;
	struct ip_prefix prefix[PACK_MAX];
	size_t count;
};

static void gather_run(const struct note *note, size_t left, struct note_run *ret)
{
	ret->first = note;
	for (ret->count = 0; ret->count < PACK_MAX && ret->count < left; ret->count++) {
		if (!same_run(note, &note[ret->count]))
			break;
		ret->prefix[ret->count] = note[ret->count].prefix;
	}
}

/* One message with as many prefixes of @run as fit; how many are dealt with. */
static size_t write_message(const struct advertise_group *group, const struct note_run *run,
			    uint8_t *buf, size_t *ret_len)
{
	size_t count = run->count;

	if (run->first->attributes) {
		struct attribute_view view = attribute_set_view(run->first->attributes);

		*ret_len = update_write_announce(buf, &view, group->key.four_octet_as, run->prefix,
						 &count);
		if (*ret_len > 0)
			return count;
		count = 1; /* RFC 4271 section 9.2: what does not fit is not advertised */
	}
	*ret_len = update_write_withdraw(buf, run->prefix, &count);
	return count;
}

static void send_message(const struct advertise_group *group, struct advertise_member *only,
			 const struct rib_source *except, const uint8_t *data, size_t len)
{
	struct advertise_member *member, *next;

	if (only) {
		only->send(only, data, len);
		return;
	}
	for (member = group->members; member; member = next) {
		next = member->next;
		if (member->source != except)
			member->send(member, data, len);
	}
}

/* Format the sorted notes of @list for all members, or for @only. */
static void write_notes(const struct advertise_group *group, struct note_list *list,
			struct advertise_member *only)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t at = 0, len, taken;
	struct note_run run;

	qsort(list->note, list->count, sizeof(*list->note), note_compare);
	while (at < list->count) {
		gather_run(&list->note[at], list->count - at, &run);
		taken = write_message(group, &run, buf, &len);
		send_message(group, only, run.first->except, buf, len);
		at += taken;
	}
}

static void note_list_free(struct note_list *list)
{
	free(list->note);
	*list = (struct note_list){};
}

void advertise_flush(struct advertise *advertise)
{
	for (struct advertise_group *group = advertise->groups; group; group = group->next) {
		if (group->notes.count > 0) {
			write_notes(group, &group->notes, NULL);
			note_list_free(&group->notes);
		}
		memo_clear(advertise, group);
	}
}

struct dump {
	struct advertise *advertise;
	struct advertise_member *member;
	bool family[FAMILY_COUNT];
	struct note_list notes;
	int err;
};

static void dump_entry(struct rib_entry *entry, void *arg)
{
	struct dump *dump = arg;
	struct rib_advertised *told = *find_advertised(entry, dump->member->group);

	if (!told || told->source == dump->member->source ||
	    !dump->family[update_family(&entry->prefix)] || dump->err < 0)
		return;
	dump->err = note_add(&dump->notes, &entry->prefix, told->attributes, NULL);
}

/* Send what the group was told so far to one member. */
static int dump_to_member(struct dump *dump)
{
	rib_walk(dump->advertise->rib, dump_entry, dump);
	if (dump->err == 0 && dump->notes.count > 0)
		write_notes(dump->member->group, &dump->notes, dump->member);
	note_list_free(&dump->notes);
	return dump->err;
}

struct fill {
	struct advertise *advertise;
	struct advertise_group *group;
	int err;
};

static void fill_entry(struct rib_entry *entry, void *arg)
{
	struct fill *fill = arg;

	if (entry->best && fill->err == 0)
		fill->err = change_for_group(fill->advertise, fill->group, entry);
}

static void empty_entry(struct rib_entry *entry, void *arg)
{
	struct fill *fill = arg;
	struct rib_advertised **at = find_advertised(entry, fill->group);

	if (*at)
		forget(fill->advertise, entry, at);
}

static void group_free(struct advertise *advertise, struct advertise_group *group)
{
	struct advertise_group **at = &advertise->groups;
	struct fill fill = { advertise, group, 0 };

	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	rib_walk(advertise->rib, empty_entry, &fill);
	memo_clear(advertise, group);
	note_list_free(&group->notes);
	filter_unref(group->key.filter);
	link_table_unref(group->key.links);
	free(group);
}

static struct advertise_group *group_new(struct advertise *advertise,
					 const struct advertise_key *key)
{
	struct advertise_group *group = calloc(1, sizeof(*group));
	struct fill fill = { advertise, group, 0 };

	if (!group)
		return NULL;
	group->key = *key;
	filter_ref(group->key.filter);
	link_table_ref(group->key.links);
	group->next = advertise->groups;
	advertise->groups = group;
	rib_walk(advertise->rib, fill_entry, &fill);
	note_list_free(&group->notes); /* nobody is there to be told yet */
	memo_clear(advertise, group);
	if (fill.err == 0)
		return group;
	group_free(advertise, group);
	return NULL;
}

static struct advertise_group *group_find(struct advertise *advertise,
					  const struct advertise_key *key)
{
	struct advertise_group *group = advertise->groups;

	while (group && !key_equals(&group->key, key))
		group = group->next;
	return group;
}

static void count_own(struct rib_entry *entry, void *arg)
{
	struct advertise_member *member = arg;
	struct rib_advertised *told = *find_advertised(entry, member->group);

	if (told && told->source == member->source)
		member->own[update_family(&entry->prefix)]++;
}

static struct advertise_group *group_get(struct advertise *advertise,
					 const struct advertise_key *key)
{
	struct advertise_group *group = group_find(advertise, key);

	return group ? group : group_new(advertise, key);
}

static void enter_group(struct advertise *advertise, struct advertise_group *group,
			struct advertise_member *member, struct rib_source *source)
{
	member->group = group;
	member->source = source;
	member->own[FAMILY_IPV4] = member->own[FAMILY_IPV6] = 0;
	rib_walk(advertise->rib, count_own, member); /* routes kept from before, being stale */
	source->member = member;
	member->prev = NULL;
	member->next = group->members;
	if (group->members)
		group->members->prev = member;
	group->members = member;
}

int advertise_join(struct advertise *advertise, const struct advertise_key *key,
		   struct advertise_member *member, struct rib_source *source)
{
	struct dump dump = { .advertise = advertise, .member = member, .family = { true, true } };
	struct advertise_group *group = group_get(advertise, key);
	int err;

	if (!group)
		return -ENOMEM;
	enter_group(advertise, group, member, source);
	err = dump_to_member(&dump);
	if (err < 0)
		advertise_leave(advertise, member);
	return err;
}

/* From one group to another. */
struct move {
	struct advertise_member *member; /* still in the old one */
	struct advertise_group *to;
	struct note_list notes;
	int err;
};

/* What @member itself has of a group's route: nothing of its own. */
static const struct rib_advertised *told_to(struct rib_entry *entry,
					    const struct advertise_group *group,
					    const struct advertise_member *member)
{
	const struct rib_advertised *told = *find_advertised(entry, group);

	return told && told->source != member->source ? told : NULL;
}

static void move_entry(struct rib_entry *entry, void *arg)
{
	struct move *move = arg;
	const struct advertise_member *member = move->member;
	const struct rib_advertised *had = told_to(entry, member->group, member);
	const struct rib_advertised *has = told_to(entry, move->to, member);

	if (move->err < 0 || (!had && !has) || (had && has && had->attributes == has->attributes))
		return;
	move->err = note_add(&move->notes, &entry->prefix, has ? has->attributes : NULL, NULL);
}

int advertise_rejoin(struct advertise *advertise, const struct advertise_key *key,
		     struct advertise_member *member)
{
	struct move move = { .member = member };
	struct rib_source *source = member->source;

	if (!member->group || key_equals(&member->group->key, key))
		return 0;
	move.to = group_get(advertise, key);
	if (!move.to)
		return -ENOMEM;
	rib_walk(advertise->rib, move_entry, &move);
	if (move.err == 0) {
		if (move.notes.count > 0)
			write_notes(move.to, &move.notes, member);
		advertise_leave(advertise, member);
		enter_group(advertise, move.to, member, source);
	} else if (!move.to->members) {
		group_free(advertise, move.to);
	}
	note_list_free(&move.notes);
	return move.err;
}

void advertise_leave(struct advertise *advertise, struct advertise_member *member)
{
	struct advertise_group *group = member->group;

	if (!group)
		return;
	if (member->prev)
		member->prev->next = member->next;
	else
		group->members = member->next;
	if (member->next)
		member->next->prev = member->prev;
	member->source->member = NULL;
	member->group = NULL;
	if (!group->members)
		group_free(advertise, group);
}

int advertise_refresh(struct advertise *advertise, struct advertise_member *member,
		      enum bgp_family family)
{
	struct dump dump = { .advertise = advertise, .member = member };

	if (!member->group)
		return 0;
	dump.family[family] = true;
	return dump_to_member(&dump);
}

struct attribute_set *advertise_told(const struct advertise_member *member, struct rib_entry *entry)
{
	const struct rib_advertised *told =
		member->group ? told_to(entry, member->group, member) : NULL;

	return told ? attribute_set_ref(told->attributes) : NULL;
}

uint32_t advertise_count(const struct advertise_member *member, enum bgp_family family)
{
	return member->group ? member->group->count[family] - member->own[family] : 0;
}
