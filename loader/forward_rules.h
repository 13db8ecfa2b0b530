/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_FORWARD_RULES_H
#define LOADER_FORWARD_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "lib/config.h"
#include "lib/prefix_set.h"
#include "loader/forward_chains.h"

#define FORWARD_PREFIXES_MAX 256 /* two rules each, in each chain */

/* Our rules in one chain, as they are found there. */
struct forward_found {
	struct forward_rule {
		uint64_t handle;
		struct ip_prefix prefix;
		bool is_source;
		bool is_plain; /* as we write it; not as iptables-restore did */
	} * rule;
	size_t count, size;
};

/** forward_rules_pools() - the pools, without those inside others. 0 or -ENOMEM. */
int forward_rules_pools(const struct config *config, struct prefix_set *ret_pools);
/** forward_rules_note() - put @header's rule into @found when it is one of ours. 0 or -ENOMEM. */
int forward_rules_note(const struct nlmsghdr *header, struct forward_found *found);
/**
 * forward_rules_text() - commands for nft(8) that bring @found to what @pools wants in @chain: ""
 * when nothing is missing; @pools empty: remove all. The caller frees; NULL without memory.
 */
char *forward_rules_text(const struct forward_chain *chain, const struct prefix_set *pools,
			 const struct forward_found *found);
/** forward_rules_advice() - what a person may type to accept @pool in @chain. */
void forward_rules_advice(const struct forward_chain *chain, const struct ip_prefix *pool,
			  char *buf, size_t size);
/** forward_rules_fits() - can a packet of @prefix's family come to @chain? */
bool forward_rules_fits(const struct forward_chain *chain, const struct ip_prefix *prefix);

#endif /* LOADER_FORWARD_RULES_H */
