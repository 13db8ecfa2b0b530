/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.c: what the cluster says, taken whole or not at all.
 *
 * tortie-kubed sends a transaction: MSG_CLUSTER_BEGIN, facts (cluster_facts.c), and with
 * MSG_CLUSTER_COMMIT a sealed memfd that holds the document. The agent parses its own file and the
 * document together; when that is a good configuration it replaces the one in force
 * (cluster_apply.c), is kept in kubernetes.state for the next start, and goes on to the BGP
 * speaker. When it is not, the watcher hears why and nothing changes.
 *
 *   CLUSTER_WAITING --commit--> CLUSTER_IN_SYNC <--commit / watcher gone--> CLUSTER_KEPT
 *        (only the sockets)           ^                (start with a file of before)
 *
 * A commit without a document says why there is none (this node's Node object is missing): what is
 * in force stays, and people read the reason.
 *
 * The agent's file is read once, at start: a document never brings half of a changed file into
 * force. Writing the state is the one place where the agent waits for a disk; a document that says
 * nothing new is not written. A state that cannot be written is told and does not keep the network
 * from changing.
 *
 * One watcher at a time; a second one is refused while the first is connected.
 *
 * Left to others: what people are told of it (cluster_status.c).
 */
#include "loader/cluster.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/event_loop.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "lib/sealed_text.h"
#include "lib/text.h"
#include "loader/agent.h"
#include "loader/cluster_facts.h"
#include "loader/cluster_internal.h"
#include "loader/cluster_state.h"

/* --- the document --- */

static int parse(const struct agent *agent, const char *data, size_t len,
		 struct config **ret_config, char ret_words[TEXT_MAX + 1])
{
	const struct config_source source = {
		.file = agent->config->file,
		.base = agent->base,
		.base_len = agent->base_len,
		.document = data,
		.document_len = len,
	};
	struct config_error error;
	int err = config_parse_cluster(&source, ret_config, &error);

	if (err < 0)
		snprintf(ret_words, TEXT_MAX + 1, "cluster's document:%u:%u: %.400s", error.line,
			 error.column, error.text);
	return err;
}

/* @config and the document at @fd (taken) are those in force. The configuration before is freed. */
static void keep(struct cluster *cluster, struct config *config, int fd, size_t len)
{
	cluster->agent->config = config;
	config_free(cluster->config);
	cluster->config = config;
	if (cluster->document_fd >= 0)
		close(cluster->document_fd);
	cluster->document_fd = fd;
	cluster->document_len = len;
}

static bool is_in_force(const struct cluster *cluster, const char *data, size_t len)
{
	void *kept;
	bool same;

	if (cluster->config == NULL || len != cluster->document_len)
		return false;
	/* Sealed, so it cannot be cut under the mapping. */
	kept = mmap(NULL, len, PROT_READ, MAP_PRIVATE, cluster->document_fd, 0);
	if (kept == MAP_FAILED)
		return false;
	same = memcmp(kept, data, len) == 0;
	munmap(kept, len);
	return same;
}

static void save(struct cluster *cluster, const char *data, size_t len)
{
	const char *path = cluster->base->kube.state;
	int err = cluster_state_save(path, data, len);

	if (err == 0) {
		cluster->state_problem[0] = '\0';
		cluster->state_mark = file_mark_take(path);
		return;
	}
	if (cluster->state_problem[0] == '\0')
		log_error("kubernetes.state %s: cannot be written: %s; after a reboot without the "
			  "API server this node has no network (give it a disk, or set "
			  "kubernetes.state)",
			  path, strerror(-err));
	snprintf(cluster->state_problem, sizeof(cluster->state_problem),
		 "kubernetes.state %.200s: cannot be written: %s (after a reboot without the API "
		 "server this node has no network)",
		 path, strerror(-err));
}

/* Once it could not be written, the next document is waited for. */
void cluster_restore(struct cluster *cluster)
{
	const char *path = cluster->base->kube.state;
	void *document;

	if (cluster->document_fd < 0 || cluster->state_problem[0] != '\0' ||
	    file_mark_is_untouched(&cluster->state_mark, path))
		return;
	document =
		mmap(NULL, cluster->document_len, PROT_READ, MAP_PRIVATE, cluster->document_fd, 0);
	if (document == MAP_FAILED)
		return;
	save(cluster, document, cluster->document_len);
	munmap(document, cluster->document_len);
	if (cluster->state_problem[0] == '\0')
		log_warning("kubernetes.state %s: was removed or changed by somebody; written "
			    "again",
			    path);
}

static void log_configuration(const struct config *config, const char *whence)
{
	char text[TEXT_MAX + 1] = "", addr[IP_PREFIX_TEXT_MAX];
	size_t blocks = 0;

	for (size_t i = 0; i < config->node_address_count; i++)
		text_append(text, sizeof(text), "%s%s", i > 0 ? ", " : "",
			    ip_addr_format(&config->node_address[i], addr, sizeof(addr)));
	text_append(text, sizeof(text), "; blocks");
	for (size_t i = 0; i < config->pool_count; i++)
		for (size_t k = 0; k < config->pool[i].block_count; k++)
			text_append(
				text, sizeof(text), "%s %s", blocks++ > 0 ? "," : "",
				ip_prefix_format(&config->pool[i].block[k], addr, sizeof(addr)));
	log_info("cluster: %s: node %s, addresses %s%s; %zu nodes, %zu pool ranges", whence,
		 config->node_name, text, blocks > 0 ? "" : " none", config->node_count,
		 config->pool_count);
}

/* --- start and end --- */

/* The document of before, when there is one that is good. */
static void load_state(struct cluster *cluster)
{
	struct agent *agent = cluster->agent;
	const char *path = agent->config->kube.state;
	char words[TEXT_MAX + 1], *data = NULL;
	struct config *config = NULL;
	size_t len = 0;
	int fd, err = cluster_state_load(path, &data, &len);

	if (err == -ENOENT)
		return;
	if (err < 0) {
		log_warning("kubernetes.state %s: not used: %s", path,
			    err == -EPERM ? "it is not a file that only root may write"
					  : strerror(-err));
		return;
	}
	fd = sealed_text_make(data, len);
	err = fd < 0 ? fd : parse(agent, data, len, &config, words);
	free(data);
	if (err < 0) {
		log_warning("kubernetes.state %s: not used: %s", path,
			    fd < 0 ? strerror(-fd) : words);
		if (fd >= 0)
			close(fd);
		return;
	}
	keep(cluster, config, fd, len);
	cluster->state = CLUSTER_KEPT;
	cluster->state_mark = file_mark_take(path);
	log_configuration(config, "as last known");
}

int cluster_open(struct agent *agent, struct cluster **ret_cluster)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));

	if (cluster == NULL)
		return -ENOMEM;
	cluster->agent = agent;
	cluster->base = agent->config;
	cluster->document_fd = -1;
	*ret_cluster = cluster;
	if (!agent->config->kubernetes)
		return 0;
	cluster->state = CLUSTER_WAITING;
	load_state(cluster);
	return 0;
}

void cluster_close(struct cluster *cluster)
{
	if (cluster == NULL)
		return;
	cluster->agent->config = cluster->base;
	config_free(cluster->config);
	cluster_facts_free(cluster->facts);
	cluster_facts_free(cluster->coming);
	if (cluster->document_fd >= 0)
		close(cluster->document_fd);
	free(cluster);
}

enum cluster_state cluster_state(const struct cluster *cluster)
{
	return cluster->state;
}

uint32_t cluster_policies(const struct cluster *cluster)
{
	return cluster->policies;
}

bool cluster_waits(const struct cluster *cluster)
{
	return cluster->state == CLUSTER_WAITING;
}

const char *cluster_wait_words(const struct agent *agent)
{
	if (agent->cluster->why_none[0] != '\0')
		return agent->cluster->why_none;
	return "tortie-kubed has not said this node's addresses and podCIDR yet (kubectl -n "
	       "tortie-system logs -l k8s-app=tortie-node -c kube)";
}

bool cluster_lacks_block(const struct agent *agent, char *buf, size_t size)
{
	const struct config *config = agent->config;

	if (!config->kubernetes)
		return false;
	for (size_t i = 0; i < config->pool_count; i++)
		if (config->pool[i].block_count > 0)
			return false;
	snprintf(buf, size,
		 "node %.200s: has no podCIDR that a pool serves, so no pod can start (kubectl get "
		 "node %.200s -o jsonpath='{.spec.podCIDRs}')",
		 config->node_name, config->node_name);
	return true;
}

int cluster_greet(struct agent *agent, struct client *client)
{
	int fd = agent->cluster->document_fd;

	return fd >= 0 ? client_send_document(client, fd) : 0;
}

/* --- the watcher --- */

static void on_watcher_gone(struct client *client, void *arg)
{
	struct cluster *cluster = arg;

	if (cluster->watcher != client)
		return;
	cluster->watcher = NULL;
	cluster->is_second_told = false;
	cluster_facts_free(cluster->coming);
	cluster->coming = NULL;
	cluster->why_none[0] = '\0';
	if (cluster->state == CLUSTER_IN_SYNC)
		cluster->state = CLUSTER_KEPT;
	log_warning("tortie-kubed: connection lost; what it said last stays in force");
}

/* Is @client the watcher, or can it become it? 0, or -errno with the answer sent. */
static int check_watcher(struct cluster *cluster, struct client *client, uint32_t id)
{
	int err;

	if (!cluster->base->kubernetes) {
		client_send_error(client, id, ENOTSUP,
				  "cluster: %.200s has no kubernetes:, so nothing is taken from it",
				  cluster->base->file);
		return -ENOTSUP;
	}
	if (cluster->watcher == client)
		return 0;
	if (cluster->watcher != NULL) {
		if (!cluster->is_second_told)
			log_warning("tortie-kubed: a second one is refused while the first is "
				    "connected");
		cluster->is_second_told = true;
		client_send_error(client, id, EBUSY,
				  "tortie-kubed: another one is connected; stop it first");
		return -EBUSY;
	}
	err = client_on_gone(client, on_watcher_gone, cluster);
	if (err < 0)
		return err;
	cluster->watcher = client;
	log_info("tortie-kubed: connected");
	return 0;
}

int cluster_handle_begin(struct agent *agent, struct client *client, const struct request *request)
{
	struct cluster *cluster = agent->cluster;

	/* Who is refused hears why; the rest of what he sends is cut short. */
	if (check_watcher(cluster, client, request->id) < 0)
		return 0;
	cluster_facts_free(cluster->coming);
	cluster->coming = cluster_facts_new();
	return cluster->coming != NULL ? 0 : -ENOMEM;
}

/* The transaction under way of @client. NULL: none, or another's. */
static struct cluster_facts *coming_of(struct agent *agent, const struct client *client)
{
	return agent->cluster->watcher == client ? agent->cluster->coming : NULL;
}

int cluster_handle_notice(struct agent *agent, struct client *client, const struct request *request)
{
	struct cluster_facts *facts = coming_of(agent, client);

	return facts != NULL ? cluster_facts_add_notice(facts, request->body) : -EPROTO;
}

int cluster_handle_object(struct agent *agent, struct client *client, const struct request *request)
{
	struct cluster_facts *facts = coming_of(agent, client);

	if (facts == NULL)
		return -EPROTO;
	return cluster_facts_add_object(facts, request->body, request->len);
}

/* --- commit --- */

static int refuse(struct cluster *cluster, struct client *client, uint32_t id, int err,
		  const char *words)
{
	char text[TEXT_MAX + 1];

	snprintf(text, sizeof(text), "cluster: the last document is refused, %s: %.380s",
		 cluster->config != NULL ? "the one before stays in force" : "none is in force yet",
		 words);
	if (strcmp(text, cluster->refusal) != 0)
		log_warning("%s", text);
	memcpy(cluster->refusal, text, sizeof(text));
	return client_send_error(client, id, err, "%s", words);
}

static void take_facts(struct cluster *cluster, uint32_t policies)
{
	struct cluster_facts *coming = cluster->coming;

	for (size_t i = 0; i < coming->notice_count; i++)
		if (!cluster_facts_has_notice(cluster->facts, coming->notice[i].text))
			log_warning("%s", coming->notice[i].text);
	if (policies > 0 && policies != cluster->policies)
		log_warning("%u network policies exist and are NOT enforced", policies);
	cluster->policies = policies;
	cluster_facts_free(cluster->facts);
	cluster->facts = coming;
	cluster->coming = NULL;
}

/* Bring a document into force whose @config is good. Takes @config and, on success, @fd. */
static int bring_into_force(struct cluster *cluster, struct config *config, int fd, size_t len)
{
	struct agent *agent = cluster->agent;
	int err;

	if (agent->is_running) {
		err = cluster_apply(agent, config);
		if (err < 0) {
			config_free(config);
			return err;
		}
		keep(cluster, config, fd, len);
		return 0;
	}
	keep(cluster, config, fd, len);
	err = agent_start(agent);
	if (err < 0) {
		agent->has_failed = true;
		event_loop_stop(agent->loop);
	}
	return 0;
}

static int commit(struct cluster *cluster, struct client *client, const struct request *request,
		  const char *data, size_t len)
{
	const struct msg_cluster_commit *body = request->body;
	struct agent *agent = cluster->agent;
	struct config *config = NULL;
	char words[TEXT_MAX + 1];
	int err;

	if (!is_in_force(cluster, data, len)) {
		err = parse(agent, data, len, &config, words);
		if (err < 0)
			return refuse(cluster, client, request->id, -err, words);
		err = bring_into_force(cluster, config, request->fds[0], len);
		if (err < 0)
			return refuse(cluster, client, request->id, -err, strerror(-err));
		request->fds[0] = -1;
		if (agent->has_failed)
			return client_send_error(client, request->id, ECANCELED,
						 "agent: cannot start; its log says why");
		log_configuration(config, "in force");
		server_send_document(agent->server, cluster->document_fd);
		save(cluster, data, len);
	} else if (cluster->state_problem[0] != '\0') {
		save(cluster, data, len);
	}
	cluster->refusal[0] = '\0';
	cluster->why_none[0] = '\0';
	cluster->state = CLUSTER_IN_SYNC;
	take_facts(cluster, body->policies);
	return client_send_end(client, request->id);
}

/* The watcher has no document for this node. */
static int commit_none(struct cluster *cluster, struct client *client,
		       const struct request *request)
{
	const struct msg_cluster_commit *body = request->body;
	char words[TEXT_MAX + 1];

	if (body->why_none[0] == '\0')
		return -EPROTO;
	snprintf(words, sizeof(words), "%s", body->why_none);
	text_make_line(words);
	if (strcmp(words, cluster->why_none) != 0)
		log_warning("cluster: %s; %s", words,
			    cluster->config != NULL ? "what was last known stays in force"
						    : "pods get no network before");
	memcpy(cluster->why_none, words, sizeof(words));
	cluster->refusal[0] = '\0';
	cluster->state = cluster->config != NULL ? CLUSTER_KEPT : CLUSTER_WAITING;
	take_facts(cluster, body->policies);
	return client_send_end(client, request->id);
}

/* The watcher has one, in the memfd that came with the commit. */
static int commit_document(struct cluster *cluster, struct client *client,
			   const struct request *request)
{
	char *data = NULL;
	size_t len = 0;
	int err = sealed_text_read(request->fds[0], CONFIG_DOCUMENT_MAX, &data, &len);

	if (err == -EPERM || err == -EINVAL)
		err = refuse(cluster, client, request->id, EPERM,
			     "the document is no memfd that is sealed against writing, growing and "
			     "shrinking");
	else if (err == -EFBIG)
		err = refuse(cluster, client, request->id, EFBIG,
			     "the document is larger than 4 MiB");
	else if (err < 0)
		err = refuse(cluster, client, request->id, -err, strerror(-err));
	else
		err = commit(cluster, client, request, data, len);
	free(data);
	malloc_trim(0); /* the parser's tree, twenty times the text */
	return err;
}

int cluster_handle_commit(struct agent *agent, struct client *client, const struct request *request)
{
	struct cluster *cluster = agent->cluster;
	int err;

	if (check_watcher(cluster, client, request->id) < 0)
		return 0;
	if (cluster->coming == NULL || request->fd_count > 1)
		return -EPROTO;
	if (request->fd_count == 0)
		err = commit_none(cluster, client, request);
	else
		err = commit_document(cluster, client, request);
	cluster_facts_free(cluster->coming);
	cluster->coming = NULL;
	return err;
}
