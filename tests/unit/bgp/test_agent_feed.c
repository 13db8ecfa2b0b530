/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_agent_feed.c: what is kept for an agent that is away.
 *
 * The connection and the sets of next hops are this test's: as many of the latter are in use as
 * routes are kept.
 *
 * links: bgp/agent_feed.c lib/event_loop.c lib/timer_heap.c lib/next_hops.c lib/ip_prefix.c
 * links: lib/log.c tests/unit/bgp/hex.c
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bgp/agent_feed.h"
#include "bgp/handover_give.h"
#include "bgp/shared_hops.h"
#include "lib/agent_link.h"
#include "lib/next_hops.h"
#include "lib/sealed_text.h"
#include "tests/unit/bgp/hex.h"

static struct shared_hops shared;
static bool is_greeted, has_room;
static size_t sent; /* messages of routes */

struct shared_hops *shared_hops_take(struct shared_hops **table, const struct next_hops *hops)
{
	shared.users++;
	return &shared;
}

void shared_hops_give(struct shared_hops **table, struct shared_hops *given)
{
	shared.users -= given != NULL;
}

int agent_link_new(struct event_loop *loop, const char *run_dir, const struct agent_link_self *self,
		   struct agent_link **ret)
{
	*ret = NULL;
	return 0;
}

void agent_link_start(struct agent_link *link, const struct agent_link_ops *ops, void *arg)
{
}

void agent_link_free(struct agent_link *link)
{
}

bool agent_link_is_greeted(const struct agent_link *link)
{
	return is_greeted;
}

const char *agent_link_path(const struct agent_link *link)
{
	return "";
}

int agent_link_send(struct agent_link *link, uint32_t type, uint32_t id, const void *body,
		    size_t len)
{
	return 0;
}

int agent_link_send_message(struct agent_link *link, const struct message_header *header, int fd)
{
	if (!has_room)
		return -EAGAIN;
	sent++;
	return 0;
}

int agent_link_send_waiting(struct agent_link *link, const struct message_header *header, int fd,
			    uint64_t until_ms)
{
	return -ETIMEDOUT;
}

int agent_link_await_answer(struct agent_link *link, uint32_t id, uint64_t until_ms)
{
	return -ETIMEDOUT;
}

void agent_link_await_room(struct agent_link *link)
{
}

void agent_link_drop(struct agent_link *link, const char *why)
{
}

int sealed_text_check(int fd, size_t most)
{
	return -EPERM;
}

/* A route comes and goes. */
static void flap(struct agent_feed *feed, const char *text)
{
	struct next_hops hops = { .count = 1, .addr = { addr_of("10.0.0.2") } };
	struct ip_prefix prefix = prefix_of(text);

	agent_feed_route(feed, &prefix, &hops);
	agent_feed_flush(feed);
	agent_feed_route_delete(feed, &prefix);
	agent_feed_flush(feed);
}

/* A peer may tell ever other prefixes, and the agent may be away for long. */
static void nothing_is_kept_of_routes_that_went_while_the_agent_was_away(void **state)
{
	struct event_loop *loop;
	struct agent_feed *feed;

	assert_int_equal(event_loop_new(&loop), 0);
	assert_int_equal(agent_feed_new(loop, "", &feed), 0);
	flap(feed, "10.244.1.0/24");
	assert_int_equal(shared.users, 0);
	/* an agent that is there is told, when it reads */
	is_greeted = true;
	flap(feed, "10.244.2.0/24");
	assert_int_equal(shared.users, 1);
	has_room = true;
	agent_feed_flush(feed);
	assert_int_equal(sent, 1);
	assert_int_equal(shared.users, 0);
	agent_feed_free(feed);
	event_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_kept_of_routes_that_went_while_the_agent_was_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
