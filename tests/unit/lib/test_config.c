/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config.c: the configuration file, good and bad (docs/configuration.md).
 *
 * Bad input is a table: the file's text, where the error is, words that must appear in it. Good
 * input is compared with what the document promises, defaults first.
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
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"

#define NODE   "node: {name: n, addresses: [192.0.2.1]}\n"
#define NODE_6 "node: {name: n, addresses: [\"2001:db8::1\"]}\n"
#define POOL   "pools: [{name: p, cidr: 10.1.0.0/16, blocks: [10.1.1.0/24]}]\n"

struct bad_row {
	const char *text;
	unsigned int line, column; /* 0: not compared */
	const char *words[3];
};

static const struct bad_row bad_rows[] = {
	/* the file as such */
	{ "", 0, 0, { "empty", "node.addresses" } },
	{ "# only a comment\n", 0, 0, { "empty" } },
	{ "- 1\n", 1, 1, { "must be a map" } },
	{ NODE "\tmtu: 1500\n", 2, 1, { "tab", "spaces" } },
	{ NODE "mtu: \"\\0\"\n", 2, 6, { "NUL" } },
	{ NODE "log_level: \xff\n", 2, 12, { "UTF-8" } },
	{ NODE "---\nmtu: 1500\n", 2, 1, { "second document" } },
	{ "node: &n {addresses: [192.0.2.1]}\n", 1, 7, { "anchors" } },
	{ "node: *n\n", 1, 7, { "aliases" } },
	{ NODE "mtu: !!int 1500\n", 2, 6, { "tags" } },
	{ "{[a]: b}\n", 1, 2, { "key", "one word" } },
	{ "a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: 1}}}}}}}}}}\n",
	  1,
	  0,
	  { "nested too deeply" } },
	{ NODE "mtu: [1500\n", 0, 0, { "not YAML" } },
	{ NODE "mtu: 1500\n mtu: 1\n", 3, 0, { "not YAML" } },
	/* keys */
	{ NODE "mtus: 1500\n", 2, 1, { "unknown key mtus", "known are", "quarantine" } },
	{ NODE "mtu: 1500\nmtu: 1400\n", 3, 1, { "mtu", "second time" } },
	{ "node: {addresses: [192.0.2.1], adresses: []}\n", 1, 32, { "node", "adresses" } },
	{ NODE "<<: {mtu: 1500}\n", 2, 1, { "unknown key <<" } },
	{ NODE "\"a\\nb\": 1\n", 2, 1, { "unknown key a?b" } },
	/* node */
	{ "mtu: 1500\n", 1, 1, { "node.addresses", "missing" } },
	{ "node: {addresses: []}\n", 1, 1, { "node.addresses", "at least one" } },
	{ "node: {addresses: 192.0.2.1}\n", 1, 19, { "node.addresses", "must be a list" } },
	{ "node: {addresses: [192.0.2.256]}\n", 1, 20, { "node.addresses[0]", "192.0.2.256" } },
	{ "node: {addresses: [\"::ffff:192.0.2.1\"]}\n", 1, 20, { "not an IPv4 or IPv6" } },
	{ "node: {addresses: [192.0.2.1, 192.0.2.1]}\n", 1, 31, { "192.0.2.1", "twice" } },
	{ "node: {addresses: [224.0.0.1]}\n", 1, 20, { "224.0.0.1", "unicast" } },
	{ "node: {addresses: [\"fe80::1\"]}\n", 1, 20, { "fe80::1", "unicast" } },
	{ "node: {addresses: [1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,1.0.0.8,"
	  "1.0.0.9]}\n",
	  1,
	  19,
	  { "9 entries", "at most 8" } },
	{ "node: {addresses: [192.0.2.1], name: \"a b\"}\n", 1, 38, { "node.name", "letters" } },
	{ "node: {addresses: [192.0.2.1], name: [a]}\n", 1, 38, { "node.name", "not a list" } },
	{ "node: {addresses: [192.0.2.1], name: }\n", 1, 0, { "node.name", "no value" } },
	{ "node: {addresses: [192.0.2.1], uplinks: [interface-name-16]}\n",
	  1,
	  42,
	  { "node.uplinks[0]", "link" } },
	{ "node: {addresses: [192.0.2.1], uplinks: [../eth0]}\n", 1, 42, { "name of a link" } },
	{ "node: {addresses: [192.0.2.1], uplinks: [eth0, eth0]}\n", 1, 48, { "eth0", "twice" } },
	/* pools */
	{ NODE "pools: [{name: p}]\n", 2, 9, { "pools[0]", "needs name and cidr" } },
	{ NODE "pools: [{name: p, cidr: 10.1.0.0/33}]\n",
	  2,
	  25,
	  { "pools[0].cidr", "not a prefix" } },
	{ NODE "pools: [{name: p, cidr: 10.1.0.1/16}]\n", 2, 25, { "beyond the length" } },
	{ NODE "pools: [{name: p, cidr: 10.1.0.0}]\n", 2, 25, { "ADDRESS/LENGTH" } },
	{ NODE "pools: [{name: p, cidr: 127.0.0.0/8}]\n", 2, 25, { "127.0.0.0/8", "no pod" } },
	{ NODE "pools: [{name: p, cidr: 0.0.0.0/0}]\n", 2, 25, { "0.0.0.0/0", "no pod" } },
	{ NODE "pools: [{name: a, cidr: 10.1.0.0/16}, {name: b, cidr: 10.0.0.0/8}]\n",
	  2,
	  55,
	  { "overlaps pool a", "10.1.0.0/16" } },
	{ NODE "pools: [{name: a, cidr: 10.1.0.0/16, blocks: [10.2.0.0/24]}]\n",
	  2,
	  47,
	  { "10.2.0.0/24", "not inside", "10.1.0.0/16" } },
	{ NODE "pools: [{name: a, cidr: 10.1.0.0/16, blocks: [10.1.0.0/24, 10.1.0.128/25]}]\n",
	  2,
	  60,
	  { "10.1.0.128/25", "overlaps block", "10.1.0.0/24" } },
	{ NODE "pools: [{name: a, cidr: 192.0.2.0/24, blocks: [192.0.2.0/28]}]\n",
	  2,
	  48,
	  { "192.0.2.1", "address of this node" } },
	{ NODE "pools: [{name: a, cidr: 10.1.0.0/16, nat_outgoing: yes}]\n",
	  2,
	  52,
	  { "nat_outgoing", "neither true nor false" } },
	{ NODE "pools: [{name: a, cidr: 10.1.0.0/16, encapsulation: always}]\n",
	  2,
	  53,
	  { "always", "not in this version" } },
	{ NODE "pools: [{name: a, cidr: 10.1.0.0/16, encapsulation: vxlan}]\n",
	  2,
	  53,
	  { "must be never" } },
	{ NODE "pools: {name: a}\n", 2, 8, { "pools", "must be a list" } },
	/* routes */
	{ NODE "routes: [{prefix: 10.2.0.0/24}]\n", 2, 10, { "routes[0]", "prefix and via" } },
	{ NODE "routes: [{prefix: \"fd00:2::/64\", via: 192.0.2.2}]\n",
	  2,
	  39,
	  { "cannot be reached via an IPv4 address" } },
	{ NODE "routes: [{prefix: \"fd00:2::/64\", via: [\"2001:db8::2\", 192.0.2.2]}]\n",
	  2,
	  39,
	  { "cannot be reached via an IPv4 address" } },
	{ NODE "routes: [{prefix: 10.2.0.0/24, via: []}]\n", 2, 37, { "needs an address" } },
	{ NODE "routes: [{prefix: 10.2.0.0/24, via: [192.0.2.2, 192.0.2.2]}]\n",
	  2,
	  49,
	  { "stands here twice" } },
	{ NODE "routes: [{prefix: 10.2.0.0/24, via: [1.0.0.1, 1.0.0.2, 1.0.0.3, 1.0.0.4, 1.0.0.5, "
	       "1.0.0.6, 1.0.0.7, 1.0.0.8, 1.0.0.9]}]\n",
	  2,
	  37,
	  { "8" } },
	{ NODE "routes: [{prefix: 10.2.0.0/24, via: [192.0.2.2, 192.0.2.1]}]\n",
	  2,
	  37,
	  { "this node itself" } },
	{ NODE "routes: [{prefix: 10.2.0.0/24, via: 192.0.2.1}]\n", 2, 37, { "this node itself" } },
	{ NODE "routes: [{prefix: 0.0.0.0/0, via: 192.0.2.2}]\n", 2, 19, { "default route" } },
	{ NODE POOL "routes: [{prefix: 10.1.1.0/28, via: 192.0.2.2}]\n",
	  3,
	  19,
	  { "own block", "10.1.1.0/24" } },
	{ NODE "routes: [{prefix: 10.2.0.0/24, via: 192.0.2.2}, {prefix: 10.2.0.0/24, via: "
	       "192.0.2.3}]\n",
	  2,
	  49,
	  { "[1]", "twice" } },
	/* single values */
	{ NODE "mtu: 1279\n", 2, 6, { "mtu", "1280", "65535" } },
	{ NODE "mtu: 65536\n", 2, 6, { "mtu", "65536" } },
	{ NODE "mtu: big\n", 2, 6, { "neither auto nor a number" } },
	{ NODE "mtu: 0x5dc\n", 2, 6, { "0x5dc" } },
	{ NODE "mtu: \"1500\"\n", 2, 6, { "1500" } },
	{ NODE "mtu: 01500\n", 2, 6, { "01500" } },
	{ NODE "big_tcp: 65536\n", 2, 10, { "big_tcp", "auto always none" } },
	{ NODE "quarantine: -1\n", 2, 13, { "quarantine", "-1", "86400" } },
	{ NODE "quarantine: 99999999999999999999\n", 2, 13, { "quarantine" } },
	{ NODE "quarantine:\n", 2, 0, { "quarantine", "no value" } },
	{ NODE "kube_proxy: ipvs\n", 2, 13, { "kube_proxy", "beside none" } },
	{ NODE "forwarding: {accept: maybe}\n", 2, 22, { "forwarding.accept", "maybe" } },
	{ NODE "maps: {stack_tcp: 1023}\n", 2, 19, { "maps.stack_tcp", "1024" } },
	{ NODE "log_level: loud\n", 2, 12, { "log_level", "loud", "error warning info debug" } },
	{ NODE "groups: {live: 0}\n", 2, 16, { "groups.live", "from 1" } },
	{ NODE "groups: {live: 5, dying: 5}\n", 2, 9, { "groups", "different" } },
	{ NODE "maps: {routes: 1}\n", 2, 16, { "maps.routes", "16" } },
	{ NODE "cni: {dir: etc}\n", 2, 12, { "cni.dir", "absolute" } },
	{ NODE "cni: {conflist: maybe}\n", 2, 17, { "cni.conflist", "auto none" } },
	{ NODE "bgpd_user: \"root;\"\n", 2, 12, { "bgpd_user" } },
	{ NODE "bgpd_user: a23456789012345678901234567890123\n", 2, 12, { "longer than 32" } },
	/* bgp */
	{ NODE "bgp: 64512\n", 2, 6, { "bgp", "must be a map" } },
	{ NODE "bgp: {as: 0}\n", 2, 11, { "bgp.as", "from 1" } },
	{ NODE "bgp: {as: 4294967296}\n", 2, 11, { "bgp.as", "4294967295" } },
	{ NODE "bgp: {as: 23456}\n", 2, 11, { "23456", "reserved" } },
	{ NODE "bgp: {router_id: 0.0.0.0}\n", 2, 18, { "bgp.router_id" } },
	{ NODE "bgp: {router_id: \"2001:db8::1\"}\n", 2, 18, { "bgp.router_id" } },
	{ NODE_6 "bgp: {}\n", 2, 6, { "router_id", "missing", "IPv4" } },
	{ NODE "bgp: {listen: [192.0.2.1:0]}\n", 2, 16, { "bgp.listen[0]", "IPV4:PORT" } },
	{ NODE "bgp: {listen: [192.0.2.1:65536]}\n", 2, 16, { "bgp.listen[0]" } },
	{ NODE "bgp: {listen: [\"[2001:db8::1\"]}\n", 2, 16, { "bgp.listen[0]" } },
	{ NODE "bgp: {listen: [\"[2001:db8::1]179\"]}\n", 2, 16, { "bgp.listen[0]" } },
	{ NODE "bgp: {listen: [192.0.2.1, \"192.0.2.1:179\"]}\n", 2, 27, { "twice" } },
	{ NODE "bgp: {restart_time: 4096}\n", 2, 21, { "restart_time", "4095" } },
	{ NODE "bgp: {send_hold_time: 4}\n", 2, 23, { "send_hold_time", "5" } },
	{ NODE "bgp: {max_paths: 0}\n", 2, 18, { "max_paths", "1 to 8" } },
	{ NODE "bgp: {max_paths: 9}\n", 2, 18, { "max_paths", "1 to 8" } },
	{ NODE "bgp: {log_level: loud}\n", 2, 18, { "bgp.log_level", "error warning info debug" } },
	{ NODE "bgp: {hold_time: 2}\n", 2, 18, { "hold_time", "0 (no keepalives) or 3" } },
	{ NODE "bgp: {mesh: [0.0.0.0]}\n", 2, 14, { "bgp.mesh[0]", "0.0.0.0" } },
	{ NODE "bgp: {mesh: [192.0.2.2, 192.0.2.2]}\n", 2, 0, { "192.0.2.2", "twice" } },
	{ NODE "bgp: {mesh: 192.0.2.2}\n", 2, 13, { "bgp.mesh", "must be a list" } },
	{ NODE "bgp: {peers: [{as: 1}]}\n", 2, 15, { "peers[0]", "exactly one of" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, range: 1.0.0.0/8, as: 1}]}\n",
	  2,
	  15,
	  { "exactly one of address and range" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4}]}\n", 2, 15, { "peers[0]", "needs as" } },
	{ NODE "bgp: {peers: [{range: 1.0.0.0/8, as: 1, port: 1}]}\n", 2, 47, { "port", "range" } },
	{ NODE "bgp: {peers: [{range: 1.0.0.0/8, as: 1, passive: false}]}\n",
	  2,
	  50,
	  { "passive", "range" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, reflector_client: true}]}\n",
	  2,
	  59,
	  { "reflector_client", "64512" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, local_as: 0}]}\n", 2, 0, { "local_as" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, max_routes: 0}]}\n",
	  2,
	  0,
	  { "max_routes" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, allow_own_as: 101}]}\n",
	  2,
	  0,
	  { "allow_own_as" } },
	{ NODE
	  "bgp: {peers: [{address: 1.2.3.4, as: 64512, local_as: 1, reflector_client: true}]}\n",
	  2,
	  0,
	  { "reflector_client", "AS (1)" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, port: 0}]}\n", 2, 47, { "port" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, families: []}]}\n",
	  2,
	  51,
	  { "families", "empty" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, families: [ipv4, ipv4]}]}\n",
	  2,
	  51,
	  { "families", "twice" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, extended_next_hop: true}]}\n",
	  2,
	  60,
	  { "extended_next_hop", "auto always never" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, families: [vpnv4]}]}\n",
	  2,
	  52,
	  { "vpnv4", "ipv4 ipv6" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, import: some}]}\n",
	  2,
	  49,
	  { "import", "pools all none" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, export: some}]}\n",
	  2,
	  49,
	  { "export", "own all none" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, password_file: key}]}\n",
	  2,
	  56,
	  { "password_file", "absolute" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, source: here}]}\n",
	  2,
	  49,
	  { "source", "route node" } },
	{ NODE "bgp: {peers: [{range: 1.2.3.0/24, as: 1, source: node}]}\n",
	  2,
	  50,
	  { "source", "never connected to" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, restart_time: 4096}]}\n",
	  2,
	  55,
	  { "restart_time", "4095" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, ttl_security: 0}]}\n",
	  2,
	  55,
	  { "ttl_security", "1" } },
	{ NODE "bgp: {mesh_password: x}\n",
	  2,
	  0,
	  { "mesh_password", "only the cluster's document" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, passwort: x}]}\n",
	  2,
	  41,
	  { "unknown key passwort", "password_file" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, password: secret}]}\n",
	  2,
	  0,
	  { "password", "only the cluster's document", "password_file" } },
	{ NODE "bgp: {mesh: [1.2.3.4], peers: [{address: 1.2.3.4, as: 1}]}\n",
	  2,
	  0,
	  { "1.2.3.4", "twice" } },
	{ NODE "bgp: {peers: [{range: 1.0.0.0/8, as: 1}, {range: 1.0.0.0/8, as: 2}]}\n",
	  2,
	  0,
	  { "1.0.0.0/8", "twice" } },
};

static struct config *parse(const char *text)
{
	struct config_error error;
	struct config *config = NULL;
	int err = config_parse(text, strlen(text), "test.yaml", &config, &error);

	if (err < 0)
		fail_msg("%u:%u: %s", error.line, error.column, error.text);
	return config;
}

static void assert_addr(const struct ip_addr *addr, const char *text)
{
	char buf[IP_ADDR_TEXT_MAX];

	assert_string_equal(ip_addr_format(addr, buf, sizeof(buf)), text);
}

static void assert_prefix(const struct ip_prefix *prefix, const char *text)
{
	char buf[IP_PREFIX_TEXT_MAX];

	assert_string_equal(ip_prefix_format(prefix, buf, sizeof(buf)), text);
}

static void check_bad_row(const struct bad_row *row)
{
	struct config *config = NULL;
	struct config_error error;
	size_t i;

	if (config_parse(row->text, strlen(row->text), "t", &config, &error) != -EINVAL)
		fail_msg("taken: %s", row->text);
	assert_null(config);
	for (i = 0; i < 3 && row->words[i]; i++) {
		if (!strstr(error.text, row->words[i]))
			fail_msg("no \"%s\" in: %s", row->words[i], error.text);
	}
	if (row->line && error.line != row->line)
		fail_msg("line %u, not %u: %s", error.line, row->line, error.text);
	if (row->column && error.column != row->column)
		fail_msg("column %u, not %u: %s", error.column, row->column, error.text);
	assert_null(strchr(error.text, '\n'));
}

static void bad_input_is_refused_with_place_and_words(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++)
		check_bad_row(&bad_rows[i]);
}

static void a_nul_octet_is_refused(void **state)
{
	static const char text[] = NODE "mtu\0: 1500\n";
	struct config *config = NULL;
	struct config_error error;

	assert_int_equal(config_parse(text, sizeof(text) - 1, "t", &config, &error), -EINVAL);
	assert_int_equal(error.line, 2);
	assert_int_equal(error.column, 4);
	assert_non_null(strstr(error.text, "NUL"));
}

static void a_file_larger_than_1_mib_is_refused(void **state)
{
	size_t len = CONFIG_BYTES_MAX + 1;
	struct config *config = NULL;
	struct config_error error;
	char *text = malloc(len);

	assert_non_null(text);
	memset(text, '#', len);
	assert_int_equal(config_parse(text, len, "t", &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "1 MiB"));
	free(text);
}

static void the_smallest_file_gets_all_defaults(void **state)
{
	struct config *config = parse("node: {addresses: [192.0.2.1, \"2001:db8::1\"]}\n");
	char host[256] = "";

	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	assert_string_equal(config->file, "test.yaml");
	assert_string_equal(config->node_name, host);
	assert_int_equal(config->node_address_count, 2);
	assert_addr(&config->node_address[0], "192.0.2.1");
	assert_addr(&config->node_address[1], "2001:db8::1");
	assert_int_equal(config->uplink_count, 0);
	assert_int_equal(config->pool_count, 0);
	assert_int_equal(config->route_count, 0);
	assert_int_equal(config->mtu, CONFIG_MTU_AUTO);
	assert_int_equal(config->big_tcp, BIG_TCP_AUTO);
	assert_int_equal(config->quarantine_s, 60);
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_int_equal(config->group_creating, 11601);
	assert_int_equal(config->group_live, 11602);
	assert_int_equal(config->group_dying, 11603);
	assert_int_equal(config->map_endpoints, 1024);
	assert_int_equal(config->map_routes, 10240);
	assert_int_equal(config->map_stack_tcp, 16384);
	assert_int_equal(config->map_stack_other, 16384);
	assert_int_equal(config->kube_proxy, KUBE_PROXY_BESIDE);
	assert_false(config->forwarding_accept);
	assert_string_equal(config->cni_dir, "/etc/cni/net.d");
	assert_true(config->cni_conflist);
	assert_string_equal(config->bgpd_user, "tortie-bgpd");
	assert_false(config->bgp.present);
	config_free(config);
}

static void every_key_outside_bgp_reaches_its_field(void **state)
{
	struct config *config = parse("node:\n"
				      "  name: rack1-node7\n"
				      "  addresses: [192.0.2.1]\n"
				      "  uplinks: [eth0, eth1]\n"
				      "pools:\n"
				      "- name: v4\n"
				      "  cidr: 10.1.0.0/16\n"
				      "  blocks: [10.1.1.0/24, 10.1.2.0/24]\n"
				      "  nat_outgoing: true\n"
				      "  encapsulation: never\n"
				      "- {name: v6, cidr: \"2001:db8:1::/48\"}\n"
				      "routes:\n"
				      "- {prefix: 10.1.9.0/24, via: 192.0.2.9}\n"
				      "mtu: 1450\nquarantine: 0\nkube_proxy: none\n"
				      "log_level: debug\n"
				      "groups: {creating: 1, live: 2, dying: 3}\n"
				      "maps: {endpoints: 16, routes: 1048576, stack_tcp: 1024, "
				      "stack_other: 2048}\n"
				      "forwarding: {accept: true}\n"
				      "cni: {dir: /tmp/cni, conflist: none}\n"
				      "bgpd_user: bird\n");

	assert_string_equal(config->node_name, "rack1-node7");
	assert_int_equal(config->uplink_count, 2);
	assert_string_equal(config->uplink[1], "eth1");
	assert_int_equal(config->pool_count, 2);
	assert_string_equal(config->pool[0].name, "v4");
	assert_prefix(&config->pool[0].cidr, "10.1.0.0/16");
	assert_int_equal(config->pool[0].block_count, 2);
	assert_prefix(&config->pool[0].block[1], "10.1.2.0/24");
	assert_true(config->pool[0].nat_outgoing);
	assert_false(config->pool[1].nat_outgoing);
	assert_int_equal(config->pool[1].block_count, 0);
	assert_int_equal(config->route_count, 1);
	assert_prefix(&config->route[0].prefix, "10.1.9.0/24");
	assert_int_equal(config->route[0].via.count, 1);
	assert_addr(&config->route[0].via.addr[0], "192.0.2.9");
	assert_int_equal(config->mtu, 1450);
	assert_int_equal(config->quarantine_s, 0);
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(config->group_creating, 1);
	assert_int_equal(config->group_live, 2);
	assert_int_equal(config->group_dying, 3);
	assert_int_equal(config->map_endpoints, 16);
	assert_int_equal(config->map_routes, 1048576);
	assert_int_equal(config->map_stack_tcp, 1024);
	assert_int_equal(config->map_stack_other, 2048);
	assert_int_equal(config->kube_proxy, KUBE_PROXY_NONE);
	assert_true(config->forwarding_accept);
	assert_string_equal(config->cni_dir, "/tmp/cni");
	assert_false(config->cni_conflist);
	assert_string_equal(config->bgpd_user, "bird");
	config_free(config);
}

static void an_empty_bgp_part_means_all_its_defaults(void **state)
{
	struct config *config = parse("node: {addresses: [\"2001:db8::1\", 192.0.2.1]}\nbgp: {}\n");

	assert_true(config->bgp.present);
	assert_int_equal(config->bgp.as, 64512);
	assert_int_equal(ntohl(config->bgp.router_id_be), 0xc0000201);
	assert_int_equal(ntohl(config->bgp.cluster_id_be), 0xc0000201);
	assert_int_equal(config->bgp.restart_time_s, 120);
	assert_int_equal(config->bgp.send_hold_time_s, 480);
	assert_int_equal(config->bgp.max_paths, 8);
	assert_false(config->bgp.has_log_level);
	assert_int_equal(config->bgp.listen_count, 2);
	assert_addr(&config->bgp.listen[1].addr, "192.0.2.1");
	assert_int_equal(config->bgp.listen[1].port, 179);
	assert_int_equal(config->bgp.peer_count, 0);
	config_free(config);
}

static void the_mesh_leaves_out_own_addresses(void **state)
{
	struct config *config = parse("bgp: {mesh: [192.0.2.1, 192.0.2.2, \"2001:db8::3\"],"
				      " hold_time: 30, as: 65001, log_level: warning}\n" NODE);
	const struct config_peer *peer = config->bgp.peer;

	assert_int_equal(config->bgp.peer_count, 2);
	assert_addr(&peer[0].addr, "192.0.2.2");
	assert_addr(&peer[1].addr, "2001:db8::3");
	assert_true(peer[0].is_mesh && !peer[0].is_range && !peer[0].passive);
	assert_true(peer[0].ipv4 && peer[0].ipv6);
	assert_int_equal(peer[0].as, 65001);
	assert_int_equal(peer[0].port, 179);
	assert_int_equal(peer[0].hold_time_s, 30);
	assert_true(config->bgp.has_log_level);
	assert_int_equal(config->bgp.log_level, LOG_LEVEL_WARNING);
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_int_equal(peer[0].import, IMPORT_POOLS);
	assert_int_equal(peer[0].export, EXPORT_OWN);
	assert_int_equal(peer[0].source, CONNECT_FROM_NODE);
	assert_null(peer[0].password_file);
	config_free(config);
}

static void every_key_of_a_peer_reaches_its_field(void **state)
{
	struct config *config = parse(
		NODE "bgp:\n"
		     "  peers:\n"
		     "  - {address: 192.0.2.254, as: 4200000000, port: 1179, passive: true,"
		     " families: [ipv6], import: all, export: none, hold_time: 3,"
		     " source: node, restart_time: 4095, ttl_security: 255,"
		     " local_as: 65001, allow_own_as: 2, next_hop: keep,"
		     " extended_next_hop: never, max_routes: 2000000, max_routes_action: close,"
		     " password_file: /etc/key}\n"
		     "  - {range: 198.51.100.0/24, as: 64512, reflector_client: true,"
		     " import: none, export: all, families: [ipv6, ipv4]}\n");
	const struct config_peer *peer = config->bgp.peer;

	assert_int_equal(config->bgp.peer_count, 2);
	assert_addr(&peer[0].addr, "192.0.2.254");
	assert_int_equal(peer[0].as, 4200000000u);
	assert_int_equal(peer[0].port, 1179);
	assert_true(peer[0].passive && !peer[0].ipv4 && peer[0].ipv6 && !peer[0].is_mesh);
	assert_int_equal(peer[0].import, IMPORT_ALL);
	assert_int_equal(peer[0].export, EXPORT_NONE);
	assert_int_equal(peer[0].hold_time_s, 3);
	assert_int_equal(peer[0].source, CONNECT_FROM_NODE);
	assert_int_equal(peer[0].restart_time_s, 4095);
	assert_int_equal(peer[0].ttl_security, 255);
	assert_int_equal(peer[0].local_as, 65001);
	assert_int_equal(peer[0].allow_own_as, 2);
	assert_int_equal(peer[0].next_hop, NEXT_HOP_KEEP);
	assert_int_equal(peer[0].extended_next_hop, EXTENDED_NEXT_HOP_NEVER);
	assert_int_equal(peer[0].max_routes, 2000000);
	assert_true(peer[0].max_routes_close);
	assert_string_equal(peer[0].password_file, "/etc/key");
	assert_true(peer[1].is_range && peer[1].passive && peer[1].reflector_client);
	assert_true(peer[1].ipv4 && peer[1].ipv6);
	assert_prefix(&peer[1].range, "198.51.100.0/24");
	assert_int_equal(peer[1].import, IMPORT_NONE);
	assert_int_equal(peer[1].export, EXPORT_ALL);
	assert_int_equal(peer[1].hold_time_s, 90);
	assert_int_equal(peer[1].source, CONNECT_FROM_ROUTE);
	assert_int_equal(peer[1].restart_time_s, 0);
	assert_int_equal(peer[1].ttl_security, 0);
	assert_int_equal(peer[1].local_as, 64512);
	assert_int_equal(peer[1].allow_own_as, 0);
	assert_int_equal(peer[1].next_hop, NEXT_HOP_AUTO);
	assert_int_equal(peer[1].extended_next_hop, EXTENDED_NEXT_HOP_AUTO);
	assert_int_equal(peer[1].max_routes, 0);
	assert_false(peer[1].max_routes_close);
	config_free(config);
}

static void the_mesh_has_its_own_way_with_next_hops(void **state)
{
	struct config *config = parse(NODE "bgp:\n"
					   "  mesh_extended_next_hop: always\n"
					   "  mesh: [192.0.2.1, 192.0.2.2]\n"
					   "  peers: [{address: 192.0.2.9, as: 1}]\n");

	assert_int_equal(config->bgp.peer_count, 2); /* without this node */
	assert_true(config->bgp.peer[0].is_mesh);
	assert_int_equal(config->bgp.peer[0].extended_next_hop, EXTENDED_NEXT_HOP_ALWAYS);
	assert_int_equal(config->bgp.peer[1].extended_next_hop, EXTENDED_NEXT_HOP_AUTO);
	config_free(config);
}

static void listen_takes_ports_and_may_be_empty(void **state)
{
	struct config *config = parse(NODE "bgp: {listen: [192.0.2.1:1179, \"[2001:db8::1]:1180\","
					   " \"2001:db8::2\", \"[2001:db8::3]\", 0.0.0.0]}\n");

	assert_int_equal(config->bgp.listen_count, 5);
	assert_addr(&config->bgp.listen[0].addr, "192.0.2.1");
	assert_int_equal(config->bgp.listen[0].port, 1179);
	assert_addr(&config->bgp.listen[1].addr, "2001:db8::1");
	assert_int_equal(config->bgp.listen[1].port, 1180);
	assert_addr(&config->bgp.listen[2].addr, "2001:db8::2");
	assert_int_equal(config->bgp.listen[2].port, 179);
	assert_addr(&config->bgp.listen[3].addr, "2001:db8::3");
	assert_addr(&config->bgp.listen[4].addr, "0.0.0.0");
	config_free(config);
	config = parse(NODE "bgp: {listen: []}\n");
	assert_int_equal(config->bgp.listen_count, 0);
	config_free(config);
}

static void as_many_routes_as_promised_are_read(void **state)
{
	size_t i, len = 0, size = 64 * (CONFIG_ROUTES_MAX + 2);
	char *text = malloc(size);
	struct config *config;

	assert_non_null(text);
	len += (size_t)snprintf(text + len, size - len, NODE "routes:\n");
	for (i = 0; i < CONFIG_ROUTES_MAX; i++)
		len += (size_t)snprintf(text + len, size - len,
					"- {prefix: 10.%zu.%zu.0/26, via: 192.0.2.2}\n", i >> 8,
					i & 255);
	config = parse(text);
	assert_int_equal(config->route_count, CONFIG_ROUTES_MAX);
	assert_prefix(&config->route[CONFIG_ROUTES_MAX - 1].prefix, "10.63.255.0/26");
	config_free(config);
	free(text);
}

static void load_says_what_open_says(void **state)
{
	struct config *config = NULL;
	struct config_error error;

	assert_int_equal(config_load("/nonexistent/x.yaml", &config, &error), -ENOENT);
	assert_int_equal(error.line, 0);
	assert_int_equal(config_load("/dev/null", &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "regular file"));
	assert_int_equal(config_load("/", &config, &error), -EINVAL);
	assert_null(config);
}

static void load_reads_a_file(void **state)
{
	char path[] = "/tmp/tortie-test-config-XXXXXX";
	struct config_error error;
	struct config *config = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, NODE, strlen(NODE)), strlen(NODE));
	assert_int_equal(config_load(path, &config, &error), 0);
	assert_string_equal(config->file, path);
	config_free(config);
	assert_int_equal(ftruncate(fd, CONFIG_BYTES_MAX + 1), 0);
	assert_int_equal(config_load(path, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "1 MiB"));
	close(fd);
	unlink(path);
}

static void a_fifo_in_the_files_place_does_not_hang(void **state)
{
	char path[] = "/tmp/tortie-test-config-XXXXXX";
	struct config_error error;
	struct config *config = NULL;

	assert_non_null(mkdtemp(path));
	assert_int_equal(chdir(path), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(config_load("fifo", &config, &error), -EINVAL);
	assert_int_equal(unlink("fifo"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_input_is_refused_with_place_and_words),
		cmocka_unit_test(a_nul_octet_is_refused),
		cmocka_unit_test(a_file_larger_than_1_mib_is_refused),
		cmocka_unit_test(the_smallest_file_gets_all_defaults),
		cmocka_unit_test(every_key_outside_bgp_reaches_its_field),
		cmocka_unit_test(an_empty_bgp_part_means_all_its_defaults),
		cmocka_unit_test(the_mesh_leaves_out_own_addresses),
		cmocka_unit_test(every_key_of_a_peer_reaches_its_field),
		cmocka_unit_test(the_mesh_has_its_own_way_with_next_hops),
		cmocka_unit_test(listen_takes_ports_and_may_be_empty),
		cmocka_unit_test(as_many_routes_as_promised_are_read),
		cmocka_unit_test(load_says_what_open_says),
		cmocka_unit_test(load_reads_a_file),
		cmocka_unit_test(a_fifo_in_the_files_place_does_not_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
