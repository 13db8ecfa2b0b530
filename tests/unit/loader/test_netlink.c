/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of netlink.c against the running kernel, in a network namespace of the test's own.
 *
 * links: loader/netlink.c lib/log.c
 * libs: -lnl-3 -lnl-route-3
 */
#include "loader/netlink.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

struct link_count {
	struct netlink *netlink; /* asked again while being told, NULL: not */
	int links;
	int stop_after; /* 0: never */
};

static int enter_namespace(void **state)
{
	return unshare(CLONE_NEWNET);
}

static struct nl_msg *link_message(int type, int flags)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	assert_non_null(msg);
	assert_int_equal(nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO), 0);
	return msg;
}

static struct nl_msg *bridge_message(const char *name)
{
	struct nl_msg *msg = link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info;

	nla_put_string(msg, IFLA_IFNAME, name);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "bridge");
	nla_nest_end(msg, info);
	return msg;
}

static struct nl_msg *named_message(int type, const char *name)
{
	struct nl_msg *msg = link_message(type, 0);

	nla_put_string(msg, IFLA_IFNAME, name);
	return msg;
}

static int count_link(const struct nlmsghdr *header, void *arg)
{
	struct link_count *count = arg;

	assert_int_equal(header->nlmsg_type, RTM_NEWLINK);
	count->links++;
	if (count->netlink != NULL)
		assert_int_equal(netlink_request(count->netlink, named_message(RTM_NEWLINK, "lo")),
				 0);
	return count->stop_after != 0 && count->links == count->stop_after ? 7 : 0;
}

static int dump_links(struct netlink *netlink, struct link_count *count)
{
	return netlink_dump(netlink, link_message(RTM_GETLINK, 0), count_link, count);
}

static void a_request_is_acknowledged(void **state)
{
	struct netlink *netlink;

	assert_int_equal(netlink_open(&netlink), 0);
	assert_int_equal(netlink_request(netlink, bridge_message("one")), 0);
	assert_int_equal(netlink_request(netlink, bridge_message("one")), -EEXIST);
	assert_int_equal(netlink_request(netlink, named_message(RTM_DELLINK, "one")), 0);
	assert_int_equal(netlink_request(netlink, named_message(RTM_DELLINK, "one")), -ENODEV);
	assert_int_equal(netlink_request(netlink, NULL), -ENOMEM);
	netlink_close(netlink);
}

static void a_failed_message_does_not_stop_the_next_of_its_batch(void **state)
{
	struct nl_msg *msgs[] = { named_message(RTM_DELLINK, "nobody"), bridge_message("two"),
				  bridge_message("two"), named_message(RTM_DELLINK, "two") };
	int errors[4] = { 1, 1, 1, 1 };
	struct netlink *netlink;

	assert_int_equal(netlink_open(&netlink), 0);
	assert_int_equal(netlink_send_batch(netlink, msgs, 4, errors), -ENODEV);
	assert_int_equal(errors[0], -ENODEV);
	assert_int_equal(errors[1], 0);
	assert_int_equal(errors[2], -EEXIST);
	assert_int_equal(errors[3], 0);
	netlink_close(netlink);
}

static int refuse_link(const struct nlmsghdr *header, void *arg)
{
	return -ERANGE;
}

static void a_question_in_a_batch_is_answered_in_its_place(void **state)
{
	struct nl_msg *msgs[] = { bridge_message("four"), named_message(RTM_GETLINK, "four"),
				  named_message(RTM_GETLINK, "nobody"),
				  named_message(RTM_DELLINK, "four"),
				  named_message(RTM_GETLINK, "four") };
	struct nl_msg *last[] = { named_message(RTM_GETLINK, "lo") };
	struct link_count count = { 0 };
	int errors[5] = { 1, 1, 1, 1, 1 };
	struct netlink_batch batch = {
		.msgs = msgs, .count = 5, .errors = errors, .fn = count_link, .arg = &count
	};
	struct netlink *netlink;

	assert_int_equal(netlink_open(&netlink), 0);
	assert_int_equal(netlink_ask_batch(netlink, &batch), -ENODEV);
	assert_int_equal(errors[0], 0);
	assert_int_equal(errors[1], 0);
	assert_int_equal(errors[2], -ENODEV);
	assert_int_equal(errors[3], 0);
	assert_int_equal(errors[4], -ENODEV);
	assert_int_equal(count.links, 1);
	batch = (struct netlink_batch){ .msgs = last, .count = 1, .fn = refuse_link };
	assert_int_equal(netlink_ask_batch(netlink, &batch), -ERANGE);
	netlink_close(netlink);
}

static void a_batch_with_a_missing_message_sends_nothing(void **state)
{
	struct nl_msg *msgs[] = { bridge_message("three"), NULL };
	struct netlink *netlink;

	assert_int_equal(netlink_open(&netlink), 0);
	assert_int_equal(netlink_send_batch(netlink, msgs, 2, NULL), -ENOMEM);
	assert_int_equal(netlink_request(netlink, named_message(RTM_DELLINK, "three")), -ENODEV);
	netlink_close(netlink);
}

static void the_largest_batch_gets_all_its_answers(void **state)
{
	struct nl_msg *msgs[NETLINK_BATCH_MAX + 1];
	int errors[NETLINK_BATCH_MAX];
	struct netlink *netlink;

	assert_int_equal(netlink_open(&netlink), 0);
	for (int i = 0; i < NETLINK_BATCH_MAX; i++)
		msgs[i] = named_message(RTM_DELLINK, "nobody");
	assert_int_equal(netlink_send_batch(netlink, msgs, NETLINK_BATCH_MAX, errors), -ENODEV);
	for (int i = 0; i < NETLINK_BATCH_MAX; i++)
		assert_int_equal(errors[i], -ENODEV);
	for (int i = 0; i <= NETLINK_BATCH_MAX; i++)
		msgs[i] = named_message(RTM_DELLINK, "nobody");
	assert_int_equal(netlink_send_batch(netlink, msgs, NETLINK_BATCH_MAX + 1, NULL), -E2BIG);
	netlink_close(netlink);
}

static void a_dump_tells_every_link_and_may_be_ended(void **state)
{
	struct link_count count = { 0 };
	struct netlink *netlink;

	assert_int_equal(netlink_open(&netlink), 0);
	assert_int_equal(netlink_request(netlink, bridge_message("four")), 0);
	count.netlink = netlink;
	assert_int_equal(dump_links(netlink, &count), 0);
	assert_true(count.links >= 2); /* lo, four, and fallback tunnels of some kernels */
	count = (struct link_count){ .stop_after = 1 };
	assert_int_equal(dump_links(netlink, &count), 7);
	assert_int_equal(count.links, 1);
	assert_int_equal(netlink_request(netlink, named_message(RTM_DELLINK, "four")), 0);
	netlink_close(netlink);
}

static void get_tells_the_one_answer(void **state)
{
	struct link_count count = { 0 };
	struct netlink *netlink;

	assert_int_equal(netlink_open(&netlink), 0);
	assert_int_equal(netlink_get(netlink, named_message(RTM_GETLINK, "lo"), count_link, &count),
			 0);
	assert_int_equal(count.links, 1);
	assert_int_equal(
		netlink_get(netlink, named_message(RTM_GETLINK, "nobody"), count_link, &count),
		-ENODEV);
	netlink_close(netlink);
}

static void only_a_routing_socket_is_adopted(void **state)
{
	struct netlink *netlink = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(netlink_adopt(fd, &netlink), -EPROTOTYPE);
	assert_int_equal(close(fd), -1);
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	assert_int_equal(netlink_adopt(fd, &netlink), -EPROTOTYPE);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);
	assert_int_equal(netlink_adopt(fd, &netlink), 0);
	assert_int_equal(netlink_request(netlink, named_message(RTM_DELLINK, "nobody")), -ENODEV);
	netlink_close(netlink);
}

static int count_new_links(const struct nlmsghdr *header, void *arg)
{
	int *count = arg;

	*count += header->nlmsg_type == RTM_NEWLINK;
	return 0;
}

static void a_subscription_hears_changes_and_tells_of_lost_ones(void **state)
{
	const unsigned int group = RTNLGRP_LINK;
	struct netlink *netlink, *ears;
	int count = 0;

	assert_int_equal(netlink_open(&netlink), 0);
	assert_int_equal(netlink_subscribe(&group, 1, 4096, &ears), 0);
	assert_int_equal(netlink_request(netlink, bridge_message("five")), 0);
	assert_int_equal(netlink_read(ears, count_new_links, &count), 0);
	assert_true(count >= 1);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(netlink_request(netlink, bridge_message("six")), 0);
		assert_int_equal(netlink_request(netlink, named_message(RTM_DELLINK, "six")), 0);
	}
	assert_int_equal(netlink_read(ears, count_new_links, &count), -ENOBUFS);
	assert_int_equal(netlink_read(ears, count_new_links, &count), 0);
	netlink_close(ears);
	netlink_close(netlink);
}

/* "unreachable 10.1.2.0/24" added or deleted. */
static struct nl_msg *route_message(int type, int flags)
{
	struct rtmsg body = { .rtm_family = AF_INET,
			      .rtm_dst_len = 24,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_type = RTN_UNREACHABLE,
			      .rtm_protocol = RTPROT_STATIC };
	const uint8_t prefix[4] = { 10, 1, 2, 0 };
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	assert_non_null(msg);
	assert_int_equal(nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO), 0);
	assert_int_equal(nla_put(msg, RTA_DST, sizeof(prefix), prefix), 0);
	return msg;
}

static void come_and_go(struct netlink *netlink)
{
	assert_int_equal(netlink_request(netlink, route_message(RTM_NEWROUTE, NLM_F_CREATE)), 0);
	assert_int_equal(netlink_request(netlink, route_message(RTM_DELROUTE, 0)), 0);
}

static int count_all(const struct nlmsghdr *header, void *arg)
{
	++*(int *)arg;
	return 0;
}

static void a_subscription_may_leave_out_the_routes_of_one_sender(void **state)
{
	const unsigned int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE };
	struct netlink *own, *other, *ears;
	int count = 0;

	assert_int_equal(netlink_open(&own), 0);
	assert_int_equal(netlink_open(&other), 0);
	assert_int_equal(netlink_subscribe(groups, 2, 65536, &ears), 0);
	assert_int_equal(netlink_ignore_routes(ears, own), 0);
	come_and_go(own);
	assert_int_equal(netlink_read(ears, count_all, &count), 0);
	assert_int_equal(count, 0);
	come_and_go(other);
	assert_int_equal(netlink_read(ears, count_all, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(netlink_request(own, bridge_message("seven")), 0);
	assert_int_equal(netlink_read(ears, count_all, &count), 0);
	assert_true(count > 2); /* its links are told */
	netlink_close(ears);
	netlink_close(other);
	netlink_close(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_acknowledged),
		cmocka_unit_test(a_failed_message_does_not_stop_the_next_of_its_batch),
		cmocka_unit_test(a_question_in_a_batch_is_answered_in_its_place),
		cmocka_unit_test(a_batch_with_a_missing_message_sends_nothing),
		cmocka_unit_test(the_largest_batch_gets_all_its_answers),
		cmocka_unit_test(a_dump_tells_every_link_and_may_be_ended),
		cmocka_unit_test(get_tells_the_one_answer),
		cmocka_unit_test(only_a_routing_socket_is_adopted),
		cmocka_unit_test(a_subscription_hears_changes_and_tells_of_lost_ones),
		cmocka_unit_test(a_subscription_may_leave_out_the_routes_of_one_sender),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
