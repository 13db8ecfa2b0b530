#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# runtimes.sh DIR: build into DIR the container runtime and the CNI caller that the long tests use
# and Debian does not have: containerd 2 with its ctr and shim, cnitool. From their Go modules, as
# released; what is there already stays. The last line on stderr says what is missing.
set -euo pipefail
containerd=github.com/containerd/containerd/v2/cmd
containerd_version=v2.2.9
cnitool=github.com/containernetworking/cni/cnitool@v1.3.0
dir=$(mkdir -p "$1" && cd "$1" && pwd)
log=$dir/build.log
export PATH=$PATH:/usr/local/go/bin # where its own archive puts it

build() { # PROGRAM MODULE@VERSION
	[ ! -x "$dir/$1" ] || return 0
	if ! command -v go >/dev/null; then
		echo "$1: needs Go, which is not here" >&2
		exit 1
	fi
	if ! GOBIN=$dir GOFLAGS="-p=2 -trimpath" CGO_ENABLED=0 go install \
		-tags no_btrfs,no_devmapper,no_zfs -ldflags "-s -w" "$2" >"$log" 2>&1; then
		echo "$1: does not build: $(tail -n 1 "$log")" >&2
		exit 1
	fi
}

# Tests run with a HOME that is not there, and Go would make it.
[ -n "${GOCACHE:-}" ] || [ -d "${HOME:-}" ] || export HOME=/root
build cnitool "$cnitool"
for program in containerd containerd-shim-runc-v2 ctr; do
	build "$program" "$containerd/$program@$containerd_version"
done
