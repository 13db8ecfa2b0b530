/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows_refused.c: what from_pod must drop, and with which reason. Each reason has a row for each
 * family it is possible for; test_packets.c fails when one is missing.
 */
#include "tests/bpf/rows.h"

#define REFUSE(name_, reason_, ...)                                                    \
	{                                                                              \
		name_, HOOK_FROM_POD, POD_A, .spec = { __VA_ARGS__ }, .verdict = DROP, \
					     .reason = DROP_##reason_                  \
	}

#define ARP(operation, mac, sender, target)                                   \
	.raw = OCTETS("\x08\x06\x00\x01\x08\x00\x06\x04" operation mac sender \
		      "\x00\x00\x00\x00\x00\x00" target)
#define MAC_A	     "\x02\x00\x5e\x10\x00\x0a"
#define MAC_B	     "\x02\x00\x5e\x10\x00\x0b"
#define ADDR_A	     "\x0a\xf4\x01\x0a"
#define ADDR_B	     "\x0a\xf4\x01\x0b"
#define ADDR_GATEWAY "\xa9\xfe\x01\x01"

#define ND_TO(type)                                                                             \
	type "\x00\x00\x00\x00\x00\x00\x00\xfe\x80\x00\x00\x00\x00\x00\x00\xec\xee\xee\xff\xfe" \
	     "\xee\xee\xee"
#define ND_GATEWAY_GROUP      "ff02::1:ffee:eeee"
#define ALL_NODES	      "ff02::1"
#define DEST_OPTIONS_TO(next) next "\x00\x01\x04\x00\x00\x00\x00"

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

const struct row rows_refused[] = {
	/* Cut off. */
	REFUSE("ipv4_header_cut_off", TRUNCATED, POD_A_IPV4, POD_B_IPV4, .cut = 33),
	REFUSE("ipv4_header_cut_to_an_octet", TRUNCATED, POD_A_IPV4, POD_B_IPV4, .cut = 15),
	REFUSE("ipv6_header_cut_off", TRUNCATED, POD_A_IPV6, POD_B_IPV6, .cut = 53),
	REFUSE("ipv6_header_cut_to_an_octet", TRUNCATED, POD_A_IPV6, POD_B_IPV6, .cut = 15),
	REFUSE("arp_cut_off", TRUNCATED, ARP("\x00\x01", MAC_A, ADDR_A, ADDR_GATEWAY), .cut = 41),

	/* Neither ARP nor IP. */
	REFUSE("vlan_tag", ETHERTYPE, .raw = OCTETS("\x81\x00\x00\x05\x08\x00\x45\x00\x00\x14")),
	REFUSE("double_vlan_tag", ETHERTYPE, .raw = OCTETS("\x88\xa8\x00\x05\x81\x00\x00\x05")),
	REFUSE("mpls", ETHERTYPE, .raw = OCTETS("\x88\x47\x00\x01\x01\x40\x45\x00\x00\x14")),
	REFUSE("lldp", ETHERTYPE, .raw = OCTETS("\x88\xcc\x02\x07\x04\x02\x00\x5e\x10\x00\x0a")),
	REFUSE("spanning_tree", ETHERTYPE, .raw = OCTETS("\x00\x26\x42\x42\x03\x00\x00\x00")),
	REFUSE("ipv6_under_the_ethertype_of_ipv4", IPV4_HEADER, POD_A_IPV6, POD_B_IPV6,
	       .patch = { { 12, 0x08 }, { 13, 0x00 } }),
	REFUSE("ipv4_under_the_ethertype_of_ipv6", IPV6_HEADER, POD_A_IPV4, POD_B_IPV4,
	       .patch = { { 12, 0x86 }, { 13, 0xdd } }),

	/* Absurd IP headers. */
	REFUSE("ipv4_version_5", IPV4_HEADER, POD_A_IPV4, POD_B_IPV4, .patch = { { 14, 0x55 } }),
	REFUSE("ihl_below_5", IPV4_HEADER, POD_A_IPV4, POD_B_IPV4, .patch = { { 14, 0x44 } }),
	REFUSE("ihl_0", IPV4_HEADER, POD_A_IPV4, POD_B_IPV4, .patch = { { 14, 0x40 } }),
	REFUSE("ihl_beyond_the_packet", IPV4_HEADER, POD_A_IPV4, POD_B_IPV4, .body = OCTETS("abcd"),
	       .patch = { { 14, 0x4f } }),
	REFUSE("total_length_beyond_the_frame", IPV4_HEADER, POD_A_IPV4, POD_B_IPV4,
	       .patch = { { 16, 0x05 } }),
	REFUSE("total_length_one_beyond_the_frame", IPV4_HEADER, POD_A_IPV4, POD_B_IPV4,
	       .patch = { { 17, 61 } }),
	REFUSE("total_length_below_the_header", IPV4_HEADER, POD_A_IPV4, POD_B_IPV4,
	       .patch = { { 17, 19 } }),
	REFUSE("total_length_0", IPV4_HEADER, POD_A_IPV4, POD_B_IPV4, .patch = { { 17, 0 } }),
	REFUSE("ipv6_version_5", IPV6_HEADER, POD_A_IPV6, POD_B_IPV6, .patch = { { 14, 0x50 } }),
	REFUSE("payload_length_beyond_the_frame", IPV6_HEADER, POD_A_IPV6, POD_B_IPV6,
	       .patch = { { 18, 0x05 } }),
	REFUSE("payload_length_one_beyond_the_frame", IPV6_HEADER, POD_A_IPV6, POD_B_IPV6,
	       .patch = { { 19, 41 } }),

	/* 0 stands for more than 65,535 octets where the kernel made a super-packet, and only
	   there. */
	REFUSE("payload_length_0", TRANSPORT_HEADER, POD_A_IPV6, POD_B_IPV6,
	       .patch = { { 19, 0 } }),

	/* Not its own source. */
	REFUSE("source_outside", SOURCE_UNKNOWN, "198.51.100.7", POD_B_IPV4),
	REFUSE("source_outside", SOURCE_UNKNOWN, "2001:db8::7", POD_B_IPV6),
	REFUSE("source_of_a_remote_pod", SOURCE_UNKNOWN, "10.244.2.20", POD_B_IPV4),
	REFUSE("source_of_a_remote_pod", SOURCE_UNKNOWN, "fd00:244:2::20", POD_B_IPV6),
	REFUSE("source_of_the_node", SOURCE_UNKNOWN, NODE_IPV4, POD_B_IPV4),
	REFUSE("source_of_the_node", SOURCE_UNKNOWN, NODE_IPV6, POD_B_IPV6),
	REFUSE("source_link_local", SOURCE_UNKNOWN, "169.254.7.7", POD_B_IPV4),
	REFUSE("source_link_local", SOURCE_UNKNOWN, "fe80::5eff:fe10:a", POD_B_IPV6),
	REFUSE("source_loopback", SOURCE_UNKNOWN, "127.0.0.1", POD_B_IPV4),
	REFUSE("source_loopback", SOURCE_UNKNOWN, "::1", POD_B_IPV6),
	REFUSE("source_unknown_even_to_the_node", SOURCE_UNKNOWN, "198.51.100.7", NODE_IPV4),
	REFUSE("source_unknown_even_to_the_node", SOURCE_UNKNOWN, "2001:db8::7", NODE_IPV6),
	REFUSE("source_of_another_pod", SOURCE_LINK, POD_B_IPV4, "10.244.2.20"),
	REFUSE("source_of_another_pod", SOURCE_LINK, POD_B_IPV6, "fd00:244:2::20"),
	REFUSE("source_that_is_only_nearly_unspecified", SOURCE_UNKNOWN,
	       "0:0:0:0:67::", POD_B_IPV6),
	REFUSE("source_and_mac_of_another_pod", SOURCE_LINK, POD_B_IPV4, "198.51.100.7",
	       .eth_source = pod_mac[POD_B]),
	REFUSE("source_and_mac_of_another_pod", SOURCE_LINK, POD_B_IPV6, "2001:db8::7",
	       .eth_source = pod_mac[POD_B]),
	REFUSE("mac_of_another_pod", SOURCE_MAC, POD_A_IPV4, POD_B_IPV4,
	       .eth_source = pod_mac[POD_B]),
	REFUSE("mac_of_another_pod", SOURCE_MAC, POD_A_IPV6, POD_B_IPV6,
	       .eth_source = pod_mac[POD_B]),
	REFUSE("mac_of_the_gateway", SOURCE_MAC, POD_A_IPV4, NODE_IPV4, .eth_source = gateway_mac),
	REFUSE("mac_of_the_gateway", SOURCE_MAC, POD_A_IPV6, NODE_IPV6, .eth_source = gateway_mac),
	REFUSE("dhcp_discover", SOURCE_UNSPECIFIED, "0.0.0.0", "255.255.255.255",
	       .eth_dest = broadcast, .source_port = 68, .dest_port = 67),
	REFUSE("multicast_listener_report_without_address", SOURCE_UNSPECIFIED, "::", "ff02::16",
	       .protocol = 58, .next = 0, .extensions = OCTETS("\x3a\x00\x05\x02\x00\x00\x01\x00"),
	       .body = OCTETS("\x8f\x00\x00\x00\x00\x00\x00\x00")),

	/* Speech of routers and neighbours. */
	REFUSE("arp_reply", ARP, ARP("\x00\x02", MAC_A, ADDR_A, ADDR_GATEWAY)),
	REFUSE("arp_reply_for_the_gateway", ARP, ARP("\x00\x02", MAC_A, ADDR_GATEWAY, ADDR_B)),
	REFUSE("gratuitous_arp", ARP, ARP("\x00\x01", MAC_A, ADDR_A, ADDR_A),
	       .eth_dest = broadcast),
	REFUSE("arp_for_another_pod", ARP, ARP("\x00\x01", MAC_A, ADDR_A, ADDR_B)),
	REFUSE("arp_with_the_address_of_another_pod", ARP,
	       ARP("\x00\x01", MAC_A, ADDR_B, ADDR_GATEWAY)),
	REFUSE("arp_with_the_mac_of_another_pod_inside", ARP,
	       ARP("\x00\x01", MAC_B, ADDR_A, ADDR_GATEWAY)),
	REFUSE("arp_with_the_mac_of_another_pod_outside", ARP,
	       ARP("\x00\x01", MAC_A, ADDR_A, ADDR_GATEWAY), .eth_source = pod_mac[POD_B]),
	REFUSE("arp_probe", ARP, ARP("\x00\x01", MAC_A, "\0\0\0\0", ADDR_GATEWAY)),
	REFUSE("reverse_arp_operation", ARP, ARP("\x00\x03", MAC_A, ADDR_A, ADDR_GATEWAY)),
	REFUSE("arp_of_another_hardware", ARP, ARP("\x00\x01", MAC_A, ADDR_A, ADDR_GATEWAY),
	       .patch = { { 15, 6 } }),
	REFUSE("arp_of_another_protocol", ARP, ARP("\x00\x01", MAC_A, ADDR_A, ADDR_GATEWAY),
	       .patch = { { 16, 0x86 } }),
	REFUSE("arp_of_another_address_length", ARP, ARP("\x00\x01", MAC_A, ADDR_A, ADDR_GATEWAY),
	       .patch = { { 19, 16 } }),
	REFUSE("neighbour_advertisement", ND, POD_A_IPV6, ALL_NODES, .protocol = 58, .ttl = 255,
	       .body = OCTETS(ND_TO("\x88"))),
	REFUSE("router_solicitation", ND, POD_A_IPV6, "ff02::2", .protocol = 58, .ttl = 255,
	       .body = OCTETS("\x85\x00\x00\x00\x00\x00\x00\x00")),
	REFUSE("solicitation_for_another", ND, POD_A_IPV6, POD_B_IPV6, .protocol = 58, .ttl = 255,
	       .body = OCTETS(ND_TO("\x87")), .patch = { { 77, 0xed } }),
	REFUSE("solicitation_from_afar", ND, POD_A_IPV6, ND_GATEWAY_GROUP, .protocol = 58,
	       .ttl = 254, .body = OCTETS(ND_TO("\x87"))),
	REFUSE("solicitation_with_a_code", ND, POD_A_IPV6, ND_GATEWAY_GROUP, .protocol = 58,
	       .ttl = 255, .body = OCTETS(ND_TO("\x87")), .patch = { { 55, 1 } }),
	REFUSE("solicitation_cut_off", ND, POD_A_IPV6, ND_GATEWAY_GROUP, .protocol = 58, .ttl = 255,
	       .body = OCTETS("\x87\x00\x00\x00\x00\x00\x00\x00\xfe\x80")),
	REFUSE("solicitation_with_the_address_of_another_pod", ND, POD_B_IPV6, ND_GATEWAY_GROUP,
	       .protocol = 58, .ttl = 255, .body = OCTETS(ND_TO("\x87"))),
	REFUSE("solicitation_with_the_mac_of_another_pod", ND, POD_A_IPV6, ND_GATEWAY_GROUP,
	       .eth_source = pod_mac[POD_B], .protocol = 58, .ttl = 255,
	       .body = OCTETS(ND_TO("\x87"))),
	REFUSE("duplicate_address_detection", ND, "::", ND_GATEWAY_GROUP, .protocol = 58,
	       .ttl = 255, .body = OCTETS(ND_TO("\x87"))),
	REFUSE("advertisement_behind_an_extension_header", ND, POD_A_IPV6, POD_B_IPV6,
	       .protocol = 58, .ttl = 255, .next = 60,
	       .extensions = OCTETS(DEST_OPTIONS_TO("\x3a")), .body = OCTETS(ND_TO("\x88"))),
	REFUSE("solicitation_behind_an_extension_header", ND, POD_A_IPV6, ND_GATEWAY_GROUP,
	       .protocol = 58, .ttl = 255, .next = 60,
	       .extensions = OCTETS(DEST_OPTIONS_TO("\x3a")), .body = OCTETS(ND_TO("\x87"))),
	REFUSE("router_advertisement", ROUTER_ADVERTISEMENT, POD_A_IPV6, ALL_NODES, .protocol = 58,
	       .ttl = 255, .body = OCTETS("\x86\x00\x00\x00\x40\x00\x07\x08\0\0\0\0\0\0\0\0")),
	REFUSE("router_advertisement_with_a_forged_source", ROUTER_ADVERTISEMENT,
	       "fe80::ecee:eeff:feee:eeee", ALL_NODES, .protocol = 58, .ttl = 255,
	       .body = OCTETS("\x86\x00\x00\x00\x40\x00\x07\x08\0\0\0\0\0\0\0\0")),
	REFUSE("router_advertisement_in_a_first_fragment", ROUTER_ADVERTISEMENT, POD_A_IPV6,
	       ALL_NODES, .protocol = 58, .ttl = 255, .next = 44,
	       .extensions = OCTETS("\x3a\x00\x00\x01\x00\x00\x12\x34"),
	       .body = OCTETS("\x86\x00\x00\x00\x40\x00\x07\x08\0\0\0\0\0\0\0\0")),
	REFUSE("redirect", ROUTER_ADVERTISEMENT, POD_A_IPV6, POD_B_IPV6, .protocol = 58, .ttl = 255,
	       .body = OCTETS("\x89\x00\x00\x00\x00\x00\x00\x00\0\0\0\0\0\0\0\0")),
	REFUSE("redirect", ROUTER_ADVERTISEMENT, POD_A_IPV4, POD_B_IPV4, .icmp_type = 5),
	REFUSE("redirect_behind_an_option", ROUTER_ADVERTISEMENT, POD_A_IPV4, POD_B_IPV4,
	       .icmp_type = 5, .options = OCTETS("\x01\x01\x01\x01")),
	REFUSE("router_advertisement", ROUTER_ADVERTISEMENT, POD_A_IPV4, "224.0.0.1",
	       .icmp_type = 9),
	REFUSE("dhcp_offer", DHCP_SERVER, POD_A_IPV4, "255.255.255.255", .eth_dest = broadcast,
	       .source_port = 67, .dest_port = 68),
	REFUSE("dhcp_answer_to_a_pod", DHCP_SERVER, POD_A_IPV4, POD_B_IPV4, .source_port = 67,
	       .dest_port = 68),
	REFUSE("dhcp_answer_behind_an_option", DHCP_SERVER, POD_A_IPV4, POD_B_IPV4,
	       .source_port = 67, .dest_port = 68, .options = OCTETS("\x01\x01\x01\x01")),
	REFUSE("dhcpv6_answer", DHCP_SERVER, POD_A_IPV6, POD_B_IPV6, .source_port = 547,
	       .dest_port = 546),
	REFUSE("dhcpv6_answer_behind_an_extension_header", DHCP_SERVER, POD_A_IPV6, POD_B_IPV6,
	       .source_port = 547, .dest_port = 546, .next = 60,
	       .extensions = OCTETS(DEST_OPTIONS_TO("\x11"))),

	/* Transport headers. */
	REFUSE("udp_header_cut_off", TRANSPORT_HEADER, POD_A_IPV4, POD_B_IPV4,
	       .body = OCTETS("\0\0\0\x35\0\x0c\0")),
	REFUSE("udp_header_cut_off", TRANSPORT_HEADER, POD_A_IPV6, POD_B_IPV6,
	       .body = OCTETS("\0\0\0\x35\0\x0c\0")),
	REFUSE("tcp_header_cut_off", TRANSPORT_HEADER, POD_A_IPV4, POD_B_IPV4, .protocol = 6,
	       .body = OCTETS("\0\0\0\x50\0\0\0\0\0\0\0\0\x50\x10\0\0\0\0\0")),
	REFUSE("tcp_header_cut_off", TRANSPORT_HEADER, POD_A_IPV6, POD_B_IPV6, .protocol = 6,
	       .body = OCTETS("\0\0\0\x50\0\0\0\0\0\0\0\0\x50\x10\0\0\0\0\0")),
	REFUSE("tcp_data_offset_below_5", TRANSPORT_HEADER, POD_A_IPV4, POD_B_IPV4, .protocol = 6,
	       .patch = { { 46, 0x40 } }),
	REFUSE("tcp_data_offset_below_5", TRANSPORT_HEADER, POD_A_IPV6, POD_B_IPV6, .protocol = 6,
	       .patch = { { 66, 0x40 } }),
	REFUSE("tcp_data_offset_beyond_the_packet", TRANSPORT_HEADER, POD_A_IPV4, POD_B_IPV4,
	       .protocol = 6, .payload = 1, .patch = { { 46, 0x60 } }),
	REFUSE("tcp_data_offset_beyond_the_packet", TRANSPORT_HEADER, POD_A_IPV6, POD_B_IPV6,
	       .protocol = 6, .payload = 1, .patch = { { 66, 0x60 } }),
	REFUSE("icmp_header_cut_off", TRANSPORT_HEADER, POD_A_IPV4, POD_B_IPV4, .protocol = 1,
	       .body = OCTETS("\x08\0\0\0\0\0\0")),
	REFUSE("icmp_header_cut_off", TRANSPORT_HEADER, POD_A_IPV6, POD_B_IPV6, .protocol = 58,
	       .body = OCTETS("\x80\0\0\0\0\0\0")),
	REFUSE("sctp_header_cut_off", TRANSPORT_HEADER, POD_A_IPV4, POD_B_IPV4, .protocol = 132,
	       .body = OCTETS("\0\0\0\x50\0\0\0\0\0\0\0")),
	REFUSE("sctp_header_cut_off", TRANSPORT_HEADER, POD_A_IPV6, POD_B_IPV6, .protocol = 132,
	       .body = OCTETS("\0\0\0\x50\0\0\0\0\0\0\0")),
	REFUSE("first_fragment_too_small_for_tcp", TRANSPORT_HEADER, POD_A_IPV4, POD_B_IPV4,
	       .protocol = 6, .fragment = 0x2000, .body = OCTETS("\0\0\0\x50\0\0\0\0")),
	REFUSE("fragment_that_overwrites_tcp_flags", TRANSPORT_HEADER, POD_A_IPV4, POD_B_IPV4,
	       .protocol = 6, .fragment = 0x2001),
	REFUSE("no_payload_at_all", TRANSPORT_HEADER, POD_A_IPV4, POD_B_IPV4, .body = OCTETS("")),
	REFUSE("no_payload_at_all", TRANSPORT_HEADER, POD_A_IPV6, POD_B_IPV6, .body = OCTETS("")),
	REFUSE("nine_extension_headers", IPV6_EXTENSION, POD_A_IPV6, POD_B_IPV6, .next = 60,
	       .extensions = OCTETS(
		       DEST_OPTIONS_TO("\x3c") DEST_OPTIONS_TO("\x3c") DEST_OPTIONS_TO("\x3c")
			       DEST_OPTIONS_TO("\x3c") DEST_OPTIONS_TO("\x3c")
				       DEST_OPTIONS_TO("\x3c") DEST_OPTIONS_TO("\x3c")
					       DEST_OPTIONS_TO("\x3c") DEST_OPTIONS_TO("\x11"))),
	REFUSE("extension_header_beyond_the_packet", IPV6_EXTENSION, POD_A_IPV6, POD_B_IPV6,
	       .next = 60, .extensions = OCTETS("\x11\x20\x01\x04\0\0\0\0")),
	REFUSE("extension_header_cut_off", IPV6_EXTENSION, POD_A_IPV6, POD_B_IPV6, .next = 60,
	       .extensions = OCTETS("\x11\x00"), .body = OCTETS("\x01\x04\0")),
	REFUSE("end_of_chain_promises_another_header", IPV6_EXTENSION, POD_A_IPV6, POD_B_IPV6,
	       .next = 60, .extensions = OCTETS(DEST_OPTIONS_TO("\x2c")), .body = OCTETS("")),

	/* Addresses that may not be on a wire. */
	REFUSE("to_loopback", MARTIAN, POD_A_IPV4, "127.0.0.1", .protocol = 6),
	REFUSE("to_loopback", MARTIAN, POD_A_IPV6, "::1", .protocol = 6),
	REFUSE("to_nobody", MARTIAN, POD_A_IPV4, "0.0.0.0"),
	REFUSE("to_nobody", MARTIAN, POD_A_IPV6, "::"),
	REFUSE("to_itself", MARTIAN, POD_A_IPV4, POD_A_IPV4),
	REFUSE("to_itself", MARTIAN, POD_A_IPV6, POD_A_IPV6),
	REFUSE("to_a_mapped_address", MARTIAN, POD_A_IPV6, "::ffff:10.244.1.11"),
	REFUSE("from_a_mapped_address", MARTIAN, "::ffff:10.244.1.10", POD_B_IPV6),

	/* Our own fault: a route whose device has no number. */
	REFUSE("route_without_a_device", INTERNAL, POD_A_IPV4, "10.244.5.5"),
	REFUSE("route_without_a_device", INTERNAL, POD_A_IPV6, "fd00:244:5::5"),
};
const size_t rows_refused_count = sizeof(rows_refused) / sizeof(rows_refused[0]);
