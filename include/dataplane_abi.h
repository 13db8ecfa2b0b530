/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dataplane_abi.h: what the BPF programs and user space agree on: keys and values of the maps,
 * drop reasons, steps of explain, fixed addresses, sizes.
 *
 * Addresses are in network order, everything else is in host order. Padding is explicit and zero.
 * A change of any struct here raises DATAPLANE_ABI_VERSION: maps are pinned under NAME_vVERSION,
 * and an agent that finds another version's pins copies what it can and replaces programs and maps
 * without losing a packet (docs/maps.md).
 */
#ifndef INCLUDE_DATAPLANE_ABI_H
#define INCLUDE_DATAPLANE_ABI_H

#include "ip_address.h"

#ifndef DATAPLANE_ABI_VERSION
#define DATAPLANE_ABI_VERSION 1
#endif

/* `make ABI_VERSION=N` puts one more field at the end of struct endpoint_value: the tests of
 * upgrades need a layout that really differs. */
#ifndef ENDPOINT_ADDED_FIELD
#define ENDPOINT_ADDED_FIELD
#endif

/* The gateway every pod sees, and the MAC of every host end (as Calico users know them). */
#define GATEWAY_IPV4 0xa9fe0101u /* 169.254.1.1, host order */
#define GATEWAY_IPV6_WORDS                               \
	{                                                \
		0xfe800000u, 0, 0xeceeeeffu, 0xfeeeeeeeu \
	}		       /* host order */
#define GATEWAY_MAC_OCTET 0xee /* ee:ee:ee:ee:ee:ee */

/* --- map endpoint: struct ip_addr -> struct endpoint_value (hash) --- */
#define ENDPOINT_HOST                                                               \
	0x1u /* one of the node's own addresses: packets to it go to the host stack \
	      */

struct endpoint_value {
	__u32 ifindex; /* host end of the pod's link; 0 for the node's own addresses */
	__u32 flags;   /* ENDPOINT_* */
	__u8 mac[6];   /* of the pod's interface */
	__u8 pad[2];
	__u32 policy_id;  /* 0: no policy */
	__u32 peer_id;	  /* selector set of this address; 0: none */
	__u32 generation; /* changes when the address gets another owner */
	__u32 counter;	  /* number of the pod's counters in ep_counter; 0: none */
	ENDPOINT_ADDED_FIELD
};

/* --- map route: struct ip_prefix -> struct route_value (hash) --- */
enum route_how {
	ROUTE_DIRECT = 1, /* plain frame to next_hop on ifindex (bpf_redirect_neigh) */
	ROUTE_GROUP = 2,  /* the same, to one of the next hops of a group in map hop_group */
};

struct route_value {
	struct ip_addr next_hop;
	__u32 how;     /* enum route_how; an unknown value means: host stack */
	__u32 ifindex; /* uplink; with ROUTE_GROUP the number in map hop_group, and the rest is 0 */
	__u32 mtu;     /* octets of IP packet; larger non-GSO packets go to the host stack */
	__u32 node_id; /* number of the owning node, 0 when not known */
};

/*
 * --- map hop_group: number -> struct hop_group (array, mapped by the agent) ---
 * Several next hops for the same prefixes. Number 0 is nobody's. While routes have a group the
 * addresses and seeds in it stay; what changes is one word at a time: usable, ifindex, mtu.
 *
 * A flow takes the usable next hop with the highest score, the first of equal ones (rendezvous
 * hashing): when one goes only its flows move, and they come back with it. Numbers of 64 bits that
 * wrap:
 *   mix(a, b): x = (a ^ b) * HOP_MULTIPLIER; x ^ x >> 32
 *   flow:      0, mixed with octets 0 to 7 of the source, 8 to 15, the same of the destination, all
 *              as numbers of the machine, and protocol << 32 | ports: of protocols that have them
 *              the four octets of both ports, as a number of the machine. Fragments have none.
 *   score:     the upper half of mix(mix(flow, seed), seed)
 */
#define HOP_GROUPS     256
#define HOP_GROUP_HOPS 8
#define HOP_MULTIPLIER 0x9e3779b97f4a7c15ull /* 2^64 by the golden ratio */

struct hop_group_hop {
	struct ip_addr addr;
	__u64 seed; /* of the address alone, so that another group with it sends the same flows */
	__u32 ifindex;
	__u32 mtu;
};

struct hop_group {
	__u32 count;  /* of hop; 0: the number is free */
	__u32 usable; /* bits by index in hop; none: host stack */
	struct hop_group_hop hop[HOP_GROUP_HOPS];
};

/* --- map settings: 0 -> struct dataplane_settings (array of 1): what may change at run time --- */
#define ROUTE_LENGTHS_MAX 16

/*
 * The prefix lengths in use in map route, longest first, in bits of the mapped address. When more
 * are in use the agent leaves the shortest out: their destinations take the host stack.
 */
struct dataplane_settings {
	__u32 v4_count;
	__u32 v6_count;
	__u8 v4_bits[ROUTE_LENGTHS_MAX];
	__u8 v6_bits[ROUTE_LENGTHS_MAX];
};

/*
 * --- map generation: 0 -> __u32 (array of 1) ---
 * The programs remember what they decided for the last packets, under the generation of that
 * moment. The agent raises it after each change of endpoint, route or settings, and so makes them
 * look again. 0 means: remember nothing.
 */

/*
 * --- map ep_slot: __u32 ifindex -> __u32 number in ep_counter (hash) ---
 * --- map ep_counter: number -> struct endpoint_counter (per-CPU array) ---
 * Number 0 is nobody's.
 */
struct endpoint_counter {
	__u64 tx_packets; /* sent by the pod */
	__u64 tx_octets;
	__u64 rx_packets; /* received by the pod */
	__u64 rx_octets;
};

/*
 * --- maps stack_tcp, stack_other: struct flow_key -> __u32 (LRU hash) ---
 * Flows that the host stack has carried and goes on carrying, with kube-proxy beside us: TCP, and
 * all other protocols. The value is the second of CLOCK_MONOTONIC in which it was recorded.
 *
 * The key is the same for both ways: first is the smaller end, compared as numbers of the machine:
 * the addresses' octets 0 to 7, then 8 to 15, then the ports. Ports are in network order, an ICMP
 * echo has its identifier in both, and protocols without ports have 0.
 */
struct flow_key {
	struct ip_addr first, second;
	__u16 first_port, second_port;
	__u8 protocol;
	__u8 pad[3];
};

/*
 * --- map stack_filter: 0 -> struct stack_filter (array of 1, mapped by the agent) ---
 * Which flows are surely in neither map: a flow's bit is set, in both bitmaps, after it went into
 * its map. The programs ask the active one before they ask a map. Bits of flows that are gone
 * stay, until the agent has put the rest into the other bitmap and made that the active one.
 *
 * A flow's bit is a hash of what both ways have in common, by 32 bits that wrap: the sum of words 2
 * and 3 of both addresses, times the multiplier, plus the sum of both ports and the protocol times
 * 65536, times the multiplier; of that the upper bits.
 */
#define STACK_FILTER_BITS_LOG2	19
#define STACK_FILTER_WORDS	(1u << (STACK_FILTER_BITS_LOG2 - 6))
#define STACK_FILTER_MULTIPLIER 0x9e3779b1u /* 2^32 by the golden ratio */

struct stack_filter {
	__u32 active;	 /* 0 or 1 */
	__u32 is_filled; /* the agent's: since the maps exist it has read conntrack into them */
	__u64 bits[2][STACK_FILTER_WORDS];
};

/* --- map stack_counter: enum stack_map -> __u64 (per-CPU array): flows that programs recorded ---
 */
enum stack_map {
	STACK_TCP,
	STACK_OTHER,
	STACK_MAP_COUNT,
};

/*
 * Drop reasons. The number is the index in map drop_counter and the negative return value of the
 * step that refuses. New ones go to the end: numbers are part of the ABI.
 * X(NAME, "what the packet did")
 */
#define DROP_REASON_LIST(X)                                                                       \
	X(TRUNCATED, "frame ends inside a header")                                                \
	X(ETHERTYPE, "neither ARP, IPv4 nor IPv6")                                                \
	X(IPV4_HEADER, "IPv4 header has a wrong version or length")                               \
	X(IPV6_HEADER, "IPv6 header has a wrong version or length")                               \
	X(SOURCE_UNKNOWN, "source address belongs to no pod of this node")                        \
	X(SOURCE_LINK, "source address belongs to another pod")                                   \
	X(SOURCE_MAC, "source MAC is not the pod's")                                              \
	X(ARP, "ARP other than a request for the gateway by the pod itself")                      \
	X(ND, "neighbour discovery other than a solicitation for the gateway by the pod itself")  \
	X(ROUTER_ADVERTISEMENT, "pod sends router advertisements or redirects")                   \
	X(DHCP_SERVER, "pod answers as a DHCP server")                                            \
	X(NETWORK_SPOOF, "packet from the network with the source address of a pod of this node") \
	X(INTERNAL, "map or helper failed")                                                       \
	X(SOURCE_UNSPECIFIED, "source address is 0.0.0.0 or ::, as of a host without an address") \
	X(TRANSPORT_HEADER, "TCP, UDP, SCTP or ICMP header is cut off or absurd")                 \
	X(MARTIAN, "loopback, unspecified or IPv4-mapped address, or a packet to its own sender") \
	X(IPV6_EXTENSION, "IPv6 extension headers are cut off or more than eight")

enum drop_reason {
	DROP_NONE = 0,
#define DROP_ENUM(name, text) DROP_##name,
	DROP_REASON_LIST(DROP_ENUM)
#undef DROP_ENUM
	DROP_REASON_COUNT
};

enum dataplane_hook {
	HOOK_FROM_POD = 1,
	HOOK_TO_POD = 2,
	HOOK_FROM_NETWORK = 3,
	HOOK_NONE = 4, /* no program: the pod or the host stack; in answers of explain only */
	HOOK_TO_NETWORK = 5,
};

/* --- map drop_event (ring buffer): sampled drops, at most DROP_SAMPLES_PER_S per reason and CPU
 * --- */
#define DROP_SAMPLES_PER_S 32
#define DROP_HEAD_LEN	   96

struct drop_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 ifindex;
	__u16 reason;		  /* enum drop_reason */
	__u16 hook;		  /* enum dataplane_hook */
	__u32 packet_len;	  /* octets of the frame */
	__u32 head_len;		  /* octets of head that are valid */
	__u8 head[DROP_HEAD_LEN]; /* frame from its Ethernet header */
};

/*
 * Steps that the dry-run copy records for `tortie explain`, in the order it takes them.
 * X(NAME, "text"). detail is what the comment says.
 */
#define EXPLAIN_STEP_LIST(X)                                                                   \
	X(PARSED, "headers parsed")				     /* detail: IP protocol */ \
	X(SOURCE_OK, "source address, link and MAC belong together") /* detail: ifindex */     \
	X(SOURCE_REMOTE, "source is a pod of another node")	     /* detail: node id */     \
	X(LOCAL_POD, "destination is a pod of this node")	     /* detail: ifindex */     \
	X(REMOTE_BLOCK, "destination is in another node's block")    /* detail: ifindex */     \
	X(HOST_ADDRESS, "destination is an address of this node")                              \
	X(NOT_IN_MAPS, "destination is in no map")                                             \
	X(SOURCE_NOT_POD, "source is no pod")                                                  \
	X(HAS_OPTIONS, "IPv4 options or IPv6 extension headers")                               \
	X(TTL_ONE, "TTL or hop limit is 1")                                                    \
	X(TOO_LARGE, "packet is larger than the route's MTU") /* detail: MTU */                \
	X(TO_STACK, "given to the host stack")                                                 \
	X(TO_PEER, "delivered to the pod by redirect_peer")	  /* detail: ifindex */        \
	X(TO_NEIGHBOUR, "sent to the next hop by redirect_neigh") /* detail: ifindex */        \
	X(ANSWERED, "answered for the gateway")                                                \
	X(DROPPED, "dropped")		  /* detail: enum drop_reason */                       \
	X(PASSED, "passed on to the pod") /* detail: ifindex; from the host stack */           \
	X(NO_WAY, "route's kind or next hop is not for this packet")                           \
	/* The agent adds these: where no program of ours decides. */                          \
	X(INSIDE_POD, "stays inside the pod")                                                  \
	X(STACK_LOCAL, "host stack would take it: an address of this node")                    \
	X(STACK_SENDS, "host stack would send it") /* detail: ifindex; addr: gateway */        \
	X(STACK_REFUSES, "host stack would refuse it")                                         \
	/* Programs again, with kube-proxy beside us. detail: IP protocol */                   \
	X(STACK_FLOW, "flow is the host stack's, which has carried it before")                 \
	X(FRAGMENT, "fragment: the host stack carries them all")                               \
	X(RECORDED, "flow is recorded: the host stack carries it both ways")                   \
	X(LEAVES, "passed on to the network") /* detail: ifindex; from the host stack */       \
	/* The agent. */                                                                       \
	X(NEEDS_ENCAPSULATION, "the node needs encapsulation, not in this version")            \
	X(FIREWALL, "a firewall of the host drops what it does not accept")                    \
	/* Programs. detail: how many */                                                       \
	X(ONE_OF_HOPS, "one of several next hops, by the flow")

enum explain_step_id {
	EXPLAIN_NONE = 0,
#define EXPLAIN_ENUM(name, text) EXPLAIN_##name,
	EXPLAIN_STEP_LIST(EXPLAIN_ENUM)
#undef EXPLAIN_ENUM
	EXPLAIN_STEP_COUNT
};

#define EXPLAIN_STEPS_MAX 16

struct explain_step {
	__u32 id; /* enum explain_step_id */
	__u32 detail;
	struct ip_addr addr; /* next hop or matched block, zero when none */
	__u32 bits;	     /* of the matched block */
};

/* --- map explain_trace: 0 -> struct explain_trace (array of 1), written by the dry-run copy --- */
struct explain_trace {
	__u32 count;
	__u32 pad;
	struct explain_step step[EXPLAIN_STEPS_MAX];
};

_Static_assert(sizeof(struct endpoint_value) >= 32, "map layout");
_Static_assert(sizeof(struct route_value) == 32, "map layout");
_Static_assert(sizeof(struct hop_group) == 8 + 32 * HOP_GROUP_HOPS, "map layout");
_Static_assert(sizeof(struct dataplane_settings) == 40, "map layout");
_Static_assert(sizeof(struct flow_key) == 40, "map layout");
_Static_assert(sizeof(struct drop_event) == 120, "ring buffer layout");
_Static_assert(sizeof(struct explain_step) == 28, "map layout");

#endif /* INCLUDE_DATAPLANE_ABI_H */
