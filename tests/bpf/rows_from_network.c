/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows_from_network.c: what arrives on an uplink: short-cut between pods, left to others, or
 * forged.
 */
#include "tests/bpf/rows.h"

#define NETWORK HOOK_FROM_NETWORK, UPLINK
#define BODY                                      \
	OCTETS("\x00\x00\x00\x35\x00\x0c\x00\x00" \
	       "abcd")
#define QUOTE(from, to)                      \
	.quoted = &(const struct frame_spec) \
	{                                    \
		from, to                     \
	}

const struct row rows_from_network[] = {
	/* From a pod of another node to one of ours. */
	{ "remote_pod_reaches_our_pod", NETWORK,
	  .spec = { "10.244.2.20", POD_A_IPV4, .body = BODY }, .verdict = TO_POD, .to = POD_A,
	  .out = OCTETS("\x02\x00\x5e\x10\x00\x0a\xee\xee\xee\xee\xee\xee\x08\x00\x45\x00\x00\x20"
			"\x12\x34\x00\x00\x3f\x11\x50\x94\x0a\xf4\x02\x14\x0a\xf4\x01\x0a\x00\x00"
			"\x00\x35\x00\x0c\x00\x00\x61\x62\x63\x64") },
	{ "remote_pod_reaches_our_pod", NETWORK,
	  .spec = { "fd00:244:2::20", POD_A_IPV6, .body = BODY }, .verdict = TO_POD, .to = POD_A,
	  .out = OCTETS("\x02\x00\x5e\x10\x00\x0a\xee\xee\xee\xee\xee\xee\x86\xdd\x60\x00\x00\x00"
			"\x00\x0c\x11\x3f\xfd\x00\x02\x44\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00"
			"\x00\x20\xfd\x00\x02\x44\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10"
			"\x00\x00\x00\x35\x00\x0c\x00\x00\x61\x62\x63\x64") },
	{ "tcp_of_a_remote_pod", NETWORK, .spec = { "10.244.3.65", POD_B_IPV4, .protocol = 6 },
	  .verdict = TO_POD, .to = POD_B },
	{ "tcp_of_a_remote_pod", NETWORK, .spec = { "fd00:244:3::40:1", POD_B_IPV6, .protocol = 6 },
	  .verdict = TO_POD, .to = POD_B },
	{ "fragment_of_a_remote_pod", NETWORK,
	  .spec = { "10.244.2.20", POD_B_IPV4, .fragment = 0x2000 }, .mode = ONLY_NONE,
	  .verdict = TO_POD, .to = POD_B },
	{ "fragment_of_a_large_ping_of_a_remote_pod", NETWORK,
	  .spec = { "10.244.2.20", POD_B_IPV4, .protocol = 1, .fragment = 0x00b9,
		    .body = OCTETS("\x03\0\0\0\0\0\0\0\0\0") },
	  .mode = ONLY_NONE, .verdict = TO_POD, .to = POD_B },
	{ "super_packet_of_a_remote_pod", NETWORK,
	  .spec = { "10.244.2.20", POD_B_IPV4, .protocol = 6, .payload = 1900 }, .gso_size = 1448,
	  .verdict = TO_POD, .to = POD_B },
	{ "super_packet_of_a_remote_pod", NETWORK,
	  .spec = { "fd00:244:2::20", POD_B_IPV6, .protocol = 6, .payload = 1900 },
	  .gso_size = 1428, .verdict = TO_POD, .to = POD_B },
	{ "route_without_a_device_still_brings_packets_in", NETWORK,
	  .spec = { "10.244.5.5", POD_A_IPV4 }, .verdict = TO_POD, .to = POD_A },

	/* ICMP errors belong to whom the quoted packet went. */
	{ "path_mtu_error_of_a_router_about_our_pods_packet", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .icmp_type = 3, QUOTE(POD_A_IPV4, "10.244.2.20") },
	  .verdict = TO_POD, .to = POD_A },
	{ "path_mtu_error_of_a_router_about_our_pods_packet", NETWORK,
	  .spec = { "2001:db8::1", POD_A_IPV6, .icmp_type = 2,
		    QUOTE(POD_A_IPV6, "fd00:244:2::20") },
	  .verdict = TO_POD, .to = POD_A },
	{ "time_exceeded_of_a_router_about_our_pods_packet", NETWORK,
	  .spec = { "192.0.2.1", POD_B_IPV4, .icmp_type = 11, QUOTE(POD_B_IPV4, "10.244.3.65") },
	  .verdict = TO_POD, .to = POD_B },
	{ "time_exceeded_of_a_router_about_our_pods_packet", NETWORK,
	  .spec = { "2001:db8::1", POD_B_IPV6, .icmp_type = 3,
		    QUOTE(POD_B_IPV6, "fd00:244:3::40:1") },
	  .verdict = TO_POD, .to = POD_B },
	/* RFC 4443 section 2.1: errors have types from 0 to 127. */
	{ "error_of_the_last_type", NETWORK,
	  .spec = { "2001:db8::1", POD_A_IPV6, .icmp_type = 127,
		    QUOTE(POD_A_IPV6, "fd00:244:2::20") },
	  .verdict = TO_POD, .to = POD_A },
	{ "port_unreachable_of_a_remote_pod", NETWORK,
	  .spec = { "10.244.2.20", POD_A_IPV4, .icmp_type = 3, QUOTE(POD_A_IPV4, "10.244.2.20") },
	  .verdict = TO_POD, .to = POD_A },
	{ "error_about_a_packet_to_the_outside", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .icmp_type = 3, QUOTE(POD_A_IPV4, "198.51.100.7") },
	  .verdict = TO_STACK },
	{ "error_about_a_packet_to_the_outside", NETWORK,
	  .spec = { "2001:db8::1", POD_A_IPV6, .icmp_type = 2, QUOTE(POD_A_IPV6, "2001:db8::7") },
	  .verdict = TO_STACK },
	{ "error_of_a_remote_pod_about_a_packet_to_the_outside", NETWORK,
	  .spec = { "10.244.2.20", POD_A_IPV4, .icmp_type = 3, QUOTE(POD_A_IPV4, "198.51.100.7") },
	  .verdict = TO_STACK },
	{ "error_about_a_packet_that_another_sent", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .icmp_type = 3, QUOTE(POD_B_IPV4, "10.244.2.20") },
	  .verdict = TO_STACK },
	{ "error_about_a_packet_that_another_sent", NETWORK,
	  .spec = { "2001:db8::1", POD_A_IPV6, .icmp_type = 1,
		    QUOTE(POD_B_IPV6, "fd00:244:2::20") },
	  .verdict = TO_STACK },
	{ "error_whose_quotation_is_cut_off", NETWORK,
	  .spec = { "10.244.2.20", POD_A_IPV4, .protocol = 1,
		    .body = OCTETS("\x03\0\0\0\0\0\0\0\x45\0\0\x14") },
	  .verdict = TO_STACK },
	{ "error_whose_quotation_is_cut_off", NETWORK,
	  .spec = { "fd00:244:2::20", POD_A_IPV6, .protocol = 58,
		    .body = OCTETS("\x01\0\0\0\0\0\0\0\x60\0\0\0\0\0\x11\x40") },
	  .verdict = TO_STACK },
	{ "ping_of_a_remote_pod", NETWORK, .spec = { "10.244.2.20", POD_A_IPV4, .protocol = 1 },
	  .verdict = TO_POD, .to = POD_A },
	{ "ping_of_a_remote_pod", NETWORK, .spec = { "fd00:244:2::20", POD_A_IPV6, .protocol = 58 },
	  .verdict = TO_POD, .to = POD_A },
	{ "icmp_redirect_of_a_router", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .icmp_type = 5, QUOTE(POD_A_IPV4, "10.244.2.20") },
	  .verdict = TO_STACK },

	/* Not ours. */
	{ "outside_to_our_pod", NETWORK, .spec = { "198.51.100.7", POD_A_IPV4 },
	  .verdict = TO_STACK },
	{ "outside_to_our_pod", NETWORK, .spec = { "2001:db8::7", POD_A_IPV6 },
	  .verdict = TO_STACK },
	{ "another_node_to_our_pod", NETWORK, .spec = { "192.168.100.102", POD_A_IPV4 },
	  .verdict = TO_STACK },
	{ "remote_pod_to_the_node", NETWORK, .spec = { "10.244.2.20", NODE_IPV4 },
	  .verdict = TO_STACK },
	{ "remote_pod_to_the_node", NETWORK, .spec = { "fd00:244:2::20", NODE_IPV6 },
	  .verdict = TO_STACK },
	{ "remote_pod_to_a_free_address", NETWORK, .spec = { "10.244.2.20", "10.244.1.99" },
	  .verdict = TO_STACK },
	{ "remote_pod_of_an_unknown_kind_of_route", NETWORK, .spec = { "10.244.4.4", POD_A_IPV4 },
	  .verdict = TO_STACK },
	{ "remote_pod_that_we_could_not_answer_directly", NETWORK,
	  .spec = { "fd00:244:3::1", POD_A_IPV6 }, .verdict = TO_STACK },
	{ "frame_for_another_mac", NETWORK,
	  .spec = { "10.244.2.20", POD_A_IPV4, .eth_dest = router_mac }, .verdict = TO_STACK },
	{ "arp_on_the_uplink", NETWORK,
	  .spec = { .raw = OCTETS("\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x02\0\x5e\x20\0\xfe"
				  "\xc0\xa8\x64\xfe\0\0\0\0\0\0\xc0\xa8\x64\x65") },
	  .verdict = TO_STACK },
	{ "lldp_on_the_uplink", NETWORK, .spec = { .raw = OCTETS("\x88\xcc\x02\x07\x04\x02\x00") },
	  .verdict = TO_STACK },
	{ "absurd_header_on_the_uplink", NETWORK,
	  .spec = { "10.244.2.20", POD_A_IPV4, .patch = { { 14, 0x44 } } }, .verdict = TO_STACK },
	{ "truncated_header_on_the_uplink", NETWORK,
	  .spec = { "fd00:244:2::20", POD_A_IPV6, .cut = 40 }, .verdict = TO_STACK },
	{ "mapped_addresses_on_the_uplink", NETWORK,
	  .spec = { "::ffff:10.244.2.20", "::ffff:10.244.1.10" }, .verdict = TO_STACK },
	{ "ttl_1_of_a_remote_pod", NETWORK, .spec = { "10.244.2.20", POD_A_IPV4, .ttl = 1 },
	  .verdict = TO_STACK },
	{ "hop_limit_1_of_a_remote_pod", NETWORK,
	  .spec = { "fd00:244:2::20", POD_A_IPV6, .ttl = 1 }, .verdict = TO_STACK },
	{ "options_of_a_remote_pod", NETWORK,
	  .spec = { "10.244.2.20", POD_A_IPV4, .options = OCTETS("\x07\x07\x04\0\0\0\0\0") },
	  .verdict = TO_STACK },
	{ "extension_headers_of_a_remote_pod", NETWORK,
	  .spec = { "fd00:244:2::20", POD_A_IPV6, .next = 60,
		    .extensions = OCTETS("\x11\x00\x01\x04\0\0\0\0") },
	  .verdict = TO_STACK },

	/* Forged: our own pod's address from outside. */
	{ "source_of_our_pod_to_our_pod", NETWORK, .spec = { POD_B_IPV4, POD_A_IPV4 },
	  .verdict = DROP, .reason = DROP_NETWORK_SPOOF },
	{ "source_of_our_pod_to_our_pod", NETWORK, .spec = { POD_B_IPV6, POD_A_IPV6 },
	  .verdict = DROP, .reason = DROP_NETWORK_SPOOF },
	{ "source_of_our_pod_to_the_node", NETWORK, .spec = { POD_A_IPV4, NODE_IPV4 },
	  .verdict = DROP, .reason = DROP_NETWORK_SPOOF },
	{ "source_of_our_pod_to_the_node", NETWORK, .spec = { POD_A_IPV6, NODE_IPV6 },
	  .verdict = DROP, .reason = DROP_NETWORK_SPOOF },
};
const size_t rows_from_network_count = sizeof(rows_from_network) / sizeof(rows_from_network[0]);
