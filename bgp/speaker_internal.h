/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_SPEAKER_INTERNAL_H
#define BGP_SPEAKER_INTERNAL_H

#include "bgp/speaker.h"

/* Between speaker.c, speaker_config.c and speaker_listen.c. */

/* --- speaker.c --- */

/** speaker_feed_again() - tell the agent all routes: which of them are for it, or bgp.max_paths,
 * may be another. The queue of changes is empty. */
void speaker_feed_again(struct speaker *speaker);

/* --- speaker_config.c --- */

/** speaker_set_up() - filter, passwords, peers and own blocks of speaker->config. 0 or -errno,
 * logged but for -ENOMEM. */
int speaker_set_up(struct speaker *speaker);
/** speaker_free_filters() - those of @config's peers; NULL is fine. */
void speaker_free_filters(const struct config *config, struct filter **filter);
/** speaker_free_passwords() - those of @config's peers; NULL is fine. */
void speaker_free_passwords(const struct config *config, char **password);

/* --- speaker_listen.c --- */

void speaker_init_listening(struct speaker *speaker);
void speaker_fini_listening(struct speaker *speaker);
/** speaker_close_unlisted() - close the sockets that speaker->config does not name. */
void speaker_close_unlisted(struct speaker *speaker);
/** speaker_set_password() - for connections from @peer; @password NULL: none any more. */
void speaker_set_password(struct speaker *speaker, const struct config_peer *peer,
			  const char *password);

#endif /* BGP_SPEAKER_INTERNAL_H */
