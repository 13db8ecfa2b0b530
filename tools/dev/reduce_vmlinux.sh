#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# reduce_vmlinux.sh: write vmlinux/vmlinux.h from a kernel's BTF, reduced to vmlinux/types.list.
#
# usage: tools/dev/reduce_vmlinux.sh [--check] [BTF]      (default BTF: /sys/kernel/btf/vmlinux)
#
# The full header has 134,773 lines and makes every compilation five times slower. Types that the
# kernel promises to user space come from its UAPI headers; only the kernel's own are taken here.
# --check writes nothing and fails when the result differs from the file that is kept.
set -eu

cd "$(dirname "$0")/../.."
check=0
if [ "${1:-}" = --check ]; then
	check=1
	shift
fi
btf=${1:-/sys/kernel/btf/vmlinux}
bpftool=$(command -v bpftool || echo /usr/sbin/bpftool)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -r "$btf" ]; then
	echo "reduce_vmlinux.sh: $btf: not readable; give a file with BTF" >&2
	exit 1
fi
"$bpftool" btf dump file "$btf" format c > "$work/full.h"

{
	cat <<'HEAD'
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
HEAD
	grep -v '^#' vmlinux/types.list | while read -r name; do
		echo
		awk -v head="struct $name {" \
			'$0 == head { on = 1 } on { print } on && /^};/ { exit }' \
			"$work/full.h" > "$work/type"
		if [ ! -s "$work/type" ]; then
			echo "reduce_vmlinux.sh: $btf has no struct $name" >&2
			exit 1
		fi
		# The kernel's short integer names are not those of UAPI; a tail without length
		# would keep others from embedding the type.
		sed -E 's/\b([us])(8|16|32|64) /__\1\2 /; /\[0\];/d' "$work/type"
	done
	printf '\n#endif /* VMLINUX_VMLINUX_H */\n'
} > "$work/reduced.h"

if [ "$check" = 1 ]; then
	diff -u vmlinux/vmlinux.h "$work/reduced.h"
else
	cp "$work/reduced.h" vmlinux/vmlinux.h
fi
