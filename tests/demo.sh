#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh: three nodes in network namespaces, real pods, a BIRD router; a walk through the guide.
#
#	tests/demo.sh           installs what is missing, builds, shows, removes all it made
#	KEEP=1 tests/demo.sh    leaves the nodes up and says how to enter them
#	tests/demo.sh remove    removes what KEEP=1 left
#
# Becomes root by sudo for the packages and the namespaces; builds as the calling user.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "demo: this needs root (network namespaces, BPF) and there is no sudo:" \
			"run it as root" >&2
		exit 1
	fi
}

if [ "${1:-}" = remove ]; then
	as_root /usr/bin/python3 tests/demo.py remove
	exit
fi
if [ "${DEMO_PREPARED:-0}" != 1 ]; then
	if [ -x tools/dev/packages.sh ]; then
		as_root tools/dev/packages.sh
	fi
	make --no-print-directory -j"$(nproc)" all build/tests/tools/udp_flow \
		build/tests/tools/tcp_verify
fi
as_root env KEEP="${KEEP:-0}" /usr/bin/python3 tests/demo.py
