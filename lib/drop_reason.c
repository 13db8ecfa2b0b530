/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drop_reason.c: names of the reasons why a packet is dropped.
 *
 * The reasons are a list in dataplane_abi.h; programs that do not touch the data plane learn their
 * names here.
 */
#include "lib/drop_reason.h"

#include <stddef.h>

#include "dataplane_abi.h"

const char *drop_reason_name(uint32_t reason)
{
#define NAME_ROW(name, text) [DROP_##name] = #name,
	static const char *const names[] = { DROP_REASON_LIST(NAME_ROW) };
#undef NAME_ROW

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : NULL;
}
