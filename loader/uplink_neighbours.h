/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_UPLINK_NEIGHBOURS_H
#define LOADER_UPLINK_NEIGHBOURS_H

#include <stdbool.h>
#include <stdint.h>

struct netlink;
struct nlmsghdr;

/** uplink_can_solicit() - does @header tell of a link-local IPv6 address that may be used from now
 * on? */
bool uplink_can_solicit(const struct nlmsghdr *header);
/** uplink_solicit_again() - make the kernel ask at once for the IPv6 neighbours of a link that have
 * not answered yet. How many, or -errno. */
int uplink_solicit_again(struct netlink *netlink, uint32_t ifindex);

#endif /* LOADER_UPLINK_NEIGHBOURS_H */
