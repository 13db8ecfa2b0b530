/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CNI_REQUESTS_H
#define LOADER_CNI_REQUESTS_H

#include <stddef.h>

#include "agent_protocol.h"

struct agent;

/**
 * cni_handle_request() - carry out one MSG_CNI_REQUEST; @fds are borrowed by the caller's message:
 * what is used longer is duplicated. Fills @ret_reply always (code 0 or a CNI error code with
 * words).
 */
void cni_handle_request(struct agent *agent, const struct msg_cni_request *request, const int *fds,
			size_t fd_count, struct msg_cni_reply *ret_reply);
/** cni_replay_deletes() - carry out the DELs noted in RUN-DIR/deletes/ while the agent
 * was away. */
void cni_replay_deletes(struct agent *agent);

#endif /* LOADER_CNI_REQUESTS_H */
