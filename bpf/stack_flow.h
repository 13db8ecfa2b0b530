/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack_flow.h: kube-proxy beside us: a flow that the host stack has carried stays in it.
 *
 * kube-proxy, portmap and Docker translate in the host stack, and its conntrack must see both ways
 * of what it translates: one that sees half of a TCP flow calls it INVALID, which many rule sets
 * drop. So the stack's flows are recorded where it lets a forwarded packet out, after translation
 * and before any answer can exist (to_pod, to_network), and asked for before every redirect
 * (from_pod, from_network). The key has both ends: by one end alone (a socket) it would be wrong
 * for probed servers, ports used again, and translation on the far node.
 *
 * An ICMP error belongs to the flow it quotes. Fragments and packets with options have no ports to
 * ask by, or none that are easy to find: the stack has all of them.
 *
 * Most packets belong to no such flow, and a filter of bits says so without a lookup.
 *
 * An entry too many makes a flow slower, one too few can lose it. Entries are not refreshed: each
 * lookup tells the LRU that it is in use. All of it is taken out by the verifier where
 * beside_kube_proxy is 0.
 */
#ifndef BPF_STACK_FLOW_H
#define BPF_STACK_FLOW_H

#include "decision.h"
#include "icmp_error.h"
#include "route.h"
#include "transport.h"

#define FLOW_PORTS_LEN	  4
#define FLOW_NS_PER_S	  1000000000ull
#define ICMP_ECHO_REPLY	  0
#define ICMP_ECHO_REQUEST 8
#define ICMP_ID		  4   /* offset of an echo's identifier */
#define ICMPV6_ECHO_FIRST 128 /* request, */
#define ICMPV6_ECHO_LAST  129 /* and reply */

/* Where the ports of a flow are to be found: of a packet, or of one that is quoted. */
struct flow_place {
	__u32 at;   /* transport header in the frame */
	__u32 left; /* octets from there to the packet's end */
	__u32 kind; /* enum packet_kind */
	__u8 protocol;
};

/* The first word behind the IP header is two ports (IANA: TCP, UDP, DCCP, SCTP, UDP-Lite). */
static __always_inline bool flow_has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

/* An echo's identifier stands for both ports: it is the same both ways. */
static __always_inline int flow_read_icmp(struct __sk_buff *skb, const struct flow_place *place,
					  __be16 port[2])
{
	bool is_echo;
	__u8 type;

	if (place->left < ICMP_HEADER_LEN ||
	    bpf_skb_load_bytes(skb, place->at, &type, sizeof(type)))
		return -1;
	is_echo = place->kind == PACKET_IPV4
			  ? type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY
			  : type == ICMPV6_ECHO_FIRST || type == ICMPV6_ECHO_LAST;
	if (!is_echo)
		return 0;
	if (bpf_skb_load_bytes(skb, place->at + ICMP_ID, &port[0], sizeof(port[0])))
		return -1;
	port[1] = port[0];
	return 0;
}

/* Both ports, 0 where the protocol has none; -1 where the packet ends before. */
static __always_inline int flow_read_ports(struct __sk_buff *skb, const struct flow_place *place,
					   __be16 port[2])
{
	port[0] = port[1] = 0;
	if (likely(flow_has_ports(place->protocol))) {
		if (place->left < FLOW_PORTS_LEN)
			return -1;
		return packet_load(skb, place->at, port, FLOW_PORTS_LEN);
	}
	if (place->protocol == (place->kind == PACKET_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return flow_read_icmp(skb, place, port);
	return 0;
}

/* Which end goes first: compared as numbers of this machine, two halves and then the port. */
static __always_inline bool flow_is_in_order(const struct ip_addr *source,
					     const struct ip_addr *dest, const __be16 port[2])
{
	const struct ip_addr_halves *left = (const struct ip_addr_halves *)source;
	const struct ip_addr_halves *right = (const struct ip_addr_halves *)dest;

	if (left->high != right->high)
		return left->high < right->high;
	if (left->low != right->low)
		return left->low < right->low;
	return port[0] <= port[1];
}

static __always_inline void flow_key_set(struct flow_key *key, const struct ip_addr *source,
					 const struct ip_addr *dest, const __be16 port[2],
					 __u8 protocol)
{
	bool is_in_order = flow_is_in_order(source, dest, port);

	key->first = is_in_order ? *source : *dest;
	key->second = is_in_order ? *dest : *source;
	key->first_port = is_in_order ? port[0] : port[1];
	key->second_port = is_in_order ? port[1] : port[0];
	key->protocol = protocol;
	key->pad[0] = key->pad[1] = key->pad[2] = 0;
}

static __always_inline __u32 flow_bit(const struct ip_addr *source, const struct ip_addr *dest,
				      const __be16 port[2], __u8 protocol)
{
	__u32 hash = source->word[3] + source->word[2] + dest->word[3] + dest->word[2];

	hash = hash * STACK_FILTER_MULTIPLIER + port[0] + port[1] + ((__u32)protocol << 16);
	return hash * STACK_FILTER_MULTIPLIER >> (32 - STACK_FILTER_BITS_LOG2);
}

/*
 * Is it worth to ask a map? An element of an array is read without a call: a lookup in the LRU hash
 * takes as long as all else that from_pod does on CPUs with slow returns.
 */
static __always_inline bool flow_may_be_recorded(__u32 bit)
{
	struct stack_filter *filter;
	__u32 zero = 0;

	filter = bpf_map_lookup_elem(&stack_filter, &zero);
	if (!filter)
		return true;
	return filter->bits[*(volatile __u32 *)&filter->active & 1][bit / 64] >> (bit % 64) & 1;
}

static __always_inline void flow_set_bit(__u32 bit)
{
	__u64 mask = 1ull << (bit % 64);
	struct stack_filter *filter;
	__u32 zero = 0;

	filter = bpf_map_lookup_elem(&stack_filter, &zero);
	if (!filter)
		return;
	if (!(filter->bits[0][bit / 64] & mask))
		__sync_fetch_and_or(&filter->bits[0][bit / 64], mask);
	if (!(filter->bits[1][bit / 64] & mask))
		__sync_fetch_and_or(&filter->bits[1][bit / 64], mask);
}

static __always_inline bool flow_is_recorded(const struct flow_key *key)
{
	if (key->protocol == IPPROTO_TCP)
		return bpf_map_lookup_elem(&stack_tcp, key);
	return bpf_map_lookup_elem(&stack_other, key);
}

/* --- asked before a redirect --- */

/* The flow of the packet that an ICMP error quotes. False when it cannot be told. */
static __always_inline bool flow_of_quoted(struct __sk_buff *skb, const struct packet *packet,
					   struct flow_key *key)
{
	struct quoted_packet quoted = {};
	struct flow_place place;
	__be16 port[2];

	if (!icmp_read_quoted(skb, packet, &quoted) || !quoted.is_plain)
		return false;
	place.at = packet->transport + ICMP_QUOTE + quoted.header_len;
	place.left = packet->payload - ICMP_QUOTE - quoted.header_len;
	place.kind = packet->kind;
	place.protocol = quoted.protocol;
	if (packet->payload < ICMP_QUOTE + quoted.header_len || flow_read_ports(skb, &place, port))
		return false;
	flow_key_set(key, &quoted.source, &quoted.dest, port, quoted.protocol);
	return true;
}

/* A global function as flow_end_is_pod() below. 0 or STEP_TO_STACK. */
__weak __noinline int flow_check_error(struct __sk_buff *skb, const struct packet *packet)
{
	struct flow_key key;

	/* Linux before 6.8 verifies it also where nobody calls it, and the maps are not made. */
	if (!packet || !beside_kube_proxy)
		return STEP_TO_STACK;
	/* What cannot be asked for is left to who knows more. */
	if (flow_of_quoted(skb, packet, &key) && !flow_is_recorded(&key))
		return 0;
	explain(EXPLAIN_STACK_FLOW, packet->protocol);
	return STEP_TO_STACK;
}

/**
 * flow_check() - is it for us? 0, or STEP_TO_STACK for what the host stack has carried before, and
 * for fragments. Packets with options are with the stack already.
 */
static __always_inline int flow_check(struct __sk_buff *skb, const struct packet *packet)
{
	struct flow_place place;
	struct flow_key key;
	__be16 port[2];
	__u32 bit;

	if (!beside_kube_proxy)
		return 0;
	if (unlikely(packet->is_fragment)) {
		explain(EXPLAIN_FRAGMENT, packet->protocol);
		return STEP_TO_STACK;
	}
	if (unlikely(icmp_is_error(skb, packet)))
		return flow_check_error(skb, packet);
	place.at = packet->transport;
	place.left = packet->payload;
	place.kind = packet->kind;
	place.protocol = packet->protocol;
	if (likely(!flow_read_ports(skb, &place, port))) {
		bit = flow_bit(&packet->source, &packet->dest, port, packet->protocol);
		if (likely(!flow_may_be_recorded(bit)))
			return 0;
		flow_key_set(&key, &packet->source, &packet->dest, port, packet->protocol);
		if (!flow_is_recorded(&key))
			return 0;
	}
	explain(EXPLAIN_STACK_FLOW, packet->protocol);
	return STEP_TO_STACK;
}

/* --- recorded where the stack lets a packet out --- */

static __always_inline void flow_put(const struct flow_key *key)
{
	__u32 index = key->protocol == IPPROTO_TCP ? STACK_TCP : STACK_OTHER;
	__u32 now_s = bpf_ktime_get_ns() / FLOW_NS_PER_S;
	__u64 *count;

	if (index == STACK_TCP)
		bpf_map_update_elem(&stack_tcp, key, &now_s, BPF_ANY);
	else
		bpf_map_update_elem(&stack_other, key, &now_s, BPF_ANY);
	count = bpf_map_lookup_elem(&stack_counter, &index);
	if (count)
		(*count)++;
}

/*
 * flow_end_is_pod() - has a pod this address, of this node or another? A global function, so that
 * the verifier walks it once. It takes @addr for a pointer that may be NULL.
 */
__weak __noinline int flow_end_is_pod(const struct ip_addr *addr, __u32 kind)
{
	struct ip_addr key;
	__u32 bits;

	if (!addr)
		return 0;
	key = *addr; /* Linux 6.1 takes no key from behind such a pointer */
	return endpoint_is_pod(endpoint_lookup(&key)) || route_lookup(kind, &key, &bits);
}

/*
 * flow_is_between_pods() - is the packet's source a pod, and on the way to the network its
 * destination too? The answer for two addresses is remembered.
 */
static __always_inline bool flow_is_between_pods(struct __sk_buff *skb, const struct packet *packet,
						 bool is_to_network)
{
	__u32 place = packet_ifindex(skb) | DECISION_EGRESS;
	struct decision *known = decision_find(packet, true);
	__u32 now = decision_generation();
	bool is_between;

	if (unlikely(!known))
		return false;
	if (decision_holds(known, packet, place, now))
		return known->way == WAY_RECORD;
	decision_begin(known);
	is_between = flow_end_is_pod(&packet->source, packet->kind) &&
		     (!is_to_network || flow_end_is_pod(&packet->dest, packet->kind));
	known->way = is_between ? WAY_RECORD : WAY_STACK;
	decision_keep(known, packet, place, now);
	return is_between;
}

/**
 * flow_record() - remember the flow of a packet that the host stack forwarded. First fragments and
 * packets with options too; ICMP errors make no flow.
 */
static __always_inline void flow_record(struct __sk_buff *skb, bool is_to_network)
{
	struct packet packet = {};
	struct flow_place place;
	struct flow_key key;
	__be16 port[2];

	if (packet_parse(skb, &packet) || packet.kind == PACKET_ARP ||
	    !flow_is_between_pods(skb, &packet, is_to_network))
		return;
	if (unlikely(packet.has_options) && packet.kind == PACKET_IPV6 &&
	    transport_find(skb, &packet))
		return;
	if (unlikely(packet.is_later_fragment) || icmp_has_error_type(skb, &packet))
		return;
	place.at = packet.transport;
	place.left = packet.payload;
	place.kind = packet.kind;
	place.protocol = packet.protocol;
	if (flow_read_ports(skb, &place, port))
		return;
	flow_key_set(&key, &packet.source, &packet.dest, port, packet.protocol);
	explain(EXPLAIN_RECORDED, packet.protocol);
	if (dry_run)
		return;
	if (!flow_is_recorded(&key))
		flow_put(&key);
	/* Behind the map: the agent that makes the filter anew finds the flow in one of both. */
	flow_set_bit(flow_bit(&packet.source, &packet.dest, port, packet.protocol));
}

#endif /* BPF_STACK_FLOW_H */
