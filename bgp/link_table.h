/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_LINK_TABLE_H
#define BGP_LINK_TABLE_H

#include <stddef.h>

#include "ip_address.h"
#include "lib/config_filter.h"

/* The subnets of this node's links, for filters that ask for a link. */

struct link_row {
	struct ip_prefix subnet;
	char name[CONFIG_INTERFACE_MAX_LEN + 1];
};

struct link_table {
	struct link_row *row;
	size_t count;
};

/** link_table_read() - ask the kernel anew. 0, or -errno and what was there stays. */
int link_table_read(struct link_table *table);
void link_table_fini(struct link_table *table);
/** link_table_find() - the link on whose subnet @addr is, the narrowest; NULL: none. */
const char *link_table_find(const struct link_table *table, const struct ip_addr *addr);

#endif /* BGP_LINK_TABLE_H */
