/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h: the little world that all packet tests play in: two pods and an uplink of one node, and
 * the blocks of other nodes. The same tables fill the BPF maps and feed the reference.
 */
#ifndef TESTS_BPF_WORLD_H
#define TESTS_BPF_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane_abi.h"

/* Where a packet enters or leaves. */
enum place {
	NOWHERE,
	POD_A,
	POD_B,
	UPLINK,
	PLACE_COUNT,
};

#define POD_A_IPV4 "10.244.1.10"
#define POD_A_IPV6 "fd00:244:1::10"
#define POD_B_IPV4 "10.244.1.11"
#define POD_B_IPV6 "fd00:244:1::11"
#define NODE_IPV4  "192.168.100.101"
#define NODE_IPV6  "fd00:100::101"

extern const uint8_t gateway_mac[6];
extern const uint8_t pod_mac[PLACE_COUNT][6]; /* of the pod's interface, by place */
extern const uint8_t uplink_mac[6];
extern const uint8_t router_mac[6];

struct world_endpoint {
	const char *addr;
	enum place place; /* NOWHERE: an address of the node itself */
};

struct world_route {
	const char *block;
	const char *next_hop;
	uint32_t how;
	enum place place;
	uint32_t mtu;
	uint32_t node_id;
	uint32_t group; /* with ROUTE_GROUP, instead of next hop, place and MTU */
};

struct world_hop {
	const char *addr; /* NULL: no further ones */
	uint64_t seed;
	enum place place;
	uint32_t mtu;
	bool is_usable;
};

struct world_group {
	uint32_t number;
	struct world_hop hop[4]; /* the last one is empty */
};

/* A flow that the host stack has carried before, either way. */
struct world_flow {
	const char *from;
	uint16_t from_port;
	const char *to;
	uint16_t to_port;
	uint8_t protocol;
};

extern const struct world_endpoint world_endpoint[];
extern const size_t world_endpoint_count;
extern const struct world_route world_route[];
extern const size_t world_route_count;
extern const struct world_group world_group[];
extern const size_t world_group_count;
extern const struct world_flow world_flow[];
extern const size_t world_flow_count;

/* Is kube-proxy beside us? Set before harness_new(); false at first. */
extern bool world_is_beside;

#endif /* TESTS_BPF_WORLD_H */
