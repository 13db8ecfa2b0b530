/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c: the agent's two sockets.
 *
 * RUN-DIR/cni.sock (0600) takes CNI requests of uid 0; RUN-DIR/agent.sock (0660, group tortie)
 * takes tools, the BGP speaker and the watcher of the cluster.
 *
 * Way of a request: accept with credentials -> receive one message and its descriptors -> check as
 * a whole (lib/agent_client.c) -> hello done and allowed? (requests.c) -> handler, which answers by
 * client_send() or client_answer() (client.c). A client with many questions shares fairly by being
 * given one message a round.
 *
 * Bounds: connections, silence; and those of client.c. Who exceeds one is cut. Without descriptors
 * nobody is accepted until the next sweep. Who may only ask cannot send any (lib/unix_socket.c).
 */
#include "loader/server.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utlist.h>

#include "lib/agent_client.h"
#include "lib/event_loop.h"
#include "lib/log.h"
#include "lib/unix_socket.h"
#include "loader/agent.h"
#include "loader/server_internal.h"
#include "node_objects.h"

#define AGENT_CLIENTS_MAX  64
#define AGENT_CLIENTS_OURS 16 /* of these, for root and the two daemons alone */
#define DAEMON_CLIENTS_MAX 6  /* of one of them, with its probes */
#define CNI_CLIENTS_MAX	   512
#define SILENCE_MS	   10000  /* before the first message */
#define SILENCE_TOOL_MS	   300000 /* between a tool's questions */
#define SWEEP_MS	   2000

/* On cni.sock there is root alone: what is wrong there is no attack, and pods do not start. */
static void say_cut(const struct client *client, int err)
{
	const char *path = client->listener->path;

	if (client->listener->is_cni && err == -EPROTO)
		log_warning("%s: a request that is none is cut: tortie-cni is of another version; "
			    "install it and tortied from the same build",
			    path);
	else if (client->listener->is_cni && err == -EMSGSIZE)
		log_warning("%s: a request is cut, its descriptors were lost: too many are open "
			    "(raise LimitNOFILE)",
			    path);
	else
		log_debug("%s: uid %u cut: %s", path, client->uid, strerror(-err));
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
		if (len < 0)
			say_cut(client, (int)len);
		client_break(client);
		return;
	}
	client->heard_ms = event_loop_now_ms();
	err = agent_message_check(server->buffer, (size_t)len);
	if (!err)
		err = request_take(client, server->buffer, fds, fd_count);
	for (size_t i = 0; i < fd_count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (err) {
		say_cut(client, err);
		client_break(client);
	}
}

static void on_client(int fd, uint32_t events, void *arg)
{
	struct client *client = arg;

	if (client->is_broken)
		return;
	if (events & EPOLLOUT)
		client_go_on(client);
	if (!client->is_broken && (events & EPOLLIN))
		client_receive(client);
	else if (!client->is_broken && (events & (EPOLLHUP | EPOLLERR)))
		client_break(client);
}

/* --- connections --- */

void server_send_document(struct server *server, int fd)
{
	struct client *client;

	DL_FOREACH(server->clients, client)
	if (client_is_bgpd(client))
		client_send_document(client, fd);
}

/* Root, or one of the two daemons. */
static bool is_ours(const struct server *server, uid_t uid)
{
	return uid == 0 || (server->has_bgpd_uid && uid == server->bgpd_uid) ||
	       (server->has_kubed_uid && uid == server->kubed_uid);
}

static size_t count_of(const struct server *server, uid_t uid)
{
	const struct client *client;
	size_t count = 0;

	DL_FOREACH(server->clients, client)
	count += client->uid == uid;
	return count;
}

/* Whoever may only ask cannot keep out those who change, nor a daemon gone wrong the others. */
static bool has_room(const struct listener *listener, uid_t uid)
{
	const struct server *server = listener->server;
	size_t max = listener->client_max;

	if (!listener->is_cni && !is_ours(server, uid))
		max -= AGENT_CLIENTS_OURS;
	if (uid != 0 && is_ours(server, uid) && count_of(server, uid) >= DAEMON_CLIENTS_MAX)
		return false;
	return listener->client_count < max;
}

/* A socket that cannot be accepted from stays readable: the loop would go round for nothing. */
static void listener_rest(struct listener *listener, int err)
{
	struct server *server = listener->server;

	event_loop_modify_fd(server->agent->loop, listener->fd, 0);
	listener->is_resting = true;
	if (!listener->is_rest_told)
		log_warning("%s: %s; who connects has to wait (raise LimitNOFILE)", listener->path,
			    strerror(-err));
	listener->is_rest_told = true;
	if (!event_timer_is_armed(&server->sweep_timer))
		event_timer_set(server->agent->loop, &server->sweep_timer, SWEEP_MS);
}

static void listener_wake(struct listener *listener)
{
	if (listener->is_resting)
		event_loop_modify_fd(listener->server->agent->loop, listener->fd, EPOLLIN);
	listener->is_resting = false;
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

	if (conn == -EMFILE || conn == -ENFILE)
		listener_rest(listener, conn);
	if (conn < 0)
		return;
	listener->is_rest_told = false;
	unix_socket_allow_descriptors(conn, is_ours(server, uid));
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
	client->events = EPOLLIN;
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

	return !client->is_kept && !client->answer.more && now_ms - client->heard_ms > limit_ms &&
	       !has_spoken(client);
}

static void on_sweep(void *arg)
{
	struct server *server = arg;
	uint64_t now_ms = event_loop_now_ms();
	struct client *client, *next;

	listener_wake(&server->cni);
	listener_wake(&server->tool);
	DL_FOREACH_SAFE(server->clients, client, next)
	{
		if (!client->is_broken && client_does_not_read(client, now_ms)) {
			log_warning("%s: uid %u does not read its answer; cut",
				    client->listener->path, client->uid);
			client->is_broken = true;
		}
		if (client->is_broken || is_too_silent(client, now_ms))
			client_free(client);
	}
	if (server->clients)
		event_timer_set(server->agent->loop, &server->sweep_timer, SWEEP_MS);
}

bool server_paths_fit(const char *run_dir)
{
	/* The longer of the two names. */
	return strlen(run_dir) + sizeof("/" AGENT_SOCKET_NAME ".sock") <= SOCKET_PATH_MAX;
}

/* Said of a socket that is there: what cannot be made is tried each second. */
static int listen_for_root(const char *path, const char *why)
{
	int fd = unix_socket_listen(path, 0600, (gid_t)-1);

	if (fd >= 0)
		log_info("%s: %s: root only", path, why);
	return fd;
}

int server_listen(const char *path)
{
	const struct group *group = getgrnam(SERVER_SOCKET_GROUP);
	int fd;

	if (!group)
		return listen_for_root(path, "no group " SERVER_SOCKET_GROUP " on this machine");
	fd = unix_socket_listen(path, 0660, group->gr_gid);
	if (fd != -EPERM)
		return fd;
	/* Not a member and no CAP_CHOWN: the unit lacks SupplementaryGroups. */
	return listen_for_root(path, "cannot be given to group " SERVER_SOCKET_GROUP);
}

/* Listen at its path, in the place of what it listened on before. */
static int listener_bind(struct listener *listener)
{
	struct event_loop *loop = listener->server->agent->loop;
	int fd = listener->is_cni ? unix_socket_listen(listener->path, 0600, (gid_t)-1)
				  : server_listen(listener->path);
	int err;

	if (fd < 0)
		return fd;
	err = event_loop_add_fd(loop, fd, EPOLLIN, on_accept, listener);
	if (err < 0) {
		close(fd);
		return err;
	}
	if (listener->fd >= 0) {
		event_loop_remove_fd(loop, listener->fd);
		close(listener->fd);
	}
	listener->fd = fd;
	listener->is_resting = false;
	listener->mark = file_mark_take(listener->path);
	return 0;
}

static int listener_open(struct server *server, struct listener *listener, const char *name)
{
	int err;

	listener->server = server;
	snprintf(listener->path, sizeof(listener->path), "%s/%s.sock", server->agent->run_dir,
		 name);
	err = listener_bind(listener);
	if (err < 0)
		log_error("%s: cannot listen: %s; say --run-dir DIR, a folder of its own that root "
			  "may write",
			  listener->path,
			  err == -EADDRINUSE ? "another tortied answers there" : strerror(-err));
	return err;
}

static void listener_restore(struct listener *listener)
{
	int err;

	if (listener->fd < 0 || file_mark_is_there(&listener->mark, listener->path))
		return;
	err = listener_bind(listener);
	if (err == 0)
		log_warning("%s: was removed by somebody; made again", listener->path);
	else if (!listener->is_lost)
		log_error("%s: was removed by somebody and cannot be made again: %s; put its "
			  "folder right",
			  listener->path, strerror(-err));
	listener->is_lost = err < 0;
}

void server_restore(struct server *server)
{
	if (!server)
		return;
	listener_restore(&server->cni);
	listener_restore(&server->tool);
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
	if (file_mark_is_there(&listener->mark, listener->path))
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
		client_go_on(client); /* the answer to MSG_SHUTDOWN */
		client_free(client);
	}
	event_timer_cancel(server->agent->loop, &server->sweep_timer);
	listener_close(server->agent->loop, &server->cni);
	listener_close(server->agent->loop, &server->tool);
	free(server->buffer);
	free(server);
}
