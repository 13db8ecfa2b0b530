/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_MASQUERADE_H
#define LOADER_MASQUERADE_H

struct agent;
struct masquerade;

/*
 * One nftables table of our own (inet tortie, by libnftables): packets from a pool with
 * nat_outgoing that leave the pools (and the node's own addresses' subnets stay as Calico does it:
 * only destinations inside any pool are exempt) are masqueraded in postrouting. Removed rules (nft
 * flush ruleset) are put back within a second.
 */
int masquerade_open(struct agent *agent,
		    struct masquerade **ret_masquerade); /* 0 or -errno; no pool asks: no table */
/** masquerade_config_changed() - pools, nodes or own addresses may be others: the table is replaced
 * at once where its rules differ, made or removed. */
void masquerade_config_changed(struct masquerade *masquerade);
void masquerade_close(struct masquerade *masquerade); /* the table stays */

#endif /* LOADER_MASQUERADE_H */
