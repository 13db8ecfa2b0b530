/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * to_network.bpf.c: tc egress of an uplink, only with kube-proxy beside us: the host stack sends.
 *
 * It changes nothing and refuses nothing; it records the flows that the stack carries from pod to
 * pod, so that their answers take the stack too (stack_flow.h). Most packets here are none of
 * these: what from_pod redirected carries its mark, what the host itself made has never entered by
 * a device.
 */
#include <linux/pkt_cls.h>

#include "stack_flow.h"

SEC("tc")
int to_network(struct __sk_buff *skb)
{
	explain_begin();
	if (beside_kube_proxy) {
		if (skb->cb[REDIRECTED_WORD] == REDIRECTED_MARK)
			skb->cb[REDIRECTED_WORD] = 0;
		else if (skb->ingress_ifindex)
			flow_record(skb, true);
	}
	explain(EXPLAIN_LEAVES, skb->ifindex);
	return TC_ACT_UNSPEC;
}
