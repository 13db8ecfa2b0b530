/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rib.c: all routes that are held (RFC 4271 section 3.2), and the queue of what changed.
 *
 * One hash table of prefixes; each struct rib_entry has a list of paths, at most one per source,
 * and points to the best of them. There is no copy per peer: what a peer told is the paths with its
 * source. Every change of a path decides again (decide.c); when the best route became another, or
 * its attributes did, the entry goes, once, to the end of the queue. agent_feed.c and advertise.c
 * are fed from the queue and never look elsewhere; an entry without routes is freed when it comes
 * out of the queue.
 *
 * Removing all routes of a source walks the table: it happens when a session is lost, and spares
 * every route two pointers. Pure but for memory.
 */
#include "bgp/rib.h"

#include <errno.h>
#include <stdlib.h>

#include "bgp/decide.h"
#include "bgp/update.h"
#include "lib/ip_prefix.h"

#define BUCKETS_AT_FIRST 64

struct rib {
	struct attribute_table *attributes;
	struct rib_entry **bucket;
	size_t bucket_count; /* a power of two */
	size_t entry_count;
	struct rib_entry *changed_first, *changed_last;
};

static size_t prefix_hash(const struct ip_prefix *prefix)
{
	uint64_t hash = prefix->bits;

	for (int i = 0; i < 4; i++)
		hash = (hash ^ prefix->addr.word[i]) * 0x9e3779b97f4a7c15u;
	return (size_t)(hash ^ hash >> 32);
}

struct rib *rib_new(struct attribute_table *attributes)
{
	struct rib *rib = calloc(1, sizeof(*rib));

	if (!rib)
		return NULL;
	rib->attributes = attributes;
	rib->bucket_count = BUCKETS_AT_FIRST;
	rib->bucket = calloc(rib->bucket_count, sizeof(struct rib_entry *));
	if (rib->bucket)
		return rib;
	free(rib);
	return NULL;
}

static void path_free(struct rib *rib, struct rib_entry *entry, struct rib_path *path)
{
	path->source->count[update_family(&entry->prefix)]--;
	attribute_set_unref(rib->attributes, path->attributes);
	free(path);
}

void rib_free(struct rib *rib)
{
	if (!rib)
		return;
	for (size_t i = 0; i < rib->bucket_count; i++) {
		struct rib_entry *entry = rib->bucket[i], *next;

		for (; entry; entry = next) {
			next = entry->next;
			while (entry->paths) {
				struct rib_path *path = entry->paths;

				entry->paths = path->next;
				path_free(rib, entry, path);
			}
			free(entry);
		}
	}
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
			struct rib_entry **to = &bucket[prefix_hash(&entry->prefix) & (count - 1)];

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
	struct rib_entry *entry = rib->bucket[prefix_hash(prefix) & (rib->bucket_count - 1)];

	while (entry && !ip_prefix_equal(&entry->prefix, prefix))
		entry = entry->next;
	return entry;
}

static struct rib_entry *find_or_add(struct rib *rib, const struct ip_prefix *prefix)
{
	struct rib_entry *entry = find(rib, prefix), **bucket;

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->prefix = *prefix;
	bucket = &rib->bucket[prefix_hash(prefix) & (rib->bucket_count - 1)];
	entry->next = *bucket;
	*bucket = entry;
	if (++rib->entry_count > rib->bucket_count)
		grow(rib);
	return entry;
}

static void entry_free(struct rib *rib, struct rib_entry *entry)
{
	struct rib_entry **at = &rib->bucket[prefix_hash(&entry->prefix) & (rib->bucket_count - 1)];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	rib->entry_count--;
	free(entry);
}

static void queue_changed(struct rib *rib, struct rib_entry *entry)
{
	if (entry->is_changed)
		return;
	entry->is_changed = true;
	entry->next_changed = NULL;
	if (rib->changed_last)
		rib->changed_last->next_changed = entry;
	else
		rib->changed_first = entry;
	rib->changed_last = entry;
}

static struct rib_path *find_path(struct rib_entry *entry, const struct rib_source *source)
{
	struct rib_path *path = entry->paths;

	while (path && path->source != source)
		path = path->next;
	return path;
}

/* Decide again; @touched: the best route itself got other attributes. */
static void settle(struct rib *rib, struct rib_entry *entry, bool touched)
{
	struct rib_path *best = decide_best(entry->paths, NULL);

	if (best == entry->best && !touched)
		return;
	entry->best = best;
	queue_changed(rib, entry);
}

int rib_set_path(struct rib *rib, const struct ip_prefix *prefix, struct rib_source *source,
		 struct attribute_set *attributes)
{
	struct rib_entry *entry = find_or_add(rib, prefix);
	struct rib_path *path;
	bool is_same;

	if (!entry)
		return -ENOMEM;
	path = find_path(entry, source);
	if (!path) {
		path = calloc(1, sizeof(*path));
		if (!path) {
			if (!entry->paths && !entry->advertised && !entry->is_changed)
				entry_free(rib, entry);
			return -ENOMEM;
		}
		path->source = source;
		path->next = entry->paths;
		entry->paths = path;
		source->count[update_family(prefix)]++;
	}
	path->is_stale = false;
	is_same = path->attributes == attributes;
	if (!is_same) {
		attribute_set_ref(attributes);
		attribute_set_unref(rib->attributes, path->attributes);
		path->attributes = attributes;
	}
	settle(rib, entry, !is_same && path == entry->best);
	return 0;
}

/* Take *@at out of its list; the entry must be settled afterwards. */
static void unlink_path(struct rib *rib, struct rib_entry *entry, struct rib_path **at)
{
	struct rib_path *path = *at;

	*at = path->next;
	path_free(rib, entry, path);
}

static bool remove_from_entry(struct rib *rib, struct rib_entry *entry,
			      const struct rib_source *source, bool only_stale)
{
	struct rib_path **at = &entry->paths;
	bool was_best;

	while (*at && (*at)->source != source)
		at = &(*at)->next;
	if (!*at || (only_stale && !(*at)->is_stale))
		return false;
	was_best = *at == entry->best;
	if (was_best)
		entry->best = NULL;
	unlink_path(rib, entry, at);
	settle(rib, entry, was_best);
	return true;
}

void rib_remove_path(struct rib *rib, const struct ip_prefix *prefix, struct rib_source *source)
{
	struct rib_entry *entry = find(rib, prefix);

	if (entry)
		remove_from_entry(rib, entry, source, false);
}

bool rib_has_path(struct rib *rib, const struct ip_prefix *prefix, const struct rib_source *source)
{
	struct rib_entry *entry = find(rib, prefix);

	return entry && find_path(entry, source);
}

void rib_mark_stale(struct rib *rib, struct rib_source *source, enum bgp_family family)
{
	for (size_t i = 0; i < rib->bucket_count; i++)
		for (struct rib_entry *entry = rib->bucket[i]; entry; entry = entry->next) {
			struct rib_path *path = find_path(entry, source);

			if (path && update_family(&entry->prefix) == family)
				path->is_stale = true;
		}
}

void rib_remove_source(struct rib *rib, struct rib_source *source, enum bgp_family family,
		       bool only_stale)
{
	for (size_t i = 0; i < rib->bucket_count && source->count[family] > 0; i++)
		for (struct rib_entry *entry = rib->bucket[i]; entry; entry = entry->next)
			if (update_family(&entry->prefix) == family)
				remove_from_entry(rib, entry, source, only_stale);
}

/* The next path that must go, or NULL. */
static struct rib_path *find_unwanted(struct rib_entry *entry,
				      bool (*keep)(const struct ip_prefix *prefix,
						   struct rib_path *path, void *arg),
				      void *arg)
{
	struct rib_path *path = entry->paths;

	while (path && keep(&entry->prefix, path, arg))
		path = path->next;
	return path;
}

void rib_filter(struct rib *rib,
		bool (*keep)(const struct ip_prefix *prefix, struct rib_path *path, void *arg),
		void *arg)
{
	struct rib_path *path;

	for (size_t i = 0; i < rib->bucket_count; i++)
		for (struct rib_entry *entry = rib->bucket[i]; entry; entry = entry->next)
			while ((path = find_unwanted(entry, keep, arg)))
				remove_from_entry(rib, entry, path->source, false);
}

struct rib_entry *rib_next_changed(struct rib *rib)
{
	struct rib_entry *entry = rib->changed_first;

	if (!entry)
		return NULL;
	rib->changed_first = entry->next_changed;
	if (!rib->changed_first)
		rib->changed_last = NULL;
	entry->is_changed = false;
	return entry;
}

void rib_put_changed(struct rib *rib, struct rib_entry *entry)
{
	if (!entry->paths && !entry->advertised && !entry->is_changed)
		entry_free(rib, entry);
}

void rib_walk(struct rib *rib, void (*fn)(struct rib_entry *entry, void *arg), void *arg)
{
	for (size_t i = 0; i < rib->bucket_count; i++)
		for (struct rib_entry *entry = rib->bucket[i]; entry; entry = entry->next)
			fn(entry, arg);
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
