/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of output_text.c, output_json.c and output_yaml.c over one document.
 *
 * links: tools/tortie/output.c tools/tortie/output_text.c tools/tortie/output_json.c
 * links: tools/tortie/output_yaml.c tools/tortie/document.c tools/tortie/say.c lib/ip_prefix.c
 * links: lib/mac.c
 * libs: -ljson-c -lyaml
 */
#include "tools/tortie/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include <json-c/json.h>
#include <yaml.h>

#include "tools/tortie/document.h"

static const struct output_column columns[] = {
	{ "NAME", "name", false, false },
	{ "COUNT", "count", false, true },
	{ "CIDRS", "cidrs", true, false },
};

static const struct output_view view = {
	.kind = "ThingList",
	.empty = "No things.",
	.columns = columns,
	.column_count = 3,
};

static struct json_object *thing(const char *name, uint64_t count)
{
	struct json_object *item = document_new_map(), *cidrs = document_new_list();

	document_set_words(item, "name", name);
	document_set_number(item, "count", count);
	document_add_words(cidrs, "10.0.0.0/24");
	document_add_words(cidrs, "fd00::/64");
	document_set(item, "cidrs", cidrs);
	return item;
}

/* What the printer writes; the caller frees. @items is given up. */
static char *printed(enum output_format format, bool is_boxed, struct json_object *items)
{
	struct output_view boxed = view;
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	boxed.is_boxed = is_boxed;
	assert_int_equal(output_list(stream, format, &boxed, items), 0);
	fclose(stream);
	json_object_put(items);
	return text;
}

static struct json_object *two_things(void)
{
	struct json_object *items = document_new_list();

	document_add(items, thing("a", 7));
	document_add(items, thing("caf\xc3\xa9", 12345678));
	return items;
}

static void check(enum output_format format, bool is_boxed, struct json_object *items,
		  const char *wanted)
{
	char *text = printed(format, is_boxed, items);

	assert_string_equal(text, wanted);
	free(text);
}

static void a_table_has_columns_two_spaces_apart(void **state)
{
	check(OUTPUT_TEXT, false, two_things(),
	      "NAME     COUNT\n"
	      "a            7\n"
	      "caf\xc3\xa9  12345678\n");
}

static void wide_tables_have_more_columns(void **state)
{
	check(OUTPUT_WIDE, false, two_things(),
	      "NAME     COUNT  CIDRS\n"
	      "a            7  10.0.0.0/24,fd00::/64\n"
	      "caf\xc3\xa9  12345678  10.0.0.0/24,fd00::/64\n");
}

/* The widest table there is, bgp_peers.c. */
static void a_table_of_17_columns_has_them_all(void **state)
{
	struct output_column many[17];
	struct output_view wide = { .kind = "ManyList", .columns = many, .column_count = 17 };
	struct json_object *items = document_new_list();
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	for (size_t i = 0; i < 17; i++)
		many[i] = (struct output_column){ i == 16 ? "LAST" : "X", "name", true, false };
	document_add(items, thing("a", 1));
	assert_int_equal(output_list(stream, OUTPUT_WIDE, &wide, items), 0);
	fclose(stream);
	assert_non_null(strstr(text, "  LAST\n"));
	json_object_put(items);
	free(text);
}

static void boxed_tables_look_as_calicoctl_prints_them(void **state)
{
	check(OUTPUT_TEXT, true, two_things(),
	      "+------+----------+\n"
	      "| NAME |    COUNT |\n"
	      "+------+----------+\n"
	      "| a    |        7 |\n"
	      "| caf\xc3\xa9 | 12345678 |\n"
	      "+------+----------+\n");
}

static void an_empty_list_is_a_sentence(void **state)
{
	check(OUTPUT_TEXT, false, document_new_list(), "No things.\n");
}

static void absent_and_empty_cells_are_dashes(void **state)
{
	struct json_object *items = document_new_list(), *item = document_new_map();

	document_set_words(item, "name", "");
	document_set(item, "count", NULL);
	document_set(item, "cidrs", document_new_list());
	document_add(items, item);
	check(OUTPUT_WIDE, false, items,
	      "NAME  COUNT  CIDRS\n"
	      "-         -  -\n");
}

static char *printed_in_parts(enum output_format format, size_t items_at_once)
{
	struct json_object *items = two_things(), *part;
	struct output_parts parts;
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	document_add(items, thing("z", 0));
	output_begin(&parts, stream, format, &view);
	output_measure(&parts, items);
	for (size_t at = 0; at < 3;) {
		part = document_new_list();
		for (size_t i = 0; i < items_at_once && at < 3; i++, at++)
			document_add(part, json_object_get(json_object_array_get_idx(items, at)));
		assert_int_equal(output_part(&parts, part), 0);
		json_object_put(part);
	}
	assert_int_equal(output_end(&parts), 0);
	fclose(stream);
	json_object_put(items);
	return text;
}

static void a_list_in_parts_is_the_same_as_in_one(void **state)
{
	static const enum output_format formats[] = { OUTPUT_TEXT, OUTPUT_WIDE, OUTPUT_JSON,
						      OUTPUT_YAML };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		char *whole = printed_in_parts(formats[i], 3);

		for (size_t n = 1; n < 3; n++) {
			char *parts = printed_in_parts(formats[i], n);

			assert_string_equal(parts, whole);
			free(parts);
		}
		free(whole);
	}
}

/* The frame that kubectl and calicoctl print, indented by two. */
static void json_and_yaml_have_their_frame_also_without_an_item(void **state)
{
	struct json_object *items = document_new_list();

	document_add(items, thing("a", 7));
	check(OUTPUT_JSON, false, items,
	      "{\n  \"kind\": \"ThingList\",\n  \"items\": [\n    {\n      \"name\": \"a\",\n"
	      "      \"count\": 7,\n      \"cidrs\": [\n        \"10.0.0.0/24\",\n"
	      "        \"fd00::/64\"\n      ]\n    }\n  ]\n}\n");
	items = document_new_list();
	document_add(items, thing("a", 7));
	check(OUTPUT_YAML, false, items,
	      "kind: ThingList\nitems:\n- name: a\n  count: 7\n  cidrs:\n  - 10.0.0.0/24\n"
	      "  - fd00::/64\n");
	check(OUTPUT_JSON, false, document_new_list(),
	      "{\n  \"kind\": \"ThingList\",\n  \"items\": []\n}\n");
	check(OUTPUT_YAML, false, document_new_list(), "kind: ThingList\nitems: []\n");
}

static void json_is_a_list_with_its_kind(void **state)
{
	char *text = printed(OUTPUT_JSON, false, two_things());
	struct json_object *document = json_tokener_parse(text), *items, *item;

	assert_non_null(document);
	assert_string_equal(document_get_words(document, "kind"), "ThingList");
	items = json_object_object_get(document, "items");
	assert_int_equal(json_object_array_length(items), 2);
	item = json_object_array_get_idx(items, 1);
	assert_string_equal(document_get_words(item, "name"), "caf\xc3\xa9");
	assert_int_equal(document_get_number(item, "count"), 12345678);
	json_object_put(document);
	free(text);
}

static void json_of_hostile_names_is_valid(void **state)
{
	static const char *const names[] = { "\x1b]0;x\x07", "a\"b\\c", "\xff\xfe", "\xc2\x9b",
					     "</script>" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct json_object *items = document_new_list(), *document;
		char *text;

		document_add(items, thing(names[i], 1));
		text = printed(OUTPUT_JSON, false, items);
		document = json_tokener_parse(text);
		assert_non_null(document);
		for (const char *at = text; *at; at++)
			assert_false((unsigned char)*at < 0x20 && *at != '\n');
		assert_null(strchr(text, '\xff'));
		json_object_put(document);
		free(text);
	}
}

/* Every text must be read back as that text by a YAML 1.1 reader, so what could be a number, a
 * time, a boolean or null there is in quotes (https://yaml.org/type/). */
static void yaml_quotes_what_would_be_read_as_something_else(void **state)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{ "web-0", "web-0" },
		{ "10.244.1.5", "10.244.1.5" },
		{ "10.244.1.0/24", "10.244.1.0/24" },
		{ "fd00:244::5", "fd00:244::5" },
		{ "no", "\"no\"" },
		{ "True", "\"True\"" },
		{ "null", "\"null\"" },
		{ "", "\"\"" },
		{ "12", "\"12\"" },
		{ "1.5", "\"1.5\"" },
		{ "1e3", "\"1e3\"" },
		{ "12:34:56:07:08:09", "\"12:34:56:07:08:09\"" },
		{ "2026-11-21T00:00:00Z", "\"2026-11-21T00:00:00Z\"" },
		{ "~", "\"~\"" },
		{ "- x", "\"- x\"" },
		{ "::1", "\"::1\"" },
		{ ".inf", "\".inf\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *map = document_new_map();
		char wanted[128], *text = NULL;
		size_t len;
		FILE *stream = open_memstream(&text, &len);

		document_set_words(map, "key", rows[i].text);
		assert_int_equal(output_document(stream, OUTPUT_YAML, map), 0);
		fclose(stream);
		snprintf(wanted, sizeof(wanted), "key: %s\n", rows[i].wanted);
		assert_string_equal(text, wanted);
		free(text);
		json_object_put(map);
	}
}

static void yaml_has_lists_maps_numbers_and_null(void **state)
{
	struct json_object *map = document_new_map(), *items = document_new_list();
	static const uint8_t mac[6];
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	document_add(items, thing("a", 7));
	document_set(map, "items", items);
	document_set(map, "none", document_new_list());
	document_set_mac(map, "mac", mac);
	document_set_flag(map, "flag", true);
	assert_int_equal(output_document(stream, OUTPUT_YAML, map), 0);
	fclose(stream);
	assert_string_equal(text, "items:\n"
				  "- name: a\n"
				  "  count: 7\n"
				  "  cidrs:\n"
				  "  - 10.0.0.0/24\n"
				  "  - fd00::/64\n"
				  "none: []\n"
				  "mac: null\n"
				  "flag: true\n");
	free(text);
	json_object_put(map);
}

static void formats_have_names(void **state)
{
	enum output_format format;

	assert_int_equal(output_format_parse(NULL, &format), 0);
	assert_int_equal(format, OUTPUT_TEXT);
	assert_int_equal(output_format_parse("wide", &format), 0);
	assert_int_equal(format, OUTPUT_WIDE);
	assert_int_equal(output_format_parse("json", &format), 0);
	assert_int_equal(format, OUTPUT_JSON);
	assert_int_equal(output_format_parse("yaml", &format), 0);
	assert_int_equal(format, OUTPUT_YAML);
	assert_int_equal(output_format_parse("JSON", &format), -EINVAL);
	assert_int_equal(output_format_parse("xml", &format), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_has_columns_two_spaces_apart),
		cmocka_unit_test(wide_tables_have_more_columns),
		cmocka_unit_test(a_table_of_17_columns_has_them_all),
		cmocka_unit_test(boxed_tables_look_as_calicoctl_prints_them),
		cmocka_unit_test(an_empty_list_is_a_sentence),
		cmocka_unit_test(absent_and_empty_cells_are_dashes),
		cmocka_unit_test(a_list_in_parts_is_the_same_as_in_one),
		cmocka_unit_test(json_and_yaml_have_their_frame_also_without_an_item),
		cmocka_unit_test(json_is_a_list_with_its_kind),
		cmocka_unit_test(json_of_hostile_names_is_valid),
		cmocka_unit_test(yaml_quotes_what_would_be_read_as_something_else),
		cmocka_unit_test(yaml_has_lists_maps_numbers_and_null),
		cmocka_unit_test(formats_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
