/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of netconf_wishes.c: what is asked for one attachment. Names and forms are those of the CNI
 * project's CONVENTIONS.md, of Calico's reference ("Requesting a specific IP address", "Assign IP
 * addresses from pools") and of a recorded call of containerd (tests/cni/fixtures).
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
#include <json-c/json.h>

#include "lib/ip_prefix.h"

#define NOTES "\"io.kubernetes.cri.pod-annotations\""

static struct netconf conf; /* of the test at hand */
static struct cni_error error;

static int parse_as(const char *command, const char *args, const char *keys)
{
	const struct netconf_env env = { .command = command,
					 .container_id = "a",
					 .netns = "/x",
					 .ifname = "eth0",
					 .args = args };
	char text[2048];

	snprintf(text, sizeof(text), "{\"cniVersion\":\"1.0.0\",\"name\":\"n\"%s%s}",
		 keys[0] != '\0' ? "," : "", keys);
	memset(&error, 0, sizeof(error));
	return netconf_parse(&env, text, strlen(text), &conf, &error);
}

static int parse(const char *args, const char *keys)
{
	return parse_as("ADD", args, keys);
}

static void assert_wants(const char *const *texts, size_t count)
{
	assert_int_equal(conf.request.want_count, count);
	for (size_t i = 0; i < count; i++) {
		struct ip_addr addr;

		assert_int_equal(ip_addr_parse(texts[i], &addr), 0);
		assert_true(ip_addr_equal(&conf.request.want[i], &addr));
	}
}

static void assert_wants_one(const char *text)
{
	assert_wants(&text, 1);
}

static void addresses_come_from_each_place_in_its_form(void **state)
{
	static const char *const both[] = { "10.2.2.42", "2001:db8::5" };
	static const char *const keys[] = {
		"\"args\":{\"cni\":{\"ips\":[\"10.2.2.42/24\",\"2001:db8::5\"]}}",
		"\"runtimeConfig\":{\"ips\":[\"10.2.2.42\",\"2001:db8::5/64\"]}",
		"\"runtimeConfig\":{" NOTES ":{\"cni.projectcalico.org/ipAddrs\":"
		"\"[\\\"10.2.2.42\\\", \\\"2001:db8::5\\\"]\"}}",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_int_equal(parse(NULL, keys[i]), 0);
		assert_wants(both, 2);
		netconf_free(&conf);
	}
	assert_int_equal(parse("FOO=1;IP=192.168.10.4/24;BAR", ""), 0);
	assert_wants_one("192.168.10.4");
	netconf_free(&conf);
	/* As the CNI project's types.LoadArgs(): a key that comes again counts last. */
	assert_int_equal(parse("IP=192.168.10.4;IP=192.168.10.5", ""), 0);
	assert_wants_one("192.168.10.5");
	netconf_free(&conf);
}

static void a_later_place_outranks_those_before(void **state)
{
	static const struct {
		const char *args, *keys, *addr;
		uint8_t last; /* octet of the MAC */
	} rows[] = {
		{ NULL,
		  "\"runtimeConfig\":{" NOTES
		  ":{\"cni.projectcalico.org/ipAddrs\":\"[\\\"10.0.0.1\\\"]\","
		  "\"cni.projectcalico.org/hwAddr\":\"02:00:00:00:00:01\"}}",
		  "10.0.0.1", 1 },
		{ "IP=10.0.0.2;MAC=02:00:00:00:00:02",
		  "\"runtimeConfig\":{" NOTES
		  ":{\"cni.projectcalico.org/ipAddrs\":\"[\\\"10.0.0.1\\\"]\","
		  "\"cni.projectcalico.org/hwAddr\":\"02:00:00:00:00:01\"}}",
		  "10.0.0.2", 2 },
		{ "IP=10.0.0.2;MAC=02:00:00:00:00:02",
		  "\"args\":{\"cni\":{\"ips\":[\"10.0.0.3\"],\"mac\":\"02:00:00:00:00:03\"}}",
		  "10.0.0.3", 3 },
		{ "IP=10.0.0.2;MAC=02:00:00:00:00:02",
		  "\"args\":{\"cni\":{\"ips\":[\"10.0.0.3\"],\"mac\":\"02:00:00:00:00:03\"}},"
		  "\"runtimeConfig\":{\"ips\":[\"10.0.0.4\"],\"mac\":\"02:00:00:00:00:04\"}",
		  "10.0.0.4", 4 },
		{ "IP=10.0.0.2;MAC=02:00:00:00:00:02",
		  "\"runtimeConfig\":{\"ips\":[],\"mac\":null}", "10.0.0.2", 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint8_t mac[6] = { 2, 0, 0, 0, 0, rows[i].last };

		assert_int_equal(parse(rows[i].args, rows[i].keys), 0);
		assert_wants_one(rows[i].addr);
		assert_memory_equal(conf.request.mac, mac, 6);
		netconf_free(&conf);
	}
}

static void pools_of_annotations_are_each_of_its_family(void **state)
{
	assert_int_equal(
		parse(NULL,
		      "\"pools\":[\"a\"],\"runtimeConfig\":{" NOTES ":{"
		      "\"cni.projectcalico.org/ipv4pools\":\"[\\\"blue\\\",\\\"10.0.0.0/16\\\"]\","
		      "\"cni.projectcalico.org/ipv6pools\":\"[\\\"six\\\"]\"}}"),
		0);
	assert_int_equal(conf.request.pool_count, 1);
	assert_int_equal(conf.request.family_pool_count[CNI_POOLS_V4], 2);
	assert_int_equal(conf.request.family_pool_count[CNI_POOLS_V6], 1);
	assert_string_equal(conf.request.family_pool[CNI_POOLS_V4][1], "10.0.0.0/16");
	assert_string_equal(conf.request.family_pool[CNI_POOLS_V6][0], "six");
	netconf_free(&conf);
}

/* The keys' case is that of containerd 2.2.9, as recorded. */
static void what_containerd_passes_is_understood(void **state)
{
	assert_int_equal(
		parse(NULL,
		      "\"runtimeConfig\":{\"bandwidth\":{\"IngressRate\":10000000,"
		      "\"IngressBurst\":4294967295,\"EgressRate\":0},\"cgroupPath\":\"/x\","
		      "\"dns\":{\"Servers\":[\"10.96.0.10\"],\"Searches\":[\"x.example\"],"
		      "\"Options\":[\"ndots:2\"]},\"portMappings\":null," NOTES ":{\"a\":\"b\"}}"),
		0);
	assert_int_equal(conf.request.asked, CNI_ASKED_BANDWIDTH);
	assert_int_equal(conf.request.want_count, 0);
	assert_string_equal(json_object_to_json_string_ext(conf.dns, JSON_C_TO_STRING_PLAIN),
			    "{\"nameservers\":[\"10.96.0.10\"],\"search\":[\"x.example\"],"
			    "\"options\":[\"ndots:2\"]}");
	netconf_free(&conf);
}

static void the_runtimes_dns_outranks_the_configurations(void **state)
{
	static const char *const keys[] = {
		"\"dns\":{\"domain\":\"a\"},\"runtimeConfig\":{\"dns\":{\"servers\":[\"192.0.2.1\"]}}",
		"\"dns\":{\"domain\":\"a\"},\"runtimeConfig\":{\"dns\":{\"servers\":[]}}",
	};
	static const char *const dns[] = { "{\"nameservers\":[\"192.0.2.1\"]}",
					   "{\"domain\":\"a\"}" };

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(parse(NULL, keys[i]), 0);
		assert_string_equal(
			json_object_to_json_string_ext(conf.dns, JSON_C_TO_STRING_PLAIN), dns[i]);
		netconf_free(&conf);
	}
}

static void bandwidth_is_noted_from_annotations_too(void **state)
{
	static const struct {
		const char *keys;
		uint32_t asked;
	} rows[] = {
		{ "\"runtimeConfig\":{" NOTES ":{\"kubernetes.io/ingress-bandwidth\":\"10M\"}}",
		  CNI_ASKED_BANDWIDTH },
		{ "\"runtimeConfig\":{" NOTES ":{\"kubernetes.io/egress-bandwidth\":\"10M\"}}",
		  CNI_ASKED_BANDWIDTH },
		{ "\"runtimeConfig\":{\"bandwidth\":{\"egressRate\":1}}", CNI_ASKED_BANDWIDTH },
		{ "\"runtimeConfig\":{\"bandwidth\":{\"ingressRate\":0}}", 0 },
		{ "\"runtimeConfig\":{\"bandwidth\":null," NOTES ":null}", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(NULL, rows[i].keys), 0);
		assert_int_equal(conf.request.asked, rows[i].asked);
		netconf_free(&conf);
	}
}

static const struct {
	const char *args, *keys;
	unsigned int code;
	const char *words;
} bad[] = {
	{ "IP=10.0.0", "", CNI_ERROR_ENVIRONMENT, "CNI_ARGS: IP=10.0.0" },
	{ "IP=10.0.0.1/33", "", CNI_ERROR_ENVIRONMENT, "CNI_ARGS: IP" },
	{ "IP=10.0.0.1/", "", CNI_ERROR_ENVIRONMENT, "CNI_ARGS: IP" },
	{ "IP=10.0.0.1/+8", "", CNI_ERROR_ENVIRONMENT, "CNI_ARGS: IP" },
	{ "MAC=02:00:00:00:00", "", CNI_ERROR_ENVIRONMENT, "CNI_ARGS: MAC" },
	{ NULL, "\"args\":{\"cni\":{\"ips\":\"10.0.0.1\"}}", CNI_ERROR_CONFIG, "args.cni.ips" },
	{ NULL, "\"runtimeConfig\":{\"ips\":[\"10.0.0.1\",7]}", CNI_ERROR_CONFIG,
	  "runtimeConfig.ips[1]" },
	{ NULL,
	  "\"runtimeConfig\":{\"ips\":[\"::1\",\"::2\",\"::3\",\"::4\",\"::5\",\"::6\",\"::7\","
	  "\"::8\",\"::9\"]}",
	  CNI_ERROR_CONFIG, "more than 8" },
	{ NULL, "\"runtimeConfig\":{\"mac\":7}", CNI_ERROR_CONFIG, "runtimeConfig.mac" },
	/* IEEE 802: the lowest bit of the first octet means a group. */
	{ NULL, "\"runtimeConfig\":{\"mac\":\"01:00:5e:00:00:01\"}", CNI_ERROR_CONFIG, "no MAC" },
	{ NULL, "\"runtimeConfig\":{\"mac\":\"00:00:00:00:00:00\"}", CNI_ERROR_CONFIG, "no MAC" },
	{ NULL, "\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:0g\"}", CNI_ERROR_CONFIG, "no MAC" },
	{ NULL, "\"runtimeConfig\":{\"dns\":{\"servers\":\"a\"}}", CNI_ERROR_CONFIG, "servers" },
	{ NULL, "\"runtimeConfig\":{\"dns\":{\"Options\":[1]}}", CNI_ERROR_CONFIG, "options[0]" },
	{ NULL, "\"runtimeConfig\":{" NOTES ":{\"cni.projectcalico.org/ipAddrs\":\"10.0.0.1\"}}",
	  CNI_ERROR_CONFIG, "cni.projectcalico.org/ipAddrs" },
	{ NULL, "\"runtimeConfig\":{" NOTES ":{\"cni.projectcalico.org/ipAddrs\":\"[\\\"x\\\"]\"}}",
	  CNI_ERROR_CONFIG, "ipAddrs[0]" },
	{ NULL, "\"runtimeConfig\":{" NOTES ":{\"cni.projectcalico.org/ipAddrs\":7}}",
	  CNI_ERROR_CONFIG, "ipAddrs" },
	{ NULL, "\"runtimeConfig\":{" NOTES ":{\"cni.projectcalico.org/ipv4pools\":\"[\"}}",
	  CNI_ERROR_CONFIG, "ipv4pools" },
	{ NULL, "\"runtimeConfig\":{" NOTES ":{\"cni.projectcalico.org/ipv6pools\":\"[1]\"}}",
	  CNI_ERROR_CONFIG, "ipv6pools[0]" },
	{ NULL, "\"runtimeConfig\":{" NOTES ":{\"cni.projectcalico.org/hwAddr\":\"x\"}}",
	  CNI_ERROR_CONFIG, "hwAddr" },
};

static void what_cannot_be_served_is_refused_by_its_name(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].args, bad[i].keys), -EINVAL);
		assert_int_equal(error.code, bad[i].code);
		if (strstr(error.msg, bad[i].words) == NULL)
			fail_msg("\"%s\" not in \"%s\"", bad[i].words, error.msg);
	}
}

static void only_an_add_minds(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse_as("DEL", bad[i].args, bad[i].keys), 0);
		assert_int_equal(conf.request.want_count, 0);
		netconf_free(&conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_come_from_each_place_in_its_form),
		cmocka_unit_test(a_later_place_outranks_those_before),
		cmocka_unit_test(pools_of_annotations_are_each_of_its_family),
		cmocka_unit_test(what_containerd_passes_is_understood),
		cmocka_unit_test(the_runtimes_dns_outranks_the_configurations),
		cmocka_unit_test(bandwidth_is_noted_from_annotations_too),
		cmocka_unit_test(what_cannot_be_served_is_refused_by_its_name),
		cmocka_unit_test(only_an_add_minds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
