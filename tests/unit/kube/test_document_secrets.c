/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_document_secrets.c: passwords of BGP sessions out of Secrets, and where they do not go.
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

#include "lib/ip_prefix.h"
#include "tests/unit/kube/built.h"
#include "tests/unit/kube/recordings.h"

#define REFERENCE "{'secretKeyRef':{'name':'bgp','key':'tor'}}"

static struct config *config;

static void set(enum cluster_kind kind, const char *name, const char *text)
{
	char object[2048];
	struct json_object *json;

	snprintf(object, sizeof(object), "{'metadata':{'name':'%s'},%s}", name, text);
	json = parse_json(object);
	assert_true(cluster_set(&cluster, kind, json) >= 0);
	json_object_put(json);
}

static void two_nodes(void)
{
	set(CLUSTER_NODES, "n1",
	    "'spec':{'podCIDRs':['10.244.1.0/24']},'status':{'addresses':[{'type':'InternalIP',"
	    "'address':'10.77.0.11'}]}");
	set(CLUSTER_NODES, "n2",
	    "'spec':{'podCIDRs':['10.244.2.0/24']},'status':{'addresses':[{'type':'InternalIP',"
	    "'address':'10.77.0.12'}]}");
}

static int forget_config(void **state)
{
	config_free(config);
	config = NULL;
	return forget_all(state);
}

/* And the parser of the configuration takes it. */
static void build(void)
{
	build_document();
	config_free(config);
	config = NULL;
	config = read_document();
}

static const struct config_peer *find_peer(const char *addr)
{
	char text[IP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < config->bgp.peer_count; i++)
		if (strcmp(ip_addr_format(&config->bgp.peer[i].addr, text, sizeof(text)), addr) ==
		    0)
			return &config->bgp.peer[i];
	return NULL;
}

/* A value of the Secret, in base64, and the password that it is; NULL: none, with the notice. */
static const struct {
	const char *value, *password, *notice;
} value_rows[] = {
	{ "c2VjcmV0", "secret", NULL },
	{ "c2VjcmV0Cg==", "secret", NULL }, /* a line of a file */
	{ "YSAiYiIgXGMgIzoge31bXSY=", "a \"b\" \\c #: {}[]&", NULL },
	{ "", NULL, "must have 1 to 80 octets" },
	{ "Cg==", NULL, "must have 1 to 80 octets" },
	{ "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"
	  "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4",
	  NULL, "must have 1 to 80 octets" },
	{ "YQpi", NULL, "not printable ASCII" },
	{ "w6Q=", NULL, "not printable ASCII" },
	{ "not base64!", NULL, "no base64" },
};

static void a_peers_password_is_the_value_of_its_secret(void **state)
{
	for (size_t i = 0; i < sizeof(value_rows) / sizeof(value_rows[0]); i++) {
		const struct config_peer *peer;
		char text[512];

		two_nodes();
		set(CLUSTER_BGP_PEERS, "p",
		    "'spec':{'peerIP':'192.0.2.1','asNumber':65000,'password':" REFERENCE "}");
		snprintf(text, sizeof(text), "'data':{'tor':'%s'}", value_rows[i].value);
		set(CLUSTER_SECRETS, "bgp", text);
		build();
		peer = find_peer("192.0.2.1");
		if (value_rows[i].password) {
			assert_non_null(peer);
			assert_string_equal(peer->password, value_rows[i].password);
			assert_int_equal(document.notice_count, 0);
		} else {
			assert_null(peer);
			assert_notice("bgppeer p: spec.password: key tor of secret bgp");
			assert_notice(value_rows[i].notice);
		}
		forget_config(NULL);
	}
}

static void a_peer_without_its_secret_is_left_out_until_it_is_there(void **state)
{
	two_nodes();
	set(CLUSTER_BGP_PEERS, "p",
	    "'spec':{'peerIP':'192.0.2.1','asNumber':65000,'password':" REFERENCE "}");
	set(CLUSTER_BGP_PEERS, "q", "'spec':{'peerIP':'192.0.2.2','asNumber':65000}");
	set(CLUSTER_BGP_PEERS, "r",
	    "'spec':{'peerIP':'192.0.2.3','asNumber':65000,'password':{'secretKeyRef':{"
	    "'name':'bgp','key':'tor','optional':true}}}");
	set(CLUSTER_BGP_PEERS, "s",
	    "'spec':{'peerIP':'192.0.2.4','asNumber':65000,'password':{'secretKeyRef':{"
	    "'name':'bgp'}}}");
	build();
	assert_null(find_peer("192.0.2.1"));
	assert_non_null(find_peer("192.0.2.2"));
	assert_null(find_peer("192.0.2.3")->password);
	assert_null(find_peer("192.0.2.4"));
	assert_notice("secret bgp is not there, or may not be read: left out until it is mended");
	assert_notice("is not named whole");
	set(CLUSTER_SECRETS, "bgp", "'data':{'other':'c2VjcmV0'}");
	build();
	assert_null(find_peer("192.0.2.1"));
	assert_notice("secret bgp has no such key");
	set(CLUSTER_SECRETS, "bgp", "'data':{'tor':'c2VjcmV0'}");
	build();
	assert_string_equal(find_peer("192.0.2.1")->password, "secret");
	assert_string_equal(find_peer("192.0.2.3")->password, "secret");
	assert_null(find_peer("192.0.2.2")->password);
}

static void the_mesh_has_one_password(void **state)
{
	two_nodes();
	set(CLUSTER_BGP_CONFIGS, "default", "'spec':{'nodeMeshPassword':" REFERENCE "}");
	build();
	assert_null(find_peer("10.77.0.12"));
	assert_notice("bgpconfiguration default: spec.nodeMeshPassword: key tor of secret bgp");
	set(CLUSTER_SECRETS, "bgp", "'data':{'tor':'c2VjcmV0'}");
	build();
	assert_string_equal(find_peer("10.77.0.12")->password, "secret");
	assert_int_equal(document.notice_count, 0);
	set(CLUSTER_BGP_CONFIGS, "default",
	    "'spec':{'listenPort':1790,'nodeMeshPassword':" REFERENCE "}");
	build();
	assert_string_equal(find_peer("10.77.0.12")->password, "secret");
}

static void secrets_are_wanted_when_one_is_named(void **state)
{
	two_nodes();
	set(CLUSTER_BGP_PEERS, "q", "'spec':{'peerIP':'192.0.2.2','asNumber':65000}");
	set(CLUSTER_BGP_CONFIGS, "default", "'spec':{}");
	assert_false(document_wants(&cluster, CLUSTER_SECRETS));
	set(CLUSTER_BGP_CONFIGS, "default", "'spec':{'nodeMeshPassword':" REFERENCE "}");
	assert_true(document_wants(&cluster, CLUSTER_SECRETS));
	set(CLUSTER_BGP_CONFIGS, "default", "'spec':{}");
	set(CLUSTER_BGP_PEERS, "q",
	    "'spec':{'peerIP':'192.0.2.2','asNumber':65000,'password':" REFERENCE "}");
	assert_true(document_wants(&cluster, CLUSTER_SECRETS));
}

#define TEST(name) cmocka_unit_test_teardown(name, forget_config)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_peers_password_is_the_value_of_its_secret),
		TEST(a_peer_without_its_secret_is_left_out_until_it_is_there),
		TEST(the_mesh_has_one_password),
		TEST(secrets_are_wanted_when_one_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
