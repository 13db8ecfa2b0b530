/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.c: the objects that the network depends on, as last told.
 *
 * Of nodes only struct node_object is kept; a change of a Node that touches none of its values (a
 * kubelet reports its status every few minutes) is no change. Likewise of Services and their slices
 * (service_object.h); those that can never matter are not kept at all. The objects of the other
 * kinds are few and kept whole, since `tortie get` shows them.
 *
 * A list replaces all of a kind: begin gives out a new mark, set puts it on what is told, and end
 * takes away what bears an old one.
 */
#include "kube/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "agent_protocol.h"
#include "lib/json.h"

/* 1 or 0 as cluster_set(); TAKEN_NOT: of no interest. */
typedef int take_fn(const struct cluster *cluster, struct cluster_object *object,
		    struct json_object *json);

#define TAKEN_NOT 2
#define KEY_MAX	  (2 * NAME_MAX_LEN + 2) /* NAMESPACE/NAME with NUL */

static take_fn take_node, take_service, take_slice;

static const struct kind_row {
	const char *name, *word;
	take_fn *take; /* NULL: take_json() */
	size_t max;    /* 0: none here */
	bool has_namespace;
} kind_rows[CLUSTER_KINDS] = {
	[CLUSTER_NODES] = { "Node", "node", take_node },
	[CLUSTER_POOLS] = { "IPPool", "ippool" },
	[CLUSTER_BGP_CONFIGS] = { "BGPConfiguration", "bgpconfiguration" },
	[CLUSTER_BGP_PEERS] = { "BGPPeer", "bgppeer" },
	[CLUSTER_BGP_FILTERS] = { "BGPFilter", "bgpfilter" },
	[CLUSTER_SECRETS] = { "Secret", "secret" },
	[CLUSTER_RESERVATIONS] = { "IPReservation", "ipreservation" },
	[CLUSTER_SERVICES] = { "Service", "service", take_service, CLUSTER_SERVICES_MAX, true },
	[CLUSTER_SLICES] = { "EndpointSlice", "endpointslice", take_slice, CLUSTER_SLICES_MAX,
			     true },
};

const char *cluster_kind_name(enum cluster_kind kind)
{
	return kind_rows[kind].name;
}

const char *cluster_kind_word(enum cluster_kind kind)
{
	return kind_rows[kind].word;
}

static void object_free(struct cluster_object *object)
{
	json_object_put(object->json);
	free(object->node);
	free(object->service);
	free(object->slice);
	free(object->name);
	free(object);
}

static void forget(struct cluster *cluster, enum cluster_kind kind, struct cluster_object *object)
{
	HASH_DELETE(hh, cluster->objects[kind], object);
	object_free(object);
}

bool cluster_clear(struct cluster *cluster, enum cluster_kind kind)
{
	struct cluster_object *object, *next;
	bool had_any = cluster->objects[kind];

	cluster->left_out[kind] = 0;
	HASH_ITER(hh, cluster->objects[kind], object, next)
	forget(cluster, kind, object);
	return had_any;
}

void cluster_fini(struct cluster *cluster)
{
	for (int kind = 0; kind < CLUSTER_KINDS; kind++)
		cluster_clear(cluster, (enum cluster_kind)kind);
}

void cluster_begin(struct cluster *cluster, enum cluster_kind kind)
{
	cluster->mark[kind]++;
	cluster->left_out[kind] = 0;
}

bool cluster_end(struct cluster *cluster, enum cluster_kind kind)
{
	struct cluster_object *object, *next;
	bool is_changed = false;

	HASH_ITER(hh, cluster->objects[kind], object, next)
	{
		if (object->mark == cluster->mark[kind])
			continue;
		forget(cluster, kind, object);
		is_changed = true;
	}
	return is_changed;
}

static struct cluster_object *find(const struct cluster *cluster, enum cluster_kind kind,
				   const char *name)
{
	struct cluster_object *object;

	HASH_FIND_STR(cluster->objects[kind], name, object);
	return object;
}

const struct cluster_object *cluster_find(const struct cluster *cluster, enum cluster_kind kind,
					  const char *name)
{
	return find(cluster, kind, name);
}

static bool is_name(const char *text)
{
	return text && *text && strlen(text) <= NAME_MAX_LEN && !strchr(text, '/');
}

/* What the object is known by, in @key; false: it has no name. */
static bool read_key(enum cluster_kind kind, struct json_object *json, char key[KEY_MAX])
{
	struct json_object *metadata = json_get_object(json, "metadata");
	const char *name = json_get_text(metadata, "name");
	const char *space = json_get_text(metadata, "namespace");

	if (!is_name(name) || (kind_rows[kind].has_namespace && !is_name(space)))
		return false;
	if (kind_rows[kind].has_namespace)
		snprintf(key, KEY_MAX, "%s/%s", space, name);
	else
		snprintf(key, KEY_MAX, "%s", name);
	return true;
}

static struct cluster_object *add(struct cluster *cluster, enum cluster_kind kind, const char *name)
{
	struct cluster_object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->name = strdup(name);
	if (!object->name) {
		free(object);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, cluster->objects[kind], object->name, strlen(object->name), object);
	return object;
}

static int take_node(const struct cluster *cluster, struct cluster_object *object,
		     struct json_object *json)
{
	struct node_object *node = node_object_read(json);

	if (!node)
		return -ENOMEM;
	if (object->node && node_object_is_same(object->node, node)) {
		free(node);
		return 0;
	}
	free(object->node);
	object->node = node;
	object->created_s = node->created_s;
	return 1;
}

static int take_service(const struct cluster *cluster, struct cluster_object *object,
			struct json_object *json)
{
	struct service_object *service, *known = object->service;
	int err = service_object_read(json, &service);
	bool is_changed;

	if (err < 0)
		return err;
	if (!service)
		return TAKEN_NOT;
	object->service = service;
	is_changed = !known || known->size != service->size ||
		     memcmp(known, service, service->size) != 0;
	free(known);
	return is_changed;
}

static int take_slice(const struct cluster *cluster, struct cluster_object *object,
		      struct json_object *json)
{
	struct slice_object *slice, *known = object->slice;
	int err = slice_object_read(json, cluster->node_name, &slice);
	bool is_changed;

	if (err < 0)
		return err;
	if (!slice)
		return TAKEN_NOT;
	object->slice = slice;
	is_changed = !known || known->size != slice->size || memcmp(known, slice, slice->size) != 0;
	free(known);
	return is_changed;
}

static int take_json(struct cluster_object *object, struct json_object *json)
{
	struct json_object *metadata = json_get_object(json, "metadata");

	json_object_object_del(metadata, "managedFields");
	if (object->json && json_object_equal(object->json, json))
		return 0;
	object->created_s = object_time_read(json_get_text(metadata, "creationTimestamp"));
	json_object_put(object->json);
	object->json = json_object_get(json);
	return 1;
}

static bool is_full(const struct cluster *cluster, enum cluster_kind kind)
{
	size_t max = kind_rows[kind].max;

	return max > 0 && HASH_COUNT(cluster->objects[kind]) >= max;
}

int cluster_set(struct cluster *cluster, enum cluster_kind kind, struct json_object *json)
{
	struct cluster_object *object;
	char key[KEY_MAX];
	bool is_new;
	int result;

	if (!read_key(kind, json, key))
		return -EINVAL;
	object = find(cluster, kind, key);
	is_new = !object;
	if (is_new && is_full(cluster, kind)) {
		cluster->left_out[kind]++;
		return -ENOSPC;
	}
	if (is_new)
		object = add(cluster, kind, key);
	if (!object)
		return -ENOMEM;
	object->mark = cluster->mark[kind];
	result = kind_rows[kind].take ? kind_rows[kind].take(cluster, object, json)
				      : take_json(object, json);
	if ((result < 0 && is_new) || result == TAKEN_NOT)
		forget(cluster, kind, object);
	if (result == TAKEN_NOT)
		return is_new ? 0 : 1;
	return result;
}

bool cluster_remove(struct cluster *cluster, enum cluster_kind kind, struct json_object *json)
{
	struct cluster_object *object = NULL;
	char key[KEY_MAX];

	if (read_key(kind, json, key))
		object = find(cluster, kind, key);
	if (object)
		forget(cluster, kind, object);
	return object;
}

void cluster_keep(struct cluster *cluster, enum cluster_kind kind, const char *name)
{
	struct cluster_object *object, *next;

	if (!kind_rows[kind].has_namespace) {
		object = find(cluster, kind, name);
		if (object)
			object->mark = cluster->mark[kind];
		return;
	}
	HASH_ITER(hh, cluster->objects[kind], object, next)
	if (strcmp(strchr(object->name, '/') + 1, name) == 0)
		object->mark = cluster->mark[kind];
}

static int compare(const struct cluster_object *a, const struct cluster_object *b)
{
	if (a->created_s != b->created_s)
		return a->created_s < b->created_s ? -1 : 1;
	return strcmp(a->name, b->name);
}

void cluster_sort(struct cluster *cluster, enum cluster_kind kind)
{
	HASH_SORT(cluster->objects[kind], compare);
}
