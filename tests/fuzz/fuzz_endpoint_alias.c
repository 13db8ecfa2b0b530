/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_endpoint_alias.c: any octets as the alias of a link. What is taken as a record must be what
 * would be written for it.
 *
 * links: loader/endpoint_alias.c lib/ip_prefix.c lib/pod_ifname.c lib/sha1.c lib/mac.c
 * covers: loader/endpoint_alias.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loader/endpoint_alias.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char alias[ENDPOINT_ALIAS_MAX + 1], again[ENDPOINT_ALIAS_MAX + 1];
	struct endpoint endpoint;

	if (size > ENDPOINT_ALIAS_MAX)
		return 0;
	if (size > 0)
		memcpy(alias, data, size);
	alias[size] = '\0';
	if (endpoint_alias_parse(alias, &endpoint) < 0)
		return 0;
	if (endpoint_alias_format(&endpoint, again) < 0 || strcmp(alias, again) != 0)
		abort();
	return 0;
}
