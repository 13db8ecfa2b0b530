/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config_filters.c: bgp.filters and the keys that name them (docs/configuration.md).
 *
 * links: lib/ip_prefix.c lib/next_hops.c lib/config*.c
 * libs: -lyaml
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config_parts.h"
#include "lib/ip_prefix.h"

#define NODE "node: {addresses: [192.0.2.1]}\n"

static struct config *parse(const char *text)
{
	struct config_error error;
	struct config *config;

	if (config_parse(text, strlen(text), "test", &config, &error) < 0) {
		print_error("%u:%u: %s\n", error.line, error.column, error.text);
		abort();
	}
	return config;
}

static void every_key_reaches_its_field(void **state)
{
	struct config *config =
		parse(NODE "bgp:\n"
			   "  peers: [{address: 192.0.2.2, as: 65001, filters: [b, a]}]\n"
			   "  mesh: [192.0.2.1, 192.0.2.3, 192.0.2.4]\n"
			   "  mesh_filters: [b]\n"
			   "  filters:\n"
			   "  - {name: a, export_v6: [{action: accept}]}\n"
			   "  - name: b\n"
			   "    import_v4:\n"
			   "    - cidr: 10.0.0.0/8\n"
			   "      operator: not-equal\n"
			   "      length: [16, 24]\n"
			   "      source: peers\n"
			   "      interface: \"eth*\"\n"
			   "      peer_type: ibgp\n"
			   "      community: 65535:0\n"
			   "      as_path_prefix: [65000, 4294967295]\n"
			   "      priority: 2147483646\n"
			   "      action: next\n"
			   "      operations:\n"
			   "      - add_community: 1:2:4294967295\n"
			   "      - prepend: [65000, 65001]\n"
			   "      - priority: 1\n"
			   "      - local_pref: 4294967295\n"
			   "      - med: 0\n"
			   "    - {cidr: 10.0.0.0/8, action: reject}\n");
	const struct config_bgp *bgp = &config->bgp;
	const struct config_rule *rule = bgp->filter[1].list[FILTER_IMPORT][0].rule;

	assert_int_equal(bgp->filter_count, 2);
	assert_string_equal(bgp->filter[1].name, "b");
	assert_int_equal(bgp->filter[0].list[FILTER_EXPORT][1].count, 1);
	assert_int_equal(bgp->filter[1].list[FILTER_IMPORT][0].count, 2);
	assert_int_equal(rule->prefix_operator, RULE_NOT_EQUAL);
	assert_int_equal(rule->length_min, 112);
	assert_int_equal(rule->length_max, 120);
	assert_int_equal(rule->source, RULE_FROM_PEERS);
	assert_string_equal(rule->interface, "eth*");
	assert_int_equal(rule->peer_type, RULE_IBGP);
	assert_true(rule->has_community && !rule->community.is_large);
	assert_int_equal(rule->community.part[0], 65535);
	assert_int_equal(rule->as_count, 2);
	assert_int_equal(rule->as[1], 4294967295u);
	assert_int_equal(rule->priority, 2147483646);
	assert_int_equal(rule->action, RULE_NEXT);
	assert_int_equal(rule->operation_count, 5);
	assert_int_equal(rule->operation[0].kind, RULE_ADD_COMMUNITY);
	assert_true(rule->operation[0].community.is_large);
	assert_int_equal(rule->operation[0].community.part[2], 4294967295u);
	assert_int_equal(rule->operation[1].kind, RULE_PREPEND);
	assert_int_equal(rule->operation[1].as_count, 2);
	assert_int_equal(rule->operation[2].kind, RULE_SET_PRIORITY);
	assert_int_equal(rule->operation[3].kind, RULE_SET_LOCAL_PREF);
	assert_int_equal(rule->operation[3].value, 4294967295u);
	assert_int_equal(rule->operation[4].kind, RULE_SET_MED);
	/* the second has what is taken when nothing is said */
	assert_int_equal(rule[1].prefix_operator, RULE_IN);
	assert_int_equal(rule[1].length_min, 104);
	assert_int_equal(rule[1].length_max, 128);
	assert_int_equal(rule[1].action, RULE_REJECT);
	/* the mesh, then the peers */
	assert_int_equal(bgp->peer_count, 3);
	assert_int_equal(bgp->peer[0].filter_count, 1);
	assert_int_equal(bgp->peer[1].filter_count, 1);
	assert_int_equal(bgp->peer[1].filter[0], 1);
	assert_int_equal(bgp->peer[2].filter_count, 2);
	assert_int_equal(bgp->peer[2].filter[0], 1);
	assert_int_equal(bgp->peer[2].filter[1], 0);
	config_free(config);
}

/* RULE goes into a list for IPv4. */
#define RULE(text)	NODE "bgp: {filters: [{name: f, import_v4: [{" text "}]}]}\n"
#define OPERATION(text) RULE("action: accept, operations: [" text "]")

static const struct {
	const char *text, *words[3];
} error_rows[] = {
	{ NODE "bgp: {filters: {}}\n", { "bgp.filters", "must be a list" } },
	{ NODE "bgp: {filters: [{import_v4: []}]}\n", { "bgp.filters[0]", "needs name" } },
	{ NODE "bgp: {filters: [{name: a}, {name: a}]}\n", { "filters[1]", "another filter" } },
	{ NODE "bgp: {filters: [{name: a, importV4: []}]}\n", { "unknown key importV4" } },
	{ NODE "bgp: {mesh_filters: [a]}\n", { "bgp.mesh_filters", "a: bgp.filters has no such" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, filters: [\"a\\n\"]}]}\n",
	  { "bgp.peers[0].filters", "not a filter's name" } },
	{ NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, filters: a}]}\n", { "must be a list" } },
	{ RULE("cidr: 10.0.0.0/8"), { "import_v4[0]", "needs action" } },
	{ RULE("action: maybe"), { "import_v4[0].action", "accept reject next" } },
	{ RULE("cidr: \"fd00::/8\", action: accept"), { "fd00::/8", "address family" } },
	{ RULE("operator: in, action: accept"), { "operator", "needs cidr" } },
	{ RULE("length: [8, 9], action: accept"), { "length", "needs cidr" } },
	{ RULE("cidr: 10.0.0.0/8, length: [8], action: accept"), { "length", "[MIN, MAX]" } },
	{ RULE("cidr: 10.0.0.0/8, length: [9, 8], action: accept"), { "9 is more than 8" } },
	{ RULE("cidr: 10.0.0.0/8, length: [8, 33], action: accept"), { "33", "at most 32" } },
	{ RULE("cidr: 10.0.0.1/8, action: accept"), { "cidr", "beyond the length" } },
	{ RULE("cidr: 10.0.0.0/8, operator: near, action: accept"), { "in not-in equal" } },
	{ RULE("source: me, action: accept"), { "peers own" } },
	{ RULE("peer_type: any, action: accept"), { "ebgp ibgp" } },
	{ RULE("interface: a/b, action: accept"), { "interface", "link's name" } },
	{ RULE("interface: a234567890123456, action: accept"), { "interface", "15" } },
	{ RULE("community: 1, action: accept"), { "community", "A:B" } },
	{ RULE("community: 1:65536, action: accept"), { "community", "A:B" } },
	{ RULE("community: 1:2:3:4, action: accept"), { "community", "A:B" } },
	{ RULE("community: 01:2, action: accept"), { "community", "A:B" } },
	{ RULE("community: \"1:\", action: accept"), { "community", "A:B" } },
	{ RULE("community: 1:2:4294967296, action: accept"), { "community", "A:B" } },
	{ RULE("as_path_prefix: [], action: accept"), { "as_path_prefix", "is empty" } },
	{ RULE("as_path_prefix: [0], action: accept"), { "as_path_prefix[0]", "from 1" } },
	{ RULE("as_path_prefix: [1,2,3,4,5,6,7,8,9,10,11], action: accept"), { "at most 10" } },
	{ RULE("priority: 0, action: accept"), { "priority", "from 1" } },
	{ RULE("priority: 2147483647, action: accept"), { "priority", "2147483646" } },
	{ RULE("action: reject, operations: [{med: 1}]"), { "operations", "rejects has none" } },
	{ OPERATION("{}"), { "operations[0]", "exactly one" } },
	{ OPERATION("{med: 1, local_pref: 1}"), { "operations[0]", "exactly one" } },
	{ OPERATION("{prepend: []}"), { "prepend", "is empty" } },
	{ OPERATION("{priority: 0}"), { "priority", "from 1" } },
	{ OPERATION("{remove: 1}"), { "unknown key remove" } },
};

static void what_makes_no_sense_is_refused_with_its_place(void **state)
{
	for (size_t i = 0; i < sizeof(error_rows) / sizeof(error_rows[0]); i++) {
		struct config_error error;
		struct config *config;

		assert_int_equal(config_parse(error_rows[i].text, strlen(error_rows[i].text),
					      "test", &config, &error),
				 -EINVAL);
		for (int k = 0; k < 3 && error_rows[i].words[k]; k++) {
			if (!strstr(error.text, error_rows[i].words[k]))
				print_error("%s%s\n", error_rows[i].text, error.text);
			assert_non_null(strstr(error.text, error_rows[i].words[k]));
		}
		assert_true(error.line > 0);
	}
}

/* @filters filters of @rules rules each, all named by one peer. */
static int parse_many(size_t filters, size_t rules, struct config_error *ret_error)
{
	struct config *config = NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int err;

	assert_non_null(out);
	fprintf(out, NODE "bgp:\n  filters:\n");
	for (size_t i = 0; i < filters; i++) {
		fprintf(out, "  - {name: f%zu, export_v4: [{action: reject}", i);
		for (size_t k = 1; k < rules; k++)
			fprintf(out, ", {action: reject}");
		fprintf(out, "]}\n");
	}
	fprintf(out, "  peers: [{address: 192.0.2.2, as: 1, filters: [f0");
	for (size_t i = 1; i < filters && i < 4; i++)
		fprintf(out, ", f%zu", i);
	fprintf(out, "]}]\n");
	fclose(out);
	err = config_parse(text, len, "test", &config, ret_error);
	if (err == 0)
		config_free(config);
	free(text);
	return err;
}

static void rules_are_bounded_for_a_peer_and_in_all(void **state)
{
	struct config_error error;

	assert_int_equal(parse_many(4, 64, &error), 0);
	assert_int_equal(parse_many(4, 65, &error), -EINVAL);
	assert_non_null(strstr(error.text, "260 rules"));
	assert_int_equal(parse_many(1, 257, &error), -EINVAL);
	assert_int_equal(parse_many(64, 64, &error), 0);
	assert_int_equal(parse_many(65, 64, &error), -EINVAL);
	assert_non_null(strstr(error.text, "4096"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_reaches_its_field),
		cmocka_unit_test(what_makes_no_sense_is_refused_with_its_place),
		cmocka_unit_test(rules_are_bounded_for_a_peer_and_in_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
