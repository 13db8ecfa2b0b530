/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ATTACH_H
#define LOADER_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node_objects.h"

struct dataplane;
struct netlink;

enum uplink_hook {
	UPLINK_HOOK_TCX = 1, /* pinned link, kernel 6.6 and later */
	UPLINK_HOOK_CLSACT = 2,
};

/** attach_pod() - clsact, from_pod on ingress, to_pod on egress, replacing an older version of ours
 * without a gap; idempotent. 0 or -errno. */
int attach_pod(struct dataplane *dataplane, struct netlink *netlink, uint32_t ifindex);
/** attach_pod_is_whole() - do both hooks of @ifindex hold exactly our programs, with no stranger in
 * front? 1, 0 or -errno. */
int attach_pod_is_whole(struct dataplane *dataplane, struct netlink *netlink, uint32_t ifindex);

/* What sits on one direction of a pod's link. */
struct hook_state {
	bool is_ours;		/* our filter is there with our program */
	uint32_t filter_before; /* program id of a filter in front of ours, 0: none; ~0: no BPF */
	uint32_t tcx_before;	/* program id of a tcx program, which always runs first; 0: none */
};

struct pod_hooks {
	struct hook_state from_pod, to_pod;
};

/** attach_inspect_pod() - what attach_pod_is_whole() judges, in detail. 0 or -errno; a link that
 * is gone has no hooks. */
int attach_inspect_pod(struct dataplane *dataplane, struct netlink *netlink, uint32_t ifindex,
		       struct pod_hooks *ret_hooks);

/** attach_uplink() - from_network on ingress and, with kube-proxy beside us, to_network on egress:
 * a tcx link each, pinned in @bpf_dir (placed after others), clsact where the kernel has no tcx.
 * Idempotent. */
int attach_uplink(struct dataplane *dataplane, struct netlink *netlink, const char *bpf_dir,
		  uint32_t ifindex, enum uplink_hook *ret_hook);
/** attach_uplink_is_whole() - do the hooks hold our programs, and do their pins exist? 1, 0
 * or -errno. */
int attach_uplink_is_whole(struct dataplane *dataplane, struct netlink *netlink,
			   const char *bpf_dir, uint32_t ifindex);
/** detach_uplink() - remove ours only. */
int detach_uplink(struct dataplane *dataplane, struct netlink *netlink, const char *bpf_dir,
		  uint32_t ifindex);
/** attach_drop_stale_uplinks() - remove pinned links whose ifindex is not among @keep (links that
 * are gone or no uplink any more). */
void attach_drop_stale_uplinks(struct dataplane *dataplane, const char *bpf_dir,
			       const uint32_t *keep, size_t keep_count);

#endif /* LOADER_ATTACH_H */
