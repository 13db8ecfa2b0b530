/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_HANDOVER_GIVE_H
#define BGP_HANDOVER_GIVE_H

#include "bgp/speaker.h"

/* What is handed over. */
struct handover_gift {
	int state_fd; /* sealed: handover.h; ours to close */
	int *session; /* descriptors of sessions, borrowed from the speaker */
	size_t session_count;
	uint32_t keep_ms; /* so long they may wait: well under every hold time */
};

/**
 * handover_give() - write down @speaker, whose configuration came from @source, into
 * gift->state_fd, and fill in the rest of @gift. After that its sessions must not be read or
 * written any more: it is only to be freed. 0 or -errno; handover_gift_free() follows either.
 */
int handover_give(struct speaker *speaker, const struct config_source *source,
		  struct handover_gift *gift);
void handover_gift_free(struct handover_gift *gift); /* closes state_fd */

#endif /* BGP_HANDOVER_GIVE_H */
