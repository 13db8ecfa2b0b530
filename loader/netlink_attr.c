/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink_attr.c: reading of the kernel's messages, for dumps and notifications.
 *
 * libnl's parsers take messages that are not const and allocate nothing either; these do the same
 * over const messages, so that a listener cannot change what the next one reads. Every length is
 * checked against the message's own, although the kernel is the only sender: netlink.c drops what
 * comes from another port.
 *
 * Left to others: which attributes there are and what they mean. RFC 3549 section 2.
 */
#include "loader/netlink_attr.h"

#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "lib/ip_prefix.h"

const void *netlink_body(const struct nlmsghdr *header, size_t size)
{
	if (header->nlmsg_len < NLMSG_HDRLEN + size)
		return NULL;
	return (const uint8_t *)header + NLMSG_HDRLEN;
}

/* The attributes in octets @at .. @end of @octets, by type. */
static void collect(const uint8_t *octets, size_t at, size_t end, const struct nlattr **ret_attrs,
		    size_t count)
{
	memset(ret_attrs, 0, count * sizeof(*ret_attrs));
	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const struct nlattr *)(const void *)(octets + at);
		size_t type = attr->nla_type & NLA_TYPE_MASK;

		if (attr->nla_len < NLA_HDRLEN || at + attr->nla_len > end)
			return;
		if (type < count && ret_attrs[type] == NULL)
			ret_attrs[type] = attr;
		at += NLA_ALIGN(attr->nla_len);
	}
}

void netlink_attrs(const struct nlmsghdr *header, size_t size, const struct nlattr **ret_attrs,
		   size_t count)
{
	collect((const uint8_t *)header, NLMSG_HDRLEN + NLMSG_ALIGN(size), header->nlmsg_len,
		ret_attrs, count);
}

const void *netlink_attr_data(const struct nlattr *attr, size_t *ret_len)
{
	if (attr == NULL) {
		*ret_len = 0;
		return NULL;
	}
	*ret_len = (size_t)attr->nla_len - NLA_HDRLEN;
	return (const uint8_t *)attr + NLA_HDRLEN;
}

uint8_t netlink_attr_u8(const struct nlattr *attr, uint8_t fallback)
{
	const uint8_t *data;
	size_t len;

	data = netlink_attr_data(attr, &len);
	return data != NULL && len == sizeof(*data) ? *data : fallback;
}

uint32_t netlink_attr_u32(const struct nlattr *attr, uint32_t fallback)
{
	size_t len;
	const void *data = netlink_attr_data(attr, &len);
	uint32_t value;

	if (data == NULL || len != sizeof(value))
		return fallback;
	memcpy(&value, data, sizeof(value));
	return value;
}

int netlink_attr_text(const struct nlattr *attr, char *buf, size_t size)
{
	size_t len;
	const char *data = netlink_attr_data(attr, &len);

	buf[0] = '\0';
	if (data == NULL)
		return -ENODATA;
	len = strnlen(data, len);
	if (len >= size)
		len = size - 1;
	memcpy(buf, data, len);
	buf[len] = '\0';
	return 0;
}

bool netlink_attr_is_veth(const struct nlattr *linkinfo)
{
	const struct nlattr *attr[IFLA_INFO_KIND + 1];
	char kind[sizeof("veth") + 1];

	if (linkinfo == NULL)
		return false;
	collect((const uint8_t *)linkinfo, NLA_HDRLEN, linkinfo->nla_len, attr, IFLA_INFO_KIND + 1);
	return netlink_attr_text(attr[IFLA_INFO_KIND], kind, sizeof(kind)) == 0 &&
	       strcmp(kind, "veth") == 0;
}

int netlink_attr_addr(const struct nlattr *attr, int family, struct ip_addr *ret_addr)
{
	size_t len;
	const void *data = netlink_attr_data(attr, &len);
	struct in6_addr v6;
	struct in_addr v4;

	if (data != NULL && family == AF_INET && len == sizeof(v4)) {
		memcpy(&v4, data, sizeof(v4));
		*ret_addr = ip_addr_from_v4(v4);
		return 0;
	}
	if (data != NULL && family == AF_INET6 && len == sizeof(v6)) {
		memcpy(&v6, data, sizeof(v6));
		*ret_addr = ip_addr_from_v6(&v6);
		return 0;
	}
	return -ENODATA;
}

int netlink_attr_via(const struct nlattr *attr, struct ip_addr *ret_addr)
{
	const struct rtvia *via;
	struct in6_addr v6;
	size_t len;

	via = netlink_attr_data(attr, &len);
	if (via == NULL || len != sizeof(*via) + sizeof(v6) || via->rtvia_family != AF_INET6)
		return -ENODATA;
	memcpy(&v6, via->rtvia_addr, sizeof(v6));
	*ret_addr = ip_addr_from_v6(&v6);
	return 0;
}
