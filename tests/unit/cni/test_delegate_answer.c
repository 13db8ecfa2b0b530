/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_delegate_answer.c: what other IPAM plugins print.
 *
 * Results are those of the reference plugins host-local and static 1.1.1 as they came.
 *
 * links: cni/delegate_answer.c lib/ip_prefix.c lib/text.c lib/json.c
 * libs: -ljson-c
 */
#include "cni/delegate_answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "lib/ip_prefix.h"

static int parse(const char *text, struct delegate_answer *answer, struct cni_error *error)
{
	memset(error, 0, sizeof(*error));
	return delegate_answer_parse(text, strlen(text), answer, error);
}

static void results_of_the_reference_plugins_are_read(void **state)
{
	static const struct {
		const char *text, *addresses;
		bool has_dns;
	} rows[] = {
		{ "{\n    \"cniVersion\": \"1.0.0\",\n    \"ips\": [\n        {\n            "
		  "\"address\": \"10.9.0.2/24\",\n            \"gateway\": \"10.9.0.1\"\n        "
		  "}\n    ],\n    \"routes\": [\n        {\n            \"dst\": "
		  "\"0.0.0.0/0\"\n        }\n    ],\n    \"dns\": {}\n}",
		  "10.9.0.2", false },
		{ "{\n    \"cniVersion\": \"0.4.0\",\n    \"ips\": [\n        {\n            "
		  "\"version\": \"4\",\n            \"address\": \"10.10.0.1/24\",\n            "
		  "\"gateway\": \"10.10.0.254\"\n        },\n        {\n            "
		  "\"version\": \"6\",\n            \"address\": \"3ffe:ffff:0:1ff::1/64\",\n    "
		  "        \"gateway\": \"3ffe:ffff:0::1\"\n        }\n    ],\n    \"dns\": {\n   "
		  "     \"nameservers\": [\n            \"10.1.0.1\"\n        ]\n    }\n}",
		  "10.10.0.1 3ffe:ffff:0:1ff::1", true },
		{ "{\n    \"cniVersion\": \"0.2.0\",\n    \"ip4\": {\n        \"ip\": "
		  "\"10.9.0.2/24\",\n        \"gateway\": \"10.9.0.1\",\n        \"routes\": [\n  "
		  "          {\n                \"dst\": \"0.0.0.0/0\"\n            }\n        ]\n "
		  "   },\n    \"dns\": {}\n}",
		  "10.9.0.2", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256] = "", addr[IP_ADDR_TEXT_MAX];
		struct delegate_answer answer;
		struct cni_error error;

		assert_int_equal(parse(rows[i].text, &answer, &error), 0);
		for (size_t k = 0; k < answer.address_count; k++) {
			strcat(text, k > 0 ? " " : "");
			strcat(text, ip_addr_format(&answer.address[k], addr, sizeof(addr)));
		}
		assert_string_equal(text, rows[i].addresses);
		assert_int_equal(answer.dns != NULL, rows[i].has_dns);
		delegate_answer_free(&answer);
	}
}

static void what_is_no_result_is_refused_with_words(void **state)
{
	static const char *const rows[][2] = {
		{ "", "not one JSON object" },
		{ "[]", "not one JSON object" },
		{ "{\"ips\":[]}{}", "not one JSON object" },
		{ "{}", "no ips" },
		{ "{\"ips\":[]}", "no ips" },
		{ "{\"ips\":{\"address\":\"10.0.0.1/24\"}}", "no ips" },
		{ "{\"ips\":[{\"address\":\"10.0.0.1\"}]}", "ips[0].address" },
		{ "{\"ips\":[{\"address\":\"10.0.0.1/33\"}]}", "ips[0].address" },
		{ "{\"ips\":[{\"address\":\"10.0.0.1/-1\"}]}", "ips[0].address" },
		{ "{\"ips\":[{\"address\":\"10.0.0.1/24\"},{\"address\":7}]}", "ips[1].address" },
		{ "{\"ips\":[7]}", "ips[0].address" },
		{ "{\"ip4\":{\"ip\":\"10.0.0.1/24\"},\"ip6\":{\"ip\":\"x\"}}", "ip6.ip" },
		{ "{\"ips\":[1,2,3,4,5,6,7,8,9]}", "9 ips" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct delegate_answer answer;
		struct cni_error error;

		assert_int_equal(parse(rows[i][0], &answer, &error), -EINVAL);
		assert_non_null(strstr(error.details, rows[i][1]));
	}
}

static void errors_are_passed_on_with_their_words(void **state)
{
	static const struct {
		const char *text;
		unsigned int code;
		const char *msg, *details;
	} rows[] = {
		{ "{\n    \"code\": 999,\n    \"msg\": \"failed to allocate for range 0: no IP "
		  "addresses available in range set: 10.9.0.1-10.9.0.2\"\n}",
		  999,
		  "ipam host-local: failed to allocate for range 0: no IP addresses available in "
		  "range set: 10.9.0.1-10.9.0.2",
		  "" },
		{ "{\"code\":7,\"msg\":\"bad\",\"details\":\"why\"}", 7, "ipam host-local: bad",
		  "why" },
		{ "{\"code\":-1,\"msg\":\"bad\"}", 999, "ipam host-local: bad", "" },
		{ "{\"code\":4294967295,\"msg\":\"bad\"}", 4294967295u, "ipam host-local: bad",
		  "" },
		{ "{\"code\":4294967303,\"msg\":\"bad\"}", 999, "ipam host-local: bad", "" },
		{ "panic: x", 999, "ipam host-local: ended with status 2 and no error object",
		  "panic: x" },
		{ "", 999, "ipam host-local: ended with status 2 and no error object", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cni_error error;

		delegate_error_parse("host-local", 2, rows[i].text, strlen(rows[i].text), &error);
		assert_int_equal(error.code, rows[i].code);
		assert_string_equal(error.msg, rows[i].msg);
		assert_string_equal(error.details, rows[i].details);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_of_the_reference_plugins_are_read),
		cmocka_unit_test(what_is_no_result_is_refused_with_words),
		cmocka_unit_test(errors_are_passed_on_with_their_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
