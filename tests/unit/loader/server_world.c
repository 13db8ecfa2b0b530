/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_world.c: a server to connect to, for the tests of server.c and client.c.
 */
#include "tests/unit/loader/server_world.h"

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
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/event_loop.h"
#include "lib/unix_socket.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/cluster.h"
#include "loader/cni_requests.h"
#include "loader/queries.h"

#define READY_FD (STDERR_FILENO + 1) /* in the server's process */

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

/* The same, made as it is read. */
static int more_records(struct client *client, uint32_t id, void *arg)
{
	uint32_t *said = arg;
	const struct msg_route route = { .mtu = *said };
	int err;

	if (*said == LONG_RECORDS)
		return 0;
	++*said;
	err = client_send(client, MSG_ROUTE, id, &route, sizeof(route));
	return err ? err : 1;
}

static void long_answer_gone(void *arg)
{
	close(open("answer-gone", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	free(arg);
}

int query_endpoints(struct agent *agent, struct client *client, const struct request *request)
{
	return client_answer(client, request->id, more_records, long_answer_gone,
			     calloc(1, sizeof(uint32_t)));
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

static volatile sig_atomic_t seconds_later;

/* The server's clock, put forward by a signal instead of waited for. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	now->tv_sec += seconds_later;
	return result;
}

static void put_clock_forward(int signo)
{
	seconds_later = 61;
}

static void serve(const char *run_dir, bool waits, int ready_fd)
{
	char user[] = "nobody";
	struct config config = { .node_name = "node-a",
				 .bgpd_user = user,
				 .kubernetes = true,
				 .kube = { .user = user } };
	struct agent agent = { .config = &config, .run_dir = run_dir, .is_running = !waits };

	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, put_clock_forward);
	/* Tests count the server's descriptors: those of whoever started them are none of its. */
	if (dup2(ready_fd, READY_FD) < 0 || close_range(READY_FD + 1, ~0u, 0) < 0)
		_exit(1);
	if (chdir(run_dir) < 0 || !freopen("log", "w", stderr) || event_loop_new(&agent.loop) < 0 ||
	    server_open(&agent, &agent.server) < 0)
		_exit(1);
	if (write(READY_FD, "r", 1) != 1)
		_exit(1);
	close(READY_FD);
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

int start_server(void **state)
{
	return start(state, false);
}

int start_waiting_server(void **state)
{
	return start(state, true);
}

int stop_server(void **state)
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

struct agent_client connect_to(const struct world *world, const char *name)
{
	struct agent_client client;

	assert_int_equal(agent_client_connect(&client, world->run_dir, name, 5000), 0);
	return client;
}

int take_document(const struct agent_client *client)
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

struct agent_client connect_as(const struct world *world, uint32_t role)
{
	struct agent_client client = connect_to(world, "agent");
	struct msg_hello_reply reply;

	assert_int_equal(agent_client_hello(&client, role, &reply), 0);
	assert_string_equal(reply.node_name, "node-a");
	if (role == ROLE_BGPD)
		assert_int_equal(take_document(&client), 0);
	return client;
}

void ask(struct agent_client *client, uint32_t type)
{
	uint8_t body[4096] = { 0 };

	assert_int_equal(agent_client_send(client, type, body,
					   (size_t)agent_message_body_size(type), NULL, 0, NULL),
			 0);
}

uint32_t next_type(struct agent_client *client)
{
	static uint8_t buf[AGENT_MESSAGE_MAX];
	struct message_header header;
	int len = agent_client_receive(client, buf, sizeof(buf));

	if (len <= 0)
		return 0;
	memcpy(&header, buf, sizeof(header));
	return header.type;
}

/* Is @words ("": nothing) in the file @name of the server's folder? */
static bool has_words(const struct world *world, const char *name, const char *words)
{
	char path[RUN_DIR_OCTETS + 16], text[4096];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", world->run_dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return strstr(text, words) != NULL;
}

static bool comes_to_have(const struct world *world, const char *name, const char *words)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	for (int i = 0; i < 500; i++) {
		if (has_words(world, name, words))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool has_mark(const struct world *world, const char *mark)
{
	return comes_to_have(world, mark, "");
}

bool says(const struct world *world, const char *words)
{
	return comes_to_have(world, "log", words);
}
