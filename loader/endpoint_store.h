/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ENDPOINT_STORE_H
#define LOADER_ENDPOINT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

struct agent;
struct nlmsghdr;
struct walk;

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
	uint32_t asked; /* enum cni_asked: and not served */
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
/** endpoint_walk() - the same, with pauses: begin, each next one (NULL: none), end. */
void endpoint_walk(struct endpoint_store *store, struct walk *walk);
const struct endpoint *endpoint_walk_next(struct walk *walk);
void endpoint_walk_end(struct endpoint_store *store, struct walk *walk);
size_t endpoint_count(const struct endpoint_store *store);

/*
 * For endpoint.c, which brings attachments about. A doomed link is one in the dying group: no pod's
 * any more, but its addresses stay taken until the kernel says that it is gone.
 */
/** endpoint_store_insert() - keep a copy of @endpoint; *ret_kept (may be NULL) is borrowed from the
 * store until the endpoint is doomed or gone. 0, -EEXIST, -ENOMEM. */
int endpoint_store_insert(struct endpoint_store *store, const struct endpoint *endpoint,
			  const struct endpoint **ret_kept);
/** endpoint_store_doom() - forget the live endpoint with @endpoint's ifindex, if it is one, and
 * hold its addresses until the link is gone. 0 or -ENOMEM (the addresses are free at once then). */
int endpoint_store_doom(struct endpoint_store *store, const struct endpoint *endpoint);
bool endpoint_store_has_doomed(const struct endpoint_store *store);
/** endpoint_store_doomed_gone() - the dying links were deleted and waited for: the addresses of
 * those that are gone are free. */
void endpoint_store_doomed_gone(struct endpoint_store *store);
/** endpoint_store_hold_addresses() - tell ipam again what pods and doomed links carry: its blocks
 * have changed. */
void endpoint_store_hold_addresses(struct endpoint_store *store);
/** endpoint_store_restore_pins() - as dataplane_restore_pins(), of the maps in which pods' names
 * and freed addresses outlive the agent. How many, or -errno. */
int endpoint_store_restore_pins(struct endpoint_store *store);
/** endpoint_store_audit() - compare links, maps, routes and neighbours with the store and put right
 * what differs. 0 or -errno. */
int endpoint_store_audit(struct endpoint_store *store);

#endif /* LOADER_ENDPOINT_STORE_H */
