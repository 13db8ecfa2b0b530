/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_AGENT_CALL_H
#define CNI_AGENT_CALL_H

#include "cni/netconf.h"

/* Seconds that the plugin may be without a sign of life of the agent before its alarm ends it. */
#define AGENT_CALL_ALARM_S 9

#define NAMESPACE_FDS 2

struct namespace_fds {
	int fd[NAMESPACE_FDS]; /* the pod's namespace; a netlink socket in it */
};

/** agent_call() - carry the request (with @fds, or NULL) to the agent and wait for its reply: some
 * 8 seconds for an agent that hangs (STATUS: 5), up to 75 (25) for one that works; each sign of
 * life sets the alarm anew. ADD waits up to 3 for an agent that is just starting. 0 and *ret_reply,
 * or -errno with *ret_error (code 11, of STATUS 50): the agent is away, hangs, is too busy or does
 * not understand. */
int agent_call(const struct netconf *conf, const struct namespace_fds *fds,
	       struct msg_cni_reply *ret_reply, struct cni_error *ret_error);

/** agent_detach() - DEL: the same; when the agent is away or hangs it leaves a note for it in
 * RUN-DIR/deletes/ and succeeds, also when the note cannot be written. */
int agent_detach(const struct netconf *conf, struct msg_cni_reply *ret_reply);

#endif /* CNI_AGENT_CALL_H */
