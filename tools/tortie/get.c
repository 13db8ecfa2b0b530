/* SPDX-License-Identifier: Apache-2.0 */
/*
 * get.c: `tortie get KIND [NAME]`.
 *
 * A table of kinds; each lives in the file of its noun (endpoints.c, routes.c, nodes.c, pools.c,
 * bgp.c). Here: which kind a word means, whom to ask, the choice by name.
 *
 * With a kubeconfig the API server is asked, with the user's own rights, for what it has: the
 * answer is the whole cluster's. Without one, with --local, or when the server does not answer, the
 * agent of this node is asked, and the answer is this node's. The line above the table says which.
 * A kubeconfig that was named must work: then nobody else is asked.
 */

#include "tools/tortie/get.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tools/tortie/cluster.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/say.h"

static const struct get_kind *const kinds[] = { &get_endpoints,	  &get_routes,
						&get_nodes,	  &get_pools,
						&get_bgp_peers,	  &get_bgp_configurations,
						&get_bgp_filters, &get_reservations };

static const struct get_kind *kind_find(const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (size_t n = 0; kinds[i]->names[n]; n++) {
			if (strcasecmp(word, kinds[i]->names[n]) == 0)
				return kinds[i];
		}
	}
	return NULL;
}

/* --- the agent of this node --- */

static int items_collect(struct request *request, const struct get_kind *kind,
			 struct json_object **ret_items)
{
	struct get_walk walk = { .items = document_new_list(),
				 .node_name = request->hello.node_name };
	int err;

	err = request_list(request, kind->request, kind->record, &walk);
	if (err < 0) {
		json_object_put(walk.items);
		return err;
	}
	*ret_items = walk.items;
	return 0;
}

int get_collect(const char *run_dir, const struct get_kind *kind, struct json_object **ret_items)
{
	struct request request;
	int err;

	err = request_open_said(&request, run_dir);
	if (err < 0)
		return err;
	err = items_collect(&request, kind, ret_items);
	request_close(&request);
	return err;
}

static int object_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_cluster_object *record = body;
	const char *text = (const char *)(record + 1);
	struct json_tokener *tokener;
	struct json_object *object;

	if (type != MSG_CLUSTER_OBJECT)
		return 0;
	tokener = json_tokener_new_ex(64);
	object = tokener ? json_tokener_parse_ex(tokener, text, (int)record->json_len) : NULL;
	if (tokener)
		json_tokener_free(tokener);
	if (json_object_is_type(object, json_type_object))
		document_add(arg, object);
	else
		json_object_put(object);
	return 0;
}

int get_node_objects(struct request *request, const char *kind, struct json_object *objects)
{
	struct msg_get_objects body = { 0 };
	const struct request_question question = { MSG_GET_OBJECTS, &body, sizeof(body) };

	snprintf(body.kind, sizeof(body.kind), "%s", kind);
	return request_run(request, &question, object_record, objects);
}

struct json_object *get_choose_items(struct json_object *items, const struct get_kind *kind,
				     const char *name, const char *namespace)
{
	struct json_object *chosen = document_new_list();

	for (size_t i = 0; i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);

		/* A pod also by its name alone, as in the cluster; a node by its address, since few
		 * are known by a name. */
		if (name && strcmp(document_get_words(item, kind->name_key), name) != 0 &&
		    strcmp(document_get_words(item, "pod"), name) != 0 &&
		    strcmp(document_get_words(item, "address"), name) != 0)
			continue;
		if (namespace && json_object_object_get_ex(item, "namespace", NULL) &&
		    strcmp(document_get_words(item, "namespace"), namespace) != 0)
			continue;
		document_add(chosen, json_object_get(item));
	}
	json_object_put(items);
	return chosen;
}

int get_say_nothing_found(const struct get_kind *kind, const char *name)
{
	say_error("%s %s: no such item (tortie get %s lists them)", kind->names[0], name,
		  kind->names[0]);
	return EXIT_FAILED;
}

static int items_get(struct get_source *source, const struct get_kind *kind, const char *name)
{
	struct output_view view = kind->view;
	struct json_object *items;
	int err;

	if (kind->is_long)
		return get_long_list(source, kind, name);
	if (items_collect(source->request, kind, &items) < 0)
		return EXIT_FAILED;
	if (kind->enrich && kind->enrich(source->request, items) < 0) {
		json_object_put(items);
		return EXIT_FAILED;
	}
	items = get_choose_items(items, kind, name, source->line->namespace);
	if (name && json_object_array_length(items) == 0) {
		json_object_put(items);
		return get_say_nothing_found(kind, name);
	}
	if (source->line->namespace && kind == &get_endpoints)
		view.empty = "No pods of this namespace on this node.";
	get_print_header(source);
	err = output_list(stdout, source->line->format, &view, items);
	json_object_put(items);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* --- objects, of the cluster or kept by the agent --- */

struct json_object *get_object(const struct get_objects *kind, const char *name)
{
	struct json_object *object = document_new_map(), *metadata = document_new_map();

	document_set_words(object, "apiVersion", kind->api_version);
	document_set_words(object, "kind", kind->kind);
	document_set_words(metadata, "name", name);
	document_set(object, "metadata", metadata);
	return object;
}

/* By its own name, or as a pod by its pod's: NAME or NAMESPACE/NAME. */
static bool object_is_called(struct json_object *object, const char *name)
{
	const char *pod = document_words_at(object, "spec.pod");
	const char *namespace = document_words_at(object, "metadata.namespace");
	size_t len = strlen(namespace);

	if (strcmp(document_words_at(object, "metadata.name"), name) == 0)
		return true;
	if (pod[0] == '\0')
		return false;
	return strcmp(pod, name) == 0 || (strncmp(name, namespace, len) == 0 && name[len] == '/' &&
					  strcmp(pod, name + len + 1) == 0);
}

/* What we print of @objects, which are given up: copies, escaped, those called @name. */
static struct json_object *objects_import(struct json_object *objects,
					  const struct get_objects *kind, const char *name)
{
	struct json_object *chosen = document_new_list();

	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *object = json_object_array_get_idx(objects, i), *copy;
		struct json_object *metadata = document_at(object, "metadata");

		if (!metadata || (name && !object_is_called(object, name)))
			continue;
		json_object_object_del(metadata, "managedFields");
		/* Items of a list lack these two at the API server. */
		copy = get_object(kind, document_get_words(metadata, "name"));
		json_object_object_foreach(object, key, value)
		{
			struct json_object *escaped = document_import(value);

			if (json_object_object_add(copy, key, escaped) < 0)
				json_object_put(escaped);
		}
		document_add(chosen, copy);
	}
	json_object_put(objects);
	return chosen;
}

static int objects_read(struct get_source *source, const struct get_objects *kind,
			struct json_object *objects)
{
	int err = 0;

	if (source->cluster && kind->path) {
		err = cluster_list(source->cluster, kind->path, "", objects);
		if (err == -ENOENT) {
			snprintf(source->note, sizeof(source->note),
				 "it has no kind %s (deploy/kubernetes/crds.yaml defines it)",
				 kind->kind);
			err = 0;
		}
	} else if (!source->cluster) {
		err = get_node_objects(source->request, kind->kind, objects);
	}
	if (err == 0 && kind->collect)
		err = kind->collect(source, objects);
	if (err < 0 && source->cluster)
		cluster_say_error(source->cluster);
	return err;
}

/* An exit status, or -errno: the source did not answer, which was said. */
static int objects_get(struct get_source *source, const struct get_kind *kind, const char *name)
{
	struct json_object *objects = document_new_list();
	int err;

	err = objects_read(source, kind->objects, objects);
	if (err < 0) {
		json_object_put(objects);
		return err;
	}
	objects = objects_import(objects, kind->objects, name);
	if (name && json_object_array_length(objects) == 0) {
		json_object_put(objects);
		return get_say_nothing_found(kind, name);
	}
	if (name && document_words_at(json_object_array_get_idx(objects, 0), "metadata.uid")[0])
		source->note[0] = '\0'; /* it speaks of what is no object */
	err = get_print_objects(source, kind->objects, objects, name);
	json_object_put(objects);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* --- whom to ask --- */

/* An exit status, or -errno: ask the agent. */
static int cluster_get_kind(const struct command_line *line, const struct get_kind *kind,
			    const char *name)
{
	struct get_source source = { .line = line };
	struct request request;
	struct cluster cluster;
	int err;

	err = cluster_open(line, &cluster);
	if (err < 0)
		return err;
	source.cluster = &cluster;
	cluster_title(&cluster, source.title, sizeof(source.title));
	if (request_open(&request, line->run_dir, REQUEST_TIMEOUT_MS) == 0)
		source.request = &request;
	err = objects_get(&source, kind, name);
	if (source.request)
		request_close(&request);
	free(source.block);
	cluster_close(&cluster);
	return err;
}

static int node_get_kind(const struct command_line *line, const struct get_kind *kind,
			 const char *name)
{
	struct get_source source = { .line = line };
	char node[4 * NAME_MAX_LEN + 1];
	struct request request;
	int status;

	if (request_open_said(&request, line->run_dir) < 0)
		return EXIT_FAILED;
	source.request = &request;
	snprintf(source.title, sizeof(source.title), "node %.500s",
		 say_escape(request.hello.node_name, sizeof(request.hello.node_name), node,
			    sizeof(node)));
	status = kind->request ? items_get(&source, kind, name) : objects_get(&source, kind, name);
	request_close(&request);
	free(source.block);
	return status < 0 ? EXIT_FAILED : status;
}

int get_run(const struct command_line *line)
{
	const char *name = line->operand_count > 1 ? line->operand[1] : NULL;
	const struct get_kind *kind = kind_find(line->operand[0]);
	int status = -ENOENT;

	if (!kind) {
		say_error("get %s: unknown kind (workloadendpoint, route, node, ippool, bgppeer, "
			  "bgpconfiguration, bgpfilter, ipreservation)",
			  line->operand[0]);
		return EXIT_MISUSED;
	}
	if (line->local && cluster_is_named(line)) {
		say_error("get: --local asks this node, --kubeconfig and --context a cluster: one "
			  "of them");
		return EXIT_MISUSED;
	}
	if (!line->local && kind->objects)
		status = cluster_get_kind(line, kind, name);
	if (status >= 0)
		return status;
	return cluster_is_named(line) && kind->objects ? EXIT_FAILED
						       : node_get_kind(line, kind, name);
}
