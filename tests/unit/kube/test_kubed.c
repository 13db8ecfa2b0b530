/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kubed.c: what is said of an agent that hangs, of a kind that may not be read, and to the
 * agent.
 *
 * The agent's socket, the watches and what writes are the test's own. The whole program is in
 * tests/api/test_kubed.py.
 *
 * links: kube/kubed.c kube/kubed_kinds.c kube/cluster.c kube/node_object.c kube/service_object.c
 * links: kube/document*.c kube/selector.c lib/config*.c lib/event_loop.c lib/timer_heap.c
 * links: lib/ip_prefix.c lib/json.c lib/kube_*.c lib/log.c lib/next_hops.c lib/sha1.c lib/text.c
 * libs: -lcurl -ljson-c -lyaml -lresolv
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/kubed.h"
#include "kube/kubed_kinds.h"
#include "tests/unit/kube/recordings.h"

/* --- the agent --- */

static struct {
	const struct agent_feed_ops *ops;
	void *arg;
	bool is_connected;
	const struct agent_query_ops *query; /* under way */
	void *query_arg;
	char notice[4][TEXT_MAX + 1]; /* the first that were told */
	size_t notice_count, object_count;
} agent;

int agent_feed_new(struct event_loop *loop, const char *run_dir, const struct agent_feed_ops *ops,
		   void *arg, struct agent_feed **ret)
{
	agent.ops = ops;
	agent.arg = arg;
	*ret = (void *)&agent;
	return 0;
}

void agent_feed_start(struct agent_feed *feed)
{
	agent.is_connected = true;
	agent.ops->connected(true, agent.arg);
}

void agent_feed_free(struct agent_feed *feed)
{
	memset(&agent, 0, sizeof(agent));
}

bool agent_feed_is_connected(const struct agent_feed *feed)
{
	return agent.is_connected;
}

int agent_feed_set_state(struct agent_feed *feed, const struct agent_feed_state *state)
{
	for (size_t i = 0; i < state->notice_count && i < 4; i++)
		snprintf(agent.notice[i], sizeof(agent.notice[i]), "%s", state->notices[i].text);
	agent.notice_count = state->notice_count;
	agent.object_count = state->object_count;
	return 0;
}

int agent_feed_query(struct agent_feed *feed, uint32_t type, const struct agent_query_ops *ops,
		     void *arg)
{
	assert_null(agent.query);
	agent.query = ops;
	agent.query_arg = arg;
	return 0;
}

static void answer(void)
{
	const struct message_header header = { .type = MSG_STATUS };
	const struct msg_status status = { .ready = 1 };
	const struct agent_query_ops *query = agent.query;

	assert_non_null(query);
	agent.query = NULL;
	query->record(&header, &status, agent.query_arg);
	query->done(0, agent.query_arg);
}

/* --- watches, and who writes --- */

struct watch {
	enum watch_state state;
	bool is_known;
};

const struct watch_timing watch_timing_default = { 0 };

int watch_new(struct event_loop *loop, struct kube_client *client, const struct watch_kind *kind,
	      const struct watch_timing *timing, struct watch **ret)
{
	return -ENOTSUP;
}

void watch_start(struct watch *watch, const struct watch_ops *ops, void *arg)
{
}

void watch_stop(struct watch *watch)
{
}

void watch_free(struct watch *watch)
{
}

enum watch_state watch_get_state(const struct watch *watch)
{
	return watch->state;
}

const char *watch_get_text(const struct watch *watch)
{
	return "why";
}

bool watch_is_known(const struct watch *watch)
{
	return watch->is_known;
}

int policies_new(struct event_loop *loop, struct kube_client *client, policies_fn *fn, void *arg,
		 struct policies **ret)
{
	return -ENOTSUP;
}

void policies_start(struct policies *policies)
{
}

void policies_free(struct policies *policies)
{
}

uint32_t policies_count(const struct policies *policies)
{
	return 0;
}

const struct watch *policies_watch(const struct policies *policies, size_t index,
				   const char **ret_name, uint32_t *ret_count)
{
	return NULL;
}

int node_status_new(struct event_loop *loop, struct kube_client *client, const char *node_name,
		    struct node_status **ret)
{
	return -ENOTSUP;
}

void node_status_update(struct node_status *status, const struct node_object *node, bool is_ready)
{
}

void node_status_free(struct node_status *status)
{
}

/* --- tests --- */

static struct event_loop *loop;
static struct config *config;
static struct kubed *kubed;

static int begin(void **state)
{
	config = test_calloc(1, sizeof(*config));
	assert_int_equal(event_loop_new(&loop), 0);
	assert_int_equal(kubed_new(loop, config, "/nonexistent", &kubed), 0);
	kubed_start(kubed);
	return 0;
}

static int end(void **state)
{
	kubed_free(kubed);
	event_loop_free(loop);
	test_free(config);
	return 0;
}

static void assert_why(const char *text)
{
	char why[512];

	kubed_why_not_ready(kubed, why, sizeof(why));
	assert_string_equal(why, text);
}

/* The time that it waits for is over. */
static void let_time_pass(void)
{
	assert_true(event_timer_is_armed(&kubed->status_timer));
	event_timer_cancel(loop, &kubed->status_timer);
	kubed->status_timer.fn(kubed->status_timer.arg);
}

static void an_agent_that_answers_no_more_is_not_ready(void **state)
{
	assert_why("agent: does not answer, or not yet\n");
	answer();
	assert_why("");
	let_time_pass();
	assert_non_null(agent.query);
	assert_why(""); /* a question is under way: nothing new */
	let_time_pass();
	assert_why("agent: does not answer, or not yet\n");
	answer();
	assert_why("");
	let_time_pass();
	assert_non_null(agent.query);
}

static void a_commit_does_not_cut_the_patience_with_an_answer_short(void **state)
{
	answer();
	let_time_pass();
	agent.ops->committed(NULL, agent.arg);
	assert_true(kubed->status_timer.due_ms > event_loop_now_ms());
	answer();
	agent.ops->committed(NULL, agent.arg);
	assert_true(kubed->status_timer.due_ms <= event_loop_now_ms());
}

static void a_kind_that_may_not_be_read_is_none_or_what_it_was(void **state)
{
	static struct kubed one;
	struct agent_feed_notice notices[CLUSTER_KINDS];
	char text[CLUSTER_KINDS][TEXT_MAX + 1];
	struct watch watches[CLUSTER_KINDS] = { { WATCH_IN_SYNC, true } };

	for (int i = 0; i < CLUSTER_KINDS; i++) {
		one.kind[i].watch = &watches[i];
		one.kind[i].row.name = "things";
	}
	watches[CLUSTER_SERVICES] = (struct watch){ WATCH_DENIED, false };
	assert_int_equal(kubed_kinds_notices(&one, notices, text), 1);
	assert_ptr_equal(strstr(text[0], "things: may not be read, and are taken as none: why"),
			 text[0]);
	watches[CLUSTER_SERVICES].is_known = true;
	assert_int_equal(kubed_kinds_notices(&one, notices, text), 1);
	assert_ptr_equal(
		strstr(text[0], "things: may not be read any more, and what was known stays: why"),
		text[0]);
}

static void set(enum cluster_kind kind, const char *name, const char *spec, size_t padding)
{
	char *text = test_calloc(1, padding + 1024);
	struct json_object *json;
	int len = sprintf(text, "{'metadata':{'name':'%s'},%s,'padding':'", name, spec);

	memset(text + len, 'x', padding);
	strcpy(text + len + padding, "'}");
	json = parse_json(text);
	assert_int_equal(cluster_set(&kubed->cluster, kind, json), 1);
	json_object_put(json);
	test_free(text);
}

static void what_is_no_fault_of_an_object_is_told_first_and_what_is_not_shown_too(void **state)
{
	static struct watch watches[CLUSTER_KINDS];
	char name[32];

	for (int i = 0; i < CLUSTER_KINDS; i++) {
		watches[i] = (struct watch){ WATCH_IN_SYNC, true };
		kubed->kind[i].watch = &watches[i];
		kubed->kind[i].row.name = "things";
		kubed->kind[i].is_started = i < CLUSTER_OBJECTS;
	}
	watches[CLUSTER_RESERVATIONS] = (struct watch){ WATCH_DENIED, false };
	strcpy(config->kube.node, "n1");
	set(CLUSTER_NODES, "n1",
	    "'status':{'addresses':[{'type':'InternalIP','address':'10.77.0.11'}]}", 0);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		set(CLUSTER_POOLS, name, "'spec':{'cidr':'x'}", i == 0 ? OBJECT_JSON_MAX - 512 : 0);
	}
	set(CLUSTER_POOLS, "large", "'spec':{'cidr':'x'}", OBJECT_JSON_MAX);
	kubed->build_timer.fn(kubed->build_timer.arg);
	assert_int_equal(agent.object_count, 4);
	assert_int_equal(agent.notice_count, 2 + 5 + 1); /* pools, and no podCIDR */
	assert_non_null(strstr(agent.notice[0], "things: may not be read"));
	assert_non_null(strstr(agent.notice[1], "cluster: 1 objects are too large"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_agent_that_answers_no_more_is_not_ready),
		TEST(a_commit_does_not_cut_the_patience_with_an_answer_short),
		TEST(what_is_no_fault_of_an_object_is_told_first_and_what_is_not_shown_too),
		cmocka_unit_test(a_kind_that_may_not_be_read_is_none_or_what_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
