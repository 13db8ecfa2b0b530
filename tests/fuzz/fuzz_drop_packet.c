/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_drop_packet.c: any octets as the head of a dropped frame, as `tortie drops --follow` gets
 * it.
 *
 * links: tools/tortie/drop_packet.c tools/tortie/words.c lib/wire.c lib/ip_prefix.c
 * covers: tools/tortie/drop_packet.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tortie/drop_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *head = malloc(size ? size : 1); /* ASan watches its end */
	char out[256], cut[8];

	if (!head)
		return 0;
	memcpy(head, data, size);
	drop_packet_describe(head, size, out, sizeof(out));
	if (out[0] == '\0' || strlen(out) >= sizeof(out) - 1)
		abort(); /* it always says something, and never more than fits */
	for (size_t i = 0; out[i]; i++) {
		if (out[i] < ' ' || out[i] > '~')
			abort();
	}
	drop_packet_describe(head, size, cut, sizeof(cut));
	if (strncmp(out, cut, strlen(cut)) != 0)
		abort();
	free(head);
	return 0;
}
