/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_document_filters.c: BGPFilters, and what stands for them in a node's document.
 *
 * The rules are those of Calico's own documentation and tests. Every document must be one that the
 * configuration's own parser takes.
 *
 * links: kube/document*.c kube/cluster.c kube/node_object.c kube/selector.c lib/json.c
 * links: lib/text.c lib/sha1.c lib/ip_prefix.c lib/next_hops.c kube/service_object.c
 * links: lib/config*.c
 * libs: -ljson-c -lyaml -lresolv
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/unit/kube/built.h"
#include "tests/unit/kube/recordings.h"

static void set(enum cluster_kind kind, const char *name, const char *text)
{
	static char object[65536];
	struct json_object *json;

	snprintf(object, sizeof(object), "{'metadata':{'name':'%s'},%s}", name, text);
	json = parse_json(object);
	assert_int_equal(cluster_set(&cluster, kind, json), 1);
	json_object_put(json);
}

/* A node, a filter f, and a peer that names it. */
static void filter_and_peer(const char *filter)
{
	set(CLUSTER_NODES, "n1",
	    "'spec':{'podCIDRs':['10.244.1.0/24']},'status':{'addresses':[{'type':'InternalIP',"
	    "'address':'10.77.0.11'}]}");
	set(CLUSTER_BGP_PEERS, "p",
	    "'spec':{'peerIP':'192.0.2.1','asNumber':65000,'filters':['f']}");
	if (filter)
		set(CLUSTER_BGP_FILTERS, "f", filter);
}

static void build(void)
{
	build_document();
	config_free(read_document());
}

static void a_bgpfilter_is_a_filter_of_the_document(void **state)
{
	filter_and_peer(
		"'spec':{"
		"'importV4':[{'cidr':'10.244.0.0/16','matchOperator':'In','prefixLength':{'min':24,"
		"'max':28},'peerType':'iBGP','communities':{'values':['65000:100']},"
		"'asPathPrefix':[65000,'1.10'],'priority':512,'interface':'eth0',"
		"'action':'Accept','operations':[{'setPriority':{'value':256}},"
		"{'addCommunity':{'value':'65000:200:7'}},{'prependASPath':{'prefix':[65001,65002]}"
		"}]},{'action':'Reject'}],"
		"'exportV6':[{'cidr':'fd00::/8','matchOperator':'NotEqual','prefixLength':{'max':64"
		"},'source':'RemotePeers','action':'Reject'}]}");
	build();
	assert_int_equal(document.notice_count, 0);
	assert_has("{address: \"192.0.2.1\", as: 65000, restart_time: 120, filters: [\"f\"]}\n");
	assert_has("  filters:\n"
		   "    - {name: \"f\", import_v4: [{cidr: \"10.244.0.0/16\", operator: in, "
		   "length: [24, 28], interface: \"eth0\", peer_type: ibgp, "
		   "community: \"65000:100\", as_path_prefix: [65000, 65546], priority: 512, "
		   "action: accept, operations: [{priority: 256}, "
		   "{add_community: \"65000:200:7\"}, {prepend: [65001, 65002]}]}, "
		   "{action: reject}], export_v6: [{cidr: \"fd00::/8\", operator: not-equal, "
		   "length: [8, 64], source: peers, action: reject}]}\n");
}

/* A rule of importV4 that cannot be read, and the words of its notice. */
static const struct {
	const char *rule, *notice;
} bad_rows[] = {
	{ "{'cidr':'10.0.0.0/8','action':'Accept'}", "importV4[0].matchOperator: is missing" },
	{ "{'matchOperator':'In','action':'Accept'}", "importV4[0].cidr: is missing" },
	{ "{'prefixLength':{'min':8},'action':'Accept'}", "importV4[0].cidr: is missing" },
	{ "{'cidr':'10.0.0.1/8','matchOperator':'In','action':'Accept'}", "cidr: no prefix" },
	{ "{'cidr':'fd00::/8','matchOperator':'In','action':'Accept'}", "cidr: no prefix" },
	{ "{'cidr':8,'action':'Accept'}", "a field: is not known, or not of its type" },
	{ "{'cidr':'10.0.0.0/8','matchOperator':'Near','action':'Accept'}", "no such word" },
	{ "{'cidr':'10.0.0.0/8','matchOperator':'In','prefixLength':{'max':33},'action':'Accept'}",
	  "prefixLength: no range" },
	{ "{'cidr':'10.0.0.0/8','matchOperator':'In','prefixLength':{'min':9,'max':8},'action':"
	  "'Accept'}",
	  "prefixLength: no range" },
	{ "{'source':'Me','action':'Accept'}", "source: no such word" },
	{ "{'peerType':'xBGP','action':'Accept'}", "peerType: no such word" },
	{ "{'interface':'eth0 \\\"','action':'Accept'}", "interface: no link's name" },
	{ "{'communities':{},'action':'Accept'}", "communities: must have one value" },
	{ "{'communities':{'values':['1:2','1:3']},'action':'Accept'}", "must have one value" },
	{ "{'communities':{'values':['1:65536']},'action':'Accept'}", "no community" },
	{ "{'asPathPrefix':[0],'action':'Accept'}", "asPathPrefix: one is no AS number" },
	{ "{'asPathPrefix':[1,2,3,4,5,6,7,8,9,10,11],'action':'Accept'}", "1 to 10 AS numbers" },
	{ "{'priority':2147483647,'action':'Accept'}", "priority: not 1 to 2147483646" },
	{ "{'priority':'low','action':'Accept'}", "not of its type" },
	{ "{'newCondition':true,'action':'Accept'}", "is not known" },
	{ "{}", "action: neither Accept nor Reject" },
	{ "{'action':'Drop'}", "action: neither Accept nor Reject" },
	{ "{'action':'Reject','operations':[{'setPriority':{'value':1}}]}", "rejects has none" },
	{ "{'action':'Accept','operations':[{}]}", "each must have one of" },
	{ "{'action':'Accept','operations':[{'removeAll':{}}]}", "each must have one of" },
	{ "{'action':'Accept','operations':[{'setPriority':{'value':0}}]}", "setPriority: not 1" },
	{ "{'action':'Accept','operations':[{'addCommunity':{'value':'x'}}]}", "no community" },
	{ "{'action':'Accept','operations':[{'prependASPath':{'prefix':[]}}]}", "1 to 10" },
	{ "'text'", "the rule: is no object" },
};

static void a_list_with_a_bad_rule_rejects_everything(void **state)
{
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		char filter[1024];

		snprintf(filter, sizeof(filter),
			 "'spec':{'importV4':[%s,{'action':'Accept'}],"
			 "'importV6':[{'action':'Accept'}]}",
			 bad_rows[i].rule);
		filter_and_peer(filter);
		build();
		assert_has("    - {name: \"f\", import_v4: [{action: reject}], "
			   "import_v6: [{action: accept}]}\n");
		assert_notice("bgpfilter f: spec.importV4[0].");
		assert_notice(bad_rows[i].notice);
		assert_notice("the list rejects every route until it is mended");
		forget_all(NULL);
	}
}

static void what_is_no_list_rejects_everything(void **state)
{
	filter_and_peer("'spec':{'importV4':{'action':'Accept'},'exportV6':'all'}");
	build();
	assert_has("    - {name: \"f\", import_v4: [{action: reject}], "
		   "export_v6: [{action: reject}]}\n");
	assert_notice("bgpfilter f: spec.importV4: is no list: every route is rejected");
	assert_notice("bgpfilter f: spec.exportV6: is no list: every route is rejected");
}

static void a_filter_that_is_not_there_is_named(void **state)
{
	filter_and_peer(NULL);
	build();
	assert_has("{address: \"192.0.2.1\", as: 65000, restart_time: 120}\n");
	assert_notice("bgppeer p: spec.filters: f: no such BGPFilter: the peer goes by the others");
}

static void a_filter_that_no_peer_names_is_not_written(void **state)
{
	filter_and_peer("'spec':{'importV4':[{'action':'Reject'}]}");
	set(CLUSTER_BGP_FILTERS, "g", "'spec':{'importV4':[{'action':'Reject'}],'more':1}");
	build();
	assert_null(strstr(document.text, "\"g\""));
	assert_notice("bgpfilter g: spec.more: not served");
}

static void more_rules_than_a_configuration_has_leave_the_peer_out(void **state)
{
	static char filter[32768];
	size_t len = (size_t)snprintf(filter, sizeof(filter), "'spec':{'exportV4':[");

	for (int i = 0; i < 257; i++)
		len += (size_t)snprintf(filter + len, sizeof(filter) - len, "%s{'action':'Reject'}",
					i ? "," : "");
	snprintf(filter + len, sizeof(filter) - len, "]}");
	filter_and_peer(filter);
	build();
	assert_null(strstr(document.text, "192.0.2.1"));
	assert_notice("bgppeer p: spec.filters: more than 256 rules of one kind");
}

static void advertised_prefixes_get_their_communities_from_all_peers(void **state)
{
	filter_and_peer("'spec':{'exportV4':[{'action':'Reject'}]}");
	set(CLUSTER_NODES, "n2",
	    "'spec':{'podCIDRs':['10.244.2.0/24']},'status':{'addresses':[{'type':'InternalIP',"
	    "'address':'10.77.0.12'}]}");
	set(CLUSTER_BGP_CONFIGS, "default",
	    "'spec':{'communities':[{'name':'rack','value':'65000:7'},{'name':'bad','value':'x'}],"
	    "'prefixAdvertisements':[{'cidr':'10.244.0.0/16','communities':['rack','65000:1:2']},"
	    "{'cidr':'fd00::/8','communities':['1:1','1:2','1:3','1:4','1:5','1:6','1:7','1:8',"
	    "'1:9','1:10','1:11']}]}");
	build();
	assert_int_equal(document.notice_count, 0);
	assert_has("mesh: [\"10.77.0.11\", \"10.77.0.12\"]\n"
		   "  mesh_filters: [\"prefixAdvertisements\"]\n");
	assert_has("filters: [\"f\", \"prefixAdvertisements\"]}\n");
	assert_has("    - {name: \"prefixAdvertisements\", export_v4: [{cidr: \"10.244.0.0/16\", "
		   "action: next, operations: [{add_community: \"65000:7\"}, "
		   "{add_community: \"65000:1:2\"}]}], export_v6: [{cidr: \"fd00::/8\", "
		   "action: next, operations: [{add_community: \"1:1\"}, ");
	assert_has("{add_community: \"1:10\"}]}, {cidr: \"fd00::/8\", action: next, operations: "
		   "[{add_community: \"1:11\"}]}]}\n");
}

static void communities_that_are_none_are_named(void **state)
{
	filter_and_peer(NULL);
	set(CLUSTER_BGP_CONFIGS, "default",
	    "'spec':{'communities':[{'name':'bad','value':'x'}],'prefixAdvertisements':["
	    "{'cidr':'10.244.0.0/33','communities':['1:1']},{'communities':['1:1']},"
	    "{'cidr':'10.244.0.0/16','communities':['bad','none',7]}]}");
	build();
	assert_notice("spec.prefixAdvertisements: 10.244.0.0/33: left out");
	assert_notice("spec.prefixAdvertisements: no cidr: left out");
	assert_notice("spec.prefixAdvertisements: bad: left out");
	assert_notice("spec.prefixAdvertisements: none: left out");
	assert_notice("spec.prefixAdvertisements: no text as community: left out");
	assert_null(strstr(document.text, "prefixAdvertisements"));
}

static void a_bgpfilter_cannot_be_named_as_ours(void **state)
{
	filter_and_peer(NULL);
	set(CLUSTER_BGP_PEERS, "q",
	    "'spec':{'peerIP':'192.0.2.2','asNumber':1,'filters':['prefixAdvertisements']}");
	set(CLUSTER_BGP_CONFIGS, "default",
	    "'spec':{'prefixAdvertisements':[{'cidr':'10.0.0.0/8','communities':['1:1']}]}");
	build();
	assert_notice("bgppeer q: spec.filters: prefixAdvertisements: no such BGPFilter");
	assert_has(
		"{address: \"192.0.2.2\", as: 1, restart_time: 120, filters: [\"prefixAdvertisements\"]}");
}

#define TEST(name) cmocka_unit_test_teardown(name, forget_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bgpfilter_is_a_filter_of_the_document),
		TEST(a_list_with_a_bad_rule_rejects_everything),
		TEST(what_is_no_list_rejects_everything),
		TEST(a_filter_that_is_not_there_is_named),
		TEST(a_filter_that_no_peer_names_is_not_written),
		TEST(more_rules_than_a_configuration_has_leave_the_peer_out),
		TEST(advertised_prefixes_get_their_communities_from_all_peers),
		TEST(communities_that_are_none_are_named),
		TEST(a_bgpfilter_cannot_be_named_as_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
