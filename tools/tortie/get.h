/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_GET_H
#define TOOLS_TORTIE_GET_H

#include "tools/tortie/output.h"
#include "tools/tortie/request.h"

struct cluster;
struct command_line;
struct ip_prefix;

/* The list being built from an answer. */
struct get_walk {
	struct json_object *items;
	struct json_object *last; /* borrowed: the item that following records belong to */
	const char *node_name;	  /* of the agent, borrowed */
};

/* Where the objects of one `tortie get` come from. */
struct get_source {
	const struct command_line *line;
	struct cluster *cluster; /* NULL: the agent of this node */
	struct request *request; /* NULL: no agent answers; then there is a cluster */
	char title[512];	 /* "the cluster, context NAME", "node NAME" */
	char note[512];		 /* one more remark for the header, "" for none */
	struct ip_prefix *block; /* podCIDRs of all nodes, where a kind wants them */
	size_t block_count;
	uint32_t as; /* of all nodes, likewise */
};

/* A kind that the API server has, or that is made of what it has. */
struct get_objects {
	const char *kind, *api_version; /* as in the object: "IPPool", "projectcalico.org/v3" */
	const char *path;		/* of the list; NULL: collect does it all */
	struct output_view view;	/* table of what row makes */
	/* What the table shows of @object. */
	void (*row)(const struct get_source *source, struct json_object *object,
		    struct json_object *row);
	/* After the list was read: what there is without an object, more for the rows. NULL: none.
	 * 0 or -errno as cluster_list(). */
	int (*collect)(struct get_source *source, struct json_object *objects);
};

/* What `tortie get` can list: names, the agent's records, the table; the cluster's objects. */
struct get_kind {
	const char *const *names; /* NULL-terminated: the first is the one to write */
	uint32_t request;	  /* enum message_type; 0: the agent keeps the objects alone */
	record_fn *record;	  /* arg: struct get_walk */
	const char *name_key;	  /* item's key that NAME is compared with */
	struct output_view view;
	const struct get_objects *objects; /* NULL: known to nodes alone */
	/* What `get` shows more of the agent's items; NULL: none. 0 or -errno, said. */
	int (*enrich)(struct request *request, struct json_object *items);
	bool is_long; /* get_long.c prints it: a record is an item, nothing enriches it */
};

extern const struct get_kind get_endpoints; /* endpoints.c */
extern const struct get_kind get_routes;    /* routes.c */
extern const struct get_kind get_nodes;	    /* nodes.c */
extern const struct get_kind get_pools;	    /* pools.c */
/* bgp.c */
extern const struct get_kind get_bgp_configurations, get_bgp_peers, get_bgp_filters,
	get_reservations;

#define AS_DEFAULT 64512 /* where no BGPConfiguration says another */

extern const struct get_objects endpoint_objects; /* endpoint_objects.c */
extern const struct get_objects node_objects;	  /* nodes.c */
extern const struct get_objects pool_objects;	  /* pool_objects.c */

/** endpoint_workload() - "NAMESPACE/NAME", "NAME", or the container id's first 12 octets when the
 * name is not known. Returns @buf. */
const char *endpoint_workload(const struct msg_endpoint *endpoint, char *buf, size_t size);

/** get_collect() - all items of @kind as a list (caller frees). 0 or -errno, said. */
int get_collect(const char *run_dir, const struct get_kind *kind, struct json_object **ret_items);
/** get_node_objects() - append the objects of @kind that the agent keeps to @objects. 0 or -errno,
 * said. */
int get_node_objects(struct request *request, const char *kind, struct json_object *objects);
/** get_object() - a new object with apiVersion, kind, and metadata that has @name. */
struct json_object *get_object(const struct get_objects *kind, const char *name);

/** get_choose_items() - the items called @name (NULL: all), in a list of its own; @items is given
 * up. With @namespace, those of it alone. */
struct json_object *get_choose_items(struct json_object *items, const struct get_kind *kind,
				     const char *name, const char *namespace);
/** get_say_nothing_found() - EXIT_FAILED. */
int get_say_nothing_found(const struct get_kind *kind, const char *name);
/** get_long_list() - get_long.c: ask the agent for @kind and print. An exit status, said. */
int get_long_list(const struct get_source *source, const struct get_kind *kind, const char *name);

/* get_print.c: objects, and where they are from. */

/** get_print_header() - the line before a table or YAML that says where it is from. */
void get_print_header(const struct get_source *source);
/** get_print_objects() - @objects (a list, borrowed) in the line's format; @name NULL or the one
 * that was asked for. 0 or -errno. */
int get_print_objects(const struct get_source *source, const struct get_objects *kind,
		      struct json_object *objects, const char *name);

#endif /* TOOLS_TORTIE_GET_H */
