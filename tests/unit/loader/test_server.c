/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of server.c with a real event loop and real sockets: who is heard, who is refused, who is
 * cut. The handlers behind it are written here and only answer that they were asked.
 *
 * links: loader/server.c lib/unix_socket.c lib/agent_client.c lib/event_loop.c lib/timer_heap.c
 * links: lib/log.c
 */
#include "loader/server.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/agent_client.h"
#include "lib/event_loop.h"
#include "lib/unix_socket.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/cluster.h"
#include "loader/cni_requests.h"
#include "loader/queries.h"

#define NOBODY	       65534
#define MANY_RECORDS   3000
#define RUN_DIR_OCTETS 64

/* --- the handlers behind the server --- */

static int answer_end(struct agent *agent, struct client *client, const struct request *request)
{
	return client_send_end(client, request->id);
}

#define HANDLER(name)                                                                       \
	int name(struct agent *agent, struct client *client, const struct request *request) \
	{                                                                                   \
		return answer_end(agent, client, request);                                  \
	}

HANDLER(query_status)
HANDLER(query_endpoints)
HANDLER(query_pools)
HANDLER(query_address)
HANDLER(query_nodes)
HANDLER(query_peers)
HANDLER(query_drops)
HANDLER(query_explain)
HANDLER(bgp_feed_handle_socket)
HANDLER(bgp_feed_handle_keep)
HANDLER(bgp_feed_handle_keep_all)
HANDLER(bgp_feed_handle_take)
HANDLER(bgp_feed_handle_subnets)
HANDLER(bgp_feed_handle_routes_begin)
HANDLER(bgp_feed_handle_route_set)
HANDLER(bgp_feed_handle_route_delete)
HANDLER(bgp_feed_handle_routes_in_sync)
HANDLER(bgp_feed_handle_pong)
HANDLER(handle_shutdown)
HANDLER(cluster_handle_begin)
HANDLER(cluster_handle_notice)
HANDLER(cluster_handle_object)
HANDLER(cluster_handle_commit)
HANDLER(query_objects)

/* The document in force: here any descriptor will do. */
int cluster_greet(struct agent *agent, struct client *client)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int err = client_send_document(client, fd);

	close(fd);
	return err;
}

const char *cluster_wait_words(const struct agent *agent)
{
	return "nobody has spoken";
}

static void leave_mark(struct client *client, void *arg)
{
	close(open(arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* Two parts of the agent that want to know when a client leaves; the server is in RUN-DIR then. */
static int ask_for_farewell(struct client *client, const struct request *request, char *mark)
{
	int err = client_on_gone(client, leave_mark, mark);

	return err ? err : client_send_end(client, request->id);
}

int bgp_feed_handle_peer_set(struct agent *agent, struct client *client,
			     const struct request *request)
{
	static char mark[] = "left-1";

	return ask_for_farewell(client, request, mark);
}

int bgp_feed_handle_peer_delete(struct agent *agent, struct client *client,
				const struct request *request)
{
	static char mark[] = "left-2";

	return ask_for_farewell(client, request, mark);
}

/* More than a socket holds at once. */
int query_routes(struct agent *agent, struct client *client, const struct request *request)
{
	int err = 0;

	for (uint32_t i = 0; i < MANY_RECORDS && !err; i++) {
		const struct msg_route route = { .mtu = i };

		err = client_send(client, MSG_ROUTE, request->id, &route, sizeof(route));
	}
	return err ? err : client_send_end(client, request->id);
}

/* A handler that finds the request wrong. */
int query_follow_drops(struct agent *agent, struct client *client, const struct request *request)
{
	return -EPROTO;
}

int bgp_feed_handle_listen(struct agent *agent, struct client *client,
			   const struct request *request)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int err = client_send_fd(client, request->id, fd);

	close(fd);
	return err;
}

void cni_handle_request(struct agent *agent, const struct msg_cni_request *request, const int *fds,
			size_t fd_count, struct msg_cni_reply *ret_reply)
{
	ret_reply->code = 100 + (uint32_t)fd_count;
}

/* --- one server in a child, stopped at the end --- */

struct world {
	char run_dir[RUN_DIR_OCTETS];
	pid_t server;
};

static void serve(const char *run_dir, bool waits, int ready_fd)
{
	char user[] = "nobody";
	struct config config = { .node_name = "node-a",
				 .bgpd_user = user,
				 .kubernetes = true,
				 .kube = { .user = user } };
	struct agent agent = { .config = &config, .run_dir = run_dir, .is_running = !waits };

	signal(SIGPIPE, SIG_IGN);
	if (chdir(run_dir) < 0 || event_loop_new(&agent.loop) < 0 ||
	    server_open(&agent, &agent.server) < 0)
		_exit(1);
	if (write(ready_fd, "r", 1) != 1)
		_exit(1);
	event_loop_run(agent.loop);
	_exit(0);
}

static int start(void **state, bool waits)
{
	struct world *world = calloc(1, sizeof(*world));
	int ready[2];
	char byte;

	if (!world || pipe(ready) < 0)
		return -1;
	strcpy(world->run_dir, "/tmp/tortie-server-XXXXXX");
	if (!mkdtemp(world->run_dir) || chmod(world->run_dir, 0755) < 0)
		return -1;
	world->server = fork();
	if (world->server == 0)
		serve(world->run_dir, waits, ready[1]);
	close(ready[1]);
	*state = world;
	byte = 0;
	if (read(ready[0], &byte, 1) != 1)
		return -1;
	close(ready[0]);
	return 0;
}

static int start_server(void **state)
{
	return start(state, false);
}

static int start_waiting_server(void **state)
{
	return start(state, true);
}

static int stop_server(void **state)
{
	struct world *world = *state;
	char command[128];

	kill(world->server, SIGKILL);
	waitpid(world->server, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->run_dir);
	free(world);
	return system(command);
}

/* --- clients --- */

static struct agent_client connect_to(const struct world *world, const char *name)
{
	struct agent_client client;

	assert_int_equal(agent_client_connect(&client, world->run_dir, name, 5000), 0);
	return client;
}

/* What the speaker gets unasked: 0 when it is right. */
static int take_document(const struct agent_client *client)
{
	struct message_header header;
	int fds[AGENT_FDS_MAX];
	size_t fd_count = 0;
	ssize_t len = unix_socket_receive(client->fd, &header, sizeof(header), fds, AGENT_FDS_MAX,
					  &fd_count);

	if (fd_count == 1)
		close(fds[0]);
	return len == sizeof(header) && header.type == MSG_BGP_CONFIG && header.id == 0 &&
			       fd_count == 1
		       ? 0
		       : -1;
}

static struct agent_client connect_as(const struct world *world, uint32_t role)
{
	struct agent_client client = connect_to(world, "agent");
	struct msg_hello_reply reply;

	assert_int_equal(agent_client_hello(&client, role, &reply), 0);
	assert_string_equal(reply.node_name, "node-a");
	if (role == ROLE_BGPD)
		assert_int_equal(take_document(&client), 0);
	return client;
}

static void ask(struct agent_client *client, uint32_t type)
{
	uint8_t body[4096] = { 0 };

	assert_int_equal(agent_client_send(client, type, body,
					   (size_t)agent_message_body_size(type), NULL, 0, NULL),
			 0);
}

/* The type of the next message; 0 when the connection was cut. */
static uint32_t next_type(struct agent_client *client)
{
	static uint8_t buf[AGENT_MESSAGE_MAX];
	struct message_header header;
	int len = agent_client_receive(client, buf, sizeof(buf));

	if (len <= 0)
		return 0;
	memcpy(&header, buf, sizeof(header));
	return header.type;
}

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

static void an_answer_longer_than_the_socket_comes_whole_and_in_order(void **state)
{
	static uint8_t buf[AGENT_MESSAGE_MAX];
	struct agent_client client = connect_as(*state, ROLE_TOOL);

	ask(&client, MSG_GET_ROUTES);
	for (uint32_t i = 0; i < MANY_RECORDS; i++) {
		struct msg_route route;

		assert_int_equal(agent_client_receive(&client, buf, sizeof(buf)),
				 sizeof(struct message_header) + sizeof(route));
		memcpy(&route, buf + sizeof(struct message_header), sizeof(route));
		assert_int_equal(route.mtu, i);
	}
	assert_int_equal(next_type(&client), MSG_END);
	agent_client_close(&client);
}

/* Without a bound this client would take the agent's memory: 70 answers of half a MiB. */
static void who_never_reads_is_cut_and_the_others_are_served(void **state)
{
	struct agent_client deaf = connect_as(*state, ROLE_TOOL);
	struct agent_client witness = connect_as(*state, ROLE_TOOL);
	int err = 0;

	for (int i = 0; i < 400 && !err; i++)
		err = agent_client_send(&deaf, MSG_GET_ROUTES, NULL, 0, NULL, 0, NULL);
	ask(&witness, MSG_GET_STATUS);
	assert_int_equal(next_type(&witness), MSG_END);
	/* What fits was sent; then the connection ends. */
	while (next_type(&deaf) == MSG_ROUTE)
		;
	agent_client_close(&deaf);
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

static int answer_to_nobody(const struct world *world, uint32_t role, uint32_t type)
{
	struct agent_client client;
	struct msg_hello_reply reply;
	char path[128];

	snprintf(path, sizeof(path), "%s/agent.sock", world->run_dir);
	if (chmod(path, 0666) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return -1;
	if (agent_client_connect(&client, world->run_dir, "agent", 5000) < 0 ||
	    agent_client_hello(&client, role, &reply) < 0)
		return -1;
	if (role == ROLE_BGPD && take_document(&client) < 0)
		return -1;
	ask(&client, type);
	return (int)next_type(&client);
}

/* As somebody of the group would be: past the socket's mode, not root. */
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

static bool has_mark(const struct world *world, const char *mark)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	char path[RUN_DIR_OCTETS + 16];

	snprintf(path, sizeof(path), "%s/%s", world->run_dir, mark);
	for (int i = 0; i < 500; i++) {
		if (access(path, F_OK) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
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

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(after_hello_questions_are_answered),
		SERVER_TEST(who_does_not_say_hello_is_cut),
		SERVER_TEST(another_protocol_version_is_told_which),
		SERVER_TEST(an_unknown_role_is_cut),
		SERVER_TEST(malformed_messages_cut_only_their_sender),
		SERVER_TEST(an_answer_longer_than_the_socket_comes_whole_and_in_order),
		SERVER_TEST(who_never_reads_is_cut_and_the_others_are_served),
		SERVER_TEST(a_handlers_refusal_cuts),
		SERVER_TEST(a_tool_may_not_speak_as_bgpd),
		SERVER_TEST(bgpd_gets_its_socket_as_a_descriptor),
		SERVER_TEST(what_waits_for_a_slow_reader_is_not_for_programs_that_are_started),
		SERVER_TEST(bgpd_gets_the_document_after_its_hello),
		SERVER_TEST(only_the_watcher_may_say_what_the_cluster_is),
		SERVER_TEST(the_configured_user_may_speak_as_kubed),
		cmocka_unit_test_setup_teardown(
			while_the_cluster_is_waited_for_only_its_messages_are_taken,
			start_waiting_server, stop_server),
		SERVER_TEST(cni_requests_come_on_their_own_socket_with_their_descriptors),
		SERVER_TEST(cni_requests_with_numbers_out_of_range_are_cut),
		SERVER_TEST(sockets_are_closed_to_strangers),
		SERVER_TEST(the_group_may_ask_and_not_change),
		SERVER_TEST(the_configured_user_may_speak_as_bgpd),
		SERVER_TEST(too_many_connections_are_refused_not_waited_for),
		SERVER_TEST(every_part_that_asked_is_told_when_a_client_leaves),
		SERVER_TEST(a_part_is_told_once_however_often_it_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
