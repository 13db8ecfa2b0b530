/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_services.c: bgp.announce and bgp.service_ranges, from BGPConfiguration, Services and
 * EndpointSlices.
 *
 * As with Calico. BGPConfiguration default names ranges of ClusterIPs, of external IPs and of
 * addresses of load balancers. Every node announces them whole, and what comes in for a Service is
 * sent on by kube-proxy; an address outside of them is never announced. What is decided for each
 * Service:
 *
 * - externalTrafficPolicy Local: its addresses one by one, from nodes where it has an endpoint that
 *   is ready, by family.
 * - Cluster: nothing more. But a range of external IPs or load balancers that is a single address
 *   is announced only when a Service has it, and with serviceLoadBalancerAggregation Disabled load
 *   balancers' addresses are, each while the Service has an endpoint that is ready anywhere.
 *
 * A node with the label of Kubernetes that keeps it out of load balancing, "true", announces
 * nothing. Ranges that hold pods' or nodes' addresses would draw away what is not a Service's: they
 * are left out.
 *
 * Services and slices are watched only while they can matter. The cost of a build is one walk over
 * both.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/document_bgp.h"
#include "kube/selector.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"

#define EXCLUDED "node.kubernetes.io/exclude-from-external-load-balancers == 'true'"

/* Where endpoints of a Service are ready (cluster_object.endpoints). */
enum {
	READY_V4 = 1,
	READY_V6 = 2,
	READY_HERE_V4 = 4,
	READY_HERE_V6 = 8,
};

static const char *const range_fields[] = {
	[SERVICE_CLUSTER_IP] = "serviceClusterIPs",
	[SERVICE_EXTERNAL_IP] = "serviceExternalIPs",
	[SERVICE_BALANCER_IP] = "serviceLoadBalancerIPs",
};

#define FIELDS (sizeof(range_fields) / sizeof(range_fields[0]))

struct range {
	struct ip_prefix prefix;
	enum service_address_kind kind;
};

struct ranges {
	struct range list[CONFIG_SERVICE_RANGES_MAX];
	size_t count;
	bool is_aggregated; /* load balancers' ranges are announced whole */
};

struct prefix_list {
	struct ip_prefix *item;
	size_t count, size;
};

/* --- ranges --- */

static const struct cluster_object *default_config(const struct cluster *cluster)
{
	return cluster_find(cluster, CLUSTER_BGP_CONFIGS, "default");
}

static void tell(struct builder *builder, const char *field, const char *text, const char *what)
{
	if (builder)
		document_problem(builder, CLUSTER_BGP_CONFIGS, "default", "spec.%s: %.50s%s", field,
				 text, what);
}

static bool is_free_of_nodes(struct builder *builder, const char *field, const char *text,
			     const struct ip_prefix *prefix)
{
	for (size_t n = 0; n < builder->node_count; n++) {
		const struct node_object *node = builder->nodes[n].object;

		for (size_t i = 0; i < node->address_count; i++) {
			if (!ip_prefix_contains(prefix, &node->address[i]))
				continue;
			document_problem(builder, CLUSTER_BGP_CONFIGS, "default",
					 "spec.%s: %.50s holds an address of node %.253s: left out",
					 field, text, builder->nodes[n].name);
			return false;
		}
	}
	return true;
}

/* May it be a range of Services? Without @builder it only is looked at as text. */
static bool is_usable(struct builder *builder, const char *field, const char *text,
		      const struct ip_prefix *prefix)
{
	if (config_special_range(prefix)) {
		tell(builder, field, text, " holds addresses that no host can have: left out");
		return false;
	}
	for (size_t i = 0; builder && i < builder->pool_count; i++) {
		if (!ip_prefix_overlaps(&builder->pools[i].cidr, prefix))
			continue;
		document_problem(builder, CLUSTER_BGP_CONFIGS, "default",
				 "spec.%s: %.50s overlaps pool %.253s: left out", field, text,
				 builder->pools[i].name);
		return false;
	}
	return !builder || is_free_of_nodes(builder, field, text, prefix);
}

static void read_range(struct builder *builder, enum service_address_kind kind,
		       struct json_object *item, struct ranges *ranges)
{
	const char *field = range_fields[kind], *text = json_get_text(item, "cidr");
	struct ip_prefix prefix;

	if (!text || ip_prefix_parse(text, &prefix) < 0) {
		tell(builder, field, text ? text : "an entry", " is no prefix: left out");
		return;
	}
	if (!is_usable(builder, field, text, &prefix))
		return;
	for (size_t i = 0; i < ranges->count; i++)
		if (ranges->list[i].kind == kind &&
		    ip_prefix_equal(&ranges->list[i].prefix, &prefix))
			return;
	if (ranges->count == CONFIG_SERVICE_RANGES_MAX) {
		tell(builder, field, text, ": more than 256 ranges: left out");
		return;
	}
	ranges->list[ranges->count++] = (struct range){ prefix, kind };
}

static bool read_aggregation(struct builder *builder, struct json_object *spec)
{
	const char *text = json_get_text(spec, "serviceLoadBalancerAggregation");

	if (text && strcmp(text, "Disabled") == 0)
		return false;
	if (text && *text && strcmp(text, "Enabled") != 0)
		tell(builder, "serviceLoadBalancerAggregation", text,
		     ": neither Enabled nor Disabled: Enabled is used");
	return true;
}

/* @builder: where to tell what is wrong; NULL: nowhere, and only the texts are looked at. */
static void read_ranges(struct builder *builder, const struct cluster *cluster,
			struct ranges *ranges)
{
	const struct cluster_object *object = default_config(cluster);
	struct json_object *spec = object ? json_get_object(object->json, "spec") : NULL;

	ranges->count = 0;
	ranges->is_aggregated = read_aggregation(builder, spec);
	for (size_t kind = 0; kind < FIELDS; kind++) {
		struct json_object *list = json_get_array(spec, range_fields[kind]);

		for (size_t i = 0; i < json_array_size(list); i++)
			read_range(builder, (enum service_address_kind)kind, json_get_item(list, i),
				   ranges);
	}
}

/* How an address lies in the ranges of its kind. */
enum place {
	PLACE_OUTSIDE,
	PLACE_INSIDE,
	PLACE_SINGLE, /* one of them is this address alone */
};

static bool is_single(const struct ip_prefix *prefix)
{
	return prefix->bits == IP_ADDR_BITS;
}

static enum place find_place(const struct ranges *ranges, const struct service_address *address)
{
	enum place place = PLACE_OUTSIDE;

	for (size_t i = 0; i < ranges->count; i++) {
		const struct range *range = &ranges->list[i];

		if (range->kind != address->kind ||
		    !ip_prefix_contains(&range->prefix, &address->addr))
			continue;
		if (is_single(&range->prefix))
			return PLACE_SINGLE;
		place = PLACE_INSIDE;
	}
	return place;
}

/* Every node announces it, whatever Services there are. */
static bool is_announced_whole(const struct ranges *ranges, const struct range *range)
{
	switch (range->kind) {
	case SERVICE_EXTERNAL_IP:
		return !is_single(&range->prefix);
	case SERVICE_BALANCER_IP:
		return ranges->is_aggregated && !is_single(&range->prefix);
	default:
		return true;
	}
}

/* --- who asks for what --- */

static bool is_kept_out(const struct cluster *cluster, const char *name)
{
	const struct cluster_object *self =
		name ? cluster_find(cluster, CLUSTER_NODES, name) : NULL;
	bool is_excluded = false;
	const char *why;

	if (self)
		selector_match(EXCLUDED, self->node->labels, self->node->label_count, &is_excluded,
			       &why);
	return is_excluded;
}

bool bgp_wants_services(const struct cluster *cluster)
{
	struct ranges ranges;

	read_ranges(NULL, cluster, &ranges);
	return ranges.count > 0 && !is_kept_out(cluster, cluster->node_name);
}

/* Does it depend on endpoints whether the address is announced? */
static bool depends_on_endpoints(const struct ranges *ranges, const struct service_object *service,
				 const struct service_address *address)
{
	if (find_place(ranges, address) == PLACE_OUTSIDE)
		return false;
	return service->is_local ||
	       (address->kind == SERVICE_BALANCER_IP && !ranges->is_aggregated);
}

bool bgp_wants_slices(const struct cluster *cluster)
{
	const struct cluster_object *object = cluster->objects[CLUSTER_SERVICES];
	struct ranges ranges;

	if (!object)
		return false;
	read_ranges(NULL, cluster, &ranges);
	for (; object; object = object->hh.next)
		for (size_t i = 0; i < object->service->address_count; i++)
			if (depends_on_endpoints(&ranges, object->service,
						 &object->service->address[i]))
				return true;
	return false;
}

/* --- Services --- */

/* object->endpoints of all Services, by what the slices say. */
static void find_endpoints(struct cluster *cluster)
{
	struct cluster_object *object;

	for (object = cluster->objects[CLUSTER_SERVICES]; object; object = object->hh.next)
		object->endpoints = 0;
	for (object = cluster->objects[CLUSTER_SLICES]; object; object = object->hh.next) {
		const struct slice_object *slice = object->slice;
		struct cluster_object *service;

		HASH_FIND_STR(cluster->objects[CLUSTER_SERVICES], slice->service, service);
		if (!service)
			continue;
		if (slice->is_ready)
			service->endpoints |= slice->is_v6 ? READY_V6 : READY_V4;
		if (slice->is_ready_here)
			service->endpoints |= slice->is_v6 ? READY_HERE_V6 : READY_HERE_V4;
	}
}

static bool is_announced(const struct ranges *ranges, const struct cluster_object *object,
			 const struct service_address *address)
{
	bool is_v4 = ip_addr_is_v4(&address->addr);
	enum place place = find_place(ranges, address);

	if (place == PLACE_OUTSIDE)
		return false;
	if (object->service->is_local)
		return object->endpoints & (is_v4 ? READY_HERE_V4 : READY_HERE_V6);
	if (address->kind == SERVICE_CLUSTER_IP)
		return false; /* its range is */
	if (place == PLACE_SINGLE)
		return true;
	return address->kind == SERVICE_BALANCER_IP && !ranges->is_aggregated &&
	       object->endpoints & (is_v4 ? READY_V4 : READY_V6);
}

static int add_prefix(struct prefix_list *list, const struct ip_prefix *prefix)
{
	if (list->count == list->size) {
		size_t size = list->size ? 2 * list->size : 64;
		struct ip_prefix *item = realloc(list->item, size * sizeof(*item));

		if (!item)
			return -ENOMEM;
		list->item = item;
		list->size = size;
	}
	list->item[list->count++] = *prefix;
	return 0;
}

static int add_services(struct builder *builder, const struct ranges *ranges,
			struct prefix_list *list)
{
	const struct cluster_object *object = builder->cluster->objects[CLUSTER_SERVICES];
	int err = 0;

	for (; object && err == 0; object = object->hh.next) {
		const struct service_object *service = object->service;

		if (service->has_more)
			document_warn(builder, CLUSTER_SERVICES, object->name,
				      "has more than %d addresses: the others are not announced",
				      SERVICE_ADDRESSES_MAX);
		for (size_t i = 0; i < service->address_count && err == 0; i++) {
			const struct ip_prefix host = ip_prefix_host(&service->address[i].addr);

			if (is_announced(ranges, object, &service->address[i]))
				err = add_prefix(list, &host);
		}
	}
	return err;
}

/* --- the lists --- */

static int compare_prefixes(const void *a, const void *b)
{
	return ip_prefix_compare(a, b);
}

static void sort_and_unite(struct prefix_list *list)
{
	size_t kept = 0;

	if (list->count > 0)
		qsort(list->item, list->count, sizeof(*list->item), compare_prefixes);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || !ip_prefix_equal(&list->item[kept - 1], &list->item[i]))
			list->item[kept++] = list->item[i];
	list->count = kept;
}

static void write_list(struct builder *builder, const char *key, const struct prefix_list *list)
{
	if (list->count == 0)
		return;
	fprintf(builder->out, "  %s: ", key);
	document_write_prefixes(builder->out, list->item, list->count);
	fputc('\n', builder->out);
}

/* What there is no place for is the highest addresses; ranges stand before what lies in them. */
static void keep_most(struct builder *builder, struct prefix_list *list)
{
	if (list->count <= CONFIG_ANNOUNCE_MAX)
		return;
	document_problem(builder, CLUSTER_BGP_CONFIGS, "default",
			 "%zu prefixes of Services are to be announced, at most %d are: the others "
			 "are left out",
			 list->count, CONFIG_ANNOUNCE_MAX);
	list->count = CONFIG_ANNOUNCE_MAX;
}

int bgp_write_services(struct bgp_draft *draft)
{
	struct builder *builder = draft->builder;
	bool is_out = is_kept_out(builder->cluster, builder->self->name);
	struct prefix_list announce = { .count = 0 }, all = { .count = 0 };
	struct ranges ranges;
	int err = 0;

	read_ranges(builder, builder->cluster, &ranges);
	for (size_t i = 0; i < ranges.count && err == 0; i++) {
		err = add_prefix(&all, &ranges.list[i].prefix);
		if (err == 0 && !is_out && is_announced_whole(&ranges, &ranges.list[i]))
			err = add_prefix(&announce, &ranges.list[i].prefix);
	}
	if (err == 0 && ranges.count > 0 && !is_out) {
		find_endpoints(builder->cluster);
		err = add_services(builder, &ranges, &announce);
	}
	sort_and_unite(&announce);
	sort_and_unite(&all);
	keep_most(builder, &announce);
	if (err == 0) {
		write_list(builder, "announce", &announce);
		write_list(builder, "service_ranges", &all);
	}
	free(announce.item);
	free(all.item);
	return err;
}
