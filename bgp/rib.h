/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_RIB_H
#define BGP_RIB_H

#include "bgp/attribute_set.h"
#include "ip_address.h"

enum rib_source_kind {
	SOURCE_LOCAL = 0, /* this node's own blocks */
	SOURCE_EBGP,
	SOURCE_IBGP,
	SOURCE_IBGP_CLIENT, /* of us as route reflector */
};

/* Where routes come from: one peer, or this node. Lives in its owner, longer than its routes. */
struct rib_source {
	enum rib_source_kind kind;
	struct ip_addr addr;
	uint32_t router_id;		 /* host order */
	uint32_t count[FAMILY_COUNT];	 /* routes in the table, stale ones too */
	uint32_t stale[FAMILY_COUNT];	 /* of these */
	struct advertise_member *member; /* advertise.c's: the peer as a receiver; NULL: none */
};

struct rib_path {
	struct rib_path *next; /* of the same prefix */
	struct attribute_set *attributes;
	struct rib_source *source;
	bool is_stale;	     /* kept through a restart of its source (RFC 4724) */
	bool is_unreachable; /* by rib_set_reach(): this node cannot send to its next hop */
	bool is_candidate;   /* decide.c's scratch */
	bool is_multipath;   /* as good as the best one, which is marked too (decide.c) */
};

/* One prefix: 64 octets, for there may be millions, most of them with one path. */
struct rib_entry {
	struct rib_entry *next; /* in its bucket */
	struct rib_path best;	/* source NULL: there is no route; all others by best.next */
	struct ip_prefix prefix;
	bool is_changed;	   /* waits in the queue of changes */
	bool is_multipath_changed; /* for that the routes beside the best one are others, too */
};

/* A prefix whose best route is another one, has other attributes, or is within reach or not
 * otherwise than when it was last taken out of the queue; or, with rib_follow_multipath(), one of
 * the routes that are as good. */
struct rib_change {
	struct rib_entry *entry;
	bool is_best_changed;
	struct attribute_set *attributes; /* of the best route before; NULL: there was none */
	struct rib_source *source;	  /* likewise */
	bool is_unreachable;		  /* likewise */
};

struct rib;

/** rib_new() - an empty table whose paths hold references into @attributes; NULL: no memory. */
struct rib *rib_new(struct attribute_table *attributes);
void rib_free(struct rib *rib); /* NULL is fine */
/** rib_follow_multipath() - from now on it is a change, or none, when of the routes that are as
 * good as the best one another comes, goes or has other attributes. None at first. */
void rib_follow_multipath(struct rib *rib, bool follows);

/** rib_reach_fn - can this node send to @next_hop? */
typedef bool rib_reach_fn(const struct ip_addr *next_hop, void *arg);
/** rib_set_reach() - from now on @reaches says so of routes of others; NULL, as at first: it can to
 * all. Also to be called when it would answer otherwise than before: all routes are looked at. */
void rib_set_reach(struct rib *rib, rib_reach_fn *reaches, void *arg);

/**
 * rib_set_path() - the route to @prefix by @source, one each; replaces an older one and clears its
 * stale mark. @attributes is borrowed. 0 or -ENOMEM. What is a change (struct rib_change) puts the
 * entry into the queue.
 */
int rib_set_path(struct rib *rib, const struct ip_prefix *prefix, struct rib_source *source,
		 struct attribute_set *attributes);
void rib_remove_path(struct rib *rib, const struct ip_prefix *prefix, struct rib_source *source);
/** rib_has_fresh_path() - does @source have a route to @prefix that is not stale? */
bool rib_has_fresh_path(struct rib *rib, const struct ip_prefix *prefix,
			const struct rib_source *source);

/** rib_mark_stale() - every route of @source and @family is kept, but on notice. */
void rib_mark_stale(struct rib *rib, struct rib_source *source, enum bgp_family family);
/** rib_remove_source() - remove the routes of @source and @family; @only_stale: those still so. */
void rib_remove_source(struct rib *rib, struct rib_source *source, enum bgp_family family,
		       bool only_stale);

/** rib_filter() - remove the routes for which @keep says no; it must not touch the table. */
void rib_filter(struct rib *rib,
		bool (*keep)(const struct ip_prefix *prefix, struct rib_path *path, void *arg),
		void *arg);

/** rib_best() - the route in use, first of all paths to the prefix; NULL: there is none. */
struct rib_path *rib_best(struct rib_entry *entry);

/**
 * rib_next_changed() - take the next change out of the queue; false: there is none. What was
 * changed back meanwhile is no change. @ret is valid until rib_put_changed(), which must follow.
 */
bool rib_next_changed(struct rib *rib, struct rib_change *ret);
void rib_put_changed(struct rib *rib, const struct rib_change *change);
/** rib_has_changed() - is the queue not empty? */
bool rib_has_changed(const struct rib *rib);

/** rib_take_lost_changes() - how many changes there was no memory to queue since it was last
 * asked: removing a route cannot fail, but nobody is told of it then. */
size_t rib_take_lost_changes(struct rib *rib);

/** rib_walk() - call @fn for every entry; @fn must neither add nor remove any. */
void rib_walk(struct rib *rib, void (*fn)(struct rib_entry *entry, void *arg), void *arg);

/** rib_walk_on() - the same in pieces of some hundred entries, while the table changes between
 * them, from *@cursor (0 at first) on, which is moved. False: there were none left. What is there
 * all the time is met once; neighbours in the order of their coming, as by rib_walk(). */
bool rib_walk_on(struct rib *rib, uint64_t *cursor, void (*fn)(struct rib_entry *entry, void *arg),
		 void *arg);

/**
 * rib_scan() - the same in smaller pieces, while the table changes between them: @fn for some
 * entries, from *@cursor (0 at first) on, which is moved. False: these were the last. What is there
 * all the time is met at least once.
 */
bool rib_scan(struct rib *rib, size_t *cursor, void (*fn)(struct rib_entry *entry, void *arg),
	      void *arg);

size_t rib_size(const struct rib *rib); /* entries */

#endif /* BGP_RIB_H */
