/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_CONNTRACK_H
#define LOADER_CONNTRACK_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "loader/flow_key.h"

/* A connection as conntrack keeps it: the first packet's tuple, and that of the answer to expect.
 * Where nothing is translated the second is the mirror of the first. */
struct conntrack_entry {
	struct flow_end orig_source, orig_dest;
	struct flow_end reply_source, reply_dest;
	uint8_t protocol;
};

/** conntrack_read() - the entry that @header tells; false for other messages, and for what is
 * incomplete. Pure. */
bool conntrack_read(const struct nlmsghdr *header, struct conntrack_entry *ret_entry);
/** conntrack_is_translated() - is the answer's tuple another than the mirror of the first? Pure. */
bool conntrack_is_translated(const struct conntrack_entry *entry);
/** conntrack_forwarded() - the flow as the host stack lets it out, behind its translation. Pure. */
void conntrack_forwarded(const struct conntrack_entry *entry, struct flow_key *ret_key);

typedef int conntrack_fn(const struct conntrack_entry *entry, void *arg);
/** conntrack_for_each() - call @fn for each entry of the kernel's table; its first answer but 0
 * ends the walk. That, 0, or -errno (-EOPNOTSUPP and the like: no conntrack here). */
int conntrack_for_each(conntrack_fn *fn, void *arg);

#endif /* LOADER_CONNTRACK_H */
