/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.c: what a peer may tell us.
 *
 * Two questions, asked before a route gets into the table: can routes with these attributes be used
 * (no loop, a next hop that is somebody else's unicast address), and is this prefix one that the
 * peer's import policy lets in. The default, `pools`, is the spirit of RFC 8212 for a pod network:
 * only what lies inside a configured pool and is not part of a block of this node, so that no peer
 * can draw away the host's traffic or a pod of ours. `all` takes what is a unicast prefix at all.
 * A route reflector also takes what nodes announce of Services, because others hear of it through
 * it alone; no node uses such a route, its own kube-proxy translates (bgp.service_ranges).
 * The pools and blocks of a configuration become a filter once, for a cluster may have thousands.
 *
 * Later filters are further questions here. Pure.
 */
#include "bgp/import.h"

#include <errno.h>

#include "bgp/as_path.h"
#include "bgp/reflector.h"
#include "lib/ip_prefix.h"

static bool is_own_address(const struct config *config, const struct import_context *context,
			   const struct ip_addr *addr)
{
	if (ip_addr_equal(addr, &context->local_addr))
		return true;
	for (size_t i = 0; i < config->node_address_count; i++)
		if (ip_addr_equal(addr, &config->node_address[i]))
			return true;
	return false;
}

/* RFC 4271 section 9.1.2: not a path that has been here; unless so often is allowed. */
static bool is_as_loop(const struct config *config, const struct import_context *context,
		       const struct attribute_view *view)
{
	size_t len = view->values->as_path_len;
	unsigned int count = as_path_count(view->as_path, len, config->bgp.as);

	if (context->local_as != config->bgp.as)
		count += as_path_count(view->as_path, len, context->local_as);
	return count > context->allow_own_as;
}

enum import_refusal import_check_route(const struct config *config,
				       const struct import_context *context,
				       const struct attribute_view *view,
				       const struct ip_addr *next_hop)
{
	if (is_as_loop(config, context, view))
		return IMPORT_AS_LOOP;
	if (!context->is_ebgp && reflector_is_loop(view, context->router_id, context->cluster_id))
		return IMPORT_REFLECTION_LOOP;
	if (ip_addr_is_zero(next_hop) || is_own_address(config, context, next_hop))
		return IMPORT_NEXT_HOP;
	return IMPORT_OK;
}

const char *import_refusal_text(enum import_refusal refusal)
{
	static const char *const texts[] = {
		[IMPORT_OK] = "none",
		[IMPORT_AS_LOOP] = "our AS is in the path",
		[IMPORT_REFLECTION_LOOP] = "it was reflected by or from us",
		[IMPORT_NEXT_HOP] = "its next hop is no other router's address",
	};

	return texts[refusal];
}

/* 127/8, 224/3, 0/8, ::, ::1, fe80::/10, ff00::/8, ::ffff:0:0/96 and 169.254/16 are none that a
 * route can lead to. What is wider than 0/8, as a default route is, has others in it. */
static bool is_martian(const struct ip_prefix *prefix)
{
	const struct ip_addr *addr = &prefix->addr;
	unsigned int bits = ip_prefix_family_bits(prefix);
	uint8_t first = *(const uint8_t *)&addr->word[3]; /* octet of an IPv4 address */

	if (ip_addr_is_v4(addr) && ((first == 0 && bits >= 8) || first >= 224))
		return true;
	return (ip_addr_is_zero(addr) && bits == IP_ADDR_BITS) || ip_addr_is_loopback(addr) ||
	       ip_addr_is_multicast(addr) || ip_addr_is_link_local(addr);
}

bool import_accepts_prefix(const struct import_filter *filter, enum config_import policy,
			   const struct ip_prefix *prefix)
{
	if (policy == IMPORT_NONE || is_martian(prefix))
		return false;
	if (policy == IMPORT_ALL)
		return true;
	if (filter->is_reflector && import_is_service(filter, prefix))
		return true;
	return prefix_set_covers(&filter->pools, prefix) &&
	       !prefix_set_covers(&filter->blocks, prefix);
}

bool import_is_service(const struct import_filter *filter, const struct ip_prefix *prefix)
{
	return prefix_set_covers(&filter->services, prefix);
}

static int add_pool(struct import_filter *filter, const struct config_pool *pool)
{
	int err = prefix_set_add(&filter->pools, &pool->cidr);

	for (size_t i = 0; err == 0 && i < pool->block_count; i++)
		err = prefix_set_add(&filter->blocks, &pool->block[i]);
	return err;
}

static bool has_client(const struct config_bgp *bgp)
{
	for (size_t i = 0; i < bgp->peer_count; i++)
		if (bgp->peer[i].reflector_client)
			return true;
	return false;
}

int import_filter_init(struct import_filter *filter, const struct config *config)
{
	const struct config_bgp *bgp = &config->bgp;
	int err = 0;

	*filter = (struct import_filter){ .is_reflector = has_client(bgp) };
	for (size_t i = 0; i < config->pool_count && err == 0; i++)
		err = add_pool(filter, &config->pool[i]);
	for (size_t i = 0; i < bgp->service_range_count && err == 0; i++)
		err = prefix_set_add(&filter->services, &bgp->service_range[i]);
	if (err < 0) {
		import_filter_fini(filter);
		return err;
	}
	prefix_set_seal(&filter->pools);
	prefix_set_seal(&filter->blocks);
	prefix_set_seal(&filter->services);
	return 0;
}

void import_filter_fini(struct import_filter *filter)
{
	prefix_set_free(&filter->pools);
	prefix_set_free(&filter->blocks);
	prefix_set_free(&filter->services);
}

static bool passes_more(const struct import_filter *before, const struct import_filter *now)
{
	return now->is_reflector && now->services.count > 0 &&
	       (!before->is_reflector || !prefix_set_includes(&before->services, &now->services));
}

bool import_filter_lets_in_more(const struct import_filter *before, const struct import_filter *now)
{
	return !prefix_set_includes(&before->pools, &now->pools) ||
	       !prefix_set_includes(&now->blocks, &before->blocks) || passes_more(before, now);
}
