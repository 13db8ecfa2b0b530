/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h: types of all maps of the data plane and the settings fixed before load. The one
 * definition of each is in maps.bpf.c; docs/maps.md says how large they are and why.
 *
 * All are preallocated: too little memory must fail at start, not under load. Maximum entries
 * given here are defaults; the agent sets them from its configuration before it loads.
 */
#ifndef BPF_MAPS_H
#define BPF_MAPS_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "dataplane_abi.h"

/*
 * Who lives here: address of a local pod, or of the node itself. Written by the agent when a pod is
 * plugged in or leaves; read for each packet of from_pod and from_network.
 */
struct endpoint_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ip_addr);
	__type(value, struct endpoint_value);
};
extern struct endpoint_map endpoint SEC(".maps");

/*
 * Blocks of other nodes. Written by the agent from BGP or from the routes of its configuration. A
 * hash, asked once per prefix length in use: 15-24 ns where an LPM trie takes 73-136 ns.
 */
struct route_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct ip_prefix);
	__type(value, struct route_value);
};
extern struct route_map route SEC(".maps");

/* Several next hops for the same prefixes; written by the agent, a word at a time. */
struct hop_group_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, HOP_GROUPS);
	__type(key, __u32);
	__type(value, struct hop_group);
};
extern struct hop_group_map hop_group SEC(".maps");

/* What may change while packets run; written by the agent. */
struct settings_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dataplane_settings);
};
extern struct settings_map settings SEC(".maps");

/* Raised by the agent after each change of the maps above; see struct decision. */
struct generation_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
};
extern struct generation_map generation SEC(".maps");

enum decision_way {
	WAY_LOCAL = 1,	/* to a pod of this node: ifindex, pod_mac, rx_counter */
	WAY_REMOTE = 2, /* to another node: ifindex, mtu, next_hop */
	WAY_STACK = 3,	/* to the host stack; on egress: not to be recorded */
	WAY_RECORD = 4, /* on egress: a flow between pods, see stack_flow.h */
	WAY_GROUP = 5,	/* to another node by one of several next hops: group */
};

/*
 * What was decided for packets from @source to @dest that entered at @ifindex_in: a copy of what
 * the maps above said. Only a CPU itself reads and writes its own, and only while no other packet
 * can come between. Good as long as @generation is the agent's, which is never 0. With WAY_GROUP
 * ifindex, mtu and next_hop are those of the packet in hand, chosen anew for each.
 */
struct decision {
	struct ip_addr source;
	struct ip_addr dest;
	__u32 generation;
	__u32 ifindex_in; /* with DECISION_EGRESS where the packet leaves by it */
	__u32 mac_head;	  /* source MAC, as in struct packet; 0 from the network */
	__u16 mac_tail;
	__u8 way; /* enum decision_way */
	__u8 pad;
	__u32 ifindex;
	__u32 mtu;
	__u32 tx_counter; /* numbers in ep_counter, 0: none */
	__u32 rx_counter;
	struct ip_addr next_hop;
	__u32 pod_mac_head;
	__u16 pod_mac_tail;
	__u16 pad_end;
	__u32 group; /* number in hop_group */
};

#define DECISION_EGRESS	 0x80000000u
#define DECISIONS	 256
#define DECISION_DRY_RUN DECISIONS /* a place of its own for the copy that explains */

/*
 * The decisions that a CPU took last, by a hash of the addresses: an element is found without a
 * function call, where each lookup in a hash costs two or three (which is most of a program's time
 * on CPUs with slow returns). Lost with the map: nothing but time.
 */
struct decision_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DECISIONS + 1);
	__type(key, __u32);
	__type(value, struct decision);
};
extern struct decision_map decision SEC(".maps");

/*
 * Traffic of each pod by the number its endpoint entries carry: an array costs 2 ns a packet where
 * a per-CPU hash takes 30. The agent zeroes a number before it gives it away, the programs add.
 * Needed because redirect_peer passes by the kernel's own counters of the link.
 */
struct ep_counter_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, struct endpoint_counter);
};
extern struct ep_counter_map ep_counter SEC(".maps");

/*
 * The same number by the ifindex of the pod's host end. Written by the agent, which finds it here
 * after a restart; read by to_pod, which has no endpoint entry in hand.
 */
struct ep_slot_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, __u32);
};
extern struct ep_slot_map ep_slot SEC(".maps");

/* Dropped packets by enum drop_reason; read by the agent. */
struct drop_counter_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DROP_REASON_COUNT);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct drop_counter_map drop_counter SEC(".maps");

/* Samples of dropped packets (struct drop_event) for whoever follows `tortie drops`. */
struct drop_event_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
};
extern struct drop_event_map drop_event SEC(".maps");

/* How many samples of a reason this CPU has sent in the running second; only the programs use it.
 */
struct drop_sample {
	__u64 since_ns; /* CLOCK_MONOTONIC, start of the running second */
	__u32 sent;
	__u32 pad;
};

struct drop_sample_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DROP_REASON_COUNT);
	__type(key, __u32);
	__type(value, struct drop_sample);
};
extern struct drop_sample_map drop_sample SEC(".maps");

/*
 * Flows that the host stack has carried and goes on carrying (stack_flow.h); made only with
 * kube-proxy beside us. Written by to_pod and to_network, and at its first start by the agent; the
 * one unused longest gives way. TCP for itself, so that a storm of DNS queries cannot push out an
 * idle connection.
 */
struct stack_tcp_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow_key);
	__type(value, __u32);
};
extern struct stack_tcp_map stack_tcp SEC(".maps");

struct stack_other_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow_key);
	__type(value, __u32);
};
extern struct stack_other_map stack_other SEC(".maps");

/* What spares most packets a lookup in them; written by the programs and the agent, bit by bit. */
struct stack_filter_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stack_filter);
};
extern struct stack_filter_map stack_filter SEC(".maps");

/* Entries that the programs made in the two maps; read by the agent. */
struct stack_counter_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STACK_MAP_COUNT);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct stack_counter_map stack_counter SEC(".maps");

/* Steps of the packet that the dry-run copy ran last; read by the agent right after the run. */
struct explain_trace_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct explain_trace);
};
extern struct explain_trace_map explain_trace SEC(".maps");

/*
 * 1 in the copy that only explains: it changes, sends and counts nothing. Set before load. Not
 * volatile as such settings usually are: their values cannot be seen from the other files anyway,
 * and so they are read once and not at each step.
 */
extern const __u32 dry_run;

/* 1 where the host stack translates for pods (`kube_proxy: beside`). Set before load. */
extern const __u32 beside_kube_proxy;

/* DATAPLANE_ABI_VERSION of this object, for who finds the programs later. */
extern const __u32 abi_version;

#endif /* BPF_MAPS_H */
