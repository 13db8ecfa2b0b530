/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_NETLINK_ATTR_H
#define LOADER_NETLINK_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "ip_address.h"

/* Reading of messages that stay the kernel's (const): bounded, nothing copied but values. */

/** netlink_body() - the fixed struct behind the header, borrowed; NULL when the message is shorter
 * than @size. */
const void *netlink_body(const struct nlmsghdr *header, size_t size);
/** netlink_attrs() - the attributes behind a body of @size octets, by type below @count; NULL where
 * there is none. The first of a type counts. Borrowed from @header. */
void netlink_attrs(const struct nlmsghdr *header, size_t size, const struct nlattr **ret_attrs,
		   size_t count);
/* @attr may be NULL; a payload of another length than asked for counts as absent. */
uint8_t netlink_attr_u8(const struct nlattr *attr, uint8_t fallback);
uint32_t netlink_attr_u32(const struct nlattr *attr, uint32_t fallback);
const void *netlink_attr_data(const struct nlattr *attr, size_t *ret_len);
/** netlink_attr_text() - copy at most @size - 1 octets of a name; 0 or -ENODATA (buf is "" then).
 */
int netlink_attr_text(const struct nlattr *attr, char *buf, size_t size);
/** netlink_attr_is_veth() - does an IFLA_LINKINFO (NULL: none) say that the link is a veth? */
bool netlink_attr_is_veth(const struct nlattr *linkinfo);
/** netlink_attr_addr() - an address of @family (AF_INET, AF_INET6); 0 or -ENODATA. */
int netlink_attr_addr(const struct nlattr *attr, int family, struct ip_addr *ret_addr);
/** netlink_attr_via() - the IPv6 address of an RTA_VIA, IPv4's next hop of another family; 0 or
 * -ENODATA. */
int netlink_attr_via(const struct nlattr *attr, struct ip_addr *ret_addr);

#endif /* LOADER_NETLINK_ATTR_H */
