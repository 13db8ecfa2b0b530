/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addresses.c: addresses and prefixes of tests, in text.
 */
#include "tests/unit/addresses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"

struct ip_addr addr(const char *text)
{
	struct ip_addr result;

	assert_int_equal(ip_addr_parse(text, &result), 0);
	return result;
}

struct ip_prefix prefix(const char *text)
{
	struct ip_prefix result;

	assert_int_equal(ip_prefix_parse(text, &result), 0);
	return result;
}
