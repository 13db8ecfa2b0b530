/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_link_message.c: the requests that make and change a pod's link, octet by octet.
 *
 * Builds rtnetlink messages (rtnetlink(7), linux/if_link.h, linux/veth.h) and sends none. What is
 * not obvious in them was tried on kernels 6.1, 6.12 and 6.18:
 * - the pair comes from one RTM_NEWLINK whose peer part carries the pod's namespace: moving a link
 *   between namespaces later would hold the kernel's network lock for an RCU barrier, 16 ms a pod;
 * - that request ignores an alias without a word, and refuses IFLA_AF_SPEC, so both go in a second
 *   message, which travels in the same datagram;
 * - one queue each way spares the kernel an RCU round;
 * - the IPv4 twins of the GSO limits (6.3 and later) are ignored by older kernels without a word:
 *   who wants to know reads the link again.
 * Addresses are /32 and /128 without duplicate address detection: the agent alone hands them out.
 */
#include "loader/pod_link_message.h"

#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/msg.h>

#include "dataplane_abi.h"
#include "lib/ip_prefix.h"
#include "loader/pod_link_attr.h"

#define ADDR_GEN_MODE_NONE 1 /* IN6_ADDR_GEN_MODE_NONE of linux/if_link.h */

struct ip_addr pod_gateway(bool is_v4)
{
	struct ip_addr addr = { .word = GATEWAY_IPV6_WORDS };
	struct in_addr v4 = { .s_addr = htonl(GATEWAY_IPV4) };

	if (is_v4)
		return ip_addr_from_v4(v4);
	for (size_t i = 0; i < 4; i++)
		addr.word[i] = htonl(addr.word[i]);
	return addr;
}

const uint8_t *pod_gateway_mac(void)
{
	static const uint8_t mac[6] = { GATEWAY_MAC_OCTET, GATEWAY_MAC_OCTET, GATEWAY_MAC_OCTET,
					GATEWAY_MAC_OCTET, GATEWAY_MAC_OCTET, GATEWAY_MAC_OCTET };

	return mac;
}

/* A message with its fixed body; NULL is passed on by all that follows. */
static struct nl_msg *start(int type, int flags, const void *body, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg == NULL)
		return NULL;
	if (nlmsg_append(msg, (void *)(uintptr_t)body, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static struct nl_msg *start_link(int type, int flags, uint32_t ifindex)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };

	return start(type, flags, &body, sizeof(body));
}

/* The message, or NULL (and freed) when an attribute did not fit. */
static struct nl_msg *finish(struct nl_msg *msg, int err)
{
	if (msg == NULL || err >= 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* What both ends have in common. */
static int put_end(struct nl_msg *msg, const struct pod_link_spec *spec, const char *name,
		   const uint8_t mac[6])
{
	uint32_t gso = spec->gso_max_size;
	int err = 0;

	err |= nla_put_string(msg, IFLA_IFNAME, name);
	err |= nla_put(msg, IFLA_ADDRESS, 6, mac);
	err |= nla_put_u32(msg, IFLA_MTU, spec->endpoint->mtu);
	err |= nla_put_u32(msg, IFLA_NUM_TX_QUEUES, 1);
	err |= nla_put_u32(msg, IFLA_NUM_RX_QUEUES, 1);
	if (gso > 65536) { /* the kernel's own choice, which every kernel takes */
		err |= nla_put_u32(msg, IFLA_GSO_MAX_SIZE, gso);
		err |= nla_put_u32(msg, POD_LINK_GRO_MAX_SIZE, gso);
		err |= nla_put_u32(msg, POD_LINK_GSO_IPV4_MAX_SIZE, gso);
		err |= nla_put_u32(msg, POD_LINK_GRO_IPV4_MAX_SIZE, gso);
	}
	return err;
}

static int put_peer(struct nl_msg *msg, const struct pod_link_spec *spec)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC };
	struct nlattr *info, *data, *peer;
	int err = 0;

	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (info == NULL)
		return -1;
	err |= nla_put_string(msg, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	peer = data != NULL ? nla_nest_start(msg, VETH_INFO_PEER) : NULL;
	if (peer == NULL)
		return -1;
	err |= nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	err |= put_end(msg, spec, spec->endpoint->ifname, spec->endpoint->pod_mac);
	err |= nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)spec->netns_fd);
	nla_nest_end(msg, peer);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return err;
}

struct nl_msg *pod_message_create(const struct pod_link_spec *spec)
{
	struct nl_msg *msg = start_link(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	int err = 0;

	if (msg == NULL)
		return NULL;
	err |= put_end(msg, spec, spec->endpoint->host_ifname, pod_gateway_mac());
	err |= nla_put_u32(msg, IFLA_GROUP, spec->group);
	err |= put_peer(msg, spec);
	return finish(msg, err);
}

struct nl_msg *pod_message_record(const char *host_ifname, const char *alias)
{
	struct nl_msg *msg = start_link(RTM_SETLINK, 0, 0);
	struct nlattr *spec, *inet, *conf;
	int err = 0;

	if (msg == NULL)
		return NULL;
	err |= nla_put_string(msg, IFLA_IFNAME, host_ifname);
	/* Without its NUL, which the kernel would count among the 255 octets. */
	err |= nla_put(msg, IFLA_IFALIAS, (int)strlen(alias), alias);
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	inet = spec != NULL ? nla_nest_start(msg, AF_INET) : NULL;
	conf = inet != NULL ? nla_nest_start(msg, IFLA_INET_CONF) : NULL;
	if (conf == NULL)
		return finish(msg, -1);
	err |= nla_put_u32(msg, IPV4_DEVCONF_FORWARDING, 1);
	nla_nest_end(msg, conf);
	nla_nest_end(msg, inet);
	nla_nest_end(msg, spec);
	return finish(msg, err);
}

struct nl_msg *pod_message_no_addr_gen(const char *ifname, uint32_t ifindex)
{
	struct nl_msg *msg = start_link(RTM_SETLINK, 0, ifindex);
	struct nlattr *spec, *inet6;
	int err = 0;

	if (msg == NULL)
		return NULL;
	if (ifname != NULL)
		err |= nla_put_string(msg, IFLA_IFNAME, ifname);
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	inet6 = spec != NULL ? nla_nest_start(msg, AF_INET6) : NULL;
	if (inet6 == NULL)
		return finish(msg, -1);
	err |= nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_MODE_NONE);
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	return finish(msg, err);
}

struct nl_msg *pod_message_up(uint32_t ifindex)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC,
				  .ifi_index = (int)ifindex,
				  .ifi_flags = IFF_UP,
				  .ifi_change = IFF_UP };

	return start(RTM_SETLINK, 0, &body, sizeof(body));
}

struct nl_msg *pod_message_rename(uint32_t ifindex, const char *name, uint32_t mtu)
{
	struct nl_msg *msg = start_link(RTM_SETLINK, 0, ifindex);
	int err = 0;

	if (msg == NULL)
		return NULL;
	err |= nla_put_string(msg, IFLA_IFNAME, name);
	err |= nla_put_u32(msg, IFLA_MTU, mtu);
	return finish(msg, err);
}

struct nl_msg *pod_message_mac(uint32_t ifindex, const uint8_t mac[6])
{
	struct nl_msg *msg = start_link(RTM_SETLINK, 0, ifindex);

	return msg != NULL ? finish(msg, nla_put(msg, IFLA_ADDRESS, 6, mac)) : NULL;
}

struct nl_msg *pod_message_group(uint32_t ifindex, uint32_t group)
{
	struct nl_msg *msg = start_link(RTM_SETLINK, 0, ifindex);

	return msg != NULL ? finish(msg, nla_put_u32(msg, IFLA_GROUP, group)) : NULL;
}

struct nl_msg *pod_message_delete(uint32_t ifindex)
{
	return start_link(RTM_DELLINK, 0, ifindex);
}

struct nl_msg *pod_message_delete_group(uint32_t group)
{
	struct nl_msg *msg = start_link(RTM_DELLINK, 0, 0);

	return msg != NULL ? finish(msg, nla_put_u32(msg, IFLA_GROUP, group)) : NULL;
}

struct nl_msg *pod_message_get(const char *name)
{
	struct nl_msg *msg = start_link(RTM_GETLINK, 0, 0);
	int err = 0;

	if (msg == NULL)
		return NULL;
	err |= nla_put_string(msg, IFLA_IFNAME, name);
	err |= nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return finish(msg, err);
}

struct nl_msg *pod_message_get_index(uint32_t ifindex)
{
	struct nl_msg *msg = start_link(RTM_GETLINK, 0, ifindex);

	return msg != NULL ? finish(msg, nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS))
			   : NULL;
}

struct nl_msg *pod_message_get_elsewhere(uint32_t ifindex, int netnsid)
{
	struct nl_msg *msg = pod_message_get_index(ifindex);

	return msg != NULL ? finish(msg, nla_put_s32(msg, IFLA_TARGET_NETNSID, netnsid)) : NULL;
}

struct nl_msg *pod_message_dump_all_links(void)
{
	struct nl_msg *msg = start_link(RTM_GETLINK, 0, 0);

	if (msg == NULL)
		return NULL;
	return finish(msg, nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS));
}

struct nl_msg *pod_message_dump_links(void)
{
	struct nl_msg *msg = pod_message_dump_all_links();
	struct nlattr *info;
	int err = 0;

	if (msg == NULL)
		return NULL;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (info == NULL)
		return finish(msg, -1);
	err |= nla_put_string(msg, IFLA_INFO_KIND, "veth");
	nla_nest_end(msg, info);
	return finish(msg, err);
}

struct nl_msg *pod_message_netnsid(int netns_fd)
{
	struct rtgenmsg body = { .rtgen_family = AF_UNSPEC };
	struct nl_msg *msg = start(RTM_GETNSID, 0, &body, sizeof(body));

	return msg != NULL ? finish(msg, nla_put_u32(msg, NETNSA_FD, (uint32_t)netns_fd)) : NULL;
}

static int put_addr(struct nl_msg *msg, int type, const struct ip_addr *addr)
{
	size_t len;
	const void *octets = ip_addr_octets(addr, &len);

	return nla_put(msg, type, (int)len, octets);
}

struct nl_msg *pod_message_address(uint32_t ifindex, const struct ip_addr *addr)
{
	struct ifaddrmsg body = { .ifa_family = (uint8_t)ip_addr_family(addr),
				  .ifa_prefixlen = ip_addr_is_v4(addr) ? 32 : 128,
				  .ifa_flags = ip_addr_is_v4(addr) ? 0 : IFA_F_NODAD,
				  .ifa_scope = RT_SCOPE_UNIVERSE,
				  .ifa_index = ifindex };
	struct nl_msg *msg = start(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	int err = 0;

	if (msg == NULL)
		return NULL;
	err |= put_addr(msg, IFA_LOCAL, addr);
	err |= put_addr(msg, IFA_ADDRESS, addr);
	return finish(msg, err);
}

struct nl_msg *pod_message_neighbour(uint32_t ifindex, const struct ip_addr *addr,
				     const uint8_t mac[6])
{
	struct ndmsg body = { .ndm_family = (uint8_t)ip_addr_family(addr),
			      .ndm_ifindex = (int)ifindex,
			      .ndm_state = NUD_PERMANENT };
	struct nl_msg *msg = start(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	int err = 0;

	if (msg == NULL)
		return NULL;
	err |= put_addr(msg, NDA_DST, addr);
	err |= nla_put(msg, NDA_LLADDR, 6, mac);
	return finish(msg, err);
}

struct nl_msg *pod_message_route(int type, const struct pod_route *route)
{
	bool is_on_link = ip_addr_is_zero(&route->via);
	struct rtmsg body = { .rtm_family = (uint8_t)ip_addr_family(&route->prefix.addr),
			      .rtm_dst_len = (uint8_t)ip_prefix_family_bits(&route->prefix),
			      .rtm_table = route->table != 0 ? RT_TABLE_UNSPEC : RT_TABLE_MAIN,
			      .rtm_protocol = route->protocol,
			      .rtm_scope = is_on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
			      .rtm_type = route->type != 0 ? route->type : RTN_UNICAST };
	struct nl_msg *msg;
	int err = 0;

	if (route->type == RTN_LOCAL)
		body.rtm_scope = RT_SCOPE_HOST;
	if (type == RTM_DELROUTE)
		body.rtm_scope = RT_SCOPE_NOWHERE; /* whatever it is */
	msg = start(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &body,
		    sizeof(body));
	if (msg == NULL)
		return NULL;
	if (body.rtm_dst_len > 0)
		err |= put_addr(msg, RTA_DST, &route->prefix.addr);
	if (!is_on_link)
		err |= put_addr(msg, RTA_GATEWAY, &route->via);
	if (route->ifindex != 0)
		err |= nla_put_u32(msg, RTA_OIF, route->ifindex);
	if (route->metric != 0)
		err |= nla_put_u32(msg, RTA_PRIORITY, route->metric);
	if (route->table != 0)
		err |= nla_put_u32(msg, RTA_TABLE, route->table);
	return finish(msg, err);
}

struct nl_msg *pod_message_rule(const struct ip_addr *addr, uint32_t table)
{
	struct fib_rule_hdr body = { .family = (uint8_t)ip_addr_family(addr),
				     .src_len = ip_addr_is_v4(addr) ? 32 : 128,
				     .table = RT_TABLE_UNSPEC,
				     .action = FR_ACT_TO_TBL };
	struct nl_msg *msg = start(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	int err;

	if (msg == NULL)
		return NULL;
	err = put_addr(msg, FRA_SRC, addr);
	err |= nla_put_u32(msg, FRA_TABLE, table);
	return finish(msg, err);
}

struct nl_msg *pod_message_match(const struct ip_addr *addr)
{
	struct rtmsg body = { .rtm_family = (uint8_t)ip_addr_family(addr),
			      .rtm_dst_len = ip_addr_is_v4(addr) ? 32 : 128,
			      .rtm_flags = RTM_F_FIB_MATCH };
	struct nl_msg *msg = start(RTM_GETROUTE, 0, &body, sizeof(body));

	return msg != NULL ? finish(msg, put_addr(msg, RTA_DST, addr)) : NULL;
}

struct nl_msg *pod_message_dump(int type, int family)
{
	union {
		struct ifaddrmsg addr;
		struct ndmsg neigh;
		struct rtmsg route;
	} body = { 0 };
	size_t len = sizeof(body.addr);

	/* The family is the first octet of all three. */
	body.addr.ifa_family = (uint8_t)family;
	if (type == RTM_GETNEIGH)
		len = sizeof(body.neigh);
	else if (type == RTM_GETROUTE)
		len = sizeof(body.route);
	return start(type, 0, &body, len);
}
