/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam_choice.c: which addresses a pod gets, or the words why it gets none.
 *
 * First the pools that the request names, in its order. Then one address per family for which these
 * have a block: the one that is asked for, exactly, or else the one that is free for longest. An
 * address that was given back less than the quarantine ago yields to any other one, also of a pool
 * further down the list. Nothing is changed here: ipam_local.c takes what was chosen, all or
 * nothing.
 */
#include "loader/ipam_local.h"

#include <errno.h>
#include <string.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/text.h"

/* The pools that a request allows, in its order, as far as they have a block here. */
struct selection {
	size_t pool[CONFIG_BLOCKS_MAX];
	size_t count;
};

/* One question, as its steps hand it on. */
struct asking {
	const struct ipam_local *local;
	const struct ipam_request *request;
	struct selection selection;
	struct ipam_answer *answer;
};

static bool name_means(const struct ipam_pool *pool, const char *text)
{
	return ipam_pool_is_named(pool->name, &pool->cidr, text);
}

bool ipam_pool_is_meant(const struct ipam_local *local, const struct ipam_request *request,
			size_t pool)
{
	for (size_t i = 0; i < request->pool_count; i++)
		if (name_means(&local->pool[pool], request->pools[i]))
			return true;
	return request->pool_count == 0;
}

static bool selection_has(const struct selection *selection, size_t pool)
{
	for (size_t i = 0; i < selection->count; i++)
		if (selection->pool[i] == pool)
			return true;
	return false;
}

static bool pool_has_block(const struct ipam_local *local, size_t pool)
{
	for (size_t i = 0; i < local->block_count; i++)
		if (local->block[i].pool == pool)
			return true;
	return false;
}

/* Names of all pools, a pool of several ranges that follow each other once. */
static void say_names(const struct ipam_local *local, char *error)
{
	const char *last = "";

	for (size_t k = 0; k < local->pool_count; k++) {
		if (strcmp(last, local->pool[k].name) == 0)
			continue;
		text_append(error, TEXT_MAX + 1, "%s \"%s\"", k > 0 ? "," : "",
			    local->pool[k].name);
		last = local->pool[k].name;
	}
}

static void say_wishes(const struct ipam_request *request, char *error)
{
	for (size_t i = 0; i < request->pool_count; i++)
		text_append(error, TEXT_MAX + 1, "%s \"%s\"", i > 0 ? "," : "", request->pools[i]);
}

static void say_no_such_pool(const struct ipam_local *local, const char *name, char *error)
{
	text_append(error, TEXT_MAX + 1, "pool \"%s\": no such pool; this node's file has", name);
	say_names(local, error);
	text_append(error, TEXT_MAX + 1, "%s", local->pool_count == 0 ? " none" : "");
}

/* The pools with blocks that @name means (NULL: all) into @ret; is there any such pool at all? */
static bool select_named(const struct ipam_local *local, const char *name, struct selection *ret)
{
	bool found = false;

	for (size_t i = 0; i < local->pool_count; i++) {
		if (name != NULL && !name_means(&local->pool[i], name))
			continue;
		found = true;
		if (pool_has_block(local, i) && !selection_has(ret, i))
			ret->pool[ret->count++] = i;
	}
	return found;
}

static int select_pools(struct asking *asking)
{
	const struct ipam_request *request = asking->request;

	if (request->pool_count == 0)
		select_named(asking->local, NULL, &asking->selection);
	for (size_t i = 0; i < request->pool_count; i++) {
		if (select_named(asking->local, request->pools[i], &asking->selection))
			continue;
		say_no_such_pool(asking->local, request->pools[i], asking->answer->error);
		return -ENOENT;
	}
	return 0;
}

static bool block_is_meant(const struct asking *asking, const struct ipam_block *block, bool v4)
{
	return ipam_block_is_v4(block) == v4 && selection_has(&asking->selection, block->pool);
}

static bool family_is_offered(const struct asking *asking, bool v4)
{
	for (size_t i = 0; i < asking->local->block_count; i++)
		if (block_is_meant(asking, &asking->local->block[i], v4))
			return true;
	return false;
}

/* --- the address that is free longest --- */

static void keep_older(struct ipam_pick *oldest, const struct ipam_pick *pick)
{
	if (oldest->block == NULL || pick->freed_ms < oldest->freed_ms)
		*oldest = *pick;
}

static bool pick_from_pool(const struct ipam_local *local, size_t pool, bool v4,
			   struct ipam_pick *ret)
{
	struct ipam_pick oldest = { 0 }, pick;

	for (size_t i = 0; i < local->block_count; i++) {
		struct ipam_block *block = &local->block[i];

		if (block->pool != pool || ipam_block_is_v4(block) != v4)
			continue;
		if (ipam_block_next_unused(block, ret))
			return true;
		if (ipam_block_next_given(block, &pick))
			keep_older(&oldest, &pick);
	}
	*ret = oldest;
	return oldest.block != NULL;
}

static bool has_rested(const struct asking *asking, const struct ipam_pick *pick)
{
	return !pick->was_given ||
	       asking->request->now_ms - pick->freed_ms >= asking->local->quarantine_ms;
}

static const char *more_of(const struct ipam_local *local)
{
	return local->is_cluster ? "let fewer run here (the kubelet's maxPods; the podCIDR of a "
				   "node cannot grow)"
				 : "give this node another block in pools[].blocks";
}

static void say_usage(const struct asking *asking, size_t pool, bool v4)
{
	const struct ipam_local *local = asking->local;
	uint64_t used = 0, capacity = 0;
	char text[IP_PREFIX_TEXT_MAX];
	bool offered = false;

	for (size_t i = 0; i < local->block_count; i++) {
		const struct ipam_block *block = &local->block[i];

		if (block->pool != pool || ipam_block_is_v4(block) != v4)
			continue;
		offered = true;
		used += block->used;
		capacity += ipam_block_capacity(block);
	}
	if (offered)
		text_append(asking->answer->error, TEXT_MAX + 1,
			    " pool \"%s\" (%s): %llu of %llu in use;", local->pool[pool].name,
			    ip_prefix_format(&local->pool[pool].cidr, text, sizeof(text)),
			    (unsigned long long)used, (unsigned long long)capacity);
}

static int refuse_exhausted(const struct asking *asking, bool v4)
{
	asking->answer->lacks_v4 = v4;
	text_append(asking->answer->error, TEXT_MAX + 1, "no free IPv%c address:", v4 ? '4' : '6');
	for (size_t i = 0; i < asking->selection.count; i++)
		say_usage(asking, asking->selection.pool[i], v4);
	text_append(asking->answer->error, TEXT_MAX + 1, " delete pods or %s",
		    more_of(asking->local));
	return -ENOSPC;
}

static int pick_oldest(const struct asking *asking, bool v4, struct ipam_pick *ret)
{
	struct ipam_pick oldest = { 0 };

	for (size_t i = 0; i < asking->selection.count; i++) {
		struct ipam_pick pick;

		if (!pick_from_pool(asking->local, asking->selection.pool[i], v4, &pick))
			continue;
		if (has_rested(asking, &pick)) {
			*ret = pick;
			return 0;
		}
		keep_older(&oldest, &pick);
	}
	*ret = oldest;
	return oldest.block != NULL ? 0 : refuse_exhausted(asking, v4);
}

/* --- an address that is asked for --- */

static void say_blocks(const struct asking *asking, bool v4)
{
	char text[IP_PREFIX_TEXT_MAX];
	size_t count = 0;

	for (size_t i = 0; i < asking->local->block_count; i++) {
		const struct ipam_block *block = &asking->local->block[i];

		if (block_is_meant(asking, block, v4))
			text_append(asking->answer->error, TEXT_MAX + 1, "%s%s",
				    count++ > 0 ? ", " : "",
				    ip_prefix_format(&block->cidr, text, sizeof(text)));
	}
}

/* @addr is in none of the blocks that the request may take from. */
static int refuse_outside(const struct asking *asking, const struct ip_addr *addr)
{
	const struct ipam_block *block = ipam_local_find(asking->local, addr);
	char text[IP_ADDR_TEXT_MAX], *error = asking->answer->error;
	bool v4 = ip_addr_is_v4(addr);

	text_append(error, TEXT_MAX + 1,
		    "requested address %s: ", ip_addr_format(addr, text, sizeof(text)));
	if (block != NULL) {
		text_append(error, TEXT_MAX + 1, "in pool \"%s\", but the request is for",
			    asking->local->pool[block->pool].name);
		say_wishes(asking->request, error);
		text_append(error, TEXT_MAX + 1, "; name that pool, or another address");
	} else if (!family_is_offered(asking, v4)) {
		text_append(error, TEXT_MAX + 1,
			    "this node has no IPv%c block%s; give it one in pools[].blocks, or do "
			    "not ask for that family",
			    v4 ? '4' : '6',
			    asking->request->pool_count > 0 ? " in these pools" : "");
	} else {
		text_append(error, TEXT_MAX + 1, "outside this node's blocks, ");
		say_blocks(asking, v4);
		text_append(error, TEXT_MAX + 1,
			    "; ask for one inside, or run the pod on the node that has its block");
	}
	return -EINVAL;
}

static int pick_wanted(const struct asking *asking, const struct ip_addr *addr,
		       struct ipam_pick *ret)
{
	static const char *const why[] = {
		[IPAM_TAKEN] = "is taken",
		[IPAM_RESERVED] = "is reserved (by reserved: of the configuration, or an "
				  "IPReservation): ask for another one, or take it off that list",
		[IPAM_ANYCAST] = "is the subnet-router anycast address of this node's block: ask "
				 "for another one",
	};
	struct ipam_block *block = ipam_local_find(asking->local, addr);
	enum ipam_condition condition;
	char text[IP_ADDR_TEXT_MAX];

	if (block == NULL || !selection_has(&asking->selection, block->pool))
		return refuse_outside(asking, addr);
	*ret = (struct ipam_pick){ .block = block, .offset = ipam_block_offset(block, addr) };
	condition = ipam_block_condition(block, ret->offset);
	if (condition == IPAM_FREE)
		return 0;
	text_append(asking->answer->error, TEXT_MAX + 1, "requested address %s %s",
		    ip_addr_format(addr, text, sizeof(text)), why[condition]);
	if (condition != IPAM_TAKEN)
		return -EINVAL;
	asking->answer->refused = *addr;
	return -EADDRINUSE;
}

/* The address of a family that is asked for into *ret_wanted, NULL when none is. */
static int find_wanted(const struct asking *asking, bool v4, const struct ip_addr **ret_wanted)
{
	const struct ipam_request *request = asking->request;
	char first[IP_ADDR_TEXT_MAX], second[IP_ADDR_TEXT_MAX];

	*ret_wanted = NULL;
	for (size_t i = 0; i < request->want_count; i++) {
		const struct ip_addr *addr = &request->want[i];

		if (ip_addr_is_v4(addr) != v4)
			continue;
		if (*ret_wanted != NULL) {
			text_append(asking->answer->error, TEXT_MAX + 1,
				    "requested addresses %s and %s: both are IPv%c, and a pod gets "
				    "one of each family; ask for one",
				    ip_addr_format(*ret_wanted, first, sizeof(first)),
				    ip_addr_format(addr, second, sizeof(second)), v4 ? '4' : '6');
			return -EINVAL;
		}
		*ret_wanted = addr;
	}
	return 0;
}

/* --- both families --- */

static int pick_family(const struct asking *asking, bool v4, struct ipam_choice *choice)
{
	struct ipam_pick *pick = &choice->pick[choice->count];
	const struct ip_addr *wanted;
	int err;

	err = find_wanted(asking, v4, &wanted);
	if (err < 0)
		return err;
	if (wanted != NULL)
		err = pick_wanted(asking, wanted, pick);
	else if (family_is_offered(asking, v4))
		err = pick_oldest(asking, v4, pick);
	else
		return 0;
	choice->count += err == 0;
	return err;
}

static int refuse_all(const struct asking *asking)
{
	char *error = asking->answer->error;

	text_append(error, TEXT_MAX + 1, "no pool");
	if (asking->request->pool_count == 0)
		say_names(asking->local, error);
	say_wishes(asking->request, error);
	text_append(error, TEXT_MAX + 1,
		    " with a block of this node; give it one in pools[].blocks");
	return -ENOSPC;
}

int ipam_choose(const struct ipam_local *local, const struct ipam_request *request,
		struct ipam_choice *ret_choice, struct ipam_answer *answer)
{
	struct asking asking = { .local = local, .request = request, .answer = answer };
	int err;

	memset(answer, 0, sizeof(*answer));
	ret_choice->count = 0;
	err = select_pools(&asking);
	for (int v6 = 0; v6 < 2 && err == 0; v6++)
		err = pick_family(&asking, !v6, ret_choice);
	if (err == 0 && ret_choice->count == 0)
		err = refuse_all(&asking);
	return err;
}
