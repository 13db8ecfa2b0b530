#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Boot another kernel in qemu (software emulation will do) with our programs in its initramfs, run
# guest.sh there, and give its exit status. The kernel is Debian's package, unpacked, never
# installed.
#
#   boot.sh PACKAGE     e.g. linux-image-6.1.0-56-cloud-amd64, or "newest-6.1", "newest-6.12"
#
# Exit 0 passed, 1 failed, 77 when a part is missing here (the last line says which).
set -euo pipefail

modules=(veth sch_ingress cls_bpf nf_tables nft_masq nft_nat nft_chain_nat)
top=$(cd "$(dirname "$0")/../.." && pwd)
cache=$top/build/kernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
	echo "skipped: $1"
	exit 77
}

for tool in qemu-system-x86_64 busybox cpio modprobe xz ip tc setpriv nsenter; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done

newest() {
	apt-cache search --names-only "^linux-image-${1//./\\.}\\..*-cloud-amd64\$" |
		awk '{print $1}' | sort -V | tail -n 1
}

package=$1
case $package in
newest-*)
	package=$(newest "${package#newest-}")
	[ -n "$package" ] || skip "no package of kernel ${1#newest-} is known to apt"
	;;
esac

unpack_kernel() {
	local folder=$cache/$package
	[ -e "$folder/ready" ] && return
	rm -rf "$folder"
	mkdir -p "$folder"
	(
		cd "$folder" &&
			apt-get -qq -o APT::Sandbox::User=root download "$package" >/dev/null 2>&1
	) || skip "$package cannot be downloaded"
	dpkg-deb -x "$folder"/*.deb "$folder"
	rm -f "$folder"/*.deb
	touch "$folder/ready"
}

# A program and the libraries that it is linked with.
copy_program() {
	local target=$work/root/bin/${1##*/}
	cp -L "$1" "$target"
	{ ldd "$1" 2>/dev/null || true; } | sed -n 's/^[^/]*\(\/[^ ]*\).*/\1/p' |
	while read -r library; do
		mkdir -p "$work/root$(dirname "$library")"
		cp -Lu "$library" "$work/root$library"
	done
}

# The modules that the guest needs, unpacked, and the order in which they go in.
copy_modules() {
	local module file name
	depmod -b "$cache/$package" "$1"
	mkdir -p "$work/root/modules"
	for module in "${modules[@]}"; do
		modprobe -d "$cache/$package" -S "$1" --show-depends "$module" 2>/dev/null |
			sed -n 's/^insmod \([^ ]*\).*/\1/p' || true
	done | awk '!seen[$0]++' | while read -r file; do
		name=$(basename "${file%.xz}")
		case $file in
		*.xz) xz -dc "$file" >"$work/root/modules/$name" ;;
		*) cp "$file" "$work/root/modules/$name" ;;
		esac
		echo "$name"
	done >"$work/root/modules/order"
}

unpack_kernel
release=$(basename "$(echo "$cache/$package"/lib/modules/*)")
mkdir -p "$work/root"/{bin,proc,sys,run,tmp,dev,etc,lib,root}
cp "$(command -v busybox)" "$work/root/bin/"
for program in bash ip tc setpriv nsenter; do
	copy_program "$(command -v "$program")"
done
for program in tortied tortie-bgpd tortie-cni tortie tests/tools/{udp_flow,tcp_verify} \
	tests/bpf/test_{packets,random,wire,decisions,stack_flows,hop_group,budget}; do
	[ -x "$top/build/$program" ] || skip "build/$program is not built"
	copy_program "$top/build/$program"
done
copy_modules "$release"
mkdir -p "$work/root/tests/bpf"
cp "$top/tests/bpf/budget.txt" "$work/root/tests/bpf/"
cp "$top/tests/kernels/guest.sh" "$work/root/init"
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd"

echo "kernel $release"
timeout 900 qemu-system-x86_64 -m 768 -smp 2 -nographic -no-reboot -net none \
	-kernel "$cache/$package/boot/vmlinuz-$release" -initrd "$work/initrd" \
	-append "console=ttyS0 quiet panic=-1 mitigations=off" </dev/null 2>&1 |
	tr -d '\r' | tee "$work/log" | sed -n 's/^guest: //p'
grep -q '^guest: passed$' "$work/log" || {
	tail -n 200 "$work/log"
	exit 1
}
