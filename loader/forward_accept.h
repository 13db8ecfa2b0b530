/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_FORWARD_ACCEPT_H
#define LOADER_FORWARD_ACCEPT_H

#include <stdbool.h>

#include "agent_protocol.h"

struct agent;
struct forward_accept;

/** forward_accept_open() - with `forwarding: {accept: true}`: write our rules and keep them; else
 * remove those from before. 0 or -errno; a kernel that refuses is told by status. */
int forward_accept_open(struct agent *agent, struct forward_accept **ret_accept);
void forward_accept_close(struct forward_accept *accept); /* NULL is fine; the rules stay */
/** forward_accept_config_changed() - the pools may be others. */
void forward_accept_config_changed(struct forward_accept *accept);
/** forward_accept_find_drop() - a firewall that drops what is forwarded and where we accept
 * nothing: true with words that name its chain and the mend. */
bool forward_accept_find_drop(struct agent *agent, char ret_words[TEXT_MAX + 1]);

#endif /* LOADER_FORWARD_ACCEPT_H */
