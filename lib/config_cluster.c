/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_cluster.c: what a configuration says of Kubernetes and of the other nodes.
 *
 * With the key kubernetes: the file is the same on all nodes and says nothing that the cluster
 * knows better: this node's addresses, the nodes, pools, reserved addresses and BGP. These come as
 * a second text, the cluster's document, in the same words (docs/configuration.md, "The cluster's
 * document"). What the document says is read by the same functions; its own table only makes other
 * keys errors.
 *
 * Which Node object is this node is settled here for all programs alike: kubernetes.node, else the
 * environment's NODE_NAME (which a pod's manifest fills), else the host name in lower case, as the
 * kubelet registers it. A document of another node is refused: a state file that came with a copied
 * disk would else give away another node's addresses.
 */
#include "lib/config_parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ip_prefix.h"

/* --- lists of unknown length --- */

struct array_kind {
	config_read_fn *read; /* of an item */
	size_t max, item_size;
};

/* Each item of the list @node into *ret_array, which is made. */
static int read_array(struct config_reader *reader, const struct array_kind *kind,
		      const struct config_node *node, void **ret_array, size_t *ret_count)
{
	const struct config_row item = { .read = kind->read };
	int err = config_check_list(reader, node, kind->max);

	if (err < 0 || node->count == 0)
		return err;
	*ret_array = calloc(node->count, kind->item_size);
	if (!*ret_array)
		return -ENOMEM;
	*ret_count = node->count;
	return config_read_list(reader, &item, node, *ret_array, kind->item_size);
}

/* --- nodes --- */

static int read_name(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	char name[NAME_MAX_LEN + 1];
	int err = config_read_name(reader, row, node, name);

	if (err < 0)
		return err;
	*(char **)field = strdup(name);
	return *(char **)field ? 0 : -ENOMEM;
}

static int read_addresses(struct config_reader *reader, const struct config_row *row,
			  const struct config_node *node, void *field)
{
	static const struct array_kind kind = { config_read_unicast, CONFIG_NODE_ADDRESSES_MAX,
						sizeof(struct ip_addr) };
	struct config_cluster_node *member = field;

	return read_array(reader, &kind, node, (void **)&member->address, &member->address_count);
}

static int read_blocks(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	static const struct array_kind kind = { config_read_prefix, CONFIG_NODE_BLOCKS_MAX,
						sizeof(struct ip_prefix) };
	struct config_cluster_node *member = field;

	return read_array(reader, &kind, node, (void **)&member->block, &member->block_count);
}

static const struct config_row member_rows[] = {
	{ "name", read_name, offsetof(struct config_cluster_node, name), .max = NAME_MAX_LEN },
	{ "addresses", read_addresses, 0 },
	{ "blocks", read_blocks, 0 },
};

static int read_member(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	int err = config_read_map(reader, node, CONFIG_ROWS(member_rows), field);

	if (err == 0 && !config_find(node, "name"))
		return config_fail(reader, node, "needs name");
	return err;
}

int config_read_nodes(struct config_reader *reader, const struct config_row *row,
		      const struct config_node *node, void *field)
{
	static const struct array_kind kind = { read_member, CONFIG_CLUSTER_NODES_MAX,
						sizeof(struct config_cluster_node) };
	struct config *config = field;

	return read_array(reader, &kind, node, (void **)&config->node, &config->node_count);
}

/* FIRST-LAST; @text is no prefix and no address. */
static bool parse_range(const char *text, struct config_range *ret)
{
	const char *dash = strchr(text, '-');
	char first[IP_ADDR_TEXT_MAX];

	if (!dash || dash - text >= IP_ADDR_TEXT_MAX)
		return false;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	return ip_addr_parse(first, &ret->first) == 0 && ip_addr_parse(dash + 1, &ret->last) == 0 &&
	       ip_addr_is_v4(&ret->first) == ip_addr_is_v4(&ret->last) &&
	       ip_addr_compare(&ret->first, &ret->last) <= 0;
}

static int read_range(struct config_reader *reader, const struct config_row *row,
		      const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);
	struct config_range *range = field;
	struct ip_prefix prefix;

	if (!text)
		return -EINVAL;
	if (ip_addr_parse(text, &range->first) == 0) {
		range->last = range->first;
	} else if (ip_prefix_parse(text, &prefix) == 0) {
		range->first = prefix.addr;
		range->last = ip_prefix_last(&prefix);
	} else if (!parse_range(text, range)) {
		return config_fail(reader, node,
				   "not ADDRESS, ADDRESS/LENGTH (no bits set beyond the length) or "
				   "FIRST-LAST");
	}
	return 0;
}

int config_read_reserved(struct config_reader *reader, const struct config_row *row,
			 const struct config_node *node, void *field)
{
	static const struct array_kind kind = { read_range, CONFIG_RESERVED_MAX,
						sizeof(struct config_range) };
	struct config *config = field;

	return read_array(reader, &kind, node, (void **)&config->reserved, &config->reserved_count);
}

/* --- kubernetes --- */

#define KUBE_FIELD(name) offsetof(struct config, kube.name)

static const struct config_row kubernetes_rows[] = {
	{ "kubeconfig", config_read_path, KUBE_FIELD(kubeconfig) },
	{ "node", config_read_name, KUBE_FIELD(node), .max = NAME_MAX_LEN },
	{ "state", config_read_path, KUBE_FIELD(state) },
	{ "user", config_read_user, KUBE_FIELD(user), .max = CONFIG_USER_NAME_MAX },
};

int config_read_kubernetes(struct config_reader *reader, const struct config_row *row,
			   const struct config_node *node, void *field)
{
	((struct config *)field)->kubernetes = true;
	return config_read_map(reader, node, CONFIG_ROWS(kubernetes_rows), field);
}

/* The file is the same on all nodes, and the cluster knows these better. */
static int refuse_what_the_cluster_says(struct config_reader *reader, const struct config_node *top)
{
	static const char *const at_top[] = { "pools", "nodes", "reserved", "routes", "bgp" };
	static const char *const in_node[] = { "name", "addresses" };
	const struct config_node *value, *node = config_find(top, "node");

	for (size_t i = 0; i < sizeof(at_top) / sizeof(at_top[0]); i++) {
		value = config_find(top, at_top[i]);
		if (value)
			return config_fail(reader, value,
					   "%s: comes from the cluster with kubernetes:, remove it",
					   at_top[i]);
	}
	for (size_t i = 0; node && i < sizeof(in_node) / sizeof(in_node[0]); i++) {
		value = config_find(node, in_node[i]);
		if (value)
			return config_fail(
				reader, value,
				"node.%s: comes from the cluster with kubernetes:, remove it%s",
				in_node[i], i == 0 ? " (kubernetes.node names the Node)" : "");
	}
	return 0;
}

static int name_this_node(struct config_reader *reader, const struct config_node *top,
			  struct config_kubernetes *kube)
{
	const char *name = getenv("NODE_NAME");
	char *p;

	if (kube->node[0])
		return 0;
	if (name && name[0]) {
		if (!config_name_is_valid(name, NAME_MAX_LEN))
			return config_fail(reader, top,
					   "kubernetes.node: missing, and the environment's "
					   "NODE_NAME is no node's name");
		strcpy(kube->node, name);
		return 0;
	}
	/* gethostname(2) may leave a name that fills the buffer without an end. */
	if (gethostname(kube->node, sizeof(kube->node) - 1) < 0)
		kube->node[0] = '\0';
	for (p = kube->node; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!config_name_is_valid(kube->node, NAME_MAX_LEN))
		return config_fail(reader, top,
				   "kubernetes.node: missing, and neither the environment's "
				   "NODE_NAME nor the host name is a node's name");
	return 0;
}

int config_kubernetes_settle(struct config_reader *reader, const struct config_node *top,
			     struct config *config)
{
	int err = refuse_what_the_cluster_says(reader, top);

	if (err == 0)
		err = name_this_node(reader, top, &config->kube);
	if (err == 0)
		strcpy(config->node_name, config->kube.node);
	return err;
}

/* --- the document --- */

static const struct config_row own_rows[] = {
	{ "name", config_read_name, offsetof(struct config, node_name), .max = NAME_MAX_LEN },
	{ "addresses", config_read_node_addresses, 0 },
};

static int read_own(struct config_reader *reader, const struct config_row *row,
		    const struct config_node *node, void *field)
{
	return config_read_map(reader, node, CONFIG_ROWS(own_rows), field);
}

static const struct config_row document_rows[] = {
	{ "node", read_own, 0 },
	{ "nodes", config_read_nodes, 0 },
	{ "pools", config_read_pools, 0 },
	{ "reserved", config_read_reserved, 0 },
	{ "bgp", NULL, 0 }, /* config_bgp_read() */
};

int config_document_read(struct config_reader *reader, const struct config_node *top,
			 struct config *config)
{
	int err = config_read_map(reader, top, CONFIG_ROWS(document_rows), config);

	if (err < 0)
		return err;
	if (config->node_address_count == 0)
		return config_fail(reader, top,
				   "node.addresses: missing; the document lists this "
				   "node's addresses");
	if (strcmp(config->node_name, config->kube.node) != 0)
		return config_fail(reader, top,
				   "node.name: the document is for node %.100s, this is %.100s "
				   "(kubernetes.node, NODE_NAME or the host name)",
				   config->node_name, config->kube.node);
	return 0;
}
