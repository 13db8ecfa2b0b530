/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_FORWARD_CHAINS_H
#define LOADER_FORWARD_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "loader/netlink.h"

#define FORWARD_CHAINS_MAX 16
#define FORWARD_NAME_MAX   63
#define FORWARD_TEXT_MAX   (5 + 2 * (FORWARD_NAME_MAX + 1))

/* How a chain drops what none of its rules accepts. */
enum forward_end {
	FORWARD_PASSES = 0,
	FORWARD_POLICY_DROPS, /* Docker, ufw */
	FORWARD_RULE_DROPS,   /* its last rule, for whatever comes: firewalld */
};

/* A base chain at hook forward of families ip, ip6 or inet. */
struct forward_chain {
	uint8_t family; /* NFPROTO_* */
	char table[FORWARD_NAME_MAX + 1], name[FORWARD_NAME_MAX + 1];
	enum forward_end end;
};

/** forward_chains_find() - all such chains, at most FORWARD_CHAINS_MAX; their number. None where
 * the kernel has no nftables. Those with names that nft(8) could not read are left out. */
size_t forward_chains_find(struct forward_chain ret_chains[FORWARD_CHAINS_MAX]);
/** forward_chain_text() - "ip filter FORWARD". */
const char *forward_chain_text(const struct forward_chain *chain, char *buf, size_t size);
/** forward_chain_rules() - call @fn for each rule of the chain (NFT_MSG_NEWRULE), in order. */
int forward_chain_rules(const struct forward_chain *chain, netlink_message_fn *fn, void *arg);

/** forward_chain_read() - does @header tell a base chain at hook forward? Its end is told as far as
 * the policy goes. Pure. */
bool forward_chain_read(const struct nlmsghdr *header, struct forward_chain *ret_chain);
/** forward_rule_drops_all() - does the rule drop or refuse whatever comes to it? Pure. */
bool forward_rule_drops_all(const struct nlmsghdr *header);
/** forward_rule_has_comment() - in the form of nft(8)? Pure. */
bool forward_rule_has_comment(const struct nlmsghdr *header);
/** forward_rule_handle() - the number by which the rule can be deleted; 0: none told. Pure. */
uint64_t forward_rule_handle(const struct nlmsghdr *header);

#endif /* LOADER_FORWARD_CHAINS_H */
