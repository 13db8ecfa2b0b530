/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of netlink_entry.c: octets as the kernel sends them (rtnetlink(7)), and such as lack a
 * part.
 *
 * links: loader/netlink_entry.c loader/netlink_attr.c lib/ip_prefix.c
 */
#include "loader/netlink_entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "lib/ip_prefix.h"

#define PERMANENT 0x80 /* NUD_PERMANENT */
#define REACHABLE 0x02

static const uint8_t pod_mac[6] = { 2, 1, 2, 3, 4, 5 };

/* On the heap and exactly as long as it says, so that a sanitizer sees any read beyond. */
static struct nlmsghdr *message(uint16_t type, const void *rest, size_t len)
{
	struct nlmsghdr *header = malloc(NLMSG_HDRLEN + len);

	assert_non_null(header);
	*header = (struct nlmsghdr){ .nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len),
				     .nlmsg_type = type };
	memcpy(header + 1, rest, len);
	return header;
}

static bool read_neighbour(const void *rest, size_t len, struct neighbour_entry *ret_entry)
{
	struct nlmsghdr *header = message(RTM_NEWNEIGH, rest, len);
	bool is_read = neighbour_entry_read(header, ret_entry);

	free(header);
	return is_read;
}

static bool read_route(const void *rest, size_t len, struct route_entry *ret_entry)
{
	struct nlmsghdr *header = message(RTM_NEWROUTE, rest, len);
	bool is_read = route_entry_read(header, ret_entry);

	free(header);
	return is_read;
}

static void assert_addr(const struct ip_addr *addr, const char *text)
{
	char buf[IP_ADDR_TEXT_MAX];

	assert_string_equal(ip_addr_format(addr, buf, sizeof(buf)), text);
}

/* ndm_family, pads, ndm_ifindex, ndm_state, flags, type; NDA_DST; NDA_LLADDR */
static const uint8_t neighbour[] = {
	AF_INET, 0, 0, 0, 7,  0, 0, 0, PERMANENT, 0, 0, 1, 8, 0, 1, 0,
	10,	 2, 1, 7, 10, 0, 2, 0, 2,	  1, 2, 3, 4, 5, 0, 0
};

static void a_neighbour_is_read(void **state)
{
	struct neighbour_entry entry;

	assert_true(read_neighbour(neighbour, sizeof(neighbour), &entry));
	assert_addr(&entry.addr, "10.2.1.7");
	assert_int_equal(entry.ifindex, 7);
	assert_true(neighbour_entry_leads_to(&entry, pod_mac));
}

static void a_neighbour_leads_nowhere_else(void **state)
{
	uint8_t changed[sizeof(neighbour)];
	struct neighbour_entry entry;

	memcpy(changed, neighbour, sizeof(changed));
	changed[8] = REACHABLE;
	assert_true(read_neighbour(changed, sizeof(changed), &entry));
	assert_false(neighbour_entry_leads_to(&entry, pod_mac));
	changed[8] = PERMANENT;
	changed[29] = 6; /* the MAC's last octet */
	assert_true(read_neighbour(changed, sizeof(changed), &entry));
	assert_false(neighbour_entry_leads_to(&entry, pod_mac));
	assert_true(read_neighbour(neighbour, 20, &entry)); /* no MAC */
	assert_false(neighbour_entry_leads_to(&entry, pod_mac));
	changed[20] = 9; /* one of five octets */
	assert_true(read_neighbour(changed, sizeof(changed), &entry));
	assert_false(entry.has_mac);
}

static void a_neighbour_without_address_is_none(void **state)
{
	uint8_t changed[sizeof(neighbour)];
	struct neighbour_entry entry;

	memcpy(changed, neighbour, sizeof(changed));
	assert_false(read_neighbour(neighbour, 12, &entry));
	assert_false(read_neighbour(neighbour, 11, &entry));
	changed[0] = AF_INET6; /* four octets are no IPv6 address */
	assert_false(read_neighbour(changed, sizeof(changed), &entry));
}

/* rtm_family, dst_len, src_len, tos, table, protocol, scope, type, flags; RTA_DST; RTA_OIF */
static const uint8_t to_pod[] = { AF_INET,
				  32,
				  0,
				  0,
				  RT_TABLE_MAIN,
				  116,
				  RT_SCOPE_LINK,
				  RTN_UNICAST,
				  0,
				  0,
				  0,
				  0,
				  8,
				  0,
				  1,
				  0,
				  10,
				  2,
				  1,
				  7,
				  8,
				  0,
				  4,
				  0,
				  9,
				  0,
				  0,
				  0 };
/* The same without RTA_DST; RTA_OIF; RTA_GATEWAY */
static const uint8_t by_gateway[] = {
	AF_INET, 0, 0, 0,   RT_TABLE_MAIN, 3, 0, RTN_UNICAST, 0, 0, 0, 0, 8, 0, 4, 0, 9, 0, 0, 0, 8,
	0,	 5, 0, 169, 254,	   1, 1
};

static void a_route_to_one_address_is_read(void **state)
{
	uint8_t changed[sizeof(to_pod)];
	struct route_entry entry;

	assert_true(read_route(to_pod, sizeof(to_pod), &entry));
	assert_addr(&entry.addr, "10.2.1.7");
	assert_int_equal(entry.ifindex, 9);
	assert_int_equal(entry.table, RT_TABLE_MAIN);
	assert_int_equal(entry.protocol, 116);
	assert_int_equal(entry.type, RTN_UNICAST);
	assert_true(entry.is_host && !entry.is_default);
	memcpy(changed, to_pod, sizeof(changed));
	changed[1] = 31;
	assert_true(read_route(changed, sizeof(changed), &entry));
	assert_false(entry.is_host);
}

static void a_default_route_is_known_by_its_gateway(void **state)
{
	struct route_entry entry;

	assert_true(read_route(by_gateway, sizeof(by_gateway), &entry));
	assert_addr(&entry.addr, "169.254.1.1");
	assert_int_equal(entry.ifindex, 9);
	assert_true(entry.is_default && !entry.is_host);
}

static void a_route_without_address_is_none(void **state)
{
	struct route_entry entry;

	assert_false(read_route(to_pod, 12, &entry));
	assert_false(read_route(to_pod, 11, &entry));
	assert_false(read_route(by_gateway, 20, &entry)); /* on the link, as of a tunnel */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_neighbour_is_read),
		cmocka_unit_test(a_neighbour_leads_nowhere_else),
		cmocka_unit_test(a_neighbour_without_address_is_none),
		cmocka_unit_test(a_route_to_one_address_is_read),
		cmocka_unit_test(a_default_route_is_known_by_its_gateway),
		cmocka_unit_test(a_route_without_address_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
