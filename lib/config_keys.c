/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_keys.c: every key of the configuration but those below bgp.
 *
 * The tables say the key's name, how it is read, its range and its field in struct config; a few
 * keys have a reader of their own for what a table cannot say. Defaults are set before anything is
 * read (config.c). docs/configuration.md describes the same keys for people, in the same order.
 *
 * Values that this version does not serve yet are known and refused by name, so that a file
 * written for a later version fails with the reason instead of doing something else.
 */
#include "lib/config_parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

#define GROUP_MAX 2147483647

/* An address that a node or a next hop can have. */
int config_read_unicast(struct config_reader *reader, const struct config_row *row,
			const struct config_node *node, void *field)
{
	struct ip_addr *addr = field;
	int err = config_read_addr(reader, row, node, field);

	if (err < 0)
		return err;
	if (ip_addr_is_zero(addr) || ip_addr_is_multicast(addr) || ip_addr_is_link_local(addr))
		return config_fail(reader, node, "%s: not a unicast address of a network",
				   node->text);
	return 0;
}

/* --- node --- */

int config_read_node_addresses(struct config_reader *reader, const struct config_row *row,
			       const struct config_node *node, void *field)
{
	const struct config_row item = { .read = config_read_unicast };
	struct config *config = field;
	int err = config_check_list(reader, node, CONFIG_NODE_ADDRESSES_MAX);
	size_t i, k;

	if (err == 0)
		err = config_read_list(reader, &item, node, config->node_address,
				       sizeof(config->node_address[0]));
	if (err < 0)
		return err;
	for (i = 0; i < node->count; i++) {
		for (k = 0; k < i; k++) {
			if (ip_addr_equal(&config->node_address[i], &config->node_address[k]))
				return config_fail(reader, config_item(node, i),
						   "%s: stands here twice",
						   config_item(node, i)->text);
		}
	}
	config->node_address_count = node->count;
	return 0;
}

/* What the kernel takes as a link's name (dev_valid_name), printable only. */
static int read_ifname(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	const char *p, *text = config_text(reader, node);

	if (!text)
		return -EINVAL;
	for (p = text; isgraph((unsigned char)*p) && *p != '/' && *p != ':'; p++)
		;
	if (*p || p - text > IFNAME_MAX || !strcmp(text, ".") || !strcmp(text, ".."))
		return config_fail(reader, node,
				   "not the name of a link (1 to 15 characters, no space, / or :)");
	strcpy(field, text);
	return 0;
}

static int read_uplinks(struct config_reader *reader, const struct config_row *row,
			const struct config_node *node, void *field)
{
	const struct config_row item = { .read = read_ifname };
	struct config *config = field;
	int err = config_check_list(reader, node, CONFIG_UPLINKS_MAX);
	size_t i, k;

	if (err == 0)
		err = config_read_list(reader, &item, node, config->uplink,
				       sizeof(config->uplink[0]));
	if (err < 0)
		return err;
	for (i = 0; i < node->count; i++) {
		for (k = 0; k < i; k++) {
			if (strcmp(config->uplink[i], config->uplink[k]) == 0)
				return config_fail(reader, config_item(node, i),
						   "%s: stands here twice", config->uplink[i]);
		}
	}
	config->uplink_count = node->count;
	return 0;
}

static const struct config_row node_rows[] = {
	{ "name", config_read_name, offsetof(struct config, node_name), .max = NAME_MAX_LEN },
	{ "addresses", config_read_node_addresses, 0 },
	{ "uplinks", read_uplinks, 0 },
};

static int read_node(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	return config_read_map(reader, node, CONFIG_ROWS(node_rows), field);
}

/* --- pools --- */

static int read_blocks(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	const struct config_row item = { .read = config_read_prefix };
	struct config_pool *pool = field;
	int err = config_check_list(reader, node, CONFIG_BLOCKS_MAX);

	if (err < 0 || node->count == 0)
		return err;
	pool->block = calloc(node->count, sizeof(*pool->block));
	if (!pool->block)
		return -ENOMEM;
	pool->block_count = node->count;
	return config_read_list(reader, &item, node, pool->block, sizeof(*pool->block));
}

static int read_encapsulation(struct config_reader *reader, const struct config_row *row,
			      const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);

	if (!text)
		return -EINVAL;
	if (!strcmp(text, "cross-subnet") || !strcmp(text, "always"))
		return config_fail(reader, node, "%s: not in this version; it serves never only",
				   text);
	if (strcmp(text, "never") != 0)
		return config_fail(reader, node, "must be never");
	return 0;
}

static const struct config_row pool_rows[] = {
	{ "name", config_read_name, offsetof(struct config_pool, name), .max = NAME_MAX_LEN },
	{ "cidr", config_read_prefix, offsetof(struct config_pool, cidr) },
	{ "blocks", read_blocks, 0 },
	{ "nat_outgoing", config_read_bool, offsetof(struct config_pool, nat_outgoing) },
	{ "encapsulation", read_encapsulation, 0 },
};

static int read_pool(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	int err = config_read_map(reader, node, CONFIG_ROWS(pool_rows), field);

	if (err == 0 && (!config_find(node, "name") || !config_find(node, "cidr")))
		return config_fail(reader, node, "needs name and cidr");
	return err;
}

int config_read_pools(struct config_reader *reader, const struct config_row *row,
		      const struct config_node *node, void *field)
{
	const struct config_row item = { .read = read_pool };
	struct config *config = field;
	int err = config_check_list(reader, node, CONFIG_POOLS_MAX);

	if (err < 0 || node->count == 0)
		return err;
	config->pool = calloc(node->count, sizeof(*config->pool));
	if (!config->pool)
		return -ENOMEM;
	config->pool_count = node->count;
	return config_read_list(reader, &item, node, config->pool, sizeof(*config->pool));
}

/* --- single values --- */

static int read_mtu(struct config_reader *reader, const struct config_row *row,
		    const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);

	if (!text)
		return -EINVAL;
	if (strcmp(text, "auto") == 0 && !node->quoted) {
		*(uint32_t *)field = CONFIG_MTU_AUTO;
		return 0;
	}
	if (text[0] < '0' || text[0] > '9')
		return config_fail(reader, node, "neither auto nor a number from %u to %u",
				   row->min, row->max);
	return config_read_u32(reader, row, node, field);
}

/* true: auto, false: none. */
static int read_auto(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	unsigned int choice = 0;
	int err = config_read_choice(reader, row, node, &choice);

	if (err == 0)
		*(bool *)field = choice == 0;
	return err;
}

int config_read_user(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	char name[CONFIG_USER_NAME_MAX + 1], *copy;
	int err = config_read_name(reader, row, node, name);

	if (err < 0)
		return err;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

#define GROUP_ROW(name)                                                                           \
	{                                                                                         \
#name, config_read_u32, offsetof(struct config, group_##name), 1, GROUP_MAX, NULL \
	}

static const struct config_row group_rows[] = {
	GROUP_ROW(creating),
	GROUP_ROW(live),
	GROUP_ROW(dying),
};

static int read_groups(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	const struct config *config = field;
	int err = config_read_map(reader, node, CONFIG_ROWS(group_rows), field);

	if (err < 0)
		return err;
	if (config->group_creating == config->group_live ||
	    config->group_creating == config->group_dying ||
	    config->group_live == config->group_dying)
		return config_fail(reader, node,
				   "creating, live and dying (%u, %u, %u) must be three different "
				   "numbers",
				   config->group_creating, config->group_live, config->group_dying);
	return 0;
}

static const struct config_row map_rows[] = {
	{ "endpoints", config_read_u32, offsetof(struct config, map_endpoints), 16, 1048576, NULL },
	{ "routes", config_read_u32, offsetof(struct config, map_routes), 16, 1048576, NULL },
	{ "stack_tcp", config_read_u32, offsetof(struct config, map_stack_tcp), 1024, 1048576,
	  NULL },
	{ "stack_other", config_read_u32, offsetof(struct config, map_stack_other), 1024, 1048576,
	  NULL },
};

static int read_maps(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	return config_read_map(reader, node, CONFIG_ROWS(map_rows), field);
}

static const struct config_row forwarding_rows[] = {
	{ "accept", config_read_bool, offsetof(struct config, forwarding_accept) },
};

static int read_forwarding(struct config_reader *reader, const struct config_row *row,
			   const struct config_node *node, void *field)
{
	return config_read_map(reader, node, CONFIG_ROWS(forwarding_rows), field);
}

static const struct config_row cni_rows[] = {
	{ "dir", config_read_path, offsetof(struct config, cni_dir) },
	{ "conflist", read_auto, offsetof(struct config, cni_conflist), .choices = "auto none" },
	{ "exclusive", config_read_bool, offsetof(struct config, cni_exclusive) },
	{ "portmap", read_auto, offsetof(struct config, cni_portmap), .choices = "auto none" },
	{ "bin_dir", config_read_path, offsetof(struct config, cni_bin_dir) },
};

static int read_cni(struct config_reader *reader, const struct config_row *row,
		    const struct config_node *node, void *field)
{
	return config_read_map(reader, node, CONFIG_ROWS(cni_rows), field);
}

static int read_metrics_listen(struct config_reader *reader, const struct config_row *row,
			       const struct config_node *node, void *field)
{
	struct config *config = field;

	return config_listen_read(reader, node, 0, &config->metrics_listen,
				  &config->metrics_listen_count);
}

static const struct config_row metrics_rows[] = {
	{ "listen", read_metrics_listen, 0 },
};

static int read_metrics(struct config_reader *reader, const struct config_row *row,
			const struct config_node *node, void *field)
{
	return config_read_map(reader, node, CONFIG_ROWS(metrics_rows), field);
}

static const struct config_row top_rows[] = {
	{ "node", read_node, 0 },
	{ "pools", config_read_pools, 0 },
	{ "nodes", config_read_nodes, 0 },
	{ "reserved", config_read_reserved, 0 },
	{ "routes", config_read_routes, 0 },
	{ "mtu", read_mtu, offsetof(struct config, mtu), 1280, 65535, NULL },
	{ "big_tcp", config_read_choice, offsetof(struct config, big_tcp),
	  .choices = "auto always none" },
	{ "quarantine", config_read_u32, offsetof(struct config, quarantine_s), 0, 86400, NULL },
	{ "kube_proxy", config_read_choice, offsetof(struct config, kube_proxy),
	  .choices = "beside none" },
	{ "forwarding", read_forwarding, 0 },
	{ "log_level", config_read_choice, offsetof(struct config, log_level),
	  .choices = "error warning info debug" },
	{ "groups", read_groups, 0 },
	{ "maps", read_maps, 0 },
	{ "cni", read_cni, 0 },
	{ "bgpd_user", config_read_user, offsetof(struct config, bgpd_user),
	  .max = CONFIG_USER_NAME_MAX },
	{ "metrics", read_metrics, 0 },
	{ "kubernetes", config_read_kubernetes, 0 },
	{ "bgp", NULL, 0 }, /* config_bgp_read() */
};

int config_keys_read(struct config_reader *reader, const struct config_node *top,
		     struct config *config)
{
	int err = config_read_map(reader, top, CONFIG_ROWS(top_rows), config);

	if (err == 0 && !config->kubernetes && config->node_address_count == 0)
		return config_fail(reader, top,
				   "node.addresses: missing; list at least one address of this "
				   "node");
	return err;
}
