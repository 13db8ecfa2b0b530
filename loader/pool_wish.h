/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_POOL_WISH_H
#define LOADER_POOL_WISH_H

#include <stddef.h>

#include "agent_protocol.h"
#include "lib/config.h"

struct ipam;

#define POOL_WISH_MAX (CNI_POOLS_FAMILIES * CNI_POOLS_MAX + CONFIG_BLOCKS_MAX)

/* The pools that a request may take addresses from, as ipam.h wants them. */
struct pool_wish {
	char pool[POOL_WISH_MAX][NAME_MAX_LEN + 1];
	size_t count; /* 0: all pools */
};

/**
 * pool_wish_make() - the request's list, or for a family with a list of its own that one. Names
 * that no pool has are passed on, for ipam_take() to say so. 0, or -EINVAL with words in
 * @ret_error: a list of one family names a pool of the other.
 */
int pool_wish_make(const struct ipam *ipam, const struct msg_cni_request *request,
		   struct pool_wish *ret_wish, char ret_error[TEXT_MAX + 1]);

#endif /* LOADER_POOL_WISH_H */
