/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of pod_ifname.c: names of links, and the syntax of the CNI specification 1.1.0.
 *
 * links: lib/pod_ifname.c lib/sha1.c
 */
#include "lib/pod_ifname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void the_name_is_cali_and_eleven_digits_of_the_digest(void **state)
{
	char name[IFNAME_MAX + 1];

	/* printf 'abc/eth0' | sha1sum */
	pod_ifname("abc", "eth0", name);
	assert_string_equal(name, "cali48b70361303");
	/* printf 'abc/net1' | sha1sum */
	pod_ifname("abc", "net1", name);
	assert_string_equal(name, "cali637971364c4");
}

static void container_ids_follow_the_specification(void **state)
{
	char id[CONTAINER_ID_MAX + 2];

	assert_true(container_id_is_valid("a"));
	assert_true(container_id_is_valid("0._-Z"));
	assert_false(container_id_is_valid(""));
	assert_false(container_id_is_valid("_a"));
	assert_false(container_id_is_valid("a/b"));
	assert_false(container_id_is_valid("a b"));
	assert_false(container_id_is_valid("a\xc3\xa9"));
	memset(id, 'a', sizeof(id));
	id[CONTAINER_ID_MAX + 1] = '\0';
	assert_false(container_id_is_valid(id));
	id[CONTAINER_ID_MAX] = '\0';
	assert_true(container_id_is_valid(id));
}

static void interface_names_follow_the_specification(void **state)
{
	assert_true(ifname_is_valid("eth0"));
	assert_true(ifname_is_valid("fifteen-octets."));
	assert_false(ifname_is_valid("sixteen-octets.."));
	assert_false(ifname_is_valid(""));
	assert_false(ifname_is_valid("."));
	assert_false(ifname_is_valid(".."));
	assert_false(ifname_is_valid("a/b"));
	assert_false(ifname_is_valid("a:b"));
	assert_false(ifname_is_valid("a b"));
	assert_false(ifname_is_valid("a\tb"));
	assert_false(ifname_is_valid("a\x7f"));
	assert_false(ifname_is_valid("a\xff"));
	assert_false(ifname_is_valid("eth%d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_cali_and_eleven_digits_of_the_digest),
		cmocka_unit_test(container_ids_follow_the_specification),
		cmocka_unit_test(interface_names_follow_the_specification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
