/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_NODE_STATUS_H
#define KUBE_NODE_STATUS_H

#include <stdbool.h>

#include "kube/node_object.h"
#include "lib/event_loop.h"
#include "lib/kube_client.h"

/*
 * The condition NetworkUnavailable=False on our own Node, the only thing that we write to the API:
 * where a cloud controller has set it to True, no pod is scheduled before.
 */
struct node_status;

int node_status_new(struct event_loop *loop, struct kube_client *client, const char *node_name,
		    struct node_status **ret);	   /* 0 or -errno; @node_name is borrowed */
void node_status_free(struct node_status *status); /* NULL is fine */
/**
 * node_status_update() - what is: @node our Node as last seen (NULL: none), @is_ready whether the
 * data plane serves. Writes when both are there and the Node does not say so yet.
 */
void node_status_update(struct node_status *status, const struct node_object *node, bool is_ready);
const char *node_status_text(const struct node_status *status); /* why it failed, "": it did not */

#endif /* KUBE_NODE_STATUS_H */
