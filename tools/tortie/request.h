/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_REQUEST_H
#define TOOLS_TORTIE_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"
#include "lib/agent_client.h"

struct request_partner; /* the agent, or tortie-bgpd */

/* A conversation with one of the programs of RUN-DIR. */
struct request {
	struct agent_client client;
	struct msg_hello_reply hello;
	const char *run_dir; /* borrowed */
	const struct request_partner *partner;
	void *buffer; /* AGENT_MESSAGE_MAX octets */
};

#define REQUEST_TIMEOUT_MS 10000

/**
 * request_open() - connect and say hello; free with request_close(). 0 or -errno, nothing said:
 * request_say_error() does. @timeout_ms of each answer, 0: none.
 */
int request_open(struct request *request, const char *run_dir, int timeout_ms);
/** request_open_said() - the same with the default timeout, and the error said. */
int request_open_said(struct request *request, const char *run_dir);
/** request_open_bgp() - the same with tortie-bgpd, on its own socket. */
int request_open_bgp(struct request *request, const char *run_dir);
void request_close(struct request *request);
/** request_say_error() - why there is no agent to talk to, and the mend. */
void request_say_error(const char *run_dir, int err);

/** A record of the answer; @body is at least its type's struct. Non-zero ends the walk. */
typedef int record_fn(uint32_t type, const void *body, void *arg);

/* What is asked: @len octets of @body behind the header; NULL and 0: none. */
struct request_question {
	uint32_t type; /* enum message_type */
	const void *body;
	size_t len;
};

/**
 * request_run() - send @question, call @fn (NULL: nobody) for each record until
 * the end of the answer. 0; what @fn answered; or -errno, all said but @fn's.
 */
int request_run(struct request *request, const struct request_question *question, record_fn *fn,
		void *arg);
/** request_list() - the same for a question without a body. */
int request_list(struct request *request, uint32_t type, record_fn *fn, void *arg);

/** request_collect() - open, run @type without a body, close. 0 or -errno, said. */
int request_collect(const char *run_dir, uint32_t type, record_fn *fn, void *arg);

#endif /* TOOLS_TORTIE_REQUEST_H */
