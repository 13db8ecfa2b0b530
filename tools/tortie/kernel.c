/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.c: links, routes and filters of the node, by NETLINK_ROUTE through libnl.
 *
 * For `tortie reset` and `tortie preflight`, which must work without an agent. Every operation
 * opens a socket of its own: these are a handful of calls in a program that ends. A dump is
 * collected whole before anything is deleted, so that no deletion disturbs the dump.
 *
 * libnl's error codes lose errno, so a callback keeps the kernel's own answer.
 */

#include "tools/tortie/kernel.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "node_objects.h"

#define GSO_IPV4_MAX_SIZE_ATTR 63 /* IFLA_GSO_IPV4_MAX_SIZE, linux 6.3 */
#define DUMP_TRIES	       8
#define TRY_LINK_NAME	       "tortie-try"

typedef int kernel_message_fn(const struct nlmsghdr *header, void *arg); /* 0 or -errno */

struct kernel_walk {
	kernel_message_fn *fn;
	void *arg;
	int err;
};

static int on_message(struct nl_msg *msg, void *arg)
{
	struct kernel_walk *walk = arg;

	if (!walk->err && walk->fn)
		walk->err = walk->fn(nlmsg_hdr(msg), walk->arg);
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct kernel_walk *walk = arg;

	walk->err = error->error;
	return NL_STOP;
}

/* Send @msg (given up), hand every answer to @fn. 0, what the kernel answered, or what @fn did;
 * -EINTR: the table changed while it was dumped, ask again. */
static int kernel_ask(struct nl_msg *msg, kernel_message_fn *fn, void *arg)
{
	struct kernel_walk walk = { .fn = fn, .arg = arg };
	struct nl_sock *sock = nl_socket_alloc();
	int err = -ENOMEM, received;

	if (!sock || !msg)
		goto out;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, &walk);
	nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, on_error, &walk);
	err = nl_connect(sock, NETLINK_ROUTE) < 0 ? -EIO : 0;
	if (err == 0 && nl_send_auto(sock, msg) < 0)
		err = -EIO;
	received = err == 0 ? nl_recvmsgs_default(sock) : 0;
	if (received < 0 && walk.err == 0)
		walk.err = received == -NLE_DUMP_INTR ? -EINTR : -EIO;
	if (err == 0)
		err = walk.err;
out:
	nlmsg_free(msg);
	nl_socket_free(sock);
	return err;
}

/* A request with its fixed part; NULL when out of memory, which kernel_ask() reports. */
static struct nl_msg *message_new(int type, int flags, const void *body, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, (void *)(uintptr_t)body, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* --- links --- */

struct link_list {
	struct kernel_link *link;
	size_t count, room;
};

static void link_read(const struct nlmsghdr *header, struct kernel_link *ret)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *attr[GSO_IPV4_MAX_SIZE_ATTR + 1] = { 0 };
	struct nlattr *link_info[IFLA_INFO_MAX + 1] = { 0 };

	nlmsg_parse((struct nlmsghdr *)(uintptr_t)header, sizeof(*info), attr,
		    GSO_IPV4_MAX_SIZE_ATTR, NULL);
	*ret = (struct kernel_link){ .ifindex = (uint32_t)info->ifi_index,
				     .flags = info->ifi_flags };
	if (attr[IFLA_IFNAME])
		nla_strlcpy(ret->name, attr[IFLA_IFNAME], sizeof(ret->name));
	if (attr[IFLA_IFALIAS])
		nla_strlcpy(ret->alias, attr[IFLA_IFALIAS], sizeof(ret->alias));
	if (attr[IFLA_GROUP])
		ret->group = nla_get_u32(attr[IFLA_GROUP]);
	if (attr[IFLA_MTU])
		ret->mtu = nla_get_u32(attr[IFLA_MTU]);
	if (attr[IFLA_LINKINFO])
		nla_parse_nested(link_info, IFLA_INFO_MAX, attr[IFLA_LINKINFO], NULL);
	if (link_info[IFLA_INFO_KIND])
		nla_strlcpy(ret->kind, link_info[IFLA_INFO_KIND], sizeof(ret->kind));
	ret->has_gso_ipv4_max = attr[GSO_IPV4_MAX_SIZE_ATTR] != NULL;
}

static int link_collect(const struct nlmsghdr *header, void *arg)
{
	struct link_list *list = arg;

	if (header->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct kernel_link *link = reallocarray(list->link, room, sizeof(*link));

		if (!link)
			return -ENOMEM;
		list->link = link;
		list->room = room;
	}
	link_read(header, &list->link[list->count++]);
	return 0;
}

int kernel_links(struct kernel_link **ret_links, size_t *ret_count)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct link_list list = { 0 };
	int err = -EINTR;

	for (int tries = 0; err == -EINTR && tries < DUMP_TRIES; tries++) {
		list.count = 0;
		err = kernel_ask(message_new(RTM_GETLINK, NLM_F_DUMP, &info, sizeof(info)),
				 link_collect, &list);
	}
	if (err < 0) {
		free(list.link);
		return err;
	}
	*ret_links = list.link;
	*ret_count = list.count;
	return 0;
}

bool kernel_link_is_pod(const struct kernel_link *link)
{
	return strncmp(link->alias, POD_ALIAS_MARK, strlen(POD_ALIAS_MARK)) == 0 &&
	       strncmp(link->name, POD_LINK_PREFIX, strlen(POD_LINK_PREFIX)) == 0;
}

int kernel_link_delete(uint32_t ifindex)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	int err;

	err = kernel_ask(message_new(RTM_DELLINK, NLM_F_ACK, &info, sizeof(info)), NULL, NULL);
	return err == -ENODEV ? 0 : err;
}

/* --- routes --- */

struct route_list {
	uint8_t protocol;
	struct nl_msg **msg; /* RTM_DELROUTE or RTM_DELNEXTHOP, ready to be sent */
	size_t count, room;
};

static int list_add(struct route_list *list, struct nl_msg *msg)
{
	if (!msg)
		return -ENOMEM;
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct nl_msg **grown = reallocarray(list->msg, room, sizeof(*grown));

		if (!grown) {
			nlmsg_free(msg);
			return -ENOMEM;
		}
		list->msg = grown;
		list->room = room;
	}
	list->msg[list->count++] = msg;
	return 0;
}

/* As `ip route flush` does: what was dumped, sent back as a deletion. */
static int route_collect(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *route = nlmsg_data(header);
	struct route_list *list = arg;

	if (header->nlmsg_type != RTM_NEWROUTE || route->rtm_protocol != list->protocol ||
	    route->rtm_flags & RTM_F_CLONED)
		return 0;
	return list_add(list,
			message_new(RTM_DELROUTE, NLM_F_ACK, route, (size_t)nlmsg_datalen(header)));
}

/* Delete what @list holds; the messages are used up. 0 or the first -errno. */
static int routes_send(struct route_list *list, size_t *deleted)
{
	int err = 0;

	for (size_t i = 0; i < list->count; i++) {
		int gone = kernel_ask(list->msg[i], NULL, NULL);

		if (gone == 0)
			(*deleted)++;
		else if (gone != -ESRCH && gone != -ENOENT && !err)
			err = gone;
	}
	list->count = 0;
	return err;
}

int kernel_routes_delete(uint8_t protocol, size_t *ret_count)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct route_list list = { .protocol = protocol };
	int err = 0;

	*ret_count = 0;
	for (size_t i = 0, tries = 0; i < sizeof(families) && !err; i++) {
		struct rtmsg route = { .rtm_family = families[i] };
		int dumped;

		dumped = kernel_ask(message_new(RTM_GETROUTE, NLM_F_DUMP, &route, sizeof(route)),
				    route_collect, &list);
		err = routes_send(&list, ret_count);
		if (dumped == -EINTR && tries++ < DUMP_TRIES)
			i--; /* the rest of the same family */
		else if (dumped < 0 && dumped != -EAFNOSUPPORT && dumped != -EOPNOTSUPP && !err)
			err = dumped; /* the two: a kernel booted with ipv6.disable=1 */
	}
	free(list.msg);
	return err;
}

static int next_hop_collect(const struct nlmsghdr *header, void *arg)
{
	const struct nhmsg *hop = nlmsg_data(header), any = { .nh_family = AF_UNSPEC };
	struct nlattr *attr[NHA_MAX + 1] = { 0 };
	struct route_list *list = arg;
	struct nl_msg *msg;
	int err;

	if (header->nlmsg_type != RTM_NEWNEXTHOP || hop->nh_protocol != list->protocol)
		return 0;
	nlmsg_parse((struct nlmsghdr *)(uintptr_t)header, sizeof(*hop), attr, NHA_MAX, NULL);
	if (!attr[NHA_ID])
		return 0;
	msg = message_new(RTM_DELNEXTHOP, NLM_F_ACK, &any, sizeof(any));
	err = msg ? nla_put_u32(msg, NHA_ID, nla_get_u32(attr[NHA_ID])) : -NLE_NOMEM;
	if (err < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return list_add(list, msg);
}

int kernel_next_hops_delete(uint8_t protocol, size_t *ret_count)
{
	struct route_list list = { .protocol = protocol };
	const struct nhmsg any = { .nh_family = AF_UNSPEC };
	int dumped = -EINTR, err = 0;

	*ret_count = 0;
	for (int tries = 0; dumped == -EINTR && !err && tries < DUMP_TRIES; tries++) {
		dumped = kernel_ask(message_new(RTM_GETNEXTHOP, NLM_F_DUMP, &any, sizeof(any)),
				    next_hop_collect, &list);
		err = routes_send(&list, ret_count);
	}
	free(list.msg);
	return err ? err : dumped;
}

struct advertised {
	void (*fn)(uint32_t ifindex, void *arg);
	void *arg;
};

static int advertised_judge(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *route = nlmsg_data(header);
	struct nlattr *attr[RTA_MAX + 1] = { 0 };
	const struct advertised *advertised = arg;

	if (header->nlmsg_type != RTM_NEWROUTE || route->rtm_protocol != RTPROT_RA)
		return 0;
	nlmsg_parse((struct nlmsghdr *)(uintptr_t)header, sizeof(*route), attr, RTA_MAX, NULL);
	if (attr[RTA_OIF])
		advertised->fn(nla_get_u32(attr[RTA_OIF]), advertised->arg);
	return 0;
}

int kernel_advertised_links(void (*fn)(uint32_t ifindex, void *arg), void *arg)
{
	struct advertised advertised = { fn, arg };
	struct rtmsg route = { .rtm_family = AF_INET6 };
	int err = -EINTR;

	for (int tries = 0; err == -EINTR && tries < DUMP_TRIES; tries++)
		err = kernel_ask(message_new(RTM_GETROUTE, NLM_F_DUMP, &route, sizeof(route)),
				 advertised_judge, &advertised);
	return err;
}

/* --- filters --- */

struct filter_count {
	const char *name; /* of ours on this side */
	size_t ours, others;
};

/* Every filter answers twice: once for its place in the chain (handle 0), once for itself. */
static int filter_judge(const struct nlmsghdr *header, void *arg)
{
	const struct tcmsg *tc = nlmsg_data(header);
	struct nlattr *attr[TCA_MAX + 1] = { 0 }, *bpf[TCA_BPF_MAX + 1] = { 0 };
	struct filter_count *count = arg;
	char kind[16] = "", name[64] = "";

	if (header->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	nlmsg_parse((struct nlmsghdr *)(uintptr_t)header, sizeof(*tc), attr, TCA_MAX, NULL);
	if (attr[TCA_KIND])
		nla_strlcpy(kind, attr[TCA_KIND], sizeof(kind));
	if (attr[TCA_OPTIONS] && strcmp(kind, "bpf") == 0)
		nla_parse_nested(bpf, TCA_BPF_MAX, attr[TCA_OPTIONS], NULL);
	if (bpf[TCA_BPF_NAME])
		nla_strlcpy(name, bpf[TCA_BPF_NAME], sizeof(name));
	if (tc->tcm_info >> 16 == ATTACH_PREFERENCE && tc->tcm_handle == ATTACH_HANDLE &&
	    strcmp(name, count->name) == 0)
		count->ours++;
	else if (tc->tcm_handle != 0)
		count->others++;
	return 0;
}

static uint32_t side_parent(bool is_egress)
{
	return TC_H_MAKE(TC_H_CLSACT, is_egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
}

static int filters_count(uint32_t ifindex, bool is_egress, struct filter_count *count)
{
	struct tcmsg tc = { .tcm_family = AF_UNSPEC,
			    .tcm_ifindex = (int)ifindex,
			    .tcm_parent = side_parent(is_egress) };

	*count = (struct filter_count){ .name = is_egress ? UPLINK_EGRESS_NAME
							  : UPLINK_PROGRAM_NAME };
	return kernel_ask(message_new(RTM_GETTFILTER, NLM_F_DUMP, &tc, sizeof(tc)), filter_judge,
			  count);
}

static int clsact_delete(uint32_t ifindex)
{
	struct tcmsg tc = { .tcm_family = AF_UNSPEC,
			    .tcm_ifindex = (int)ifindex,
			    .tcm_parent = TC_H_CLSACT,
			    .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };

	return kernel_ask(message_new(RTM_DELQDISC, NLM_F_ACK, &tc, sizeof(tc)), NULL, NULL);
}

/* Best effort: an empty qdisc passes everything. */
static void clsact_delete_empty(uint32_t ifindex)
{
	struct filter_count in, out;

	if (filters_count(ifindex, false, &in) == 0 && filters_count(ifindex, true, &out) == 0 &&
	    in.ours + in.others + out.ours + out.others == 0)
		clsact_delete(ifindex);
}

int kernel_filter_delete(uint32_t ifindex, bool is_egress)
{
	struct tcmsg tc = { .tcm_family = AF_UNSPEC,
			    .tcm_ifindex = (int)ifindex,
			    .tcm_parent = side_parent(is_egress),
			    .tcm_handle = ATTACH_HANDLE,
			    .tcm_info = (uint32_t)ATTACH_PREFERENCE << 16 };
	struct filter_count count;
	struct nl_msg *msg;
	int err;

	/* A link without clsact answers with an error: nothing of ours is there. */
	if (filters_count(ifindex, is_egress, &count) < 0 || count.ours == 0)
		return 0;
	msg = message_new(RTM_DELTFILTER, NLM_F_ACK, &tc, sizeof(tc));
	if (msg && nla_put_string(msg, TCA_KIND, "bpf") < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	err = kernel_ask(msg, NULL, NULL);
	if (err < 0)
		return err;
	clsact_delete_empty(ifindex);
	return 1;
}

/* --- trying --- */

static int veth_create(const char *name)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = message_new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &info,
					 sizeof(info));
	struct nlattr *link_info;

	if (!msg)
		return -ENOMEM;
	link_info = nla_put_string(msg, IFLA_IFNAME, name) == 0 ? nla_nest_start(msg, IFLA_LINKINFO)
								: NULL;
	if (!link_info || nla_put_string(msg, IFLA_INFO_KIND, "veth") < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nla_nest_end(msg, link_info);
	return kernel_ask(msg, NULL, NULL);
}

int kernel_clsact_try(void)
{
	struct tcmsg tc = { .tcm_family = AF_UNSPEC,
			    .tcm_parent = TC_H_CLSACT,
			    .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };
	struct nl_msg *msg;
	int err;

	err = veth_create(TRY_LINK_NAME);
	if (err < 0)
		return err;
	tc.tcm_ifindex = (int)if_nametoindex(TRY_LINK_NAME);
	msg = message_new(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &tc, sizeof(tc));
	if (msg && nla_put_string(msg, TCA_KIND, "clsact") < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return kernel_ask(msg, NULL, NULL);
}
