#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh: three nodes in network namespaces, real pods, a BIRD router; a walk through the guide.
#
#	make demo		installs what is missing, builds, shows, removes all it made
#	make demo KEEP=1	leaves the nodes up and says how to enter them
#	tests/demo.sh remove	removes what KEEP=1 left
#
# tests/demo.sh and KEEP=1 tests/demo.sh are the same without make.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
	exec tools/dev/run_prepared.sh 'build demo' env KEEP="${KEEP:-0}" tests/demo.sh "$@"
fi
if [ "${1:-}" != remove ]; then
	tools/dev/packages.sh build demo
	make --no-print-directory -j"$(nproc)" all build/tests/tools/udp_flow \
		build/tests/tools/tcp_verify
fi
exec /usr/bin/python3 tests/demo.py "$@"
