/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of dataplane.c, dataplane_pins.c and dataplane_maps.c on the real kernel: what a restart,
 * another size, another layout and strangers in the folder do to maps. Needs root; works in a mount
 * namespace of its own with a bpffs of its own.
 *
 * links: tests/unit/loader/bpffs.c
 * links: loader/folder_lock.c
 * links: loader/dataplane.c loader/dataplane_pins.c loader/dataplane_maps.c loader/map_memory.c
 * links: loader/dataplane_hops.c loader/dataplane_flows.c loader/flow_key.c
 * links: lib/ip_prefix.c lib/log.c
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
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "tests/unit/loader/bpffs.h"

#define BPF_DIR BPF_MOUNT "/tortie"

static const struct config small = {
	.map_endpoints = 64, .map_routes = 128, .map_stack_tcp = 1024, .map_stack_other = 1024
};

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(text, &addr), 0);
	return addr;
}

static struct dataplane *open_with(const struct config *config)
{
	struct dataplane *dataplane = NULL;

	assert_int_equal(dataplane_open(config, BPF_DIR, &dataplane), 0);
	return dataplane;
}

static void add_pod(struct dataplane *dataplane, const char *text, uint32_t ifindex)
{
	const struct ip_addr addr = addr_of(text);
	const struct endpoint_value value = { .ifindex = ifindex, .generation = 7 };

	assert_int_equal(dataplane_set_endpoint(dataplane, &addr, &value), 0);
}

static uint32_t pod_ifindex(struct dataplane *dataplane, const char *text)
{
	const struct ip_addr addr = addr_of(text);
	struct endpoint_value value = { 0 };

	if (dataplane_get_endpoint(dataplane, &addr, &value) < 0)
		return 0;
	return value.ifindex;
}

static bool is_pinned(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), BPF_DIR "/%s", name);
	return access(path, F_OK) == 0;
}

static char *current_pin(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s_v%d", name, DATAPLANE_ABI_VERSION);
	return buf;
}

static void a_restart_finds_the_same_maps(void **state)
{
	struct dataplane *dataplane = open_with(&small);

	add_pod(dataplane, "10.244.1.2", 11);
	dataplane_close(dataplane);
	dataplane = open_with(&small);
	assert_int_equal(pod_ifindex(dataplane, "10.244.1.2"), 11);
	dataplane_close(dataplane);
}

static void the_folder_is_for_root_alone(void **state)
{
	struct dataplane *dataplane = open_with(&small);
	struct stat st;

	assert_int_equal(stat(BPF_DIR, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	dataplane_close(dataplane);
}

static void a_folder_on_no_bpffs_is_refused(void **state)
{
	struct dataplane *dataplane = NULL;

	assert_int_equal(dataplane_open(&small, "/dev/tortie-test", &dataplane), -ENOTSUP);
	assert_null(dataplane);
}

static void a_second_agent_on_the_folder_is_refused(void **state)
{
	struct dataplane *first = open_with(&small), *second = NULL;

	assert_int_equal(dataplane_open(&small, BPF_DIR, &second), -EWOULDBLOCK);
	dataplane_close(first);
}

static void another_size_keeps_the_content(void **state)
{
	const struct config large = { .map_endpoints = 256,
				      .map_routes = 128,
				      .map_stack_tcp = 1024,
				      .map_stack_other = 1024 };
	struct endpoint_counter sum;
	struct dataplane *dataplane = open_with(&small);
	uint32_t number = 0, again = 0;

	add_pod(dataplane, "10.244.1.2", 11);
	add_pod(dataplane, "fd00:10:244:1::2", 12);
	assert_int_equal(dataplane_create_counter(dataplane, 11, &number), 0);
	dataplane_close(dataplane);
	dataplane = open_with(&large);
	assert_int_equal(pod_ifindex(dataplane, "10.244.1.2"), 11);
	assert_int_equal(pod_ifindex(dataplane, "fd00:10:244:1::2"), 12);
	assert_int_equal(dataplane_create_counter(dataplane, 11, &again), 0);
	assert_int_equal(again, number);
	assert_int_equal(dataplane_read_counter(dataplane, 11, &sum), 0);
	assert_int_equal(dataplane_drop_old_pins(dataplane), 0);
	/* The pin holds the larger map: 200 more entries fit. */
	for (int i = 0; i < 200; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.244.2.%d", i);
		add_pod(dataplane, text, 20);
	}
	dataplane_close(dataplane);
	dataplane = open_with(&large);
	assert_int_equal(pod_ifindex(dataplane, "10.244.2.199"), 20);
	dataplane_close(dataplane);
}

static void lost_pins_come_back_with_the_maps_content(void **state)
{
	struct dataplane *dataplane = open_with(&small);
	char name[64], path[128];

	add_pod(dataplane, "10.244.1.2", 11);
	snprintf(path, sizeof(path), BPF_DIR "/%s", current_pin("endpoint", name, sizeof(name)));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(dataplane_restore_pins(dataplane), 1);
	assert_int_equal(dataplane_restore_pins(dataplane), 0);
	dataplane_close(dataplane);
	dataplane = open_with(&small);
	assert_int_equal(pod_ifindex(dataplane, "10.244.1.2"), 11);
	dataplane_close(dataplane);
}

static int pin_foreign_map(enum bpf_map_type type, uint32_t key, uint32_t value, const char *name)
{
	char path[128];
	int fd = bpf_map_create(type, "foreign", key, value, 64, NULL);

	assert_true(fd >= 0);
	mkdir(BPF_DIR, 0700);
	snprintf(path, sizeof(path), BPF_DIR "/%s", name);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	return fd;
}

static void a_foreign_map_under_our_name_is_replaced(void **state)
{
	char name[64];
	int fd = pin_foreign_map(BPF_MAP_TYPE_ARRAY, 4, 8,
				 current_pin("endpoint", name, sizeof(name)));
	struct dataplane *dataplane = open_with(&small);

	add_pod(dataplane, "10.244.1.2", 11);
	dataplane_close(dataplane);
	dataplane = open_with(&small);
	assert_int_equal(pod_ifindex(dataplane, "10.244.1.2"), 11);
	dataplane_close(dataplane);
	close(fd);
}

/* A link to itself (ELOOP) stands for whatever keeps the kernel from opening a pin: ENOMEM... */
static void pin_stays_and_start_fails(const char *name)
{
	struct dataplane *dataplane = NULL;
	char path[128];

	mkdir(BPF_DIR, 0700);
	snprintf(path, sizeof(path), BPF_DIR "/%s", name);
	assert_int_equal(symlink(name, path), 0);
	assert_int_equal(dataplane_open(&small, BPF_DIR, &dataplane), -ELOOP);
	assert_int_equal(unlink(path), 0);
	dataplane = open_with(&small);
	dataplane_close(dataplane);
}

static void a_pin_that_cannot_be_opened_fails_the_start(void **state)
{
	char name[64];

	pin_stays_and_start_fails(current_pin("endpoint", name, sizeof(name)));
}

static void an_older_pin_that_cannot_be_opened_fails_the_start(void **state)
{
	pin_stays_and_start_fails("endpoint_v9000");
}

static void a_shorter_value_of_another_version_gets_zeros_behind(void **state)
{
	const struct ip_addr addr = addr_of("10.244.1.9");
	const uint32_t old_value[2] = { 33, ENDPOINT_HOST }; /* ifindex, flags: the first two */
	struct endpoint_value value;
	struct dataplane *dataplane;
	int fd = pin_foreign_map(BPF_MAP_TYPE_HASH, sizeof(addr), sizeof(old_value),
				 "endpoint_v9000");

	assert_int_equal(bpf_map_update_elem(fd, &addr, old_value, BPF_ANY), 0);
	close(fd);
	dataplane = open_with(&small);
	memset(&value, 0xff, sizeof(value));
	assert_int_equal(dataplane_get_endpoint(dataplane, &addr, &value), 0);
	assert_int_equal(value.ifindex, 33);
	assert_int_equal(value.flags, ENDPOINT_HOST);
	assert_int_equal(value.generation, 0);
	assert_int_equal(value.mac[5], 0);
	/* Programs may still run on the old maps: their pins stay until told. */
	assert_true(is_pinned("endpoint_v9000"));
	assert_int_equal(dataplane_drop_old_pins(dataplane), 0);
	assert_false(is_pinned("endpoint_v9000"));
	dataplane_close(dataplane);
}

static void a_longer_value_of_another_version_is_cut(void **state)
{
	const struct ip_addr addr = addr_of("10.244.1.9");
	uint8_t old_value[sizeof(struct endpoint_value) + 32];
	struct dataplane *dataplane;
	uint32_t ifindex = 44;
	int fd = pin_foreign_map(BPF_MAP_TYPE_HASH, sizeof(addr), sizeof(old_value),
				 "endpoint_v9000");

	memset(old_value, 0xee, sizeof(old_value));
	memcpy(old_value, &ifindex, sizeof(ifindex));
	assert_int_equal(bpf_map_update_elem(fd, &addr, old_value, BPF_ANY), 0);
	close(fd);
	dataplane = open_with(&small);
	assert_int_equal(pod_ifindex(dataplane, "10.244.1.9"), 44);
	dataplane_close(dataplane);
}

static int open_pin(const char *map)
{
	char name[64], path[128];
	int fd;

	snprintf(path, sizeof(path), BPF_DIR "/%s", current_pin(map, name, sizeof(name)));
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

static int open_counters(void)
{
	return open_pin("ep_counter");
}

static void count_in(int fd, uint32_t number, uint64_t packets)
{
	unsigned int cpus = (unsigned int)libbpf_num_possible_cpus();
	struct endpoint_counter *value = calloc(cpus, sizeof(*value));

	assert_non_null(value);
	for (unsigned int i = 0; i < cpus; i++)
		value[i].tx_packets = packets;
	assert_int_equal(bpf_map_update_elem(fd, &number, value, BPF_ANY), 0);
	free(value);
}

static uint64_t sent(struct dataplane *dataplane, uint32_t ifindex)
{
	struct endpoint_counter sum;

	assert_int_equal(dataplane_read_counter(dataplane, ifindex, &sum), 0);
	return sum.tx_packets;
}

static uint32_t new_counter(struct dataplane *dataplane, uint32_t ifindex)
{
	uint32_t number = 0;

	assert_int_equal(dataplane_create_counter(dataplane, ifindex, &number), 0);
	assert_in_range(number, 1, small.map_endpoints - 1);
	return number;
}

static void counts_stay_with_their_pod_over_a_restart(void **state)
{
	uint64_t cpus = (uint64_t)libbpf_num_possible_cpus();
	struct dataplane *dataplane = open_with(&small);
	uint32_t first = new_counter(dataplane, 11);
	uint32_t second = new_counter(dataplane, 12);
	int fd = open_counters();

	assert_int_not_equal(first, second);
	count_in(fd, first, 3);
	count_in(fd, second, 4);
	dataplane_close(dataplane);
	dataplane = open_with(&small);
	assert_int_equal(new_counter(dataplane, 12), second);
	assert_int_equal(new_counter(dataplane, 11), first);
	assert_int_equal(sent(dataplane, 11), 3 * cpus);
	assert_int_equal(sent(dataplane, 12), 4 * cpus);
	assert_int_not_equal(new_counter(dataplane, 13), first);
	assert_int_not_equal(new_counter(dataplane, 14), second);
	dataplane_close(dataplane);
	close(fd);
}

static void a_new_pod_starts_from_zero_at_any_number(void **state)
{
	struct dataplane *dataplane = open_with(&small);
	struct endpoint_counter sum;
	uint32_t before = 0;
	int fd = open_counters();

	/* Twice around all numbers. */
	for (uint32_t ifindex = 100; ifindex < 100 + 2 * small.map_endpoints; ifindex++) {
		uint32_t number = new_counter(dataplane, ifindex);

		/* A program may still count for the one before. */
		assert_int_not_equal(number, before);
		before = number;
		assert_int_equal(sent(dataplane, ifindex), 0);
		count_in(fd, number, 1000);
		assert_int_equal(dataplane_delete_counter(dataplane, ifindex), 0);
		assert_int_equal(dataplane_read_counter(dataplane, ifindex, &sum), -ENOENT);
	}
	dataplane_close(dataplane);
	close(fd);
}

static void pods_beyond_the_numbers_are_refused(void **state)
{
	struct dataplane *dataplane = open_with(&small);
	uint32_t number, freed;

	for (uint32_t ifindex = 1; ifindex < small.map_endpoints; ifindex++)
		new_counter(dataplane, ifindex);
	assert_int_equal(dataplane_create_counter(dataplane, 1000, &number), -ENOSPC);
	freed = new_counter(dataplane, 7);
	assert_int_equal(dataplane_delete_counter(dataplane, 7), 0);
	assert_int_equal(dataplane_create_counter(dataplane, 1000, &number), 0);
	assert_int_equal(number, freed);
	dataplane_close(dataplane);
}

static void a_number_outside_of_a_smaller_map_is_replaced(void **state)
{
	const struct config large = { .map_endpoints = 256,
				      .map_routes = 128,
				      .map_stack_tcp = 1024,
				      .map_stack_other = 1024 };
	struct dataplane *dataplane = open_with(&large);
	uint32_t number = 0;

	for (uint32_t ifindex = 1; ifindex <= 100; ifindex++)
		assert_int_equal(dataplane_create_counter(dataplane, ifindex, &number), 0);
	for (uint32_t ifindex = 1; ifindex < 100; ifindex++)
		assert_int_equal(dataplane_delete_counter(dataplane, ifindex), 0);
	assert_in_range(number, small.map_endpoints, 255);
	dataplane_close(dataplane);
	dataplane = open_with(&small);
	new_counter(dataplane, 100);
	assert_int_equal(sent(dataplane, 100), 0);
	dataplane_close(dataplane);
}

static void what_old_programs_count_until_the_end_is_added_once(void **state)
{
	uint64_t cpus = (uint64_t)libbpf_num_possible_cpus();
	const uint32_t ifindex = 30, number = 5;
	struct dataplane *dataplane;
	int slots = pin_foreign_map(BPF_MAP_TYPE_HASH, 4, 4, "ep_slot_v9000");
	int fd = pin_foreign_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct endpoint_counter),
				 "ep_counter_v9000");

	assert_int_equal(bpf_map_update_elem(slots, &ifindex, &number, BPF_ANY), 0);
	count_in(fd, number, 10);
	dataplane = open_with(&small);
	/* The number is there for the new programs before the switch, the counts after it. */
	assert_int_equal(sent(dataplane, ifindex), 0);
	count_in(fd, number, 100);
	assert_int_equal(dataplane_drop_old_pins(dataplane), 0);
	assert_int_equal(sent(dataplane, ifindex), 100 * cpus);
	assert_int_equal(dataplane_drop_old_pins(dataplane), 0);
	assert_int_equal(sent(dataplane, ifindex), 100 * cpus);
	dataplane_close(dataplane);
	close(fd);
	close(slots);
}

static uint32_t pinned_generation(void)
{
	uint32_t key = 0, generation = 0;
	int fd = open_pin("generation");

	assert_int_equal(bpf_map_lookup_elem(fd, &key, &generation), 0);
	close(fd);
	return generation;
}

static void every_change_and_every_start_raise_the_generation(void **state)
{
	const struct ip_addr addr = addr_of("10.244.1.2");
	const struct ip_prefix block = ip_prefix_make(&addr, 120);
	const struct route_value route = { .how = ROUTE_DIRECT };
	const struct dataplane_settings settings = { .v4_count = 1, .v4_bits = { 120 } };
	struct dataplane *dataplane = open_with(&small);
	uint32_t last = pinned_generation();

	assert_int_not_equal(last, 0);
	add_pod(dataplane, "10.244.1.2", 11);
	assert_in_range(pinned_generation(), last + 1, last + 9);
	last = pinned_generation();
	assert_int_equal(dataplane_delete_endpoint(dataplane, &addr), 0);
	assert_in_range(pinned_generation(), last + 1, last + 9);
	last = pinned_generation();
	assert_int_equal(dataplane_set_route(dataplane, &block, &route), 0);
	assert_in_range(pinned_generation(), last + 1, last + 9);
	last = pinned_generation();
	assert_int_equal(dataplane_delete_route(dataplane, &block), 0);
	assert_in_range(pinned_generation(), last + 1, last + 9);
	last = pinned_generation();
	assert_int_equal(dataplane_set_settings(dataplane, &settings), 0);
	assert_in_range(pinned_generation(), last + 1, last + 9);
	last = pinned_generation();
	dataplane_hold_generation(dataplane);
	assert_int_equal(dataplane_set_route(dataplane, &block, &route), 0);
	assert_int_equal(dataplane_delete_route(dataplane, &block), 0);
	assert_int_equal(pinned_generation(), last);
	assert_int_equal(dataplane_release_generation(dataplane), 0);
	assert_int_equal(pinned_generation(), last + 1); /* once for both */
	dataplane_hold_generation(dataplane);
	assert_int_equal(dataplane_release_generation(dataplane), 0);
	assert_int_equal(pinned_generation(), last + 1); /* nothing has changed */
	last = pinned_generation();
	dataplane_close(dataplane);
	dataplane = open_with(&small);
	assert_in_range(pinned_generation(), last + 1, last + 9);
	/* And when the last hook has left the programs of before, which looked at older maps. */
	last = pinned_generation();
	assert_int_equal(dataplane_drop_old_pins(dataplane), 0);
	assert_in_range(pinned_generation(), last + 1, last + 9);
	dataplane_close(dataplane);
}

static void put_into_pin(const char *map, const void *key, const void *value)
{
	int fd = open_pin(map);

	assert_int_equal(bpf_map_update_elem(fd, key, value, BPF_ANY), 0);
	close(fd);
}

static void what_somebody_wrote_into_the_maps_does_no_harm_after_a_start(void **state)
{
	const uint32_t other = 51, key = 0, last_generation = UINT32_MAX;
	struct dataplane *dataplane = open_with(&small);
	const uint32_t number = new_counter(dataplane, 50);

	put_into_pin("ep_slot", &other, &number);
	put_into_pin("generation", &key, &last_generation);
	dataplane_close(dataplane);
	dataplane = open_with(&small);
	/* No two pods share a number, and 0, which would switch remembering off, is passed over. */
	assert_int_not_equal(new_counter(dataplane, 50), new_counter(dataplane, 51));
	assert_int_not_equal(pinned_generation(), 0);
	dataplane_close(dataplane);
}

static int delete_each(const struct ip_addr *addr, const struct endpoint_value *value, void *arg)
{
	struct dataplane **dataplane = arg;

	return dataplane_delete_endpoint(*dataplane, addr);
}

static void a_walk_may_delete_what_it_meets(void **state)
{
	struct dataplane *dataplane = open_with(&small);

	for (int i = 0; i < 50; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.244.1.%d", i);
		add_pod(dataplane, text, 1);
	}
	assert_int_equal(dataplane_for_each_endpoint(dataplane, delete_each, &dataplane), 0);
	assert_int_equal(pod_ifindex(dataplane, "10.244.1.0"), 0);
	assert_int_equal(pod_ifindex(dataplane, "10.244.1.49"), 0);
	dataplane_close(dataplane);
}

static void deleting_what_is_not_there_is_success(void **state)
{
	struct dataplane *dataplane = open_with(&small);
	const struct ip_addr addr = addr_of("10.244.1.1");
	const struct ip_prefix prefix = ip_prefix_host(&addr);

	assert_int_equal(dataplane_delete_endpoint(dataplane, &addr), 0);
	assert_int_equal(dataplane_delete_route(dataplane, &prefix), 0);
	assert_int_equal(dataplane_delete_counter(dataplane, 77), 0);
	dataplane_close(dataplane);
}

static void a_full_map_says_so(void **state)
{
	struct dataplane *dataplane = open_with(&small);
	const struct endpoint_value value = { .ifindex = 1 };
	int err = 0;

	for (int i = 0; i < 100 && !err; i++) {
		struct ip_addr addr = addr_of("10.244.1.0");

		addr = ip_addr_add(&addr, (uint64_t)i);
		err = dataplane_set_endpoint(dataplane, &addr, &value);
	}
	assert_int_equal(err, -E2BIG);
	dataplane_close(dataplane);
}

#define KERNEL_TEST(name) cmocka_unit_test_setup_teardown(name, fresh_bpffs, drop_bpffs)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_TEST(a_restart_finds_the_same_maps),
		KERNEL_TEST(the_folder_is_for_root_alone),
		KERNEL_TEST(a_folder_on_no_bpffs_is_refused),
		KERNEL_TEST(a_second_agent_on_the_folder_is_refused),
		KERNEL_TEST(another_size_keeps_the_content),
		KERNEL_TEST(lost_pins_come_back_with_the_maps_content),
		KERNEL_TEST(a_foreign_map_under_our_name_is_replaced),
		KERNEL_TEST(a_pin_that_cannot_be_opened_fails_the_start),
		KERNEL_TEST(an_older_pin_that_cannot_be_opened_fails_the_start),
		KERNEL_TEST(a_shorter_value_of_another_version_gets_zeros_behind),
		KERNEL_TEST(a_longer_value_of_another_version_is_cut),
		KERNEL_TEST(counts_stay_with_their_pod_over_a_restart),
		KERNEL_TEST(a_new_pod_starts_from_zero_at_any_number),
		KERNEL_TEST(pods_beyond_the_numbers_are_refused),
		KERNEL_TEST(a_number_outside_of_a_smaller_map_is_replaced),
		KERNEL_TEST(what_old_programs_count_until_the_end_is_added_once),
		KERNEL_TEST(every_change_and_every_start_raise_the_generation),
		KERNEL_TEST(what_somebody_wrote_into_the_maps_does_no_harm_after_a_start),
		KERNEL_TEST(a_walk_may_delete_what_it_meets),
		KERNEL_TEST(deleting_what_is_not_there_is_success),
		KERNEL_TEST(a_full_map_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
