/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_UPLINK_OFFLOAD_H
#define LOADER_UPLINK_OFFLOAD_H

#include <stdint.h>

struct netlink;
struct uplink;

#define GSO_SIZE_PLAIN 65536  /* what the kernel gives each link */
#define GSO_SIZE_BIG   196608 /* BIG TCP: 3 x 64 KiB, what pods get at most */

/**
 * uplink_raise_gso() - let @uplink carry what pods with BIG TCP send: its GSO and GRO sizes go from
 * the kernel's default up to min(GSO_SIZE_BIG, tso_max_size). A size that is not the default is an
 * administrator's and stays. Updates uplink->gso_max_size. 1 raised, 0 nothing to do, or -errno
 * (the link refuses, as VXLAN devices do; it stays as it was).
 */
int uplink_raise_gso(struct netlink *netlink, struct uplink *uplink);

#endif /* LOADER_UPLINK_OFFLOAD_H */
