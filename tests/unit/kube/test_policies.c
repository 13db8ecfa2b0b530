/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policies.c: which kinds of network policies are counted, as discovery tells of them.
 *
 * The API server, the loop and the watches are the test's own: discovery is answered from a table,
 * a watch only keeps what it was made for.
 *
 * links: kube/policies.c lib/json.c lib/log.c
 * libs: -ljson-c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/fetch.h"
#include "kube/policies.h"
#include "tests/unit/kube/recordings.h"

#define WATCHES_MAX 16
#define ADMIN	    "/apis/policy.networking.k8s.io/"

/* --- the server --- */

struct answer {
	const char *path;
	const char *json; /* NULL: 503 */
};

static const struct answer *answers;
static size_t answer_count;
static struct {
	char path[256];
	fetch_fn *fn;
	void *arg;
	bool is_there;
} question;

int fetch_start(struct kube_client *client, const struct kube_request *request, fetch_fn *fn,
		void *arg, struct fetch **ret)
{
	assert_false(question.is_there);
	snprintf(question.path, sizeof(question.path), "%s", request->path);
	question.fn = fn;
	question.arg = arg;
	question.is_there = true;
	return 0;
}

void fetch_cancel(struct fetch *fetch)
{
}

/* --- the loop --- */

static struct event_timer *round_timer;
static uint64_t round_ms;

void event_timer_init(struct event_timer *timer, event_timer_fn *fn, void *arg)
{
	timer->fn = fn;
	timer->arg = arg;
}

int event_timer_set(struct event_loop *loop, struct event_timer *timer, uint64_t delay_ms)
{
	round_timer = timer;
	round_ms = delay_ms;
	return 0;
}

void event_timer_cancel(struct event_loop *loop, struct event_timer *timer)
{
}

/* --- the watches --- */

struct watch {
	const struct watch_kind *kind;
	const struct watch_ops *ops;
	void *arg;
	enum watch_state state;
	bool is_there, is_started;
};

static struct watch watches[WATCHES_MAX];
const struct watch_timing watch_timing_default = { 0 };

int watch_new(struct event_loop *loop, struct kube_client *client, const struct watch_kind *kind,
	      const struct watch_timing *timing, struct watch **ret)
{
	for (size_t i = 0; i < WATCHES_MAX; i++) {
		if (watches[i].is_there)
			continue;
		watches[i] = (struct watch){ .kind = kind, .is_there = true };
		*ret = &watches[i];
		return 0;
	}
	fail_msg("too many watches");
	return -1;
}

void watch_start(struct watch *watch, const struct watch_ops *ops, void *arg)
{
	assert_false(watch->is_started);
	watch->ops = ops;
	watch->arg = arg;
	watch->is_started = true;
}

void watch_stop(struct watch *watch)
{
	watch->is_started = false;
	watch->state = WATCH_STARTING;
}

void watch_free(struct watch *watch)
{
	if (watch)
		watch->is_there = watch->is_started = false;
}

enum watch_state watch_get_state(const struct watch *watch)
{
	return watch->state;
}

bool watch_is_known(const struct watch *watch)
{
	return watch->state == WATCH_IN_SYNC;
}

static struct watch *find_watch(const char *path)
{
	for (size_t i = 0; i < WATCHES_MAX; i++)
		if (watches[i].is_started && strcmp(watches[i].kind->target.path, path) == 0)
			return &watches[i];
	return NULL;
}

/* The kind has one policy. */
static void fill(const char *path)
{
	struct watch *watch = find_watch(path);
	struct json_object *json = parse_json("{'metadata':{'name':'p'}}");

	assert_non_null(watch);
	watch->ops->begin(watch->arg);
	watch->ops->set(json, watch->arg);
	watch->state = WATCH_IN_SYNC;
	watch->ops->synced(watch->arg);
	json_object_put(json);
}

static void lose(const char *path)
{
	struct watch *watch = find_watch(path);

	assert_non_null(watch);
	watch->state = WATCH_MISSING;
	watch->ops->state(WATCH_MISSING, watch->arg);
}

/* --- a round of discovery --- */

static void answer(void)
{
	struct kube_result result = { .status = 404 };
	struct json_object *json = NULL;

	for (size_t i = 0; i < answer_count; i++) {
		if (strcmp(answers[i].path, question.path) != 0)
			continue;
		json = answers[i].json ? parse_json(answers[i].json) : NULL;
		result.status = json ? 200 : 503;
	}
	question.is_there = false;
	question.fn(json, &result, question.arg);
	json_object_put(json);
}

#define ROUND(list) discover(list, sizeof(list) / sizeof((list)[0]))

static void discover(const struct answer *list, size_t count)
{
	answers = list;
	answer_count = count;
	if (!question.is_there)
		round_timer->fn(round_timer->arg);
	while (question.is_there)
		answer();
}

static struct policies *policies;

static void on_change(void *arg)
{
}

static int begin(void **state)
{
	memset(watches, 0, sizeof(watches));
	question.is_there = false;
	assert_int_equal(policies_new(NULL, NULL, on_change, NULL, &policies), 0);
	policies_start(policies);
	return 0;
}

static int end(void **state)
{
	policies_free(policies);
	return 0;
}

static void kinds_are_looked_for_in_all_versions_of_a_group(void **state)
{
	static const struct answer list[] = {
		{ "/apis",
		  "{'groups':[{'name':'policy.networking.k8s.io',"
		  "'preferredVersion':{'version':'v1alpha2'},'versions':["
		  "{'version':'v1alpha2'},{'version':'v1alpha1'},{'version':'../v1'}]}]}" },
		{ ADMIN "v1alpha1", "{'resources':[{'name':'adminnetworkpolicies'},"
				    "{'name':'baselineadminnetworkpolicies'}]}" },
		{ ADMIN "v1alpha2", "{'resources':[{'name':'clusternetworkpolicies'},"
				    "{'name':'clusternetworkpolicies/status'}]}" },
	};

	ROUND(list);
	fill(ADMIN "v1alpha1/adminnetworkpolicies");
	fill(ADMIN "v1alpha1/baselineadminnetworkpolicies");
	fill(ADMIN "v1alpha2/clusternetworkpolicies");
	assert_int_equal(policies_count(policies), 3);
	ROUND(list);
	assert_int_equal(policies_count(policies), 3);
	assert_true(round_ms >= 600000);
}

static void a_kind_is_followed_to_another_version(void **state)
{
	static const struct answer before[] = {
		{ "/apis", "{'groups':[{'name':'policy.networking.k8s.io',"
			   "'preferredVersion':{'version':'v1alpha2'}}]}" },
		{ ADMIN "v1alpha2", "{'resources':[{'name':'clusternetworkpolicies'}]}" },
	};
	static const struct answer after[] = {
		{ "/apis", "{'groups':[{'name':'policy.networking.k8s.io',"
			   "'preferredVersion':{'version':'v1beta1'}}]}" },
		{ ADMIN "v1beta1", "{'resources':[{'name':'clusternetworkpolicies'}]}" },
	};

	ROUND(before);
	fill(ADMIN "v1alpha2/clusternetworkpolicies");
	lose(ADMIN "v1alpha2/clusternetworkpolicies");
	assert_int_equal(policies_count(policies), 0);
	ROUND(after);
	fill(ADMIN "v1beta1/clusternetworkpolicies");
	assert_int_equal(policies_count(policies), 1);
}

#define CALICO_GROUPS                                                                      \
	"{'groups':[{'name':'crd.projectcalico.org','preferredVersion':{'version':'v1'}}," \
	"{'name':'projectcalico.org','preferredVersion':{'version':'v3'}}]}"
#define GLOBAL "{'resources':[{'name':'globalnetworkpolicies'}]}"

static void a_group_that_does_not_answer_hides_no_other(void **state)
{
	static const struct answer list[] = {
		{ "/apis", CALICO_GROUPS },
		{ "/apis/projectcalico.org/v3", NULL },
		{ "/apis/crd.projectcalico.org/v1", GLOBAL },
	};

	ROUND(list);
	fill("/apis/crd.projectcalico.org/v1/globalnetworkpolicies");
	assert_int_equal(policies_count(policies), 1);
	assert_true(round_ms <= 45000);
}

static void objects_that_two_groups_show_are_counted_once(void **state)
{
	static const struct answer one[] = {
		{ "/apis", CALICO_GROUPS },
		{ "/apis/crd.projectcalico.org/v1", GLOBAL },
	};
	static const struct answer both[] = {
		{ "/apis", CALICO_GROUPS },
		{ "/apis/crd.projectcalico.org/v1", GLOBAL },
		{ "/apis/projectcalico.org/v3", GLOBAL },
	};

	ROUND(one);
	fill("/apis/crd.projectcalico.org/v1/globalnetworkpolicies");
	ROUND(both);
	fill("/apis/projectcalico.org/v3/globalnetworkpolicies");
	assert_int_equal(policies_count(policies), 1);
	assert_null(find_watch("/apis/crd.projectcalico.org/v1/globalnetworkpolicies"));
	/* and still once, when the first group is gone */
	lose("/apis/projectcalico.org/v3/globalnetworkpolicies");
	ROUND(one);
	fill("/apis/crd.projectcalico.org/v1/globalnetworkpolicies");
	assert_int_equal(policies_count(policies), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kinds_are_looked_for_in_all_versions_of_a_group),
		TEST(a_kind_is_followed_to_another_version),
		TEST(a_group_that_does_not_answer_hides_no_other),
		TEST(objects_that_two_groups_show_are_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
