/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_filter.c: what rules make of routes. The meaning of each condition is that of Calico's
 * BGPFilter (api/v3/bgpfilter.go and what its templates give to BIRD), in the words of our file.
 *
 * Rules are written as in the file; a route is a line of words: a prefix, then "path AS...",
 * "pref N", "med N", "own", "ebgp", "via ADDRESS", communities "A:B" and "A:B:C".
 *
 * links: bgp/filter.c bgp/communities.c bgp/link_table.c bgp/attributes.c bgp/as_path.c
 * links: bgp/message.c bgp/capability.c lib/wire.c lib/ip_prefix.c tests/unit/bgp/hex.c
 * links: lib/next_hops.c lib/config*.c
 * libs: -lyaml
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/communities.h"
#include "bgp/filter.h"
#include "lib/config_parts.h"
#include "lib/ip_prefix.h"
#include "tests/unit/bgp/hex.h"

static struct attribute_draft draft;

static struct config *parse(const char *filters, const char *names)
{
	struct config_error error;
	struct config *config;
	char text[4096];
	int len = snprintf(text, sizeof(text),
			   "node: {addresses: [192.0.2.1]}\n"
			   "bgp:\n"
			   "  peers: [{address: 192.0.2.2, as: 65001, filters: %s}]\n"
			   "  filters:\n%s",
			   names, filters);

	if (config_parse(text, (size_t)len, "test", &config, &error) < 0) {
		print_error("%u:%u: %s\n%s", error.line, error.column, error.text, text);
		abort();
	}
	return config;
}

/* The filter "f" with one list. */
static struct filter *filter_of(const char *list, const char *rules)
{
	char text[2048];
	struct filter *filter;
	struct config *config;

	snprintf(text, sizeof(text), "    - {name: f, %s: [%s]}\n", list, rules);
	config = parse(text, "[f]");
	assert_int_equal(filter_new(&config->bgp, &config->bgp.peer[0], &filter), 0);
	config_free(config);
	return filter;
}

struct subject {
	struct ip_prefix prefix;
	struct filter_route route;
};

static void take_word(struct subject *subject, const char *word, char **rest)
{
	struct attribute_values *values = &draft.values;
	struct config_community community;

	if (strcmp(word, "own") == 0) {
		subject->route.is_own = true;
	} else if (strcmp(word, "ebgp") == 0) {
		subject->route.is_ebgp = true;
	} else if (strcmp(word, "pref") == 0) {
		values->local_pref = (uint32_t)strtoul(strtok_r(NULL, " ", rest), NULL, 10);
		values->present |= HAS_LOCAL_PREF;
	} else if (strcmp(word, "via") == 0) {
		values->next_hop = addr_of(strtok_r(NULL, " ", rest));
	} else if (config_community_parse(word, &community)) {
		assert_true(communities_add(&draft, &community));
	} else { /* a path is written last one first */
		assert_true(attributes_prepend_as(&draft, (uint32_t)strtoul(word, NULL, 10)));
	}
}

static void subject_make(struct subject *subject, const char *words)
{
	char text[256], *rest, *word;

	*subject = (struct subject){ 0 };
	attributes_start(&draft);
	snprintf(text, sizeof(text), "%s", words);
	subject->prefix = prefix_of(strtok_r(text, " ", &rest));
	while ((word = strtok_r(NULL, " ", &rest)))
		take_word(subject, word, &rest);
	subject->route.prefix = &subject->prefix;
}

static enum filter_verdict run(const struct filter *filter, struct subject *subject)
{
	struct filter_mask mask;

	filter_match(filter, subject->route.direction, &subject->prefix, &mask);
	subject->route.mask = &mask;
	return filter_run(filter, &subject->route, &draft);
}

static enum filter_verdict verdict_on(const char *list, const char *rules, const char *words)
{
	struct filter *filter = filter_of(list, rules);
	struct subject subject;
	enum filter_verdict verdict;

	subject_make(&subject, words);
	subject.route.direction = strncmp(list, "export", 6) == 0 ? FILTER_EXPORT : FILTER_IMPORT;
	verdict = run(filter, &subject);
	filter_unref(filter);
	return verdict;
}

/* A rule that accepts when its conditions hold. */
static const struct {
	const char *list, *conditions, *route;
	bool holds;
} condition_rows[] = {
	/* cidr In: inside or equal */
	{ "import_v4", "cidr: 10.0.0.0/8, operator: in", "10.0.0.0/8", true },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: in", "10.1.2.0/24", true },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: in", "11.0.0.0/8", false },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: in", "0.0.0.0/0", false },
	{ "import_v4", "cidr: 10.0.0.0/8", "10.1.2.0/24", true },
	{ "import_v4", "cidr: 0.0.0.0/0", "10.1.2.0/24", true },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: not-in", "10.1.2.0/24", false },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: not-in", "10.0.0.0/8", false },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: not-in", "11.0.0.0/8", true },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: equal", "10.0.0.0/8", true },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: equal", "10.0.0.0/9", false },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: not-equal", "10.0.0.0/8", false },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: not-equal", "10.0.0.0/9", true },
	/* prefixLength */
	{ "import_v4", "cidr: 10.0.0.0/8, length: [16, 24]", "10.1.0.0/16", true },
	{ "import_v4", "cidr: 10.0.0.0/8, length: [16, 24]", "10.1.2.0/24", true },
	{ "import_v4", "cidr: 10.0.0.0/8, length: [16, 24]", "10.0.0.0/15", false },
	{ "import_v4", "cidr: 10.0.0.0/8, length: [16, 24]", "10.1.2.128/25", false },
	{ "import_v4", "cidr: 10.0.0.0/8, length: [16, 24]", "11.1.0.0/16", false },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: not-in, length: [16, 24]", "10.0.0.0/8", true },
	{ "import_v4", "cidr: 10.0.0.0/8, operator: not-in, length: [16, 24]", "10.1.0.0/16",
	  false },
	{ "import_v6", "cidr: \"fd00::/8\", length: [48, 64]", "fd00:1::/48", true },
	{ "import_v6", "cidr: \"fd00::/8\", length: [48, 64]", "fd00:1::1/128", false },
	{ "import_v6", "cidr: \"fd00::/8\", operator: equal", "fd00::/8", true },
	/* a list is for its family */
	{ "import_v4", "source: peers", "fd00::/8", false },
	{ "import_v6", "source: peers", "10.0.0.0/8", false },
	/* source */
	{ "export_v4", "source: peers", "10.1.0.0/16", true },
	{ "export_v4", "source: peers", "10.1.0.0/16 own", false },
	{ "export_v4", "source: own", "10.1.0.0/16", false },
	{ "export_v4", "source: own", "10.1.0.0/16 own", true },
	/* peerType */
	{ "import_v4", "peer_type: ebgp", "10.1.0.0/16 ebgp", true },
	{ "import_v4", "peer_type: ebgp", "10.1.0.0/16", false },
	{ "import_v4", "peer_type: ibgp", "10.1.0.0/16 ebgp", false },
	{ "import_v4", "peer_type: ibgp", "10.1.0.0/16", true },
	/* communities */
	{ "import_v4", "community: \"65000:100\"", "10.1.0.0/16 65000:100", true },
	{ "import_v4", "community: 65000:100", "10.1.0.0/16 65000:7 65000:100", true },
	{ "import_v4", "community: 65000:100", "10.1.0.0/16 65000:7", false },
	{ "import_v4", "community: 65000:100", "10.1.0.0/16", false },
	{ "import_v4", "community: 65000:100:999", "10.1.0.0/16 65000:100:999", true },
	{ "import_v4", "community: 65000:100:999", "10.1.0.0/16 65000:100", false },
	/* asPathPrefix: [= 65000 65001 * =] */
	{ "import_v4", "as_path_prefix: [65000]", "10.1.0.0/16 65000", true },
	{ "import_v4", "as_path_prefix: [65000]", "10.1.0.0/16 65001 65000", true },
	{ "import_v4", "as_path_prefix: [65000]", "10.1.0.0/16 65000 65001", false },
	{ "import_v4", "as_path_prefix: [65000, 65001]", "10.1.0.0/16 65002 65001 65000", true },
	{ "import_v4", "as_path_prefix: [65000, 65001]", "10.1.0.0/16 65000", false },
	{ "import_v4", "as_path_prefix: [65000]", "10.1.0.0/16", false },
	/* priority: LOCAL_PREF is 2147483647 less it; 1024 is that of the node's own */
	{ "export_v4", "priority: 100", "10.1.0.0/16 pref 2147483547", true },
	{ "export_v4", "priority: 100", "10.1.0.0/16 pref 2147483447", false },
	{ "export_v4", "priority: 100", "10.1.0.0/16", false },
	{ "export_v4", "priority: 1024", "10.1.0.0/16 own", true },
	{ "export_v4", "priority: 1024", "10.1.0.0/16", false },
	{ "export_v4", "priority: 1024", "10.1.0.0/16 pref 2147482623", true },
	/* interface: no link is known here but those of the table below */
	{ "import_v4", "interface: eth0", "10.1.0.0/16 via 198.51.100.7", true },
	{ "import_v4", "interface: eth0", "10.1.0.0/16 via 203.0.113.7", false },
	{ "import_v4", "interface: \"eth*\"", "10.1.0.0/16 via 203.0.113.7", true },
	{ "import_v4", "interface: \"eth?\"", "10.1.0.0/16 via 203.0.113.7", true },
	{ "import_v4", "interface: \"eth*\"", "10.1.0.0/16 via 192.0.2.9", false },
	{ "export_v4", "interface: \"*\"", "10.1.0.0/16 own", false },
	/* all together */
	{ "import_v4",
	  "cidr: 10.244.0.0/16, length: [24, 28], peer_type: ibgp, community: 65000:100, "
	  "as_path_prefix: [65000], priority: 512, interface: eth0",
	  "10.244.5.0/24 65000 65000:100 pref 2147483135 via 198.51.100.7", true },
	{ "import_v4",
	  "cidr: 10.244.0.0/16, length: [24, 28], peer_type: ibgp, community: 65000:100, "
	  "as_path_prefix: [65000], priority: 512, interface: eth0",
	  "10.244.5.0/24 65000 65000:100 pref 2147483134 via 198.51.100.7", false },
};

static struct link_row link_rows[] = {
	{ .name = "eth0" },
	{ .name = "eth1" },
	{ .name = "wide" },
};

static const struct link_table links = { 1, link_rows, 3 };

static void each_condition_means_what_calicos_does(void **state)
{
	link_rows[0].subnet = prefix_of("198.51.100.0/24");
	link_rows[1].subnet = prefix_of("203.0.113.0/24");
	link_rows[2].subnet = prefix_of("203.0.0.0/8");
	for (size_t i = 0; i < sizeof(condition_rows) / sizeof(condition_rows[0]); i++) {
		struct subject subject;
		struct filter *filter;
		char rule[512];
		bool holds;

		snprintf(rule, sizeof(rule), "{%s, action: accept}", condition_rows[i].conditions);
		filter = filter_of(condition_rows[i].list, rule);
		subject_make(&subject, condition_rows[i].route);
		subject.route.links = &links;
		subject.route.direction =
			condition_rows[i].list[0] == 'e' ? FILTER_EXPORT : FILTER_IMPORT;
		holds = run(filter, &subject) == FILTER_ACCEPTED;
		if (holds != condition_rows[i].holds)
			print_error("%s: %s\n", rule, condition_rows[i].route);
		assert_int_equal(holds, condition_rows[i].holds);
		filter_unref(filter);
	}
}

static void the_first_rule_that_holds_decides(void **state)
{
	const char *rules = "{cidr: 10.1.0.0/16, action: reject}, {cidr: 10.0.0.0/8, action: "
			    "accept}";

	assert_int_equal(verdict_on("import_v4", rules, "10.1.2.0/24"), FILTER_REJECTED);
	assert_int_equal(verdict_on("import_v4", rules, "10.2.0.0/24"), FILTER_ACCEPTED);
	assert_int_equal(verdict_on("import_v4", rules, "11.2.0.0/24"), FILTER_UNDECIDED);
	assert_int_equal(verdict_on("import_v4", "{action: reject}", "11.2.0.0/24"),
			 FILTER_REJECTED);
}

static void lists_are_for_one_direction(void **state)
{
	struct filter *filter = filter_of("export_v4", "{action: reject}");
	struct subject subject;

	subject_make(&subject, "10.0.0.0/8");
	assert_int_equal(run(filter, &subject), FILTER_UNDECIDED);
	assert_true(filter_has_rules(filter, FILTER_EXPORT));
	assert_false(filter_has_rules(filter, FILTER_IMPORT));
	filter_unref(filter);
}

static void operations_are_done_in_their_order(void **state)
{
	struct filter *filter = filter_of(
		"import_v4",
		"{action: accept, operations: [{priority: 256}, {add_community: 65000:200}, "
		"{prepend: [65001, 65002]}, {add_community: 65000:300:400}, {med: 7}]}");
	struct subject subject;

	subject_make(&subject, "10.0.0.0/8 65009");
	assert_int_equal(run(filter, &subject), FILTER_ACCEPTED);
	assert_int_equal(draft.values.local_pref, 2147483391); /* as Calico's template has it */
	assert_int_equal(draft.values.present, HAS_LOCAL_PREF | HAS_MED);
	assert_int_equal(draft.values.med, 7);
	assert_true(subject.route.sets_med);
	assert_true(hex_equal("02 03 0000fde9 0000fdea 0000fdf1", draft.as_path,
			      draft.values.as_path_len));
	assert_true(hex_equal("c0 08 04 fde800c8 c0 20 0c 0000fde8 0000012c 00000190", draft.other,
			      draft.values.other_len));
	assert_true(filter->has_operations[FILTER_IMPORT]);
	assert_false(filter->has_operations[FILTER_EXPORT]);
	filter_unref(filter);
}

static void next_leaves_it_to_the_rules_behind_that_see_what_was_done(void **state)
{
	struct filter *filter =
		filter_of("export_v4", "{action: next, operations: [{add_community: 65000:1}, "
				       "{local_pref: 50}]}, "
				       "{community: 65000:1, cidr: 10.0.0.0/8, action: reject}");
	struct subject subject;

	subject_make(&subject, "10.1.0.0/16");
	subject.route.direction = FILTER_EXPORT;
	assert_int_equal(run(filter, &subject), FILTER_REJECTED);
	subject_make(&subject, "11.1.0.0/16");
	subject.route.direction = FILTER_EXPORT;
	assert_int_equal(run(filter, &subject), FILTER_UNDECIDED);
	assert_int_equal(draft.values.local_pref, 50);
	filter_unref(filter);
}

static void what_has_no_room_is_rejected(void **state)
{
	struct filter *filter =
		filter_of("import_v4", "{action: accept, operations: [{add_community: 65000:1}]}");
	struct subject subject;

	subject_make(&subject, "10.0.0.0/8");
	draft.values.other_len =
		(uint16_t)hex_parse("d0 63 0ff8 4088*07", draft.other, sizeof(draft.other));
	assert_int_equal(run(filter, &subject), FILTER_REJECTED);
	filter_unref(filter);
}

static void filters_of_a_peer_follow_each_other(void **state)
{
	struct config *config = parse("    - {name: a, import_v4: [{cidr: 10.1.0.0/16, action: "
				      "reject}]}\n"
				      "    - {name: b, import_v4: [{action: accept}]}\n",
				      "[a, b]");
	struct filter *filter;
	struct subject subject;

	assert_int_equal(filter_new(&config->bgp, &config->bgp.peer[0], &filter), 0);
	config_free(config);
	subject_make(&subject, "10.1.0.0/16");
	assert_int_equal(run(filter, &subject), FILTER_REJECTED);
	subject_make(&subject, "10.2.0.0/16");
	assert_int_equal(run(filter, &subject), FILTER_ACCEPTED);
	filter_unref(filter);
}

static void rules_of_equal_words_are_the_same(void **state)
{
	struct filter *a = filter_of("import_v4", "{cidr: 10.0.0.0/8, action: reject}");
	struct filter *b = filter_of("import_v4", "{action: reject, cidr: 10.0.0.0/8}");
	struct filter *c = filter_of("import_v4", "{action: accept, cidr: 10.0.0.0/8}");

	assert_true(filter_is_same(a, b, FILTER_IMPORT));
	assert_true(filter_is_same(a, c, FILTER_EXPORT));
	assert_true(filter_is_same(a, NULL, FILTER_EXPORT));
	assert_false(filter_is_same(a, c, FILTER_IMPORT));
	assert_false(filter_is_same(a, NULL, FILTER_IMPORT));
	assert_false(filter_is_same(NULL, a, FILTER_IMPORT));
	filter_unref(a);
	filter_unref(b);
	filter_unref(c);
}

static void a_mask_says_which_rules_are_for_a_prefix(void **state)
{
	struct ip_prefix inside = prefix_of("10.1.0.0/16"), beside = prefix_of("11.1.0.0/16");
	struct filter *filter = filter_of("import_v4", "{cidr: 10.0.0.0/8, action: reject}, "
						       "{community: 65000:1, action: accept}");
	struct filter_mask mask, other;

	filter_match(filter, FILTER_IMPORT, &inside, &mask);
	assert_int_equal(mask.word[0], 3);
	filter_match(filter, FILTER_IMPORT, &beside, &other);
	assert_int_equal(other.word[0], 2);
	assert_false(filter_mask_equal(&mask, &other));
	filter_match(NULL, FILTER_IMPORT, &inside, &other);
	assert_int_equal(other.word[0], 0);
	filter_unref(filter);
}

static void a_peer_without_rules_has_no_filter(void **state)
{
	struct config *config = parse("    - {name: a, import_v4: []}\n", "[a]");
	struct filter *filter = (void *)1;

	assert_int_equal(filter_new(&config->bgp, &config->bgp.peer[0], &filter), 0);
	assert_null(filter);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_means_what_calicos_does),
		cmocka_unit_test(the_first_rule_that_holds_decides),
		cmocka_unit_test(lists_are_for_one_direction),
		cmocka_unit_test(operations_are_done_in_their_order),
		cmocka_unit_test(next_leaves_it_to_the_rules_behind_that_see_what_was_done),
		cmocka_unit_test(what_has_no_room_is_rejected),
		cmocka_unit_test(filters_of_a_peer_follow_each_other),
		cmocka_unit_test(rules_of_equal_words_are_the_same),
		cmocka_unit_test(a_mask_says_which_rules_are_for_a_prefix),
		cmocka_unit_test(a_peer_without_rules_has_no_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
