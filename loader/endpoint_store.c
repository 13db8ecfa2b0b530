/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_store.c: the pods of this node, as the kernel's links tell them, in tables to search.
 *
 * No file, no journal: a live link is a pod, and this is the mirror of the links. Entries are found
 * by the host end's ifindex and name and by each address; the list keeps the order of arrival.
 *
 * A detached pod's link stays for some milliseconds until link_reaper.c has it deleted. Until then
 * the link carries the address still, so the address is taken: doomed links are kept in a list of
 * their own, and the kernel's RTM_DELLINK frees what they hold.
 *
 * Left to others: making and undoing attachments (endpoint.c), reading the links at start
 * (endpoint_adopt.c), comparing and repairing (endpoint_audit.c).
 */
#include "loader/endpoint_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/endpoint.h"
#include "loader/endpoint_store_internal.h"
#include "loader/freed_addresses.h"
#include "loader/ipam.h"
#include "loader/pod_link.h"
#include "loader/pod_names.h"
#include "loader/status_lines.h"

#define ID_PREFIX_MIN 8 /* octets of a container id that name a pod */

struct endpoint_entry *endpoint_store_entry(const struct endpoint_store *store, uint32_t ifindex)
{
	struct endpoint_entry *entry = NULL;

	HASH_FIND(by_ifindex, store->by_ifindex, &ifindex, sizeof(ifindex), entry);
	return entry;
}

struct address_entry *endpoint_store_address(const struct endpoint_store *store,
					     const struct ip_addr *addr)
{
	struct address_entry *entry = NULL;

	HASH_FIND(hh, store->by_address, addr, sizeof(*addr), entry);
	return entry;
}

static void remove_addresses(struct endpoint_store *store, const struct endpoint_entry *owner)
{
	for (size_t i = 0; i < owner->endpoint.address_count; i++) {
		struct address_entry *entry =
			endpoint_store_address(store, &owner->endpoint.address[i]);

		if (entry == NULL || entry->owner != owner)
			continue;
		HASH_DEL(store->by_address, entry);
		free(entry);
	}
}

static int add_addresses(struct endpoint_store *store, struct endpoint_entry *owner)
{
	for (size_t i = 0; i < owner->endpoint.address_count; i++) {
		struct address_entry *entry;

		if (endpoint_store_address(store, &owner->endpoint.address[i]) != NULL)
			return -EEXIST;
		entry = calloc(1, sizeof(*entry));
		if (entry == NULL)
			return -ENOMEM;
		entry->addr = owner->endpoint.address[i];
		entry->owner = owner;
		entry->number = (unsigned int)i;
		HASH_ADD(hh, store->by_address, addr, sizeof(entry->addr), entry);
	}
	return 0;
}

int endpoint_store_insert(struct endpoint_store *store, const struct endpoint *endpoint,
			  const struct endpoint **ret_kept)
{
	struct endpoint_entry *entry;
	int err;

	if (endpoint_store_entry(store, endpoint->ifindex) != NULL ||
	    endpoint_find_by_ifname(store, endpoint->host_ifname) != NULL)
		return -EEXIST;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return -ENOMEM;
	entry->endpoint = *endpoint;
	entry->since_ms = event_loop_now_ms();
	err = add_addresses(store, entry);
	if (err < 0) {
		remove_addresses(store, entry);
		free(entry);
		return err;
	}
	HASH_ADD(by_ifindex, store->by_ifindex, endpoint.ifindex, sizeof(entry->endpoint.ifindex),
		 entry);
	HASH_ADD_KEYPTR(by_name, store->by_name, entry->endpoint.host_ifname,
			strlen(entry->endpoint.host_ifname), entry);
	DL_APPEND(store->list, entry);
	store->count++;
	if (ret_kept != NULL)
		*ret_kept = &entry->endpoint;
	return 0;
}

static void remove_entry(struct endpoint_store *store, struct endpoint_entry *entry)
{
	remove_addresses(store, entry);
	HASH_DELETE(by_ifindex, store->by_ifindex, entry);
	HASH_DELETE(by_name, store->by_name, entry);
	walk_pass(store->walks, entry, entry->next);
	DL_DELETE(store->list, entry);
	store->count--;
	free(entry);
}

void endpoint_store_note_freed(struct endpoint_store *store, const struct ip_addr *addr,
			       size_t count)
{
	uint64_t keep_ms = (uint64_t)store->agent->config->quarantine_s * 1000;

	for (size_t i = 0; i < count; i++)
		freed_addresses_note(store->freed, &addr[i], keep_ms, event_loop_now_ms());
}

static void release_addresses(struct endpoint_store *store, const struct ip_addr *addr,
			      size_t count)
{
	for (size_t i = 0; i < count; i++)
		ipam_release(store->agent->ipam, &addr[i], event_loop_now_ms());
	endpoint_store_note_freed(store, addr, count);
}

int endpoint_store_doom(struct endpoint_store *store, const struct endpoint *endpoint)
{
	struct endpoint_entry *entry = endpoint_store_entry(store, endpoint->ifindex);
	struct doomed_link *doomed = calloc(1, sizeof(*doomed));

	if (doomed != NULL) {
		doomed->ifindex = endpoint->ifindex;
		doomed->address_count = endpoint->address_count;
		memcpy(doomed->address, endpoint->address, sizeof(doomed->address));
		DL_APPEND(store->doomed, doomed);
		/* A kill after the link is gone and before its end is heard leaves this trace. */
		endpoint_store_note_freed(store, endpoint->address, endpoint->address_count);
	} else {
		release_addresses(store, endpoint->address, endpoint->address_count);
	}
	if (entry != NULL)
		remove_entry(store, entry); /* @endpoint may be part of it: nothing after this */
	return doomed != NULL ? 0 : -ENOMEM;
}

bool endpoint_store_has_doomed(const struct endpoint_store *store)
{
	return store->doomed != NULL;
}

static void forget_doomed(struct endpoint_store *store, struct doomed_link *doomed)
{
	release_addresses(store, doomed->address, doomed->address_count);
	DL_DELETE(store->doomed, doomed);
	free(doomed);
}

void endpoint_store_doomed_gone(struct endpoint_store *store)
{
	struct doomed_link *doomed, *next;

	DL_FOREACH_SAFE(store->doomed, doomed, next)
	{
		/* One that could not be moved to the dying group is there still. */
		if (pod_link_is_gone(store->agent->netlink, doomed->ifindex))
			forget_doomed(store, doomed);
	}
}

void endpoint_store_lose(struct endpoint_store *store, struct endpoint_entry *entry)
{
	struct endpoint endpoint = entry->endpoint;

	log_warning("pod %s (%s): its link %s was removed by somebody else, or its namespace is "
		    "gone; its addresses are free",
		    endpoint.container_id, endpoint.pod_name, endpoint.host_ifname);
	endpoint_cut_off(store->agent, &endpoint);
	pod_names_delete(store->names, endpoint.host_ifname);
	remove_entry(store, entry);
	release_addresses(store, endpoint.address, endpoint.address_count);
}

void endpoint_store_link_gone(struct endpoint_store *store, uint32_t ifindex)
{
	struct endpoint_entry *entry = endpoint_store_entry(store, ifindex);
	struct doomed_link *doomed, *next;

	if (entry != NULL) {
		endpoint_store_lose(store, entry);
		return;
	}
	DL_FOREACH_SAFE(store->doomed, doomed, next)
	{
		if (doomed->ifindex == ifindex)
			forget_doomed(store, doomed);
	}
}

void endpoint_store_free(struct endpoint_store *store)
{
	struct endpoint_entry *entry, *next;
	struct doomed_link *doomed, *next_doomed;

	if (store == NULL)
		return;
	endpoint_store_unwatch(store);
	DL_FOREACH_SAFE(store->list, entry, next)
	{
		remove_entry(store, entry);
	}
	DL_FOREACH_SAFE(store->doomed, doomed, next_doomed)
	{
		DL_DELETE(store->doomed, doomed);
		free(doomed);
	}
	pod_names_close(store->names);
	freed_addresses_close(store->freed);
	free(store);
}

int endpoint_store_restore_pins(struct endpoint_store *store)
{
	const char *bpf_dir = store->agent->bpf_dir;
	int names = pod_names_restore_pin(store->names, bpf_dir);
	int freed = freed_addresses_restore_pin(store->freed, bpf_dir);

	return names < 0 ? names : freed < 0 ? freed : names + freed;
}

const struct endpoint *endpoint_find_by_ifname(const struct endpoint_store *store,
					       const char *host_ifname)
{
	struct endpoint_entry *entry = NULL;

	HASH_FIND(by_name, store->by_name, host_ifname, strlen(host_ifname), entry);
	return entry != NULL ? &entry->endpoint : NULL;
}

const struct endpoint *endpoint_find_by_ifindex(const struct endpoint_store *store,
						uint32_t ifindex)
{
	const struct endpoint_entry *entry = endpoint_store_entry(store, ifindex);

	return entry != NULL ? &entry->endpoint : NULL;
}

const struct endpoint *endpoint_find_by_address(const struct endpoint_store *store,
						const struct ip_addr *addr)
{
	const struct address_entry *entry = endpoint_store_address(store, addr);

	return entry != NULL ? &entry->owner->endpoint : NULL;
}

/* Does @name mean @endpoint: NAMESPACE/NAME, NAME, container id or the beginning of one? */
static bool is_meant(const struct endpoint *endpoint, const char *name)
{
	const char *slash = strchr(name, '/');
	size_t len = strlen(name);

	if (slash != NULL)
		return (size_t)(slash - name) == strlen(endpoint->pod_namespace) &&
		       memcmp(name, endpoint->pod_namespace, (size_t)(slash - name)) == 0 &&
		       endpoint->pod_name[0] != '\0' && strcmp(slash + 1, endpoint->pod_name) == 0;
	if (len > 0 && strcmp(name, endpoint->pod_name) == 0)
		return true;
	if (strcmp(name, endpoint->container_id) == 0)
		return true;
	return len >= ID_PREFIX_MIN && strncmp(name, endpoint->container_id, len) == 0;
}

const struct endpoint *endpoint_find_by_pod(const struct endpoint_store *store, const char *name)
{
	const struct endpoint *found = NULL;
	const struct endpoint_entry *entry;

	DL_FOREACH(store->list, entry)
	{
		if (!is_meant(&entry->endpoint, name))
			continue;
		/* Several interfaces of one container are one pod: its first one is meant. */
		if (found != NULL && strcmp(found->container_id, entry->endpoint.container_id) != 0)
			return NULL;
		if (found == NULL)
			found = &entry->endpoint;
	}
	return found;
}

int endpoint_for_each(const struct endpoint_store *store, endpoint_fn *fn, void *arg)
{
	const struct endpoint_entry *entry, *next;

	DL_FOREACH_SAFE(store->list, entry, next)
	{
		int err = fn(&entry->endpoint, arg);

		if (err != 0)
			return err;
	}
	return 0;
}

void endpoint_walk(struct endpoint_store *store, struct walk *walk)
{
	walk_begin(&store->walks, walk, store->list);
}

const struct endpoint *endpoint_walk_next(struct walk *walk)
{
	const struct endpoint_entry *entry = walk->next;

	if (entry == NULL)
		return NULL;
	walk->next = entry->next;
	return &entry->endpoint;
}

void endpoint_walk_end(struct endpoint_store *store, struct walk *walk)
{
	walk_end(&store->walks, walk);
}

size_t endpoint_count(const struct endpoint_store *store)
{
	return store->count;
}

/* Only on Kubernetes: there the blocks may change under the pods. */
static int status_of_outsiders(const struct endpoint_store *store, status_line_fn *fn, void *arg)
{
	const struct ipam *ipam = store->agent->ipam;
	const struct endpoint_entry *entry;
	char text[TEXT_MAX + 1], addr[IP_ADDR_TEXT_MAX] = "";
	size_t count = 0;

	if (!store->agent->config->kubernetes)
		return 0;
	DL_FOREACH(store->list, entry)
	{
		const struct endpoint *endpoint = &entry->endpoint;
		size_t i = 0;

		while (i < endpoint->address_count && ipam_holds(ipam, &endpoint->address[i]))
			i++;
		if (i < endpoint->address_count && count++ == 0)
			ip_addr_format(&endpoint->address[i], addr, sizeof(addr));
	}
	if (count == 0)
		return 0;
	snprintf(
		text, sizeof(text),
		"pods: %zu have addresses outside this node's blocks, such as %s; they keep them, and "
		"other nodes may not find them (kubectl delete pod, unless another IPAM plugin gave "
		"them)",
		count, addr);
	return fn(STATUS_WARNING, text, arg);
}

/* What pods ask for and do not get. */
static int status_of_asked(const struct endpoint_store *store, status_line_fn *fn, void *arg)
{
	const struct endpoint_entry *entry, *first = NULL;
	char text[TEXT_MAX + 1];
	size_t count = 0;

	DL_FOREACH(store->list, entry)
	{
		if (!(entry->endpoint.asked & CNI_ASKED_BANDWIDTH))
			continue;
		if (count++ == 0)
			first = entry;
	}
	if (first == NULL)
		return 0;
	snprintf(
		text, sizeof(text),
		"pods: %zu ask for limits of bandwidth, such as %.64s/%.128s; they are not served, "
		"the pods run without them",
		count, first->endpoint.pod_namespace, first->endpoint.pod_name);
	return fn(STATUS_WARNING, text, arg);
}

int endpoint_store_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct endpoint_store *store = agent->endpoints;
	char text[TEXT_MAX + 1];
	int err = status_of_outsiders(store, fn, arg);

	if (err == 0)
		err = status_of_asked(store, fn, arg);
	if (err != 0 || store->strangers == 0)
		return err;
	snprintf(text, sizeof(text),
		 "links cali*: %zu are not tortie's (their group or alias is another's); they are "
		 "left alone (remove them when the network they came from is gone)",
		 store->strangers);
	return fn(STATUS_WARNING, text, arg);
}

static void rest(const struct ip_addr *addr, uint64_t freed_ms, void *arg)
{
	const struct endpoint_store *store = arg;

	ipam_rest(store->agent->ipam, addr, freed_ms);
}

int endpoint_store_rest_freed(struct endpoint_store *store)
{
	return freed_addresses_for_each(store->freed, event_loop_now_ms(), rest, store);
}

void endpoint_store_hold_addresses(struct endpoint_store *store)
{
	const struct endpoint_entry *entry;
	const struct doomed_link *link;

	DL_FOREACH(store->list, entry)
	{
		for (size_t i = 0; i < entry->endpoint.address_count; i++)
			ipam_adopt(store->agent->ipam, &entry->endpoint.address[i]);
	}
	DL_FOREACH(store->doomed, link)
	{
		for (size_t i = 0; i < link->address_count; i++)
			ipam_adopt(store->agent->ipam, &link->address[i]);
	}
	if (endpoint_store_rest_freed(store) < 0)
		log_error(
			"ipam: no memory to know which addresses were given back lately; they may "
			"be handed out again at once");
}
