/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_CLUSTER_H
#define TOOLS_TORTIE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/kube_client.h"

struct command_line;
struct json_object;

/* The cluster that the user's kubeconfig leads to. */
struct cluster {
	struct kube_config *config;
	struct kube_client *client;
	struct kube_result result; /* of the last request: text says what went wrong */
};

/** cluster_is_named() - did the command line name a kubeconfig or context? */
bool cluster_is_named(const struct command_line *line);
/**
 * cluster_open() - find a kubeconfig as kubectl does; free with cluster_close(). 0; -ENOENT: there
 * is none and none was named, nothing said; other -errno: said.
 */
int cluster_open(const struct command_line *line, struct cluster *ret);
/** cluster_try() - the same, nothing said: what is wrong goes to @ret_error. */
int cluster_try(const struct command_line *line, struct cluster *ret,
		struct kube_config_error *ret_error);
void cluster_close(struct cluster *cluster);
/** cluster_title() - "the cluster, context NAME", for people. Returns @buf. */
const char *cluster_title(const struct cluster *cluster, char *buf, size_t size);
/** cluster_say_error() - the last request's failure. */
void cluster_say_error(const struct cluster *cluster);

/** cluster_get() - the object at @path (caller frees). 0 or -errno as kube_client_request(),
 * nothing said. */
int cluster_get(struct cluster *cluster, const char *path, struct json_object **ret);
/** cluster_list() - append all items of the list at @path (without a query) to @items, page by
 * page; @query: "" or more of one, as "fieldSelector=...". 0 or -errno, nothing said. */
int cluster_list(struct cluster *cluster, const char *path, const char *query,
		 struct json_object *items);
/** cluster_send() - @object (borrowed, may be NULL) with "POST", "DELETE", ... to @path. 0 or
 * -errno, nothing said. */
int cluster_send(struct cluster *cluster, const char *method, const char *path,
		 struct json_object *object);
/** cluster_create() - POST @object (borrowed) to @path; what came of it goes to *ret (caller
 * frees). 0 or -errno, nothing said. */
int cluster_create(struct cluster *cluster, const char *path, struct json_object *object,
		   struct json_object **ret);
/** cluster_read() - the text at @path, at most @max octets (caller frees). 0 or -errno, nothing
 * said. */
int cluster_read(struct cluster *cluster, const char *path, size_t max, char **ret);

#endif /* TOOLS_TORTIE_CLUSTER_H */
