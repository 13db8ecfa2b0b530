/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_legacy_forward.c: any octets as a table of iptables-legacy.
 *
 * The first octet says the family, eight more where FORWARD begins and has its policy, the rest is
 * the table, in memory of exactly its size.
 *
 * links: lib/legacy_forward.c
 * covers: lib/legacy_forward.c:legacy_forward_read lib/legacy_forward.c:read_rule
 * covers: lib/legacy_forward.c:target_drops
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/legacy_forward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct legacy_table table = { 0 };
	enum legacy_end end;
	uint8_t *entries;
	int family;

	if (size < 9)
		return 0;
	family = data[0] & 1 ? AF_INET6 : AF_INET;
	memcpy(&table.forward, data + 1, 4);
	memcpy(&table.policy, data + 5, 4);
	table.size = size - 9;
	entries = malloc(table.size ? table.size : 1);
	if (!entries)
		return 0;
	memcpy(entries, data + 9, table.size);
	table.entries = entries;
	end = legacy_forward_read(family, &table);
	/* Who says that a chain drops has seen its policy. */
	if (end > LEGACY_RULE_DROPS || (end != LEGACY_PASSES && table.policy >= table.size))
		abort();
	free(entries);
	return 0;
}
