/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * endpoint.h: who is this? Source check of what a pod sends.
 */
#ifndef BPF_ENDPOINT_H
#define BPF_ENDPOINT_H

#include "explain.h"
#include "packet.h"

static __always_inline struct endpoint_value *endpoint_lookup(const struct ip_addr *addr)
{
	return bpf_map_lookup_elem(&endpoint, addr);
}

/* A pod of this node, in contrast to an address of the node itself. */
static __always_inline bool endpoint_is_pod(const struct endpoint_value *ep)
{
	return ep && !(ep->flags & ENDPOINT_HOST);
}

static __always_inline bool endpoint_has_mac(const struct endpoint_value *ep, __u32 head,
					     __u16 tail)
{
	return *(const __u32 *)ep->mac == head && *(const __u16 *)(ep->mac + 4) == tail;
}

/* :: of IPv6, or 0.0.0.0 in its mapped form. */
static __always_inline bool endpoint_is_unspecified(const struct ip_addr *addr)
{
	return !(addr->word[0] | addr->word[1] | addr->word[3]) &&
	       (!addr->word[2] || ip_addr_is_mapped(addr));
}

/**
 * endpoint_check_source() - address, link and MAC of the sender belong together; into @decision.
 * 0, or a negative drop reason.
 */
static __always_inline int endpoint_check_source(struct __sk_buff *skb, const struct packet *packet,
						 struct decision *to)
{
	struct endpoint_value *ep = endpoint_lookup(&packet->source);

	if (!endpoint_is_pod(ep))
		return endpoint_is_unspecified(&packet->source) ? -DROP_SOURCE_UNSPECIFIED
								: -DROP_SOURCE_UNKNOWN;
	if (ep->ifindex != packet_ifindex(skb))
		return -DROP_SOURCE_LINK;
	if (!endpoint_has_mac(ep, packet->mac_head, packet->mac_tail))
		return -DROP_SOURCE_MAC;
	explain(EXPLAIN_SOURCE_OK, ep->ifindex);
	to->mac_head = packet->mac_head;
	to->mac_tail = packet->mac_tail;
	to->tx_counter = ep->counter;
	return 0;
}

#endif /* BPF_ENDPOINT_H */
