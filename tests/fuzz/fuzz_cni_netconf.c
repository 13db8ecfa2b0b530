/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cni_netconf.c: any octets as what a container runtime passes to the plugin.
 *
 * Input: lines "COMMAND=...", "CONTAINERID=...", "NETNS=...", "IFNAME=...", "ARGS=..." up to an
 * empty line, then standard input. The parser must end with 0 or -EINVAL, with words on failure; on
 * success the request holds what agent_protocol.h promises, and the result made from it is one line
 * of JSON.
 *
 * links: cni/netconf.c cni/netconf_wishes.c cni/result.c lib/ip_prefix.c lib/pod_ifname.c
 * links: lib/sha1.c lib/text.c lib/mac.c lib/json.c
 * covers: cni/netconf.c cni/netconf_wishes.c
 * libs: -ljson-c
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cni/netconf.h"
#include "cni/result.h"
#include "lib/pod_ifname.h"

#define VALUE_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct variables {
	char command[VALUE_MAX], container_id[VALUE_MAX], netns[VALUE_MAX], ifname[VALUE_MAX],
		args[VALUE_MAX];
};

static void take_variable(const char *line, size_t len, struct variables *to,
			  struct netconf_env *env)
{
	const struct {
		const char *key;
		char *value;
		const char **env;
	} rows[] = {
		{ "COMMAND=", to->command, &env->command },
		{ "CONTAINERID=", to->container_id, &env->container_id },
		{ "NETNS=", to->netns, &env->netns },
		{ "IFNAME=", to->ifname, &env->ifname },
		{ "ARGS=", to->args, &env->args },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t key_len = strlen(rows[i].key), value_len = len - key_len;

		if (len < key_len || memcmp(line, rows[i].key, key_len) != 0 ||
		    value_len >= VALUE_MAX || memchr(line, '\0', len) != NULL)
			continue;
		memcpy(rows[i].value, line + key_len, value_len);
		rows[i].value[value_len] = '\0';
		*rows[i].env = rows[i].value;
	}
}

/* The variables, and where standard input begins. */
static size_t take_variables(const char *text, size_t size, struct variables *to,
			     struct netconf_env *env)
{
	size_t at = 0;

	while (at < size) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t len = end != NULL ? (size_t)(end - (text + at)) : size - at;

		if (len > 0)
			take_variable(text + at, len, to, env);
		at += len + (end != NULL);
		if (len == 0)
			break;
	}
	return at;
}

static void check_conf(struct netconf *conf)
{
	struct msg_cni_reply reply = { .mtu = 1500, .address_count = 2 };
	const struct msg_cni_request *request = &conf->request;
	char *text;

	if (conf->command == COMMAND_VERSION) {
		text = result_version(conf->version);
	} else {
		require(conf->run_dir[0] == '/');
		require(request->pool_count <= CNI_POOLS_MAX);
		require(request->address_count <= POD_ADDRESSES_MAX);
		require(request->want_count <= POD_ADDRESSES_MAX &&
			request->valid_count <= CNI_VALID_MAX);
		if (request->verb != CNI_STATUS && request->verb != CNI_GC)
			require(container_id_is_valid(request->container_id) &&
				ifname_is_valid(request->ifname));
		require(request->mtu == 0 || (request->mtu >= 1280 && request->mtu <= 65535));
		text = result_add(conf, &reply);
	}
	require(text != NULL && text[0] == '{' && strchr(text, '\n') == text + strlen(text) - 1);
	free(text);
	netconf_free(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct variables variables;
	struct netconf_env env = { 0 };
	struct cni_error error = { 0 };
	struct netconf conf;
	size_t at = take_variables((const char *)data, size, &variables, &env);
	char *text;

	if (netconf_parse(&env, (const char *)data + at, size - at, &conf, &error) == 0) {
		check_conf(&conf);
		return 0;
	}
	require(error.code != 0 && error.msg[0] != '\0');
	text = result_error(conf.version, &error);
	require(text != NULL && strchr(text, '\n') == text + strlen(text) - 1);
	free(text);
	return 0;
}
