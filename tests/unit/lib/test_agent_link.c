/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of agent_link.c with a real socket: the other end is played here, in the same loop.
 *
 * links: lib/agent_link.c lib/agent_client.c lib/unix_socket.c lib/event_loop.c lib/timer_heap.c
 * links: lib/log.c
 */
#include "lib/agent_link.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/unix_socket.h"

#define DEADLINE_MS 10000

struct world {
	struct event_loop *loop;
	struct event_timer deadline;
	char dir[64];
	char path[80];
	int listen_fd, peer;
	struct agent_link *link;
	unsigned int greeted, lost, lost_greeted, messages, rooms;
	uint32_t last_type;
	int kept_fd;
	bool keeps;
};

/* --- the link's owner --- */

static void on_greeted(const struct msg_hello_reply *reply, void *arg)
{
	struct world *world = arg;

	assert_string_equal(reply->program_version, "9.9");
	world->greeted++;
	event_loop_stop(world->loop);
}

static void on_message(const struct message_header *header, const void *body, int *fd, void *arg)
{
	struct world *world = arg;

	world->messages++;
	world->last_type = header->type;
	world->kept_fd = *fd;
	if (world->keeps)
		*fd = -1;
	event_loop_stop(world->loop);
}

static void on_room(void *arg)
{
	struct world *world = arg;

	world->rooms++;
	event_loop_stop(world->loop);
}

static void on_lost(bool was_greeted, void *arg)
{
	struct world *world = arg;

	world->lost++;
	world->lost_greeted += was_greeted;
	event_loop_stop(world->loop);
}

static const struct agent_link_ops ops = {
	.greeted = on_greeted,
	.message = on_message,
	.has_room = on_room,
	.lost = on_lost,
};

/* --- the agent --- */

static void on_deadline(void *arg)
{
	fail_msg("nothing happened for %d ms", DEADLINE_MS);
}

static void run(struct world *world)
{
	event_timer_set(world->loop, &world->deadline, DEADLINE_MS);
	assert_int_equal(event_loop_run(world->loop), 0);
	event_timer_cancel(world->loop, &world->deadline);
}

static void run_until(struct world *world, const unsigned int *count, unsigned int wanted)
{
	while (*count < wanted)
		run(world);
}

static void say(const struct world *world, uint32_t type, const void *body, size_t len, int fd)
{
	struct {
		struct message_header header;
		uint8_t body[2048];
	} message = { .header = { .type = type,
				  .length = (uint32_t)(sizeof(message.header) + len) } };

	assert_true(len <= sizeof(message.body));
	if (len > 0)
		memcpy(message.body, body, len);
	assert_int_equal(unix_socket_send(world->peer, &message, message.header.length, &fd,
					  fd >= 0 ? 1 : 0),
			 0);
}

static void on_accept(int fd, uint32_t events, void *arg)
{
	struct world *world = arg;

	if (world->peer >= 0)
		close(world->peer);
	world->peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(world->peer >= 0);
	event_loop_stop(world->loop);
}

static void listen_now(struct world *world)
{
	world->listen_fd = unix_socket_listen(world->path, 0600, (gid_t)-1);
	assert_true(world->listen_fd >= 0);
	assert_int_equal(
		event_loop_add_fd(world->loop, world->listen_fd, EPOLLIN, on_accept, world), 0);
}

static void hang_up(struct world *world)
{
	close(world->peer);
	world->peer = -1;
}

static void take_hello(struct world *world)
{
	struct {
		struct message_header header;
		struct msg_hello hello;
	} message;

	while (world->peer < 0)
		run(world);
	assert_int_equal(read(world->peer, &message, sizeof(message)), sizeof(message));
	assert_int_equal(message.header.type, MSG_HELLO);
	assert_int_equal(message.hello.protocol_version, AGENT_PROTOCOL_VERSION);
	assert_int_equal(message.hello.role, ROLE_BGPD);
}

static void greet(struct world *world)
{
	const struct msg_hello_reply reply = { .program_version = "9.9" };
	unsigned int before = world->greeted;

	take_hello(world);
	say(world, MSG_HELLO_REPLY, &reply, sizeof(reply), -1);
	run_until(world, &world->greeted, before + 1);
	assert_true(agent_link_is_greeted(world->link));
}

static int setup(void **state)
{
	static const struct agent_link_self self = { ROLE_BGPD, "trying again" };
	struct world *world = calloc(1, sizeof(*world));

	if (!world || event_loop_new(&world->loop) < 0)
		return -1;
	strcpy(world->dir, "/tmp/tortie-link-XXXXXX");
	if (!mkdtemp(world->dir))
		return -1;
	snprintf(world->path, sizeof(world->path), "%s/agent.sock", world->dir);
	world->listen_fd = world->peer = world->kept_fd = -1;
	event_timer_init(&world->deadline, on_deadline, world);
	*state = world;
	return agent_link_new(world->loop, world->dir, &self, &world->link);
}

static int teardown(void **state)
{
	struct world *world = *state;

	agent_link_free(world->link);
	if (world->listen_fd >= 0)
		event_loop_remove_fd(world->loop, world->listen_fd);
	if (world->peer >= 0)
		close(world->peer);
	if (world->listen_fd >= 0)
		close(world->listen_fd);
	unlink(world->path);
	rmdir(world->dir);
	event_loop_free(world->loop);
	free(world);
	return 0;
}

/* --- tests --- */

static void an_agent_that_is_away_is_tried_until_it_is_there(void **state)
{
	struct world *world = *state;

	agent_link_start(world->link, &ops, world);
	run_until(world, &world->lost, 2);
	assert_false(agent_link_is_greeted(world->link));
	assert_int_equal(agent_link_send(world->link, MSG_GET_STATUS, 1, NULL, 0), -ENOTCONN);
	listen_now(world);
	greet(world);
	assert_int_equal(world->lost_greeted, 0);
}

static void a_broken_connection_is_made_again(void **state)
{
	struct world *world = *state;

	listen_now(world);
	agent_link_start(world->link, &ops, world);
	greet(world);
	hang_up(world);
	run_until(world, &world->lost, 1);
	assert_int_equal(world->lost_greeted, 1);
	greet(world);
	assert_int_equal(world->lost, 1);
}

static void an_agent_that_hangs_up_again_and_again_is_left_alone_ever_longer(void **state)
{
	struct world *world = *state;
	uint64_t begun_ms = event_loop_now_ms();

	listen_now(world);
	agent_link_start(world->link, &ops, world);
	for (unsigned int i = 1; i <= 4; i++) {
		greet(world);
		hang_up(world);
		run_until(world, &world->lost, i);
	}
	greet(world);
	/* 100, 200, 400, 800 ms */
	assert_true(event_loop_now_ms() - begun_ms >= 1500);
}

static void a_refused_greeting_is_tried_again(void **state)
{
	const struct msg_error error = { .error = EAGAIN, .text = "waits for the cluster" };
	struct world *world = *state;

	listen_now(world);
	agent_link_start(world->link, &ops, world);
	take_hello(world);
	say(world, MSG_ERROR, &error, sizeof(error), -1);
	run_until(world, &world->lost, 1);
	assert_int_equal(world->lost_greeted, 0);
	hang_up(world);
	greet(world);
	assert_int_equal(world->messages, 0);
}

static void another_first_message_ends_the_connection(void **state)
{
	struct world *world = *state;

	listen_now(world);
	agent_link_start(world->link, &ops, world);
	take_hello(world);
	say(world, MSG_END, NULL, 0, -1);
	run_until(world, &world->lost, 1);
	assert_int_equal(world->messages, 0);
}

static void a_malformed_message_ends_the_connection(void **state)
{
	struct world *world = *state;

	listen_now(world);
	agent_link_start(world->link, &ops, world);
	greet(world);
	say(world, MSG_ERROR, "short", 5, -1);
	run_until(world, &world->lost, 1);
	assert_int_equal(world->messages, 0);
}

static void a_descriptor_is_kept_or_closed(void **state)
{
	struct world *world = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	listen_now(world);
	agent_link_start(world->link, &ops, world);
	greet(world);
	say(world, MSG_BGP_CONFIG, NULL, 0, fd);
	run_until(world, &world->messages, 1);
	assert_int_equal(world->last_type, MSG_BGP_CONFIG);
	assert_true(world->kept_fd >= 0);
	assert_int_equal(fcntl(world->kept_fd, F_GETFD), -1);
	world->keeps = true;
	say(world, MSG_BGP_CONFIG, NULL, 0, fd);
	run_until(world, &world->messages, 2);
	assert_int_equal(fcntl(world->kept_fd, F_GETFD), FD_CLOEXEC);
	close(world->kept_fd);
	close(fd);
	say(world, MSG_END, NULL, 0, -1);
	run_until(world, &world->messages, 3);
	assert_int_equal(world->kept_fd, -1);
}

static void a_full_socket_is_told_and_so_is_room(void **state)
{
	struct world *world = *state;
	uint8_t body[AGENT_LINK_BODY_MAX] = { 0 };
	char buf[2048];
	int err = 0, sent = 0;

	listen_now(world);
	agent_link_start(world->link, &ops, world);
	greet(world);
	assert_int_equal(agent_link_send(world->link, MSG_GET_STATUS, 1, body, sizeof(body) + 1),
			 -EMSGSIZE);
	while (err == 0 && sent < 1000000) {
		err = agent_link_send(world->link, MSG_GET_STATUS, 7, body, sizeof(body));
		sent += err == 0;
	}
	assert_int_equal(err, -EAGAIN);
	assert_true(sent > 0);
	for (; sent > 0; sent--)
		assert_int_equal(read(world->peer, buf, sizeof(buf)),
				 sizeof(struct message_header) + sizeof(body));
	run_until(world, &world->rooms, 1);
	assert_int_equal(agent_link_send(world->link, MSG_GET_STATUS, 8, NULL, 0), 0);
	assert_int_equal(world->lost, 0);
}

/* --- waiting, before the end --- */

static void answer(const struct world *world, uint32_t type, uint32_t id, const void *body,
		   size_t len)
{
	struct {
		struct message_header header;
		struct msg_error body;
	} message = { .header = { .type = type,
				  .length = (uint32_t)(sizeof(message.header) + len),
				  .id = id } };

	memcpy(&message.body, body ? body : "", body ? len : 0);
	assert_int_equal(unix_socket_send(world->peer, &message, message.header.length, NULL, 0),
			 0);
}

static uint64_t soon(void)
{
	return event_loop_now_ms() + 30;
}

static void the_answer_is_waited_for_and_no_longer_than_said(void **state)
{
	const struct msg_error refused = { .error = EBUSY };
	struct world *world = *state;
	int pair[2];

	listen_now(world);
	agent_link_start(world->link, &ops, world);
	greet(world);
	assert_int_equal(agent_link_await_answer(world->link, 7, soon()), -ETIMEDOUT);
	answer(world, MSG_BGP_PING, 7, NULL, 0); /* a question with a number of its own */
	answer(world, MSG_END, 6, NULL, 0);
	answer(world, MSG_ERROR, 6, &refused, sizeof(refused));
	assert_int_equal(agent_link_await_answer(world->link, 7, soon()), -ETIMEDOUT);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	say(world, MSG_BGP_CONFIG, NULL, 0, pair[0]);
	answer(world, MSG_END, 7, NULL, 0);
	assert_int_equal(agent_link_await_answer(world->link, 7, event_loop_now_ms() + 5000), 0);
	close(pair[0]);
	assert_int_equal(send(pair[1], "x", 1, MSG_NOSIGNAL),
			 -1); /* what came with others is closed */
	close(pair[1]);
	answer(world, MSG_ERROR, 8, &refused, sizeof(refused));
	assert_int_equal(agent_link_await_answer(world->link, 8, event_loop_now_ms() + 5000),
			 -EBUSY);
	hang_up(world);
	assert_int_equal(agent_link_await_answer(world->link, 9, event_loop_now_ms() + 5000),
			 -ECONNRESET);
	assert_int_equal(world->messages + world->lost, 0);
}

static void a_full_socket_is_waited_for_no_longer_than_said(void **state)
{
	struct {
		struct message_header header;
		uint8_t body[1000];
	} message = { .header = { .type = MSG_GET_STATUS, .length = sizeof(message) } };
	struct world *world = *state;
	int err = 0;

	listen_now(world);
	agent_link_start(world->link, &ops, world);
	greet(world);
	while (err == 0)
		err = agent_link_send_waiting(world->link, &message.header, -1, soon());
	assert_int_equal(err, -ETIMEDOUT);
	hang_up(world);
	assert_int_equal(agent_link_send_waiting(world->link, &message.header, -1, soon()),
			 -ECONNRESET);
	assert_int_equal(world->lost, 0);
}

#define LINK_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(an_agent_that_is_away_is_tried_until_it_is_there),
		LINK_TEST(a_broken_connection_is_made_again),
		LINK_TEST(an_agent_that_hangs_up_again_and_again_is_left_alone_ever_longer),
		LINK_TEST(a_refused_greeting_is_tried_again),
		LINK_TEST(another_first_message_ends_the_connection),
		LINK_TEST(a_malformed_message_ends_the_connection),
		LINK_TEST(a_descriptor_is_kept_or_closed),
		LINK_TEST(a_full_socket_is_told_and_so_is_room),
		LINK_TEST(the_answer_is_waited_for_and_no_longer_than_said),
		LINK_TEST(a_full_socket_is_waited_for_no_longer_than_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
