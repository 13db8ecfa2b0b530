/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ENDPOINT_STORE_H
#define LOADER_ENDPOINT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

struct agent;
struct nlmsghdr;

/* A pod's attachment, as its cali* link tells it (group = state, ifalias = record). */
struct endpoint {
	uint32_t ifindex; /* host end */
	uint32_t mtu;
	char host_ifname[IFNAME_MAX + 1];
	char ifname[IFNAME_MAX + 1]; /* in the pod */
	char container_id[CONTAINER_ID_MAX + 1];
	uint8_t pod_mac[6];
	size_t address_count;
	struct ip_addr address[POD_ADDRESSES_MAX];
	/* from the request or the pinned/kept names, may be empty after a restart that lost them */
	char pod_name[NAME_MAX_LEN + 1];
	char pod_namespace[NAME_MAX_LEN + 1];
	char network[NAME_MAX_LEN + 1];
};

struct endpoint_store;

/**
 * endpoint_store_load() - adopt, then compare: dump links, take live ones as pods (ipam, maps,
 * hooks, host routes and neighbours are completed from them), remove creating and dying ones,
 * report strangers. 0 or -errno.
 */
int endpoint_store_load(struct agent *agent, struct endpoint_store **ret_store);
void endpoint_store_free(struct endpoint_store *store);
const struct endpoint *endpoint_find_by_ifname(const struct endpoint_store *store,
					       const char *host_ifname);
const struct endpoint *endpoint_find_by_ifindex(const struct endpoint_store *store,
						uint32_t ifindex);
const struct endpoint *endpoint_find_by_address(const struct endpoint_store *store,
						const struct ip_addr *addr);
/** endpoint_find_by_pod() - "NAMESPACE/NAME", "NAME" (when unique), container id (or its unique
 * prefix of >= 8). */
const struct endpoint *endpoint_find_by_pod(const struct endpoint_store *store, const char *name);
typedef int endpoint_fn(const struct endpoint *endpoint, void *arg);
int endpoint_for_each(const struct endpoint_store *store, endpoint_fn *fn,
		      void *arg); /* stops at non-zero */
size_t endpoint_count(const struct endpoint_store *store);

#endif /* LOADER_ENDPOINT_STORE_H */
