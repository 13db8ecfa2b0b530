/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight_config.c: the configuration that this node has, or will have.
 *
 * Without Kubernetes it is a file, and one that is missing is a problem. A node of a cluster has
 * none: its agent's, of one line, comes with the manifest into the container, and the rest from
 * the cluster. So where the default file is missing the node is looked at, surest sign first: an
 * agent that runs and has its configuration from the cluster; what such an agent has kept; the
 * kubelet's own files. The other checks then go by what the manifest's file and the kept document
 * say.
 */
#include "tools/tortie/preflight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/config.h"
#include "tools/tortie/request.h"

#define MANIFEST_CONFIG "kubernetes: {}\n" /* deploy/kubernetes/node.yaml */

/* What an agent says of itself; cluster is CLUSTER_NONE without one. */
struct agent_view {
	unsigned int cluster; /* enum cluster_state */
	char config_file[TEXT_MAX + 1];
};

static int take_status(uint32_t type, const void *body, void *arg)
{
	const struct msg_status *status = body;
	struct agent_view *view = arg;

	if (type != MSG_STATUS)
		return 0;
	view->cluster = status->cluster;
	memcpy(view->config_file, status->config_file, sizeof(view->config_file));
	return 0;
}

static struct agent_view ask_agent(const char *run_dir)
{
	struct agent_view view = { .cluster = CLUSTER_NONE };
	struct request request;

	if (request_open(&request, run_dir, REQUEST_TIMEOUT_MS) < 0)
		return view;
	request_list(&request, MSG_GET_STATUS, take_status, &view);
	request_close(&request);
	return view;
}

/* The manifest's file, with what an agent has kept of the cluster where it can be read. */
static struct config *cluster_config(void)
{
	struct config_source source = { .file = "tortie.yaml of the manifest",
					.base = MANIFEST_CONFIG,
					.base_len = sizeof(MANIFEST_CONFIG) - 1 };
	struct config_error error = { 0 };
	struct config *config = NULL;
	char *document = NULL;

	if (config_read_file(CONFIG_STATE_DEFAULT, &document, &source.document_len, &error) == 0)
		source.document = document;
	if (config_parse_cluster(&source, &config, &error) < 0 && document) {
		source.document = NULL;
		config_parse_cluster(&source, &config, &error);
	}
	free(document);
	return config;
}

/* Why this is a node of a cluster, NULL: it is none. */
static const char *cluster_sign(const struct agent_view *view)
{
	static const char *const files[] = { "/var/lib/kubelet/config.yaml",
					     "/etc/kubernetes/kubelet.conf" };

	if (view->cluster != CLUSTER_NONE)
		return "the agent that runs here says so";
	if (access(CONFIG_STATE_DEFAULT, F_OK) == 0)
		return CONFIG_STATE_DEFAULT " is what an agent has kept of it";
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (access(files[i], F_OK) == 0)
			return files[i];
	return NULL;
}

static struct config *missing_file(struct preflight *preflight)
{
	struct agent_view view = ask_agent(preflight->line->run_dir);
	const char *sign = cluster_sign(&view);

	if (sign) {
		preflight_ok(preflight,
			     CONFIG_FILE_DEFAULT ": none, this node gets its configuration from "
						 "the Kubernetes cluster (%s)",
			     sign);
		return cluster_config();
	}
	if (view.config_file[0])
		preflight_problem(preflight, "name the agent's with -c", "%s: %s; the agent has %s",
				  CONFIG_FILE_DEFAULT, strerror(ENOENT), view.config_file);
	else
		preflight_problem(preflight,
				  "write one: tortie.yaml(5) has an example (a node of a "
				  "Kubernetes cluster needs none)",
				  "%s: %s", CONFIG_FILE_DEFAULT, strerror(ENOENT));
	return NULL;
}

struct config *preflight_read_config(struct preflight *preflight)
{
	const char *named = preflight->line->config_file;
	const char *file = named ? named : CONFIG_FILE_DEFAULT;
	struct config_error error = { 0 };
	char text[CONFIG_ERROR_TEXT_MAX];
	struct config *config = NULL;
	int err;

	preflight->check = "configuration";
	err = config_load(file, &config, &error);
	if (err == -ENOENT && !named)
		return missing_file(preflight);
	if (err == -ENOENT)
		preflight_problem(preflight, "write one: tortie.yaml(5) has an example", "%s: %s",
				  file, strerror(ENOENT));
	else if (err == -EINVAL)
		preflight_problem(preflight, "tortie.yaml(5) has every key", "%s",
				  config_error_text(&error, file, text, sizeof(text)));
	else if (err < 0)
		preflight_problem(preflight, "name another with -c, or run as root", "%s: %s", file,
				  strerror(-err));
	else
		preflight_ok(preflight, "%s: node %s, %zu pools, %zu routes, %zu BGP peers", file,
			     config->node_name, config->pool_count, config->route_count,
			     config->bgp.peer_count);
	return config;
}
