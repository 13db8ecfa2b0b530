/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_watch.c: over which connection a watch asks, and objects that are too large. How it goes on
 * is in tests/api/test_watch.py.
 *
 * The client and the loop are the test's own: one request at a time, ended as a row says; timers
 * fire when the test says so.
 *
 * links: kube/watch.c kube/stream.c kube/watch_request.c lib/json.c lib/kube_status.c lib/log.c
 * libs: -ljson-c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/watch.h"
#include "lib/json.h"

#define TIMERS_MAX 4

/* --- the client --- */

static char some_transfer;
static struct {
	const struct kube_transfer_ops *ops;
	void *arg;
	bool is_under_way, is_fresh;
	unsigned int count;
} request;

int kube_transfer_start(struct kube_client *client, const struct kube_request *asked,
			const struct kube_transfer_ops *ops, void *arg, struct kube_transfer **ret)
{
	assert_false(request.is_under_way);
	request.ops = ops;
	request.arg = arg;
	request.is_under_way = true;
	request.is_fresh = asked->is_fresh;
	request.count++;
	*ret = (void *)&some_transfer;
	return 0;
}

void kube_transfer_cancel(struct kube_transfer *transfer)
{
	request.is_under_way = false;
}

static void end_request(int err, long status)
{
	const struct kube_result result = { .err = err, .status = status, .text = "over" };

	assert_true(request.is_under_way);
	request.is_under_way = false;
	request.ops->done(&result, request.arg);
}

/* --- the loop --- */

static struct event_timer *armed[TIMERS_MAX];

void event_timer_init(struct event_timer *timer, event_timer_fn *fn, void *arg)
{
	timer->fn = fn;
	timer->arg = arg;
}

int event_timer_set(struct event_loop *loop, struct event_timer *timer, uint64_t delay_ms)
{
	size_t i = 0;

	while (i < TIMERS_MAX && armed[i] && armed[i] != timer)
		i++;
	assert_true(i < TIMERS_MAX);
	armed[i] = timer;
	return 0;
}

void event_timer_cancel(struct event_loop *loop, struct event_timer *timer)
{
	for (size_t i = 0; i < TIMERS_MAX; i++)
		if (armed[i] == timer)
			armed[i] = NULL;
}

uint64_t event_loop_now_ms(void)
{
	return 1000000;
}

/* The only one that is armed: the next request's, or the patience with the one under way. */
static void fire(void)
{
	struct event_timer *timer = NULL;

	for (size_t i = 0; i < TIMERS_MAX; i++) {
		if (!armed[i])
			continue;
		assert_null(timer);
		timer = armed[i];
		armed[i] = NULL;
	}
	assert_non_null(timer);
	timer->fn(timer->arg);
}

/* --- the watch --- */

static void on_nothing(void *arg)
{
}

static char told[128];

static void on_gone(struct json_object *object, void *arg)
{
	const char *name = json_get_text(json_get_object(object, "metadata"), "name");

	snprintf(told + strlen(told), sizeof(told) - strlen(told), "gone %s ", name);
}

static void on_too_large(const char *name, size_t len, void *arg)
{
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "large %s ", name);
}

static void on_state(enum watch_state state, void *arg)
{
}

static const struct watch_ops ops = {
	.begin = on_nothing,
	.gone = on_gone,
	.too_large = on_too_large,
	.synced = on_nothing,
	.state = on_state,
};
static const struct watch_kind kind = { "things", { "/api/v1/things", NULL }, false };
static struct watch *watch;

static int begin(void **state)
{
	memset(armed, 0, sizeof(armed));
	memset(&request, 0, sizeof(request));
	assert_int_equal(watch_new(NULL, NULL, &kind, &watch_timing_default, &watch), 0);
	watch_start(watch, &ops, NULL);
	fire();
	assert_true(request.is_under_way);
	assert_false(request.is_fresh);
	return 0;
}

static int end(void **state)
{
	watch_free(watch);
	return 0;
}

/* Else a server that is started again has a connection from each watch of each node. */
static void after_a_break_all_share_the_next_connection(void **state)
{
	static const int breaks[] = { -ECONNRESET, -ECONNREFUSED, -ETIMEDOUT, -EKEYREJECTED };

	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		end_request(breaks[i], 0);
		fire();
		assert_true(request.is_under_way);
		assert_false(request.is_fresh);
	}
}

static void a_silent_connection_is_left(void **state)
{
	fire(); /* patience ends */
	assert_false(request.is_under_way);
	fire();
	assert_true(request.is_fresh);
	end_request(0, 503);
	fire();
	assert_false(request.is_fresh);
}

/* A renewed certificate is shown on a new connection only. */
static void who_is_not_known_for_long_makes_a_new_connection(void **state)
{
	unsigned int fresh = 0;

	for (int i = 0; i < 8; i++) {
		end_request(0, 401);
		fire();
		fresh += request.is_fresh;
		assert_true(i > 2 || !request.is_fresh); /* it has just been started, perhaps */
	}
	assert_int_equal(fresh, 2);
	assert_int_equal(request.count, 9);
}

static void send(const char *text)
{
	assert_int_equal(request.ops->data(text, strlen(text), request.arg), 0);
}

static void send_large(const char *head)
{
	static char some[65536];

	memset(some, 'x', sizeof(some) - 1);
	send(head);
	for (int i = 0; i < 17; i++)
		send(some);
	send("\"}}}\n");
}

static void an_object_that_was_too_large_goes_like_any_other(void **state)
{
	told[0] = '\0';
	send_large("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\",\"x\":\"");
	send_large("{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"a\",\"x\":\"");
	assert_string_equal(told, "large a gone a ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(after_a_break_all_share_the_next_connection),
		TEST(a_silent_connection_is_left),
		TEST(who_is_not_known_for_long_makes_a_new_connection),
		TEST(an_object_that_was_too_large_goes_like_any_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
