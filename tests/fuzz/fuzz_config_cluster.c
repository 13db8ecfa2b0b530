/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_config_cluster.c: any octets as the cluster's document.
 *
 * A document that is taken is for this node, has addresses, and its nodes, blocks and pools are
 * apart from each other; one that is refused is refused with one line, in the document.
 *
 * links: lib/ip_prefix.c lib/next_hops.c lib/config*.c
 * covers: lib/config_check_nodes.c lib/config_cluster.c:config_document_read
 * covers: lib/config_cluster.c:read_array lib/config_cluster.c:read_member
 * covers: lib/config_cluster.c:config_read_nodes lib/config_cluster.c:config_read_reserved
 * covers: lib/config_cluster.c:read_range lib/config_cluster.c:parse_range
 * libs: -lyaml
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"

#define BASE "kubernetes: {node: n1}\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_nodes(const struct config *config)
{
	for (size_t i = 0; i < config->node_count; i++) {
		const struct config_cluster_node *a = &config->node[i];

		require(a->name && a->name[0]);
		for (size_t k = 0; k < i; k++) {
			const struct config_cluster_node *b = &config->node[k];

			require(strcmp(a->name, b->name) != 0);
			for (size_t m = 0; m < a->block_count; m++)
				for (size_t n = 0; n < b->block_count; n++)
					require(!ip_prefix_overlaps(&a->block[m], &b->block[n]));
		}
	}
}

static void check_config(const struct config *config)
{
	require(config->kubernetes && strcmp(config->node_name, "n1") == 0);
	require(config->node_address_count >= 1 && config->route_count == 0);
	check_nodes(config);
	for (size_t i = 0; i < config->reserved_count; i++) {
		const struct config_range *range = &config->reserved[i];

		require(ip_addr_is_v4(&range->first) == ip_addr_is_v4(&range->last));
		require(ip_addr_compare(&range->first, &range->last) <= 0);
	}
	for (size_t i = 0; i < config->pool_count; i++)
		for (size_t k = 0; k < i; k++)
			require(!ip_prefix_overlaps(&config->pool[i].cidr, &config->pool[k].cidr));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct config_source source = {
		.file = "fuzz",
		.base = BASE,
		.base_len = strlen(BASE),
		.document = (const char *)data,
		.document_len = size,
	};
	struct config *config = NULL;
	struct config_error error;
	int err;

	if (!data)
		return 0;
	err = config_parse_cluster(&source, &config, &error);
	if (err == 0) {
		check_config(config);
	} else {
		require(err == -EINVAL && !config && error.in_document);
		require(error.text[0] && !strchr(error.text, '\n'));
	}
	config_free(config);
	return 0;
}
