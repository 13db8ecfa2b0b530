/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rib.c: all routes that are held (RFC 4271 section 3.2), and the queue of what changed.
 *
 * One hash table of prefixes; each struct rib_entry has its paths, at most one per source: the best
 * one inside the entry, the others in a list behind it. There is no copy per peer: what a peer told
 * is the paths with its source, and what peers were told follows from the best path. Every change
 * of a path decides again (decide.c); when the best route became another, or its attributes did,
 * the entry goes, once, to the end of the queue, which also keeps what was best before. So it does,
 * when somebody wants to know, for the routes that are as good as the best one (multipath.c). Each
 * path carries a mark whether its next hop is within reach, which is asked for when it comes and,
 * for all, when the answers may be others: so the queue can say what it was before.
 * agent_feed.c and advertise.c are fed from the queue and never look elsewhere; an entry without
 * routes is freed when it comes out of the queue.
 *
 * Removing all routes of a source walks the table, in the order of memory (lib/slab.c): it happens
 * when a session is lost, and spares every route two pointers. Pure but for memory.
 */
#include "bgp/rib.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "bgp/decide.h"
#include "bgp/update.h"
#include "lib/ip_prefix.h"
#include "lib/slab.h"

#define BUCKETS_AT_FIRST 64
#define NEIGHBOURS	 64
#define QUEUE_AT_FIRST	 64
#define QUEUE_KEPT	 4096 /* a larger empty queue is given back */

_Static_assert(sizeof(struct rib_entry) == 64, "an entry is a cache line");

struct rib {
	struct attribute_table *attributes;
	uint64_t secret; /* of the hash */
	struct rib_entry **bucket;
	size_t bucket_count; /* a power of two */
	size_t entry_count;
	struct slab entries, paths;
	struct rib_change *change; /* the queue, from @change_at to @change_count */
	size_t change_at, change_count, change_size;
	size_t lost_changes;
	bool follows_multipath;
	rib_reach_fn *reaches; /* NULL: all are within reach */
	void *reach_arg;
	/* The last one that was asked for, as runs of routes have the same. */
	bool has_asked, was_reached;
	struct ip_addr asked;
};

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 32) * 0xd6e8feb86659fd93u;
	value = (value ^ value >> 32) * 0xd6e8feb86659fd93u;
	return value ^ value >> 32;
}

/*
 * Neighbouring prefixes come together, and so shall their buckets: the last bits of the network's
 * number stay as they are, all others are mixed. A secret keeps peers from choosing prefixes that
 * fall into one bucket.
 */
static size_t prefix_hash(const struct rib *rib, const struct ip_prefix *prefix)
{
	uint64_t high = (uint64_t)ntohl(prefix->addr.word[0]) << 32 | ntohl(prefix->addr.word[1]);
	uint64_t low = (uint64_t)ntohl(prefix->addr.word[2]) << 32 | ntohl(prefix->addr.word[3]);
	uint64_t number, rest = prefix->bits;

	if (prefix->bits > 64) {
		number = low >> (128 - prefix->bits);
		rest ^= high * 0x9e3779b97f4a7c15u;
	} else {
		number = prefix->bits > 0 ? high >> (64 - prefix->bits) : 0;
	}
	return (size_t)(number % NEIGHBOURS ^
			mix((number / NEIGHBOURS) ^ rest << 48 ^ rest >> 16 ^ rib->secret));
}

struct rib *rib_new(struct attribute_table *attributes)
{
	struct rib *rib = calloc(1, sizeof(*rib));

	if (!rib)
		return NULL;
	rib->attributes = attributes;
	if (getrandom(&rib->secret, sizeof(rib->secret), GRND_NONBLOCK) < 0)
		rib->secret = (uintptr_t)rib; /* early in the boot: better than nothing */
	slab_init(&rib->entries, sizeof(struct rib_entry));
	slab_init(&rib->paths, sizeof(struct rib_path));
	rib->bucket_count = BUCKETS_AT_FIRST;
	rib->bucket = calloc(rib->bucket_count, sizeof(struct rib_entry *));
	if (rib->bucket)
		return rib;
	free(rib);
	return NULL;
}

struct rib_path *rib_best(struct rib_entry *entry)
{
	return entry->best.source ? &entry->best : NULL;
}

void rib_follow_multipath(struct rib *rib, bool follows)
{
	rib->follows_multipath = follows;
}

static void set_stale(struct rib_entry *entry, struct rib_path *path, bool is_stale)
{
	if (path->is_stale == is_stale)
		return;
	path->is_stale = is_stale;
	path->source->stale[update_family(&entry->prefix)] += is_stale ? 1 : (uint32_t)-1;
}

/* @path is no more: give back what it holds, not its memory. */
static void path_release(struct rib *rib, struct rib_entry *entry, struct rib_path *path)
{
	set_stale(entry, path, false);
	path->source->count[update_family(&entry->prefix)]--;
	attribute_set_unref(rib->attributes, path->attributes);
}

static void release_entry(void *object, void *arg)
{
	struct rib_entry *entry = object;
	struct rib *rib = arg;

	for (struct rib_path *path = rib_best(entry); path; path = path->next)
		path_release(rib, entry, path);
}

void rib_free(struct rib *rib)
{
	if (!rib)
		return;
	for (; rib->change_at < rib->change_count; rib->change_at++)
		attribute_set_unref(rib->attributes, rib->change[rib->change_at].attributes);
	slab_walk(&rib->entries, release_entry, rib);
	slab_fini(&rib->entries);
	slab_fini(&rib->paths);
	free(rib->change);
	free(rib->bucket);
	free(rib);
}

/* Double the buckets; when there is no memory for it the chains just grow. */
static void grow(struct rib *rib)
{
	size_t count = rib->bucket_count * 2;
	struct rib_entry **bucket = calloc(count, sizeof(struct rib_entry *));

	if (!bucket)
		return;
	for (size_t i = 0; i < rib->bucket_count; i++) {
		struct rib_entry *entry = rib->bucket[i], *next;

		for (; entry; entry = next) {
			struct rib_entry **to =
				&bucket[prefix_hash(rib, &entry->prefix) & (count - 1)];

			next = entry->next;
			entry->next = *to;
			*to = entry;
		}
	}
	free(rib->bucket);
	rib->bucket = bucket;
	rib->bucket_count = count;
}

static struct rib_entry *find(struct rib *rib, const struct ip_prefix *prefix)
{
	struct rib_entry *entry = rib->bucket[prefix_hash(rib, prefix) & (rib->bucket_count - 1)];

	while (entry && !ip_prefix_equal(&entry->prefix, prefix))
		entry = entry->next;
	return entry;
}

static struct rib_entry *find_or_add(struct rib *rib, const struct ip_prefix *prefix)
{
	struct rib_entry *entry = find(rib, prefix), **bucket;

	if (entry)
		return entry;
	entry = slab_take(&rib->entries);
	if (!entry)
		return NULL;
	entry->prefix = *prefix;
	bucket = &rib->bucket[prefix_hash(rib, prefix) & (rib->bucket_count - 1)];
	entry->next = *bucket;
	*bucket = entry;
	if (++rib->entry_count > rib->bucket_count)
		grow(rib);
	return entry;
}

static void entry_free(struct rib *rib, struct rib_entry *entry)
{
	struct rib_entry **at =
		&rib->bucket[prefix_hash(rib, &entry->prefix) & (rib->bucket_count - 1)];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	rib->entry_count--;
	slab_give(&rib->entries, entry);
}

/* --- the queue --- */

static bool queue_reserve(struct rib *rib)
{
	size_t size = rib->change_size ? rib->change_size * 2 : QUEUE_AT_FIRST;
	struct rib_change *grown;

	if (rib->change_count < rib->change_size)
		return true;
	grown = reallocarray(rib->change, size, sizeof(*grown));
	if (!grown)
		return false;
	rib->change = grown;
	rib->change_size = size;
	return true;
}

/* The best route of @entry is about to be another: keep what it is now. -ENOMEM: it must not. */
static int queue_change(struct rib *rib, struct rib_entry *entry)
{
	struct rib_change *change;

	if (entry->is_changed)
		return 0;
	if (!queue_reserve(rib))
		return -ENOMEM;
	change = &rib->change[rib->change_count++];
	*change = (struct rib_change){ .entry = entry,
				       .source = entry->best.source,
				       .is_unreachable = entry->best.is_unreachable };
	if (change->source)
		change->attributes = attribute_set_ref(entry->best.attributes);
	entry->is_changed = true;
	return 0;
}

static void queue_end(struct rib *rib)
{
	rib->change_at = rib->change_count = 0;
	if (rib->change_size <= QUEUE_KEPT)
		return;
	free(rib->change);
	rib->change = NULL;
	rib->change_size = 0;
}

void rib_put_changed(struct rib *rib, const struct rib_change *change)
{
	struct rib_entry *entry = change->entry;

	attribute_set_unref(rib->attributes, change->attributes);
	if (!entry->best.source && !entry->is_changed)
		entry_free(rib, entry);
}

bool rib_next_changed(struct rib *rib, struct rib_change *ret)
{
	while (rib->change_at < rib->change_count) {
		struct rib_entry *entry;
		bool is_other;

		*ret = rib->change[rib->change_at++];
		entry = ret->entry;
		ret->is_best_changed = ret->source != entry->best.source ||
				       ret->attributes != entry->best.attributes ||
				       ret->is_unreachable != entry->best.is_unreachable;
		is_other = ret->is_best_changed || entry->is_multipath_changed;
		entry->is_changed = entry->is_multipath_changed = false;
		if (is_other)
			return true;
		rib_put_changed(rib, ret);
	}
	queue_end(rib);
	return false;
}

bool rib_has_changed(const struct rib *rib)
{
	return rib->change_at < rib->change_count;
}

/* --- paths --- */

static bool is_unreachable(struct rib *rib, const struct rib_source *source,
			   const struct attribute_set *attributes)
{
	const struct ip_addr *next_hop = &attributes->values.next_hop;

	if (!rib->reaches || source->kind == SOURCE_LOCAL)
		return false;
	if (!rib->has_asked || !ip_addr_equal(&rib->asked, next_hop)) {
		rib->has_asked = true;
		rib->asked = *next_hop;
		rib->was_reached = rib->reaches(next_hop, rib->reach_arg);
	}
	return !rib->was_reached;
}

static struct rib_path *find_path(struct rib_entry *entry, const struct rib_source *source)
{
	struct rib_path *path = rib_best(entry);

	while (path && path->source != source)
		path = path->next;
	return path;
}

/* @path, one of the others, and the best one change places. */
static void lead(struct rib_entry *entry, struct rib_path *path)
{
	struct rib_path was = entry->best, *behind = path->next;

	entry->best = *path;
	entry->best.next = was.next;
	*path = was;
	path->next = behind;
}

/* Decide again. */
static int settle(struct rib *rib, struct rib_entry *entry)
{
	struct decision decision;
	struct rib_path *best = decide_best(&entry->best, &decision);
	bool is_other_set = rib->follows_multipath && decision.is_multipath_changed;
	int err;

	if (best == &entry->best && !is_other_set)
		return 0;
	err = queue_change(rib, entry);
	if (err < 0)
		return err;
	entry->is_multipath_changed |= is_other_set;
	if (best != &entry->best)
		lead(entry, best);
	return 0;
}

/* @path is about to go or to have other attributes: is that a change by itself? */
static int queue_path_change(struct rib *rib, struct rib_entry *entry, const struct rib_path *path)
{
	bool is_followed = rib->follows_multipath && path->is_multipath;
	int err;

	if (path != &entry->best && !is_followed)
		return 0;
	err = queue_change(rib, entry);
	if (err == 0 && path != &entry->best)
		entry->is_multipath_changed = true;
	return err;
}

static int add_path(struct rib *rib, struct rib_entry *entry, const struct rib_path *new)
{
	struct rib_path *path = &entry->best;
	int err;

	if (path->source) {
		path = slab_take(&rib->paths);
		err = path ? 0 : -ENOMEM;
	} else {
		err = queue_change(rib, entry);
	}
	if (err < 0)
		return err;
	*path = *new;
	if (path != &entry->best) {
		path->next = entry->best.next;
		entry->best.next = path;
	}
	attribute_set_ref(path->attributes);
	path->source->count[update_family(&entry->prefix)]++;
	return settle(rib, entry);
}

static int change_path(struct rib *rib, struct rib_entry *entry, struct rib_path *path,
		       struct attribute_set *attributes)
{
	int err = queue_path_change(rib, entry, path);

	if (err < 0)
		return err;
	attribute_set_ref(attributes);
	attribute_set_unref(rib->attributes, path->attributes);
	path->attributes = attributes;
	path->is_unreachable = is_unreachable(rib, path->source, attributes);
	return settle(rib, entry);
}

int rib_set_path(struct rib *rib, const struct ip_prefix *prefix, struct rib_source *source,
		 struct attribute_set *attributes)
{
	struct rib_entry *entry = find_or_add(rib, prefix);
	struct rib_path *path;
	int err;

	if (!entry)
		return -ENOMEM;
	path = find_path(entry, source);
	if (path) {
		set_stale(entry, path, false);
		if (path->attributes == attributes)
			return 0;
		return change_path(rib, entry, path, attributes);
	}
	err = add_path(
		rib, entry,
		&(struct rib_path){ .source = source,
				    .attributes = attributes,
				    .is_unreachable = is_unreachable(rib, source, attributes) });
	if (err < 0 && !entry->best.source && !entry->is_changed)
		entry_free(rib, entry);
	return err;
}

/* Take @path out of its list, and settle who leads. */
static void unlink_path(struct rib *rib, struct rib_entry *entry, struct rib_path *path)
{
	struct rib_path *before = &entry->best;

	path_release(rib, entry, path);
	if (path == before) {
		path = before->next; /* its place is taken by the next one, whose place is free */
		*before = path ? *path : (struct rib_path){};
	} else {
		while (before->next != path)
			before = before->next;
		before->next = path->next;
	}
	if (path)
		slab_give(&rib->paths, path);
}

static void remove_path(struct rib *rib, struct rib_entry *entry, struct rib_path *path)
{
	/* Removing must succeed, else a source would be gone before its routes. */
	if (queue_path_change(rib, entry, path) < 0)
		rib->lost_changes++;
	unlink_path(rib, entry, path);
	if (entry->best.source && settle(rib, entry) < 0)
		rib->lost_changes++;
}

void rib_remove_path(struct rib *rib, const struct ip_prefix *prefix, struct rib_source *source)
{
	struct rib_entry *entry = find(rib, prefix);
	struct rib_path *path = entry ? find_path(entry, source) : NULL;

	if (path)
		remove_path(rib, entry, path);
}

bool rib_has_fresh_path(struct rib *rib, const struct ip_prefix *prefix,
			const struct rib_source *source)
{
	struct rib_entry *entry = find(rib, prefix);
	const struct rib_path *path = entry ? find_path(entry, source) : NULL;

	return path && !path->is_stale;
}

size_t rib_take_lost_changes(struct rib *rib)
{
	size_t lost = rib->lost_changes;

	rib->lost_changes = 0;
	return lost;
}

/* --- all entries --- */

struct source_walk {
	struct rib *rib;
	struct rib_source *source;
	enum bgp_family family;
	bool only_stale;
};

static struct rib_path *path_in_walk(const struct source_walk *walk, struct rib_entry *entry)
{
	return update_family(&entry->prefix) == walk->family ? find_path(entry, walk->source)
							     : NULL;
}

static void mark_stale(void *object, void *arg)
{
	struct rib_path *path = path_in_walk(arg, object);

	if (path)
		set_stale(object, path, true);
}

void rib_mark_stale(struct rib *rib, struct rib_source *source, enum bgp_family family)
{
	struct source_walk walk = { rib, source, family, false };

	if (source->count[family] > 0)
		slab_walk(&rib->entries, mark_stale, &walk);
}

static void remove_of_source(void *object, void *arg)
{
	struct source_walk *walk = arg;
	struct rib_path *path = path_in_walk(walk, object);

	if (path && (path->is_stale || !walk->only_stale))
		remove_path(walk->rib, object, path);
}

void rib_remove_source(struct rib *rib, struct rib_source *source, enum bgp_family family,
		       bool only_stale)
{
	struct source_walk walk = { rib, source, family, only_stale };

	if (source->count[family] > 0)
		slab_walk(&rib->entries, remove_of_source, &walk);
}

struct filter_walk {
	struct rib *rib;
	bool (*keep)(const struct ip_prefix *prefix, struct rib_path *path, void *arg);
	void *arg;
};

/* The next path that must go, or NULL. */
static struct rib_path *find_unwanted(struct rib_entry *entry, const struct filter_walk *walk)
{
	struct rib_path *path = rib_best(entry);

	while (path && walk->keep(&entry->prefix, path, walk->arg))
		path = path->next;
	return path;
}

static void filter_entry(void *object, void *arg)
{
	struct filter_walk *walk = arg;
	struct rib_path *path;

	while ((path = find_unwanted(object, walk)))
		remove_path(walk->rib, object, path);
}

void rib_filter(struct rib *rib,
		bool (*keep)(const struct ip_prefix *prefix, struct rib_path *path, void *arg),
		void *arg)
{
	struct filter_walk walk = { rib, keep, arg };

	slab_walk(&rib->entries, filter_entry, &walk);
}

/* What was said of next hops may be wrong by now. */
static void look_again(void *object, void *arg)
{
	struct rib_entry *entry = object;
	struct rib *rib = arg;
	bool is_other = false;

	for (const struct rib_path *path = rib_best(entry); path; path = path->next)
		is_other |=
			path->is_unreachable != is_unreachable(rib, path->source, path->attributes);
	if (!is_other)
		return;
	if (queue_change(rib, entry) < 0) /* what it was until now */
		rib->lost_changes++;
	for (struct rib_path *path = rib_best(entry); path; path = path->next)
		path->is_unreachable = is_unreachable(rib, path->source, path->attributes);
	if (settle(rib, entry) < 0)
		rib->lost_changes++;
}

void rib_set_reach(struct rib *rib, rib_reach_fn *reaches, void *arg)
{
	rib->reaches = reaches;
	rib->reach_arg = arg;
	rib->has_asked = false;
	slab_walk(&rib->entries, look_again, rib);
}

struct entry_walk {
	void (*fn)(struct rib_entry *entry, void *arg);
	void *arg;
};

static void walk_entry(void *object, void *arg)
{
	struct entry_walk *walk = arg;

	walk->fn(object, walk->arg);
}

void rib_walk(struct rib *rib, void (*fn)(struct rib_entry *entry, void *arg), void *arg)
{
	struct entry_walk walk = { fn, arg };

	slab_walk(&rib->entries, walk_entry, &walk);
}

bool rib_walk_on(struct rib *rib, uint64_t *cursor, void (*fn)(struct rib_entry *entry, void *arg),
		 void *arg)
{
	struct entry_walk walk = { fn, arg };

	return slab_walk_on(&rib->entries, cursor, walk_entry, &walk);
}

static size_t reverse_bits(size_t value)
{
	size_t reversed = 0;

	for (size_t i = 0; i < sizeof(value) * 8; i++, value >>= 1)
		reversed = reversed << 1 | (value & 1);
	return reversed;
}

/* Buckets are counted from their highest bit down: when their number doubles, a bucket's two
 * halves are both in front of the cursor, or both behind it. */
bool rib_scan(struct rib *rib, size_t *cursor, void (*fn)(struct rib_entry *entry, void *arg),
	      void *arg)
{
	size_t mask = rib->bucket_count - 1;
	struct rib_entry *entry = rib->bucket[*cursor & mask];

	for (; entry; entry = entry->next)
		fn(entry, arg);
	*cursor = reverse_bits(reverse_bits(*cursor | ~mask) + 1);
	return *cursor != 0;
}

size_t rib_size(const struct rib *rib)
{
	return rib->entry_count;
}
