/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.c: attaching a pod to the network and taking it off, as one ordered piece of work.
 *
 * ADD: take addresses, make the link (in the creating group, with its record), configure the pod's
 * side, write the maps, hang the programs on the link, and last of all, in one datagram, move the
 * link to the live group and bring the host's side up with neighbours and routes. That is the
 * commit: whatever kills the agent before it leaves a creating link, which the next start or the
 * runtime's retry removes; after it the pod is complete. Nothing is written anywhere else.
 *
 * DEL goes the other way: the link to the dying group first, then maps and routes (the pod is cut
 * off), then the answer; the link itself is deleted behind everyone's back (link_reaper.c), and its
 * addresses are free when the kernel says that it is gone. A failed ADD is undone by the same
 * steps.
 *
 * An attachment is found by the name that follows from container id and interface name, never by
 * namespace or by what the pod calls its interface: a late DEL of an old sandbox cannot meet the
 * next one. Requests are carried out one after another by the agent's loop, so no locks are needed.
 *
 * CNI specification 1.1.0, sections "ADD", "DEL", "CHECK".
 */
#include "loader/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <sched.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "lib/pod_ifname.h"
#include "lib/text.h"
#include "loader/agent.h"
#include "loader/attach.h"
#include "loader/dataplane.h"
#include "loader/endpoint_addresses.h"
#include "loader/endpoint_store_internal.h"
#include "loader/link_reaper.h"
#include "loader/netlink.h"
#include "loader/pod_link.h"
#include "loader/pod_link_message.h"
#include "loader/pod_names.h"
#include "loader/uplink.h"

#define MTU_MIN 1280 /* RFC 8200 section 5; IPv4 needs less, but nobody wants less */
#define MTU_MAX 65535

static int __attribute__((format(printf, 4, 5)))
refuse(struct endpoint_error *error, enum cni_code code, const char *msg, const char *format, ...)
{
	va_list args;

	error->code = code;
	snprintf(error->msg, sizeof(error->msg), "%s", msg);
	va_start(args, format);
	vsnprintf(error->details, sizeof(error->details), format, args);
	va_end(args);
	return -ECANCELED;
}

/* What a person can do about a step that the kernel refused. */
static const char *mend_of(int err)
{
	switch (-err) {
	case EACCES:
		return "IPv6 is switched off in the pod's namespace: net.ipv6.conf.default.disable_ipv6 "
		       "must be 0 there, or this node's pools have no IPv6 block";
	case EPERM:
		return "the agent lacks a right: CAP_NET_ADMIN in the namespace's user namespace, "
		       "CAP_BPF";
	case E2BIG:
	case ENOSPC:
		return "a map is full: raise maps.endpoints in the agent's file";
	case EADDRINUSE:
		return "the address is the node's own: take it off the node, or change the block or "
		       "the ipam part that gives it to pods";
	case ENOMEM:
	case ENOBUFS:
		return "the kernel or the agent is out of memory";
	default:
		return "the agent's log and `tortie status` may say more";
	}
}

static int refuse_step(struct endpoint_error *error, const char *step, int err)
{
	return refuse(error, CNI_CODE_KERNEL, step, "%s: %s; %s", step, strerror(-err),
		      mend_of(err));
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Is @fd a network namespace, not the node's, and @pod a socket in it? */
static int check_namespace(const struct endpoint_add *add, struct endpoint_error *error)
{
	struct stat pod, node, socket;
	const char *path = add->request->netns;
	int fd;

	if (fstat(add->netns_fd, &pod) < 0 || ioctl(add->netns_fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return refuse(error, CNI_CODE_ENVIRONMENT, "CNI_NETNS is no network namespace",
			      "CNI_NETNS=%s: not a network namespace", path);
	if (stat("/proc/self/ns/net", &node) < 0)
		return refuse_step(error, "looking at the agent's namespace", -errno);
	if (same_file(&pod, &node))
		return refuse(error, CNI_CODE_ENVIRONMENT, "CNI_NETNS is the node's own namespace",
			      "CNI_NETNS=%s: this is the node's own network namespace; a pod needs "
			      "one of its own",
			      path);
	fd = ioctl(netlink_fd(add->pod), SIOCGSKNS);
	if (fd < 0)
		return refuse_step(error, "looking at the passed socket's namespace", -errno);
	if (fstat(fd, &socket) < 0 || !same_file(&pod, &socket)) {
		close(fd);
		return refuse(
			error, CNI_CODE_ENVIRONMENT, "the passed socket is of another namespace",
			"CNI_NETNS=%s: the netlink socket that came with it belongs to another "
			"namespace",
			path);
	}
	close(fd);
	return 0;
}

static int check_request(const struct endpoint_add *add, struct endpoint_error *error)
{
	const struct msg_cni_request *request = add->request;

	if (!container_id_is_valid(request->container_id))
		return refuse(
			error, CNI_CODE_ENVIRONMENT, "CNI_CONTAINERID is not valid",
			"at most %d letters, digits, '_', '.', '-', the first a letter or digit",
			CONTAINER_ID_MAX);
	if (!ifname_is_valid(request->ifname))
		return refuse(error, CNI_CODE_ENVIRONMENT, "CNI_IFNAME is not valid",
			      "1 to %d octets without '/', ':' and white space", IFNAME_MAX);
	if (request->mtu != 0 && (request->mtu < MTU_MIN || request->mtu > MTU_MAX))
		return refuse(error, CNI_CODE_CONFIGURATION, "mtu is out of range",
			      "mtu %u: %d to %d, or leave the key out for the node's own",
			      request->mtu, MTU_MIN, MTU_MAX);
	if (memcmp(request->mac, pod_gateway_mac(), sizeof(request->mac)) == 0)
		return refuse(error, CNI_CODE_CONFIGURATION, "the MAC that is asked for is taken",
			      "ee:ee:ee:ee:ee:ee is that of every pod's gateway; ask for another");
	return check_namespace(add, error);
}

/*
 * The attachment is there already. In the same namespace that is the runtime's mistake, and what is
 * there stays; another namespace means that the old sandbox is dead and the pod starts again.
 */
static int settle_existing(struct agent *agent, const struct endpoint_add *add,
			   struct endpoint_error *error)
{
	char name[IFNAME_MAX + 1];
	const struct endpoint *old;
	struct pod_link link;
	int netnsid = -1;

	pod_ifname(add->request->container_id, add->request->ifname, name);
	old = endpoint_find_by_ifname(agent->endpoints, name);
	if (old == NULL)
		return 0;
	if (pod_link_get(agent->netlink, name, &link) == 0 && link.netnsid >= 0 &&
	    pod_link_netnsid(agent->netlink, add->netns_fd, &netnsid) == 0 &&
	    link.netnsid == netnsid)
		return refuse(error, CNI_CODE_ALREADY_THERE, "the attachment exists already",
			      "container %s has interface %s (%s) in this namespace; DEL it first",
			      old->container_id, old->ifname, old->host_ifname);
	log_info("container %s: a new sandbox for %s, the old link %s is removed",
		 old->container_id, old->ifname, name);
	endpoint_doom(agent, old);
	endpoint_flush_doomed(agent);
	return 0;
}

static int describe(struct agent *agent, const struct msg_cni_request *request,
		    struct endpoint *endpoint)
{
	static const uint8_t no_mac[6] = { 0 };

	memset(endpoint, 0, sizeof(*endpoint));
	pod_ifname(request->container_id, request->ifname, endpoint->host_ifname);
	snprintf(endpoint->ifname, sizeof(endpoint->ifname), "%s", request->ifname);
	snprintf(endpoint->container_id, sizeof(endpoint->container_id), "%s",
		 request->container_id);
	snprintf(endpoint->pod_name, sizeof(endpoint->pod_name), "%s", request->pod_name);
	snprintf(endpoint->pod_namespace, sizeof(endpoint->pod_namespace), "%s",
		 request->pod_namespace);
	snprintf(endpoint->network, sizeof(endpoint->network), "%s", request->network);
	endpoint->mtu = request->mtu != 0 ? request->mtu : uplinks_node_mtu(agent->uplinks);
	endpoint->asked = request->asked;
	memcpy(endpoint->pod_mac, request->mac, sizeof(endpoint->pod_mac));
	if (memcmp(endpoint->pod_mac, no_mac, sizeof(no_mac)) != 0)
		return 0;
	if (getrandom(endpoint->pod_mac, sizeof(endpoint->pod_mac), 0) != sizeof(endpoint->pod_mac))
		return -errno;
	/* IEEE 802: locally administered, one receiver. */
	endpoint->pod_mac[0] = (uint8_t)((endpoint->pod_mac[0] & 0xfc) | 0x02);
	return 0;
}

static int create_link(struct agent *agent, const struct endpoint_add *add,
		       struct endpoint *endpoint, struct pod_link *link)
{
	struct pod_link_spec spec = { .endpoint = endpoint,
				      .netns_fd = add->netns_fd,
				      .group = agent->config->group_creating,
				      .gso_max_size = uplinks_gso_max_size(agent->uplinks) };
	int err;

	err = pod_link_create(agent->netlink, &spec, link);
	if (err == -EEXIST && endpoint_flush_doomed(agent))
		err = pod_link_create(agent->netlink, &spec, link);
	if (err == 0)
		endpoint->ifindex = link->ifindex;
	return err;
}

static int refuse_link(struct agent *agent, const struct endpoint *endpoint, int err,
		       struct endpoint_error *error)
{
	struct pod_link link;

	if (err != -EEXIST)
		return refuse_step(error, "creating the pod's link", err);
	if (pod_link_get(agent->netlink, endpoint->host_ifname, &link) == 0)
		return refuse(error, CNI_CODE_ALREADY_THERE, "the host end's name is taken",
			      "link %s exists and is not this agent's (group %u); remove it",
			      link.name, link.group);
	return refuse(error, CNI_CODE_ALREADY_THERE, "the interface exists in the pod",
		      "%s exists in the pod's namespace and was left alone; choose another "
		      "CNI_IFNAME or remove it",
		      endpoint->ifname);
}

/* 1 when the entry had to be written, 0, or -errno. */
static int set_map_entry(struct agent *agent, const struct endpoint *endpoint,
			 const struct ip_addr *addr, uint32_t counter)
{
	struct endpoint_value value = { .ifindex = endpoint->ifindex, .counter = counter }, old;
	int err;

	memcpy(value.mac, endpoint->pod_mac, sizeof(value.mac));
	err = dataplane_get_endpoint(agent->dataplane, addr, &old);
	if (err == 0 && (old.flags & ENDPOINT_HOST))
		return -EADDRINUSE;
	if (err == 0 && old.ifindex == value.ifindex &&
	    memcmp(old.mac, value.mac, sizeof(value.mac)) == 0) {
		if (old.counter == counter)
			return 0; /* its policy and generation are right */
		value = old;
		value.counter = counter;
	} else if (getrandom(&value.generation, sizeof(value.generation), 0) < 0) {
		return -errno;
	}
	err = dataplane_set_endpoint(agent->dataplane, addr, &value);
	return err < 0 ? err : 1;
}

int endpoint_write_maps(struct agent *agent, const struct endpoint *endpoint, const char **ret_step)
{
	int err, written = 0;
	uint32_t counter;

	*ret_step = "writing map ep_counter";
	err = dataplane_create_counter(agent->dataplane, endpoint->ifindex, &counter);
	if (err < 0)
		return err;
	*ret_step = "writing map endpoint";
	for (size_t i = 0; i < endpoint->address_count; i++) {
		err = set_map_entry(agent, endpoint, &endpoint->address[i], counter);
		if (err < 0)
			return err;
		written += err;
	}
	return written;
}

static int write_and_attach(struct agent *agent, const struct endpoint *endpoint,
			    const char **ret_step)
{
	int err;

	err = endpoint_write_maps(agent, endpoint, ret_step);
	if (err < 0)
		return err;
	*ret_step = "attaching the programs to the host end";
	return attach_pod(agent->dataplane, agent->netlink, endpoint->ifindex);
}

int endpoint_activate(struct agent *agent, const struct endpoint *endpoint, const char **ret_step)
{
	int err = write_and_attach(agent, endpoint, ret_step);

	if (err < 0)
		return err;
	return pod_link_configure_host(agent->netlink, endpoint, ret_step);
}

void endpoint_cut_off(struct agent *agent, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->address_count; i++) {
		struct endpoint_value value;

		/* An undone ADD may find another owner's entry. */
		if (dataplane_get_endpoint(agent->dataplane, &endpoint->address[i], &value) == 0 &&
		    value.ifindex == endpoint->ifindex)
			dataplane_delete_endpoint(agent->dataplane, &endpoint->address[i]);
	}
	pod_link_remove_routes(agent->netlink, endpoint);
	dataplane_delete_counter(agent->dataplane, endpoint->ifindex);
}

void endpoint_doom(struct agent *agent, const struct endpoint *endpoint)
{
	struct endpoint copy = *endpoint; /* the store frees its own below */
	int err;

	err = pod_link_set_group(agent->netlink, copy.ifindex, agent->config->group_dying);
	if (err < 0 && err != -ENODEV)
		log_warning("link %s: cannot be moved to group %u: %s; tried again within a minute",
			    copy.host_ifname, agent->config->group_dying, strerror(-err));
	endpoint_cut_off(agent, &copy);
	pod_names_delete(agent->endpoints->names, copy.host_ifname);
	endpoint_store_doom(agent->endpoints, &copy);
	if (err == -ENODEV) /* gone with its namespace meanwhile */
		endpoint_store_link_gone(agent->endpoints, copy.ifindex);
	link_reaper_wake(agent->reaper);
}

/* From the link on: whatever fails here is undone by endpoint_doom(). */
static int complete(struct agent *agent, const struct endpoint_add *add,
		    const struct endpoint *endpoint, const struct pod_link *link,
		    struct endpoint_error *error)
{
	struct pod_link pod = { .ifindex = link->peer_ifindex, .netnsid = link->netnsid };
	const char *step = "";
	int err;

	event_loop_beat(agent->loop);
	err = pod_link_configure_pod(add->pod, endpoint, link->peer_ifindex, &step);
	if (err < 0)
		return refuse_step(error, step, err);
	event_loop_beat(agent->loop);
	err = write_and_attach(agent, endpoint, &step);
	if (err < 0)
		return refuse_step(error, step, err);
	event_loop_beat(agent->loop);
	err = pod_link_go_live(agent->netlink, endpoint, agent->config->group_live, &pod, &step);
	if (err < 0)
		return refuse_step(error, step, err);
	if (!pod.is_active)
		err = pod_link_await_active(add->pod, link->peer_ifindex);
	if (err < 0)
		log_warning("container %s %s: the kernel has not activated the interface: %s; "
			    "packets may be lost at first",
			    endpoint->container_id, endpoint->ifname, strerror(-err));
	return 0;
}

static void say_what_is_not_served(const struct endpoint *endpoint)
{
	if (endpoint->asked & CNI_ASKED_BANDWIDTH)
		log_warning(
			"pod %s/%s (%s): limits of bandwidth are asked for (annotations "
			"kubernetes.io/ingress-bandwidth and egress-bandwidth, or runtimeConfig) "
			"and not served: it runs without them",
			endpoint->pod_namespace, endpoint->pod_name, endpoint->container_id);
}

int endpoint_add(struct agent *agent, const struct endpoint_add *add,
		 const struct endpoint **ret_endpoint, struct endpoint_error *ret_error)
{
	struct endpoint endpoint;
	struct pod_link link;
	int err;

	err = check_request(add, ret_error);
	if (err < 0)
		return err;
	err = settle_existing(agent, add, ret_error);
	if (err < 0)
		return err;
	err = describe(agent, add->request, &endpoint);
	if (err < 0)
		return refuse_step(ret_error, "choosing a MAC", err);
	err = endpoint_take_addresses(agent, add->request, &endpoint, ret_error);
	if (err < 0)
		return err;
	event_loop_beat(agent->loop);
	err = create_link(agent, add, &endpoint, &link);
	if (err < 0) {
		endpoint_release_addresses(agent, &endpoint);
		return refuse_link(agent, &endpoint, err, ret_error);
	}
	err = complete(agent, add, &endpoint, &link, ret_error);
	if (err == 0) {
		err = endpoint_store_insert(agent->endpoints, &endpoint, ret_endpoint);
		if (err < 0)
			refuse_step(ret_error, "keeping the endpoint", err);
	}
	if (err < 0) {
		endpoint_doom(agent, &endpoint);
		return err;
	}
	pod_names_set(agent->endpoints->names, &endpoint);
	say_what_is_not_served(&endpoint);
	return 0;
}

void endpoint_delete(struct agent *agent, const char *container_id, const char *ifname)
{
	const struct endpoint *endpoint;
	char name[IFNAME_MAX + 1];

	pod_ifname(container_id, ifname, name);
	endpoint = endpoint_find_by_ifname(agent->endpoints, name);
	if (endpoint != NULL)
		endpoint_doom(agent, endpoint);
}

static bool request_has(const struct msg_cni_request *request, const struct ip_addr *addr)
{
	for (size_t i = 0; i < request->address_count; i++)
		if (ip_addr_equal(&request->address[i], addr))
			return true;
	return false;
}

/* What prevResult says against what this agent knows. */
static void compare_result(const struct msg_cni_request *request, const struct endpoint *endpoint,
			   char *text)
{
	char addr[IP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < endpoint->address_count; i++)
		if (!request_has(request, &endpoint->address[i]))
			text_append_item(text, TEXT_MAX + 1,
					 "prevResult lacks the pod's address %s",
					 ip_addr_format(&endpoint->address[i], addr, sizeof(addr)));
}

static void compare_maps(struct agent *agent, const struct endpoint *endpoint, char *text)
{
	struct endpoint_value value;
	char addr[IP_ADDR_TEXT_MAX];
	int whole;

	for (size_t i = 0; i < endpoint->address_count; i++) {
		ip_addr_format(&endpoint->address[i], addr, sizeof(addr));
		if (dataplane_get_endpoint(agent->dataplane, &endpoint->address[i], &value) < 0)
			text_append_item(text, TEXT_MAX + 1, "map endpoint has no entry for %s",
					 addr);
		else if (value.ifindex != endpoint->ifindex ||
			 memcmp(value.mac, endpoint->pod_mac, sizeof(value.mac)) != 0)
			text_append_item(text, TEXT_MAX + 1,
					 "map endpoint has %s at another link or MAC", addr);
	}
	whole = attach_pod_is_whole(agent->dataplane, agent->netlink, endpoint->ifindex);
	if (whole != 1)
		text_append_item(text, TEXT_MAX + 1, "the programs on %s are not tortie's alone",
				 endpoint->host_ifname);
}

static void compare_sides(struct agent *agent, const struct endpoint_add *check,
			  const struct endpoint *endpoint, char *text)
{
	char side[TEXT_MAX + 1] = "";
	struct pod_link link;

	if (pod_link_get(agent->netlink, endpoint->host_ifname, &link) < 0) {
		text_append_item(text, TEXT_MAX + 1, "host link %s is gone", endpoint->host_ifname);
		return;
	}
	if (link.group != agent->config->group_live)
		text_append_item(text, TEXT_MAX + 1, "%s is in group %u", link.name, link.group);
	if (pod_link_check_host(agent->netlink, endpoint, side) < 0)
		text_append_item(text, TEXT_MAX + 1, "%s", side);
	event_loop_beat(agent->loop);
	side[0] = '\0';
	if (pod_link_check_pod(check->pod, endpoint, &link, side) < 0)
		text_append_item(text, TEXT_MAX + 1, "%s", side);
}

int endpoint_check(struct agent *agent, const struct endpoint_add *check,
		   const struct endpoint **ret_endpoint, struct endpoint_error *ret_error)
{
	const struct endpoint *endpoint;
	char name[IFNAME_MAX + 1], text[TEXT_MAX + 1] = "";
	int err;

	err = check_request(check, ret_error);
	if (err < 0)
		return err;
	pod_ifname(check->request->container_id, check->request->ifname, name);
	endpoint = endpoint_find_by_ifname(agent->endpoints, name);
	if (endpoint == NULL)
		return refuse(ret_error, CNI_CODE_UNKNOWN_CONTAINER, "unknown container",
			      "container %s has no interface %s on this node",
			      check->request->container_id, check->request->ifname);
	compare_result(check->request, endpoint, text);
	compare_sides(agent, check, endpoint, text);
	event_loop_beat(agent->loop);
	compare_maps(agent, endpoint, text);
	if (text[0] != '\0')
		return refuse(ret_error, CNI_CODE_NOT_AS_ADDED,
			      "the attachment is not as ADD made it", "%s", text);
	*ret_endpoint = endpoint;
	return 0;
}
