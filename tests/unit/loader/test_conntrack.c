/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of conntrack.c: messages recorded from Linux 6.18 (pings, TCP over IPv6 and UDP over IPv4
 * through addresses that nftables translated), and what becomes of them.
 *
 * links: tests/unit/loader/recorded.c
 * links: loader/conntrack.c loader/flow_key.c loader/nft_socket.c loader/netlink_attr.c
 * links: lib/ip_prefix.c
 * libs: -lnl-3
 */
#include "loader/conntrack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "tests/unit/loader/recorded.h"

/* ping 10.9.0.1 -> 10.9.0.2, identifier 0x16a5. */
static const char ping[] =
	"b40000000001020001000000e7150000020000003c00018014000180080001000a090001080002000a0900022"
	"400028005000100010000000600040016a50000050005000800000005000600000000003c00028014000180080"
	"001000a090002080002000a0900012400028005000100010000000600040016a50000050005000000000005000"
	"60000000000080003000000018a080008000000000008000c001c615b0408000b0000000001080007000000001e";

/* ping fd09::1 -> fd09::2, identifier 0x04ee. */
static const char ping6[] =
	"e40000000001020001000000cf0300000a000000540001802c00018014000300fd090000000000000000000"
	"00000000114000400fd09000000000000000000000000000224000280050001003a0000000600070004ee00"
	"0005000800800000000500090000000000540002802c00018014000300fd090000000000000000000000000"
	"00214000400fd09000000000000000000000000000124000280050001003a0000000600070004ee00000500"
	"0800810000000500090000000000080003000000000a080008000000000008000c002aabe7cd08000b00000"
	"00001080007000000001d";

/* TCP [fd09::1]:40002 -> [fd96::10]:80, translated to [fd09::2]:8080. */
static const char tcp[] =
	"040100000001020001000000e71500000a0000004c0001802c00018014000300fd09000000000000000000000"
	"000000114000400fd9600000000000000000000000000101c0002800500010006000000060002009c420000060"
	"00300005000004c0002802c00018014000300fd09000000000000000000000000000214000400fd09000000000"
	"00000000000000000011c0002800500010006000000060002001f900000060003009c42000008000300000001a"
	"8080008000000000008000c0031da304f08000b00000000020800070000000077300004802c000180050001000"
	"1000000050002000a000000050003000000000006000400030000000600050000000000";

/* UDP 10.9.0.1:40001 -> 10.96.0.10:53, translated to 10.9.0.2:5353. */
static const char udp[] =
	"a40000000001020001000000e7150000020000003400018014000180080001000a090001080002000a60000a1"
	"c0002800500010011000000060002009c41000006000300003500003400028014000180080001000a090002080"
	"002000a0900011c00028005000100110000000600020014e90000060003009c41000008000300000001a808000"
	"8000000000008000c00605732e208000b0000000001080007000000001d";

static void assert_end(const struct flow_end *end, const char *addr, uint16_t port)
{
	struct ip_addr want;

	assert_int_equal(ip_addr_parse(addr, &want), 0);
	assert_true(ip_addr_equal(&end->addr, &want));
	assert_int_equal(ntohs(end->port_be), port);
}

static void a_translated_udp_flow_is_known_by_where_it_went(void **state)
{
	struct conntrack_entry entry;
	struct flow_end client, server;
	struct flow_key key, want;

	assert_true(conntrack_read(recorded(udp), &entry));
	assert_int_equal(entry.protocol, 17);
	assert_end(&entry.orig_source, "10.9.0.1", 40001);
	assert_end(&entry.orig_dest, "10.96.0.10", 53);
	assert_end(&entry.reply_source, "10.9.0.2", 5353);
	assert_end(&entry.reply_dest, "10.9.0.1", 40001);
	assert_true(conntrack_is_translated(&entry));
	conntrack_forwarded(&entry, &key);
	client = entry.orig_source;
	server = entry.reply_source;
	flow_key_make(&client, &server, 17, &want);
	assert_memory_equal(&key, &want, sizeof(key));
}

static void a_translated_tcp_flow_of_ipv6_is_read(void **state)
{
	struct conntrack_entry entry;

	assert_true(conntrack_read(recorded(tcp), &entry));
	assert_int_equal(entry.protocol, 6);
	assert_end(&entry.orig_source, "fd09::1", 40002);
	assert_end(&entry.orig_dest, "fd96::10", 80);
	assert_end(&entry.reply_source, "fd09::2", 8080);
	assert_end(&entry.reply_dest, "fd09::1", 40002);
	assert_true(conntrack_is_translated(&entry));
}

static void an_echo_has_its_identifier_for_both_ports_and_is_not_translated(void **state)
{
	struct conntrack_entry entry;

	assert_true(conntrack_read(recorded(ping), &entry));
	assert_int_equal(entry.protocol, 1);
	assert_end(&entry.orig_source, "10.9.0.1", 0x16a5);
	assert_end(&entry.reply_source, "10.9.0.2", 0x16a5);
	assert_false(conntrack_is_translated(&entry));
	assert_true(conntrack_read(recorded(ping6), &entry));
	assert_int_equal(entry.protocol, 58);
	assert_end(&entry.orig_source, "fd09::1", 0x04ee);
	assert_end(&entry.orig_dest, "fd09::2", 0x04ee);
	assert_end(&entry.reply_source, "fd09::2", 0x04ee);
	assert_end(&entry.reply_dest, "fd09::1", 0x04ee);
	assert_false(conntrack_is_translated(&entry));
}

/* The one end or the other, its address or its port alone. */
static void either_end_may_be_translated(void **state)
{
	struct conntrack_entry plain, entry;

	assert_true(conntrack_read(recorded(udp), &plain));
	plain.orig_dest = plain.reply_source;
	assert_false(conntrack_is_translated(&plain));
	entry = plain;
	assert_int_equal(ip_addr_parse("192.0.2.1", &entry.reply_dest.addr), 0);
	assert_true(conntrack_is_translated(&entry));
	entry = plain;
	entry.reply_dest.port_be = htons(61000);
	assert_true(conntrack_is_translated(&entry));
	entry = plain;
	entry.reply_source.port_be = htons(5354);
	assert_true(conntrack_is_translated(&entry));
}

static void other_messages_and_cut_ones_are_no_entries(void **state)
{
	struct nlmsghdr *message = recorded(udp);
	struct conntrack_entry entry;

	message->nlmsg_type = NLMSG_DONE;
	assert_false(conntrack_read(message, &entry));
	/* With every length that cuts something off the two tuples, 0x34 octets each. */
	for (uint32_t len = sizeof(struct nlmsghdr); len < 20 + 2 * 0x34; len++) {
		message = recorded(udp);
		message->nlmsg_len = len;
		assert_false(conntrack_read(message, &entry));
	}
}

static void one_flow_has_one_key_from_either_end(void **state)
{
	static const char *const addr[] = { "10.244.1.2", "10.244.1.3", "10.244.255.1",
					    "10.245.0.1", "fd00:1::ff", "fd00:2::1" };
	struct flow_end a = { 0 }, b = { 0 };
	struct flow_key there, back;

	for (size_t i = 0; i < sizeof(addr) / sizeof(addr[0]); i++) {
		for (size_t j = 0; j < sizeof(addr) / sizeof(addr[0]); j++) {
			assert_int_equal(ip_addr_parse(addr[i], &a.addr), 0);
			assert_int_equal(ip_addr_parse(addr[j], &b.addr), 0);
			a.port_be = htons(40000);
			b.port_be = htons(80);
			flow_key_make(&a, &b, 6, &there);
			flow_key_make(&b, &a, 6, &back);
			assert_memory_equal(&there, &back, sizeof(there));
			assert_int_equal(flow_key_bit(&there), flow_key_bit(&back));
			assert_in_range(flow_key_bit(&there), 0, STACK_FILTER_WORDS * 64 - 1);
			/* And no other flow has it. */
			a.port_be = htons(80);
			b.port_be = htons(40000);
			flow_key_make(&a, &b, 6, &back);
			assert_true(i == j || memcmp(&there, &back, sizeof(there)) != 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_translated_udp_flow_is_known_by_where_it_went),
		cmocka_unit_test(a_translated_tcp_flow_of_ipv6_is_read),
		cmocka_unit_test(an_echo_has_its_identifier_for_both_ports_and_is_not_translated),
		cmocka_unit_test(either_end_may_be_translated),
		cmocka_unit_test(other_messages_and_cut_ones_are_no_entries),
		cmocka_unit_test(one_flow_has_one_key_from_either_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
