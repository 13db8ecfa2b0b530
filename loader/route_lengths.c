/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_lengths.c: the prefix lengths that the data plane probes.
 *
 * Map route is a hash, so from_pod asks once for each prefix length in use, longest first; normally
 * there is one. This counts the routes of each length as they come and go and turns the counts into
 * the list in map settings. The list has ROUTE_LENGTHS_MAX places a family; when more lengths are
 * in use the shortest are left out, because a packet that matches only a short prefix then takes
 * the host stack, whose table has the same route, while leaving out a long one could send it
 * elsewhere.
 *
 * Left to others: when to write the list. remote_routes.c writes routes before a new length and
 * drops a length after its last route, so that no packet meets a shorter match in between.
 */
#include "loader/route_lengths.h"

#include "lib/ip_prefix.h"

static uint32_t *counter(struct route_lengths *lengths, const struct ip_prefix *prefix)
{
	return ip_addr_is_v4(&prefix->addr) ? &lengths->v4[prefix->bits]
					    : &lengths->v6[prefix->bits];
}

void route_lengths_add(struct route_lengths *lengths, const struct ip_prefix *prefix)
{
	++*counter(lengths, prefix);
}

void route_lengths_remove(struct route_lengths *lengths, const struct ip_prefix *prefix)
{
	uint32_t *count = counter(lengths, prefix);

	if (*count > 0)
		--*count;
}

static uint32_t list_lengths(const uint32_t count[IP_ADDR_BITS + 1],
			     __u8 ret_bits[ROUTE_LENGTHS_MAX])
{
	uint32_t used = 0;

	for (int bits = IP_ADDR_BITS; bits >= 0 && used < ROUTE_LENGTHS_MAX; bits--)
		if (count[bits] > 0)
			ret_bits[used++] = (__u8)bits;
	return used;
}

void route_lengths_settings(const struct route_lengths *lengths,
			    struct dataplane_settings *ret_settings)
{
	*ret_settings = (struct dataplane_settings){ 0 };
	ret_settings->v4_count = list_lengths(lengths->v4, ret_settings->v4_bits);
	ret_settings->v6_count = list_lengths(lengths->v6, ret_settings->v6_bits);
}

bool route_lengths_is_probed(const struct dataplane_settings *settings,
			     const struct ip_prefix *prefix)
{
	bool is_v4 = ip_addr_is_v4(&prefix->addr);
	uint32_t count = is_v4 ? settings->v4_count : settings->v6_count;
	const __u8 *bits = is_v4 ? settings->v4_bits : settings->v6_bits;

	for (uint32_t i = 0; i < count; i++)
		if (bits[i] == prefix->bits)
			return true;
	return false;
}
