/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_config.c: any octets as a configuration file.
 *
 * The parser must end with 0 or -EINVAL (memory is not made scarce here), with one line of words
 * on failure and, on success, with what config.h promises: an address of the node, blocks inside
 * their pools, peers with an AS.
 *
 * links: lib/ip_prefix.c lib/next_hops.c lib/config*.c
 * covers: lib/config_yaml.c lib/config_reader.c lib/config_keys.c lib/config_bgp.c
 * covers: lib/config_peers.c lib/config_filters.c lib/config_rules.c lib/config_check.c
 * covers: lib/config_announce.c lib/config_routes.c lib/config_listen.c lib/config_bfd.c
 * covers: lib/config_cluster.c:config_read_kubernetes
 * covers: lib/config_cluster.c:refuse_what_the_cluster_says
 * covers: lib/config_cluster.c:config_kubernetes_settle
 * libs: -lyaml
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_config(const struct config *config)
{
	size_t i, k;

	require(config->node_name[0] && (config->kubernetes || config->node_address_count >= 1));
	require(!config->kubernetes || config->pool_count + config->node_count == 0);
	require(config->mtu == CONFIG_MTU_AUTO || config->mtu >= 1280);
	for (i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pool[i];

		for (k = 0; k < pool->block_count; k++)
			require(ip_prefix_covers(&pool->cidr, &pool->block[k]));
	}
	for (i = 0; i < config->bgp.peer_count; i++) {
		require(config->bgp.peer[i].as != 0);
		require(config->bgp.peer[i].ipv4 || config->bgp.peer[i].ipv6);
	}
	for (i = 1; i < config->bgp.announce_count; i++)
		require(ip_prefix_compare(&config->bgp.announce[i - 1], &config->bgp.announce[i]) <
			0);
	for (i = 0; i < config->bgp.service_range_count; i++)
		for (k = 0; k < config->pool_count; k++)
			require(!ip_prefix_overlaps(&config->pool[k].cidr,
						    &config->bgp.service_range[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = NULL;
	struct config_error error;
	int err = config_parse((const char *)data, size, "fuzz", &config, &error);

	if (err == 0) {
		check_config(config);
	} else {
		require(err == -EINVAL && !config);
		require(error.text[0] && !strchr(error.text, '\n'));
	}
	config_free(config);
	return 0;
}
