/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c: a configuration, read and checked whole before any of it is used.
 *
 * The way through the parser: the file's octets (here) -> a tree with positions (config_yaml.c) ->
 * values by tables of keys (config_keys.c and config_bgp.c over config_reader.c) -> checks between
 * values (config_check.c). The first error ends it, with line and column; a caller gets either a
 * whole configuration or none.
 *
 * On Kubernetes there are two texts: the file, and the cluster's document, whose keys are those
 * that the file then may not have (config_cluster.c). The second goes the same way into the same
 * struct; the checks are made on it.
 *
 * Defaults are set before the file is read. One of them asks the kernel: the node's name is the
 * host name where the file gives none. Whether links, users or files that are named exist is left
 * to the programs that use them.
 */
#include "lib/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config_parts.h"
#include "lib/ip_prefix.h"

static int set_defaults(struct config *config, const char *file)
{
	config->log_level = LOG_LEVEL_INFO;
	config->mtu = CONFIG_MTU_AUTO;
	config->quarantine_s = 60;
	config->group_creating = CONFIG_GROUP_CREATING_DEFAULT;
	config->group_live = CONFIG_GROUP_LIVE_DEFAULT;
	config->group_dying = CONFIG_GROUP_DYING_DEFAULT;
	config->map_endpoints = 1024;
	config->map_routes = 10240;
	config->map_stack_tcp = config->map_stack_other = 16384;
	config->cni_conflist = true;
	config->bgp.as = 64512;
	config->bgp.restart_time_s = 120;
	config->bgp.send_hold_time_s = 480;
	config->bgp.max_paths = ROUTE_NEXT_HOPS_MAX;
	config->file = strdup(file);
	config->cni_dir = strdup(CONFIG_CNI_DIR_DEFAULT);
	config->cni_bin_dir = strdup(CONFIG_CNI_BIN_DEFAULT);
	config->bgpd_user = strdup("tortie-bgpd");
	config->kube.state = strdup(CONFIG_STATE_DEFAULT);
	config->kube.user = strdup("tortie-kubed");
	if (!config->file || !config->cni_dir || !config->cni_bin_dir || !config->bgpd_user ||
	    !config->kube.state || !config->kube.user)
		return -ENOMEM;
	config->cni_portmap = true;
	return 0;
}

/* Defaults that another key decides. */
static int settle_defaults(const struct config_node *top, struct config *config)
{
	static const char *const loopback[] = { "127.0.0.1", "::1" };
	const struct config_node *cni = config_find(top, "cni");
	const struct config_node *metrics = config_find(top, "metrics");

	if (!cni || !config_find(cni, "exclusive"))
		config->cni_exclusive = config->kubernetes;
	config->cni_portmap = config->cni_portmap && config->kubernetes;
	if (!config->kubernetes || (metrics && config_find(metrics, "listen")))
		return 0;
	config->metrics_listen = calloc(2, sizeof(*config->metrics_listen));
	if (!config->metrics_listen)
		return -ENOMEM;
	for (size_t i = 0; i < 2; i++) {
		ip_addr_parse(loopback[i], &config->metrics_listen[i].addr);
		config->metrics_listen[i].port = CONFIG_METRICS_PORT;
	}
	config->metrics_listen_count = 2;
	return 0;
}

/* gethostname(2) may leave a name that fills the buffer without an end. */
static int default_node_name(struct config_reader *reader, const struct config_node *top,
			     struct config *config)
{
	if (config->node_name[0])
		return 0;
	if (gethostname(config->node_name, sizeof(config->node_name) - 1) < 0)
		return -errno;
	if (!config->node_name[0])
		return config_fail(reader, top,
				   "node.name: missing, and this machine has no host name");
	return 0;
}

static int read_file_tree(struct config_reader *reader, const struct config_node *top,
			  struct config *config)
{
	int err = config_keys_read(reader, top, config);

	if (err == 0)
		err = settle_defaults(top, config);
	if (err == 0 && config->kubernetes)
		return config_kubernetes_settle(reader, top, config);
	return err == 0 ? default_node_name(reader, top, config) : err;
}

/* What stands in the file, or with Kubernetes in the document. */
static int read_network(struct config_reader *reader, const struct config_node *top,
			struct config *config)
{
	const struct config_node *bgp = config_find(top, "bgp");
	int err = 0;

	if (bgp)
		err = config_bgp_read(reader, bgp, config);
	return err == 0 ? config_check(reader, top, config) : err;
}

static void fail_whole(struct config_error *error, const char *text)
{
	error->line = 0;
	error->column = 0;
	snprintf(error->text, sizeof(error->text), "%s", text);
}

static int parse_file(const struct config_source *source, struct config *config,
		      struct config_error *error)
{
	struct config_reader reader = { .error = error };
	struct config_node *top = NULL;
	int err;

	if (source->base_len > CONFIG_BYTES_MAX) {
		fail_whole(error, "the file is larger than 1 MiB");
		return -EINVAL;
	}
	err = config_yaml_parse(source->base, source->base_len, &top, error);
	if (err == 0)
		err = read_file_tree(&reader, top, config);
	if (err == 0 && !config->kubernetes)
		err = read_network(&reader, top, config);
	config_node_free(top);
	return err;
}

static int parse_document(const struct config_source *source, struct config *config,
			  struct config_error *error)
{
	struct config_reader reader = { .error = error };
	struct config_node *top = NULL;
	int err;

	if (!config->kubernetes) {
		fail_whole(error, "kubernetes: missing in the file, so no document of a cluster "
				  "can be used");
		return -EINVAL;
	}
	error->in_document = true;
	if (source->document_len > CONFIG_DOCUMENT_MAX) {
		fail_whole(error, "the document is larger than 4 MiB");
		return -EINVAL;
	}
	err = config_yaml_parse(source->document, source->document_len, &top, error);
	if (err == 0)
		err = config_document_read(&reader, top, config);
	if (err == 0)
		err = read_network(&reader, top, config);
	config_node_free(top);
	return err;
}

int config_parse_cluster(const struct config_source *source, struct config **ret_config,
			 struct config_error *ret_error)
{
	struct config *config = calloc(1, sizeof(*config));
	int err = config ? set_defaults(config, source->file) : -ENOMEM;

	*ret_error = (struct config_error){ 0 };
	if (err == 0)
		err = parse_file(source, config, ret_error);
	if (err == 0 && source->document)
		err = parse_document(source, config, ret_error);
	if (err < 0) {
		if (err == -ENOMEM)
			fail_whole(ret_error, "not enough memory to read it");
		config_free(config);
		return err;
	}
	*ret_config = config;
	return 0;
}

int config_parse(const char *data, size_t len, const char *file, struct config **ret_config,
		 struct config_error *ret_error)
{
	const struct config_source source = { .file = file, .base = data, .base_len = len };

	return config_parse_cluster(&source, ret_config, ret_error);
}

/* Up to @size octets of @fd; how many, or -errno. */
static ssize_t read_all(int fd, char *data, size_t size)
{
	size_t len = 0;
	ssize_t got;

	do {
		got = read(fd, data + len, size - len);
		if (got < 0 && errno != EINTR)
			return -errno;
		len += got > 0 ? (size_t)got : 0;
	} while (got != 0 && len < size);
	return (ssize_t)len;
}

/* O_NONBLOCK: a FIFO in the place of the file must not hang us; only a regular file is read. */
static int read_file(const char *path, char **ret_data, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *data = NULL;
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EBADF;
	if (len == 0) {
		data = malloc(CONFIG_BYTES_MAX + 1); /* one more tells a file that is too large */
		len = data ? read_all(fd, data, CONFIG_BYTES_MAX + 1) : -ENOMEM;
	}
	close(fd);
	if (len < 0) {
		free(data);
		return (int)len;
	}
	*ret_data = data;
	*ret_len = (size_t)len;
	return 0;
}

int config_read_file(const char *path, char **ret_data, size_t *ret_len,
		     struct config_error *ret_error)
{
	int err = read_file(path, ret_data, ret_len);

	if (err == 0)
		return 0;
	*ret_error = (struct config_error){ 0 };
	fail_whole(ret_error, err == -EBADF ? "is not a regular file" : strerror(-err));
	if (err == -ENOENT)
		fail_whole(ret_error, "No such file or directory (-c names another; "
				      "tortie.yaml(5) has an example)");
	return err == -EBADF ? -EINVAL : err;
}

const char *config_error_text(const struct config_error *error, const char *file, char *buf,
			      size_t size)
{
	if (error->line > 0)
		snprintf(buf, size, "%s:%u:%u: %s", file, error->line, error->column, error->text);
	else
		snprintf(buf, size, "%s: %s", file, error->text);
	return buf;
}

int config_load_cluster(const char *path, const char *document, size_t document_len,
			struct config **ret_config, struct config_error *ret_error)
{
	struct config_source source = { .file = path,
					.document = document,
					.document_len = document_len };
	char *data = NULL;
	int err = config_read_file(path, &data, &source.base_len, ret_error);

	if (err < 0)
		return err;
	source.base = data;
	err = config_parse_cluster(&source, ret_config, ret_error);
	free(data);
	return err;
}

int config_load(const char *path, struct config **ret_config, struct config_error *ret_error)
{
	return config_load_cluster(path, NULL, 0, ret_config, ret_error);
}

void config_free(struct config *config)
{
	size_t i;

	if (!config)
		return;
	for (i = 0; i < config->pool_count; i++)
		free(config->pool[i].block);
	for (i = 0; i < config->bgp.peer_count; i++) {
		free(config->bgp.peer[i].password_file);
		free(config->bgp.peer[i].password);
		free(config->bgp.peer[i].filter);
	}
	config_filters_free(&config->bgp);
	free(config->bgp.mesh_password);
	free(config->bgp.announce);
	free(config->bgp.service_range);
	for (i = 0; i < config->node_count; i++) {
		free(config->node[i].name);
		free(config->node[i].address);
		free(config->node[i].block);
	}
	free(config->node);
	free(config->reserved);
	free(config->metrics_listen);
	free(config->kube.kubeconfig);
	free(config->kube.state);
	free(config->kube.user);
	free(config->cni_bin_dir);
	free(config->pool);
	free(config->route);
	free(config->bgp.listen);
	free(config->bgp.peer);
	free(config->file);
	free(config->cni_dir);
	free(config->bgpd_user);
	free(config);
}
