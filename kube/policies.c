/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies.c: network policies that exist and are not enforced.
 *
 * Only their number is of use, so their metadata is watched and nothing of it kept but a hash of
 * namespace and name. Kubernetes' NetworkPolicy every cluster has. Which other kinds there are the
 * server says (discovery: /apis, then /apis/GROUP/VERSION), asked now and then, since they come
 * and go with other programs. Calico's kinds are served in two groups by clusters with its own API
 * server; the second shows the same objects and is passed over then.
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

struct policies {
	struct event_loop *loop;
	struct kube_client *client;
	policies_fn *fn;
	void *arg;
	struct policy_kind kinds[ROWS];
	size_t group; /* that is asked about; GROUPS: the list of groups */
	char version[GROUPS][32];
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

static void start_kind(struct policies *policies, size_t index, const char *version)
{
	struct policy_kind *kind = &policies->kinds[index];
	const struct policy_row *row = &rows[index];

	if (kind->watch || (row->same_as >= 0 && policies->kinds[row->same_as].watch))
		return;
	kind->policies = policies;
	snprintf(kind->path, sizeof(kind->path), "/apis/%s/%s/%s", row->group, version,
		 row->resource);
	snprintf(kind->name, sizeof(kind->name), "%s.%s", row->resource, row->group);
	kind->kind = (struct watch_kind){ kind->name, { kind->path, NULL }, true };
	if (watch_new(policies->loop, policies->client, &kind->kind, &watch_timing_default,
		      &kind->watch) == 0)
		watch_start(kind->watch, &watch_ops, kind);
}

/* --- discovery --- */

static void read_groups(struct policies *policies, struct json_object *json)
{
	struct json_object *list = json_get_array(json, "groups");

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct json_object *item = json_get_item(list, i);
		const char *name = json_get_text(item, "name");
		const char *version =
			json_get_text(json_get_object(item, "preferredVersion"), "version");

		for (size_t g = 0; name && version && g < GROUPS; g++)
			if (strcmp(name, groups[g]) == 0 &&
			    version[strspn(version, "abcdefghijklmnopqrstuvwxyz0123456789")] == 0)
				snprintf(policies->version[g], sizeof(policies->version[g]), "%s",
					 version);
	}
}

static void read_resources(struct policies *policies, struct json_object *json)
{
	struct json_object *list = json_get_array(json, "resources");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_get_text(json_get_item(list, i), "name");

		for (size_t r = 0; name && r < ROWS; r++)
			if (strcmp(rows[r].group, groups[policies->group]) == 0 &&
			    strcmp(rows[r].resource, name) == 0)
				start_kind(policies, r, policies->version[policies->group]);
	}
}

static void schedule(struct policies *policies, uint64_t ms)
{
	event_timer_set(policies->loop, &policies->timer, ms + (uint64_t)random() % (ms / 2 + 1));
}

static void on_answer(struct json_object *json, const struct kube_result *result, void *arg)
{
	struct policies *policies = arg;

	policies->fetch = NULL;
	if (!json && result->status != 404) {
		log_debug("discovery: %s", result->text);
		policies->group = GROUPS;
		schedule(policies, DISCOVER_RETRY_MS);
		return;
	}
	if (json && policies->group == GROUPS)
		read_groups(policies, json);
	else if (json)
		read_resources(policies, json);
	policies->group = policies->group == GROUPS ? 0 : policies->group + 1;
	while (policies->group < GROUPS && !policies->version[policies->group][0])
		policies->group++;
	if (policies->group < GROUPS)
		on_discover(policies);
	else
		schedule(policies, DISCOVER_EVERY_MS);
}

static void on_discover(void *arg)
{
	struct policies *policies = arg;
	struct kube_request request = { .method = "GET", .timeout_s = DISCOVER_S };
	char path[PATH_OCTETS] = "/apis";

	if (policies->group == GROUPS)
		memset(policies->version, 0, sizeof(policies->version));
	else
		snprintf(path, sizeof(path), "/apis/%s/%s", groups[policies->group],
			 policies->version[policies->group]);
	request.path = path;
	if (fetch_start(policies->client, &request, on_answer, policies, &policies->fetch) < 0) {
		policies->group = GROUPS;
		schedule(policies, DISCOVER_RETRY_MS);
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
	policies->group = GROUPS;
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
