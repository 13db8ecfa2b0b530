/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masquerade_rules.c: the nftables table of ours, as text.
 *
 * Two sets a family: `outgoing`, the pools with nat_outgoing, and `inside`, where no translation is
 * wanted: all pools, and what `routes:` names outside of them (other nodes' blocks too). A packet
 * from the first to elsewhere leaves with the address of the link it leaves by. What goes to a pod
 * or to the node itself never does.
 *
 * The chain comes after the usual source NAT (priority srcnat + 5): kube-proxy, Docker and an
 * administrator decide first, and a connection is translated at most once. Ports are chosen at
 * random, because two CPUs that look for the next free port at once can pick the same one.
 *
 * The old table is deleted in the same transaction; `add` before `delete` makes that hold when
 * there is none. Left to others: running it (masquerade.c). nft(8).
 */
#include "loader/masquerade_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "node_objects.h"

#define TABLE NFT_TABLE_FAMILY " " NFT_TABLE_NAME

bool masquerade_is_wanted(const struct config *config)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if (config->pool[i].nat_outgoing)
			return true;
	return false;
}

static void put_element(FILE *out, const struct ip_prefix *prefix, bool v4, unsigned int *count)
{
	char text[IP_PREFIX_TEXT_MAX];

	if (ip_addr_is_v4(&prefix->addr) != v4)
		return;
	fprintf(out, "%s%s", (*count)++ > 0 ? ", " : "\t\telements = { ",
		ip_prefix_format(prefix, text, sizeof(text)));
}

static bool is_in_pool(const struct config *config, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if (ip_prefix_covers(&config->pool[i].cidr, prefix))
			return true;
	return false;
}

static void put_set(FILE *out, const struct config *config, bool outgoing, bool v4)
{
	unsigned int count = 0;

	fprintf(out, "\tset %s%s {\n\t\ttype ipv%s_addr; flags interval; auto-merge;\n",
		outgoing ? "outgoing" : "inside", v4 ? "4" : "6", v4 ? "4" : "6");
	for (size_t i = 0; i < config->pool_count; i++)
		if (!outgoing || config->pool[i].nat_outgoing)
			put_element(out, &config->pool[i].cidr, v4, &count);
	for (size_t i = 0; i < config->route_count && !outgoing; i++)
		if (!is_in_pool(config, &config->route[i].prefix))
			put_element(out, &config->route[i].prefix, v4, &count);
	fprintf(out, "%s\t}\n", count > 0 ? " }\n" : "");
}

char *masquerade_rules(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (out == NULL)
		return NULL;
	fprintf(out, "add table " TABLE "\ndelete table " TABLE "\ntable " TABLE " {\n");
	put_set(out, config, true, true);
	put_set(out, config, true, false);
	put_set(out, config, false, true);
	put_set(out, config, false, false);
	fprintf(out, "\tchain postrouting {\n"
		     "\t\ttype nat hook postrouting priority srcnat + 5; policy accept;\n"
		     "\t\toifname \"lo\" return\n"
		     "\t\toifname \"cali*\" return\n"
		     "\t\tip saddr @outgoing4 ip daddr != @inside4 masquerade fully-random\n"
		     "\t\tip6 saddr @outgoing6 ip6 daddr != @inside6 masquerade fully-random\n"
		     "\t}\n}\n");
	failed = ferror(out);
	failed = fclose(out) != 0 || failed;
	if (failed) {
		free(text);
		return NULL;
	}
	return text;
}
