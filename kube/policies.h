/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_POLICIES_H
#define KUBE_POLICIES_H

#include <stddef.h>
#include <stdint.h>

#include "kube/watch.h"

/*
 * How many network policies the cluster has, none of which is enforced: Kubernetes' own kind, and
 * those of Calico and of the policy API group where the server has them.
 */
struct policies;

typedef void policies_fn(void *arg); /* the count has changed */

int policies_new(struct event_loop *loop, struct kube_client *client, policies_fn *fn, void *arg,
		 struct policies **ret); /* 0 or -errno */
void policies_start(struct policies *policies);
void policies_free(struct policies *policies); /* NULL is fine */

uint32_t policies_count(const struct policies *policies);
/** policies_watch() - the watch of kind @index (0...), its name and count; NULL: there is none. */
const struct watch *policies_watch(const struct policies *policies, size_t index,
				   const char **ret_name, uint32_t *ret_count);

#endif /* KUBE_POLICIES_H */
