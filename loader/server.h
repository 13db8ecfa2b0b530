/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_SERVER_H
#define LOADER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent_protocol.h"
#include "loader/client.h"

struct agent;
struct server;

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
/** server_restore() - make a socket again whose file somebody removed; said in the log. NULL is
 * fine. */
void server_restore(struct server *server);
/** server_send_document() - MSG_BGP_CONFIG with @fd (borrowed) to every BGP speaker. */
void server_send_document(struct server *server, int fd);

#endif /* LOADER_SERVER_H */
