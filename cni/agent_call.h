/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_AGENT_CALL_H
#define CNI_AGENT_CALL_H

#include "cni/netconf.h"

/** agent_call() - carry the request to the agent and wait for its reply, at most 8 seconds. ADD
 * waits up to 3 of them for an agent that is just starting. 0 and *ret_reply, or -errno with
 * *ret_error (code 11, of STATUS 50): the agent is away, hangs or does not understand. */
int agent_call(const struct netconf *conf, const int *fds, size_t fd_count,
	       struct msg_cni_reply *ret_reply, struct cni_error *ret_error);

/** agent_detach() - DEL: the same; when the agent is away or hangs it leaves a note for it in
 * RUN-DIR/deletes/ and succeeds, also when the note cannot be written. */
int agent_detach(const struct netconf *conf, struct msg_cni_reply *ret_reply);

#endif /* CNI_AGENT_CALL_H */
