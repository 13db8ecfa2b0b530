/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectivity_report.c: probes' logs as results, results as a matrix.
 *
 * A row for each pair of nodes and family, a column for each check; a second table for what has no
 * other node at its end. Below, a line for each failure says what was tried and what came of it.
 */
#include "tools/tortie/connectivity.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "tools/tortie/document.h"
#include "tools/tortie/output.h"

static const struct output_column pair_columns[] = {
	{ "FROM", "from", false, false },
	{ "TO", "to", false, false },
	{ "FAMILY", "family", false, false },
	{ "POD TCP", "pod-tcp", false, false },
	{ "POD UDP", "pod-udp", false, false },
	{ "1 MiB TCP", "large-tcp", false, false },
	{ "MTU UDP", "large-udp", false, false },
	{ "NODE", "node", false, false },
	{ "SERVICE TCP", "service-tcp", false, false },
	{ "SERVICE UDP", "service-udp", false, false },
	{ "NAME", "service-name", false, false },
};

static const struct output_column node_columns[] = {
	{ "NODE", "from", false, false },
	{ "NODE TO ITS PODS", "ready", false, false },
	{ "HEADLESS NAME", "headless", false, false },
	{ "OUTSIDE", "outside", false, false },
};

void connectivity_report_add(struct json_object *results, const char *from,
			     const struct connectivity_result *result)
{
	struct json_object *item = document_new_map();

	document_set_words(item, "from", from);
	document_set_words(item, "to", result->to);
	document_set_words(item, "check", result->check);
	document_set_words(item, "family", strchr(result->host, ':') ? "IPv6" : "IPv4");
	document_set_words(item, "address", result->host);
	document_set_words(item, "state", result->is_ok ? "ok" : "failed");
	document_set_number(item, "ms", result->ms);
	document_set_words(item, "text", result->text);
	document_add(results, item);
}

size_t connectivity_report_log(struct json_object *results, const char *from, const char *log)
{
	struct connectivity_result result;
	size_t count = 0;

	while (*log) {
		size_t len = strcspn(log, "\n");

		if (connectivity_result_parse(log, len, &result) == 0) {
			connectivity_report_add(results, from, &result);
			count++;
		}
		log += len + (log[len] == '\n');
	}
	return count;
}

size_t connectivity_report_failed(struct json_object *results)
{
	size_t failed = 0;

	for (size_t i = 0; i < json_object_array_length(results); i++)
		failed += strcmp(document_get_words(json_object_array_get_idx(results, i), "state"),
				 "ok") != 0;
	return failed;
}

static int result_compare(const void *a, const void *b)
{
	static const char *const keys[] = { "from", "to", "family" };
	struct json_object *const *left = a, *const *right = b;
	int order = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !order; i++)
		order = strcmp(document_get_words(*left, keys[i]),
			       document_get_words(*right, keys[i]));
	return order;
}

static bool is_pair(struct json_object *result)
{
	const char *check = document_get_words(result, "check");

	for (size_t i = 3; i < sizeof(pair_columns) / sizeof(pair_columns[0]); i++) {
		if (strcmp(pair_columns[i].key, check) == 0)
			return true;
	}
	return false;
}

/* The row that the result goes into; made when it is the first. */
static struct json_object *row_find(struct json_object *rows, struct json_object *result,
				    bool is_in_pairs)
{
	static const char *const keys[] = { "from", "to", "family" };
	size_t key_count = is_in_pairs ? 3 : 1;
	struct json_object *row;

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		bool same = true;

		row = json_object_array_get_idx(rows, i);
		for (size_t n = 0; n < key_count; n++)
			same &= strcmp(document_get_words(row, keys[n]),
				       document_get_words(result, keys[n])) == 0;
		if (same)
			return row;
	}
	row = document_new_map();
	for (size_t n = 0; n < key_count; n++)
		document_set_words(row, keys[n], document_get_words(result, keys[n]));
	document_add(rows, row);
	return row;
}

static void table_print(struct json_object *results, bool is_in_pairs)
{
	struct output_view view = {
		.empty = "",
		.columns = is_in_pairs ? pair_columns : node_columns,
		.column_count = is_in_pairs ? sizeof(pair_columns) / sizeof(pair_columns[0])
					    : sizeof(node_columns) / sizeof(node_columns[0]),
	};
	struct json_object *rows = document_new_list();

	for (size_t i = 0; i < json_object_array_length(results); i++) {
		struct json_object *result = json_object_array_get_idx(results, i);
		const char *state = document_get_words(result, "state");

		if (is_pair(result) != is_in_pairs)
			continue;
		document_set_words(row_find(rows, result, is_in_pairs),
				   document_get_words(result, "check"),
				   strcmp(state, "ok") == 0 ? "ok" : "FAILED");
	}
	if (json_object_array_length(rows) > 0) {
		output_list(stdout, OUTPUT_TEXT, &view, rows);
		printf("\n");
	}
	json_object_put(rows);
}

void connectivity_report_print(struct json_object *results)
{
	size_t count = json_object_array_length(results);
	size_t failed = connectivity_report_failed(results);

	json_object_array_sort(results, result_compare);
	table_print(results, true);
	table_print(results, false);
	for (size_t i = 0; i < count; i++) {
		struct json_object *result = json_object_array_get_idx(results, i);

		if (strcmp(document_get_words(result, "state"), "ok") != 0)
			printf("failed: %s from %s to %s (%s): %s\n",
			       document_get_words(result, "check"),
			       document_get_words(result, "from"), document_get_words(result, "to"),
			       document_get_words(result, "address"),
			       document_get_words(result, "text"));
	}
	printf("%zu checks, %zu failed%s\n", count, failed,
	       failed ? " (on the node: tortie explain FROM-POD ADDRESS:PORT says where it ends)"
		      : "");
}
