/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of netconf.c: environment and input as one checked request. The wide table of bad input is
 * tests/cni/test_bad_input.py, which runs the plugin; here is what comes out of good input.
 *
 * links: cni/netconf.c cni/netconf_wishes.c lib/ip_prefix.c lib/pod_ifname.c lib/sha1.c
 * links: lib/text.c lib/mac.c lib/json.c
 * libs: -ljson-c
 */
#include "cni/netconf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"

static const struct netconf_env add_env = {
	.command = "ADD",
	.container_id = "c311381139d7736cad60f1f5fd33e3fdd3b15024e034dad11dcc08f13572196c",
	.netns = "/var/run/netns/cni-4cd71c3a-1479-c8fd-f74c-c02e02c68f83",
	.ifname = "eth0",
};

static int parse(const struct netconf_env *env, const char *text, struct netconf *conf,
		 struct cni_error *error)
{
	return netconf_parse(env, text, strlen(text), conf, error);
}

static void assert_refused(const struct netconf_env *env, const char *text, unsigned int code,
			   const char *words)
{
	struct cni_error error = { 0 };
	struct netconf conf;

	assert_int_equal(parse(env, text, &conf, &error), -EINVAL);
	assert_int_equal(error.code, code);
	if (strstr(error.msg, words) == NULL && strstr(error.details, words) == NULL)
		fail_msg("\"%s\" not in \"%s\" \"%s\"", words, error.msg, error.details);
}

static void an_add_becomes_a_request(void **state)
{
	struct netconf_env env = add_env;
	struct cni_error error;
	struct netconf conf;

	env.args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=web;K8S_POD_NAME=front-2;"
		   "K8S_POD_UID=d692749e-0de0-4cde-a6be-4745b8d8adfe";
	assert_int_equal(parse(&env,
			       "{\"cniVersion\":\"1.1.0\",\"name\":\"kbref\",\"mtu\":1400,"
			       "\"pools\":[\"a\",\"10.0.0.0/8\"],\"runDir\":\"/run/other\","
			       "\"ipam\":{},\"unknown\":{\"x\":[1]},\"dns\":{\"search\":[]}}",
			       &conf, &error),
			 0);
	assert_int_equal(conf.command, COMMAND_ADD);
	assert_int_equal(conf.version, CNI_1_1_0);
	assert_string_equal(conf.run_dir, "/run/other");
	assert_int_equal(conf.request.verb, CNI_ADD);
	assert_int_equal(conf.request.mtu, 1400);
	assert_int_equal(conf.request.pool_count, 2);
	assert_string_equal(conf.request.pool[1], "10.0.0.0/8");
	assert_string_equal(conf.request.container_id, add_env.container_id);
	assert_string_equal(conf.request.netns, add_env.netns);
	assert_string_equal(conf.request.ifname, "eth0");
	assert_string_equal(conf.request.network, "kbref");
	assert_string_equal(conf.request.pod_name, "front-2");
	assert_string_equal(conf.request.pod_namespace, "web");
	assert_string_equal(conf.request.pod_uid, "d692749e-0de0-4cde-a6be-4745b8d8adfe");
	assert_non_null(conf.dns);
	assert_null(conf.prev_result);
	netconf_free(&conf);
}

static void defaults_are_the_documented_ones(void **state)
{
	struct cni_error error;
	struct netconf conf;

	assert_int_equal(parse(&add_env,
			       "{\"cniVersion\":\"0.3.0\",\"name\":\"n\",\"pools\":null,"
			       "\"mtu\":0,\"dns\":{},\"prevResult\":null}\n",
			       &conf, &error),
			 0);
	assert_string_equal(conf.run_dir, "/run/tortie");
	assert_int_equal(conf.request.mtu, 0);
	assert_int_equal(conf.request.pool_count, 0);
	assert_null(conf.dns);
	assert_null(conf.prev_result);
	netconf_free(&conf);
}

static void arguments_of_the_configuration_outrank_the_environment(void **state)
{
	struct netconf_env env = add_env;
	struct cni_error error;
	struct netconf conf;

	env.args = "K8S_POD_NAME=a;broken;;=x;K8S_POD_NAMESPACE";
	assert_int_equal(parse(&env,
			       "{\"cniVersion\":\"1.0.0\",\"name\":\"n\","
			       "\"args\":{\"cni\":{\"K8S_POD_NAME\":\"b\"}}}",
			       &conf, &error),
			 0);
	assert_string_equal(conf.request.pod_name, "b");
	assert_string_equal(conf.request.pod_namespace, "");
	netconf_free(&conf);
}

static void check_takes_the_whole_addresses_of_its_interface(void **state)
{
	struct netconf_env env = add_env;
	struct cni_error error;
	struct netconf conf;
	struct ip_addr v4, v6;

	env.command = "CHECK";
	assert_int_equal(
		parse(&env,
		      "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"prevResult\":{\"interfaces\":["
		      "{\"name\":\"eth0\"},{\"name\":\"cali1\"},"
		      "{\"name\":\"eth0\",\"sandbox\":\"/x\"}],\"ips\":["
		      "{\"address\":\"10.0.0.1/32\",\"interface\":2},"
		      "{\"address\":\"10.0.0.2/24\",\"interface\":2},"
		      "{\"address\":\"10.0.0.3/32\",\"interface\":0},"
		      "{\"address\":\"10.0.0.4/32\"},{\"address\":7,\"interface\":2},"
		      "{\"address\":\"fd00::1/128\",\"interface\":2}]}}",
		      &conf, &error),
		0);
	assert_int_equal(conf.request.address_count, 2);
	ip_addr_parse("10.0.0.1", &v4);
	ip_addr_parse("fd00::1", &v6);
	assert_true(ip_addr_equal(&conf.request.address[0], &v4));
	assert_true(ip_addr_equal(&conf.request.address[1], &v6));
	netconf_free(&conf);
}

static void delete_needs_only_what_detaches(void **state)
{
	struct netconf_env env = { .command = "DEL", .container_id = "a", .ifname = "eth0" };
	struct cni_error error;
	struct netconf conf;

	assert_int_equal(parse(&env,
			       "{\"cniVersion\":\"1.0.0\",\"name\":\"-\",\"pools\":7,\"mtu\":\"x\","
			       "\"ipam\":{\"type\":\"host-local\"},\"prevResult\":5}",
			       &conf, &error),
			 0);
	assert_int_equal(conf.request.verb, CNI_DEL);
	assert_string_equal(conf.request.netns, "");
	netconf_free(&conf);
	env.container_id = "../a";
	assert_refused(&env, "{}", 4, "CNI_CONTAINERID");
}

static void status_needs_no_container(void **state)
{
	struct netconf_env env = { .command = "STATUS", .container_id = "", .netns = "" };
	struct cni_error error;
	struct netconf conf;

	assert_int_equal(parse(&env, "{\"cniVersion\":\"1.1.0\",\"name\":\"n\"}", &conf, &error),
			 0);
	assert_int_equal(conf.request.verb, CNI_STATUS);
	netconf_free(&conf);
	assert_refused(&env, "{\"cniVersion\":\"1.0.0\",\"name\":\"n\"}", 1, "1.1.0");
}

static void version_reads_the_input_only_if_there_is_some(void **state)
{
	struct netconf_env env = { .command = "VERSION" };
	struct cni_error error;
	struct netconf conf;

	assert_int_equal(parse(&env, "", &conf, &error), 0);
	assert_int_equal(conf.version, CNI_1_1_0);
	assert_int_equal(parse(&env, "{\"cniVersion\":\"0.3.1\"}", &conf, &error), 0);
	assert_int_equal(conf.version, CNI_0_3_1);
}

static void errors_carry_the_configurations_version_when_it_can_be_told(void **state)
{
	struct cni_error error;
	struct netconf conf;

	assert_int_equal(parse(&add_env, "{\"cniVersion\":\"0.4.0\"}", &conf, &error), -EINVAL);
	assert_int_equal(conf.version, CNI_0_4_0);
	assert_int_equal(parse(&add_env, "{", &conf, &error), -EINVAL);
	assert_int_equal(conf.version, CNI_1_1_0);
}

static void all_missing_variables_are_named_at_once(void **state)
{
	struct netconf_env env = { .command = "ADD" };

	assert_refused(&env, "{}", 4, "CNI_CONTAINERID CNI_NETNS CNI_IFNAME");
	env.command = NULL;
	assert_refused(&env, "{}", 4, "CNI_COMMAND");
}

static void an_ipam_type_is_a_file_name(void **state)
{
	static const char *const bad[] = { "../static", "a/b", "-x", "tortie-cni", "a b" };
	struct netconf_env del = { .command = "DEL", .container_id = "a", .ifname = "eth0" };
	struct cni_error error;
	struct netconf conf;
	char text[256];

	assert_int_equal(parse(&add_env,
			       "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"ipam\":{"
			       "\"type\":\"host-local\"}}",
			       &conf, &error),
			 0);
	assert_string_equal(conf.ipam_type, "host-local");
	assert_int_equal(strncmp(conf.input, "{\"cniVersion\"", 13), 0);
	netconf_free(&conf);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"ipam\":{\"type\":\"%s\"}}",
			 bad[i]);
		assert_refused(&add_env, text, 7, "ipam.type");
		assert_int_equal(parse(&del, text, &conf, &error), 0);
		assert_string_equal(conf.ipam_type, "");
		netconf_free(&conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_add_becomes_a_request),
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(arguments_of_the_configuration_outrank_the_environment),
		cmocka_unit_test(check_takes_the_whole_addresses_of_its_interface),
		cmocka_unit_test(delete_needs_only_what_detaches),
		cmocka_unit_test(status_needs_no_container),
		cmocka_unit_test(version_reads_the_input_only_if_there_is_some),
		cmocka_unit_test(errors_carry_the_configurations_version_when_it_can_be_told),
		cmocka_unit_test(all_missing_variables_are_named_at_once),
		cmocka_unit_test(an_ipam_type_is_a_file_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
