/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * from_pod.bpf.c: tc ingress of cali*: a pod sends.
 *
 * One program for all pods; the pod is known by skb->ifindex. Each step is a header of its own and
 * returns 0, a drop reason, or the end of the way (enum step_end). Until deliver() nothing is
 * changed on the packet, so that what goes to the host stack arrives there as the pod sent it.
 * docs/packet-path.md tells the same story with its reasons.
 */
#include "count.h"
#include "decision.h"
#include "deliver.h"
#include "gateway.h"
#include "hop_group.h"
#include "stack_flow.h"
#include "transport.h"

/* Who sends, and where does it go? Into @to. 0, STEP_TO_STACK, or a negative drop reason. */
static __always_inline int from_pod_decide(struct __sk_buff *skb, struct packet *packet,
					   struct decision *to)
{
	__u32 now = decision_generation();
	__u32 place = packet_ifindex(skb);
	int end;

	if (unlikely(!decision_holds(to, packet, place, now) || to->mac_head != packet->mac_head ||
		     to->mac_tail != packet->mac_tail)) {
		decision_begin(to);
		end = endpoint_check_source(skb, packet, to);
		if (end)
			return end;
		/* Policy of the sender has its place here. */
		end = route_find(skb, packet, to);
		if (end < 0)
			return end;
		if (end == STEP_TO_STACK)
			to->way = WAY_STACK;
		decision_keep(to, packet, place, now);
	}
	packet->tx_counter = to->tx_counter;
	if (likely(to->way < WAY_STACK))
		return 0;
	return to->way == WAY_GROUP ? hop_choose(skb, packet, to) : STEP_TO_STACK;
}

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct decision *to;
	int end;

	explain_begin();
	end = packet_parse(skb, &packet);
	if (unlikely(end))
		goto out;
	explain(EXPLAIN_PARSED, packet.protocol);
	end = transport_check(skb, &packet);
	if (unlikely(end))
		goto out;
	end = gateway_check(skb, &packet);
	if (unlikely(end))
		goto out;
	end = -DROP_INTERNAL;
	to = decision_find(&packet, false);
	if (unlikely(!to))
		goto out;
	end = from_pod_decide(skb, &packet, to);
	if (unlikely(end))
		goto out;
	end = route_check_plain(&packet);
	if (unlikely(end))
		goto out;
	end = route_check_mtu(skb, &packet, to);
	if (unlikely(end))
		goto out;
	end = flow_check(skb, &packet);
	if (unlikely(end))
		goto out;
	end = deliver(skb, &packet, to);
out:
	return count_exit(skb, &packet, HOOK_FROM_POD, end);
}
