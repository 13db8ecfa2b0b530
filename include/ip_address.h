/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ip_address.h: the one address type of tortie.
 *
 * An address is 16 octets in network order; IPv4 is written as an IPv4-mapped IPv6 address
 * (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2). Every table, message and map uses this form, so that
 * there is one code path. A prefix length counts bits of the 16 octets: IPv4 10.0.0.0/24 has 120.
 */
#ifndef INCLUDE_IP_ADDRESS_H
#define INCLUDE_IP_ADDRESS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define IP_ADDR_BITS	128
#define IP_ADDR_V4_BITS 96 /* bits of the mapped prefix ::ffff:0:0/96 */

struct ip_addr {
	__be32 word[4];
};

/** A prefix; bits of @addr beyond @bits are zero. @bits is 0..128, 96..128 for IPv4. */
struct ip_prefix {
	struct ip_addr addr;
	__u32 bits;
};

_Static_assert(sizeof(struct ip_addr) == 16, "struct ip_addr is part of the map layout");
_Static_assert(sizeof(struct ip_prefix) == 20, "struct ip_prefix is part of the map layout");

#endif /* INCLUDE_IP_ADDRESS_H */
