/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conntrack.c: the host stack's connections, read once.
 *
 * A dump of ctnetlink, entry by entry; a table may hold hundreds of thousands, so that nothing is
 * collected. Where conntrack is not in the kernel, or was never used, there is nothing to read.
 *
 * include/uapi/linux/netfilter/nfnetlink_conntrack.h.
 */
#include "loader/conntrack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>

#include "lib/ip_prefix.h"
#include "loader/netlink_attr.h"
#include "loader/nft_socket.h"

/* The attributes inside @attr, which may be NULL. False when there are none. */
static bool parse_nested(const struct nlattr *attr, const struct nlattr **ret_attrs, int max)
{
	struct nlattr *nested = (struct nlattr *)(uintptr_t)attr;

	memset(ret_attrs, 0, ((size_t)max + 1) * sizeof(*ret_attrs));
	return nested &&
	       nla_parse_nested((struct nlattr **)(uintptr_t)ret_attrs, max, nested, NULL) == 0;
}

static uint16_t read_u16(const struct nlattr *attr)
{
	size_t len;
	const void *data = netlink_attr_data(attr, &len);
	uint16_t value = 0;

	if (data && len == sizeof(value))
		memcpy(&value, data, sizeof(value));
	return value;
}

static bool read_addresses(const struct nlattr *attr, struct flow_end *source,
			   struct flow_end *dest)
{
	const struct nlattr *ip[CTA_IP_MAX + 1];

	if (!parse_nested(attr, ip, CTA_IP_MAX))
		return false;
	if (ip[CTA_IP_V4_SRC])
		return netlink_attr_addr(ip[CTA_IP_V4_SRC], AF_INET, &source->addr) == 0 &&
		       netlink_attr_addr(ip[CTA_IP_V4_DST], AF_INET, &dest->addr) == 0;
	return netlink_attr_addr(ip[CTA_IP_V6_SRC], AF_INET6, &source->addr) == 0 &&
	       netlink_attr_addr(ip[CTA_IP_V6_DST], AF_INET6, &dest->addr) == 0;
}

/* Ports; an echo's identifier stands for both. */
static bool read_protocol(const struct nlattr *attr, uint8_t *ret_protocol, struct flow_end *source,
			  struct flow_end *dest)
{
	const struct nlattr *proto[CTA_PROTO_MAX + 1];
	const uint8_t *number;
	uint16_t id;
	size_t len;

	if (!parse_nested(attr, proto, CTA_PROTO_MAX))
		return false;
	number = netlink_attr_data(proto[CTA_PROTO_NUM], &len);
	if (!number || len != sizeof(*number))
		return false;
	*ret_protocol = *number;
	source->port_be = read_u16(proto[CTA_PROTO_SRC_PORT]);
	dest->port_be = read_u16(proto[CTA_PROTO_DST_PORT]);
	id = read_u16(proto[CTA_PROTO_ICMP_ID] ? proto[CTA_PROTO_ICMP_ID]
					       : proto[CTA_PROTO_ICMPV6_ID]);
	if (id)
		source->port_be = dest->port_be = id;
	return true;
}

static bool read_tuple(const struct nlattr *attr, uint8_t *ret_protocol, struct flow_end *source,
		       struct flow_end *dest)
{
	const struct nlattr *tuple[CTA_TUPLE_MAX + 1];

	return parse_nested(attr, tuple, CTA_TUPLE_MAX) &&
	       read_addresses(tuple[CTA_TUPLE_IP], source, dest) &&
	       read_protocol(tuple[CTA_TUPLE_PROTO], ret_protocol, source, dest);
}

bool conntrack_read(const struct nlmsghdr *header, struct conntrack_entry *ret_entry)
{
	const struct nlattr *attr[CTA_MAX + 1];
	uint8_t protocol;

	memset(ret_entry, 0, sizeof(*ret_entry));
	if (header->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
	    !netlink_body(header, sizeof(struct nfgenmsg)))
		return false;
	netlink_attrs(header, sizeof(struct nfgenmsg), attr, CTA_MAX + 1);
	return read_tuple(attr[CTA_TUPLE_ORIG], &ret_entry->protocol, &ret_entry->orig_source,
			  &ret_entry->orig_dest) &&
	       read_tuple(attr[CTA_TUPLE_REPLY], &protocol, &ret_entry->reply_source,
			  &ret_entry->reply_dest) &&
	       protocol == ret_entry->protocol;
}

static bool is_same_end(const struct flow_end *a, const struct flow_end *b)
{
	return a->port_be == b->port_be && ip_addr_equal(&a->addr, &b->addr);
}

bool conntrack_is_translated(const struct conntrack_entry *entry)
{
	return !is_same_end(&entry->orig_source, &entry->reply_dest) ||
	       !is_same_end(&entry->orig_dest, &entry->reply_source);
}

void conntrack_forwarded(const struct conntrack_entry *entry, struct flow_key *ret_key)
{
	/* The answer comes from where the packet really went, to what it seemed to come from. */
	flow_key_make(&entry->reply_source, &entry->reply_dest, entry->protocol, ret_key);
}

struct walk {
	conntrack_fn *fn;
	void *arg;
};

static int tell_entry(const struct nlmsghdr *header, void *arg)
{
	const struct walk *walk = arg;
	struct conntrack_entry entry;

	return conntrack_read(header, &entry) ? walk->fn(&entry, walk->arg) : 0;
}

int conntrack_for_each(conntrack_fn *fn, void *arg)
{
	const struct nft_dump_question all = {
		.type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
	};
	struct walk walk = { .fn = fn, .arg = arg };

	return nft_dump(&all, tell_entry, &walk);
}
