/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.c: what a command asks the Kubernetes API server, with the user's own rights.
 *
 * The kubeconfig is found as kubectl finds it; lib/kube_client.c asks. Lists come in pages, so that
 * neither the server nor we hold a large cluster in one answer. Objects become json-c trees; their
 * texts are others' and are escaped before they are printed (document_import()).
 */
#include "tools/tortie/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/say.h"

#define PAGE_ITEMS  "500"
#define PAGES_MAX   2000
#define JSON_DEPTH  64
#define PATH_OCTETS 4096

bool cluster_is_named(const struct command_line *line)
{
	return line->kubeconfig || line->context;
}

int cluster_try(const struct command_line *line, struct cluster *ret,
		struct kube_config_error *ret_error)
{
	struct cluster cluster = { 0 };
	int err;

	err = kube_config_find(line->kubeconfig, line->context, &cluster.config, ret_error);
	if (err < 0)
		return err;
	if (!cluster.config->context && cluster.config->token_file &&
	    access(cluster.config->token_file, R_OK) < 0) {
		/* A container that is given no service account is in no cluster for us. */
		snprintf(ret_error->text, sizeof(ret_error->text),
			 "no kubeconfig, and this container has no service account");
		kube_config_free(cluster.config);
		return -ENOENT;
	}
	err = kube_client_new(cluster.config, &cluster.client);
	if (err < 0) {
		snprintf(ret_error->text, sizeof(ret_error->text), "%s: %s", cluster.config->source,
			 strerror(-err));
		kube_config_free(cluster.config);
		return err;
	}
	*ret = cluster;
	return 0;
}

int cluster_open(const struct command_line *line, struct cluster *ret)
{
	struct kube_config_error error = { 0 };
	int err = cluster_try(line, ret, &error);

	if (err < 0 && (err != -ENOENT || cluster_is_named(line)))
		say_error("%s", error.text);
	return err == -ENOENT && cluster_is_named(line) ? -ENODEV : err;
}

void cluster_close(struct cluster *cluster)
{
	kube_client_free(cluster->client);
	kube_config_free(cluster->config);
	*cluster = (struct cluster){ 0 };
}

const char *cluster_title(const struct cluster *cluster, char *buf, size_t size)
{
	char name[256];

	if (!cluster->config->context)
		snprintf(buf, size, "the cluster of this pod");
	else
		snprintf(buf, size, "the cluster, context %s",
			 say_escape(cluster->config->context, strlen(cluster->config->context),
				    name, sizeof(name)));
	return buf;
}

void cluster_say_error(const struct cluster *cluster)
{
	const char *mend = "";

	if (cluster->result.status == 401)
		mend = " (the credentials of the kubeconfig are not accepted)";
	else if (cluster->result.status == 403)
		mend = " (this user may not)";
	say_error("%s: %s%s", cluster->config->source, cluster->result.text, mend);
}

/* @text as JSON, or -EPROTO with words in the result. */
static int answer_parse(struct cluster *cluster, const char *text, size_t len,
			struct json_object **ret)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH);
	struct json_object *object;

	if (!tokener)
		return -ENOMEM;
	object = json_tokener_parse_ex(tokener, text, (int)len);
	json_tokener_free(tokener);
	if (json_object_is_type(object, json_type_object)) {
		*ret = object;
		return 0;
	}
	json_object_put(object);
	snprintf(cluster->result.text, sizeof(cluster->result.text),
		 "%s: the answer is no JSON object", cluster->config->server);
	return -EPROTO;
}

int cluster_get(struct cluster *cluster, const char *path, struct json_object **ret)
{
	const struct kube_request request = { .method = "GET", .path = path };
	char *body = NULL;
	size_t len = 0;
	int err;

	err = kube_client_request(cluster->client, &request, &body, &len, &cluster->result);
	if (err == 0)
		err = answer_parse(cluster, body, len, ret);
	free(body);
	return err;
}

int cluster_read(struct cluster *cluster, const char *path, size_t max, char **ret)
{
	const struct kube_request request = { .method = "GET", .path = path, .body_max = max };
	size_t len = 0;

	return kube_client_request(cluster->client, &request, ret, &len, &cluster->result);
}

static int object_send(struct cluster *cluster, const char *method, const char *path,
		       struct json_object *object, struct json_object **ret)
{
	const char *text =
		object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN) : NULL;
	const struct kube_request request = {
		.method = method, .path = path, .body = text, .body_len = text ? strlen(text) : 0
	};
	char *body = NULL;
	size_t len = 0;
	int err;

	err = kube_client_request(cluster->client, &request, &body, &len, &cluster->result);
	if (err == 0 && ret)
		err = answer_parse(cluster, body, len, ret);
	free(body);
	return err;
}

int cluster_send(struct cluster *cluster, const char *method, const char *path,
		 struct json_object *object)
{
	return object_send(cluster, method, path, object, NULL);
}

int cluster_create(struct cluster *cluster, const char *path, struct json_object *object,
		   struct json_object **ret)
{
	return object_send(cluster, "POST", path, object, ret);
}

/* Append the page's items; its continue token goes to @token ("": the last page). */
static void page_take(struct json_object *page, struct json_object *items, char *token, size_t size)
{
	struct json_object *list = NULL, *metadata = NULL;

	if (json_object_object_get_ex(page, "items", &list) &&
	    json_object_is_type(list, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(list); i++)
			document_add(items, json_object_get(json_object_array_get_idx(list, i)));
	}
	json_object_object_get_ex(page, "metadata", &metadata);
	if (!kube_escape(metadata ? document_get_words(metadata, "continue") : "", token, size))
		token[0] = '\0';
}

int cluster_list(struct cluster *cluster, const char *path, const char *query,
		 struct json_object *items)
{
	char url[PATH_OCTETS], token[PATH_OCTETS / 2] = "";
	struct json_object *page;
	int err;

	for (size_t i = 0; i < PAGES_MAX; i++) {
		snprintf(url, sizeof(url), "%.1024s?limit=" PAGE_ITEMS "%s%.900s%s%s", path,
			 query[0] ? "&" : "", query, token[0] ? "&continue=" : "", token);
		err = cluster_get(cluster, url, &page);
		if (err < 0)
			return err;
		page_take(page, items, token, sizeof(token));
		json_object_put(page);
		if (token[0] == '\0')
			return 0;
	}
	return 0;
}
