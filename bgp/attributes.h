/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_ATTRIBUTES_H
#define BGP_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/message.h"
#include "ip_address.h"
#include "lib/wire.h"

enum attribute_type {
	ATTRIBUTE_ORIGIN = 1,
	ATTRIBUTE_AS_PATH = 2,
	ATTRIBUTE_NEXT_HOP = 3,
	ATTRIBUTE_MED = 4,
	ATTRIBUTE_LOCAL_PREF = 5,
	ATTRIBUTE_ATOMIC_AGGREGATE = 6,
	ATTRIBUTE_AGGREGATOR = 7,
	ATTRIBUTE_COMMUNITIES = 8,
	ATTRIBUTE_ORIGINATOR_ID = 9,
	ATTRIBUTE_CLUSTER_LIST = 10,
	ATTRIBUTE_MP_REACH = 14,
	ATTRIBUTE_MP_UNREACH = 15,
	ATTRIBUTE_EXTENDED_COMMUNITIES = 16,
	ATTRIBUTE_AS4_PATH = 17,
	ATTRIBUTE_AS4_AGGREGATOR = 18,
	ATTRIBUTE_IPV6_EXTENDED_COMMUNITIES = 25,
	ATTRIBUTE_LARGE_COMMUNITIES = 32,
};

/* What a malformed attribute leads to (RFC 7606 section 2); the strongest of a message counts. */
enum attribute_reaction {
	REACTION_NONE = 0,
	REACTION_DISCARD,  /* the attribute is left out */
	REACTION_WITHDRAW, /* the message's routes are treated as withdrawn */
	REACTION_RESET,	   /* NOTIFICATION, the session ends */
};

/* Bits of attribute_values.present. */
enum attribute_present {
	HAS_MED = 1 << 0,
	HAS_LOCAL_PREF = 1 << 1,
	HAS_ATOMIC_AGGREGATE = 1 << 2,
	HAS_AGGREGATOR = 1 << 3,
	HAS_ORIGINATOR_ID = 1 << 4,
	HAS_NO_EXPORT = 1 << 5, /* RFC 1997 well-known communities, also in the raw octets */
	HAS_NO_ADVERTISE = 1 << 6,
	HAS_EMPTY_NEXT_HOP = 1 << 7, /* our own route: the next hop is written when it is sent */
	/* AGGREGATOR's partial bit: never taken back (RFC 4271 section 5) */
	HAS_PARTIAL_AGGREGATOR = 1 << 8,
};

enum attribute_origin {
	ORIGIN_IGP = 0,
	ORIGIN_EGP = 1,
	ORIGIN_INCOMPLETE = 2,
};

#define LOCAL_PREF_DEFAULT    100
#define ATTRIBUTE_AS_PATH_MAX 8192 /* a message of two-octet ASNs, each widened, fits */
#define ATTRIBUTE_OCTETS_MAX  BGP_MESSAGE_MAX
#define LARGE_COMMUNITY_LEN   12u

/* The values of one attribute set; no padding, so that sets compare as octets. Host order. */
struct attribute_values {
	struct ip_addr next_hop;
	uint32_t present; /* HAS_* */
	uint32_t origin;
	uint32_t med;
	uint32_t local_pref;
	uint32_t originator_id;
	uint32_t aggregator_as;
	uint32_t aggregator_id;
	uint16_t as_path_len;	   /* octets; segments with four-octet ASNs, as on the wire */
	uint16_t as_path_hops;	   /* length as the decision counts it: a set is one */
	uint16_t cluster_list_len; /* octets */
	uint16_t other_len;	   /* octets; whole attributes passed on as they are */
};

/* An attribute set under construction: read from a message, or rewritten before sending. */
struct attribute_draft {
	struct attribute_values values;
	uint8_t as_path[ATTRIBUTE_AS_PATH_MAX];
	uint8_t cluster_list[ATTRIBUTE_OCTETS_MAX];
	uint8_t other[ATTRIBUTE_OCTETS_MAX];
};

/* What parsing must know of the session. */
struct attribute_context {
	bool is_ebgp;
	bool four_octet_as;	/* both sides speak it */
	bool extended_next_hop; /* likewise (RFC 8950) */
};

/* What attributes_parse() found besides the draft; pointers are borrowed from the message. */
struct attribute_findings {
	uint32_t seen[8];		      /* bit per type */
	const uint8_t *mp_reach, *mp_unreach; /* values, NULL: none */
	size_t mp_reach_len, mp_unreach_len;
	bool is_next_hop_bad; /* no router's: matters to routes that need it (update.c) */
	enum attribute_reaction reaction;
	uint8_t cause; /* the type that led to @reaction, 0: the block's form */
};

/** attributes_is_next_hop() - can @addr be a router's: no 0/0, loopback, multicast, reserved. */
bool attributes_is_next_hop(const struct ip_addr *addr);

/** attributes_start() - make @draft an empty set. */
void attributes_start(struct attribute_draft *draft);
/** attributes_saw() - was an attribute of @type in the block? */
bool attributes_saw(const struct attribute_findings *findings, uint8_t type);

/**
 * attributes_parse() - read a path attribute block into @draft (RFC 4271 section 4.3 and 6.3, RFC
 * 7606). Always goes to the end of the block unless its form is broken. 0 with
 * ret_findings->reaction (at most REACTION_WITHDRAW); -EPROTO with the NOTIFICATION due.
 */
int attributes_parse(struct wire_reader *block, const struct attribute_context *context,
		     struct attribute_draft *draft, struct attribute_findings *ret_findings,
		     struct bgp_error *ret_error);

/* A borrowed look at an attribute set, be it a draft or an interned one. */
struct attribute_view {
	const struct attribute_values *values;
	const uint8_t *as_path;
	const uint8_t *cluster_list;
	const uint8_t *other;
};

struct attribute_view attributes_view_draft(const struct attribute_draft *draft);

/**
 * attributes_write() - append the set to @writer, what is passed on unread last. @with_next_hop:
 * write NEXT_HOP (not for routes that travel in MP_REACH). @four_octet_as false: AS_PATH in two
 * octets, with AS4_PATH beside it when an ASN needs it (RFC 6793). Whatever is present is written:
 * what must not reach a peer has been taken out before.
 */
void attributes_write(struct wire_writer *writer, const struct attribute_view *view,
		      bool with_next_hop, bool four_octet_as);

/** attributes_obey_community() - note what @community of RFC 1997 forbids, if it is a well-known
 * one. */
void attributes_obey_community(struct attribute_draft *draft, uint32_t community);
/** attributes_prepend_as() - put @as in front of the path; false when there is no room. */
bool attributes_prepend_as(struct attribute_draft *draft, uint32_t as);
/** attributes_first_as() - the neighbour the path came from; 0 for an empty path or a leading set.
 */
uint32_t attributes_first_as(const struct attribute_view *view);

#endif /* BGP_ATTRIBUTES_H */
