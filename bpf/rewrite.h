/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rewrite.h: the only changes a forwarded packet sees: TTL or hop limit, and MACs.
 *
 * Called when it is sure that we deliver. The IPv4 checksum is changed by what the TTL changed
 * (RFC 1141), so a wrong one stays wrong. Where the device summed the whole packet
 * (CHECKSUM_COMPLETE), IPv4's two changes cancel; for IPv6 the kernel's sum must follow.
 */
#ifndef BPF_REWRITE_H
#define BPF_REWRITE_H

#include "gateway.h"
#include "packet.h"

static __always_inline int rewrite_ttl(struct __sk_buff *skb, const struct packet *packet)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip4;
	__u32 sum;

	if (packet->kind == PACKET_IPV4) {
		ip4 = packet_at(skb, ETH_HLEN, sizeof(*ip4));
		if (!ip4)
			return -DROP_INTERNAL;
		ip4->ttl--;
		sum = ip4->check + bpf_htons(0x0100);
		ip4->check = sum + (sum >= 0xffff);
		return 0;
	}
	/* Fails where there is no such sum: that is the usual case and none of our business. */
	bpf_csum_update(skb, (__u16)~bpf_htons(1));
	ip6 = packet_at(skb, ETH_HLEN, sizeof(*ip6));
	if (!ip6)
		return -DROP_INTERNAL;
	ip6->hop_limit--;
	return 0;
}

/* redirect_peer leaves the Ethernet header alone: bridges and machines inside a pod look at it. */
static __always_inline int rewrite_macs(struct __sk_buff *skb, const struct endpoint_value *pod)
{
	struct ethhdr *eth = packet_at(skb, 0, sizeof(*eth));

	if (!eth)
		return -DROP_INTERNAL;
	__builtin_memcpy(eth->h_dest, pod->mac, ETH_ALEN);
	mac_set_gateway(eth->h_source);
	return 0;
}

#endif /* BPF_REWRITE_H */
