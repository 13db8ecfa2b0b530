/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_node_object.c: what is kept of a Node, recorded and hostile.
 *
 * links: kube/node_object.c kube/service_object.c kube/cluster.c lib/json.c lib/ip_prefix.c
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

static struct node_object *read_node(const char *text)
{
	struct json_object *json = parse_json(text);
	struct node_object *node = node_object_read(json);

	assert_non_null(node);
	json_object_put(json);
	return node;
}

static void a_recorded_node_is_kept_in_a_few_octets(void **state)
{
	size_t len;
	char *text = read_recording("list-nodes.json", &len), buf[64];
	struct json_object *list = json_tokener_parse(text);
	struct node_object *node =
		node_object_read(json_get_item(json_get_array(list, "items"), 0));

	assert_int_equal(node->address_count, 1);
	assert_string_equal(ip_addr_format(&node->address[0], buf, sizeof(buf)), "10.77.0.11");
	assert_int_equal(node->block_count, 1);
	assert_string_equal(ip_prefix_format(&node->block[0], buf, sizeof(buf)), "10.244.1.0/24");
	assert_string_equal(node->uid, "0aebf6b9-4573-48fa-8885-74b161a6aecd");
	assert_int_equal(node->created_s, 1795221089); /* date -d 2026-11-21T00:31:29Z +%s */
	assert_int_equal(node->network, NODE_NETWORK_AVAILABLE);
	assert_int_equal(node->label_count, 5);
	assert_true(node->size < 1024);
	assert_string_equal(node->fault, "");
	free(node);
	node = node_object_read(json_get_item(json_get_array(list, "items"), 1));
	assert_int_equal(node->network, NODE_NETWORK_UNSAID);
	free(node);
	json_object_put(list);
	free(text);
}

static void wrong_types_are_as_good_as_nothing(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{'metadata':[],'spec':1,'status':'x'}",
		"{'metadata':{'labels':[],'annotations':null,'uid':7,'creationTimestamp':1},"
		"'spec':{'podCIDRs':{},'podCIDR':null},'status':{'addresses':{},'conditions':1}}",
		"{'metadata':{'labels':{'a':1,'b':null,'c':[]}},"
		"'status':{'addresses':[1,null,{'type':'InternalIP'},{'address':'10.0.0.1'}],"
		"'conditions':[{},{'type':'NetworkUnavailable'}]}}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_object *node = read_node(rows[i]);

		assert_int_equal(node->address_count, 0);
		assert_int_equal(node->block_count, 0);
		assert_int_equal(node->label_count, 0);
		assert_int_equal(node->network, NODE_NETWORK_UNSAID);
		assert_int_equal(node->created_s, 0);
		free(node);
	}
}

static void what_is_wrong_is_said_and_the_rest_is_kept(void **state)
{
	struct node_object *node = read_node(
		"{'spec':{'podCIDRs':['10.244.0.5/24','10.244.1.0/24','x',7]},'status':{"
		"'addresses':[{'type':'InternalIP','address':'127.0.0.1'},{'type':'ExternalIP',"
		"'address':'192.0.2.1'},{'type':'InternalIP','address':'fe80::1'},"
		"{'type':'InternalIP','address':'fd00::1'}]}}");
	char buf[64];

	assert_int_equal(node->address_count, 1);
	assert_string_equal(ip_addr_format(&node->address[0], buf, sizeof(buf)), "fd00::1");
	assert_int_equal(node->block_count, 1);
	assert_string_equal(ip_prefix_format(&node->block[0], buf, sizeof(buf)), "10.244.1.0/24");
	assert_non_null(strstr(node->fault, "127.0.0.1"));
	assert_non_null(strstr(node->fault, "fe80::1"));
	assert_non_null(strstr(node->fault, "10.244.0.5/24"));
	free(node);
}

static void what_is_beyond_the_bounds_is_said(void **state)
{
	struct json_object *json = json_object_new_object(), *status = json_object_new_object();
	struct json_object *addresses = json_object_new_array(), *spec = json_object_new_object();
	struct json_object *blocks = json_object_new_array();
	struct node_object *node;
	char text[64];

	for (int i = 1; i <= 9; i++) {
		snprintf(text, sizeof(text), "{'type':'InternalIP','address':'10.77.0.%d'}", i);
		json_object_array_add(addresses, parse_json(text));
		snprintf(text, sizeof(text), "10.244.%d.0/24", i);
		json_object_array_add(blocks, json_object_new_string(text));
	}
	json_object_object_add(status, "addresses", addresses);
	json_object_object_add(spec, "podCIDRs", blocks);
	json_object_object_add(json, "status", status);
	json_object_object_add(json, "spec", spec);
	node = node_object_read(json);
	assert_int_equal(node->address_count, 8);
	assert_int_equal(node->block_count, 8);
	assert_non_null(strstr(node->fault, "InternalIP 10.77.0.9: more than 8"));
	assert_non_null(strstr(node->fault, "podCIDR 10.244.9.0/24: more than 8"));
	free(node);
	json_object_put(json);
}

static void conditions_say_three_things(void **state)
{
	static const struct {
		const char *status;
		enum node_network network;
	} rows[] = {
		{ "False", NODE_NETWORK_AVAILABLE },
		{ "True", NODE_NETWORK_UNAVAILABLE },
		{ "Unknown", NODE_NETWORK_UNAVAILABLE },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_object *node;

		snprintf(text, sizeof(text),
			 "{'status':{'conditions':[{'type':'Ready','status':'x'},"
			 "{'type':'NetworkUnavailable','status':'%s'}]}}",
			 rows[i].status);
		node = read_node(text);
		assert_int_equal(node->network, rows[i].network);
		free(node);
	}
}

static void huge_annotations_and_labels_cost_nothing(void **state)
{
	struct json_object *json = json_object_new_object(), *metadata = json_object_new_object();
	struct json_object *labels = json_object_new_object();
	struct json_object *annotations = json_object_new_object();
	char *huge = calloc(1, 262144), key[32];
	struct node_object *node;

	memset(huge, 'x', 262143);
	json_object_object_add(annotations, "a", json_object_new_string(huge));
	json_object_object_add(labels, "huge", json_object_new_string(huge));
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		json_object_object_add(labels, key, json_object_new_string("v"));
	}
	json_object_object_add(metadata, "labels", labels);
	json_object_object_add(metadata, "annotations", annotations);
	json_object_object_add(json, "metadata", metadata);
	node = node_object_read(json);
	assert_int_equal(node->label_count, NODE_LABELS_MAX);
	assert_true(node->size < 16384);
	assert_string_equal(node->fault, "1489 labels are too long or more than 512: left out");
	free(node);
	json_object_put(json);
	free(huge);
}

static int set(struct cluster *cluster, enum cluster_kind kind, const char *text)
{
	struct json_object *json = parse_json(text);
	int result = cluster_set(cluster, kind, json);

	json_object_put(json);
	return result;
}

static void only_what_matters_of_a_node_is_a_change(void **state)
{
	struct cluster cluster = { 0 };

	assert_int_equal(set(&cluster, CLUSTER_NODES, "{'metadata':{'name':'n1'}}"), 1);
	assert_int_equal(
		set(&cluster, CLUSTER_NODES,
		    "{'metadata':{'name':'n1','resourceVersion':'9'},'status':{'images':[]}}"),
		0);
	assert_int_equal(
		set(&cluster, CLUSTER_NODES, "{'metadata':{'name':'n1','labels':{'a':'b'}}}"), 1);
	assert_int_equal(set(&cluster, CLUSTER_NODES, "{'metadata':{}}"), -EINVAL);
	assert_int_equal(set(&cluster, CLUSTER_NODES, "{'metadata':{'name':''}}"), -EINVAL);
	cluster_fini(&cluster);
}

static void a_list_takes_away_what_it_does_not_have(void **state)
{
	struct cluster cluster = { 0 };

	set(&cluster, CLUSTER_POOLS, "{'metadata':{'name':'a','managedFields':[1]}}");
	set(&cluster, CLUSTER_POOLS, "{'metadata':{'name':'b'}}");
	set(&cluster, CLUSTER_POOLS, "{'metadata':{'name':'c'}}");
	assert_null(json_get(
		json_get_object(cluster_find(&cluster, CLUSTER_POOLS, "a")->json, "metadata"),
		"managedFields"));
	cluster_begin(&cluster, CLUSTER_POOLS);
	set(&cluster, CLUSTER_POOLS, "{'metadata':{'name':'b'}}");
	cluster_keep(&cluster, CLUSTER_POOLS, "c");
	assert_true(cluster_end(&cluster, CLUSTER_POOLS));
	assert_null(cluster_find(&cluster, CLUSTER_POOLS, "a"));
	assert_non_null(cluster_find(&cluster, CLUSTER_POOLS, "b"));
	assert_non_null(cluster_find(&cluster, CLUSTER_POOLS, "c"));
	assert_true(cluster_clear(&cluster, CLUSTER_POOLS));
	assert_false(cluster_clear(&cluster, CLUSTER_POOLS));
	cluster_fini(&cluster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recorded_node_is_kept_in_a_few_octets),
		cmocka_unit_test(wrong_types_are_as_good_as_nothing),
		cmocka_unit_test(what_is_wrong_is_said_and_the_rest_is_kept),
		cmocka_unit_test(what_is_beyond_the_bounds_is_said),
		cmocka_unit_test(conditions_say_three_things),
		cmocka_unit_test(huge_annotations_and_labels_cost_nothing),
		cmocka_unit_test(only_what_matters_of_a_node_is_a_change),
		cmocka_unit_test(a_list_takes_away_what_it_does_not_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
