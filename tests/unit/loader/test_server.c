/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of server.c and requests.c with a real event loop and real sockets: who is heard, who is
 * refused, who is cut.
 *
 * links: tests/unit/loader/server_world.c
 * links: loader/cni_request_check.c
 * links: loader/server.c loader/client.c loader/requests.c lib/unix_socket.c lib/agent_client.c
 * links: lib/event_loop.c lib/timer_heap.c lib/log.c lib/file_mark.c
 */
#include "loader/server.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/unix_socket.h"
#include "tests/unit/loader/server_world.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16; Debian 12's headers end before */
#endif

#define NOBODY	 65534
#define SOMEBODY 65533 /* neither of the daemons' user */

static void send_raw(struct agent_client *client, const void *data, size_t len)
{
	assert_int_equal(unix_socket_send(client->fd, data, len, NULL, 0), 0);
}

/* --- tests --- */

static void after_hello_questions_are_answered(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_TOOL);

	ask(&client, MSG_GET_STATUS);
	assert_int_equal(next_type(&client), MSG_END);
	ask(&client, MSG_EXPLAIN);
	assert_int_equal(next_type(&client), MSG_END);
	agent_client_close(&client);
}

static void who_does_not_say_hello_is_cut(void **state)
{
	struct agent_client client = connect_to(*state, "agent");

	ask(&client, MSG_GET_STATUS);
	assert_int_equal(next_type(&client), 0);
	agent_client_close(&client);
}

static void another_protocol_version_is_told_which(void **state)
{
	struct {
		struct message_header header;
		struct msg_hello hello;
	} message = {
		.header = { .type = MSG_HELLO, .length = sizeof(message), .id = 9 },
		.hello = { .protocol_version = AGENT_PROTOCOL_VERSION + 1, .role = ROLE_TOOL },
	};
	struct agent_client client = connect_to(*state, "agent");

	send_raw(&client, &message, sizeof(message));
	assert_int_equal(next_type(&client), MSG_ERROR);
	agent_client_close(&client);
}

static void an_unknown_role_is_cut(void **state)
{
	struct {
		struct message_header header;
		struct msg_hello hello;
	} message = {
		.header = { .type = MSG_HELLO, .length = sizeof(message), .id = 9 },
		.hello = { .protocol_version = AGENT_PROTOCOL_VERSION, .role = 77 },
	};
	struct agent_client client = connect_to(*state, "agent");

	send_raw(&client, &message, sizeof(message));
	assert_int_equal(next_type(&client), 0);
	agent_client_close(&client);
}

static void malformed_messages_cut_only_their_sender(void **state)
{
	static const struct message_header bad[] = {
		{ .type = MSG_GET_STATUS, .length = 15 },
		{ .type = MSG_GET_STATUS, .length = 4096 },
		{ .type = 0xffffffff, .length = sizeof(struct message_header) },
		{ .type = MSG_EXPLAIN, .length = sizeof(struct message_header) },
		{ .type = MSG_GET_STATUS, .length = sizeof(struct message_header), .reserved = 1 },
		{ .type = MSG_CNI_REQUEST, .length = sizeof(struct message_header) },
		{ .type = MSG_STATUS, .length = sizeof(struct message_header) },
	};
	struct agent_client witness = connect_as(*state, ROLE_TOOL);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct agent_client client = connect_as(*state, ROLE_TOOL);

		send_raw(&client, &bad[i], sizeof(bad[i]));
		assert_int_equal(next_type(&client), 0);
		agent_client_close(&client);
	}
	ask(&witness, MSG_GET_STATUS);
	assert_int_equal(next_type(&witness), MSG_END);
	agent_client_close(&witness);
}

static void a_handlers_refusal_cuts(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_TOOL);

	ask(&client, MSG_FOLLOW_DROPS);
	assert_int_equal(next_type(&client), 0);
	agent_client_close(&client);
}

static void a_tool_may_not_speak_as_bgpd(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_TOOL);

	ask(&client, MSG_ROUTES_BEGIN);
	assert_int_equal(next_type(&client), MSG_ERROR);
	agent_client_close(&client);
}

static void bgpd_gets_the_document_after_its_hello(void **state)
{
	struct agent_client client = connect_to(*state, "agent");
	struct msg_hello_reply reply;

	assert_int_equal(agent_client_hello(&client, ROLE_BGPD, &reply), 0);
	assert_int_equal(take_document(&client), 0);
	agent_client_close(&client);
}

static void only_the_watcher_may_say_what_the_cluster_is(void **state)
{
	struct agent_client tool = connect_as(*state, ROLE_TOOL);
	struct agent_client watcher = connect_as(*state, ROLE_KUBED);

	ask(&tool, MSG_CLUSTER_BEGIN);
	assert_int_equal(next_type(&tool), MSG_ERROR);
	ask(&tool, MSG_GET_OBJECTS);
	assert_int_equal(next_type(&tool), MSG_END);
	ask(&watcher, MSG_CLUSTER_BEGIN);
	assert_int_equal(next_type(&watcher), MSG_END);
	ask(&watcher, MSG_ROUTES_BEGIN);
	assert_int_equal(next_type(&watcher), MSG_ERROR);
	agent_client_close(&tool);
	agent_client_close(&watcher);
}

static void while_the_cluster_is_waited_for_only_its_messages_are_taken(void **state)
{
	struct agent_client tool = connect_as(*state, ROLE_TOOL);
	struct agent_client watcher = connect_as(*state, ROLE_KUBED);
	struct agent_client speaker = connect_to(*state, "agent");
	struct msg_hello_reply reply;

	ask(&tool, MSG_GET_STATUS);
	assert_int_equal(next_type(&tool), MSG_END);
	ask(&tool, MSG_GET_ROUTES);
	assert_int_equal(next_type(&tool), MSG_ERROR);
	ask(&watcher, MSG_CLUSTER_COMMIT);
	assert_int_equal(next_type(&watcher), MSG_END);
	/* A speaker would tell routes that nobody keeps: it has to come again. */
	assert_true(agent_client_hello(&speaker, ROLE_BGPD, &reply) < 0);
	agent_client_close(&speaker);
	agent_client_close(&tool);
	agent_client_close(&watcher);
}

static void bgpd_gets_its_socket_as_a_descriptor(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_BGPD);
	uint8_t buf[256];
	int fds[AGENT_FDS_MAX];
	size_t fd_count = 0;

	ask(&client, MSG_BGP_LISTEN);
	assert_int_equal(
		unix_socket_receive(client.fd, buf, sizeof(buf), fds, AGENT_FDS_MAX, &fd_count),
		sizeof(struct message_header));
	assert_int_equal(fd_count, 1);
	close(fds[0]);
	agent_client_close(&client);
}

static void cni_requests_come_on_their_own_socket_with_their_descriptors(void **state)
{
	static uint8_t buf[AGENT_MESSAGE_MAX];
	struct msg_cni_request request = { .verb = CNI_ADD };
	struct agent_client client = connect_to(*state, "cni");
	int fds[2] = { open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY) };
	struct msg_cni_reply reply;

	assert_int_equal(agent_client_send(&client, MSG_CNI_REQUEST, &request, sizeof(request), fds,
					   2, NULL),
			 0);
	assert_true(agent_client_receive(&client, buf, sizeof(buf)) > 0);
	memcpy(&reply, buf + sizeof(struct message_header), sizeof(reply));
	assert_int_equal(reply.code, 102);
	ask(&client, MSG_GET_STATUS);
	assert_int_equal(next_type(&client), 0);
	agent_client_close(&client);
	close(fds[0]);
	close(fds[1]);
}

static void cni_requests_with_numbers_out_of_range_are_cut(void **state)
{
	static const struct msg_cni_request bad[] = {
		{ .verb = 0 },
		{ .verb = CNI_GC + 1 },
		{ .verb = CNI_ADD, .pool_count = CNI_POOLS_MAX + 1 },
		{ .verb = CNI_ADD, .want_count = POD_ADDRESSES_MAX + 1 },
		{ .verb = CNI_ADD, .family_pool_count = { CNI_POOLS_MAX + 1, 0 } },
		{ .verb = CNI_ADD, .family_pool_count = { 0, CNI_POOLS_MAX + 1 } },
		{ .verb = CNI_ADD, .valid_count = 1 },
		{ .verb = CNI_GC, .valid_count = 1 }, /* and none follows */
		{ .verb = CNI_GC, .valid_count = CNI_VALID_MAX + 1 },
		{ .verb = CNI_CHECK, .address_count = 0xffffffff },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct agent_client client = connect_to(*state, "cni");

		assert_int_equal(agent_client_send(&client, MSG_CNI_REQUEST, &bad[i],
						   sizeof(bad[i]), NULL, 0, NULL),
				 0);
		assert_int_equal(next_type(&client), 0);
		agent_client_close(&client);
	}
	assert_true(says(*state, "tortie-cni is of another version"));
}

static uint32_t mode_of(const struct world *world, const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", world->run_dir, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void sockets_are_closed_to_strangers(void **state)
{
	assert_int_equal(mode_of(*state, "cni.sock"), 0600);
	/* 0660 where the machine has the group. */
	assert_int_equal(mode_of(*state, "agent.sock") & 0007, 0);
}

/* As somebody of the group would be: past the socket's mode, not root. */
static int greet_as(const struct world *world, uid_t uid, uint32_t role,
		    struct agent_client *ret_client)
{
	struct msg_hello_reply reply;
	char path[128];

	snprintf(path, sizeof(path), "%s/agent.sock", world->run_dir);
	if (chmod(path, 0666) < 0 || setgid(uid) < 0 || setuid(uid) < 0 ||
	    agent_client_connect(ret_client, world->run_dir, "agent", 5000) < 0)
		return -1;
	return agent_client_hello(ret_client, role, &reply);
}

/* The agent tries each second while its folder is gone. */
static void a_socket_that_cannot_be_made_is_no_line_of_the_log(void **state)
{
	int saved = dup(STDERR_FILENO), log = memfd_create("log", MFD_CLOEXEC);
	struct stat st;

	assert_true(saved >= 0 && log >= 0 && dup2(log, STDERR_FILENO) >= 0);
	assert_int_equal(server_listen("/nonexistent/agent.sock"), -ENOENT);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	assert_int_equal(fstat(log, &st), 0);
	assert_int_equal(st.st_size, 0);
	close(saved);
	close(log);
}

static int answer_to_nobody(const struct world *world, uint32_t role, uint32_t type)
{
	struct agent_client client;

	if (greet_as(world, NOBODY, role, &client) < 0)
		return -1;
	if (role == ROLE_BGPD && take_document(&client) < 0)
		return -1;
	ask(&client, type);
	return (int)next_type(&client);
}

static int ask_as_nobody(const struct world *world, uint32_t role, uint32_t type)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(answer_to_nobody(world, role, type));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_group_may_ask_and_not_change(void **state)
{
	assert_int_equal(ask_as_nobody(*state, ROLE_TOOL, MSG_GET_STATUS), MSG_END);
	assert_int_equal(ask_as_nobody(*state, ROLE_TOOL, MSG_SHUTDOWN), MSG_ERROR);
}

/* errno of sending a descriptor as @uid; 0: it was taken. */
static int send_descriptor_as(const struct world *world, uid_t uid)
{
	struct agent_client client;
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(greet_as(world, uid, ROLE_TOOL, &client) < 0
			      ? UINT8_MAX
			      : -agent_client_send(&client, MSG_GET_STATUS, NULL, 0, &client.fd, 1,
						   NULL));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A descriptor can make whoever closes it wait (SO_LINGER): the agent takes them from its own. */
static void the_group_may_send_no_descriptors(void **state)
{
	struct agent_client client = connect_as(*state, ROLE_TOOL);
	socklen_t len = sizeof(int);
	int value;
	bool may_refuse = getsockopt(client.fd, SOL_SOCKET, SO_PASSRIGHTS, &value, &len) == 0;

	agent_client_close(&client);
	if (!may_refuse)
		skip(); /* before Linux 6.16 */
	assert_int_equal(send_descriptor_as(*state, NOBODY - 1), EPERM);
	assert_int_equal(send_descriptor_as(*state, NOBODY), 0); /* the daemons' user here */
	assert_int_equal(send_descriptor_as(*state, 0), 0);
}

static void the_configured_user_may_speak_as_bgpd(void **state)
{
	assert_int_equal(ask_as_nobody(*state, ROLE_BGPD, MSG_ROUTES_BEGIN), MSG_END);
	assert_int_equal(ask_as_nobody(*state, ROLE_BGPD, MSG_SHUTDOWN), MSG_ERROR);
}

static void the_configured_user_may_speak_as_kubed(void **state)
{
	assert_int_equal(ask_as_nobody(*state, ROLE_KUBED, MSG_CLUSTER_BEGIN), MSG_END);
	assert_int_equal(ask_as_nobody(*state, ROLE_KUBED, MSG_SHUTDOWN), MSG_ERROR);
	assert_int_equal(ask_as_nobody(*state, ROLE_TOOL, MSG_CLUSTER_BEGIN), MSG_ERROR);
}

static void too_many_connections_are_refused_not_waited_for(void **state)
{
	struct agent_client client[80];
	size_t refused = 0;

	for (size_t i = 0; i < 80; i++)
		client[i] = connect_to(*state, "agent");
	for (size_t i = 0; i < 80; i++) {
		struct msg_hello_reply reply;

		if (agent_client_hello(&client[i], ROLE_TOOL, &reply) < 0)
			refused++;
	}
	assert_int_equal(refused, 80 - 64);
	for (size_t i = 0; i < 80; i++)
		agent_client_close(&client[i]);
}

/* How many of 20 connections of the daemons' user are served. */
static int served_as_nobody(const struct world *world)
{
	struct agent_client client[20];
	int served = greet_as(world, NOBODY, ROLE_BGPD, &client[0]) == 0;

	for (size_t i = 1; i < 20; i++) {
		struct msg_hello_reply reply;

		if (agent_client_connect(&client[i], world->run_dir, "agent", 5000) == 0)
			served += agent_client_hello(&client[i], ROLE_BGPD, &reply) == 0;
	}
	return served;
}

/* It faces the network: were it taken over, it could keep out the watcher and root's commands. */
static void a_daemon_has_no_more_connections_than_it_needs(void **state)
{
	struct agent_client root;
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(served_as_nobody(*state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 6);
	root = connect_as(*state, ROLE_TOOL);
	agent_client_close(&root);
}

static bool is_served(struct agent_client *client)
{
	struct msg_hello_reply reply;

	return agent_client_hello(client, ROLE_TOOL, &reply) == 0;
}

static unsigned int times_said(const struct world *world, const char *words)
{
	char path[RUN_DIR_OCTETS + 16], line[1024];
	unsigned int count = 0;
	FILE *log;

	snprintf(path, sizeof(path), "%s/log", world->run_dir);
	log = fopen(path, "r");
	assert_non_null(log);
	while (fgets(line, sizeof(line), log))
		count += strstr(line, words) != NULL;
	fclose(log);
	return count;
}

/* Or a member of the group could fill the disk with lines. */
static void who_comes_and_goes_at_the_limit_is_told_once(void **state)
{
	struct agent_client client[64], more;

	for (size_t i = 0; i < 64; i++) {
		client[i] = connect_to(*state, "agent");
		assert_true(is_served(&client[i]));
	}
	for (int i = 0; i < 5; i++) {
		more = connect_to(*state, "agent");
		assert_false(is_served(&more));
		agent_client_close(&more);
		agent_client_close(&client[0]);
		for (int k = 0; k < 2; k++) { /* its end is heard by the end of the first round */
			ask(&client[1], MSG_GET_STATUS);
			assert_int_equal(next_type(&client[1]), MSG_END);
		}
		client[0] = connect_to(*state, "agent");
		assert_true(is_served(&client[0]));
	}
	assert_int_equal(times_said(*state, "too many connections"), 1);
	for (size_t i = 0; i < 64; i++)
		agent_client_close(&client[i]);
}

static void who_left_makes_room(void **state)
{
	for (size_t i = 0; i < 3 * 64; i++) {
		struct agent_client client = connect_as(*state, ROLE_TOOL);

		agent_client_close(&client);
	}
}

/* How many connections a user who may only ask gets; they last until @until is closed. */
static int connect_many(const struct world *world, int tell, int until)
{
	struct agent_client client[64];
	struct msg_hello_reply reply;
	uint8_t served = 0;
	char path[128];

	snprintf(path, sizeof(path), "%s/agent.sock", world->run_dir);
	if (chmod(path, 0666) < 0 || setgid(SOMEBODY) < 0 || setuid(SOMEBODY) < 0)
		return 1;
	for (size_t i = 0; i < 64; i++) {
		if (agent_client_connect(&client[i], world->run_dir, "agent", 5000) < 0)
			return 1;
		if (agent_client_hello(&client[i], ROLE_TOOL, &reply) == 0)
			served++;
	}
	return write(tell, &served, 1) != 1 || read(until, &served, 1) != 0;
}

static void who_may_only_ask_leaves_places_for_those_who_change(void **state)
{
	struct agent_client client;
	int served[2], until[2];
	uint8_t count = 0;
	pid_t pid;

	assert_int_equal(pipe(served) | pipe(until), 0);
	pid = fork();
	if (pid == 0) {
		close(until[1]);
		_exit(connect_many(*state, served[1], until[0]));
	}
	close(served[1]);
	assert_int_equal(read(served[0], &count, 1), 1);
	assert_int_equal(count, 64 - 16);
	client = connect_as(*state, ROLE_TOOL);
	agent_client_close(&client);
	client = connect_as(*state, ROLE_BGPD);
	agent_client_close(&client);
	close(until[0]);
	close(until[1]);
	close(served[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* It is the agent that did not listen for more than the ten seconds until a hello is due. */
static void who_spoke_while_the_agent_was_held_up_is_heard(void **state)
{
	const struct world *world = *state;
	struct agent_client known = connect_as(world, ROLE_TOOL); /* the sweep is armed */
	struct agent_client client = connect_to(world, "agent");
	struct msg_hello hello = { .protocol_version = AGENT_PROTOCOL_VERSION, .role = ROLE_TOOL };

	for (int i = 0; i < 2; i++) { /* in the second round the other is surely accepted */
		ask(&known, MSG_GET_STATUS);
		assert_int_equal(next_type(&known), MSG_END);
	}
	kill(world->server, SIGSTOP);
	assert_int_equal(waitpid(world->server, NULL, WUNTRACED), world->server);
	assert_int_equal(
		agent_client_send(&client, MSG_HELLO, &hello, sizeof(hello), NULL, 0, NULL), 0);
	kill(world->server, SIGUSR1);
	kill(world->server, SIGCONT);
	assert_int_equal(next_type(&client), MSG_HELLO_REPLY);
	agent_client_close(&known);
	agent_client_close(&client);
}

static void set_descriptors(const struct world *world, rlim_t count)
{
	const struct rlimit limit = { .rlim_cur = count, .rlim_max = 1024 };

	assert_int_equal(prlimit(world->server, RLIMIT_NOFILE, &limit, NULL), 0);
}

/* The loop does not go round for a connection that it cannot take. */
static void without_a_descriptor_who_connects_waits_until_there_is_one(void **state)
{
	const struct world *world = *state;
	struct msg_hello_reply reply;
	struct agent_client client;

	set_descriptors(world, 3);
	client = connect_to(world, "agent");
	assert_true(says(world, "who connects has to wait"));
	set_descriptors(world, 1024);
	kill(world->server, SIGUSR1); /* the next sweep is now */
	assert_int_equal(agent_client_hello(&client, ROLE_TOOL, &reply), 0);
	agent_client_close(&client);
}

static uint32_t ask_cni(struct agent_client *client)
{
	const struct msg_cni_request request = { .verb = CNI_ADD };

	assert_int_equal(agent_client_send(client, MSG_CNI_REQUEST, &request, sizeof(request),
					   &client->fd, 1, NULL),
			 0);
	return next_type(client);
}

/* recvmsg(2), MSG_CTRUNC: descriptors for which the receiver has no room are lost. */
static void a_cni_request_that_has_lost_its_descriptors_is_cut_and_told(void **state)
{
	const struct world *world = *state;
	struct agent_client client = connect_to(world, "cni");

	assert_int_equal(ask_cni(&client), MSG_CNI_REPLY);
	set_descriptors(world, 3);
	assert_int_equal(ask_cni(&client), 0);
	assert_true(says(world, "its descriptors were lost"));
	agent_client_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(after_hello_questions_are_answered),
		SERVER_TEST(who_does_not_say_hello_is_cut),
		SERVER_TEST(another_protocol_version_is_told_which),
		SERVER_TEST(an_unknown_role_is_cut),
		SERVER_TEST(malformed_messages_cut_only_their_sender),
		SERVER_TEST(a_handlers_refusal_cuts),
		SERVER_TEST(a_tool_may_not_speak_as_bgpd),
		SERVER_TEST(bgpd_gets_its_socket_as_a_descriptor),
		SERVER_TEST(bgpd_gets_the_document_after_its_hello),
		SERVER_TEST(only_the_watcher_may_say_what_the_cluster_is),
		SERVER_TEST(the_configured_user_may_speak_as_kubed),
		cmocka_unit_test_setup_teardown(
			while_the_cluster_is_waited_for_only_its_messages_are_taken,
			start_waiting_server, stop_server),
		SERVER_TEST(cni_requests_come_on_their_own_socket_with_their_descriptors),
		SERVER_TEST(cni_requests_with_numbers_out_of_range_are_cut),
		cmocka_unit_test(a_socket_that_cannot_be_made_is_no_line_of_the_log),
		SERVER_TEST(sockets_are_closed_to_strangers),
		SERVER_TEST(the_group_may_ask_and_not_change),
		SERVER_TEST(the_group_may_send_no_descriptors),
		SERVER_TEST(the_configured_user_may_speak_as_bgpd),
		SERVER_TEST(too_many_connections_are_refused_not_waited_for),
		SERVER_TEST(a_daemon_has_no_more_connections_than_it_needs),
		SERVER_TEST(who_comes_and_goes_at_the_limit_is_told_once),
		SERVER_TEST(a_cni_request_that_has_lost_its_descriptors_is_cut_and_told),
		SERVER_TEST(who_left_makes_room),
		SERVER_TEST(who_may_only_ask_leaves_places_for_those_who_change),
		SERVER_TEST(who_spoke_while_the_agent_was_held_up_is_heard),
		SERVER_TEST(without_a_descriptor_who_connects_waits_until_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
