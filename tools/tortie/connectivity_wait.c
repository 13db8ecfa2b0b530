/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectivity_wait.c: what the connectivity test learns from the cluster: nodes, addresses, ends.
 *
 * Waiting is one LIST of the test's own namespace every half second: a few objects, for a minute.
 */
#include "tools/tortie/connectivity_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/say.h"

#define DAEMONSET_PATH	"/apis/apps/v1/namespaces/tortie-system/daemonsets/tortie-node"
#define API_SERVER_PATH "/api/v1/namespaces/default/endpoints/kubernetes"
#define IMAGE_DEFAULT	"docker.io/tortie/tortie:" TORTIE_VERSION
#define NODES_PATH	"/api/v1/nodes"

static struct json_object *first(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) && json_object_array_length(list) > 0
		       ? json_object_array_get_idx(list, 0)
		       : NULL;
}

/* The image of the DaemonSet, which each node has already. */
static void image_find(struct connectivity_run *run)
{
	struct json_object *daemonset;

	snprintf(run->image, sizeof(run->image), "%s",
		 run->line->image ? run->line->image : IMAGE_DEFAULT);
	run->plan.image = run->image;
	if (run->line->image || cluster_get(&run->cluster, DAEMONSET_PATH, &daemonset) < 0)
		return;
	snprintf(run->image, sizeof(run->image), "%s",
		 document_words_at(first(document_at(daemonset, "spec.template.spec.containers")),
				   "image"));
	json_object_put(daemonset);
}

/* "HOST:PORT", "[ADDRESS]:PORT". */
static int outside_parse(const char *text, struct connectivity_plan *plan)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char *end;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (len > 0 && memchr(text, ':', len)) {
		return -EINVAL;
	}
	if (len == 0 || len >= sizeof(plan->outside_host) || port == 0 || port > 65535 ||
	    *end != '\0' || memchr(text, ',', len) || memchr(text, ' ', len))
		return -EINVAL;
	snprintf(plan->outside_host, sizeof(plan->outside_host), "%.*s", (int)len, text);
	plan->outside_port = (unsigned int)port;
	return 0;
}

/* The API server's own address: outside the pods' network, and certainly there. */
static void outside_find(struct connectivity_run *run)
{
	struct json_object *endpoints, *subset;

	if (cluster_get(&run->cluster, API_SERVER_PATH, &endpoints) < 0)
		return;
	subset = first(document_at(endpoints, "subsets"));
	snprintf(run->plan.outside_host, sizeof(run->plan.outside_host), "%s",
		 document_words_at(first(document_at(subset, "addresses")), "ip"));
	run->plan.outside_port =
		(unsigned int)document_get_number(first(document_at(subset, "ports")), "port");
	json_object_put(endpoints);
}

int connectivity_run_plan(struct connectivity_run *run)
{
	if (run->line->outside && outside_parse(run->line->outside, &run->plan) < 0) {
		say_error("--outside %s: not HOST:PORT ([ADDRESS]:PORT for IPv6)",
			  run->line->outside);
		return -EINVAL;
	}
	image_find(run);
	if (!run->line->outside)
		outside_find(run);
	return 0;
}

/* @address goes to its family's place of @ret, unless one is there. */
static void address_take(char ret[2][64], const char *address)
{
	char *place = ret[strchr(address, ':') ? 1 : 0];

	if (place[0] == '\0')
		snprintf(place, 64, "%s", address);
}

static bool node_is_ready(struct json_object *node)
{
	struct json_object *conditions = document_at(node, "status.conditions");

	for (size_t i = 0; conditions && i < json_object_array_length(conditions); i++) {
		struct json_object *condition = json_object_array_get_idx(conditions, i);

		if (strcmp(document_words_at(condition, "type"), "Ready") == 0)
			return strcmp(document_words_at(condition, "status"), "True") == 0;
	}
	return false;
}

static void node_take(struct connectivity_run *run, struct json_object *node)
{
	struct connectivity_node *taken = &run->plan.node[run->plan.node_count++];
	struct json_object *addresses = document_at(node, "status.addresses");

	snprintf(taken->name, sizeof(taken->name), "%s", document_words_at(node, "metadata.name"));
	for (size_t i = 0; addresses && i < json_object_array_length(addresses); i++) {
		struct json_object *address = json_object_array_get_idx(addresses, i);

		if (strcmp(document_words_at(address, "type"), "InternalIP") == 0)
			address_take(taken->address, document_words_at(address, "address"));
	}
}

int connectivity_run_nodes(struct connectivity_run *run)
{
	struct json_object *nodes = document_new_list();
	size_t left_out = 0;
	int err = cluster_list(&run->cluster, NODES_PATH, "", nodes);

	for (size_t i = 0; i < json_object_array_length(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (!node_is_ready(node))
			say_error("node %s: not Ready, left out",
				  document_words_at(node, "metadata.name"));
		else if (run->plan.node_count == CONNECTIVITY_NODES_MAX)
			left_out++;
		else
			node_take(run, node);
	}
	json_object_put(nodes);
	if (left_out > 0)
		say_error("%zu more nodes are left out: a run tests %d at most", left_out,
			  CONNECTIVITY_NODES_MAX);
	if (err == 0 && run->plan.node_count == 0) {
		say_error("no node is Ready (kubectl get nodes; tortie status on a node)");
		return -ENODATA;
	}
	return err;
}

/* The pods of the run by role, once. */
static int pods_list(struct connectivity_run *run, struct json_object **ret)
{
	struct json_object *pods = document_new_list();
	char path[512];
	int err;

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods", run->plan.namespace);
	err = cluster_list(&run->cluster, path,
			   "labelSelector=" CONNECTIVITY_LABEL "%3D" CONNECTIVITY_NAME, pods);
	if (err < 0) {
		cluster_say_error(&run->cluster);
		json_object_put(pods);
		return err;
	}
	*ret = pods;
	return 0;
}

static struct json_object *pod_find(struct json_object *pods, const char *role, size_t index)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%zu", role, index + 1);
	for (size_t i = 0; i < json_object_array_length(pods); i++) {
		struct json_object *pod = json_object_array_get_idx(pods, i);

		if (strcmp(document_words_at(pod, "metadata.name"), name) == 0)
			return pod;
	}
	return NULL;
}

/* Why a pod is not where it should be, in the container's or the pod's own words. */
static void pod_explain(struct json_object *pod, char *text, size_t size)
{
	struct json_object *container = first(document_at(pod, "status.containerStatuses"));
	const char *reason = document_words_at(container, "state.waiting.reason");
	const char *message = document_words_at(container, "state.waiting.message");

	if (reason[0])
		snprintf(text, size, "%s: %.160s", reason, message);
	else
		snprintf(text, size, "pod is %s %.160s", document_words_at(pod, "status.phase"),
			 document_words_at(pod, "status.message"));
}

static bool pod_is_ready(struct json_object *pod)
{
	return pod && strcmp(document_words_at(first(document_at(pod, "status.containerStatuses")),
					       "ready"),
			     "true") == 0;
}

static void server_take(struct connectivity_run *run, size_t index, struct json_object *pod)
{
	struct connectivity_node *node = &run->plan.node[index];
	struct connectivity_result result = { .check = "ready", .is_ok = pod_is_ready(pod) };
	struct json_object *ips = document_at(pod, "status.podIPs");

	for (size_t i = 0; ips && i < json_object_array_length(ips); i++)
		address_take(node->pod, document_words_at(json_object_array_get_idx(ips, i), "ip"));
	snprintf(result.to, sizeof(result.to), "%s", node->name);
	snprintf(result.host, sizeof(result.host), "%s", document_words_at(pod, "status.podIP"));
	if (!result.is_ok)
		pod_explain(pod, result.text, sizeof(result.text));
	connectivity_report_add(run->results, node->name, &result);
}

static int services_take(struct connectivity_run *run)
{
	struct json_object *service, *ips;
	char path[512];
	int err = 0;

	for (size_t i = 0; i < run->plan.node_count && err == 0; i++) {
		snprintf(path, sizeof(path), "/api/v1/namespaces/%s/services/service-%zu",
			 run->plan.namespace, i + 1);
		err = cluster_get(&run->cluster, path, &service);
		if (err < 0)
			break;
		ips = document_at(service, "spec.clusterIPs");
		for (size_t n = 0; ips && n < json_object_array_length(ips); n++)
			address_take(run->plan.node[i].service,
				     json_object_get_string(json_object_array_get_idx(ips, n)));
		json_object_put(service);
	}
	if (err < 0)
		cluster_say_error(&run->cluster);
	return err;
}

struct wait {
	const char *role;
	bool (*is_done)(struct json_object *pod);
	long until_s;
};

/* 0: all pods of the role are done or the time is over; *ret is the last list. */
static int pods_wait(struct connectivity_run *run, const struct wait *wait,
		     struct json_object **ret)
{
	size_t done;
	int err;

	for (;;) {
		err = pods_list(run, ret);
		if (err < 0)
			return err;
		done = 0;
		for (size_t i = 0; i < run->plan.node_count; i++)
			done += wait->is_done(pod_find(*ret, wait->role, i));
		if (done == run->plan.node_count || !connectivity_run_pause(run, wait->until_s))
			return 0;
		json_object_put(*ret);
	}
}

int connectivity_run_wait_servers(struct connectivity_run *run)
{
	const struct wait wait = { "server", pod_is_ready, run->servers_until_s };
	struct json_object *pods;
	int err = pods_wait(run, &wait, &pods);

	if (err < 0)
		return err;
	for (size_t i = 0; i < run->plan.node_count; i++)
		server_take(run, i, pod_find(pods, "server", i));
	json_object_put(pods);
	return services_take(run);
}

/* A prober that was not made counts as ended. */
static bool pod_has_ended(struct json_object *pod)
{
	const char *phase = document_words_at(pod, "status.phase");

	return !pod || strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

int connectivity_run_wait_probers(struct connectivity_run *run)
{
	const struct wait wait = { "prober", pod_has_ended, run->until_s };
	struct json_object *pods;
	int err = pods_wait(run, &wait, &pods);

	if (err == 0)
		json_object_put(pods);
	return err;
}
