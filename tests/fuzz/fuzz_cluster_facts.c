/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cluster_facts.c: any messages of a watcher, one after another, as notices and objects.
 *
 * The input is cut into messages: how often it comes (1 octet), its length (2), its octets. Each
 * passes agent_message_check() first, as in the agent. Whatever comes, the bounds hold, and each
 * notice is one line.
 *
 * links: loader/cluster_facts.c lib/agent_client.c lib/text.c lib/unix_socket.c
 * covers: loader/cluster_facts.c
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/agent_client.h"
#include "loader/cluster_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct check {
	const struct cluster_facts *facts;
	size_t lines, found;
};

static int check_line(enum status_level level, const char *text, void *arg)
{
	struct check *check = arg;

	require(level >= STATUS_OK && level <= STATUS_PROBLEM);
	require(text[0] && strlen(text) <= TEXT_MAX && !strchr(text, '\n'));
	check->lines++;
	check->found += cluster_facts_has_notice(check->facts, text);
	return 0;
}

static int check_object(const struct cluster_object *object, void *arg)
{
	require(object->kind[0] && object->name[0] && object->json_len <= OBJECT_JSON_MAX);
	*(size_t *)arg += object->json_len;
	return 0;
}

static void take(struct cluster_facts *facts, uint32_t type, const uint8_t *body, size_t len)
{
	struct msg_get_objects which;
	size_t octets = 0;

	if (type == MSG_CLUSTER_NOTICE) {
		cluster_facts_add_notice(facts, (const void *)body);
	} else if (type == MSG_CLUSTER_OBJECT) {
		cluster_facts_add_object(facts, body, len);
	} else if (type == MSG_GET_OBJECTS) {
		memcpy(&which, body, sizeof(which));
		require(cluster_facts_for_each(facts, &which, check_object, &octets) == 0);
		require(octets <= OBJECTS_JSON_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cluster_facts *facts = cluster_facts_new();
	struct check check = { .facts = facts };
	size_t at = 0;

	require(facts != NULL);
	while (size - at > 3) {
		size_t times = data[at], len = (size_t)data[at + 1] << 8 | data[at + 2];
		struct message_header header;
		uint8_t *message;

		at += 3;
		if (len > size - at)
			len = size - at;
		message = malloc(len ? len : 1);
		require(message != NULL);
		memcpy(message, data + at, len);
		at += len;
		if (agent_message_check(message, len) == 0) {
			memcpy(&header, message, sizeof(header));
			for (size_t i = 0; i < times; i++)
				take(facts, header.type, message + sizeof(header),
				     len - sizeof(header));
		}
		free(message);
	}
	require(cluster_facts_status(facts, check_line, &check) == 0);
	require(check.lines <= CLUSTER_NOTICES_MAX + 2 && check.found >= facts->notice_count);
	cluster_facts_free(facts);
	return 0;
}
