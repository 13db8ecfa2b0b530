/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_object.c: from Services and EndpointSlices to the few values that announcing needs.
 *
 * A Service: its ClusterIPs, externalIPs and the addresses that its load balancer has in the status
 * (not those of ipMode Proxy: nobody on a node translates them), and whether externalTrafficPolicy
 * keeps its packets on the node where they come in. A slice: whether any endpoint, and any endpoint
 * of this node, is ready; an endpoint without that condition is (discovery.k8s.io/v1). An endpoint
 * that ends is not ready any more, so a node withdraws a Service before its last pod has gone.
 *
 * A slice of a thousand endpoints becomes three bits: pods that come and go change them rarely.
 */
#include "kube/service_object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "agent_protocol.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"

struct draft {
	struct service_address address[SERVICE_ADDRESSES_MAX];
	size_t count;
	bool has_more;
};

static void add_address(struct draft *draft, enum service_address_kind kind, const char *text)
{
	struct service_address *one = &draft->address[draft->count];
	struct ip_addr addr;

	if (!text || ip_addr_parse(text, &addr) < 0)
		return;
	if (draft->count == SERVICE_ADDRESSES_MAX) {
		draft->has_more = true;
		return;
	}
	one->addr = addr;
	one->kind = kind;
	draft->count++;
}

static void read_texts(struct draft *draft, enum service_address_kind kind,
		       struct json_object *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		add_address(draft, kind, json_text(json_get_item(list, i)));
}

static void read_balancer(struct draft *draft, struct json_object *json)
{
	struct json_object *status = json_get_object(json, "status");
	struct json_object *list =
		json_get_array(json_get_object(status, "loadBalancer"), "ingress");

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct json_object *item = json_get_item(list, i);
		const char *mode = json_get_text(item, "ipMode");

		if (!mode || strcmp(mode, "Proxy") != 0)
			add_address(draft, SERVICE_BALANCER_IP, json_get_text(item, "ip"));
	}
}

static bool is_text(struct json_object *object, const char *key, const char *text)
{
	const char *own = json_get_text(object, key);

	return own && strcmp(own, text) == 0;
}

int service_object_read(struct json_object *json, struct service_object **ret)
{
	struct json_object *spec = json_get_object(json, "spec");
	struct json_object *list = json_get_array(spec, "clusterIPs");
	struct draft draft = { .count = 0 };
	struct service_object *service;
	size_t size;

	*ret = NULL;
	if (is_text(spec, "type", "ExternalName"))
		return 0;
	if (json_array_size(list) > 0)
		read_texts(&draft, SERVICE_CLUSTER_IP, list);
	else
		add_address(&draft, SERVICE_CLUSTER_IP, json_get_text(spec, "clusterIP"));
	if (draft.count == 0) /* headless, or it has none yet */
		return 0;
	read_texts(&draft, SERVICE_EXTERNAL_IP, json_get_array(spec, "externalIPs"));
	read_balancer(&draft, json);
	size = sizeof(*service) + draft.count * sizeof(draft.address[0]);
	service = calloc(1, size);
	if (!service)
		return -ENOMEM;
	service->size = size;
	service->is_local = is_text(spec, "externalTrafficPolicy", "Local");
	service->has_more = draft.has_more;
	service->address_count = (uint16_t)draft.count;
	memcpy(service->address, draft.address, draft.count * sizeof(draft.address[0]));
	*ret = service;
	return 0;
}

/* --- slices --- */

static void read_endpoint(struct slice_object *slice, struct json_object *endpoint,
			  const char *node)
{
	struct json_object *conditions = json_get_object(endpoint, "conditions");
	bool is_ready = true;

	json_get_bool(conditions, "ready", &is_ready);
	if (!is_ready)
		return;
	slice->is_ready = true;
	if (node && is_text(endpoint, "nodeName", node))
		slice->is_ready_here = true;
}

int slice_object_read(struct json_object *json, const char *node, struct slice_object **ret)
{
	struct json_object *metadata = json_get_object(json, "metadata");
	struct json_object *list = json_get_array(json, "endpoints");
	const char *name =
		json_get_text(json_get_object(metadata, "labels"), "kubernetes.io/service-name");
	const char *space = json_get_text(metadata, "namespace");
	bool is_v6 = is_text(json, "addressType", "IPv6");
	struct slice_object *slice;
	size_t size;

	*ret = NULL;
	if (!name || !*name || strlen(name) > NAME_MAX_LEN || !space ||
	    strlen(space) > NAME_MAX_LEN || (!is_v6 && !is_text(json, "addressType", "IPv4")))
		return 0;
	size = sizeof(*slice) + strlen(space) + 1 + strlen(name) + 1;
	slice = calloc(1, size);
	if (!slice)
		return -ENOMEM;
	slice->size = size;
	slice->is_v6 = is_v6;
	strcpy(slice->service, space);
	strcat(slice->service, "/");
	strcat(slice->service, name);
	for (size_t i = 0; i < json_array_size(list); i++)
		read_endpoint(slice, json_get_item(list, i), node);
	*ret = slice;
	return 0;
}
