/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_GET_H
#define TOOLS_TORTIE_GET_H

#include "tools/tortie/output.h"
#include "tools/tortie/request.h"

/* The list being built from an answer. */
struct get_walk {
	struct json_object *items;
	struct json_object *last; /* borrowed: the item that following records belong to */
	const char *node_name;	  /* of the agent, borrowed */
};

/* What `tortie get` can list: names, request, the walk over its records, the table. */
struct get_kind {
	const char *const *names; /* NULL-terminated: the first is the one to write */
	uint32_t request;	  /* enum message_type */
	record_fn *record;	  /* arg: struct get_walk */
	const char *name_key;	  /* item's key that NAME is compared with */
	struct output_view view;
};

extern const struct get_kind get_endpoints; /* endpoints.c */
extern const struct get_kind get_routes;    /* routes.c */
extern const struct get_kind get_nodes;	    /* nodes.c */
extern const struct get_kind get_pools;	    /* pools.c */

/** endpoint_workload() - "NAMESPACE/NAME", "NAME", or the container id's first 12 octets when the
 * name is not known. Returns @buf. */
const char *endpoint_workload(const struct msg_endpoint *endpoint, char *buf, size_t size);

/** get_collect() - all items of @kind as a list (caller frees). 0 or -errno, said. */
int get_collect(const char *run_dir, const struct get_kind *kind, struct json_object **ret_items);

#endif /* TOOLS_TORTIE_GET_H */
