/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_agent_message.c: any octets as a message of the agent's protocol.
 *
 * What agent_message_check() lets pass must hold to what its readers count on: a known type, a
 * length that is the datagram's, room for the type's struct, texts that end inside their arrays.
 * The routes of tortie-bgpd are read to their end, as loader/bgp_feed.c does; what was read is
 * written as it came.
 * A plugin's request that cni_request_is_sane() lets pass is walked as loader/cni_requests.c does.
 * The input is copied to a buffer of exactly its size, so that the sanitizer sees each octet read
 * beyond it; from an odd address too, since a receiver's buffer need not be aligned.
 *
 * links: loader/cni_request_check.c
 * links: lib/agent_client.c lib/unix_socket.c lib/next_hops.c lib/ip_prefix.c
 * covers: lib/agent_client.c:agent_message_body_size lib/agent_client.c:agent_message_check
 * covers: lib/agent_client.c:texts_end lib/agent_client.c:text_ends
 * covers: lib/agent_client.c:next_hops_are_whole lib/next_hops.c
 * covers: loader/cni_request_check.c
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/agent_client.h"
#include "lib/ip_prefix.h"
#include "lib/next_hops.h"
#include "loader/cni_request_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_texts(uint32_t type, const uint8_t *body)
{
	const struct msg_cni_request *request = (const void *)body;
	const struct msg_explain *explain = (const void *)body;
	const struct msg_cluster_object *object = (const void *)body;
	const struct msg_status_line *line = (const void *)body;
	const struct msg_error *error = (const void *)body;
	size_t i;

	if (type == MSG_CNI_REQUEST) {
		require(strlen(request->container_id) <= CONTAINER_ID_MAX);
		require(strlen(request->netns) <= NETNS_PATH_MAX);
		for (i = 0; i < CNI_POOLS_MAX; i++)
			require(strlen(request->pool[i]) <= NAME_MAX_LEN);
	} else if (type == MSG_EXPLAIN) {
		require(strlen(explain->from) <= NAME_MAX_LEN);
		require(strlen(explain->to) <= NAME_MAX_LEN);
	} else if (type == MSG_CLUSTER_OBJECT) {
		require(strlen(object->kind) <= OBJECT_KIND_MAX);
		require(strlen(object->name) <= NAME_MAX_LEN);
	} else if (type == MSG_CLUSTER_NOTICE) {
		require(strlen(line->text) <= TEXT_MAX);
	} else if (type == MSG_ERROR) {
		require(strlen(error->text) <= TEXT_MAX);
	}
}

static void check_cni_request(const uint8_t *body, size_t len)
{
	const struct msg_cni_request *request = (const void *)body;
	const struct msg_cni_attachment *valid = (const void *)(request + 1);

	if (!cni_request_is_sane(request, len))
		return;
	require(request->verb >= CNI_ADD && request->verb <= CNI_GC);
	require(request->pool_count <= CNI_POOLS_MAX);
	for (size_t i = 0; i < CNI_POOLS_FAMILIES; i++)
		require(request->family_pool_count[i] <= CNI_POOLS_MAX);
	require(request->address_count <= POD_ADDRESSES_MAX);
	require(request->want_count <= POD_ADDRESSES_MAX);
	for (uint32_t i = 0; i < request->valid_count; i++)
		require(strlen(valid[i].host_ifname) <= IFNAME_MAX);
	require(request->valid_count * sizeof(*valid) == len - sizeof(*request));
}

static void check_set_routes(const uint8_t *body, size_t len)
{
	uint8_t again[ROUTE_SET_OCTETS_MAX];
	struct next_hops hops, sorted;
	struct ip_prefix prefix;
	int taken;

	for (; len > 0; body += taken, len -= (size_t)taken) {
		taken = route_set_read(body, len, &prefix, &hops);
		if (taken < 0)
			return;
		require((size_t)taken <= len && hops.count >= 1);
		sorted.count = 0;
		for (uint32_t i = hops.count; i > 0; i--) {
			require(!next_hops_has(&sorted, &hops.addr[i - 1]));
			require(next_hops_add(&sorted, &hops.addr[i - 1]));
			require(next_hops_has(&sorted, &hops.addr[i - 1]));
		}
		require(next_hops_equal(&sorted, &hops));
		for (uint32_t i = 0; i < hops.count; i++) {
			require(next_hops_has(&sorted, &hops.addr[i]));
			require(next_hops_add(&sorted, &hops.addr[i])); /* once is enough */
		}
		require(sorted.count == hops.count);
		require(route_set_write(again, &prefix, &sorted) == (size_t)taken);
		require(memcmp(again, body, (size_t)taken) == 0);
	}
}

static void check_routes(uint32_t type, const uint8_t *body, size_t len)
{
	const struct msg_route *route = (const void *)body;
	struct ip_prefix prefix;
	int taken;

	if (type == MSG_ROUTE_SET)
		check_set_routes(body, len);
	if (type == MSG_ROUTE)
		require(route->next_hop_count * sizeof(struct msg_next_hop) <=
			len - sizeof(*route));
	for (; type == MSG_ROUTE_DELETE && len > 0; body += taken, len -= (size_t)taken) {
		taken = route_delete_read(body, len, &prefix);
		if (taken < 0)
			return;
		require((size_t)taken <= len && prefix.bits <= IP_ADDR_BITS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *odd = malloc(size + 1), *copy = malloc(size ? size : 1);
	struct message_header header;
	int body_size, err;

	require(odd && copy);
	memcpy(copy, data, size);
	memcpy(odd + 1, data, size);
	err = agent_message_check(copy, size);
	require(agent_message_check(odd + 1, size) == err);
	if (err == 0) {
		memcpy(&header, copy, sizeof(header));
		body_size = agent_message_body_size(header.type);
		require(body_size >= 0 && sizeof(header) + (size_t)body_size <= size);
		require(header.length == size && size <= AGENT_MESSAGE_MAX);
		check_texts(header.type, copy + sizeof(header));
		if (header.type == MSG_CNI_REQUEST)
			check_cni_request(copy + sizeof(header), size - sizeof(header));
		check_routes(header.type, copy + sizeof(header), size - sizeof(header));
	} else {
		require(err == -EPROTO);
	}
	free(copy);
	free(odd);
	return 0;
}
