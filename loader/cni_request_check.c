/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cni_request_check.c: are the numbers of a plugin's request, and the list behind it, what the
 * parts that serve it count on?
 *
 * Its texts and its least length lib/agent_client.c has checked. Apart from requests.c so that a
 * fuzz target can have it alone.
 */
#include "loader/cni_request_check.h"

#include <stdint.h>
#include <string.h>

/* Does behind the struct follow what it says, each name with an end? */
static bool valid_list_is_sane(const struct msg_cni_request *request, size_t len)
{
	const struct msg_cni_attachment *valid = (const void *)(request + 1);

	if (request->valid_count > CNI_VALID_MAX ||
	    len != sizeof(*request) + request->valid_count * sizeof(*valid))
		return false;
	for (uint32_t i = 0; i < request->valid_count; i++)
		if (memchr(valid[i].host_ifname, '\0', sizeof(valid[i].host_ifname)) == NULL)
			return false;
	return request->verb == CNI_GC || request->valid_count == 0;
}

bool cni_request_is_sane(const struct msg_cni_request *request, size_t len)
{
	return request->verb >= CNI_ADD && request->verb <= CNI_GC &&
	       valid_list_is_sane(request, len) && request->pool_count <= CNI_POOLS_MAX &&
	       request->family_pool_count[CNI_POOLS_V4] <= CNI_POOLS_MAX &&
	       request->family_pool_count[CNI_POOLS_V6] <= CNI_POOLS_MAX &&
	       request->address_count <= POD_ADDRESSES_MAX &&
	       request->want_count <= POD_ADDRESSES_MAX && request->delegated <= 1;
}
