/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_uplink.c: what a link that is gone and a kernel that cannot answer do to the uplinks. The
 * kernel's answers are the test's; what uplink.c asks of other parts is counted.
 *
 * links: loader/uplink.c loader/netlink_attr.c lib/ip_prefix.c lib/log.c
 * libs: -lnl-3 -lnl-route-3
 */
#include "loader/uplink.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "loader/agent.h"
#include "loader/attach.h"
#include "loader/bgp_feed.h"
#include "loader/dataplane.h"
#include "loader/forwarding.h"
#include "loader/monitor.h"
#include "loader/netlink.h"
#include "loader/node_address.h"
#include "loader/remote_routes.h"
#include "loader/uplink_neighbours.h"
#include "loader/uplink_offload.h"

#define IFINDEX 7

static int look_up_error; /* what the kernel says to RTM_GETLINK, 0: the link */
static int detached, listening;
static struct event_timer *armed;
static uint64_t armed_ms;
static struct node_address node_address = { .ifindex = IFINDEX };

int netlink_get(struct netlink *netlink, struct nl_msg *msg, netlink_message_fn *fn, void *arg)
{
	struct ifinfomsg body = { .ifi_index = IFINDEX, .ifi_flags = IFF_UP | IFF_RUNNING };
	struct nl_msg *answer;
	int err;

	nlmsg_free(msg);
	if (look_up_error)
		return look_up_error;
	answer = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	assert_non_null(answer);
	assert_int_equal(nlmsg_append(answer, &body, sizeof(body), NLMSG_ALIGNTO), 0);
	assert_int_equal(nla_put_string(answer, IFLA_IFNAME, "up0"), 0);
	err = fn(nlmsg_hdr(answer), arg);
	nlmsg_free(answer);
	return err;
}

int node_addresses_read(struct netlink *netlink, struct node_addresses *ret_addresses)
{
	*ret_addresses = (struct node_addresses){ .item = &node_address, .count = 1, .size = 1 };
	return 0;
}

void node_addresses_free(struct node_addresses *addresses)
{
	*addresses = (struct node_addresses){ 0 };
}

const struct node_address *node_addresses_find(const struct node_addresses *addresses,
					       const struct ip_addr *addr)
{
	return addresses->count > 0 ? &node_address : NULL;
}

int node_addresses_publish(struct dataplane *dataplane, const struct node_addresses *before,
			   const struct node_addresses *now)
{
	return 0;
}

bool dataplane_is_beside(const struct dataplane *dataplane)
{
	return false;
}

int attach_uplink(struct dataplane *dataplane, struct netlink *netlink, const char *bpf_dir,
		  uint32_t ifindex, enum uplink_hook *ret_hook)
{
	*ret_hook = UPLINK_HOOK_TCX;
	return 0;
}

int detach_uplink(struct dataplane *dataplane, struct netlink *netlink, const char *bpf_dir,
		  uint32_t ifindex)
{
	detached++;
	return 0;
}

bool forwarding_uses_ipv6(const struct config *config)
{
	return false;
}

int forwarding_enable(const struct config *config, struct netlink *netlink,
		      const struct uplink *uplinks, size_t uplink_count,
		      char ret_problem[TEXT_MAX + 1])
{
	return 0;
}

bool uplink_can_solicit(const struct nlmsghdr *header)
{
	return false;
}

int uplink_solicit_again(struct netlink *netlink, uint32_t ifindex)
{
	return 0;
}

int uplink_raise_gso(struct netlink *netlink, struct uplink *uplink)
{
	return 0;
}

void remote_routes_uplinks_changed(struct remote_routes *routes)
{
}

void bgp_feed_uplinks_changed(struct bgp_feed *feed)
{
}

int monitor_listen(struct monitor *monitor, monitor_fn *fn, void *arg)
{
	listening++;
	return 0;
}

void monitor_unlisten(struct monitor *monitor, monitor_fn *fn, void *arg)
{
	listening--;
}

void event_timer_init(struct event_timer *timer, event_timer_fn *fn, void *arg)
{
	*timer = (struct event_timer){ .fn = fn, .arg = arg };
}

bool event_timer_is_armed(const struct event_timer *timer)
{
	return armed == timer;
}

int event_timer_set(struct event_loop *loop, struct event_timer *timer, uint64_t delay_ms)
{
	armed = timer;
	armed_ms = delay_ms;
	return 0;
}

void event_timer_cancel(struct event_loop *loop, struct event_timer *timer)
{
	armed = NULL;
}

/* With node.uplinks or, without, by the node's address. */
static void set_up(struct config *config, bool is_named)
{
	look_up_error = detached = listening = 0;
	armed = NULL;
	armed_ms = 0;
	memset(config, 0, sizeof(*config));
	assert_int_equal(ip_addr_parse("192.0.2.1", &node_address.addr), 0);
	config->node_address[0] = node_address.addr;
	config->node_address_count = 1;
	if (is_named) {
		strcpy(config->uplink[0], "up0");
		config->uplink_count = 1;
	}
}

static void survives_then_goes(bool is_named, int fault)
{
	static struct config config;
	struct agent agent = { .config = &config };
	struct uplinks *uplinks = NULL;

	set_up(&config, is_named);
	assert_int_equal(uplinks_open(&agent, &uplinks), 0);
	assert_true(uplinks_serve(uplinks));

	look_up_error = fault;
	uplinks_config_changed(uplinks);
	assert_true(uplinks_serve(uplinks));
	assert_int_equal(detached, 0);
	assert_non_null(armed);
	assert_int_equal(armed_ms, 1000);

	look_up_error = -ENODEV;
	armed->fn(armed->arg);
	assert_int_equal(uplinks_count(uplinks), 0);
	assert_int_equal(detached, 1);
	uplinks_close(uplinks);
}

static void only_no_such_device_takes_an_uplink_away(void **state)
{
	static const int fault[] = { -ENOBUFS, -ENOMEM, -ETIMEDOUT };

	for (size_t i = 0; i < sizeof(fault) / sizeof(fault[0]); i++) {
		survives_then_goes(true, fault[i]);
		survives_then_goes(false, fault[i]);
	}
}

/* With no uplinks in the list the agent would take the running hooks off as stale ones. */
static void a_start_that_cannot_look_fails(void **state)
{
	static struct config config;
	struct agent agent = { .config = &config };
	struct uplinks *uplinks = NULL;

	set_up(&config, true);
	look_up_error = -ENOBUFS;
	assert_int_equal(uplinks_open(&agent, &uplinks), -ENOBUFS);
	assert_int_equal(listening, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_no_such_device_takes_an_uplink_away),
		cmocka_unit_test(a_start_that_cannot_look_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
