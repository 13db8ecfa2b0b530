/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_ATTRIBUTE_SET_H
#define BGP_ATTRIBUTE_SET_H

#include "bgp/attributes.h"

/* One shared, read-only attribute set. Equal sets of one table are the same pointer. */
struct attribute_set {
	struct attribute_set *next; /* in its bucket */
	uint32_t hash;
	uint32_t references;
	struct attribute_values values;
	uint8_t octets[]; /* AS path, cluster list, others, in this order */
};

/* All sets in use. */
struct attribute_table {
	struct attribute_set **bucket;
	size_t bucket_count; /* a power of two */
	size_t set_count;
	uint64_t secret; /* of the hash */
};

int attribute_table_init(struct attribute_table *table);  /* 0 or -ENOMEM */
void attribute_table_fini(struct attribute_table *table); /* every reference was given back */

/** attribute_set_intern() - the set equal to @draft, with one reference for the caller; NULL: no
 * memory. */
struct attribute_set *attribute_set_intern(struct attribute_table *table,
					   const struct attribute_draft *draft);
struct attribute_set *attribute_set_ref(struct attribute_set *set);
/** attribute_set_unref() - give one reference back; NULL is fine. */
void attribute_set_unref(struct attribute_table *table, struct attribute_set *set);

struct attribute_view attribute_set_view(const struct attribute_set *set);
/** attribute_set_draft() - copy @set into @draft, to be rewritten. */
void attribute_set_draft(const struct attribute_set *set, struct attribute_draft *draft);

#endif /* BGP_ATTRIBUTE_SET_H */
