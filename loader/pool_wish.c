/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_wish.c: which pools a pod's addresses may come from.
 *
 * A network's configuration has one list for both families (`pools`). A pod's annotations have one
 * for each (cni.projectcalico.org/ipv4pools, ipv6pools), and one that is there counts instead of
 * the network's for its own family alone. Addresses are chosen from one list of pools, so the two
 * are put together here: where one family has a list, the other's part is written out, with the
 * names of the pools that it would have had anyhow.
 */
#include "loader/pool_wish.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/ip_prefix.h"
#include "loader/ipam.h"

/* One name against all pools. */
struct look {
	const char *name;
	bool found[CNI_POOLS_FAMILIES];
};

/* All pools of a family that have a block here. */
struct gathering {
	struct pool_wish *wish;
	int family;
};

static int family_of(const struct msg_pool *pool)
{
	return ip_addr_is_v4(&pool->cidr.addr) ? CNI_POOLS_V4 : CNI_POOLS_V6;
}

static int look_at(const struct msg_pool *pool, const struct msg_block *block, void *arg)
{
	struct look *look = arg;

	if (block == NULL && ipam_pool_is_named(pool->name, &pool->cidr, look->name))
		look->found[family_of(pool)] = true;
	return 0;
}

static struct look look_for(const struct ipam *ipam, const char *name)
{
	struct look look = { .name = name };

	ipam_for_each_block(ipam, 0, look_at, &look);
	return look;
}

static void append(struct pool_wish *wish, const char *name)
{
	if (wish->count < POOL_WISH_MAX)
		snprintf(wish->pool[wish->count++], sizeof(wish->pool[0]), "%s", name);
}

static int gather(const struct msg_pool *pool, const struct msg_block *block, void *arg)
{
	const struct gathering *gathering = arg;
	struct pool_wish *wish = gathering->wish;

	if (block != NULL || pool->block_count == 0 || family_of(pool) != gathering->family)
		return 0;
	for (size_t i = 0; i < wish->count; i++)
		if (strcmp(wish->pool[i], pool->name) == 0)
			return 0; /* of several ranges */
	append(wish, pool->name);
	return 0;
}

static int append_annotated(const struct ipam *ipam, const struct msg_cni_request *request,
			    int family, struct pool_wish *wish, char error[TEXT_MAX + 1])
{
	for (__u32 i = 0; i < request->family_pool_count[family]; i++) {
		const char *name = request->family_pool[family][i];
		struct look look = look_for(ipam, name);

		if (look.found[!family] && !look.found[family]) {
			snprintf(error, TEXT_MAX + 1,
				 "pool \"%s\" has %s addresses, and the pod's annotation asks it "
				 "for %s ones",
				 name, family == CNI_POOLS_V4 ? "IPv6" : "IPv4",
				 family == CNI_POOLS_V4 ? "IPv4" : "IPv6");
			return -EINVAL;
		}
		append(wish, name);
	}
	return 0;
}

/* What the network's list has for a family. Unknown names go along. */
static void append_configured(const struct ipam *ipam, const struct msg_cni_request *request,
			      int family, struct pool_wish *wish)
{
	struct gathering gathering = { .wish = wish, .family = family };

	if (request->pool_count == 0)
		ipam_for_each_block(ipam, 0, gather, &gathering);
	for (__u32 i = 0; i < request->pool_count; i++) {
		struct look look = look_for(ipam, request->pool[i]);

		if (look.found[family] || !look.found[!family])
			append(wish, request->pool[i]);
	}
}

int pool_wish_make(const struct ipam *ipam, const struct msg_cni_request *request,
		   struct pool_wish *ret_wish, char ret_error[TEXT_MAX + 1])
{
	bool is_annotated = request->family_pool_count[CNI_POOLS_V4] > 0 ||
			    request->family_pool_count[CNI_POOLS_V6] > 0;

	ret_wish->count = 0;
	for (__u32 i = 0; !is_annotated && i < request->pool_count; i++)
		append(ret_wish, request->pool[i]);
	for (int family = 0; is_annotated && family < CNI_POOLS_FAMILIES; family++) {
		int err = append_annotated(ipam, request, family, ret_wish, ret_error);

		if (err < 0)
			return err;
		if (request->family_pool_count[family] == 0)
			append_configured(ipam, request, family, ret_wish);
	}
	return 0;
}
