/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow_key.c: the key of a flow in maps stack_tcp and stack_other, as the programs make it.
 *
 * The rule is in include/dataplane_abi.h: the smaller end first, compared as numbers of this
 * machine (a compare of octets would cost the programs four byte swaps a packet).
 */
#include "loader/flow_key.h"

#include <stdbool.h>
#include <string.h>

static bool is_in_order(const struct flow_end *a, const struct flow_end *b)
{
	uint64_t left[2], right[2];

	memcpy(left, &a->addr, sizeof(left));
	memcpy(right, &b->addr, sizeof(right));
	if (left[0] != right[0])
		return left[0] < right[0];
	if (left[1] != right[1])
		return left[1] < right[1];
	return a->port_be <= b->port_be;
}

void flow_key_make(const struct flow_end *a, const struct flow_end *b, uint8_t protocol,
		   struct flow_key *ret_key)
{
	const struct flow_end *first = is_in_order(a, b) ? a : b;
	const struct flow_end *second = first == a ? b : a;

	*ret_key = (struct flow_key){
		.first = first->addr,
		.second = second->addr,
		.first_port = first->port_be,
		.second_port = second->port_be,
		.protocol = protocol,
	};
}

uint32_t flow_key_bit(const struct flow_key *key)
{
	uint32_t hash =
		key->first.word[3] + key->first.word[2] + key->second.word[3] + key->second.word[2];

	hash = hash * STACK_FILTER_MULTIPLIER + key->first_port + key->second_port +
	       ((uint32_t)key->protocol << 16);
	return hash * STACK_FILTER_MULTIPLIER >> (32 - STACK_FILTER_BITS_LOG2);
}
