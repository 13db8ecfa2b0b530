/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows_stack_flows.c: kube-proxy beside us: what the host stack has carried stays in it, what it
 * carries between pods is recorded.
 *
 * The flows it has carried are world_flow.
 */
#include "tests/bpf/rows.h"

#define FROM_A		HOOK_FROM_POD, POD_A
#define FROM_B		HOOK_FROM_POD, POD_B
#define NETWORK		HOOK_FROM_NETWORK, UPLINK
#define TO_A		HOOK_TO_POD, POD_A
#define TO_B		HOOK_TO_POD, POD_B
#define TO_NETWORK	HOOK_TO_NETWORK, UPLINK
#define PORTS(from, to) .source_port = (from), .dest_port = (to)
#define TCP(from, to)	.protocol = 6, PORTS(from, to)
#define SCTP(from, to)	.protocol = 132, PORTS(from, to)
#define QUOTE(...)                           \
	.quoted = &(const struct frame_spec) \
	{                                    \
		__VA_ARGS__                  \
	}
#define STAYS	 .mode = ONLY_BESIDE, .verdict = TO_STACK
#define RECORDS	 .records = true, .verdict = TO_STACK
#define A_TO_B	 POD_A_IPV4, POD_B_IPV4
#define A6_TO_B6 POD_A_IPV6, POD_B_IPV6
#define REMOTE	 "10.244.2.20"
#define REMOTE6	 "fd00:244:2::20"
#define NEXT_HOP .to = UPLINK, .next_hop = "192.168.100.102"

const struct row rows_stack_flows[] = {
	/* A pod sends what the stack has carried: the same way, and the answer. */
	{ "tcp_of_a_known_flow", FROM_A, .spec = { A_TO_B, TCP(40000, 80) }, STAYS },
	{ "tcp_of_a_known_flow", FROM_A, .spec = { A6_TO_B6, TCP(40000, 80) }, STAYS },
	{ "answer_of_a_known_tcp_flow", FROM_B, .spec = { POD_B_IPV4, POD_A_IPV4, TCP(80, 40000) },
	  STAYS },
	{ "answer_of_a_known_tcp_flow", FROM_B, .spec = { POD_B_IPV6, POD_A_IPV6, TCP(80, 40000) },
	  STAYS },
	{ "answer_to_a_remote_pod", FROM_B, .spec = { POD_B_IPV4, REMOTE, TCP(80, 40000) }, STAYS },
	{ "answer_to_a_remote_pod", FROM_B, .spec = { POD_B_IPV6, REMOTE6, TCP(80, 40000) },
	  STAYS },
	{ "udp_to_a_remote_pod", FROM_A, .spec = { POD_A_IPV4, REMOTE, PORTS(40000, 53) }, STAYS },
	{ "udp_to_a_remote_pod", FROM_A, .spec = { POD_A_IPV6, REMOTE6, PORTS(40000, 53) }, STAYS },
	{ "udp_with_one_port_at_both_ends", FROM_A, .spec = { A_TO_B, PORTS(53, 53) }, STAYS },
	{ "udp_with_one_port_at_both_ends", FROM_B,
	  .spec = { POD_B_IPV6, POD_A_IPV6, PORTS(53, 53) }, STAYS },
	{ "sctp_of_a_known_flow", FROM_A, .spec = { A_TO_B, SCTP(80, 40000) }, STAYS },
	{ "sctp_of_a_known_flow", FROM_B, .spec = { POD_B_IPV6, POD_A_IPV6, SCTP(40000, 80) },
	  STAYS },
	{ "echo_of_a_known_identifier", FROM_A,
	  .spec = { POD_A_IPV4, "10.244.2.99", .icmp_type = 8 }, STAYS },
	{ "echo_of_a_known_identifier", FROM_A,
	  .spec = { POD_A_IPV6, "fd00:244:2::99", .icmp_type = 128 }, STAYS },
	{ "udp_lite_of_a_known_flow", FROM_A,
	  .spec = { POD_A_IPV4, REMOTE, .protocol = 136,
		    .body = OCTETS("\x9c\x40\x00\x35\x00\x08\x00\x00") },
	  STAYS },
	{ "protocol_without_ports", FROM_A, .spec = { POD_A_IPV4, REMOTE, .protocol = 47 }, STAYS },
	{ "protocol_without_ports", FROM_A, .spec = { POD_A_IPV6, REMOTE6, .protocol = 50 },
	  STAYS },

	/* Another flow of the same two pods takes the short way. */
	{ "another_port", FROM_A, .spec = { A_TO_B, TCP(40001, 80) }, .verdict = TO_POD,
	  .to = POD_B },
	{ "another_port", FROM_A, .spec = { A6_TO_B6, TCP(40000, 81) }, .verdict = TO_POD,
	  .to = POD_B },
	{ "ports_the_other_way_round", FROM_A, .spec = { A_TO_B, TCP(80, 40000) },
	  .verdict = TO_POD, .to = POD_B },
	{ "ports_the_other_way_round", FROM_A, .spec = { A6_TO_B6, TCP(80, 40000) },
	  .verdict = TO_POD, .to = POD_B },
	{ "another_protocol", FROM_A, .spec = { A_TO_B, PORTS(40000, 80) }, .verdict = TO_POD,
	  .to = POD_B },
	{ "another_protocol", FROM_A, .spec = { A6_TO_B6, PORTS(40000, 80) }, .verdict = TO_POD,
	  .to = POD_B },
	{ "another_remote_pod", FROM_A, .spec = { POD_A_IPV4, "10.244.2.21", PORTS(40000, 53) },
	  .verdict = TO_NEXT_HOP, NEXT_HOP },
	{ "another_identifier", FROM_A,
	  .spec = { POD_A_IPV4, "10.244.2.99", .icmp_type = 8, .patch = { { 39, 7 } } },
	  .verdict = TO_NEXT_HOP, NEXT_HOP },

	/* From the network. */
	{ "answer_of_a_remote_pod", NETWORK, .spec = { REMOTE, POD_A_IPV4, PORTS(53, 40000) },
	  STAYS },
	{ "answer_of_a_remote_pod", NETWORK, .spec = { REMOTE6, POD_A_IPV6, PORTS(53, 40000) },
	  STAYS },
	{ "request_of_a_remote_pod", NETWORK, .spec = { REMOTE, POD_B_IPV4, TCP(40000, 80) },
	  STAYS },
	{ "request_of_a_remote_pod", NETWORK, .spec = { REMOTE6, POD_B_IPV6, TCP(40000, 80) },
	  STAYS },
	{ "echo_reply_of_a_remote_pod", NETWORK,
	  .spec = { "10.244.2.99", POD_A_IPV4, .protocol = 1, .body = OCTETS("\0\0\0\0\0\0\0\0") },
	  STAYS },
	{ "echo_reply_with_its_identifier", NETWORK,
	  .spec = { "10.244.2.98", POD_A_IPV4, .protocol = 1, .body = OCTETS("\0\0\0\0\0\7\0\1") },
	  STAYS },
	{ "echo_reply_with_its_identifier", NETWORK,
	  .spec = { "fd00:244:2::98", POD_A_IPV6, .protocol = 58,
		    .body = OCTETS("\x81\0\0\0\0\7\0\1") },
	  STAYS },
	{ "other_flow_of_a_remote_pod", NETWORK, .spec = { REMOTE, POD_B_IPV4, TCP(40000, 81) },
	  .verdict = TO_POD, .to = POD_B },
	{ "other_flow_of_a_remote_pod", NETWORK, .spec = { REMOTE6, POD_B_IPV6, TCP(40000, 81) },
	  .verdict = TO_POD, .to = POD_B },
	{ "ports_are_cut_off", NETWORK,
	  .spec = { REMOTE, POD_B_IPV4, .protocol = 17, .body = OCTETS("\x9c\x40\0") }, STAYS },
	{ "ports_are_cut_off", NETWORK,
	  .spec = { REMOTE6, POD_B_IPV6, .protocol = 6, .body = OCTETS("\x9c\x40\0") }, STAYS },

	/* An ICMP error belongs to the flow that it quotes. */
	{ "error_about_a_known_flow", FROM_B,
	  .spec = { POD_B_IPV4, POD_A_IPV4, .icmp_type = 3, QUOTE(A_TO_B, TCP(40000, 80)) },
	  STAYS },
	{ "error_about_a_known_flow", FROM_B,
	  .spec = { POD_B_IPV6, POD_A_IPV6, .icmp_type = 1, QUOTE(A6_TO_B6, TCP(40000, 80)) },
	  STAYS },
	{ "error_about_another_flow", FROM_B,
	  .spec = { POD_B_IPV4, POD_A_IPV4, .icmp_type = 3, QUOTE(A_TO_B, TCP(40000, 81)) },
	  .verdict = TO_POD, .to = POD_A },
	{ "error_about_another_flow", FROM_B,
	  .spec = { POD_B_IPV6, POD_A_IPV6, .icmp_type = 1, QUOTE(A6_TO_B6, TCP(40000, 81)) },
	  .verdict = TO_POD, .to = POD_A },
	{ "error_of_a_router_about_a_known_flow", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .icmp_type = 3,
		    QUOTE(POD_A_IPV4, REMOTE, PORTS(40000, 53)) },
	  STAYS },
	{ "error_of_a_router_about_a_known_flow", NETWORK,
	  .spec = { "2001:db8::1", POD_A_IPV6, .icmp_type = 2,
		    QUOTE(POD_A_IPV6, REMOTE6, PORTS(40000, 53)) },
	  STAYS },
	{ "error_about_a_known_echo", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .icmp_type = 11,
		    QUOTE(POD_A_IPV4, "10.244.2.99", .icmp_type = 8) },
	  STAYS },
	{ "error_about_a_packet_with_options", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .icmp_type = 3,
		    QUOTE(POD_A_IPV4, REMOTE, PORTS(40000, 53),
			  .options = OCTETS("\x07\x07\x04\0\0\0\0\0")) },
	  STAYS },
	{ "error_about_a_fragment", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .icmp_type = 11,
		    QUOTE(POD_A_IPV4, REMOTE, PORTS(40001, 53), .fragment = 0x2000) },
	  STAYS },
	{ "error_about_a_packet_with_extension_headers", NETWORK,
	  .spec = { "2001:db8::1", POD_A_IPV6, .icmp_type = 3,
		    QUOTE(POD_A_IPV6, REMOTE6, PORTS(40001, 53), .next = 60,
			  .extensions = OCTETS("\x11\x00\x01\x04\0\0\0\0")) },
	  STAYS },
	{ "error_whose_quotation_lacks_ports", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .icmp_type = 3,
		    QUOTE(POD_A_IPV4, REMOTE, .protocol = 17, .body = OCTETS("\x9c\x41")),
		    .payload = 1 },
	  STAYS },
	/* A header of 60 octets of which 20 are there; what follows is no packet's. */
	{ "error_whose_quotation_ends_before_the_padding", NETWORK,
	  .spec = { "192.0.2.1", POD_A_IPV4, .protocol = 1,
		    .body = OCTETS("\x03\x01\0\0\0\0\0\0\x4f\0\0\x3c\x12\x34\0\0\x40\x11\0\0"
				   "\x0a\xf4\x01\x0a\x0a\xf4\x02\x14"),
		    .pad = 60 },
	  STAYS },
	{ "error_from_a_pod_whose_quotation_is_cut_off", FROM_B,
	  .spec = { POD_B_IPV4, POD_A_IPV4, .protocol = 1,
		    .body = OCTETS("\x03\0\0\0\0\0\0\0\x45\0\0\x14") },
	  STAYS },

	/* Fragments: nobody can ask for their flow. */
	{ "first_fragment", FROM_A, .spec = { A_TO_B, .fragment = 0x2000 }, STAYS },
	{ "later_fragment", FROM_A,
	  .spec = { POD_A_IPV4, REMOTE, .fragment = 0x00b9, .body = OCTETS("tail") }, STAYS },
	{ "fragment_of_a_remote_pod", NETWORK, .spec = { REMOTE, POD_B_IPV4, .fragment = 0x2000 },
	  STAYS },

	/* The stack delivers to a pod: recorded when the source is a pod. */
	{ "tcp_of_a_pod_of_this_node", TO_B, .spec = { A_TO_B, TCP(5000, 443) }, RECORDS },
	{ "tcp_of_a_pod_of_this_node", TO_B, .spec = { A6_TO_B6, TCP(5000, 443) }, RECORDS },
	{ "udp_of_a_pod_of_another_node", TO_B, .spec = { REMOTE, POD_B_IPV4, PORTS(5000, 443) },
	  RECORDS },
	{ "udp_of_a_pod_of_another_node", TO_B, .spec = { REMOTE6, POD_B_IPV6, PORTS(5000, 443) },
	  RECORDS },
	{ "sctp_of_a_pod", TO_B, .spec = { A_TO_B, SCTP(5000, 443) }, RECORDS },
	{ "echo_of_a_pod", TO_B, .spec = { A_TO_B, .icmp_type = 8 }, RECORDS },
	{ "echo_of_a_pod", TO_B, .spec = { A6_TO_B6, .icmp_type = 128 }, RECORDS },
	{ "protocol_without_ports_of_a_pod", TO_B, .spec = { A_TO_B, .protocol = 47 }, RECORDS },
	{ "what_is_known_is_no_more_recorded", TO_B, .spec = { A_TO_B, TCP(40000, 80) }, RECORDS },
	{ "source_in_a_block_of_an_unknown_kind", TO_B, .spec = { "10.244.4.4", POD_B_IPV4 },
	  RECORDS },
	{ "first_fragment_of_a_pod", TO_B, .spec = { A_TO_B, PORTS(5000, 443), .fragment = 0x2000 },
	  RECORDS },
	{ "first_fragment_of_a_pod", TO_B,
	  .spec = { A6_TO_B6, PORTS(5000, 443), .next = 44,
		    .extensions = OCTETS("\x11\x00\x00\x01\x00\x00\x12\x34") },
	  RECORDS },
	{ "options_of_a_pod", TO_B,
	  .spec = { A_TO_B, PORTS(5000, 443), .options = OCTETS("\x07\x07\x04\0\0\0\0\0") },
	  RECORDS },
	{ "extension_headers_of_a_pod", TO_B,
	  .spec = { A6_TO_B6, PORTS(5000, 443), .next = 60,
		    .extensions = OCTETS("\x11\x00\x01\x04\0\0\0\0") },
	  RECORDS },
	{ "later_fragment_of_a_pod", TO_B,
	  .spec = { A_TO_B, .fragment = 0x00b9, .body = OCTETS("later") }, .verdict = TO_STACK },
	{ "later_fragment_of_a_pod", TO_B,
	  .spec = { A6_TO_B6, .next = 44,
		    .extensions = OCTETS("\x11\x00\x05\xc8\x00\x00\x12\x34") },
	  .verdict = TO_STACK },
	{ "icmp_error_of_a_pod", TO_B,
	  .spec = { A_TO_B, .icmp_type = 3, QUOTE(POD_B_IPV4, POD_A_IPV4, PORTS(1, 2)) },
	  .verdict = TO_STACK },
	{ "icmp_error_of_a_pod", TO_B,
	  .spec = { A6_TO_B6, .icmp_type = 1, QUOTE(POD_B_IPV6, POD_A_IPV6, PORTS(1, 2)) },
	  .verdict = TO_STACK },
	{ "of_the_node", TO_A, .spec = { NODE_IPV4, POD_A_IPV4 }, .verdict = TO_STACK },
	{ "of_the_node", TO_A, .spec = { NODE_IPV6, POD_A_IPV6 }, .verdict = TO_STACK },
	{ "of_a_service_address", TO_A, .spec = { "10.96.0.10", POD_A_IPV4, PORTS(53, 5000) },
	  .verdict = TO_STACK },
	{ "from_outside", TO_A, .spec = { "2001:db8::7", POD_A_IPV6 }, .verdict = TO_STACK },
	{ "absurd_header", TO_A, .spec = { A_TO_B, .patch = { { 14, 0x44 } } },
	  .verdict = TO_STACK },

	/* The stack sends to the network: recorded when both ends are pods. */
	{ "tcp_to_a_remote_pod", TO_NETWORK, .spec = { POD_A_IPV4, REMOTE, TCP(5000, 443) },
	  RECORDS },
	{ "tcp_to_a_remote_pod", TO_NETWORK, .spec = { POD_A_IPV6, REMOTE6, TCP(5000, 443) },
	  RECORDS },
	{ "udp_to_a_remote_pod", TO_NETWORK, .spec = { POD_B_IPV4, REMOTE, PORTS(5000, 443) },
	  RECORDS },
	{ "first_fragment_to_a_remote_pod", TO_NETWORK,
	  .spec = { POD_B_IPV4, REMOTE, PORTS(5000, 443), .fragment = 0x2000 }, RECORDS },
	{ "from_one_remote_pod_to_another", TO_NETWORK,
	  .spec = { "10.244.3.1", REMOTE, PORTS(5000, 443) }, RECORDS },
	{ "what_from_pod_has_redirected", TO_NETWORK,
	  .spec = { POD_A_IPV4, REMOTE, TCP(5000, 443) }, .is_redirected = true,
	  .mode = ONLY_BESIDE, .verdict = TO_STACK },
	{ "what_from_pod_has_redirected", TO_NETWORK,
	  .spec = { POD_A_IPV6, REMOTE6, TCP(5000, 443) }, .is_redirected = true,
	  .mode = ONLY_BESIDE, .verdict = TO_STACK },
	{ "what_the_host_made", TO_NETWORK, .spec = { POD_A_IPV4, REMOTE, TCP(5000, 443) },
	  .is_host_made = true, .verdict = TO_STACK },
	{ "of_the_node", TO_NETWORK, .spec = { NODE_IPV4, REMOTE, TCP(5000, 443) },
	  .verdict = TO_STACK },
	{ "of_a_pod_to_the_outside", TO_NETWORK,
	  .spec = { POD_A_IPV4, "198.51.100.7", TCP(5000, 443) }, .verdict = TO_STACK },
	{ "of_a_pod_to_the_outside", TO_NETWORK, .spec = { POD_A_IPV6, "2001:db8::7" },
	  .verdict = TO_STACK },
	{ "arp_of_the_node", TO_NETWORK,
	  .spec = { .raw = OCTETS("\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x02\0\x5e\x20\0\x01"
				  "\xc0\xa8\x64\x65\0\0\0\0\0\0\xc0\xa8\x64\xfe") },
	  .verdict = TO_STACK },
};
const size_t rows_stack_flows_count = sizeof(rows_stack_flows) / sizeof(rows_stack_flows[0]);
