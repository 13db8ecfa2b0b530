/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count.h: the single exit of each program: verdict, counters, samples of drops.
 *
 * All counters are per CPU. What is redirected is counted where that is done, the rest at the exit.
 * The clock is read only for dropped packets (27 ns). A packet here is an skb: a super-packet of
 * TCP counts once, with all its octets, as on the kernel's own links; octets are those of the frame
 * with its Ethernet header.
 */
#ifndef BPF_COUNT_H
#define BPF_COUNT_H

#include <linux/pkt_cls.h>

#include "explain.h"
#include "packet.h"

#define NS_PER_S 1000000000ull

/* @number as struct endpoint_value carries it; 0 is nobody's. */
static __always_inline void count_sent(struct __sk_buff *skb, __u32 number)
{
	struct endpoint_counter *counter;

	counter = number ? bpf_map_lookup_elem(&ep_counter, &number) : NULL;
	if (!counter)
		return;
	counter->tx_packets++;
	counter->tx_octets += skb->len;
}

static __always_inline void count_received(struct __sk_buff *skb, __u32 number)
{
	struct endpoint_counter *counter;

	counter = number ? bpf_map_lookup_elem(&ep_counter, &number) : NULL;
	if (!counter)
		return;
	counter->rx_packets++;
	counter->rx_octets += skb->len;
}

/* May this CPU send one more sample of @reason in this second? */
static __always_inline bool count_may_sample(__u32 reason, __u64 now_ns)
{
	struct drop_sample *sample = bpf_map_lookup_elem(&drop_sample, &reason);

	if (!sample)
		return false;
	if (now_ns - sample->since_ns >= NS_PER_S) {
		sample->since_ns = now_ns;
		sample->sent = 0;
	}
	if (sample->sent >= DROP_SAMPLES_PER_S)
		return false;
	sample->sent++;
	return true;
}

static __always_inline void count_emit(struct __sk_buff *skb, __u32 hook, __u32 reason)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct drop_event *event;
	__u32 len = skb->len;

	if (!count_may_sample(reason, now_ns))
		return;
	event = bpf_ringbuf_reserve(&drop_event, sizeof(*event), 0);
	if (!event) /* nobody reads, or too slowly: the counter has it */
		return;
	event->time_ns = now_ns;
	event->ifindex = skb->ifindex;
	event->reason = reason;
	event->hook = hook;
	event->packet_len = len;
	__builtin_memset(event->head, 0, sizeof(event->head));
	/* A frame has at least ETH_HLEN octets. Linux 6.1 learns the lower bound from this sum
	 * only, which the compiler would take apart. */
	len -= ETH_HLEN;
	if (len > DROP_HEAD_LEN - ETH_HLEN)
		len = DROP_HEAD_LEN - ETH_HLEN;
	barrier_var(len);
	len += ETH_HLEN;
	if (bpf_skb_load_bytes(skb, 0, event->head, len))
		len = 0;
	event->head_len = len;
	bpf_ringbuf_submit(event, 0);
}

/*
 * Not inlined: it is far from the fast path, and inlined the verifier would walk it once for each
 * of the twenty ways here.
 */
static __noinline int count_drop(struct __sk_buff *skb, __u32 hook, __u32 reason)
{
	__u64 *counter;

	explain(EXPLAIN_DROPPED, reason);
	if (dry_run)
		return TC_ACT_SHOT;
	counter = bpf_map_lookup_elem(&drop_counter, &reason);
	if (counter)
		(*counter)++;
	count_emit(skb, hook, reason);
	return TC_ACT_SHOT;
}

/**
 * count_exit() - count the packet, if it was not redirected, and turn the last step's @end into the
 * verdict of tc.
 * To the stack means TC_ACT_UNSPEC, never TC_ACT_OK, so that programs behind us see the packet too.
 */
static __always_inline int count_exit(struct __sk_buff *skb, const struct packet *packet,
				      __u32 hook, int end)
{
	if (unlikely(end < 0))
		return count_drop(skb, hook, -end);
	if (likely(end == STEP_SENT))
		return TC_ACT_REDIRECT;
	explain(EXPLAIN_TO_STACK, 0);
	if (!dry_run)
		count_sent(skb, packet->tx_counter);
	return TC_ACT_UNSPEC;
}

#endif /* BPF_COUNT_H */
