/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_NODE_OBJECT_H
#define KUBE_NODE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"
#include "ip_address.h"

struct json_object;

/*
 * Of a Node object what the network needs: a few hundred octets instead of ten thousand. Clusters
 * have thousands of them, so everything of one node is one piece of memory.
 */

#define NODE_ADDRESSES_MAX 8
#define NODE_BLOCKS_MAX	   8
#define NODE_LABELS_MAX	   512 /* labels of one node that are kept */

enum node_network { /* status condition NetworkUnavailable */
	NODE_NETWORK_UNSAID = 0,
	NODE_NETWORK_AVAILABLE,	  /* "False" */
	NODE_NETWORK_UNAVAILABLE, /* "True", "Unknown" */
};

struct node_object {
	size_t size; /* octets of the whole; equal nodes are equal by memcmp() from created_s */
	int64_t created_s; /* creationTimestamp, seconds since 1970; 0: not given */
	uint8_t network;   /* enum node_network */
	uint8_t address_count, block_count;
	bool has_own_as;	 /* annotation projectcalico.org/ASNumber */
	bool has_bad_cluster_id; /* its annotation RouteReflectorClusterID is none */
	uint16_t label_count;
	struct ip_addr cluster_id; /* annotation RouteReflectorClusterID; zero: no reflector */
	struct ip_addr address[NODE_ADDRESSES_MAX]; /* InternalIPs */
	struct ip_prefix block[NODE_BLOCKS_MAX];    /* spec.podCIDRs */
	char uid[64];
	char fault[160]; /* what of it is wrong, one line; "" */
	char labels[];	 /* KEY NUL VALUE NUL ..., sorted by nothing */
};

/** node_object_read() - from JSON of any kind; NULL with errno set: -ENOMEM. Free with free(). */
struct node_object *node_object_read(struct json_object *json);
/** node_object_is_same() - do both say the same, so that nothing depends on the change? */
bool node_object_is_same(const struct node_object *a, const struct node_object *b);

/** time_read() - "2026-11-21T00:31:29Z" as seconds since 1970; 0: it is none. */
int64_t object_time_read(const char *text);

#endif /* KUBE_NODE_OBJECT_H */
