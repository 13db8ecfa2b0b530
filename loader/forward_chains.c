/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward_chains.c: which firewall drops what the host forwards?
 *
 * A base chain at netfilter's hook forward can drop in two ways what none of its rules accepts: by
 * its policy (Docker, ufw, by iptables over nf_tables), or by a last rule without a condition
 * (firewalld). What another chain accepted does not help: each base chain must let a packet pass.
 *
 * Asked of the kernel directly (nft_socket.c). The rules of iptables-legacy are in another table of
 * the kernel: lib/legacy_forward.c. include/uapi/linux/netfilter/nf_tables.h.
 */
#include "loader/forward_chains.h"

#include <endian.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>

#include "loader/netlink_attr.h"
#include "loader/nft_socket.h"

#define NAME_CHARS                                                       \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"-_./"

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	default:
		return NULL;
	}
}

static struct nlattr *writable(const struct nlattr *attr)
{
	return (struct nlattr *)(uintptr_t)attr; /* libnl only reads it */
}

/* The attributes inside @attr (NULL: none); all absent where they cannot be read. */
static void parse_nested(const struct nlattr *attr, struct nlattr **ret_attrs, int max)
{
	memset(ret_attrs, 0, ((size_t)max + 1) * sizeof(*ret_attrs));
	if (attr)
		nla_parse_nested(ret_attrs, max, writable(attr), NULL);
}

/* Numbers of nf_tables are in network order. */
static uint32_t read_be32(const struct nlattr *attr, uint32_t fallback)
{
	return ntohl(netlink_attr_u32(attr, htonl(fallback)));
}

static bool read_name(const struct nlattr *attr, char name[FORWARD_NAME_MAX + 1])
{
	char text[NFT_TABLE_MAXNAMELEN];
	size_t len;

	if (netlink_attr_text(attr, text, sizeof(text)) < 0)
		return false;
	len = strlen(text);
	if (len == 0 || len > FORWARD_NAME_MAX || strspn(text, NAME_CHARS) != len)
		return false;
	memcpy(name, text, len + 1);
	return true;
}

bool forward_chain_read(const struct nlmsghdr *header, struct forward_chain *ret_chain)
{
	const struct nfgenmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[NFTA_CHAIN_MAX + 1];
	struct nlattr *hook[NFTA_HOOK_MAX + 1];

	if (header->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) || !body ||
	    !family_name(body->nfgen_family))
		return false;
	netlink_attrs(header, sizeof(*body), attr, NFTA_CHAIN_MAX + 1);
	parse_nested(attr[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX);
	*ret_chain = (struct forward_chain){ .family = body->nfgen_family };
	if (!attr[NFTA_CHAIN_HOOK] ||
	    read_be32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX) != NF_INET_FORWARD ||
	    !read_name(attr[NFTA_CHAIN_TABLE], ret_chain->table) ||
	    !read_name(attr[NFTA_CHAIN_NAME], ret_chain->name))
		return false;
	if (read_be32(attr[NFTA_CHAIN_POLICY], NF_ACCEPT) == NF_DROP)
		ret_chain->end = FORWARD_POLICY_DROPS;
	return true;
}

static bool text_is(const struct nlattr *attr, const char *want)
{
	char text[32];

	return netlink_attr_text(attr, text, sizeof(text)) == 0 && strcmp(text, want) == 0;
}

/* A verdict that the rule gives by itself: drop. */
static bool is_drop(struct nlattr *expr_data)
{
	struct nlattr *immediate[NFTA_IMMEDIATE_MAX + 1], *data[NFTA_DATA_MAX + 1];
	struct nlattr *verdict[NFTA_VERDICT_MAX + 1];

	parse_nested(expr_data, immediate, NFTA_IMMEDIATE_MAX);
	parse_nested(immediate[NFTA_IMMEDIATE_DATA], data, NFTA_DATA_MAX);
	parse_nested(data[NFTA_DATA_VERDICT], verdict, NFTA_VERDICT_MAX);
	return read_be32(verdict[NFTA_VERDICT_CODE], NF_ACCEPT) == NF_DROP;
}

enum expression {
	EXPR_HARMLESS,	/* counts or logs */
	EXPR_CONDITION, /* or anything unknown */
	EXPR_DROPS,
};

static enum expression judge_expression(struct nlattr *element)
{
	struct nlattr *expr[NFTA_EXPR_MAX + 1], *target[NFTA_TARGET_MAX + 1];

	parse_nested(element, expr, NFTA_EXPR_MAX);
	if (text_is(expr[NFTA_EXPR_NAME], "counter") || text_is(expr[NFTA_EXPR_NAME], "log"))
		return EXPR_HARMLESS;
	if (text_is(expr[NFTA_EXPR_NAME], "reject"))
		return EXPR_DROPS;
	if (text_is(expr[NFTA_EXPR_NAME], "immediate") && is_drop(expr[NFTA_EXPR_DATA]))
		return EXPR_DROPS;
	parse_nested(expr[NFTA_EXPR_DATA], target, NFTA_TARGET_MAX);
	if (text_is(expr[NFTA_EXPR_NAME], "target") && text_is(target[NFTA_TARGET_NAME], "REJECT"))
		return EXPR_DROPS;
	return EXPR_CONDITION;
}

bool forward_rule_drops_all(const struct nlmsghdr *header)
{
	const struct nlattr *attr[NFTA_RULE_MAX + 1];
	struct nlattr *element;
	int left;

	if (header->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) ||
	    !netlink_body(header, sizeof(struct nfgenmsg)))
		return false;
	netlink_attrs(header, sizeof(struct nfgenmsg), attr, NFTA_RULE_MAX + 1);
	if (!attr[NFTA_RULE_EXPRESSIONS])
		return false;
	nla_for_each_nested(element, writable(attr[NFTA_RULE_EXPRESSIONS]), left)
	{
		switch (judge_expression(element)) {
		case EXPR_DROPS:
			return true;
		case EXPR_CONDITION:
			return false;
		default:
			break;
		}
	}
	return false;
}

bool forward_rule_has_comment(const struct nlmsghdr *header)
{
	const struct nlattr *attr[NFTA_RULE_MAX + 1];

	if (!netlink_body(header, sizeof(struct nfgenmsg)))
		return false;
	netlink_attrs(header, sizeof(struct nfgenmsg), attr, NFTA_RULE_MAX + 1);
	return attr[NFTA_RULE_USERDATA];
}

uint64_t forward_rule_handle(const struct nlmsghdr *header)
{
	const struct nlattr *attr[NFTA_RULE_MAX + 1];
	const void *data;
	uint64_t handle = 0;
	size_t len;

	if (!netlink_body(header, sizeof(struct nfgenmsg)))
		return 0;
	netlink_attrs(header, sizeof(struct nfgenmsg), attr, NFTA_RULE_MAX + 1);
	data = netlink_attr_data(attr[NFTA_RULE_HANDLE], &len);
	if (data && len == sizeof(handle))
		memcpy(&handle, data, sizeof(handle));
	return be64toh(handle);
}

/* --- asking --- */

struct search {
	struct forward_chain *chains;
	size_t count;
};

static int take_chain(const struct nlmsghdr *header, void *arg)
{
	struct search *search = arg;

	if (search->count < FORWARD_CHAINS_MAX &&
	    forward_chain_read(header, &search->chains[search->count]))
		search->count++;
	return 0;
}

/* The last rule counts: remember the last answer. */
static int note_last(const struct nlmsghdr *header, void *arg)
{
	bool *drops = arg;

	*drops = forward_rule_drops_all(header);
	return 0;
}

int forward_chain_rules(const struct forward_chain *chain, netlink_message_fn *fn, void *arg)
{
	const struct nft_dump_question rules = {
		.type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE,
		.family = chain->family,
		.table = chain->table,
		.chain = chain->name,
	};

	return nft_dump(&rules, fn, arg);
}

size_t forward_chains_find(struct forward_chain ret_chains[FORWARD_CHAINS_MAX])
{
	const struct nft_dump_question all = {
		.type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN,
	};
	struct search search = { .chains = ret_chains };

	nft_dump(&all, take_chain, &search);
	for (size_t i = 0; i < search.count; i++) {
		bool drops = false;

		if (ret_chains[i].end == FORWARD_PASSES &&
		    forward_chain_rules(&ret_chains[i], note_last, &drops) == 0 && drops)
			ret_chains[i].end = FORWARD_RULE_DROPS;
	}
	return search.count;
}

const char *forward_chain_text(const struct forward_chain *chain, char *buf, size_t size)
{
	snprintf(buf, size, "%s %s %s", family_name(chain->family), chain->table, chain->name);
	return buf;
}
