/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam.c: `tortie ipam show`.
 *
 * The table that calicoctl users know: pools, with --blocks each block of this node below its pool.
 * The agent has no record but the kernel's links, so what is shown here is what they carry.
 * --ip says whose an address is: a pod's, free, or none of ours.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"
#include "tools/tortie/say.h"

static const struct output_column columns[] = {
	{ "GROUPING", "grouping", false, false }, { "CIDR", "cidr", false, false },
	{ "IPS TOTAL", "total", false, true },	  { "IPS IN USE", "used", false, true },
	{ "IPS FREE", "free", false, true },	  { "KEPT BACK", "quarantined", true, true },
};

static struct json_object *row_convert(struct json_object *object, const char *grouping,
				       uint64_t quarantined)
{
	struct json_object *row = document_new_map();
	uint64_t total = document_get_number(object, "capacity");
	uint64_t used = document_get_number(object, "used");

	document_set_words(row, "grouping", grouping);
	document_set_words(row, "name", document_get_words(object, "name"));
	document_set_words(row, "cidr", document_get_words(object, "cidr"));
	document_set_number(row, "total", total);
	document_set_number(row, "used", used);
	document_set_number(row, "free", total > used ? total - used : 0);
	document_set_number(row, "quarantined", quarantined);
	return row;
}

static void pool_add_rows(struct json_object *rows, struct json_object *pool, bool with_blocks)
{
	struct json_object *blocks = json_object_object_get(pool, "blocks");
	size_t count = json_object_array_length(blocks);
	uint64_t quarantined = 0;

	for (size_t i = 0; i < count; i++)
		quarantined +=
			document_get_number(json_object_array_get_idx(blocks, i), "quarantined");
	document_add(rows, row_convert(pool, "IP Pool", quarantined));
	for (size_t i = 0; with_blocks && i < count; i++) {
		struct json_object *block = json_object_array_get_idx(blocks, i);

		document_add(rows, row_convert(block, "Block",
					       document_get_number(block, "quarantined")));
	}
}

static int pools_show(const struct command_line *line)
{
	static const struct output_view view = {
		.kind = "IPAMList",
		.empty = "No pools.",
		.is_boxed = true,
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
	};
	struct json_object *pools, *rows;
	int err;

	if (get_collect(line->run_dir, &get_pools, &pools) < 0)
		return EXIT_FAILED;
	rows = document_new_list();
	for (size_t i = 0; i < json_object_array_length(pools); i++)
		pool_add_rows(rows, json_object_array_get_idx(pools, i), line->blocks);
	err = output_list(stdout, line->format, &view, rows);
	json_object_put(rows);
	json_object_put(pools);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* The pod of @networks (a list of prefixes as text) that holds @addr: a copy of its item, or NULL.
 */
static struct json_object *owner_find(struct json_object *endpoints, const struct ip_addr *addr)
{
	struct ip_prefix wanted = ip_prefix_host(addr);
	char text[IP_PREFIX_TEXT_MAX];

	ip_prefix_format(&wanted, text, sizeof(text));
	for (size_t i = 0; i < json_object_array_length(endpoints); i++) {
		struct json_object *item = json_object_array_get_idx(endpoints, i);
		struct json_object *networks = json_object_object_get(item, "networks");

		for (size_t n = 0; n < json_object_array_length(networks); n++) {
			struct json_object *network = json_object_array_get_idx(networks, n);

			if (strcmp(json_object_get_string(network), text) == 0)
				return item;
		}
	}
	return NULL;
}

/* The CIDR, as text, of this node's block that holds @addr; "" when none does. */
static const char *block_find(struct json_object *pools, const struct ip_addr *addr)
{
	for (size_t i = 0; i < json_object_array_length(pools); i++) {
		struct json_object *pool = json_object_array_get_idx(pools, i);
		struct json_object *blocks = json_object_object_get(pool, "blocks");

		for (size_t n = 0; n < json_object_array_length(blocks); n++) {
			const char *text =
				document_get_words(json_object_array_get_idx(blocks, n), "cidr");
			struct ip_prefix cidr;

			if (ip_prefix_parse(text, &cidr) == 0 && ip_prefix_contains(&cidr, addr))
				return text;
		}
	}
	return "";
}

static void owner_print(const char *ip, struct json_object *owner, const char *block)
{
	if (owner)
		printf("IP %s is in use by %s (link %s, container %s)\n", ip,
		       document_get_words(owner, "workload"),
		       document_get_words(owner, "interface"),
		       document_get_words(owner, "container_id"));
	else if (block[0])
		printf("IP %s is free, in this node's block %s\n", ip, block);
	else
		printf("IP %s is in no block of this node\n", ip);
}

static int address_show(const struct command_line *line, const struct ip_addr *addr)
{
	struct json_object *endpoints, *pools, *owner, *document;
	char ip[IP_ADDR_TEXT_MAX];
	const char *block;

	if (get_collect(line->run_dir, &get_endpoints, &endpoints) < 0)
		return EXIT_FAILED;
	if (get_collect(line->run_dir, &get_pools, &pools) < 0) {
		json_object_put(endpoints);
		return EXIT_FAILED;
	}
	owner = owner_find(endpoints, addr);
	block = block_find(pools, addr);
	ip_addr_format(addr, ip, sizeof(ip));
	if (line->format == OUTPUT_JSON || line->format == OUTPUT_YAML) {
		document = document_new_map();
		document_set_words(document, "ip", ip);
		document_set_words(document, "state",
				   owner      ? "in-use"
				   : block[0] ? "free"
					      : "not-ours");
		document_set_words(document, "block", block);
		document_set(document, "workloadendpoint", json_object_get(owner));
		output_document(stdout, line->format, document);
		json_object_put(document);
	} else {
		owner_print(ip, owner, block);
	}
	json_object_put(pools);
	json_object_put(endpoints);
	return EXIT_DONE;
}

int ipam_show_run(const struct command_line *line)
{
	struct ip_addr addr;

	if (!line->ip)
		return pools_show(line);
	if (ip_addr_parse(line->ip, &addr) < 0) {
		say_error("--ip %s: not an address (10.244.1.5, fd00:244::5)", line->ip);
		return EXIT_MISUSED;
	}
	return address_show(line, &addr);
}
