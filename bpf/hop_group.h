/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hop_group.h: several next hops: which one does this packet's flow take?
 *
 * All packets of a flow go one way, so that none overtakes another: by addresses, protocol and
 * ports, fragments by the first two. struct hop_group says how a flow finds its next hop, and why
 * only those of a next hop that goes are moved. The kernel's choice for what the host stack carries
 * is its own.
 *
 * What is remembered of the maps (struct decision) is the group. The agent takes a dead next hop
 * out of it in place: the next packet goes another way, and nothing else has to be told.
 */
#ifndef BPF_HOP_GROUP_H
#define BPF_HOP_GROUP_H

#include "route.h"
#include "stack_flow.h"

/* A score of 32 bits, then the place from behind: the highest is also the first of equal ones. */
#define HOP_PLACE_BITS 3
#define HOP_PLACE_MASK ((1u << HOP_PLACE_BITS) - 1)
#define HOP_IS_USABLE  (1ull << (32 + HOP_PLACE_BITS))

_Static_assert(HOP_GROUP_HOPS == 1u << HOP_PLACE_BITS, "a place has its bits");

static __always_inline __u64 hop_mix(__u64 a, __u64 b)
{
	__u64 x = (a ^ b) * HOP_MULTIPLIER;

	return x ^ x >> 32;
}

static __always_inline __u64 hop_flow(struct __sk_buff *skb, const struct packet *packet)
{
	const struct ip_addr_halves *source = (const struct ip_addr_halves *)&packet->source;
	const struct ip_addr_halves *dest = (const struct ip_addr_halves *)&packet->dest;
	__u32 ports = 0;
	__u64 flow;

	if (likely(flow_has_ports(packet->protocol)) && !packet->is_fragment &&
	    packet_load(skb, packet->transport, &ports, sizeof(ports)))
		ports = 0;
	flow = hop_mix(0, source->high);
	flow = hop_mix(flow, source->low);
	flow = hop_mix(flow, dest->high);
	flow = hop_mix(flow, dest->low);
	return hop_mix(flow, (__u64)packet->protocol << 32 | ports);
}

/* The greater, without a branch: the verifier would walk every order that the hops can be in. */
static __always_inline __u64 hop_greater(__u64 a, __u64 b)
{
	__s64 mask = (__s64)(a - b) >> 63; /* all ones where a is less; both are below 2^63 */

	barrier_var(mask);
	return a ^ ((a ^ b) & mask);
}

/* The best usable hop: HOP_IS_USABLE, its score, its place; 0 when none is usable. */
static __always_inline __u64 hop_best(const struct hop_group *group, __u64 flow)
{
	__u32 usable = *(volatile const __u32 *)&group->usable;
	__u32 count = group->count;
	__u64 best = 0;
	__u64 mask, score;
	__u32 i;

	for (i = 0; i < HOP_GROUP_HOPS; i++) {
		if (i >= count)
			break;
		score = hop_mix(hop_mix(flow, group->hop[i].seed), group->hop[i].seed) >> 32;
		mask = -(__u64)(usable >> i & 1);
		barrier_var(mask);
		best = hop_greater(
			best, (HOP_IS_USABLE | score << HOP_PLACE_BITS | (HOP_GROUP_HOPS - 1 - i)) &
				      mask);
	}
	return best;
}

/*
 * hop_choose() - next hop, link and MTU for a packet whose way is a group, into @to. A global
 * function: the verifier walks it once. 0 or STEP_TO_STACK.
 */
__noinline int hop_choose(struct __sk_buff *skb, const struct packet *packet, struct decision *to)
{
	struct hop_group *group;
	__u32 number, place;
	__u64 best;

	if (!packet || !to)
		return STEP_TO_STACK;
	if (packet->has_options || packet->ttl <= 1) /* not ours, see route_check_plain() */
		return 0;
	number = to->group;
	group = bpf_map_lookup_elem(&hop_group, &number);
	best = group ? hop_best(group, hop_flow(skb, packet)) : 0;
	place = (HOP_GROUP_HOPS - 1 - (__u32)best) & HOP_PLACE_MASK;
	if (!best || !route_fits(packet, &group->hop[place].addr)) {
		explain(EXPLAIN_NO_WAY, ROUTE_GROUP);
		return STEP_TO_STACK;
	}
	explain(EXPLAIN_ONE_OF_HOPS, group->count);
	to->next_hop = group->hop[place].addr;
	to->ifindex = group->hop[place].ifindex;
	to->mtu = group->hop[place].mtu;
	return 0;
}

#endif /* BPF_HOP_GROUP_H */
