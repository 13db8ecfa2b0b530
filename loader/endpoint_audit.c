/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_audit.c: notice what others do to pods' links, neighbours and routes, and put it right.
 *
 * The kernel's notifications are hints: they come late, and those of an ADD describe a link half
 * made. So a hint about a pod's link leads to one question about that link as it is now, and what
 * differs from its record is put back. A link that goes down loses its neighbour entries and
 * routes, most without a word: then the host's side is made anew. A link that is gone is a pod that
 * is gone; that is how a namespace's death is noticed.
 *
 * Every minute, and when notifications were lost, everything is compared: one dump of the links,
 * the neighbours and each family's routes, ticked off against the store, then the maps. The agent
 * makes no difference between repairing the third time or the first: each is one log line and one
 * count. Map entries that differ are counted by themselves (agent->map_differences): nobody but the
 * agent writes them, so each is a mistake of somebody.
 *
 * Hooks are left to hook_watch.c, remote routes to remote_routes.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>
#include <utlist.h>

#include "dataplane_abi.h"
#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "lib/text.h"
#include "loader/agent.h"
#include "loader/cni_requests.h"
#include "loader/dataplane.h"
#include "loader/endpoint.h"
#include "loader/endpoint_alias.h"
#include "loader/endpoint_store_internal.h"
#include "loader/link_reaper.h"
#include "loader/monitor.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "loader/netlink_entry.h"
#include "loader/pod_link.h"
#include "loader/pod_link_message.h"
#include "node_objects.h"

#define AUDIT_DELAY_MS 50   /* after a hint that names no pod */
#define ADD_ECHO_MS    1000 /* in which the notifications of an ADD come in */

static void count_repair(struct endpoint_store *store, const struct endpoint *endpoint,
			 const char *what, int err)
{
	if (err < 0) {
		log_warning("pod %s (%s): %s, and cannot be put back: %s", endpoint->container_id,
			    endpoint->host_ifname, what, strerror(-err));
		return;
	}
	log_warning("pod %s (%s): %s: put back", endpoint->container_id, endpoint->host_ifname,
		    what);
	store->agent->repairs++;
}

static void restore_host(struct endpoint_store *store, const struct endpoint *endpoint,
			 const char *what)
{
	const char *step = "";
	int err = pod_link_configure_host(store->agent->netlink, endpoint, &step);

	if (err == -ENODEV) /* RTM_DELLINK is on its way */
		return;
	count_repair(store, endpoint, what, err);
}

/* The link's record and state, which somebody else has changed. */
static void compare_record(struct endpoint_store *store, const struct endpoint *endpoint,
			   const struct pod_link *link)
{
	struct netlink *netlink = store->agent->netlink;
	uint32_t live = store->agent->config->group_live;
	char alias[ENDPOINT_ALIAS_MAX + 1];

	if (link->group != live)
		count_repair(store, endpoint, "its link's group was changed",
			     pod_link_set_group(netlink, link->ifindex, live));
	if (strcmp(link->name, endpoint->host_ifname) != 0 || link->mtu != endpoint->mtu)
		count_repair(store, endpoint, "its link's name or MTU was changed",
			     netlink_request(netlink, pod_message_rename(link->ifindex,
									 endpoint->host_ifname,
									 endpoint->mtu)));
	/* The kernel takes the neighbour entries along, and tells of each. */
	if (memcmp(link->mac, pod_gateway_mac(), sizeof(link->mac)) != 0)
		count_repair(store, endpoint, "its link's MAC was changed",
			     netlink_request(netlink,
					     pod_message_mac(link->ifindex, pod_gateway_mac())));
	if (endpoint_alias_format(endpoint, alias) == 0 && strcmp(alias, link->alias) != 0)
		count_repair(
			store, endpoint, "its link's alias was changed",
			netlink_request(netlink, pod_message_record(endpoint->host_ifname, alias)));
	if (!link->is_up)
		restore_host(store, endpoint, "its link was set down");
}

static int take_link(const struct nlmsghdr *header, void *arg)
{
	return pod_link_read(header, arg) ? 0 : -EBADMSG;
}

static bool differs(const struct endpoint_store *store, const struct endpoint *endpoint,
		    const struct pod_link *link)
{
	char alias[ENDPOINT_ALIAS_MAX + 1];

	return link->group != store->agent->config->group_live || !link->is_up ||
	       link->mtu != endpoint->mtu ||
	       memcmp(link->mac, pod_gateway_mac(), sizeof(link->mac)) != 0 ||
	       strcmp(link->name, endpoint->host_ifname) != 0 ||
	       endpoint_alias_format(endpoint, alias) < 0 || strcmp(alias, link->alias) != 0;
}

static void on_new_link(struct endpoint_store *store, const struct nlmsghdr *header)
{
	const struct config *config = store->agent->config;
	const struct endpoint_entry *entry;
	struct pod_link told, now;

	if (!pod_link_read(header, &told))
		return;
	entry = endpoint_store_entry(store, told.ifindex);
	if (entry == NULL || !differs(store, &entry->endpoint, &told))
		return;
	if (told.group == config->group_creating &&
	    event_loop_now_ms() - entry->since_ms < ADD_ECHO_MS)
		return;
	if (netlink_get(store->agent->netlink, pod_message_get_index(told.ifindex), take_link,
			&now) < 0)
		return;
	/* Down and up again meanwhile: its neighbours and routes went with it. While a link is
	 * being created it is told as down, too. */
	if (!told.is_up && now.is_up && told.group != config->group_creating)
		restore_host(store, &entry->endpoint, "its link was set down and up");
	compare_record(store, &entry->endpoint, &now);
}

/* The store's entry of @addr, when that is a pod's behind the link @ifindex. */
static struct address_entry *entry_behind(struct endpoint_store *store, const struct ip_addr *addr,
					  uint32_t ifindex)
{
	struct address_entry *entry = endpoint_store_address(store, addr);

	return entry != NULL && entry->owner->endpoint.ifindex == ifindex ? entry : NULL;
}

static void on_lost_route(struct endpoint_store *store, const struct nlmsghdr *header)
{
	const struct address_entry *entry;
	struct route_entry route;

	if (!route_entry_read(header, &route) || route.protocol != ROUTE_PROTOCOL || !route.is_host)
		return;
	entry = entry_behind(store, &route.addr, route.ifindex);
	if (entry != NULL)
		restore_host(store, &entry->owner->endpoint, "the route to it was removed");
}

/* The entry of a pod's address that was deleted, or is not as it should be. */
static void on_neighbour(struct endpoint_store *store, const struct nlmsghdr *header)
{
	const struct address_entry *entry;
	struct neighbour_entry neighbour;

	if (!neighbour_entry_read(header, &neighbour))
		return;
	entry = entry_behind(store, &neighbour.addr, neighbour.ifindex);
	if (entry == NULL)
		return;
	if (header->nlmsg_type == RTM_DELNEIGH)
		restore_host(store, &entry->owner->endpoint, "its neighbour entry was removed");
	else if (!neighbour_entry_leads_to(&neighbour, entry->owner->endpoint.pod_mac))
		restore_host(store, &entry->owner->endpoint, "its neighbour entry was changed");
}

static void on_gone_link(struct endpoint_store *store, const struct nlmsghdr *header)
{
	const struct ifinfomsg *body = netlink_body(header, sizeof(*body));

	/* Leaving a bridge is told as RTM_DELLINK of family AF_BRIDGE. */
	if (body != NULL && body->ifi_family == AF_UNSPEC)
		endpoint_store_link_gone(store, (uint32_t)body->ifi_index);
}

static void on_message(const struct nlmsghdr *header, void *arg)
{
	struct endpoint_store *store = arg;

	if (header != NULL && header->nlmsg_type == RTM_DELLINK) {
		on_gone_link(store, header);
		return;
	}
	if (store->agent->resetting)
		return;
	if (header == NULL) {
		event_timer_set(store->agent->loop, &store->audit, AUDIT_DELAY_MS);
		return;
	}
	if (header->nlmsg_type == RTM_NEWLINK)
		on_new_link(store, header);
	else if (header->nlmsg_type == RTM_DELROUTE)
		on_lost_route(store, header);
	else if (header->nlmsg_type == RTM_NEWNEIGH || header->nlmsg_type == RTM_DELNEIGH)
		on_neighbour(store, header);
}

static int see_link(const struct nlmsghdr *header, void *arg)
{
	struct endpoint_store *store = arg;
	struct endpoint_entry *entry;
	struct doomed_link *doomed;
	struct pod_link link;

	if (!pod_link_read(header, &link))
		return 0;
	entry = endpoint_store_entry(store, link.ifindex);
	if (entry != NULL) {
		entry->link_seen = true;
		compare_record(store, &entry->endpoint, &link);
		return 0;
	}
	DL_SEARCH_SCALAR(store->doomed, doomed, ifindex, link.ifindex);
	if (doomed == NULL) {
		store->strangers +=
			strncmp(link.name, POD_LINK_PREFIX, strlen(POD_LINK_PREFIX)) == 0;
		return 0;
	}
	doomed->link_seen = true;
	if (link.group != store->agent->config->group_dying)
		pod_link_set_group(store->agent->netlink, link.ifindex,
				   store->agent->config->group_dying);
	return 0;
}

static int see_neighbour(const struct nlmsghdr *header, void *arg)
{
	struct neighbour_entry neighbour;
	struct address_entry *entry;

	if (!neighbour_entry_read(header, &neighbour))
		return 0;
	entry = entry_behind(arg, &neighbour.addr, neighbour.ifindex);
	if (entry != NULL && neighbour_entry_leads_to(&neighbour, entry->owner->endpoint.pod_mac))
		entry->owner->neighbours_seen |= (uint8_t)(1u << entry->number);
	return 0;
}

static int see_route(const struct nlmsghdr *header, void *arg)
{
	struct address_entry *entry;
	struct route_entry route;

	if (!route_entry_read(header, &route) || route.table != RT_TABLE_MAIN || !route.is_host)
		return 0;
	entry = entry_behind(arg, &route.addr, route.ifindex);
	if (entry != NULL)
		entry->owner->routes_seen |= (uint8_t)(1u << entry->number);
	return 0;
}

static int see_all(struct endpoint_store *store)
{
	struct netlink *netlink = store->agent->netlink;
	struct endpoint_entry *entry;
	struct doomed_link *doomed;
	int err;

	DL_FOREACH(store->list, entry)
	{
		entry->link_seen = false;
		entry->neighbours_seen = 0;
		entry->routes_seen = 0;
	}
	DL_FOREACH(store->doomed, doomed)
	{
		doomed->link_seen = false;
	}
	store->strangers = 0;
	err = netlink_dump(netlink, pod_message_dump_links(), see_link, store);
	if (err == 0)
		err = netlink_dump(netlink, pod_message_dump(RTM_GETNEIGH, AF_UNSPEC),
				   see_neighbour, store);
	if (err == 0)
		err = netlink_dump(netlink, pod_message_dump(RTM_GETROUTE, AF_INET), see_route,
				   store);
	if (err == 0)
		err = netlink_dump(netlink, pod_message_dump(RTM_GETROUTE, AF_INET6), see_route,
				   store);
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP ? 0 : err;
}

/* Links that are gone without our having heard of it. */
static void settle_gone(struct endpoint_store *store)
{
	struct endpoint_entry *entry, *next;
	struct doomed_link *doomed, *next_doomed;
	bool has_doomed = false;

	DL_FOREACH_SAFE(store->list, entry, next)
	{
		if (!entry->link_seen)
			endpoint_store_lose(store, entry);
	}
	DL_FOREACH_SAFE(store->doomed, doomed, next_doomed)
	{
		has_doomed = has_doomed || doomed->link_seen;
		if (!doomed->link_seen)
			endpoint_store_link_gone(store, doomed->ifindex);
	}
	if (has_doomed)
		link_reaper_wake(store->agent->reaper);
}

static void settle_pod(struct endpoint_store *store, const struct endpoint_entry *entry)
{
	const struct endpoint *endpoint = &entry->endpoint;
	uint8_t all = (uint8_t)((1u << endpoint->address_count) - 1);
	const char *step = "";
	int err;

	if (entry->neighbours_seen != all || entry->routes_seen != all)
		restore_host(store, endpoint, "a neighbour entry or route was missing");
	err = endpoint_write_maps(store->agent, endpoint, &step);
	if (err > 0)
		store->agent->map_differences += (uint64_t)err;
	if (err != 0)
		count_repair(store, endpoint, "its map entry was missing or wrong",
			     err < 0 ? err : 0);
}

int endpoint_store_audit(struct endpoint_store *store)
{
	const struct endpoint_entry *entry;
	int err;

	err = see_all(store);
	if (err < 0)
		return err;
	settle_gone(store);
	DL_FOREACH(store->list, entry)
	{
		event_loop_beat(store->agent->loop);
		settle_pod(store, entry);
	}
	return endpoint_drop_stale(store);
}

static void on_audit(void *arg)
{
	struct endpoint_store *store = arg;
	int err;

	if (store->agent->resetting)
		return;
	/* Notes of DELs that the plugin could not hand over, while the agent hung. */
	cni_replay_deletes(store->agent);
	err = endpoint_store_audit(store);
	if (err < 0)
		log_warning("pods: cannot be compared with the kernel: %s; tried again in a minute",
			    strerror(-err));
}

int endpoint_store_watch(struct endpoint_store *store)
{
	int err;

	event_timer_init(&store->audit, on_audit, store);
	err = monitor_listen(store->agent->monitor, on_message, store);
	if (err == 0)
		store->is_listening = true;
	return err;
}

void endpoint_store_unwatch(struct endpoint_store *store)
{
	if (!store->is_listening)
		return;
	monitor_unlisten(store->agent->monitor, on_message, store);
	event_timer_cancel(store->agent->loop, &store->audit);
}
