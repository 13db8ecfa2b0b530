/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_KUBED_KINDS_H
#define KUBE_KUBED_KINDS_H

#include "kube/kubed.h"

/* The kinds that make the document: which are watched, and what their watches tell the cluster. For
 * kubed.c, whose struct they are part of. */

/** kubed_kinds_open() - a watch for each; kubed->client must be there. 0 or -errno. */
int kubed_kinds_open(struct kubed *kubed);
void kubed_kinds_close(struct kubed *kubed);
/** kubed_kinds_follow() - watch those that are wanted now; what is not is stopped and forgotten. */
void kubed_kinds_follow(struct kubed *kubed);
/** kubed_kinds_are_known() - is everything there that the document depends on? */
bool kubed_kinds_are_known(const struct kubed *kubed);
/** kubed_kinds_notices() - what a document cannot say: kinds that may not be read, objects beyond a
 * maximum. At most CLUSTER_KINDS, in @notices and @text; how many. */
size_t kubed_kinds_notices(const struct kubed *kubed, struct agent_feed_notice *notices,
			   char text[][TEXT_MAX + 1]);
/** kubed_kinds_why() - those that are not in sync, a line each, appended to @text. */
void kubed_kinds_why(const struct kubed *kubed, char *text, size_t size);

/** kubed_schedule_build() - something that the document depends on has changed. */
void kubed_schedule_build(struct kubed *kubed);

#endif /* KUBE_KUBED_KINDS_H */
