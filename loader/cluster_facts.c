/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_facts.c: what the cluster's watcher tells beside the document.
 *
 * Two lists. Notices are sentences about objects that are bad or not served: `tortie status` shows
 * them as they are. Objects are JSON texts that `tortie get KIND` may ask for on a node without a
 * kubeconfig; nothing in the agent looks inside. Both are bounded, so that neither a cluster full
 * of bad objects nor a watcher gone wrong takes the agent's memory: what comes first is kept, the
 * rest is counted, and the count is told with the notices.
 *
 * Each transaction fills a list of its own, which replaces the one before when it is committed
 * (cluster.c).
 */
#include "loader/cluster_facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

struct cluster_facts *cluster_facts_new(void)
{
	struct cluster_facts *facts = calloc(1, sizeof(*facts));

	if (facts != NULL)
		facts->last = &facts->objects;
	return facts;
}

void cluster_facts_free(struct cluster_facts *facts)
{
	struct cluster_object *object, *next;

	if (facts == NULL)
		return;
	for (size_t i = 0; i < facts->notice_count; i++)
		free(facts->notice[i].text);
	for (object = facts->objects; object != NULL; object = next) {
		next = object->next;
		free(object);
	}
	free(facts);
}

int cluster_facts_add_notice(struct cluster_facts *facts, const struct msg_status_line *line)
{
	struct cluster_notice *notice = &facts->notice[facts->notice_count];

	if (line->level < STATUS_OK || line->level > STATUS_PROBLEM || line->text[0] == '\0')
		return -EPROTO;
	if (facts->notice_count == CLUSTER_NOTICES_MAX) {
		facts->notices_lost++;
		return 0;
	}
	notice->level = line->level;
	notice->text = strdup(line->text);
	if (notice->text == NULL)
		return -ENOMEM;
	text_make_line(notice->text); /* whatever an object's name holds */
	facts->notice_count++;
	return 0;
}

int cluster_facts_add_object(struct cluster_facts *facts, const void *body, size_t len)
{
	struct msg_cluster_object header;
	struct cluster_object *object;

	if (len < sizeof(header))
		return -EPROTO;
	memcpy(&header, body, sizeof(header));
	if (header.json_len != len - sizeof(header) || header.json_len > OBJECT_JSON_MAX ||
	    header.kind[0] == '\0' || header.name[0] == '\0')
		return -EPROTO;
	if (header.json_len + sizeof(*object) > OBJECTS_JSON_MAX - facts->object_octets) {
		facts->objects_lost++;
		return 0;
	}
	object = calloc(1, sizeof(*object) + header.json_len);
	if (object == NULL)
		return -ENOMEM;
	memcpy(object->kind, header.kind, sizeof(object->kind));
	memcpy(object->name, header.name, sizeof(object->name));
	object->json_len = header.json_len;
	memcpy(object->json, (const char *)body + sizeof(header), header.json_len);
	*facts->last = object;
	facts->last = &object->next;
	facts->object_octets += header.json_len + sizeof(*object);
	return 0;
}

bool cluster_facts_has_notice(const struct cluster_facts *facts, const char *text)
{
	for (size_t i = 0; facts != NULL && i < facts->notice_count; i++)
		if (strcmp(facts->notice[i].text, text) == 0)
			return true;
	return false;
}

int cluster_facts_status(const struct cluster_facts *facts, status_line_fn *fn, void *arg)
{
	char text[TEXT_MAX + 1];
	int err = 0;

	for (size_t i = 0; i < facts->notice_count && err == 0; i++)
		err = fn(facts->notice[i].level, facts->notice[i].text, arg);
	if (err == 0 && facts->notices_lost > 0) {
		snprintf(text, sizeof(text),
			 "cluster: %zu more notices (tortie-kubed's log has them all)",
			 facts->notices_lost);
		err = fn(STATUS_WARNING, text, arg);
	}
	if (err == 0 && facts->objects_lost > 0) {
		snprintf(text, sizeof(text),
			 "cluster: %zu objects are not kept here, their texts are above %d octets "
			 "together; `tortie get` shows them with a kubeconfig",
			 facts->objects_lost, OBJECTS_JSON_MAX);
		err = fn(STATUS_WARNING, text, arg);
	}
	return err;
}

int cluster_facts_for_each(const struct cluster_facts *facts, const struct msg_get_objects *which,
			   cluster_object_fn *fn, void *arg)
{
	const struct cluster_object *object;
	int err = 0;

	for (object = facts->objects; object != NULL && err == 0; object = object->next) {
		if (strcasecmp(object->kind, which->kind) != 0)
			continue;
		if (which->name[0] == '\0' || strcmp(object->name, which->name) == 0)
			err = fn(object, arg);
	}
	return err;
}
