/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * route.h: where does it go? To a pod of this node, to another node, or to the host stack.
 *
 * All of this only reads. What the host stack shall have leaves here, before anything is changed on
 * the packet: a hop limit decremented first once broke neighbour discovery, which asks for 255.
 */
#ifndef BPF_ROUTE_H
#define BPF_ROUTE_H

#include "endpoint.h"

#define GSO_BY_FRAGS 0xffff /* gso_size, linux/skbuff.h */

/* All ones where @value is negative; hidden from the compiler, which would make it a branch. */
static __always_inline __s32 sign_mask(__s32 value)
{
	value >>= 31;
	barrier_var(value);
	return value;
}

/*
 * Mask of one word of an address. Without branches: the verifier would walk each of their
 * combinations again for every prefix length in use.
 */
static __always_inline __be32 prefix_mask_word(__u32 bits, __s32 word)
{
	__s32 set = (__s32)bits - word * 32;
	__s32 above;

	set &= ~sign_mask(set); /* at least 0 */
	above = set - 32;
	set = 32 + (above & sign_mask(above)); /* at most 32 */
	/* The upper half's ones move down; a shift of 0 leaves none. */
	return bpf_htonl((__u32)(0xffffffff00000000ull >> set));
}

/*
 * route_lookup() - the longest prefix in map route that holds @addr, by one probe per length in
 * use of its family (@kind: enum packet_kind); its length to @ret_bits. NULL when there is none.
 */
static __always_inline struct route_value *route_lookup(__u32 kind, const struct ip_addr *addr,
							__u32 *ret_bits)
{
	bool is_v4 = kind == PACKET_IPV4;
	struct dataplane_settings *in_use;
	struct route_value *value;
	struct ip_prefix key;
	__u32 zero = 0;
	__u32 count;
	__u32 i;

	in_use = bpf_map_lookup_elem(&settings, &zero);
	if (!in_use)
		return NULL;
	count = is_v4 ? in_use->v4_count : in_use->v6_count;
	for (i = 0; i < ROUTE_LENGTHS_MAX; i++) {
		if (i >= count)
			break;
		key.bits = is_v4 ? in_use->v4_bits[i] : in_use->v6_bits[i];
		key.addr.word[0] = addr->word[0] & prefix_mask_word(key.bits, 0);
		key.addr.word[1] = addr->word[1] & prefix_mask_word(key.bits, 1);
		key.addr.word[2] = addr->word[2] & prefix_mask_word(key.bits, 2);
		key.addr.word[3] = addr->word[3] & prefix_mask_word(key.bits, 3);
		value = bpf_map_lookup_elem(&route, &key);
		if (value) {
			*ret_bits = key.bits;
			return value;
		}
	}
	return NULL;
}

/* An IPv6 packet cannot go to an IPv4 next hop (RFC 8950 is 4 by 6). */
static __always_inline bool route_fits(const struct packet *packet, const struct ip_addr *next_hop)
{
	return packet->kind == PACKET_IPV4 || !ip_addr_is_mapped(next_hop);
}

/* Is it of a kind that we serve? Which next hop of a group, and if any, each packet asks anew. */
static __always_inline bool route_is_served(const struct packet *packet,
					    const struct route_value *value)
{
	return value->how == ROUTE_GROUP ||
	       (value->how == ROUTE_DIRECT && route_fits(packet, &value->next_hop));
}

/* RFC 1122 3.2.1.3, RFC 4291 2.5.2, 2.5.3: never on a wire. The host may have opened its loopback.
 */
static __always_inline bool destination_is_martian(const struct packet *packet)
{
	__u32 low = bpf_ntohl(packet->dest.word[3]);

	if (packet->kind == PACKET_IPV4)
		return low >> 24 == 127 || low >> 24 == 0;
	return !(packet->dest.word[0] | packet->dest.word[1] | packet->dest.word[2]) && low <= 1;
}

static __always_inline int route_find_remote(const struct packet *packet, struct decision *to)
{
	struct route_value *value;
	__u32 bits;

	value = route_lookup(packet->kind, &packet->dest, &bits);
	if (!value) {
		if (destination_is_martian(packet))
			return -DROP_MARTIAN;
		explain(EXPLAIN_NOT_IN_MAPS, 0);
		return STEP_TO_STACK;
	}
	explain_block(EXPLAIN_REMOTE_BLOCK, value->how == ROUTE_GROUP ? 0 : value->ifindex,
		      &packet->dest, bits);
	if (!route_is_served(packet, value)) {
		explain(EXPLAIN_NO_WAY, value->how);
		return STEP_TO_STACK;
	}
	to->way = value->how == ROUTE_GROUP ? WAY_GROUP : WAY_REMOTE;
	to->ifindex = to->group = value->ifindex; /* the one that the way asks for */
	to->mtu = value->mtu;
	to->next_hop = value->next_hop;
	to->rx_counter = 0;
	return 0;
}

/* A pod of this node is where it goes. */
static __always_inline void route_to_pod(struct endpoint_value *ep, struct decision *to)
{
	to->way = WAY_LOCAL;
	to->ifindex = ep->ifindex;
	to->pod_mac_head = *(__u32 *)ep->mac;
	to->pod_mac_tail = *(__u16 *)(ep->mac + 4);
	to->rx_counter = ep->counter;
}

/**
 * route_find() - local pod or remote block of the destination, into @to.
 * 0, STEP_TO_STACK, or a negative drop reason.
 */
static __always_inline int route_find(struct __sk_buff *skb, const struct packet *packet,
				      struct decision *to)
{
	struct endpoint_value *ep = endpoint_lookup(&packet->dest);

	if (!ep)
		return route_find_remote(packet, to);
	if (!endpoint_is_pod(ep)) {
		explain(EXPLAIN_HOST_ADDRESS, 0);
		return STEP_TO_STACK;
	}
	if (ep->ifindex == packet_ifindex(skb))
		return -DROP_MARTIAN;
	explain(EXPLAIN_LOCAL_POD, ep->ifindex);
	route_to_pod(ep, to);
	return 0;
}

/* What only the host stack can do: options, ICMP errors about TTL. 0 or STEP_TO_STACK. */
static __always_inline int route_check_plain(const struct packet *packet)
{
	if (unlikely(packet->has_options)) {
		explain(EXPLAIN_HAS_OPTIONS, packet->protocol);
		return STEP_TO_STACK;
	}
	if (unlikely(packet->ttl <= 1)) {
		explain(EXPLAIN_TTL_ONE, packet->ttl);
		return STEP_TO_STACK;
	}
	return 0;
}

/*
 * A super-packet of SCTP is a list of packets that SCTP has cut itself, each of any length: only
 * the kernel can look at them. It goes by the link's MTU, which is the route's. A global function:
 * the verifier walks it once. Weak, since several objects of ours bring it.
 */
__weak __noinline int route_takes_parts(struct __sk_buff *skb, __u32 ifindex)
{
	__u32 mtu = 0;

	return skb->gso_size == GSO_BY_FRAGS &&
	       bpf_check_mtu(skb, ifindex, &mtu, 0, BPF_MTU_CHK_SEGS) == BPF_MTU_CHK_RET_SUCCESS;
}

/*
 * Too large for the route: the stack fragments or tells the sender. A super-packet is measured by
 * the segments it will become, else TCP would meet a black hole where a route's MTU shrinks.
 */
static __always_inline int route_check_mtu(struct __sk_buff *skb, const struct packet *packet,
					   const struct decision *to)
{
	__u32 len = skb->len - ETH_HLEN;

	if (to->way == WAY_LOCAL)
		return 0;
	/* No options are left here; the jumbo option of a super-packet goes when it is cut. */
	if (unlikely(skb->gso_size))
		len = (packet->kind == PACKET_IPV4 ? sizeof(struct iphdr)
						   : sizeof(struct ipv6hdr)) +
		      packet->transport_len + skb->gso_size;
	if (likely(len <= to->mtu) || route_takes_parts(skb, to->ifindex))
		return 0;
	explain(EXPLAIN_TOO_LARGE, to->mtu);
	return STEP_TO_STACK;
}

#endif /* BPF_ROUTE_H */
