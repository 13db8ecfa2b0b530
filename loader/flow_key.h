/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_FLOW_KEY_H
#define LOADER_FLOW_KEY_H

#include <stdint.h>

#include "dataplane_abi.h"

/* One end of a flow. */
struct flow_end {
	struct ip_addr addr;
	uint16_t port_be; /* network order; 0 where the protocol has none */
};

/** flow_key_make() - the key of the flow between @a and @b, in whichever order they are given.
 * Pure.
 */
void flow_key_make(const struct flow_end *a, const struct flow_end *b, uint8_t protocol,
		   struct flow_key *ret_key);

/** flow_key_bit() - the flow's bit in struct stack_filter. Pure. */
uint32_t flow_key_bit(const struct flow_key *key);

#endif /* LOADER_FLOW_KEY_H */
