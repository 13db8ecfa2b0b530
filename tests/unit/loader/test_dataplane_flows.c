/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of dataplane_flows.c on the real kernel: the host stack's flows and their filter, over
 * restarts, other sizes and `kube_proxy: none`. Needs root; works in a mount namespace of its own
 * with a bpffs of its own.
 *
 * links: tests/unit/loader/bpffs.c
 * links: loader/dataplane.c loader/dataplane_pins.c loader/folder_lock.c loader/dataplane_maps.c
 * links: loader/dataplane_hops.c
 * links: loader/dataplane_flows.c loader/flow_key.c loader/map_memory.c lib/ip_prefix.c lib/log.c
 * libs: -lbpf -lelf -lz
 */
#include "loader/dataplane.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <cmocka.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "loader/dataplane_internal.h"
#include "loader/flow_key.h"
#include "tests/unit/loader/bpffs.h"

#define BPF_DIR BPF_MOUNT "/tortie"
#define MANY	3000 /* more than a batch */

static const struct config beside = {
	.map_endpoints = 64, .map_routes = 64, .map_stack_tcp = 8192, .map_stack_other = 4096
};
static const struct config larger = {
	.map_endpoints = 64, .map_routes = 64, .map_stack_tcp = 16384, .map_stack_other = 4096
};
static const struct config none = { .map_endpoints = 64,
				    .map_routes = 64,
				    .map_stack_tcp = 8192,
				    .map_stack_other = 4096,
				    .kube_proxy = KUBE_PROXY_NONE };

static struct dataplane *open_with(const struct config *config)
{
	struct dataplane *dataplane = NULL;

	assert_int_equal(dataplane_open(config, BPF_DIR, &dataplane), 0);
	return dataplane;
}

static struct flow_key flow(uint16_t port, uint8_t protocol)
{
	struct flow_end client = { .port_be = htons(port) }, server = { .port_be = htons(53) };
	struct flow_key key;

	assert_int_equal(ip_addr_parse("10.244.1.2", &client.addr), 0);
	assert_int_equal(ip_addr_parse("10.244.2.20", &server.addr), 0);
	flow_key_make(&client, &server, protocol, &key);
	return key;
}

static void add(struct dataplane *dataplane, uint16_t port, uint8_t protocol)
{
	const struct flow_key key = flow(port, protocol);

	assert_int_equal(dataplane_add_flows(dataplane, &key, 1), 0);
}

static void assert_flows(struct dataplane *dataplane, uint64_t tcp, uint64_t other)
{
	uint64_t counts[STACK_MAP_COUNT];

	assert_int_equal(dataplane_count_flows(dataplane, counts), 0);
	assert_int_equal(counts[STACK_TCP], tcp);
	assert_int_equal(counts[STACK_OTHER], other);
}

/* As the programs ask. */
static bool may_be_recorded(struct dataplane *dataplane, uint16_t port, uint8_t protocol)
{
	static struct stack_filter filter;
	const struct flow_key key = flow(port, protocol);
	uint32_t zero = 0, bit = flow_key_bit(&key);

	assert_int_equal(bpf_map_lookup_elem(dataplane->known_fd[MAP_STACK_FILTER], &zero, &filter),
			 0);
	return filter.bits[filter.active][bit / 64] >> bit % 64 & 1;
}

static void flows_go_into_their_maps_and_the_filter(void **state)
{
	struct dataplane *dataplane = open_with(&beside);

	assert_true(dataplane_is_beside(dataplane));
	assert_flows(dataplane, 0, 0);
	add(dataplane, 1000, 6);
	add(dataplane, 1000, 17);
	add(dataplane, 1000, 17);
	add(dataplane, 1001, 132);
	assert_flows(dataplane, 1, 2);
	assert_true(may_be_recorded(dataplane, 1000, 6));
	assert_true(may_be_recorded(dataplane, 1001, 132));
	assert_false(may_be_recorded(dataplane, 1002, 6));
	dataplane_close(dataplane);
}

static void a_new_filter_has_all_flows_that_are_there_and_none_that_are_gone(void **state)
{
	struct dataplane *dataplane = open_with(&beside);
	const struct flow_key gone = flow(60000, 6);

	for (uint16_t port = 1; port <= MANY; port++)
		add(dataplane, port, 6);
	add(dataplane, 7, 17);
	add(dataplane, 60000, 6);
	assert_int_equal(bpf_map_delete_elem(dataplane->known_fd[MAP_STACK_TCP], &gone), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(may_be_recorded(dataplane, 60000, 6) == (i == 0));
		assert_int_equal(dataplane_renew_filter(dataplane), 0);
		for (uint16_t port = 1; port <= MANY; port++)
			assert_true(may_be_recorded(dataplane, port, 6));
		assert_true(may_be_recorded(dataplane, 7, 17));
	}
	assert_flows(dataplane, MANY, 1);
	dataplane_close(dataplane);
}

static void a_restart_keeps_flows_and_another_size_starts_anew(void **state)
{
	struct dataplane *dataplane = open_with(&beside);

	assert_true(dataplane_flows_are_new(dataplane));
	add(dataplane, 1000, 6);
	assert_int_equal(dataplane_flows_settle(dataplane), 0);
	dataplane_close(dataplane);
	dataplane = open_with(&beside);
	assert_false(dataplane_flows_are_new(dataplane));
	assert_flows(dataplane, 1, 0);
	assert_true(may_be_recorded(dataplane, 1000, 6));
	dataplane_close(dataplane);
	dataplane = open_with(&larger);
	assert_true(dataplane_flows_are_new(dataplane));
	assert_flows(dataplane, 0, 0);
	dataplane_close(dataplane);
}

/* It was killed after it had pinned them: what the stack carried before is not in them. */
static void maps_of_an_agent_that_did_not_fill_them_are_new_to_the_next(void **state)
{
	struct dataplane *dataplane = open_with(&beside);

	dataplane_close(dataplane);
	dataplane = open_with(&beside);
	assert_true(dataplane_flows_are_new(dataplane));
	assert_int_equal(dataplane_flows_settle(dataplane), 0);
	dataplane_close(dataplane);
	/* The filter is an old one then. */
	for (int i = 0; i < 2; i++) {
		dataplane = open_with(&larger);
		assert_true(dataplane_flows_are_new(dataplane));
		dataplane_close(dataplane);
	}
}

static bool is_pinned(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), BPF_DIR "/%s_v%d", name, DATAPLANE_ABI_VERSION);
	return access(path, F_OK) == 0;
}

static void without_kube_proxy_there_are_no_maps_of_flows_and_old_ones_go(void **state)
{
	struct dataplane *dataplane = open_with(&beside);
	uint64_t octets = dataplane_map_octets(dataplane);

	add(dataplane, 1000, 6);
	dataplane_close(dataplane);
	dataplane = open_with(&none);
	assert_false(dataplane_is_beside(dataplane));
	/* Programs of before may still use them. */
	assert_true(is_pinned("stack_tcp"));
	assert_int_equal(dataplane_drop_old_pins(dataplane), 0);
	assert_false(is_pinned("stack_tcp") || is_pinned("stack_other") ||
		     is_pinned("stack_filter") || is_pinned("stack_counter"));
	assert_true(is_pinned("endpoint"));
	assert_true(dataplane_map_octets(dataplane) + 1000000 < octets);
	dataplane_close(dataplane);
	/* Nobody recorded meanwhile: what comes back is new. */
	dataplane = open_with(&beside);
	assert_true(dataplane_flows_are_new(dataplane));
	dataplane_close(dataplane);
}

static void a_full_map_lets_old_flows_go_not_new_ones(void **state)
{
	struct dataplane *dataplane = open_with(&beside);
	struct flow_key key;
	uint32_t value;

	for (uint16_t port = 1; port <= 3 * 4096; port++)
		add(dataplane, port, 17);
	key = flow(3 * 4096, 17);
	assert_int_equal(bpf_map_lookup_elem(dataplane->known_fd[MAP_STACK_OTHER], &key, &value),
			 0);
	dataplane_close(dataplane);
}

#define KERNEL_TEST(name) cmocka_unit_test_setup_teardown(name, fresh_bpffs, drop_bpffs)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_TEST(flows_go_into_their_maps_and_the_filter),
		KERNEL_TEST(a_new_filter_has_all_flows_that_are_there_and_none_that_are_gone),
		KERNEL_TEST(a_restart_keeps_flows_and_another_size_starts_anew),
		KERNEL_TEST(maps_of_an_agent_that_did_not_fill_them_are_new_to_the_next),
		KERNEL_TEST(without_kube_proxy_there_are_no_maps_of_flows_and_old_ones_go),
		KERNEL_TEST(a_full_map_lets_old_flows_go_not_new_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
