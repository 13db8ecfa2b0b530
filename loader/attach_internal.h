/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_ATTACH_INTERNAL_H
#define LOADER_ATTACH_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

struct hook_state;
struct netlink;
struct nl_msg;
struct nlmsghdr;

/* What attach.c, attach_uplink.c and hook_watch.c share; for nobody else. */

/* enum bpf_attach_type of Linux 6.6; Debian 12's headers end before. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47

/* Messages are the caller's, NULL without memory. @minor: TC_H_MIN_INGRESS or TC_H_MIN_EGRESS. */
struct nl_msg *attach_clsact_message(uint32_t ifindex);
struct nl_msg *attach_filter_message(uint32_t ifindex, uint32_t minor, int program_fd,
				     const char *name);
struct nl_msg *attach_filter_delete_message(uint32_t ifindex, uint32_t minor);

/** attach_read_filters() - walk one direction's filters. 0 or -errno. */
int attach_read_filters(struct netlink *netlink, uint32_t ifindex, uint32_t minor,
			uint32_t program_id, struct hook_state *ret_state);
/** attach_filter_program_id() - program id in a filter message, 0: none told, ~0: no BPF program.
 * *ret_is_place: it has our preference and handle. */
uint32_t attach_filter_program_id(const struct nlmsghdr *header, bool *ret_is_place);
/** attach_first_tcx() - id of the first tcx program on the hook, 0: none or no tcx here. */
uint32_t attach_first_tcx(uint32_t ifindex, int attach_type);

#endif /* LOADER_ATTACH_INTERNAL_H */
