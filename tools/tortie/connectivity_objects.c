/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectivity_objects.c: what the connectivity test creates in the cluster.
 *
 * Templates as JSON text, as one would write them for kubectl; what differs is set afterwards, so
 * that no name has to be escaped. The pods keep to the strictest pod security level, need no
 * service account and tolerate every taint: a node's network is tested whatever its taints are.
 * They are bound to their nodes directly; no scheduler is asked. All carry one label, by which
 * leftovers of a killed run are found.
 */
#include "tools/tortie/connectivity.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "tools/tortie/document.h"

#define STRINGS(...) #__VA_ARGS__

static const char namespace_template[] = STRINGS({
	"apiVersion" : "v1",
	"kind" : "Namespace",
	"metadata" : {
		"generateName" : "tortie-connectivity-",
		"labels" : { "pod-security.kubernetes.io/enforce" : "restricted" }
	}
});

static const char pod_template[] = STRINGS({
	"apiVersion" : "v1",
	"kind" : "Pod",
	"metadata" : { "labels" : {} },
	"spec" : {
		"automountServiceAccountToken" : false,
		"enableServiceLinks" : false,
		"terminationGracePeriodSeconds" : 1,
		"tolerations" : [ { "operator" : "Exists" } ],
		"securityContext" : {
			"runAsNonRoot" : true,
			"runAsUser" : 65532,
			"runAsGroup" : 65532,
			"seccompProfile" : { "type" : "RuntimeDefault" }
		},
		"containers" : [ {
			"name" : "test",
			"imagePullPolicy" : "IfNotPresent",
			"securityContext" : {
				"allowPrivilegeEscalation" : false,
				"readOnlyRootFilesystem" : true,
				"capabilities" : { "drop" : ["ALL"] }
			},
			"resources" : { "requests" : { "cpu" : "10m", "memory" : "16Mi" } }
		} ]
	}
});

static const char server_ports[] = STRINGS([
	{ "name" : "tcp", "containerPort" : 8080, "protocol" : "TCP" },
	{ "name" : "udp", "containerPort" : 8080, "protocol" : "UDP" }
]);

static const char server_probe[] = STRINGS(
	{ "httpGet" : { "path" : "/", "port" : 8080 }, "periodSeconds" : 1, "timeoutSeconds" : 2 });

static const char service_template[] = STRINGS({
	"apiVersion" : "v1",
	"kind" : "Service",
	"metadata" : { "labels" : {} },
	"spec" : {
		"ipFamilyPolicy" : "PreferDualStack",
		"selector" : {},
		"ports" : [
			{ "name" : "tcp", "port" : 8080, "protocol" : "TCP" },
			{ "name" : "udp", "port" : 8080, "protocol" : "UDP" }
		]
	}
});

static struct json_object *template_parse(const char *text)
{
	return document_import(json_tokener_parse(text));
}

static void label_set(struct json_object *object)
{
	document_set_words(document_at(object, "metadata.labels"), CONNECTIVITY_LABEL,
			   CONNECTIVITY_NAME);
}

static struct json_object *named(const char *text, const char *format, size_t index)
{
	struct json_object *object = template_parse(text);
	char name[32];

	snprintf(name, sizeof(name), "%s-%zu", format, index + 1);
	document_set_words(document_at(object, "metadata"), "name", name);
	label_set(object);
	return object;
}

struct json_object *connectivity_namespace(void)
{
	struct json_object *object = template_parse(namespace_template);

	label_set(object);
	return object;
}

static struct json_object *pod_new(const struct connectivity_plan *plan, const char *role,
				   size_t index, struct json_object **ret_container)
{
	struct json_object *pod = named(pod_template, role, index);

	document_set_words(document_at(pod, "metadata.labels"), "role",
			   document_words_at(pod, "metadata.name"));
	document_set_words(document_at(pod, "spec"), "nodeName", plan->node[index].name);
	*ret_container = json_object_array_get_idx(document_at(pod, "spec.containers"), 0);
	document_set_words(*ret_container, "image", plan->image);
	return pod;
}

static struct json_object *command_new(const char *verb)
{
	struct json_object *command = document_new_list();

	document_add_words(command, "tortie");
	document_add_words(command, "connectivity");
	document_add_words(command, verb);
	return command;
}

struct json_object *connectivity_server(const struct connectivity_plan *plan, size_t index)
{
	struct json_object *container, *pod = pod_new(plan, "server", index, &container);

	document_set_words(document_at(pod, "metadata.labels"), "serves", "yes");
	document_set(container, "command", command_new("serve"));
	document_set(container, "ports", template_parse(server_ports));
	document_set(container, "readinessProbe", template_parse(server_probe));
	return pod;
}

struct json_object *connectivity_service(const struct connectivity_plan *plan, size_t index)
{
	struct json_object *service = named(service_template, "service", index);
	char role[32];

	snprintf(role, sizeof(role), "server-%zu", index + 1);
	document_set_words(document_at(service, "spec.selector"), "role", role);
	return service;
}

struct json_object *connectivity_headless(const struct connectivity_plan *plan)
{
	struct json_object *service = template_parse(service_template);

	document_set_words(document_at(service, "metadata"), "name", "headless");
	label_set(service);
	document_set_words(document_at(service, "spec"), "clusterIP", "None");
	document_set_words(document_at(service, "spec.selector"), "serves", "yes");
	return service;
}

static void target_add(struct json_object *command, const struct connectivity_target *target)
{
	char text[1024];

	if (target->host[0] == '\0')
		return;
	snprintf(text, sizeof(text), "%s,%s,%s,%u,%s", target->check, target->to, target->host,
		 target->port, target->expect);
	document_add_words(command, text);
}

static struct connectivity_target target_new(const char *check, const char *to, const char *host,
					     const char *expect)
{
	struct connectivity_target target = { .port = CONNECTIVITY_PORT };

	snprintf(target.check, sizeof(target.check), "%s", check);
	snprintf(target.to, sizeof(target.to), "%s", to);
	snprintf(target.host, sizeof(target.host), "%s", host);
	snprintf(target.expect, sizeof(target.expect), "%s", expect);
	return target;
}

/* All that is asked of the server, the Service and the node with @index. */
static void node_targets_add(const struct connectivity_plan *plan, size_t index,
			     struct json_object *command)
{
	static const char *const pod_checks[] = { "pod-tcp", "pod-udp", "large-tcp", "large-udp" };
	static const char *const service_checks[] = { "service-tcp", "service-udp" };
	const struct connectivity_node *node = &plan->node[index];
	struct connectivity_target target;
	char server[32], name[300];

	snprintf(server, sizeof(server), "server-%zu", index + 1);
	for (size_t family = 0; family < 2; family++) {
		for (size_t i = 0; i < sizeof(pod_checks) / sizeof(pod_checks[0]); i++) {
			target = target_new(pod_checks[i], node->name, node->pod[family], server);
			target_add(command, &target);
		}
		for (size_t i = 0; i < sizeof(service_checks) / sizeof(service_checks[0]); i++) {
			target = target_new(service_checks[i], node->name, node->service[family],
					    server);
			target_add(command, &target);
		}
		target = target_new("node", node->name, node->address[family], "-");
		target.port = CONNECTIVITY_KUBELET;
		target_add(command, &target);
	}
	snprintf(name, sizeof(name), "service-%zu.%s.svc", index + 1, plan->namespace);
	target = target_new("service-name", node->name, name, server);
	target_add(command, &target);
}

struct json_object *connectivity_prober(const struct connectivity_plan *plan, size_t index)
{
	struct json_object *container, *pod = pod_new(plan, "prober", index, &container);
	struct json_object *command = command_new("probe");
	struct connectivity_target target;
	char name[300], count[16];
	size_t addresses = 0;

	document_set_words(document_at(pod, "spec"), "restartPolicy", "Never");
	for (size_t i = 0; i < plan->node_count; i++) {
		node_targets_add(plan, i, command);
		addresses += (plan->node[i].pod[0][0] != '\0') + (plan->node[i].pod[1][0] != '\0');
	}
	snprintf(name, sizeof(name), "headless.%s.svc", plan->namespace);
	snprintf(count, sizeof(count), "%zu", addresses);
	target = target_new("headless", "all", name, count);
	target_add(command, &target);
	target = target_new("outside", "outside", plan->outside_host, "-");
	target.port = plan->outside_port;
	target_add(command, &target);
	document_set(container, "command", command);
	return pod;
}
