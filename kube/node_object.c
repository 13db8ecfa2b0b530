/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_object.c: from a Node object to the few values that the network needs.
 *
 * Kept: InternalIPs, podCIDRs, labels (selectors of BGP peers ask for them), creation time (of two
 * nodes with one range the older keeps it), the condition NetworkUnavailable, the uid, and whether
 * annotations of Calico are there that are not served. Everything is checked by type and bounded;
 * what is wrong is said in `fault` and left out. Annotations and the list of images, most of a
 * Node, are not looked at.
 */
#include "kube/node_object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "lib/json.h"
#include "lib/text.h"

#define LABEL_MAX 600 /* octets of a label, key and value with NULs: 253 + 1 + 63 + 1 + 63 + 2 */

int64_t object_time_read(const char *text)
{
	struct tm tm = { 0 };
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	time_t seconds;

	if (!end)
		return 0;
	seconds = timegm(&tm);
	return seconds > 0 ? seconds : 0;
}

static void read_addresses(struct node_object *node, struct json_object *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct json_object *item = json_get_item(list, i);
		const char *type = json_get_text(item, "type");
		const char *text = json_get_text(item, "address");
		struct ip_addr addr;

		if (!type || !text || strcmp(type, "InternalIP") != 0)
			continue;
		if (ip_addr_parse(text, &addr) < 0 || ip_addr_is_zero(&addr) ||
		    ip_addr_is_multicast(&addr) || ip_addr_is_loopback(&addr) ||
		    ip_addr_is_link_local(&addr))
			text_append_item(node->fault, sizeof(node->fault),
					 "InternalIP %.45s is no address of a node", text);
		else if (node->address_count < NODE_ADDRESSES_MAX)
			node->address[node->address_count++] = addr;
		else
			text_append_item(node->fault, sizeof(node->fault),
					 "InternalIP %.45s: more than %d: left out", text,
					 NODE_ADDRESSES_MAX);
	}
}

static void read_block(struct node_object *node, const char *text)
{
	struct ip_prefix block;

	if (!text || ip_prefix_parse(text, &block) < 0)
		text_append_item(node->fault, sizeof(node->fault), "podCIDR %.49s is no prefix",
				 text ? text : "");
	else if (node->block_count < NODE_BLOCKS_MAX)
		node->block[node->block_count++] = block;
	else
		text_append_item(node->fault, sizeof(node->fault),
				 "podCIDR %.49s: more than %d: left out", text, NODE_BLOCKS_MAX);
}

/* podCIDRs; podCIDR is its first, and alone in clusters before 1.16. */
static void read_blocks(struct node_object *node, struct json_object *spec)
{
	struct json_object *list = json_get_array(spec, "podCIDRs");
	const char *single = json_get_text(spec, "podCIDR");

	for (size_t i = 0; i < json_array_size(list); i++)
		read_block(node, json_text(json_get_item(list, i)));
	if (json_array_size(list) == 0 && single && *single)
		read_block(node, single);
}

static void read_conditions(struct node_object *node, struct json_object *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct json_object *item = json_get_item(list, i);
		const char *type = json_get_text(item, "type");
		const char *status = json_get_text(item, "status");

		if (!type || !status || strcmp(type, "NetworkUnavailable") != 0)
			continue;
		node->network = strcmp(status, "False") == 0 ? NODE_NETWORK_AVAILABLE
							     : NODE_NETWORK_UNAVAILABLE;
	}
}

static void read_annotations(struct node_object *node, struct json_object *annotations)
{
	const char *id = json_get_text(annotations, "projectcalico.org/RouteReflectorClusterID");
	struct ip_addr cluster_id;

	node->has_own_as = json_get(annotations, "projectcalico.org/ASNumber");
	if (!id || !*id)
		return;
	if (ip_addr_parse(id, &cluster_id) == 0 && ip_addr_is_v4(&cluster_id) &&
	    !ip_addr_is_zero(&cluster_id))
		node->cluster_id = cluster_id;
	else
		node->has_bad_cluster_id = true;
}

/* Octets of a label, 0: it is left out. */
static size_t label_len(const char *key, struct json_object *value)
{
	const char *text = json_text(value);
	size_t len = text ? strlen(key) + strlen(text) + 2 : 0;

	return len <= LABEL_MAX ? len : 0;
}

/* Octets of all labels; with @node, write them. */
static size_t read_labels(struct node_object *node, struct json_object *labels)
{
	size_t len = 0, count = 0, left_out = 0;

	if (!labels)
		return 0;
	json_object_object_foreach(labels, key, value)
	{
		size_t one = label_len(key, value);

		if (one == 0 || count == NODE_LABELS_MAX) {
			left_out++;
			continue;
		}
		if (node) {
			strcpy(node->labels + len, key);
			strcpy(node->labels + len + strlen(key) + 1, json_text(value));
		}
		len += one;
		count++;
	}
	if (node)
		node->label_count = (uint16_t)count;
	if (node && left_out > 0)
		text_append_item(node->fault, sizeof(node->fault),
				 "%zu labels are too long or more than %d: left out", left_out,
				 NODE_LABELS_MAX);
	return len;
}

struct node_object *node_object_read(struct json_object *json)
{
	struct json_object *metadata = json_get_object(json, "metadata");
	struct json_object *status = json_get_object(json, "status");
	struct json_object *labels = json_get_object(metadata, "labels");
	const char *uid = json_get_text(metadata, "uid");
	size_t size = sizeof(struct node_object) + read_labels(NULL, labels);
	struct node_object *node = calloc(1, size);

	if (!node)
		return NULL;
	node->size = size;
	node->created_s = object_time_read(json_get_text(metadata, "creationTimestamp"));
	snprintf(node->uid, sizeof(node->uid), "%s", uid ? uid : "");
	read_addresses(node, json_get_array(status, "addresses"));
	read_blocks(node, json_get_object(json, "spec"));
	read_conditions(node, json_get_array(status, "conditions"));
	read_annotations(node, json_get_object(metadata, "annotations"));
	read_labels(node, labels);
	return node;
}

bool node_object_is_same(const struct node_object *a, const struct node_object *b)
{
	return a->size == b->size && memcmp(a, b, a->size) == 0;
}
