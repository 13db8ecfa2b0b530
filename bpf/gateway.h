/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * gateway.h: the router that a pod sees. ARP for 169.254.1.1 and neighbour solicitations for
 * fe80::ecee:eeff:feee:eeee are answered here; all other speech by which a host could pass for a
 * router, a neighbour or a DHCP server is refused (a pod has no neighbours: its link ends here).
 *
 * The pod has permanent neighbour entries for both addresses; the answers are for programs that
 * probe, and for pods that lost the entries. RFC 826, RFC 4861 (4.3, 4.4, 7.1.1, 7.2.4), RFC 1256.
 */
#ifndef BPF_GATEWAY_H
#define BPF_GATEWAY_H

#include <linux/pkt_cls.h>

#include "count.h"
#include "endpoint.h"

#define ARP_ETHERNET	   1
#define ARP_REQUEST	   1
#define ARP_REPLY	   2
#define PORT_DHCP_SERVER   67
#define PORT_DHCP_CLIENT   68
#define PORT_DHCPV6_SERVER 547
#define PORT_DHCPV6_CLIENT 546

#define ND_ROUTER_SOLICITATION	   133 /* RFC 4861 */
#define ND_ROUTER_ADVERTISEMENT	   134
#define ND_NEIGHBOUR_SOLICITATION  135
#define ND_NEIGHBOUR_ADVERTISEMENT 136
#define ND_REDIRECT		   137
#define ND_HOP_LIMIT		   255
#define ND_OPTION_TARGET_LINK	   2
#define ND_FLAGS		   0xe0000000u /* router, solicited, override */

struct arp_ipv4 {
	struct arphdr head;
	__u8 sender_mac[ETH_ALEN];
	__be32 sender;
	__u8 target_mac[ETH_ALEN];
	__be32 target;
} __attribute__((packed));

/* Solicitation or advertisement with one link-layer address option. */
struct nd_frame {
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct nd_msg nd;
	struct nd_opt_hdr option;
	__u8 mac[ETH_ALEN];
} __attribute__((packed));

/* By words, as octet by octet the compiler would do it. */
static __always_inline void mac_set(__u8 *mac, __u32 head, __u16 tail)
{
	*(__u32 *)mac = head;
	*(__u16 *)(mac + 4) = tail;
}

static __always_inline void mac_set_gateway(__u8 *mac)
{
	mac_set(mac, GATEWAY_MAC_OCTET * 0x01010101u, GATEWAY_MAC_OCTET * 0x0101);
}

static __always_inline int gateway_send_back(struct __sk_buff *skb, const struct endpoint_value *ep)
{
	count_sent(skb, ep->counter);
	/* Out of the link's host end, which is in at the pod's. */
	if (bpf_redirect(packet_ifindex(skb), 0) != TC_ACT_REDIRECT)
		return -DROP_INTERNAL;
	return STEP_SENT;
}

static __always_inline int gateway_answer_arp(struct __sk_buff *skb, struct packet *packet)
{
	struct endpoint_value *ep;
	struct arp_ipv4 *arp;
	struct ip_addr sender;
	struct ethhdr *eth;
	__u32 mac_head;
	__u16 mac_tail;
	int err;

	err = packet_pull(skb, ETH_HLEN + sizeof(*arp));
	if (err)
		return err;
	eth = packet_at(skb, 0, ETH_HLEN + sizeof(*arp));
	if (!eth)
		return -DROP_TRUNCATED;
	arp = (void *)(eth + 1);
	if (arp->head.ar_hrd != bpf_htons(ARP_ETHERNET) ||
	    arp->head.ar_pro != bpf_htons(ETH_P_IP) || arp->head.ar_hln != ETH_ALEN ||
	    arp->head.ar_pln != sizeof(__be32) || arp->head.ar_op != bpf_htons(ARP_REQUEST) ||
	    arp->target != bpf_htonl(GATEWAY_IPV4))
		return -DROP_ARP;
	__builtin_memcpy(&mac_head, arp->sender_mac, sizeof(mac_head));
	__builtin_memcpy(&mac_tail, arp->sender_mac + 4, sizeof(mac_tail));
	ip_addr_set_ipv4(&sender, arp->sender);
	ep = endpoint_lookup(&sender);
	if (!endpoint_is_pod(ep) || ep->ifindex != packet_ifindex(skb) ||
	    !endpoint_has_mac(ep, packet->mac_head, packet->mac_tail) ||
	    !endpoint_has_mac(ep, mac_head, mac_tail))
		return -DROP_ARP;
	explain(EXPLAIN_ANSWERED, 0);
	if (dry_run)
		return STEP_SENT;
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	mac_set_gateway(eth->h_source);
	__builtin_memcpy(arp->target_mac, arp->sender_mac, ETH_ALEN);
	mac_set_gateway(arp->sender_mac);
	arp->target = arp->sender;
	arp->sender = bpf_htonl(GATEWAY_IPV4);
	arp->head.ar_op = bpf_htons(ARP_REPLY);
	return gateway_send_back(skb, ep);
}

static __always_inline bool nd_target_is_gateway(const struct nd_msg *nd)
{
	const __u32 gateway[4] = GATEWAY_IPV6_WORDS;

	return nd->target.s6_addr32[0] == bpf_htonl(gateway[0]) &&
	       nd->target.s6_addr32[1] == bpf_htonl(gateway[1]) &&
	       nd->target.s6_addr32[2] == bpf_htonl(gateway[2]) &&
	       nd->target.s6_addr32[3] == bpf_htonl(gateway[3]);
}

/* Internet checksum of the advertisement with its pseudo-header. */
static __always_inline __sum16 nd_checksum(struct nd_frame *frame)
{
	struct {
		__be32 len;
		__be32 next;
	} pseudo = { bpf_htonl(sizeof(*frame) - sizeof(frame->eth) - sizeof(frame->ip)),
		     bpf_htonl(IPPROTO_ICMPV6) };
	const __u32 from = sizeof(frame->eth) + __builtin_offsetof(struct ipv6hdr, saddr);
	__s64 sum;

	sum = bpf_csum_diff(NULL, 0, (__be32 *)&pseudo, sizeof(pseudo), 0);
	/* Both addresses of the IP header, then the message behind it: they lie together. */
	sum = bpf_csum_diff(NULL, 0, (void *)frame + from, sizeof(*frame) - from, sum);
	sum = (sum & 0xffff) + ((__u32)sum >> 16);
	sum = (sum & 0xffff) + ((__u32)sum >> 16);
	return ~sum;
}

static __always_inline void nd_write_answer(struct nd_frame *frame)
{
	const __u32 gateway[4] = GATEWAY_IPV6_WORDS;
	int i;

	__builtin_memcpy(frame->eth.h_dest, frame->eth.h_source, ETH_ALEN);
	mac_set_gateway(frame->eth.h_source);
	frame->ip.payload_len = bpf_htons(sizeof(*frame) - sizeof(frame->eth) - sizeof(frame->ip));
	frame->ip.daddr = frame->ip.saddr;
	for (i = 0; i < 4; i++)
		frame->ip.saddr.s6_addr32[i] = bpf_htonl(gateway[i]);
	frame->nd.icmph.icmp6_type = ND_NEIGHBOUR_ADVERTISEMENT;
	frame->nd.icmph.icmp6_dataun.un_data32[0] = bpf_htonl(ND_FLAGS);
	frame->option.nd_opt_type = ND_OPTION_TARGET_LINK;
	frame->option.nd_opt_len = 1; /* in units of eight octets */
	mac_set_gateway(frame->mac);
	frame->nd.icmph.icmp6_cksum = 0;
	frame->nd.icmph.icmp6_cksum = nd_checksum(frame);
}

static __always_inline int gateway_answer_nd(struct __sk_buff *skb, struct packet *packet)
{
	struct endpoint_value *ep;
	struct nd_frame *frame;
	struct nd_msg *nd;

	if (packet->payload < sizeof(*nd) || packet->ttl != ND_HOP_LIMIT)
		return -DROP_ND;
	if (packet_pull(skb, ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(*nd)))
		return -DROP_INTERNAL;
	nd = packet_at(skb, ETH_HLEN + sizeof(struct ipv6hdr), sizeof(*nd));
	if (!nd || nd->icmph.icmp6_code || !nd_target_is_gateway(nd))
		return -DROP_ND;
	ep = endpoint_lookup(&packet->source);
	if (!endpoint_is_pod(ep) || ep->ifindex != packet_ifindex(skb) ||
	    !endpoint_has_mac(ep, packet->mac_head, packet->mac_tail))
		return -DROP_ND;
	explain(EXPLAIN_ANSWERED, 0);
	if (dry_run)
		return STEP_SENT;
	if (bpf_skb_change_tail(skb, sizeof(*frame), 0))
		return -DROP_INTERNAL;
	if (packet_pull(skb, sizeof(*frame)))
		return -DROP_INTERNAL;
	frame = packet_at(skb, 0, sizeof(*frame));
	if (!frame)
		return -DROP_INTERNAL;
	nd_write_answer(frame);
	return gateway_send_back(skb, ep);
}

static __always_inline int gateway_check_icmpv6(struct __sk_buff *skb, struct packet *packet,
						__u8 type)
{
	switch (type) {
	case ND_NEIGHBOUR_SOLICITATION:
		/* RFC 6980 has no place for extension headers here either. */
		return packet->has_options ? -DROP_ND : gateway_answer_nd(skb, packet);
	case ND_ROUTER_SOLICITATION:
	case ND_NEIGHBOUR_ADVERTISEMENT:
		return -DROP_ND;
	case ND_ROUTER_ADVERTISEMENT:
	case ND_REDIRECT:
		return -DROP_ROUTER_ADVERTISEMENT;
	default:
		return 0;
	}
}

static __always_inline int gateway_check_udp(struct __sk_buff *skb, struct packet *packet)
{
	bool is_v4 = packet->kind == PACKET_IPV4;
	__be16 server = bpf_htons(is_v4 ? PORT_DHCP_SERVER : PORT_DHCPV6_SERVER);
	__be16 client = bpf_htons(is_v4 ? PORT_DHCP_CLIENT : PORT_DHCPV6_CLIENT);
	__be16 port[2];

	if (packet_load(skb, packet->transport, port, sizeof(port)))
		return -DROP_INTERNAL;
	return unlikely(port[0] == server && port[1] == client) ? -DROP_DHCP_SERVER : 0;
}

/**
 * gateway_check() - answer what is asked of the gateway, refuse what only a router, a neighbour or
 * a DHCP server may say. 0, STEP_SENT, or a negative drop reason.
 */
static __always_inline int gateway_check(struct __sk_buff *skb, struct packet *packet)
{
	__u8 type;

	if (unlikely(packet->kind == PACKET_ARP))
		return gateway_answer_arp(skb, packet);
	if (unlikely(packet->is_later_fragment))
		return 0;
	if (packet->protocol == IPPROTO_UDP)
		return gateway_check_udp(skb, packet);
	if (likely(packet->protocol != packet_icmp_protocol(packet)))
		return 0;
	if (packet_load(skb, packet->transport, &type, sizeof(type)))
		return -DROP_INTERNAL;
	if (packet->kind == PACKET_IPV6)
		return gateway_check_icmpv6(skb, packet, type);
	if (type == ICMP_REDIRECT || type == ICMP_ROUTER_ADVERTISEMENT)
		return -DROP_ROUTER_ADVERTISEMENT;
	return 0;
}

#endif /* BPF_GATEWAY_H */
