/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_DECIDE_H
#define BGP_DECIDE_H

#include "bgp/rib.h"

/* The steps of the decision, in their order (RFC 4271 section 9.1; RFC 4456 section 9). */
enum decide_step {
	DECIDE_ONLY_ONE = 0, /* nothing to decide */
	DECIDE_OWN,	     /* 1. this node's own route */
	DECIDE_REACH,	     /* 2. a next hop within reach (9.1.2.1) */
	DECIDE_LOCAL_PREF,   /* 3. highest degree of preference (9.1.1) */
	DECIDE_AS_PATH,	     /* 4. fewest AS hops (9.1.2.2 a) */
	DECIDE_ORIGIN,	     /* 5. lowest origin (b) */
	DECIDE_MED,	     /* 6. lowest MED among routes of one neighbouring AS (c) */
	DECIDE_EBGP,	     /* 7. external before internal (d) */
	DECIDE_ROUTER_ID,    /* 8. lowest originator, else router id (f) */
	DECIDE_CLUSTER_LIST, /* 9. shortest cluster list (RFC 4456) */
	DECIDE_PEER_ADDRESS, /* 10. lowest peer address (g) */
	DECIDE_STEPS,
};

struct decision {
	enum decide_step step;	   /* that decided it */
	bool is_multipath_changed; /* some path's mark, of two or more, is another than before */
};

/** decide_best() - the best of @paths, and (may be NULL) how; NULL for none. Marks those that are
 * as good, the best one too: equal up to and including DECIDE_EBGP. */
struct rib_path *decide_best(struct rib_path *paths, struct decision *ret);
/** decide_precedes() - of two paths that are as good as the best: does @a win the steps behind? */
bool decide_precedes(const struct rib_path *a, const struct rib_path *b);

#endif /* BGP_DECIDE_H */
