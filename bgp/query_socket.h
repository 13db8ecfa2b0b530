/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_QUERY_SOCKET_H
#define BGP_QUERY_SOCKET_H

#include <stdbool.h>

#include "lib/event_loop.h"

struct speaker;

/* RUN-DIR/bgp.sock: questions about BGP (include/agent_protocol.h). */
struct query_socket;

/** query_socket_new() - nothing listens yet; @loop is borrowed. 0 or -ENOMEM. */
int query_socket_new(struct event_loop *loop, struct query_socket **ret_socket);
void query_socket_free(struct query_socket *socket); /* NULL is fine */

bool query_socket_is_open(const struct query_socket *socket);
/** query_socket_take() - listen on @fd, which is taken, in the place of any before. */
void query_socket_take(struct query_socket *socket, int fd);
/** query_socket_open() - bind RUN_DIR/bgp.sock ourselves. 0 or -errno. */
int query_socket_open(struct query_socket *socket, const char *run_dir);

typedef void query_lost_fn(void *arg);
/** query_socket_watch() - from now on, call @lost every few seconds while the file of a socket that
 * was taken, RUN_DIR/bgp.sock, is somebody else's or gone. 0 or -errno. */
int query_socket_watch(struct query_socket *socket, const char *run_dir, query_lost_fn *lost,
		       void *arg);

/** query_socket_use() - @speaker answers from now on, NULL: nobody; it is borrowed. Answers under
 * way end with an error. */
void query_socket_use(struct query_socket *socket, struct speaker *speaker);

#endif /* BGP_QUERY_SOCKET_H */
