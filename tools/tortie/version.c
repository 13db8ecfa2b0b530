/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.c: `tortie version`.
 *
 * Four versions: of this program, of the agent that answers, of the map layout that its programs
 * use (DATAPLANE_ABI_VERSION), of the kernel that runs them; with a kubeconfig also the cluster's.
 * Without an agent the others are still told, and the exit status is 1, unless a cluster was asked
 * for by name.
 */
#include <errno.h>

#include <json-c/json.h>

#include "tools/tortie/cluster.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/request.h"
#include "tools/tortie/say.h"

static void version_print(struct json_object *document)
{
	printf("Client:      tortie %s\n", document_get_words(document, "client"));
	if (document_get_words(document, "cluster")[0])
		printf("Cluster:     Kubernetes %s (%s)\n", document_get_words(document, "cluster"),
		       document_get_words(document, "cluster_server"));
	if (document_get_words(document, "agent")[0] == '\0')
		return;
	printf("Agent:       tortied %s\n", document_get_words(document, "agent"));
	printf("Data plane:  ABI %llu\n",
	       (unsigned long long)document_get_number(document, "data_plane_abi"));
	printf("Kernel:      %s\n", document_get_words(document, "kernel"));
	printf("Node:        %s\n", document_get_words(document, "node"));
}

/* 0; -ENOENT: no kubeconfig, or --local; other -errno: said. */
static int cluster_add(const struct command_line *line, struct json_object *document)
{
	struct json_object *version;
	struct cluster cluster;
	int err;

	err = line->local ? -ENOENT : cluster_open(line, &cluster);
	if (err < 0)
		return err;
	/* Probes of a container ask for versions all day: that is no load for the API server. */
	err = cluster.config->context ? cluster_get(&cluster, "/version", &version) : -ENOENT;
	if (err == 0) {
		document_set_words(document, "cluster", document_get_words(version, "gitVersion"));
		document_set_words(document, "cluster_server", cluster.config->server);
		json_object_put(version);
	} else if (cluster.config->context) {
		cluster_say_error(&cluster);
	}
	cluster_close(&cluster);
	return err;
}

int version_run(const struct command_line *line)
{
	struct json_object *document = document_new_map();
	bool is_named = cluster_is_named(line);
	struct request request;
	int err, cluster_err;

	document_set_words(document, "client", TORTIE_VERSION);
	cluster_err = cluster_add(line, document);
	err = request_open(&request, line->run_dir, REQUEST_TIMEOUT_MS);
	if (err == 0) {
		const struct msg_hello_reply *hello = &request.hello;

		document_set_text(document, "agent", hello->program_version,
				  sizeof(hello->program_version));
		document_set_number(document, "data_plane_abi", hello->abi_version);
		document_set_text(document, "kernel", hello->kernel_release,
				  sizeof(hello->kernel_release));
		document_set_text(document, "node", hello->node_name, sizeof(hello->node_name));
		request_close(&request);
	}
	if (line->format == OUTPUT_JSON || line->format == OUTPUT_YAML)
		output_document(stdout, line->format, document);
	else
		version_print(document);
	json_object_put(document);
	if (is_named)
		return cluster_err < 0 ? EXIT_FAILED : EXIT_DONE;
	if (err < 0)
		request_say_error(line->run_dir, err);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}
