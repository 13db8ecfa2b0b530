/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of client.c with a real event loop and real sockets: what comes of long answers, of clients
 * that do not read them, and of those that leave.
 *
 * links: tests/unit/loader/server_world.c
 * links: loader/cni_request_check.c
 * links: loader/server.c loader/client.c loader/requests.c lib/unix_socket.c lib/agent_client.c
 * links: lib/event_loop.c lib/timer_heap.c lib/log.c lib/file_mark.c
 */
#include "loader/client.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/loader/server_world.h"

static void assert_records_come(struct agent_client *client, uint32_t count)
{
	static uint8_t buf[AGENT_MESSAGE_MAX];

	for (uint32_t i = 0; i < count; i++) {
		struct msg_route route;

		assert_int_equal(agent_client_receive(client, buf, sizeof(buf)),
				 sizeof(struct message_header) + sizeof(route));
		memcpy(&route, buf + sizeof(struct message_header), sizeof(route));
		assert_int_equal(route.mtu, i);
	}
}

static void an_answer_longer_than_the_socket_comes_whole_and_in_order(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_TOOL);

	ask(&client, MSG_GET_ROUTES);
	assert_records_come(&client, MANY_RECORDS);
	assert_int_equal(next_type(&client), MSG_END);
	agent_client_close(&client);
}

/* Without a bound this client would take the agent's memory: 400 answers of half a MiB. */
static void who_never_reads_is_cut_and_the_others_are_served(void **state)
{
	struct agent_client deaf = connect_as(*state, ROLE_TOOL);
	struct agent_client witness = connect_as(*state, ROLE_TOOL);
	uint32_t type, answers = 0;
	int err = 0;

	for (int i = 0; i < 400 && !err; i++)
		err = agent_client_send(&deaf, MSG_GET_ROUTES, NULL, 0, NULL, 0, NULL);
	ask(&witness, MSG_GET_STATUS);
	assert_int_equal(next_type(&witness), MSG_END);
	/* What fits was sent, 4 MiB and what the socket takes; then the connection ends. */
	while ((type = next_type(&deaf)) != 0)
		answers += type == MSG_END;
	assert_in_range(answers, 0, 20);
	agent_client_close(&deaf);
	agent_client_close(&witness);
}

static void an_answer_longer_than_the_queue_comes_whole_and_others_are_served(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_TOOL);
	struct agent_client witness = connect_as(*state, ROLE_TOOL);

	ask(&client, MSG_GET_ENDPOINTS);
	ask(&client, MSG_GET_STATUS); /* its turn comes after the first answer */
	ask(&witness, MSG_GET_STATUS);
	assert_int_equal(next_type(&witness), MSG_END);
	assert_records_come(&client, LONG_RECORDS);
	assert_int_equal(next_type(&client), MSG_END);
	assert_true(has_mark(*state, "answer-gone"));
	assert_int_equal(next_type(&client), MSG_END);
	agent_client_close(&client);
	agent_client_close(&witness);
}

static void who_leaves_in_the_middle_of_an_answer_leaves_nothing(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_TOOL);

	ask(&client, MSG_GET_ENDPOINTS);
	assert_records_come(&client, 10);
	agent_client_close(&client);
	assert_true(has_mark(*state, "answer-gone"));
}

static void who_takes_nothing_of_its_answer_is_cut_after_a_minute(void **state)
{
	struct world *world = *state;
	struct agent_client deaf = connect_as(world, ROLE_TOOL);
	struct agent_client witness = connect_as(world, ROLE_TOOL);

	ask(&deaf, MSG_GET_ENDPOINTS);
	assert_records_come(&deaf, 1);
	ask(&witness, MSG_GET_STATUS); /* answered when what the socket takes is sent */
	assert_int_equal(next_type(&witness), MSG_END);
	kill(world->server, SIGUSR1);
	assert_true(has_mark(world, "answer-gone"));
	while (next_type(&deaf) == MSG_ROUTE)
		;
	assert_int_equal(next_type(&deaf), 0); /* no MSG_END */
	ask(&witness, MSG_GET_STATUS);
	assert_int_equal(next_type(&witness), MSG_END);
	agent_client_close(&deaf);
	agent_client_close(&witness);
}

/* Is @fd of the process @pid /dev/null, and what are its flags? */
static bool is_null(pid_t pid, int fd, unsigned int *ret_flags)
{
	char path[64], text[256] = "", *flags;
	ssize_t len;
	int info;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	len = readlink(path, text, sizeof(text) - 1);
	if (len < 0 || strncmp(text, "/dev/null", (size_t)len + 1) != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	len = read(info, text, sizeof(text) - 1);
	assert_true(len > 0);
	close(info);
	text[len] = '\0';
	flags = strstr(text, "flags:");
	assert_non_null(flags);
	*ret_flags = (unsigned int)strtoul(flags + 6, NULL, 8);
	return true;
}

/* The agent starts programs of others (plugin_version.c): a session of BGP is not for them. */
static void what_waits_for_a_slow_reader_is_not_for_programs_that_are_started(void **state)
{
	struct world *world = *state;
	struct agent_client slow = connect_as(world, ROLE_BGPD);
	struct agent_client witness = connect_as(world, ROLE_TOOL);
	unsigned int flags, count = 0;

	ask(&slow, MSG_GET_ROUTES);
	ask(&slow, MSG_BGP_LISTEN);
	for (int i = 0; i < 4; i++) { /* a round each, in which the other is heard, too */
		ask(&witness, MSG_GET_STATUS);
		assert_int_equal(next_type(&witness), MSG_END);
	}
	for (int fd = 3; fd < 64; fd++) {
		if (!is_null(world->server, fd, &flags))
			continue;
		assert_true(flags & O_CLOEXEC);
		count++;
	}
	assert_int_equal(count, 1);
	agent_client_close(&slow);
	agent_client_close(&witness);
}

static void every_part_that_asked_is_told_when_a_client_leaves(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_BGPD);

	ask(&client, MSG_PEER_SET);
	assert_int_equal(next_type(&client), MSG_END);
	ask(&client, MSG_PEER_DELETE);
	assert_int_equal(next_type(&client), MSG_END);
	agent_client_close(&client);
	assert_true(has_mark(*state, "left-1"));
	assert_true(has_mark(*state, "left-2"));
}

static void a_part_is_told_once_however_often_it_asks(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_BGPD);

	ask(&client, MSG_PEER_SET);
	assert_int_equal(next_type(&client), MSG_END);
	ask(&client, MSG_PEER_SET);
	assert_int_equal(next_type(&client), 0);
	agent_client_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(an_answer_longer_than_the_socket_comes_whole_and_in_order),
		SERVER_TEST(who_never_reads_is_cut_and_the_others_are_served),
		SERVER_TEST(an_answer_longer_than_the_queue_comes_whole_and_others_are_served),
		SERVER_TEST(who_leaves_in_the_middle_of_an_answer_leaves_nothing),
		SERVER_TEST(who_takes_nothing_of_its_answer_is_cut_after_a_minute),
		SERVER_TEST(what_waits_for_a_slow_reader_is_not_for_programs_that_are_started),
		SERVER_TEST(every_part_that_asked_is_told_when_a_client_leaves),
		SERVER_TEST(a_part_is_told_once_however_often_it_asks),
	};

	close_range(3, UINT_MAX, 0); /* what our caller has open is not the server's */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
