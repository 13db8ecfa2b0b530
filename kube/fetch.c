/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch.c: ask the API server once, and take the answer as one JSON object.
 *
 * For what is small and not watched: discovery, and the patch of the own Node's status. The octets
 * are collected up to FETCH_BODY_MAX and parsed at the end.
 */
#include "kube/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

struct fetch {
	struct kube_transfer *transfer;
	fetch_fn *fn;
	void *arg;
	char *body;
	size_t len;
};

static int on_data(const char *data, size_t len, void *arg)
{
	struct fetch *fetch = arg;
	char *body;

	if (len > FETCH_BODY_MAX - fetch->len)
		return -EFBIG;
	body = realloc(fetch->body, fetch->len + len);
	if (!body)
		return -ENOMEM;
	memcpy(body + fetch->len, data, len);
	fetch->body = body;
	fetch->len += len;
	return 0;
}

static void on_done(const struct kube_result *result, void *arg)
{
	struct fetch *fetch = arg;
	struct kube_result own = *result;
	struct json_tokener *tokener = NULL;
	struct json_object *json = NULL;

	if (own.err == 0 && own.status >= 200 && own.status < 300) {
		tokener = json_tokener_new();
		if (tokener && fetch->body)
			json = json_tokener_parse_ex(tokener, fetch->body, (int)fetch->len);
		if (!json) {
			own.err = -EBADMSG;
			snprintf(own.text, sizeof(own.text), "the answer is no JSON");
		}
		json_tokener_free(tokener);
	}
	fetch->fn(json, &own, fetch->arg);
	json_object_put(json);
	free(fetch->body);
	free(fetch);
}

int fetch_start(struct kube_client *client, const struct kube_request *request, fetch_fn *fn,
		void *arg, struct fetch **ret)
{
	static const struct kube_transfer_ops ops = { .data = on_data, .done = on_done };
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	int err;

	if (!fetch)
		return -ENOMEM;
	fetch->fn = fn;
	fetch->arg = arg;
	err = kube_transfer_start(client, request, &ops, fetch, &fetch->transfer);
	if (err < 0) {
		free(fetch);
		return err;
	}
	*ret = fetch;
	return 0;
}

void fetch_cancel(struct fetch *fetch)
{
	if (!fetch)
		return;
	kube_transfer_cancel(fetch->transfer);
	free(fetch->body);
	free(fetch);
}
