/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward_rules.c: the rules of ours in chains of others.
 *
 * Two for each pool: what comes from it and what goes to it is accepted. They are written in the
 * form that iptables over nf_tables can read (address, counter, verdict, comment): a set would be
 * shorter, and make that program refuse the whole chain. The comment says whose they are and what
 * for, so that they are found again, also after iptables-save and -restore have turned it into a
 * match of their own: it is looked for as octets. Such a rule is written anew, as all else that
 * looks for comments (`tortie reset`, nft list) does not see it.
 *
 * Pure. Left to others: which chains (forward_chains.c), when (forward_accept.c).
 */
#include "loader/forward_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter.h>

#include "lib/ip_prefix.h"
#include "node_objects.h"

int forward_rules_pools(const struct config *config, struct prefix_set *ret_pools)
{
	int err = 0;

	*ret_pools = (struct prefix_set){ 0 };
	for (size_t i = 0; i < config->pool_count && !err; i++)
		err = prefix_set_add(ret_pools, &config->pool[i].cidr);
	prefix_set_seal(ret_pools);
	return err;
}

/* The comment behind @mark in a message: "10.244.0.0/16" and a NUL. */
static bool read_comment(const struct nlmsghdr *header, const char *mark,
			 struct ip_prefix *ret_prefix)
{
	const char *message = (const char *)header;
	const char *end = message + header->nlmsg_len;
	const char *at = memmem(message, header->nlmsg_len, mark, strlen(mark));

	if (!at)
		return false;
	at += strlen(mark);
	return memchr(at, '\0', (size_t)(end - at)) && ip_prefix_parse(at, ret_prefix) == 0;
}

int forward_rules_note(const struct nlmsghdr *header, struct forward_found *found)
{
	struct forward_rule rule = { .handle = forward_rule_handle(header) };

	rule.is_plain = forward_rule_has_comment(header);
	if (read_comment(header, NFT_COMMENT_FROM, &rule.prefix))
		rule.is_source = true;
	else if (!read_comment(header, NFT_COMMENT_TO, &rule.prefix))
		return 0;
	if (found->count == found->size) {
		size_t size = found->size ? 2 * found->size : 16;
		struct forward_rule *bigger = realloc(found->rule, size * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		found->rule = bigger;
		found->size = size;
	}
	found->rule[found->count++] = rule;
	return 0;
}

bool forward_rules_fits(const struct forward_chain *chain, const struct ip_prefix *prefix)
{
	if (chain->family == NFPROTO_INET)
		return true;
	return (chain->family == NFPROTO_IPV4) == ip_addr_is_v4(&prefix->addr);
}

static bool is_same(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->bits == b->bits && ip_addr_equal(&a->addr, &b->addr);
}

static bool is_found(const struct forward_found *found, const struct ip_prefix *prefix,
		     bool is_source)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->rule[i].is_plain && found->rule[i].is_source == is_source &&
		    is_same(&found->rule[i].prefix, prefix))
			return true;
	return false;
}

static bool is_wanted(const struct forward_chain *chain, const struct prefix_set *pools,
		      const struct forward_rule *rule)
{
	for (size_t i = 0; i < pools->count && rule->is_plain; i++)
		if (is_same(&pools->item[i], &rule->prefix))
			return forward_rules_fits(chain, &rule->prefix);
	return false;
}

static void put_rule(FILE *out, const char *chain, const struct ip_prefix *prefix, bool is_source)
{
	char text[IP_PREFIX_TEXT_MAX];

	ip_prefix_format(prefix, text, sizeof(text));
	fprintf(out, "insert rule %s %s %s %s counter accept comment \"%s%s\"\n", chain,
		ip_addr_is_v4(&prefix->addr) ? "ip" : "ip6", is_source ? "saddr" : "daddr", text,
		is_source ? NFT_COMMENT_FROM : NFT_COMMENT_TO, text);
}

char *forward_rules_text(const struct forward_chain *chain, const struct prefix_set *pools,
			 const struct forward_found *found)
{
	char place[FORWARD_TEXT_MAX], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	forward_chain_text(chain, place, sizeof(place));
	for (size_t i = 0; i < found->count; i++)
		if (!is_wanted(chain, pools, &found->rule[i]))
			fprintf(out, "delete rule %s handle %" PRIu64 "\n", place,
				found->rule[i].handle);
	for (size_t i = 0; i < pools->count && i < FORWARD_PREFIXES_MAX; i++) {
		const struct ip_prefix *pool = &pools->item[i];

		if (!forward_rules_fits(chain, pool))
			continue;
		if (!is_found(found, pool, true))
			put_rule(out, place, pool, true);
		if (!is_found(found, pool, false))
			put_rule(out, place, pool, false);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

void forward_rules_advice(const struct forward_chain *chain, const struct ip_prefix *pool,
			  char *buf, size_t size)
{
	char place[FORWARD_TEXT_MAX], text[IP_PREFIX_TEXT_MAX];
	bool is_v4 = ip_addr_is_v4(&pool->addr);
	const char *family = is_v4 ? "ip" : "ip6";

	ip_prefix_format(pool, text, sizeof(text));
	forward_chain_text(chain, place, sizeof(place));
	if (chain->family != NFPROTO_INET && strcmp(chain->table, "filter") == 0 &&
	    strcmp(chain->name, "FORWARD") == 0)
		snprintf(buf, size, "%stables -I FORWARD -s %s -j ACCEPT, and the same with -d",
			 family, text);
	else
		snprintf(buf, size,
			 "nft insert rule %s %s saddr %s accept, and the same with daddr", place,
			 family, text);
}
