/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cluster.c: what a watcher says on the agent's own socket, and what becomes of it: taken
 * whole, refused whole, forgotten when it is cut short. The server, the parser and the file of
 * state are the real ones; the agent's other parts are counted here.
 *
 * links: loader/cluster.c loader/cluster_status.c loader/cluster_facts.c loader/cluster_state.c
 * links: loader/cni_request_check.c
 * links: loader/server.c loader/client.c loader/requests.c lib/agent_client.c lib/unix_socket.c
 * links: lib/event_loop.c lib/timer_heap.c lib/sealed_text.c lib/ip_prefix.c lib/text.c lib/log.c
 * links: lib/next_hops.c lib/config*.c lib/file_mark.c
 * libs: -lyaml
 */
#include "loader/cluster.h"

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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/agent_client.h"
#include "lib/config.h"
#include "lib/event_loop.h"
#include "lib/sealed_text.h"
#include "lib/unix_socket.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/cni_requests.h"
#include "loader/queries.h"

#define OWN   "node: {name: n1, addresses: [192.0.2.1]}\n"
#define POOL  "pools: [{name: p, cidr: 10.244.0.0/16, blocks: [10.244.1.0/24]}]\n"
#define FIRST OWN POOL
#define NEXT  OWN POOL "reserved: [10.244.1.9/32]\n"
/* The agent of this test has no memory for what names this node. */
#define HEAVY OWN POOL "nodes: [{name: heavy, addresses: [192.0.2.9]}]\n"

/* --- the agent's other parts --- */

struct counts {
	uint32_t starts, changes;
};

static struct counts counts;

int agent_start(struct agent *agent)
{
	counts.starts++;
	agent->is_running = true;
	return 0;
}

int cluster_apply(struct agent *agent, const struct config *next)
{
	for (size_t i = 0; i < next->node_count; i++)
		if (strcmp(next->node[i].name, "heavy") == 0)
			return -ENOMEM;
	counts.changes++;
	agent->config = next;
	return 0;
}

struct answer {
	struct client *client;
	uint32_t id;
};

static int send_line(enum status_level level, const char *text, void *arg)
{
	const struct answer *answer = arg;
	struct msg_status_line line = { .level = level };

	snprintf(line.text, sizeof(line.text), "%s", text);
	return client_send(answer->client, MSG_STATUS_LINE, answer->id, &line, sizeof(line));
}

int query_status(struct agent *agent, struct client *client, const struct request *request)
{
	struct answer answer = { client, request->id };
	struct msg_status status = {
		.cluster = (uint32_t)cluster_state(agent->cluster),
		.policies = cluster_policies(agent->cluster),
		.pods = counts.starts,
		.remote_routes = counts.changes,
	};

	client_send(client, MSG_STATUS, request->id, &status, sizeof(status));
	cluster_status(agent, send_line, &answer);
	return client_send_end(client, request->id);
}

#define HANDLER(name)                                                                       \
	int name(struct agent *agent, struct client *client, const struct request *request) \
	{                                                                                   \
		return client_send_end(client, request->id);                                \
	}

HANDLER(query_endpoints)
HANDLER(query_routes)
HANDLER(query_nodes)
HANDLER(query_pools)
HANDLER(query_address)
HANDLER(query_peers)
HANDLER(query_drops)
HANDLER(query_follow_drops)
HANDLER(query_explain)
HANDLER(handle_shutdown)
HANDLER(bgp_feed_handle_listen)
HANDLER(bgp_feed_handle_routes_begin)
HANDLER(bgp_feed_handle_route_set)
HANDLER(bgp_feed_handle_route_delete)
HANDLER(bgp_feed_handle_routes_in_sync)
HANDLER(bgp_feed_handle_peer_set)
HANDLER(bgp_feed_handle_peer_delete)
HANDLER(bgp_feed_handle_pong)
HANDLER(bgp_feed_handle_socket)
HANDLER(bgp_feed_handle_keep)
HANDLER(bgp_feed_handle_keep_all)
HANDLER(bgp_feed_handle_take)
HANDLER(bgp_feed_handle_subnets)

void cni_handle_request(struct agent *agent, const struct msg_cni_request *request, const int *fds,
			size_t fd_count, struct msg_cni_reply *ret_reply)
{
}

/* --- one agent in a child --- */

struct world {
	char dir[64], state[96];
	pid_t agent;
	struct agent_client watcher;
};

static void serve(const struct world *world, int ready_fd)
{
	struct event_loop *loop;
	struct config *base;
	struct config_error error;
	char text[256];
	const struct config_source source = { .file = "t", .base = text };
	struct config_source with_length;
	struct agent agent = { .run_dir = world->dir, .base = text };

	signal(SIGPIPE, SIG_IGN);
	snprintf(text, sizeof(text), "kubernetes: {node: n1, state: %s}\n", world->state);
	with_length = source;
	with_length.base_len = agent.base_len = strlen(text);
	if (config_parse_cluster(&with_length, &base, &error) < 0 || event_loop_new(&loop) < 0)
		_exit(1);
	agent.config = base;
	agent.loop = loop;
	if (cluster_open(&agent, &agent.cluster) < 0 || server_open(&agent, &agent.server) < 0)
		_exit(2);
	agent.is_running = !cluster_waits(agent.cluster);
	if (write(ready_fd, "r", 1) != 1)
		_exit(3);
	event_loop_run(loop);
	_exit(0);
}

static void start(struct world *world)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	world->agent = fork();
	if (world->agent == 0)
		serve(world, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

static void stop(struct world *world)
{
	kill(world->agent, SIGKILL);
	waitpid(world->agent, NULL, 0);
}

static struct agent_client connect_as(const struct world *world, uint32_t role)
{
	struct msg_hello_reply reply;
	struct agent_client client;

	assert_int_equal(agent_client_connect(&client, world->dir, "agent", 10000), 0);
	assert_int_equal(agent_client_hello(&client, role, &reply), 0);
	return client;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	strcpy(world->dir, "/tmp/tortie-cluster-XXXXXX");
	if (!mkdtemp(world->dir))
		return -1;
	snprintf(world->state, sizeof(world->state), "%s/kept/cluster.yaml", world->dir);
	start(world);
	world->watcher = connect_as(world, ROLE_KUBED);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	char command[128];

	agent_client_close(&world->watcher);
	stop(world);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->dir);
	free(world);
	return system(command);
}

/* --- what a watcher says --- */

static void begin(struct world *world)
{
	assert_int_equal(
		agent_client_send(&world->watcher, MSG_CLUSTER_BEGIN, NULL, 0, NULL, 0, NULL), 0);
}

/* Is a transaction of this watcher begun? It hears at once when another one is still there. */
static bool is_heard(struct world *world)
{
	static uint8_t buf[AGENT_MESSAGE_MAX];
	const struct message_header *header = (const void *)buf;
	const struct msg_get_objects all = { .kind = "IPPool" };

	begin(world);
	assert_int_equal(agent_client_send(&world->watcher, MSG_GET_OBJECTS, &all, sizeof(all),
					   NULL, 0, NULL),
			 0);
	assert_true(agent_client_receive(&world->watcher, buf, sizeof(buf)) > 0);
	return header->type == MSG_END;
}

/* The watcher leaves, and the next one comes as soon as the agent has seen that. */
static void come_again(struct world *world)
{
	do {
		agent_client_close(&world->watcher);
		world->watcher = connect_as(world, ROLE_KUBED);
	} while (!is_heard(world));
}

static void notice(struct world *world, const char *text)
{
	struct msg_status_line line = { .level = STATUS_WARNING };

	snprintf(line.text, sizeof(line.text), "%s", text);
	assert_int_equal(agent_client_send(&world->watcher, MSG_CLUSTER_NOTICE, &line, sizeof(line),
					   NULL, 0, NULL),
			 0);
}

/* The agent's words when it refuses; "" when it takes it, NULL when it hangs up. */
static const char *commit_fds(struct world *world, const int *fds, size_t count, const char *why)
{
	static struct {
		struct message_header header;
		struct msg_error error;
	} answer;
	struct msg_cluster_commit body = { .policies = 3 };
	int len;

	snprintf(body.why_none, sizeof(body.why_none), "%s", why);
	assert_int_equal(agent_client_send(&world->watcher, MSG_CLUSTER_COMMIT, &body, sizeof(body),
					   fds, count, NULL),
			 0);
	len = agent_client_receive(&world->watcher, &answer, sizeof(answer));
	if (len <= 0)
		return NULL;
	if (answer.header.type == MSG_END)
		return "";
	assert_int_equal(answer.header.type, MSG_ERROR);
	return answer.error.text;
}

/* Takes @fd. */
static const char *commit_fd(struct world *world, int fd)
{
	const char *words;

	assert_true(fd >= 0);
	begin(world);
	words = commit_fds(world, &fd, 1, "");
	close(fd);
	return words;
}

static const char *commit(struct world *world, const char *text)
{
	return commit_fd(world, sealed_text_make(text, strlen(text)));
}

static void take(struct world *world, const char *text)
{
	assert_string_equal(commit(world, text), "");
}

static void refused(const char *words, const char *part)
{
	assert_non_null(words);
	if (!strstr(words, part))
		fail_msg("refused with \"%s\", not \"%s\"", words, part);
}

/* --- what the agent says --- */

struct told {
	struct msg_status status;
	char lines[8192];
};

/* All that `tortie status` would hear. */
static struct told ask(const struct world *world)
{
	static uint8_t buf[AGENT_MESSAGE_MAX];
	const struct message_header *header = (const void *)buf;
	struct agent_client tool = connect_as(world, ROLE_TOOL);
	struct told told = { 0 };

	assert_int_equal(agent_client_send(&tool, MSG_GET_STATUS, NULL, 0, NULL, 0, NULL), 0);
	do {
		const struct msg_status_line *line = (const void *)(header + 1);

		assert_true(agent_client_receive(&tool, buf, sizeof(buf)) > 0);
		if (header->type == MSG_STATUS)
			memcpy(&told.status, header + 1, sizeof(told.status));
		else if (header->type == MSG_STATUS_LINE)
			snprintf(told.lines + strlen(told.lines),
				 sizeof(told.lines) - strlen(told.lines), "%s\n", line->text);
	} while (header->type != MSG_END);
	agent_client_close(&tool);
	return told;
}

static void assert_told(const struct world *world, const char *part)
{
	struct told told = ask(world);

	if (!strstr(told.lines, part))
		fail_msg("not told: \"%s\" in\n%s", part, told.lines);
}

static void assert_not_told(const struct world *world, const char *part)
{
	struct told told = ask(world);

	if (strstr(told.lines, part))
		fail_msg("told: \"%s\"", part);
}

static void assert_kept(const struct world *world, const char *text)
{
	char kept[4096] = "";
	FILE *file = fopen(world->state, "r");

	assert_non_null(file);
	assert_true(fread(kept, 1, sizeof(kept) - 1, file) > 0);
	fclose(file);
	assert_string_equal(kept, text);
}

static void assert_nothing_in_force(const struct world *world)
{
	struct told told = ask(world);

	assert_int_equal(told.status.cluster, CLUSTER_WAITING);
	assert_int_equal(told.status.pods, 0);
	assert_int_equal(access(world->state, F_OK), -1);
}

/* --- tests --- */

static void the_first_document_starts_the_agent_and_is_kept(void **state)
{
	struct world *world = *state;
	struct stat file;
	struct told told;

	assert_nothing_in_force(world);
	take(world, FIRST);
	told = ask(world);
	assert_int_equal(told.status.cluster, CLUSTER_IN_SYNC);
	assert_int_equal(told.status.policies, 3);
	assert_int_equal(told.status.pods, 1);
	assert_int_equal(told.status.remote_routes, 0);
	assert_told(world, "node address 192.0.2.1: InternalIP of Node n1");
	assert_kept(world, FIRST);
	assert_int_equal(stat(world->state, &file), 0);
	assert_int_equal(file.st_mode & 07777, 0600);
}

static void a_document_that_says_nothing_new_changes_and_writes_nothing(void **state)
{
	struct world *world = *state;
	struct stat before, after;

	take(world, FIRST);
	assert_int_equal(stat(world->state, &before), 0);
	take(world, FIRST);
	assert_int_equal(stat(world->state, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(ask(world).status.remote_routes, 0);
	take(world, NEXT);
	assert_int_equal(ask(world).status.remote_routes, 1);
	assert_kept(world, NEXT);
}

static void a_transaction_that_is_cut_short_is_forgotten(void **state)
{
	struct world *world = *state;

	begin(world);
	notice(world, "IPPool a: is odd");
	come_again(world);
	begin(world); /* what came before is forgotten here, too */
	notice(world, "IPPool b: is odd");
	take(world, FIRST);
	assert_not_told(world, "is odd");
	begin(world);
	notice(world, "IPPool c: is odd");
	come_again(world);
	take(world, NEXT);
	assert_not_told(world, "is odd");
	assert_int_equal(ask(world).status.remote_routes, 1);
}

static void a_watcher_that_leaves_leaves_what_it_said(void **state)
{
	struct world *world = *state;

	take(world, FIRST);
	come_again(world);
	assert_int_equal(ask(world).status.cluster, CLUSTER_KEPT);
	assert_told(world, "what was last known is in force");
	take(world, FIRST);
	assert_int_equal(ask(world).status.cluster, CLUSTER_IN_SYNC);
}

static void a_refused_document_leaves_the_one_before(void **state)
{
	struct world *world = *state;

	refused(commit(world, OWN "mtu: 1400\n"), "unknown key mtu");
	assert_nothing_in_force(world);
	assert_told(world, "refused, none is in force yet");
	take(world, FIRST);
	assert_not_told(world, "refused");
	refused(commit(world, "node: {name: n2, addresses: [192.0.2.1]}\n"), "this is n1");
	assert_told(world, "refused, the one before stays in force");
	assert_kept(world, FIRST);
	assert_int_equal(ask(world).status.remote_routes, 0);
	take(world, FIRST);
	assert_not_told(world, "refused");
}

static void half_a_document_is_refused(void **state)
{
	struct world *world = *state;

	take(world, NEXT);
	/* Cut anywhere: the watcher hears so, and without a whole first line nothing is taken. */
	for (size_t len = 0; len < strlen(FIRST); len++) {
		const char *words = commit_fd(world, sealed_text_make(FIRST, len));

		assert_non_null(words);
		if (len < strlen(OWN) - 1)
			assert_true(words[0] != '\0');
	}
}

static void a_change_that_cannot_be_made_is_refused(void **state)
{
	struct world *world = *state;

	take(world, FIRST);
	refused(commit(world, HEAVY), "Cannot allocate memory");
	assert_kept(world, FIRST);
	assert_told(world, "the one before stays in force: Cannot allocate memory");
	take(world, NEXT);
}

/* A memfd with @text and the seals @seals. */
static int memfd_with(const char *text, int seals)
{
	int fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void what_can_still_be_changed_is_refused(void **state)
{
	struct world *world = *state;
	int ends[2];

	refused(commit_fd(world, memfd_with(FIRST, 0)), "sealed");
	refused(commit_fd(world, memfd_with(FIRST, F_SEAL_GROW | F_SEAL_SHRINK)), "sealed");
	refused(commit_fd(world, memfd_with(FIRST, F_SEAL_GROW | F_SEAL_WRITE)), "sealed");
	refused(commit_fd(world, open("/dev/zero", O_RDONLY | O_CLOEXEC)), "memfd");
	refused(commit_fd(world, open("/etc/passwd", O_RDONLY | O_CLOEXEC)), "memfd");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	refused(commit_fd(world, ends[0]), "memfd"); /* and is not waited for */
	close(ends[1]);
	assert_nothing_in_force(world);
	take(world, FIRST);
}

static void a_document_may_have_4_mib_and_no_more(void **state)
{
	struct world *world = *state;
	char *text = malloc(CONFIG_DOCUMENT_MAX + 1);
	int fd;

	assert_non_null(text);
	memset(text, '#', CONFIG_DOCUMENT_MAX + 1);
	memcpy(text, FIRST, strlen(FIRST));
	fd = sealed_text_make(text, CONFIG_DOCUMENT_MAX + 1);
	refused(commit_fd(world, fd), "4 MiB");
	assert_nothing_in_force(world);
	fd = sealed_text_make(text, CONFIG_DOCUMENT_MAX);
	assert_string_equal(commit_fd(world, fd), "");
	free(text);
}

static void a_commit_out_of_order_cuts_the_watcher(void **state)
{
	struct world *world = *state;
	int fds[2] = { memfd_with(FIRST, 0), memfd_with(NEXT, 0) };

	assert_null(commit_fds(world, fds, 1, "")); /* no BEGIN */
	come_again(world);
	begin(world);
	assert_null(commit_fds(world, fds, 2, ""));
	come_again(world);
	begin(world);
	assert_null(commit_fds(world, NULL, 0, "")); /* neither a document nor why */
	come_again(world);
	take(world, FIRST);
	close(fds[0]);
	close(fds[1]);
}

static void without_a_document_what_is_in_force_stays_and_the_reason_is_told(void **state)
{
	struct world *world = *state;

	begin(world);
	assert_string_equal(commit_fds(world, NULL, 0, "Node n1 does not exist"), "");
	assert_nothing_in_force(world);
	assert_told(world, "cluster: waits, Node n1 does not exist");
	take(world, FIRST);
	begin(world);
	notice(world, "IPPool a: is odd");
	assert_string_equal(commit_fds(world, NULL, 0, "Node n1 is\ngone"), "");
	assert_told(world, "cluster: what was last known is in force: Node n1 is?gone");
	assert_told(world, "IPPool a: is odd");
	assert_int_equal(ask(world).status.cluster, CLUSTER_KEPT);
	assert_kept(world, FIRST);
	take(world, FIRST);
	assert_int_equal(ask(world).status.cluster, CLUSTER_IN_SYNC);
	assert_not_told(world, "Node n1 is");
}

static void the_next_start_begins_with_what_was_kept(void **state)
{
	struct world *world = *state;

	take(world, FIRST);
	stop(world);
	start(world);
	assert_int_equal(ask(world).status.cluster, CLUSTER_KEPT);
	assert_told(world, "node address 192.0.2.1");
	stop(world);
	/* Somebody else could have written it. */
	assert_int_equal(chmod(world->state, 0666), 0);
	start(world);
	assert_int_equal(ask(world).status.cluster, CLUSTER_WAITING);
	stop(world);
	assert_int_equal(chmod(world->state, 0600), 0);
	assert_int_equal(truncate(world->state, (off_t)strlen(OWN) - 3), 0);
	start(world);
	assert_int_equal(ask(world).status.cluster, CLUSTER_WAITING);
	come_again(world);
	take(world, FIRST);
	assert_kept(world, FIRST);
}

static void a_state_that_cannot_be_written_is_told_until_it_can(void **state)
{
	struct world *world = *state;
	char folder[96];

	snprintf(folder, sizeof(folder), "%s/kept", world->dir);
	/* A file where the folder should be. */
	close(open(folder, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	take(world, FIRST);
	assert_told(world, "cannot be written");
	assert_int_equal(ask(world).status.cluster, CLUSTER_IN_SYNC);
	assert_int_equal(unlink(folder), 0);
	take(world, FIRST);
	assert_not_told(world, "cannot be written");
	assert_kept(world, FIRST);
}

static void a_second_watcher_is_refused(void **state)
{
	struct world *world = *state;
	struct world second = *world;

	take(world, FIRST);
	second.watcher = connect_as(world, ROLE_KUBED);
	begin(&second);
	refused(commit_fds(&second, NULL, 0, "nothing"), "another one is connected");
	agent_client_close(&second.watcher);
	take(world, NEXT);
}

/* The document that the agent hands over now; it must be @text. */
static void assert_handed_over(const struct agent_client *speaker, const char *text)
{
	struct message_header header;
	size_t count = 0, len = 0;
	char *data = NULL;
	int fd;

	assert_int_equal(unix_socket_receive(speaker->fd, &header, sizeof(header), &fd, 1, &count),
			 sizeof(header));
	assert_int_equal(header.type, MSG_BGP_CONFIG);
	assert_int_equal(count, 1);
	assert_int_equal(sealed_text_read(fd, CONFIG_DOCUMENT_MAX, &data, &len), 0);
	assert_string_equal(data, text);
	free(data);
	close(fd);
}

static void the_speaker_gets_each_document_that_is_in_force(void **state)
{
	struct world *world = *state;
	struct agent_client speaker;

	take(world, FIRST);
	speaker = connect_as(world, ROLE_BGPD);
	assert_handed_over(&speaker, FIRST);
	take(world, FIRST); /* nothing new: nothing said */
	refused(commit(world, OWN "mtu: 1400\n"), "mtu");
	take(world, NEXT);
	assert_handed_over(&speaker, NEXT);
	agent_client_close(&speaker);
}

#define CLUSTER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLUSTER_TEST(the_first_document_starts_the_agent_and_is_kept),
		CLUSTER_TEST(a_document_that_says_nothing_new_changes_and_writes_nothing),
		CLUSTER_TEST(a_transaction_that_is_cut_short_is_forgotten),
		CLUSTER_TEST(a_watcher_that_leaves_leaves_what_it_said),
		CLUSTER_TEST(a_refused_document_leaves_the_one_before),
		CLUSTER_TEST(half_a_document_is_refused),
		CLUSTER_TEST(a_change_that_cannot_be_made_is_refused),
		CLUSTER_TEST(what_can_still_be_changed_is_refused),
		CLUSTER_TEST(a_document_may_have_4_mib_and_no_more),
		CLUSTER_TEST(a_commit_out_of_order_cuts_the_watcher),
		CLUSTER_TEST(without_a_document_what_is_in_force_stays_and_the_reason_is_told),
		CLUSTER_TEST(the_next_start_begins_with_what_was_kept),
		CLUSTER_TEST(a_state_that_cannot_be_written_is_told_until_it_can),
		CLUSTER_TEST(a_second_watcher_is_refused),
		CLUSTER_TEST(the_speaker_gets_each_document_that_is_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
