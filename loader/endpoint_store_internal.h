/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ENDPOINT_STORE_INTERNAL_H
#define LOADER_ENDPOINT_STORE_INTERNAL_H

#include <uthash.h>

#include "lib/event_loop.h"
#include "loader/endpoint_store.h"
#include "loader/walk.h"

/* Of the files that make up the store: endpoint_store.c, endpoint_adopt.c, endpoint_audit.c. */

struct endpoint_value;
struct freed_addresses;
struct pod_names;

struct endpoint_entry {
	struct endpoint endpoint;
	uint64_t since_ms;		    /* event_loop_now_ms() of its arrival here */
	struct endpoint_entry *prev, *next; /* in the order of arrival */
	UT_hash_handle by_ifindex;
	UT_hash_handle by_name; /* of the host end */
	/* what an audit has met; bits by number of the address */
	bool link_seen;
	uint8_t neighbours_seen;
	uint8_t routes_seen;
};

struct address_entry {
	struct ip_addr addr;
	struct endpoint_entry *owner;
	unsigned int number; /* in the owner's addresses */
	UT_hash_handle hh;
};

/* A link in the dying group, and what it still holds. */
struct doomed_link {
	uint32_t ifindex;
	size_t address_count;
	struct ip_addr address[POD_ADDRESSES_MAX];
	bool link_seen;
	struct doomed_link *prev, *next;
};

struct endpoint_store {
	struct agent *agent;
	struct pod_names *names;
	struct freed_addresses *freed;
	struct endpoint_entry *list;
	struct walk *walks; /* over the list */
	struct endpoint_entry *by_ifindex;
	struct endpoint_entry *by_name;
	struct address_entry *by_address;
	struct doomed_link *doomed;
	size_t count;
	size_t strangers;	  /* cali* links of other groups, or without a record of ours */
	struct event_timer audit; /* armed when something was seen that calls for one */
	bool is_listening;
};

struct endpoint_entry *endpoint_store_entry(const struct endpoint_store *store, uint32_t ifindex);
struct address_entry *endpoint_store_address(const struct endpoint_store *store,
					     const struct ip_addr *addr);
/** endpoint_store_note_freed() - for the next start: these addresses were given back now. */
void endpoint_store_note_freed(struct endpoint_store *store, const struct ip_addr *addr,
			       size_t count);
/** endpoint_store_rest_freed() - tell ipam what was given back before this start; what links carry
 * must be known. 0 or -ENOMEM. */
int endpoint_store_rest_freed(struct endpoint_store *store);
/** endpoint_store_lose() - the link of @entry is gone by somebody else's hand: maps, routes and
 * addresses follow, @entry is freed. */
void endpoint_store_lose(struct endpoint_store *store, struct endpoint_entry *entry);
/** endpoint_store_link_gone() - RTM_DELLINK of @ifindex: of a doomed link, a live one or a
 * stranger's. */
void endpoint_store_link_gone(struct endpoint_store *store, uint32_t ifindex);
/** endpoint_drop_stale() - delete what stands in map endpoint and ep_slot for no pod of the store.
 * 0 or -errno. */
int endpoint_drop_stale(struct endpoint_store *store);
/** endpoint_store_watch() - listen to the monitor from now on. 0 or -errno. */
int endpoint_store_watch(struct endpoint_store *store);
void endpoint_store_unwatch(struct endpoint_store *store);

#endif /* LOADER_ENDPOINT_STORE_INTERNAL_H */
