/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes.c: `tortie get node`.
 *
 * The nodes this one knows: itself, the next hops of its routes, its BGP peers. A name is known for
 * few of them without Kubernetes; the address always is.
 */
#include <json-c/json.h>

#include "tools/tortie/document.h"
#include "tools/tortie/get.h"
#include "tools/tortie/words.h"

static const struct output_column columns[] = {
	{ "NAME", "name", false, false },    { "ADDRESS", "address", false, false },
	{ "ASN", "as", false, true },	     { "BGP", "bgp", false, false },
	{ "BLOCKS", "blocks", false, true }, { "SELF", "self", true, false },
};

static int node_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_node *node = body;
	struct get_walk *walk = arg;
	struct json_object *item;

	if (type != MSG_NODE)
		return 0;
	item = document_new_map();
	document_set_text(item, "name", node->name, sizeof(node->name));
	document_set_address(item, "address", &node->addr);
	if (node->as == 0)
		document_set(item, "as", NULL);
	else
		document_set_number(item, "as", node->as);
	if (node->peer_state == 0)
		document_set(item, "bgp", NULL);
	else
		document_set_words(item, "bgp", words_peer_state(node->peer_state));
	document_set_number(item, "blocks", node->block_count);
	document_set_flag(item, "self", node->is_self == 1);
	document_add(walk->items, item);
	return 0;
}

static const char *const names[] = { "node", "nodes", NULL };

const struct get_kind get_nodes = {
	.names = names,
	.request = MSG_GET_NODES,
	.record = node_record,
	.name_key = "name",
	.view = { .kind = "NodeList",
		  .empty = "No nodes.",
		  .columns = columns,
		  .column_count = sizeof(columns) / sizeof(columns[0]) },
};
