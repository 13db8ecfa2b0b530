/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_HEALTH_H
#define KUBE_HEALTH_H

#include "lib/config.h"
#include "lib/event_loop.h"

struct kubed;

/* HTTP on `metrics.listen`: /livez, /readyz, /metrics (GET and HEAD). */
struct health;

/** health_new() - listen; 0 and *ret (NULL inside: nothing to listen on), or -errno after saying
 * why. Everything given is borrowed. */
int health_new(struct event_loop *loop, const struct config *config, struct kubed *kubed,
	       struct health **ret);
void health_free(struct health *health); /* before the kubed; NULL is fine */

#endif /* KUBE_HEALTH_H */
