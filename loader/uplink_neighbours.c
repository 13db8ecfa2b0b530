/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink_neighbours.c: next hops are asked for as soon as the uplink can ask.
 *
 * An uplink that comes up has an IPv6 link-local address in duplicate address detection for one or
 * two seconds, and the kernel solicits for forwarded packets with no other source. Until then it
 * takes its own solicitations for sent and drops them in silence (ndisc_send_ns()): the first one,
 * for the first packet of a pod, starts the neighbour's timer, and the next one comes a second
 * (RetransTimer) later each. So the packets of all pods to that next hop would be lost for up to a
 * second longer than need be.
 *
 * The kernel tells when the address may be used. What is not resolved then goes back to "nothing
 * known" and is used, both in one datagram: that is a new solicitation at once, and packets that
 * wait for the answer go on waiting. RFC 4861 section 7.2.2, net/core/neighbour.c.
 */
#include "loader/uplink_neighbours.h"

#include <errno.h>
#include <stddef.h>

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "lib/ip_prefix.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"

/* Two messages each. The kernel holds no more than some hundred unresolved neighbours. */
#define SOLICITED_MAX (NETLINK_BATCH_MAX / 2)

struct unresolved {
	uint32_t ifindex;
	struct ip_addr addr[SOLICITED_MAX];
	size_t count;
};

bool uplink_can_solicit(const struct nlmsghdr *header)
{
	const struct ifaddrmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[IFA_FLAGS + 1];

	if (header->nlmsg_type != RTM_NEWADDR || body == NULL || body->ifa_family != AF_INET6 ||
	    body->ifa_scope != RT_SCOPE_LINK)
		return false;
	netlink_attrs(header, sizeof(*body), attr, IFA_FLAGS + 1);
	return !(netlink_attr_u32(attr[IFA_FLAGS], body->ifa_flags) & IFA_F_TENTATIVE);
}

static int note_unresolved(const struct nlmsghdr *header, void *arg)
{
	const struct ndmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[NDA_DST + 1];
	struct unresolved *found = arg;

	if (header->nlmsg_type != RTM_NEWNEIGH || body == NULL || body->ndm_family != AF_INET6 ||
	    (uint32_t)body->ndm_ifindex != found->ifindex || body->ndm_state != NUD_INCOMPLETE ||
	    found->count == SOLICITED_MAX)
		return 0;
	netlink_attrs(header, sizeof(*body), attr, NDA_DST + 1);
	if (netlink_attr_addr(attr[NDA_DST], AF_INET6, &found->addr[found->count]) == 0)
		found->count++;
	return 0;
}

static struct nl_msg *message(int type, const struct ndmsg *body, const struct ip_addr *addr)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, addr != NULL ? NLM_F_REPLACE : 0);

	if (msg == NULL ||
	    nlmsg_append(msg, (void *)(uintptr_t)body, sizeof(*body), NLMSG_ALIGNTO) < 0 ||
	    (addr != NULL && nla_put(msg, NDA_DST, sizeof(*addr), addr) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int uplink_solicit_again(struct netlink *netlink, uint32_t ifindex)
{
	struct ndmsg body = { .ndm_family = AF_INET6 };
	struct unresolved found = { .ifindex = ifindex };
	struct nl_msg *msgs[2 * SOLICITED_MAX];
	int err =
		netlink_dump(netlink, message(RTM_GETNEIGH, &body, NULL), note_unresolved, &found);

	if (err < 0 || found.count == 0)
		return err;
	body.ndm_ifindex = (int)ifindex;
	for (size_t i = 0; i < found.count; i++) {
		body.ndm_flags = 0; /* and no state */
		msgs[2 * i] = message(RTM_NEWNEIGH, &body, &found.addr[i]);
		body.ndm_flags = NTF_USE;
		msgs[2 * i + 1] = message(RTM_NEWNEIGH, &body, &found.addr[i]);
	}
	err = netlink_send_batch(netlink, msgs, 2 * found.count, NULL);
	return err < 0 && err != -ENOENT ? err : (int)found.count;
}
