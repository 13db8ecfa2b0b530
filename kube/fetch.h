/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_FETCH_H
#define KUBE_FETCH_H

#include "lib/kube_client.h"

struct json_object;

/* One request whose answer is a small JSON object. */
struct fetch;

#define FETCH_BODY_MAX 1048576

/** The end: @json is the answer (borrowed), or NULL and @result says why. */
typedef void fetch_fn(struct json_object *json, const struct kube_result *result, void *arg);

/** fetch_start() - 0 and *ret (valid until @fn was called, or fetch_cancel()), or -errno. */
int fetch_start(struct kube_client *client, const struct kube_request *request, fetch_fn *fn,
		void *arg, struct fetch **ret);
void fetch_cancel(struct fetch *fetch); /* NULL is fine */

#endif /* KUBE_FETCH_H */
