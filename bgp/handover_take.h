/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_HANDOVER_TAKE_H
#define BGP_HANDOVER_TAKE_H

#include "bgp/speaker.h"

/* The file that the speaker before us has left, checked as a whole; it borrows @data. */
struct handover_file {
	const uint8_t *data;
	size_t len;
	struct config_source source; /* of its configuration, without a name of the file */
};

/** handover_file_open() - 0 when the file is whole and says so many sessions; -EPROTO, -ENOMEM or
 * -EPROTONOSUPPORT: it is of another version. */
int handover_file_open(const uint8_t *data, size_t len, size_t session_count,
		       struct handover_file *ret);
/** handover_file_passwords() - those in force, one for each of @bgp's peers or NULL, for
 * speaker_new(). NULL: no memory, or they do not fit. */
char **handover_file_passwords(const struct handover_file *file, const struct config_bgp *bgp);
/**
 * handover_take() - have @speaker, new, not started and made from the file's configuration, go on
 * with the sessions. Takes the descriptors, and sets them to -1. How many sessions go on, or
 * -ENOMEM: the speaker is to be freed.
 */
int handover_take(struct speaker *speaker, const struct handover_file *file, int *session,
		  size_t session_count);

#endif /* BGP_HANDOVER_TAKE_H */
