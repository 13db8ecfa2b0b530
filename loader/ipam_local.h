/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_IPAM_LOCAL_H
#define LOADER_IPAM_LOCAL_H

#include "loader/ipam.h"
#include "loader/ipam_block.h"

/* Of the files that hand out this node's blocks: ipam_local.c, ipam_choice.c. */

struct ipam_pool {
	char name[NAME_MAX_LEN + 1];
	struct ip_prefix cidr;
	bool nat_outgoing;
};

struct ipam_local {
	struct ipam ipam;
	uint64_t quarantine_ms;
	bool is_cluster; /* blocks are the node's podCIDRs */
	struct ipam_pool *pool;
	size_t pool_count;
	struct ipam_block *block;
	size_t block_count;
};

/* One address of each family at most. */
struct ipam_choice {
	struct ipam_pick pick[2];
	int count;
};

/** ipam_local_find() - the block that serves @addr, or NULL. */
struct ipam_block *ipam_local_find(const struct ipam_local *local, const struct ip_addr *addr);

/** ipam_choose() - what ipam_take() would take; nothing is changed. Results and words as there. */
int ipam_choose(const struct ipam_local *local, const struct ipam_request *request,
		struct ipam_choice *ret_choice, struct ipam_answer *answer);
/** ipam_pool_is_meant() - may @request take from pool number @pool? */
bool ipam_pool_is_meant(const struct ipam_local *local, const struct ipam_request *request,
			size_t pool);

#endif /* LOADER_IPAM_LOCAL_H */
