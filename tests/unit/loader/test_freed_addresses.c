/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of freed_addresses.c on the real kernel. Needs root; works in a mount namespace of its own
 * with a bpffs of its own.
 *
 * links: tests/unit/loader/bpffs.c
 * links: loader/freed_addresses.c loader/kept_map.c lib/ip_prefix.c lib/log.c
 * libs: -lbpf -lelf -lz
 */
#include "loader/freed_addresses.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "lib/ip_prefix.h"
#include "tests/unit/loader/bpffs.h"

#define PIN(version) BPF_MOUNT "/freed_address_v" version
#define KEEP_MS	     60000
#define ENTRIES_MAX  4096 /* of the map */

static struct ip_addr addr_number(uint64_t number)
{
	struct ip_addr base;

	assert_int_equal(ip_addr_parse("10.0.0.0", &base), 0);
	return ip_addr_add(&base, number);
}

static void note(struct freed_addresses *freed, uint64_t number, uint64_t now_ms)
{
	struct ip_addr addr = addr_number(number);

	freed_addresses_note(freed, &addr, KEEP_MS, now_ms);
}

struct seen {
	size_t count;
	struct ip_addr addr[4];
	uint64_t freed_ms[4];
};

static void see(const struct ip_addr *addr, uint64_t freed_ms, void *arg)
{
	struct seen *seen = arg;

	if (seen->count < 4) {
		seen->addr[seen->count] = *addr;
		seen->freed_ms[seen->count] = freed_ms;
	}
	seen->count++;
}

static void assert_seen(const struct seen *seen, size_t index, uint64_t number, uint64_t freed_ms)
{
	struct ip_addr addr = addr_number(number);

	assert_true(ip_addr_equal(&seen->addr[index], &addr));
	assert_int_equal(seen->freed_ms[index], freed_ms);
}

static void they_are_told_oldest_first_by_the_next_one_that_opens_the_map(void **state)
{
	struct freed_addresses *freed = freed_addresses_open(BPF_MOUNT);
	struct seen seen = { 0 };

	assert_non_null(freed);
	note(freed, 1, 3000);
	note(freed, 2, 1000);
	note(freed, 3, 2000);
	note(freed, 2, 4000); /* given back again */
	freed_addresses_close(freed);
	freed = freed_addresses_open(BPF_MOUNT);
	assert_int_equal(freed_addresses_for_each(freed, 3500, see, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_seen(&seen, 0, 3, 2000);
	assert_seen(&seen, 1, 1, 3000);
	assert_seen(&seen, 2, 2, 3500); /* never after now */
	freed_addresses_close(freed);
}

static void another_versions_pin_is_renamed_and_another_layout_made_anew(void **state)
{
	static const uint32_t sizes[][2] = { { 4, 4 }, { 16, 4 }, { 4, 8 } }; /* key, value */
	struct freed_addresses *freed = freed_addresses_open(BPF_MOUNT);
	const uint64_t long_ago = (1ull << 32) + 1000; /* needs the whole value */
	struct seen seen = { 0 };
	int fd;

	note(freed, 1, 1000);
	freed_addresses_close(freed);
	assert_int_equal(rename(PIN("1"), PIN("99")), 0);
	freed = freed_addresses_open(BPF_MOUNT);
	assert_int_equal(access(PIN("99"), F_OK), -1);
	assert_int_equal(freed_addresses_for_each(freed, 2000, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	freed_addresses_close(freed);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(unlink(PIN("1")), 0);
		fd = bpf_map_create(BPF_MAP_TYPE_HASH, "freed_address", sizes[i][0], sizes[i][1], 1,
				    NULL);
		assert_true(fd >= 0);
		assert_int_equal(bpf_obj_pin(fd, PIN("1")), 0);
		close(fd);
		freed = freed_addresses_open(BPF_MOUNT);
		note(freed, 2, long_ago);
		seen.count = 0;
		assert_int_equal(freed_addresses_for_each(freed, long_ago + 1, see, &seen), 0);
		assert_int_equal(seen.count, 1);
		assert_seen(&seen, 0, 2, long_ago);
		freed_addresses_close(freed);
	}
}

static void a_full_map_loses_what_has_rested(void **state)
{
	struct freed_addresses *freed = freed_addresses_open(BPF_MOUNT);
	struct seen seen = { 0 };

	assert_non_null(freed);
	for (uint64_t i = 0; i < ENTRIES_MAX; i++)
		note(freed, i, i < 10 ? 100000 : 100000 + KEEP_MS);
	/* Nothing has rested: the newcomer is not noted, and nothing is lost. */
	note(freed, 9000, 100000 + KEEP_MS - 1);
	assert_int_equal(freed_addresses_for_each(freed, 1000000, see, &seen), 0);
	assert_int_equal(seen.count, ENTRIES_MAX);
	/* One sweep a second: too early, then in time. */
	note(freed, 9001, 100000 + KEEP_MS + 1);
	seen.count = 0;
	assert_int_equal(freed_addresses_for_each(freed, 1000000, see, &seen), 0);
	assert_int_equal(seen.count, ENTRIES_MAX);
	note(freed, 9002, 100000 + KEEP_MS + 2000);
	seen.count = 0;
	assert_int_equal(freed_addresses_for_each(freed, 1000000, see, &seen), 0);
	assert_int_equal(seen.count, ENTRIES_MAX - 10 + 1);
	freed_addresses_close(freed);
}

static void without_a_place_for_pins_it_works_while_it_lasts(void **state)
{
	struct freed_addresses *freed = freed_addresses_open("/nonexistent");
	struct seen seen = { 0 };

	assert_non_null(freed);
	note(freed, 1, 1000);
	assert_int_equal(freed_addresses_for_each(freed, 2000, see, &seen), 0);
	assert_int_equal(seen.count, 1);
	freed_addresses_close(freed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			they_are_told_oldest_first_by_the_next_one_that_opens_the_map, fresh_bpffs,
			drop_bpffs),
		cmocka_unit_test_setup_teardown(
			another_versions_pin_is_renamed_and_another_layout_made_anew, fresh_bpffs,
			drop_bpffs),
		cmocka_unit_test_setup_teardown(a_full_map_loses_what_has_rested, fresh_bpffs,
						drop_bpffs),
		cmocka_unit_test_setup_teardown(without_a_place_for_pins_it_works_while_it_lasts,
						fresh_bpffs, drop_bpffs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
