/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_account.c: the service account of the pod that we run in, tokens, and where to look for a
 * kubeconfig.
 *
 * In a pod the server's address is in two variables and the account in a folder that the kubelet
 * keeps up to date: the token there lives an hour, so it is read anew for each request. Here too
 * are the small helpers that kube_config.c shares.
 */
#include "lib/kube_config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kube_config_parts.h"

int kube_config_fail(struct kube_config_error *error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	for (char *at = error->text; *at; at++)
		if (*at == '\n' || *at == '\r')
			*at = ' ';
	return err;
}

void kube_config_wipe(char *text, size_t len)
{
	if (text)
		explicit_bzero(text, len);
	free(text);
}

int kube_config_no_memory(struct kube_config_error *error)
{
	return kube_config_fail(error, -ENOMEM, "kubeconfig: out of memory");
}

int kube_config_compose(struct kube_config_error *error, char **ret, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(ret, format, args);
	va_end(args);
	if (len >= 0)
		return 0;
	*ret = NULL;
	return kube_config_no_memory(error);
}

int kube_config_copy(struct kube_config_error *error, const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : kube_config_no_memory(error);
}

/* The whole of @path as text, at most @max octets. Closes what it opens; 0 or -errno. */
int kube_config_read_file(const char *path, size_t max, char **ret, size_t *ret_len)
{
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	size_t len = 0;
	ssize_t got;
	char *data;

	if (fd < 0)
		return -errno;
	err = fstat(fd, &status) < 0 ? -errno : S_ISDIR(status.st_mode) ? -EISDIR : 0;
	data = err < 0 ? NULL : malloc(max + 1);
	if (err == 0 && !data)
		err = -ENOMEM;
	while (err == 0 && (got = read(fd, data + len, max + 1 - len)) != 0) {
		if (got < 0 && errno != EINTR)
			err = -errno;
		else if (got > 0)
			len += (size_t)got;
		if (len > max)
			err = -EFBIG;
	}
	close(fd);
	if (err < 0) {
		kube_config_wipe(data, data ? len : 0);
		return err;
	}
	data[len] = '\0';
	*ret = data;
	*ret_len = len;
	return 0;
}

void kube_config_free(struct kube_config *config)
{
	if (!config)
		return;
	free(config->source);
	free(config->server);
	free(config->tls_server_name);
	free(config->proxy_url);
	free(config->ca_file);
	free(config->cert_file);
	free(config->key_file);
	free(config->token_file);
	free(config->ca.data);
	free(config->cert.data);
	kube_config_wipe(config->key.data, config->key.len);
	kube_config_wipe(config->token, config->token ? strlen(config->token) : 0);
	free(config->context);
	free(config->namespace_name);
	free(config);
}

/* --- in a cluster --- */

static int take_namespace(const char *dir, struct kube_config *config,
			  struct kube_config_error *error)
{
	char path[PATH_MAX], *text = NULL;
	size_t len;
	int err;

	snprintf(path, sizeof(path), "%s/namespace", dir);
	if (kube_config_read_file(path, 256, &text, &len) < 0)
		return kube_config_copy(error, "default", &config->namespace_name);
	text[strcspn(text, "\r\n")] = '\0';
	err = kube_config_copy(error, *text ? text : "default", &config->namespace_name);
	free(text);
	return err;
}

int kube_config_in_cluster(const char *dir, struct kube_config **ret,
			   struct kube_config_error *ret_error)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	struct kube_config *config;
	int err;

	if (!host || !*host || !port || !*port)
		return kube_config_fail(
			ret_error, -ENOENT,
			"in-cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are "
			"not set; outside a pod give a kubeconfig");
	if (host[strspn(host,
			"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-")] ||
	    port[strspn(port, "0123456789")])
		return kube_config_fail(
			ret_error, -EINVAL,
			"in-cluster: KUBERNETES_SERVICE_HOST or _PORT is not an address");
	config = calloc(1, sizeof(*config));
	if (!config)
		return kube_config_no_memory(ret_error);
	if (strchr(host, ':'))
		err = kube_config_compose(ret_error, &config->server, "https://[%s]:%s", host,
					  port);
	else
		err = kube_config_compose(ret_error, &config->server, "https://%s:%s", host, port);
	if (err == 0)
		err = kube_config_compose(ret_error, &config->ca_file, "%s/ca.crt", dir);
	if (err == 0)
		err = kube_config_compose(ret_error, &config->token_file, "%s/token", dir);
	if (err == 0)
		err = kube_config_copy(ret_error, "in-cluster", &config->source);
	if (err == 0)
		err = take_namespace(dir, config, ret_error);
	if (err < 0) {
		kube_config_free(config);
		return err;
	}
	*ret = config;
	return 0;
}

int kube_config_find(const char *path, const char *context, struct kube_config **ret,
		     struct kube_config_error *ret_error)
{
	const char *variable = getenv("KUBECONFIG");
	const char *home = getenv("HOME");
	char home_path[PATH_MAX];

	if (path)
		return kube_config_load(path, context, ret, ret_error);
	if (variable && *variable)
		return kube_config_load(variable, context, ret, ret_error);
	snprintf(home_path, sizeof(home_path), "%s/.kube/config", home ? home : "");
	if (home && *home && access(home_path, F_OK) == 0)
		return kube_config_load(home_path, context, ret, ret_error);
	return kube_config_in_cluster(KUBE_SERVICE_ACCOUNT_DIR, ret, ret_error);
}

/* --- the token --- */

int kube_config_token(const struct kube_config *config, char **ret_token,
		      struct kube_config_error *ret_error)
{
	const char *what = config->token_file ? config->token_file : config->source;
	char *token = NULL;
	size_t len = 0;
	int err = 0;

	if (config->token_file)
		err = kube_config_read_file(config->token_file, KUBE_TOKEN_MAX, &token, &len);
	else
		err = kube_config_copy(ret_error, config->token, &token);
	if (err < 0)
		return kube_config_fail(ret_error, err, "token %s: %s", what, strerror(-err));
	if (!token) {
		*ret_token = NULL;
		return 0;
	}
	len = strcspn(token, "\r\n");
	token[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (token[i] <= ' ' || token[i] > '~')
			err = -EINVAL;
	if (err < 0 || len == 0) {
		kube_config_wipe(token, len);
		return kube_config_fail(ret_error, -EINVAL, "token %s: empty, or not a token",
					what);
	}
	*ret_token = token;
	return 0;
}
