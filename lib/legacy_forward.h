/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_LEGACY_FORWARD_H
#define LIB_LEGACY_FORWARD_H

#include <stddef.h>

/* The chain FORWARD of iptables-legacy's table filter, in this process's network namespace. */

/* What it does with a packet that none of its rules accepts. */
enum legacy_end {
	LEGACY_PASSES = 0, /* also: there is no such table, or it may not be read */
	LEGACY_POLICY_DROPS,
	LEGACY_RULE_DROPS, /* its last rule, for whatever comes */
};

/** legacy_forward_end() - for @family AF_INET or AF_INET6; needs CAP_NET_ADMIN. Changes nothing,
 * loads no module and makes no table. */
enum legacy_end legacy_forward_end(int family);
/** legacy_forward_command() - "iptables-legacy" or "ip6tables-legacy". */
const char *legacy_forward_command(int family);

/* The entries of a table, as the kernel gives them, and where FORWARD begins and has its policy. */
struct legacy_table {
	const void *entries;
	size_t size;
	unsigned int forward, policy; /* offsets */
};

/** legacy_forward_read() - the end of the chain; LEGACY_PASSES for what cannot be read. Pure. */
enum legacy_end legacy_forward_read(int family, const struct legacy_table *table);

#endif /* LIB_LEGACY_FORWARD_H */
