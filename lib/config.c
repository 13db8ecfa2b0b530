/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c: one configuration file, read and checked whole before any of it is used.
 *
 * The way through the parser: the file's octets (here) -> a tree with positions (config_yaml.c) ->
 * values by tables of keys (config_keys.c and config_bgp.c over config_reader.c) -> checks between
 * values (config_check.c). The first error ends it, with line and column; a caller gets either a
 * whole configuration or none.
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
	config->file = strdup(file);
	config->cni_dir = strdup(CONFIG_CNI_DIR_DEFAULT);
	config->bgpd_user = strdup("tortie-bgpd");
	if (!config->file || !config->cni_dir || !config->bgpd_user)
		return -ENOMEM;
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

static int read_tree(const struct config_node *top, struct config *config,
		     struct config_error *error)
{
	struct config_reader reader = { .error = error };
	const struct config_node *bgp;
	int err = config_keys_read(&reader, top, config);

	if (err < 0)
		return err;
	err = default_node_name(&reader, top, config);
	bgp = config_find(top, "bgp");
	if (err == 0 && bgp)
		err = config_bgp_read(&reader, bgp, config);
	if (err == 0)
		err = config_check(&reader, top, config);
	return err;
}

static void fail_whole(struct config_error *error, const char *text)
{
	error->line = 0;
	error->column = 0;
	snprintf(error->text, sizeof(error->text), "%s", text);
}

int config_parse(const char *data, size_t len, const char *file, struct config **ret_config,
		 struct config_error *ret_error)
{
	struct config *config = calloc(1, sizeof(*config));
	struct config_node *top = NULL;
	int err = config ? set_defaults(config, file) : -ENOMEM;

	*ret_error = (struct config_error){ 0 };
	if (err == 0 && len > CONFIG_BYTES_MAX) {
		fail_whole(ret_error, "the file is larger than 1 MiB");
		err = -EINVAL;
	}
	if (err == 0)
		err = config_yaml_parse(data, len, &top, ret_error);
	if (err == 0)
		err = read_tree(top, config, ret_error);
	config_node_free(top);
	if (err < 0) {
		if (err == -ENOMEM)
			fail_whole(ret_error, "not enough memory to read it");
		config_free(config);
		return err;
	}
	*ret_config = config;
	return 0;
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

int config_load(const char *path, struct config **ret_config, struct config_error *ret_error)
{
	char *data = NULL;
	size_t len = 0;
	int err = read_file(path, &data, &len);

	if (err < 0) {
		fail_whole(ret_error, err == -EBADF ? "is not a regular file" : strerror(-err));
		return err == -EBADF ? -EINVAL : err;
	}
	err = config_parse(data, len, path, ret_config, ret_error);
	free(data);
	return err;
}

void config_free(struct config *config)
{
	size_t i;

	if (!config)
		return;
	for (i = 0; i < config->pool_count; i++)
		free(config->pool[i].block);
	for (i = 0; i < config->bgp.peer_count; i++)
		free(config->bgp.peer[i].password_file);
	free(config->pool);
	free(config->route);
	free(config->bgp.listen);
	free(config->bgp.peer);
	free(config->file);
	free(config->cni_dir);
	free(config->bgpd_user);
	free(config);
}
