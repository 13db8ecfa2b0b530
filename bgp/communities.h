/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_COMMUNITIES_H
#define BGP_COMMUNITIES_H

#include "bgp/attributes.h"
#include "lib/config_filter.h"

/** communities_has() - is @community in COMMUNITIES (RFC 1997) or LARGE_COMMUNITIES (RFC 8092)? */
bool communities_has(const struct attribute_view *view, const struct config_community *community);
/** communities_add() - put it behind the others, unless it is there. False: no room. */
bool communities_add(struct attribute_draft *draft, const struct config_community *community);

/**
 * communities_next() - walk over all of a set, those of RFC 1997 and of RFC 8092 as they come.
 * Begin with *@at 0. False: there are no more.
 */
bool communities_next(const struct attribute_view *view, size_t *at, struct config_community *ret);

#endif /* BGP_COMMUNITIES_H */
