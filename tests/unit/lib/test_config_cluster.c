/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config_cluster.c: a file with kubernetes: and the cluster's document (docs/configuration.md,
 * "kubernetes", "The cluster's document").
 *
 * links: lib/ip_prefix.c lib/next_hops.c lib/config*.c
 * libs: -lyaml
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"

#define BASE "kubernetes: {node: n1}\n"
#define OWN  "node: {name: n1, addresses: [192.0.2.1]}\n"

struct bad_row {
	const char *base, *document;
	unsigned int line, column;
	const char *words[3];
};

static const struct bad_row bad_rows[] = {
	/* what the cluster says stands in no file */
	{ BASE "pools: []\n", NULL, 2, 8, { "pools", "comes from the cluster" } },
	{ BASE "nodes: []\n", NULL, 2, 8, { "nodes", "comes from the cluster" } },
	{ BASE "reserved: []\n", NULL, 2, 11, { "reserved", "comes from the cluster" } },
	{ BASE "routes: []\n", NULL, 2, 9, { "routes", "comes from the cluster" } },
	{ BASE "bgp: {}\n", NULL, 2, 6, { "bgp", "comes from the cluster" } },
	{ BASE "node: {name: n1}\n", NULL, 2, 14, { "node.name", "kubernetes.node" } },
	{ BASE "node: {addresses: [1.2.3.4]}\n", NULL, 2, 19, { "node.addresses", "cluster" } },
	{ "kubernetes: {node: \"a b\"}\n", NULL, 1, 20, { "kubernetes.node" } },
	{ "kubernetes: {state: here}\n", NULL, 1, 21, { "kubernetes.state", "absolute" } },
	{ "kubernetes: {kubeconfig: here}\n",
	  NULL,
	  1,
	  26,
	  { "kubernetes.kubeconfig", "absolute" } },
	{ "kubernetes: {token: x}\n", NULL, 1, 14, { "unknown key token", "kubeconfig" } },
	{ "kubernetes: true\n", NULL, 1, 13, { "kubernetes", "must be a map" } },
	{ BASE "metrics: {listen: [127.0.0.1]}\n",
	  NULL,
	  2,
	  20,
	  { "metrics.listen[0]", "IPV4:PORT" } },
	{ BASE "cni: {exclusive: maybe}\n", NULL, 2, 18, { "cni.exclusive" } },
	{ BASE "cni: {portmap: always}\n", NULL, 2, 16, { "cni.portmap", "auto none" } },
	/* the document */
	{ BASE, "pools: []\n", 1, 1, { "node.addresses", "missing" } },
	{ BASE, OWN "mtu: 1400\n", 2, 1, { "unknown key mtu", "known are", "reserved" } },
	{ BASE, OWN "kubernetes: {}\n", 2, 1, { "unknown key kubernetes" } },
	{ BASE, "node: {addresses: [192.0.2.1], uplinks: [eth0]}\n", 1, 32, { "key uplinks" } },
	{ BASE, "node: {name: n2, addresses: [192.0.2.2]}\n", 1, 1, { "node n2", "this is n1" } },
	{ BASE, OWN "nodes: [{addresses: [192.0.2.1]}]\n", 2, 9, { "nodes[0]", "needs name" } },
	{ BASE,
	  OWN "nodes: [{name: a}, {name: b}, {name: a}]\n",
	  2,
	  31,
	  { "nodes[2]", "a stands in the list twice" } },
	{ BASE,
	  OWN "nodes: [{name: a, addresses: [10.0.0.1]}, {name: b, addresses: [10.0.0.2, "
	      "10.0.0.1]}]\n",
	  2,
	  75,
	  { "nodes[1]", "10.0.0.1", "node a" } },
	{ BASE,
	  OWN "nodes: [{name: a, blocks: [10.244.1.0/24]}, {name: b, blocks: [10.244.0.0/16]}]\n",
	  2,
	  64,
	  { "nodes[1]", "10.244.0.0/16 overlaps 10.244.1.0/24", "node a" } },
	{ BASE,
	  OWN "nodes: [{name: a, blocks: [10.244.1.1/24]}]\n",
	  2,
	  28,
	  { "beyond the length" } },
	{ BASE, OWN "nodes: [{name: a, addresses: [127.0.0.x]}]\n", 2, 31, { "addresses[0]" } },
	{ BASE, OWN "reserved: [10.244.0.5/24]\n", 2, 12, { "reserved[0]", "ADDRESS/LENGTH" } },
	{ BASE, OWN "reserved: [10.0.0.9-10.0.0.5]\n", 2, 12, { "reserved[0]", "FIRST-LAST" } },
	{ BASE, OWN "reserved: [\"10.0.0.9-fd00::1\"]\n", 2, 12, { "reserved[0]" } },
	{ BASE, OWN "reserved: [10.0.0.9-]\n", 2, 12, { "reserved[0]" } },
	{ BASE,
	  OWN "pools: [{name: p, cidr: 10.1.0.0/16}, {name: p, cidr: 10.1.2.0/24}]\n",
	  2,
	  55,
	  { "pools[1]", "overlaps pool p" } },
	{ BASE, OWN "routes: []\n", 2, 1, { "unknown key routes" } },
};

static int parse(const char *base, const char *document, struct config **ret_config,
		 struct config_error *error)
{
	const struct config_source source = {
		.file = "t",
		.base = base,
		.base_len = strlen(base),
		.document = document,
		.document_len = document ? strlen(document) : 0,
	};

	*ret_config = NULL;
	return config_parse_cluster(&source, ret_config, error);
}

static struct config *parse_good(const char *base, const char *document)
{
	struct config_error error;
	struct config *config;

	if (parse(base, document, &config, &error) < 0)
		fail_msg("%u:%u: %s", error.line, error.column, error.text);
	return config;
}

static void check_bad_row(const struct bad_row *row)
{
	struct config_error error;
	struct config *config;

	if (parse(row->base, row->document, &config, &error) != -EINVAL)
		fail_msg("taken: %s%s", row->base, row->document ? row->document : "");
	assert_null(config);
	for (size_t i = 0; i < 3 && row->words[i]; i++)
		if (!strstr(error.text, row->words[i]))
			fail_msg("no \"%s\" in: %s", row->words[i], error.text);
	if (error.line != row->line || error.column != row->column)
		fail_msg("%u:%u, not %u:%u: %s", error.line, error.column, row->line, row->column,
			 error.text);
	assert_int_equal(error.in_document, row->document != NULL);
}

static void bad_input_is_refused_with_place_and_words(void **state)
{
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++)
		check_bad_row(&bad_rows[i]);
}

static void a_document_needs_kubernetes_in_the_file(void **state)
{
	struct config_error error;
	struct config *config;

	assert_int_equal(parse("node: {addresses: [192.0.2.1]}\n", OWN, &config, &error), -EINVAL);
	assert_false(error.in_document);
	assert_non_null(strstr(error.text, "kubernetes: missing"));
}

static void an_empty_document_is_refused(void **state)
{
	struct config_error error;
	struct config *config;

	assert_int_equal(parse(BASE, "", &config, &error), -EINVAL);
	assert_true(error.in_document);
}

static void a_document_above_4_mib_is_refused(void **state)
{
	size_t len = CONFIG_DOCUMENT_MAX + 1;
	char *text = malloc(len + 1);
	struct config_error error;
	struct config *config;

	assert_non_null(text);
	memset(text, '#', len);
	text[len] = '\0';
	assert_int_equal(parse(BASE, text, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "4 MiB"));
	free(text);
}

static void the_file_alone_has_no_addresses_and_kubernetes_defaults(void **state)
{
	struct config *config;

	assert_int_equal(setenv("NODE_NAME", "worker-3.example", 1), 0);
	config = parse_good("kubernetes: {}\n", NULL);
	assert_true(config->kubernetes);
	assert_null(config->kube.kubeconfig);
	assert_string_equal(config->kube.node, "worker-3.example");
	assert_string_equal(config->node_name, "worker-3.example");
	assert_string_equal(config->kube.state, "/var/lib/tortie/cluster.yaml");
	assert_string_equal(config->kube.user, "tortie-kubed");
	assert_int_equal(config->node_address_count, 0);
	assert_int_equal(config->pool_count, 0);
	assert_false(config->bgp.present);
	assert_true(config->cni_exclusive);
	assert_true(config->cni_portmap);
	assert_string_equal(config->cni_bin_dir, "/opt/cni/bin");
	assert_int_equal(config->metrics_listen_count, 2);
	assert_int_equal(config->metrics_listen[0].port, 9099);
	assert_true(ip_addr_is_loopback(&config->metrics_listen[0].addr));
	assert_true(ip_addr_is_loopback(&config->metrics_listen[1].addr));
	config_free(config);
}

static void without_kubernetes_the_defaults_are_the_careful_ones(void **state)
{
	struct config *config = parse_good("node: {addresses: [192.0.2.1]}\n", NULL);

	assert_false(config->kubernetes);
	assert_false(config->cni_exclusive);
	assert_false(config->cni_portmap);
	assert_int_equal(config->metrics_listen_count, 0);
	config_free(config);
	config = parse_good("node: {addresses: [192.0.2.1]}\n"
			    "cni: {exclusive: true}\nmetrics: {listen: [\"0.0.0.0:80\"]}\n"
			    "nodes: [{name: a, addresses: [192.0.2.9]}]\n"
			    "reserved: [10.0.0.0/30]\n",
			    NULL);
	assert_true(config->cni_exclusive);
	assert_int_equal(config->metrics_listen_count, 1);
	assert_int_equal(config->metrics_listen[0].port, 80);
	assert_int_equal(config->node_count, 1);
	assert_int_equal(config->reserved_count, 1);
	config_free(config);
}

static void the_host_name_in_lower_case_is_the_last_resort(void **state)
{
	char host[256] = "";
	struct config *config;

	unsetenv("NODE_NAME");
	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	config = parse_good("kubernetes: {}\n", NULL);
	assert_int_equal(strcasecmp(config->kube.node, host), 0);
	for (const char *p = config->kube.node; *p; p++)
		assert_false(*p >= 'A' && *p <= 'Z');
	config_free(config);
}

static void a_node_name_from_outside_is_checked(void **state)
{
	struct config_error error;
	struct config *config;

	assert_int_equal(setenv("NODE_NAME", "../etc", 1), 0);
	assert_int_equal(parse("kubernetes: {}\n", NULL, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "NODE_NAME"));
	unsetenv("NODE_NAME");
}

static void every_key_reaches_its_field(void **state)
{
	struct config *config = parse_good(
		"kubernetes: {kubeconfig: /etc/k, node: n1, state: /s/c.yaml, user: kube}\n"
		"node: {uplinks: [eth7]}\nmtu: 1400\n"
		"cni: {exclusive: false, portmap: none, bin_dir: /usr/lib/cni}\n"
		"metrics: {listen: [\"[2001:db8::1]:9100\"]}\n",
		"node: {name: n1, addresses: [10.77.0.11, \"fd77::11\"]}\n"
		"nodes:\n"
		"- {name: n1, addresses: [10.77.0.11, \"fd77::11\"], blocks: [10.244.0.0/24]}\n"
		"- {name: n2, addresses: [10.77.0.12], blocks: [10.244.1.0/24, \"fd44::/64\"]}\n"
		"- {name: n3}\n"
		"pools:\n"
		"- {name: default-ipv4-ippool, cidr: 10.244.0.0/23, blocks: [10.244.0.0/24],"
		" nat_outgoing: true}\n"
		"- {name: default-ipv4-ippool, cidr: 10.244.8.0/24, nat_outgoing: true}\n"
		"reserved: [10.244.0.5/32, 10.244.0.128/25, 10.244.0.7, \"fd44::9-fd44::ff\"]\n"
		"bgp: {as: 64513, mesh: [10.77.0.11, 10.77.0.12]}\n");
	static const char *const reserved[4][2] = { { "10.244.0.5", "10.244.0.5" },
						    { "10.244.0.128", "10.244.0.255" },
						    { "10.244.0.7", "10.244.0.7" },
						    { "fd44::9", "fd44::ff" } };
	char text[IP_PREFIX_TEXT_MAX];

	assert_string_equal(config->kube.kubeconfig, "/etc/k");
	assert_string_equal(config->kube.state, "/s/c.yaml");
	assert_string_equal(config->kube.user, "kube");
	assert_false(config->cni_exclusive);
	assert_false(config->cni_portmap);
	assert_string_equal(config->cni_bin_dir, "/usr/lib/cni");
	assert_int_equal(config->metrics_listen_count, 1);
	assert_int_equal(config->metrics_listen[0].port, 9100);
	assert_int_equal(config->uplink_count, 1);
	assert_int_equal(config->mtu, 1400);
	assert_string_equal(config->node_name, "n1");
	assert_int_equal(config->node_address_count, 2);
	assert_int_equal(config->node_count, 3);
	assert_string_equal(config->node[1].name, "n2");
	assert_int_equal(config->node[1].address_count, 1);
	assert_string_equal(ip_addr_format(&config->node[1].address[0], text, sizeof(text)),
			    "10.77.0.12");
	assert_int_equal(config->node[1].block_count, 2);
	assert_string_equal(ip_prefix_format(&config->node[1].block[1], text, sizeof(text)),
			    "fd44::/64");
	assert_int_equal(config->node[2].address_count, 0);
	assert_int_equal(config->pool_count, 2);
	assert_string_equal(config->pool[1].name, config->pool[0].name);
	assert_int_equal(config->reserved_count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(ip_addr_format(&config->reserved[i].first, text, sizeof(text)),
				    reserved[i][0]);
		assert_string_equal(ip_addr_format(&config->reserved[i].last, text, sizeof(text)),
				    reserved[i][1]);
	}
	assert_true(config->bgp.present);
	assert_int_equal(config->bgp.as, 64513);
	assert_int_equal(config->bgp.peer_count, 1);
	config_free(config);
}

/* The largest cluster that is promised, within the time of a few heartbeats. */
static void the_largest_document_is_read_at_once(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct timespec start, end;
	struct config *config;

	assert_non_null(out);
	fprintf(out, OWN "nodes:\n");
	for (int i = 0; i < CONFIG_CLUSTER_NODES_MAX; i++)
		fprintf(out,
			"- {name: node-%d.example, addresses: [10.%d.%d.1, \"fd00::%x\"], "
			"blocks: [100.%d.%d.0/24, \"fd01:0:0:%x::/64\"]}\n",
			i, i >> 8, i & 255, i, i >> 8, i & 255, i);
	fprintf(out, "pools:\n");
	for (int i = 0; i < CONFIG_POOLS_MAX; i++)
		fprintf(out, "- {name: default-ipv4-ippool, cidr: 100.%d.%d.0/24}\n", i >> 8,
			i & 255);
	fprintf(out, "bgp:\n  mesh:\n");
	for (int i = 0; i < CONFIG_MESH_MAX; i++)
		fprintf(out, "  - 10.%d.%d.1\n", i >> 8, i & 255);
	assert_int_equal(fclose(out), 0);
	assert_true(len < CONFIG_DOCUMENT_MAX);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	config = parse_good(BASE, text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_int_equal(config->node_count, CONFIG_CLUSTER_NODES_MAX);
	assert_int_equal(config->pool_count, CONFIG_POOLS_MAX);
	assert_int_equal(config->bgp.peer_count, CONFIG_MESH_MAX);
	/* What takes n^2 steps takes minutes with a sanitizer; this takes 0.1 s without. */
	assert_true(end.tv_sec - start.tv_sec < 10);
	print_message("%zu octets in %ld ms of CPU\n", len,
		      (long)((end.tv_sec - start.tv_sec) * 1000 +
			     (end.tv_nsec - start.tv_nsec) / 1000000));
	config_free(config);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_input_is_refused_with_place_and_words),
		cmocka_unit_test(a_document_needs_kubernetes_in_the_file),
		cmocka_unit_test(an_empty_document_is_refused),
		cmocka_unit_test(a_document_above_4_mib_is_refused),
		cmocka_unit_test(the_file_alone_has_no_addresses_and_kubernetes_defaults),
		cmocka_unit_test(without_kubernetes_the_defaults_are_the_careful_ones),
		cmocka_unit_test(the_host_name_in_lower_case_is_the_last_resort),
		cmocka_unit_test(a_node_name_from_outside_is_checked),
		cmocka_unit_test(every_key_reaches_its_field),
		cmocka_unit_test(the_largest_document_is_read_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
