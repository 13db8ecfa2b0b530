/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ENDPOINT_H
#define LOADER_ENDPOINT_H

#include "loader/endpoint_store.h"

struct netlink;

/* Why a request of a runtime failed: a code of the CNI specification 1.1.0 or of ours
 * (docs/cni.md), and words. */
enum cni_code {
	CNI_CODE_UNKNOWN_CONTAINER = 3,
	CNI_CODE_ENVIRONMENT = 4,
	CNI_CODE_CONFIGURATION = 7,
	CNI_CODE_TRY_LATER = 11,
	CNI_CODE_NO_ADD = 50,	      /* STATUS: an ADD would fail */
	CNI_CODE_LIMITED = 51,	      /* STATUS: and the pods that are there suffer too */
	CNI_CODE_ALREADY_THERE = 100, /* the attachment, or the interface's name, exists */
	CNI_CODE_KERNEL = 101,	      /* the kernel refused a step */
	CNI_CODE_NOT_AS_ADDED = 102,  /* CHECK found a difference */
};

struct endpoint_error {
	enum cni_code code;
	char msg[TEXT_MAX + 1];	    /* what */
	char details[TEXT_MAX + 1]; /* why, and the mend */
};

struct endpoint_add {
	const struct msg_cni_request *request;
	int netns_fd;	     /* the pod's namespace, borrowed */
	struct netlink *pod; /* a socket of that namespace, borrowed */
};

/**
 * endpoint_add() - attach a pod: address, link, pod's side, maps, hooks, host's side; the last step
 * makes the link live. On failure all is undone in reverse. 0 and *ret_endpoint (the store's), or
 * -errno and *ret_error. May wait some 20 ms when the namespace holds a link that is being deleted.
 */
int endpoint_add(struct agent *agent, const struct endpoint_add *add,
		 const struct endpoint **ret_endpoint, struct endpoint_error *ret_error);
/** endpoint_delete() - detach; what is not there is fine. Never waits for the kernel. */
void endpoint_delete(struct agent *agent, const char *container_id, const char *ifname);
/** endpoint_check() - compare both sides, maps and hooks with what ADD made. 0 and *ret_endpoint,
 * or -errno and *ret_error. */
int endpoint_check(struct agent *agent, const struct endpoint_add *check,
		   const struct endpoint **ret_endpoint, struct endpoint_error *ret_error);

/** endpoint_activate() - maps, hooks and the host's side of @endpoint; idempotent. 0 or -errno with
 * *ret_step, a constant text of what failed. */
int endpoint_activate(struct agent *agent, const struct endpoint *endpoint, const char **ret_step);
/** endpoint_write_maps() - the part of it that concerns maps. How many entries were missing or
 * wrong, or -errno with *ret_step. */
int endpoint_write_maps(struct agent *agent, const struct endpoint *endpoint,
			const char **ret_step);
/** endpoint_cut_off() - take map entries and host routes away. */
void endpoint_cut_off(struct agent *agent, const struct endpoint *endpoint);
/** endpoint_doom() - link into the dying group, cut off, hold the addresses until it is gone. */
void endpoint_doom(struct agent *agent, const struct endpoint *endpoint);

#endif /* LOADER_ENDPOINT_H */
