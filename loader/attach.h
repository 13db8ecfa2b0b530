/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ATTACH_H
#define LOADER_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "node_objects.h" /* ATTACH_PREFERENCE, ATTACH_HANDLE */

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
/** attach_uplink() - from_network on ingress: a tcx link pinned in @bpf_dir (placed after others),
 * clsact where the kernel has no tcx. Idempotent. */
int attach_uplink(struct dataplane *dataplane, struct netlink *netlink, const char *bpf_dir,
		  uint32_t ifindex, enum uplink_hook *ret_hook);
int attach_uplink_is_whole(struct dataplane *dataplane, struct netlink *netlink,
			   const char *bpf_dir, uint32_t ifindex);
/** detach_uplink() - remove ours only. */
int detach_uplink(struct netlink *netlink, const char *bpf_dir, uint32_t ifindex);

#endif /* LOADER_ATTACH_H */
