/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_UPDATE_H
#define BGP_UPDATE_H

#include "bgp/attributes.h"

/* A run of prefixes of one family inside a message, checked; read by update_next_prefix(). */
struct update_section {
	enum bgp_family family;
	bool is_mp; /* from MP_REACH_NLRI or MP_UNREACH_NLRI */
	struct wire_reader prefixes;
	struct ip_addr next_hop; /* announced ones; zero: not usable */
};

#define UPDATE_SECTIONS_MAX 2 /* the message's own fields (IPv4) and the MP attribute */

struct update {
	enum attribute_reaction reaction; /* at most REACTION_WITHDRAW: announced means withdrawn */
	uint8_t cause; /* attribute type behind @reaction, 0: form of the block, or one missing */
	struct update_section withdrawn[UPDATE_SECTIONS_MAX];
	struct update_section announced[UPDATE_SECTIONS_MAX];
	unsigned int withdrawn_count, announced_count;
	bool is_end_of_rib; /* of @end_of_rib (RFC 4724 section 2) */
	enum bgp_family end_of_rib;
	struct attribute_draft draft; /* valid when something is announced; next_hop: IPv4's */
};

/**
 * update_parse() - read an UPDATE's body (RFC 4271 4.3, 4760, 7606). Pointers in @ret are borrowed
 * from @body. 0; or -EPROTO with the NOTIFICATION due. Routes of families we do not speak are left
 * out in silence.
 */
int update_parse(const uint8_t *body, size_t len, const struct attribute_context *context,
		 struct update *ret, struct bgp_error *ret_error);

/** update_next_prefix() - the section's next prefix, bits beyond its length cleared; false at the
 * end. */
bool update_next_prefix(struct update_section *section, struct ip_prefix *ret);

/** update_family() - the family of @prefix. */
enum bgp_family update_family(const struct ip_prefix *prefix);

/*
 * Writers: one message into @buf (BGP_MESSAGE_MAX octets) with as many of the prefixes, all of one
 * family, as fit; its length, and how many went in. Length 0: the attributes leave no room for even
 * one.
 */
size_t update_write_announce(uint8_t *buf, const struct attribute_view *view, bool four_octet_as,
			     const struct ip_prefix *prefixes, size_t *count);
size_t update_write_withdraw(uint8_t *buf, const struct ip_prefix *prefixes, size_t *count);
size_t update_write_end_of_rib(uint8_t *buf, enum bgp_family family);

/* Of an attribute set each list is as long as a message at most, and the path twice that. */
#define UPDATE_STORED_MAX (5 * BGP_MESSAGE_MAX)
/** update_write_stored() - as update_write_announce(), for no peer: into @buf of UPDATE_STORED_MAX
 * octets, in which every attribute set has room. */
size_t update_write_stored(uint8_t *buf, const struct attribute_view *view,
			   const struct ip_prefix *prefixes, size_t *count);

#endif /* BGP_UPDATE_H */
