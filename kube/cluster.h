/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_CLUSTER_H
#define KUBE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "kube/node_object.h"
#include "kube/service_object.h"

struct json_object;

/* What the API server has told, by kind and name. Every change says whether it matters. */

enum cluster_kind {
	CLUSTER_NODES,
	CLUSTER_POOLS,
	CLUSTER_BGP_CONFIGS,
	CLUSTER_BGP_PEERS,
	CLUSTER_RESERVATIONS,
	CLUSTER_BGP_FILTERS,
	CLUSTER_OBJECTS, /* those before are shown by `tortie get` on a node, but the nodes */
	CLUSTER_SECRETS = CLUSTER_OBJECTS, /* of our namespace; told nobody */
	CLUSTER_SERVICES,
	CLUSTER_SLICES, /* EndpointSlices */
	CLUSTER_KINDS,
};

#define CLUSTER_SERVICES_MAX 32768
#define CLUSTER_SLICES_MAX   65536

struct cluster_object {
	char *name; /* of Services and slices NAMESPACE/NAME */
	int64_t created_s;
	uint32_t mark;		  /* told since this begin */
	struct node_object *node; /* CLUSTER_NODES */
	struct service_object *service;
	struct slice_object *slice;
	uint8_t endpoints;	  /* of a Service, as its slices say; the document's own */
	struct json_object *json; /* the other kinds: whole, without managedFields */
	UT_hash_handle hh;
};

struct cluster {
	struct cluster_object *objects[CLUSTER_KINDS]; /* by name (uthash) */
	uint32_t mark[CLUSTER_KINDS];
	size_t left_out[CLUSTER_KINDS]; /* objects beyond the maximum, since this begin */
	const char *node_name;		/* of this node, borrowed; NULL: no endpoint is here */
};

/** cluster_kind_word() - "IPPool", and "ippool" for people. */
const char *cluster_kind_name(enum cluster_kind kind);
const char *cluster_kind_word(enum cluster_kind kind);

void cluster_fini(struct cluster *cluster); /* a zeroed struct is an empty cluster */
/** cluster_begin() - all objects of the kind follow; cluster_end() takes away what was not set
 * since, and says whether there was any. */
void cluster_begin(struct cluster *cluster, enum cluster_kind kind);
bool cluster_end(struct cluster *cluster, enum cluster_kind kind);
/** cluster_set() - 1: something that matters is new, 0: nothing, -errno (-EINVAL: no name; -ENOSPC:
 * too many of the kind, counted). The JSON is kept by reference, and changed: managedFields go. */
int cluster_set(struct cluster *cluster, enum cluster_kind kind, struct json_object *json);
bool cluster_remove(struct cluster *cluster, enum cluster_kind kind, struct json_object *json);
/** cluster_keep() - the object @name (in any namespace) is still there, though it could not be
 * read.
 */
void cluster_keep(struct cluster *cluster, enum cluster_kind kind, const char *name);
bool cluster_clear(struct cluster *cluster, enum cluster_kind kind); /* did it have any? */
/** cluster_sort() - by age (older first, then by name), so that a walk has a fixed order. */
void cluster_sort(struct cluster *cluster, enum cluster_kind kind);
const struct cluster_object *cluster_find(const struct cluster *cluster, enum cluster_kind kind,
					  const char *name);

#endif /* KUBE_CLUSTER_H */
