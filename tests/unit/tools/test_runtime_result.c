/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_runtime_result.c: what libcni keeps of an ADD, as libcni 1.3.0 wrote it.
 *
 * links: tools/tortie/runtime_result.c lib/ip_prefix.c lib/json.c lib/pod_ifname.c lib/sha1.c
 * libs: -ljson-c
 */
#include "tools/tortie/runtime_result.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ip_prefix.h"

#define HEAD                                                                         \
	"{\"kind\":\"cniCacheV1\",\"containerId\":\"cnitool-c575d29a2eda38241a60\"," \
	"\"config\":\"e30=\",\"ifName\":\"eth0\",\"networkName\":\"testnet\","       \
	"\"netns\":\"/run/netns/x\",\"cniArgs\":[[\"K8S_POD_NAME\",\"web-1\"]],"     \
	"\"result\":{\"cniVersion\":\"1.0.0\",\"interfaces\":["
#define OURS                                                            \
	"{\"mac\":\"ee:ee:ee:ee:ee:ee\",\"name\":\"calic5a79d2820e\"}," \
	"{\"mac\":\"9a:8b:eb:00:6e:1d\",\"name\":\"eth0\",\"sandbox\":\"/run/netns/x\"}],"
#define THEIRS                                                       \
	"{\"mac\":\"ee:ee:ee:ee:ee:ee\",\"name\":\"veth9d0aa096\"}," \
	"{\"mac\":\"9a:8b:eb:00:6e:1d\",\"name\":\"eth0\",\"sandbox\":\"/run/netns/x\"}],"
#define IPS                                                                            \
	"\"ips\":[{\"address\":\"10.244.1.1/32\",\"interface\":1},"                    \
	"{\"address\":\"10.9.9.9/24\",\"interface\":1},{\"address\":\"10.9.9.8/32\"}," \
	"{\"address\":\"fd00:244:0:1::1/128\",\"interface\":1}]}}"

static int parse(const char *text, struct runtime_result *result)
{
	return runtime_result_parse(text, strlen(text), result);
}

static void an_attachment_of_ours_has_its_host_end(void **state)
{
	struct runtime_result result;
	char text[IP_ADDR_TEXT_MAX];

	assert_int_equal(parse(HEAD OURS IPS, &result), 1);
	assert_string_equal(result.container_id, "cnitool-c575d29a2eda38241a60");
	assert_string_equal(result.ifname, "eth0");
	assert_string_equal(result.host_ifname, "calic5a79d2820e");
	assert_int_equal(result.address_count, 2);
	assert_string_equal(ip_addr_format(&result.address[0], text, sizeof(text)), "10.244.1.1");
	assert_string_equal(ip_addr_format(&result.address[1], text, sizeof(text)),
			    "fd00:244:0:1::1");
}

static void other_networks_and_other_files_are_passed_over(void **state)
{
	struct runtime_result result;

	assert_int_equal(parse(HEAD THEIRS IPS, &result), 0);
	assert_int_equal(
		parse("{\"kind\":\"cniCacheV1\",\"containerId\":\"a/b\",\"result\":{}}", &result),
		0);
	assert_int_equal(parse("{\"kind\":\"cniCacheV2\",\"result\":{}}", &result), -EINVAL);
	assert_int_equal(parse("{\"kind\":\"cniCacheV1\"}", &result), -EINVAL);
	assert_int_equal(parse("{}", &result), -EINVAL);
	assert_int_equal(parse("[1]", &result), -EINVAL);
	assert_int_equal(parse("", &result), -EINVAL);
	assert_int_equal(parse(HEAD, &result), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attachment_of_ours_has_its_host_end),
		cmocka_unit_test(other_networks_and_other_files_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
