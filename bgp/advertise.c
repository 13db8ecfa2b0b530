/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advertise.c: what our peers are told.
 *
 * Peers that must get the same octets form a group (struct advertise_key): a route is rewritten and
 * a message formatted once per group and written to every member. The one exception is the peer
 * that a route came from: it is skipped, or told to forget what it had heard from us before.
 *
 * Nothing is kept of what a group was told, for it follows: the queue of changes says which route
 * was best before, and what the policy makes of it the group has heard. advertise_change() notes
 * the difference, advertise_flush() brings runs of equal attributes together, packs them, and sends
 * withdrawals first. No timer is in the path: a batch is what one round of the event loop brought.
 *
 * Who joins is told the table in pieces, the next one when it has taken the last: the whole of a
 * large table, formatted for each of many peers that come together, would be more memory than all
 * outputs may have. Changes it gets at once, as one who has been told all. So it may hear of a
 * route twice, or of the end of one that it never heard of, which does no harm.
 *
 * Which routes a group is told, and with which attributes, says advertise_policy.c; the notes of
 * what is to be sent are advertise_notes.c's. Pure but for memory and the members' send function.
 */
#include "bgp/advertise.h"

#include <errno.h>
#include <stdlib.h>

#include "bgp/advertise_internal.h"
#include "bgp/update.h"
#include "lib/ip_prefix.h"

#define PACK_MAX  1024	/* prefixes handed to the writer at once: more never fit */
#define NOTES_MAX 16384 /* then they are written, whatever else comes */
#define RUN_NOTES 16	/* of a piece: attributes take the room of so many prefixes */

/* What became of the last route, as runs of routes share their attributes. References are held. */
struct memo {
	struct route from;
	struct filter_mask mask;
	struct attribute_set *to; /* NULL: it is not told */
};

enum {
	MEMO_NOW,
	MEMO_WAS,
	MEMO_COUNT
};

struct advertise_group {
	struct advertise_group *next;
	struct advertise_key key;
	struct advertise_member *members;
	struct note_list notes;
	uint32_t count[FAMILY_COUNT];
	struct memo memo[MEMO_COUNT]; /* of routes that are best, and that were */
	bool has_digest;	      /* since the last change */
	uint64_t digest;
};

struct advertise {
	struct rib *rib;
	struct attribute_table *attributes;
	uint32_t cluster_id;
	struct advertise_group *groups;
	struct attribute_draft draft;	 /* scratch: it is large */
	struct ip_prefix pack[PACK_MAX]; /* likewise */
};

struct advertise *advertise_new(struct rib *rib, struct attribute_table *attributes,
				uint32_t cluster_id)
{
	struct advertise *advertise = calloc(1, sizeof(*advertise));

	if (!advertise)
		return NULL;
	advertise->rib = rib;
	advertise->attributes = attributes;
	advertise->cluster_id = cluster_id;
	return advertise;
}

void advertise_free(struct advertise *advertise)
{
	free(advertise);
}

static bool key_equals(const struct advertise_key *a, const struct advertise_key *b)
{
	if (a->kind != b->kind || a->export != b->export || a->four_octet_as != b->four_octet_as ||
	    a->extended_next_hop != b->extended_next_hop || a->next_hop_mode != b->next_hop_mode ||
	    a->local_as != b->local_as || a->links != b->links ||
	    !filter_is_same(a->filter, b->filter, FILTER_EXPORT))
		return false;
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (a->family[i] != b->family[i] ||
		    !ip_addr_equal(&a->next_hop[i], &b->next_hop[i]))
			return false;
	return true;
}

static struct route best_route(struct rib_entry *entry)
{
	return (struct route){ entry->best.source, entry->best.attributes,
			       update_family(&entry->prefix), &entry->prefix,
			       entry->best.is_unreachable };
}

/* --- what became of the last route --- */

/* The attribute set that @key's peers are told for @route, a reference, NULL: they are not told of
 * it. 0 or -ENOMEM. */
static int export_route(struct advertise *advertise, const struct advertise_key *key,
			const struct route *route, const struct filter_mask *mask,
			struct attribute_set **ret_set)
{
	*ret_set = NULL;
	if (!export_rewrite(advertise->cluster_id, key, route, mask, &advertise->draft))
		return 0;
	*ret_set = attribute_set_intern(advertise->attributes, &advertise->draft);
	return *ret_set ? 0 : -ENOMEM;
}

static void memo_clear(struct advertise *advertise, struct memo *memo)
{
	attribute_set_unref(advertise->attributes, memo->from.attributes);
	attribute_set_unref(advertise->attributes, memo->to);
	memo->from = (struct route){};
	memo->to = NULL;
}

static bool memo_knows(const struct memo *memo, const struct route *route,
		       const struct filter_mask *mask)
{
	return memo->from.source == route->source && memo->from.attributes == route->attributes &&
	       memo->from.family == route->family &&
	       memo->from.is_unreachable == route->is_unreachable &&
	       filter_mask_equal(&memo->mask, mask);
}

/* The same; *ret_set is borrowed, valid until @memo is used again. */
static int export_memoized(struct advertise *advertise, struct advertise_group *group,
			   struct memo *memo, const struct route *route,
			   struct attribute_set **ret_set)
{
	struct attribute_set *to;
	struct filter_mask mask;
	int err = 0;

	*ret_set = NULL;
	if (!route->source)
		return 0;
	filter_match(group->key.filter, FILTER_EXPORT, route->prefix, &mask);
	if (!memo_knows(memo, route, &mask)) {
		err = export_route(advertise, &group->key, route, &mask, &to);
		memo_clear(advertise, memo);
		if (err < 0)
			return err;
		memo->from = *route;
		attribute_set_ref(route->attributes);
		memo->mask = mask;
		memo->to = to;
	}
	*ret_set = memo->to;
	return 0;
}

/* Is @group told of @route when it is the best one? Without filters that is cheap to know. 0 or
 * -ENOMEM. */
static int ask_told(struct advertise *advertise, struct advertise_group *group, struct memo *memo,
		    const struct route *route, bool *ret_is_told)
{
	struct attribute_set *to;
	int err;

	if (!route->source || !filter_has_rules(group->key.filter, FILTER_EXPORT)) {
		*ret_is_told = route->source && export_is_told(&group->key, route);
		return 0;
	}
	err = export_memoized(advertise, group, memo, route, &to);
	if (err == 0)
		*ret_is_told = to;
	return err;
}

static void memos_clear(struct advertise *advertise, struct advertise_group *group)
{
	memo_clear(advertise, &group->memo[MEMO_NOW]);
	memo_clear(advertise, &group->memo[MEMO_WAS]);
}

/* --- messages --- */

/* One message with as many of the *@count prefixes as fit, and how many are dealt with; its length.
 */
static size_t write_message(const struct advertise_group *group, const struct note_run *run,
			    const struct ip_prefix *prefix, size_t *count, uint8_t *buf)
{
	if (run->attributes) {
		struct attribute_view view = attribute_set_view(run->attributes);
		size_t fit = *count, len;

		len = update_write_announce(buf, &view, group->key.four_octet_as, prefix, &fit);
		*count = len > 0 ? fit : 1;
		if (len > 0)
			return len;
		/* RFC 4271 section 9.2: what does not fit is not advertised */
	}
	return update_write_withdraw(buf, prefix, count);
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

/* Where the prefixes go: to all of @group but those excepted, or to @only. */
struct output {
	struct advertise *advertise;
	const struct advertise_group *group;
	struct advertise_member *only;
	size_t packed; /* in advertise->pack */
};

static void write_prefixes(struct output *output, const struct note_run *run,
			   const struct ip_prefix *prefix, size_t count)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t len, taken;

	for (; count > 0; prefix += taken, count -= taken) {
		taken = count;
		len = write_message(output->group, run, prefix, &taken, buf);
		send_message(output->group, output->only, run->except, buf, len);
	}
}

static void write_packed(struct output *output, const struct note_run *run)
{
	write_prefixes(output, run, output->advertise->pack, output->packed);
	output->packed = 0;
}

/* Runs that share messages, from @run up to @end: side by side first, as far as there is room. */
static void write_runs(struct output *output, const struct note_list *list,
		       const struct note_run *run, const struct note_run *end)
{
	struct ip_prefix *pack = output->advertise->pack;

	if (end - run == 1) {
		write_prefixes(output, run, &list->prefix[run->first], run->count);
		return;
	}
	for (; run < end; run++) {
		for (uint32_t i = 0; i < run->count; i++) {
			if (output->packed == PACK_MAX)
				write_packed(output, run);
			pack[output->packed++] = list->prefix[run->first + i];
		}
	}
	write_packed(output, run - 1);
}

/* Format the notes of @list for all members, or for @only, and clear it. */
static void write_notes(struct advertise *advertise, const struct advertise_group *group,
			struct note_list *list, struct advertise_member *only)
{
	struct output output = { .advertise = advertise, .group = group, .only = only };
	const struct note_run *run = list->run, *end = run + list->run_count, *next;

	note_list_sort(list);
	for (; run < end; run = next) {
		for (next = run + 1; next < end && note_shares_message(run, next); next++)
			continue;
		write_runs(&output, list, run, next);
	}
	note_list_clear(advertise->attributes, list);
}

/* --- changes --- */

/* Count an advertised route in or out. */
static void count_route(struct advertise_group *group, const struct route *route, uint32_t step)
{
	struct advertise_member *member = route->source->member;

	group->count[route->family] += step;
	if (member && member->group == group)
		member->own[route->family] += step;
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

static int announce(struct advertise *advertise, struct advertise_group *group,
		    const struct route *route)
{
	struct attribute_set *to;
	int err = export_memoized(advertise, group, &group->memo[MEMO_NOW], route, &to);

	if (err == 0 && to)
		err = note_add(&group->notes, route, to, route->source);
	return err;
}

/* The group has been told of @was, and is told of @now instead. */
static int replace(struct advertise *advertise, struct advertise_group *group,
		   const struct route *was, const struct route *now)
{
	struct attribute_set *before, *to;
	int err;

	count_route(group, was, (uint32_t)-1);
	count_route(group, now, 1);
	if (was->source != now->source) {
		withdraw_from_source(group, now->source, now->prefix);
		return announce(advertise, group, now);
	}
	err = export_memoized(advertise, group, &group->memo[MEMO_WAS], was, &before);
	if (err == 0)
		err = export_memoized(advertise, group, &group->memo[MEMO_NOW], now, &to);
	if (err < 0 || to == before)
		return err;
	return note_add(&group->notes, now, to, now->source);
}

static int change_for_group(struct advertise *advertise, struct advertise_group *group,
			    const struct route *was, const struct route *now)
{
	bool was_told, now_told;
	int err = ask_told(advertise, group, &group->memo[MEMO_WAS], was, &was_told);

	if (err == 0)
		err = ask_told(advertise, group, &group->memo[MEMO_NOW], now, &now_told);
	if (err < 0)
		return err;
	if (was_told && now_told)
		return replace(advertise, group, was, now);
	if (was_told) {
		count_route(group, was, (uint32_t)-1);
		return note_add(&group->notes, was, NULL, was->source);
	}
	if (!now_told)
		return 0;
	count_route(group, now, 1);
	return announce(advertise, group, now);
}

int advertise_change(struct advertise *advertise, const struct rib_change *change)
{
	struct route now = best_route(change->entry), was = now;
	int err = 0;

	was.source = change->source;
	was.attributes = change->attributes;
	was.is_unreachable = change->is_unreachable;
	for (struct advertise_group *group = advertise->groups; group; group = group->next) {
		int result = change_for_group(advertise, group, &was, &now);

		group->has_digest = false;
		err = result < 0 ? result : err;
		if (group->notes.prefix_count >= NOTES_MAX)
			write_notes(advertise, group, &group->notes, NULL);
	}
	return err;
}

void advertise_flush(struct advertise *advertise)
{
	for (struct advertise_group *group = advertise->groups; group; group = group->next) {
		if (group->notes.run_count > 0)
			write_notes(advertise, group, &group->notes, NULL);
		memos_clear(advertise, group);
	}
}

/* --- joining --- */

struct dump {
	struct advertise *advertise;
	struct advertise_member *member;
	struct note_list notes;
	int err;
};

/* What @member itself has of its group's, or another group's, routes: nothing of its own. */
static int told_to(struct advertise *advertise, struct advertise_group *group,
		   const struct advertise_member *member, const struct route *route,
		   struct attribute_set **ret_set)
{
	*ret_set = NULL;
	if (route->source == member->source)
		return 0;
	return export_memoized(advertise, group, &group->memo[MEMO_NOW], route, ret_set);
}

static void dump_entry(struct rib_entry *entry, void *arg)
{
	struct dump *dump = arg;
	struct advertise_group *group = dump->member->group;
	struct route route = best_route(entry);
	struct attribute_set *to;

	if (dump->err < 0 || !dump->member->feed_family[route.family])
		return;
	dump->err = told_to(dump->advertise, group, dump->member, &route, &to);
	if (dump->err == 0 && to)
		dump->err = note_add(&dump->notes, &route, to, NULL);
}

static bool is_piece(const struct note_list *notes)
{
	return notes->prefix_count + (size_t)RUN_NOTES * notes->run_count >= NOTES_MAX;
}

int advertise_feed(struct advertise *advertise, struct advertise_member *member)
{
	struct dump dump = { .advertise = advertise, .member = member };
	struct advertise_group *group = member->group;

	while (dump.err == 0 && member->is_feeding && !is_piece(&dump.notes))
		member->is_feeding =
			rib_walk_on(advertise->rib, &member->feed_at, dump_entry, &dump);
	if (dump.err == 0)
		write_notes(advertise, group, &dump.notes, member);
	else
		member->is_feeding = false;
	note_list_clear(advertise->attributes, &dump.notes);
	note_list_free(&dump.notes);
	memos_clear(advertise, group);
	return dump.err;
}

/* Send what the group was told so far to one member: the first piece. */
static int begin_feed(struct advertise *advertise, struct advertise_member *member, bool ipv4,
		      bool ipv6)
{
	member->is_feeding = true;
	member->feed_at = 0;
	member->feed_family[FAMILY_IPV4] = ipv4;
	member->feed_family[FAMILY_IPV6] = ipv6;
	return advertise_feed(advertise, member);
}

static void group_free(struct advertise *advertise, struct advertise_group *group)
{
	struct advertise_group **at = &advertise->groups;

	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	memos_clear(advertise, group);
	note_list_clear(advertise->attributes, &group->notes);
	note_list_free(&group->notes);
	filter_unref(group->key.filter);
	link_table_unref(group->key.links);
	free(group);
}

struct count {
	struct advertise *advertise;
	struct advertise_group *group;
	struct advertise_member *member; /* NULL: all routes of the group, else its own */
};

static void count_entry(struct rib_entry *entry, void *arg)
{
	struct count *count = arg;
	struct advertise_group *group = count->group;
	struct route route = best_route(entry);
	bool is_told;

	if (count->member && count->member->source != route.source)
		return;
	if (ask_told(count->advertise, group, &group->memo[MEMO_NOW], &route, &is_told) < 0 ||
	    !is_told)
		return; /* without memory the routes themselves do not come either, which is said */
	if (count->member)
		count->member->own[route.family]++;
	else
		group->count[route.family]++;
}

static struct advertise_group *group_new(struct advertise *advertise,
					 const struct advertise_key *key)
{
	struct advertise_group *group = calloc(1, sizeof(*group));
	struct count count = { advertise, group, NULL };

	if (!group)
		return NULL;
	group->key = *key;
	filter_ref(group->key.filter);
	link_table_ref(group->key.links);
	group->next = advertise->groups;
	advertise->groups = group;
	rib_walk(advertise->rib, count_entry, &count);
	memos_clear(advertise, group);
	return group;
}

static struct advertise_group *group_get(struct advertise *advertise,
					 const struct advertise_key *key)
{
	struct advertise_group *group = advertise->groups;

	while (group && !key_equals(&group->key, key))
		group = group->next;
	return group ? group : group_new(advertise, key);
}

static void enter_group(struct advertise *advertise, struct advertise_group *group,
			struct advertise_member *member, struct rib_source *source)
{
	struct count count = { advertise, group, member };

	member->group = group;
	member->source = source;
	member->own[FAMILY_IPV4] = member->own[FAMILY_IPV6] = 0;
	if (source->count[FAMILY_IPV4] + source->count[FAMILY_IPV6] > 0)
		rib_walk(advertise->rib, count_entry, &count);
	memos_clear(advertise, group);
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
	struct advertise_group *group = group_get(advertise, key);
	int err;

	if (!group)
		return -ENOMEM;
	enter_group(advertise, group, member, source);
	err = begin_feed(advertise, member, true, true);
	if (err < 0)
		advertise_leave(advertise, member);
	return err;
}

int advertise_adopt(struct advertise *advertise, const struct advertise_key *key,
		    struct advertise_member *member, struct rib_source *source)
{
	struct advertise_group *group = group_get(advertise, key);

	if (!group)
		return -ENOMEM;
	enter_group(advertise, group, member, source);
	member->is_feeding = false;
	return 0;
}

/* From one group to another. */
struct move {
	struct advertise *advertise;
	struct advertise_member *member; /* still in the old one */
	struct advertise_group *to;
	struct note_list notes;
	int err;
};

static void move_entry(struct rib_entry *entry, void *arg)
{
	struct move *move = arg;
	struct advertise_member *member = move->member;
	struct route route = best_route(entry);
	struct attribute_set *had, *has;

	if (move->err < 0)
		return;
	move->err = told_to(move->advertise, member->group, member, &route, &had);
	if (move->err == 0)
		move->err = told_to(move->advertise, move->to, member, &route, &has);
	if (move->err < 0 || had == has) /* equal sets are one */
		return;
	move->err = note_add(&move->notes, &route, has, NULL);
}

int advertise_rejoin(struct advertise *advertise, const struct advertise_key *key,
		     struct advertise_member *member)
{
	struct move move = { .advertise = advertise, .member = member };
	struct rib_source *source = member->source;

	if (!member->group || key_equals(&member->group->key, key))
		return 0;
	move.to = group_get(advertise, key);
	if (!move.to)
		return -ENOMEM;
	rib_walk(advertise->rib, move_entry, &move);
	memos_clear(advertise, member->group);
	memos_clear(advertise, move.to);
	if (move.err == 0) {
		write_notes(advertise, move.to, &move.notes, member);
		advertise_leave(advertise, member);
		enter_group(advertise, move.to, member, source);
	} else if (!move.to->members) {
		group_free(advertise, move.to);
	}
	note_list_clear(advertise->attributes, &move.notes);
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
	member->group = NULL; /* in advertise_rejoin() it goes on feeding in another one */
	if (!group->members)
		group_free(advertise, group);
}

int advertise_refresh(struct advertise *advertise, struct advertise_member *member,
		      enum bgp_family family)
{
	if (!member->group)
		return 0;
	return begin_feed(advertise, member, family == FAMILY_IPV4, family == FAMILY_IPV6);
}

struct attribute_set *advertise_told(struct advertise *advertise,
				     const struct advertise_member *member, struct rib_entry *entry)
{
	const struct route route = best_route(entry);
	struct attribute_set *told = NULL;

	if (!member->group || told_to(advertise, member->group, member, &route, &told) < 0)
		return NULL;
	if (told)
		attribute_set_ref(told);
	memos_clear(advertise, member->group); /* what a route becomes may change with its source */
	return told;
}

/* --- what it comes to --- */

#define DIGEST_START 0xcbf29ce484222325u

struct digest {
	struct advertise *advertise;
	struct advertise_group *group;
	struct attribute_set *set; /* the last one, a reference, as runs of routes share theirs */
	uint64_t set_digest;
	uint64_t sum;
	int err;
};

static uint64_t digest_octets(uint64_t digest, const void *data, size_t len)
{
	const uint8_t *octets = data;

	for (size_t i = 0; i < len; i++)
		digest = (digest ^ octets[i]) * 0x100000001b3u; /* FNV-1a */
	return digest ^ digest >> 29;
}

static void digest_set(struct digest *digest, struct attribute_set *set)
{
	struct attribute_view view = attribute_set_view(set);
	uint8_t buf[5 * BGP_MESSAGE_MAX]; /* each list is one message at most, the path two */
	struct wire_writer writer;

	if (digest->set == set)
		return;
	attribute_set_unref(digest->advertise->attributes, digest->set);
	digest->set = attribute_set_ref(set);
	wire_writer_init(&writer, buf, sizeof(buf));
	attributes_write(&writer, &view, false, true);
	digest->set_digest = digest_octets(DIGEST_START, buf, writer.len);
	digest->set_digest = digest_octets(digest->set_digest, &set->values.next_hop,
					   sizeof(set->values.next_hop));
}

static void digest_entry(struct rib_entry *entry, void *arg)
{
	struct digest *digest = arg;
	struct advertise_group *group = digest->group;
	struct route route = best_route(entry);
	struct attribute_set *told;
	uint64_t one;

	if (digest->err < 0)
		return;
	digest->err =
		export_memoized(digest->advertise, group, &group->memo[MEMO_NOW], &route, &told);
	if (digest->err < 0 || !told)
		return;
	digest_set(digest, told);
	one = digest_octets(digest->set_digest, &entry->prefix, sizeof(entry->prefix));
	/* A sum, for the order of the table is another in each process. */
	digest->sum += digest_octets(one, &route.source->addr, sizeof(route.source->addr));
}

uint64_t advertise_digest(struct advertise *advertise, const struct advertise_member *member)
{
	struct advertise_group *group = member->group;
	struct digest digest = { .advertise = advertise, .group = group, .sum = 1 };

	if (!group)
		return 0;
	if (group->has_digest)
		return group->digest;
	rib_walk(advertise->rib, digest_entry, &digest);
	memos_clear(advertise, group);
	attribute_set_unref(advertise->attributes, digest.set);
	if (digest.err < 0)
		return 0;
	group->has_digest = true;
	group->digest = digest.sum;
	return digest.sum;
}

uint32_t advertise_count(const struct advertise_member *member, enum bgp_family family)
{
	return member->group ? member->group->count[family] - member->own[family] : 0;
}
