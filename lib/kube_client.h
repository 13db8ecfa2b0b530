/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_KUBE_CLIENT_H
#define LIB_KUBE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/kube_config.h"

/*
 * Requests to the Kubernetes API server (libcurl). One client may ask and wait
 * (kube_client_request(), for tools), or start transfers in an event loop (kube_transfer_start(),
 * after kube_client_attach()). TLS is checked as the kubeconfig says; the token is read anew for
 * each request; redirects are not followed; nothing is asked for in compressed form.
 */
struct kube_client;
struct kube_transfer;
struct event_loop;

#define KUBE_BODY_MAX	     (64 * 1048576) /* default bound of an answer that is kept */
#define KUBE_TIMEOUT_S	     30		    /* default, for a whole request */
#define KUBE_ERROR_BODY_MAX  65536	    /* kept of an answer that is an error */
#define KUBE_RETRY_AFTER_MAX 3600	    /* seconds; a server that asks for more gets this */

struct kube_request {
	const char *method;	  /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	const char *path;	  /* with query, escaped: "/api/v1/nodes?limit=500" */
	const char *accept;	  /* NULL: application/json */
	const char *content_type; /* of the body; NULL: application/json */
	const char *body;	  /* NULL: none; borrowed until the request is done */
	size_t body_len;
	unsigned int timeout_s; /* for the whole request, 0: KUBE_TIMEOUT_S */
	size_t body_max;	/* kube_client_request(): of the answer, 0: KUBE_BODY_MAX */
	bool is_fresh;		/* not over a connection that is there already */
};

/* How a request ended. */
struct kube_result {
	int err;		    /* 0: a whole HTTP answer came; else -errno, see kube_text */
	long status;		    /* HTTP status, 0: none came */
	unsigned int retry_after_s; /* the server's wish, 0: none */
	char text[512];		    /* err or status >= 300: what went wrong, one line */
};

/** kube_client_new() - @config is borrowed and outlives the client; 0 or -errno. */
int kube_client_new(const struct kube_config *config, struct kube_client **ret);
void kube_client_free(struct kube_client *client); /* after its transfers; NULL is fine */

/**
 * kube_client_request() - ask and wait. Returns 0 when a whole answer came with a status below 300:
 * *ret_body (free it; NUL behind it; may be NULL when not wanted) and *ret_len. Else -errno, and
 * @ret_result says why: -ENOENT 404, -EACCES 401 and 403, -EEXIST 409, -EBUSY 429, -EPROTO other
 * statuses, -ETIMEDOUT, -ECONNREFUSED, -EFBIG, -EKEYREJECTED (TLS), ...
 */
int kube_client_request(struct kube_client *client, const struct kube_request *request,
			char **ret_body, size_t *ret_len, struct kube_result *ret_result);

/* --- in an event loop --- */

struct kube_transfer_ops {
	/* The head of an answer with status 2xx is here. May be NULL; as data. */
	void (*begun)(void *arg);
	/* A piece of the body of an answer with status 2xx; non-zero ends the transfer with that
	 * (negative) error. May not start or cancel transfers. */
	int (*data)(const char *data, size_t len, void *arg);
	/* The end, once; the transfer is gone by then. May start and cancel others. */
	void (*done)(const struct kube_result *result, void *arg);
};

/** kube_client_attach() - use the loop (borrowed, outlives the client); 0 or -errno. */
int kube_client_attach(struct kube_client *client, struct event_loop *loop);
/** kube_transfer_start() - 0 and *ret (owned by the client; valid until done was called or
 * kube_transfer_cancel()), or -errno; done is not called from within. */
int kube_transfer_start(struct kube_client *client, const struct kube_request *request,
			const struct kube_transfer_ops *ops, void *arg, struct kube_transfer **ret);
void kube_transfer_cancel(struct kube_transfer *transfer); /* done is not called; NULL is fine */

/* --- texts --- */

/** kube_escape() - @text for a path or a query's value, percent-encoded; the buffer, or NULL when
 * it is too small. */
const char *kube_escape(const char *text, char *buf, size_t size);
/** kube_status_text() - the message of a Status object, or the first line of another text. */
void kube_status_text(const char *body, size_t len, char *ret, size_t size);

#endif /* LIB_KUBE_CLIENT_H */
