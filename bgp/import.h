/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_IMPORT_H
#define BGP_IMPORT_H

#include "bgp/attributes.h"
#include "lib/config.h"

/* Why routes of an UPDATE are not used. */
enum import_refusal {
	IMPORT_OK = 0,
	IMPORT_AS_LOOP, /* our AS is in the path */
	IMPORT_REFLECTION_LOOP,
	IMPORT_NEXT_HOP, /* none, ourselves, or not an address of a router */
};

struct import_context {
	const struct config *config;
	uint32_t router_id;	   /* host order; also the cluster id */
	struct ip_addr local_addr; /* of the session */
	bool is_ebgp;
};

/** import_check_route() - may routes with these attributes and @next_hop be used at all? (RFC 4271
 * 5.1.3, 9.1.2; RFC 4456 section 8.) */
enum import_refusal import_check_route(const struct import_context *context,
				       const struct attribute_view *view,
				       const struct ip_addr *next_hop);
/** import_accepts_prefix() - does @policy let @prefix in? Never loopback, multicast, link-local. */
bool import_accepts_prefix(const struct config *config, enum config_import policy,
			   const struct ip_prefix *prefix);
const char *import_refusal_text(enum import_refusal refusal);

#endif /* BGP_IMPORT_H */
