/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_EXPLAIN_TARGET_H
#define TOOLS_TORTIE_EXPLAIN_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

/* One end of the packet to explain. */
struct explain_target {
	char name[NAME_MAX_LEN + 1]; /* address without brackets, or a pod's name */
	bool is_address;
	struct ip_addr addr; /* when is_address */
	uint32_t port;	     /* 0: none */
	uint32_t protocol;   /* IP protocol number, 0: not said */
};

/**
 * explain_target_parse() - "END[:PORT][/PROTOCOL]". 0, or -EINVAL with *ret_error words (a
 * literal). Pure.
 */
int explain_target_parse(const char *text, struct explain_target *ret, const char **ret_error);

/** explain_target_settle() - both ends as one request: families agree, the protocol chosen (tcp
 * with a port, else icmp), IPv6 addresses get ICMPv6. 0 or -EINVAL with words. */
int explain_target_settle(const struct explain_target *from, struct explain_target *to,
			  const char **ret_error);

#endif /* TOOLS_TORTIE_EXPLAIN_TARGET_H */
