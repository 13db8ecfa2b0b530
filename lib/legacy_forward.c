/* SPDX-License-Identifier: Apache-2.0 */
/*
 * legacy_forward.c: does iptables-legacy drop what the host forwards?
 *
 * iptables of before nf_tables keeps its rules in tables of their own, which no nftables program
 * shows; both kinds are in force at once, and a packet must pass both. A table is one block of
 * memory: entries one behind another, each a match, then a target; for each hook the offset where
 * its chain begins and that of its last entry, which is the policy. It is read by getsockopt on any
 * socket of the family (include/uapi/linux/netfilter_ipv4/ip_tables.h,
 * netfilter_ipv6/ip6_tables.h).
 *
 * Asking for a table that is not there would make it, and all packets would pass it from then on:
 * so /proc/net says first which are there.
 */
#include "lib/legacy_forward.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#define TABLE	     "filter"
#define OCTETS_MAX   (64u << 20)
#define VERDICT_DROP (-NF_DROP - 1)

/* What differs between the families' entries. */
struct layout {
	size_t entry_size, match_size; /* of an entry without matches; of what it compares itself */
	size_t target_offset, next_offset; /* where the entry says so, two octets each */
};

static const struct layout layout_v4 = {
	sizeof(struct ipt_entry),
	sizeof(struct ipt_ip),
	offsetof(struct ipt_entry, target_offset),
	offsetof(struct ipt_entry, next_offset),
};

static const struct layout layout_v6 = {
	sizeof(struct ip6t_entry),
	sizeof(struct ip6t_ip6),
	offsetof(struct ip6t_entry, target_offset),
	offsetof(struct ip6t_entry, next_offset),
};

/* --- reading --- */

/* A rule, as far as it matters. */
struct rule {
	size_t next; /* offset of the one behind it */
	bool is_for_all, drops;
};

static uint16_t read_u16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool target_drops(const uint8_t *target, size_t size)
{
	struct xt_standard_target standard;
	char name[sizeof(standard.target.u.user.name)];

	memcpy(&standard, target, size < sizeof(standard) ? size : sizeof(standard));
	memcpy(name, standard.target.u.user.name, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	if (name[0] == '\0')
		return size >= sizeof(standard) && standard.verdict == VERDICT_DROP;
	return strcmp(name, "REJECT") == 0;
}

static bool read_rule(const struct layout *layout, const struct legacy_table *table, size_t offset,
		      struct rule *ret)
{
	const uint8_t *entry = (const uint8_t *)table->entries + offset;
	size_t target, size;

	if (offset > table->size || table->size - offset < layout->entry_size)
		return false;
	target = read_u16(entry + layout->target_offset);
	size = read_u16(entry + layout->next_offset);
	if (target < layout->entry_size || size > table->size - offset || target > size ||
	    size - target < sizeof(struct xt_entry_target))
		return false;
	ret->next = offset + size;
	ret->is_for_all = target == layout->entry_size;
	for (size_t i = 0; i < layout->match_size && ret->is_for_all; i++)
		ret->is_for_all = entry[i] == 0;
	ret->drops = target_drops(entry + target, size - target);
	return true;
}

enum legacy_end legacy_forward_read(int family, const struct legacy_table *table)
{
	const struct layout *layout = family == AF_INET6 ? &layout_v6 : &layout_v4;
	struct rule rule = { .next = table->forward }, policy;
	bool last_drops = false;

	if (!read_rule(layout, table, table->policy, &policy))
		return LEGACY_PASSES;
	while (rule.next < table->policy) {
		if (!read_rule(layout, table, rule.next, &rule))
			return LEGACY_PASSES;
		last_drops = rule.is_for_all && rule.drops;
	}
	if (policy.drops)
		return LEGACY_POLICY_DROPS;
	return last_drops ? LEGACY_RULE_DROPS : LEGACY_PASSES;
}

/* --- asking --- */

static bool has_table(int family)
{
	const char *path =
		family == AF_INET6 ? "/proc/net/ip6_tables_names" : "/proc/net/ip_tables_names";
	FILE *file = fopen(path, "re");
	char line[XT_TABLE_MAXNAMELEN + 2];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = strcmp(line, TABLE "\n") == 0;
	fclose(file);
	return found;
}

/* The questions are the same for both families but for the level. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       offsetof(struct ipt_get_entries, entrytable) ==
			       offsetof(struct ip6t_get_entries, entrytable) &&
		       (int)IPT_SO_GET_INFO == (int)IP6T_SO_GET_INFO &&
		       (int)IPT_SO_GET_ENTRIES == (int)IP6T_SO_GET_ENTRIES,
	       "two forms of one interface");

static enum legacy_end ask(int family, int fd)
{
	int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	struct ipt_getinfo info = { .name = TABLE };
	socklen_t len = sizeof(info);
	struct ipt_get_entries *all;
	enum legacy_end end = LEGACY_PASSES;

	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0 || info.size > OCTETS_MAX)
		return LEGACY_PASSES;
	len = (socklen_t)(offsetof(struct ipt_get_entries, entrytable) + info.size);
	all = calloc(1, len);
	if (!all)
		return LEGACY_PASSES;
	memcpy(all->name, TABLE, sizeof(TABLE));
	all->size = info.size;
	/* -EAGAIN: somebody has changed it meanwhile, and will be asked about again. */
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, all, &len) == 0) {
		const struct legacy_table table = { all->entrytable, info.size,
						    info.hook_entry[NF_INET_FORWARD],
						    info.underflow[NF_INET_FORWARD] };

		end = legacy_forward_read(family, &table);
	}
	free(all);
	return end;
}

enum legacy_end legacy_forward_end(int family)
{
	enum legacy_end end;
	int fd;

	if (!has_table(family))
		return LEGACY_PASSES;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return LEGACY_PASSES;
	end = ask(family, fd);
	close(fd);
	return end;
}

const char *legacy_forward_command(int family)
{
	return family == AF_INET6 ? "ip6tables-legacy" : "iptables-legacy";
}
