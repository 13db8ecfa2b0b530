/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_HOP_OBJECTS_H
#define LOADER_HOP_OBJECTS_H

#include <stdint.h>

#include "loader/hop_set.h"

struct hop_groups;

/* The kernel's next hop objects of our sets: a group for each, and its next hops. */
struct hop_objects;

/** hop_objects_open() - the sets get those that the kernel has from before. 0 or -errno. */
int hop_objects_open(struct hop_groups *groups, struct hop_objects **ret_objects);
void hop_objects_close(struct hop_objects *objects); /* the kernel keeps them; NULL is fine */
/** hop_objects_set_of_group() - the set of a group that a route of before names; NULL: unknown. */
struct hop_set *hop_objects_set_of_group(struct hop_objects *objects, uint32_t id);
/** hop_objects_id() - the number of the set's group, made or brought up to date now; 0 and *ret_err
 * when the kernel has none of its next hops. */
uint32_t hop_objects_id(struct hop_objects *objects, struct hop_set *set, int *ret_err);
/** hop_objects_compare() - put right what the kernel has, as the sets are resolved; objects of ours
 * that no set has go. How many were missing or wrong though no link had changed; or -errno. */
int hop_objects_compare(struct hop_objects *objects);
/** hop_objects_drop() - delete those of a set that no route names any more. */
void hop_objects_drop(struct hop_objects *objects, struct hop_set *set);
/** hop_objects_is_lost() - is a notification about one of ours that somebody else took or changed?
 */
struct nlmsghdr;
bool hop_objects_is_lost(struct hop_objects *objects, const struct nlmsghdr *header);

#endif /* LOADER_HOP_OBJECTS_H */
