/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_agent_message.c: any octets as a message of the agent's protocol.
 *
 * What agent_message_check() lets pass must hold to what its readers count on: a known type, a
 * length that is the datagram's, room for the type's struct, texts that end inside their arrays.
 * The input is copied to a buffer of exactly its size, so that the sanitizer sees each octet read
 * beyond it; from an odd address too, since a receiver's buffer need not be aligned.
 *
 * links: lib/agent_client.c lib/unix_socket.c
 * covers: lib/agent_client.c:agent_message_body_size lib/agent_client.c:agent_message_check
 * covers: lib/agent_client.c:texts_end lib/agent_client.c:text_ends
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/agent_client.h"

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
	} else {
		require(err == -EPROTO);
	}
	free(copy);
	free(odd);
	return 0;
}
