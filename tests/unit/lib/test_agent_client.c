/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_agent_client.c: the client of the agent, against an agent played by a child process, and the
 * check that each message of include/agent_protocol.h must pass.
 *
 * The child answers one connection as its script says; the script is the parameter of serve().
 *
 * links: lib/agent_client.c lib/unix_socket.c
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/agent_client.h"
#include "lib/unix_socket.h"

static char folder[32];
static pid_t agent;

static int set_up(void **state)
{
	strcpy(folder, "/tmp/tortie-agent-XXXXXX");
	agent = 0;
	return mkdtemp(folder) ? chdir(folder) : -1;
}

static int tear_down(void **state)
{
	if (agent)
		waitpid(agent, NULL, 0);
	unlink("agent.sock");
	return chdir("/") < 0 ? -1 : rmdir(folder);
}

/* What the agent does with its one connection. */
typedef void script_fn(int fd, const struct message_header *request);

static void serve(script_fn *script)
{
	static char buf[AGENT_MESSAGE_MAX];
	int listen_fd = unix_socket_listen("agent.sock", 0600, (gid_t)-1), fd;
	uid_t uid;
	gid_t gid;
	pid_t pid;

	assert_true(listen_fd >= 0);
	agent = fork();
	assert_true(agent >= 0);
	if (agent) {
		close(listen_fd);
		return;
	}
	alarm(10);
	fcntl(listen_fd, F_SETFL, 0); /* the agent that is played here may block */
	fd = unix_socket_accept(listen_fd, &uid, &gid, &pid);
	fcntl(fd, F_SETFL, 0);
	unix_socket_receive(fd, buf, sizeof(buf), NULL, 0, NULL);
	script(fd, (const void *)buf);
	_exit(0);
}

static void send_message(int fd, uint32_t type, uint32_t id, const void *body, size_t len)
{
	static char buf[AGENT_MESSAGE_MAX];
	struct message_header header = { .type = type, .id = id };

	header.length = (uint32_t)(sizeof(header) + len);
	memcpy(buf, &header, sizeof(header));
	memcpy(buf + sizeof(header), body, len);
	unix_socket_send(fd, buf, sizeof(header) + len, NULL, 0);
}

static void greet(int fd, const struct message_header *request)
{
	struct msg_hello_reply reply = { .protocol_version = AGENT_PROTOCOL_VERSION,
					 .node_name = "n1" };

	send_message(fd, MSG_HELLO_REPLY, request->id, &reply, sizeof(reply));
	/* Two more, for the test that receives after the greeting. */
	send_message(fd, MSG_END, 7, "", 0);
	send_message(fd, MSG_STATUS, 7, "short", 5);
}

static void greet_in_another_version(int fd, const struct message_header *request)
{
	struct msg_hello_reply reply = { .protocol_version = AGENT_PROTOCOL_VERSION + 1 };

	send_message(fd, MSG_HELLO_REPLY, request->id, &reply, sizeof(reply));
}

static void refuse(int fd, const struct message_header *request)
{
	struct msg_error error = { .error = EPROTO, .text = "versions differ" };

	send_message(fd, MSG_ERROR, request->id, &error, sizeof(error));
}

static void say_busy(int fd, const struct message_header *request)
{
	struct msg_error error = { .error = EBUSY, .text = "another one speaks" };

	send_message(fd, MSG_ERROR, request->id, &error, sizeof(error));
}

static void answer_another(int fd, const struct message_header *request)
{
	struct msg_hello_reply reply = { .protocol_version = AGENT_PROTOCOL_VERSION };

	send_message(fd, MSG_HELLO_REPLY, request->id + 1, &reply, sizeof(reply));
}

static void hang_up(int fd, const struct message_header *request)
{
}

static void say_nothing(int fd, const struct message_header *request)
{
	char octet;

	unix_socket_receive(fd, &octet, 1, NULL, 0, NULL); /* until the client hangs up */
}

static int say_hello(script_fn *script)
{
	struct agent_client client;
	struct msg_hello_reply reply;
	int err;

	serve(script);
	assert_int_equal(agent_client_connect(&client, ".", "agent", 200), 0);
	err = agent_client_hello(&client, ROLE_TOOL, &reply);
	agent_client_close(&client);
	assert_int_equal(client.fd, -1);
	agent_client_close(&client);
	return err;
}

static void hello_is_answered_and_records_follow(void **state)
{
	static char buf[AGENT_MESSAGE_MAX];
	struct agent_client client;
	struct msg_hello_reply reply;
	const struct message_header *header = (const void *)buf;
	uint32_t id = 0;

	serve(greet);
	assert_int_equal(agent_client_connect(&client, ".", "agent", 5000), 0);
	assert_int_equal(agent_client_hello(&client, ROLE_TOOL, &reply), 0);
	assert_string_equal(reply.node_name, "n1");
	assert_int_equal(agent_client_receive(&client, buf, sizeof(buf)), sizeof(*header));
	assert_int_equal(header->type, MSG_END);
	assert_int_equal(header->id, 7);
	assert_int_equal(agent_client_receive(&client, buf, sizeof(buf)), -EPROTO);
	assert_int_equal(agent_client_receive(&client, buf, sizeof(buf)), 0);
	assert_int_equal(agent_client_send(&client, MSG_GET_STATUS, NULL, 0, NULL, 0, &id), -EPIPE);
	assert_int_equal(id, 0);
	agent_client_close(&client);
}

static void hello_tells_apart_what_can_go_wrong(void **state)
{
	static const struct {
		script_fn *script;
		int err;
	} rows[] = {
		{ greet_in_another_version, -EPROTO }, { refuse, -EPROTO },
		{ answer_another, -EPROTO },	       { hang_up, -ECONNRESET },
		{ say_nothing, -ETIMEDOUT },	       { say_busy, -EBUSY },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(say_hello(rows[i].script), rows[i].err);
		waitpid(agent, NULL, 0);
		agent = 0;
	}
}

static void without_an_agent_connect_says_so(void **state)
{
	struct agent_client client = { .fd = -1 };
	char path[120];

	assert_int_equal(agent_client_connect(&client, ".", "agent", 100), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(agent_client_connect(&client, path, "agent", 100), -ENAMETOOLONG);
	assert_int_equal(client.fd, -1);
}

static void a_body_too_large_is_not_sent(void **state)
{
	struct agent_client client = { .fd = -1 };

	assert_int_equal(
		agent_client_send(&client, MSG_HELLO, "", AGENT_MESSAGE_MAX, NULL, 0, NULL),
		-EMSGSIZE);
}

/* --- agent_message_check() --- */

static char message[AGENT_MESSAGE_MAX + 8];

/* A message of @type with an empty body of its struct's size and @extra octets; its length. */
static size_t build(uint32_t type, size_t extra)
{
	struct message_header header = { .type = type };
	int body_size = agent_message_body_size(type);

	assert_true(body_size >= 0);
	header.length = (uint32_t)(sizeof(header) + (size_t)body_size + extra);
	memset(message, 0, sizeof(message));
	memcpy(message, &header, sizeof(header));
	return header.length;
}

static const uint32_t all_types[] = {
	MSG_HELLO,	    MSG_HELLO_REPLY,	MSG_ERROR,	    MSG_END,
	MSG_CNI_REQUEST,    MSG_CNI_REPLY,	MSG_BGP_LISTEN,	    MSG_ROUTES_BEGIN,
	MSG_ROUTE_SET,	    MSG_ROUTE_DELETE,	MSG_ROUTES_IN_SYNC, MSG_PEER_SET,
	MSG_PEER_DELETE,    MSG_GET_STATUS,	MSG_STATUS,	    MSG_STATUS_LINE,
	MSG_GET_ENDPOINTS,  MSG_ENDPOINT,	MSG_GET_ROUTES,	    MSG_ROUTE,
	MSG_GET_NODES,	    MSG_NODE,		MSG_GET_POOLS,	    MSG_POOL,
	MSG_BLOCK,	    MSG_GET_PEERS,	MSG_PEER,	    MSG_GET_DROPS,
	MSG_DROP_COUNT,	    MSG_FOLLOW_DROPS,	MSG_DROP,	    MSG_EXPLAIN,
	MSG_EXPLAIN_STEP,   MSG_SHUTDOWN,	MSG_CNI_ALIVE,	    MSG_BGP_SOCKET,
	MSG_BGP_GET_PEERS,  MSG_BGP_PEER,	MSG_BGP_GET_ROUTES, MSG_BGP_ROUTE,
	MSG_BGP_ACT,	    MSG_GET_ADDRESS,	MSG_ADDRESS,	    MSG_BGP_CONFIG,
	MSG_BGP_PING,	    MSG_BGP_PONG,	MSG_CLUSTER_BEGIN,  MSG_CLUSTER_NOTICE,
	MSG_CLUSTER_OBJECT, MSG_CLUSTER_COMMIT, MSG_GET_OBJECTS,    MSG_BGP_SESSION,
	MSG_BGP_KEEP,	    MSG_BGP_KEEP_ALL,	MSG_BGP_TAKE,	    MSG_BGP_GET_DUMP,
	MSG_BGP_DUMP_PEER,  MSG_BGP_DUMP_ROUTE, MSG_BGP_SUBNETS,
};

static void every_type_passes_whole_and_fails_short(void **state)
{
	size_t i, len;

	for (i = 0; i < sizeof(all_types) / sizeof(all_types[0]); i++) {
		len = build(all_types[i], 0);
		assert_int_equal(agent_message_check(message, len), 0);
		assert_int_equal(agent_message_check(message, len - 1), -EPROTO);
		((struct message_header *)message)->length--; /* a header that admits it */
		assert_int_equal(agent_message_check(message, len - 1), -EPROTO);
		len = build(all_types[i], 4);
		assert_int_equal(agent_message_check(message, len), 0);
	}
}

static void headers_that_lie_are_refused(void **state)
{
	struct message_header *header = (void *)message;
	size_t len = build(MSG_END, 0);

	assert_int_equal(agent_message_check(message, 0), -EPROTO);
	assert_int_equal(agent_message_check(message, len + 1), -EPROTO);
	header->reserved = 1;
	assert_int_equal(agent_message_check(message, len), -EPROTO);
	build(MSG_END, 0);
	header->type = 0;
	assert_int_equal(agent_message_check(message, len), -EPROTO);
	header->type = MSG_SHUTDOWN + 1;
	assert_int_equal(agent_message_check(message, len), -EPROTO);
	assert_int_equal(agent_message_body_size(0), -EPROTO);
	build(MSG_END, AGENT_MESSAGE_MAX - sizeof(*header));
	assert_int_equal(agent_message_check(message, AGENT_MESSAGE_MAX), 0);
	build(MSG_END, AGENT_MESSAGE_MAX - sizeof(*header) + 1);
	assert_int_equal(agent_message_check(message, AGENT_MESSAGE_MAX + 1), -EPROTO);
}

/* Types whose structs have texts: filled with letters, no text has an end. */
static void texts_without_an_end_are_refused(void **state)
{
	static const uint32_t with_text[] = {
		MSG_HELLO,	 MSG_HELLO_REPLY,    MSG_ERROR,		 MSG_CNI_REQUEST,
		MSG_CNI_REPLY,	 MSG_PEER_SET,	     MSG_PEER_DELETE,	 MSG_STATUS,
		MSG_NODE,	 MSG_POOL,	     MSG_STATUS_LINE,	 MSG_ENDPOINT,
		MSG_PEER,	 MSG_DROP,	     MSG_EXPLAIN,	 MSG_EXPLAIN_STEP,
		MSG_ADDRESS,	 MSG_CLUSTER_NOTICE, MSG_CLUSTER_OBJECT, MSG_CLUSTER_COMMIT,
		MSG_GET_OBJECTS, MSG_BGP_PEER,	     MSG_BGP_ACT,
	};
	size_t i, len;

	for (i = 0; i < sizeof(with_text) / sizeof(with_text[0]); i++) {
		len = build(with_text[i], 0);
		memset(message + sizeof(struct message_header), 'a',
		       len - sizeof(struct message_header));
		assert_int_equal(agent_message_check(message, len), -EPROTO);
	}
}

static void each_pool_name_of_a_request_must_end(void **state)
{
	struct msg_cni_request *request = (void *)(message + sizeof(struct message_header));
	size_t i, len;

	for (i = 0; i < CNI_POOLS_MAX; i++) {
		len = build(MSG_CNI_REQUEST, 0);
		memset(request->pool[i], 'a', sizeof(request->pool[i]));
		assert_int_equal(agent_message_check(message, len), -EPROTO);
	}
}

static void the_next_hops_of_a_route_must_be_there_and_their_names_end(void **state)
{
	struct msg_route *route = (void *)(message + sizeof(struct message_header));
	struct msg_next_hop *hop = (void *)(route + 1);
	size_t len = build(MSG_ROUTE, 2 * sizeof(*hop));

	route->next_hop_count = 2;
	assert_int_equal(agent_message_check(message, len), 0);
	memset(hop[1].ifname, 'a', sizeof(hop[1].ifname));
	assert_int_equal(agent_message_check(message, len), -EPROTO);
	hop[1].ifname[IFNAME_MAX] = '\0';
	assert_int_equal(agent_message_check(message, len), 0);
	((struct message_header *)message)->length--;
	assert_int_equal(agent_message_check(message, len - 1), -EPROTO);
	len = build(MSG_ROUTE, 99 * sizeof(*hop));
	route->next_hop_count = ROUTE_NEXT_HOPS_MAX + 1;
	assert_int_equal(agent_message_check(message, len), -EPROTO);
	route->next_hop_count = UINT32_MAX / sizeof(*hop) + 2; /* times the size it is small */
	assert_int_equal(agent_message_check(message, len), -EPROTO);
}

#define AGENT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AGENT_TEST(hello_is_answered_and_records_follow),
		AGENT_TEST(hello_tells_apart_what_can_go_wrong),
		AGENT_TEST(without_an_agent_connect_says_so),
		cmocka_unit_test(a_body_too_large_is_not_sent),
		cmocka_unit_test(every_type_passes_whole_and_fails_short),
		cmocka_unit_test(headers_that_lie_are_refused),
		cmocka_unit_test(texts_without_an_end_are_refused),
		cmocka_unit_test(each_pool_name_of_a_request_must_end),
		cmocka_unit_test(the_next_hops_of_a_route_must_be_there_and_their_names_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
