/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.h: from octets to struct packet, or a drop reason.
 *
 * Nothing here keeps a pointer into the frame: what later steps need is copied, and who writes
 * asks for bounds again. Lengths come from skb->len, because IPv4 BIG TCP carries a total length of
 * 0. Headers are pulled into the linear part only when they are not there (pulling has crashed
 * kernels on UDP packets with a fragment list, and those carry their headers in the linear part).
 *
 * Checked here: RFC 791 (version, IHL, total length), RFC 8200 (version, payload length), RFC 2675
 * (jumbo option, as the kernel's own super-packets carry it). transport.h goes on from here.
 */
#ifndef BPF_PACKET_H
#define BPF_PACKET_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "dataplane_abi.h"
#include "vmlinux.h"

/*
 * What a step returns: 0 go on, negative a drop reason, positive the end of the way.
 */
enum step_end {
	STEP_NEXT = 0,
	STEP_TO_STACK = 1, /* untouched, to the host stack and to programs behind us */
	STEP_SENT = 2,	   /* redirected */
};

enum packet_kind {
	PACKET_ARP = 1,
	PACKET_IPV4 = 2,
	PACKET_IPV6 = 3,
};

/* ICMP types (RFC 792, RFC 1256); linux/icmp.h would draw in the C library. */
#define ICMP_UNREACHABLE	  3
#define ICMP_SOURCE_QUENCH	  4
#define ICMP_REDIRECT		  5
#define ICMP_ROUTER_ADVERTISEMENT 9
#define ICMP_TIME_EXCEEDED	  11
#define ICMP_PARAMETER_PROBLEM	  12

/*
 * How to_network knows what from_pod redirected: a word of the skb's control block (its fourth, at
 * octet 20). The host stack clears these octets where a packet enters it (IPCB, IP6CB), so that no
 * pod can bring the mark along, and what it may write there itself, lengths and flags of 16 bits,
 * never makes this number. skb->mark would be other programs'.
 */
#define REDIRECTED_WORD 3
#define REDIRECTED_MARK 0xfff5fff3u

#define IPV4_OFFSET_MASK     0x1fff
#define IPV4_MORE_FRAGMENTS  0x2000
#define IPV4_HEADER_WORDS    5
#define IPV6_OFFSET_MASK     0xfff8
#define IPV6_JUMBO_TYPE	     0xc2 /* RFC 2675 */
#define IPV6_JUMBO_LEN	     4
#define TRANSPORT_OFFSET_MAX 127 /* 14 + 60 octets of IPv4 header at most, 14 + 48 of IPv6 */

/* Of struct ethhdr, which is packed and would be read octet by octet. */
#define ETH_SOURCE ETH_ALEN
#define ETH_TYPE   (2 * ETH_ALEN)

struct packet {
	struct ip_addr source;
	struct ip_addr dest;
	__u32 kind;	  /* enum packet_kind */
	__u32 transport;  /* offset of the transport header in the frame */
	__u32 payload;	  /* octets behind the IP header(s) */
	__u32 tx_counter; /* number of the counters of the pod that sent; 0: none */
	__u32 mac_head;	  /* source MAC as it lies in the frame: first four octets, */
	__u16 mac_tail;	  /* and last two */
	__u8 protocol;
	__u8 ttl;
	__u8 has_options; /* IPv4 options or IPv6 extension headers */
	__u8 is_fragment;
	__u8 is_later_fragment; /* carries no transport header */
	__u8 is_tiny_fragment;	/* begins inside a transport header (RFC 1858) */
	__u8 transport_len;
	__u8 pad[3];
};

/*
 * The usual way of a packet stays in one piece of machine code, without jumps: between two packets
 * the CPU has forgotten most of it, and instructions that are not in the nearest cache and branches
 * that are taken cost more here than all arithmetic. The compiler for BPF does not turn conditional
 * branches round: behind one comes what the source has next, however unlikely. The empty asm is a
 * block of the usual way that comes next.
 */
#define likely(condition)                          \
	({                                         \
		bool is_usual = !!(condition);     \
		if (__builtin_expect(is_usual, 1)) \
			asm volatile("");          \
		__builtin_expect(is_usual, 1);     \
	})
#define unlikely(condition) (!likely(!(condition)))

/*
 * The link by which a packet enters or leaves. Written out: read in several places the compiler
 * would keep a pointer into the context, which the verifier refuses.
 */
static __always_inline __u32 packet_ifindex(const struct __sk_buff *skb)
{
	__u32 ifindex;

	asm("%0 = *(u32 *)(%1 + %2)"
	    : "=r"(ifindex)
	    : "r"(skb), "i"(__builtin_offsetof(struct __sk_buff, ifindex)));
	return ifindex;
}

/* Make the first @len octets readable by direct access. */
static __always_inline int packet_pull(struct __sk_buff *skb, __u32 len)
{
	void *data_end = (void *)(long)skb->data_end;
	void *data = (void *)(long)skb->data;

	if (likely(data + len <= data_end))
		return 0;
	if (skb->len < len)
		return -DROP_TRUNCATED;
	return bpf_skb_pull_data(skb, len) ? -DROP_INTERNAL : 0;
}

/*
 * packet_at() - pointer to @len octets at @offset (at most TRANSPORT_OFFSET_MAX), or NULL where the
 * linear part ends before. Valid until the next helper that may move the frame.
 */
static __always_inline void *packet_at(struct __sk_buff *skb, __u32 offset, __u32 len)
{
	void *data_end = (void *)(long)skb->data_end;
	void *data = (void *)(long)skb->data;
	void *at;

	/* The verifier wants to see the bound where the pointer is made. */
	at = data + (offset & TRANSPORT_OFFSET_MAX);
	return likely(at + len <= data_end) ? at : NULL;
}

/* Copy @len octets (a constant) at @offset, from wherever in the skb they are. 0 or -errno. */
static __always_inline int packet_load(struct __sk_buff *skb, __u32 offset, void *to, __u32 len)
{
	void *at = offset <= TRANSPORT_OFFSET_MAX ? packet_at(skb, offset, len) : NULL;

	if (unlikely(!at))
		return bpf_skb_load_bytes(skb, offset, to, len);
	__builtin_memcpy(to, at, len);
	return 0;
}

/* An address as two words of eight octets: half the work where it is copied and compared. */
struct ip_addr_halves {
	__u64 high;
	__u64 low;
} __attribute__((may_alias));

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HALF_OF_WORDS(first, second) ((__u64)(second) << 32 | (first))
#else
#define HALF_OF_WORDS(first, second) ((__u64)(first) << 32 | (second))
#endif

/* One store for the half: read back whole, two would have to reach the cache first. */
static __always_inline void ip_addr_set_ipv4(struct ip_addr *to, __be32 addr)
{
	struct ip_addr_halves *halves = (struct ip_addr_halves *)to;

	halves->high = 0;
	halves->low = HALF_OF_WORDS(bpf_htonl(0xffff), addr);
}

static __always_inline void ip_addr_set_ipv6(struct ip_addr *to, const struct in6_addr *addr)
{
	const struct ip_addr_halves *from = (const struct ip_addr_halves *)addr;
	struct ip_addr_halves *halves = (struct ip_addr_halves *)to;

	halves->high = from->high;
	halves->low = from->low;
}

static __always_inline bool ip_addr_is_mapped(const struct ip_addr *addr)
{
	const struct ip_addr_halves *halves = (const struct ip_addr_halves *)addr;

	return !halves->high && addr->word[2] == bpf_htonl(0xffff);
}

static __always_inline bool ip_addr_same(const struct ip_addr *a, const struct ip_addr *b)
{
	const struct ip_addr_halves *left = (const struct ip_addr_halves *)a;
	const struct ip_addr_halves *right = (const struct ip_addr_halves *)b;

	return left->high == right->high && left->low == right->low;
}

static __always_inline int packet_parse_ipv4(struct __sk_buff *skb, struct packet *packet)
{
	__u32 room = skb->len - ETH_HLEN;
	__u32 header_len, total_len;
	struct iphdr *ip;
	__u16 fragment;
	int err;

	err = packet_pull(skb, ETH_HLEN + sizeof(*ip));
	if (unlikely(err))
		return err;
	ip = packet_at(skb, ETH_HLEN, sizeof(*ip));
	if (unlikely(!ip))
		return -DROP_TRUNCATED;
	header_len = ip->ihl * 4;
	total_len = bpf_ntohs(ip->tot_len);
	if (unlikely(!total_len) && skb->gso_size) /* BIG TCP: the field cannot hold it */
		total_len = room;
	if (unlikely(ip->version != 4 || ip->ihl < IPV4_HEADER_WORDS || total_len < header_len ||
		     total_len > room))
		return -DROP_IPV4_HEADER;
	fragment = bpf_ntohs(ip->frag_off);
	ip_addr_set_ipv4(&packet->source, ip->saddr);
	ip_addr_set_ipv4(&packet->dest, ip->daddr);
	packet->transport = ETH_HLEN + header_len;
	packet->payload = total_len - header_len;
	packet->protocol = ip->protocol;
	packet->ttl = ip->ttl;
	if (ip->ihl > IPV4_HEADER_WORDS) /* with unlikely() the verifier would walk twice as far */
		packet->has_options = 1;
	if (likely(!(fragment & (IPV4_OFFSET_MASK | IPV4_MORE_FRAGMENTS))))
		return 0;
	packet->is_fragment = 1;
	packet->is_later_fragment = !!(fragment & IPV4_OFFSET_MASK);
	packet->is_tiny_fragment = (fragment & IPV4_OFFSET_MASK) == 1;
	return 0;
}

static __always_inline bool ipv6_is_extension(__u8 next)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
		return true;
	default:
		return false;
	}
}

/* The kernel's own super-packets above 64 KiB: one jumbo option, then TCP. Not to be slowed. */
static __always_inline bool packet_is_big_tcp(struct __sk_buff *skb)
{
	struct hop_jumbo_hdr *jumbo;

	if (packet_pull(skb, ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(*jumbo)))
		return false;
	jumbo = packet_at(skb, ETH_HLEN + sizeof(struct ipv6hdr), sizeof(*jumbo));
	return jumbo && jumbo->nexthdr == IPPROTO_TCP && !jumbo->hdrlen &&
	       jumbo->tlv_type == IPV6_JUMBO_TYPE && jumbo->tlv_len == IPV6_JUMBO_LEN;
}

static __always_inline int packet_parse_ipv6(struct __sk_buff *skb, struct packet *packet)
{
	__u32 room = skb->len - ETH_HLEN;
	__u32 payload_len;
	struct ipv6hdr *ip;
	bool is_jumbo;
	int err;

	err = packet_pull(skb, ETH_HLEN + sizeof(*ip));
	if (unlikely(err))
		return err;
	ip = packet_at(skb, ETH_HLEN, sizeof(*ip));
	if (unlikely(!ip))
		return -DROP_TRUNCATED;
	payload_len = bpf_ntohs(ip->payload_len);
	is_jumbo = unlikely(!payload_len) && skb->gso_size;
	if (unlikely(is_jumbo))
		payload_len = room - sizeof(*ip);
	if (unlikely(ip->version != 6 || payload_len + sizeof(*ip) > room))
		return -DROP_IPV6_HEADER;
	ip_addr_set_ipv6(&packet->source, &ip->saddr);
	ip_addr_set_ipv6(&packet->dest, &ip->daddr);
	/* Mapped addresses may not be on a wire, and would alias IPv4 in our maps. */
	if (unlikely(ip_addr_is_mapped(&packet->source) || ip_addr_is_mapped(&packet->dest)))
		return -DROP_MARTIAN;
	packet->transport = ETH_HLEN + sizeof(*ip);
	packet->payload = payload_len;
	packet->protocol = ip->nexthdr;
	packet->ttl = ip->hop_limit;
	if (unlikely(is_jumbo) && packet->protocol == IPPROTO_HOPOPTS && packet_is_big_tcp(skb)) {
		packet->transport += sizeof(struct hop_jumbo_hdr);
		packet->payload -= sizeof(struct hop_jumbo_hdr);
		packet->protocol = IPPROTO_TCP;
	}
	packet->has_options = ipv6_is_extension(packet->protocol);
	return 0;
}

static __always_inline __u8 packet_icmp_protocol(const struct packet *packet)
{
	return packet->kind == PACKET_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/**
 * packet_parse() - fill @packet (all zero before) from the frame.
 * 0, or a negative drop reason.
 */
static __always_inline int packet_parse(struct __sk_buff *skb, struct packet *packet)
{
	void *eth;
	int err;

	err = packet_pull(skb, ETH_HLEN);
	if (unlikely(err))
		return err;
	eth = packet_at(skb, 0, ETH_HLEN);
	if (unlikely(!eth))
		return -DROP_TRUNCATED;
	packet->mac_head = *(__u32 *)(eth + ETH_SOURCE);
	packet->mac_tail = *(__u16 *)(eth + ETH_SOURCE + sizeof(packet->mac_head));
	if (unlikely(skb->vlan_present)) /* the kernel keeps the tag beside the frame */
		return -DROP_ETHERTYPE;
	switch (*(__be16 *)(eth + ETH_TYPE)) {
	case bpf_htons(ETH_P_IP):
		packet->kind = PACKET_IPV4;
		return packet_parse_ipv4(skb, packet);
	case bpf_htons(ETH_P_IPV6):
		packet->kind = PACKET_IPV6;
		return packet_parse_ipv6(skb, packet);
	case bpf_htons(ETH_P_ARP):
		packet->kind = PACKET_ARP;
		return 0;
	default:
		return -DROP_ETHERTYPE;
	}
}

#endif /* BPF_PACKET_H */
