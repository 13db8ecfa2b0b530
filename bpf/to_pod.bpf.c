/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * to_pod.bpf.c: tc egress of cali*: the host stack delivers to a pod.
 *
 * What comes here has been routed by the kernel: from the host itself, from outside, or a packet
 * that the other programs left to the stack. It is counted and passed on; with kube-proxy beside us
 * flows between pods are recorded, so that their answers take the stack too (stack_flow.h). What
 * from_pod and from_network deliver by redirect_peer never comes here; they count it themselves.
 */
#include "count.h"
#include "stack_flow.h"

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	__u32 *number;

	explain_begin();
	if (beside_kube_proxy)
		flow_record(skb, false);
	explain(EXPLAIN_PASSED, ifindex);
	number = dry_run ? NULL : bpf_map_lookup_elem(&ep_slot, &ifindex);
	if (number)
		count_received(skb, *number);
	return TC_ACT_UNSPEC;
}
