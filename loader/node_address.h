/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_NODE_ADDRESS_H
#define LOADER_NODE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"

struct dataplane;
struct netlink;

/* One address of a link of the node's namespace. */
struct node_address {
	struct ip_addr addr;
	struct ip_prefix subnet; /* on-link prefix; of a point-to-point address the peer's */
	uint32_t ifindex;
	bool is_tentative; /* IPv6, still in duplicate address detection: cannot be used yet */
	bool is_duplicate; /* IPv6, duplicate address detection failed */
};

/* All addresses, sorted as numbers. {0} is an empty list. */
struct node_addresses {
	struct node_address *item;
	size_t count;
	size_t size;
};

/** node_addresses_read() - ask the kernel; *ret_addresses is the caller's, to be given back by
 * node_addresses_free(). 0 or -errno. */
int node_addresses_read(struct netlink *netlink, struct node_addresses *ret_addresses);
void node_addresses_free(struct node_addresses *addresses);
/** node_addresses_find() - the entry for @addr (one of them when several links carry it), or NULL.
 */
const struct node_address *node_addresses_find(const struct node_addresses *addresses,
					       const struct ip_addr *addr);
/** node_address_is_public() - may a packet of a pod be meant for it? Not link-local, loopback. */
bool node_address_is_public(const struct ip_addr *addr);
/**
 * node_addresses_publish() - make map endpoint's entries flagged ENDPOINT_HOST equal @now. @before
 * is what was published last; NULL: compare with the whole map. Entries of pods are left alone.
 * Returns how many entries were written or deleted, or the first -errno.
 */
int node_addresses_publish(struct dataplane *dataplane, const struct node_addresses *before,
			   const struct node_addresses *now);

#endif /* LOADER_NODE_ADDRESS_H */
