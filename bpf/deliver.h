/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * deliver.h: change the packet and send it: to the other end of a pod's link, or to a next hop.
 */
#ifndef BPF_DELIVER_H
#define BPF_DELIVER_H

#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include "count.h"
#include "explain.h"
#include "rewrite.h"
#include "route.h"

/* sys/socket.h has no place here; the kernel's numbers of the address families. */
#define FAMILY_IPV4 2
#define FAMILY_IPV6 10

/* To a pod of this node, inside the same pass through the kernel (its to_pod is passed by). */
static __always_inline int deliver_local(struct __sk_buff *skb, const struct packet *packet,
					 const struct decision *to)
{
	int err;

	explain(EXPLAIN_TO_PEER, to->ifindex);
	if (dry_run)
		return STEP_SENT;
	/* redirect_peer does so itself since 6.15; before, the pod would drop such a frame. */
	if (unlikely(skb->pkt_type != PACKET_HOST))
		bpf_skb_change_type(skb, PACKET_HOST);
	err = rewrite_ttl(skb, packet);
	if (unlikely(err))
		return err;
	err = rewrite_macs(skb, to);
	if (unlikely(err))
		return err;
	/* Not behind the call: what follows waits for its return, which is slow on some CPUs. */
	count_sent(skb, packet->tx_counter);
	count_received(skb, to->rx_counter);
	if (unlikely(bpf_redirect_peer(to->ifindex, 0) != TC_ACT_REDIRECT))
		return -DROP_INTERNAL;
	return STEP_SENT;
}

/* To another node: the kernel resolves the next hop's MAC and keeps it fresh. */
static __always_inline int deliver_remote(struct __sk_buff *skb, const struct packet *packet,
					  const struct decision *to)
{
	struct bpf_redir_neigh next = {};
	int err;

	explain_block(EXPLAIN_TO_NEIGHBOUR, to->ifindex, &to->next_hop, IP_ADDR_BITS);
	if (dry_run)
		return STEP_SENT;
	err = rewrite_ttl(skb, packet);
	if (unlikely(err))
		return err;
	if (ip_addr_is_mapped(&to->next_hop)) {
		next.nh_family = FAMILY_IPV4;
		next.ipv4_nh = to->next_hop.word[3];
	} else {
		next.nh_family = FAMILY_IPV6;
		__builtin_memcpy(next.ipv6_nh, &to->next_hop, sizeof(next.ipv6_nh));
	}
	if (beside_kube_proxy) /* to_network has nothing to do with it */
		skb->cb[REDIRECTED_WORD] = REDIRECTED_MARK;
	count_sent(skb, packet->tx_counter);
	if (bpf_redirect_neigh(to->ifindex, &next, sizeof(next), 0) != TC_ACT_REDIRECT)
		return -DROP_INTERNAL;
	return STEP_SENT;
}

/**
 * deliver() - STEP_SENT, or a negative drop reason.
 * An ifindex of 0 would be lost in silence behind us, so it is counted here.
 */
static __always_inline int deliver(struct __sk_buff *skb, const struct packet *packet,
				   const struct decision *to)
{
	if (unlikely(!to->ifindex))
		return -DROP_INTERNAL;
	if (to->way == WAY_LOCAL)
		return deliver_local(skb, packet, to);
	return deliver_remote(skb, packet, to);
}

#endif /* BPF_DELIVER_H */
