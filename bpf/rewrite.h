/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rewrite.h: the only changes a forwarded packet sees: TTL or hop limit, and MACs.
 *
 * Called when it is sure that we deliver. The IPv4 checksum is changed by what the TTL changed
 * (RFC 1141), so a wrong one stays wrong.
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
		if (unlikely(!ip4))
			return -DROP_INTERNAL;
		ip4->ttl--;
		sum = ip4->check + bpf_htons(0x0100);
		ip4->check = sum + (sum >= 0xffff);
		return 0;
	}
	ip6 = packet_at(skb, ETH_HLEN, sizeof(*ip6));
	if (unlikely(!ip6))
		return -DROP_INTERNAL;
	ip6->hop_limit--;
	return 0;
}

/*
 * The sum of the whole packet that a network device may have made (CHECKSUM_COMPLETE) must follow
 * the hop limit. Fails where there is none: that is the usual case and none of our business. Not
 * needed for what a pod sends, which no device has summed.
 */
static __always_inline void rewrite_device_sum(struct __sk_buff *skb, const struct packet *packet)
{
	if (packet->kind == PACKET_IPV6 && !dry_run)
		bpf_csum_update(skb, (__u16)~bpf_htons(1));
}

/* redirect_peer leaves the Ethernet header alone: bridges and machines inside a pod look at it. */
static __always_inline int rewrite_macs(struct __sk_buff *skb, const struct decision *to)
{
	struct ethhdr *eth = packet_at(skb, 0, sizeof(*eth));

	if (unlikely(!eth))
		return -DROP_INTERNAL;
	mac_set(eth->h_dest, to->pod_mac_head, to->pod_mac_tail);
	mac_set_gateway(eth->h_source);
	return 0;
}

#endif /* BPF_REWRITE_H */
