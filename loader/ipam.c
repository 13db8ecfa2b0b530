/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam.c: addresses for pods, whoever they come from.
 *
 * Callers know these functions; each goes through the source's table. A further source (a cluster
 * that lends blocks on demand, say) is another table and another ipam_..._new(), and no caller
 * changes.
 */
#include "loader/ipam.h"

#include <string.h>

#include "lib/ip_prefix.h"

bool ipam_pool_is_named(const char *name, const struct ip_prefix *cidr, const char *text)
{
	struct ip_prefix wanted;

	return strcmp(name, text) == 0 ||
	       (ip_prefix_parse(text, &wanted) == 0 && ip_prefix_equal(&wanted, cidr));
}

void ipam_free(struct ipam *ipam)
{
	if (ipam != NULL)
		ipam->ops->free(ipam);
}

int ipam_update(struct ipam *ipam, const struct config *config)
{
	return ipam->ops->update(ipam, config);
}

bool ipam_holds(const struct ipam *ipam, const struct ip_addr *addr)
{
	return ipam->ops->holds(ipam, addr);
}

bool ipam_allows(const struct ipam *ipam, const struct ipam_request *request,
		 const struct ip_addr *addr)
{
	return ipam->ops->allows(ipam, request, addr);
}

int ipam_take(struct ipam *ipam, const struct ipam_request *request, struct ipam_answer *ret_answer)
{
	return ipam->ops->take(ipam, request, ret_answer);
}

int ipam_probe(struct ipam *ipam, const struct ipam_request *request,
	       struct ipam_answer *ret_answer)
{
	return ipam->ops->probe(ipam, request, ret_answer);
}

int ipam_adopt(struct ipam *ipam, const struct ip_addr *addr)
{
	return ipam->ops->adopt(ipam, addr);
}

void ipam_rest(struct ipam *ipam, const struct ip_addr *addr, uint64_t freed_ms)
{
	ipam->ops->rest(ipam, addr, freed_ms);
}

void ipam_release(struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms)
{
	ipam->ops->release(ipam, addr, now_ms);
}

int ipam_for_each_block(const struct ipam *ipam, uint64_t now_ms, ipam_block_fn *fn, void *arg)
{
	return ipam->ops->for_each_block(ipam, now_ms, fn, arg);
}

void ipam_describe(const struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms,
		   struct msg_address *ret)
{
	ipam->ops->describe(ipam, addr, now_ms, ret);
}
