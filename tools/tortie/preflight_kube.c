/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight_kube.c: is this cluster one that tortie can serve, and what changes when it does.
 *
 * Asked of the API server with the user's kubeconfig: its version, that every node has a podCIDR
 * and an address, how kube-proxy works where its configuration can be read, and how many network
 * policies there are: none is enforced by this version, so an install must say that it knows
 * (--accept-no-policy). Of this node: swap, which the kubelet does not like.
 *
 * Runs when a kubeconfig is found, and must find one with --kubernetes.
 */
#include "tools/tortie/preflight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tools/tortie/cluster.h"
#include "tools/tortie/document.h"
#include "tools/tortie/say.h"

#define SERVER_MINOR_MIN 20
#define NAMES_SHOWN	 4
#define PROXY_PATH	 "/api/v1/namespaces/kube-system/configmaps/kube-proxy"

static void server_check(struct preflight *preflight, struct cluster *cluster)
{
	struct json_object *version;
	unsigned long major, minor;

	if (cluster_get(cluster, "/version", &version) < 0) {
		preflight_problem(preflight,
				  "look at the kubeconfig's server and the network to it", "%s",
				  cluster->result.text);
		return;
	}
	/* Some add to the number: "34+". */
	major = strtoul(document_get_words(version, "major"), NULL, 10);
	minor = strtoul(document_get_words(version, "minor"), NULL, 10);
	if (major < 1 || (major == 1 && minor < SERVER_MINOR_MIN))
		preflight_problem(preflight, "upgrade Kubernetes to 1.20 or later",
				  "%s is Kubernetes %s", cluster->config->server,
				  document_get_words(version, "gitVersion"));
	else
		preflight_ok(preflight, "%s is Kubernetes %s", cluster->config->server,
			     document_get_words(version, "gitVersion"));
	json_object_put(version);
}

struct names {
	char text[512];
	size_t count;
};

static void name_add(struct names *names, const char *name)
{
	size_t at = strlen(names->text);

	if (names->count < NAMES_SHOWN)
		snprintf(names->text + at, sizeof(names->text) - at, "%s%.80s",
			 names->count ? ", " : "", name);
	else if (names->count == NAMES_SHOWN)
		snprintf(names->text + at, sizeof(names->text) - at, ", ...");
	names->count++;
}

static bool has_internal_ip(struct json_object *node)
{
	struct json_object *addresses = document_at(node, "status.addresses");

	for (size_t i = 0; addresses && i < json_object_array_length(addresses); i++) {
		if (strcmp(document_words_at(json_object_array_get_idx(addresses, i), "type"),
			   "InternalIP") == 0)
			return true;
	}
	return false;
}

static void nodes_check(struct preflight *preflight, struct cluster *cluster)
{
	struct json_object *nodes = document_new_list();
	struct names no_block = { 0 }, no_address = { 0 };
	size_t count;

	if (cluster_list(cluster, "/api/v1/nodes", "", nodes) < 0) {
		preflight_problem(preflight, "use a kubeconfig whose user may list nodes", "%s",
				  cluster->result.text);
		json_object_put(nodes);
		return;
	}
	count = json_object_array_length(nodes);
	for (size_t i = 0; i < count; i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);
		const char *name = document_words_at(node, "metadata.name");

		if (document_words_at(node, "spec.podCIDR")[0] == '\0')
			name_add(&no_block, name);
		if (!has_internal_ip(node))
			name_add(&no_address, name);
	}
	json_object_put(nodes);
	if (no_block.count > 0)
		preflight_problem(
			preflight,
			"start kube-controller-manager with --allocate-node-cidrs=true and "
			"--cluster-cidr (kubeadm: networking.podSubnet)",
			"%zu of %zu nodes have no podCIDR: %s", no_block.count, count,
			no_block.text);
	if (no_address.count > 0)
		preflight_problem(preflight, "give the kubelet --node-ip",
				  "%zu of %zu nodes have no InternalIP: %s", no_address.count,
				  count, no_address.text);
	if (no_block.count == 0 && no_address.count == 0)
		preflight_ok(preflight, "%zu nodes, each with a podCIDR and an address", count);
}

bool preflight_proxy_mode(const char *config, char *ret, size_t size)
{
	const char *line = config;

	while (line && *line) {
		line += strspn(line, "\n");
		if (strncmp(line, "mode:", 5) == 0) {
			line += 5 + strspn(line + 5, " \"'");
			snprintf(ret, size, "%.*s", (int)strcspn(line, " \"'\n#"), line);
			return true;
		}
		line = strchr(line, '\n');
	}
	return false;
}

static void proxy_check(struct preflight *preflight, struct cluster *cluster)
{
	struct json_object *map, *data = NULL, *value = NULL;
	char mode[32] = "";

	if (cluster_get(cluster, PROXY_PATH, &map) < 0) {
		preflight_ok(preflight, "kube-proxy: its configuration is not to be seen here");
		return;
	}
	json_object_object_get_ex(map, "data", &data);
	json_object_object_get_ex(data, "config.conf", &value);
	if (value)
		preflight_proxy_mode(json_object_get_string(value), mode, sizeof(mode));
	if (strcmp(mode, "ipvs") == 0)
		preflight_warn(preflight,
			       "set mode: iptables or nftables in the ConfigMap kube-proxy",
			       "kube-proxy works in ipvs mode: not tested with tortie");
	else
		preflight_ok(preflight, "kube-proxy works in %s mode",
			     mode[0] ? mode : "its default");
	json_object_put(map);
}

/* Objects at @path; 0 also where the cluster has no such kind. -errno when they cannot be listed.
 */
static long objects_count(struct cluster *cluster, const char *path)
{
	struct json_object *items = document_new_list();
	int err = cluster_list(cluster, path, "", items);
	long count = (long)json_object_array_length(items);

	json_object_put(items);
	return err == -ENOENT ? 0 : err < 0 ? err : count;
}

/* Policies of every kind that there may be; what cannot be listed is a problem line. */
static long policies_count(struct preflight *preflight, struct cluster *cluster)
{
	static const struct {
		const char *path;
		int same_as; /* shows the same objects as that row, where both are served; -1 */
	} kinds[] = {
		{ "/apis/networking.k8s.io/v1/networkpolicies", -1 },
		{ "/apis/projectcalico.org/v3/networkpolicies", -1 },
		{ "/apis/projectcalico.org/v3/globalnetworkpolicies", -1 },
		{ "/apis/crd.projectcalico.org/v1/networkpolicies", 1 },
		{ "/apis/crd.projectcalico.org/v1/globalnetworkpolicies", 2 },
		{ "/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies", -1 },
		{ "/apis/policy.networking.k8s.io/v1alpha1/baselineadminnetworkpolicies", -1 },
	};
	long found[sizeof(kinds) / sizeof(kinds[0])], count = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		found[i] = objects_count(cluster, kinds[i].path);
		if (found[i] < 0)
			preflight_problem(preflight,
					  "use a kubeconfig whose user may list network policies",
					  "%s", cluster->result.text);
		else if (kinds[i].same_as < 0 || found[kinds[i].same_as] <= 0)
			count += found[i];
	}
	return count;
}

static void policies_check(struct preflight *preflight, struct cluster *cluster)
{
	long count = policies_count(preflight, cluster);

	if (count == 0)
		preflight_ok(preflight, "no network policies (this version enforces none)");
	else if (preflight->line->accept_no_policy)
		preflight_warn(preflight, "keep what must be kept apart in clusters of its own",
			       "%ld policies exist and will NOT be enforced by this version",
			       count);
	else
		preflight_problem(preflight, "--accept-no-policy, when that is known and wanted",
				  "%ld policies exist and will NOT be enforced by this version",
				  count);
}

static void swap_check(struct preflight *preflight)
{
	char line[512];
	size_t lines = 0;
	FILE *file = fopen("/proc/swaps", "re");

	while (file && fgets(line, sizeof(line), file))
		lines++;
	if (file)
		fclose(file);
	if (lines > 1) /* the first is the heading */
		preflight_warn(preflight, "swapoff -a, and take it out of /etc/fstab",
			       "swap is on: the kubelet does not start unless it is told to");
	else
		preflight_ok(preflight, "swap is off");
}

void preflight_kubernetes(struct preflight *preflight)
{
	struct kube_config_error error = { 0 };
	struct cluster cluster;
	bool is_wanted = preflight->line->kubernetes || cluster_is_named(preflight->line);
	int err = cluster_try(preflight->line, &cluster, &error);

	if (err == -ENOENT && !is_wanted)
		return;
	if (err < 0) {
		preflight_problem(preflight, "--kubeconfig FILE, or the variable KUBECONFIG", "%s",
				  error.text);
		return;
	}
	server_check(preflight, &cluster);
	if (cluster.result.status == 200) {
		nodes_check(preflight, &cluster);
		proxy_check(preflight, &cluster);
		policies_check(preflight, &cluster);
	}
	swap_check(preflight);
	cluster_close(&cluster);
}
