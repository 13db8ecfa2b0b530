/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_ADVERTISE_H
#define BGP_ADVERTISE_H

#include "bgp/filter.h"
#include "bgp/rib.h"
#include "lib/config.h"

/* Peers with the same key get the same messages: they are one group. */
struct advertise_key {
	enum rib_source_kind kind; /* what the peers are to us; never SOURCE_LOCAL */
	enum config_export export;
	bool four_octet_as;
	bool extended_next_hop; /* IPv4 routes may have an IPv6 next hop (RFC 8950) */
	bool family[FAMILY_COUNT];
	struct ip_addr next_hop[FAMILY_COUNT]; /* ours; of IPv4 maybe an IPv6 one */
	enum config_next_hop next_hop_mode;
	uint32_t local_as; /* ours towards them */
	/* Its export rules count, and where they look for links, NULL: nowhere. A group holds
	 * references: what it makes of a route never changes, a member goes to another group. */
	struct filter *filter;
	struct link_table *links;
};

/* One receiver; lives in its owner from advertise_join() to advertise_leave(). */
struct advertise_member {
	struct advertise_member *prev, *next; /* in its group */
	struct advertise_group *group;
	struct rib_source *source;  /* the same peer as a source of routes */
	uint32_t own[FAMILY_COUNT]; /* routes of the group's that came from it: not sent to it */
	/* Not all of these families' routes have been sent yet: advertise_feed() goes on. */
	bool is_feeding, feed_family[FAMILY_COUNT];
	uint64_t feed_at; /* of rib_walk_on() */
	/* Takes one whole message, borrowed; must neither join nor leave. */
	void (*send)(struct advertise_member *member, const uint8_t *data, size_t len);
};

struct advertise;

/** advertise_new() - @rib and @attributes are borrowed; NULL: no memory. */
struct advertise *advertise_new(struct rib *rib, struct attribute_table *attributes,
				uint32_t cluster_id);
void advertise_free(struct advertise *advertise); /* no members are left; NULL is fine */

/** advertise_join() - send every route that @key allows to @member, and every change. Of a large
 * table that is only a beginning, see advertise_feed(). The queue of changes is empty. 0 or
 * -ENOMEM. */
int advertise_join(struct advertise *advertise, const struct advertise_key *key,
		   struct advertise_member *member, struct rib_source *source);
/** advertise_feed() - @member is_feeding: send it a piece more, of some 10,000 routes, best when it
 * has taken what was sent before; nothing else waits for it. What has changed meanwhile it may get
 * twice. The queue of changes is empty. 0; or -ENOMEM, and it gets no more. */
int advertise_feed(struct advertise *advertise, struct advertise_member *member);
/** advertise_adopt() - @member has been told by the speaker before us what advertise_join() would
 * send: from now on send it the changes. The queue of changes is empty. 0 or -ENOMEM. */
int advertise_adopt(struct advertise *advertise, const struct advertise_key *key,
		    struct advertise_member *member, struct rib_source *source);
/** advertise_digest() - a number for all that @member's group has been told, the same in another
 * process for the same routes and attributes; 0: @member is in none, or no memory to work it out.
 * The queue of changes is empty and flushed. */
uint64_t advertise_digest(struct advertise *advertise, const struct advertise_member *member);
/** advertise_rejoin() - @member is one of @key now: send it what is different for it. The queue of
 * changes is empty and flushed. 0; or -ENOMEM, and all is as before. */
int advertise_rejoin(struct advertise *advertise, const struct advertise_key *key,
		     struct advertise_member *member);
void advertise_leave(struct advertise *advertise, struct advertise_member *member);
/** advertise_refresh() - send all routes of @family again (RFC 2918), as advertise_join() does;
 * @member is not feeding. 0 or -ENOMEM. */
int advertise_refresh(struct advertise *advertise, struct advertise_member *member,
		      enum bgp_family family);
/** advertise_count() - routes of @family that @member has been told. */
uint32_t advertise_count(const struct advertise_member *member, enum bgp_family family);

/** advertise_told() - what @member has been told of @entry, a reference; NULL: nothing, or no
 * memory to work it out. The queue of changes is empty. */
struct attribute_set *advertise_told(struct advertise *advertise,
				     const struct advertise_member *member,
				     struct rib_entry *entry);

/** advertise_change() - @change came out of the queue: work out what each group is to be told. 0 or
 * -ENOMEM. */
int advertise_change(struct advertise *advertise, const struct rib_change *change);
/** advertise_flush() - write what advertise_change() gathered: one message, formatted once, for all
 * members of a group. */
void advertise_flush(struct advertise *advertise);

#endif /* BGP_ADVERTISE_H */
