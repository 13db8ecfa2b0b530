/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * icmp_error.h: whose conversation is it? For an ICMP error that is told by the packet it quotes.
 *
 * Any router on the way may send one, so its own source says nothing. Errors about packets that we
 * sent past the host stack must come back past it: conntrack there has not seen the flow and would
 * call them INVALID, and path MTU discovery would be blind. RFC 792, RFC 4443.
 */
#ifndef BPF_ICMP_ERROR_H
#define BPF_ICMP_ERROR_H

#include "packet.h"

#define ICMPV6_ERROR_MAX 127
#define ICMP_QUOTE	 8 /* offset of the quoted packet in the message, both families */

struct quoted_packet {
	struct ip_addr source;
	struct ip_addr dest;
	__u32 header_len; /* of the IP header */
	__u8 protocol;
	bool is_plain; /* no fragment, no IPv6 extension headers: ports lie behind the header */
};

static __always_inline bool icmp_type_is_error(const struct packet *packet, __u8 type)
{
	if (packet->kind == PACKET_IPV6)
		return type <= ICMPV6_ERROR_MAX;
	return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER_PROBLEM || type == ICMP_SOURCE_QUENCH;
}

/* Of a packet or first fragment: later ones cannot be told. */
static __always_inline bool icmp_has_error_type(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 type;

	if (packet->protocol != packet_icmp_protocol(packet) || packet->payload < ICMP_QUOTE)
		return false;
	if (packet_load(skb, packet->transport, &type, sizeof(type)))
		return false;
	return icmp_type_is_error(packet, type);
}

/* Fragments are never taken for errors: the later ones could not be told. */
static __always_inline bool icmp_is_error(struct __sk_buff *skb, const struct packet *packet)
{
	return !packet->is_fragment && icmp_has_error_type(skb, packet);
}

static __always_inline bool icmp_quoted_ipv4(struct __sk_buff *skb, const struct packet *packet,
					     struct quoted_packet *quoted)
{
	struct iphdr ip;

	if (packet->payload < ICMP_QUOTE + sizeof(ip) ||
	    bpf_skb_load_bytes(skb, packet->transport + ICMP_QUOTE, &ip, sizeof(ip)) ||
	    ip.version != 4)
		return false;
	ip_addr_set_ipv4(&quoted->source, ip.saddr);
	ip_addr_set_ipv4(&quoted->dest, ip.daddr);
	quoted->header_len = ip.ihl * 4;
	quoted->protocol = ip.protocol;
	quoted->is_plain = ip.ihl >= IPV4_HEADER_WORDS &&
			   !(ip.frag_off & bpf_htons(IPV4_OFFSET_MASK | IPV4_MORE_FRAGMENTS));
	return true;
}

static __always_inline bool icmp_quoted_ipv6(struct __sk_buff *skb, const struct packet *packet,
					     struct quoted_packet *quoted)
{
	struct ipv6hdr ip;

	if (packet->payload < ICMP_QUOTE + sizeof(ip) ||
	    bpf_skb_load_bytes(skb, packet->transport + ICMP_QUOTE, &ip, sizeof(ip)) ||
	    ip.version != 6)
		return false;
	ip_addr_set_ipv6(&quoted->source, &ip.saddr);
	ip_addr_set_ipv6(&quoted->dest, &ip.daddr);
	quoted->header_len = sizeof(ip);
	quoted->protocol = ip.nexthdr;
	quoted->is_plain = !ipv6_is_extension(ip.nexthdr);
	return !ip_addr_is_mapped(&quoted->dest);
}

/* The packet that an ICMP error quotes. False when it is cut off in its header, or absurd. */
static __always_inline bool icmp_read_quoted(struct __sk_buff *skb, const struct packet *packet,
					     struct quoted_packet *quoted)
{
	return packet->kind == PACKET_IPV4 ? icmp_quoted_ipv4(skb, packet, quoted)
					   : icmp_quoted_ipv6(skb, packet, quoted);
}

/**
 * icmp_error_correspondent() - who the receiver of @packet talked to, into @ret: the destination of
 * the packet that an error quotes. False when it is not a quotation of what the receiver sent.
 */
static __always_inline bool icmp_error_correspondent(struct __sk_buff *skb,
						     const struct packet *packet,
						     struct ip_addr *ret)
{
	struct quoted_packet quoted;

	if (!icmp_read_quoted(skb, packet, &quoted) || !ip_addr_same(&quoted.source, &packet->dest))
		return false;
	*ret = quoted.dest;
	return true;
}

#endif /* BPF_ICMP_ERROR_H */
