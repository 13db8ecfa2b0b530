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

/**
 * A request handler: @body has at least the struct of the type; @fds (close-on-exec) are closed by
 * the server after the call unless the handler set the entry to -1 (taken). Return 0, or -errno to
 * cut the connection.
 */
typedef int request_fn(struct agent *agent, struct client *client,
		       const struct message_header *header, const void *body, int *fds,
		       size_t fd_count);

int server_open(struct agent *agent, struct server **ret_server);
void server_close(struct server *server);

/** client_send() - one message with @id of the request; @fds borrowed. 0 or -errno (the client will
 * be cut). */
int client_send(struct client *client, uint32_t type, uint32_t id, const void *body, size_t len,
		const int *fds, size_t fd_count);
int client_send_end(struct client *client, uint32_t id);
int client_send_error(struct client *client, uint32_t id, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
bool client_is_root(const struct client *client);
bool client_is_bgpd(
	const struct client *client); /* said ROLE_BGPD and is root or config->bgpd_user */
/** client_is_behind() - so much is queued for it that records it can do without should be skipped.
 */
bool client_is_behind(const struct client *client);
/** client_keep() - this connection may be silent for good (a follower, a speaker). */
void client_keep(struct client *client);
typedef void client_gone_fn(struct client *client, void *arg);
void client_on_gone(struct client *client, client_gone_fn *fn,
		    void *arg); /* called once, before it is freed */

#endif /* LOADER_SERVER_H */
