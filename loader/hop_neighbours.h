/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_HOP_NEIGHBOURS_H
#define LOADER_HOP_NEIGHBOURS_H

#include <stdbool.h>

struct hop_groups;
struct nlmsghdr;

/* Next hops of groups as neighbours: who does not answer is not used while another does. */

/** hop_neighbours_heard() - take a notification; true when next hops are usable or not any more. */
bool hop_neighbours_heard(struct hop_groups *groups, const struct nlmsghdr *header);
/** hop_neighbours_ask() - look at those that are awaited, and make the kernel ask for them. True as
 * above. */
bool hop_neighbours_ask(struct hop_groups *groups);
/** hop_neighbours_are_awaited() - is there a next hop on an up uplink that has not answered yet? */
bool hop_neighbours_are_awaited(const struct hop_groups *groups);

#endif /* LOADER_HOP_NEIGHBOURS_H */
