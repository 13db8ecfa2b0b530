/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CLIENT_H
#define LOADER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A connection on cni.sock or agent.sock. What is sent is queued, with a bound in octets and one in
 * time; a client that does not read is cut. */
struct client;

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
/** client_send_document() - the same, to one. 0 or -errno. */
int client_send_document(struct client *client, int fd);

/** answer_more_fn - send @client the next records of the answer @id, a few of them. 1: there are
 * more; 0: these were all (MSG_END is sent by the caller); -errno: the client is cut. */
typedef int answer_more_fn(struct client *client, uint32_t id, void *arg);
typedef void answer_free_fn(void *arg);
/** client_answer() - an answer that may be long, made as fast as @client reads it and closed by
 * MSG_END. @arg is taken: @free is called at the end of it or of the client. 0. */
int client_answer(struct client *client, uint32_t id, answer_more_fn *more, answer_free_fn *free,
		  void *arg);

/** client_is_behind() - so much is queued for it that records it can do without should be skipped.
 */
bool client_is_behind(const struct client *client);
/** client_keep() - this connection may be silent for good (a follower, a speaker). */
void client_keep(struct client *client);
typedef void client_gone_fn(struct client *client, void *arg);
/** client_on_gone() - call @fn once, before @client is freed; several parts may ask. 0, -EALREADY
 * when this one has asked before, or -ENOSPC. */
int client_on_gone(struct client *client, client_gone_fn *fn, void *arg);

#endif /* LOADER_CLIENT_H */
