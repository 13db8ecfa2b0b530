/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mrt.c: records octet by octet, as the figures of RFC 6396 have them.
 *
 * links: tools/tortie/mrt.c lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include "tools/tortie/mrt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/bgp/hex.h"

#define TIME 0x60000001

/* Sections 2 and 4.3.1: collector 10.0.0.1, no view name; three peers. */
#define PEERS                                              \
	"60000001 000d 0001 0000003b  0a000001 0000 0003 " \
	"02 0a000001 00000000 0000fc00 "                   \
	"02 0a000002 c0000202 00010000 "                   \
	"03 0a000003 20010db8000000000000000000000003 0000fde8 "

/* ORIGIN IGP, AS_PATH 65536, NEXT_HOP 192.0.2.2 */
#define ATTRIBUTES4 "40010100 400206020100010000 400304c0000202"
#define ATTRIBUTES6 "40010100 400206020100010000"

/* NULL: this node's. */
static struct ip_addr peer_addr(const char *text)
{
	return text ? addr_of(text) : (struct ip_addr){};
}

struct written {
	struct mrt_dump dump;
	char *octets;
	size_t len;
};

static void begin(struct written *written)
{
	static const struct {
		const char *addr;
		uint32_t router_id, as;
	} peers[] = {
		{ NULL, 0x0a000001, 64512 },
		{ "192.0.2.2", 0x0a000002, 65536 },
		{ "2001:db8::3", 0x0a000003, 65000 },
	};

	*written = (struct written){ .dump = { .time_s = TIME } };
	written->dump.file = open_memstream(&written->octets, &written->len);
	assert_non_null(written->dump.file);
	for (size_t i = 0; i < 3; i++) {
		const struct msg_bgp_dump_peer peer = { peer_addr(peers[i].addr),
							peers[i].router_id, peers[i].as };

		assert_int_equal(mrt_add_peer(&written->dump, &peer), 0);
	}
}

static int add(struct written *written, const char *prefix, const char *peer, const char *next_hop,
	       const char *attributes)
{
	struct msg_bgp_dump_route route = { .prefix = prefix_of(prefix),
					    .peer = addr_of(peer),
					    .next_hop = addr_of(next_hop),
					    .since_s = 0x5f000000 };
	uint8_t octets[256];

	route.attributes_len = (uint32_t)hex_parse(attributes, octets, sizeof(octets));
	return mrt_add_route(&written->dump, &route, octets);
}

static void check(struct written *written, const char *expected)
{
	assert_int_equal(mrt_finish(&written->dump), 0);
	fclose(written->dump.file);
	assert_true(hex_equal(expected, (const uint8_t *)written->octets, written->len));
	mrt_free(&written->dump);
	free(written->octets);
}

static void a_table_without_routes_has_its_peers(void **state)
{
	struct written written;

	begin(&written);
	check(&written, PEERS);
}

static void routes_of_a_prefix_are_one_record(void **state)
{
	struct written written;

	begin(&written);
	assert_int_equal(add(&written, "198.51.100.0/25", "192.0.2.2", "192.0.2.2", ATTRIBUTES4),
			 0);
	assert_int_equal(add(&written, "198.51.100.0/25", "2001:db8::3", "192.0.2.2", ATTRIBUTES4),
			 0);
	assert_int_equal(add(&written, "0.0.0.0/0", "192.0.2.2", "192.0.2.2", ATTRIBUTES4), 0);
	check(&written, PEERS
	      /* section 4.3.2: sequence, length, prefix, count; 4.3.4: peer, time, length */
	      "60000001 000d 0002 00000043  00000000 19 c6336400 0002 "
	      "0001 5f000000 0014 " ATTRIBUTES4 " 0002 5f000000 0014 " ATTRIBUTES4
	      " 60000001 000d 0002 00000023  00000001 00 0001 0001 5f000000 0014 " ATTRIBUTES4);
}

static void ipv6_routes_have_the_next_hop_alone_in_mp_reach(void **state)
{
	struct written written;

	begin(&written);
	assert_int_equal(
		add(&written, "2001:db8:1::/48", "2001:db8::3", "2001:db8::3", ATTRIBUTES6), 0);
	check(&written, PEERS "60000001 000d 0004 00000036  00000000 30 20010db80001 0001 "
			      "0002 5f000000 0021 " ATTRIBUTES6
			      " 800e11 10 20010db8000000000000000000000003");
}

/* RFC 8950: what the family of the prefix cannot say of its next hop. */
static void ipv4_routes_by_ipv6_next_hops_have_it_too(void **state)
{
	struct written written;

	begin(&written);
	assert_int_equal(
		add(&written, "198.51.100.0/25", "2001:db8::3", "2001:db8::3", ATTRIBUTES6), 0);
	check(&written, PEERS "60000001 000d 0002 00000034  00000000 19 c6336400 0001 "
			      "0002 5f000000 0021 " ATTRIBUTES6
			      " 800e11 10 20010db8000000000000000000000003");
}

static void own_routes_are_the_collectors_and_of_now(void **state)
{
	struct written written;
	struct msg_bgp_dump_route route = { .prefix = prefix_of("10.244.1.0/24") };

	begin(&written);
	assert_int_equal(mrt_add_route(&written.dump, &route, NULL), 0);
	check(&written, PEERS "60000001 000d 0002 00000012  00000000 18 0af401 0001 "
			      "0000 60000001 0000");
}

static void a_peer_that_came_later_is_counted(void **state)
{
	struct written written;

	begin(&written);
	assert_int_equal(add(&written, "0.0.0.0/0", "192.0.2.9", "192.0.2.2", ATTRIBUTES4), 0);
	assert_int_equal(written.dump.left_out, 1);
	check(&written, PEERS);
}

static void attributes_that_the_length_cannot_say_are_refused(void **state)
{
	static uint8_t octets[65536];
	struct msg_bgp_dump_route route = { .prefix = prefix_of("2001:db8:1::/48"),
					    .peer = addr_of("192.0.2.2"),
					    .next_hop = addr_of("2001:db8::3"),
					    .attributes_len = 65516 };
	struct written written;

	begin(&written);
	assert_int_equal(mrt_add_route(&written.dump, &route, octets), -ERANGE);
	check(&written, PEERS);
}

/* 300 of 65,515 octets: more than one record shall be long. */
static void a_record_that_grows_too_long_is_followed_by_another(void **state)
{
	static uint8_t octets[65515];
	struct msg_bgp_dump_route route = { .prefix = prefix_of("2001:db8:1::/48"),
					    .peer = addr_of("192.0.2.2"),
					    .next_hop = addr_of("2001:db8::3"),
					    .attributes_len = sizeof(octets) };
	struct written written;

	begin(&written);
	for (int i = 0; i < 300; i++)
		assert_int_equal(mrt_add_route(&written.dump, &route, octets), 0);
	assert_int_equal(mrt_finish(&written.dump), 0);
	assert_int_equal(written.dump.sequence, 2);
	assert_int_equal(written.dump.written, 300);
	fclose(written.dump.file);
	mrt_free(&written.dump);
	free(written.octets);
}

static void a_full_disk_is_told(void **state)
{
	struct written written;

	begin(&written);
	fclose(written.dump.file);
	free(written.octets);
	written.dump.file = fopen("/dev/full", "w");
	assert_non_null(written.dump.file);
	setbuf(written.dump.file, NULL);
	assert_int_equal(mrt_finish(&written.dump), -ENOSPC);
	fclose(written.dump.file);
	mrt_free(&written.dump);
}

static void more_peers_than_the_format_has_are_refused(void **state)
{
	const struct msg_bgp_dump_peer peer = { .as = 1 };
	struct mrt_dump dump = { 0 };

	for (int i = 0; i < MRT_PEERS_MAX; i++)
		assert_int_equal(mrt_add_peer(&dump, &peer), 0);
	assert_int_equal(mrt_add_peer(&dump, &peer), -ERANGE);
	mrt_free(&dump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_without_routes_has_its_peers),
		cmocka_unit_test(routes_of_a_prefix_are_one_record),
		cmocka_unit_test(ipv6_routes_have_the_next_hop_alone_in_mp_reach),
		cmocka_unit_test(ipv4_routes_by_ipv6_next_hops_have_it_too),
		cmocka_unit_test(own_routes_are_the_collectors_and_of_now),
		cmocka_unit_test(a_peer_that_came_later_is_counted),
		cmocka_unit_test(attributes_that_the_length_cannot_say_are_refused),
		cmocka_unit_test(a_record_that_grows_too_long_is_followed_by_another),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(more_peers_than_the_format_has_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
