/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink_offload.c: GSO and GRO sizes of the uplinks (BIG TCP).
 *
 * A pod with BIG TCP sends packets of up to 192 KiB. An uplink that is left at 64 KiB makes the
 * kernel cut each of them into MTU frames in software before the device sees it, which costs far
 * more than BIG TCP gains (a tenth of the throughput over a veth wire). So the uplink is raised to
 * what the pods get; its driver says by tso_max_size how much the hardware can cut. The IPv4
 * sizes have attributes of their own since Linux 6.3; older kernels ignore them, for pods too.
 *
 * Left to others: which links are uplinks and what pods get (uplink.c).
 */
#include "loader/uplink_offload.h"

#include <errno.h>
#include <sys/socket.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "loader/netlink.h"
#include "loader/pod_link_attr.h"
#include "loader/uplink.h"

static struct nl_msg *make_request(uint32_t ifindex, uint32_t size)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, 0);
	int err;

	if (!msg)
		return NULL;
	err = nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	err |= nla_put_u32(msg, IFLA_GSO_MAX_SIZE, size);
	err |= nla_put_u32(msg, IFLA_GRO_MAX_SIZE, size);
	err |= nla_put_u32(msg, POD_LINK_GSO_IPV4_MAX_SIZE, size);
	err |= nla_put_u32(msg, POD_LINK_GRO_IPV4_MAX_SIZE, size);
	if (err) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int uplink_raise_gso(struct netlink *netlink, struct uplink *uplink)
{
	uint32_t size = uplink->tso_max_size < GSO_SIZE_BIG ? uplink->tso_max_size : GSO_SIZE_BIG;
	int err;

	if (uplink->gso_max_size != GSO_SIZE_PLAIN || size <= GSO_SIZE_PLAIN)
		return 0;
	err = netlink_request(netlink, make_request(uplink->ifindex, size));
	if (err < 0)
		return err;
	uplink->gso_max_size = size;
	return 1;
}
