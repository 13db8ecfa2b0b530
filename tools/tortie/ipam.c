/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam.c: `tortie ipam show`.
 *
 * The table that calicoctl users know: pools, with --blocks each block of this node below its pool.
 * The agent has no record but the kernel's links, so what is shown here is what they carry.
 * --ip says whose an address is: a pod's, free, resting, reserved, or none of ours.
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

static int address_record(uint32_t type, const void *body, void *arg)
{
	if (type == MSG_ADDRESS)
		*(struct msg_address *)arg = *(const struct msg_address *)body;
	return 0;
}

/* What the agent knows of @addr; 0 or -errno, said. */
static int address_ask(const char *run_dir, const struct ip_addr *addr, struct msg_address *ret)
{
	const struct msg_get_address body = { .addr = *addr };
	const struct request_question question = { MSG_GET_ADDRESS, &body, sizeof(body) };
	struct request request;
	int err = request_open_said(&request, run_dir);

	if (err < 0)
		return err;
	*ret = (struct msg_address){ 0 };
	err = request_run(&request, &question, address_record, ret);
	request_close(&request);
	return err;
}

struct state_words {
	const char *key, *text;
};

/* An address that a pod has is that pod's, also outside the blocks. */
static struct state_words state_words(const struct msg_address *address, bool has_owner)
{
	static const struct state_words rows[] = {
		[ADDRESS_NOT_OURS] = { "not-ours", "in no block of this node" },
		[ADDRESS_FREE] = { "free", "free" },
		[ADDRESS_RESTING] = { "resting", "free, but given back shortly ago" },
		[ADDRESS_IN_USE] = { "in-use", "held by a link that is being deleted, or the "
					       "node's own" },
		[ADDRESS_RESERVED] = { "reserved", "reserved: no new pod gets it" },
		[ADDRESS_ANYCAST] = { "anycast", "the subnet-router anycast address: no pod "
						 "gets it" },
	};

	if (has_owner)
		return rows[ADDRESS_IN_USE];
	return rows[address->state < sizeof(rows) / sizeof(rows[0]) ? address->state
								    : ADDRESS_NOT_OURS];
}

static void owner_print(struct json_object *document, struct json_object *owner, const char *text)
{
	const char *ip = document_get_words(document, "ip");

	if (owner)
		printf("IP %s is in use by %s (link %s, container %s)", ip,
		       document_get_words(owner, "workload"),
		       document_get_words(owner, "interface"),
		       document_get_words(owner, "container_id"));
	else
		printf("IP %s is %s", ip, text);
	if (document_get_words(document, "block")[0])
		printf(", in this node's block %s of pool %s",
		       document_get_words(document, "block"), document_get_words(document, "pool"));
	if (document_get_number(document, "freed_s") > 0)
		printf(", given back %s s ago", document_get_words(document, "freed_s"));
	putchar('\n');
}

static struct json_object *address_convert(const struct msg_address *address,
					   struct json_object *owner)
{
	struct json_object *document = document_new_map();
	char text[IP_PREFIX_TEXT_MAX];
	bool is_ours = address->state != ADDRESS_NOT_OURS;

	document_set_words(document, "ip", ip_addr_format(&address->addr, text, sizeof(text)));
	document_set_words(document, "state", state_words(address, owner != NULL).key);
	document_set_words(document, "block",
			   is_ours ? ip_prefix_format(&address->block, text, sizeof(text)) : "");
	document_set_text(document, "pool", address->pool, sizeof(address->pool));
	document_set_number(document, "freed_s", address->freed_s);
	document_set(document, "workloadendpoint", json_object_get(owner));
	return document;
}

static int address_show(const struct command_line *line, const struct ip_addr *addr)
{
	struct json_object *endpoints, *owner, *document;
	struct msg_address address;
	int err;

	if (get_collect(line->run_dir, &get_endpoints, &endpoints) < 0)
		return EXIT_FAILED;
	err = address_ask(line->run_dir, addr, &address);
	if (err == 0) {
		owner = owner_find(endpoints, addr);
		document = address_convert(&address, owner);
		if (line->format == OUTPUT_JSON || line->format == OUTPUT_YAML)
			err = output_document(stdout, line->format, document);
		else
			owner_print(document, owner, state_words(&address, false).text);
		json_object_put(document);
	}
	json_object_put(endpoints);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
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
