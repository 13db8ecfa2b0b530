/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_WORDS_H
#define TOOLS_TORTIE_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* Numbers of the agent's messages as words; an unknown number is "unknown". Literals, borrowed. */
const char *words_peer_state(uint32_t state);	 /* enum peer_state: "Established" */
const char *words_bfd_state(uint32_t state);	 /* enum bgp_bfd_state: "Up"; none: "-" */
const char *words_peer_kind(uint32_t kind);	 /* enum peer_kind: "node-to-node mesh" */
const char *words_route_source(uint32_t source); /* enum route_source: "bgp" */
const char *words_route_state(uint32_t state);	 /* enum route_state: "active" */
const char *words_hook(uint32_t hook);		 /* enum dataplane_hook: "from_pod" */
const char *words_drop_name(uint32_t reason);	 /* enum drop_reason: "SOURCE_MAC" */
const char *words_drop_text(uint32_t reason);	 /* "source MAC is not the pod's" */
const char *words_step_name(uint32_t id);	 /* enum explain_step_id: "TO_PEER" */
const char *words_step_text(uint32_t id);
const char *words_protocol(uint32_t protocol); /* IP protocol number: "tcp" */

#define WORDS_MAX 32

/** words_duration() - "45s", "2m13s", "3h05m", "4d02h". Returns @buf of at least WORDS_MAX. */
const char *words_duration(uint64_t seconds, char *buf, size_t size);
/** words_octets() - "512 B", "1.6 MiB". */
const char *words_octets(uint64_t octets, char *buf, size_t size);
/** words_time() - seconds of CLOCK_REALTIME as RFC 3339 in UTC. */
const char *words_time(int64_t seconds, char *buf, size_t size);

#endif /* TOOLS_TORTIE_WORDS_H */
