/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_config.c: a kubeconfig, or a pod's service account, as struct kube_config.
 *
 * A kubeconfig is YAML with three lists of named entries (clusters, users, contexts); a context
 * names one of each. It is read with the reader of our own configuration (config_yaml.c), so sizes
 * and depth are bounded, and unlike that file unknown keys are passed over: kubeconfigs carry what
 * other programs put there. What would change who we are or whom we trust and is not served is
 * refused by name rather than passed over: exec, auth-provider, user name and password,
 * impersonation. Order of precedence is that of Kubernetes' client library: data before file,
 * tokenFile before token. Relative paths start at the kubeconfig's folder. Messages name file and
 * entry; values of secrets are in none.
 *
 * Source: kubernetes.io/docs/reference/config-api/kubeconfig.v1.
 */
#include "lib/kube_config.h"

#include <errno.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/config_yaml.h"
#include "lib/kube_config_parts.h"

struct kube_file {
	const char *path;
	struct config_node *top;
};

struct kube_files {
	struct kube_file file[KUBE_CONFIG_FILES_MAX];
	size_t count;
	struct kube_config_error *error;
};

/* A named entry and the file that it stands in. */
struct entry {
	const struct kube_file *file;
	const struct config_node *body;
	const char *kind, *name;
};

static const struct config_node *get(const struct config_node *map, const char *key)
{
	if (!map || map->kind != CONFIG_MAP)
		return NULL;
	for (const struct config_node *node = map->first; node; node = node->next)
		if (node->key && strcmp(node->key, key) == 0)
			return node;
	return NULL;
}

/* The text of @key; NULL: not there, empty, or null. */
static const char *get_text(const struct config_node *map, const char *key)
{
	const struct config_node *node = get(map, key);

	if (!node || node->kind != CONFIG_SCALAR || node->text[0] == '\0')
		return NULL;
	if (!node->quoted && (strcmp(node->text, "null") == 0 || strcmp(node->text, "~") == 0))
		return NULL;
	return node->text;
}

static bool get_true(const struct config_node *map, const char *key)
{
	const char *text = get_text(map, key);

	return text && strcasecmp(text, "true") == 0;
}

/* The entry @name of list @list ("clusters") in the first file that has it. */
static int find_entry(const struct kube_files *files, const char *list, const char *kind,
		      const char *name, struct entry *ret)
{
	for (size_t i = 0; i < files->count; i++) {
		const struct config_node *entries = get(files->file[i].top, list);

		if (!entries || entries->kind != CONFIG_LIST)
			continue;
		for (const struct config_node *at = entries->first; at; at = at->next) {
			const char *text = get_text(at, "name");

			if (!text || strcmp(text, name) != 0)
				continue;
			*ret = (struct entry){ .file = &files->file[i], .kind = kind };
			ret->body = get(at, kind);
			ret->name = text;
			return 0;
		}
	}
	return kube_config_fail(files->error, -EINVAL,
				"%s: %s \"%.100s\": there is no entry of that name",
				files->file[0].path, kind, name);
}

/* A path as written starts at the folder of the kubeconfig. */
static int take_path(struct kube_config_error *error, const struct entry *entry, const char *key,
		     char **ret)
{
	const char *text = get_text(entry->body, key);
	const char *slash = strrchr(entry->file->path, '/');

	if (!text)
		return 0;
	if (text[0] == '/' || !slash)
		return kube_config_copy(error, text, ret);
	return kube_config_compose(error, ret, "%.*s/%s", (int)(slash - entry->file->path),
				   entry->file->path, text);
}

static int take_data(struct kube_config_error *error, const struct entry *entry, const char *key,
		     struct kube_blob *ret)
{
	const char *text = get_text(entry->body, key);
	size_t size = text ? strlen(text) : 0;
	int len;

	if (!text)
		return 0;
	ret->data = malloc(size + 1);
	if (!ret->data)
		return kube_config_no_memory(error);
	len = b64_pton(text, (unsigned char *)ret->data, size);
	if (len <= 0)
		return kube_config_fail(error, -EINVAL, "%s: %s \"%.100s\": %s: not base64",
					entry->file->path, entry->kind, entry->name, key);
	ret->data[len] = '\0';
	ret->len = (size_t)len;
	return 0;
}

/* "KEY-data" before "KEY". */
static int take_pair(struct kube_config_error *error, const struct entry *entry, const char *key,
		     struct kube_blob *ret_data, char **ret_file)
{
	char data_key[64];
	int err;

	snprintf(data_key, sizeof(data_key), "%s-data", key);
	err = take_data(error, entry, data_key, ret_data);
	if (err == 0 && !ret_data->data)
		err = take_path(error, entry, key, ret_file);
	return err;
}

/* --- entries --- */

static bool is_loopback_server(const char *server)
{
	static const char *const prefixes[] = { "http://127.", "http://localhost", "http://[::1]" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncasecmp(server, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int check_server(struct kube_config_error *error, const struct entry *entry,
			const char *server)
{
	if (!server)
		return kube_config_fail(error, -EINVAL, "%s: cluster \"%.100s\": server: missing",
					entry->file->path, entry->name);
	for (const char *at = server; *at; at++)
		if (*at <= ' ' || *at > '~' || *at == '@' || *at == '?' || *at == '#')
			return kube_config_fail(error, -EINVAL,
						"%s: cluster \"%.100s\": server: not a URL",
						entry->file->path, entry->name);
	if (strncasecmp(server, "https://", 8) == 0 && server[8] && server[8] != '/')
		return 0;
	if (is_loopback_server(server))
		return 0;
	return kube_config_fail(
		error, -EINVAL,
		"%s: cluster \"%.100s\": server: must be https:// (http:// only to this host)",
		entry->file->path, entry->name);
}

static int take_cluster(struct kube_config *config, const struct entry *entry,
			struct kube_config_error *error)
{
	const char *server = get_text(entry->body, "server");
	int err = check_server(error, entry, server);

	if (err == 0)
		err = kube_config_copy(error, server, &config->server);
	if (err < 0)
		return err;
	for (size_t len = strlen(config->server); len && config->server[len - 1] == '/'; len--)
		config->server[len - 1] = '\0';
	config->is_insecure = get_true(entry->body, "insecure-skip-tls-verify");
	err = take_pair(error, entry, "certificate-authority", &config->ca, &config->ca_file);
	if (err == 0)
		err = kube_config_copy(error, get_text(entry->body, "tls-server-name"),
				       &config->tls_server_name);
	if (err == 0)
		err = kube_config_copy(error, get_text(entry->body, "proxy-url"),
				       &config->proxy_url);
	return err;
}

static int refuse_unserved(const struct entry *entry, struct kube_config_error *error)
{
	static const struct {
		const char *key, *mend;
	} rows[] = {
		{ "exec", "programs that fetch credentials are not started; use a kubeconfig with "
			  "a token or a client certificate" },
		{ "auth-provider", "authentication plugins are not served; use a kubeconfig with a "
				   "token or a client certificate" },
		{ "username", "user name and password are not served (nor by Kubernetes since "
			      "1.19); use a token or a client certificate" },
		{ "password", "user name and password are not served (nor by Kubernetes since "
			      "1.19); use a token or a client certificate" },
		{ "as", "acting as another user is not served; use that user's credentials" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct config_node *node = get(entry->body, rows[i].key);

		if (node && (node->kind != CONFIG_SCALAR || get_text(entry->body, rows[i].key)))
			return kube_config_fail(error, -ENOTSUP, "%s: user \"%.100s\": %s: %s",
						entry->file->path, entry->name, rows[i].key,
						rows[i].mend);
	}
	return 0;
}

static int take_user(struct kube_config *config, const struct entry *entry,
		     struct kube_config_error *error)
{
	int err = refuse_unserved(entry, error);

	if (err == 0)
		err = take_pair(error, entry, "client-certificate", &config->cert,
				&config->cert_file);
	if (err == 0)
		err = take_pair(error, entry, "client-key", &config->key, &config->key_file);
	if (err == 0)
		err = take_path(error, entry, "tokenFile", &config->token_file);
	if (err == 0 && !config->token_file)
		err = kube_config_copy(error, get_text(entry->body, "token"), &config->token);
	if (err == 0 &&
	    (config->cert.data || config->cert_file) != (config->key.data || config->key_file))
		err = kube_config_fail(
			error, -EINVAL,
			"%s: user \"%.100s\": client-certificate and client-key need each other",
			entry->file->path, entry->name);
	return err;
}

static const char *current_context(const struct kube_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		const char *text = get_text(files->file[i].top, "current-context");

		if (text)
			return text;
	}
	return NULL;
}

static int take_context(struct kube_config *config, const struct kube_files *files,
			const char *name)
{
	struct kube_config_error *error = files->error;
	struct entry context, cluster, user;
	const char *cluster_name, *user_name, *namespace_name;
	int err = find_entry(files, "contexts", "context", name, &context);

	if (err < 0)
		return err;
	cluster_name = get_text(context.body, "cluster");
	user_name = get_text(context.body, "user");
	namespace_name = get_text(context.body, "namespace");
	if (!cluster_name)
		return kube_config_fail(error, -EINVAL, "%s: context \"%.100s\": cluster: missing",
					context.file->path, name);
	err = find_entry(files, "clusters", "cluster", cluster_name, &cluster);
	if (err == 0)
		err = take_cluster(config, &cluster, error);
	if (err == 0 && user_name)
		err = find_entry(files, "users", "user", user_name, &user);
	if (err == 0 && user_name)
		err = take_user(config, &user, error);
	if (err == 0)
		err = kube_config_copy(error, name, &config->context);
	if (err == 0)
		err = kube_config_copy(error, namespace_name ? namespace_name : "default",
				       &config->namespace_name);
	return err;
}

static int build(const struct kube_files *files, const char *context, struct kube_config **ret)
{
	struct kube_config *config = calloc(1, sizeof(*config));
	int err;

	if (!config)
		return kube_config_no_memory(files->error);
	if (!context)
		context = current_context(files);
	if (!context)
		err = kube_config_fail(files->error, -EINVAL, "%s: current-context: missing",
				       files->file[0].path);
	else
		err = take_context(config, files, context);
	if (err == 0)
		err = kube_config_copy(files->error, files->file[0].path, &config->source);
	if (err < 0) {
		kube_config_free(config);
		return err;
	}
	*ret = config;
	return 0;
}

static int add_file(struct kube_files *files, const char *path, const char *data, size_t len)
{
	struct kube_file *file = &files->file[files->count];
	struct config_error error = { 0 };
	bool is_empty = true;
	int err;

	for (size_t i = 0; i < len; i++)
		is_empty = is_empty && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r');
	if (is_empty)
		return kube_config_fail(files->error, -EINVAL, "%s: the file is empty", path);
	err = config_yaml_parse(data, len, &file->top, &error);
	if (err == -ENOMEM)
		return kube_config_no_memory(files->error);
	if (err < 0)
		return kube_config_fail(files->error, err, "%s:%u:%u: %s", path, error.line,
					error.column, error.text);
	file->path = path;
	files->count++;
	return 0;
}

static void free_files(struct kube_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		config_node_free(files->file[i].top);
}

int kube_config_parse(const char *data, size_t len, const char *path, struct kube_config **ret,
		      struct kube_config_error *ret_error)
{
	struct kube_files files = { .error = ret_error };
	int err = add_file(&files, path, data, len);

	if (err == 0)
		err = build(&files, NULL, ret);
	free_files(&files);
	return err;
}

static int load_file(struct kube_files *files, const char *path, bool may_lack)
{
	size_t len;
	char *data;
	int err;

	if (files->count == KUBE_CONFIG_FILES_MAX)
		return kube_config_fail(files->error, -E2BIG, "%s: more than %d kubeconfigs", path,
					KUBE_CONFIG_FILES_MAX);
	err = kube_config_read_file(path, KUBE_CONFIG_BYTES_MAX, &data, &len);
	if (err == -ENOENT && may_lack)
		return 0;
	if (err < 0)
		return kube_config_fail(files->error, err, "kubeconfig %s: %s (name another)", path,
					strerror(-err));
	err = add_file(files, path, data, len);
	kube_config_wipe(data, len);
	return err;
}

int kube_config_load(const char *path, const char *context, struct kube_config **ret,
		     struct kube_config_error *ret_error)
{
	struct kube_files files = { .error = ret_error };
	char *list = strdup(path), *rest = list, *part;
	bool is_list = strchr(path, ':');
	int err = list ? 0 : kube_config_no_memory(ret_error);

	while (err == 0 && (part = strsep(&rest, ":")))
		if (*part)
			err = load_file(&files, part, is_list);
	if (err == 0 && files.count == 0)
		err = kube_config_fail(ret_error, -ENOENT, "kubeconfig %s: no such file", path);
	if (err == 0)
		err = build(&files, context, ret);
	free_files(&files);
	free(list);
	return err;
}
