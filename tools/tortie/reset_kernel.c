/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset_kernel.c: what reset removes from the kernel's tables.
 *
 * A link is ours when its name starts with cali, its group is one of our three and its alias is a
 * record of ours: Calico's own cali* links have neither and stay. Pods' links take their hooks,
 * host routes, neighbours and the pods' ends along. Routes are ours by their protocol number,
 * filters by preference, handle and program name, the nftables table by its name.
 */
#include "tools/tortie/reset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node_objects.h"
#include "tools/tortie/kernel.h"
#include "tools/tortie/nft.h"

static bool link_is_ours(const struct kernel_link *link, const struct reset_scope *scope)
{
	if (!kernel_link_is_pod(link))
		return false;
	for (size_t i = 0; i < sizeof(scope->group) / sizeof(scope->group[0]); i++) {
		if (link->group == scope->group[i])
			return true;
	}
	return false;
}

/* All links of the node, the caller's; their number. None, and said, when they cannot be read. */
static size_t links_of_node(struct reset_report *report, struct kernel_link **ret_links)
{
	size_t count = 0;
	int err = kernel_links(ret_links, &count);

	if (err == 0)
		return count;
	*ret_links = NULL;
	reset_failed(report, "links", err);
	return 0;
}

void reset_links(const struct reset_scope *scope, struct reset_report *report)
{
	struct kernel_link *links;
	size_t count = links_of_node(report, &links);
	int err;

	for (size_t i = 0; i < count; i++) {
		if (!link_is_ours(&links[i], scope))
			continue;
		err = kernel_link_delete(links[i].ifindex);
		if (err < 0)
			reset_failed(report, links[i].name, err);
		else
			reset_removed(report, "link %s (a pod's, with its hooks and routes)",
				      links[i].name);
	}
	free(links);
}

static void reset_filter(const struct kernel_link *link, bool is_egress,
			 struct reset_report *report)
{
	int err = kernel_filter_delete(link->ifindex, is_egress);

	if (err < 0)
		reset_failed(report, link->name, err);
	else if (err > 0)
		reset_removed(report, "filter %s on %s",
			      is_egress ? UPLINK_EGRESS_NAME : UPLINK_PROGRAM_NAME, link->name);
}

void reset_filters(struct reset_report *report)
{
	struct kernel_link *links;
	size_t count = links_of_node(report, &links);

	for (size_t i = 0; i < count; i++) {
		reset_filter(&links[i], true, report);
		reset_filter(&links[i], false, report);
	}
	free(links);
}

void reset_routes(struct reset_report *report)
{
	size_t count;
	int err;

	/* First: a route that names a group goes with it, and cannot be deleted as it is told. */
	err = kernel_next_hops_delete(ROUTE_PROTOCOL, &count);
	if (count > 0)
		reset_removed(report, "%zu next hops of protocol %d", count, ROUTE_PROTOCOL);
	if (err < 0)
		reset_failed(report, "next hops", err);
	err = kernel_routes_delete(ROUTE_PROTOCOL, &count);
	if (count > 0)
		reset_removed(report, "%zu routes of protocol %d", count, ROUTE_PROTOCOL);
	if (err < 0)
		reset_failed(report, "routes", err);
}

void reset_nft_table(struct reset_report *report)
{
	static const char table[] = "table " NFT_TABLE_FAMILY " " NFT_TABLE_NAME;
	int err;

	/* Listing fails when the table is not there, or nf_tables is not: nothing to remove. */
	if (nft_run("list "
		    "table " NFT_TABLE_FAMILY " " NFT_TABLE_NAME,
		    NULL) < 0)
		return;
	err = nft_run("delete "
		      "table " NFT_TABLE_FAMILY " " NFT_TABLE_NAME,
		      NULL);
	if (err < 0)
		reset_failed(report, table, err);
	else
		reset_removed(report, "nftables %s", table);
}
