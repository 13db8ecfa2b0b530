/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_address.c: the node's own addresses, as the kernel has them and as map endpoint tells them.
 *
 * from_pod sends a packet for one of the node's own addresses to the host stack; it knows them by
 * entries of map endpoint that carry ENDPOINT_HOST. Every address of every link of the namespace is
 * meant, also one that was given to the loopback link (service addresses, router ids), but neither
 * 127.0.0.0/8 and ::1, which no pod can reach, nor link-local ones, which belong to one link.
 *
 * Way of data: one dump of both families gives a sorted list; the list is compared with the one
 * published before (or with the map itself: at start, and in the minute's sweep) and only the
 * difference is written. An address that a pod has stays the pod's: a duplicate is a mistake of the
 * configuration, which endpoint_store.c reports.
 *
 * Left to others: when to read (uplink.c), which subnets belong to an uplink (uplink.c).
 */
#include "loader/node_address.h"

#include <errno.h>
#include <stdlib.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "dataplane_abi.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/dataplane.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"

#define ADDRESSES_FIRST 16
#define ADDRESSES_MAX	65536

static int append(struct node_addresses *addresses, const struct node_address *address)
{
	size_t size = addresses->size > 0 ? addresses->size * 2 : ADDRESSES_FIRST;
	struct node_address *item;

	if (addresses->count == ADDRESSES_MAX)
		return -E2BIG;
	if (addresses->count == addresses->size) {
		item = realloc(addresses->item, size * sizeof(*item));
		if (item == NULL)
			return -ENOMEM;
		addresses->item = item;
		addresses->size = size;
	}
	addresses->item[addresses->count++] = *address;
	return 0;
}

static int on_address(const struct nlmsghdr *header, void *arg)
{
	const struct ifaddrmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[IFA_FLAGS + 1];
	struct node_address address = { 0 };
	struct ip_addr subnet;
	unsigned int bits;
	uint32_t flags;

	if (header->nlmsg_type != RTM_NEWADDR || body == NULL)
		return 0;
	netlink_attrs(header, sizeof(*body), attr, IFA_FLAGS + 1);
	/* IFA_ADDRESS of a point-to-point link is the other end; IFA_LOCAL is ours. */
	if (netlink_attr_addr(attr[IFA_ADDRESS], body->ifa_family, &subnet) < 0)
		return 0;
	if (netlink_attr_addr(attr[IFA_LOCAL], body->ifa_family, &address.addr) < 0)
		address.addr = subnet;
	bits = body->ifa_prefixlen + (body->ifa_family == AF_INET ? IP_ADDR_V4_BITS : 0);
	if (bits > IP_ADDR_BITS)
		return 0;
	address.subnet = ip_prefix_make(&subnet, bits);
	address.ifindex = body->ifa_index;
	flags = netlink_attr_u32(attr[IFA_FLAGS], body->ifa_flags);
	address.is_duplicate = flags & IFA_F_DADFAILED;
	address.is_tentative =
		(flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC) && !address.is_duplicate;
	return append(arg, &address);
}

static int compare(const void *a, const void *b)
{
	const struct node_address *one = a, *other = b;

	return ip_addr_compare(&one->addr, &other->addr);
}

int node_addresses_read(struct netlink *netlink, struct node_addresses *ret_addresses)
{
	struct node_addresses addresses = { 0 };
	struct ifaddrmsg body = { .ifa_family = AF_UNSPEC };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, 0);
	int err;

	if (msg == NULL || nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	err = netlink_dump(netlink, msg, on_address, &addresses);
	if (err < 0) {
		node_addresses_free(&addresses);
		return err;
	}
	if (addresses.count > 0)
		qsort(addresses.item, addresses.count, sizeof(*addresses.item), compare);
	*ret_addresses = addresses;
	return 0;
}

void node_addresses_free(struct node_addresses *addresses)
{
	free(addresses->item);
	*addresses = (struct node_addresses){ 0 };
}

const struct node_address *node_addresses_find(const struct node_addresses *addresses,
					       const struct ip_addr *addr)
{
	struct node_address key = { .addr = *addr };

	if (addresses->count == 0)
		return NULL;
	return bsearch(&key, addresses->item, addresses->count, sizeof(key), compare);
}

bool node_address_is_public(const struct ip_addr *addr)
{
	return !ip_addr_is_link_local(addr) && !ip_addr_is_loopback(addr) &&
	       !ip_addr_is_multicast(addr) && !ip_addr_is_zero(addr);
}

/* What a walk over the map needs: delete host entries that the kernel no longer has. */
struct publication {
	struct dataplane *dataplane;
	const struct node_addresses *now;
	int changed;
};

static int delete_if_gone(const struct ip_addr *addr, const struct endpoint_value *value, void *arg)
{
	struct publication *publication = arg;
	int err;

	if (!(value->flags & ENDPOINT_HOST))
		return 0;
	if (node_address_is_public(addr) && node_addresses_find(publication->now, addr) != NULL)
		return 0;
	err = dataplane_delete_endpoint(publication->dataplane, addr);
	if (err == 0)
		publication->changed++;
	return err;
}

static int delete_gone(struct publication *publication, const struct node_addresses *before)
{
	struct endpoint_value value;
	int err = 0;

	if (before == NULL)
		return dataplane_for_each_endpoint(publication->dataplane, delete_if_gone,
						   publication);
	for (size_t i = 0; i < before->count && err == 0; i++) {
		const struct ip_addr *addr = &before->item[i].addr;

		if (dataplane_get_endpoint(publication->dataplane, addr, &value) == 0)
			err = delete_if_gone(addr, &value, publication);
	}
	return err;
}

static int publish_one(struct publication *publication, const struct ip_addr *addr)
{
	const struct endpoint_value host = { .flags = ENDPOINT_HOST };
	struct endpoint_value old;
	int err;

	if (dataplane_get_endpoint(publication->dataplane, addr, &old) == 0)
		return 0; /* told already, or a pod's */
	err = dataplane_set_endpoint(publication->dataplane, addr, &host);
	if (err == 0)
		publication->changed++;
	return err;
}

int node_addresses_publish(struct dataplane *dataplane, const struct node_addresses *before,
			   const struct node_addresses *now)
{
	struct publication publication = { .dataplane = dataplane, .now = now };
	int err = delete_gone(&publication, before);

	for (size_t i = 0; i < now->count; i++) {
		const struct ip_addr *addr = &now->item[i].addr;
		int one;

		if (!node_address_is_public(addr))
			continue;
		if (before != NULL && node_addresses_find(before, addr) != NULL)
			continue;
		one = publish_one(&publication, addr);
		if (err == 0)
			err = one;
	}
	return err < 0 ? err : publication.changed;
}
