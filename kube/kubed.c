/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubed.c: from the API server to the agent.
 *
 *     watch.c (one per kind: kubed_kinds.c) -> cluster.c -> document.c -> agent_feed.c -> tortied
 *
 * A change that matters arms a timer; when it fires, the document is built whole and, when it
 * differs from what was told last, told. The first time that is at once, as soon as every kind is
 * known (or is known not to be there, or not for us); later DEBOUNCE_MS after the first change, so
 * that a thousand nodes that join are a few documents and not a thousand.
 *
 * The agent is asked for its state every few seconds; when it serves, node_status.c tells the
 * cluster so. Nothing is kept on disk here: the agent keeps the last document.
 */
#include "kube/kubed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/kubed_kinds.h"
#include "lib/log.h"
#include "lib/text.h"

#define DEBOUNCE_MS	 200u
#define STATUS_FAST_MS	 1000u
#define STATUS_SLOW_MS	 5000u
#define STATUS_SILENT_MS 15000u /* without an answer the agent's last one is no news any more */
#define OWN_NOTICES_MAX	 16
#define NOTICE_ROOM	 (DOCUMENT_NOTICES_MAX + OWN_NOTICES_MAX)

/* --- telling the agent --- */

void kubed_schedule_build(struct kubed *kubed)
{
	if (!event_timer_is_armed(&kubed->build_timer))
		event_timer_set(kubed->loop, &kubed->build_timer,
				kubed->has_told ? DEBOUNCE_MS : 0);
}

/* At most one: the number of policies is too small. */
static size_t policy_notices(const struct kubed *kubed, struct agent_feed_notice *notice,
			     char text[][TEXT_MAX + 1])
{
	const struct watch *watch;
	const char *name;
	uint32_t count;

	for (size_t i = 0; (watch = policies_watch(kubed->policies, i, &name, &count)); i++) {
		if (watch_get_state(watch) != WATCH_DENIED)
			continue;
		snprintf(text[0], TEXT_MAX + 1,
			 "%s: may not be read, so their number is not known: %.300s", name,
			 watch_get_text(watch));
		*notice = (struct agent_feed_notice){ STATUS_WARNING, text[0] };
		return 1;
	}
	return 0;
}

/* What a document cannot say. @unshown: objects that the agent does not get. */
static size_t own_notices(const struct kubed *kubed, size_t unshown,
			  struct agent_feed_notice *notices,
			  char text[OWN_NOTICES_MAX][TEXT_MAX + 1])
{
	size_t count = kubed_kinds_notices(kubed, notices, text);

	count += policy_notices(kubed, notices + count, text + count);
	if (kubed->document.notices_left_out > 0) {
		snprintf(text[count], TEXT_MAX + 1, "cluster: %zu more faults are not shown",
			 kubed->document.notices_left_out);
		notices[count] = (struct agent_feed_notice){ STATUS_WARNING, text[count] };
		count++;
	}
	if (unshown > 0) {
		snprintf(text[count], TEXT_MAX + 1,
			 "cluster: %zu objects are too large, or too many, to be kept on the node; "
			 "`tortie get` shows them with a kubeconfig",
			 unshown);
		notices[count] = (struct agent_feed_notice){ STATUS_WARNING, text[count] };
		count++;
	}
	return count;
}

/* The objects that `tortie get` shows, as far as the agent keeps them. */
static size_t collect_objects(const struct kubed *kubed, struct agent_feed_object *list, size_t max,
			      size_t *ret_left_out)
{
	size_t count = 0, octets = 0;

	*ret_left_out = 0;
	for (int kind = CLUSTER_POOLS; kind < CLUSTER_OBJECTS; kind++) {
		const struct cluster_object *object = kubed->cluster.objects[kind];

		for (; object; object = object->hh.next) {
			const char *json = json_object_to_json_string_ext(object->json,
									  JSON_C_TO_STRING_PLAIN);
			size_t len = json ? strlen(json) : OBJECT_JSON_MAX + 1;

			if (len > OBJECT_JSON_MAX || octets + len > OBJECTS_JSON_MAX ||
			    count == max) {
				(*ret_left_out)++;
				continue;
			}
			octets += len;
			list[count].kind = cluster_kind_name((enum cluster_kind)kind);
			list[count].name = object->name;
			list[count++].json = json;
		}
	}
	return count;
}

/* FNV-1a: only to see whether anything has changed. */
static uint64_t add_hash(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *octet = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ octet[i]) * 0x100000001b3;
	return hash;
}

static uint64_t hash_state(const struct agent_feed_state *state)
{
	uint64_t hash = add_hash(0xcbf29ce484222325, state->document, state->document_len);

	hash = add_hash(hash, state->why_none, strlen(state->why_none) + 1);
	hash = add_hash(hash, &state->policies, sizeof(state->policies));
	for (size_t i = 0; i < state->notice_count; i++)
		hash = add_hash(hash, state->notices[i].text, strlen(state->notices[i].text) + 1);
	for (size_t i = 0; i < state->object_count; i++)
		hash = add_hash(hash, state->objects[i].json, strlen(state->objects[i].json) + 1);
	return hash;
}

/* Each fault is written to the log when it comes. */
static void log_notices(const struct document *old, const struct document *document)
{
	for (size_t i = 0; i < document->notice_count; i++) {
		bool is_known = false;

		for (size_t k = 0; k < old->notice_count && !is_known; k++)
			is_known = strcmp(old->notice[k].text, document->notice[i].text) == 0;
		if (!is_known)
			log_warning("%s", document->notice[i].text);
	}
}

static void tell_agent(struct kubed *kubed, struct agent_feed_object *objects, size_t object_max)
{
	struct agent_feed_notice notices[NOTICE_ROOM];
	char own[OWN_NOTICES_MAX][TEXT_MAX + 1];
	struct agent_feed_state state = { .notices = notices, .objects = objects };
	uint64_t hash;
	size_t left_out;
	int err;

	state.document = kubed->document.text;
	state.document_len = kubed->document.len;
	state.why_none = kubed->document.why;
	state.object_count = collect_objects(kubed, objects, object_max, &left_out);
	/* First, since the agent keeps no more than a document may have. */
	state.notice_count = own_notices(kubed, left_out, notices, own);
	for (size_t i = 0; i < kubed->document.notice_count; i++)
		notices[state.notice_count++] =
			(struct agent_feed_notice){ kubed->document.notice[i].level,
						    kubed->document.notice[i].text };
	state.policies = policies_count(kubed->policies);
	hash = hash_state(&state);
	if (kubed->has_told && hash == kubed->told_hash)
		return;
	if (state.policies > 0 && state.policies != kubed->told_policies)
		log_warning("%u network policies exist and are NOT enforced: this version enforces "
			    "none",
			    state.policies);
	kubed->told_policies = state.policies;
	err = agent_feed_set_state(kubed->feed, &state);
	if (err < 0) {
		log_error("cluster: cannot be told to the agent: %s", strerror(-err));
		return;
	}
	kubed->told_hash = hash;
	kubed->has_told = true;
	kubed->is_accepted = false;
}

static void update_node_status(struct kubed *kubed)
{
	const struct cluster_object *self =
		cluster_find(&kubed->cluster, CLUSTER_NODES, kubed->config->kube.node);

	node_status_update(kubed->node_status, self ? self->node : NULL,
			   kubed->has_status && kubed->status.ready && kubed->is_accepted);
}

static void on_build(void *arg)
{
	struct kubed *kubed = arg;
	struct document document;
	struct agent_feed_object *objects = NULL;
	size_t count = 0;

	kubed_kinds_follow(kubed);
	if (!kubed_kinds_are_known(kubed))
		return;
	if (document_build(&kubed->cluster, kubed->config->kube.node, &document) < 0) {
		log_error("cluster: no memory for its document; what was told stays");
		return;
	}
	log_notices(&kubed->document, &document);
	if (document.why[0] && strcmp(document.why, kubed->document.why) != 0)
		log_warning("%s", document.why);
	document_fini(&kubed->document);
	kubed->document = document;
	for (int kind = CLUSTER_POOLS; kind < CLUSTER_OBJECTS; kind++)
		count += HASH_COUNT(kubed->cluster.objects[kind]);
	objects = calloc(count ? count : 1, sizeof(*objects));
	if (objects)
		tell_agent(kubed, objects, count);
	free(objects);
	update_node_status(kubed);
}

static void on_policies(void *arg)
{
	kubed_schedule_build(arg);
}

/* --- the agent --- */

static void on_status_record(const struct message_header *header, const void *body, void *arg)
{
	struct kubed *kubed = arg;

	if (header->type == MSG_STATUS) {
		memcpy(&kubed->next_status, body, sizeof(kubed->next_status));
	} else if (header->type == MSG_STATUS_LINE && kubed->next_line_count < KUBED_LINES_MAX) {
		struct msg_status_line *line = &kubed->next_line[kubed->next_line_count];

		memcpy(line, body, sizeof(*line));
		line->text[TEXT_MAX] = '\0';
		if (line->level != STATUS_OK)
			kubed->next_line_count++;
	}
}

static void on_status_done(int err, void *arg)
{
	struct kubed *kubed = arg;
	bool is_ready;

	kubed->is_asking = false;
	if (err == 0) {
		kubed->status = kubed->next_status;
		kubed->line_count = kubed->next_line_count;
		memcpy(kubed->line, kubed->next_line, sizeof(kubed->line));
		kubed->has_status = true;
	}
	is_ready = kubed->has_status && kubed->status.ready;
	event_timer_set(kubed->loop, &kubed->status_timer,
			is_ready ? STATUS_SLOW_MS : STATUS_FAST_MS);
	if (kubed->client)
		update_node_status(kubed);
}

static void ask_status(void *arg)
{
	static const struct agent_query_ops ops = { .record = on_status_record,
						    .done = on_status_done };
	struct kubed *kubed = arg;
	int err;

	if (kubed->is_asking) { /* it hangs: the answer is still waited for */
		log_warning("agent: has not answered for %u s", STATUS_SILENT_MS / 1000);
		kubed->has_status = false;
		return;
	}
	kubed->next_line_count = 0;
	err = agent_feed_query(kubed->feed, MSG_GET_STATUS, &ops, kubed);
	kubed->is_asking = err == 0;
	if (err == 0)
		event_timer_set(kubed->loop, &kubed->status_timer, STATUS_SILENT_MS);
	else if (err != -ENOTCONN)
		event_timer_set(kubed->loop, &kubed->status_timer, STATUS_FAST_MS);
}

static void on_connected(bool is_connected, void *arg)
{
	struct kubed *kubed = arg;

	kubed->is_accepted = false;
	kubed->has_status = false;
	event_timer_cancel(kubed->loop, &kubed->status_timer);
	if (is_connected)
		ask_status(kubed);
}

static void on_committed(const char *refusal, void *arg)
{
	struct kubed *kubed = arg;

	if (refusal) {
		kubed->refusals++;
		log_error("cluster: the agent refused its document: %s", refusal);
	} else {
		kubed->commits++;
		log_info("cluster: told the agent (%zu octets, %zu notices)", kubed->document.len,
			 kubed->document.notice_count);
	}
	snprintf(kubed->refusal, sizeof(kubed->refusal), "%s", refusal ? refusal : "");
	kubed->is_accepted = !refusal;
	if (!kubed->is_asking)
		event_timer_set(kubed->loop, &kubed->status_timer, 0);
}

static const struct agent_feed_ops feed_ops = {
	.connected = on_connected,
	.committed = on_committed,
};

/* --- readiness --- */

static void why_no_cluster(const struct kubed *kubed, char *text, size_t size)
{
	kubed_kinds_why(kubed, text, size);
	if (kubed->document.why[0])
		text_append(text, size, "%s\n", kubed->document.why);
	if (kubed->refusal[0])
		text_append(text, size, "agent: refused the cluster's document: %s\n",
			    kubed->refusal);
}

void kubed_why_not_ready(const struct kubed *kubed, char *text, size_t size)
{
	text[0] = '\0';
	if (kubed->client)
		why_no_cluster(kubed, text, size);
	if (!agent_feed_is_connected(kubed->feed))
		text_append(text, size, "agent: not connected\n");
	else if (!kubed->has_status && kubed->is_asking)
		text_append(text, size, "agent: does not answer, or not yet\n");
	else if (!kubed->has_status || !kubed->status.ready)
		text_append(text, size, "agent: not ready: pods get no network yet\n");
	else if (kubed->client && !kubed->is_accepted && !text[0])
		text_append(text, size, "agent: has not taken the cluster's document yet\n");
}

/* --- the whole --- */

static int open_cluster(struct kubed *kubed)
{
	const struct config_kubernetes *kube = &kubed->config->kube;
	struct kube_config_error error;
	int err;

	if (kube->kubeconfig)
		err = kube_config_load(kube->kubeconfig, NULL, &kubed->kube_config, &error);
	else
		err = kube_config_in_cluster(KUBE_SERVICE_ACCOUNT_DIR, &kubed->kube_config, &error);
	if (err < 0) {
		log_error("%s", error.text);
		return err;
	}
	err = kube_client_new(kubed->kube_config, &kubed->client);
	if (err == 0)
		err = kube_client_attach(kubed->client, kubed->loop);
	if (err == 0)
		err = policies_new(kubed->loop, kubed->client, on_policies, kubed,
				   &kubed->policies);
	if (err == 0)
		err = node_status_new(kubed->loop, kubed->client, kube->node, &kubed->node_status);
	if (err == 0)
		err = kubed_kinds_open(kubed);
	if (err < 0)
		log_error("cluster: %s", strerror(-err));
	return err;
}

int kubed_new(struct event_loop *loop, const struct config *config, const char *run_dir,
	      struct kubed **ret)
{
	struct kubed *kubed = calloc(1, sizeof(*kubed));
	int err;

	if (!kubed)
		return -ENOMEM;
	kubed->loop = loop;
	kubed->config = config;
	event_timer_init(&kubed->build_timer, on_build, kubed);
	event_timer_init(&kubed->status_timer, ask_status, kubed);
	err = agent_feed_new(loop, run_dir, &feed_ops, kubed, &kubed->feed);
	if (err == 0 && config->kubernetes)
		err = open_cluster(kubed);
	if (err < 0) {
		kubed_free(kubed);
		return err;
	}
	*ret = kubed;
	return 0;
}

void kubed_start(struct kubed *kubed)
{
	if (kubed->client) {
		log_info("node %s, API server %s (%s)", kubed->config->kube.node,
			 kubed->kube_config->server, kubed->kube_config->source);
		kubed_kinds_follow(kubed);
		policies_start(kubed->policies);
	}
	agent_feed_start(kubed->feed);
}

void kubed_free(struct kubed *kubed)
{
	if (!kubed)
		return;
	kubed_kinds_close(kubed);
	policies_free(kubed->policies);
	node_status_free(kubed->node_status);
	agent_feed_free(kubed->feed);
	kube_client_free(kubed->client);
	kube_config_free(kubed->kube_config);
	event_timer_cancel(kubed->loop, &kubed->build_timer);
	event_timer_cancel(kubed->loop, &kubed->status_timer);
	document_fini(&kubed->document);
	cluster_fini(&kubed->cluster);
	free(kubed);
}
