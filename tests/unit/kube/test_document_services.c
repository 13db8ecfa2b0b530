/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_document_services.c: what a node announces of Services. Expected: what Calico documents of
 * BGPConfiguration's serviceClusterIPs, serviceExternalIPs, serviceLoadBalancerIPs and
 * serviceLoadBalancerAggregation, and of externalTrafficPolicy.
 *
 * links: kube/document*.c kube/cluster.c kube/node_object.c kube/service_object.c kube/selector.c
 * links: lib/json.c lib/text.c lib/sha1.c lib/ip_prefix.c lib/next_hops.c lib/config*.c
 * libs: -ljson-c -lyaml -lresolv
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/ip_prefix.h"
#include "tests/unit/kube/built.h"
#include "tests/unit/kube/recordings.h"

static void set(enum cluster_kind kind, const char *name, const char *text)
{
	char object[4096];
	struct json_object *json;

	snprintf(object, sizeof(object), "{'metadata':{'namespace':'a','name':'%s'%s}", name, text);
	json = parse_json(object);
	assert_true(cluster_set(&cluster, kind, json) >= 0);
	json_object_put(json);
}

static void set_node(const char *name, int number, const char *labels)
{
	char text[512];

	snprintf(text, sizeof(text),
		 ",'labels':{%s}},'spec':{'podCIDRs':['10.244.%d.0/24']},'status':{'addresses':[{"
		 "'type':'InternalIP','address':'10.77.0.1%d'}]}",
		 labels, number, number);
	set(CLUSTER_NODES, name, text);
}

static void set_config(const char *spec)
{
	char text[2048];

	snprintf(text, sizeof(text), "},'spec':{%s}", spec);
	set(CLUSTER_BGP_CONFIGS, "default", text);
}

#define CLUSTER_RANGE  "'serviceClusterIPs':[{'cidr':'10.96.0.0/16'},{'cidr':'fd96::/112'}]"
#define EXTERNAL_RANGE "'serviceExternalIPs':[{'cidr':'192.0.2.0/25'},{'cidr':'192.0.2.200/32'}]"
#define BALANCER_RANGE                                                                       \
	"'serviceLoadBalancerIPs':[{'cidr':'198.51.100.0/25'},{'cidr':'198.51.100.200/32'}," \
	"{'cidr':'2001:db8::/64'}]"
#define RANGES CLUSTER_RANGE "," EXTERNAL_RANGE "," BALANCER_RANGE

/* @more: of spec; @balancer: addresses in the status. */
static void set_service(const char *name, const char *more, const char *balancer)
{
	char text[2048], ingress[1024] = "";
	char *copy = strdup(balancer), *at = copy;

	for (const char *one; (one = strsep(&at, " "));)
		if (*one)
			sprintf(ingress + strlen(ingress), "%s{'ip':'%s'}", *ingress ? "," : "",
				one);
	free(copy);
	snprintf(text, sizeof(text), "},'spec':{%s},'status':{'loadBalancer':{'ingress':[%s]}}",
		 more, ingress);
	set(CLUSTER_SERVICES, name, text);
}

/* @where: "n1 n2-": ready on n1, on n2 not. */
static void set_slice(const char *service, const char *type, const char *where)
{
	char name[64], text[1024] = "", endpoints[512] = "";
	char *copy = strdup(where), *at = copy;

	for (const char *one; (one = strsep(&at, " "));)
		if (*one)
			sprintf(endpoints + strlen(endpoints),
				"%s{'nodeName':'%.2s','conditions':{'ready':%s}}",
				*endpoints ? "," : "", one, one[2] ? "false" : "true");
	free(copy);
	snprintf(name, sizeof(name), "%s-%s", service, type);
	snprintf(text, sizeof(text),
		 ",'labels':{'kubernetes.io/service-name':'%s'}},'addressType':'%s','endpoints':[%s"
		 "]",
		 service, type, endpoints);
	set(CLUSTER_SLICES, name, text);
}

static void start(void)
{
	cluster.node_name = "n1";
	set_node("n1", 1, "");
	set_node("n2", 2, "");
}

static int forget_cluster(void **state)
{
	forget_all(state);
	cluster = (struct cluster){ 0 };
	return 0;
}

static void format_list(const struct ip_prefix *list, size_t count, char *text)
{
	char one[IP_PREFIX_TEXT_MAX];

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		sprintf(text + strlen(text), "%s%s", i ? " " : "",
			ip_prefix_format(&list[i], one, sizeof(one)));
}

/* What the parser of the configuration reads from the document, in order. */
static void expect(const char *announce)
{
	struct config *config;
	char text[4096];

	build_document();
	config = read_document();
	format_list(config->bgp.announce, config->bgp.announce_count, text);
	assert_string_equal(text, announce);
	config_free(config);
}

static void expect_ranges(const char *ranges)
{
	struct config *config = read_document();
	char text[4096];

	format_list(config->bgp.service_range, config->bgp.service_range_count, text);
	assert_string_equal(text, ranges);
	config_free(config);
}

#define WHOLE  "10.96.0.0/16 192.0.2.0/25 198.51.100.0/25"
#define WHOLE6 "2001:db8::/64 fd96::/112"
#define ALL    "10.96.0.0/16 192.0.2.0/25 192.0.2.200/32 198.51.100.0/25 198.51.100.200/32 " WHOLE6

static void ranges_are_announced_whole_but_single_addresses(void **state)
{
	start();
	expect("");
	set_config(RANGES);
	expect(WHOLE " " WHOLE6);
	expect_ranges(ALL);
	set_config(RANGES ",'serviceLoadBalancerAggregation':'Disabled'");
	expect("10.96.0.0/16 192.0.2.0/25 fd96::/112");
	expect_ranges(ALL);
	set_config(RANGES ",'serviceLoadBalancerAggregation':'Enabled'");
	expect(WHOLE " " WHOLE6);
	assert_int_equal(document.notice_count, 0);
	set_config(RANGES ",'serviceLoadBalancerAggregation':'Sometimes'");
	expect(WHOLE " " WHOLE6);
	assert_notice("spec.serviceLoadBalancerAggregation: Sometimes: neither Enabled nor");
	set_config("'serviceClusterIPs':[{'cidr':'10.96.0.7/32'}]");
	expect("10.96.0.7/32");
}

#define LOCAL "'externalTrafficPolicy':'Local',"

static void local_services_are_announced_where_an_endpoint_is_ready(void **state)
{
	start();
	set_config(RANGES);
	set_service("s",
		    LOCAL "'clusterIPs':['10.96.0.7','fd96::7'],'externalIPs':['192.0.2.7',"
			  "'192.0.2.200','203.0.113.9']",
		    "198.51.100.7 2001:db8::7");
	set_slice("s", "IPv4", "n2");
	expect(WHOLE " " WHOLE6);
	set_slice("s", "IPv4", "n2 n1-");
	expect(WHOLE " " WHOLE6);
	/* by family: the IPv6 addresses have no endpoint here */
	set_slice("s", "IPv4", "n2 n1");
	set_slice("s", "IPv6", "n2");
	expect("10.96.0.0/16 10.96.0.7/32 192.0.2.0/25 192.0.2.7/32 192.0.2.200/32 "
	       "198.51.100.0/25 198.51.100.7/32 " WHOLE6);
	set_slice("s", "IPv6", "n1");
	set_slice("s", "IPv4", "n1-");
	expect(WHOLE " 2001:db8::/64 2001:db8::7/128 fd96::/112 fd96::7/128");
	/* any slice of the Service will do, none of another */
	set_slice("other", "IPv4", "n1");
	expect(WHOLE " 2001:db8::/64 2001:db8::7/128 fd96::/112 fd96::7/128");
	set_slice("s", "IPv6", "");
	expect(WHOLE " " WHOLE6);
}

static void a_single_address_is_announced_while_a_service_has_it(void **state)
{
	start();
	set_config(RANGES);
	set_service("s", "'clusterIP':'10.96.0.7','externalIPs':['192.0.2.200','192.0.2.7']",
		    "198.51.100.200 198.51.100.7");
	expect(ALL);
	/* the same address by two Services, and as an external one of the other kind's range */
	set_service("t", "'clusterIP':'10.96.0.8','externalIPs':['192.0.2.200','198.51.100.200']",
		    "");
	expect(ALL);
	set_service("s", "'clusterIP':'10.96.0.7'", "");
	expect("10.96.0.0/16 192.0.2.0/25 192.0.2.200/32 198.51.100.0/25 " WHOLE6);
	set_service("t", "'clusterIP':'10.96.0.8'", "");
	expect(WHOLE " " WHOLE6);
}

static void without_aggregation_balancers_addresses_go_by_endpoints_anywhere(void **state)
{
	start();
	set_config(BALANCER_RANGE ",'serviceLoadBalancerAggregation':'Disabled'");
	set_service("s", "'clusterIP':'10.96.0.7'", "198.51.100.7 2001:db8::7");
	expect("");
	set_slice("s", "IPv4", "n2");
	expect("198.51.100.7/32");
	set_slice("s", "IPv6", "n2");
	expect("198.51.100.7/32 2001:db8::7/128");
	set_slice("s", "IPv4", "n2-");
	expect("2001:db8::7/128");
	set_service("s", LOCAL "'clusterIP':'10.96.0.7'", "198.51.100.7 2001:db8::7");
	expect("");
}

static void a_node_that_is_kept_out_of_load_balancing_announces_nothing(void **state)
{
	start();
	set_config(RANGES);
	set_service("s", LOCAL "'clusterIP':'10.96.0.7'", "");
	set_slice("s", "IPv4", "n1");
	set_node("n1", 1, "'node.kubernetes.io/exclude-from-external-load-balancers':'true'");
	expect("");
	expect_ranges(ALL);
	assert_false(document_wants(&cluster, CLUSTER_SERVICES));
	/* kubeadm's label of control planes has no value, and Calico passes it over */
	set_node("n1", 1, "'node.kubernetes.io/exclude-from-external-load-balancers':''");
	expect("10.96.0.0/16 10.96.0.7/32 192.0.2.0/25 198.51.100.0/25 " WHOLE6);
	assert_true(document_wants(&cluster, CLUSTER_SERVICES));
}

static void ranges_that_are_none_are_left_out_and_told(void **state)
{
	start();
	set_config("'serviceClusterIPs':[{'cidr':'10.0.0.0/8'},{'cidr':'x'},{},7,"
		   "{'cidr':'10.96.0.0/16'}],"
		   "'serviceExternalIPs':[{'cidr':'10.77.0.12/32'},{'cidr':'0.0.0.0/0'},"
		   "{'cidr':'10.96.0.0/16'}],"
		   "'serviceLoadBalancerIPs':[{'cidr':'10.244.2.0/28'},{'cidr':'127.0.0.0/16'}]");
	expect("10.96.0.0/16");
	expect_ranges("10.96.0.0/16");
	assert_notice("spec.serviceClusterIPs: 10.0.0.0/8 overlaps pool default-ipv4-ippool");
	assert_notice("spec.serviceClusterIPs: x is no prefix: left out");
	assert_notice("spec.serviceClusterIPs: an entry is no prefix: left out");
	assert_notice("spec.serviceExternalIPs: 10.77.0.12/32 holds an address of node n2");
	assert_notice("spec.serviceExternalIPs: 0.0.0.0/0 holds addresses that no host can have");
	assert_notice("spec.serviceLoadBalancerIPs: 10.244.2.0/28 overlaps pool");
	assert_notice("spec.serviceLoadBalancerIPs: 127.0.0.0/16 holds addresses that no host");
}

static void what_is_watched_is_what_can_matter(void **state)
{
	start();
	assert_false(document_wants(&cluster, CLUSTER_SERVICES));
	assert_false(document_wants(&cluster, CLUSTER_SLICES));
	set_config("'serviceClusterIPs':[]");
	assert_false(document_wants(&cluster, CLUSTER_SERVICES));
	set_config(RANGES);
	assert_true(document_wants(&cluster, CLUSTER_SERVICES));
	assert_false(document_wants(&cluster, CLUSTER_SLICES));
	set_service("s", "'clusterIP':'10.96.0.7'", "198.51.100.7");
	assert_false(document_wants(&cluster, CLUSTER_SLICES));
	set_service("t", LOCAL "'clusterIP':'10.97.0.7'", ""); /* outside of the ranges */
	assert_false(document_wants(&cluster, CLUSTER_SLICES));
	set_service("t", LOCAL "'clusterIP':'10.96.0.8'", "");
	assert_true(document_wants(&cluster, CLUSTER_SLICES));
	set_service("t", "'clusterIP':'10.96.0.8'", "");
	assert_false(document_wants(&cluster, CLUSTER_SLICES));
	set_config(RANGES ",'serviceLoadBalancerAggregation':'Disabled'");
	assert_true(document_wants(&cluster, CLUSTER_SLICES));
}

#define CLUSTER_IPS 64 /* of a Service: more than Kubernetes gives, not more than are kept */

static void more_ranges_and_addresses_than_there_may_be_are_told(void **state)
{
	char spec[16384] = "'serviceClusterIPs':[", object[20000], text[2048];
	struct json_object *json;

	start();
	for (int i = 0; i < CONFIG_SERVICE_RANGES_MAX + 1; i++)
		sprintf(spec + strlen(spec), "%s{'cidr':'10.%d.%d.0/24'}", i ? "," : "",
			96 + i / 256, i % 256);
	strcat(spec, "]");
	snprintf(object, sizeof(object), "{'metadata':{'name':'default'},'spec':{%s}}", spec);
	json = parse_json(object);
	assert_int_equal(cluster_set(&cluster, CLUSTER_BGP_CONFIGS, json), 1);
	json_object_put(json);
	build_document();
	assert_notice("10.97.0.0/24: more than 256 ranges: left out");

	set_config("'serviceClusterIPs':[{'cidr':'10.96.0.0/14'}]");
	for (int i = 0; i < CONFIG_ANNOUNCE_MAX / CLUSTER_IPS; i++) {
		char name[16];

		snprintf(text, sizeof(text), LOCAL "'clusterIPs':[");
		for (int k = 0; k < CLUSTER_IPS; k++)
			sprintf(text + strlen(text), "%s'10.96.%d.%d'", k ? "," : "", i, k);
		strcat(text, "]");
		snprintf(name, sizeof(name), "s%d", i);
		set_service(name, text, "");
		set_slice(name, "IPv4", "n1");
	}
	build_document();
	config_free(read_document());
	assert_notice("16385 prefixes of Services are to be announced, at most 16384 are");
	assert_has("announce: [\"10.96.0.0/14\", \"10.96.0.0/32\", \"10.96.0.1/32\"");
}

static void a_service_with_more_addresses_is_told(void **state)
{
	char more[2048] = "'clusterIP':'10.96.0.7','externalIPs':[";

	start();
	set_config(RANGES);
	for (int i = 0; i < SERVICE_ADDRESSES_MAX; i++)
		sprintf(more + strlen(more), "%s'192.0.2.%d'", i ? "," : "", i);
	strcat(more, "]");
	set_service("s", more, "");
	build_document();
	assert_notice("service a/s: has more than 64 addresses: the others are not announced");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(ranges_are_announced_whole_but_single_addresses,
					  forget_cluster),
		cmocka_unit_test_teardown(local_services_are_announced_where_an_endpoint_is_ready,
					  forget_cluster),
		cmocka_unit_test_teardown(a_single_address_is_announced_while_a_service_has_it,
					  forget_cluster),
		cmocka_unit_test_teardown(
			without_aggregation_balancers_addresses_go_by_endpoints_anywhere,
			forget_cluster),
		cmocka_unit_test_teardown(
			a_node_that_is_kept_out_of_load_balancing_announces_nothing,
			forget_cluster),
		cmocka_unit_test_teardown(ranges_that_are_none_are_left_out_and_told,
					  forget_cluster),
		cmocka_unit_test_teardown(what_is_watched_is_what_can_matter, forget_cluster),
		cmocka_unit_test_teardown(more_ranges_and_addresses_than_there_may_be_are_told,
					  forget_cluster),
		cmocka_unit_test_teardown(a_service_with_more_addresses_is_told, forget_cluster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
