/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_legacy_forward.c: rules written by iptables-legacy itself, in a network namespace of the
 * test's own, and tables that no kernel would give.
 *
 * links: lib/legacy_forward.c
 */
#include "lib/legacy_forward.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/netfilter_ipv4/ip_tables.h>

/* Commands for both programs; the one that is named is put in front of each. */
struct row {
	const char *commands[4];
	enum legacy_end end;
};

static const struct row rows[] = {
	{ { "-P FORWARD ACCEPT" }, LEGACY_PASSES },
	{ { "-P FORWARD DROP" }, LEGACY_POLICY_DROPS },
	{ { "-P FORWARD ACCEPT", "-A FORWARD -j DROP" }, LEGACY_RULE_DROPS },
	{ { "-A FORWARD -j REJECT" }, LEGACY_RULE_DROPS },
	{ { "-A FORWARD -i lo -j ACCEPT", "-A FORWARD -j DROP" }, LEGACY_RULE_DROPS },
	{ { "-A FORWARD -j DROP", "-A FORWARD -i lo -j ACCEPT" }, LEGACY_PASSES },
	{ { "-A FORWARD -i lo -j DROP" }, LEGACY_PASSES },
	{ { "-A FORWARD -p tcp --dport 25 -j DROP" }, LEGACY_PASSES },
	{ { "-A FORWARD -m comment --comment all -j DROP" }, LEGACY_PASSES },
	{ { "-A INPUT -j DROP", "-P INPUT DROP", "-P OUTPUT DROP" }, LEGACY_PASSES },
	{ { "-N own", "-A own -j DROP", "-A FORWARD -j own" }, LEGACY_PASSES },
	{ { "-N own", "-A own -j DROP", "-P FORWARD DROP", "-A FORWARD -j own" },
	  LEGACY_POLICY_DROPS },
};

static bool run(int family, const char *words)
{
	char command[256];

	snprintf(command, sizeof(command), "%s %s >/dev/null 2>&1", legacy_forward_command(family),
		 words);
	return system(command) == 0;
}

static void clean(int family)
{
	static const char *const words[] = { "-F", "-X", "-P INPUT ACCEPT", "-P OUTPUT ACCEPT",
					     "-P FORWARD ACCEPT" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_true(run(family, words[i]));
}

static size_t count_tables(int family)
{
	FILE *file = fopen(family == AF_INET ? "/proc/net/ip_tables_names"
					     : "/proc/net/ip6_tables_names",
			   "r");
	size_t count = 0;
	char line[64];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		count++;
	fclose(file);
	return count;
}

static void try_all(int family)
{
	/* Asking has made no table. */
	assert_int_equal(legacy_forward_end(family), LEGACY_PASSES);
	assert_int_equal(count_tables(family), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		clean(family);
		for (size_t k = 0; k < 4 && rows[i].commands[k]; k++)
			if (!run(family, rows[i].commands[k]))
				fail_msg("%s", rows[i].commands[k]);
		if (legacy_forward_end(family) != rows[i].end)
			fail_msg("row %zu: %d, not %d", i, legacy_forward_end(family), rows[i].end);
	}
}

static bool can_try(int family)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null",
		 legacy_forward_command(family));
	if (system(command) != 0 || unshare(CLONE_NEWNET) < 0) {
		print_message("skip: no %s, or no network namespace\n",
			      legacy_forward_command(family));
		return false;
	}
	if (!run(family, "-L")) {
		print_message("skip: this kernel has no tables of iptables-legacy\n");
		return false;
	}
	return unshare(CLONE_NEWNET) == 0; /* without the table again */
}

static void iptables_rules_are_read(void **state)
{
	if (!can_try(AF_INET))
		skip();
	try_all(AF_INET);
}

static void ip6tables_rules_are_read(void **state)
{
	if (!can_try(AF_INET6))
		skip();
	try_all(AF_INET6);
}

/* One entry whose target says drop. */
static void make_policy(uint8_t *at)
{
	struct ipt_entry entry = { .target_offset = sizeof(entry) };
	struct xt_standard_target target = { .verdict = -NF_DROP - 1 };

	entry.next_offset = sizeof(entry) + sizeof(target);
	memcpy(at, &entry, sizeof(entry));
	memcpy(at + sizeof(entry), &target, sizeof(target));
}

static void what_is_cut_or_lies_is_no_answer(void **state)
{
	size_t whole = sizeof(struct ipt_entry) + sizeof(struct xt_standard_target);
	uint8_t *entries = calloc(2, whole), *cut;
	struct legacy_table table = { entries, 2 * whole, 0, (unsigned int)whole };

	make_policy(entries);
	make_policy(entries + whole);
	assert_int_equal(legacy_forward_read(AF_INET, &table), LEGACY_POLICY_DROPS);
	for (size_t size = 0; size < 2 * whole; size++) {
		cut = malloc(size ? size : 1);
		memcpy(cut, entries, size);
		table = (struct legacy_table){ cut, size, 0, (unsigned int)whole };
		assert_int_equal(legacy_forward_read(AF_INET, &table), LEGACY_PASSES);
		assert_int_equal(legacy_forward_read(AF_INET6, &table), LEGACY_PASSES);
		free(cut);
	}
	/* An entry that never ends, one that begins in the last, offsets beyond the end. */
	table = (struct legacy_table){ entries, 2 * whole, 0, (unsigned int)whole };
	((struct ipt_entry *)(void *)entries)->next_offset = 0;
	assert_int_equal(legacy_forward_read(AF_INET, &table), LEGACY_PASSES);
	((struct ipt_entry *)(void *)entries)->next_offset = (uint16_t)whole;
	((struct ipt_entry *)(void *)entries)->target_offset = 4;
	assert_int_equal(legacy_forward_read(AF_INET, &table), LEGACY_PASSES);
	table.policy = 4294967295u;
	assert_int_equal(legacy_forward_read(AF_INET, &table), LEGACY_PASSES);
	table = (struct legacy_table){ entries, 2 * whole, 4294967295u, (unsigned int)whole };
	assert_int_equal(legacy_forward_read(AF_INET, &table), LEGACY_POLICY_DROPS);
	free(entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iptables_rules_are_read),
		cmocka_unit_test(ip6tables_rules_are_read),
		cmocka_unit_test(what_is_cut_or_lies_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
