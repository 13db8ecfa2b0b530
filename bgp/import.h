/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_IMPORT_H
#define BGP_IMPORT_H

#include "bgp/attributes.h"
#include "lib/config.h"
#include "lib/prefix_set.h"

/* Why routes of an UPDATE are not used. */
enum import_refusal {
	IMPORT_OK = 0,
	IMPORT_AS_LOOP, /* our AS is in the path */
	IMPORT_REFLECTION_LOOP,
	IMPORT_NEXT_HOP, /* none, ourselves, or not an address of a router */
};

/* What the policy `pools` lets in, made once for each configuration. */
struct import_filter {
	struct prefix_set pools;
	struct prefix_set blocks;   /* this node's own */
	struct prefix_set services; /* ranges of Services: used by nobody here, maybe passed on */
	bool is_reflector;	    /* of some peer */
};

struct import_context {
	uint32_t router_id; /* host order, as the next */
	uint32_t cluster_id;
	struct ip_addr local_addr; /* of the session */
	uint32_t local_as;	   /* ours towards the peer */
	uint32_t allow_own_as;	   /* how often ours may stand in a path */
	bool is_ebgp;
};

/** import_filter_init() - the pools and own blocks of @config, copied. 0 or -ENOMEM. */
int import_filter_init(struct import_filter *filter, const struct config *config);
void import_filter_fini(struct import_filter *filter);
/** import_filter_lets_in_more() - can there be a prefix that @now lets in and @before did not? */
bool import_filter_lets_in_more(const struct import_filter *before,
				const struct import_filter *now);

/** import_check_route() - may routes with these attributes and @next_hop be used at all? (RFC 4271
 * 5.1.3, 9.1.2; RFC 4456 section 8.) */
enum import_refusal import_check_route(const struct config *config,
				       const struct import_context *context,
				       const struct attribute_view *view,
				       const struct ip_addr *next_hop);
/** import_accepts_prefix() - does @policy let @prefix in? Never loopback, multicast, link-local. */
bool import_accepts_prefix(const struct import_filter *filter, enum config_import policy,
			   const struct ip_prefix *prefix);
/** import_is_service() - is @prefix of a range of Services, which the nodes translate? No route to
 * it is for the agent. */
bool import_is_service(const struct import_filter *filter, const struct ip_prefix *prefix);
const char *import_refusal_text(enum import_refusal refusal);

#endif /* BGP_IMPORT_H */
