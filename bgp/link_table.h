/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_LINK_TABLE_H
#define BGP_LINK_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "ip_address.h"
#include "lib/config_filter.h"

/* The subnets of this node's links, for filters that ask for a link. A table is never changed:
 * when the links are others there is another one. */

struct link_row {
	struct ip_prefix subnet;
	char name[CONFIG_INTERFACE_MAX_LEN + 1];
};

struct link_table {
	unsigned int references;
	struct link_row *row;
	size_t count;
};

/** link_table_read() - ask the kernel. 0 and a table with one reference, or -errno. */
int link_table_read(struct link_table **ret_table);
/** link_table_read_from() - the same from files as /proc/net/route and /proc/net/if_inet6. */
int link_table_read_from(const char *route_path, const char *inet6_path,
			 struct link_table **ret_table);
struct link_table *link_table_ref(struct link_table *table); /* NULL is fine, as in all below */
void link_table_unref(struct link_table *table);
bool link_table_equal(const struct link_table *a, const struct link_table *b);
/** link_table_find() - the link on whose subnet @addr is, the narrowest; NULL: none. */
const char *link_table_find(const struct link_table *table, const struct ip_addr *addr);

#endif /* BGP_LINK_TABLE_H */
