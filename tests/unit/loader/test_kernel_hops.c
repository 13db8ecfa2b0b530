/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of kernel_hops.c against the running kernel, in a network namespace of the test's own with
 * two veth links, set up and looked at by ip(8).
 *
 * links: loader/kernel_hops.c loader/kernel_routes.c loader/netlink.c loader/netlink_attr.c
 * links: lib/ip_prefix.c lib/log.c
 * libs: -lnl-3 -lnl-route-3
 */
#include "loader/kernel_hops.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "loader/kernel_routes.h"
#include "loader/netlink.h"

#define SEEN_MAX 16
#define FIRST	 NEXT_HOP_ID_FIRST
#define SECOND	 (NEXT_HOP_ID_FIRST + 1)
#define GROUP	 (NEXT_HOP_ID_FIRST + 2)

struct fixture {
	struct netlink *netlink;
};

struct seen {
	struct kernel_hop hop[SEEN_MAX];
	size_t count;
};

static void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

/* Does what a command prints hold @words? */
static bool says(const char *command, const char *words)
{
	static char text[1024];
	FILE *out = popen(command, "r");
	size_t len;

	assert_non_null(out);
	len = fread(text, 1, sizeof(text) - 1, out);
	text[len] = '\0';
	pclose(out);
	return strstr(text, words) != NULL;
}

static int set_up(void **state)
{
	static struct fixture fixture;

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	shell("ip link set lo up"); /* for what is to be a blackhole */
	for (int i = 0; i < 2; i++) {
		char command[512];

		snprintf(command, sizeof(command),
			 "ip link add up%d type veth peer name far%d && ip link set far%d up && "
			 "ip addr add 192.0.%d.1/24 dev up%d && ip link set up%d up && "
			 "ip addr add 2001:db8:%d::1/64 dev up%d nodad",
			 i, i, i, i, i, i, i, i);
		shell(command);
	}
	*state = &fixture;
	return netlink_open(&fixture.netlink);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	netlink_close(fixture->netlink);
	return 0;
}

static struct kernel_hop hop(uint32_t id, const char *gateway, const char *link)
{
	struct kernel_hop result = { .id = id, .ifindex = if_nametoindex(link) };

	assert_int_equal(ip_addr_parse(gateway, &result.gateway), 0);
	return result;
}

static int put(struct fixture *fixture, const struct kernel_hop *made, bool replaces)
{
	return netlink_request(fixture->netlink, kernel_hop_put_message(made, replaces));
}

static int drop(struct fixture *fixture, uint32_t id)
{
	return netlink_request(fixture->netlink, kernel_hop_delete_message(id));
}

static int note(const struct kernel_hop *found, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < SEEN_MAX);
	seen->hop[seen->count++] = *found;
	return 0;
}

static const struct kernel_hop *dump(struct fixture *fixture, uint32_t id)
{
	static struct seen seen;

	seen.count = 0;
	assert_int_equal(kernel_hops_dump(fixture->netlink, note, &seen), 0);
	for (size_t i = 0; i < seen.count; i++)
		if (seen.hop[i].id == id)
			return &seen.hop[i];
	return NULL;
}

/* A group of an IPv4 and an IPv6 next hop on two links, and a route by it. */
static struct kernel_route make_group(struct fixture *fixture)
{
	const struct kernel_hop first = hop(FIRST, "192.0.0.9", "up0");
	const struct kernel_hop second = hop(SECOND, "2001:db8:1::9", "up1");
	const struct kernel_hop group = { .id = GROUP,
					  .member_count = 2,
					  .member = { FIRST, SECOND } };
	struct kernel_route route = { .group = GROUP };

	assert_int_equal(put(fixture, &first, false), 0);
	assert_int_equal(put(fixture, &second, false), 0);
	assert_int_equal(put(fixture, &group, false), 0);
	assert_true(kernel_hop_equal(dump(fixture, FIRST), &first));
	assert_true(kernel_hop_equal(dump(fixture, SECOND), &second));
	assert_true(kernel_hop_equal(dump(fixture, GROUP), &group));
	assert_int_equal(ip_prefix_parse("10.1.0.0/16", &route.prefix), 0);
	assert_int_equal(netlink_request(fixture->netlink, kernel_route_add_message(&route, false)),
			 0);
	return route;
}

static int note_route(const struct kernel_route *found, void *arg)
{
	*(struct kernel_route *)arg = *found;
	return 0;
}

static void a_route_by_a_group_goes_to_the_kernel_and_comes_back(void **state)
{
	struct fixture *fixture = *state;
	struct kernel_route route = make_group(fixture), found = { .group = 0 };
	struct kernel_route plain = { .prefix = route.prefix, .ifindex = if_nametoindex("up0") };

	assert_true(says("ip route show 10.1.0.0/16", "via 192.0.0.9 dev up0"));
	assert_true(says("ip route show 10.1.0.0/16", "via inet6 2001:db8:1::9 dev up1"));
	assert_int_equal(kernel_routes_dump(fixture->netlink, note_route, &found), 0);
	assert_true(kernel_route_equal(&found, &route));
	/* To one next hop and back, in place. */
	assert_int_equal(ip_addr_parse("192.0.0.8", &plain.next_hop), 0);
	assert_false(kernel_route_equal(&plain, &route));
	assert_int_equal(netlink_request(fixture->netlink, kernel_route_add_message(&plain, true)),
			 0);
	assert_int_equal(kernel_routes_dump(fixture->netlink, note_route, &found), 0);
	assert_true(kernel_route_equal(&found, &plain));
	assert_int_equal(netlink_request(fixture->netlink, kernel_route_add_message(&route, true)),
			 0);
	assert_int_equal(netlink_request(fixture->netlink, kernel_route_delete_message(&plain)),
			 -ESRCH);
	assert_int_equal(netlink_request(fixture->netlink, kernel_route_delete_message(&route)), 0);
	assert_int_equal(drop(fixture, GROUP), 0);
	assert_int_equal(drop(fixture, SECOND), 0);
	assert_int_equal(drop(fixture, FIRST), 0);
	assert_int_equal(drop(fixture, FIRST), -ENOENT);
}

/* What hop_objects.c builds upon: nobody is told, and the route is not written anew. */
static void the_kernel_takes_the_next_hop_of_a_dead_link_out_of_its_group(void **state)
{
	struct fixture *fixture = *state;
	struct kernel_hop whole, second = hop(SECOND, "2001:db8:1::9", "up1");
	struct kernel_route route = make_group(fixture), found = { .group = 0 };

	whole = *dump(fixture, GROUP);
	shell("ip link set up1 down");
	assert_null(dump(fixture, SECOND));
	assert_int_equal(dump(fixture, GROUP)->member_count, 1);
	assert_int_equal(dump(fixture, GROUP)->member[0], FIRST);
	shell("ip link set up1 up && ip addr replace 2001:db8:1::1/64 dev up1 nodad");
	assert_int_equal(put(fixture, &second, false), 0);
	assert_int_equal(put(fixture, &whole, true), 0);
	assert_true(says("ip route show 10.1.0.0/16", "dev up1"));
	/* Without any next hop the group goes, and with it the route. */
	assert_int_equal(drop(fixture, FIRST), 0);
	assert_int_equal(drop(fixture, SECOND), 0);
	assert_null(dump(fixture, GROUP));
	assert_int_equal(kernel_routes_dump(fixture->netlink, note_route, &found), 0);
	assert_int_equal(found.group, 0);
	assert_true(netlink_request(fixture->netlink, kernel_route_delete_message(&route)) < 0);
}

static void others_are_neither_seen_nor_replaced(void **state)
{
	struct fixture *fixture = *state;
	const struct kernel_hop ours = hop(FIRST, "192.0.0.9", "up0");
	char command[128];

	snprintf(command, sizeof(command),
		 "ip nexthop add id %u via 192.0.0.7 dev up0 protocol static", FIRST);
	shell(command);
	assert_null(dump(fixture, FIRST));
	assert_int_equal(put(fixture, &ours, false), -EEXIST);
	snprintf(command, sizeof(command), "ip nexthop del id %u", FIRST);
	shell(command);
}

static void a_group_that_we_would_not_make_equals_none(void **state)
{
	struct fixture *fixture = *state;
	struct kernel_hop group = { .id = 9, .member_count = 2, .member = { 7, 8 } };

	shell("ip nexthop add id 7 via 192.0.0.7 dev up0 protocol 116 && "
	      "ip nexthop add id 8 via 192.0.0.8 dev up0 protocol 116 && "
	      "ip nexthop add id 6 blackhole protocol 116 && "
	      "ip nexthop add id 9 group 7,3/8 protocol 116");
	assert_non_null(dump(fixture, 9));
	assert_false(kernel_hop_equal(dump(fixture, 9), &group));
	assert_int_equal(put(fixture, &group, true), 0);
	assert_true(kernel_hop_equal(dump(fixture, 9), &group));
	assert_null(dump(fixture, 6));
	shell("ip nexthop add id 5 via 192.0.0.5 fdb protocol 116"); /* of a VXLAN device */
	assert_null(dump(fixture, 5));
	shell("ip nexthop flush protocol 116 >/dev/null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_by_a_group_goes_to_the_kernel_and_comes_back),
		cmocka_unit_test(the_kernel_takes_the_next_hop_of_a_dead_link_out_of_its_group),
		cmocka_unit_test(others_are_neither_seen_nor_replaced),
		cmocka_unit_test(a_group_that_we_would_not_make_equals_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
