/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoints.c: this node's pods: `tortie get workloadendpoint` and `tortie counters`.
 *
 * Both show MSG_ENDPOINT, the first as the object, the second as its numbers. A pod is called by
 * its Kubernetes name when the runtime gave one, else by the first octets of its container id.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"
#include "tools/tortie/say.h"

#define CONTAINER_ID_SHORT 12 /* as docker and crictl cut it */

static const struct output_column endpoint_columns[] = {
	{ "WORKLOAD", "workload", false, false },     { "NODE", "node", false, false },
	{ "NETWORKS", "networks", false, false },     { "INTERFACE", "interface", false, false },
	{ "IFINDEX", "ifindex", true, true },	      { "MAC", "mac", true, false },
	{ "POD-IF", "pod_interface", true, false },   { "NETWORK", "network", true, false },
	{ "CONTAINER", "container_id", true, false },
};

static const struct output_column counter_columns[] = {
	{ "WORKLOAD", "workload", false, false },    { "INTERFACE", "interface", false, false },
	{ "TX-PACKETS", "tx_packets", false, true }, { "TX-OCTETS", "tx_octets", false, true },
	{ "RX-PACKETS", "rx_packets", false, true }, { "RX-OCTETS", "rx_octets", false, true },
	{ "NETWORKS", "networks", true, false },
};

const char *endpoint_workload(const struct msg_endpoint *endpoint, char *buf, size_t size)
{
	if (endpoint->pod_name[0] == '\0')
		snprintf(buf, size, "%.*s", CONTAINER_ID_SHORT, endpoint->container_id);
	else
		snprintf(buf, size, "%s%s%s", endpoint->pod_namespace,
			 endpoint->pod_namespace[0] ? "/" : "", endpoint->pod_name);
	return buf;
}

static struct json_object *networks_convert(const struct msg_endpoint *endpoint)
{
	struct json_object *networks = document_new_list();
	char text[IP_PREFIX_TEXT_MAX];

	for (uint32_t i = 0; i < endpoint->address_count && i < POD_ADDRESSES_MAX; i++) {
		struct ip_prefix prefix = ip_prefix_host(&endpoint->address[i]);

		document_add_words(networks, ip_prefix_format(&prefix, text, sizeof(text)));
	}
	return networks;
}

static struct json_object *names_convert(const struct msg_endpoint *endpoint)
{
	struct json_object *item = document_new_map();
	char workload[2 * NAME_MAX_LEN + 2];

	document_set_words(item, "workload",
			   endpoint_workload(endpoint, workload, sizeof(workload)));
	document_set_text(item, "interface", endpoint->host_ifname, sizeof(endpoint->host_ifname));
	document_set(item, "networks", networks_convert(endpoint));
	return item;
}

static int endpoint_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_endpoint *endpoint = body;
	struct get_walk *walk = arg;
	struct json_object *item;

	if (type != MSG_ENDPOINT)
		return 0;
	item = names_convert(endpoint);
	document_set_words(item, "node", walk->node_name);
	document_set_text(item, "namespace", endpoint->pod_namespace,
			  sizeof(endpoint->pod_namespace));
	document_set_text(item, "pod", endpoint->pod_name, sizeof(endpoint->pod_name));
	document_set_text(item, "container_id", endpoint->container_id,
			  sizeof(endpoint->container_id));
	document_set_text(item, "pod_interface", endpoint->ifname, sizeof(endpoint->ifname));
	document_set_text(item, "network", endpoint->network, sizeof(endpoint->network));
	document_set_mac(item, "mac", endpoint->mac);
	document_set_number(item, "ifindex", endpoint->ifindex);
	document_add(walk->items, item);
	return 0;
}

static int counter_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_endpoint *endpoint = body;
	struct get_walk *walk = arg;
	struct json_object *item;

	if (type != MSG_ENDPOINT)
		return 0;
	item = names_convert(endpoint);
	document_set_number(item, "tx_packets", endpoint->tx_packets);
	document_set_number(item, "tx_octets", endpoint->tx_octets);
	document_set_number(item, "rx_packets", endpoint->rx_packets);
	document_set_number(item, "rx_octets", endpoint->rx_octets);
	document_add(walk->items, item);
	return 0;
}

static const char *const endpoint_names[] = { "workloadendpoint",
					      "workloadendpoints",
					      "wep",
					      "weps",
					      "endpoint",
					      "endpoints",
					      "pod",
					      "pods",
					      NULL };

const struct get_kind get_endpoints = {
	.names = endpoint_names,
	.request = MSG_GET_ENDPOINTS,
	.record = endpoint_record,
	.name_key = "workload",
	.view = { .kind = "WorkloadEndpointList",
		  .empty = "No pods on this node.",
		  .columns = endpoint_columns,
		  .column_count = sizeof(endpoint_columns) / sizeof(endpoint_columns[0]) },
	.objects = &endpoint_objects,
};

static const char *const counter_names[] = { "counters", NULL };

static const struct get_kind get_counters = {
	.names = counter_names,
	.request = MSG_GET_ENDPOINTS,
	.record = counter_record,
	.name_key = "workload",
	.view = { .kind = "CounterList",
		  .empty = "No pods on this node.",
		  .columns = counter_columns,
		  .column_count = sizeof(counter_columns) / sizeof(counter_columns[0]) },
};

int counters_run(const struct command_line *line)
{
	struct json_object *items;
	int err;

	if (get_collect(line->run_dir, &get_counters, &items) < 0)
		return EXIT_FAILED;
	err = output_list(stdout, line->format, &get_counters.view, items);
	json_object_put(items);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}
