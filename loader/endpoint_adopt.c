/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_adopt.c: at the agent's start, the pods are what the kernel's links say.
 *
 * One dump of the veth links. A link whose alias is a record of ours and whose group is one of ours
 * is an attachment: a live one is a pod, whatever the maps say; a creating or dying one is what an
 * ended agent left half made, and is removed. For each pod the addresses are marked as taken, and
 * maps, hooks, neighbours and routes are completed from the record; forwarding goes on meanwhile,
 * as nothing is taken away that is right. Then the other way round: map entries that no link stands
 * for are deleted.
 *
 * A `cali*` link of any other group, or without a record, is somebody else's (Calico's, before its
 * nodes move over): counted, told, never touched. So is a stranger's link that happens to carry one
 * of our group numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane_abi.h"
#include "lib/config.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/dataplane.h"
#include "loader/endpoint.h"
#include "loader/endpoint_alias.h"
#include "loader/endpoint_store_internal.h"
#include "loader/freed_addresses.h"
#include "loader/ipam.h"
#include "loader/link_reaper.h"
#include "loader/netlink.h"
#include "loader/pod_link.h"
#include "loader/pod_link_message.h"
#include "loader/pod_names.h"
#include "node_objects.h"

#define NAMED_PODS_MIN 64

static bool group_is_ours(const struct config *config, uint32_t group)
{
	return group == config->group_creating || group == config->group_live ||
	       group == config->group_dying;
}

static void meet_stranger(struct endpoint_store *store, const struct pod_link *link)
{
	if (strncmp(link->name, POD_LINK_PREFIX, strlen(POD_LINK_PREFIX)) == 0) {
		store->strangers++;
		log_warning(
			"link %s: group %u and alias \"%s\" are not tortie's: left alone; remove "
			"it when its network is gone",
			link->name, link->group, link->alias);
	} else if (group_is_ours(store->agent->config, link->group)) {
		log_warning(
			"link %s: carries group %u, which is one of tortie's, but no record: left "
			"alone; give it another group or change groups: in the file",
			link->name, link->group);
	}
}

static void hold_addresses(struct endpoint_store *store, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->address_count; i++)
		ipam_adopt(store->agent->ipam, &endpoint->address[i]);
}

/* What an ended agent left half made, or did not get around to deleting. */
static void take_remains(struct endpoint_store *store, const struct endpoint *endpoint)
{
	log_info("link %s of container %s: left by an unfinished ADD or DEL, deleted",
		 endpoint->host_ifname, endpoint->container_id);
	hold_addresses(store, endpoint);
	endpoint_doom(store->agent, endpoint);
}

static int take_pod(struct endpoint_store *store, struct endpoint *endpoint)
{
	const char *step = "";
	int err;

	event_loop_beat(store->agent->loop);
	pod_names_get(store->names, endpoint);
	err = endpoint_store_insert(store, endpoint, NULL);
	if (err == -ENOMEM)
		return err;
	if (err < 0) {
		log_error("link %s: carries an address or a name that another pod's link has: left "
			  "alone; delete one of the two pods",
			  endpoint->host_ifname);
		return 0;
	}
	hold_addresses(store, endpoint);
	err = endpoint_activate(store->agent, endpoint, &step);
	if (err < 0)
		log_error("pod %s (%s): %s: %s; it is tried again within a minute",
			  endpoint->container_id, endpoint->host_ifname, step, strerror(-err));
	return 0;
}

static int take_link(const struct nlmsghdr *header, void *arg)
{
	struct endpoint_store *store = arg;
	const struct config *config = store->agent->config;
	struct endpoint endpoint;
	struct pod_link link;

	if (!pod_link_read(header, &link))
		return 0;
	if (!link.is_veth || !group_is_ours(config, link.group) ||
	    endpoint_alias_parse(link.alias, &endpoint) < 0 ||
	    strcmp(endpoint.host_ifname, link.name) != 0) {
		meet_stranger(store, &link);
		return 0;
	}
	endpoint.ifindex = link.ifindex;
	endpoint.mtu = link.mtu;
	if (link.group == config->group_live)
		return take_pod(store, &endpoint);
	take_remains(store, &endpoint);
	return 0;
}

/* At start an agent that was killed explains it. */
static void count_difference(struct endpoint_store *store)
{
	if (store->is_listening)
		store->agent->map_differences++;
}

static int drop_stale_entry(const struct ip_addr *addr, const struct endpoint_value *value,
			    void *arg)
{
	struct endpoint_store *store = arg;
	const struct address_entry *entry = endpoint_store_address(store, addr);

	if (value->flags & ENDPOINT_HOST)
		return 0;
	if (entry != NULL && entry->owner->endpoint.ifindex == value->ifindex)
		return 0;
	log_info("map endpoint: an entry of link %u has no pod: deleted", value->ifindex);
	count_difference(store);
	dataplane_delete_endpoint(store->agent->dataplane, addr);
	/* Its namespace ended while no agent was there to hear it: how long ago nobody knows. */
	if (entry == NULL)
		endpoint_store_note_freed(store, addr, 1);
	return 0;
}

/* An agent that was killed between a pod's counter and its entries leaves a counter alone. */
static int drop_stale_counter(uint32_t ifindex, void *arg)
{
	struct endpoint_store *store = arg;

	if (endpoint_store_entry(store, ifindex) != NULL)
		return 0;
	count_difference(store);
	dataplane_delete_counter(store->agent->dataplane, ifindex);
	return 0;
}

int endpoint_drop_stale(struct endpoint_store *store)
{
	struct dataplane *dataplane = store->agent->dataplane;
	int err = dataplane_for_each_endpoint(dataplane, drop_stale_entry, store);

	return err < 0 ? err : dataplane_for_each_counter(dataplane, drop_stale_counter, store);
}

static int name_is_wanted(const char *host_ifname, void *arg)
{
	return endpoint_find_by_ifname(arg, host_ifname) != NULL;
}

static int adopt(struct endpoint_store *store)
{
	struct agent *agent = store->agent;
	int err;

	err = netlink_dump(agent->netlink, pod_message_dump_links(), take_link, store);
	if (err < 0)
		return err;
	err = endpoint_drop_stale(store);
	if (err < 0)
		return err;
	err = endpoint_store_rest_freed(store);
	if (err < 0)
		return err;
	pod_names_prune(store->names, name_is_wanted, store);
	return endpoint_store_watch(store);
}

int endpoint_store_load(struct agent *agent, struct endpoint_store **ret_store)
{
	struct endpoint_store *store = calloc(1, sizeof(*store));
	uint32_t named = agent->config->map_endpoints / 2; /* most pods have two addresses */
	int err = -ENOMEM;

	if (store == NULL)
		return -ENOMEM;
	store->agent = agent;
	store->names =
		pod_names_open(agent->bpf_dir, named > NAMED_PODS_MIN ? named : NAMED_PODS_MIN);
	store->freed = freed_addresses_open(agent->bpf_dir);
	if (store->names == NULL || store->freed == NULL)
		goto err_free;
	/* What is adopted is cut off and activated through the agent. */
	agent->endpoints = store;
	err = adopt(store);
	if (err < 0)
		goto err_forget;
	if (store->count > 0)
		log_info("pods: %zu found on their links", store->count);
	*ret_store = store;
	return 0;

err_forget:
	agent->endpoints = NULL;
err_free:
	endpoint_store_free(store);
	return err;
}
