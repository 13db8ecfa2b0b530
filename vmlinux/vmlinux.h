/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vmlinux.h: kernel-internal types that bpf/ uses (vmlinux/types.list), and nothing else.
 * Made by tools/dev/reduce_vmlinux.sh from the kernel's BTF; do not edit. See vmlinux/README.md.
 */
#ifndef VMLINUX_VMLINUX_H
#define VMLINUX_VMLINUX_H

#include <linux/icmpv6.h>
#include <linux/in6.h>
#include <linux/types.h>

struct arphdr {
	__be16 ar_hrd;
	__be16 ar_pro;
	unsigned char ar_hln;
	unsigned char ar_pln;
	__be16 ar_op;
};

struct nd_msg {
	struct icmp6hdr icmph;
	struct in6_addr target;
};

struct nd_opt_hdr {
	__u8 nd_opt_type;
	__u8 nd_opt_len;
};

struct frag_hdr {
	__u8 nexthdr;
	__u8 reserved;
	__be16 frag_off;
	__be32 identification;
};

struct hop_jumbo_hdr {
	__u8 nexthdr;
	__u8 hdrlen;
	__u8 tlv_type;
	__u8 tlv_len;
	__be32 jumbo_payload_len;
};

#endif /* VMLINUX_VMLINUX_H */
