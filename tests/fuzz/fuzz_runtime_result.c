/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_runtime_result.c: any octets as a result that a runtime keeps.
 *
 * One that counts as ours has valid names, the host end that follows from them, and no more
 * addresses than there is room for.
 *
 * links: tools/tortie/runtime_result.c lib/ip_prefix.c lib/json.c lib/pod_ifname.c lib/sha1.c
 * covers: tools/tortie/runtime_result.c:runtime_result_parse
 * covers: tools/tortie/runtime_result.c:read_object tools/tortie/runtime_result.c:take_addresses
 * libs: -ljson-c
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pod_ifname.h"
#include "tools/tortie/runtime_result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1), name[IFNAME_MAX + 1];
	struct runtime_result result;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	if (runtime_result_parse(copy, size, &result) == 1) {
		require(container_id_is_valid(result.container_id));
		require(ifname_is_valid(result.ifname));
		pod_ifname(result.container_id, result.ifname, name);
		require(strcmp(name, result.host_ifname) == 0);
		require(result.address_count <= POD_ADDRESSES_MAX);
	}
	free(copy);
	return 0;
}
