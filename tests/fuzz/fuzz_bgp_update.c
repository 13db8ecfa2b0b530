/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bgp_update.c: any octets as the body of an UPDATE.
 *
 * The first octet chooses the kind of peer (bit 0: external, bit 1: four-octet AS, bit 2: IPv6 next
 * hops of IPv4). What is refused must come with a NOTIFICATION of code 3. What is accepted is
 * walked, and its attributes are written and read again, in both AS widths: path and next hop must
 * survive. What filters ask of paths and communities is asked too.
 *
 * links: bgp/update.c bgp/attributes.c bgp/as_path.c bgp/communities.c bgp/message.c
 * links: bgp/capability.c lib/wire.c lib/ip_prefix.c
 * covers: bgp/update.c bgp/attributes.c bgp/as_path.c bgp/communities.c
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/as_path.h"
#include "bgp/communities.h"
#include "bgp/update.h"
#include "lib/ip_prefix.h"

#define PREFIXES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct update first, second;
static struct ip_prefix prefixes[PREFIXES_MAX];

static void require(bool holds)
{
	if (!holds)
		abort();
}

static size_t walk(struct update_section section)
{
	unsigned int offset = section.family == FAMILY_IPV4 ? IP_ADDR_V4_BITS : 0;
	size_t count = 0;

	while (update_next_prefix(&section, &prefixes[count])) {
		struct ip_prefix *prefix = &prefixes[count];
		struct ip_prefix masked = ip_prefix_make(&prefix->addr, prefix->bits);

		require(prefix->bits >= offset && prefix->bits <= IP_ADDR_BITS);
		require(ip_prefix_equal(prefix, &masked));
		if (update_family(prefix) == section.family)
			count++;
	}
	require(wire_reader_ok(&section.prefixes));
	return count;
}

/* What was written must be read as it was meant. */
static void check_announcement(const struct update_section *section, size_t count, bool wide)
{
	struct attribute_context context = { .is_ebgp = false,
					     .four_octet_as = wide,
					     .extended_next_hop = true };
	struct attribute_view view = attributes_view_draft(&first.draft);
	uint8_t buf[BGP_MESSAGE_MAX];
	struct bgp_error error;
	size_t taken = count, len;

	first.draft.values.next_hop = section->next_hop;
	if (count == 0 || ip_addr_is_zero(&section->next_hop))
		return;
	len = update_write_announce(buf, &view, wide, prefixes, &taken);
	if (len == 0)
		return;
	require(taken > 0 && taken <= count && len <= BGP_MESSAGE_MAX);
	require(update_parse(buf + BGP_HEADER_LEN, len - BGP_HEADER_LEN, &context, &second,
			     &error) == 0);
	require(second.reaction == REACTION_NONE && second.announced_count == 1);
	require(ip_addr_equal(&second.announced[0].next_hop, &section->next_hop));
	require(second.draft.values.as_path_len == first.draft.values.as_path_len);
	require(memcmp(second.draft.as_path, first.draft.as_path, first.draft.values.as_path_len) ==
		0);
	require(second.draft.values.as_path_hops == first.draft.values.as_path_hops);
	require(second.draft.values.other_len == first.draft.values.other_len);
}

/* What the table and the advertising do with a path. */
static void use_path(void)
{
	struct attribute_view view = attributes_view_draft(&first.draft);
	const uint32_t prepended = 4200000001u;
	uint32_t as = attributes_first_as(&view);
	unsigned int hops = first.draft.values.as_path_hops;
	char text[64]; /* most paths fit, long ones are cut */

	as_path_format(view.as_path, view.values->as_path_len, text, sizeof(text));
	require(memchr(text, '\0', sizeof(text)));
	if (as != 0) {
		require(as_path_count(view.as_path, view.values->as_path_len, as) > 0);
		require(as_path_begins(view.as_path, view.values->as_path_len, &as, 1));
	} else {
		require(!as_path_begins(view.as_path, view.values->as_path_len, &prepended, 1));
	}
	if (attributes_prepend_as(&first.draft, prepended)) {
		require(attributes_first_as(&view) == prepended);
		require(first.draft.values.as_path_hops == hops + 1);
	}
}

static void use_communities(void)
{
	struct config_community added[] = { { .is_large = false, .part = { 64512, 7 } },
					    { .is_large = true, .part = { 4200000001u, 7, 9 } } };
	struct attribute_view view = attributes_view_draft(&first.draft);
	struct config_community community;
	size_t at = 0, count = 0;

	while (communities_next(&view, &at, &community)) {
		require(communities_has(&view, &community));
		require(count++ < BGP_MESSAGE_MAX);
	}
	for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++)
		if (communities_add(&first.draft, &added[i]))
			require(communities_has(&view, &added[i]));
}

static void check_section(const struct update_section *section)
{
	size_t count = walk(*section);

	if (first.reaction >= REACTION_WITHDRAW)
		return;
	use_path();
	check_announcement(section, count, true);
	check_announcement(section, count, false);
	use_communities();
	check_announcement(section, count, true);
}

static void check_withdrawal(const struct update_section *section)
{
	size_t count = walk(*section), taken = count;
	uint8_t buf[BGP_MESSAGE_MAX];

	if (count > 0)
		require(update_write_withdraw(buf, prefixes, &taken) > 0 && taken > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attribute_context context = {};
	uint8_t buf[BGP_MESSAGE_MAX];
	struct bgp_error error = {};

	if (size < 1 || size > BGP_MESSAGE_MAX - BGP_HEADER_LEN)
		return 0;
	context.is_ebgp = data[0] & 1;
	context.four_octet_as = data[0] & 2;
	context.extended_next_hop = data[0] & 4;
	if (update_parse(data + 1, size - 1, &context, &first, &error) < 0) {
		require(error.code == ERROR_UPDATE && error.subcode != 0);
		return 0;
	}
	for (unsigned int i = 0; i < first.withdrawn_count; i++)
		check_withdrawal(&first.withdrawn[i]);
	for (unsigned int i = 0; i < first.announced_count; i++)
		check_section(&first.announced[i]);
	if (first.is_end_of_rib)
		require(update_write_end_of_rib(buf, first.end_of_rib) > 0);
	return 0;
}
