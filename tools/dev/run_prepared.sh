#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run_prepared.sh 'SET...' COMMAND...: become root, install the packages of the sets, run COMMAND
# at the top of the repository. What this made in build/ as root is given back to the user.
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
self=$top/tools/dev/run_prepared.sh

if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "tortie: this needs root (namespaces, BPF): be root, or install sudo" >&2
		exit 1
	fi
	exec sudo -- "$self" "$@"
fi

# Asked for by name because a namespace that only looks like root has no use for the rest.
if ! grep -qE '^CapEff:\s+[0-9a-f]*[1-9a-f]' /proc/self/status; then
	echo "tortie: uid 0 without capabilities: this needs a real root" >&2
	exit 1
fi

give_back() {
	if [ -n "${SUDO_UID:-}" ] && [ -d "$top/build" ]; then
		chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$top/build"
	fi
}

unset MAKEFLAGS MFLAGS MAKELEVEL # the calling make's options and job server are not ours
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
cd "$top" || exit 1
trap give_back EXIT
sets=$1
shift
# shellcheck disable=SC2086 # the sets are words
tools/dev/packages.sh $sets || exit 1
"$@"
