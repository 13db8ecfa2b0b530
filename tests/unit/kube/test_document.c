/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_document.c: clusters, and what is to be written into the file of one of their nodes.
 *
 * Every document that comes out must be one that the configuration's own parser takes.
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

#define NODE(name, time, address, block)                                                 \
	"{'metadata':{'name':'" name "','creationTimestamp':'2026-11-21T00:" time "Z'}," \
	"'spec':{'podCIDRs':[" block "]},'status':{'addresses':[" address "]}}"
#define IP(text) "{'type':'InternalIP','address':'" text "'}"

static void set(enum cluster_kind kind, const char *text)
{
	struct json_object *json = parse_json(text);

	assert_int_equal(cluster_set(&cluster, kind, json), 1);
	json_object_put(json);
}

static void set_spec(enum cluster_kind kind, const char *name, const char *spec)
{
	char text[4096];

	snprintf(text, sizeof(text), "{'metadata':{'name':'%s'},'spec':{%s}}", name, spec);
	set(kind, text);
}

static void two_nodes(void)
{
	set(CLUSTER_NODES, NODE("n1", "10:00", IP("10.77.0.11"), "'10.244.1.0/24'"));
	set(CLUSTER_NODES, NODE("n2", "20:00", IP("10.77.0.12"), "'10.244.0.0/24'"));
}

/* For n1; and the parser of the configuration takes it. */
static void build(void)
{
	build_document();
	if (document.text)
		config_free(read_document());
}

static void assert_lacks(const char *text)
{
	if (!document.text || strstr(document.text, text))
		fail_msg("there: %s\nin\n%s", text, document.text);
}

static size_t count_of(const char *text)
{
	size_t count = 0;

	for (const char *at = document.text; (at = strstr(at, text)); at += strlen(text))
		count++;
	return count;
}

static void two_recorded_nodes_are_a_mesh_with_default_pools(void **state)
{
	size_t len;
	char *text = read_recording("list-nodes.json", &len);
	struct json_object *list = json_tokener_parse(text), *items;

	json_object_object_get_ex(list, "items", &items);
	for (size_t i = 0; i < json_object_array_length(items); i++)
		cluster_set(&cluster, CLUSTER_NODES, json_object_array_get_idx(items, i));
	build();
	assert_string_equal(
		document.text,
		"node:\n  name: \"n1\"\n  addresses: [\"10.77.0.11\"]\n"
		"nodes:\n"
		"  - {name: \"n1\", addresses: [\"10.77.0.11\"], blocks: [\"10.244.1.0/24\"]}\n"
		"  - {name: \"n2\", addresses: [\"10.77.0.12\"], blocks: [\"10.244.0.0/24\"]}\n"
		"pools:\n"
		"  - {name: \"default-ipv4-ippool\", cidr: \"10.244.0.0/23\", nat_outgoing: true, "
		"blocks: [\"10.244.1.0/24\"]}\n"
		"bgp:\n  as: 64512\n  restart_time: 900\n  mesh: [\"10.77.0.11\", \"10.77.0.12\"]\n");
	assert_int_equal(document.notice_count, 0);
	json_object_put(list);
	free(text);
}

static void without_its_node_object_or_address_there_is_no_document(void **state)
{
	build();
	assert_null(document.text);
	assert_non_null(strstr(document.why, "Node n1 does not exist in the cluster: "));
	set(CLUSTER_NODES, NODE("n1", "10:00", "", "'10.244.1.0/24'"));
	build();
	assert_null(document.text);
	assert_non_null(strstr(document.why, "InternalIP"));
}

static void a_node_without_pod_cidr_says_how_to_get_one(void **state)
{
	set(CLUSTER_NODES, NODE("n1", "10:00", IP("10.77.0.11"), ""));
	set(CLUSTER_NODES, NODE("n2", "20:00", IP("10.77.0.12"), "'10.244.0.0/24'"));
	build();
	assert_notice("node n1: has no podCIDR yet");
	assert_notice("--allocate-node-cidrs");
	assert_has("cidr: \"10.244.0.0/24\"");
	assert_lacks("nat_outgoing: true, blocks");
}

static void dual_stack_has_two_pools_and_one_mesh(void **state)
{
	set(CLUSTER_NODES, NODE("n1", "10:00", IP("fd77::11") "," IP("10.77.0.11"),
				"'10.244.0.0/24','fd00:10:244::/64'"));
	set(CLUSTER_NODES, NODE("n2", "20:00", IP("10.77.0.12") "," IP("fd77::12"),
				"'10.244.1.0/24','fd00:10:244:1::/64'"));
	set(CLUSTER_NODES, NODE("n3", "30:00", IP("10.77.0.13"), ""));
	build();
	assert_has("addresses: [\"fd77::11\", \"10.77.0.11\"]");
	assert_has("name: \"default-ipv4-ippool\", cidr: \"10.244.0.0/23\"");
	assert_has("name: \"default-ipv6-ippool\", cidr: \"fd00:10:244::/63\"");
	assert_has("mesh: [\"fd77::11\", \"fd77::12\"]");
	assert_lacks("router_id");
	assert_notice("node n3: has no InternalIP of the family");
}

static void a_node_without_ipv4_has_a_router_id_of_its_name(void **state)
{
	char first[64];

	set(CLUSTER_NODES, NODE("n1", "10:00", IP("fd77::11"), "'fd00:10:244::/64'"));
	build();
	assert_has("  router_id: ");
	snprintf(first, sizeof(first), "%s", strstr(document.text, "router_id"));
	build();
	assert_has(first);
}

static void ranges_of_two_nodes_do_not_overlap(void **state)
{
	set(CLUSTER_NODES, NODE("n1", "20:00", IP("10.77.0.11"), "'10.244.0.0/23','fd00::/64'"));
	set(CLUSTER_NODES, NODE("n2", "10:00", IP("10.77.0.12"), "'10.244.1.0/24'"));
	set(CLUSTER_NODES, NODE("n3", "30:00", IP("10.77.0.13"), "'10.244.1.0/24'"));
	build();
	assert_notice("node n1: podCIDR 10.244.0.0/23 overlaps 10.244.1.0/24 of node n2");
	assert_notice("node n3: podCIDR 10.244.1.0/24 overlaps 10.244.1.0/24 of node n2");
	assert_has("{name: \"n2\", addresses: [\"10.77.0.12\"], blocks: [\"10.244.1.0/24\"]}");
	assert_has("{name: \"n1\", addresses: [\"10.77.0.11\"], blocks: [\"fd00::/64\"]}");
	assert_has("{name: \"n3\", addresses: [\"10.77.0.13\"]}");
}

static void an_address_is_one_nodes(void **state)
{
	set(CLUSTER_NODES, NODE("old", "10:00", IP("10.77.0.11"), ""));
	set(CLUSTER_NODES, NODE("n1", "20:00", IP("10.77.0.11"), "'10.244.1.0/24'"));
	set(CLUSTER_NODES, NODE("n2", "30:00", IP("10.77.0.12"), ""));
	set(CLUSTER_NODES, NODE("n3", "40:00", IP("10.77.0.12"), ""));
	build();
	assert_has("node:\n  name: \"n1\"\n  addresses: [\"10.77.0.11\"]\n");
	assert_lacks("\"old\"");
	assert_lacks("\"n3\"");
	assert_notice("node old: InternalIP 10.77.0.11/32 overlaps 10.77.0.11/32 of node n1, which "
		      "is this one");
	assert_notice("node n3: InternalIP 10.77.0.12/32 overlaps 10.77.0.12/32 of node n2, which "
		      "is older");
}

static void ranges_where_no_pod_can_live_are_left_out(void **state)
{
	set(CLUSTER_NODES, NODE("n1", "10:00", IP("10.77.0.11"),
				"'169.254.0.0/24','10.77.0.0/24','0.0.0.0/0','fe80::/64'"));
	build();
	assert_notice("podCIDR 169.254.0.0/24 overlaps 169.254.0.0/16");
	assert_notice("podCIDR 10.77.0.0/24 holds 10.77.0.11");
	assert_notice("podCIDR 0.0.0.0/0 overlaps 0.0.0.0/8");
	assert_notice("podCIDR fe80::/64");
	assert_lacks("blocks");
	assert_lacks("pools");
}

static void an_ippool_takes_over_what_it_covers(void **state)
{
	two_nodes();
	set_spec(CLUSTER_POOLS, "mine", "'cidr':'10.244.1.0/24','natOutgoing':false");
	set_spec(CLUSTER_POOLS, "unused", "'cidr':'192.168.0.0/16','natOutgoing':true");
	build();
	assert_has("{name: \"mine\", cidr: \"10.244.1.0/24\", nat_outgoing: false, "
		   "blocks: [\"10.244.1.0/24\"]}");
	assert_has("{name: \"default-ipv4-ippool\", cidr: \"10.244.0.0/24\", nat_outgoing: true}");
	assert_has("{name: \"unused\", cidr: \"192.168.0.0/16\", nat_outgoing: true}");
	assert_int_equal(document.notice_count, 0);
}

static void bad_ippools_are_named_and_left_out(void **state)
{
	two_nodes();
	set_spec(CLUSTER_POOLS, "bits", "'cidr':'10.244.0.1/16'");
	set_spec(CLUSTER_POOLS, "none", "");
	set_spec(CLUSTER_POOLS, "number", "'cidr':10");
	set_spec(CLUSTER_POOLS, "part", "'cidr':'10.244.1.0/25'");
	set_spec(CLUSTER_POOLS, "special", "'cidr':'224.0.0.0/8'");
	set_spec(CLUSTER_POOLS, "a", "'cidr':'172.16.0.0/12'");
	set_spec(CLUSTER_POOLS, "b", "'cidr':'172.17.0.0/16'");
	build();
	assert_notice("ippool bits: spec.cidr: 10.244.0.1/16: not ADDRESS/LENGTH");
	assert_notice("ippool none: spec.cidr: missing");
	assert_notice("ippool number: spec.cidr");
	assert_notice("ippool part: spec.cidr is only a part of podCIDR 10.244.1.0/24");
	assert_notice("ippool special: spec.cidr overlaps 224.0.0.0/3");
	assert_notice("ippool b: spec.cidr overlaps ippool a (172.16.0.0/12)");
	assert_has("cidr: \"10.244.0.0/23\"");
	assert_has("cidr: \"172.16.0.0/12\"");
	assert_int_equal(document.notice_count, 6);
}

static void fields_that_are_not_served_are_named(void **state)
{
	two_nodes();
	set_spec(CLUSTER_POOLS, "p",
		 "'cidr':'10.244.0.0/16','blockSize':26,'ipipMode':'Always','vxlanMode':'Never',"
		 "'nodeSelector':'all()','allowedUses':['Workload','Tunnel'],'disabled':false,"
		 "'disableBGPExport':true,'newField':{'a':1},'empty':{}");
	set_spec(
		CLUSTER_BGP_CONFIGS, "default",
		"'logSeverityScreen':'Debug','bindMode':'None','localWorkloadPeeringIPV4':'169.254.1.9'");
	set_spec(CLUSTER_BGP_PEERS, "t",
		 "'peerIP':'192.0.2.1','asNumber':65000,'localWorkloadSelector':'all()',"
		 "'sourceAddress':'UseNodeIP','reachableBy':'10.0.0.1'");
	build();
	assert_notice("ippool p: spec.blockSize: not served");
	assert_notice("ippool p: spec.ipipMode: not served");
	assert_notice("ippool p: spec.disableBGPExport: not served");
	assert_notice("ippool p: spec.newField: not served");
	assert_has("  log_level: debug\n");
	assert_notice("bgpconfiguration default: spec.localWorkloadPeeringIPV4: not served");
	assert_notice("bgpconfiguration default: spec.bindMode: not served");
	assert_notice("bgppeer t: spec.localWorkloadSelector: not served");
	assert_notice("bgppeer t: spec.reachableBy: not served");
	assert_int_equal(document.notice_count, 8);
	assert_has("{address: \"192.0.2.1\", as: 65000, restart_time: 120}");
}

static void a_disabled_pool_gives_no_new_addresses(void **state)
{
	two_nodes();
	set_spec(CLUSTER_POOLS, "p", "'cidr':'10.244.0.0/16','disabled':true");
	build();
	assert_has("blocks: [\"10.244.1.0/24\"]");
	assert_has("reserved: [\"10.244.1.0/24\"]");
}

static void of_reservations_the_own_part_is_taken(void **state)
{
	two_nodes();
	set_spec(CLUSTER_RESERVATIONS, "r",
		 "'reservedCIDRs':['10.244.1.0/28','10.244.0.0/28','10.244.1.77','x',7,"
		 "'10.244.1.0/28','192.0.2.0/24','10.244.1.1/24']");
	build();
	assert_has("reserved: [\"10.244.1.0/28\", \"10.244.1.77/32\"]\n");
	assert_notice("ipreservation r: spec.reservedCIDRs[3]: x: no prefix");
	assert_notice("ipreservation r: spec.reservedCIDRs[4]");
	assert_notice("ipreservation r: spec.reservedCIDRs[7]: 10.244.1.1/24");
	assert_int_equal(document.notice_count, 3);
}

static void the_default_bgp_configuration_is_followed(void **state)
{
	static const struct {
		const char *spec, *has, *lacks, *notice;
	} rows[] = {
		{ "'asNumber':65001", "  as: 65001\n", "64512", NULL },
		{ "'asNumber':'65001'", "  as: 65001\n", "64512", NULL },
		{ "'asNumber':'1.10'", "  as: 65546\n", "64512", NULL },
		{ "'asNumber':0", "  as: 64512\n", "as: 0", "spec.asNumber" },
		{ "'asNumber':'x'", "  as: 64512\n", "x:", "spec.asNumber" },
		{ "'asNumber':23456", "  as: 64512\n", "23456", "spec.asNumber" },
		{ "'asNumber':4294967296", "  as: 64512\n", "4294967296", "spec.asNumber" },
		{ "'nodeToNodeMeshEnabled':false", "  as: 64512\n", "mesh", NULL },
		{ "'nodeMeshMaxRestartTime':'2m0s'", "  restart_time: 120\n", "x:", NULL },
		{ "'nodeMeshMaxRestartTime':'1h'", "  restart_time: 3600\n", "x:", NULL },
		{ "'nodeMeshMaxRestartTime':'1500ms'", "  restart_time: 1\n", "x:", NULL },
		{ "'nodeMeshMaxRestartTime':'2h'", "  restart_time: 900\n",
		  "x:", "MaxRestartTime" },
		{ "'nodeMeshMaxRestartTime':'5'", "  restart_time: 900\n", "x:", "MaxRestartTime" },
		{ "'listenPort':1790", "  listen: [\"10.77.0.11:1790\"]\n", "mesh", NULL },
		{ "'listenPort':1790", "{address: \"10.77.0.12\", as: 64512, port: 1790}", "mesh",
		  NULL },
		{ "'listenPort':70000", "mesh", "70000", "spec.listenPort" },
		{ "'logSeverityScreen':'Info'", "  log_level: info\n", "x:", NULL },
		{ "'logSeverityScreen':'warning'", "  log_level: warning\n", "x:", NULL },
		{ "'logSeverityScreen':'Fatal'", "  log_level: error\n", "x:", NULL },
		{ "'logSeverityScreen':''", "  as:", "log_level", NULL },
		{ "'logSeverityScreen':'Loud'", "  as:", "log_level", "spec.logSeverityScreen" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		two_nodes();
		set_spec(CLUSTER_BGP_CONFIGS, "default", rows[i].spec);
		build();
		assert_has(rows[i].has);
		assert_lacks(rows[i].lacks);
		if (rows[i].notice)
			assert_notice(rows[i].notice);
		assert_int_equal(document.notice_count, rows[i].notice ? 1 : 0);
		forget_all(state);
	}
}

static void a_nodes_own_configuration_says_only_its_port_and_log(void **state)
{
	two_nodes();
	set_spec(CLUSTER_BGP_CONFIGS, "default", "'logSeverityScreen':'Error'");
	set_spec(CLUSTER_BGP_CONFIGS, "node.n1", "'logSeverityScreen':'Debug'");
	set_spec(CLUSTER_BGP_CONFIGS, "node.n2",
		 "'listenPort':1790,'asNumber':65000,'logSeverityScreen':'Warning'");
	set_spec(CLUSTER_BGP_CONFIGS, "other", "'asNumber':65000");
	build();
	assert_has("{address: \"10.77.0.12\", as: 64512, port: 1790}");
	assert_lacks("listen:");
	assert_notice("bgpconfiguration node.n2: spec.asNumber: is read from bgpconfiguration "
		      "default alone");
	assert_notice("bgpconfiguration other: is neither default nor node.NAME");
	assert_has("  log_level: debug\n");
	assert_int_equal(document.notice_count, 2);
	set_spec(CLUSTER_BGP_CONFIGS, "node.n1",
		 "'communities':[],'prefixAdvertisements':[],'nodeMeshPassword':{},"
		 "'serviceLoadBalancerAggregation':'Disabled','logSeverityScreen':'Debug'");
	build();
	assert_notice("node.n1: spec.communities: is read from bgpconfiguration default alone");
	assert_notice("node.n1: spec.prefixAdvertisements: is read from");
	assert_notice("node.n1: spec.nodeMeshPassword: is read from");
	assert_notice("node.n1: spec.serviceLoadBalancerAggregation: is read from");
	assert_int_equal(document.notice_count, 6);
}

static void peers_are_global_of_a_node_or_of_those_selected(void **state)
{
	set(CLUSTER_NODES, "{'metadata':{'name':'n1','labels':{'rack':'a'}},"
			   "'spec':{'podCIDR':'10.244.0.0/24'},'status':{"
			   "'addresses':[{'type':'InternalIP','address':'10.77.0.11'}]}}");
	set_spec(CLUSTER_BGP_PEERS, "global", "'peerIP':'192.0.2.1','asNumber':65001");
	set_spec(CLUSTER_BGP_PEERS, "own",
		 "'node':'n1','peerIP':'192.0.2.2:1790','asNumber':'1.1'");
	set_spec(CLUSTER_BGP_PEERS, "others", "'node':'n2','peerIP':'192.0.2.3','asNumber':65001");
	set_spec(
		CLUSTER_BGP_PEERS, "rack",
		"'nodeSelector':'rack in {\\u0027a\\u0027}','peerIP':'192.0.2.4','asNumber':65001");
	set_spec(CLUSTER_BGP_PEERS, "norack",
		 "'nodeSelector':'!has(rack)','peerIP':'192.0.2.5','asNumber':65001");
	set_spec(CLUSTER_BGP_PEERS, "self", "'peerIP':'10.77.0.11','asNumber':65001");
	build();
	assert_has("{address: \"192.0.2.1\", as: 65001, restart_time: 120}");
	assert_has("{address: \"192.0.2.2\", as: 65537, restart_time: 120, port: 1790}");
	assert_lacks("192.0.2.3");
	assert_lacks("192.0.2.5");
	assert_lacks("address: \"10.77.0.11\"");
	assert_int_equal(document.notice_count, 0);
}

#define OUTSIDE "as: 65000, restart_time: 120" /* whatever nodes do among themselves */

static void settings_of_a_peer_reach_its_line(void **state)
{
	static const struct {
		const char *spec, *has, *notice;
	} rows[] = {
		{ "'sourceAddress':'UseNodeIP'", OUTSIDE "}", NULL },
		{ "'sourceAddress':'None'", OUTSIDE ", source: route}", NULL },
		{ "'sourceAddress':'x'", OUTSIDE "}", "spec.sourceAddress: neither" },
		{ "'maxRestartTime':'1m30s'", "as: 65000, restart_time: 90}", NULL },
		{ "'maxRestartTime':'0s'", OUTSIDE "}", "spec.maxRestartTime: not 1s" },
		{ "'keepaliveTime':'20s'", OUTSIDE ", hold_time: 60}", NULL },
		{ "'keepaliveTime':'0s'", OUTSIDE "}", "spec.keepaliveTime: not 1s" },
		{ "'maxRestartTime':'2h'", OUTSIDE "}", "spec.maxRestartTime: not 1s" },
		{ "'ttlSecurity':1", OUTSIDE ", ttl_security: 1}", NULL },
		{ "'localASNumber':'1.10'", OUTSIDE ", local_as: 65546}", NULL },
		{ "'localASNumber':0", OUTSIDE "}", "spec.localASNumber: no AS number" },
		{ "'numAllowedLocalASNumbers':2", OUTSIDE ", allow_own_as: 2}", NULL },
		{ "'numAllowedLocalASNumbers':0", OUTSIDE "}", NULL },
		{ "'numAllowedLocalASNumbers':101", OUTSIDE "}", "not 0 to 100" },
		{ "'keepOriginalNextHop':true", OUTSIDE ", next_hop: keep}", NULL },
		{ "'keepOriginalNextHop':false", OUTSIDE "}", NULL },
		{ "'nextHopMode':'Self'", OUTSIDE ", next_hop: self}", NULL },
		{ "'nextHopMode':'Keep'", OUTSIDE ", next_hop: keep}", NULL },
		{ "'nextHopMode':'Auto','keepOriginalNextHop':true", OUTSIDE "}", NULL },
		{ "'nextHopMode':'Other'", OUTSIDE "}", "spec.nextHopMode: neither Auto" },
		{ "'ttlSecurity':0", OUTSIDE "}", NULL },
		{ "'ttlSecurity':256", OUTSIDE "}", "spec.ttlSecurity: not 0 to 255" },
		{ "'ttlSecurity':'1'", OUTSIDE "}", "spec.ttlSecurity: not 0 to 255" },
	};
	char spec[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		two_nodes();
		snprintf(spec, sizeof(spec), "'peerIP':'192.0.2.1','asNumber':65000,%s",
			 rows[i].spec);
		set_spec(CLUSTER_BGP_PEERS, "t", spec);
		build();
		assert_has(rows[i].has);
		if (rows[i].notice)
			assert_notice(rows[i].notice);
		assert_int_equal(document.notice_count, rows[i].notice ? 1 : 0);
		forget_all(state);
	}
}

static void bad_peers_are_named_and_left_out(void **state)
{
	static const struct {
		const char *spec, *notice;
	} rows[] = {
		{ "'asNumber':1", "needs exactly one of spec.peerIP and spec.peerSelector" },
		{ "'peerIP':'192.0.2.1','peerSelector':'all()'", "needs exactly one" },
		{ "'node':'a','nodeSelector':'all()','peerIP':'192.0.2.1'", "exclude each other" },
		{ "'peerIP':'192.0.2.1'", "spec.asNumber is missing" },
		{ "'peerIP':'192.0.2.1','asNumber':0", "spec.asNumber is missing, or no AS" },
		{ "'peerIP':'192.0.2.300','asNumber':1", "neither ADDRESS nor ADDRESS:PORT" },
		{ "'peerIP':'192.0.2.1:0','asNumber':1", "neither ADDRESS nor" },
		{ "'peerIP':'192.0.2.1:99999','asNumber':1", "neither ADDRESS nor" },
		{ "'peerIP':'[fd00::1:179','asNumber':1", "neither ADDRESS nor" },
		{ "'peerIP':':179','asNumber':1", "neither ADDRESS nor" },
		{ "'peerIP':'fd00::1','asNumber':1", "no InternalIP of its family" },
		{ "'peerIP':'[fd00::1]:179','asNumber':1", "no InternalIP of its family" },
		{ "'peerIP':'224.0.0.1','asNumber':1", "no peer can have this address" },
		{ "'peerIP':'127.0.0.1','asNumber':1", "no peer can have this address" },
		{ "'peerIP':'0.0.0.0','asNumber':1", "no peer can have this address" },
		{ "'peerIP':'10.77.0.12','asNumber':1", "the mesh or an older peer has this" },
		{ "'nodeSelector':'rack =','peerIP':'192.0.2.1','asNumber':1",
		  "spec.nodeSelector: " },
		{ "'peerSelector':'rack =='", "spec.peerSelector: rack ==: a value in quotes" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		two_nodes();
		set_spec(CLUSTER_BGP_PEERS, "bad", rows[i].spec);
		build();
		assert_notice(rows[i].notice);
		assert_int_equal(document.notice_count, 1);
		assert_lacks("peers:");
		forget_all(state);
	}
}

#define LABELLED(name, label, address)                                                        \
	"{'metadata':{'name':'" name "','labels':{'rr':'" label "'}},'status':{'addresses':[" \
	"{'type':'InternalIP','address':'" address "'}]}}"

static void nodes_are_peers_both_ways(void **state)
{
	static const char *const own[] = { "yes", "no" };

	for (size_t i = 0; i < 2; i++) {
		set(CLUSTER_NODES, i == 0 ? LABELLED("n1", "yes", "10.77.0.11")
					  : LABELLED("n1", "no", "10.77.0.11"));
		set(CLUSTER_NODES, LABELLED("n2", "yes", "10.77.0.12"));
		set(CLUSTER_NODES, LABELLED("n3", "no", "10.77.0.13"));
		set_spec(CLUSTER_BGP_CONFIGS, "default", "'nodeToNodeMeshEnabled':false");
		set_spec(
			CLUSTER_BGP_PEERS, "rr",
			"'nodeSelector':'rr == \\u0027no\\u0027','peerSelector':'rr == \\u0027yes\\u0027'");
		build();
		/* A reflector speaks to those that are none, and they to it. */
		assert_has(strcmp(own[i], "yes") == 0 ? "{address: \"10.77.0.13\", as: 64512}"
						      : "{address: \"10.77.0.12\", as: 64512}");
		assert_lacks(strcmp(own[i], "yes") == 0 ? "{address: \"10.77.0.12\""
							: "{address: \"10.77.0.13\"");
		forget_all(state);
	}
}

static void annotations_of_calico_that_are_not_served_are_named(void **state)
{
	set(CLUSTER_NODES, "{'metadata':{'name':'n1','annotations':{"
			   "'projectcalico.org/ASNumber':'65000',"
			   "'projectcalico.org/RouteReflectorClusterID':'244.0.0'}},'status':{"
			   "'addresses':[{'type':'InternalIP','address':'10.77.0.11'}]}}");
	build();
	assert_notice("annotation projectcalico.org/ASNumber: not served");
	assert_notice("annotation projectcalico.org/RouteReflectorClusterID: not four numbers");
}

static void set_reflector(const char *name, const char *address, const char *cluster_id)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{'metadata':{'name':'%s','labels':{'rr':'y'},'annotations':{"
		 "'projectcalico.org/RouteReflectorClusterID':'%s'}},'status':{'addresses':["
		 "{'type':'InternalIP','address':'%s'}]}}",
		 name, cluster_id, address);
	set(CLUSTER_NODES, text);
}

static void a_reflector_is_in_no_mesh_and_others_are_its_clients(void **state)
{
	two_nodes();
	set_reflector("n3", "10.77.0.13", "244.0.0.1");
	set_spec(CLUSTER_BGP_PEERS, "rr", "'nodeSelector':'!has(rr)','peerSelector':'has(rr)'");
	build();
	assert_has("mesh: [\"10.77.0.11\", \"10.77.0.12\"]\n");
	assert_has("{address: \"10.77.0.13\", as: 64512}");
	assert_lacks("cluster_id");
	/* nor where the mesh has to be written as peers */
	set_spec(CLUSTER_BGP_CONFIGS, "default", "'listenPort':1790");
	build();
	assert_has("{address: \"10.77.0.12\", as: 64512, port: 1790}");
	assert_int_equal(count_of("10.77.0.13\", as:"), 1);
	forget_all(state);
	/* the reflector's own view: n1 is one, n3 another of its cluster, n4 of another one */
	set_reflector("n1", "10.77.0.11", "244.0.0.1");
	set(CLUSTER_NODES, NODE("n2", "20:00", IP("10.77.0.12"), "'10.244.0.0/24'"));
	set_reflector("n3", "10.77.0.13", "244.0.0.1");
	set_reflector("n4", "10.77.0.14", "244.0.0.2");
	set_spec(CLUSTER_BGP_PEERS, "rr", "'peerSelector':'has(rr)'");
	set_spec(CLUSTER_BGP_PEERS, "tor", "'peerIP':'192.0.2.1','asNumber':65000");
	set_spec(CLUSTER_BGP_PEERS, "far", "'peerIP':'192.0.2.2','asNumber':64512");
	build();
	assert_has("  cluster_id: \"244.0.0.1\"\n");
	assert_lacks("mesh:");
	assert_has("{address: \"10.77.0.12\", as: 64512, reflector_client: true}");
	assert_has("{address: \"10.77.0.13\", as: 64512}");
	assert_has("{address: \"10.77.0.14\", as: 64512, reflector_client: true}");
	assert_has("{address: \"192.0.2.1\", as: 65000, restart_time: 120}");
	assert_has(
		"{address: \"192.0.2.2\", as: 64512, restart_time: 120, reflector_client: true}");
}

static void names_cannot_break_out_of_the_document(void **state)
{
	two_nodes();
	set(CLUSTER_NODES, NODE("a\\\"}, b", "30:00", IP("10.77.0.13"), ""));
	set(CLUSTER_NODES, NODE("1e3", "30:00", IP("10.77.0.14"), ""));
	set_spec(CLUSTER_POOLS, "x\\ny: z", "'cidr':'192.168.0.0/16'");
	build();
	assert_lacks("b\"");
	assert_has("\"1e3\"");
	assert_notice("no name of a node: left out");
	assert_notice("no name of a pool: left out");
}

static void thousands_of_nodes_join_into_few_ranges(void **state)
{
	char text[512];

	for (int i = 0; i < 4096; i++) {
		snprintf(text, sizeof(text),
			 "{'metadata':{'name':'n%d'},'spec':{'podCIDRs':['10.%d.%d.0/24']},"
			 "'status':{'addresses':[{'type':'InternalIP','address':'172.16.%d.%d'}]}}",
			 i, 16 + i / 256, i % 256, i / 256, i % 256);
		set(CLUSTER_NODES, text);
	}
	build();
	assert_has("cidr: \"10.16.0.0/12\"");
	assert_int_equal(document.notice_count, 0);
	assert_true(document.len < CONFIG_DOCUMENT_MAX);
}

static void notices_are_bounded(void **state)
{
	char name[32];

	two_nodes();
	for (int i = 0; i < DOCUMENT_NOTICES_MAX + 44; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		set_spec(CLUSTER_POOLS, name, "'cidr':'x'");
	}
	build();
	assert_int_equal(document.notice_count, DOCUMENT_NOTICES_MAX);
	assert_int_equal(document.notices_left_out, 44);
}

#define TEST(name) cmocka_unit_test_teardown(name, forget_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_recorded_nodes_are_a_mesh_with_default_pools),
		TEST(without_its_node_object_or_address_there_is_no_document),
		TEST(a_node_without_pod_cidr_says_how_to_get_one),
		TEST(dual_stack_has_two_pools_and_one_mesh),
		TEST(a_node_without_ipv4_has_a_router_id_of_its_name),
		TEST(ranges_of_two_nodes_do_not_overlap),
		TEST(an_address_is_one_nodes),
		TEST(ranges_where_no_pod_can_live_are_left_out),
		TEST(an_ippool_takes_over_what_it_covers),
		TEST(bad_ippools_are_named_and_left_out),
		TEST(fields_that_are_not_served_are_named),
		TEST(a_disabled_pool_gives_no_new_addresses),
		TEST(of_reservations_the_own_part_is_taken),
		TEST(the_default_bgp_configuration_is_followed),
		TEST(a_nodes_own_configuration_says_only_its_port_and_log),
		TEST(peers_are_global_of_a_node_or_of_those_selected),
		TEST(settings_of_a_peer_reach_its_line),
		TEST(bad_peers_are_named_and_left_out),
		TEST(nodes_are_peers_both_ways),
		TEST(annotations_of_calico_that_are_not_served_are_named),
		TEST(a_reflector_is_in_no_mesh_and_others_are_its_clients),
		TEST(names_cannot_break_out_of_the_document),
		TEST(thousands_of_nodes_join_into_few_ranges),
		TEST(notices_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
