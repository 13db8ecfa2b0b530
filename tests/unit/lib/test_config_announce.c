/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config_announce.c: bgp.announce and bgp.service_ranges (docs/configuration.md).
 *
 * links: lib/ip_prefix.c lib/next_hops.c lib/config*.c
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

#include "lib/config.h"
#include "lib/ip_prefix.h"

#define NODE                                               \
	"node: {addresses: [192.0.2.1, \"fd99::1\"]}\n"    \
	"nodes: [{name: other, addresses: [192.0.2.2]}]\n" \
	"pools: [{name: pods, cidr: 10.244.0.0/16, blocks: [10.244.1.0/24]}]\n"

static struct config *parse(const char *text, struct config_error *error)
{
	struct config *config = NULL;

	return config_parse(text, strlen(text), "test", &config, error) == 0 ? config : NULL;
}

static void assert_prefix(const struct ip_prefix *prefix, const char *expected)
{
	char text[IP_PREFIX_TEXT_MAX];

	assert_string_equal(ip_prefix_format(prefix, text, sizeof(text)), expected);
}

static void both_lists_are_read_and_sorted(void **state)
{
	struct config_error error;
	struct config *config = parse(
		NODE "bgp:\n"
		     "  announce: [198.51.100.9/32, \"fd96::/112\", 10.96.0.0/12, 10.96.0.0/16]\n"
		     "  service_ranges:\n"
		     "    - 203.0.113.0/24\n"
		     "    - 10.96.0.0/12\n",
		&error);

	assert_non_null(config);
	assert_int_equal(config->bgp.announce_count, 4);
	assert_prefix(&config->bgp.announce[0], "10.96.0.0/12");
	assert_prefix(&config->bgp.announce[1], "10.96.0.0/16");
	assert_prefix(&config->bgp.announce[2], "198.51.100.9/32");
	assert_prefix(&config->bgp.announce[3], "fd96::/112");
	assert_int_equal(config->bgp.service_range_count, 2);
	assert_prefix(&config->bgp.service_range[0], "10.96.0.0/12");
	config_free(config);
}

static void without_the_keys_or_with_empty_lists_there_is_nothing(void **state)
{
	static const char *const texts[] = { NODE "bgp: {}\n",
					     NODE "bgp: {announce: [], service_ranges: []}\n" };

	for (size_t i = 0; i < 2; i++) {
		struct config_error error;
		struct config *config = parse(texts[i], &error);

		assert_non_null(config);
		assert_int_equal(config->bgp.announce_count + config->bgp.service_range_count, 0);
		config_free(config);
	}
}

static const struct {
	const char *bgp;
	unsigned int column;
	const char *text;
} error_rows[] = {
	{ "bgp: {announce: 10.96.0.0/12}", 17, "bgp.announce: must be a list" },
	{ "bgp: {announce: [10.96.0.0/12, 10.96.0.1/12]}", 32, "bgp.announce[1]: " },
	{ "bgp: {announce: [10.96.0.0/12, 10.97.0.0/16, 10.96.0.0/12]}", 46,
	  "bgp.announce[2]: stands there twice" },
	{ "bgp: {announce: [10.244.1.0/24]}", 18,
	  "bgp.announce[0]: 10.244.1.0/24: is a block of this node" },
	{ "bgp: {announce: [127.0.0.0/16]}", 18, "overlaps 127.0.0.0/8" },
	{ "bgp: {announce: [0.0.0.0/0]}", 18, "overlaps 0.0.0.0/8" },
	{ "bgp: {service_ranges: [10.96.0.0/12, 10.244.7.0/24]}", 38,
	  "bgp.service_ranges[1]: 10.244.7.0/24: overlaps pool pods" },
	{ "bgp: {service_ranges: [10.0.0.0/8]}", 24, "overlaps pool pods" },
	{ "bgp: {service_ranges: [192.0.2.0/31]}", 24, "holds 192.0.2.1, an address of a node" },
	{ "bgp: {service_ranges: [192.0.2.2/32]}", 24, "holds 192.0.2.2, an address of a node" },
	{ "bgp: {service_ranges: [\"fd99::/64\"]}", 24, "holds fd99::1, an address of a node" },
	{ "bgp: {service_ranges: [\"::/0\"]}", 24, "overlaps ::/127" },
	{ "bgp: {service_ranges: [10.96.0.0/12, 10.96.0.0/12]}", 38, "stands there twice" },
};

static void what_cannot_be_is_refused_at_its_place(void **state)
{
	for (size_t i = 0; i < sizeof(error_rows) / sizeof(error_rows[0]); i++) {
		struct config_error error;
		char text[512];

		snprintf(text, sizeof(text), "%s%s\n", NODE, error_rows[i].bgp);
		assert_null(parse(text, &error));
		if (!strstr(error.text, error_rows[i].text) || error.line != 4 ||
		    error.column != error_rows[i].column)
			fail_msg("%s: %u:%u: %s", error_rows[i].bgp, error.line, error.column,
				 error.text);
	}
}

/* A list of @count prefixes of one address each. */
static char *make_text(const char *key, size_t count)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "%sbgp: {%s: [", NODE, key);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s10.%zu.%zu.%zu/32", i ? ", " : "", 96 + (i >> 16), i >> 8 & 255,
			i & 255);
	fprintf(out, "]}\n");
	assert_int_equal(fclose(out), 0);
	return text;
}

static void both_lists_have_a_bound(void **state)
{
	static const struct {
		const char *key;
		size_t max;
	} rows[] = { { "announce", CONFIG_ANNOUNCE_MAX },
		     { "service_ranges", CONFIG_SERVICE_RANGES_MAX } };

	for (size_t i = 0; i < 2; i++) {
		struct config_error error;
		char *most = make_text(rows[i].key, rows[i].max);
		char *more = make_text(rows[i].key, rows[i].max + 1);
		struct config *config = parse(most, &error);

		assert_non_null(config);
		config_free(config);
		assert_null(parse(more, &error));
		assert_non_null(strstr(error.text, "entries; at most"));
		free(most);
		free(more);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_lists_are_read_and_sorted),
		cmocka_unit_test(without_the_keys_or_with_empty_lists_there_is_nothing),
		cmocka_unit_test(what_cannot_be_is_refused_at_its_place),
		cmocka_unit_test(both_lists_have_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
