/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_connectivity.c: any octets as a prober's argument and as a line of its log.
 *
 * links: tools/tortie/connectivity_target.c
 * covers: tools/tortie/connectivity_target.c
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tortie/connectivity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connectivity_target target;
	struct connectivity_result result;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (connectivity_target_parse(text, &target) == 0) {
		assert(target.port <= 65535);
		assert(target.check[0] && target.to[0] && target.host[0] && target.expect[0]);
		assert(!strpbrk(target.host, ", ") && !strpbrk(target.expect, ", "));
	}
	if (connectivity_result_parse(text, size, &result) == 0)
		assert(result.check[0] && result.to[0] && !strchr(result.check, ' '));
	free(text);
	return 0;
}
