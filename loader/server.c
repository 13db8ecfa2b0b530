/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c: the agent's two sockets.
 *
 * RUN-DIR/cni.sock (0600) takes CNI requests of uid 0; RUN-DIR/agent.sock (0660, group tortie)
 * takes tools and the BGP speaker. A message is checked as a whole by lib/agent_client.c before
 * anyone looks inside; what may be asked by whom is the table `handlers` below, and nothing else.
 *
 * Way of a request: accept with credentials -> receive one message and its descriptors -> check ->
 * hello done and allowed? -> handler, which answers by client_send(). Answers go out at once while
 * the socket takes them, then into the client's queue. The loop is single-threaded: a handler runs
 * to its end before the next message is read, so a client with many questions shares fairly by
 * being given one message a round.
 *
 * Bounds: connections, octets queued for one client, silence. Who exceeds one is cut. A client is
 * never freed under a handler's feet: it is marked, and freed by a timer that is due at once.
 */
#include "loader/server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <utlist.h>

#include "dataplane_abi.h"
#include "lib/agent_client.h"
#include "lib/event_loop.h"
#include "lib/log.h"
#include "lib/unix_socket.h"
#include "loader/agent.h"
#include "loader/bgp_feed.h"
#include "loader/cluster.h"
#include "loader/cni_requests.h"
#include "loader/queries.h"
#include "node_objects.h"

#define AGENT_CLIENTS_MAX   64
#define AGENT_CLIENTS_OURS  16 /* of these, for root and the two daemons alone */
#define CNI_CLIENTS_MAX	    512
#define QUEUE_OCTETS_MAX    (4u << 20)
#define QUEUE_OCTETS_BEHIND (256u << 10)
#define FAREWELLS_MAX	    4	   /* parts that hold a pointer to one client */
#define SILENCE_MS	    10000  /* before the first message */
#define SILENCE_TOOL_MS	    300000 /* between a tool's questions */
#define SWEEP_MS	    2000
#define SOCKET_PATH_MAX	    108

struct outgoing {
	struct outgoing *prev, *next;
	size_t len;
	int fds[AGENT_FDS_MAX];
	size_t fd_count;
	uint8_t data[];
};

struct listener {
	struct server *server;
	int fd;
	bool is_cni;
	size_t client_count;
	size_t client_max;
	bool has_complained; /* about too many, until one leaves */
	char path[SOCKET_PATH_MAX];
};

/* One client may be the speaker and follow drops: whoever holds a pointer to it is told. */
struct farewell {
	client_gone_fn *fn;
	void *arg;
};

struct client {
	struct client *prev, *next;
	struct server *server;
	struct listener *listener;
	int fd;
	uid_t uid;
	uint32_t role; /* enum hello_role, 0 before MSG_HELLO */
	bool is_broken;
	bool is_kept;
	bool waits_to_write;
	uint64_t heard_ms;
	struct outgoing *queue;
	size_t queued_octets;
	struct farewell farewell[FAREWELLS_MAX];
};

struct server {
	struct agent *agent;
	struct listener cni, tool;
	struct client *clients;
	struct event_timer sweep_timer;
	uid_t bgpd_uid, kubed_uid;
	bool has_bgpd_uid, has_kubed_uid;
	uint8_t *buffer; /* AGENT_MESSAGE_MAX */
};

enum who_may {
	MAY_ANYONE, /* who gets past the socket's mode */
	MAY_BGPD,
	MAY_KUBED,
	MAY_ROOT,
};

static request_fn handle_hello, handle_cni;

static const struct handler {
	uint32_t type;
	enum who_may may;
	bool on_cni;
	request_fn *fn;
	bool may_wait; /* also while the cluster is waited for */
} handlers[] = {
	{ MSG_CNI_REQUEST, MAY_ROOT, true, handle_cni, true },
	{ MSG_HELLO, MAY_ANYONE, false, handle_hello, true },
	{ MSG_GET_STATUS, MAY_ANYONE, false, query_status, true },
	{ MSG_GET_ENDPOINTS, MAY_ANYONE, false, query_endpoints },
	{ MSG_GET_ROUTES, MAY_ANYONE, false, query_routes },
	{ MSG_GET_NODES, MAY_ANYONE, false, query_nodes },
	{ MSG_GET_POOLS, MAY_ANYONE, false, query_pools },
	{ MSG_GET_ADDRESS, MAY_ANYONE, false, query_address },
	{ MSG_GET_PEERS, MAY_ANYONE, false, query_peers },
	{ MSG_GET_DROPS, MAY_ANYONE, false, query_drops },
	{ MSG_FOLLOW_DROPS, MAY_ANYONE, false, query_follow_drops },
	{ MSG_EXPLAIN, MAY_ANYONE, false, query_explain },
	{ MSG_BGP_LISTEN, MAY_BGPD, false, bgp_feed_handle_listen },
	{ MSG_BGP_SOCKET, MAY_BGPD, false, bgp_feed_handle_socket },
	{ MSG_BGP_KEEP, MAY_BGPD, false, bgp_feed_handle_keep },
	{ MSG_BGP_KEEP_ALL, MAY_BGPD, false, bgp_feed_handle_keep_all },
	{ MSG_BGP_TAKE, MAY_BGPD, false, bgp_feed_handle_take },
	{ MSG_BGP_SUBNETS, MAY_BGPD, false, bgp_feed_handle_subnets },
	{ MSG_ROUTES_BEGIN, MAY_BGPD, false, bgp_feed_handle_routes_begin },
	{ MSG_ROUTE_SET, MAY_BGPD, false, bgp_feed_handle_route_set },
	{ MSG_ROUTE_DELETE, MAY_BGPD, false, bgp_feed_handle_route_delete },
	{ MSG_ROUTES_IN_SYNC, MAY_BGPD, false, bgp_feed_handle_routes_in_sync },
	{ MSG_PEER_SET, MAY_BGPD, false, bgp_feed_handle_peer_set },
	{ MSG_PEER_DELETE, MAY_BGPD, false, bgp_feed_handle_peer_delete },
	{ MSG_BGP_PONG, MAY_BGPD, false, bgp_feed_handle_pong },
	{ MSG_CLUSTER_BEGIN, MAY_KUBED, false, cluster_handle_begin, true },
	{ MSG_CLUSTER_NOTICE, MAY_KUBED, false, cluster_handle_notice, true },
	{ MSG_CLUSTER_OBJECT, MAY_KUBED, false, cluster_handle_object, true },
	{ MSG_CLUSTER_COMMIT, MAY_KUBED, false, cluster_handle_commit, true },
	{ MSG_GET_OBJECTS, MAY_ANYONE, false, query_objects, true },
	{ MSG_SHUTDOWN, MAY_ROOT, false, handle_shutdown, true },
};

static const struct handler *find_handler(uint32_t type, bool on_cni)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == type && handlers[i].on_cni == on_cni)
			return &handlers[i];
	return NULL;
}

/* --- the client's queue --- */

static void outgoing_free(struct outgoing *out)
{
	for (size_t i = 0; i < out->fd_count; i++)
		close(out->fds[i]);
	free(out);
}

static void client_break(struct client *client)
{
	struct server *server = client->server;

	client->is_broken = true;
	event_timer_set(server->agent->loop, &server->sweep_timer, 0);
}

static void client_free(struct client *client)
{
	struct server *server = client->server;
	struct outgoing *out, *next;

	for (size_t i = 0; i < FAREWELLS_MAX && client->farewell[i].fn; i++)
		client->farewell[i].fn(client, client->farewell[i].arg);
	DL_FOREACH_SAFE(client->queue, out, next)
	outgoing_free(out);
	event_loop_remove_fd(server->agent->loop, client->fd);
	close(client->fd);
	client->listener->client_count--;
	client->listener->has_complained = false;
	DL_DELETE(server->clients, client);
	free(client);
}

static void client_watch(struct client *client)
{
	bool waits = client->queue != NULL;

	if (waits == client->waits_to_write)
		return;
	client->waits_to_write = waits;
	event_loop_modify_fd(client->server->agent->loop, client->fd,
			     waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void client_flush(struct client *client)
{
	while (client->queue) {
		struct outgoing *out = client->queue;
		int err =
			unix_socket_send(client->fd, out->data, out->len, out->fds, out->fd_count);

		if (err == -EAGAIN)
			break;
		if (err) {
			client_break(client);
			return;
		}
		DL_DELETE(client->queue, out);
		client->queued_octets -= out->len;
		outgoing_free(out);
	}
	client_watch(client);
}

static struct outgoing *outgoing_new(const struct message_header *header, const void *body,
				     const int *fds, size_t fd_count)
{
	size_t len = header->length - sizeof(*header);
	struct outgoing *out = calloc(1, sizeof(*out) + header->length);

	if (!out)
		return NULL;
	out->len = header->length;
	memcpy(out->data, header, sizeof(*header));
	if (len)
		memcpy(out->data + sizeof(*header), body, len);
	for (size_t i = 0; i < fd_count; i++) {
		out->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (out->fds[i] < 0) {
			outgoing_free(out);
			return NULL;
		}
		out->fd_count++;
	}
	return out;
}

static int client_queue(struct client *client, const struct message_header *header,
			const void *body, const int *fds, size_t fd_count)
{
	bool was_empty = !client->queue;
	struct outgoing *out;

	if (client->is_broken)
		return -EPIPE;
	if (client->queued_octets + header->length > QUEUE_OCTETS_MAX) {
		log_warning("agent.sock: a client does not read its answers; cut");
		client_break(client);
		return -ENOBUFS;
	}
	out = outgoing_new(header, body, fds, fd_count);
	if (!out) {
		client_break(client);
		return -ENOMEM;
	}
	DL_APPEND(client->queue, out);
	client->queued_octets += out->len;
	if (was_empty)
		client_flush(client);
	return client->is_broken ? -EPIPE : 0;
}

int client_send(struct client *client, uint32_t type, uint32_t id, const void *body, size_t len)
{
	const struct message_header header = {
		.type = type,
		.length = (uint32_t)(sizeof(header) + len),
		.id = id,
	};

	if (len > AGENT_MESSAGE_MAX - sizeof(header))
		return -EMSGSIZE;
	return client_queue(client, &header, body, NULL, 0);
}

static int send_with_fd(struct client *client, uint32_t type, uint32_t id, int fd)
{
	const struct message_header header = {
		.type = type,
		.length = sizeof(header),
		.id = id,
	};

	return client_queue(client, &header, NULL, &fd, 1);
}

int client_send_fd(struct client *client, uint32_t id, int fd)
{
	return send_with_fd(client, MSG_END, id, fd);
}

int client_send_session(struct client *client, uint32_t id, int fd)
{
	return send_with_fd(client, MSG_BGP_SESSION, id, fd);
}

int client_send_document(struct client *client, int fd)
{
	return send_with_fd(client, MSG_BGP_CONFIG, 0, fd);
}

void server_send_document(struct server *server, int fd)
{
	struct client *client;

	DL_FOREACH(server->clients, client)
	if (client_is_bgpd(client))
		client_send_document(client, fd);
}

int client_send_end(struct client *client, uint32_t id)
{
	return client_send(client, MSG_END, id, NULL, 0);
}

int client_send_error(struct client *client, uint32_t id, int error, const char *format, ...)
{
	struct msg_error body = { .error = error < 0 ? -error : error };
	va_list args;

	va_start(args, format);
	vsnprintf(body.text, sizeof(body.text), format, args);
	va_end(args);
	return client_send(client, MSG_ERROR, id, &body, sizeof(body));
}

bool client_is_root(const struct client *client)
{
	return client->uid == 0;
}

bool client_is_bgpd(const struct client *client)
{
	const struct server *server = client->server;

	return client->role == ROLE_BGPD &&
	       (client->uid == 0 || (server->has_bgpd_uid && client->uid == server->bgpd_uid));
}

bool client_is_kubed(const struct client *client)
{
	const struct server *server = client->server;

	return client->role == ROLE_KUBED &&
	       (client->uid == 0 || (server->has_kubed_uid && client->uid == server->kubed_uid));
}

bool client_is_behind(const struct client *client)
{
	return client->queued_octets > QUEUE_OCTETS_BEHIND;
}

void client_keep(struct client *client)
{
	client->is_kept = true;
}

int client_on_gone(struct client *client, client_gone_fn *fn, void *arg)
{
	for (size_t i = 0; i < FAREWELLS_MAX; i++) {
		struct farewell *farewell = &client->farewell[i];

		if (farewell->fn == fn && farewell->arg == arg)
			return -EALREADY;
		if (farewell->fn)
			continue;
		*farewell = (struct farewell){ .fn = fn, .arg = arg };
		return 0;
	}
	return -ENOSPC;
}

/* --- requests --- */

static int handle_hello(struct agent *agent, struct client *client, const struct request *request)
{
	const struct msg_hello *hello = request->body;
	struct msg_hello_reply reply = {
		.protocol_version = AGENT_PROTOCOL_VERSION,
		.abi_version = DATAPLANE_ABI_VERSION,
		.program_version = TORTIE_VERSION,
	};
	struct utsname name;
	int err;

	if (hello->protocol_version != AGENT_PROTOCOL_VERSION)
		return client_send_error(
			client, request->id, EPROTO,
			"agent: speaks protocol version %d, not %u; use the programs "
			"of one release (agent " TORTIE_VERSION ")",
			AGENT_PROTOCOL_VERSION, hello->protocol_version);
	if (hello->role < ROLE_TOOL || hello->role > ROLE_KUBED)
		return -EPROTO;
	/* What a speaker tells now nobody could keep: it comes again, and tells all. */
	if (hello->role == ROLE_BGPD && !agent->is_running)
		return client_send_error(client, request->id, EAGAIN,
					 "agent: waits for the cluster: %s",
					 cluster_wait_words(agent));
	client->role = hello->role;
	if (client_is_bgpd(client) || client_is_kubed(client))
		client->is_kept = true;
	if (uname(&name) == 0)
		snprintf(reply.kernel_release, sizeof(reply.kernel_release), "%.63s", name.release);
	snprintf(reply.node_name, sizeof(reply.node_name), "%s", agent->config->node_name);
	err = client_send(client, MSG_HELLO_REPLY, request->id, &reply, sizeof(reply));
	return !err && client_is_bgpd(client) ? cluster_greet(agent, client) : err;
}

/* Does behind the struct follow what it says, each name with an end? */
static bool valid_list_is_sane(const struct msg_cni_request *request, size_t len)
{
	const struct msg_cni_attachment *valid = (const void *)(request + 1);

	if (request->valid_count > CNI_VALID_MAX ||
	    len != sizeof(*request) + request->valid_count * sizeof(*valid))
		return false;
	for (uint32_t i = 0; i < request->valid_count; i++)
		if (memchr(valid[i].host_ifname, '\0', sizeof(valid[i].host_ifname)) == NULL)
			return false;
	return request->verb == CNI_GC || request->valid_count == 0;
}

static bool cni_request_is_sane(const struct msg_cni_request *request, size_t len)
{
	return request->verb >= CNI_ADD && request->verb <= CNI_GC &&
	       valid_list_is_sane(request, len) && request->pool_count <= CNI_POOLS_MAX &&
	       request->family_pool_count[CNI_POOLS_V4] <= CNI_POOLS_MAX &&
	       request->family_pool_count[CNI_POOLS_V6] <= CNI_POOLS_MAX &&
	       request->address_count <= POD_ADDRESSES_MAX &&
	       request->want_count <= POD_ADDRESSES_MAX && request->delegated <= 1;
}

/* Has the plugin given up? It leaves after some seconds, and the runtime calls the ADD failed. */
static bool client_has_left(const struct client *client)
{
	struct pollfd hangup = { .fd = client->fd, .events = POLLRDHUP };

	return poll(&hangup, 1, 0) == 1;
}

static int handle_cni(struct agent *agent, struct client *client, const struct request *request)
{
	const struct msg_cni_request *cni = request->body;
	struct msg_cni_reply reply = { 0 };

	if (!cni_request_is_sane(cni, request->len))
		return -EPROTO;
	if (cni->verb == CNI_ADD && client_has_left(client))
		return -ECONNRESET;
	cni_handle_request(agent, cni, request->fds, request->fd_count, &reply);
	return client_send(client, MSG_CNI_REPLY, request->id, &reply, sizeof(reply));
}

static bool is_allowed(const struct client *client, enum who_may may)
{
	switch (may) {
	case MAY_ANYONE:
		return true;
	case MAY_BGPD:
		return client_is_bgpd(client);
	case MAY_KUBED:
		return client_is_kubed(client);
	case MAY_ROOT:
		return client_is_root(client);
	}
	return false;
}

static int dispatch(struct client *client, const uint8_t *message, int *fds, size_t fd_count)
{
	struct agent *agent = client->server->agent;
	const struct message_header *header = (const struct message_header *)(const void *)message;
	const struct request request = {
		.id = header->id,
		.body = message + sizeof(*header),
		.len = header->length - sizeof(*header),
		.fds = fds,
		.fd_count = fd_count,
	};
	bool on_cni = client->listener->is_cni;
	const struct handler *handler = find_handler(header->type, on_cni);

	if (!handler)
		return -EPROTO;
	if (!on_cni && !client->role && header->type != MSG_HELLO)
		return -EPROTO;
	if (!is_allowed(client, handler->may))
		return client_send_error(client, header->id, EPERM,
					 "agent: uid %u may not ask this; be root", client->uid);
	if (!agent->is_running && !handler->may_wait)
		return client_send_error(client, header->id, EAGAIN,
					 "agent: waits for the cluster: %s",
					 cluster_wait_words(agent));
	return handler->fn(agent, client, &request);
}

static void client_receive(struct client *client)
{
	struct server *server = client->server;
	int fds[AGENT_FDS_MAX];
	size_t fd_count = 0;
	ssize_t len = unix_socket_receive(client->fd, server->buffer, AGENT_MESSAGE_MAX, fds,
					  AGENT_FDS_MAX, &fd_count);
	int err;

	if (len == -EAGAIN || len == -EINTR)
		return;
	if (len <= 0) {
		client_break(client);
		return;
	}
	client->heard_ms = event_loop_now_ms();
	err = agent_message_check(server->buffer, (size_t)len);
	if (!err)
		err = dispatch(client, server->buffer, fds, fd_count);
	for (size_t i = 0; i < fd_count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (err) {
		log_debug("%s: uid %u cut: %s", client->listener->path, client->uid,
			  strerror(-err));
		client_break(client);
	}
}

static void on_client(int fd, uint32_t events, void *arg)
{
	struct client *client = arg;

	if (client->is_broken)
		return;
	if (events & EPOLLOUT)
		client_flush(client);
	if (!client->is_broken && (events & EPOLLIN))
		client_receive(client);
	else if (!client->is_broken && (events & (EPOLLHUP | EPOLLERR)))
		client_break(client);
}

/* --- connections --- */

/* Whoever may only ask cannot keep out those who change. */
static bool has_room(const struct listener *listener, uid_t uid)
{
	const struct server *server = listener->server;
	size_t max = listener->client_max;

	if (!listener->is_cni && uid != 0 && !(server->has_bgpd_uid && uid == server->bgpd_uid) &&
	    !(server->has_kubed_uid && uid == server->kubed_uid))
		max -= AGENT_CLIENTS_OURS;
	return listener->client_count < max;
}

static void on_accept(int fd, uint32_t events, void *arg)
{
	struct listener *listener = arg;
	struct server *server = listener->server;
	struct client *client;
	gid_t gid;
	pid_t pid;
	uid_t uid;
	int conn = unix_socket_accept(fd, &uid, &gid, &pid);

	if (conn < 0)
		return;
	client = has_room(listener, uid) ? calloc(1, sizeof(*client)) : NULL;
	if (!client ||
	    event_loop_add_fd(server->agent->loop, conn, EPOLLIN, on_client, client) < 0) {
		if (!listener->has_complained)
			log_warning("%s: too many connections; uid %u refused", listener->path,
				    uid);
		listener->has_complained = true;
		free(client);
		close(conn);
		return;
	}
	client->server = server;
	client->listener = listener;
	client->fd = conn;
	client->uid = uid;
	client->heard_ms = event_loop_now_ms();
	listener->client_count++;
	DL_APPEND(server->clients, client);
	if (!event_timer_is_armed(&server->sweep_timer))
		event_timer_set(server->agent->loop, &server->sweep_timer, SWEEP_MS);
}

static bool has_spoken(const struct client *client)
{
	struct pollfd input = { .fd = client->fd, .events = POLLIN };

	return poll(&input, 1, 0) == 1 && (input.revents & POLLIN);
}

/* When the loop was held up it may be the one who has not listened. */
static bool is_too_silent(const struct client *client, uint64_t now_ms)
{
	uint64_t limit_ms = client->role ? SILENCE_TOOL_MS : SILENCE_MS;

	return !client->is_kept && now_ms - client->heard_ms > limit_ms && !has_spoken(client);
}

static void on_sweep(void *arg)
{
	struct server *server = arg;
	uint64_t now_ms = event_loop_now_ms();
	struct client *client, *next;

	DL_FOREACH_SAFE(server->clients, client, next)
	if (client->is_broken || is_too_silent(client, now_ms))
		client_free(client);
	if (server->clients)
		event_timer_set(server->agent->loop, &server->sweep_timer, SWEEP_MS);
}

bool server_paths_fit(const char *run_dir)
{
	/* The longer of the two names. */
	return strlen(run_dir) + sizeof("/" AGENT_SOCKET_NAME ".sock") <= SOCKET_PATH_MAX;
}

int server_listen(const char *path)
{
	const struct group *group = getgrnam(SERVER_SOCKET_GROUP);
	int fd;

	if (!group) {
		log_info("%s: no group " SERVER_SOCKET_GROUP " on this machine: root only", path);
		return unix_socket_listen(path, 0600, (gid_t)-1);
	}
	fd = unix_socket_listen(path, 0660, group->gr_gid);
	if (fd != -EPERM)
		return fd;
	/* Not a member and no CAP_CHOWN: the unit lacks SupplementaryGroups. */
	log_info("%s: cannot be given to group " SERVER_SOCKET_GROUP ": root only", path);
	return unix_socket_listen(path, 0600, (gid_t)-1);
}

static int listener_open(struct server *server, struct listener *listener, const char *name)
{
	int err;

	listener->server = server;
	snprintf(listener->path, sizeof(listener->path), "%s/%s.sock", server->agent->run_dir,
		 name);
	listener->fd = listener->is_cni ? unix_socket_listen(listener->path, 0600, (gid_t)-1)
					: server_listen(listener->path);
	if (listener->fd < 0) {
		err = listener->fd;
		log_error("%s: cannot listen: %s; say --run-dir DIR, a folder of its own that root "
			  "may write",
			  listener->path,
			  err == -EADDRINUSE ? "another tortied answers there" : strerror(-err));
		return err;
	}
	return event_loop_add_fd(server->agent->loop, listener->fd, EPOLLIN, on_accept, listener);
}

static bool find_user(const char *name, uid_t *ret_uid)
{
	const struct passwd *user = getpwnam(name);

	if (user)
		*ret_uid = user->pw_uid;
	return user != NULL;
}

int server_open(struct agent *agent, struct server **ret_server)
{
	struct server *server;
	int err = -ENOMEM;

	if (!server_paths_fit(agent->run_dir))
		return -ENAMETOOLONG;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->agent = agent;
	server->cni = (struct listener){ .fd = -1, .is_cni = true, .client_max = CNI_CLIENTS_MAX };
	server->tool = (struct listener){ .fd = -1, .client_max = AGENT_CLIENTS_MAX };
	event_timer_init(&server->sweep_timer, on_sweep, server);
	server->buffer = malloc(AGENT_MESSAGE_MAX);
	if (!server->buffer)
		goto err_close;
	server->has_bgpd_uid = find_user(agent->config->bgpd_user, &server->bgpd_uid);
	if (agent->config->kubernetes)
		server->has_kubed_uid = find_user(agent->config->kube.user, &server->kubed_uid);
	err = listener_open(server, &server->cni, CNI_SOCKET_NAME);
	if (!err)
		err = listener_open(server, &server->tool, AGENT_SOCKET_NAME);
	if (err)
		goto err_close;
	*ret_server = server;
	return 0;

err_close:
	server_close(server);
	return err;
}

static void listener_close(struct event_loop *loop, struct listener *listener)
{
	if (listener->fd < 0)
		return;
	event_loop_remove_fd(loop, listener->fd);
	close(listener->fd);
	unlink(listener->path);
}

void server_close(struct server *server)
{
	struct client *client, *next;

	if (!server)
		return;
	event_timer_cancel(server->agent->loop, &server->sweep_timer);
	DL_FOREACH_SAFE(server->clients, client, next)
	{
		client_flush(client); /* the answer to MSG_SHUTDOWN */
		client_free(client);
	}
	event_timer_cancel(server->agent->loop, &server->sweep_timer);
	listener_close(server->agent->loop, &server->cni);
	listener_close(server->agent->loop, &server->tool);
	free(server->buffer);
	free(server);
}
