/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_FILTER_H
#define BGP_FILTER_H

#include "bgp/attributes.h"
#include "bgp/link_table.h"
#include "lib/config.h"

/* What becomes of a route, as far as the rules say. */
enum filter_verdict {
	FILTER_UNDECIDED = 0, /* no rule has: `import` or `export` of the peer decides */
	FILTER_ACCEPTED,
	FILTER_REJECTED,
};

/* The rules of a peer, all of its filters one after the other. Shared by peers, never changed. */
struct filter {
	unsigned int references;
	bool has_interface;				    /* some rule asks for a link */
	bool has_operations[FILTER_DIRECTIONS];		    /* routes leave it changed */
	struct config_rule_list list[FILTER_DIRECTIONS][2]; /* by enum bgp_family */
};

/* Which rules are for a prefix, as far as `cidr` says: routes of equal attributes and equal masks
 * leave the filter alike. */
struct filter_mask {
	uint64_t word[CONFIG_RULES_MAX / 64];
};

/* A route on its way, besides its attributes. */
struct filter_route {
	enum filter_direction direction;
	const struct ip_prefix *prefix;
	const struct filter_mask *mask; /* of filter_match() */
	const struct link_table *links;
	bool is_ebgp;  /* the peer that told the route, or is to get it */
	bool is_own;   /* the route is this node's */
	bool sets_med; /* out: a rule did, so an external peer gets it too */
};

/**
 * filter_new() - the rules that @bgp has for @peer, copied, with one reference for the caller. 0
 * and *ret_filter, NULL when it has none; or -ENOMEM.
 */
int filter_new(const struct config_bgp *bgp, const struct config_peer *peer,
	       struct filter **ret_filter);
struct filter *filter_ref(struct filter *filter); /* NULL is fine, as in all below */
void filter_unref(struct filter *filter);

/** filter_is_same() - do @a and @b have the same rules in @direction? */
bool filter_is_same(const struct filter *a, const struct filter *b,
		    enum filter_direction direction);
/** filter_has_rules() - of @direction, in any family. */
bool filter_has_rules(const struct filter *filter, enum filter_direction direction);

/** filter_match() - which rules of @direction are for @prefix. */
void filter_match(const struct filter *filter, enum filter_direction direction,
		  const struct ip_prefix *prefix, struct filter_mask *ret);
bool filter_mask_equal(const struct filter_mask *a, const struct filter_mask *b);
/** filter_run() - the rules over @route with the attributes @draft, which operations change. What
 * cannot be done for want of room rejects the route. */
enum filter_verdict filter_run(const struct filter *filter, struct filter_route *route,
			       struct attribute_draft *draft);

#endif /* BGP_FILTER_H */
