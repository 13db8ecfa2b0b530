/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_status.c: tell the cluster that this node's network is there.
 *
 * A strategic merge patch of the Node's status: conditions are merged by their type, so no other
 * condition is touched. What the Node says now comes from the watch of nodes, so a Node object
 * that was made again, or a condition that somebody set, is seen and mended. Failures are tried
 * again, doubling from 5 s to 1 min; the same wait lies between two writes, in case somebody else
 * keeps writing the opposite.
 *
 * Source: Kubernetes, NodeStatus ("Conditions": "NetworkUnavailable").
 */
#include "kube/node_status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kube/fetch.h"
#include "lib/log.h"

#define RETRY_FIRST_MS 5000u
#define RETRY_LAST_MS  60000u
#define PATCH_S	       20u

struct node_status {
	struct event_loop *loop;
	struct kube_client *client;
	const char *node_name;
	bool is_wanted; /* the Node does not say what it should */
	struct fetch *fetch;
	struct event_timer timer; /* armed: not before */
	uint64_t wait_ms;
	char text[512];
	char body[512];
};

static void write_condition(struct node_status *status);

static void on_answer(struct json_object *json, const struct kube_result *result, void *arg)
{
	struct node_status *status = arg;

	status->fetch = NULL;
	if (json) {
		log_info("node %s: condition NetworkUnavailable=False written", status->node_name);
		status->text[0] = '\0';
		status->is_wanted = false;
		status->wait_ms = RETRY_FIRST_MS;
	} else {
		if (!status->text[0])
			log_warning("node %s: condition NetworkUnavailable: %s; trying again",
				    status->node_name, result->text);
		snprintf(status->text, sizeof(status->text), "%s", result->text);
	}
	event_timer_set(status->loop, &status->timer, status->wait_ms);
	status->wait_ms *= 2;
	if (status->wait_ms > RETRY_LAST_MS)
		status->wait_ms = RETRY_LAST_MS;
}

static void write_condition(struct node_status *status)
{
	struct kube_request request = {
		.method = "PATCH",
		.content_type = "application/strategic-merge-patch+json",
		.body = status->body,
		.timeout_s = PATCH_S,
	};
	char path[3 * NAME_MAX_LEN + 64], name[3 * NAME_MAX_LEN + 1], now[32];
	time_t seconds = time(NULL);
	struct tm tm;

	if (!status->is_wanted || status->fetch || event_timer_is_armed(&status->timer))
		return;
	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	snprintf(path, sizeof(path), "/api/v1/nodes/%s/status",
		 kube_escape(status->node_name, name, sizeof(name)));
	request.body_len =
		(size_t)snprintf(status->body, sizeof(status->body),
				 "{\"status\":{\"conditions\":[{\"type\":\"NetworkUnavailable\","
				 "\"status\":\"False\",\"reason\":\"TortieIsUp\","
				 "\"message\":\"tortie serves pods on this node\","
				 "\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":\"%s\"}]}}",
				 now, now);
	request.path = path;
	if (fetch_start(status->client, &request, on_answer, status, &status->fetch) < 0)
		event_timer_set(status->loop, &status->timer, status->wait_ms);
}

static void on_timer(void *arg)
{
	write_condition(arg);
}

void node_status_update(struct node_status *status, const struct node_object *node, bool is_ready)
{
	status->is_wanted = node && is_ready && node->network != NODE_NETWORK_AVAILABLE;
	write_condition(status);
}

const char *node_status_text(const struct node_status *status)
{
	return status->text;
}

int node_status_new(struct event_loop *loop, struct kube_client *client, const char *node_name,
		    struct node_status **ret)
{
	struct node_status *status = calloc(1, sizeof(*status));

	if (!status)
		return -ENOMEM;
	status->loop = loop;
	status->client = client;
	status->node_name = node_name;
	status->wait_ms = RETRY_FIRST_MS;
	event_timer_init(&status->timer, on_timer, status);
	*ret = status;
	return 0;
}

void node_status_free(struct node_status *status)
{
	if (!status)
		return;
	fetch_cancel(status->fetch);
	event_timer_cancel(status->loop, &status->timer);
	free(status);
}
