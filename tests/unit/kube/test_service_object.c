/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_service_object.c: what is kept of Services and EndpointSlices, recorded and hostile.
 *
 * links: kube/service_object.c kube/node_object.c kube/cluster.c lib/json.c lib/ip_prefix.c
 * links: lib/text.c
 * libs: -ljson-c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "kube/cluster.h"
#include "lib/json.h"
#include "lib/ip_prefix.h"
#include "tests/unit/kube/recordings.h"

static struct cluster cluster;

static int forget_all(void **state)
{
	cluster_fini(&cluster);
	cluster = (struct cluster){ 0 };
	return 0;
}

/* The list of a real API server, as its watch tells it. */
static void take_recording(const char *name, enum cluster_kind kind)
{
	size_t len;
	char *text = read_recording(name, &len);
	struct json_object *list = json_tokener_parse(text);
	struct json_object *items = json_get_array(list, "items");

	assert_true(json_array_size(items) > 0);
	for (size_t i = 0; i < json_array_size(items); i++)
		assert_true(cluster_set(&cluster, kind, json_get_item(items, i)) >= 0);
	json_object_put(list);
	free(text);
}

static int set(enum cluster_kind kind, const char *text)
{
	struct json_object *json = parse_json(text);
	int result = cluster_set(&cluster, kind, json);

	json_object_put(json);
	return result;
}

/* "K ADDRESS ..." of the Service, K: C, E or B; "" when it is not kept. */
static const char *addresses_of(const char *name)
{
	static char text[1024];
	const struct cluster_object *object = cluster_find(&cluster, CLUSTER_SERVICES, name);
	char buf[IP_ADDR_TEXT_MAX];

	text[0] = '\0';
	for (size_t i = 0; object && i < object->service->address_count; i++)
		sprintf(text + strlen(text), "%s%c %s", i ? " " : "",
			"CEB"[object->service->address[i].kind],
			ip_addr_format(&object->service->address[i].addr, buf, sizeof(buf)));
	return text;
}

static void recorded_services_are_kept_by_namespace_and_name(void **state)
{
	take_recording("list-services.json", CLUSTER_SERVICES);
	assert_string_equal(addresses_of("db/manual"), "C 10.96.97.116 E 192.0.2.7");
	assert_string_equal(addresses_of("default/kubernetes"), "C 10.96.0.1");
	assert_string_equal(addresses_of("web/front-np"), "C 10.96.134.149");
	assert_true(cluster_find(&cluster, CLUSTER_SERVICES, "web/front-np")->service->is_local);
	assert_false(cluster_find(&cluster, CLUSTER_SERVICES, "web/front-lb")->service->is_local);
	assert_null(cluster_find(&cluster, CLUSTER_SERVICES, "db/db"));	 /* headless */
	assert_null(cluster_find(&cluster, CLUSTER_SERVICES, "db/ext")); /* ExternalName */
}

static const struct slice_object *slice_of(const char *name)
{
	return cluster_find(&cluster, CLUSTER_SLICES, name)->slice;
}

static void recorded_slices_say_where_endpoints_are_ready(void **state)
{
	cluster.node_name = "n1";
	take_recording("list-endpointslices.json", CLUSTER_SLICES);
	assert_string_equal(slice_of("web/front-np-45w8j")->service, "web/front-np");
	assert_true(slice_of("web/front-np-45w8j")->is_ready_here);
	assert_true(slice_of("db/db-zb5x7")->is_ready_here);
	/* one endpoint, not ready, on another node */
	assert_false(slice_of("db/db-pg8fq")->is_ready || slice_of("db/db-pg8fq")->is_ready_here);
	/* without the condition it is ready; without nodeName it is nowhere */
	assert_true(slice_of("db/manual-1")->is_ready);
	assert_false(slice_of("db/manual-1")->is_ready_here);

	forget_all(state);
	cluster.node_name = "n3";
	take_recording("list-endpointslices.json", CLUSTER_SLICES);
	assert_true(slice_of("web/front-np-45w8j")->is_ready);
	assert_false(slice_of("web/front-np-45w8j")->is_ready_here);
}

#define SERVICE(spec, more) \
	"{'metadata':{'namespace':'a','name':'s','resourceVersion':'7'},'spec':{" spec "}" more "}"

static const struct {
	const char *text, *addresses;
} service_rows[] = {
	{ SERVICE("'clusterIP':'10.96.0.7'", ""), "C 10.96.0.7" },
	{ SERVICE("'clusterIP':'10.96.0.7','clusterIPs':['10.96.0.7','fd96::7']", ""),
	  "C 10.96.0.7 C fd96::7" },
	{ SERVICE("'clusterIP':'None','clusterIPs':['None'],'externalIPs':['192.0.2.1']", ""), "" },
	{ SERVICE("'clusterIP':''", ""), "" },
	{ SERVICE("'clusterIP':'10.96.0.7','type':'ExternalName'", ""), "" },
	{ SERVICE("'clusterIPs':['10.96.0.7'],'externalIPs':['x',7,null,'192.0.2.1']", ""),
	  "C 10.96.0.7 E 192.0.2.1" },
	{ SERVICE("'clusterIPs':['10.96.0.7']", ",'status':{'loadBalancer':{'ingress':["
						"{'ip':'192.0.2.9','ipMode':'VIP'},"
						"{'ip':'192.0.2.10','ipMode':'Proxy'},"
						"{'hostname':'h'},{'ip':'2001:db8::9'},7]}}"),
	  "C 10.96.0.7 B 192.0.2.9 B 2001:db8::9" },
	{ SERVICE("'clusterIPs':7,'clusterIP':'10.96.0.7','externalIPs':{}",
		  ",'status':{'loadBalancer':{'ingress':{}}}"),
	  "C 10.96.0.7" },
};

static void addresses_are_taken_as_far_as_they_are_some(void **state)
{
	for (size_t i = 0; i < sizeof(service_rows) / sizeof(service_rows[0]); i++) {
		assert_true(set(CLUSTER_SERVICES, service_rows[i].text) >= 0);
		assert_string_equal(addresses_of("a/s"), service_rows[i].addresses);
	}
}

static void only_what_matters_is_a_change(void **state)
{
	cluster.node_name = "n1";
	assert_int_equal(set(CLUSTER_SERVICES, SERVICE("'clusterIP':'10.96.0.7'", "")), 1);
	assert_int_equal(set(CLUSTER_SERVICES, SERVICE("'clusterIP':'10.96.0.7','ports':[1]", "")),
			 0);
	assert_int_equal(set(CLUSTER_SERVICES, SERVICE("'clusterIP':'10.96.0.7',"
						       "'externalTrafficPolicy':'Local'",
						       "")),
			 1);
	assert_int_equal(set(CLUSTER_SERVICES, SERVICE("'clusterIP':'None'", "")), 1);
	assert_int_equal(set(CLUSTER_SERVICES, SERVICE("'clusterIP':'None'", "")), 0);
	assert_int_equal(set(CLUSTER_SERVICES, "{'metadata':{'name':'s'}}"), -EINVAL);
	assert_int_equal(set(CLUSTER_SERVICES, "{'metadata':{'name':'s','namespace':'a/b'}}"),
			 -EINVAL);

#define SLICE(endpoints)                                                                    \
	"{'metadata':{'namespace':'a','name':'s-1','labels':{'kubernetes.io/service-name':" \
	"'s'}},'addressType':'IPv6','endpoints':[" endpoints "]}"
#define ENDPOINT(node, ready) "{'nodeName':'" node "','conditions':{'ready':" ready "}}"
	assert_int_equal(set(CLUSTER_SLICES, SLICE(ENDPOINT("n2", "true"))), 1);
	assert_true(slice_of("a/s-1")->is_v6 && slice_of("a/s-1")->is_ready);
	/* another pod elsewhere is nothing, the first one here is */
	assert_int_equal(
		set(CLUSTER_SLICES, SLICE(ENDPOINT("n2", "true") "," ENDPOINT("n3", "null"))), 0);
	assert_int_equal(
		set(CLUSTER_SLICES, SLICE(ENDPOINT("n2", "true") "," ENDPOINT("n1", "false"))), 0);
	assert_int_equal(
		set(CLUSTER_SLICES, SLICE(ENDPOINT("n2", "true") "," ENDPOINT("n1", "null"))), 1);
	assert_int_equal(set(CLUSTER_SLICES, SLICE("")), 1);
	assert_false(slice_of("a/s-1")->is_ready);
}

static void slices_of_no_service_or_of_no_addresses_are_not_kept(void **state)
{
	static const char *const rows[] = {
		"{'metadata':{'namespace':'a','name':'x'},'addressType':'IPv4'}",
		"{'metadata':{'namespace':'a','name':'x','labels':{'kubernetes.io/service-name':''}"
		"},'addressType':'IPv4'}",
		"{'metadata':{'namespace':'a','name':'x','labels':{'kubernetes.io/service-name':'s'"
		"}},'addressType':'FQDN'}",
		"{'metadata':{'namespace':'a','name':'x','labels':7}}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(set(CLUSTER_SLICES, rows[i]), 0);
	assert_null(cluster.objects[CLUSTER_SLICES]);
}

static void one_service_has_so_many_addresses_and_says_that_it_has_more(void **state)
{
	char text[8192] = "{'metadata':{'namespace':'a','name':'s'},'spec':{'clusterIP':"
			  "'10.96.0.7','externalIPs':[";

	for (int i = 0; i < SERVICE_ADDRESSES_MAX; i++)
		sprintf(text + strlen(text), "%s'192.0.2.%d'", i ? "," : "", i);
	strcat(text, "]}}");
	assert_int_equal(set(CLUSTER_SERVICES, text), 1);
	assert_int_equal(cluster.objects[CLUSTER_SERVICES]->service->address_count,
			 SERVICE_ADDRESSES_MAX);
	assert_true(cluster.objects[CLUSTER_SERVICES]->service->has_more);
}

static void objects_beyond_the_maximum_are_counted(void **state)
{
	char text[256];

	for (int i = 0; i < CLUSTER_SERVICES_MAX + 2; i++) {
		snprintf(text, sizeof(text),
			 "{\"metadata\":{\"namespace\":\"a\",\"name\":\"s%d\"},\"spec\":"
			 "{\"clusterIP\":\"10.96.0.7\"}}",
			 i);
		struct json_object *json = json_tokener_parse(text);

		assert_int_equal(cluster_set(&cluster, CLUSTER_SERVICES, json),
				 i < CLUSTER_SERVICES_MAX ? 1 : -ENOSPC);
		json_object_put(json);
	}
	assert_int_equal(cluster.left_out[CLUSTER_SERVICES], 2);
	cluster_begin(&cluster, CLUSTER_SERVICES);
	assert_int_equal(cluster.left_out[CLUSTER_SERVICES], 0);
	assert_int_equal(set(CLUSTER_SERVICES, SERVICE("'clusterIP':'10.96.0.7'", "")), -ENOSPC);
	assert_true(cluster_end(&cluster, CLUSTER_SERVICES));
	assert_int_equal(set(CLUSTER_SERVICES, SERVICE("'clusterIP':'10.96.0.7'", "")), 1);
}

static void an_object_that_was_not_read_stays_in_whichever_namespace(void **state)
{
	set(CLUSTER_SERVICES, SERVICE("'clusterIP':'10.96.0.7'", ""));
	set(CLUSTER_SERVICES, "{'metadata':{'namespace':'b','name':'t'},'spec':{'clusterIP':"
			      "'10.96.0.8'}}");
	cluster_begin(&cluster, CLUSTER_SERVICES);
	cluster_keep(&cluster, CLUSTER_SERVICES, "t");
	cluster_end(&cluster, CLUSTER_SERVICES);
	assert_null(cluster_find(&cluster, CLUSTER_SERVICES, "a/s"));
	assert_non_null(cluster_find(&cluster, CLUSTER_SERVICES, "b/t"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(recorded_services_are_kept_by_namespace_and_name,
					  forget_all),
		cmocka_unit_test_teardown(recorded_slices_say_where_endpoints_are_ready,
					  forget_all),
		cmocka_unit_test_teardown(addresses_are_taken_as_far_as_they_are_some, forget_all),
		cmocka_unit_test_teardown(only_what_matters_is_a_change, forget_all),
		cmocka_unit_test_teardown(slices_of_no_service_or_of_no_addresses_are_not_kept,
					  forget_all),
		cmocka_unit_test_teardown(
			one_service_has_so_many_addresses_and_says_that_it_has_more, forget_all),
		cmocka_unit_test_teardown(objects_beyond_the_maximum_are_counted, forget_all),
		cmocka_unit_test_teardown(an_object_that_was_not_read_stays_in_whichever_namespace,
					  forget_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
