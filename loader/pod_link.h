/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_POD_LINK_H
#define LOADER_POD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader/endpoint_store.h"

struct netlink;
struct nlmsghdr;

/* A cali* link as a dump or notification tells it. */
struct pod_link {
	uint32_t ifindex;
	uint32_t peer_ifindex; /* in the pod's namespace; 0: unknown */
	int netnsid;	       /* of the pod's namespace as seen from here; -1: none */
	uint32_t group;
	uint32_t mtu;
	uint32_t gso_max_size, gso_ipv4_max_size; /* 0: this kernel does not tell */
	bool is_up;
	bool is_active; /* the kernel sends what is given to it */
	bool is_veth;
	uint8_t mac[6];
	char name[IFNAME_MAX + 1];
	char alias[256]; /* "" when none */
};

/** pod_link_read() - from an RTM_NEWLINK or RTM_DELLINK; false when it is neither, or malformed. */
bool pod_link_read(const struct nlmsghdr *header, struct pod_link *ret_link);

struct pod_link_spec {
	const struct endpoint *endpoint; /* names, MAC, MTU, addresses */
	int netns_fd;
	uint32_t group;	       /* of the creating state */
	uint32_t gso_max_size; /* for GSO and GRO of both ends, IPv4 too where the kernel can */
};

/**
 * pod_link_create() - the pair, its record and settings, in one datagram; both ends down. 0 and
 * *ret_link as the kernel tells it afterwards. -EEXIST: @endpoint's ifname exists in the pod, or
 * the host name here (pod_link_get() tells which); -ENODEV and others as the kernel says. Nothing
 * is left on failure, except a link in the creating group when the kernel's answers are lost, that
 * to the question whether it is there, too.
 */
int pod_link_create(struct netlink *netlink, const struct pod_link_spec *spec,
		    struct pod_link *ret_link);
/** pod_link_get() - by name. 0, -ENODEV. */
int pod_link_get(struct netlink *netlink, const char *name, struct pod_link *ret_link);
/** pod_link_is_gone() - does the kernel know of no link @ifindex? False also when it does not say.
 */
bool pod_link_is_gone(struct netlink *netlink, uint32_t ifindex);

/**
 * pod_link_configure_pod() - through @pod, a socket of the pod's namespace: lo and the interface
 * up, addresses without DAD, permanent neighbours for the gateways, routes. The first interface of
 * a namespace gets the plain default routes, a further one less preferred ones, and a rule by which
 * what comes from its addresses leaves by it. 0 or -errno with *ret_step, a constant text of what
 * failed.
 */
int pod_link_configure_pod(struct netlink *pod, const struct endpoint *endpoint,
			   uint32_t peer_ifindex, const char **ret_step);
/**
 * pod_link_configure_host() - the host end up, a permanent neighbour and a route to each address
 * (protocol ROUTE_PROTOCOL). Idempotent: what is there stays, an older route of ours to another
 * link is replaced, a stranger's is -EEXIST.
 */
int pod_link_configure_host(struct netlink *netlink, const struct endpoint *endpoint,
			    const char **ret_step);
/** pod_link_remove_routes() - the host's routes to @endpoint's addresses; what is not there is
 * fine. */
void pod_link_remove_routes(struct netlink *netlink, const struct endpoint *endpoint);
/**
 * pod_link_go_live() - pod_link_configure_host() of a link that is down yet, and its move to
 * @group, all in one datagram: no kill comes between. On failure the link may be in @group already.
 * @pod (may be NULL): the pod's end, of which ifindex and netnsid must be known, and afterwards
 * is_active is: false also means that the kernel has not told.
 */
int pod_link_go_live(struct netlink *netlink, const struct endpoint *endpoint, uint32_t group,
		     struct pod_link *pod, const char **ret_step);

/**
 * pod_link_await_active() - wait until the kernel sends what the pod gives to its interface: a
 * moment after both ends are up, milliseconds at worst. 0 or -ETIMEDOUT.
 */
int pod_link_await_active(struct netlink *pod, uint32_t peer_ifindex);

/** pod_link_set_group() - the link's state. 0 or -errno (-ENODEV: gone). */
int pod_link_set_group(struct netlink *netlink, uint32_t ifindex, uint32_t group);
/** pod_link_delete() - waits for the kernel (about 20 ms). 0 or -errno (-ENODEV: gone). */
int pod_link_delete(struct netlink *netlink, uint32_t ifindex);
/** pod_link_delete_group() - all links of @group at once. 0 or -errno (-ENODEV: none). */
int pod_link_delete_group(struct netlink *netlink, uint32_t group);

/** pod_link_netnsid() - the number that links here give the namespace @netns_fd; 0 and *ret_id (-1:
 * no link leads there), or -errno. */
int pod_link_netnsid(struct netlink *netlink, int netns_fd, int *ret_id);

/**
 * pod_link_check_pod() - compare the pod's side with what pod_link_configure_pod() made. 0, or
 * -EBADE with the differences in @ret_text ("; " between them), or -errno.
 */
int pod_link_check_pod(struct netlink *pod, const struct endpoint *endpoint,
		       const struct pod_link *host_link, char ret_text[TEXT_MAX + 1]);
/** pod_link_check_host() - the same for the host's side. */
int pod_link_check_host(struct netlink *netlink, const struct endpoint *endpoint,
			char ret_text[TEXT_MAX + 1]);

#endif /* LOADER_POD_LINK_H */
