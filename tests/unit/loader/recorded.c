/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorded.c: messages of the kernel that were recorded in hexadecimal digits.
 */
#include "tests/unit/loader/recorded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/netlink.h>

#define MESSAGE_MAX 4096

struct nlmsghdr *recorded(const char *hex)
{
	static union {
		struct nlmsghdr header;
		uint8_t octets[MESSAGE_MAX];
	} message;
	size_t len = strlen(hex) / 2;

	assert_in_range(len, sizeof(message.header), MESSAGE_MAX);
	for (size_t i = 0; i < len; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1] };

		message.octets[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	assert_int_equal(message.header.nlmsg_len, len);
	return &message.header;
}
