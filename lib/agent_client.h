/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AGENT_CLIENT_H
#define LIB_AGENT_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

/*
 * A blocking client of the agent, for programs that ask and wait (tortie, tortie-cni). Every call
 * ends after the timeout given at connect (0: none), with -ETIMEDOUT.
 */
struct agent_client {
	int fd;
	uint32_t last_id;
	int timeout_ms;
};

/** agent_client_connect() - connect to RUN_DIR/NAME.sock. 0 or -errno. No hello is sent (see
 * below). */
int agent_client_connect(struct agent_client *client, const char *run_dir, const char *name,
			 int timeout_ms);
/** agent_client_set_timeout() - another time for the calls from now on. 0 or -errno. */
int agent_client_set_timeout(struct agent_client *client, int timeout_ms);
/** agent_client_hello() - first exchange on agent.sock or bgp.sock. 0 or -errno (-EPROTO: versions
 * differ; -EBUSY: it answers too many already). */
int agent_client_hello(struct agent_client *client, uint32_t role,
		       struct msg_hello_reply *ret_reply);
/** agent_client_send() - header and @body; *ret_id (may be NULL) is the id that answers carry. 0 or
 * -errno. */
int agent_client_send(struct agent_client *client, uint32_t type, const void *body, size_t len,
		      const int *fds, size_t fd_count, uint32_t *ret_id);
/**
 * agent_client_receive() - next message into @buf (AGENT_MESSAGE_MAX octets), header checked:
 * length right, type known, the body at least as long as the type's struct. Returns length of the
 * message, 0 at end of file, or -errno (-EPROTO: malformed).
 */
int agent_client_receive(struct agent_client *client, void *buf, size_t size);
void agent_client_close(struct agent_client *client);

/** agent_message_body_size() - octets of the struct of @type (0: no body), or -EPROTO for an
 * unknown type. */
int agent_message_body_size(uint32_t type);
/** agent_message_check() - is @len octets at @data a whole, well-formed message (header and body
 * length)? 0 or -EPROTO. */
int agent_message_check(const void *data, size_t len);

#endif /* LIB_AGENT_CLIENT_H */
