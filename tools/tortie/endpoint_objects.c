/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_objects.c: the cluster's pods as WorkloadEndpoints, the form in which Calico shows them.
 *
 * There is one for each pod that has an address of its own and has not ended; hostNetwork pods have
 * the node's. The name is Calico's: NODE-k8s-POD-eth0, with each dash in a part doubled. The host
 * link is known to the pod's node alone, so it is shown for pods of the node we are on.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/cluster.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"

#define NAME_OCTETS 1024

static const struct output_column columns[] = {
	{ "NAMESPACE", "namespace", false, false }, { "WORKLOAD", "workload", false, false },
	{ "NODE", "node", false, false },	    { "NETWORKS", "networks", false, false },
	{ "INTERFACE", "interface", false, false }, { "NAME", "name", true, false },
};

static void name_append(char *name, const char *part)
{
	size_t at = strlen(name);

	if (at > 0)
		name[at++] = '-';
	for (; *part && at + 3 < NAME_OCTETS; part++) {
		name[at++] = *part;
		if (*part == '-')
			name[at++] = '-';
	}
	name[at] = '\0';
}

static struct json_object *networks_convert(struct json_object *pod)
{
	struct json_object *list = document_at(pod, "status.podIPs");
	struct json_object *networks = document_new_list();
	char text[IP_PREFIX_TEXT_MAX];

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		struct ip_prefix prefix;
		struct ip_addr addr;

		if (ip_addr_parse(document_words_at(entry, "ip"), &addr) < 0)
			continue;
		prefix = ip_prefix_host(&addr);
		document_add_words(networks, ip_prefix_format(&prefix, text, sizeof(text)));
	}
	return networks;
}

static bool pod_is_ours(struct json_object *pod)
{
	const char *phase = document_words_at(pod, "status.phase");

	return strcmp(document_words_at(pod, "spec.hostNetwork"), "true") != 0 &&
	       document_words_at(pod, "spec.nodeName")[0] != '\0' &&
	       document_words_at(pod, "status.podIP")[0] != '\0' &&
	       strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0;
}

static struct json_object *metadata_convert(struct json_object *pod, struct json_object *object)
{
	static const char *const kept[] = { "creationTimestamp", "labels", "namespace",
					    "resourceVersion", "uid" };
	struct json_object *metadata = document_at(object, "metadata"), *value;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (json_object_object_get_ex(document_at(pod, "metadata"), kept[i], &value))
			document_set(metadata, kept[i], json_object_get(value));
	}
	return metadata;
}

static int interface_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_endpoint *endpoint = body;
	struct json_object *interfaces = arg, *link;
	char workload[2 * NAME_MAX_LEN + 2];

	if (type != MSG_ENDPOINT)
		return 0;
	link = json_object_new_string(endpoint->host_ifname);
	if (json_object_object_add(
		    interfaces, endpoint_workload(endpoint, workload, sizeof(workload)), link) < 0)
		json_object_put(link);
	return 0;
}

static struct json_object *pod_convert(struct json_object *pod, struct json_object *interfaces)
{
	const char *node = document_words_at(pod, "spec.nodeName");
	const char *name = document_words_at(pod, "metadata.name");
	struct json_object *object, *spec = document_new_map(), *link;
	char full[NAME_OCTETS] = "", workload[2 * NAME_MAX_LEN + 2];

	name_append(full, node);
	name_append(full, "k8s");
	name_append(full, name);
	name_append(full, "eth0");
	object = get_object(&endpoint_objects, full);
	metadata_convert(pod, object);
	document_set_words(spec, "endpoint", "eth0");
	snprintf(workload, sizeof(workload), "%.253s/%.253s",
		 document_words_at(pod, "metadata.namespace"), name);
	if (json_object_object_get_ex(interfaces, workload, &link))
		document_set(spec, "interfaceName", json_object_get(link));
	document_set(spec, "ipNetworks", networks_convert(pod));
	document_set_words(spec, "node", node);
	document_set_words(spec, "orchestrator", "k8s");
	document_set_words(spec, "pod", name);
	document_set(object, "spec", spec);
	return object;
}

static int endpoints_collect(struct get_source *source, struct json_object *objects)
{
	const struct command_line *line = source->line;
	const char *namespace =
		line->namespace ? line->namespace : source->cluster->config->namespace_name;
	struct json_object *pods = document_new_list(), *interfaces = document_new_map();
	char path[1024], escaped[800];
	int err;

	if (line->all_namespaces || !kube_escape(namespace, escaped, sizeof(escaped)))
		snprintf(path, sizeof(path), "/api/v1/pods");
	else
		snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods", escaped);
	err = cluster_list(source->cluster, path, "", pods);
	if (err == 0 && source->request)
		request_list(source->request, MSG_GET_ENDPOINTS, interface_record, interfaces);
	for (size_t i = 0; i < json_object_array_length(pods); i++) {
		struct json_object *pod = json_object_array_get_idx(pods, i);

		if (pod_is_ours(pod))
			document_add(objects, pod_convert(pod, interfaces));
	}
	if (!line->all_namespaces)
		snprintf(source->note, sizeof(source->note), "namespace %s (-A: all)", namespace);
	json_object_put(interfaces);
	json_object_put(pods);
	return err;
}

static void endpoint_row(const struct get_source *source, struct json_object *object,
			 struct json_object *row)
{
	struct json_object *networks = document_at(object, "spec.ipNetworks");

	document_set_words(row, "namespace", document_words_at(object, "metadata.namespace"));
	document_set_words(row, "workload", document_words_at(object, "spec.pod"));
	document_set_words(row, "node", document_words_at(object, "spec.node"));
	document_set_words(row, "interface", document_words_at(object, "spec.interfaceName"));
	document_set_words(row, "name", document_words_at(object, "metadata.name"));
	if (networks)
		document_set(row, "networks", json_object_get(networks));
}

const struct get_objects endpoint_objects = {
	.kind = "WorkloadEndpoint",
	.api_version = "projectcalico.org/v3",
	.view = { .kind = "WorkloadEndpointList",
		  .empty = "No pods with an address of their own.",
		  .columns = columns,
		  .column_count = sizeof(columns) / sizeof(columns[0]) },
	.row = endpoint_row,
	.collect = endpoints_collect,
};
