/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectivity.c: `tortie connectivity test`: does the cluster's network work, pair by pair.
 *
 * Through the API server alone, with the user's rights: a namespace, on each node a server and its
 * Service, then on each node a prober with all targets as its arguments; the probers' logs are the
 * results. That the servers become ready shows the way from each node to its pods (the kubelet's
 * probe). At the end, also after SIGINT, all that was made is removed; what a killed run left goes
 * at the next start, found by its label.
 *
 * Objects are connectivity_objects.c's, what runs in the pods connectivity_serve.c's and
 * connectivity_probe.c's, the matrix connectivity_report.c's.
 */
#include "tools/tortie/connectivity.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "tools/tortie/cluster.h"
#include "tools/tortie/command.h"
#include "tools/tortie/connectivity_run.h"
#include "tools/tortie/document.h"
#include "tools/tortie/say.h"

#define TIMEOUT_DEFAULT_S 180
#define LOG_OCTETS	  4194304
#define PAUSE_MS	  500
#define CLEAN_UP_S	  60

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
	is_interrupted = number;
}

static long now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

bool connectivity_run_pause(struct connectivity_run *run, long until_s)
{
	if (is_interrupted || now_s() >= until_s)
		return false;
	poll(NULL, 0, PAUSE_MS);
	return !is_interrupted && now_s() < until_s;
}

static void progress(const struct connectivity_run *run, const char *text)
{
	if (run->line->format != OUTPUT_JSON && run->line->format != OUTPUT_YAML) {
		printf("%s\n", text);
		fflush(stdout);
	}
}

/* --- what was made --- */

int connectivity_run_create(struct connectivity_run *run, const char *resource,
			    struct json_object *object)
{
	char path[512];
	int err;

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/%s", run->plan.namespace, resource);
	/* A namespace of a moment ago has no service account yet, and then takes no pod. */
	do {
		err = cluster_send(&run->cluster, "POST", path, object);
	} while (err == -EACCES && strstr(run->cluster.result.text, "serviceaccount") &&
		 connectivity_run_pause(run, run->until_s));
	if (err < 0)
		cluster_say_error(&run->cluster);
	json_object_put(object);
	return err;
}

/* Delete the pods and Services of the test in @namespace; *ret_count: how many there were. */
static int objects_delete(struct connectivity_run *run, const char *namespace, size_t *ret_count)
{
	static const char *const resources[] = { "pods", "services" };
	struct json_object *items;
	char path[768];
	int err = 0;

	*ret_count = 0;
	for (size_t i = 0; i < 2 && err == 0; i++) {
		items = document_new_list();
		snprintf(path, sizeof(path), "/api/v1/namespaces/%s/%s", namespace, resources[i]);
		err = cluster_list(&run->cluster, path,
				   "labelSelector=" CONNECTIVITY_LABEL "%3D" CONNECTIVITY_NAME,
				   items);
		*ret_count += json_object_array_length(items);
		for (size_t n = 0; n < json_object_array_length(items); n++) {
			snprintf(path, sizeof(path), "/api/v1/namespaces/%s/%s/%s", namespace,
				 resources[i],
				 document_words_at(json_object_array_get_idx(items, n),
						   "metadata.name"));
			err = cluster_send(&run->cluster, "DELETE", path, NULL);
			err = err == -ENOENT ? 0 : err;
		}
		json_object_put(items);
	}
	return err;
}

/*
 * The same, for a namespace that is not ours: a pod is gone when its kubelet has stopped it, so ask
 * until none is left, a minute at most.
 */
static int objects_remove(struct connectivity_run *run, const char *namespace)
{
	long until_s = now_s() + CLEAN_UP_S;
	size_t count = 0;
	int err;

	while ((err = objects_delete(run, namespace, &count)) == 0 && count > 0 &&
	       now_s() < until_s)
		poll(NULL, 0, PAUSE_MS);
	if (err == 0 && count > 0) {
		snprintf(run->cluster.result.text, sizeof(run->cluster.result.text),
			 "namespace %.200s: %zu pods and Services of the test are still going "
			 "after %d s",
			 namespace, count, CLEAN_UP_S);
		return -ETIMEDOUT;
	}
	return err;
}

/* Namespaces of runs that were killed; they go in the background. */
static int leftovers_delete(struct connectivity_run *run)
{
	struct json_object *items = document_new_list();
	char path[512];
	int err;

	err = cluster_list(&run->cluster, "/api/v1/namespaces",
			   "labelSelector=" CONNECTIVITY_LABEL "%3D" CONNECTIVITY_NAME, items);
	for (size_t i = 0; i < json_object_array_length(items) && err == 0; i++) {
		const char *name =
			document_words_at(json_object_array_get_idx(items, i), "metadata.name");

		snprintf(path, sizeof(path), "/api/v1/namespaces/%s", name);
		err = cluster_send(&run->cluster, "DELETE", path, NULL);
		/* 409: it is going already. */
		err = err == -ENOENT || err == -EEXIST ? 0 : err;
	}
	json_object_put(items);
	return err;
}

static int namespace_make(struct connectivity_run *run)
{
	struct json_object *object, *made;
	char path[512];
	int err;

	if (run->line->namespace) {
		snprintf(run->plan.namespace, sizeof(run->plan.namespace), "%s",
			 run->line->namespace);
		snprintf(path, sizeof(path), "/api/v1/namespaces/%s", run->plan.namespace);
		err = cluster_get(&run->cluster, path, &made);
		if (err == 0) {
			json_object_put(made);
			return objects_remove(run, run->plan.namespace);
		}
		return err;
	}
	object = connectivity_namespace();
	err = cluster_create(&run->cluster, "/api/v1/namespaces", object, &made);
	json_object_put(object);
	if (err < 0)
		return err;
	snprintf(run->plan.namespace, sizeof(run->plan.namespace), "%s",
		 document_words_at(made, "metadata.name"));
	json_object_put(made);
	run->owns_namespace = true;
	return 0;
}

/* Deleting is a request: wait until the namespace is gone, a minute at most. */
static int namespace_wait_gone(struct connectivity_run *run, const char *path)
{
	long until_s = now_s() + CLEAN_UP_S;
	struct json_object *object;
	int err;

	while ((err = cluster_get(&run->cluster, path, &object)) == 0 && now_s() < until_s) {
		json_object_put(object);
		poll(NULL, 0, PAUSE_MS);
	}
	if (err == 0) {
		json_object_put(object);
		snprintf(run->cluster.result.text, sizeof(run->cluster.result.text),
			 "it is still going after %d s", CLEAN_UP_S);
		return -ETIMEDOUT;
	}
	return err == -ENOENT ? 0 : err;
}

static int clean_up(struct connectivity_run *run)
{
	char path[512];
	int err;

	if (run->plan.namespace[0] == '\0')
		return 0;
	progress(run, "removing what was made");
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s", run->plan.namespace);
	if (run->owns_namespace) {
		err = cluster_send(&run->cluster, "DELETE", path, NULL);
		if (err == 0)
			err = namespace_wait_gone(run, path);
	} else {
		err = objects_remove(run, run->plan.namespace);
	}
	if (err == 0 || err == -ENOENT)
		return 0;
	cluster_say_error(&run->cluster);
	say_error("namespace %s: not cleaned up (kubectl delete namespace, or the next run)",
		  run->plan.namespace);
	return err;
}

/* --- the run --- */

static int servers_start(struct connectivity_run *run)
{
	struct connectivity_plan *plan = &run->plan;
	int err = connectivity_run_create(run, "services", connectivity_headless(plan));

	for (size_t i = 0; i < plan->node_count && err == 0; i++) {
		err = connectivity_run_create(run, "services", connectivity_service(plan, i));
		if (err == 0)
			err = connectivity_run_create(run, "pods", connectivity_server(plan, i));
	}
	return err;
}

static bool has_servers(const struct connectivity_run *run)
{
	for (size_t i = 0; i < run->plan.node_count; i++) {
		if (run->plan.node[i].pod[0][0] || run->plan.node[i].pod[1][0])
			return true;
	}
	return false;
}

static int probers_start(struct connectivity_run *run)
{
	int err = 0;

	for (size_t i = 0; i < run->plan.node_count && err == 0; i++)
		err = connectivity_run_create(run, "pods", connectivity_prober(&run->plan, i));
	return err;
}

/* The log of each prober; one that says nothing is a failure itself. */
static void logs_read(struct connectivity_run *run)
{
	struct connectivity_result silent = { .check = "prober", .host = "-" };
	char path[512], *log;

	for (size_t i = 0; i < run->plan.node_count; i++) {
		const char *from = run->plan.node[i].name;
		size_t count = 0;

		snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/prober-%zu/log",
			 run->plan.namespace, i + 1);
		log = NULL;
		if (cluster_read(&run->cluster, path, LOG_OCTETS, &log) == 0)
			count = connectivity_report_log(run->results, from, log);
		free(log);
		if (count > 0)
			continue;
		snprintf(silent.to, sizeof(silent.to), "%.250s", from);
		snprintf(silent.text, sizeof(silent.text), "no results from its pod: %.200s",
			 run->cluster.result.text[0] ? run->cluster.result.text : "it did not run");
		connectivity_report_add(run->results, from, &silent);
	}
}

static int test_run(struct connectivity_run *run)
{
	char text[512];
	int err;

	err = leftovers_delete(run);
	if (err == 0)
		err = connectivity_run_nodes(run);
	if (err == 0)
		err = namespace_make(run);
	if (err < 0) {
		if (err != -ENODATA)
			cluster_say_error(&run->cluster);
		return err;
	}
	snprintf(text, sizeof(text), "%zu nodes, namespace %.253s, image %.200s",
		 run->plan.node_count, run->plan.namespace, run->plan.image);
	progress(run, text);
	err = servers_start(run);
	if (err == 0)
		err = connectivity_run_wait_servers(run);
	if (err < 0 || !has_servers(run))
		return err;
	err = probers_start(run);
	if (err == 0)
		err = connectivity_run_wait_probers(run);
	if (err == 0)
		logs_read(run);
	return err;
}

static void results_print(struct connectivity_run *run)
{
	struct json_object *document;

	if (run->line->format != OUTPUT_JSON && run->line->format != OUTPUT_YAML) {
		printf("\n");
		connectivity_report_print(run->results);
		return;
	}
	document = document_new_map();
	document_set_words(document, "kind", "ConnectivityTest");
	document_set_number(document, "checks", json_object_array_length(run->results));
	document_set_number(document, "failed", connectivity_report_failed(run->results));
	document_set(document, "results", json_object_get(run->results));
	output_document(stdout, run->line->format, document);
	json_object_put(document);
}

int connectivity_test_run(const struct command_line *line)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	static struct connectivity_run run;
	int err, cleaned;
	long timeout_s;

	run.line = line;
	err = cluster_open(line, &run.cluster);
	if (err == -ENOENT)
		say_error("connectivity test: no kubeconfig (--kubeconfig FILE, or KUBECONFIG)");
	if (err < 0)
		return EXIT_FAILED;
	run.results = document_new_list();
	timeout_s = line->timeout_s ? line->timeout_s : TIMEOUT_DEFAULT_S;
	run.until_s = now_s() + timeout_s;
	run.servers_until_s = now_s() + timeout_s / 2;
	/* A second signal ends us at once. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	err = connectivity_run_plan(&run);
	if (err == 0)
		err = test_run(&run);
	if (is_interrupted && err == 0)
		err = -EINTR;
	if (is_interrupted)
		say_error("interrupted");
	cleaned = clean_up(&run);
	if (err == 0)
		results_print(&run);
	err = err ? err : cleaned;
	if (err == 0 && connectivity_report_failed(run.results) > 0)
		err = -EIO;
	json_object_put(run.results);
	cluster_close(&run.cluster);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}
