/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_NEXT_HOPS_H
#define LIB_NEXT_HOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

/* The next hops of one route: ascending, no two alike. */
struct next_hops {
	uint32_t count;
	struct ip_addr addr[ROUTE_NEXT_HOPS_MAX];
};

/** next_hops_add() - put @addr in its place, unless it is there. False: no room for it. */
bool next_hops_add(struct next_hops *hops, const struct ip_addr *addr);
bool next_hops_has(const struct next_hops *hops, const struct ip_addr *addr);
bool next_hops_equal(const struct next_hops *a, const struct next_hops *b);

/* Octets of a route in MSG_ROUTE_SET, at most. */
#define ROUTE_SET_OCTETS_MAX \
	(sizeof(struct msg_route_set) + ROUTE_NEXT_HOPS_MAX * sizeof(struct ip_addr))

/** route_set_write() - a route of MSG_ROUTE_SET into @buf, ROUTE_SET_OCTETS_MAX octets or more;
 * returns how many it took. */
size_t route_set_write(void *buf, const struct ip_prefix *prefix, const struct next_hops *hops);
/**
 * route_set_read() - the first route of @len octets of MSG_ROUTE_SET, which need not be aligned;
 * returns how many octets it took, or -EPROTO: it is not as include/agent_protocol.h says.
 */
int route_set_read(const void *data, size_t len, struct ip_prefix *ret_prefix,
		   struct next_hops *ret_hops);
/** route_delete_read() - the same of MSG_ROUTE_DELETE. */
int route_delete_read(const void *data, size_t len, struct ip_prefix *ret_prefix);

#endif /* LIB_NEXT_HOPS_H */
