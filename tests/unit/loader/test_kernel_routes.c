/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of kernel_routes.c against the running kernel, in a network namespace of the test's own
 * with one veth link, set up and looked at by ip(8).
 *
 * links: loader/kernel_routes.c loader/netlink.c loader/netlink_attr.c lib/ip_prefix.c lib/log.c
 * libs: -lnl-3 -lnl-route-3
 */
#include "loader/kernel_routes.h"

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

#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "loader/netlink.h"

#define SEEN_MAX 8

struct fixture {
	struct netlink *netlink;
	uint32_t ifindex;
};

struct seen {
	struct kernel_route route[SEEN_MAX];
	size_t count;
};

static void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

/* What a command prints, in one line. */
static const char *ask(const char *command)
{
	static char text[512];
	FILE *out = popen(command, "r");
	size_t len;

	assert_non_null(out);
	len = fread(text, 1, sizeof(text) - 1, out);
	text[len] = '\0';
	assert_int_equal(pclose(out), 0);
	return text;
}

static int set_up(void **state)
{
	static struct fixture fixture;

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	shell("ip link add up0 type veth peer name up1 && ip link set up1 up && "
	      "ip addr add 192.0.2.1/24 dev up0 && ip addr add 2001:db8::1/64 dev up0 nodad && "
	      "ip link set up0 up");
	fixture.ifindex = if_nametoindex("up0");
	*state = &fixture;
	return netlink_open(&fixture.netlink);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	netlink_close(fixture->netlink);
	return 0;
}

static struct kernel_route route(const struct fixture *fixture, const char *prefix, const char *via)
{
	struct kernel_route result = { .ifindex = via != NULL ? fixture->ifindex : 0 };

	assert_int_equal(ip_prefix_parse(prefix, &result.prefix), 0);
	if (via != NULL)
		assert_int_equal(ip_addr_parse(via, &result.next_hop), 0);
	return result;
}

static int add(struct fixture *fixture, const struct kernel_route *added, bool replaces)
{
	return netlink_request(fixture->netlink, kernel_route_add_message(added, replaces));
}

static int drop(struct fixture *fixture, const struct kernel_route *dropped)
{
	return netlink_request(fixture->netlink, kernel_route_delete_message(dropped));
}

static int note(const struct kernel_route *found, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->count < SEEN_MAX);
	seen->route[seen->count++] = *found;
	return 0;
}

static struct seen dump(struct fixture *fixture)
{
	struct seen seen = { .count = 0 };

	assert_int_equal(kernel_routes_dump(fixture->netlink, note, &seen), 0);
	return seen;
}

static void assert_round_trip(struct fixture *fixture, const char *prefix, const char *via,
			      const char *command, const char *words)
{
	struct kernel_route added = route(fixture, prefix, via);
	struct seen seen;

	assert_int_equal(add(fixture, &added, false), 0);
	if (strstr(ask(command), words) == NULL)
		fail_msg("%s says %s, not %s", command, ask(command), words);
	seen = dump(fixture);
	assert_int_equal(seen.count, 1);
	assert_true(kernel_route_equal(&seen.route[0], &added));
	assert_int_equal(drop(fixture, &added), 0);
	assert_int_equal(dump(fixture).count, 0);
}

static void routes_go_to_the_kernel_and_come_back_the_same(void **state)
{
	assert_round_trip(*state, "10.1.0.0/16", "192.0.2.9", "ip route show 10.1.0.0/16",
			  "10.1.0.0/16 via 192.0.2.9 dev up0 proto 116");
	assert_round_trip(*state, "fd00:1::/64", "2001:db8::9", "ip -6 route show fd00:1::/64",
			  "fd00:1::/64 via 2001:db8::9 dev up0 proto 116");
	assert_round_trip(*state, "10.1.0.0/16", "2001:db8::9", "ip route show 10.1.0.0/16",
			  "10.1.0.0/16 via inet6 2001:db8::9 dev up0 proto 116");
	assert_round_trip(*state, "0.0.0.0/0", "192.0.2.9", "ip route show default",
			  "default via 192.0.2.9 dev up0 proto 116");
	assert_round_trip(*state, "::/0", "2001:db8::9", "ip -6 route show default",
			  "default via 2001:db8::9 dev up0 proto 116");
}

static void own_blocks_are_unreachable(void **state)
{
	assert_round_trip(*state, "10.1.0.0/16", NULL, "ip route show 10.1.0.0/16",
			  "unreachable 10.1.0.0/16 proto 116");
	assert_round_trip(*state, "fd00:1::/64", NULL, "ip -6 route show fd00:1::/64",
			  "unreachable fd00:1::/64 dev lo proto 116");
}

static void a_route_is_replaced_by_another_next_hop(void **state)
{
	struct fixture *fixture = *state;
	struct kernel_route old = route(fixture, "10.1.0.0/16", "192.0.2.8");
	struct kernel_route now = route(fixture, "10.1.0.0/16", "192.0.2.9");
	struct seen seen;

	assert_int_equal(add(fixture, &old, false), 0);
	assert_int_equal(add(fixture, &now, true), 0);
	seen = dump(fixture);
	assert_int_equal(seen.count, 1);
	assert_true(kernel_route_equal(&seen.route[0], &now));
	assert_int_equal(drop(fixture, &old), -ESRCH);
	assert_int_equal(drop(fixture, &now), 0);
}

static void routes_of_others_are_neither_seen_nor_replaced_nor_deleted(void **state)
{
	struct fixture *fixture = *state;
	struct kernel_route ours = route(fixture, "10.1.0.0/16", "192.0.2.9");
	struct kernel_route ours6 = route(fixture, "fd00:1::/64", "2001:db8::9");

	shell("ip route add 10.1.0.0/16 via 192.0.2.9 proto static && "
	      "ip -6 route add fd00:1::/64 via 2001:db8::9 proto static");
	assert_int_equal(dump(fixture).count, 0);
	assert_int_equal(add(fixture, &ours, false), -EEXIST);
	assert_int_equal(add(fixture, &ours6, false), -EEXIST);
	assert_int_equal(drop(fixture, &ours), -ESRCH);
	assert_int_equal(drop(fixture, &ours6), -ESRCH);
	assert_non_null(strstr(ask("ip route show 10.1.0.0/16"), "proto static"));
	assert_non_null(strstr(ask("ip -6 route show fd00:1::/64"), "proto static"));
	shell("ip route del 10.1.0.0/16 && ip -6 route del fd00:1::/64");
}

static void routes_of_pods_are_not_meant(void **state)
{
	struct fixture *fixture = *state;

	shell("ip route add 10.1.0.5/32 dev up0 scope link proto 116 && "
	      "ip -6 route add fd00:1::5/128 dev up0 proto 116");
	assert_int_equal(dump(fixture).count, 0);
	shell("ip route del 10.1.0.5/32 && ip -6 route del fd00:1::5/128");
}

static void our_number_in_another_table_or_metric_is_not_ours(void **state)
{
	struct fixture *fixture = *state;

	shell("ip route add 10.1.0.0/16 via 192.0.2.9 proto 116 metric 5 && "
	      "ip route add 10.2.0.0/16 via 192.0.2.9 proto 116 table 7");
	assert_int_equal(dump(fixture).count, 0);
	shell("ip route del 10.1.0.0/16 && ip route del 10.2.0.0/16 table 7");
}

/* What `ip route get` is answered with. */
static void a_clone_is_no_route_of_the_table(void **state)
{
	struct kernel_route ours = route(*state, "10.1.0.0/16", "192.0.2.9"), parsed;
	struct nl_msg *msg = kernel_route_add_message(&ours, false);
	struct rtmsg *body = nlmsg_data(nlmsg_hdr(msg));

	assert_int_equal(kernel_route_parse(nlmsg_hdr(msg), &parsed), KERNEL_ROUTE_OURS);
	body->rtm_flags |= RTM_F_CLONED;
	assert_int_equal(kernel_route_parse(nlmsg_hdr(msg), &parsed), KERNEL_ROUTE_NONE);
	nlmsg_free(msg);
}

static void an_ipv6_route_via_ipv4_makes_no_message(void **state)
{
	struct kernel_route wrong = route(*state, "fd00:1::/64", "192.0.2.9");

	assert_null(kernel_route_add_message(&wrong, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_go_to_the_kernel_and_come_back_the_same),
		cmocka_unit_test(own_blocks_are_unreachable),
		cmocka_unit_test(a_route_is_replaced_by_another_next_hop),
		cmocka_unit_test(routes_of_others_are_neither_seen_nor_replaced_nor_deleted),
		cmocka_unit_test(routes_of_pods_are_not_meant),
		cmocka_unit_test(our_number_in_another_table_or_metric_is_not_ours),
		cmocka_unit_test(a_clone_is_no_route_of_the_table),
		cmocka_unit_test(an_ipv6_route_via_ipv4_makes_no_message),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
