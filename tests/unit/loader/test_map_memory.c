/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_map_memory.c: the arithmetic of loader/map_memory.c against the kernel's own report, and all
 * maps of the data plane against their budget: 2 MB and 64 KB per possible CPU, and 4 MB more for
 * flows with kube-proxy beside us.
 *
 * The kernel's figure is the "memlock" line of a map's fdinfo, which tells the real use since Linux
 * 6.4; the first test is skipped before that, or without the right to create maps.
 *
 * links: loader/map_memory.c
 * libs: -lbpf -lelf -lz
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "loader/map_memory.h"
#include "tortie.skel.h"

#define BUDGET_NODE    (2u << 20)
#define BUDGET_PER_CPU (64u << 10)
#define BUDGET_BESIDE  (4u << 20)
#define SLACK_PERCENT  2 /* heads of the maps' own structures differ between kernels */
#define SLACK_OCTETS   1024

static struct map_shape shape_of(const struct bpf_map *map)
{
	return (struct map_shape){
		.type = bpf_map__type(map),
		.key_size = bpf_map__key_size(map),
		.value_size = bpf_map__value_size(map),
		.max_entries = bpf_map__max_entries(map),
		.flags = bpf_map__map_flags(map),
	};
}

static uint64_t octets_of_all(unsigned int cpus, bool is_beside)
{
	struct tortie_bpf *skeleton = tortie_bpf__open();
	uint64_t octets = 0;
	struct bpf_map *map;

	assert_non_null(skeleton);
	bpf_object__for_each_map(map, skeleton->obj) {
		struct map_shape shape = shape_of(map);

		if (!is_beside && !strncmp(bpf_map__name(map), "stack_", strlen("stack_")))
			continue;
		octets += map_memory_octets(&shape, cpus);
	}
	tortie_bpf__destroy(skeleton);
	return octets;
}

static void check_budget(bool is_beside)
{
	static const unsigned int cpus[] = { 2, 64, 256 };

	for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
		uint64_t octets = octets_of_all(cpus[i], is_beside);
		uint64_t budget = BUDGET_NODE + (uint64_t)BUDGET_PER_CPU * cpus[i] +
				  (is_beside ? BUDGET_BESIDE : 0);

		print_message("%u CPUs: %llu octets of %llu\n", cpus[i], (unsigned long long)octets,
			      (unsigned long long)budget);
		assert_in_range(octets, 1, budget);
	}
}

static void default_maps_fit_the_budget_on_any_machine(void **state)
{
	check_budget(false);
	check_budget(true);
}

/* 0 when the kernel does not tell. */
static uint64_t reported_octets(int fd)
{
	unsigned long long octets = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "memlock: %llu", &octets) == 1)
			break;
	}
	if (file)
		fclose(file);
	return octets;
}

static void skip_before_linux_6_4(void)
{
	/* Before, the report was of elements alone, in whole pages. */
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 8, 1, NULL);
	uint64_t octets;

	if (fd < 0)
		skip();
	octets = reported_octets(fd);
	close(fd);
	if (octets <= 4096 && octets % 4096 == 0)
		skip();
}

static void computed_memory_is_what_the_kernel_reports(void **state)
{
	struct tortie_bpf *skeleton;
	struct bpf_map *map;
	int wrong = 0;

	skip_before_linux_6_4();
	skeleton = tortie_bpf__open();
	assert_non_null(skeleton);
	if (tortie_bpf__load(skeleton))
		skip();
	bpf_object__for_each_map(map, skeleton->obj) {
		struct map_shape shape = shape_of(map);
		uint64_t computed = map_memory_octets(&shape, libbpf_num_possible_cpus());
		uint64_t reported = reported_octets(bpf_map__fd(map));
		uint64_t slack = reported * SLACK_PERCENT / 100 + SLACK_OCTETS;

		if (bpf_map__is_internal(map))
			continue;
		if (computed + slack >= reported && computed <= reported + slack)
			continue;
		print_error("%s: computed %llu, the kernel says %llu\n", bpf_map__name(map),
			    (unsigned long long)computed, (unsigned long long)reported);
		wrong++;
	}
	tortie_bpf__destroy(skeleton);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_maps_fit_the_budget_on_any_machine),
		cmocka_unit_test(computed_memory_is_what_the_kernel_reports),
	};

	return cmocka_run_group_tests_name("map memory", tests, NULL, NULL);
}
