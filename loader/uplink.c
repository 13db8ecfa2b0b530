/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink.c: the links to the other nodes, found and followed.
 *
 * An uplink is named in node.uplinks, or, when nothing is named, a link that carries a node address
 * (one that only the loopback link carries names none). One that was found so stays an uplink while
 * the link exists, also when its addresses are flushed: pods go on using it by map route.
 *
 * Way of data: any message about an uplink or about an address arms one deferred refresh, so that a
 * burst costs one look: addresses are dumped, uplinks looked up again (a link that was deleted and
 * made anew has another index), from_network attached where it is missing, forwarding switched on,
 * and the node's addresses published in map endpoint. Every event of an uplink leads to
 * remote_routes_uplinks_changed(), even when nothing looks different afterwards: the kernel drops
 * IPv4 routes in silence when a link goes down, and it may be up again before we look.
 *
 * Left to others: hooks that strangers remove (hook_watch.c), routes (remote_routes.c), switches
 * (forwarding.c), which address is the node's (node_address.c), next hops that could not be asked
 * for while an address was tentative (uplink_neighbours.c).
 */
#include "loader/uplink.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/config.h"
#include "lib/event_loop.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/attach.h"
#include "loader/bgp_feed.h"
#include "loader/dataplane.h"
#include "loader/forwarding.h"
#include "loader/monitor.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "loader/node_address.h"
#include "loader/remote_routes.h"
#include "loader/status_lines.h"
#include "loader/uplink_neighbours.h"
#include "loader/uplink_offload.h"

#define MTU_DEFAULT	 1500
#define LOOPBACK_IFINDEX 1

struct uplinks {
	struct agent *agent;
	struct event_timer timer; /* the deferred refresh */
	struct uplink link[CONFIG_UPLINKS_MAX];
	size_t count;
	bool is_missing[CONFIG_UPLINKS_MAX]; /* of node.uplinks: no link has this name */
	struct node_addresses addresses;     /* published in map endpoint */
	bool uses_ipv6;
	bool is_touched;    /* an uplink had an event since the last refresh */
	bool must_compare;  /* trust nothing: start, lost messages, sweep */
	bool is_published;  /* addresses were written once */
	bool is_new_config; /* what is switched on now is asked for the first time */
	int hook_kind;	    /* enum uplink_hook in force */
	int attach_error;   /* last one told, so that each is told once */
	char problem[TEXT_MAX + 1];
};

/* --- looking --- */

static bool is_running(const struct ifinfomsg *body)
{
	return (body->ifi_flags & IFF_UP) && (body->ifi_flags & IFF_RUNNING);
}

static int on_link(const struct nlmsghdr *header, void *arg)
{
	const struct ifinfomsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[IFLA_TSO_MAX_SIZE + 1];
	struct uplink *uplink = arg;

	if (header->nlmsg_type != RTM_NEWLINK || body == NULL)
		return 0;
	netlink_attrs(header, sizeof(*body), attr, IFLA_TSO_MAX_SIZE + 1);
	if (netlink_attr_text(attr[IFLA_IFNAME], uplink->name, sizeof(uplink->name)) < 0)
		return -ENODATA;
	uplink->ifindex = (uint32_t)body->ifi_index;
	uplink->is_up = is_running(body);
	uplink->mtu = netlink_attr_u32(attr[IFLA_MTU], MTU_DEFAULT);
	uplink->tso_max_size = netlink_attr_u32(attr[IFLA_TSO_MAX_SIZE], GSO_SIZE_PLAIN);
	uplink->is_veth = netlink_attr_is_veth(attr[IFLA_LINKINFO]);
	uplink->is_ethernet = body->ifi_type == ARPHRD_ETHER;
	uplink->gso_max_size = netlink_attr_u32(attr[IFLA_GSO_MAX_SIZE], GSO_SIZE_PLAIN);
	return 0;
}

/* Ask for a link by name or, when @ifname is NULL, by index. */
static int look_up(struct uplinks *uplinks, const char *ifname, uint32_t ifindex,
		   struct uplink *ret_uplink)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	int err;

	*ret_uplink = (struct uplink){ 0 };
	if (msg == NULL)
		return -ENOMEM;
	err = nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	if (err == 0)
		err = nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (err == 0 && ifname != NULL)
		err = nla_put_string(msg, IFLA_IFNAME, ifname);
	if (err < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_get(uplinks->agent->netlink, msg, on_link, ret_uplink);
}

static struct uplink *find_by_index(struct uplinks *uplinks, uint32_t ifindex)
{
	for (size_t i = 0; i < uplinks->count; i++)
		if (uplinks->link[i].ifindex == ifindex)
			return &uplinks->link[i];
	return NULL;
}

static void take_addresses(struct uplinks *uplinks, struct uplink *uplink,
			   const struct node_addresses *addresses)
{
	for (size_t i = 0; i < addresses->count; i++) {
		const struct node_address *address = &addresses->item[i];

		if (address->ifindex != uplink->ifindex)
			continue;
		if (uplinks->uses_ipv6 && address->is_tentative &&
		    ip_addr_is_link_local(&address->addr))
			uplink->is_tentative = true;
		if (uplink->prefix_count < UPLINK_PREFIXES_MAX)
			uplink->prefix[uplink->prefix_count++] = address->subnet;
	}
}

static void note_state(struct uplink *uplink, bool is_up)
{
	if (is_up == uplink->is_up)
		return;
	uplink->is_up = is_up;
	log_warning("uplink %s: %s", uplink->name, is_up ? "up again" : "down or without carrier");
}

/* Add a link to @found once; what the last look knew of its hook is kept. */
static void add_found(struct uplinks *uplinks, struct uplinks *found, const struct uplink *link)
{
	struct uplink *old = find_by_index(uplinks, link->ifindex);

	if (found->count == CONFIG_UPLINKS_MAX || find_by_index(found, link->ifindex) != NULL)
		return;
	if (old != NULL)
		note_state(old, link->is_up);
	found->link[found->count] = *link;
	found->link[found->count].has_hook = old != NULL && old->has_hook;
	found->count++;
}

/* Look a link up and add it: 1, 0 when there is none, or -errno when the kernel could not tell. */
static int find_link(struct uplinks *uplinks, struct uplinks *found, const char *ifname,
		     uint32_t ifindex)
{
	struct uplink link;
	int err = look_up(uplinks, ifname, ifindex, &link);

	if (err < 0)
		return err == -ENODEV ? 0 : err;
	add_found(uplinks, found, &link);
	return 1;
}

/* The links of node.uplinks, by name or alternative name; were all there: 1, 0 or -errno. */
static int find_by_name(struct uplinks *uplinks, struct uplinks *found)
{
	const struct config *config = uplinks->agent->config;
	int is_complete = 1;

	for (size_t i = 0; i < config->uplink_count; i++) {
		int there = find_link(uplinks, found, config->uplink[i], 0);

		if (there < 0)
			return there;
		found->is_missing[i] = !there;
		is_complete = is_complete && there;
	}
	return is_complete;
}

/* The links that carry a node address; is each carried by some link: 1, 0 or -errno. */
static int find_by_address(struct uplinks *uplinks, struct uplinks *found,
			   const struct node_addresses *addresses)
{
	const struct config *config = uplinks->agent->config;
	int is_complete = 1;

	for (size_t i = 0; i < config->node_address_count; i++) {
		bool is_carried = false;

		for (size_t j = 0; j < addresses->count; j++) {
			const struct node_address *address = &addresses->item[j];
			int err;

			if (!ip_addr_equal(&address->addr, &config->node_address[i]))
				continue;
			is_carried = true;
			if (address->ifindex == LOOPBACK_IFINDEX)
				continue;
			err = find_link(uplinks, found, NULL, address->ifindex);
			if (err < 0)
				return err;
		}
		is_complete = is_complete && is_carried;
	}
	return is_complete;
}

/*
 * For a name or address that no link has now (renamed, flushed, being replaced) the links that were
 * uplinks before stay: pods go on using them by map route.
 */
static int keep_old(struct uplinks *uplinks, struct uplinks *found)
{
	for (size_t i = 0; i < uplinks->count; i++) {
		int err = find_link(uplinks, found, NULL, uplinks->link[i].ifindex);

		if (err < 0)
			return err;
	}
	return 0;
}

static int find(struct uplinks *uplinks, struct uplinks *found,
		const struct node_addresses *addresses)
{
	int is_complete = uplinks->agent->config->uplink_count > 0
				  ? find_by_name(uplinks, found)
				  : find_by_address(uplinks, found, addresses);

	return is_complete ? is_complete : keep_old(uplinks, found);
}

/* --- doing --- */

static const char *program_words(const struct uplinks *uplinks)
{
	return dataplane_is_beside(uplinks->agent->dataplane) ? "from_network, to_network"
							      : "from_network";
}

static void attach(struct uplinks *uplinks, struct uplink *uplink)
{
	struct agent *agent = uplinks->agent;
	enum uplink_hook hook = 0;
	int err = attach_uplink(agent->dataplane, agent->netlink, agent->bpf_dir, uplink->ifindex,
				&hook);

	uplink->has_hook = err == 0;
	if (err == 0) {
		uplinks->hook_kind = hook;
		uplinks->attach_error = 0;
		log_info("uplink %s: %s attached by %s", uplink->name, program_words(uplinks),
			 hook == UPLINK_HOOK_TCX ? "tcx" : "clsact");
	} else if (err != uplinks->attach_error) {
		uplinks->attach_error = err;
		log_error("uplink %s: attach %s: %s", uplink->name, program_words(uplinks),
			  strerror(-err));
	}
}

static bool may_carry_big_tcp(const struct uplinks *uplinks, const struct uplink *uplink)
{
	switch (uplinks->agent->config->big_tcp) {
	case BIG_TCP_ALWAYS:
		return true;
	case BIG_TCP_NONE:
		return false;
	default:
		return !uplink->is_veth;
	}
}

static void raise_gso(struct uplinks *uplinks, struct uplink *uplink)
{
	int err;

	if (!may_carry_big_tcp(uplinks, uplink))
		return;
	err = uplink_raise_gso(uplinks->agent->netlink, uplink);
	if (err > 0)
		log_info("uplink %s: GSO and GRO sizes raised to %u for BIG TCP", uplink->name,
			 uplink->gso_max_size);
	else if (err < 0)
		log_debug("uplink %s: keeps its GSO size %u: %s", uplink->name,
			  uplink->gso_max_size, strerror(-err));
}

/* Take the new list; let go of links that are uplinks no more. */
static void adopt_found(struct uplinks *uplinks, struct uplinks *found)
{
	struct agent *agent = uplinks->agent;

	for (size_t i = 0; i < uplinks->count; i++) {
		const struct uplink *old = &uplinks->link[i];

		if (find_by_index(found, old->ifindex) != NULL)
			continue;
		uplinks->is_touched = true;
		log_warning("uplink %s: is an uplink no more", old->name);
		/* Also when the link is gone: what is left of its hook has a pin and a place. */
		detach_uplink(agent->dataplane, agent->netlink, agent->bpf_dir, old->ifindex);
	}
	for (size_t i = 0; i < found->count; i++)
		if (find_by_index(uplinks, found->link[i].ifindex) == NULL)
			uplinks->is_touched = true;
	memcpy(uplinks->link, found->link, sizeof(uplinks->link));
	memcpy(uplinks->is_missing, found->is_missing, sizeof(uplinks->is_missing));
	uplinks->count = found->count;
}

/* The map was compared, and what differs came by no change of the addresses. */
static void count_differences(struct uplinks *uplinks, const struct node_addresses *now,
			      int changed)
{
	const struct node_addresses *before = &uplinks->addresses;

	if (!uplinks->is_published || before->count != now->count)
		return;
	for (size_t i = 0; i < now->count; i++)
		if (!ip_addr_equal(&before->item[i].addr, &now->item[i].addr))
			return;
	uplinks->agent->map_differences += (uint64_t)changed;
}

static void publish_addresses(struct uplinks *uplinks, struct node_addresses *addresses)
{
	bool must_compare = uplinks->must_compare || !uplinks->is_published;
	int err = node_addresses_publish(uplinks->agent->dataplane,
					 must_compare ? NULL : &uplinks->addresses, addresses);

	if (err < 0)
		log_error("map endpoint: the node's own addresses: %s; raise maps.endpoints if it "
			  "is full",
			  strerror(-err));
	else if (err > 0)
		log_debug("node addresses: %d entries of map endpoint changed", err);
	if (err > 0 && must_compare)
		count_differences(uplinks, addresses, err);
	uplinks->is_published = err >= 0;
	node_addresses_free(&uplinks->addresses);
	uplinks->addresses = *addresses;
	*addresses = (struct node_addresses){ 0 };
}

static int refresh(struct uplinks *uplinks)
{
	struct agent *agent = uplinks->agent;
	struct node_addresses addresses = { 0 };
	struct uplinks found = { .agent = agent };
	int switched, err = node_addresses_read(agent->netlink, &addresses);

	if (err < 0)
		return err;
	/* Only "no such device" takes an uplink away: on other errors all stays until a retry. */
	err = find(uplinks, &found, &addresses);
	if (err < 0) {
		node_addresses_free(&addresses);
		return err;
	}
	for (size_t i = 0; i < found.count; i++)
		take_addresses(uplinks, &found.link[i], &addresses);
	adopt_found(uplinks, &found);
	for (size_t i = 0; i < uplinks->count; i++) {
		if (!uplinks->link[i].has_hook)
			attach(uplinks, &uplinks->link[i]);
		raise_gso(uplinks, &uplinks->link[i]);
	}
	switched = forwarding_enable(agent->config, agent->netlink, uplinks->link, uplinks->count,
				     uplinks->problem);
	if (uplinks->is_published && !uplinks->is_new_config) /* someone had switched it off */
		agent->repairs += (uint64_t)switched;
	publish_addresses(uplinks, &addresses);
	uplinks->must_compare = false;
	return 0;
}

static void on_timer(void *arg)
{
	struct uplinks *uplinks = arg;
	bool is_touched;
	int err;

	if (uplinks->agent->resetting)
		return;
	uplinks->uses_ipv6 = forwarding_uses_ipv6(uplinks->agent->config);
	err = refresh(uplinks);
	if (err < 0) {
		log_error("uplinks: %s; looking again in a second", strerror(-err));
		event_timer_set(uplinks->agent->loop, &uplinks->timer, 1000);
		return;
	}
	is_touched = uplinks->is_touched;
	uplinks->is_touched = false;
	if (is_touched && uplinks->agent->routes != NULL)
		remote_routes_uplinks_changed(uplinks->agent->routes);
	if (is_touched && uplinks->agent->bgp != NULL)
		bgp_feed_uplinks_changed(uplinks->agent->bgp);
}

/* --- following --- */

static bool is_configured_name(const struct config *config, const char *ifname)
{
	for (size_t i = 0; i < config->uplink_count; i++)
		if (strcmp(config->uplink[i], ifname) == 0)
			return true;
	return false;
}

static bool link_message_matters(struct uplinks *uplinks, const struct nlmsghdr *header)
{
	const struct ifinfomsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[IFLA_IFNAME + 1];
	char ifname[IFNAME_MAX + 1];
	struct uplink *uplink;

	if (body == NULL || body->ifi_family == AF_BRIDGE)
		return false;
	uplink = find_by_index(uplinks, (uint32_t)body->ifi_index);
	if (uplink != NULL) {
		/* A burst may hide that the link was down for a moment: tell it as it comes. */
		note_state(uplink, header->nlmsg_type == RTM_NEWLINK && is_running(body));
		uplinks->is_touched = true;
		return true;
	}
	netlink_attrs(header, sizeof(*body), attr, IFLA_IFNAME + 1);
	return netlink_attr_text(attr[IFLA_IFNAME], ifname, sizeof(ifname)) == 0 &&
	       is_configured_name(uplinks->agent->config, ifname);
}

/* A switch of the whole namespace, not one that a new link comes with. */
static bool switch_message_matters(const struct nlmsghdr *header)
{
	const struct nlattr *attr[NETCONFA_IFINDEX + 1];

	netlink_attrs(header, sizeof(struct netconfmsg), attr, NETCONFA_IFINDEX + 1);
	return netlink_attr_u32(attr[NETCONFA_IFINDEX], 0) == (uint32_t)NETCONFA_IFINDEX_ALL;
}

static void solicit_again(struct uplinks *uplinks, uint32_t ifindex)
{
	int count = uplink_solicit_again(uplinks->agent->netlink, ifindex);

	if (count < 0)
		log_debug("uplink %u: IPv6 neighbours: %s; the kernel asks for them within a "
			  "second",
			  ifindex, strerror(-count));
	else if (count > 0)
		log_debug("uplink %u: %d IPv6 neighbours are asked for again", ifindex, count);
}

static bool message_matters(struct uplinks *uplinks, const struct nlmsghdr *header)
{
	const struct ifaddrmsg *body;

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_message_matters(uplinks, header);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		body = netlink_body(header, sizeof(*body));
		if (body == NULL || find_by_index(uplinks, body->ifa_index) == NULL)
			return true;
		uplinks->is_touched = true;
		if (uplink_can_solicit(header))
			solicit_again(uplinks, body->ifa_index);
		return true;
	case RTM_NEWNETCONF:
		return switch_message_matters(header);
	default:
		return false;
	}
}

static void on_kernel(const struct nlmsghdr *header, void *arg)
{
	struct uplinks *uplinks = arg;

	if (header == NULL)
		uplinks->must_compare = uplinks->is_touched = true;
	else if (!message_matters(uplinks, header))
		return;
	if (!event_timer_is_armed(&uplinks->timer))
		event_timer_set(uplinks->agent->loop, &uplinks->timer, 0);
}

int uplinks_open(struct agent *agent, struct uplinks **ret_uplinks)
{
	struct uplinks *uplinks = calloc(1, sizeof(*uplinks));
	int err;

	if (uplinks == NULL)
		return -ENOMEM;
	uplinks->agent = agent;
	uplinks->uses_ipv6 = forwarding_uses_ipv6(agent->config);
	uplinks->must_compare = true;
	event_timer_init(&uplinks->timer, on_timer, uplinks);
	/* Listen first: what changes between the look and the first message must not be lost. */
	err = monitor_listen(agent->monitor, on_kernel, uplinks);
	if (err < 0)
		goto err_free;
	/* A start that cannot tell fails: with a list too short, hooks that run would be taken off.
	 */
	err = refresh(uplinks);
	if (err < 0)
		goto err_unlisten;
	if (uplinks->problem[0] != '\0')
		log_error("%s", uplinks->problem);
	*ret_uplinks = uplinks;
	return 0;

err_unlisten:
	monitor_unlisten(agent->monitor, on_kernel, uplinks);
err_free:
	free(uplinks);
	return err;
}

void uplinks_close(struct uplinks *uplinks)
{
	if (uplinks == NULL)
		return;
	event_timer_cancel(uplinks->agent->loop, &uplinks->timer);
	monitor_unlisten(uplinks->agent->monitor, on_kernel, uplinks);
	node_addresses_free(&uplinks->addresses);
	free(uplinks);
}

/* Now and not by the timer: the caller's next step resolves routes by the uplinks. */
void uplinks_config_changed(struct uplinks *uplinks)
{
	uplinks->is_new_config = true;
	on_timer(uplinks);
	uplinks->is_new_config = false;
}

/* --- answers --- */

size_t uplinks_count(const struct uplinks *uplinks)
{
	return uplinks->count;
}

const struct uplink *uplinks_get(const struct uplinks *uplinks, size_t index)
{
	return index < uplinks->count ? &uplinks->link[index] : NULL;
}

const struct uplink *uplinks_by_next_hop(const struct uplinks *uplinks,
					 const struct ip_addr *next_hop)
{
	const struct uplink *best = NULL;
	uint32_t best_bits = 0;

	for (size_t i = 0; i < uplinks->count; i++) {
		const struct uplink *uplink = &uplinks->link[i];

		for (size_t j = 0; j < uplink->prefix_count; j++) {
			const struct ip_prefix *prefix = &uplink->prefix[j];

			if (!ip_prefix_contains(prefix, next_hop))
				continue;
			if (best == NULL || prefix->bits > best_bits) {
				best = uplink;
				best_bits = prefix->bits;
			}
		}
	}
	return best;
}

uint32_t uplinks_node_mtu(const struct uplinks *uplinks)
{
	uint32_t mtu = uplinks->agent->config->mtu;

	if (mtu != CONFIG_MTU_AUTO)
		return mtu;
	for (size_t i = 0; i < uplinks->count; i++)
		if (mtu == 0 || uplinks->link[i].mtu < mtu)
			mtu = uplinks->link[i].mtu;
	return mtu > 0 ? mtu : MTU_DEFAULT;
}

uint32_t uplinks_gso_max_size(const struct uplinks *uplinks)
{
	uint32_t size = GSO_SIZE_BIG;

	if (uplinks->agent->config->big_tcp == BIG_TCP_NONE)
		return GSO_SIZE_PLAIN;
	for (size_t i = 0; i < uplinks->count; i++) {
		if (!may_carry_big_tcp(uplinks, &uplinks->link[i]))
			return GSO_SIZE_PLAIN;
		if (uplinks->link[i].gso_max_size < size)
			size = uplinks->link[i].gso_max_size;
	}
	return size > GSO_SIZE_PLAIN ? size : GSO_SIZE_PLAIN;
}

/* No uplink at all is a node for itself, but not while a node address has yet to come (DHCP). */
static bool waits_for_address(const struct uplinks *uplinks)
{
	const struct config *config = uplinks->agent->config;

	if (uplinks->count > 0)
		return false;
	for (size_t i = 0; i < config->node_address_count; i++)
		if (node_addresses_find(&uplinks->addresses, &config->node_address[i]) == NULL)
			return true;
	return false;
}

bool uplinks_serve(const struct uplinks *uplinks)
{
	if (uplinks->count < uplinks->agent->config->uplink_count || waits_for_address(uplinks))
		return false;
	for (size_t i = 0; i < uplinks->count; i++) {
		const struct uplink *uplink = &uplinks->link[i];

		if (!uplink->is_up || !uplink->has_hook || uplink->is_tentative)
			return false;
	}
	return true;
}

int uplinks_hook_kind(const struct uplinks *uplinks)
{
	return uplinks->hook_kind;
}

/* --- status --- */

static int say(status_line_fn *fn, void *arg, enum status_level level, const char *text)
{
	return fn(level, text, arg);
}

static int uplink_status(const struct uplinks *uplinks, const struct uplink *uplink,
			 status_line_fn *fn, void *arg)
{
	char text[TEXT_MAX + 1];

	if (!uplink->is_up) {
		snprintf(text, sizeof(text),
			 "uplink %s: down or without carrier (ip link set %s up)", uplink->name,
			 uplink->name);
		return say(fn, arg, STATUS_PROBLEM, text);
	}
	if (!uplink->has_hook) {
		snprintf(text, sizeof(text), "uplink %s: %s not attached (%s)", uplink->name,
			 program_words(uplinks), strerror(-uplinks->attach_error));
		return say(fn, arg, STATUS_PROBLEM, text);
	}
	if (uplink->is_tentative) {
		snprintf(text, sizeof(text),
			 "uplink %s: its link-local IPv6 address is still in duplicate address "
			 "detection (wait two seconds)",
			 uplink->name);
		return say(fn, arg, STATUS_WARNING, text);
	}
	if (uplink->prefix_count == 0) {
		snprintf(text, sizeof(text), "uplink %s: has no address (ip address add)",
			 uplink->name);
		return say(fn, arg, STATUS_PROBLEM, text);
	}
	if (!uplink->is_ethernet) {
		snprintf(text, sizeof(text),
			 "uplink %s: up, but no Ethernet link: what goes over it takes the host "
			 "stack (name others in node.uplinks if there are)",
			 uplink->name);
		return say(fn, arg, STATUS_WARNING, text);
	}
	snprintf(text, sizeof(text), "uplink %s: up, MTU %u, %s attached by %s", uplink->name,
		 uplink->mtu, program_words(uplinks),
		 uplinks->hook_kind == UPLINK_HOOK_TCX ? "tcx" : "clsact");
	return say(fn, arg, STATUS_OK, text);
}

static int missing_status(const struct uplinks *uplinks, status_line_fn *fn, void *arg)
{
	const struct config *config = uplinks->agent->config;
	char text[TEXT_MAX + 1];
	int err = 0;

	for (size_t i = 0; i < config->uplink_count && err == 0; i++) {
		if (!uplinks->is_missing[i]) /* the name may be an alternative one */
			continue;
		snprintf(text, sizeof(text), "uplink %s: no such link (set node.uplinks)",
			 config->uplink[i]);
		err = say(fn, arg, STATUS_PROBLEM, text);
	}
	return err;
}

static int address_status(const struct uplinks *uplinks, status_line_fn *fn, void *arg)
{
	const struct config *config = uplinks->agent->config;
	char addr[IP_ADDR_TEXT_MAX], text[TEXT_MAX + 1];
	int err = 0;

	for (size_t i = 0; i < config->node_address_count && err == 0; i++) {
		const struct node_address *found =
			node_addresses_find(&uplinks->addresses, &config->node_address[i]);

		ip_addr_format(&config->node_address[i], addr, sizeof(addr));
		if (found == NULL)
			snprintf(text, sizeof(text),
				 "node address %s: no link carries it (set node.addresses)", addr);
		else if (found->is_duplicate)
			snprintf(text, sizeof(text),
				 "node address %s: another host on the link has it too", addr);
		else
			continue;
		err = say(fn, arg, STATUS_PROBLEM, text);
	}
	return err;
}

int uplinks_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct uplinks *uplinks = agent->uplinks;
	int err = missing_status(uplinks, fn, arg);

	for (size_t i = 0; i < uplinks->count && err == 0; i++)
		err = uplink_status(uplinks, &uplinks->link[i], fn, arg);
	if (err == 0)
		err = address_status(uplinks, fn, arg);
	if (err == 0 && uplinks->count == 0)
		err = say(fn, arg, STATUS_WARNING,
			  "uplinks: none, pods reach this node's pods only (set node.uplinks)");
	if (err == 0 && uplinks->problem[0] != '\0')
		err = say(fn, arg, STATUS_PROBLEM, uplinks->problem);
	return err;
}
