/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_ADVERTISE_INTERNAL_H
#define BGP_ADVERTISE_INTERNAL_H

#include "bgp/advertise.h"

/* Between the files advertise*.c. */

/* A route: of which source, with which attributes. */
struct route {
	struct rib_source *source; /* NULL: there is none */
	struct attribute_set *attributes;
	enum bgp_family family;
	const struct ip_prefix *prefix;
	bool is_unreachable; /* this node cannot send to its next hop */
};

/* Prefixes noted one after another that go into the same messages. */
struct note_run {
	struct attribute_set *attributes; /* as sent, a reference; NULL: withdrawn */
	struct rib_source *except;	  /* is skipped */
	enum bgp_family family;
	uint32_t first, count; /* in note_list.prefix */
};

struct note_list {
	struct ip_prefix *prefix;
	struct note_run *run;
	size_t prefix_count, prefix_size, run_count, run_size;
};

/* --- advertise_policy.c --- */

/** export_is_told() - are @key's peers told of @route, when their filter has nothing to say? */
bool export_is_told(const struct advertise_key *key, const struct route *route);
/**
 * export_rewrite() - are @key's peers told of @route? Then @draft has what they are told.
 * @cluster_id: ours, host order. @mask: of filter_match().
 */
bool export_rewrite(uint32_t cluster_id, const struct advertise_key *key, const struct route *route,
		    const struct filter_mask *mask, struct attribute_draft *draft);

/* --- advertise_notes.c --- */

/** note_add() - @attributes (a reference is taken) are announced, NULL: withdrawn, to all but
 * @except. 0 or -ENOMEM. */
int note_add(struct note_list *list, const struct route *route, struct attribute_set *attributes,
	     struct rib_source *except);
/** note_list_sort() - withdrawals first, then runs that can share messages side by side. */
void note_list_sort(struct note_list *list);
bool note_shares_message(const struct note_run *a, const struct note_run *b);
/** note_list_clear() - give the references back; the memory too when it is much. */
void note_list_clear(struct attribute_table *attributes, struct note_list *list);
void note_list_free(struct note_list *list); /* it is clear */

#endif /* BGP_ADVERTISE_INTERNAL_H */
