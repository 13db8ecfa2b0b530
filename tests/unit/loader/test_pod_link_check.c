/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of pod_link_check.c against the running kernel: a pod's link between two namespaces of the
 * test's own, changed by ip(8) on the node's side. The pod's side is in
 * tests/cni/test_tampering.py.
 *
 * links: loader/pod_link.c loader/pod_link_check.c loader/pod_link_message.c loader/netlink.c
 * links: loader/netlink_attr.c loader/endpoint_alias.c lib/ip_prefix.c lib/text.c lib/log.c
 * links: lib/pod_ifname.c lib/sha1.c lib/mac.c loader/netlink_entry.c
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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "loader/netlink.h"

static struct netlink *node, *pod;
static int pod_fd = -1;
static struct endpoint endpoint;

static int make_namespaces(void **state)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	pod_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (pod_fd < 0 || netlink_open(&pod) < 0 || unshare(CLONE_NEWNET) < 0)
		return -1;
	return netlink_open(&node);
}

static int remove_namespaces(void **state)
{
	netlink_close(node);
	netlink_close(pod);
	return close(pod_fd);
}

/* The names are those of container "check", interface "eth0"; nothing asks for them here. */
static int add_pod(void **state)
{
	struct pod_link_spec spec = { .endpoint = &endpoint, .netns_fd = pod_fd, .group = 11601 };
	const char *step = "";
	struct pod_link link;

	endpoint = (struct endpoint){
		.mtu = 1400,
		.host_ifname = "cali0123456789a",
		.ifname = "eth0",
		.container_id = "check",
		.pod_mac = { 2, 0, 0, 0, 0, 1 },
		.address_count = 2,
	};
	ip_addr_parse("10.244.1.7", &endpoint.address[0]);
	ip_addr_parse("fd00::7", &endpoint.address[1]);
	assert_int_equal(pod_link_create(node, &spec, &link), 0);
	endpoint.ifindex = link.ifindex;
	assert_int_equal(pod_link_configure_pod(pod, &endpoint, link.peer_ifindex, &step), 0);
	assert_int_equal(pod_link_go_live(node, &endpoint, 11602, NULL, &step), 0);
	return 0;
}

static int delete_pod(void **state)
{
	int err = pod_link_delete(node, endpoint.ifindex);

	return err == -ENODEV ? 0 : err;
}

static void ip(const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "ip %s", command);
	assert_int_equal(system(line), 0);
}

static void an_untouched_link_is_whole(void **state)
{
	char text[TEXT_MAX + 1];
	struct pod_link link;

	assert_int_equal(pod_link_check_host(node, &endpoint, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(pod_link_get(node, endpoint.host_ifname, &link), 0);
	assert_int_equal(pod_link_check_pod(pod, &endpoint, &link, text), 0);
	assert_string_equal(text, "");
}

static const struct {
	const char *commands[2], *words;
	int err;
} rows[] = {
	{ { "route del 10.244.1.7/32" }, "route to 10.244.1.7 by cali0123456789a", -EBADE },
	{ { "-6 route del fd00::7/128" }, "route to fd00::7 by cali0123456789a", -EBADE },
	{ { "neigh del 10.244.1.7 dev cali0123456789a" },
	  "permanent neighbour entry of 10.244.1.7",
	  -EBADE },
	{ { "neigh del fd00::7 dev cali0123456789a" },
	  "permanent neighbour entry of fd00::7",
	  -EBADE },
	{ { "neigh replace 10.244.1.7 lladdr 02:00:00:00:00:09 nud permanent dev cali0123456789a" },
	  "permanent neighbour entry of 10.244.1.7",
	  -EBADE },
	{ { "neigh replace 10.244.1.7 lladdr 02:00:00:00:00:01 nud stale dev cali0123456789a" },
	  "permanent neighbour entry of 10.244.1.7",
	  -EBADE },
	{ { "link set cali0123456789a mtu 1300" }, "MTU 1300 instead of 1400", -EBADE },
	{ { "link set cali0123456789a address 02:00:00:00:00:09" }, "another MAC", -EBADE },
	{ { "link set cali0123456789a down" }, "cali0123456789a is down", -EBADE },
	{ { "link set cali0123456789a down", "link set cali0123456789a name other0" },
	  "No such device",
	  -ENODEV },
	{ { "link del cali0123456789a" }, "No such device", -ENODEV },
	/* Another table's route, another link's: no stand-ins. */
	{ { "route del 10.244.1.7/32", "route add 10.244.1.7/32 dev cali0123456789a table 7" },
	  "route to 10.244.1.7",
	  -EBADE },
};

static void each_change_on_the_host_is_told(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[TEXT_MAX + 1];

		if (i > 0) {
			assert_int_equal(delete_pod(state), 0);
			system("ip link del other0 2>/dev/null");
			assert_int_equal(add_pod(state), 0);
		}
		for (size_t k = 0; k < 2 && rows[i].commands[k] != NULL; k++)
			ip(rows[i].commands[k]);
		assert_int_equal(pod_link_check_host(node, &endpoint, text), rows[i].err);
		if (strstr(text, rows[i].words) == NULL)
			fail_msg("%s: \"%s\" not in \"%s\"", rows[i].commands[0], rows[i].words,
				 text);
	}
}

static void what_others_added_is_fine(void **state)
{
	char text[TEXT_MAX + 1];

	ip("route add 192.0.2.0/24 dev cali0123456789a");
	ip("neigh add 192.0.2.1 lladdr 02:00:00:00:00:08 dev cali0123456789a");
	ip("addr add 192.0.2.9/32 dev cali0123456789a");
	assert_int_equal(pod_link_check_host(node, &endpoint, text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_untouched_link_is_whole, add_pod, delete_pod),
		cmocka_unit_test_setup_teardown(each_change_on_the_host_is_told, add_pod,
						delete_pod),
		cmocka_unit_test_setup_teardown(what_others_added_is_fine, add_pod, delete_pod),
	};

	return cmocka_run_group_tests(tests, make_namespaces, remove_namespaces);
}
