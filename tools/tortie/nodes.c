/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodes.c: `tortie get node`.
 *
 * The nodes this one knows: itself, the next hops of its routes, its BGP peers. A name is known for
 * few of them without Kubernetes; the address always is. With a kubeconfig: the cluster's nodes, as
 * Calico shows a Node.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "tools/tortie/cluster.h"
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

/* --- the cluster's nodes, in the form in which Calico shows them --- */

#define NODES_PATH	   "/api/v1/nodes"
#define CONFIGURATION_PATH "/apis/projectcalico.org/v3/bgpconfigurations/default"

static const struct output_column object_columns[] = {
	{ "NAME", "name", false, false },     { "ASN", "as", false, false },
	{ "IPV4", "ipv4", false, false },     { "IPV6", "ipv6", false, false },
	{ "BLOCKS", "blocks", false, false },
};

static const char *const kept_metadata[] = { "creationTimestamp", "labels", "resourceVersion",
					     "uid" };

/* @node of the API server as Calico's Node. */
static struct json_object *node_convert(struct json_object *node)
{
	struct json_object *object, *metadata, *spec = document_new_map(),
					       *addresses = document_new_list(), *list;
	struct json_object *status = document_new_map();

	object = get_object(&node_objects, document_words_at(node, "metadata.name"));
	metadata = document_at(object, "metadata");
	for (size_t i = 0; i < sizeof(kept_metadata) / sizeof(kept_metadata[0]); i++) {
		struct json_object *value = NULL;

		if (json_object_object_get_ex(document_at(node, "metadata"), kept_metadata[i],
					      &value))
			document_set(metadata, kept_metadata[i], json_object_get(value));
	}
	list = document_at(node, "status.addresses");
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *address = json_object_array_get_idx(list, i);

		if (strcmp(document_words_at(address, "type"), "InternalIP") == 0)
			document_add(addresses, json_object_get(address));
	}
	document_set(spec, "addresses", addresses);
	document_set(object, "spec", spec);
	list = document_at(node, "spec.podCIDRs");
	if (list)
		document_set(status, "podCIDRs", json_object_get(list));
	document_set(object, "status", status);
	return object;
}

static int nodes_collect(struct get_source *source, struct json_object *objects)
{
	struct json_object *nodes = document_new_list(), *configuration;
	int err;

	err = cluster_list(source->cluster, NODES_PATH, "", nodes);
	for (size_t i = 0; i < json_object_array_length(nodes); i++)
		document_add(objects, node_convert(json_object_array_get_idx(nodes, i)));
	json_object_put(nodes);
	if (err < 0)
		return err;
	source->as = AS_DEFAULT;
	if (cluster_get(source->cluster, CONFIGURATION_PATH, &configuration) == 0) {
		if (document_at(configuration, "spec.asNumber"))
			source->as = (uint32_t)json_object_get_int64(
				document_at(configuration, "spec.asNumber"));
		json_object_put(configuration);
	}
	return 0;
}

static void node_row(const struct get_source *source, struct json_object *object,
		     struct json_object *row)
{
	struct json_object *addresses = document_at(object, "spec.addresses"), *list;
	char text[16];

	document_set_words(row, "name", document_words_at(object, "metadata.name"));
	snprintf(text, sizeof(text), "(%u)", source->as); /* calicoctl's way: not the node's own */
	document_set_words(row, "as", text);
	for (size_t i = 0; addresses && i < json_object_array_length(addresses); i++) {
		const char *address =
			document_words_at(json_object_array_get_idx(addresses, i), "address");
		const char *key = strchr(address, ':') ? "ipv6" : "ipv4";

		if (document_get_words(row, key)[0] == '\0')
			document_set_words(row, key, address);
	}
	list = document_at(object, "status.podCIDRs");
	if (list)
		document_set(row, "blocks", json_object_get(list));
}

const struct get_objects node_objects = {
	.kind = "Node",
	.api_version = "projectcalico.org/v3",
	.view = { .kind = "NodeList",
		  .empty = "No nodes.",
		  .columns = object_columns,
		  .column_count = sizeof(object_columns) / sizeof(object_columns[0]) },
	.row = node_row,
	.collect = nodes_collect,
};

static const char *const names[] = { "node", "nodes", "no", "nos", NULL };

const struct get_kind get_nodes = {
	.names = names,
	.request = MSG_GET_NODES,
	.record = node_record,
	.name_key = "name",
	.view = { .kind = "NodeList",
		  .empty = "No nodes.",
		  .columns = columns,
		  .column_count = sizeof(columns) / sizeof(columns[0]) },
	.objects = &node_objects,
};
