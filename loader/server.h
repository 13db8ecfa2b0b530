/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_SERVER_H
#define LOADER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent_protocol.h"

struct agent;
struct server;

/* A connection on cni.sock or agent.sock. Answers are queued without bound of time, with a bound in
 * octets; a client that does not read is cut. */
struct client;

/* One checked message; borrowed for the handler's call. */
struct request {
	uint32_t id;	  /* repeated in every answer */
	const void *body; /* at least the struct of the type */
	size_t len;	  /* octets of body */
	int *fds;	  /* close-on-exec; closed after the call unless set to -1 (taken) */
	size_t fd_count;
};

/** A request handler. Returns 0, or -errno to cut the connection. */
typedef int request_fn(struct agent *agent, struct client *client, const struct request *request);

/* Who is in it may ask on agent.sock, where the machine has such a group. */
#define SERVER_SOCKET_GROUP "tortie"

/** server_paths_fit() - are the sockets' paths in @run_dir short enough for the kernel? */
bool server_paths_fit(const char *run_dir);
/** server_listen() - bind and listen at @path, as agent.sock: for the group where there is one and
 * we may give it away, else for root only, said in the log. The caller's fd, or -errno as
 * unix_socket_listen(). */
int server_listen(const char *path);
int server_open(struct agent *agent, struct server **ret_server);
void server_close(struct server *server);

/** client_send() - one message with @id of the request. 0 or -errno (the client will be cut). */
int client_send(struct client *client, uint32_t type, uint32_t id, const void *body, size_t len);
/** client_send_fd() - MSG_END with one descriptor (borrowed). 0 or -errno. */
int client_send_fd(struct client *client, uint32_t id, int fd);
/** client_send_session() - MSG_BGP_SESSION with one descriptor (borrowed). 0 or -errno. */
int client_send_session(struct client *client, uint32_t id, int fd);
int client_send_end(struct client *client, uint32_t id);
int client_send_error(struct client *client, uint32_t id, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
bool client_is_root(const struct client *client);
bool client_is_bgpd(
	const struct client *client); /* said ROLE_BGPD and is root or config->bgpd_user */
bool client_is_kubed(
	const struct client *client); /* said ROLE_KUBED and is root or config->kube.user */
/** server_send_document() - MSG_BGP_CONFIG with @fd (borrowed) to every BGP speaker. */
void server_send_document(struct server *server, int fd);
/** client_send_document() - the same, to one. 0 or -errno. */
int client_send_document(struct client *client, int fd);
/** client_is_behind() - so much is queued for it that records it can do without should be skipped.
 */
bool client_is_behind(const struct client *client);
/** client_keep() - this connection may be silent for good (a follower, a speaker). */
void client_keep(struct client *client);
typedef void client_gone_fn(struct client *client, void *arg);
/** client_on_gone() - call @fn once, before @client is freed; several parts may ask. 0, -EALREADY
 * when this one has asked before, or -ENOSPC. */
int client_on_gone(struct client *client, client_gone_fn *fn, void *arg);

#endif /* LOADER_SERVER_H */
