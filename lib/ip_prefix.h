/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_IP_PREFIX_H
#define LIB_IP_PREFIX_H

#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>

#include "ip_address.h"

#define IP_ADDR_TEXT_MAX   46 /* with NUL */
#define IP_PREFIX_TEXT_MAX 50

bool ip_addr_is_v4(const struct ip_addr *addr);
bool ip_addr_is_zero(const struct ip_addr *addr);	/* ::, or 0.0.0.0 mapped */
bool ip_addr_is_link_local(const struct ip_addr *addr); /* fe80::/10, 169.254.0.0/16 */
bool ip_addr_is_multicast(const struct ip_addr *addr);
bool ip_addr_is_loopback(const struct ip_addr *addr);
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);
int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b); /* as numbers; <0, 0, >0 */

struct ip_addr ip_addr_from_v4(struct in_addr addr);
struct ip_addr ip_addr_from_v6(const struct in6_addr *addr);
struct in_addr ip_addr_to_v4(const struct ip_addr *addr); /* caller checked ip_addr_is_v4() */
struct in6_addr ip_addr_to_v6(const struct ip_addr *addr);
/** ip_addr_family() - AF_INET or AF_INET6; octets and length of the family's own form. */
int ip_addr_family(const struct ip_addr *addr);
const void *ip_addr_octets(const struct ip_addr *addr, size_t *ret_len); /* borrowed from addr */

/** ip_addr_parse() - IPv4 or IPv6 text; 0 or -EINVAL, ret untouched then. No zone, no brackets. */
int ip_addr_parse(const char *text, struct ip_addr *ret);
/** ip_prefix_parse() - "ADDRESS/LENGTH"; bits beyond the length must be zero. 0 or -EINVAL. */
int ip_prefix_parse(const char *text, struct ip_prefix *ret);
/** ip_interface_parse() - "ADDRESS/LENGTH" as an interface has it: any bits beyond the length.
 * *ret_bits as in struct ip_prefix. 0 or -EINVAL, nothing returned then. */
int ip_interface_parse(const char *text, struct ip_addr *ret_addr, unsigned int *ret_bits);
/* Format into buf (at least *_TEXT_MAX octets); return buf. */
const char *ip_addr_format(const struct ip_addr *addr, char *buf, size_t size);
const char *ip_prefix_format(const struct ip_prefix *prefix, char *buf, size_t size);

/* bits as in struct ip_prefix (0..128, IPv4 96..128). */
struct ip_addr ip_addr_mask(const struct ip_addr *addr, unsigned int bits);
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr);
/** ip_prefix_covers() - is all of @inner inside @outer? */
bool ip_prefix_covers(const struct ip_prefix *outer, const struct ip_prefix *inner);
bool ip_prefix_overlaps(const struct ip_prefix *a, const struct ip_prefix *b);
bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b);
/** ip_prefix_compare() - an order: by address, what holds another before it; <0, 0, >0. */
int ip_prefix_compare(const struct ip_prefix *a, const struct ip_prefix *b);
/** ip_prefix_family_bits() - the length a person writes: 24 for mapped 120. */
unsigned int ip_prefix_family_bits(const struct ip_prefix *prefix);
struct ip_prefix ip_prefix_make(const struct ip_addr *addr, unsigned int bits); /* masks */
struct ip_prefix ip_prefix_host(const struct ip_addr *addr);			/* /32 or /128 */
/** ip_prefix_is_valid() - is it as include/ip_address.h says: length in range, no bits beyond it?
 */
bool ip_prefix_is_valid(const struct ip_prefix *prefix);
/** ip_prefix_last() - its highest address. */
struct ip_addr ip_prefix_last(const struct ip_prefix *prefix);
/** ip_addr_add() - @addr plus @offset, as a 128-bit number. */
struct ip_addr ip_addr_add(const struct ip_addr *addr, __u64 offset);

#endif /* LIB_IP_PREFIX_H */
