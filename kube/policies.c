/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies.c: network policies that exist and are not enforced.
 *
 * Only their number is of use, so their metadata is watched and nothing of it kept but a hash of
 * namespace and name. Kubernetes' NetworkPolicy every cluster has. Which other kinds there are the
 * server says (discovery: /apis, then /apis/GROUP/VERSION), asked now and then, since they come
 * and go with other programs. All versions of a group are asked about, the preferred first: kinds
 * of policy.networking.k8s.io are in different ones. Calico's kinds are served in two groups by
 * clusters with its own API server; the second shows the same objects and is passed over then.
 */
#include "kube/policies.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <uthash.h>

#include "kube/fetch.h"
#include "lib/json.h"
#include "lib/log.h"

#define DISCOVER_EVERY_MS 600000u
#define DISCOVER_RETRY_MS 30000u
#define DISCOVER_S	  20u
#define PATH_OCTETS	  256
#define VERSIONS_MAX	  4 /* of a group */

/* A kind that may be there. */
struct policy_row {
	const char *group, *resource;
	int same_as; /* index of the row that shows the same objects, -1: none */
};

static const struct policy_row rows[] = {
	{ "networking.k8s.io", "networkpolicies", -1 },
	{ "projectcalico.org", "networkpolicies", -1 },
	{ "projectcalico.org", "globalnetworkpolicies", -1 },
	{ "crd.projectcalico.org", "networkpolicies", 1 },
	{ "crd.projectcalico.org", "globalnetworkpolicies", 2 },
	{ "policy.networking.k8s.io", "adminnetworkpolicies", -1 },
	{ "policy.networking.k8s.io", "baselineadminnetworkpolicies", -1 },
	{ "policy.networking.k8s.io", "clusternetworkpolicies", -1 },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *const groups[] = { "projectcalico.org", "crd.projectcalico.org",
				      "policy.networking.k8s.io" };

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

struct policy {
	uint64_t key; /* hash of namespace and name */
	uint32_t mark;
	UT_hash_handle hh;
};

/* A kind that is there. */
struct policy_kind {
	struct policies *policies;
	struct watch *watch; /* NULL: it is not */
	struct watch_kind kind;
	char path[PATH_OCTETS], name[PATH_OCTETS];
	struct policy *objects;
	uint32_t mark;
};

/* What discovery asks about. */
struct group_version {
	size_t group;
	char version[32];
};

struct policies {
	struct event_loop *loop;
	struct kube_client *client;
	policies_fn *fn;
	void *arg;
	struct policy_kind kinds[ROWS];
	struct group_version found[GROUPS * VERSIONS_MAX];
	size_t found_count, asked; /* none asked: the list of groups is */
	bool is_listed;		   /* the list of groups is there */
	bool has_failed;	   /* this round, a question */
	struct fetch *fetch;
	struct event_timer timer;
};

static void on_discover(void *arg);

/* --- objects --- */

/* FNV-1a; two policies of one hash would count as one, which is no harm. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return (hash ^ '/') * 0x100000001b3;
}

static uint64_t key_of(struct json_object *json)
{
	struct json_object *metadata = json_get_object(json, "metadata");
	uint64_t hash = hash_text(0xcbf29ce484222325, json_get_text(metadata, "namespace"));

	return hash_text(hash, json_get_text(metadata, "name"));
}

static struct policy *find(const struct policy_kind *kind, uint64_t key)
{
	struct policy *policy;

	HASH_FIND(hh, kind->objects, &key, sizeof(key), policy);
	return policy;
}

static void forget(struct policy_kind *kind, struct policy *policy)
{
	HASH_DELETE(hh, kind->objects, policy);
	free(policy);
}

static void forget_old(struct policy_kind *kind)
{
	struct policy *policy, *next;

	HASH_ITER(hh, kind->objects, policy, next)
	if (policy->mark != kind->mark)
		forget(kind, policy);
}

static void on_begin(void *arg)
{
	((struct policy_kind *)arg)->mark++;
}

static void tell(struct policy_kind *kind)
{
	if (watch_is_known(kind->watch))
		kind->policies->fn(kind->policies->arg);
}

static void on_set(struct json_object *json, void *arg)
{
	struct policy_kind *kind = arg;
	uint64_t key = key_of(json);
	struct policy *policy = find(kind, key);

	if (policy) {
		policy->mark = kind->mark;
		return;
	}
	policy = calloc(1, sizeof(*policy));
	if (!policy)
		return;
	policy->key = key;
	policy->mark = kind->mark;
	HASH_ADD(hh, kind->objects, key, sizeof(policy->key), policy);
	tell(kind);
}

static void on_gone(struct json_object *json, void *arg)
{
	struct policy_kind *kind = arg;
	struct policy *policy = find(kind, key_of(json));

	if (policy)
		forget(kind, policy);
	tell(kind);
}

static void on_too_large(const char *name, size_t len, void *arg)
{
	struct policy_kind *kind = arg;

	log_warning("%s %.253s: %zu octets of metadata: not counted", kind->name, name, len);
}

static void on_synced(void *arg)
{
	struct policy_kind *kind = arg;

	forget_old(kind);
	kind->policies->fn(kind->policies->arg);
}

static void on_state(enum watch_state state, void *arg)
{
	struct policy_kind *kind = arg;

	if (state == WATCH_MISSING) {
		kind->mark++;
		forget_old(kind);
	}
	kind->policies->fn(kind->policies->arg);
}

static const struct watch_ops watch_ops = {
	.begin = on_begin,
	.set = on_set,
	.gone = on_gone,
	.too_large = on_too_large,
	.synced = on_synced,
	.state = on_state,
};

/* --- kinds --- */

static bool is_served(const struct policy_kind *kind)
{
	return kind->watch && watch_get_state(kind->watch) != WATCH_MISSING;
}

/* The same objects are counted by another row. */
static void stop_kind(struct policy_kind *kind)
{
	if (!kind->watch)
		return;
	watch_free(kind->watch);
	kind->watch = NULL;
	kind->mark++;
	forget_old(kind);
	kind->policies->fn(kind->policies->arg);
}

static void start_kind(struct policies *policies, size_t index, const char *version)
{
	struct policy_kind *kind = &policies->kinds[index];
	const struct policy_row *row = &rows[index];

	if (is_served(kind) || (row->same_as >= 0 && is_served(&policies->kinds[row->same_as])))
		return;
	kind->policies = policies;
	if (kind->watch)
		watch_stop(kind->watch); /* the version it had is gone */
	snprintf(kind->path, sizeof(kind->path), "/apis/%s/%s/%s", row->group, version,
		 row->resource);
	snprintf(kind->name, sizeof(kind->name), "%s.%s", row->resource, row->group);
	kind->kind = (struct watch_kind){ kind->name, { kind->path, NULL }, true };
	if (kind->watch || watch_new(policies->loop, policies->client, &kind->kind,
				     &watch_timing_default, &kind->watch) == 0)
		watch_start(kind->watch, &watch_ops, kind);
}

/* --- discovery --- */

static void add_version(struct policies *policies, size_t group, const char *version)
{
	struct group_version *last = &policies->found[policies->found_count];
	size_t of_group = 0;

	if (!version || !*version || strlen(version) >= sizeof(last->version) ||
	    version[strspn(version, "abcdefghijklmnopqrstuvwxyz0123456789")])
		return;
	for (size_t i = 0; i < policies->found_count; i++) {
		if (policies->found[i].group != group)
			continue;
		if (strcmp(policies->found[i].version, version) == 0)
			return;
		of_group++;
	}
	if (of_group == VERSIONS_MAX)
		return;
	last->group = group;
	snprintf(last->version, sizeof(last->version), "%s", version);
	policies->found_count++;
}

static void read_group(struct policies *policies, size_t group, struct json_object *json)
{
	struct json_object *list = json_get_array(json, "versions");

	add_version(policies, group,
		    json_get_text(json_get_object(json, "preferredVersion"), "version"));
	for (size_t i = 0; i < json_array_size(list); i++)
		add_version(policies, group, json_get_text(json_get_item(list, i), "version"));
}

/* In our order: the first of two groups with the same objects is asked about first. */
static void read_groups(struct policies *policies, struct json_object *json)
{
	struct json_object *list = json_get_array(json, "groups");

	for (size_t g = 0; g < GROUPS; g++) {
		for (size_t i = 0; i < json_array_size(list); i++) {
			struct json_object *item = json_get_item(list, i);
			const char *name = json_get_text(item, "name");

			if (name && strcmp(name, groups[g]) == 0)
				read_group(policies, g, item);
		}
	}
}

static void read_resources(struct policies *policies, struct json_object *json)
{
	const struct group_version *asked = &policies->found[policies->asked];
	struct json_object *list = json_get_array(json, "resources");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_get_text(json_get_item(list, i), "name");

		for (size_t r = 0; name && r < ROWS; r++)
			if (strcmp(rows[r].group, groups[asked->group]) == 0 &&
			    strcmp(rows[r].resource, name) == 0)
				start_kind(policies, r, asked->version);
	}
}

/* A group may have come, or come back, after the one that shows the same. */
static void stop_doubles(struct policies *policies)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].same_as >= 0 && is_served(&policies->kinds[rows[i].same_as]))
			stop_kind(&policies->kinds[i]);
}

static void schedule(struct policies *policies, uint64_t ms)
{
	event_timer_set(policies->loop, &policies->timer, ms + (uint64_t)random() % (ms / 2 + 1));
}

static void end_round(struct policies *policies)
{
	stop_doubles(policies);
	schedule(policies, policies->has_failed ? DISCOVER_RETRY_MS : DISCOVER_EVERY_MS);
	policies->found_count = policies->asked = 0;
	policies->is_listed = policies->has_failed = false;
}

/* A group that does not answer (its server is away) does not hide the others. */
static void on_answer(struct json_object *json, const struct kube_result *result, void *arg)
{
	struct policies *policies = arg;

	policies->fetch = NULL;
	if (!json && result->status != 404) {
		log_debug("discovery: %s", result->text);
		policies->has_failed = true;
	}
	if (!policies->is_listed && json)
		read_groups(policies, json);
	else if (json)
		read_resources(policies, json);
	policies->asked += policies->is_listed;
	policies->is_listed = true;
	if (policies->asked < policies->found_count)
		on_discover(policies);
	else
		end_round(policies);
}

static void on_discover(void *arg)
{
	struct policies *policies = arg;
	const struct group_version *asked = &policies->found[policies->asked];
	struct kube_request request = { .method = "GET", .timeout_s = DISCOVER_S };
	char path[PATH_OCTETS] = "/apis";

	if (policies->is_listed)
		snprintf(path, sizeof(path), "/apis/%s/%s", groups[asked->group], asked->version);
	request.path = path;
	if (fetch_start(policies->client, &request, on_answer, policies, &policies->fetch) < 0) {
		policies->has_failed = true;
		end_round(policies);
	}
}

/* --- the whole --- */

int policies_new(struct event_loop *loop, struct kube_client *client, policies_fn *fn, void *arg,
		 struct policies **ret)
{
	struct policies *policies = calloc(1, sizeof(*policies));

	if (!policies)
		return -ENOMEM;
	policies->loop = loop;
	policies->client = client;
	policies->fn = fn;
	policies->arg = arg;
	event_timer_init(&policies->timer, on_discover, policies);
	*ret = policies;
	return 0;
}

void policies_start(struct policies *policies)
{
	start_kind(policies, 0, "v1");
	on_discover(policies);
}

void policies_free(struct policies *policies)
{
	if (!policies)
		return;
	event_timer_cancel(policies->loop, &policies->timer);
	fetch_cancel(policies->fetch);
	for (size_t i = 0; i < ROWS; i++) {
		watch_free(policies->kinds[i].watch);
		policies->kinds[i].mark++;
		forget_old(&policies->kinds[i]);
	}
	free(policies);
}

uint32_t policies_count(const struct policies *policies)
{
	uint32_t count = 0;

	for (size_t i = 0; i < ROWS; i++)
		count += HASH_COUNT(policies->kinds[i].objects);
	return count;
}

const struct watch *policies_watch(const struct policies *policies, size_t index,
				   const char **ret_name, uint32_t *ret_count)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct policy_kind *kind = &policies->kinds[i];

		if (!kind->watch || index-- > 0)
			continue;
		*ret_name = kind->name;
		*ret_count = HASH_COUNT(kind->objects);
		return kind->watch;
	}
	return NULL;
}
