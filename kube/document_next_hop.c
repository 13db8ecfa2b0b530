/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_next_hop.c: IPv4 routes by IPv6 next hops (RFC 8950), from the annotation
 * tortie/extended-next-hop of BGPPeers and of BGPConfiguration default, which is the mesh's.
 *
 * Calico's kinds have no field for it. The text is what the file has: auto, always or never; one
 * that says anything else is named, and it is auto.
 */
#include <string.h>

#include "kube/document_bgp.h"
#include "lib/json.h"

#define ANNOTATION "tortie/extended-next-hop"

const char *bgp_read_extended_next_hop(struct bgp_draft *draft, enum cluster_kind kind,
				       const struct cluster_object *object)
{
	static const char *const choices[] = { "auto", "always", "never" };
	struct json_object *metadata = json_get_object(object->json, "metadata");
	const char *text = json_get_text(json_get_object(metadata, "annotations"), ANNOTATION);

	if (!text)
		return NULL;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		if (strcmp(text, choices[i]) == 0)
			return choices[i];
	document_warn(draft->builder, kind, object->name,
		      "annotation " ANNOTATION ": not auto, always or never: it is auto");
	return NULL;
}
