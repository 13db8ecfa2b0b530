/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows_hop_group.c: routes with several next hops: which one a packet takes, and when none.
 *
 * The next hops were computed by hand (by another program) from what include/dataplane_abi.h says.
 */
#include "tests/bpf/rows.h"

#define FROM_A HOOK_FROM_POD, POD_A
#define FLOW4(protocol_, port_)                                                              \
	.spec = { POD_A_IPV4, "10.244.7.7", .protocol = (protocol_), .source_port = (port_), \
		  .dest_port = 53 }
#define FLOW6(protocol_, port_)                                                                 \
	.spec = { POD_A_IPV6, "fd00:244:7::7", .protocol = (protocol_), .source_port = (port_), \
		  .dest_port = 53 }
#define GOES_TO(next_hop_) .verdict = TO_NEXT_HOP, .to = UPLINK, .next_hop = (next_hop_)

const struct row rows_hop_group[] = {
	{ "flow_has_its_next_hop", FROM_A, FLOW4(17, 40001), GOES_TO("192.168.100.171") },
	{ "flow_has_its_next_hop", FROM_A, FLOW6(17, 40001), GOES_TO("fe80::171") },
	{ "other_port_other_next_hop", FROM_A, FLOW4(17, 40004), GOES_TO("192.168.100.172") },
	{ "other_port_other_next_hop", FROM_A, FLOW6(17, 40007), GOES_TO("fe80::172") },
	{ "ipv4_goes_to_the_ipv6_next_hop_among_them", FROM_A, FLOW4(17, 40002),
	  GOES_TO("fe80::173") },
	{ "other_protocol_other_next_hop", FROM_A, FLOW4(6, 40002), GOES_TO("192.168.100.171") },
	{ "other_protocol_other_next_hop", FROM_A, FLOW6(6, 40001), GOES_TO("fe80::172") },
	{ "ping_goes_by_its_addresses", FROM_A, .spec = { POD_A_IPV4, "10.244.7.7", .protocol = 1 },
	  GOES_TO("fe80::173") },
	{ "ping_goes_by_its_addresses", FROM_A,
	  .spec = { POD_A_IPV6, "fd00:244:7::7", .protocol = 58 }, GOES_TO("fe80::171") },
	{ "protocol_without_ports_goes_by_its_addresses", FROM_A,
	  .spec = { POD_A_IPV4, "10.244.7.7", .protocol = 47 }, GOES_TO("192.168.100.171") },
	{ "protocol_without_ports_goes_by_its_addresses", FROM_A,
	  .spec = { POD_A_IPV6, "fd00:244:7::7", .protocol = 47 }, GOES_TO("fe80::171") },
	{ "first_fragment_goes_with_the_others", FROM_A,
	  .spec = { POD_A_IPV4, "10.244.7.7", .protocol = 17, .source_port = 40004, .dest_port = 53,
		    .fragment = 0x2000 },
	  .mode = ONLY_NONE, GOES_TO("fe80::173") },
	{ "later_fragment_goes_with_the_first", FROM_A,
	  .spec = { POD_A_IPV4, "10.244.7.7", .protocol = 17, .fragment = 0x00b9,
		    .body = OCTETS("tail") },
	  .mode = ONLY_NONE, GOES_TO("fe80::173") },
	{ "packet_is_measured_by_its_own_next_hop", FROM_A,
	  .spec = { POD_A_IPV4, "10.244.7.7", .protocol = 17, .source_port = 40001, .dest_port = 53,
		    .payload = 601 - 28 },
	  GOES_TO("192.168.100.171") },
	{ "packet_is_measured_by_its_own_next_hop", FROM_A,
	  .spec = { POD_A_IPV6, "fd00:244:7::7", .protocol = 17, .source_port = 40001,
		    .dest_port = 53, .payload = 1281 - 48 },
	  GOES_TO("fe80::171") },
	{ "packet_above_the_mtu_of_its_next_hop_is_the_stacks", FROM_A,
	  .spec = { POD_A_IPV4, "10.244.7.7", .protocol = 17, .source_port = 40004, .dest_port = 53,
		    .payload = 601 - 28 },
	  .verdict = TO_STACK },
	{ "packet_above_the_mtu_of_its_next_hop_is_the_stacks", FROM_A,
	  .spec = { POD_A_IPV6, "fd00:244:7::7", .protocol = 17, .source_port = 40007,
		    .dest_port = 53, .payload = 1281 - 48 },
	  .verdict = TO_STACK },
	{ "last_hop_of_a_packet_is_the_stacks", FROM_A,
	  .spec = { POD_A_IPV4, "10.244.7.7", .ttl = 1 }, .verdict = TO_STACK },
	{ "last_hop_of_a_packet_is_the_stacks", FROM_A,
	  .spec = { POD_A_IPV6, "fd00:244:7::7", .ttl = 1 }, .verdict = TO_STACK },
	{ "no_usable_next_hop_is_the_stacks", FROM_A, .spec = { POD_A_IPV4, "10.244.8.8" },
	  .verdict = TO_STACK },
	{ "no_usable_next_hop_is_the_stacks", FROM_A, .spec = { POD_A_IPV6, "fd00:244:8::8" },
	  .verdict = TO_STACK },
	{ "ipv6_cannot_go_by_ipv4_next_hops", FROM_A, .spec = { POD_A_IPV6, "fd00:244:9::9" },
	  .verdict = TO_STACK },

	/* A pod there is a remote pod, whatever its next hops do. */
	{ "pod_behind_several_next_hops_reaches_ours", HOOK_FROM_NETWORK, UPLINK,
	  .spec = { "10.244.7.7", POD_A_IPV4 }, .verdict = TO_POD, .to = POD_A },
	{ "pod_behind_several_next_hops_reaches_ours", HOOK_FROM_NETWORK, UPLINK,
	  .spec = { "fd00:244:7::7", POD_A_IPV6 }, .verdict = TO_POD, .to = POD_A },
	{ "pod_behind_dead_next_hops_reaches_ours", HOOK_FROM_NETWORK, UPLINK,
	  .spec = { "fd00:244:8::8", POD_A_IPV6 }, .verdict = TO_POD, .to = POD_A },
};
const size_t rows_hop_group_count = sizeof(rows_hop_group) / sizeof(rows_hop_group[0]);
