/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_NODE_H
#define TOOLS_TORTIE_NODE_H

#include <stdint.h>

#include "agent_protocol.h"

struct json_object;

/** peer_convert() - a peer as a map of `tortie node status`; @now_s is CLOCK_REALTIME. The caller
 * owns the result. */
struct json_object *peer_convert(const struct msg_peer *peer, int64_t now_s);

#endif /* TOOLS_TORTIE_NODE_H */
