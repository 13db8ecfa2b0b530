/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of ipam*.c: which address is handed out, and that nothing is lost.
 *
 * links: tests/unit/addresses.c
 * links: loader/ipam.c loader/ipam_local.c loader/ipam_choice.c loader/ipam_block.c
 * links: lib/ip_prefix.c lib/text.c
 */
#include "loader/ipam.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "tests/unit/addresses.h"

#define QUARANTINE_MS 60000

typedef char pool_name[NAME_MAX_LEN + 1];

/* A configuration of one-block pools named p0, p1, ...; the arrays live as long as the test. */
static struct ipam *make_ipam(const char *const *blocks, size_t count)
{
	static struct config_pool pools[8];
	static struct ip_prefix block[8];
	struct config config = { .pool = pools, .pool_count = count, .quarantine_s = 60 };
	struct ipam *ipam = NULL;

	memset(pools, 0, sizeof(pools));
	for (size_t i = 0; i < count; i++) {
		block[i] = prefix(blocks[i]);
		snprintf(pools[i].name, sizeof(pools[i].name), "p%zu", i);
		pools[i].cidr = block[i];
		pools[i].block = &block[i];
		pools[i].block_count = 1;
	}
	assert_int_equal(ipam_local_new(&config, &ipam), 0);
	return ipam;
}

static int take(struct ipam *ipam, uint64_t now_ms, char *ret_text)
{
	struct ipam_request request = { .now_ms = now_ms };
	struct ipam_answer answer;
	char text[IP_ADDR_TEXT_MAX];
	int err = ipam_take(ipam, &request, &answer);

	if (err < 0) {
		strcpy(ret_text, answer.error);
		return err;
	}
	ret_text[0] = '\0';
	for (size_t i = 0; i < answer.count; i++) {
		if (i > 0)
			strcat(ret_text, " ");
		strcat(ret_text, ip_addr_format(&answer.addr[i], text, sizeof(text)));
	}
	return 0;
}

static void assert_takes(struct ipam *ipam, uint64_t now_ms, const char *want)
{
	char text[TEXT_MAX + 1];

	assert_int_equal(take(ipam, now_ms, text), 0);
	assert_string_equal(text, want);
}

static void release(struct ipam *ipam, const char *text, uint64_t now_ms)
{
	struct ip_addr address = addr(text);

	ipam_release(ipam, &address, now_ms);
}

static void addresses_of_both_families_come_together(void **state)
{
	const char *blocks[] = { "10.244.1.0/24", "fd00:10:244:1::/64" };
	struct ipam *ipam = make_ipam(blocks, 2);

	assert_takes(ipam, 0, "10.244.1.1 fd00:10:244:1::1");
	assert_takes(ipam, 0, "10.244.1.2 fd00:10:244:1::2");
	ipam_free(ipam);
}

static void every_ipv4_address_of_a_block_is_used_once(void **state)
{
	const char *blocks[] = { "10.244.1.0/24" };
	struct ipam *ipam = make_ipam(blocks, 1);
	char text[TEXT_MAX + 1];
	bool seen[256] = { false };

	for (int i = 0; i < 256; i++) {
		unsigned int last;

		assert_int_equal(take(ipam, 0, text), 0);
		assert_int_equal(sscanf(text, "10.244.1.%u", &last), 1);
		assert_false(seen[last]);
		seen[last] = true;
	}
	assert_int_equal(take(ipam, 0, text), -ENOSPC);
	assert_non_null(strstr(text, "pool \"p0\" (10.244.1.0/24): 256 of 256 in use"));
	assert_non_null(strstr(text, "pools[].blocks"));
	ipam_free(ipam);
}

/* RFC 4291 section 2.6.1, RFC 6164. */
static void the_subnet_router_anycast_address_is_no_pods(void **state)
{
	const char *blocks[] = { "fd00::/126" }, *pair[] = { "fd00::/127" };
	struct ipam *ipam = make_ipam(blocks, 1);
	char text[TEXT_MAX + 1];

	assert_takes(ipam, 0, "fd00::1");
	assert_takes(ipam, 0, "fd00::2");
	assert_takes(ipam, 0, "fd00::3");
	assert_int_equal(take(ipam, 0, text), -ENOSPC);
	ipam_free(ipam);
	ipam = make_ipam(pair, 1);
	assert_takes(ipam, 0, "fd00::1");
	assert_takes(ipam, 0, "fd00::");
	assert_int_equal(take(ipam, 0, text), -ENOSPC);
	ipam_free(ipam);
}

static void the_address_free_longest_is_handed_out_next(void **state)
{
	const char *blocks[] = { "10.0.0.0/30" };
	struct ipam *ipam = make_ipam(blocks, 1);

	assert_takes(ipam, 0, "10.0.0.1");
	assert_takes(ipam, 0, "10.0.0.2");
	release(ipam, "10.0.0.2", 1000);
	release(ipam, "10.0.0.1", 2000);
	assert_takes(ipam, 200000, "10.0.0.3");
	assert_takes(ipam, 200000, "10.0.0.0");
	assert_takes(ipam, 200000, "10.0.0.2");
	assert_takes(ipam, 200000, "10.0.0.1");
	ipam_free(ipam);
}

static void an_address_in_quarantine_is_taken_when_nothing_else_is_free(void **state)
{
	const char *blocks[] = { "10.0.0.0/32", "10.0.1.0/32" };
	struct ipam *ipam = make_ipam(blocks, 2);

	assert_takes(ipam, 0, "10.0.0.0");
	release(ipam, "10.0.0.0", 1000);
	/* p0 is preferred, but its address is in quarantine and p1 has a fresh one */
	assert_takes(ipam, 1000 + QUARANTINE_MS - 1, "10.0.1.0");
	assert_takes(ipam, 1000 + QUARANTINE_MS - 1, "10.0.0.0");
	release(ipam, "10.0.1.0", 100000);
	release(ipam, "10.0.0.0", 100001);
	assert_takes(ipam, 100002, "10.0.1.0");
	release(ipam, "10.0.1.0", 100003);
	assert_takes(ipam, 100003 + QUARANTINE_MS, "10.0.0.0");
	/* At the very end of its quarantine it is p0's again. */
	release(ipam, "10.0.0.0", 200000);
	assert_takes(ipam, 200000 + QUARANTINE_MS, "10.0.0.0");
	ipam_free(ipam);
}

static void the_family_that_lacks_an_address_is_told(void **state)
{
	const char *blocks[] = { "10.0.0.0/32", "fd00::/128" };

	for (size_t first = 0; first < 2; first++) { /* the first pod takes this family alone */
		const struct ip_addr want = addr(first == 0 ? "10.0.0.0" : "fd00::");
		const pool_name pools[] = { { 'p', (char)('0' + first) } };
		struct ipam *ipam = make_ipam(blocks, 2);
		struct ipam_request one = { .pools = pools, .pool_count = 1 }, both = { 0 };
		struct ipam_answer answer;

		assert_int_equal(ipam_take(ipam, &one, &answer), 0);
		assert_true(ip_addr_equal(&answer.addr[0], &want));
		assert_int_equal(ipam_take(ipam, &both, &answer), -ENOSPC);
		assert_int_equal(answer.lacks_v4, first == 0);
		ipam_free(ipam);
	}
}

static void nothing_is_taken_when_one_family_is_exhausted(void **state)
{
	const char *blocks[] = { "10.0.0.0/24", "fd00::/128" };
	struct ipam *ipam = make_ipam(blocks, 2);
	char text[TEXT_MAX + 1];

	assert_takes(ipam, 0, "10.0.0.1 fd00::");
	for (int i = 0; i < 300; i++)
		assert_int_equal(take(ipam, 0, text), -ENOSPC);
	assert_non_null(strstr(text, "no free IPv6 address"));
	release(ipam, "fd00::", 0);
	assert_takes(ipam, QUARANTINE_MS, "10.0.0.2 fd00::");
	ipam_free(ipam);
}

static void pools_are_chosen_by_name_or_cidr_in_order(void **state)
{
	const char *blocks[] = { "10.0.0.0/30", "10.0.1.0/30" };
	pool_name by_name[] = { "p1", "p0" }, by_cidr[] = { "10.0.1.0/30" }, wrong[] = { "p2" };
	struct ipam *ipam = make_ipam(blocks, 2);
	struct ipam_request named = { .pools = by_name, .pool_count = 2 };
	struct ipam_request cidr = { .pools = by_cidr, .pool_count = 1 };
	struct ipam_request unknown = { .pools = wrong, .pool_count = 1 };
	struct ipam_answer answer;
	struct ip_addr want;

	for (int i = 0; i < 4; i++) {
		assert_int_equal(ipam_take(ipam, &named, &answer), 0);
		want = addr("10.0.1.0");
		assert_memory_equal(&answer.addr[0].word[0], &want.word[0], 12);
	}
	assert_int_equal(ipam_take(ipam, &cidr, &answer), -ENOSPC);
	assert_null(strstr(answer.error, "p0"));
	assert_int_equal(ipam_probe(ipam, &cidr, &answer), -ENOSPC);
	assert_int_equal(ipam_take(ipam, &named, &answer), 0);
	want = addr("10.0.0.1");
	assert_memory_equal(&answer.addr[0], &want, sizeof(want));
	assert_int_equal(ipam_take(ipam, &unknown, &answer), -ENOENT);
	assert_non_null(strstr(answer.error,
			       "pool \"p2\": no such pool; this node's file has \"p0\", \"p1\""));
	ipam_free(ipam);
}

static void a_pool_without_a_block_is_said_so(void **state)
{
	struct config_pool pool = { .name = "empty", .cidr = prefix("10.0.0.0/8") };
	struct config config = { .pool = &pool, .pool_count = 1 };
	char text[TEXT_MAX + 1];
	struct ipam *ipam;

	assert_int_equal(ipam_local_new(&config, &ipam), 0);
	assert_int_equal(take(ipam, 0, text), -ENOSPC);
	assert_non_null(strstr(text, "\"empty\""));
	assert_non_null(strstr(text, "pools[].blocks"));
	ipam_free(ipam);
}

static void ranges_of_one_name_are_one_pool(void **state)
{
	struct ip_prefix block[2] = { prefix("10.0.0.0/32"), prefix("10.8.0.0/32") };
	struct config_pool pools[3] = {
		{ "p", prefix("10.0.0.0/24"), false, &block[0], 1 },
		{ "p", prefix("10.4.0.0/24"), false, NULL, 0 },
		{ "p", prefix("10.8.0.0/24"), false, &block[1], 1 },
	};
	struct config config = { .pool = pools, .pool_count = 3 };
	static const char name[1][NAME_MAX_LEN + 1] = { "p" };
	struct ipam_request request = { .pools = name, .pool_count = 1 };
	struct ip_addr second = addr("10.8.0.0");
	struct ipam_answer answer;
	struct ipam *ipam;

	assert_int_equal(ipam_local_new(&config, &ipam), 0);
	assert_int_equal(ipam_take(ipam, &request, &answer), 0);
	assert_int_equal(ipam_take(ipam, &request, &answer), 0);
	assert_true(ip_addr_equal(&answer.addr[0], &second));
	assert_int_equal(ipam_take(ipam, &request, &answer), -ENOSPC);
	ipam_free(ipam);
}

static struct config_range range(const char *text)
{
	const char *dash = strchr(text, '-');
	char first[IP_ADDR_TEXT_MAX];
	struct ip_prefix whole;

	if (dash == NULL) {
		whole = prefix(text);
		return (struct config_range){ whole.addr, ip_prefix_last(&whole) };
	}
	snprintf(first, sizeof(first), "%.*s", (int)(dash - text), text);
	return (struct config_range){ addr(first), addr(dash + 1) };
}

static struct ipam *make_reserved(const char *block_text, const char *const *reserved_text,
				  size_t count)
{
	struct config_range reserved[4];
	struct ip_prefix block = prefix(block_text);
	struct config_pool pool = { "p", block, false, &block, 1 };
	struct config config = { .pool = &pool,
				 .pool_count = 1,
				 .quarantine_s = 60,
				 .reserved = reserved,
				 .reserved_count = count };
	struct ipam *ipam;

	for (size_t i = 0; i < count; i++)
		reserved[i] = range(reserved_text[i]);
	assert_int_equal(ipam_local_new(&config, &ipam), 0);
	return ipam;
}

static void reserved_addresses_are_never_handed_out(void **state)
{
	/* One inside another, one beside the block, one at its end. */
	const char *reserved[] = { "10.0.0.2/31", "10.0.0.3/32", "10.0.1.0/24", "10.0.0.7/32" };
	struct ipam *ipam = make_reserved("10.0.0.0/29", reserved, 4);
	struct ip_addr three = addr("10.0.0.3");
	char text[TEXT_MAX + 1];

	/* A pod has one already: it stays taken, and is not handed out when it is free. */
	assert_int_equal(ipam_adopt(ipam, &three), 0);
	ipam_release(ipam, &three, 0);
	assert_takes(ipam, 0, "10.0.0.4");
	assert_takes(ipam, 0, "10.0.0.5");
	assert_takes(ipam, 0, "10.0.0.6");
	assert_takes(ipam, 0, "10.0.0.0");
	assert_takes(ipam, 0, "10.0.0.1");
	assert_int_equal(take(ipam, 100000, text), -ENOSPC);
	assert_non_null(strstr(text, "5 of 5 in use"));
	ipam_free(ipam);
}

static void a_reserved_ipv6_range_is_passed_over_at_once(void **state)
{
	const char *reserved[] = { "2001:db8::/65" };
	struct ipam *ipam = make_reserved("2001:db8::/64", reserved, 1);
	const char *all[] = { "2001:db8::/48" };
	char text[TEXT_MAX + 1];

	assert_takes(ipam, 0, "2001:db8:0:0:8000::");
	ipam_free(ipam);
	ipam = make_reserved("2001:db8::/64", all, 1);
	assert_int_equal(take(ipam, 0, text), -ENOSPC);
	ipam_free(ipam);
}

static void reserved_ranges_may_cross_each_other_and_the_block(void **state)
{
	const char *reserved[] = { "9.255.255.250-10.0.0.1", "10.0.0.3-10.0.0.5",
				   "10.0.0.4-10.0.0.6", "fd00::-fd00::9" };
	struct ipam *ipam = make_reserved("10.0.0.0/29", reserved, 4);
	char text[TEXT_MAX + 1];

	assert_takes(ipam, 0, "10.0.0.2");
	assert_takes(ipam, 0, "10.0.0.7");
	assert_int_equal(take(ipam, 0, text), -ENOSPC);
	assert_non_null(strstr(text, "2 of 2 in use"));
	ipam_free(ipam);
}

static void an_update_keeps_what_is_taken_and_in_quarantine(void **state)
{
	struct ip_prefix block[2] = { prefix("10.0.0.0/30"), prefix("10.1.0.0/30") };
	struct config_range reserved = range("10.0.0.3/32");
	struct config_pool pools[2] = { { "a", prefix("10.0.0.0/16"), false, &block[0], 1 },
					{ "b", prefix("10.1.0.0/16"), false, &block[1], 1 } };
	struct config config = { .pool = pools, .pool_count = 1, .quarantine_s = 60 };
	struct ip_addr one = addr("10.0.0.1"), far = addr("10.1.0.1");
	char text[TEXT_MAX + 1];
	struct ipam *ipam;

	assert_int_equal(ipam_local_new(&config, &ipam), 0);
	assert_takes(ipam, 0, "10.0.0.1");
	assert_takes(ipam, 0, "10.0.0.2");
	ipam_release(ipam, &one, 1000);
	/* A block comes, an address is reserved. */
	config.pool_count = 2;
	config.reserved = &reserved;
	config.reserved_count = 1;
	assert_int_equal(ipam_update(ipam, &config), 0);
	assert_takes(ipam, 2000, "10.0.0.0");
	assert_takes(ipam, 2000, "10.1.0.1"); /* .1 rests, .3 is reserved */
	/* The first block goes: what was in it is nobody's any more, and its release is fine. */
	config.pool = &pools[1];
	config.pool_count = 1;
	assert_int_equal(ipam_update(ipam, &config), 0);
	assert_false(ipam_holds(ipam, &one));
	assert_true(ipam_holds(ipam, &far));
	ipam_release(ipam, &one, 3000);
	assert_int_equal(ipam_adopt(ipam, &far), -EEXIST);
	/* No block at all, and the first again: a live pod's address is adopted. */
	config.pool_count = 0;
	assert_int_equal(ipam_update(ipam, &config), 0);
	assert_int_equal(take(ipam, 4000, text), -ENOSPC);
	config.pool = pools;
	config.pool_count = 1;
	config.reserved_count = 0;
	assert_int_equal(ipam_update(ipam, &config), 0);
	assert_int_equal(ipam_adopt(ipam, &one), 0);
	assert_takes(ipam, 5000, "10.0.0.2");
	ipam_free(ipam);
}

/* An IPReservation may be deleted while the agent runs. */
static void what_is_reserved_no_more_is_handed_out(void **state)
{
	struct ip_prefix block = prefix("10.0.0.0/29");
	struct config_range reserved = range("10.0.0.2-10.0.0.3");
	struct config_pool pool = { "p", block, false, &block, 1 };
	struct config config = { .pool = &pool,
				 .pool_count = 1,
				 .quarantine_s = 60,
				 .reserved = &reserved,
				 .reserved_count = 1 };
	char text[TEXT_MAX + 1];
	struct ipam *ipam;

	assert_int_equal(ipam_local_new(&config, &ipam), 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(take(ipam, 0, text), 0);
	assert_int_equal(take(ipam, 0, text), -ENOSPC);
	config.reserved_count = 0;
	assert_int_equal(ipam_update(ipam, &config), 0);
	assert_takes(ipam, 0, "10.0.0.2");
	assert_takes(ipam, 0, "10.0.0.3");
	assert_int_equal(take(ipam, 0, text), -ENOSPC);
	ipam_free(ipam);
}

static void a_probe_takes_nothing(void **state)
{
	const char *blocks[] = { "10.0.0.0/32" };
	struct ipam *ipam = make_ipam(blocks, 1);
	struct ipam_request request = { 0 };
	struct ipam_answer answer;

	for (int i = 0; i < 3; i++)
		assert_int_equal(ipam_probe(ipam, &request, &answer), 0);
	assert_takes(ipam, 0, "10.0.0.0");
	assert_int_equal(ipam_probe(ipam, &request, &answer), -ENOSPC);
	ipam_free(ipam);
}

static void adopted_addresses_are_taken_and_new_ones_come_behind_them(void **state)
{
	const char *blocks[] = { "10.0.0.0/29" };
	struct ipam *ipam = make_ipam(blocks, 1);
	struct ip_addr five = addr("10.0.0.5"), two = addr("10.0.0.2"), far = addr("10.1.0.5");

	assert_int_equal(ipam_adopt(ipam, &five), 0);
	assert_int_equal(ipam_adopt(ipam, &two), 0);
	assert_int_equal(ipam_adopt(ipam, &five), -EEXIST);
	assert_int_equal(ipam_adopt(ipam, &far), -ENOENT);
	assert_takes(ipam, 0, "10.0.0.6");
	assert_takes(ipam, 0, "10.0.0.7");
	assert_takes(ipam, 0, "10.0.0.0");
	assert_takes(ipam, 0, "10.0.0.1");
	assert_takes(ipam, 0, "10.0.0.3");
	ipam_free(ipam);
}

static void a_node_address_in_the_block_is_never_handed_out(void **state)
{
	struct ip_prefix block = prefix("10.0.0.0/30");
	struct config_pool pool = { .name = "p", .cidr = block, .block = &block, .block_count = 1 };
	struct config config = { .pool = &pool, .pool_count = 1, .node_address_count = 1 };
	struct ipam *ipam;

	config.node_address[0] = addr("10.0.0.1");
	assert_int_equal(ipam_local_new(&config, &ipam), 0);
	assert_takes(ipam, 0, "10.0.0.2");
	assert_takes(ipam, 0, "10.0.0.3");
	assert_takes(ipam, 0, "10.0.0.0");
	ipam_free(ipam);
}

static void releasing_what_nobody_has_changes_nothing(void **state)
{
	const char *blocks[] = { "10.0.0.0/31" };
	struct ipam *ipam = make_ipam(blocks, 1);
	char text[TEXT_MAX + 1];

	release(ipam, "10.0.0.1", 0);
	release(ipam, "10.9.9.9", 0);
	assert_takes(ipam, 0, "10.0.0.1");
	release(ipam, "10.0.0.1", 0);
	release(ipam, "10.0.0.1", 0);
	assert_takes(ipam, 0, "10.0.0.0");
	assert_takes(ipam, 0, "10.0.0.1");
	assert_int_equal(take(ipam, 0, text), -ENOSPC);
	ipam_free(ipam);
}

/* 100,000 pods come and go in a block of 65,536 with at most one there: nothing is handed out again
 * within its quarantine, and the block does not run dry. */
static void a_large_block_goes_round_without_end(void **state)
{
	const char *blocks[] = { "10.0.0.0/16" };
	struct ipam *ipam = make_ipam(blocks, 1);
	uint64_t *freed_ms = calloc(65536, sizeof(*freed_ms));
	char text[TEXT_MAX + 1];

	assert_non_null(freed_ms);
	for (uint64_t i = 1; i <= 100000; i++) {
		unsigned int high, low;

		assert_int_equal(take(ipam, i * 10, text), 0);
		assert_int_equal(sscanf(text, "10.0.%u.%u", &high, &low), 2);
		if (freed_ms[high * 256 + low] != 0)
			assert_true(i * 10 - freed_ms[high * 256 + low] >= QUARANTINE_MS);
		freed_ms[high * 256 + low] = i * 10;
		release(ipam, text, i * 10);
	}
	/* Those that were forgotten meanwhile are not lost: more than it can remember are there. */
	for (int i = 0; i < 10000; i++)
		assert_int_equal(take(ipam, 2000000, text), 0);
	free(freed_ms);
	ipam_free(ipam);
}

/* Most of 8,191 that came and went; the one address still before the cursor is taken by name. */
static void forgotten_addresses_are_found_again(void **state)
{
	const char *blocks[] = { "10.0.0.0/19" };
	struct ipam *ipam = make_ipam(blocks, 1);
	struct ip_addr last = addr("10.0.0.0");
	struct ipam_request request = { .want = &last, .want_count = 1 };
	struct ipam_answer answer;
	char text[TEXT_MAX + 1];

	assert_int_equal(ipam_take(ipam, &request, &answer), 0);
	for (uint64_t i = 1; i < 8192; i++) {
		assert_int_equal(take(ipam, i * 100, text), 0);
		release(ipam, text, i * 100);
	}
	for (int i = 1; i < 8192; i++)
		assert_int_equal(take(ipam, 1000000, text), 0);
	assert_int_equal(take(ipam, 1000000, text), -ENOSPC);
	ipam_free(ipam);
}

/* More than a block remembers for good, and each of them given back less than a minute ago. */
static void a_large_block_that_rests_leaves_new_pods_to_the_next_pool(void **state)
{
	const char *blocks[] = { "10.0.0.0/19", "10.1.0.0/24" };
	struct ipam *ipam = make_ipam(blocks, 2);
	char text[TEXT_MAX + 1];

	for (uint64_t i = 1; i <= 8192; i++) {
		assert_int_equal(take(ipam, i, text), 0);
		assert_memory_equal(text, "10.0.", 5);
		release(ipam, text, i);
	}
	assert_takes(ipam, 8193, "10.1.0.1");
	assert_takes(ipam, 1 + QUARANTINE_MS, "10.0.0.1");
	ipam_free(ipam);
}

struct totals {
	unsigned int pools, blocks;
	struct msg_block block;
	struct msg_pool pool;
};

static int count_block(const struct msg_pool *pool, const struct msg_block *block, void *arg)
{
	struct totals *totals = arg;

	if (block == NULL) {
		totals->pools++;
		totals->pool = *pool;
	} else {
		totals->blocks++;
		totals->block = *block;
	}
	return 0;
}

static void usage_is_told_per_pool_and_block(void **state)
{
	const char *blocks[] = { "10.0.0.0/24" }, *huge[] = { "fd00::/48" };
	const char *few[] = { "fd00::/126" };
	struct ipam *ipam = make_ipam(blocks, 1);
	struct totals totals = { 0 };

	for (int i = 0; i < 3; i++) {
		char text[TEXT_MAX + 1];

		assert_int_equal(take(ipam, 0, text), 0);
	}
	release(ipam, "10.0.0.1", 1000);
	release(ipam, "10.0.0.2", 50000);
	assert_int_equal(ipam_for_each_block(ipam, 1000 + QUARANTINE_MS, count_block, &totals), 0);
	assert_int_equal(totals.pools, 1);
	assert_int_equal(totals.blocks, 1);
	assert_string_equal(totals.pool.name, "p0");
	assert_int_equal(totals.pool.block_count, 1);
	assert_int_equal(totals.pool.capacity, 256);
	assert_int_equal(totals.block.used, 1);
	assert_int_equal(totals.block.quarantined, 1);
	ipam_free(ipam);
	ipam = make_ipam(huge, 1);
	assert_int_equal(ipam_for_each_block(ipam, 0, count_block, &totals), 0);
	assert_true(totals.pool.capacity == UINT64_MAX);
	assert_takes(ipam, 0, "fd00::1");
	ipam_free(ipam);
	ipam = make_ipam(few, 1);
	assert_int_equal(ipam_for_each_block(ipam, 0, count_block, &totals), 0);
	assert_int_equal(totals.pool.capacity, 3); /* one is every router's */
	ipam_free(ipam);
}

/* The words and result of asking for @want, a list of addresses with a space between. */
static int ask(struct ipam *ipam, const char *want, uint64_t now_ms, char *ret_text)
{
	struct ip_addr wanted[POD_ADDRESSES_MAX];
	struct ipam_request request = { .want = wanted, .now_ms = now_ms };
	char text[TEXT_MAX + 1], *word, *rest = text;
	struct ipam_answer probed, answer;
	int err;

	snprintf(text, sizeof(text), "%s", want);
	while ((word = strsep(&rest, " ")) != NULL)
		wanted[request.want_count++] = addr(word);
	err = ipam_probe(ipam, &request, &probed);
	assert_int_equal(ipam_take(ipam, &request, &answer), err);
	assert_string_equal(probed.error, answer.error);
	if (err == -EADDRINUSE)
		assert_true(ip_addr_equal(&answer.refused, &wanted[0]));
	strcpy(ret_text, answer.error);
	for (size_t i = 0; i < answer.count; i++) {
		strcat(ret_text, i > 0 ? " " : "");
		strcat(ret_text, ip_addr_format(&answer.addr[i], text, sizeof(text)));
	}
	return err;
}

static void a_requested_address_is_given_exactly(void **state)
{
	const char *blocks[] = { "10.244.1.0/24", "fd00:10:244:1::/64" };
	struct ipam *ipam = make_ipam(blocks, 2);
	char text[TEXT_MAX + 1];

	assert_int_equal(ask(ipam, "10.244.1.77", 0, text), 0);
	assert_string_equal(text, "10.244.1.77 fd00:10:244:1::1");
	assert_int_equal(ask(ipam, "fd00:10:244:1::beef 10.244.1.2", 0, text), 0);
	assert_string_equal(text, "10.244.1.2 fd00:10:244:1::beef");
	assert_int_equal(ask(ipam, "fd00:10:244:1::2", 0, text), 0);
	assert_string_equal(text, "10.244.1.1 fd00:10:244:1::2");
	assert_takes(ipam, 0, "10.244.1.3 fd00:10:244:1::3");
	/* One that rests is given to who asks for it. */
	release(ipam, "10.244.1.77", 1000);
	assert_int_equal(ask(ipam, "10.244.1.77", 1001, text), 0);
	assert_string_equal(text, "10.244.1.77 fd00:10:244:1::4");
	ipam_free(ipam);
}

static void a_requested_address_that_cannot_be_had_takes_nothing(void **state)
{
	static const struct {
		const char *want;
		int err;
		const char *words;
	} rows[] = {
		{ "10.0.0.1", -EADDRINUSE, "10.0.0.1 is taken" },
		{ "10.0.0.5", -EINVAL, "10.0.0.5 is reserved" },
		{ "10.0.1.1", -EINVAL, "10.0.1.1: outside this node's blocks, 10.0.0.0/29;" },
		{ "10.0.0.2 10.0.0.3", -EINVAL, "10.0.0.2 and 10.0.0.3: both are IPv4" },
		{ "fd00::1", -EINVAL, "fd00::1: this node has no IPv6 block" },
		{ "10.0.0.2 fd00::1", -EINVAL, "fd00::1: this node has no IPv6 block" },
	};
	const char *reserved[] = { "10.0.0.5-10.0.0.6" };
	struct ipam *ipam = make_reserved("10.0.0.0/29", reserved, 1);
	char text[TEXT_MAX + 1];

	assert_takes(ipam, 0, "10.0.0.1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(ask(ipam, rows[i].want, 0, text), rows[i].err);
		assert_non_null(strstr(text, rows[i].words));
	}
	assert_takes(ipam, 0, "10.0.0.2");
	ipam_free(ipam);
}

static void a_requested_address_must_lie_in_the_chosen_pools(void **state)
{
	const char *blocks[] = { "10.0.0.0/30", "10.0.1.0/30", "fd00::/126" };
	static const char name[1][NAME_MAX_LEN + 1] = { "p1" };
	struct ipam *ipam = make_ipam(blocks, 3);
	struct ip_addr want[] = { addr("10.0.0.1"), addr("fd00::"), addr("10.0.1.3") };
	struct ipam_request request = {
		.pools = name, .pool_count = 1, .want = want, .want_count = 1
	};
	struct ipam_answer answer;

	assert_int_equal(ipam_take(ipam, &request, &answer), -EINVAL);
	assert_non_null(strstr(answer.error, "in pool \"p0\", but the request is for \"p1\""));
	request.want = &want[1];
	assert_int_equal(ipam_take(ipam, &request, &answer), -EINVAL);
	assert_non_null(strstr(answer.error, "in pool \"p2\", but the request is for \"p1\""));
	request.pool_count = 0;
	assert_int_equal(ipam_take(ipam, &request, &answer), -EINVAL);
	assert_non_null(strstr(answer.error, "anycast"));
	request.pool_count = 1;
	request.want = &want[2];
	assert_true(ipam_allows(ipam, &request, &want[2]));
	assert_false(ipam_allows(ipam, &request, &want[0]));
	assert_int_equal(ipam_take(ipam, &request, &answer), 0);
	assert_int_equal(answer.count, 1);
	assert_true(ip_addr_equal(&answer.addr[0], &want[2]));
	ipam_free(ipam);
}

/* What was given back before a restart waits its turn behind what was never used. */
static void addresses_given_back_before_this_run_rest(void **state)
{
	const char *blocks[] = { "10.0.0.0/29" };
	struct ipam *ipam = make_ipam(blocks, 1);
	struct ip_addr older = addr("10.0.0.6"), newer = addr("10.0.0.2"), live = addr("10.0.0.1");
	struct ip_addr outside = addr("10.0.0.9");
	char text[TEXT_MAX + 1];

	assert_int_equal(ipam_adopt(ipam, &live), 0);
	ipam_rest(ipam, &older, 1000);
	ipam_rest(ipam, &live, 1500); /* a pod has it again */
	ipam_rest(ipam, &newer, 2000);
	ipam_rest(ipam, &older, 3000); /* known already */
	ipam_rest(ipam, &outside, 3000);
	for (const char *const *want =
		     (const char *const[]){ "10.0.0.7", "10.0.0.0", "10.0.0.3", "10.0.0.4",
					    "10.0.0.5", "10.0.0.6", "10.0.0.2", NULL };
	     *want != NULL; want++)
		assert_takes(ipam, 4000, *want);
	assert_int_equal(take(ipam, 4000, text), -ENOSPC);
	ipam_free(ipam);
}

static uint32_t state_of(struct ipam *ipam, const char *text, uint64_t now_ms,
			 struct msg_address *ret)
{
	struct ip_addr address = addr(text);

	ipam_describe(ipam, &address, now_ms, ret);
	assert_true(ip_addr_equal(&ret->addr, &address));
	return ret->state;
}

static void one_address_is_described(void **state)
{
	const char *reserved[] = { "fd00::9-fd00::a" };
	struct ipam *ipam = make_reserved("fd00::/64", reserved, 1);
	struct ip_prefix block = prefix("fd00::/64");
	struct msg_address told;

	assert_takes(ipam, 0, "fd00::1");
	assert_takes(ipam, 0, "fd00::2");
	release(ipam, "fd00::1", 1000);
	assert_int_equal(state_of(ipam, "fd00::2", 5000, &told), ADDRESS_IN_USE);
	assert_string_equal(told.pool, "p");
	assert_true(ip_prefix_equal(&told.block, &block));
	assert_int_equal(state_of(ipam, "fd00::1", 5000, &told), ADDRESS_RESTING);
	assert_int_equal(told.freed_s, 4);
	assert_int_equal(state_of(ipam, "fd00::1", 1000 + QUARANTINE_MS, &told), ADDRESS_FREE);
	assert_int_equal(told.freed_s, 60);
	assert_int_equal(state_of(ipam, "fd00::3", 5000, &told), ADDRESS_FREE);
	assert_int_equal(told.freed_s, 0);
	assert_int_equal(state_of(ipam, "fd00::a", 5000, &told), ADDRESS_RESERVED);
	assert_int_equal(state_of(ipam, "fd00::", 5000, &told), ADDRESS_ANYCAST);
	assert_int_equal(state_of(ipam, "fd01::1", 5000, &told), ADDRESS_NOT_OURS);
	assert_string_equal(told.pool, "");
	ipam_free(ipam);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_both_families_come_together),
		cmocka_unit_test(every_ipv4_address_of_a_block_is_used_once),
		cmocka_unit_test(the_subnet_router_anycast_address_is_no_pods),
		cmocka_unit_test(the_address_free_longest_is_handed_out_next),
		cmocka_unit_test(an_address_in_quarantine_is_taken_when_nothing_else_is_free),
		cmocka_unit_test(the_family_that_lacks_an_address_is_told),
		cmocka_unit_test(nothing_is_taken_when_one_family_is_exhausted),
		cmocka_unit_test(pools_are_chosen_by_name_or_cidr_in_order),
		cmocka_unit_test(a_pool_without_a_block_is_said_so),
		cmocka_unit_test(ranges_of_one_name_are_one_pool),
		cmocka_unit_test(reserved_addresses_are_never_handed_out),
		cmocka_unit_test(a_reserved_ipv6_range_is_passed_over_at_once),
		cmocka_unit_test(reserved_ranges_may_cross_each_other_and_the_block),
		cmocka_unit_test(an_update_keeps_what_is_taken_and_in_quarantine),
		cmocka_unit_test(what_is_reserved_no_more_is_handed_out),
		cmocka_unit_test(a_probe_takes_nothing),
		cmocka_unit_test(adopted_addresses_are_taken_and_new_ones_come_behind_them),
		cmocka_unit_test(a_node_address_in_the_block_is_never_handed_out),
		cmocka_unit_test(releasing_what_nobody_has_changes_nothing),
		cmocka_unit_test(a_large_block_goes_round_without_end),
		cmocka_unit_test(forgotten_addresses_are_found_again),
		cmocka_unit_test(a_large_block_that_rests_leaves_new_pods_to_the_next_pool),
		cmocka_unit_test(usage_is_told_per_pool_and_block),
		cmocka_unit_test(a_requested_address_is_given_exactly),
		cmocka_unit_test(a_requested_address_that_cannot_be_had_takes_nothing),
		cmocka_unit_test(a_requested_address_must_lie_in_the_chosen_pools),
		cmocka_unit_test(addresses_given_back_before_this_run_rest),
		cmocka_unit_test(one_address_is_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
