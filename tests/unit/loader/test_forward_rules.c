/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of forward_chains.c and forward_rules.c: chains and rules recorded from Linux 6.18 (written
 * by iptables 1.8.9 over nf_tables and by nft 1.0.6), and the commands that come of them.
 *
 * links: tests/unit/loader/recorded.c
 * links: loader/forward_chains.c loader/forward_rules.c loader/nft_socket.c loader/netlink_attr.c
 * links: lib/ip_prefix.c lib/prefix_set.c
 * libs: -lnl-3
 */
#include "loader/forward_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include <linux/netfilter.h>

#include "lib/ip_prefix.h"
#include "tests/unit/loader/recorded.h"

static const char filter_forward[] =
	"8c000000030a020001000000361b0000020000050b00010066696c74657200000c000300464f52574152"
	"44000c000200000000000000000114000400080001000000000208000200000000000800050000000000"
	"0b00070066696c74657200001c0008000c00020000000000000000000c00010000000000000000000800"
	"0a00000000010800060000000002";

static const char firewalld_forward[] =
	"7c000000030a020001000000361b0000010000050e0001006669726577616c6c64000000130003006669"
	"6c7465725f464f525741524400000c000200000000000000000114000400080001000000000208000200"
	"0000000a08000500000000010b00070066696c746572000008000a00000000010800060000000002";

static const char firewalld_other[] =
	"74000000030a020001000000361b0000010000050e0001006669726577616c6c640000000a0003006f74"
	"6865720000000c0002000000000000000002140004000800010000000001080002000000000008000500"
	"000000000b00070066696c746572000008000a00000000010800060000000001";

static const char our_rule[] =
	"1c010000060a020801000000361b0000020000050b00010066696c74657200000c000200464f52574152"
	"44000c0003000000000000000002c0000400340001000c0001007061796c6f6164002400020008000100"
	"000000010800020000000001080003000000000c08000400000000022c00010008000100636d70002000"
	"0200080001000000000108000200000000000c000300060001000af400002c0001000c000100636f756e"
	"746572001c0002000c00010000000000000000000c0002000000000000000000300001000e000100696d"
	"6d6564696174650000001c0002000800010000000000100002000c000200080001000000000121000700"
	"001b746f727469653a2066726f6d2031302e3234342e302e302f313600000000";

static const char iptables_reject[] =
	"a8000000060a020801000000361b0000020000050b00010066696c74657200000c000200464f52574152"
	"44000c00030000000000000000030c0006000000000000000002640004002c0001000c000100636f756e"
	"746572001c0002000c00010000000000000000000c0002000000000000000000340001000b0001007461"
	"726765740000240002000b00010052454a454354000008000200000000000c0003000300000000000000";

static const char lo_reject[] =
	"c8000000060a020801000000361b0000010000050e0001006669726577616c6c64000000130002006669"
	"6c7465725f464f525741524400000c00030000000000000000038400040024000100090001006d657461"
	"0000000014000200080002000000000608000100000000013800010008000100636d70002c0002000800"
	"010000000001080002000000000018000300140001006c6f000000000000000000000000000024000100"
	"0b00010072656a65637400001400020008000100000000020500020003000000";

static const char last_reject[] =
	"a4000000060a020801000000361b0000010000050e0001006669726577616c6c64000000130002006669"
	"6c7465725f464f525741524400000c00030000000000000000040c000600000000000000000354000400"
	"2c0001000c000100636f756e746572001c0002000c00010000000000000000000c000200000000000000"
	"0000240001000b00010072656a65637400001400020008000100000000020500020003000000";

static const char input_drop[] =
	"70000000060a020801000000361b0000010000050e0001006669726577616c6c640000000a0002006f74"
	"6865720000000c000300000000000000000534000400300001000e000100696d6d656469617465000000"
	"1c0002000800010000000000100002000c0002000800010000000000";

static const char restored_rule[] =
	"24020000060a020801000000b11b0000020000060b00010066696c74657200000c000200464f52574152"
	"44000c0003000000000000000004ec010400340001000c0001007061796c6f6164002400020008000100"
	"000000010800020000000001080003000000000c08000400000000022c00010008000100636d70002000"
	"0200080001000000000108000200000000000c000300060001000af400002c0101000a0001006d617463"
	"680000001c0102000c000100636f6d6d656e7400080002000000000004010300746f727469653a206672"
	"6f6d2031302e3234342e302e302f31360000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	"0000000000000000000000000000000000000000000000000000000000000000000000002c0001000c00"
	"0100636f756e746572001c0002000c00010000000000000000000c000200000000000000000030000100"
	"0e000100696d6d6564696174650000001c0002000800010000000000100002000c000200080001000000"
	"0001";

static void base_chains_at_forward_are_known_with_their_policy(void **state)
{
	struct forward_chain chain;
	char text[FORWARD_TEXT_MAX];

	assert_true(forward_chain_read(recorded(filter_forward), &chain));
	assert_int_equal(chain.end, FORWARD_POLICY_DROPS);
	assert_string_equal(forward_chain_text(&chain, text, sizeof(text)), "ip filter FORWARD");
	assert_true(forward_chain_read(recorded(firewalld_forward), &chain));
	assert_int_equal(chain.end, FORWARD_PASSES);
	assert_string_equal(forward_chain_text(&chain, text, sizeof(text)),
			    "inet firewalld filter_FORWARD");
	/* One at hook input, and messages of another kind. */
	assert_false(forward_chain_read(recorded(firewalld_other), &chain));
	assert_false(forward_chain_read(recorded(our_rule), &chain));
}

static void a_chain_whose_name_could_be_a_command_is_left_out(void **state)
{
	struct nlmsghdr *message = recorded(filter_forward);
	struct forward_chain chain;
	char *name = memmem(message, message->nlmsg_len, "FORWARD", 7);

	assert_non_null(name);
	name[3] = ';';
	assert_false(forward_chain_read(message, &chain));
}

static void a_last_rule_without_condition_that_drops_is_known(void **state)
{
	assert_true(forward_rule_drops_all(recorded(iptables_reject)));
	assert_true(forward_rule_drops_all(recorded(last_reject)));
	assert_true(forward_rule_drops_all(recorded(input_drop)));
	assert_false(forward_rule_drops_all(recorded(lo_reject)));
	assert_false(forward_rule_drops_all(recorded(our_rule)));
	assert_false(forward_rule_drops_all(recorded(filter_forward)));
}

static void cut_messages_are_no_harm(void **state)
{
	static const char *const all[] = { filter_forward, our_rule, last_reject, restored_rule };
	struct forward_found found = { 0 };
	struct forward_chain chain;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (size_t len = sizeof(struct nlmsghdr); len < strlen(all[i]) / 2; len++) {
			struct nlmsghdr *message = recorded(all[i]);

			message->nlmsg_len = (uint32_t)len;
			forward_chain_read(message, &chain);
			forward_rule_drops_all(message);
			assert_int_equal(forward_rules_note(message, &found), 0);
		}
	}
	free(found.rule);
}

static struct prefix_set pools_of(const char *one, const char *other)
{
	struct prefix_set pools = { 0 };
	struct ip_prefix prefix;

	assert_int_equal(ip_prefix_parse(one, &prefix), 0);
	assert_int_equal(prefix_set_add(&pools, &prefix), 0);
	if (other) {
		assert_int_equal(ip_prefix_parse(other, &prefix), 0);
		assert_int_equal(prefix_set_add(&pools, &prefix), 0);
	}
	prefix_set_seal(&pools);
	return pools;
}

static void assert_commands(const struct forward_chain *chain, const struct prefix_set *pools,
			    const struct forward_found *found, const char *want)
{
	char *text = forward_rules_text(chain, pools, found);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

#define FROM_RULE                                                       \
	"insert rule ip filter FORWARD ip saddr 10.244.0.0/16 counter " \
	"accept comment \"tortie: from 10.244.0.0/16\"\n"
#define TO_RULE                                                         \
	"insert rule ip filter FORWARD ip daddr 10.244.0.0/16 counter " \
	"accept comment \"tortie: to 10.244.0.0/16\"\n"

static void what_is_missing_is_written_and_what_is_there_is_left(void **state)
{
	struct prefix_set pools = pools_of("10.244.0.0/16", "fd00:244::/48");
	struct forward_found found = { 0 };
	struct forward_chain chain;

	assert_true(forward_chain_read(recorded(filter_forward), &chain));
	assert_commands(&chain, &pools, &found, FROM_RULE TO_RULE);
	assert_int_equal(forward_rules_note(recorded(our_rule), &found), 0);
	assert_int_equal(forward_rules_note(recorded(iptables_reject), &found), 0);
	assert_int_equal(found.count, 1);
	assert_commands(&chain, &pools, &found, TO_RULE);
	prefix_set_free(&pools);
	free(found.rule);
}

static void a_rule_that_iptables_restored_is_written_anew(void **state)
{
	struct prefix_set pools = pools_of("10.244.0.0/16", NULL);
	struct forward_found found = { 0 };
	struct forward_chain chain;

	assert_true(forward_chain_read(recorded(filter_forward), &chain));
	assert_int_equal(forward_rules_note(recorded(restored_rule), &found), 0);
	assert_int_equal(found.count, 1);
	assert_commands(&chain, &pools, &found,
			"delete rule ip filter FORWARD handle 4\n" FROM_RULE TO_RULE);
	prefix_set_free(&pools);
	free(found.rule);
}

static void rules_of_pools_that_are_gone_go(void **state)
{
	struct prefix_set other = pools_of("10.9.0.0/16", NULL), none = { 0 };
	struct forward_found found = { 0 };
	struct forward_chain chain;
	char *text;

	assert_true(forward_chain_read(recorded(filter_forward), &chain));
	assert_int_equal(forward_rules_note(recorded(our_rule), &found), 0);
	assert_commands(&chain, &none, &found, "delete rule ip filter FORWARD handle 2\n");
	text = forward_rules_text(&chain, &other, &found);
	assert_non_null(strstr(text, "delete rule ip filter FORWARD handle 2\n"));
	assert_non_null(strstr(text, "saddr 10.9.0.0/16"));
	free(text);
	prefix_set_free(&other);
	free(found.rule);
}

static void an_inet_chain_gets_both_families(void **state)
{
	struct prefix_set pools = pools_of("10.244.0.0/16", "fd00:244::/48");
	struct forward_found none = { 0 };
	struct forward_chain chain;
	char *text;

	assert_true(forward_chain_read(recorded(firewalld_forward), &chain));
	text = forward_rules_text(&chain, &pools, &none);
	assert_non_null(strstr(text, "inet firewalld filter_FORWARD ip saddr 10.244.0.0/16 "));
	assert_non_null(strstr(text, "inet firewalld filter_FORWARD ip6 daddr fd00:244::/48 "));
	free(text);
	prefix_set_free(&pools);
}

static void the_advice_is_in_the_language_of_who_wrote_the_chain(void **state)
{
	struct forward_chain chain;
	struct ip_prefix pool;
	char text[256];

	assert_int_equal(ip_prefix_parse("10.244.0.0/16", &pool), 0);
	assert_true(forward_chain_read(recorded(filter_forward), &chain));
	forward_rules_advice(&chain, &pool, text, sizeof(text));
	assert_string_equal(text, "iptables -I FORWARD -s 10.244.0.0/16 -j ACCEPT, and the same "
				  "with -d");
	assert_true(forward_chain_read(recorded(firewalld_forward), &chain));
	forward_rules_advice(&chain, &pool, text, sizeof(text));
	assert_string_equal(text, "nft insert rule inet firewalld filter_FORWARD ip saddr "
				  "10.244.0.0/16 accept, and the same with daddr");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_chains_at_forward_are_known_with_their_policy),
		cmocka_unit_test(a_chain_whose_name_could_be_a_command_is_left_out),
		cmocka_unit_test(a_last_rule_without_condition_that_drops_is_known),
		cmocka_unit_test(cut_messages_are_no_harm),
		cmocka_unit_test(what_is_missing_is_written_and_what_is_there_is_left),
		cmocka_unit_test(a_rule_that_iptables_restored_is_written_anew),
		cmocka_unit_test(rules_of_pools_that_are_gone_go),
		cmocka_unit_test(an_inet_chain_gets_both_families),
		cmocka_unit_test(the_advice_is_in_the_language_of_who_wrote_the_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
