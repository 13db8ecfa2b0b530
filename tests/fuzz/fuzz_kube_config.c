/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_kube_config.c: any octets as a kubeconfig.
 *
 * What passes has a server by https (http only on this host), a key where it has a certificate, no
 * control characters in the URL; what fails has one line of words.
 *
 * links: lib/kube_config.c lib/kube_account.c lib/config_yaml.c
 * covers: lib/kube_config.c:kube_config_parse lib/kube_config.c:build
 * covers: lib/kube_config.c:take_context lib/kube_config.c:take_cluster
 * covers: lib/kube_config.c:take_user lib/kube_config.c:find_entry
 * covers: lib/kube_config.c:take_data lib/kube_config.c:take_path
 * covers: lib/kube_config.c:check_server lib/kube_config.c:refuse_unserved
 * libs: -lyaml -lresolv
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kube_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct kube_config *config)
{
	require(config->server && strstr(config->server, "://"));
	for (const char *at = config->server; *at; at++)
		require(*at > ' ' && *at <= '~');
	require((config->cert.data || config->cert_file) == (config->key.data || config->key_file));
	require(!(config->ca.data && config->ca_file));
	require(!(config->token && config->token_file));
	require(config->namespace_name && config->context && config->source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kube_config *config = NULL;
	struct kube_config_error error = { .text = "" };
	int err = kube_config_parse((const char *)data, size, "/etc/fuzz/config", &config, &error);

	if (err == 0) {
		check(config);
	} else {
		require((err == -EINVAL || err == -ENOTSUP) && !config);
		require(error.text[0] && !strchr(error.text, '\n'));
	}
	kube_config_free(config);
	return 0;
}
