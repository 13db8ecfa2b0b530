/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AGENT_LINK_H
#define LIB_AGENT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"
#include "lib/event_loop.h"

/*
 * A daemon's connection to the agent, in its event loop, for programs that never wait: made again
 * whenever it breaks, for ever.
 */
struct agent_link;

struct agent_link_ops {
	/* The agent answered our hello. */
	void (*greeted)(const struct msg_hello_reply *reply, void *arg);
	/* Any other message, after that, checked by agent_message_check(). *fd: the descriptor that
	 * came with it, or -1; who keeps it sets *fd to -1. */
	void (*message)(const struct message_header *header, const void *body, int *fd, void *arg);
	/* After -EAGAIN, or agent_link_await_room(): the socket takes more. */
	void (*has_room)(void *arg);
	/* The connection is gone, or none could be made; @was_greeted: it was one. */
	void (*lost)(bool was_greeted, void *arg);
};

/* Who connects. */
struct agent_link_self {
	uint32_t role;	       /* enum hello_role */
	const char *meanwhile; /* what the log says when the agent is away, constant */
};

/** agent_link_new() - for RUN-DIR/agent.sock; @ops and what it needs live as long as the link. 0 or
 * -ENOMEM. */
int agent_link_new(struct event_loop *loop, const char *run_dir, const struct agent_link_self *self,
		   struct agent_link **ret);
/** agent_link_start() - connect; @ops is called from the loop, or from here. */
void agent_link_start(struct agent_link *link, const struct agent_link_ops *ops, void *arg);
void agent_link_free(struct agent_link *link); /* nothing is told; NULL is fine */

bool agent_link_is_greeted(const struct agent_link *link);
const char *agent_link_path(const struct agent_link *link);
/** agent_link_send() - a message of at most AGENT_LINK_BODY_MAX octets of body. 0, -EAGAIN: later
 * (has_room), or another -errno after which lost was called. */
int agent_link_send(struct agent_link *link, uint32_t type, uint32_t id, const void *body,
		    size_t len);
#define AGENT_LINK_BODY_MAX 1008
/** agent_link_send_message() - the same for a message that stands whole in memory, header->length
 * octets, with a descriptor (borrowed) when @fd is not -1. */
int agent_link_send_message(struct agent_link *link, const struct message_header *header, int fd);
/*
 * For a program that is about to end, and then must not go on with the link but free it. Both wait
 * until event_loop_now_ms() is @until_ms, and call nothing of ops.
 */
/** agent_link_send_waiting() - as agent_link_send_message(). 0, -ETIMEDOUT or another -errno. */
int agent_link_send_waiting(struct agent_link *link, const struct message_header *header, int fd,
			    uint64_t until_ms);
/** agent_link_await_answer() - read over everything else up to the end of the request @id: 0; or
 * -errno, the agent's own when it refuses, else -ETIMEDOUT, -EPROTO or the socket's. */
int agent_link_await_answer(struct agent_link *link, uint32_t id, uint64_t until_ms);
/** agent_link_await_room() - call has_room when the socket takes something. */
void agent_link_await_room(struct agent_link *link);
/** agent_link_drop() - close the connection, saying @why; it is made again soon. */
void agent_link_drop(struct agent_link *link, const char *why);

#endif /* LIB_AGENT_LINK_H */
