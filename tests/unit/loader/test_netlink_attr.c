/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of netlink_attr.c: messages with lengths that lie are read up to their bound and no
 * further.
 *
 * links: loader/netlink_attr.c lib/ip_prefix.c
 */
#include "loader/netlink_attr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "lib/ip_prefix.h"

#define BODY 4 /* octets of the fixed struct in these messages */

/* A message on the heap, exactly as long as it says, so that a sanitizer sees any read beyond. */
static struct nlmsghdr *message(const void *rest, size_t len)
{
	struct nlmsghdr *header = malloc(NLMSG_HDRLEN + len);

	assert_non_null(header);
	*header = (struct nlmsghdr){ .nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len) };
	memcpy(header + 1, rest, len);
	return header;
}

static void attributes_are_found_by_type_and_the_first_counts(void **state)
{
	const uint8_t rest[] = { 0,    0,   0,	 0,    /* body */
				 8,    0,   2,	 0,    /* length 8, type 2 */
				 0x2a, 0,   0,	 0,    /* */
				 8,    0,   2,	 0,    /* type 2 again */
				 0x2b, 0,   0,	 0,    /* */
				 7,    0,   1,	 0x80, /* length 7, type 1 with the nested flag */
				 'u',  'p', '0', 0xff };
	struct nlmsghdr *header = message(rest, sizeof(rest));
	const struct nlattr *attr[4];
	char text[8];

	netlink_attrs(header, BODY, attr, 4);
	assert_int_equal(netlink_attr_u32(attr[2], 0), 42);
	assert_int_equal(netlink_attr_text(attr[1], text, sizeof(text)), 0);
	assert_string_equal(text, "up0");
	assert_null(attr[0]);
	assert_null(attr[3]);
	free(header);
}

static void an_attribute_longer_than_the_message_is_none(void **state)
{
	const uint8_t rest[] = { 0, 0, 0, 0, 200, 0, 1, 0, 1, 2, 3, 4 };
	struct nlmsghdr *header = message(rest, sizeof(rest));
	const struct nlattr *attr[2];

	netlink_attrs(header, BODY, attr, 2);
	assert_null(attr[1]);
	free(header);
}

static void an_attribute_shorter_than_its_header_ends_the_list(void **state)
{
	const uint8_t rest[] = { 0, 0, 0, 0, 2, 0, 1, 0, 8, 0, 1, 0, 1, 2, 3, 4 };
	struct nlmsghdr *header = message(rest, sizeof(rest));
	const struct nlattr *attr[2];

	netlink_attrs(header, BODY, attr, 2);
	assert_null(attr[1]);
	free(header);
}

static void a_message_shorter_than_its_body_has_none(void **state)
{
	const uint8_t rest[] = { 0, 0 };
	struct nlmsghdr *header = message(rest, sizeof(rest));
	const struct nlattr *attr[2];

	assert_null(netlink_body(header, BODY));
	netlink_attrs(header, BODY, attr, 2);
	assert_null(attr[1]);
	free(header);
}

static void a_value_of_another_length_counts_as_absent(void **state)
{
	const uint8_t rest[] = { 0, 0, 0, 0, 6, 0, 1, 0, 1, 2, 0, 0 };
	struct nlmsghdr *header = message(rest, sizeof(rest));
	const struct nlattr *attr[2];
	struct ip_addr addr;

	netlink_attrs(header, BODY, attr, 2);
	assert_int_equal(netlink_attr_u32(attr[1], 7), 7);
	assert_int_equal(netlink_attr_u32(NULL, 7), 7);
	assert_int_equal(netlink_attr_addr(attr[1], AF_INET, &addr), -ENODATA);
	assert_int_equal(netlink_attr_addr(attr[1], AF_INET6, &addr), -ENODATA);
	assert_int_equal(netlink_attr_addr(NULL, AF_INET, &addr), -ENODATA);
	free(header);
}

static void addresses_of_both_families_become_one_form(void **state)
{
	const uint8_t rest[] = { 0,    0,    0,	   0,	 8, 0, 1, 0, 192, 0, 2, 1, 20, 0, 2, 0,
				 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0,	  0, 0, 0, 0,  0, 0, 9 };
	struct nlmsghdr *header = message(rest, sizeof(rest));
	const struct nlattr *attr[3];
	struct ip_addr addr;
	char text[IP_ADDR_TEXT_MAX];

	netlink_attrs(header, BODY, attr, 3);
	assert_int_equal(netlink_attr_addr(attr[1], AF_INET, &addr), 0);
	assert_string_equal(ip_addr_format(&addr, text, sizeof(text)), "192.0.2.1");
	assert_int_equal(netlink_attr_addr(attr[2], AF_INET6, &addr), 0);
	assert_string_equal(ip_addr_format(&addr, text, sizeof(text)), "2001:db8::9");
	free(header);
}

static void a_long_name_is_cut(void **state)
{
	const uint8_t rest[] = { 0, 0, 0, 0, 12, 0, 1, 0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' };
	struct nlmsghdr *header = message(rest, sizeof(rest));
	const struct nlattr *attr[2];
	char text[4];

	netlink_attrs(header, BODY, attr, 2);
	assert_int_equal(netlink_attr_text(attr[1], text, sizeof(text)), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(netlink_attr_text(NULL, text, sizeof(text)), -ENODATA);
	assert_string_equal(text, "");
	free(header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_found_by_type_and_the_first_counts),
		cmocka_unit_test(an_attribute_longer_than_the_message_is_none),
		cmocka_unit_test(an_attribute_shorter_than_its_header_ends_the_list),
		cmocka_unit_test(a_message_shorter_than_its_body_has_none),
		cmocka_unit_test(a_value_of_another_length_counts_as_absent),
		cmocka_unit_test(addresses_of_both_families_become_one_form),
		cmocka_unit_test(a_long_name_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
