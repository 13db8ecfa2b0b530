/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_KUBE_TRANSFER_H
#define LIB_KUBE_TRANSFER_H

#include <curl/curl.h>

#include "lib/event_loop.h"
#include "lib/kube_client.h"

/* What the two ways of asking share; for kube_client.c and kube_transfer.c alone. */

struct kube_client {
	const struct kube_config *config;
	char *url;	  /* what paths are put behind */
	char *connect_to; /* libcurl's CONNECT_TO, NULL: as the URL says */
	CURL *easy;	  /* of kube_client_request(): keeps the connection */
	CURLM *multi;	  /* after kube_client_attach() */
	struct event_loop *loop;
	struct event_timer timer;
	struct kube_transfer *transfers; /* utlist */
};

/* One request under way. */
struct kube_transfer {
	struct kube_client *client;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	const struct kube_transfer_ops *ops;
	void *arg;
	char *body; /* of an error, or all when there are no ops */
	size_t body_len, body_size, body_max;
	int err; /* why we ended it ourselves */
	char error[CURL_ERROR_SIZE];
	struct kube_transfer *prev, *next;
};

/** kube_transfer_setup() - put @request on transfer->easy; 0 or -errno with @ret_error. */
int kube_transfer_setup(struct kube_transfer *transfer, const struct kube_request *request,
			struct kube_config_error *ret_error);
/** kube_transfer_result() - what came of it. */
void kube_transfer_result(struct kube_transfer *transfer, CURLcode code, struct kube_result *ret);
bool kube_status_is_good(long status); /* 2xx */
/** kube_transfer_fini() - free what setup made and the body; the easy handle stays. */
void kube_transfer_fini(struct kube_transfer *transfer);

#endif /* LIB_KUBE_TRANSFER_H */
