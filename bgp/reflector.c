/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reflector.c: route reflection (RFC 4456).
 *
 * Internal peers do not pass on what other internal peers told (RFC 4271 section 9.2), so a network
 * needs a full mesh or a reflector. A speaker is one as soon as a peer has `reflector_client`:
 * routes of clients go to every internal peer, routes of other internal peers to the clients. Two
 * attributes keep that from looping: ORIGINATOR_ID, set once, and CLUSTER_LIST, one number for each
 * reflector passed. Our cluster id is `bgp.cluster_id`, by default our router id (section 7 there).
 *
 * advertise.c asks who may get what and stamps; import.c refuses what comes back. Pure.
 */
#include "bgp/reflector.h"

#include <string.h>

#define CLUSTER_ID_LEN 4u

static bool is_internal(enum rib_source_kind kind)
{
	return kind == SOURCE_IBGP || kind == SOURCE_IBGP_CLIENT;
}

bool reflector_is_reflection(enum rib_source_kind from, enum rib_source_kind to)
{
	return is_internal(from) && is_internal(to);
}

bool reflector_may_pass(enum rib_source_kind from, enum rib_source_kind to)
{
	if (!reflector_is_reflection(from, to))
		return true;
	return from == SOURCE_IBGP_CLIENT || to == SOURCE_IBGP_CLIENT;
}

bool reflector_is_loop(const struct attribute_view *view, uint32_t router_id, uint32_t cluster_id)
{
	struct wire_reader clusters;

	if (view->values->present & HAS_ORIGINATOR_ID && view->values->originator_id == router_id)
		return true;
	wire_reader_init(&clusters, view->cluster_list, view->values->cluster_list_len);
	while (wire_reader_left(&clusters) >= CLUSTER_ID_LEN)
		if (wire_read_u32(&clusters) == cluster_id)
			return true;
	return false;
}

bool reflector_stamp(struct attribute_draft *draft, uint32_t originator_id, uint32_t cluster_id)
{
	struct attribute_values *values = &draft->values;
	struct wire_writer front;

	if (values->cluster_list_len + CLUSTER_ID_LEN > sizeof(draft->cluster_list))
		return false;
	if (!(values->present & HAS_ORIGINATOR_ID)) {
		values->originator_id = originator_id;
		values->present |= HAS_ORIGINATOR_ID;
	}
	memmove(draft->cluster_list + CLUSTER_ID_LEN, draft->cluster_list,
		values->cluster_list_len);
	wire_writer_init(&front, draft->cluster_list, CLUSTER_ID_LEN);
	wire_write_u32(&front, cluster_id);
	values->cluster_list_len += CLUSTER_ID_LEN;
	return true;
}
