/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_REFLECTOR_H
#define BGP_REFLECTOR_H

#include "bgp/rib.h"

/** reflector_may_pass() - do the rules of RFC 4271 and RFC 4456 let a route of @from go to @to? */
bool reflector_may_pass(enum rib_source_kind from, enum rib_source_kind to);
/** reflector_is_reflection() - would passing it be reflecting: from an internal peer to another? */
bool reflector_is_reflection(enum rib_source_kind from, enum rib_source_kind to);
/** reflector_is_loop() - has the route been here: our router id, or our cluster, is in it. */
bool reflector_is_loop(const struct attribute_view *view, uint32_t router_id, uint32_t cluster_id);
/**
 * reflector_stamp() - mark a reflected route: ORIGINATOR_ID when it has none, our cluster in front
 * of CLUSTER_LIST. False: no room.
 */
bool reflector_stamp(struct attribute_draft *draft, uint32_t originator_id, uint32_t cluster_id);

#endif /* BGP_REFLECTOR_H */
