/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masquerade_rules.c: the nftables table of ours, as text.
 *
 * Two sets a family: `outgoing`, the pools with nat_outgoing, and `inside`, where no translation is
 * wanted: all pools, what `routes:` names outside of them (other nodes' blocks too), and the
 * addresses of the nodes, which know the way back and want to see who asks. A packet from the first
 * to elsewhere leaves with the address of the link it leaves by.
 *
 * The chain comes after the usual source NAT (priority srcnat + 5): kube-proxy, Docker and an
 * administrator decide first, and a connection is translated at most once. Ports are chosen at
 * random, because two CPUs that look for the next free port at once can pick the same one.
 *
 * A third set, `services`, holds bgp.service_ranges. This node's announcements draw packets to them
 * here; kube-proxy has translated what is a Service before the hook forward (and what the node
 * itself sends never comes there), so what still goes to such an address is nobody's. It would be
 * routed back to who sent it, until its TTL ends: it is refused. A route to nowhere could not do
 * that, because the kernel looks one up before it translates what the node itself sends.
 *
 * The old table is deleted in the same transaction; `add` before `delete` makes that hold when
 * there is none. Left to others: running it (masquerade.c). nft(8).
 */
#include "loader/masquerade_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/prefix_set.h"
#include "node_objects.h"

#define TABLE NFT_TABLE_FAMILY " " NFT_TABLE_NAME

bool masquerade_is_wanted(const struct config *config)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if (config->pool[i].nat_outgoing)
			return true;
	return config->bgp.service_range_count > 0;
}

static void put_set(FILE *out, const char *name, const struct prefix_set *set, bool v4)
{
	char text[IP_PREFIX_TEXT_MAX];
	unsigned int count = 0;

	fprintf(out, "\tset %s%s {\n\t\ttype ipv%s_addr; flags interval; auto-merge;\n", name,
		v4 ? "4" : "6", v4 ? "4" : "6");
	for (size_t i = 0; i < set->count; i++) {
		const struct ip_prefix *prefix = &set->item[i];

		if (ip_addr_is_v4(&prefix->addr) != v4)
			continue;
		fprintf(out, "%s%s", count++ > 0 ? ", " : "\t\telements = { ",
			ip_prefix_format(prefix, text, sizeof(text)));
	}
	fprintf(out, "%s\t}\n", count > 0 ? " }\n" : "");
}

static int add_addresses(struct prefix_set *set, const struct ip_addr *addr, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && err == 0; i++) {
		const struct ip_prefix host = ip_prefix_host(&addr[i]);

		err = prefix_set_add(set, &host);
	}
	return err;
}

struct sets {
	struct prefix_set outgoing, inside, services;
};

static int fill_sets(const struct config *config, struct sets *sets)
{
	struct prefix_set *outgoing = &sets->outgoing, *inside = &sets->inside;
	int err = 0;

	for (size_t i = 0; i < config->pool_count && err == 0; i++) {
		err = prefix_set_add(inside, &config->pool[i].cidr);
		if (err == 0 && config->pool[i].nat_outgoing)
			err = prefix_set_add(outgoing, &config->pool[i].cidr);
	}
	for (size_t i = 0; i < config->route_count && err == 0; i++)
		err = prefix_set_add(inside, &config->route[i].prefix);
	for (size_t i = 0; i < config->node_count && err == 0; i++)
		err = add_addresses(inside, config->node[i].address, config->node[i].address_count);
	if (err == 0)
		err = add_addresses(inside, config->node_address, config->node_address_count);
	for (size_t i = 0; i < config->bgp.service_range_count && err == 0; i++)
		err = prefix_set_add(&sets->services, &config->bgp.service_range[i]);
	prefix_set_seal(outgoing);
	prefix_set_seal(inside);
	prefix_set_seal(&sets->services);
	return err;
}

static void put_masquerade(FILE *out, const struct prefix_set *outgoing,
			   const struct prefix_set *inside)
{
	put_set(out, "outgoing", outgoing, true);
	put_set(out, "outgoing", outgoing, false);
	put_set(out, "inside", inside, true);
	put_set(out, "inside", inside, false);
	fprintf(out, "\tchain postrouting {\n"
		     "\t\ttype nat hook postrouting priority srcnat + 5; policy accept;\n"
		     "\t\toifname \"lo\" return\n"
		     "\t\toifname \"cali*\" return\n"
		     "\t\tip saddr @outgoing4 ip daddr != @inside4 masquerade fully-random\n"
		     "\t\tip6 saddr @outgoing6 ip6 daddr != @inside6 masquerade fully-random\n"
		     "\t}\n");
}

static void put_services(FILE *out, const struct prefix_set *services)
{
	put_set(out, "services", services, true);
	put_set(out, "services", services, false);
	fprintf(out, "\tchain forward {\n"
		     "\t\ttype filter hook forward priority filter; policy accept;\n"
		     "\t\tip daddr @services4 reject with icmp host-unreachable\n"
		     "\t\tip6 daddr @services6 reject with icmpv6 addr-unreachable\n"
		     "\t}\n");
}

static void put_table(FILE *out, const struct sets *sets)
{
	fprintf(out, "add table " TABLE "\ndelete table " TABLE "\ntable " TABLE " {\n");
	if (sets->outgoing.count > 0)
		put_masquerade(out, &sets->outgoing, &sets->inside);
	if (sets->services.count > 0)
		put_services(out, &sets->services);
	fprintf(out, "}\n");
}

char *masquerade_rules(const struct config *config)
{
	struct sets sets = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (out == NULL)
		return NULL;
	failed = fill_sets(config, &sets) < 0;
	if (!failed)
		put_table(out, &sets);
	prefix_set_free(&sets.outgoing);
	prefix_set_free(&sets.inside);
	prefix_set_free(&sets.services);
	failed = ferror(out) || failed;
	failed = fclose(out) != 0 || failed;
	if (failed) {
		free(text);
		return NULL;
	}
	return text;
}
