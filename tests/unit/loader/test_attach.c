/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of attach.c and attach_uplink.c on the real kernel: a veth pair in a network namespace of
 * its own, a bpffs in a mount namespace of its own. Needs root, and `ip` and `tc`.
 *
 * links: loader/folder_lock.c
 * links: loader/attach.c loader/attach_uplink.c loader/netlink.c loader/netlink_attr.c
 * links: loader/dataplane.c loader/dataplane_pins.c loader/dataplane_maps.c loader/map_memory.c
 * links: loader/dataplane_hops.c loader/dataplane_flows.c loader/flow_key.c
 * links: lib/ip_prefix.c lib/log.c
 * libs: -lbpf -lelf -lz -lnl-3
 */
#include "loader/attach.h"

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
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <linux/pkt_sched.h>

#include "lib/config.h"
#include "loader/attach_internal.h"
#include "loader/dataplane.h"
#include "loader/netlink.h"

#define BPF_MOUNT "/tmp"
#define BPF_DIR	  BPF_MOUNT "/tortie"

struct world {
	struct dataplane *dataplane;
	struct netlink *netlink;
	uint32_t ifindex;
};

static const struct config config = {
	.map_endpoints = 64, .map_routes = 64, .map_stack_tcp = 1024, .map_stack_other = 1024
};

static void shell(const char *command)
{
	assert_int_equal(system(command), 0);
}

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world || unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", BPF_MOUNT, "bpf", 0, NULL) < 0) {
		fprintf(stderr, "namespaces: %s (run as root)\n", strerror(errno));
		return -1;
	}
	shell("ip link add pod0 type veth peer name pod1 && ip link set pod0 up && ip link set pod1 "
	      "up");
	world->ifindex = if_nametoindex("pod0");
	assert_int_equal(netlink_open(&world->netlink), 0);
	assert_int_equal(dataplane_open(&config, BPF_DIR, &world->dataplane), 0);
	*state = world;
	return 0;
}

static int drop_world(void **state)
{
	struct world *world = *state;

	dataplane_close(world->dataplane);
	netlink_close(world->netlink);
	free(world);
	return umount2(BPF_MOUNT, MNT_DETACH);
}

static int is_whole(const struct world *world)
{
	return attach_pod_is_whole(world->dataplane, world->netlink, world->ifindex);
}

static struct pod_hooks inspect(const struct world *world)
{
	struct pod_hooks hooks;

	assert_int_equal(
		attach_inspect_pod(world->dataplane, world->netlink, world->ifindex, &hooks), 0);
	return hooks;
}

static void attach(const struct world *world)
{
	assert_int_equal(attach_pod(world->dataplane, world->netlink, world->ifindex), 0);
}

/* A program of somebody else: lets everything on. */
static int foreign_program(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", insns, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void attaching_twice_is_attaching_once(void **state)
{
	struct world *world = *state;

	assert_int_equal(is_whole(world), 0);
	attach(world);
	assert_int_equal(is_whole(world), 1);
	attach(world);
	assert_int_equal(is_whole(world), 1);
	shell("test $(tc filter show dev pod0 ingress | grep -c 'handle 0x74 from_pod') = 1");
	shell("test $(tc filter show dev pod0 egress | grep -c 'handle 0x74 to_pod') = 1");
}

static void a_link_that_is_gone_is_said_by_enodev(void **state)
{
	struct world *world = *state;

	shell("ip link del pod0");
	assert_int_equal(attach_pod(world->dataplane, world->netlink, world->ifindex), -ENODEV);
}

static void a_removed_clsact_is_seen_and_mended(void **state)
{
	struct world *world = *state;

	attach(world);
	shell("tc qdisc del dev pod0 clsact");
	assert_int_equal(is_whole(world), 0);
	assert_false(inspect(world).from_pod.is_ours);
	attach(world);
	assert_int_equal(is_whole(world), 1);
}

static void one_removed_filter_is_told_apart(void **state)
{
	struct world *world = *state;

	attach(world);
	shell("tc filter del dev pod0 egress");
	assert_true(inspect(world).from_pod.is_ours);
	assert_false(inspect(world).to_pod.is_ours);
}

static void another_program_in_our_place_is_not_ours(void **state)
{
	struct world *world = *state;
	struct nl_msg *msg;
	int fd = foreign_program();

	attach(world);
	msg = attach_filter_message(world->ifindex, TC_H_MIN_INGRESS, fd, "from_pod");
	assert_int_equal(netlink_request(world->netlink, msg), 0);
	assert_false(inspect(world).from_pod.is_ours);
	attach(world);
	assert_int_equal(is_whole(world), 1);
	close(fd);
}

#define FOREIGN_PIN BPF_MOUNT "/foreign"
#define FOREIGN_FILTER(pref) \
	"tc filter add dev pod0 ingress pref " pref " bpf da object-pinned " FOREIGN_PIN

static void pin_foreign_program(void)
{
	int fd = foreign_program();

	assert_int_equal(bpf_obj_pin(fd, FOREIGN_PIN), 0);
	close(fd);
}

static void a_filter_in_front_is_a_stranger_and_one_behind_is_not(void **state)
{
	struct world *world = *state;

	attach(world);
	pin_foreign_program();
	shell(FOREIGN_FILTER("9"));
	assert_int_equal(is_whole(world), 1);
	shell(FOREIGN_FILTER("1"));
	assert_int_equal(is_whole(world), 0);
	assert_true(inspect(world).from_pod.is_ours);
	assert_int_not_equal(inspect(world).from_pod.filter_before, 0);
	assert_int_equal(inspect(world).to_pod.filter_before, 0);
}

static int attach_foreign_tcx(uint32_t ifindex, int fd)
{
	union bpf_attr attr = { 0 };

	attr.link_create.prog_fd = (uint32_t)fd;
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = TCX_EGRESS;
	return (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

static void a_tcx_program_is_a_stranger_in_front(void **state)
{
	struct world *world = *state;
	int fd = foreign_program();
	int link;

	attach(world);
	link = attach_foreign_tcx(world->ifindex, fd);
	close(fd);
	if (link < 0 && errno == EINVAL)
		skip(); /* before Linux 6.6 there is none to fear */
	assert_int_not_equal(inspect(world).to_pod.tcx_before, 0);
	assert_int_equal(is_whole(world), 0);
	close(link);
	assert_int_equal(is_whole(world), 1);
}

static enum uplink_hook attach_up(const struct world *world)
{
	enum uplink_hook hook = 0;

	assert_int_equal(
		attach_uplink(world->dataplane, world->netlink, BPF_DIR, world->ifindex, &hook), 0);
	return hook;
}

static int uplink_is_whole(const struct world *world)
{
	return attach_uplink_is_whole(world->dataplane, world->netlink, BPF_DIR, world->ifindex);
}

static void an_uplink_is_attached_once_and_outlives_its_agent(void **state)
{
	struct world *world = *state;

	assert_int_equal(uplink_is_whole(world), 0);
	attach_up(world);
	attach_up(world);
	assert_int_equal(uplink_is_whole(world), 1);
	dataplane_close(world->dataplane);
	assert_int_equal(dataplane_open(&config, BPF_DIR, &world->dataplane), 0);
	/* The link is there with the program of the agent before. */
	assert_int_equal(uplink_is_whole(world), 0);
	attach_up(world);
	assert_int_equal(uplink_is_whole(world), 1);
}

static void an_uplink_that_lost_its_pin_gets_it_back(void **state)
{
	struct world *world = *state;
	char path[128];

	if (attach_up(world) != UPLINK_HOOK_TCX)
		skip(); /* nothing is pinned for clsact */
	snprintf(path, sizeof(path), BPF_DIR "/from_network_%u", world->ifindex);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(uplink_is_whole(world), 0);
	assert_int_not_equal(attach_first_tcx(world->ifindex, TCX_INGRESS), 0);
	attach_up(world);
	assert_int_equal(access(path, F_OK), 0);
}

/* A link whose last reference was a pin is released by a kernel worker. */
static bool tcx_leaves(const struct world *world)
{
	for (int i = 0; i < 2000; i++) {
		if (attach_first_tcx(world->ifindex, TCX_INGRESS) == 0)
			return true;
		usleep(1000);
	}
	return false;
}

static void detaching_an_uplink_takes_ours_only(void **state)
{
	struct world *world = *state;

	attach_up(world);
	pin_foreign_program();
	shell("tc qdisc replace dev pod0 clsact && " FOREIGN_FILTER("1"));
	assert_int_equal(detach_uplink(world->dataplane, world->netlink, BPF_DIR, world->ifindex),
			 0);
	assert_true(tcx_leaves(world));
	assert_int_equal(uplink_is_whole(world), 0);
	shell("tc filter show dev pod0 ingress | grep -q foreign");
}

static void links_that_are_no_uplinks_any_more_are_let_go(void **state)
{
	struct world *world = *state;

	attach_up(world);
	attach_drop_stale_uplinks(world->dataplane, BPF_DIR, &world->ifindex, 1);
	assert_int_equal(uplink_is_whole(world), 1);
	attach_drop_stale_uplinks(world->dataplane, BPF_DIR, NULL, 0);
	assert_true(tcx_leaves(world));
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, make_world, drop_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(attaching_twice_is_attaching_once),
		WORLD_TEST(a_link_that_is_gone_is_said_by_enodev),
		WORLD_TEST(a_removed_clsact_is_seen_and_mended),
		WORLD_TEST(one_removed_filter_is_told_apart),
		WORLD_TEST(another_program_in_our_place_is_not_ours),
		WORLD_TEST(a_filter_in_front_is_a_stranger_and_one_behind_is_not),
		WORLD_TEST(a_tcx_program_is_a_stranger_in_front),
		WORLD_TEST(an_uplink_is_attached_once_and_outlives_its_agent),
		WORLD_TEST(an_uplink_that_lost_its_pin_gets_it_back),
		WORLD_TEST(detaching_an_uplink_takes_ours_only),
		WORLD_TEST(links_that_are_no_uplinks_any_more_are_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
