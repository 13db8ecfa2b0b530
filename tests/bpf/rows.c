/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.c: from a row to the frame that enters: Ethernet addresses as the place's devices have them.
 */
#include "tests/bpf/rows.h"

bool row_is_for_mode(const struct row *row)
{
	return row->mode == ANY_MODE || (row->mode == ONLY_BESIDE) == world_is_beside;
}

void row_frame(const struct row *row, struct frame *ret)
{
	const uint8_t *source = pod_mac[row->place];
	const uint8_t *dest = gateway_mac;

	if (row->hook == HOOK_FROM_NETWORK) {
		source = router_mac;
		dest = uplink_mac;
	}
	if (row->hook == HOOK_TO_NETWORK) {
		source = uplink_mac;
		dest = router_mac;
	}
	if (row->hook == HOOK_TO_POD)
		dest = pod_mac[row->place];
	frame_build(&row->spec, source, dest, ret);
}
