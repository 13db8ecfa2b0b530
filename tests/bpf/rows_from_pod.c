/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows_from_pod.c: what a pod may send, and where it goes: the other pod, the next hop, the host
 * stack, or back as an answer of the gateway. to_pod's few rows are here too.
 *
 * Frames written whole (.out) were made with scapy, not with our own code.
 */
#include "tests/bpf/rows.h"

#define BODY                                      \
	OCTETS("\x00\x00\x00\x35\x00\x0c\x00\x00" \
	       "abcd")

#define ARP_REQUEST_OF_A                                                          \
	OCTETS("\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x5e\x10\x00\x0a" \
	       "\x0a\xf4\x01\x0a\x00\x00\x00\x00\x00\x00\xa9\xfe\x01\x01")
#define ARP_ANSWER_TO_A                                                                   \
	OCTETS("\x02\x00\x5e\x10\x00\x0a\xee\xee\xee\xee\xee\xee\x08\x06\x00\x01\x08\x00" \
	       "\x06\x04\x00\x02\xee\xee\xee\xee\xee\xee\xa9\xfe\x01\x01\x02\x00\x5e\x10" \
	       "\x00\x0a\x0a\xf4\x01\x0a")

/* Solicitation for the gateway: header, target; then the source link-layer address option. */
#define SOLICITATION                                                                               \
	"\x87\x00\x00\x00\x00\x00\x00\x00\xfe\x80\x00\x00\x00\x00\x00\x00\xec\xee\xee\xff\xfe\xee" \
	"\xee\xee"
#define SOURCE_LINK_OF_A "\x01\x01\x02\x00\x5e\x10\x00\x0a"
#define ADVERTISEMENT_TO_A                                                                \
	OCTETS("\x02\x00\x5e\x10\x00\x0a\xee\xee\xee\xee\xee\xee\x86\xdd\x60\x00\x00\x00" \
	       "\x00\x20\x3a\xff\xfe\x80\x00\x00\x00\x00\x00\x00\xec\xee\xee\xff\xfe\xee" \
	       "\xee\xee\xfd\x00\x02\x44\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10" \
	       "\x88\x00\x38\xe5\xe0\x00\x00\x00\xfe\x80\x00\x00\x00\x00\x00\x00\xec\xee" \
	       "\xee\xff\xfe\xee\xee\xee\x02\x01\xee\xee\xee\xee\xee\xee")
#define GATEWAY_GROUP "ff02::1:ffee:eeee"
#define GATEWAY	      "fe80::ecee:eeff:feee:eeee"

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t solicited[6] = { 0x33, 0x33, 0xff, 0xee, 0xee, 0xee };

const struct row rows_from_pod[] = {
	/* Delivered on this node. */
	{ "udp_to_a_pod_of_this_node_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .body = BODY }, .verdict = TO_POD, .to = POD_B,
	  .out = OCTETS("\x02\x00\x5e\x10\x00\x0b\xee\xee\xee\xee\xee\xee\x08\x00\x45\x00\x00\x20"
			"\x12\x34\x00\x00\x3f\x11\x51\x9d\x0a\xf4\x01\x0a\x0a\xf4\x01\x0b\x00\x00"
			"\x00\x35\x00\x0c\x00\x00\x61\x62\x63\x64") },
	{ "udp_to_a_pod_of_this_node_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .body = BODY }, .verdict = TO_POD, .to = POD_B,
	  .out = OCTETS("\x02\x00\x5e\x10\x00\x0b\xee\xee\xee\xee\xee\xee\x86\xdd\x60\x00\x00\x00"
			"\x00\x0c\x11\x3f\xfd\x00\x02\x44\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"
			"\x00\x10\xfd\x00\x02\x44\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x11"
			"\x00\x00\x00\x35\x00\x0c\x00\x00\x61\x62\x63\x64") },
	{ "tcp_is_delivered", HOOK_FROM_POD, POD_B,
	  .spec = { POD_B_IPV4, POD_A_IPV4, .protocol = 6 }, .verdict = TO_POD, .to = POD_A },
	{ "tcp_is_delivered", HOOK_FROM_POD, POD_B,
	  .spec = { POD_B_IPV6, POD_A_IPV6, .protocol = 6 }, .verdict = TO_POD, .to = POD_A },
	{ "sctp_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .protocol = 132 }, .verdict = TO_POD, .to = POD_B },
	{ "sctp_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .protocol = 132 }, .verdict = TO_POD, .to = POD_B },
	{ "ping_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .protocol = 1 }, .verdict = TO_POD, .to = POD_B },
	{ "ping_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .protocol = 58 }, .verdict = TO_POD, .to = POD_B },
	{ "any_other_protocol_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .protocol = 47 }, .verdict = TO_POD, .to = POD_B },
	{ "any_other_protocol_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .protocol = 50 }, .verdict = TO_POD, .to = POD_B },
	{ "icmp_error_from_a_pod_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .icmp_type = 3,
		    .quoted = &(const struct frame_spec){ POD_B_IPV4, POD_A_IPV4 } },
	  .verdict = TO_POD, .to = POD_B },
	{ "icmp_error_from_a_pod_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .icmp_type = 1,
		    .quoted = &(const struct frame_spec){ POD_B_IPV6, POD_A_IPV6 } },
	  .verdict = TO_POD, .to = POD_B },
	{ "frame_to_a_foreign_mac_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .eth_dest = broadcast }, .verdict = TO_POD,
	  .to = POD_B },
	{ "frame_to_a_foreign_mac_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .eth_dest = uplink_mac }, .verdict = TO_POD,
	  .to = POD_B },
	{ "ttl_2_is_delivered_with_1", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .ttl = 2 }, .verdict = TO_POD, .to = POD_B },
	{ "hop_limit_2_is_delivered_with_1", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .ttl = 2 }, .verdict = TO_POD, .to = POD_B },
	{ "wrong_ip_checksum_stays_wrong", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .patch = { { 24, 0x12 }, { 25, 0x34 } } },
	  .verdict = TO_POD, .to = POD_B },
	{ "checksum_that_wraps_is_right", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .patch = { { 24, 0xfe }, { 25, 0xff } } },
	  .verdict = TO_POD, .to = POD_B },
	{ "octets_behind_the_packet_are_no_harm", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .pad = 18 }, .verdict = TO_POD, .to = POD_B },
	{ "octets_behind_the_packet_are_no_harm", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .pad = 18 }, .verdict = TO_POD, .to = POD_B },
	{ "first_fragment_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .fragment = 0x2000 }, .mode = ONLY_NONE,
	  .verdict = TO_POD, .to = POD_B },
	{ "later_fragment_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .fragment = 0x00b9, .body = OCTETS("tail") },
	  .mode = ONLY_NONE, .verdict = TO_POD, .to = POD_B },
	{ "big_tcp_without_total_length_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .protocol = 6, .payload = 1000,
		    .patch = { { 16, 0 }, { 17, 0 } } },
	  .gso_size = 400, .verdict = TO_POD, .to = POD_B },
	{ "big_tcp_with_jumbo_option_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .protocol = 6, .payload = 1000, .next = 0,
		    .extensions = OCTETS("\x06\x00\xc2\x04\x00\x01\x11\x70"),
		    .patch = { { 18, 0 }, { 19, 0 } } },
	  .gso_size = 400, .verdict = TO_POD, .to = POD_B },
	{ "big_tcp_without_payload_length_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .protocol = 6, .payload = 1000,
		    .patch = { { 18, 0 }, { 19, 0 } } },
	  .gso_size = 400, .verdict = TO_POD, .to = POD_B },
	{ "dhcp_client_unicast_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .source_port = 68, .dest_port = 67 }, .verdict = TO_POD,
	  .to = POD_B },
	{ "dhcp_relay_to_server_is_delivered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .source_port = 67, .dest_port = 67 }, .verdict = TO_POD,
	  .to = POD_B },
	{ "dhcpv6_ports_over_ipv4_mean_nothing", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .source_port = 547, .dest_port = 546 },
	  .verdict = TO_POD, .to = POD_B },

	/* Sent to another node. */
	{ "udp_to_a_remote_block_goes_to_its_next_hop", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.2.20", .body = BODY }, .verdict = TO_NEXT_HOP, .to = UPLINK,
	  .next_hop = "192.168.100.102",
	  .out = OCTETS("\xee\xee\xee\xee\xee\xee\x02\x00\x5e\x10\x00\x0a\x08\x00\x45\x00\x00\x20"
			"\x12\x34\x00\x00\x3f\x11\x50\x94\x0a\xf4\x01\x0a\x0a\xf4\x02\x14\x00\x00"
			"\x00\x35\x00\x0c\x00\x00\x61\x62\x63\x64") },
	{ "udp_to_a_remote_block_goes_to_its_next_hop", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:2::20" }, .verdict = TO_NEXT_HOP, .to = UPLINK,
	  .next_hop = "fe80::102" },
	{ "the_longest_block_wins", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.3.65", .protocol = 6 }, .verdict = TO_NEXT_HOP,
	  .to = UPLINK, .next_hop = "fe80::133" },
	{ "the_longest_block_wins", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:3::40:1", .protocol = 6 }, .verdict = TO_NEXT_HOP,
	  .to = UPLINK, .next_hop = "fd00:100::133" },
	{ "beside_the_longest_block_the_shorter_holds", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.3.128", .protocol = 6 }, .verdict = TO_NEXT_HOP,
	  .to = UPLINK, .next_hop = "192.168.100.103" },
	{ "packet_of_the_mtu_goes_to_its_next_hop", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.6.1", .payload = 600 - 28 }, .verdict = TO_NEXT_HOP,
	  .to = UPLINK, .next_hop = "192.168.100.106" },
	{ "packet_of_the_mtu_goes_to_its_next_hop", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:6::1", .payload = 1280 - 48 }, .verdict = TO_NEXT_HOP,
	  .to = UPLINK, .next_hop = "fe80::106" },
	{ "super_packet_of_small_segments_goes_to_its_next_hop", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.6.1", .protocol = 6, .payload = 1400 }, .gso_size = 560,
	  .verdict = TO_NEXT_HOP, .to = UPLINK, .next_hop = "192.168.100.106" },
	{ "super_packet_of_small_segments_goes_to_its_next_hop", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:6::1", .protocol = 6, .payload = 1700 }, .gso_size = 1220,
	  .verdict = TO_NEXT_HOP, .to = UPLINK, .next_hop = "fe80::106" },
	{ "super_packet_of_sctp_goes_to_its_next_hop", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.6.1", .protocol = 132, .payload = 1400 },
	  .gso_size = 0xffff, .verdict = TO_NEXT_HOP, .to = UPLINK, .next_hop = "192.168.100.106" },
	{ "super_packet_of_sctp_goes_to_its_next_hop", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:6::1", .protocol = 132, .payload = 1700 },
	  .gso_size = 0xffff, .verdict = TO_NEXT_HOP, .to = UPLINK, .next_hop = "fe80::106" },
	{ "jumbo_option_is_not_measured_with_the_segments", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:6::1", .protocol = 6, .payload = 1700, .next = 0,
		    .extensions = OCTETS("\x06\x00\xc2\x04\x00\x01\x11\x70"),
		    .patch = { { 18, 0 }, { 19, 0 } } },
	  .gso_size = 1220, .verdict = TO_NEXT_HOP, .to = UPLINK, .next_hop = "fe80::106" },
	{ "first_fragment_goes_to_its_next_hop", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.2.20", .fragment = 0x2000 }, .mode = ONLY_NONE,
	  .verdict = TO_NEXT_HOP, .to = UPLINK, .next_hop = "192.168.100.102" },

	/* Left to the host stack, untouched. */
	{ "address_of_the_node_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, NODE_IPV4 }, .verdict = TO_STACK },
	{ "address_of_the_node_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, NODE_IPV6 }, .verdict = TO_STACK },
	{ "unknown_destination_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "198.51.100.7" }, .verdict = TO_STACK },
	{ "unknown_destination_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "2001:db8::7" }, .verdict = TO_STACK },
	{ "free_address_of_our_own_block_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.1.99" }, .verdict = TO_STACK },
	{ "free_address_of_our_own_block_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:1::99" }, .verdict = TO_STACK },
	{ "gateway_itself_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "169.254.1.1", .protocol = 1 }, .verdict = TO_STACK },
	{ "gateway_itself_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, GATEWAY, .protocol = 58 }, .verdict = TO_STACK },
	{ "link_local_service_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "169.254.169.254", .protocol = 6 }, .verdict = TO_STACK },
	{ "link_local_service_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fe80::1", .protocol = 6 }, .verdict = TO_STACK },
	{ "multicast_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "224.0.0.251", .dest_port = 5353 }, .verdict = TO_STACK },
	{ "multicast_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "ff02::fb", .dest_port = 5353 }, .verdict = TO_STACK },
	{ "broadcast_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "255.255.255.255", .eth_dest = broadcast }, .verdict = TO_STACK },
	{ "ttl_1_is_the_stacks", HOOK_FROM_POD, POD_A, .spec = { POD_A_IPV4, POD_B_IPV4, .ttl = 1 },
	  .verdict = TO_STACK },
	{ "hop_limit_1_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .ttl = 1 }, .verdict = TO_STACK },
	{ "ttl_0_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.2.20", .ttl = TTL_ZERO }, .verdict = TO_STACK },
	{ "hop_limit_0_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:2::20", .ttl = TTL_ZERO }, .verdict = TO_STACK },
	{ "ttl_1_to_a_remote_block_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.2.20", .ttl = 1 }, .verdict = TO_STACK },
	{ "hop_limit_1_to_a_remote_block_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:2::20", .ttl = 1 }, .verdict = TO_STACK },
	{ "record_route_option_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, POD_B_IPV4, .options = OCTETS("\x07\x07\x04\x00\x00\x00\x00\x00") },
	  .verdict = TO_STACK },
	{ "source_route_option_to_a_remote_block_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.2.20",
		    .options = OCTETS("\x83\x07\x04\x0a\xf4\x02\x15\x00") },
	  .verdict = TO_STACK },
	{ "hop_by_hop_header_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .next = 0,
		    .extensions = OCTETS("\x11\x00\x05\x02\x00\x00\x01\x00") },
	  .verdict = TO_STACK },
	{ "routing_header_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:2::20", .next = 43,
		    .extensions = OCTETS("\x11\x00\x00\x00\x00\x00\x00\x00") },
	  .verdict = TO_STACK },
	{ "eight_extension_headers_are_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .next = 60,
		    .extensions = OCTETS("\x3c\x00\x01\x04\0\0\0\0\x3c\x00\x01\x04\0\0\0\0"
					 "\x3c\x00\x01\x04\0\0\0\0\x3c\x00\x01\x04\0\0\0\0"
					 "\x3c\x00\x01\x04\0\0\0\0\x3c\x00\x01\x04\0\0\0\0"
					 "\x3c\x00\x01\x04\0\0\0\0\x11\x00\x01\x04\0\0\0\0") },
	  .verdict = TO_STACK },
	{ "later_fragment_as_eighth_header_ends_the_chain", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .next = 60,
		    .extensions = OCTETS("\x3c\x00\x01\x04\0\0\0\0\x3c\x00\x01\x04\0\0\0\0"
					 "\x3c\x00\x01\x04\0\0\0\0\x3c\x00\x01\x04\0\0\0\0"
					 "\x3c\x00\x01\x04\0\0\0\0\x3c\x00\x01\x04\0\0\0\0"
					 "\x2c\x00\x01\x04\0\0\0\0\x3c\x00\x05\xc8\0\0\x12\x34") },
	  .verdict = TO_STACK },
	{ "authentication_header_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .next = 51,
		    .extensions = OCTETS("\x11\x04\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01"
					 "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00") },
	  .verdict = TO_STACK },
	{ "ipv6_first_fragment_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .next = 44,
		    .extensions = OCTETS("\x11\x00\x00\x01\x00\x00\x12\x34") },
	  .verdict = TO_STACK },
	{ "ipv6_later_fragment_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, POD_B_IPV6, .next = 44,
		    .extensions = OCTETS("\x06\x00\x05\xc8\x00\x00\x12\x34"),
		    .body = OCTETS("tail") },
	  .verdict = TO_STACK },
	{ "packet_above_the_mtu_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.6.1", .payload = 601 - 28 }, .verdict = TO_STACK },
	{ "packet_above_the_mtu_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:6::1", .payload = 1281 - 48 }, .verdict = TO_STACK },
	{ "super_packet_of_large_segments_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.6.1", .protocol = 6, .payload = 1400 }, .gso_size = 561,
	  .verdict = TO_STACK },
	{ "super_packet_of_large_segments_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:6::1", .protocol = 6, .payload = 1700 }, .gso_size = 1221,
	  .verdict = TO_STACK },
	{ "unknown_kind_of_route_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV4, "10.244.4.4" }, .verdict = TO_STACK },
	{ "unknown_kind_of_route_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:4::4" }, .verdict = TO_STACK },
	{ "ipv4_next_hop_for_ipv6_is_the_stacks", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, "fd00:244:3::1" }, .verdict = TO_STACK },

	/* Answered for the gateway. */
	{ "arp_request_for_the_gateway_is_answered", HOOK_FROM_POD, POD_A,
	  .spec = { .eth_dest = broadcast, .raw = ARP_REQUEST_OF_A }, .verdict = ANSWER,
	  .out = ARP_ANSWER_TO_A },
	{ "unicast_arp_request_for_the_gateway_is_answered", HOOK_FROM_POD, POD_A,
	  .spec = { .raw = ARP_REQUEST_OF_A }, .verdict = ANSWER, .out = ARP_ANSWER_TO_A },
	{ "padded_arp_request_is_answered", HOOK_FROM_POD, POD_A,
	  .spec = { .raw = ARP_REQUEST_OF_A, .pad = 18 }, .verdict = ANSWER },
	{ "solicitation_for_the_gateway_is_answered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, GATEWAY_GROUP, .eth_dest = solicited, .protocol = 58, .ttl = 255,
		    .body = OCTETS(SOLICITATION SOURCE_LINK_OF_A) },
	  .verdict = ANSWER, .out = ADVERTISEMENT_TO_A },
	{ "unicast_solicitation_without_option_is_answered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, GATEWAY, .protocol = 58, .ttl = 255, .body = OCTETS(SOLICITATION) },
	  .verdict = ANSWER, .out = ADVERTISEMENT_TO_A },
	{ "solicitation_with_more_options_is_answered", HOOK_FROM_POD, POD_A,
	  .spec = { POD_A_IPV6, GATEWAY, .protocol = 58, .ttl = 255,
		    .body = OCTETS(SOLICITATION SOURCE_LINK_OF_A SOURCE_LINK_OF_A) },
	  .verdict = ANSWER, .out = ADVERTISEMENT_TO_A },

	/* What the stack delivers is only counted. */
	{ "packet_of_the_stack_passes", HOOK_TO_POD, POD_A,
	  .spec = { NODE_IPV4, POD_A_IPV4, .eth_source = gateway_mac }, .verdict = TO_STACK },
	{ "packet_of_the_stack_passes", HOOK_TO_POD, POD_B,
	  .spec = { NODE_IPV6, POD_B_IPV6, .eth_source = gateway_mac }, .verdict = TO_STACK },
	{ "arp_of_the_stack_passes", HOOK_TO_POD, POD_A,
	  .spec = { .eth_source = gateway_mac, .raw = ARP_REQUEST_OF_A }, .verdict = TO_STACK },
};
const size_t rows_from_pod_count = sizeof(rows_from_pod) / sizeof(rows_from_pod[0]);
