/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attribute_set.c: interned attribute sets.
 *
 * Thousands of routes share a handful of attribute sets, so a set exists once: a hash table of all
 * sets in use, counted references, equality by pointer. A route costs a pointer, comparing two
 * routes' attributes costs nothing, and outgoing routes are packed into messages by that pointer.
 *
 * struct attribute_values has no padding, hence sets hash and compare as octets. The table grows by
 * doubling; sets keep their hash for that. A secret keeps peers from choosing sets that fall into
 * one bucket. Pure but for memory.
 */
#include "bgp/attribute_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS_AT_FIRST 64

_Static_assert(sizeof(struct attribute_values) == 16 + 7 * 4 + 4 * 2,
	       "attribute sets compare as octets: no padding");

static uint64_t hash_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

static uint64_t hash_octets(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *octets = data;
	uint64_t word;

	for (; len >= sizeof(word); octets += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, octets, sizeof(word));
		hash = hash_word(hash, word);
	}
	word = len;
	for (; len > 0; len--)
		word = word << 8 | octets[len - 1];
	return hash_word(hash, word);
}

static uint32_t hash_draft(const struct attribute_table *table, const struct attribute_draft *draft)
{
	const struct attribute_values *values = &draft->values;
	uint64_t hash = hash_octets(table->secret, values, sizeof(*values));

	hash = hash_octets(hash, draft->as_path, values->as_path_len);
	hash = hash_octets(hash, draft->cluster_list, values->cluster_list_len);
	return (uint32_t)hash_octets(hash, draft->other, values->other_len);
}

static size_t octets_len(const struct attribute_values *values)
{
	return (size_t)values->as_path_len + values->cluster_list_len + values->other_len;
}

static bool set_equals(const struct attribute_set *set, const struct attribute_draft *draft)
{
	const struct attribute_values *values = &set->values;
	const uint8_t *octets = set->octets;

	if (memcmp(values, &draft->values, sizeof(*values)) != 0 ||
	    memcmp(octets, draft->as_path, values->as_path_len) != 0)
		return false;
	octets += values->as_path_len;
	if (memcmp(octets, draft->cluster_list, values->cluster_list_len) != 0)
		return false;
	octets += values->cluster_list_len;
	return memcmp(octets, draft->other, values->other_len) == 0;
}

int attribute_table_init(struct attribute_table *table)
{
	memset(table, 0, sizeof(*table));
	if (getrandom(&table->secret, sizeof(table->secret), GRND_NONBLOCK) < 0)
		table->secret = (uintptr_t)table; /* early in the boot: better than nothing */
	table->bucket = calloc(BUCKETS_AT_FIRST, sizeof(struct attribute_set *));
	if (!table->bucket)
		return -ENOMEM;
	table->bucket_count = BUCKETS_AT_FIRST;
	return 0;
}

void attribute_table_fini(struct attribute_table *table)
{
	free(table->bucket);
	table->bucket = NULL;
}

/* Double the buckets; when there is no memory for it the chains just grow. */
static void grow(struct attribute_table *table)
{
	size_t count = table->bucket_count * 2;
	struct attribute_set **bucket = calloc(count, sizeof(struct attribute_set *));

	if (!bucket)
		return;
	for (size_t i = 0; i < table->bucket_count; i++) {
		struct attribute_set *set = table->bucket[i], *next;

		for (; set; set = next) {
			next = set->next;
			set->next = bucket[set->hash & (count - 1)];
			bucket[set->hash & (count - 1)] = set;
		}
	}
	free(table->bucket);
	table->bucket = bucket;
	table->bucket_count = count;
}

static struct attribute_set *set_new(const struct attribute_draft *draft, uint32_t hash)
{
	const struct attribute_values *values = &draft->values;
	struct attribute_set *set = malloc(sizeof(*set) + octets_len(values));
	uint8_t *octets;

	if (!set)
		return NULL;
	set->hash = hash;
	set->references = 1;
	set->values = *values;
	octets = set->octets;
	memcpy(octets, draft->as_path, values->as_path_len);
	octets += values->as_path_len;
	memcpy(octets, draft->cluster_list, values->cluster_list_len);
	octets += values->cluster_list_len;
	memcpy(octets, draft->other, values->other_len);
	return set;
}

struct attribute_set *attribute_set_intern(struct attribute_table *table,
					   const struct attribute_draft *draft)
{
	uint32_t hash = hash_draft(table, draft);
	struct attribute_set **bucket = &table->bucket[hash & (table->bucket_count - 1)];
	struct attribute_set *set;

	for (set = *bucket; set; set = set->next)
		if (set->hash == hash && set_equals(set, draft))
			return attribute_set_ref(set);
	set = set_new(draft, hash);
	if (!set)
		return NULL;
	set->next = *bucket;
	*bucket = set;
	if (++table->set_count > table->bucket_count / 2)
		grow(table);
	return set;
}

struct attribute_set *attribute_set_ref(struct attribute_set *set)
{
	set->references++;
	return set;
}

void attribute_set_unref(struct attribute_table *table, struct attribute_set *set)
{
	struct attribute_set **at;

	if (!set || --set->references > 0)
		return;
	at = &table->bucket[set->hash & (table->bucket_count - 1)];
	while (*at != set)
		at = &(*at)->next;
	*at = set->next;
	table->set_count--;
	free(set);
}

struct attribute_view attribute_set_view(const struct attribute_set *set)
{
	const uint8_t *cluster_list = set->octets + set->values.as_path_len;

	return (struct attribute_view){ &set->values, set->octets, cluster_list,
					cluster_list + set->values.cluster_list_len };
}

void attribute_set_draft(const struct attribute_set *set, struct attribute_draft *draft)
{
	struct attribute_view view = attribute_set_view(set);

	draft->values = set->values;
	memcpy(draft->as_path, view.as_path, set->values.as_path_len);
	memcpy(draft->cluster_list, view.cluster_list, set->values.cluster_list_len);
	memcpy(draft->other, view.other, set->values.other_len);
}
