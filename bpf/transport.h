/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * transport.h: find the transport header behind IPv6 extension headers, and refuse what is cut off.
 *
 * Forwarding needs addresses alone; this is for what a pod sends only. It keeps two things out:
 * router or neighbour speech hidden behind extension headers (RFC 7113, RFC 6980), and fragments
 * made to cheat whoever looks at ports or flags (RFC 1858, RFC 3128). Checked are lengths and TCP's
 * data offset; ports, flags and checksums are the receiver's business.
 */
#ifndef BPF_TRANSPORT_H
#define BPF_TRANSPORT_H

#include "packet.h"

#define EXTENSION_HEADERS_MAX 8
#define SCTP_HEADER_LEN	      12
#define ICMP_HEADER_LEN	      8
#define UDP_HEADER_LEN	      8
#define TCP_HEADER_WORDS      5
#define TCP_OFFSET_OCTET      12

/* Step over one extension header; 0, or a negative drop reason. */
static __always_inline int transport_skip(struct __sk_buff *skb, struct packet *packet)
{
	struct frag_hdr extension; /* the first two octets are the same in all */
	__u32 len;

	if (packet->payload < sizeof(extension) ||
	    bpf_skb_load_bytes(skb, packet->transport, &extension, sizeof(extension)))
		return -DROP_IPV6_EXTENSION;
	len = (extension.reserved + 1) * 8;
	if (packet->protocol == IPPROTO_AH)
		len = (extension.reserved + 2) * 4;
	if (packet->protocol == IPPROTO_FRAGMENT) {
		len = sizeof(extension);
		packet->is_fragment = 1;
		packet->is_later_fragment = !!(extension.frag_off & bpf_htons(IPV6_OFFSET_MASK));
	}
	if (len > packet->payload)
		return -DROP_IPV6_EXTENSION;
	packet->transport += len;
	packet->payload -= len;
	packet->protocol = extension.nexthdr;
	return 0;
}

/*
 * A global function: the verifier walks it once, not in front of all that follows. It takes @packet
 * for a pointer that may be NULL there. Weak, since several objects of ours bring it.
 */
__weak __noinline int transport_find(struct __sk_buff *skb, struct packet *packet)
{
	int err;
	int i;

	if (!packet)
		return -DROP_INTERNAL;
	for (i = 0; i <= EXTENSION_HEADERS_MAX; i++) {
		if (packet->is_later_fragment || !ipv6_is_extension(packet->protocol))
			return 0;
		if (i == EXTENSION_HEADERS_MAX)
			break;
		err = transport_skip(skb, packet);
		if (err)
			return err;
	}
	return -DROP_IPV6_EXTENSION;
}

static __always_inline int transport_check_tcp(struct __sk_buff *skb, struct packet *packet)
{
	__u8 offset;

	if (unlikely(packet->payload < TCP_HEADER_WORDS * 4))
		return -DROP_TRANSPORT_HEADER;
	if (packet_load(skb, packet->transport + TCP_OFFSET_OCTET, &offset, sizeof(offset)))
		return -DROP_INTERNAL;
	offset >>= 4;
	if (unlikely(offset < TCP_HEADER_WORDS || offset * 4 > packet->payload))
		return -DROP_TRANSPORT_HEADER;
	packet->transport_len = offset * 4;
	return 0;
}

static __always_inline int transport_check_len(struct packet *packet, __u8 len)
{
	packet->transport_len = len;
	return packet->payload < len ? -DROP_TRANSPORT_HEADER : 0;
}

/**
 * transport_check() - the transport header is there as a whole.
 * On return @packet's protocol, transport and payload are those behind all extension headers.
 * 0, or a negative drop reason.
 */
static __always_inline int transport_check(struct __sk_buff *skb, struct packet *packet)
{
	int err;

	if (unlikely(packet->kind == PACKET_ARP))
		return 0;
	if (unlikely(packet->has_options) && packet->kind == PACKET_IPV6) {
		err = transport_find(skb, packet);
		if (err)
			return err;
	}
	if (unlikely(packet->is_later_fragment))
		return packet->is_tiny_fragment && packet->protocol == IPPROTO_TCP
			       ? -DROP_TRANSPORT_HEADER
			       : 0;
	switch (packet->protocol) {
	case IPPROTO_TCP:
		return transport_check_tcp(skb, packet);
	case IPPROTO_UDP:
		return transport_check_len(packet, UDP_HEADER_LEN);
	case IPPROTO_SCTP:
		return transport_check_len(packet, SCTP_HEADER_LEN);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return transport_check_len(packet, ICMP_HEADER_LEN);
	default:
		return 0;
	}
}

#endif /* BPF_TRANSPORT_H */
