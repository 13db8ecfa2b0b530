/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_status.c: what of the cluster is told to people.
 *
 * Lines for `tortie status`: what is in force and whence, the node's addresses, and what is wrong:
 * no document, no podCIDR, a document refused, a state that cannot be written, policies that
 * nothing enforces, the watcher's notices. Objects for `tortie get KIND` on a node, as the watcher
 * gave them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "loader/agent.h"
#include "loader/cluster.h"
#include "loader/cluster_facts.h"
#include "loader/cluster_internal.h"

struct answer {
	struct client *client;
	uint32_t id;
};

static int send_object(const struct cluster_object *object, void *arg)
{
	const struct answer *answer = arg;
	size_t len = sizeof(struct msg_cluster_object) + object->json_len;
	struct msg_cluster_object *body = calloc(1, len);
	int err;

	if (body == NULL)
		return -ENOMEM;
	memcpy(body->kind, object->kind, sizeof(body->kind));
	memcpy(body->name, object->name, sizeof(body->name));
	body->json_len = object->json_len;
	memcpy(body + 1, object->json, object->json_len);
	err = client_send(answer->client, MSG_CLUSTER_OBJECT, answer->id, body, len);
	free(body);
	return err;
}

int query_objects(struct agent *agent, struct client *client, const struct request *request)
{
	struct answer answer = { .client = client, .id = request->id };
	int err = 0;

	if (agent->cluster->facts != NULL)
		err = cluster_facts_for_each(agent->cluster->facts, request->body, send_object,
					     &answer);
	return err ? err : client_send_end(client, request->id);
}

static int state_status(const struct cluster *cluster, status_line_fn *fn, void *arg)
{
	const struct config *config = cluster->agent->config;
	char text[TEXT_MAX + 1];

	switch (cluster->state) {
	case CLUSTER_WAITING:
		snprintf(text, sizeof(text), "cluster: waits, %s",
			 cluster_wait_words(cluster->agent));
		return fn(STATUS_PROBLEM, text, arg);
	case CLUSTER_KEPT:
		if (cluster->why_none[0] != '\0') {
			snprintf(text, sizeof(text),
				 "cluster: what was last known is in force: %.460s",
				 cluster->why_none);
			return fn(STATUS_WARNING, text, arg);
		}
		return fn(STATUS_WARNING,
			  "cluster: what was last known is in force, tortie-kubed is not in sync "
			  "(kubectl -n tortie-system logs -l k8s-app=tortie-node -c kube)",
			  arg);
	default:
		snprintf(text, sizeof(text), "cluster: in sync, %zu nodes", config->node_count);
		return fn(STATUS_OK, text, arg);
	}
}

static int address_status(const struct config *config, status_line_fn *fn, void *arg)
{
	char text[TEXT_MAX + 1], addr[IP_ADDR_TEXT_MAX];
	int err = 0;

	for (size_t i = 0; i < config->node_address_count && err == 0; i++) {
		snprintf(text, sizeof(text), "node address %s: InternalIP of Node %s",
			 ip_addr_format(&config->node_address[i], addr, sizeof(addr)),
			 config->node_name);
		err = fn(STATUS_OK, text, arg);
	}
	return err;
}

static int policy_status(const struct cluster *cluster, status_line_fn *fn, void *arg)
{
	char text[TEXT_MAX + 1];

	if (cluster->policies == 0)
		return 0;
	snprintf(text, sizeof(text), "%u network policies exist and are NOT enforced",
		 cluster->policies);
	return fn(STATUS_WARNING, text, arg);
}

int cluster_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct cluster *cluster = agent->cluster;
	char text[TEXT_MAX + 1];
	int err;

	if (!cluster->base->kubernetes)
		return 0;
	err = state_status(cluster, fn, arg);
	if (err == 0)
		err = address_status(agent->config, fn, arg);
	if (err == 0 && cluster->config != NULL && cluster_lacks_block(agent, text, sizeof(text)))
		err = fn(STATUS_PROBLEM, text, arg);
	if (err == 0 && cluster->refusal[0] != '\0')
		err = fn(STATUS_PROBLEM, cluster->refusal, arg);
	if (err == 0 && cluster->state_problem[0] != '\0')
		err = fn(STATUS_WARNING, cluster->state_problem, arg);
	if (err == 0)
		err = policy_status(cluster, fn, arg);
	if (err == 0 && cluster->facts != NULL)
		err = cluster_facts_status(cluster->facts, fn, arg);
	return err;
}
