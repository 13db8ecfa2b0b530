/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of result.c: what the plugin prints, in the form of each version of the specification.
 *
 * links: cni/result.c cni/netconf.c cni/netconf_wishes.c lib/ip_prefix.c lib/pod_ifname.c
 * links: lib/sha1.c lib/text.c lib/mac.c lib/json.c
 * libs: -ljson-c
 */
#include "cni/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"

static char *add_result_of(const char *config, const char *first, const char *second)
{
	const struct netconf_env env = {
		.command = "ADD", .container_id = "a", .netns = "/x", .ifname = "eth0"
	};
	struct msg_cni_reply reply = { .mtu = 1450,
				       .address_count = 2,
				       .host_mac = { 0xee, 0xee, 0xee, 0xee, 0xee, 0xee },
				       .pod_mac = { 0x02, 0, 0, 0, 0, 0x0a },
				       .host_ifname = "cali1" };
	struct cni_error error;
	struct netconf conf;
	char *text;

	ip_addr_parse(first, &reply.address[0]);
	ip_addr_parse(second, &reply.address[1]);
	assert_int_equal(netconf_parse(&env, config, strlen(config), &conf, &error), 0);
	text = result_add(&conf, &reply);
	netconf_free(&conf);
	assert_non_null(text);
	return text;
}

static char *add_result(const char *config)
{
	return add_result_of(config, "10.244.1.7", "fd00::7");
}

static void a_result_of_1_1_0_has_the_mtu(void **state)
{
	char *text = add_result("{\"cniVersion\":\"1.1.0\",\"name\":\"n\"}");

	assert_string_equal(
		text,
		"{\"cniVersion\":\"1.1.0\",\"interfaces\":["
		"{\"name\":\"cali1\",\"mac\":\"ee:ee:ee:ee:ee:ee\",\"mtu\":1450},"
		"{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:0a\",\"mtu\":1450,\"sandbox\":\"/x\"}],"
		"\"ips\":[{\"address\":\"10.244.1.7/32\",\"gateway\":\"169.254.1.1\",\"interface\":1},"
		"{\"address\":\"fd00::7/128\",\"gateway\":\"fe80::ecee:eeff:feee:eeee\","
		"\"interface\":1}],\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"169.254.1.1\"},"
		"{\"dst\":\"::/0\",\"gw\":\"fe80::ecee:eeff:feee:eeee\"}],\"dns\":{}}\n");
	free(text);
}

static void a_result_before_1_0_0_names_the_addresses_version(void **state)
{
	char *text = add_result("{\"cniVersion\":\"0.3.1\",\"name\":\"n\"}");

	assert_non_null(strstr(text, "{\"version\":\"4\",\"address\":\"10.244.1.7/32\""));
	assert_non_null(strstr(text, "{\"version\":\"6\",\"address\":\"fd00::7/128\""));
	assert_null(strstr(text, "mtu"));
	free(text);
	text = add_result("{\"cniVersion\":\"1.0.0\",\"name\":\"n\"}");
	assert_null(strstr(text, "\"version\""));
	assert_null(strstr(text, "mtu"));
	free(text);
}

/* CNI specification 0.2.0, "Result". */
static void a_result_before_0_3_0_has_an_object_for_each_family(void **state)
{
	char *text = add_result("{\"name\":\"n\",\"prevResult\":7}");

	assert_string_equal(text, "{\"cniVersion\":\"0.1.0\",\"ip4\":{\"ip\":\"10.244.1.7/32\","
				  "\"gateway\":\"169.254.1.1\",\"routes\":[{\"dst\":\"0.0.0.0/0\","
				  "\"gw\":\"169.254.1.1\"}]},\"ip6\":{\"ip\":\"fd00::7/128\","
				  "\"gateway\":\"fe80::ecee:eeff:feee:eeee\",\"routes\":[{"
				  "\"dst\":\"::/0\",\"gw\":\"fe80::ecee:eeff:feee:eeee\"}]},"
				  "\"dns\":{}}\n");
	free(text);
}

/* As another IPAM plugin may give them: one way out, and before 0.3.0 place for the first alone. */
static void two_addresses_of_one_family_have_one_route(void **state)
{
	char *text = add_result_of("{\"cniVersion\":\"1.0.0\",\"name\":\"n\"}", "10.244.1.7",
				   "10.244.1.8");

	assert_non_null(strstr(text, "\"address\":\"10.244.1.7/32\""));
	assert_non_null(strstr(text, "\"address\":\"10.244.1.8/32\""));
	assert_non_null(strstr(text, "\"routes\":[{\"dst\":\"0.0.0.0/0\","
				     "\"gw\":\"169.254.1.1\"}]"));
	free(text);
	text = add_result_of("{\"name\":\"n\"}", "10.244.1.7", "10.244.1.8");
	assert_non_null(strstr(text, "\"ip\":\"10.244.1.7/32\""));
	assert_null(strstr(text, "10.244.1.8"));
	free(text);
}

static void an_earlier_result_comes_first_and_indexes_hold(void **state)
{
	char *text = add_result(
		"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"prevResult\":{\"interfaces\":["
		"{\"name\":\"a\"},{\"name\":\"b\"}],\"ips\":[{\"address\":\"192.0.2.1/24\","
		"\"interface\":1}],\"dns\":{\"nameservers\":[\"192.0.2.53\"]}}}");

	assert_non_null(strstr(text, "\"interfaces\":[{\"name\":\"a\"},{\"name\":\"b\"},"
				     "{\"name\":\"cali1\""));
	assert_non_null(strstr(text, "\"ips\":[{\"address\":\"192.0.2.1/24\",\"interface\":1},"));
	assert_non_null(strstr(text, "\"gateway\":\"169.254.1.1\",\"interface\":3}"));
	assert_non_null(strstr(text, "\"dns\":{\"nameservers\":[\"192.0.2.53\"]}"));
	free(text);
}

static void an_error_is_plain_text_whatever_its_words_hold(void **state)
{
	struct cni_error error = { .code = 4, .msg = "a\"b\\\n\xff\x7f" };
	char *text = result_error(CNI_0_4_0, &error);

	assert_string_equal(text,
			    "{\"cniVersion\":\"0.4.0\",\"code\":4,\"msg\":\"a\\\"b\\\\???\"}\n");
	free(text);
	strcpy(error.details, "why");
	text = result_error(CNI_0_4_0, &error);
	assert_non_null(strstr(text, ",\"details\":\"why\"}"));
	free(text);
}

static void versions_are_listed(void **state)
{
	char *text = result_version(CNI_0_4_0);

	assert_string_equal(text,
			    "{\"cniVersion\":\"0.4.0\",\"supportedVersions\":[\"0.1.0\","
			    "\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_of_1_1_0_has_the_mtu),
		cmocka_unit_test(a_result_before_1_0_0_names_the_addresses_version),
		cmocka_unit_test(a_result_before_0_3_0_has_an_object_for_each_family),
		cmocka_unit_test(two_addresses_of_one_family_have_one_route),
		cmocka_unit_test(an_earlier_result_comes_first_and_indexes_hold),
		cmocka_unit_test(an_error_is_plain_text_whatever_its_words_hold),
		cmocka_unit_test(versions_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
