/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * from_network.bpf.c: tc ingress of an uplink: another node, or anybody, sends.
 *
 * Only packets from a pod of another node to a pod of this node are taken past the host stack: the
 * way back takes the same short cut. Everything else, also what cannot be parsed, belongs to the
 * stack and to other programs, and leaves with TC_ACT_UNSPEC (TCX_NEXT is the same number). The one
 * thing refused: a packet that claims to come from a pod of this very node.
 */
#include "count.h"
#include "decision.h"
#include "deliver.h"
#include "icmp_error.h"
#include "stack_flow.h"

/* Who must be a remote pod for a short cut? False when nobody can be told. */
static __always_inline bool network_correspondent(struct __sk_buff *skb,
						  const struct packet *packet, struct ip_addr *ret)
{
	if (icmp_is_error(skb, packet))
		return icmp_error_correspondent(skb, packet, ret);
	*ret = packet->source;
	return true;
}

/*
 * 0 where the packet is between a pod of another node and one of ours (into @to). A global
 * function: the verifier walks it once, not in front of all that follows; for pointers it takes
 * what may be NULL.
 */
__noinline int network_find(struct __sk_buff *skb, const struct packet *packet, struct decision *to)
{
	struct route_value *value = NULL;
	struct endpoint_value *ep;
	struct ip_addr dest, other;
	__u32 bits;

	if (!packet || !to)
		return STEP_TO_STACK;
	dest = packet->dest; /* Linux 6.1 takes no key from behind such a pointer */
	ep = endpoint_lookup(&dest);
	if (!endpoint_is_pod(ep)) {
		explain(ep ? EXPLAIN_HOST_ADDRESS : EXPLAIN_NOT_IN_MAPS, 0);
		return STEP_TO_STACK;
	}
	explain(EXPLAIN_LOCAL_POD, ep->ifindex);
	if (network_correspondent(skb, packet, &other))
		value = route_lookup(packet->kind, &other, &bits);
	if (!value || !route_is_served(packet, value)) {
		explain(EXPLAIN_SOURCE_NOT_POD, 0);
		return STEP_TO_STACK;
	}
	explain_block(EXPLAIN_SOURCE_REMOTE, value->node_id, &other, bits);
	route_to_pod(ep, to);
	return 0;
}

/* 0 with the pod in @to, STEP_TO_STACK, or a negative drop reason. */
static __always_inline int network_decide(struct __sk_buff *skb, const struct packet *packet,
					  struct decision *to)
{
	/* ICMP is not remembered: errors are judged by what they quote. */
	__u32 now = packet->protocol == packet_icmp_protocol(packet) ? 0 : decision_generation();
	__u32 place = packet_ifindex(skb);
	int end;

	if (unlikely(!decision_holds(to, packet, place, now))) {
		decision_begin(to);
		if (endpoint_is_pod(endpoint_lookup(&packet->source)))
			return -DROP_NETWORK_SPOOF;
		end = network_find(skb, packet, to);
		if (end == STEP_TO_STACK)
			to->way = WAY_STACK;
		decision_keep(to, packet, place, now);
	}
	return unlikely(to->way == WAY_STACK) ? STEP_TO_STACK : 0;
}

SEC("tc")
int from_network(struct __sk_buff *skb)
{
	struct packet packet = {};
	int end = STEP_TO_STACK;
	struct decision *to;

	explain_begin();
	/* Frames for others (a bridge, promiscuous mode) are none of ours. */
	if (skb->pkt_type != PACKET_HOST || packet_parse(skb, &packet) || packet.kind == PACKET_ARP)
		goto out;
	explain(EXPLAIN_PARSED, packet.protocol);
	to = decision_find(&packet, false);
	if (unlikely(!to))
		goto out;
	end = network_decide(skb, &packet, to);
	if (unlikely(end))
		goto out;
	end = route_check_plain(&packet);
	if (unlikely(end))
		goto out;
	end = flow_check(skb, &packet);
	if (unlikely(end))
		goto out;
	rewrite_device_sum(skb, &packet);
	end = deliver(skb, &packet, to);
out:
	return count_exit(skb, &packet, HOOK_FROM_NETWORK, end);
}
