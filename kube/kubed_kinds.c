/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubed_kinds.c: the kinds of objects that the document is made of, one row and one watch for each.
 *
 * Most are always watched. Secrets, Services and EndpointSlices only while an object asks for them:
 * that is the document's to say (document_wants()), looked at before each build. A kind that nobody
 * asks for any more is stopped and its objects are forgotten.
 *
 * Slices are by far the most and change with every pod, so those of headless Services, which have
 * no address that could be announced, are not even sent: Kubernetes labels them.
 */
#include "kube/kubed_kinds.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/text.h"

static const struct kind_row {
	const char *group, *resource;
	const char *selector;
	bool is_of_namespace; /* our own alone */
} rows[CLUSTER_KINDS] = {
	[CLUSTER_NODES] = { "/api/v1", "nodes" },
	[CLUSTER_POOLS] = { "/apis/projectcalico.org/v3", "ippools" },
	[CLUSTER_BGP_CONFIGS] = { "/apis/projectcalico.org/v3", "bgpconfigurations" },
	[CLUSTER_BGP_PEERS] = { "/apis/projectcalico.org/v3", "bgppeers" },
	[CLUSTER_BGP_FILTERS] = { "/apis/projectcalico.org/v3", "bgpfilters" },
	[CLUSTER_RESERVATIONS] = { "/apis/projectcalico.org/v3", "ipreservations" },
	[CLUSTER_SECRETS] = { "/api/v1", "secrets", .is_of_namespace = true },
	[CLUSTER_SERVICES] = { "/api/v1", "services" },
	[CLUSTER_SLICES] = { "/apis/discovery.k8s.io/v1", "endpointslices",
			     "kubernetes.io/service-name,!service.kubernetes.io/headless" },
};

static enum cluster_kind kind_of(const struct kubed_kind *kind)
{
	return (enum cluster_kind)(kind - kind->kubed->kind);
}

/* --- what the watches tell --- */

static void on_begin(void *arg)
{
	struct kubed_kind *kind = arg;

	cluster_begin(&kind->kubed->cluster, kind_of(kind));
}

static void on_set(struct json_object *json, void *arg)
{
	struct kubed_kind *kind = arg;
	int result = cluster_set(&kind->kubed->cluster, kind_of(kind), json);

	if (result < 0 && result != -ENOSPC) /* these are counted */
		log_warning("%s: an object is left out: %s", kind->row.name, strerror(-result));
	if (result != 0 && watch_is_known(kind->watch))
		kubed_schedule_build(kind->kubed);
}

static void on_gone(struct json_object *json, void *arg)
{
	struct kubed_kind *kind = arg;

	if (cluster_remove(&kind->kubed->cluster, kind_of(kind), json))
		kubed_schedule_build(kind->kubed);
}

static void on_too_large(const char *name, size_t len, void *arg)
{
	struct kubed_kind *kind = arg;

	log_warning("%s %.253s: %zu octets are too many, or nested too deeply; what was known of "
		    "it stays",
		    kind->row.name, name, len);
	cluster_keep(&kind->kubed->cluster, kind_of(kind), name);
}

static void on_synced(void *arg)
{
	struct kubed_kind *kind = arg;

	cluster_end(&kind->kubed->cluster, kind_of(kind));
	malloc_trim(0); /* a list leaves the heap full of holes */
	kubed_schedule_build(kind->kubed);
}

static void on_state(enum watch_state state, void *arg)
{
	struct kubed_kind *kind = arg;

	if (state == WATCH_MISSING)
		cluster_clear(&kind->kubed->cluster, kind_of(kind));
	kubed_schedule_build(kind->kubed);
}

static const struct watch_ops watch_ops = {
	.begin = on_begin,
	.set = on_set,
	.gone = on_gone,
	.too_large = on_too_large,
	.synced = on_synced,
	.state = on_state,
};

/* --- which are watched --- */

void kubed_kinds_follow(struct kubed *kubed)
{
	for (int i = 0; i < CLUSTER_KINDS; i++) {
		struct kubed_kind *kind = &kubed->kind[i];
		bool is_wanted = document_wants(&kubed->cluster, (enum cluster_kind)i);

		if (is_wanted == kind->is_started)
			continue;
		kind->is_started = is_wanted;
		if (is_wanted) {
			watch_start(kind->watch, &watch_ops, kind);
			continue;
		}
		log_info("%s: no object asks for them any more", kind->row.name);
		watch_stop(kind->watch);
		cluster_clear(&kubed->cluster, (enum cluster_kind)i);
		malloc_trim(0);
	}
}

bool kubed_kinds_are_known(const struct kubed *kubed)
{
	if (!watch_is_known(kubed->kind[CLUSTER_NODES].watch))
		return false;
	for (int i = 0; i < CLUSTER_KINDS; i++) {
		const struct kubed_kind *kind = &kubed->kind[i];
		enum watch_state state = watch_get_state(kind->watch);

		if (!kind->is_started || watch_is_known(kind->watch))
			continue;
		if (state != WATCH_DENIED && state != WATCH_MISSING)
			return false;
	}
	return true;
}

/* --- what is wrong with them --- */

size_t kubed_kinds_notices(const struct kubed *kubed, struct agent_feed_notice *notices,
			   char text[][TEXT_MAX + 1])
{
	size_t count = 0;

	for (int i = 0; i < CLUSTER_KINDS; i++) {
		const struct kubed_kind *kind = &kubed->kind[i];

		if (watch_get_state(kind->watch) == WATCH_DENIED)
			snprintf(text[count], TEXT_MAX + 1,
				 "%s: may not be read%s: %.300s (let the service account list and "
				 "watch them)",
				 kind->row.name,
				 watch_is_known(kind->watch) ? " any more, and what was known stays"
							     : ", and are taken as none",
				 watch_get_text(kind->watch));
		else if (kubed->cluster.left_out[i] > 0)
			snprintf(text[count], TEXT_MAX + 1,
				 "%s: %zu are more than can be kept: left out", kind->row.name,
				 kubed->cluster.left_out[i]);
		else
			continue;
		notices[count] = (struct agent_feed_notice){ STATUS_PROBLEM, text[count] };
		count++;
	}
	return count;
}

void kubed_kinds_why(const struct kubed *kubed, char *text, size_t size)
{
	for (int i = 0; i < CLUSTER_KINDS; i++) {
		const struct kubed_kind *kind = &kubed->kind[i];
		enum watch_state state = watch_get_state(kind->watch);

		if (!kind->is_started)
			continue;
		if (state == WATCH_STARTING || state == WATCH_BROKEN ||
		    (i == CLUSTER_NODES && state != WATCH_IN_SYNC))
			text_append(text, size, "%s: %s%s%s\n", kind->row.name,
				    watch_get_text(kind->watch),
				    state == WATCH_STARTING ? "asked for, not answered yet" : "",
				    watch_is_known(kind->watch) ? " (what was known stays)" : "");
	}
}

/* --- life --- */

int kubed_kinds_open(struct kubed *kubed)
{
	int err = 0;

	kubed->cluster.node_name = kubed->config->kube.node;
	for (int i = 0; i < CLUSTER_KINDS && err == 0; i++) {
		struct kubed_kind *kind = &kubed->kind[i];
		const struct kind_row *row = &rows[i];

		kind->kubed = kubed;
		snprintf(kind->path, sizeof(kind->path), "%s%s%.253s/%s", row->group,
			 row->is_of_namespace ? "/namespaces/" : "",
			 row->is_of_namespace ? kubed->kube_config->namespace_name : "",
			 row->resource);
		kind->row = (struct watch_kind){ row->resource, { kind->path, row->selector } };
		err = watch_new(kubed->loop, kubed->client, &kind->row, &watch_timing_default,
				&kind->watch);
	}
	return err;
}

void kubed_kinds_close(struct kubed *kubed)
{
	for (int i = 0; i < CLUSTER_KINDS; i++)
		watch_free(kubed->kind[i].watch);
}
