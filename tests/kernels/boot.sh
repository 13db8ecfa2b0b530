#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Boot another kernel in qemu (software emulation will do) with our programs in its initramfs, run guest.sh
# there, and give its exit status. The kernel is Debian's package, unpacked, never installed.
#
#   boot.sh PACKAGE     e.g. linux-image-6.1.0-56-cloud-amd64, or "newest-6.1", "newest-6.12"
#
# Exit 0 passed, 1 failed, 77 when a part is missing here (the last line says which).
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=$top/build/kernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
	echo "skipped: $1"
	exit 77
}

for tool in qemu-system-x86_64 busybox cpio modprobe ip tc setpriv nsenter; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done

newest() {
	apt-cache search --names-only "^linux-image-${1//./\\.}.*-cloud-amd64\$" | awk '{print $1}' |
		sort -V | tail -n 1
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
	(cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "$package" >/dev/null 2>&1) ||
		skip "$package cannot be downloaded"
	dpkg-deb -x "$folder"/*.deb "$folder"
	rm -f "$folder"/*.deb
	touch "$folder/ready"
}

# A program and the libraries that it is linked with.
copy_program() {
	local target=$work/root/bin/${1##*/}
	cp -L "$1" "$target"
	{ ldd "$1" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$work/root$(dirname "$library")"
		cp -Lu "$library" "$work/root$library"
	done
}

copy_modules() {
	local release=$1 module file
	local from=$cache/$package/lib/modules/$release
	mkdir -p "$work/root/lib/modules/$release"
	depmod -b "$cache/$package" "$release"
	cp "$from"/modules.* "$work/root/lib/modules/$release/"
	for module in veth sch_ingress cls_bpf bridge nf_tables nft_masq nft_nat nft_chain_nat nf_conntrack ipv6; do
		modprobe -d "$cache/$package" -S "$release" --show-depends "$module" 2>/dev/null |
			sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | sort -u | while read -r file; do
		mkdir -p "$work/root$(dirname "${file#"$cache/$package"}")"
		cp "$file" "$work/root${file#"$cache/$package"}"
	done
}

unpack_kernel
release=$(basename "$(echo "$cache/$package"/lib/modules/*)")
mkdir -p "$work/root"/{bin,proc,sys,run,tmp,dev,etc,lib,root}
cp "$(command -v busybox)" "$work/root/bin/"
for program in ip tc setpriv nsenter; do
	copy_program "$(command -v "$program")"
done
for program in tortied tortie-bgpd tortie-cni tortie tests/tools/udp_flow tests/tools/tcp_verify; do
	[ -x "$top/build/$program" ] || skip "build/$program is not built"
	copy_program "$top/build/$program"
done
copy_modules "$release"
cp "$top/tests/kernels/guest.sh" "$work/root/init"
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd"

echo "kernel $release"
timeout 600 qemu-system-x86_64 -m 768 -smp 2 -nographic -no-reboot -net none \
	-kernel "$cache/$package/boot/vmlinuz-$release" -initrd "$work/initrd" \
	-append "console=ttyS0 quiet panic=-1 mitigations=off" </dev/null 2>&1 | tr -d '\r' | tee "$work/log" |
	sed -n 's/^guest: //p'
grep -q '^guest: passed$' "$work/log" || {
	tail -n 40 "$work/log"
	exit 1
}
