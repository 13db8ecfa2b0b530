/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c: the numbers of tortied and tortie-kubed as Prometheus' text.
 *
 * All names begin with tortie_; counters end in _total. Labels come from a small, fixed set of
 * values (kinds, states, reasons) or are bounded (pools): a cluster of any size makes no more
 * series. Values of labels are escaped as the format asks.
 *
 * Source: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
 */
#include "kube/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/kubed.h"
#include "lib/drop_reason.h"

/* --- the agent's records --- */

static struct metrics_pool *find_pool(struct metrics_agent *agent, const char *name)
{
	struct metrics_pool *pool;

	for (size_t i = 0; i < agent->pool_count; i++)
		if (strcmp(agent->pool[i].name, name) == 0)
			return &agent->pool[i];
	if (agent->pool_count == METRICS_POOLS_MAX)
		return &agent->pool[METRICS_POOLS_MAX - 1];
	pool = &agent->pool[agent->pool_count++];
	snprintf(pool->name, sizeof(pool->name), "%s",
		 agent->pool_count == METRICS_POOLS_MAX ? "others" : name);
	return pool;
}

static void add_pool(struct metrics_agent *agent, const struct msg_pool *record)
{
	char name[NAME_MAX_LEN + 1];
	struct metrics_pool *pool;

	if (record->capacity == 0)
		return; /* no block of this node */
	snprintf(name, sizeof(name), "%.*s", NAME_MAX_LEN, record->name);
	pool = find_pool(agent, name);
	pool->capacity += record->capacity;
	pool->used += record->used;
}

void metrics_add(struct metrics_agent *agent, const struct message_header *header, const void *body)
{
	const struct msg_peer *peer = body;
	const struct msg_drop_count *drop = body;

	switch (header->type) {
	case MSG_PEER:
		agent->peers[peer->state < METRICS_STATES ? peer->state : 0]++;
		agent->routes_received += (uint64_t)peer->received[0] + peer->received[1];
		agent->routes_advertised += (uint64_t)peer->advertised[0] + peer->advertised[1];
		agent->restarting += peer->restarting != 0;
		if (peer->bfd_state > BGP_BFD_NONE && peer->bfd_state < METRICS_BFD_STATES)
			agent->bfd[peer->bfd_state]++;
		agent->bfd_times_down += peer->bfd_times_down;
		break;
	case MSG_POOL:
		add_pool(agent, body);
		break;
	case MSG_DROP_COUNT:
		if (drop->reason >= METRICS_REASONS_MAX)
			break;
		agent->drops[drop->reason] += drop->count;
		agent->has_drops[drop->reason] = true;
		break;
	default:
		break;
	}
}

/* --- the text --- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(FILE *out, const char *name, uint64_t value, const char *help)
{
	head(out, name, "gauge", help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void counter(FILE *out, const char *name, uint64_t value, const char *help)
{
	head(out, name, "counter", help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void labelled(FILE *out, const char *name, const char *label, const char *text,
		     uint64_t value)
{
	fprintf(out, "%s{%s=\"", name, label);
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			fputc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
	fprintf(out, "\"} %" PRIu64 "\n", value);
}

/* Left out until the speaker has told them: a 0 would be taken for a restart of it. */
static void write_bgp_counts(FILE *out, const struct msg_bgp_counts *counts)
{
	counter(out, "tortie_bgp_updates_received_total", counts->updates_in,
		"UPDATE messages from all BGP peers since tortie-bgpd started.");
	counter(out, "tortie_bgp_updates_sent_total", counts->updates_out,
		"UPDATE messages to all BGP peers since tortie-bgpd started.");
	counter(out, "tortie_bgp_bad_updates_total", counts->bad_updates,
		"Of those received, the malformed ones, read as RFC 7606 says.");
	counter(out, "tortie_bgp_sessions_established_total", counts->times_up,
		"BGP sessions that came up since tortie-bgpd started.");
}

static void write_agent_status(FILE *out, const struct kubed *kubed)
{
	const struct msg_status *status = &kubed->status;

	gauge(out, "tortie_agent_connected", agent_feed_is_connected(kubed->feed),
	      "1: tortied answers on its socket.");
	gauge(out, "tortie_agent_ready", kubed->has_status && status->ready,
	      "1: the data plane serves and pods get their network.");
	if (!kubed->has_status)
		return;
	gauge(out, "tortie_agent_uptime_seconds", status->uptime_s, "Since tortied started.");
	gauge(out, "tortie_pods", status->pods, "Pods of this node that have their network.");
	gauge(out, "tortie_remote_routes", status->remote_routes, "Blocks of other nodes.");
	counter(out, "tortie_repairs_total", status->repairs,
		"Hooks, routes and links that somebody changed and tortied put back.");
	counter(out, "tortie_map_differences_total", status->map_differences,
		"Entries of BPF maps that tortied found missing, wrong or nobody's, and put "
		"right. Nobody but tortied writes them: it should stay 0.");
	gauge(out, "tortie_map_bytes", status->map_octets, "Kernel memory of all BPF maps.");
	gauge(out, "tortie_pod_mtu_bytes", status->mtu, "MTU of pods' links.");
	gauge(out, "tortie_bgp_speaker_alive",
	      status->bgp != BGP_NO_SPEAKER && status->bgp != BGP_SPEAKER_HANGS,
	      "1: tortie-bgpd is connected to tortied, and answers.");
	if (status->has_bgp_counts)
		write_bgp_counts(out, &status->bgp_counts);
	gauge(out, "tortie_agent_conditions", kubed->line_count,
	      "Conditions of tortied that are not good (tortie status shows them).");
}

static void write_bfd(FILE *out, const struct metrics_agent *agent)
{
	static const char *const states[METRICS_BFD_STATES] = {
		[BGP_BFD_ADMIN_DOWN] = "admindown",
		[BGP_BFD_DOWN] = "down",
		[BGP_BFD_INIT] = "init",
		[BGP_BFD_UP] = "up",
	};

	head(out, "tortie_bgp_bfd_sessions", "gauge",
	     "BFD sessions with BGP peers by their state.");
	for (size_t i = BGP_BFD_ADMIN_DOWN; i < METRICS_BFD_STATES; i++)
		labelled(out, "tortie_bgp_bfd_sessions", "state", states[i], agent->bfd[i]);
	counter(out, "tortie_bgp_bfd_downs_total", agent->bfd_times_down,
		"How often BFD with a BGP peer that is there now fell from Up.");
}

static void write_agent_answers(FILE *out, const struct metrics_agent *agent)
{
	static const char *const states[METRICS_STATES] = {
		[0] = "unknown",
		[PEER_IDLE] = "idle",
		[PEER_CONNECT] = "connect",
		[PEER_ACTIVE] = "active",
		[PEER_OPEN_SENT] = "opensent",
		[PEER_OPEN_CONFIRM] = "openconfirm",
		[PEER_ESTABLISHED] = "established",
	};

	head(out, "tortie_bgp_peers", "gauge", "BGP peers by their state.");
	for (size_t i = 0; i < METRICS_STATES; i++)
		if (states[i])
			labelled(out, "tortie_bgp_peers", "state", states[i], agent->peers[i]);
	gauge(out, "tortie_bgp_routes_received", agent->routes_received,
	      "Routes accepted from all BGP peers.");
	gauge(out, "tortie_bgp_routes_advertised", agent->routes_advertised,
	      "Routes told to all BGP peers, each for each peer.");
	gauge(out, "tortie_bgp_peers_restarting", agent->restarting,
	      "BGP peers that are away and whose routes are kept for their restart.");
	write_bfd(out, agent);
	head(out, "tortie_pool_addresses", "gauge", "Addresses of this node's blocks by pool.");
	for (size_t i = 0; i < agent->pool_count; i++)
		labelled(out, "tortie_pool_addresses", "pool", agent->pool[i].name,
			 agent->pool[i].capacity);
	head(out, "tortie_pool_addresses_used", "gauge", "Those that pods have.");
	for (size_t i = 0; i < agent->pool_count; i++)
		labelled(out, "tortie_pool_addresses_used", "pool", agent->pool[i].name,
			 agent->pool[i].used);
	head(out, "tortie_drops_total", "counter", "Packets dropped by the data plane.");
	for (uint32_t i = 0; i < METRICS_REASONS_MAX; i++) {
		const char *name = drop_reason_name(i);
		char lower[64];
		size_t k = 0;

		if (!agent->has_drops[i] || !name)
			continue;
		for (; name[k] && k + 1 < sizeof(lower); k++)
			lower[k] = (char)tolower((unsigned char)name[k]);
		lower[k] = '\0';
		labelled(out, "tortie_drops_total", "reason", lower, agent->drops[i]);
	}
}

static uint64_t count_of(const struct watch *watch, size_t offset)
{
	return *(const uint64_t *)(const void *)((const char *)watch_get_counts(watch) + offset);
}

static const struct {
	const char *name, *help;
	size_t offset;
} watch_rows[] = {
	{ "tortie_kube_lists_total", "Whole states that were asked for, by kind.",
	  offsetof(struct watch_counts, lists) },
	{ "tortie_kube_watches_total", "Watches that were begun where another ended, by kind.",
	  offsetof(struct watch_counts, watches) },
	{ "tortie_kube_failures_total", "Requests to the API server that failed, by kind.",
	  offsetof(struct watch_counts, failures) },
	{ "tortie_kube_events_total", "Events that came, by kind.",
	  offsetof(struct watch_counts, events) },
	{ "tortie_kube_too_large_total", "Objects that were too large to be read, by kind.",
	  offsetof(struct watch_counts, too_large) },
};

static void write_watches(FILE *out, const struct kubed *kubed)
{
	const struct watch *watch;
	const char *name;
	uint32_t count;

	for (size_t row = 0; row < sizeof(watch_rows) / sizeof(watch_rows[0]); row++) {
		head(out, watch_rows[row].name, "counter", watch_rows[row].help);
		for (int kind = 0; kind < CLUSTER_KINDS; kind++)
			if (kubed->kind[kind].is_started)
				labelled(out, watch_rows[row].name, "kind",
					 kubed->kind[kind].row.name,
					 count_of(kubed->kind[kind].watch, watch_rows[row].offset));
		for (size_t i = 0; (watch = policies_watch(kubed->policies, i, &name, &count)); i++)
			labelled(out, watch_rows[row].name, "kind", name,
				 count_of(watch, watch_rows[row].offset));
	}
	head(out, "tortie_kube_in_sync", "gauge", "1: the kind is watched, by kind.");
	for (int kind = 0; kind < CLUSTER_KINDS; kind++)
		if (kubed->kind[kind].is_started)
			labelled(out, "tortie_kube_in_sync", "kind", kubed->kind[kind].row.name,
				 watch_get_state(kubed->kind[kind].watch) == WATCH_IN_SYNC);
	head(out, "tortie_kube_objects", "gauge", "Objects that are known, by kind.");
	for (int kind = 0; kind < CLUSTER_KINDS; kind++)
		if (kubed->kind[kind].is_started)
			labelled(out, "tortie_kube_objects", "kind", kubed->kind[kind].row.name,
				 HASH_COUNT(kubed->cluster.objects[kind]));
	for (size_t i = 0; policies_watch(kubed->policies, i, &name, &count); i++)
		labelled(out, "tortie_kube_objects", "kind", name, count);
}

static void write_cluster(FILE *out, const struct kubed *kubed)
{
	gauge(out, "tortie_policies_not_enforced", policies_count(kubed->policies),
	      "Network policies that exist; this version enforces none.");
	gauge(out, "tortie_notices",
	      kubed->document.notice_count + kubed->document.notices_left_out,
	      "Faults of the cluster's objects (tortie status shows them).");
	gauge(out, "tortie_document_accepted", kubed->is_accepted,
	      "1: tortied has the newest state of the cluster.");
	counter(out, "tortie_document_commits_total", kubed->commits,
		"States of the cluster that tortied took.");
	counter(out, "tortie_document_refusals_total", kubed->refusals,
		"States of the cluster that tortied refused.");
	write_watches(out, kubed);
}

char *metrics_text(const struct kubed *kubed, const struct metrics_agent *agent)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	head(out, "tortie_build_info", "gauge", "Always 1; the version of tortie-kubed.");
	labelled(out, "tortie_build_info", "version", TORTIE_VERSION, 1);
	write_agent_status(out, kubed);
	if (agent->is_known)
		write_agent_answers(out, agent);
	if (kubed->client)
		write_cluster(out, kubed);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
