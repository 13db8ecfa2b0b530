/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.c: the objects that the network depends on, as last told.
 *
 * Of nodes only struct node_object is kept; a change of a Node that touches none of its values (a
 * kubelet reports its status every few minutes) is no change. The objects of the other kinds are
 * few and kept whole, since `tortie get` shows them.
 *
 * A list replaces all of a kind: begin gives out a new mark, set puts it on what is told, and end
 * takes away what bears an old one.
 */
#include "kube/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "agent_protocol.h"
#include "kube/json.h"

static const struct {
	const char *name, *word;
} kind_rows[CLUSTER_KINDS] = {
	[CLUSTER_NODES] = { "Node", "node" },
	[CLUSTER_POOLS] = { "IPPool", "ippool" },
	[CLUSTER_BGP_CONFIGS] = { "BGPConfiguration", "bgpconfiguration" },
	[CLUSTER_BGP_PEERS] = { "BGPPeer", "bgppeer" },
	[CLUSTER_BGP_FILTERS] = { "BGPFilter", "bgpfilter" },
	[CLUSTER_SECRETS] = { "Secret", "secret" },
	[CLUSTER_RESERVATIONS] = { "IPReservation", "ipreservation" },
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

static const char *name_of(struct json_object *json)
{
	const char *name = json_get_text(json_get_object(json, "metadata"), "name");

	return name && *name && strlen(name) <= NAME_MAX_LEN ? name : NULL;
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

/* 1 or 0 as cluster_set(). */
static int take_node(struct cluster_object *object, struct json_object *json)
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

int cluster_set(struct cluster *cluster, enum cluster_kind kind, struct json_object *json)
{
	const char *name = name_of(json);
	struct cluster_object *object = name ? find(cluster, kind, name) : NULL;
	bool is_new = !object;
	int result;

	if (!name)
		return -EINVAL;
	if (is_new)
		object = add(cluster, kind, name);
	if (!object)
		return -ENOMEM;
	object->mark = cluster->mark[kind];
	result = kind == CLUSTER_NODES ? take_node(object, json) : take_json(object, json);
	if (result < 0 && is_new)
		forget(cluster, kind, object);
	return result;
}

bool cluster_remove(struct cluster *cluster, enum cluster_kind kind, struct json_object *json)
{
	const char *name = name_of(json);
	struct cluster_object *object = name ? find(cluster, kind, name) : NULL;

	if (object)
		forget(cluster, kind, object);
	return object;
}

void cluster_keep(struct cluster *cluster, enum cluster_kind kind, const char *name)
{
	struct cluster_object *object = find(cluster, kind, name);

	if (object)
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
