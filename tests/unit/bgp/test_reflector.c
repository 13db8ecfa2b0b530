/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reflector.c: who may be told what, and the two attributes against loops (RFC 4456).
 *
 * links: bgp/reflector.c bgp/attribute_set.c bgp/attributes.c bgp/as_path.c bgp/message.c
 * links: bgp/capability.c lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bgp/reflector.h"
#include "tests/unit/bgp/hex.h"

/* RFC 4456 section 6: [from][to], to EBGP, IBGP, client */
static const bool may_pass[4][4] = {
	[SOURCE_LOCAL] = { false, true, true, true },
	[SOURCE_EBGP] = { false, true, true, true },
	[SOURCE_IBGP] = { false, true, false, true },
	[SOURCE_IBGP_CLIENT] = { false, true, true, true },
};

static void routes_pass_as_rfc_4456_says(void **state)
{
	for (enum rib_source_kind from = SOURCE_LOCAL; from <= SOURCE_IBGP_CLIENT; from++)
		for (enum rib_source_kind to = SOURCE_EBGP; to <= SOURCE_IBGP_CLIENT; to++)
			assert_int_equal(reflector_may_pass(from, to), may_pass[from][to]);
}

static void only_internal_to_internal_is_reflection(void **state)
{
	assert_true(reflector_is_reflection(SOURCE_IBGP, SOURCE_IBGP_CLIENT));
	assert_true(reflector_is_reflection(SOURCE_IBGP_CLIENT, SOURCE_IBGP_CLIENT));
	assert_false(reflector_is_reflection(SOURCE_LOCAL, SOURCE_IBGP_CLIENT));
	assert_false(reflector_is_reflection(SOURCE_EBGP, SOURCE_IBGP));
	assert_false(reflector_is_reflection(SOURCE_IBGP, SOURCE_EBGP));
}

static void a_reflected_route_is_stamped_once_with_its_originator(void **state)
{
	static struct attribute_draft draft;

	attributes_start(&draft);
	assert_true(reflector_stamp(&draft, 0x0a000002, 0x0a000001));
	assert_int_equal(draft.values.originator_id, 0x0a000002);
	assert_true(draft.values.present & HAS_ORIGINATOR_ID);
	assert_true(hex_equal("0a000001", draft.cluster_list, draft.values.cluster_list_len));
	assert_true(reflector_stamp(&draft, 0x0a000009, 0x0a000005));
	assert_int_equal(draft.values.originator_id, 0x0a000002);
	assert_true(
		hex_equal("0a000005 0a000001", draft.cluster_list, draft.values.cluster_list_len));
}

static void a_full_cluster_list_takes_no_more(void **state)
{
	static struct attribute_draft draft;

	attributes_start(&draft);
	draft.values.cluster_list_len = ATTRIBUTE_OCTETS_MAX - 4;
	assert_true(reflector_stamp(&draft, 1, 2));
	assert_int_equal(draft.values.cluster_list_len, ATTRIBUTE_OCTETS_MAX);
	assert_false(reflector_stamp(&draft, 1, 2));
}

static void what_was_here_is_a_loop(void **state)
{
	static struct attribute_draft draft;
	struct attribute_view view;

	attributes_start(&draft);
	assert_true(reflector_stamp(&draft, 0x0a000002, 0x0a000001));
	view = attributes_view_draft(&draft);
	assert_true(reflector_is_loop(&view, 0x0a000002, 0x0a000002));
	assert_true(reflector_is_loop(&view, 0x0a000003, 0x0a000001));
	assert_false(reflector_is_loop(&view, 0x0a000001, 0x0a000003));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_pass_as_rfc_4456_says),
		cmocka_unit_test(only_internal_to_internal_is_reflection),
		cmocka_unit_test(a_reflected_route_is_stamped_once_with_its_originator),
		cmocka_unit_test(a_full_cluster_list_takes_no_more),
		cmocka_unit_test(what_was_here_is_a_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
