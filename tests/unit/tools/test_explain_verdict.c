/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of explain_verdict.c: delivered or not, and where to look next.
 *
 * links: tools/tortie/explain_verdict.c tools/tortie/words.c tools/tortie/request.c
 * links: tools/tortie/say.c lib/agent_client.c lib/unix_socket.c lib/ip_prefix.c
 */
#include "tools/tortie/explain_verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "lib/ip_prefix.h"

static struct explain_verdict judge(uint32_t first, uint32_t last, uint32_t detail)
{
	struct msg_explain_step steps[3] = {
		{ .hook = HOOK_FROM_POD, .id = EXPLAIN_PARSED },
		{ .hook = HOOK_FROM_POD, .id = first },
		{ .hook = HOOK_FROM_POD, .id = last, .detail = detail },
	};
	struct explain_verdict verdict;

	explain_verdict_judge(steps, 3, &verdict);
	return verdict;
}

static void the_last_step_decides(void **state)
{
	assert_true(judge(EXPLAIN_LOCAL_POD, EXPLAIN_TO_PEER, 0).is_delivered);
	assert_true(judge(EXPLAIN_REMOTE_BLOCK, EXPLAIN_TO_NEIGHBOUR, 0).is_delivered);
	assert_true(judge(EXPLAIN_SOURCE_NOT_POD, EXPLAIN_PASSED, 0).is_delivered);
	assert_true(judge(EXPLAIN_HOST_ADDRESS, EXPLAIN_TO_STACK, 0).is_delivered);
	assert_false(judge(EXPLAIN_TTL_ONE, EXPLAIN_TO_STACK, 0).is_delivered);
	assert_false(judge(EXPLAIN_TOO_LARGE, EXPLAIN_TO_STACK, 1500).is_delivered);
	assert_true(judge(EXPLAIN_NOT_IN_MAPS, EXPLAIN_TO_STACK, 0).asks_ground);
	assert_false(judge(EXPLAIN_HOST_ADDRESS, EXPLAIN_TO_STACK, 0).asks_ground);
}

static void what_to_network_says_behind_it_decides_nothing(void **state)
{
	struct msg_explain_step steps[] = {
		{ .hook = HOOK_FROM_POD, .id = EXPLAIN_TTL_ONE },
		{ .hook = HOOK_NONE, .id = EXPLAIN_STACK_SENDS },
		{ .hook = HOOK_TO_NETWORK, .id = EXPLAIN_RECORDED },
		{ .hook = HOOK_TO_NETWORK, .id = EXPLAIN_LEAVES },
	};
	struct explain_verdict verdict;

	explain_verdict_judge(steps, 4, &verdict);
	assert_false(verdict.is_delivered);
	steps[0].id = EXPLAIN_STACK_FLOW;
	explain_verdict_judge(steps, 4, &verdict);
	assert_true(verdict.is_delivered);
}

static void a_firewall_on_the_way_is_where_to_look_next(void **state)
{
	struct msg_explain_step steps[] = {
		{ .hook = HOOK_FROM_POD, .id = EXPLAIN_TO_STACK },
		{ .hook = HOOK_NONE, .id = EXPLAIN_FIREWALL },
		{ .hook = HOOK_NONE, .id = EXPLAIN_STACK_SENDS },
	};
	struct explain_verdict verdict;

	explain_verdict_judge(steps, 3, &verdict);
	assert_non_null(strstr(verdict.next, "firewall named above"));
}

static void each_drop_names_its_reason_and_a_next_step(void **state)
{
	for (uint32_t reason = 1; reason < DROP_REASON_COUNT; reason++) {
		struct explain_verdict verdict = judge(EXPLAIN_PARSED, EXPLAIN_DROPPED, reason);

		assert_false(verdict.is_delivered);
		assert_non_null(strstr(verdict.text, "dropped: "));
		assert_int_not_equal(verdict.next[0], '\0');
	}
	assert_non_null(
		strstr(judge(EXPLAIN_PARSED, EXPLAIN_DROPPED, DROP_SOURCE_MAC).text, "SOURCE_MAC"));
}

static void no_step_at_all_is_not_delivered(void **state)
{
	struct explain_verdict verdict;

	explain_verdict_judge(NULL, 0, &verdict);
	assert_false(verdict.is_delivered);
	assert_false(verdict.asks_ground);
}

static void what_the_kernel_said_to_the_agent_decides_in_the_stack(void **state)
{
	assert_true(judge(EXPLAIN_TO_STACK, EXPLAIN_STACK_SENDS, 2).is_delivered);
	assert_true(judge(EXPLAIN_TO_STACK, EXPLAIN_STACK_LOCAL, 0).is_delivered);
	assert_true(judge(EXPLAIN_PARSED, EXPLAIN_INSIDE_POD, 0).is_delivered);
	assert_false(judge(EXPLAIN_TO_STACK, EXPLAIN_STACK_REFUSES, 0).is_delivered);
	assert_false(judge(EXPLAIN_TTL_ONE, EXPLAIN_STACK_REFUSES, 0).is_delivered);
	assert_false(judge(EXPLAIN_TOO_LARGE, EXPLAIN_STACK_SENDS, 2).is_delivered);
}

static struct explain_verdict judge_ground(uint32_t last, struct explain_ground ground)
{
	struct explain_verdict verdict = judge(EXPLAIN_NOT_IN_MAPS, last, 0);

	assert_true(verdict.asks_ground);
	assert_int_equal(ip_addr_parse("10.244.1.77", &ground.to), 0);
	explain_verdict_judge_ground(&ground, &verdict);
	assert_false(verdict.asks_ground);
	return verdict;
}

static void an_address_of_ours_that_nobody_has_is_unreachable_with_the_cause(void **state)
{
	static const struct {
		struct explain_ground ground;
		const char *words;
	} rows[] = {
		{ { .in_own_block = true, .in_pool = true }, "no pod has it" },
		{ { .in_pool = true }, "no node announces it" },
		{ { .in_pool = true, .has_no_uplink = true }, "on no uplink" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct explain_verdict verdict =
			judge_ground(EXPLAIN_STACK_REFUSES, rows[i].ground);

		assert_false(verdict.is_delivered);
		assert_non_null(strstr(verdict.text, "unreachable"));
		assert_non_null(strstr(verdict.text, rows[i].words));
		/* A default route does not make it reachable. */
		verdict = judge_ground(EXPLAIN_STACK_SENDS, rows[i].ground);
		assert_false(verdict.is_delivered);
		assert_non_null(strstr(verdict.text, rows[i].words));
	}
}

/* From the network to another node's block, or where the maps are full: the host stack forwards. */
static void what_a_node_announces_goes_where_the_kernel_says(void **state)
{
	struct explain_ground ground = { .in_pool = true, .is_announced = true };

	assert_true(judge_ground(EXPLAIN_STACK_SENDS, ground).is_delivered);
	assert_false(judge_ground(EXPLAIN_STACK_REFUSES, ground).is_delivered);
}

static void the_outside_is_as_the_kernel_says(void **state)
{
	struct explain_ground outside = { 0 };

	assert_true(judge_ground(EXPLAIN_STACK_SENDS, outside).is_delivered);
	assert_false(judge_ground(EXPLAIN_STACK_REFUSES, outside).is_delivered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_step_decides),
		cmocka_unit_test(what_to_network_says_behind_it_decides_nothing),
		cmocka_unit_test(a_firewall_on_the_way_is_where_to_look_next),
		cmocka_unit_test(each_drop_names_its_reason_and_a_next_step),
		cmocka_unit_test(no_step_at_all_is_not_delivered),
		cmocka_unit_test(what_the_kernel_said_to_the_agent_decides_in_the_stack),
		cmocka_unit_test(an_address_of_ours_that_nobody_has_is_unreachable_with_the_cause),
		cmocka_unit_test(what_a_node_announces_goes_where_the_kernel_says),
		cmocka_unit_test(the_outside_is_as_the_kernel_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
