/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of pod_link_message.c and pod_link.c: what the messages make, asked from the running kernel
 * in network namespaces of the test's own.
 *
 * links: loader/pod_link_message.c loader/pod_link.c loader/pod_link_check.c loader/netlink.c
 * links: loader/netlink_attr.c loader/endpoint_alias.c lib/ip_prefix.c lib/pod_ifname.c lib/sha1.c
 * links: lib/text.c lib/log.c lib/mac.c loader/netlink_entry.c
 * libs: -lnl-3 -lnl-route-3
 */
#include "loader/pod_link.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "lib/ip_prefix.h"
#include "lib/pod_ifname.h"
#include "loader/netlink.h"
#include "loader/netlink_attr.h"
#include "loader/pod_link_message.h"

#define GROUP_CREATING 11601
#define GROUP_LIVE     11602
#define GROUP_DYING    11603

/* A node and a pod, each a namespace with a socket in it. */
struct world {
	struct netlink *node;
	struct netlink *pod;
	int pod_fd;
};

static int setup(void **state)
{
	static struct world world;
	int node_fd;

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	node_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (node_fd < 0 || netlink_open(&world.node) < 0 || unshare(CLONE_NEWNET) < 0)
		return -1;
	world.pod_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (world.pod_fd < 0 || netlink_open(&world.pod) < 0 || setns(node_fd, CLONE_NEWNET) < 0)
		return -1;
	close(node_fd);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	netlink_close(world->pod);
	netlink_close(world->node);
	return close(world->pod_fd);
}

static struct endpoint example(void)
{
	struct endpoint endpoint = { .mtu = 1450,
				     .ifname = "eth0",
				     .container_id = "abc",
				     .pod_mac = { 0x02, 1, 2, 3, 4, 5 },
				     .address_count = 2 };

	pod_ifname("abc", "eth0", endpoint.host_ifname);
	ip_addr_parse("10.244.1.7", &endpoint.address[0]);
	ip_addr_parse("fd00:10:244:1::7", &endpoint.address[1]);
	return endpoint;
}

/* Make both sides whole. */
static struct pod_link make(struct world *world, struct endpoint *endpoint)
{
	struct pod_link_spec spec = { .endpoint = endpoint,
				      .netns_fd = world->pod_fd,
				      .group = GROUP_CREATING,
				      .gso_max_size = 196608 };
	const char *step = "";
	struct pod_link link;

	assert_int_equal(pod_link_create(world->node, &spec, &link), 0);
	endpoint->ifindex = link.ifindex;
	if (pod_link_configure_pod(world->pod, endpoint, link.peer_ifindex, &step) != 0)
		fail_msg("%s", step);
	if (pod_link_configure_host(world->node, endpoint, &step) != 0)
		fail_msg("%s", step);
	return link;
}

static void assert_whole(struct world *world, const struct endpoint *endpoint)
{
	char text[TEXT_MAX + 1];
	struct pod_link link;

	assert_int_equal(pod_link_get(world->node, endpoint->host_ifname, &link), 0);
	if (pod_link_check_pod(world->pod, endpoint, &link, text) != 0)
		fail_msg("%s", text);
	if (pod_link_check_host(world->node, endpoint, text) != 0)
		fail_msg("%s", text);
}

static void the_creating_request_carries_group_and_record(void **state)
{
	struct world *world = *state;
	struct endpoint endpoint = example();
	struct pod_link link = make(world, &endpoint), pod;
	int netnsid = -1;

	assert_string_equal(link.name, endpoint.host_ifname);
	assert_string_equal(link.alias,
			    "tortie:1 abc eth0 02:01:02:03:04:05 10.244.1.7 fd00:10:244:1::7");
	assert_int_equal(link.group, GROUP_CREATING);
	assert_int_equal(link.mtu, 1450);
	assert_int_equal(link.gso_max_size, 196608);
	assert_true(link.is_veth);
	assert_memory_equal(link.mac, pod_gateway_mac(), 6);
	assert_int_equal(pod_link_netnsid(world->node, world->pod_fd, &netnsid), 0);
	assert_int_equal(netnsid, link.netnsid);
	assert_int_equal(pod_link_get(world->pod, "eth0", &pod), 0);
	assert_int_equal(pod.ifindex, link.peer_ifindex);
	assert_int_equal(pod.mtu, 1450);
	assert_memory_equal(pod.mac, endpoint.pod_mac, 6);
	assert_int_equal(pod_link_delete(world->node, link.ifindex), 0);
}

static void both_sides_are_whole_and_making_them_again_changes_nothing(void **state)
{
	struct world *world = *state;
	struct endpoint endpoint = example();
	const char *step;

	make(world, &endpoint);
	assert_whole(world, &endpoint);
	assert_int_equal(pod_link_configure_host(world->node, &endpoint, &step), 0);
	assert_whole(world, &endpoint);
	assert_int_equal(pod_link_delete(world->node, endpoint.ifindex), 0);
}

static void a_taken_name_is_told_and_leaves_nothing(void **state)
{
	struct world *world = *state;
	struct endpoint first = example(), second = example();
	struct pod_link_spec spec = { .endpoint = &second,
				      .netns_fd = world->pod_fd,
				      .group = GROUP_CREATING };
	struct pod_link link;

	make(world, &first);
	snprintf(second.container_id, sizeof(second.container_id), "other");
	pod_ifname("other", "eth0", second.host_ifname);
	assert_int_equal(pod_link_create(world->node, &spec, &link), -EEXIST);
	assert_int_equal(pod_link_get(world->node, second.host_ifname, &link), -ENODEV);
	assert_int_equal(pod_link_delete(world->node, first.ifindex), 0);
}

/* netlink(7): ENOBUFS, an answer was lost since there was no memory for it. */
static int answers_lost;

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	if (answers_lost == 0)
		return syscall(SYS_recvmsg, fd, msg, flags);
	answers_lost--;
	errno = ENOBUFS;
	return -1;
}

static void a_link_whose_making_is_not_answered_is_removed(void **state)
{
	struct world *world = *state;
	struct endpoint endpoint = example();
	struct pod_link_spec spec = { .endpoint = &endpoint,
				      .netns_fd = world->pod_fd,
				      .group = GROUP_CREATING };
	struct pod_link link;

	answers_lost = 1;
	assert_int_equal(pod_link_create(world->node, &spec, &link), -ENOBUFS);
	assert_int_equal(pod_link_get(world->node, endpoint.host_ifname, &link), -ENODEV);
	make(world, &endpoint);
	assert_int_equal(pod_link_delete(world->node, endpoint.ifindex), 0);
}

/* Which link a packet from @addr to somewhere else leaves the pod by. */
static int note_oif(const struct nlmsghdr *header, void *arg)
{
	const struct nlattr *attrs[RTA_OIF + 1];

	netlink_attrs(header, sizeof(struct rtmsg), attrs, sizeof(attrs) / sizeof(attrs[0]));
	*(uint32_t *)arg = netlink_attr_u32(attrs[RTA_OIF], 0);
	return 0;
}

static uint32_t leaves_by(struct world *world, const struct ip_addr *addr)
{
	struct rtmsg body = { .rtm_family = AF_INET, .rtm_src_len = 32, .rtm_dst_len = 32 };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	struct in_addr source = ip_addr_to_v4(addr), target = { .s_addr = htonl(0xc0000201) };
	uint32_t ifindex = 0;

	assert_non_null(msg);
	assert_int_equal(nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO), 0);
	assert_int_equal(nla_put(msg, RTA_SRC, sizeof(source), &source), 0);
	assert_int_equal(nla_put(msg, RTA_DST, sizeof(target), &target), 0);
	assert_int_equal(netlink_get(world->pod, msg, note_oif, &ifindex), 0);
	return ifindex;
}

static void a_second_interface_gets_routes_behind_the_firsts(void **state)
{
	struct world *world = *state;
	struct endpoint first = example(), second = example();
	struct pod_link link;

	make(world, &first);
	snprintf(second.ifname, sizeof(second.ifname), "net1");
	pod_ifname("abc", "net1", second.host_ifname);
	ip_addr_parse("10.244.1.8", &second.address[0]);
	ip_addr_parse("fd00:10:244:1::8", &second.address[1]);
	make(world, &second);
	assert_whole(world, &first);
	assert_whole(world, &second);
	assert_int_equal(pod_link_get(world->pod, "eth0", &link), 0);
	assert_int_equal(leaves_by(world, &first.address[0]), link.ifindex);
	assert_int_equal(pod_link_get(world->pod, "net1", &link), 0);
	assert_int_equal(leaves_by(world, &second.address[0]), link.ifindex);
	assert_int_equal(pod_link_delete(world->node, first.ifindex), 0);
	assert_int_equal(pod_link_delete(world->node, second.ifindex), 0);
}

static void a_strangers_route_is_respected_and_an_old_one_of_ours_replaced(void **state)
{
	struct world *world = *state;
	struct endpoint endpoint = example(), old = example();
	struct pod_route stranger = { .protocol = 4 };
	const char *step = "";

	make(world, &old);
	stranger.prefix = ip_prefix_host(&endpoint.address[0]);
	stranger.ifindex = old.ifindex;
	snprintf(endpoint.container_id, sizeof(endpoint.container_id), "other");
	snprintf(endpoint.ifname, sizeof(endpoint.ifname), "net1");
	pod_ifname("other", "net1", endpoint.host_ifname);
	make(world, &endpoint); /* the old link has routes to the same addresses */
	assert_whole(world, &endpoint);
	pod_link_remove_routes(world->node, &endpoint);
	assert_int_equal(netlink_request(world->node, pod_message_route(RTM_NEWROUTE, &stranger)),
			 0);
	assert_int_equal(pod_link_configure_host(world->node, &endpoint, &step), -EEXIST);
	assert_string_equal(step, "adding the route to the pod");
	assert_int_equal(pod_link_delete(world->node, old.ifindex), 0);
	assert_int_equal(pod_link_delete(world->node, endpoint.ifindex), 0);
}

static void a_group_is_deleted_at_once(void **state)
{
	struct world *world = *state;
	struct endpoint endpoint = example();
	struct pod_link link;

	assert_int_equal(pod_link_delete_group(world->node, GROUP_DYING), -ENODEV);
	make(world, &endpoint);
	assert_int_equal(pod_link_set_group(world->node, endpoint.ifindex, GROUP_DYING), 0);
	assert_int_equal(pod_link_delete_group(world->node, GROUP_DYING), 0);
	assert_int_equal(pod_link_get(world->node, endpoint.host_ifname, &link), -ENODEV);
	assert_int_equal(pod_link_get(world->pod, "eth0", &link), -ENODEV);
}

/* What the kernel told of the node's namespace, in its order. */
struct told {
	size_t up_and_live;
	size_t up_and_else;
	size_t neighbours_before_up;
};

static int count_told(const struct nlmsghdr *header, void *arg)
{
	struct told *told = arg;
	struct pod_link link;

	if (header->nlmsg_type == RTM_NEWNEIGH && told->up_and_live + told->up_and_else == 0)
		told->neighbours_before_up++;
	if (!pod_link_read(header, &link) || !link.is_up)
		return 0;
	if (link.group == GROUP_LIVE)
		told->up_and_live++;
	else
		told->up_and_else++;
	return 0;
}

/* commit facd15dfd691: asked about a link, the kernel first does what its link watch would do. */
static bool kernel_activates_when_asked(void)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%u.%u", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 8);
}

/*
 * The kernel answers a later change of group with a walk over all IPv6 routes, and a message. What
 * comes behind "up" may have to wait for such a walk, so that has as little behind it as can be.
 */
static void a_link_is_live_with_its_neighbours_before_it_is_up(void **state)
{
	const unsigned int groups[] = { RTNLGRP_LINK, RTNLGRP_NEIGH };
	struct world *world = *state;
	struct endpoint endpoint = example();
	struct pod_link_spec spec = { .endpoint = &endpoint,
				      .netns_fd = world->pod_fd,
				      .group = GROUP_CREATING };
	struct netlink *monitor;
	struct told told = { 0 };
	const char *step = "";
	struct pod_link link, pod = { 0 };

	assert_int_equal(netlink_subscribe(groups, 2, 1 << 20, &monitor), 0);
	assert_int_equal(pod_link_create(world->node, &spec, &link), 0);
	endpoint.ifindex = link.ifindex;
	assert_int_equal(pod_link_configure_pod(world->pod, &endpoint, link.peer_ifindex, &step),
			 0);
	pod.ifindex = link.peer_ifindex;
	pod.netnsid = link.netnsid;
	assert_int_equal(pod_link_go_live(world->node, &endpoint, GROUP_LIVE, &pod, &step), 0);
	assert_memory_equal(pod.mac, endpoint.pod_mac, 6); /* it was asked for and told */
	assert_true(pod.is_active || !kernel_activates_when_asked());
	assert_int_equal(pod_link_await_active(world->pod, link.peer_ifindex), 0);
	assert_whole(world, &endpoint);
	assert_int_equal(netlink_read(monitor, count_told, &told), 0);
	assert_int_equal(told.up_and_else, 0);
	assert_true(told.up_and_live > 0);
	assert_int_equal(told.neighbours_before_up, endpoint.address_count);
	netlink_close(monitor);
	assert_int_equal(pod_link_delete(world->node, endpoint.ifindex), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_creating_request_carries_group_and_record),
		cmocka_unit_test(both_sides_are_whole_and_making_them_again_changes_nothing),
		cmocka_unit_test(a_taken_name_is_told_and_leaves_nothing),
		cmocka_unit_test(a_link_whose_making_is_not_answered_is_removed),
		cmocka_unit_test(a_second_interface_gets_routes_behind_the_firsts),
		cmocka_unit_test(a_strangers_route_is_respected_and_an_old_one_of_ours_replaced),
		cmocka_unit_test(a_group_is_deleted_at_once),
		cmocka_unit_test(a_link_is_live_with_its_neighbours_before_it_is_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
