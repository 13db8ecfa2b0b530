/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.c: the tables of world.h.
 *
 * Blocks .2 are plain; .3 have a longer block inside a shorter one and next hops of the other
 * family (IPv4 by an IPv6 next hop works, RFC 8950; the reverse does not exist); .4 have a kind of
 * route that the programs do not know; .5 lack an interface; .6 have a small MTU; .7 have several
 * next hops, .8 several of which none may be used, .9 several of the wrong family.
 */
#include "tests/bpf/world.h"

const uint8_t gateway_mac[6] = { 0xee, 0xee, 0xee, 0xee, 0xee, 0xee };
const uint8_t pod_mac[PLACE_COUNT][6] = {
	[POD_A] = { 0x02, 0x00, 0x5e, 0x10, 0x00, 0x0a },
	[POD_B] = { 0x02, 0x00, 0x5e, 0x10, 0x00, 0x0b },
};
const uint8_t uplink_mac[6] = { 0x02, 0x00, 0x5e, 0x20, 0x00, 0x01 };
const uint8_t router_mac[6] = { 0x02, 0x00, 0x5e, 0x20, 0x00, 0xfe };

const struct world_endpoint world_endpoint[] = {
	{ POD_A_IPV4, POD_A }, { POD_A_IPV6, POD_A },  { POD_B_IPV4, POD_B },
	{ POD_B_IPV6, POD_B }, { NODE_IPV4, NOWHERE }, { NODE_IPV6, NOWHERE },
};
const size_t world_endpoint_count = sizeof(world_endpoint) / sizeof(world_endpoint[0]);

const struct world_route world_route[] = {
	{ "10.244.2.0/24", "192.168.100.102", ROUTE_DIRECT, UPLINK, 1500, 102 },
	{ "fd00:244:2::/64", "fe80::102", ROUTE_DIRECT, UPLINK, 1500, 102 },
	{ "10.244.3.0/24", "192.168.100.103", ROUTE_DIRECT, UPLINK, 1500, 103 },
	{ "10.244.3.64/26", "fe80::133", ROUTE_DIRECT, UPLINK, 1500, 133 },
	{ "fd00:244:3::/64", "192.168.100.103", ROUTE_DIRECT, UPLINK, 1500, 103 },
	{ "fd00:244:3::40:0/106", "fd00:100::133", ROUTE_DIRECT, UPLINK, 1500, 133 },
	{ "10.244.4.0/24", "192.168.100.104", 99, UPLINK, 1500, 104 },
	{ "fd00:244:4::/64", "fe80::104", 99, UPLINK, 1500, 104 },
	{ "10.244.5.0/24", "192.168.100.105", ROUTE_DIRECT, NOWHERE, 1500, 105 },
	{ "fd00:244:5::/64", "fe80::105", ROUTE_DIRECT, NOWHERE, 1500, 105 },
	{ "10.244.6.0/24", "192.168.100.106", ROUTE_DIRECT, UPLINK, 600, 106 },
	{ "fd00:244:6::/64", "fe80::106", ROUTE_DIRECT, UPLINK, 1280, 106 },
	{ "10.244.7.0/24", .how = ROUTE_GROUP, .node_id = 107, .group = 1 },
	{ "fd00:244:7::/64", .how = ROUTE_GROUP, .node_id = 107, .group = 2 },
	{ "10.244.8.0/24", .how = ROUTE_GROUP, .group = 3 },
	{ "fd00:244:8::/64", .how = ROUTE_GROUP, .group = 3 },
	{ "fd00:244:9::/64", .how = ROUTE_GROUP, .group = 4 },
};
const size_t world_route_count = sizeof(world_route) / sizeof(world_route[0]);

/* Numbers as seeds; the agent's are of the address. */
const struct world_group world_group[] = {
	{ 1,
	  { { "192.168.100.171", 0x71c1a8644d1ab6a5, UPLINK, 1500, true },
	    { "192.168.100.172", 0x2f9be6cc1db94e3f, UPLINK, 600, true },
	    { "fe80::173", 0xd06e7c9a51f284b1, UPLINK, 1500, true } } },
	{ 2,
	  { { "fe80::171", 0x0b4f29e8c6d31957, UPLINK, 1500, true },
	    { "fe80::172", 0x9d0c5b7e3a2f8146, UPLINK, 1280, true },
	    { "fe80::173", 0xd06e7c9a51f284b1, UPLINK, 1500, false } } },
	{ 3, { { "fe80::181", 0x3c6ef372fe94f82b, UPLINK, 1500, false } } },
	{ 4, { { "192.168.100.191", 0xa54ff53a5f1d36f1, UPLINK, 1500, true } } },
};
const size_t world_group_count = sizeof(world_group) / sizeof(world_group[0]);

/* What packets with the usual ports of the random test, or an echo with identifier 0, belong to. */
const struct world_flow world_flow[] = {
	{ POD_A_IPV4, 40000, POD_B_IPV4, 80, 6 },
	{ POD_A_IPV6, 40000, POD_B_IPV6, 80, 6 },
	{ POD_B_IPV4, 80, "10.244.2.20", 40000, 6 },
	{ POD_B_IPV6, 80, "fd00:244:2::20", 40000, 6 },
	{ POD_A_IPV4, 40000, "10.244.2.20", 53, 17 },
	{ POD_A_IPV6, 40000, "fd00:244:2::20", 53, 17 },
	{ POD_B_IPV4, 53, POD_A_IPV4, 53, 17 },
	{ POD_B_IPV6, 53, POD_A_IPV6, 53, 17 },
	{ POD_A_IPV4, 80, POD_B_IPV4, 40000, 132 },
	{ POD_A_IPV6, 80, POD_B_IPV6, 40000, 132 },
	{ POD_A_IPV4, 0, "10.244.2.99", 0, 1 },
	{ POD_A_IPV6, 0, "fd00:244:2::99", 0, 58 },
	{ POD_A_IPV4, 7, "10.244.2.98", 7, 1 },
	{ POD_A_IPV6, 7, "fd00:244:2::98", 7, 58 },
	{ POD_A_IPV4, 40000, "10.244.2.20", 53, 136 },
	{ POD_A_IPV4, 0, "10.244.2.20", 0, 47 },
	{ POD_A_IPV6, 0, "fd00:244:2::20", 0, 50 },
};
const size_t world_flow_count = sizeof(world_flow) / sizeof(world_flow[0]);

bool world_is_beside;
